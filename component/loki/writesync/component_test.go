package writesync

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/golang/snappy"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/grafana/loki/pkg/push"

	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/component/common/loki"
	"github.com/grafana/alloy/syntax"

	"github.com/grafana/alloy/eks/internal/receiver"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// endpoint is a server that takes pushes and answers what the test says.
type endpoint struct {
	*httptest.Server
	t           *testing.T
	connections atomic.Int64 // That are open.

	mut    sync.Mutex
	answer http.HandlerFunc // Nil accepts.
	lines  []string         // Of the accepted pushes.
	asked  []*http.Request
}

func newEndpoint(t *testing.T, answer http.HandlerFunc) *endpoint {
	t.Helper()
	e := &endpoint{t: t, answer: answer}
	e.Server = httptest.NewUnstartedServer(e)
	e.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			e.connections.Add(1)
		case http.StateClosed:
			e.connections.Add(-1)
		}
	}
	e.Start()
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) answers(answer http.HandlerFunc) {
	e.mut.Lock()
	defer e.mut.Unlock()
	e.answer = answer
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	compressed, err := io.ReadAll(r.Body)
	if err != nil {
		return // The other side has gone.
	}
	text, err := snappy.Decode(nil, compressed)
	var req push.PushRequest
	if err := errors.Join(err, req.Unmarshal(text)); err != nil {
		e.t.Errorf("cannot read a push: %v", err)
	}
	e.mut.Lock()
	e.asked = append(e.asked, r)
	answer := e.answer
	e.mut.Unlock()
	if answer != nil {
		answer(w, r.WithContext(context.WithValue(r.Context(), pushed{}, &req)))
		return
	}
	e.keep(&req)
	w.WriteHeader(http.StatusNoContent)
}

// pushed is under what an answer finds the push in the context of its request.
type pushed struct{}

func (e *endpoint) keep(req *push.PushRequest) {
	e.mut.Lock()
	defer e.mut.Unlock()
	for _, s := range req.Streams {
		for _, entry := range s.Entries {
			e.lines = append(e.lines, s.Labels+" "+entry.Line)
		}
	}
}

func (e *endpoint) accepted() []string {
	e.mut.Lock()
	defer e.mut.Unlock()
	return append([]string{}, e.lines...)
}

// rig is a component at work.
type rig struct {
	*Component
	t        *testing.T
	registry *prometheus.Registry
	exports  Exports
	stop     func()
}

func decodeArguments(text string) (Arguments, error) {
	var args Arguments
	err := syntax.Unmarshal([]byte(text), &args)
	return args, err
}

func newRig(t *testing.T, text string) *rig {
	t.Helper()
	args, err := decodeArguments(text)
	require.NoError(t, err)
	r := &rig{t: t, registry: prometheus.NewRegistry()}
	r.Component, err = New(component.Options{
		ID: "loki.write_sync.test", Logger: log.NewNopLogger(), Registerer: r.registry,
		OnStateChange: func(e component.Exports) { r.exports = e.(Exports) },
	}, args)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-done)
	})
	t.Cleanup(r.stop)
	return r
}

func (r *rig) acceptor() receiver.Acceptor {
	r.t.Helper()
	a, ok := r.exports.Receiver.(receiver.Acceptor)
	require.True(r.t, ok)
	return a
}

func entries(lines ...string) []loki.Entry {
	var list []loki.Entry
	for _, line := range lines {
		list = append(list, loki.NewEntry(model.LabelSet{"app": "web"}, push.Entry{Timestamp: time.Now(), Line: line}))
	}
	return list
}

// configure puts the arguments of the text into force.
func (r *rig) configure(text string) {
	r.t.Helper()
	args, err := decodeArguments(text)
	require.NoError(r.t, err)
	require.NoError(r.t, r.Update(args))
}

// accept delivers lines, with time enough for what takes milliseconds.
func (r *rig) accept(lines ...string) error {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	return r.acceptor().Accept(ctx, entries(lines...))
}

// send gives lines to the channel.
func (r *rig) send(lines ...string) {
	r.t.Helper()
	for _, e := range entries(lines...) {
		select {
		case r.exports.Receiver.Chan() <- e:
		case <-time.After(patience):
			require.Fail(r.t, "nobody takes entries")
		}
	}
}

