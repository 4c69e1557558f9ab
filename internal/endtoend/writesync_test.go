package endtoend

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/grafana/loki/pkg/push"

	"github.com/grafana/alloy/internal/component"
	alloyloki "github.com/grafana/alloy/internal/component/common/loki"
	"github.com/grafana/alloy/syntax"

	"github.com/grafana/alloy/eks/component/loki/writesync"
	"github.com/grafana/alloy/eks/internal/receiver"
)

// writeSync is the component loki.write_sync in this process, so that it can be
// given any entry.
type writeSync struct {
	receiver.Acceptor
	t        *testing.T
	loki     *tenant
	buried   *lokiEntries // What went to dead_letter.
	registry *prometheus.Registry
}

// lokiEntries are the entries that a receiver of Alloy's has got.
type lokiEntries = alloyloki.CollectingHandler

// newWriteSync returns one with more arguments of its endpoint.
func newWriteSync(t *testing.T, n *tenant, arguments ...string) *writeSync {
	t.Helper()
	var args writesync.Arguments
	text := fmt.Appendf(nil, "endpoint {\n url = %q\n tenant_id = %q\n %s\n}", n.pushURL(), n.id, strings.Join(arguments, "\n"))
	require.NoError(t, syntax.Unmarshal(text, &args))
	w := &writeSync{t: t, loki: n, buried: alloyloki.NewCollectingHandler(), registry: prometheus.NewRegistry()}
	args.DeadLetter = []alloyloki.LogsReceiver{w.buried.Receiver()}
	c, err := writesync.New(component.Options{
		ID: "loki.write_sync.out", Logger: log.NewNopLogger(), Registerer: w.registry,
		OnStateChange: func(e component.Exports) { w.Acceptor = e.(writesync.Exports).Receiver.(receiver.Acceptor) },
	}, args)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
		w.buried.Stop()
	})
	return w
}

// line is an entry with structured metadata, given as name, value, name, value.
func line(labels model.LabelSet, at time.Time, text string, metadata ...string) alloyloki.Entry {
	e := push.Entry{Timestamp: at, Line: text}
	for i := 0; i < len(metadata); i += 2 {
		e.StructuredMetadata = append(e.StructuredMetadata, push.LabelAdapter{Name: metadata[i], Value: metadata[i+1]})
	}
	return alloyloki.NewEntry(labels, e)
}

// accept delivers entries twice, as a sender does that has missed the first
// answer, and returns what Loki has of them.
func (w *writeSync) accept(entries ...alloyloki.Entry) []entry {
	w.t.Helper()
	deliver := func() []entry {
		ctx, cancel := context.WithTimeout(w.t.Context(), patience)
		defer cancel()
		require.NoError(w.t, w.Accept(ctx, entries))
		return w.loki.entries(w.t, everything)
	}
	began := time.Now()
	first := deliver()
	second := deliver()
	// Moved entries keep their new time for ten minutes of the clock.
	if began.Truncate(10 * time.Minute).Equal(time.Now().Truncate(10 * time.Minute)) {
		require.Empty(w.t, difference(first, second), "a repetition has changed something")
	}
	return first
}

// counter returns the sum of a metric over all series with the label value.
func (w *writeSync) counter(name, value string) float64 {
	w.t.Helper()
	families, err := w.registry.Gather()
	require.NoError(w.t, err)
	sum := 0.0
	for _, family := range families {
		if family.GetName() != "loki_write_sync_"+name {
			continue
		}
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetValue() == value {
					sum += m.GetCounter().GetValue()
				}
			}
		}
	}
	return sum
}
