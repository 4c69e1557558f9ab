package receiver

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component/common/loki"
	"github.com/grafana/loki/pkg/push"

	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/lokientry"
)

// ParseEntry implements EntryParser: the output stream of an event tells how many
// events came before it.
func (p *lineParser) ParseEntry(dst []event.Event, e *loki.Entry) []event.Event {
	from := len(dst)
	dst = p.Parse(dst, []byte(e.Line))
	for i := range dst[from:] {
		dst[from+i].Stream = fmt.Sprint(p.settled)
		p.settled++
	}
	return dst
}

// withIntake lets a receiver take entries whose label team is theirs to keep.
func withIntake(cfg *Config) {
	cfg.Intake = &Intake{
		NewParser: func() EntryParser { return &lineParser{counts: []int{0, 0}, held: &held{}} },
		Describe: func(set model.LabelSet) *lokientry.Delivery {
			return &lokientry.Delivery{
				Static: []event.Label{{Name: "team", Value: string(set["team"])}},
				Tenant: string(set[lokientry.LabelTenant]),
			}
		},
	}
}

// give sends an entry to the receiver, as another component does.
func (r *rig) give(labels model.LabelSet, line string, metadata ...push.LabelAdapter) {
	r.t.Helper()
	e := loki.NewEntry(labels, push.Entry{Timestamp: lineTime, Line: line, StructuredMetadata: metadata})
	select {
	case r.Entries().Chan() <- e:
	case <-time.After(patience):
		require.Fail(r.t, "the entry was not taken")
	}
}

func TestIntake(t *testing.T) {
	r := newRig(t, withIntake)
	r.give(model.LabelSet{"team": "search"}, "one\ntwo")
	r.give(model.LabelSet{"team": "search"}, "three", push.LabelAdapter{Name: "trace", Value: "t1"}, push.LabelAdapter{Name: "job", Value: "theirs"}, push.LabelAdapter{Name: "level", Value: "info"})
	r.give(model.LabelSet{"team": "shop", lokientry.LabelTenant: "t2"}, "control")
	r.give(model.LabelSet{"team": "shop", lokientry.LabelTenant: "t2"}, "joined")
	r.eventually(func() bool { return len(r.sink.Received()) == 4 }, "4 entries")
	var got []string
	for _, e := range r.sink.Received() {
		require.Equal(t, lineTime.UnixNano(), e.Timestamp.UnixNano())
		got = append(got, fmt.Sprint(e.Line, " ", e.Labels, e.StructuredMetadata))
	}
	require.Equal(t, []string{
		`one {job="test", stream="0", team="search"} [{timestamp_source cri}]`,
		`two {job="test", stream="1", team="search"} [{timestamp_source cri}]`,
		`three {job="test", stream="2", team="search"} [{timestamp_source cri} {trace t1} {level info}]`,
		`joined {__tenant_id__="t2", job="test", stream="3", team="shop"} [{timestamp_source cri}]`,
	}, got)
	// What the UI shows is counted last.
	r.eventually(func() bool { return r.DebugInfo().TimestampSources["cri"] == 4 }, "counted")
	require.EqualValues(t, 4, r.metrics()["entries_total{forwarded}"])
	require.EqualValues(t, 1, r.metrics()["control_messages_total"], "what a parser counts is counted once")
	require.EqualValues(t, 1, r.metrics()["joined_lines_total"])
	require.Len(t, r.DebugInfo().TimestampSources, 1)
}

// A parser knows the lines before as long as the configuration is the same, and
// an entry that was taken under the one before is not lost.
func TestIntake_Update(t *testing.T) {
	r := newRig(t, withIntake)
	for i, change := range []bool{false, false, true, false} {
		if change {
			require.NoError(t, r.Update(r.cfg))
		}
		r.give(nil, fmt.Sprint("line ", i))
		r.eventually(func() bool { return len(r.sink.Received()) == i+1 }, "line %d", i)
	}
	var got []string
	for _, e := range r.sink.Received() {
		got = append(got, e.Line+" "+string(e.Labels["stream"]))
	}
	require.Equal(t, []string{"line 0 0", "line 1 1", "line 2 0", "line 3 1"}, got)
}

// Many label sets are not remembered for ever.
func TestIntake_ManyLabelSets(t *testing.T) {
	r := newRig(t, withIntake)
	const n = 2*maxDescribed + 10
	for i := range n {
		r.give(model.LabelSet{"team": model.LabelValue(fmt.Sprint(i))}, "x")
	}
	r.eventually(func() bool { return len(r.sink.Received()) == n }, "%d entries", n)
	for i, e := range r.sink.Received() {
		require.Equal(t, fmt.Sprint(i), string(e.Labels["team"]))
	}
}

// An entry at hand when everything stops is given a last chance: the sender has
// forgotten it already.
func TestIntake_LastEntry(t *testing.T) {
	stuck := loki.NewLogsReceiver()
	r := newRig(t, func(cfg *Config) {
		withIntake(cfg)
		cfg.ForwardTo = []loki.LogsReceiver{stuck}
	})
	r.give(nil, "last")
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.ended()
	}()
	r.eventually(func() bool { return r.Address() == "" }, "stopping")
	select {
	case e := <-stuck.Chan():
		require.Equal(t, "last", e.Line)
	case <-time.After(patience):
		require.Fail(t, "the entry was lost")
	}
	<-ended
}

// Nobody waits for ever for a receiver that takes nothing.
func TestIntake_StopsWhenStuck(t *testing.T) {
	r := newRig(t, func(cfg *Config) {
		withIntake(cfg)
		cfg.ForwardTo = []loki.LogsReceiver{loki.NewLogsReceiver()}
	})
	r.give(nil, "lost")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.ended()
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		require.Fail(t, "the receiver does not stop")
	}
	require.Zero(t, r.metrics()["entries_total{forwarded}"])
}

// A component that listens nowhere still takes entries, and a server comes and
// goes without harm to them.
func TestIntake_WithoutServer(t *testing.T) {
	var withServer Config
	r := newRig(t, func(cfg *Config) {
		withIntake(cfg)
		withServer = *cfg
		cfg.Server = nil
	})
	require.Empty(t, r.Address())
	r.give(nil, "one")
	require.Equal(t, []string{"one"}, r.lines(1))

	require.NoError(t, r.Update(withServer))
	require.NotEmpty(t, r.Address())
	status, _ := r.deliver("two")
	require.Equal(t, 200, status)
	r.give(nil, "three")
	require.Equal(t, []string{"two", "three"}, r.lines(2))

	without := withServer
	without.Server = nil
	require.NoError(t, r.Update(without))
	require.Empty(t, r.Address())
	r.give(nil, "four")
	require.Equal(t, []string{"four"}, r.lines(1))
}
