package endtoend

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/standin"
	"github.com/grafana/alloy/eks/internal/traffic"
)

// withWriteSync returns a configuration in which Firehose hears 200 when Loki has
// the delivery. Deliveries are taken on the port, 0 for a free one.
func withWriteSync(n *tenant, port int) string {
	return fmt.Sprintf(`
logging {
	level = "warn"
}

awsfirehose.kubernetes "in" {
	forward_to = [loki.write_sync.out.receiver]
	http {
		listen_address = "127.0.0.1"
		listen_port    = %d
	}
	limits {
		delivery_timeout = "2s"
	}
	%s
}

loki.write_sync "out" {
	endpoint {
		url                = %q
		tenant_id          = %q
		min_backoff_period = "20ms"
		max_backoff_period = "100ms"
	}
}
`, port, anyAge, n.pushURL(), n.id)
}

// startWriteSync starts Alloy with loki.write_sync behind the source. Another
// start of it listens on the same port.
func startWriteSync(t *testing.T, n *tenant) *alloy {
	t.Helper()
	a := newAlloy(t, "awsfirehose.kubernetes")
	a.write(withWriteSync(n, 0))
	a.start(1, nil)
	a.write(withWriteSync(n, a.port()))
	return a
}

// recent makes traffic whose lines are of now, as they mostly are.
func recent(o traffic.Options) traffic.Options {
	o.Start = time.Now().Add(-time.Minute)
	o.Interval = time.Microsecond
	return o
}

// While Loki is gone nothing is answered 200. When it is back everything is there
// once that Firehose has tried again.
func TestWriteSync_Outage(t *testing.T) {
	n := ownLoki(t, lenient)
	a := startWriteSync(t, n)
	g := generate(t, 5_000, recent(traffic.Options{Shape: traffic.CRIParser, Pods: 20}))
	sender := a.sender(t, standin.Options{})
	deliver := func() *standin.Delivery {
		d := sender.NewDelivery()
		for d.Records() < 500 {
			require.True(t, g.Next())
			require.NoError(t, d.Add(g.Record(), time.Now()))
		}
		return d
	}
	before := deliver()
	require.Equal(t, standin.Accepted, sender.Deliver(t.Context(), before).Outcome)
	require.Len(t, n.entries(t, everything), 500, "they are there as soon as 200 is answered")

	require.NoError(t, n.Stop())
	during := deliver()
	r := sender.Deliver(t.Context(), during)
	require.NotEqual(t, standin.Accepted, r.Outcome)
	require.Equal(t, 503, r.Attempts[0].Status, r.Attempts[0].Message)
	require.Less(t, r.Attempts[0].Latency, 10*time.Second)

	result := make(chan standin.Result, 1)
	patient := a.sender(t, standin.Options{RetryDuration: patience, RetryUnit: 10 * time.Millisecond})
	go func() { result <- patient.Deliver(t.Context(), during) }()
	require.NoError(t, a.await(func() error {
		if n := a.metric("awsfirehose_kubernetes_deliveries_total", "status", "503"); n < 2 {
			return fmt.Errorf("%v deliveries are refused", n)
		}
		return nil
	}))
	require.NoError(t, n.start())
	r = <-result
	require.Equal(t, standin.Accepted, r.Outcome, r.Attempts)
	// An answer that was lost is no harm either.
	require.Equal(t, standin.Accepted, sender.Deliver(t.Context(), before).Outcome)
	require.Equal(t, standin.Accepted, sender.Deliver(t.Context(), during).Outcome)

	g.left = 0
	lost, doubled := g.lostAndDoubled(t, n.entries(t, everything))
	require.Zero(t, lost, "of %d lines", len(g.written))
	require.Zero(t, doubled, "of %d lines", len(g.written))
	require.Zero(t, a.metric("loki_write_sync_mended_entries_total"))
}

// describeLostAndDoubled describes the first few lines that are not in Loki once.
func (g *generated) describeLostAndDoubled(t *testing.T, entries []entry) string {
	t.Helper()
	const most = 5
	var out strings.Builder
	found := bySequence(t, entries)
	for i, told := 0, 0; i < len(g.written) && told < most; i++ {
		ev := g.written[i]
		if len(found[ev.Sequence]) == 1 {
			continue
		}
		told++
		fmt.Fprintf(&out, "\n\tline %d of %s:", ev.Sequence, ev.Time.UTC().Format(time.RFC3339Nano))
		for _, e := range found[ev.Sequence] {
			fmt.Fprintf(&out, "\n\t\t%d %v %v %.100q", e.Nanos, e.Labels, e.Metadata, e.Line)
		}
	}
	return out.String()
}

// TestWriteSync_Restart ends and starts Alloy, and Loki, while deliveries come in.
// Nothing is lost and nothing doubled, whatever the moment.
func TestWriteSync_Restart(t *testing.T) {
	const restarts = 4
	var verdict []string
	t.Cleanup(func() { t.Log("what became of the lines:\n" + strings.Join(verdict, "\n")) }) // The last to be called: it stands behind the logs.
	f := func(name string, end func(n *tenant, a *alloy) error) {
		t.Helper()
		verdict = append(verdict, name+" did not end")
		n := ownLoki(t, lenient).named(name)
		a := startWriteSync(t, n)
		g := generate(t, 30_000, recent(traffic.Options{Shape: traffic.CRIParser, Pods: 50}))
		stream := a.stream(t, delivering{
			Options:       standin.Options{RetryDuration: patience, RetryUnit: 10 * time.Millisecond, Connections: 4},
			StreamOptions: standin.StreamOptions{BufferRecords: 500, Connections: 4},
		})
		done := make(chan error, 1)
		go func() { done <- stream.Run(t.Context(), g) }()
		for i := range restarts {
			require.NoError(t, a.await(func() error {
				if made := stream.Summary().Deliveries; made < (i+1)*8 {
					return fmt.Errorf("%d deliveries are made", made)
				}
				return nil
			}))
			require.NoError(t, end(n, a))
		}
		require.NoError(t, <-done)
		summary := stream.Summary()
		require.True(t, summary.AllAccepted(), summary.LastError)

		entries := n.entries(t, everything)
		lost, doubled := g.lostAndDoubled(t, entries)
		verdict[len(verdict)-1] = fmt.Sprintf("%d times %s, %d deliveries, answers %v, failures %v: %d of %d lines lost, %d doubled, %v mended%s",
			restarts, name, summary.Deliveries, summary.Statuses, summary.Errors, lost, len(g.written), doubled,
			a.metric("loki_write_sync_mended_entries_total"), g.describeLostAndDoubled(t, entries))
		require.Zero(t, lost)
		require.Zero(t, doubled)
	}
	f("SIGTERM", func(_ *tenant, a *alloy) error {
		if err := a.Stop(); err != nil {
			return err
		}
		return a.launch()
	})
	f("SIGKILL", func(_ *tenant, a *alloy) error {
		a.Kill()
		return a.launch()
	})
	f("Loki-SIGTERM", func(n *tenant, _ *alloy) error {
		if err := n.Stop(); err != nil {
			return err
		}
		return n.start()
	})
	f("Loki-SIGKILL", func(n *tenant, _ *alloy) error {
		n.Kill()
		return n.start()
	})
}
