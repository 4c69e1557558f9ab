package endtoend

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/standin"
	"github.com/grafana/alloy/eks/internal/traffic"
)

// generated is traffic that knows what was written. It implements
// standin.Source.
type generated struct {
	generator *traffic.Generator
	left      int
	record    []byte
	written   []traffic.Event
}

func generate(t *testing.T, records int, o traffic.Options) *generated {
	t.Helper()
	generator, err := traffic.New(o)
	require.NoError(t, err)
	return &generated{generator: generator, left: records}
}

func (g *generated) Next() bool {
	if g.left == 0 {
		return false
	}
	g.left--
	var events []traffic.Event
	g.record, events = g.generator.Next(g.record[:0])
	for _, ev := range events {
		ev.Text = bytes.Clone(ev.Text)
		g.written = append(g.written, ev)
	}
	return true
}

func (g *generated) Record() []byte { return g.record }

func (g *generated) Err() error { return nil }

// bySequence returns the entries by the number that their line carries.
func bySequence(t *testing.T, entries []entry) map[uint64][]entry {
	t.Helper()
	found := map[uint64][]entry{}
	for _, e := range entries {
		n, ok := traffic.Sequence(e.Line)
		require.True(t, ok, "%q has no number", e.Line)
		found[n] = append(found[n], e)
	}
	return found
}

// lostAndDoubled counts the lines that are not in Loki, and the entries that are
// there more than once.
func (g *generated) lostAndDoubled(t *testing.T, entries []entry) (lost, doubled int) {
	t.Helper()
	found := bySequence(t, entries)
	for _, ev := range g.written {
		switch n := len(found[ev.Sequence]); n {
		case 0:
			lost++
		default:
			doubled += n - 1
		}
	}
	return lost, doubled
}

// TestTraffic generates records in each of Fluent Bit's shapes and checks every
// line for its time, text, stream and origin.
func TestTraffic(t *testing.T) {
	loki := sharedLoki(t)
	a := startAlloy(t, settings{Loki: loki, Arguments: anyAge + `partial_lines { max_wait = "30s" }`})
	records, lines := 0, 0
	for i, shape := range traffic.Shapes() {
		n := 3300
		if shape == traffic.SimpleAggregation || shape == traffic.CloudWatch {
			n = 200 // Each holds some forty lines.
		}
		g := generate(t, n, traffic.Options{Shape: shape, Pods: 50, Partial: 0.01, Seed: uint64(i)})
		a.mustDeliver(t, g, delivering{
			Options:       standin.Options{CommonAttributes: map[string]string{"lbl_shape": string(shape)}, Gzip: i%2 == 1},
			StreamOptions: standin.StreamOptions{BufferRecords: 300},
		})
		a.flush()
		entries := loki.entries(t, fmt.Sprintf(`{shape=%q}`, shape))
		require.Empty(t, g.differences(t, entries), shape)
		records, lines = records+n, lines+len(entries)
	}
	t.Logf("%d records, %d lines", records, lines)
}

// differences compares each line with its entry, of which there must be one, and
// describes the first few that differ.
func (g *generated) differences(t *testing.T, entries []entry) []string {
	t.Helper()
	const most = 10
	found := bySequence(t, entries)
	var out []string
	if len(entries) != len(g.written) {
		out = append(out, fmt.Sprintf("%d entries of %d lines", len(entries), len(g.written)))
	}
	for _, ev := range g.written {
		if len(found[ev.Sequence]) != 1 {
			out = append(out, fmt.Sprintf("%d entries of %.200q", len(found[ev.Sequence]), ev.Text))
			continue
		}
		e := found[ev.Sequence][0]
		if got, want := shown(e), expected(ev, e); got != want {
			out = append(out, fmt.Sprintf("got  %s\nwant %s", got, want))
		}
	}
	return out[:min(len(out), most)]
}

// shown is what of an entry depends on what was written.
func shown(e entry) string {
	return fmt.Sprintf("%d %s namespace=%s container=%s app=%s pod=%s stream=%s level=%s %.300q", e.Nanos, e.Metadata["timestamp_source"],
		e.Labels["namespace"], e.Labels["container"], e.Labels["app"], e.Metadata["pod"], e.Labels["stream"], e.Metadata["level"], e.Line)
}

// expected is what shown must be, as far as the record still holds it.
func expected(ev traffic.Event, e entry) string {
	want := entry{Labels: map[string]string{}, Metadata: map[string]string{"level": ev.Level}, Line: string(ev.Text)}
	switch {
	case ev.HasTime:
		want.Nanos = ev.Time.UnixNano()
		want.Metadata["timestamp_source"] = e.Metadata["timestamp_source"]
	case !ev.TextTime.IsZero():
		want.Nanos, want.Metadata["timestamp_source"] = ev.TextTime.UnixNano(), "line"
	default:
		want.Nanos, want.Metadata["timestamp_source"] = requestTime.UnixNano(), "firehose"
	}
	if !ev.HasText && equalJSON(want.Line, e.Line) {
		want.Line = e.Line
	}
	if ev.HasMetadata {
		want.Labels["namespace"], want.Labels["container"], want.Labels["app"] = ev.Namespace, ev.Container, ev.App
		want.Labels["stream"], want.Metadata["pod"] = ev.Stream, ev.Pod
	}
	return shown(want)
}

func equalJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}