// metric returns the sum over all series of a metric that have one of the values,
// or over all if none is given. Of a histogram it is the count.
func (r *rig) metric(name string, values ...string) float64 {
	r.t.Helper()
	families, err := r.registry.Gather()
	require.NoError(r.t, err)
	sum := 0.0
	for _, family := range families {
		if family.GetName() != namespace+"_"+name {
			continue
		}
		for _, m := range family.GetMetric() {
			found := len(values) == 0
			for _, l := range m.GetLabel() {
				found = found || slices.Contains(values, l.GetValue())
			}
			if found {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}

// eventually waits until something is so.
func (r *rig) eventually(is func() bool) {
	r.t.Helper()
	require.Eventually(r.t, is, patience, 2*time.Millisecond)
}

// patience bounds the wait for what takes milliseconds unless it is broken, on a
// machine that is busy with other things.
const patience = 30 * time.Second

// always answers everything alike.
func always(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

// quick are arguments of an endpoint that fails fast.
const quick = `
	min_backoff_period  = "1ms"
	max_backoff_period  = "2ms"
	max_backoff_retries = 3
	batch_wait          = "1ms"
`

// block returns an endpoint block with more arguments.
func block(e *endpoint, more ...string) string {
	return fmt.Sprintf("endpoint {\n url = %q\n%s\n}\n", e.URL, strings.Join(append([]string{quick}, more...), "\n"))
}

func TestComponent_Accept(t *testing.T) {
	e := newEndpoint(t, nil)
	r := newRig(t, block(e)+`external_labels = {cluster = "prod", app = "none"}`)
	require.NoError(t, r.accept("one", "two"))
	require.Equal(t, []string{`{app="web", cluster="prod"} one`, `{app="web", cluster="prod"} two`}, e.accepted())
	require.EqualValues(t, 1, r.metric("accepts_total", "accepted"))
	require.EqualValues(t, 2, r.metric("entries_total", "accepted"))
	require.NoError(t, r.accept())
	require.Equal(t, "loki.write_sync.test.receiver", fmt.Sprint(r.exports.Receiver))
}

// All endpoints have to accept. One that has is not asked again while another one
// is, and has the entries although that one fails.
func TestComponent_Endpoints(t *testing.T) {
	works, fails := newEndpoint(t, nil), newEndpoint(t, always(500))
	r := newRig(t, block(works, `name = "works"`)+block(fails, `name = "fails"`))
	err := r.accept("one")
	require.ErrorContains(t, err, "endpoint fails answers 500")
	require.Equal(t, []string{`{app="web"} one`}, works.accepted())
	require.Len(t, works.asked, 1)
	require.Len(t, fails.asked, 3)
	require.EqualValues(t, 1, r.metric("accepts_total", "failed"))
	require.EqualValues(t, 2, r.metric("push_retries_total", "fails"))

	health := r.CurrentHealth()
	require.Equal(t, component.HealthTypeUnhealthy, health.Health)
	require.Contains(t, health.Message, "endpoint fails answers 500")
	info := r.DebugInfo().(DebugInfo)
	require.Len(t, info.Endpoints, 2)
	require.Equal(t, "works", info.Endpoints[0].Name)
	require.NotEmpty(t, info.Endpoints[0].LastAccepted)
	require.Empty(t, info.Endpoints[0].Failing)
	require.Contains(t, info.Endpoints[1].Failing, "500")

	fails.answers(nil)
	require.NoError(t, r.accept("one"))
	require.Equal(t, component.HealthTypeHealthy, r.CurrentHealth().Health)
}

func TestComponent_AcceptHasATimeLimit(t *testing.T) {
	release := make(chan struct{})
	e := newEndpoint(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	r := newRig(t, block(e))
	const limit = 500 * time.Millisecond
	for range 20 { // A busy machine may need the time that is left.
		end := time.Now().Add(limit)
		ctx, cancel := context.WithDeadline(t.Context(), end)
		err := r.acceptor().Accept(ctx, entries("one"))
		left := time.Until(end)
		cancel()
		require.ErrorContains(t, err, "timeout")
		if left > limit/20 {
			return
		}
	}
	require.Fail(t, "no time is left for the answer to the sender")
}

// While the component stops nothing is claimed to be in Loki that is not.
func TestComponent_Stop(t *testing.T) {
	asked := make(chan struct{})
	e := newEndpoint(t, func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	})
	r := newRig(t, block(e, `remote_timeout = "1h"`))
	began := time.Now()
	answered := make(chan error, 1)
	go func() { answered <- r.accept("one") }()
	<-asked
	r.stop()
	require.ErrorIs(t, <-answered, errStopping)
	require.Less(t, time.Since(began), patience/2, "it does not wait for the endpoint")
	require.ErrorIs(t, r.accept("two"), errStopping)
	require.EqualValues(t, 2, r.metric("accepts_total", "stopping"))
	require.Empty(t, e.accepted())
}

func TestComponent_CallerGoesAway(t *testing.T) {
	asked := make(chan struct{})
	e := newEndpoint(t, func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	})
	r := newRig(t, block(e))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	require.Error(t, r.acceptor().Accept(ctx, entries("one")))
	require.EqualValues(t, 1, r.metric("accepts_total", "canceled"))
	require.Equal(t, component.HealthTypeHealthy, r.CurrentHealth().Health, "that is not the endpoint's fault")
}

func TestComponent_Update(t *testing.T) {
	asked, release := make(chan struct{}), make(chan struct{})
	before := newEndpoint(t, nil)
	before.answers(func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-release
		w.WriteHeader(http.StatusNoContent)
	})
	after := newEndpoint(t, nil)
	r := newRig(t, block(before))
	receiver := r.exports.Receiver
	answered := make(chan error, 1)
	go func() { answered <- r.accept("one") }()
	<-asked
	r.configure(block(after))
	require.NoError(t, r.accept("two"))
	require.Positive(t, before.connections.Load())
	close(release)
	require.NoError(t, <-answered, "it ends as it began")
	require.Equal(t, []string{`{app="web"} two`}, after.accepted())
	r.eventually(func() bool { return before.connections.Load() == 0 })
	require.Same(t, receiver, r.exports.Receiver)

	// Nothing but where refused entries go needs new endpoints.
	writer := r.writer
	args, err := decodeArguments(block(after))
	require.NoError(t, err)
	args.DeadLetter = []loki.LogsReceiver{loki.NewLogsReceiver()}
	require.NoError(t, r.Update(args))
	require.Same(t, writer, r.writer)

	// What cannot be put into force leaves what is.
	bad, err := decodeArguments(block(after, "tls_config {\n ca_file = \"/nonexistent\"\n}"))
	require.NoError(t, err)
	require.Error(t, r.Update(bad))
	require.NoError(t, r.accept("three"))
}

// refuse answers like a Loki that does not want a line, and stores the others.
func (e *endpoint) refuse(poison string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		req := r.Context().Value(pushed{}).(*push.PushRequest)
		var kept push.PushRequest
		status := http.StatusNoContent
		for _, s := range req.Streams {
			for _, entry := range s.Entries {
				if entry.Line == poison {
					status = http.StatusBadRequest
					continue
				}
				kept.Streams = append(kept.Streams, push.Stream{Labels: s.Labels, Entries: []push.Entry{entry}})
			}
		}
		e.keep(&kept)
		w.WriteHeader(status)
	}
}

func TestComponent_DeadLetter(t *testing.T) {
	e := newEndpoint(t, nil)
	e.answers(e.refuse("poison"))
	sink := loki.NewCollectingHandler()
	defer sink.Stop()
	other := newEndpoint(t, nil)
	next := newRig(t, block(other))
	r := newRig(t, block(e, `name = "main"`))
	args, err := decodeArguments(block(e, `name = "main"`))
	require.NoError(t, err)

	require.NoError(t, r.accept("one", "poison", "two"), "without dead_letter it is counted")
	require.EqualValues(t, 1, r.metric("refused_entries_total", "unknown"))
	require.Zero(t, r.metric("dead_letter_entries_total"))

	args.DeadLetter = []loki.LogsReceiver{sink.Receiver(), next.exports.Receiver}
	require.NoError(t, r.Update(args))
	require.NoError(t, r.accept("three", "poison", "four"))
	for _, line := range []string{"one", "two", "three", "four"} {
		require.Contains(t, e.accepted(), `{app="web"} `+line)
	}
	r.eventually(func() bool { return len(sink.Received()) == 1 })
	got := sink.Received()[0]
	require.Equal(t, "poison", got.Line)
	require.Equal(t, push.LabelsAdapter{{Name: "refused", Value: "unknown"}, {Name: "refused_by", Value: "main"}}, got.StructuredMetadata)
	require.Equal(t, []string{`{app="web"} poison`}, other.accepted(), "one that answers is asked")
	require.EqualValues(t, 1, r.metric("dead_letter_entries_total"))

	// What cannot be handed over is not accepted.
	other.answers(always(403))
	require.ErrorContains(t, r.accept("three", "poison", "four"), "dead_letter")
}

// Entries of components that do not ask are batched, as loki.write does it.
func TestComponent_Channel(t *testing.T) {
	e := newEndpoint(t, nil)
	r := newRig(t, fmt.Sprintf("endpoint {\n url = %q\n batch_wait = \"1h\"\n batch_size = \"20B\"\n}", e.URL))
	r.send("0123456789", "0123456780", "next")
	r.eventually(func() bool { return len(e.accepted()) == 2 })
	r.eventually(func() bool { return r.metric("queued_entries") == 1 })
	r.stop() // What waits is pushed.
	require.Len(t, e.accepted(), 3)
	require.Zero(t, r.metric("queued_entries"))
	require.Zero(t, r.metric("dropped_entries_total"))
}

func TestComponent_ChannelWaits(t *testing.T) {
	e := newEndpoint(t, nil)
	r := newRig(t, block(e))
	r.send("one")
	r.eventually(func() bool { return len(e.accepted()) == 1 })
}

// Arguments that come into force take what waits for the endpoints before.
func TestComponent_ChannelUpdate(t *testing.T) {
	fails, works := newEndpoint(t, always(500)), newEndpoint(t, nil)
	r := newRig(t, fmt.Sprintf("endpoint {\n url = %q\n batch_wait = \"1ms\"\n max_backoff_retries = 0\n}", fails.URL))
	r.send("one")
	r.eventually(func() bool { return r.metric("pushes_total", "server_error") > 0 })
	r.configure(block(works))
	r.eventually(func() bool { return len(works.accepted()) == 1 })
	r.send("two")
	r.eventually(func() bool { return len(works.accepted()) == 2 })
	require.Zero(t, r.metric("dropped_entries_total"))
}

func TestComponent_ChannelFails(t *testing.T) {
	e := newEndpoint(t, always(500))
	r := newRig(t, block(e))
	r.send("one")
	r.eventually(func() bool { return r.metric("dropped_entries_total", "failed") == 1 })

	sink := loki.NewCollectingHandler()
	defer sink.Stop()
	args, err := decodeArguments(block(e))
	require.NoError(t, err)
	args.DeadLetter = []loki.LogsReceiver{sink.Receiver()}
	require.NoError(t, r.Update(args))
	r.send("two")
	r.eventually(func() bool { return len(sink.Received()) == 1 })
	require.Equal(t, "two", sink.Received()[0].Line)
	require.EqualValues(t, 1, r.metric("dropped_entries_total"))
}

// After the drain timeout what waits is given up, counted.
func TestComponent_ChannelDrainTimeout(t *testing.T) {
	e := newEndpoint(t, always(500))
	text := fmt.Sprintf("endpoint {\n url = %q\n batch_wait = \"1ms\"\n max_backoff_retries = 0\n queue_config {\n drain_timeout = \"50ms\"\n}\n}", e.URL)
	r := newRig(t, text)
	r.send("one", "two")
	r.stop()
	require.EqualValues(t, 2, r.metric("dropped_entries_total", "stopped"))
}

func TestComponent_ChannelOverflow(t *testing.T) {
	release := make(chan struct{})
	e := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		<-release
		w.WriteHeader(http.StatusNoContent)
	})
	text := fmt.Sprintf("endpoint {\n url = %q\n batch_wait = \"1h\"\n batch_size = \"1B\"\n queue_config {\n capacity = \"1B\"\n block_on_overflow = false\n}\n}", e.URL)
	r := newRig(t, text)
	for range 10 {
		r.send("line")
	}
	r.eventually(func() bool { return r.metric("dropped_entries_total", "queue_full") > 0 })
	close(release)
	r.stop()
	require.EqualValues(t, 10, float64(len(e.asked))+r.metric("dropped_entries_total", "queue_full"))
}

