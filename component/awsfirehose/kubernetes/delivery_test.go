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

	"github.com/grafana/alloy/eks/internal/standin"
)

// body returns the body of a delivery of the records.
func body(records ...string) io.Reader {
	var encoded []string
	for _, record := range records {
		encoded = append(encoded, encode(record))
	}
	return strings.NewReader(envelope(encoded...))
}

// encode returns a record as it stands in an envelope.
func encode(record string) string {
	return `{"data":"` + base64.StdEncoding.EncodeToString([]byte(record)) + `"}`
}

// A receiver that takes nothing does not keep Firehose waiting for longer than
// the user allows.
func TestDelivery_Backpressure(t *testing.T) {
	stuck := func(r *rig, _ *component.Options) { r.receiver = loki.NewLogsReceiver() }
	r := newRig(t, `limits { delivery_timeout = "1s" }`, stuck)
	begin := time.Now()
	a := r.deliver([]string{"one"})
	require.Equal(t, 503, a.status)
	require.Equal(t, "the records could not be handed over within 1s, try again", a.Error)
	require.Equal(t, requestID, a.Request)
	require.GreaterOrEqual(t, time.Since(begin), time.Second)
	r.eventually(func() bool {
		return r.metric("deliveries_total", "status", "503", "reason", "delivery_timeout") == 1
	}, "the refusal is counted")
	require.Zero(t, r.metric("entries_total", "outcome", "forwarded"), "what was refused is not counted as forwarded")
	require.Zero(t, r.metric("timestamp_source_total"))

	// Firehose tries again, and then it goes.
	r.receiver = r.sink.Receiver()
	r.update(``)
	require.Equal(t, 200, r.deliver([]string{"one"}).status)
	r.entries(1)
}

// A component that stops has either handed over every entry of a delivery, or
// does not say that it has.
func TestDelivery_Stop(t *testing.T) {
	r := newRig(t, anyAge, func(r *rig, _ *component.Options) { r.receiver = loki.NewLogsReceiver() })
	delivered := []string{"2026-08-20T10:00:00Z one", "2026-08-20T10:00:01Z two"}
	answered := make(chan answer, 1)
	go func() {
		a, _ := r.tryPost(body(delivered...))
		answered <- a
	}()
	taken := <-r.receiver.Chan() // Of the two, and then no more.
	r.ended()
	got := <-answered
	require.Equal(t, 503, got.status)
	require.Equal(t, "the receiver is stopping, try again", got.Error)
	require.EqualValues(t, 1, r.metric("deliveries_total", "status", "503", "reason", "shutdown"))
	_, err := r.client.Get("http://127.0.0.1/")
	require.Error(t, err)

	// Firehose tries again with the next process. What went on before is the same
	// entry then, so that Loki has it once.
	next := newRig(t, anyAge, nil)
	require.Equal(t, 200, next.deliver(delivered).status)
	again := next.entries(2)
	require.Equal(t, plain(taken), plain(again[0]))
}

// plain is an entry without the time of its arrival.
func plain(e loki.Entry) string {
	return fmt.Sprintf("%d %s %v %s", e.Timestamp.UnixNano(), e.Labels, e.StructuredMetadata, e.Line)
}

// requireSame compares long lists and shows where they part.
func requireSame(t *testing.T, want, got []string) {
	t.Helper()
	for i := range min(len(want), len(got)) {
		require.Equal(t, want[i], got[i], "entry %d", i)
	}
	require.Len(t, got, len(want))
}

