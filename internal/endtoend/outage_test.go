package endtoend

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/standin"
	"github.com/grafana/alloy/eks/internal/traffic"
)

// TestOutage delivers while Loki is gone. What loki.write can queue is accepted.
// What it cannot is refused in time, so that Firehose keeps it, and is in Loki
// once after that is back and Firehose has tried again.
func TestOutage(t *testing.T) {
	const timeout = time.Second
	loki := ownLoki(t, lenient)
	a := startAlloy(t, settings{
		Loki:      loki,
		Arguments: anyAge + fmt.Sprintf(`limits { delivery_timeout = %q }`, timeout),
		Endpoint: `
			batch_size          = "64KiB"
			min_backoff_period  = "20ms"
			max_backoff_period  = "100ms"
			max_backoff_retries = 0 // As often as it takes.
			queue_config {
				capacity = "256KiB"
			}`,
		Flags: []string{"--stability.level=experimental"}, // For queue_config.
	})
	require.NoError(t, loki.Stop())

	g := generate(t, 10_000, traffic.Options{Shape: traffic.CRIParser, Pods: 20})
	d, accepted := a.deliverUntilRefused(t, g, timeout)
	t.Logf("%d deliveries of %d records were queued", accepted, d.Records())

	result := make(chan standin.Result, 1)
	patient := a.sender(t, standin.Options{RetryDuration: patience, RetryUnit: 10 * time.Millisecond})
	go func() { result <- patient.Deliver(t.Context(), d) }()
	require.NoError(t, a.await(func() error {
		if n := a.metric("awsfirehose_kubernetes_deliveries_total", "status", "503"); n < 2 {
			return fmt.Errorf("%v deliveries are refused", n)
		}
		return nil
	}))
	require.NoError(t, loki.start())
	r := <-result
	require.Equal(t, standin.Accepted, r.Outcome, r.Attempts)

	require.NoError(t, a.Stop())
	entries := loki.entries(t, everything)
	lost, doubled := g.lostAndDoubled(t, entries)
	require.Zero(t, lost, "of %d lines", len(g.written))
	require.Zero(t, doubled, "of %d lines", len(g.written))
}

// deliverUntilRefused makes one delivery after the other until one is refused,
// which must be with 503 after the timeout. It returns that one.
func (a *alloy) deliverUntilRefused(t *testing.T, g *generated, timeout time.Duration) (refused *standin.Delivery, accepted int) {
	t.Helper()
	sender := a.sender(t, standin.Options{})
	for {
		d := sender.NewDelivery()
		for d.Records() < 500 {
			require.True(t, g.Next(), "nothing is refused")
			require.NoError(t, d.Add(g.Record(), requestTime))
		}
		r := sender.Deliver(t.Context(), d)
		if r.Outcome == standin.Accepted {
			accepted++
			continue
		}
		require.Equal(t, 503, r.Attempts[0].Status, r.Attempts[0].Message)
		require.Greater(t, r.Attempts[0].Latency, timeout)
		require.Less(t, r.Attempts[0].Latency, timeout+10*time.Second)
		return d, accepted
	}
}