// Passwords are used, and shown nowhere.
func TestComponent_Secrets(t *testing.T) {
	e := newEndpoint(t, always(401))
	args, err := decodeArguments(fmt.Sprintf(`
		endpoint {
			url     = "http://user:s3cret@%s/push?token=s3cret"
			headers = {"X-Key" = "s3cret"}
			http_headers = {"X-Other" = ["s3cret"]}
		}
		endpoint {
			url          = "http://127.0.0.1:1/push?token=s3cret"
			bearer_token = "s3cret"
			max_backoff_retries = 1
		}
	`, e.Listener.Addr()))
	require.NoError(t, err)
	var logs safeBuffer
	registry := prometheus.NewRegistry()
	var exports Exports
	c, err := New(component.Options{
		ID: "loki.write_sync.test", Logger: log.NewLogfmtLogger(&logs), Registerer: registry,
		OnStateChange: func(e component.Exports) { exports = e.(Exports) },
	}, args)
	require.NoError(t, err)
	t.Cleanup(c.writer.retire)
	err = exports.Receiver.(receiver.Acceptor).Accept(t.Context(), entries("a line that is nobody's business"))
	require.Error(t, err)
	asked := e.asked[0]
	_, password, _ := asked.BasicAuth()
	require.Equal(t, []string{"s3cret", "s3cret", "s3cret"}, []string{password, asked.Header.Get("X-Key"), asked.Header.Get("X-Other")})

	families, gatherErr := registry.Gather()
	require.NoError(t, gatherErr)
	require.NotEmpty(t, logs.String())
	for _, text := range []string{err.Error(), fmt.Sprint(c.CurrentHealth()), fmt.Sprint(c.DebugInfo()), fmt.Sprint(families), logs.String()} {
		require.NotContains(t, text, "s3cret")
		require.NotContains(t, text, "user")
		require.NotContains(t, text, "business")
	}
}

