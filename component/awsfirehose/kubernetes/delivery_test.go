package kubernetes

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/component/common/loki"
	"github.com/grafana/alloy/internal/service/livedebugging"

	"github.com/grafana/alloy/eks/internal/rig"
	"github.com/grafana/alloy/eks/internal/standin"
)

// A receiver that takes nothing does not keep Firehose waiting for longer than
// the user allows.
func TestDelivery_Backpressure(t *testing.T) {
	stuck := func(r *testRig, _ *component.Options) { r.Receiver = loki.NewLogsReceiver() }
	r := newRig(t, `limits { delivery_timeout = "1s" }`, stuck)
	begin := time.Now()
	a := r.Deliver([]string{"one"})
	require.Equal(t, 503, a.Status)
	require.Equal(t, "the records could not be handed over within 1s, try again", a.Error)
	require.Equal(t, rig.RequestID, a.Request)
	require.GreaterOrEqual(t, time.Since(begin), time.Second)
	r.Eventually(func() bool {
		return r.Metric("deliveries_total", "status", "503", "reason", "delivery_timeout") == 1
	}, "the refusal is counted")
	require.Zero(t, r.Metric("entries_total", "outcome", "forwarded"), "what was refused is not counted as forwarded")
	require.Zero(t, r.Metric("timestamp_source_total"))

	// Firehose tries again, and then it goes.
	r.Receiver = r.Sink.Receiver()
	r.Configure(``)
	require.Equal(t, 200, r.Deliver([]string{"one"}).Status)
	r.Entries(1)
}

// A component that stops has either handed over every entry of a delivery, or
// does not say that it has.
func TestDelivery_Stop(t *testing.T) {
	r := newRig(t, rig.AnyAge, func(r *testRig, _ *component.Options) { r.Receiver = loki.NewLogsReceiver() })
	delivered := []string{"2026-08-20T10:00:00Z one", "2026-08-20T10:00:01Z two"}
	answered := make(chan rig.Answer, 1)
	go func() {
		a, _ := r.TryPost(rig.Body(delivered...))
		answered <- a
	}()
	taken := <-r.Receiver.Chan() // Of the two, and then no more.
	url := r.URL()
	r.Stop()
	got := <-answered
	require.Equal(t, 503, got.Status)
	require.Equal(t, "the receiver is stopping, try again", got.Error)
	require.EqualValues(t, 1, r.Metric("deliveries_total", "status", "503", "reason", "shutdown"))
	_, err := r.Client.Get(url)
	require.Error(t, err)

	// Firehose tries again with the next process. What went on before is the same
	// entry then, so that Loki has it once.
	next := newRig(t, rig.AnyAge, nil)
	require.Equal(t, 200, next.Deliver(delivered).Status)
	again := next.Entries(2)
	require.Equal(t, rig.Plain(taken), rig.Plain(again[0]))
}

// A redelivery gives the same entries, byte for byte and nanosecond for
// nanosecond: that is what lets Loki drop it.
func TestDelivery_Twice(t *testing.T) {
	f := func(name, text string) {
		t.Helper()
		r := newRig(t, text, nil)
		d := r.Sender(standin.Options{Gzip: true, Timestamp: time.Now()}).NewDelivery()
		for _, record := range records(t, name) {
			require.NoError(t, d.Add(record, time.Now()))
		}
		once := func(r *testRig) []string {
			result := r.Sender(standin.Options{Gzip: true}).Deliver(t.Context(), d)
			require.Equal(t, standin.Accepted, result.Outcome, result)
			var out []string
			for _, e := range r.AllEntries() {
				out = append(out, rig.Plain(e))
			}
			return out
		}
		first := once(r)
		require.NotEmpty(t, first)
		rig.RequireSame(t, first, once(r))
		// By another process, too, whose maps and caches are laid out otherwise.
		rig.RequireSame(t, first, once(newRig(t, text, nil)))
	}
	f("fargate-default.jsonl.gz", rig.AnyAge)
	f("cloudwatch.jsonl.gz", rig.AnyAge)
	// The lines' times are out of bounds, and the delivery's is taken for all.
	f("fargate-default.jsonl.gz", `timestamp { max_age = "1m" }`)
}

// A record that cannot be read costs neither its own text nor the records beside
// it, and the delivery is accepted.
func TestDelivery_PoisonRecords(t *testing.T) {
	var packed bytes.Buffer
	zw := gzip.NewWriter(&packed)
	_, err := zw.Write(bytes.Repeat([]byte("0123456789abcdef"), 1<<10))
	require.NoError(t, err)
	require.NoError(t, zw.Close())
	large := packed.String()
	damaged := large[:len(large)-12]

	r := newRig(t, rig.AnyAge+`
		limits {
			record_size = "1KiB"
		}
	`, nil)
	a := r.Post(rig.Envelope(
		rig.Encode(containerLine("web-1", "2026-08-20T10:00:00Z stdout F first")),
		`{"data":"*not base64*"}`,
		rig.Encode(damaged),
		rig.Encode(large),
		`{"dada":"x"}`,
		rig.Encode(`{"log":"cut off`),
		rig.Encode(containerLine("web-1", "2026-08-20T10:00:01Z stdout F last")),
	))
	require.Equal(t, 200, a.Status)
	got := r.Entries(7)
	f := func(i int, line, flaw string) {
		t.Helper()
		require.Equal(t, line, got[i].Line)
		require.Equal(t, flaw, rig.Metadata(got[i])["parse_error"])
		if flaw != "" {
			require.Equal(t, rig.RequestTime, got[i].Timestamp.UTC(), "what has no time of its own gets the delivery's")
			require.EqualValues(t, 1, r.Metric("flawed_entries_total", "reason", flaw))
		}
	}
	raw := base64.StdEncoding.EncodeToString
	f(0, "first", "")
	f(1, "*not base64*", "base64")
	f(2, raw([]byte(damaged)), "compression")
	f(3, raw([]byte(large)), "too_large")
	f(4, `{"dada":"x"}`, "no_data")
	f(6, "last", "")
	require.Equal(t, `{"log":"cut off`, got[5].Line)
	require.EqualValues(t, 1, r.Metric("deliveries_total", "status", "200", "reason", "ok"))
	require.EqualValues(t, 7, r.Metric("records_total"))
	require.EqualValues(t, r.Metric("flawed_entries_total"), r.Info().FlawedEntries)
}

