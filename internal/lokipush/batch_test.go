package lokipush

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/grafana/loki/pkg/push"

	"github.com/grafana/alloy/internal/component/common/loki"
)

func newEntry(labels model.LabelSet, at time.Time, line string) loki.Entry {
	return loki.NewEntryWithCreated(labels, at, push.Entry{Timestamp: at, Line: line})
}

// streamsIn shows the streams of a batch, each with its lines.
func (b *Batch) streamsIn() []string {
	var out []string
	for _, st := range b.streams {
		text := string(b.textOf(&st))
		if st.hasTenant {
			text = st.tenant + " " + text
		}
		for _, i := range b.order[st.from:st.to] {
			text += " " + b.entries[i].Line
		}
		out = append(out, text)
	}
	return out
}

func TestBatch_Streams(t *testing.T) {
	f := func(external model.LabelSet, entries []loki.Entry, want ...string) {
		t.Helper()
		b := NewBatch(entries, external, noon)
		defer b.Release()
		require.Equal(t, want, b.streamsIn())
	}
	web, api := model.LabelSet{"app": "web", "b": "1"}, model.LabelSet{"app": "api"}
	f(nil, nil)
	f(nil, []loki.Entry{newEntry(web, noon, "1"), newEntry(api, noon, "2"), newEntry(web, noon, "3")},
		`{app="web", b="1"} 1 3`, `{app="api"} 2`)
	// Equal label sets are one stream, whatever map they are.
	f(nil, []loki.Entry{newEntry(web, noon, "1"), newEntry(web.Clone(), noon, "2"), newEntry(api, noon, "3"), newEntry(web.Clone(), noon, "4")},
		`{app="web", b="1"} 1 2 4`, `{app="api"} 3`)
	f(nil, []loki.Entry{newEntry(nil, noon, "1"), newEntry(model.LabelSet{}, noon, "2")}, `{} 1 2`)
	// Labels of Alloy itself stay here, and one of them is the tenant.
	f(nil, []loki.Entry{newEntry(model.LabelSet{"app": "web", "__path__": "/x", "__tenant_id__": "t"}, noon, "1"), newEntry(model.LabelSet{"app": "web"}, noon, "2")},
		`t {app="web"} 1`, `{app="web"} 2`)
	f(nil, []loki.Entry{newEntry(model.LabelSet{"app": "web", "__tenant_id__": ""}, noon, "1"), newEntry(model.LabelSet{"app": "web"}, noon, "2")},
		` {app="web"} 1`, `{app="web"} 2`)
	f(model.LabelSet{"app": "none", "z": "9", "__tenant_id__": "t"}, []loki.Entry{newEntry(api, noon, "1"), newEntry(nil, noon, "2")},
		`t {app="api", z="9"} 1`, `t {app="none", z="9"} 2`)
	f(nil, []loki.Entry{newEntry(model.LabelSet{"q": "a\"b\\\n\x00é\xff", "plain": "a b~"}, noon, "1")},
		`{plain="a b~", q="a\"b\\\n\x00é\xff"} 1`)
}

func TestBatch_LabelsOf(t *testing.T) {
	b := NewBatch([]loki.Entry{newEntry(model.LabelSet{"b": "1", "__x": "y"}, noon, "1")}, model.LabelSet{"a": "2"}, noon)
	require.Equal(t, []label{{"a", "2"}, {"b", "1"}}, b.labelsOf(&b.streams[0]))
}

// A stream's late entries are pushed in the order of their times: the newest one
// first would make Loki find the others too far behind.
func TestBatch_SortsLateEntries(t *testing.T) {
	f := func(age time.Duration, want string) {
		t.Helper()
		set := model.LabelSet{"a": "1"}
		b := NewBatch([]loki.Entry{
			newEntry(set, noon.Add(-age), "1"), newEntry(set, noon.Add(-age-time.Second), "2"),
			newEntry(set, noon.Add(-age), "3"), newEntry(set, noon.Add(-age-time.Minute), "4"),
		}, nil, noon)
		require.Equal(t, []string{`{a="1"} ` + want}, b.streamsIn())
	}
	f(time.Minute, "1 2 3 4")
	f(lateAfter, "4 2 1 3")
}

func TestBatch_Encode(t *testing.T) {
	entries := delivery(300, 20)
	odd := []loki.Entry{
		newEntry(model.LabelSet{"a": "1"}, time.Time{}, ""),
		newEntry(model.LabelSet{"a": "1"}, time.Unix(0, 0), "x"),
		newEntry(model.LabelSet{"a": "1"}, time.Unix(-1, 1), strings.Repeat("long ", 100_000)),
		newEntry(model.LabelSet{"a": "1"}, time.Unix(1, 0), "x\x00\xff"),
	}
	odd[3].StructuredMetadata = push.LabelsAdapter{{Name: "empty", Value: ""}, {Name: "long", Value: strings.Repeat("x", 300)}}
	entries = append(entries, odd...)
	b := NewBatch(entries, nil, noon)
	defer b.Release()
	require.Equal(t, b.request(), decode(t, b.compress(nil, b.all())))

	// A part of a stream, and two parts that follow each other.
	got := decode(t, b.compress(nil, []segment{{0, 0, 1}, {0, 1, 2}, {1, b.streams[1].to - 1, b.streams[1].to}}))
	require.Len(t, got.Streams, 2)
	require.Len(t, got.Streams[0].Entries, 2)
	require.Len(t, got.Streams[1].Entries, 1)
}

