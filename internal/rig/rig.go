// Package rig puts components that receive deliveries to the test: it runs one on
// a free port with a receiver behind it, delivers to it as Firehose does, and
// reads what becomes of that.
package rig

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/component/common/loki"
	"github.com/grafana/alloy/syntax"

	"github.com/grafana/alloy/eks/internal/receiver"
)

// Patience bounds the wait for what takes milliseconds unless it is broken, on a
// machine that is busy with other things.
const Patience = 30 * time.Second

// AnyAge is the block that lets entries keep their time, whenever a test runs.
const AnyAge = `
	timestamp {
		max_age    = "0s"
		max_future = "0s"
	}
`

// Component is what a rig needs of a component.
type Component interface {
	component.Component
	component.DebugComponent
}

// Kind tells of a component whose arguments are an A.
type Kind[A any] struct {
	// Name is the component's, Namespace begins the names of its metrics.
	Name, Namespace string
	New             func(component.Options, A) (Component, error)
	// Receiver returns that part of the arguments.
	Receiver func(*A) *receiver.Arguments
}

// Rig is a component at work, and what it forwards to.
type Rig[A any] struct {
	Component
	T    testing.TB
	Sink *loki.CollectingHandler
	// Receiver is what the component forwards to: that of Sink, unless the test
	// has its own.
	Receiver loki.LogsReceiver
	Registry *prometheus.Registry
	Client   *http.Client
	// Exports are what the component exports, nil if that is nothing.
	Exports component.Exports
	// Stop ends the component and waits for that.
	Stop func()

	kind  Kind[A]
	taken int // Entries that the test has been given.
}

// Start returns a rig whose component runs until the test ends. The change comes
// before the component is made; it may be nil.
func Start[A any](t testing.TB, kind Kind[A], text string, change func(*Rig[A], *component.Options)) *Rig[A] {
	t.Helper()
	r := &Rig[A]{T: t, Sink: loki.NewCollectingHandler(), Registry: prometheus.NewRegistry(), kind: kind}
	r.Receiver = r.Sink.Receiver()
	opts := component.Options{
		ID: kind.Name + ".test", Logger: log.NewNopLogger(), Registerer: r.Registry,
		OnStateChange: func(e component.Exports) { r.Exports = e },
	}
	if change != nil {
		change(r, &opts)
	}
	transport := &http.Transport{}
	r.Client = &http.Client{Transport: transport}
	c, err := kind.New(opts, r.Arguments(text))
	require.NoError(t, err)
	r.Component = c

	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	r.Stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-done)
	})
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		r.Stop()
		r.Sink.Stop()
	})
	return r
}

// Decode reads the body of a component's block.
func Decode[A any](text string) (A, error) {
	var args A
	err := syntax.Unmarshal([]byte(text), &args)
	return args, err
}

// Arguments returns the arguments of the text with the rig's receiver. A server
// listens on a free port of the loopback unless the text names another.
func (r *Rig[A]) Arguments(text string) A {
	r.T.Helper()
	args, err := Decode[A]("forward_to = []\n" + text)
	require.NoError(r.T, err)
	common := r.kind.Receiver(&args)
	common.ForwardTo = []loki.LogsReceiver{r.Receiver}
	if http := common.Endpoint.Server.HTTP; http != nil {
		http.ListenAddress = "127.0.0.1"
		if http.ListenPort == 8080 {
			http.ListenPort = 0
		}
	}
	return args
}

// Configure puts the arguments of the text into force.
func (r *Rig[A]) Configure(text string) {
	r.T.Helper()
	require.NoError(r.T, r.Update(r.Arguments(text)))
}

// Info returns what the UI shows.
func (r *Rig[A]) Info() receiver.DebugInfo { return r.DebugInfo().(receiver.DebugInfo) }

// Eventually waits until something is so.
func (r *Rig[A]) Eventually(is func() bool, what string, args ...any) {
	r.T.Helper()
	require.Eventually(r.T, is, Patience, 5*time.Millisecond, append([]any{what}, args...)...)
}

// Metric returns the sum over all series of a metric, without its namespace, that
// have the labels, given as name, value, name, value. Of a histogram it is the
// count.
func (r *Rig[A]) Metric(name string, labels ...string) float64 {
	r.T.Helper()
	families, err := r.Registry.Gather()
	require.NoError(r.T, err)
	sum := 0.0
	for _, family := range families {
		if family.GetName() != r.kind.Namespace+"_"+name {
			continue
		}
		for _, m := range family.GetMetric() {
			if hasLabels(m, labels) {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}

func hasLabels(m *dto.Metric, labels []string) bool {
	found := 0
	for _, l := range m.GetLabel() {
		for i := 0; i < len(labels); i += 2 {
			if l.GetName() == labels[i] && l.GetValue() == labels[i+1] {
				found++
			}
		}
	}
	return found == len(labels)/2
}