// A redelivery gives the same entries, byte for byte and nanosecond for
// nanosecond: that is what lets Loki drop it.
func TestDelivery_Twice(t *testing.T) {
	f := func(name, text string) {
		t.Helper()
		r := newRig(t, text, nil)
		d := r.sender(standin.Options{Gzip: true, Timestamp: time.Now()}).NewDelivery()
		for _, record := range records(t, name) {
			require.NoError(t, d.Add(record, time.Now()))
		}
		once := func(r *rig) []string {
			result := r.sender(standin.Options{Gzip: true}).Deliver(t.Context(), d)
			require.Equal(t, standin.Accepted, result.Outcome, result)
			var out []string
			for _, e := range r.allEntries() {
				out = append(out, plain(e))
			}
			return out
		}
		first := once(r)
		require.NotEmpty(t, first)
		requireSame(t, first, once(r))
		// By another process, too, whose maps and caches are laid out otherwise.
		requireSame(t, first, once(newRig(t, text, nil)))
	}
	f("fargate-default.jsonl.gz", anyAge)
	f("cloudwatch.jsonl.gz", anyAge)
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

	r := newRig(t, anyAge+`
		limits {
			record_size = "1KiB"
		}
	`, nil)
	a := r.post(envelope(
		encode(containerLine("web-1", "2026-08-20T10:00:00Z stdout F first")),
		`{"data":"*not base64*"}`,
		encode(damaged),
		encode(large),
		`{"dada":"x"}`,
		encode(`{"log":"cut off`),
		encode(containerLine("web-1", "2026-08-20T10:00:01Z stdout F last")),
	))
	require.Equal(t, 200, a.status)
	got := r.entries(7)
	f := func(i int, line, flaw string) {
		t.Helper()
		require.Equal(t, line, got[i].Line)
		require.Equal(t, flaw, metadata(got[i])["parse_error"])
		if flaw != "" {
			require.Equal(t, requestTime, got[i].Timestamp.UTC(), "what has no time of its own gets the delivery's")
			require.EqualValues(t, 1, r.metric("flawed_entries_total", "reason", flaw))
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
	require.EqualValues(t, 1, r.metric("deliveries_total", "status", "200", "reason", "ok"))
	require.EqualValues(t, 7, r.metric("records_total"))
	require.EqualValues(t, r.metric("flawed_entries_total"), r.info().FlawedEntries)
}

// An envelope that is broken is refused as a whole.
func TestDelivery_BrokenEnvelope(t *testing.T) {
	r := newRig(t, `limits { records = 2 }`, nil)
	f := func(body, reason, want string) {
		t.Helper()
		a := r.post(body)
		require.Equal(t, 400, a.status, body)
		require.Contains(t, a.Error, want, body)
		require.EqualValues(t, 1, r.metric("deliveries_total", "status", "400", "reason", reason), body)
	}
	f(`{"requestId":`, "envelope", "cannot read envelope")
	f(`{"requestId":"another","records":[]}`, "request_id", "is not that of the header")
	f(envelope(`{"data":""}`, `{"data":""}`, `{"data":""}`), "records", "limits.records")
	require.Empty(t, r.sink.Received())
}

// The body's own limit of time holds through the server's middleware.
func TestDelivery_SlowBody(t *testing.T) {
	r := newRig(t, `limits { body_timeout = "1s" }`, nil)
	reader, writer := io.Pipe()
	defer writer.Close()
	go func() { _, _ = writer.Write([]byte(`{"requestId":`)) }() // And nothing after it.
	begin := time.Now()
	a, err := r.tryPost(reader)
	if err == nil { // The client may learn of it by a cut connection only.
		require.Equal(t, 503, a.status)
	}
	require.Less(t, time.Since(begin), patience)
	r.eventually(func() bool { return r.metric("deliveries_total", "reason", "body_timeout") == 1 }, "the refusal is counted")
}

// A sender that does not wait for its answer is told apart from a stuck receiver.
func TestDelivery_ClientGone(t *testing.T) {
	r := newRig(t, ``, func(r *rig, _ *component.Options) { r.receiver = loki.NewLogsReceiver() })
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url(), body("one", "two"))
	require.NoError(t, err)
	gone := make(chan error, 1)
	go func() {
		resp, err := r.client.Do(req)
		if err == nil {
			err = errors.Join(errors.New("it was answered"), resp.Body.Close())
		}
		gone <- err
	}()
	<-r.receiver.Chan()
	cancel()
	require.ErrorIs(t, <-gone, context.Canceled)
	r.eventually(func() bool { return r.metric("deliveries_total", "reason", "client_gone") == 1 }, "the refusal is counted")
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
	r := newRig(t, anyAge, func(_ *rig, opts *component.Options) {
		opts.GetServiceData = func(name string) (any, error) {
			asked = append(asked, name)
			return p, nil
		}
	})
	require.Equal(t, []string{livedebugging.ServiceName}, asked)
	record := containerLine("web-1", "2026-08-20T10:00:00.5Z stdout F hello")

	require.Equal(t, 200, r.deliver([]string{record, record}).status)
	require.EqualValues(t, 1, p.calls.Load(), "once for a delivery")
	require.Empty(t, p.texts)

	p.active.Store(true)
	require.Equal(t, 200, r.deliver([]string{record}).status)
	require.Equal(t, Name+`.test loki_log 1
2026-08-20T10:00:00.5Z {app="web", container="nginx", namespace="shop", service_name="web", stream="stdout"} `+
		`image="nginx:1.27" node="node-1" pod="web-1" timestamp_source="cri" hello
`, <-p.texts)

	// Of a large delivery nobody reads more than the beginning.
	require.Equal(t, 200, r.deliver(strings.Split(strings.Repeat("x ", 250), " ")[:250]).status)
	text := <-p.texts
	require.Equal(t, 1+100+1, strings.Count(text, "\n"))
	require.True(t, strings.HasSuffix(text, "and 150 more\n"), text)

	// Nothing to show, nothing published.
	calls := p.calls.Load()
	require.Equal(t, 200, r.deliver(nil).status)
	require.Equal(t, calls, p.calls.Load())
}

// Without the service, as in other runtimes, the component does its work.
func TestComponent_NoLiveDebugging(t *testing.T) {
	r := newRig(t, ``, func(_ *rig, opts *component.Options) {
		opts.GetServiceData = func(name string) (any, error) { return nil, fmt.Errorf("no service %q", name) }
	})
	require.Equal(t, 200, r.deliver([]string{"one"}).status)
}
