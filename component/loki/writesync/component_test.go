package writesync

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
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
	t *testing.T

	mut    sync.Mutex
	answer http.HandlerFunc // Nil accepts.
	lines  []string         // Of the accepted pushes.
	asked  []*http.Request
}

func newEndpoint(t *testing.T, answer http.HandlerFunc) *endpoint {
	t.Helper()
	e := &endpoint{t: t, answer: answer}
	e.Server = httptest.NewServer(e)
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
	require.NoError(e.t, err)
	var req push.PushRequest
	require.NoError(e.t, req.Unmarshal(text))
	e.mut.Lock()
	e.asked = append(e.asked, r)
	answer := e.answer
	e.mut.Unlock()
	if answer != nil {
		answer(w, r)
		return
	}
	e.mut.Lock()
	defer e.mut.Unlock()
	for _, s := range req.Streams {
		for _, entry := range s.Entries {
			e.lines = append(e.lines, s.Labels+" "+entry.Line)
		}
	}
	w.WriteHeader(http.StatusNoContent)
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
		r.writer.retire()
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

func block(url string) string { return fmt.Sprintf("endpoint {\n url = %q\n}\n", url) }

func TestComponent_Accept(t *testing.T) {
	e := newEndpoint(t, nil)
	r := newRig(t, block(e.URL))
	require.NoError(t, r.acceptor().Accept(t.Context(), entries("one", "two")))
	require.Equal(t, []string{`{app="web"} one`, `{app="web"} two`}, e.accepted())
}