// safeBuffer is a buffer that several goroutines write to.
type safeBuffer struct {
	mut sync.Mutex
	strings.Builder
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mut.Lock()
	defer b.mut.Unlock()
	return b.Builder.Write(p)
}

// An endpoint that fails is logged when it begins to, and when it is over.
func TestComponent_Log(t *testing.T) {
	e := newEndpoint(t, nil)
	r := newRig(t, block(e))
	var logs safeBuffer
	r.writer.logger = log.NewLogfmtLogger(&logs)
	f := func(answer http.HandlerFunc, want string) {
		t.Helper()
		logs.Reset()
		e.answers(answer)
		_ = r.accept("one")
		if want == "" {
			require.Empty(t, logs.String())
			return
		}
		require.Contains(t, logs.String(), want)
	}
	f(nil, "")
	f(always(401), "does not accept entries")
	f(always(401), "")
	f(always(404), "")
	f(nil, "accepts entries again")
	f(nil, "")
	f(e.refuse("one"), "does not accept entries")
}

func TestLimiter(t *testing.T) {
	l := newLimiter(time.Hour)
	f := func(what string, n, total int, now bool) {
		t.Helper()
		gotTotal, gotNow := l.add(what, n)
		require.Equal(t, total, gotTotal)
		require.Equal(t, now, gotNow)
	}
	f("a", 1, 1, true)
	f("a", 2, 0, false)
	f("b", 3, 3, true)
	f("a", 4, 0, false)
	l.interval = 0
	f("a", 5, 11, true)
}

func TestComponent_TLS(t *testing.T) {
	e := &endpoint{t: t}
	e.Server = httptest.NewTLSServer(e)
	t.Cleanup(e.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: e.Certificate().Raw})
	trusting := newRig(t, block(e, fmt.Sprintf("tls_config {\n ca_pem = %q\n}", ca)))
	require.NoError(t, trusting.accept("one"))
	require.Equal(t, []string{`{app="web"} one`}, e.accepted())

	e.Config.ErrorLog = stdlog.New(io.Discard, "", 0) // Of the handshake that fails.
	require.ErrorContains(t, newRig(t, block(e)).accept("two"), "certificate")
}