// An envelope that is broken is refused as a whole.
func TestDelivery_BrokenEnvelope(t *testing.T) {
	r := newRig(t, `limits { records = 2 }`, nil)
	f := func(body, reason, want string) {
		t.Helper()
		a := r.Post(body)
		require.Equal(t, 400, a.Status, body)
		require.Contains(t, a.Error, want, body)
		require.EqualValues(t, 1, r.Metric("deliveries_total", "status", "400", "reason", reason), body)
	}
	f(`{"requestId":`, "envelope", "cannot read envelope")
	f(`{"requestId":"another","records":[]}`, "request_id", "is not that of the header")
	f(rig.Envelope(`{"data":""}`, `{"data":""}`, `{"data":""}`), "records", "limits.records")
	require.Empty(t, r.Sink.Received())
}

// The body's own limit of time holds through the server's middleware.
func TestDelivery_SlowBody(t *testing.T) {
	r := newRig(t, `limits { body_timeout = "1s" }`, nil)
	reader, writer := io.Pipe()
	defer writer.Close()
	go func() { _, _ = writer.Write([]byte(`{"requestId":`)) }() // And nothing after it.
	begin := time.Now()
	a, err := r.TryPost(reader)
	if err == nil { // The client may learn of it by a cut connection only.
		require.Equal(t, 503, a.Status)
	}
	require.Less(t, time.Since(begin), rig.Patience)
	r.Eventually(func() bool { return r.Metric("deliveries_total", "reason", "body_timeout") == 1 }, "the refusal is counted")
}

// A sender that does not wait for its answer is told apart from a stuck receiver.
func TestDelivery_ClientGone(t *testing.T) {
	r := newRig(t, ``, func(r *testRig, _ *component.Options) { r.Receiver = loki.NewLogsReceiver() })
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL(), rig.Body("one", "two"))
	require.NoError(t, err)
	gone := make(chan error, 1)
	go func() {
		resp, err := r.Client.Do(req)
		if err == nil {
			err = errors.Join(errors.New("it was answered"), resp.Body.Close())
		}
		gone <- err
	}()
	<-r.Receiver.Chan()
	cancel()
	require.ErrorIs(t, <-gone, context.Canceled)
	r.Eventually(func() bool { return r.Metric("deliveries_total", "reason", "client_gone") == 1 }, "the refusal is counted")
}

// publisher is the service of live debugging, watched by somebody or not.
type publisher struct {
	active atomic.Bool
	texts  chan string
	calls  atomic.Int64
}

// PublishIfActive implements livedebugging.DebugDataPublisher.
func (p *publisher) PublishIfActive(data livedebugging.Data) {
	p.calls.Add(1)
	if p.active.Load() {
		p.texts <- fmt.Sprintf("%s %s %d\n%s", data.ComponentID, data.Type, data.Count, data.DataFunc())
	}
}

func TestComponent_LiveDebugging(t *testing.T) {
	p := &publisher{texts: make(chan string, 10)}
	var asked []string
	r := newRig(t, rig.AnyAge, func(_ *testRig, opts *component.Options) {
		opts.GetServiceData = func(name string) (any, error) {
			asked = append(asked, name)
			return p, nil
		}
	})
	require.Equal(t, []string{livedebugging.ServiceName}, asked)
	record := containerLine("web-1", "2026-08-20T10:00:00.5Z stdout F hello")

	require.Equal(t, 200, r.Deliver([]string{record, record}).Status)
	require.EqualValues(t, 1, p.calls.Load(), "once for a delivery")
	require.Empty(t, p.texts)

	p.active.Store(true)
	require.Equal(t, 200, r.Deliver([]string{record}).Status)
	require.Equal(t, Name+`.test loki_log 1
2026-08-20T10:00:00.5Z {app="web", container="nginx", namespace="shop", service_name="web", stream="stdout"} `+
		`image="nginx:1.27" node="node-1" pod="web-1" timestamp_source="cri" hello
`, <-p.texts)

	// Of a large delivery nobody reads more than the beginning.
	require.Equal(t, 200, r.Deliver(strings.Split(strings.Repeat("x ", 250), " ")[:250]).Status)
	text := <-p.texts
	require.Equal(t, 1+100+1, strings.Count(text, "\n"))
	require.True(t, strings.HasSuffix(text, "and 150 more\n"), text)

	// Nothing to show, nothing published.
	calls := p.calls.Load()
	require.Equal(t, 200, r.Deliver(nil).Status)
	require.Equal(t, calls, p.calls.Load())
}

// Without the service, as in other runtimes, the component does its work.
func TestComponent_NoLiveDebugging(t *testing.T) {
	r := newRig(t, ``, func(_ *testRig, opts *component.Options) {
		opts.GetServiceData = func(name string) (any, error) { return nil, fmt.Errorf("no service %q", name) }
	})
	require.Equal(t, 200, r.Deliver([]string{"one"}).Status)
}
