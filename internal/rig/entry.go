package rig

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component/common/loki"
	"github.com/grafana/alloy/internal/component/common/relabel"
	"github.com/grafana/alloy/syntax"
)

// Entries returns what has been forwarded since the last call, n entries.
func (r *Rig[A]) Entries(n int) []loki.Entry {
	r.T.Helper()
	// The sink files an entry a moment after it has taken it.
	r.Eventually(func() bool { return len(r.Sink.Received()) >= n }, "%d entries", n)
	entries := r.Sink.Received()
	r.Sink.Clear()
	r.taken += len(entries)
	require.Len(r.T, entries, n)
	return entries
}

// AllEntries returns what has been forwarded since the last call, however much
// the component says that is.
func (r *Rig[A]) AllEntries() []loki.Entry {
	r.T.Helper()
	return r.Entries(int(r.Metric("entries_total", "outcome", "forwarded")) - r.taken)
}

// Labels returns the labels of an entry.
func Labels(e loki.Entry) map[string]string {
	all := map[string]string{}
	for name, value := range e.Labels {
		all[string(name)] = string(value)
	}
	return all
}

// Metadata returns the structured metadata of an entry.
func Metadata(e loki.Entry) map[string]string {
	all := map[string]string{}
	for _, md := range e.StructuredMetadata {
		all[md.Name] = md.Value
	}
	return all
}

// Plain is an entry without the time of its arrival.
func Plain(e loki.Entry) string {
	return fmt.Sprintf("%d %s %v %s", e.Timestamp.UnixNano(), e.Labels, e.StructuredMetadata, e.Line)
}

// RequireSame compares long lists and shows where they part.
func RequireSame(t *testing.T, want, got []string) {
	t.Helper()
	for i := range min(len(want), len(got)) {
		require.Equal(t, want[i], got[i], "entry %d", i)
	}
	require.Len(t, got, len(want))
}

// Rules reads the rules of a loki.relabel.
func Rules(t *testing.T, text string) relabel.Rules {
	t.Helper()
	var block struct {
		Rules relabel.Rules `alloy:"rule,block,optional"`
	}
	require.NoError(t, syntax.Unmarshal([]byte(text), &block))
	return block.Rules
}