// request returns the batch as Loki's own types have it.
func (b *Batch) request() push.PushRequest {
	var req push.PushRequest
	for _, st := range b.streams {
		s := push.Stream{Labels: string(b.textOf(&st))}
		for _, i := range b.order[st.from:st.to] {
			e := b.entries[i].Entry
			e.Timestamp = time.Unix(0, b.nanos[i]).UTC()
			s.Entries = append(s.Entries, e)
		}
		req.Streams = append(req.Streams, s)
	}
	return req
}

// The bytes are those that Loki's own encoder makes.
func FuzzBatch_Encode(f *testing.F) {
	f.Add("line", "name", "value", "label", int64(1), uint8(3))
	f.Add("", "", "", "", int64(-1), uint8(0))
	f.Add(strings.Repeat("x", 300), "a.b", "\xff", "\"\\", int64(math.MaxInt64), uint8(200))
	f.Fuzz(func(t *testing.T, line, name, value, text string, nanos int64, n uint8) {
		var entries []loki.Entry
		for i := range int(n) {
			e := newEntry(model.LabelSet{"app": model.LabelValue(text), "n": model.LabelValue(fmt.Sprint(i % 7))}, time.Unix(0, nanos), line[:min(i, len(line))])
			if i%3 > 0 {
				e.StructuredMetadata = push.LabelsAdapter{{Name: "m" + name, Value: value}, {Name: "n", Value: line}}[:i%3]
			}
			entries = append(entries, e)
		}
		b := NewBatch(entries, nil, noon)
		defer b.Release()
		req := b.request()
		want, err := req.Marshal()
		require.NoError(t, err)
		got, _ := b.encode(nil, b.all())
		require.True(t, slices.Equal(want, got))
	})
}

// Times that no year of Loki has are refused one by one, not with the whole push.
func TestBatch_Times(t *testing.T) {
	f := func(at time.Time, want int64) {
		t.Helper()
		require.Equal(t, want, nanosOf(at))
	}
	f(noon, noon.UnixNano())
	f(time.Unix(0, -1), -1)
	f(time.Time{}, math.MinInt64)
	f(time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC), math.MinInt64)
	f(time.Date(20_000, 1, 1, 0, 0, 0, 0, time.UTC), math.MaxInt64)
}

// Of a name without a letter or a digit Loki makes none, and answers 500 for the
// whole push.
func TestBatch_NamesMetadata(t *testing.T) {
	e := newEntry(model.LabelSet{"a": "1"}, noon, "x")
	e.StructuredMetadata = push.LabelsAdapter{{Name: "", Value: "1"}, {Name: "ok", Value: "2"}, {Name: "..", Value: "3"}, {Name: "é", Value: "4"}, {Name: "_7", Value: "5"}}
	entries := []loki.Entry{e, e}
	before := slices.Clone(e.StructuredMetadata)
	b := NewBatch(entries, nil, noon)
	defer b.Release()
	want := push.LabelsAdapter{{Name: "unnamed", Value: "1"}, {Name: "ok", Value: "2"}, {Name: "unnamed", Value: "3"}, {Name: "unnamed", Value: "4"}, {Name: "_7", Value: "5"}}
	for _, e := range decode(t, b.compress(nil, b.all())).Streams[0].Entries {
		require.Equal(t, want, e.StructuredMetadata)
	}
	require.Equal(t, before, entries[0].StructuredMetadata, "they are the caller's")
}

func TestBatch_Allocations(t *testing.T) {
	entries := delivery(1000, 200)
	dst := NewBatch(entries, nil, noon).compress(nil, nil)
	allocations := testing.AllocsPerRun(20, func() {
		b := NewBatch(entries, nil, noon)
		dst = b.compress(dst, b.all())
		b.Release()
	})
	// A few for the list of segments, and some under the race detector, where pools
	// forget; none for each entry or each stream.
	require.Less(t, allocations, 100.0)
}

// What is used again knows nothing of the batch before.
func TestBatch_Release(t *testing.T) {
	for i := range 3 {
		entries := delivery(100+i, 10*(i+1))
		b := NewBatch(entries, nil, noon)
		require.Equal(t, b.request(), decode(t, b.compress(nil, b.all())))
		require.Equal(t, len(entries), count(b.all()))
		b.Release()
	}
	large := NewBatch(make([]loki.Entry, maxKept+1), nil, noon)
	require.Equal(t, maxKept+1, large.Len())
	large.Release()
}
