package kubelog

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/golden"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

// firehoseTime is when Firehose made the delivery of every golden case.
var firehoseTime = time.Date(2026, 8, 20, 10, 5, 0, 0, time.UTC).UnixNano()

// TestGolden reads testdata/records.txtar: for each case a file name/in with the
// records of one delivery, a blank line between two, and a file name/want with the
// events.
func TestGolden(t *testing.T) {
	golden.Check(t, "testdata/records.txtar", func(t *testing.T, in txtar.File) []txtar.File {
		name, ok := strings.CutSuffix(in.Name, "/in")
		if !ok {
			return nil
		}
		got := renderDelivery(t, Options{RecordKeys: map[string]bool{"team": true}}, strings.Split(string(in.Data), "\n\n"))
		return []txtar.File{{Name: name + "/want", Data: []byte(got)}}
	})
}

// renderDelivery returns the events of records, a line each.
func renderDelivery(t testing.TB, opts Options, records []string) string {
	t.Helper()
	known, err := event.NewSources(100)
	require.NoError(t, err)
	opts.Sources = known
	p := NewParser(opts)
	p.Reset(firehoseTime, nil)
	var sb strings.Builder
	var events []event.Event
	for _, rec := range records {
		events = p.Parse(events[:0], []byte(rec))
		renderEvents(&sb, events)
	}
	renderEvents(&sb, p.Flush(events[:0], time.Time{}))
	if c := p.Counts(); c.Control > 0 {
		fmt.Fprintf(&sb, "control messages: %d\n", c.Control)
	}
	return sb.String()
}

func renderEvents(sb *strings.Builder, events []event.Event) {
	for _, ev := range events {
		fmt.Fprintf(sb, "%q", ev.Line)
		for s := timestamp.CRI; s < timestamp.Firehose; s++ {
			if nanos, ok := ev.Times.Get(s); ok {
				fmt.Fprintf(sb, " %s=%s", s, time.Unix(0, nanos).UTC().Format(time.RFC3339Nano))
			}
		}
		show := func(name, value string) {
			if value != "" {
				fmt.Fprintf(sb, " %s=%s", name, value)
			}
		}
		show("stream", ev.Stream)
		show("level", ev.Level)
		show("flaw", string(ev.Flaw))
		show("id", string(ev.ID))
		show("partial", map[event.Partial]string{event.Joined: "joined", event.Fragment: "fragment"}[ev.Partial])
		sb.WriteByte('\n')
		if ev.Source != nil {
			for _, l := range ev.Source.Labels {
				fmt.Fprintf(sb, "    %s=%q\n", l.Name, l.Value)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	archive, err := txtar.ParseFile("testdata/records.txtar")
	require.NoError(f, err)
	for _, file := range archive.Files {
		if strings.HasSuffix(file.Name, "/in") {
			for _, rec := range strings.Split(string(file.Data), "\n\n") {
				f.Add([]byte(rec))
			}
		}
	}
	levels := []string{"", "trace", "debug", "info", "warn", "error", "fatal"}
	known, err := event.NewSources(100)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, rec []byte) {
		p := NewParser(Options{Sources: known})
		p.Reset(firehoseTime, nil)
		before := string(rec)
		first := keepAll(p.Parse(nil, rec))
		first = append(first, keepAll(p.Flush(nil, time.Time{}))...)
		require.Equal(t, before, string(rec), "a record belongs to its decoder")
		for _, ev := range first {
			require.Contains(t, levels, ev.Level)
			require.Contains(t, []string{"", "stdout", "stderr"}, ev.Stream)
		}
		// The same delivery gives the same events.
		p.Reset(firehoseTime, nil)
		second := keepAll(p.Parse(nil, rec))
		second = append(second, keepAll(p.Flush(nil, time.Time{}))...)
		require.Equal(t, first, second)
	})
}

func keepAll(events []event.Event) []event.Event {
	for i := range events {
		events[i].Line = append([]byte{}, events[i].Line...)
		events[i].ID = append([]byte{}, events[i].ID...)
	}
	return events
}
