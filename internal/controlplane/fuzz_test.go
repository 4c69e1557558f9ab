package controlplane

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/grafana/alloy/eks/internal/event"
)

// goldenInputs returns what the golden cases deliver, as lines and as records.
func goldenInputs(t testing.TB) (lines, records []string) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		require.NoError(t, err)
		for _, f := range archive.Files {
			if !strings.HasSuffix(f.Name, "/in") {
				continue
			}
			records = append(records, readCase(t, string(f.Data))...)
			for line := range strings.Lines(string(f.Data)) {
				if !strings.HasPrefix(line, ":") {
					lines = append(lines, strings.TrimSuffix(line, "\n"))
				}
			}
		}
	}
	return lines, records
}

// checkEvents holds what is true of every event.
func checkEvents(t *testing.T, format LineFormat, events []event.Event) {
	t.Helper()
	for _, ev := range events {
		require.Contains(t, []string{"", "trace", "debug", "info", "warn", "error", "fatal"}, ev.Level)
		require.NotNil(t, ev.Source)
		require.NotEmpty(t, ev.Source.Get(LabelLogType))
		require.True(t, format != JSON || json.Valid(ev.Line), "%q", ev.Line)
		for _, f := range ev.Fields {
			require.NotEmpty(t, f.Value)
			require.LessOrEqual(t, len(f.Value), maxFieldLen)
		}
	}
}

func FuzzParse(f *testing.F) {
	_, records := goldenInputs(f)
	for _, rec := range records {
		f.Add([]byte(rec))
	}
	sources, err := event.NewSources(100)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, rec []byte) {
		before := bytes.Clone(rec)
		for _, format := range []LineFormat{Raw, JSON} {
			p := newTestParser(t, Options{Sources: sources, LineFormat: format, Redact: DefaultRedact()})
			first := keepAll(p.Parse(nil, rec))
			checkEvents(t, format, first)
			require.Equal(t, before, rec, "a record belongs to its decoder")
			// The same delivery gives the same events.
			p.Reset(firehoseTime, nil)
			require.Equal(t, first, keepAll(p.Parse(nil, rec)))
		}
	})
}

// FuzzParseLine reads a line as each component's own.
func FuzzParseLine(f *testing.F) {
	lines, _ := goldenInputs(f)
	for i, line := range lines {
		f.Add([]byte(line), uint8(i))
	}
	sources, err := event.NewSources(100)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, line []byte, stream uint8) {
		o := Origin{LogGroup: "/aws/eks/shop/cluster", Nanos: firehoseTime, HasTime: stream&0x80 != 0}
		if n := int(stream) % (len(streamPrefixes) + 1); n < len(streamPrefixes) {
			o.LogStream = streamPrefixes[n].prefix + testInstance
		}
		var fields [2][]event.Field
		for i, format := range []LineFormat{Raw, JSON} {
			p := newTestParser(t, Options{Sources: sources, LineFormat: format})
			events := p.ParseLine(nil, line, o)
			checkEvents(t, format, events)
			if format == Raw && !mayBeEnvelope(line) {
				require.Len(t, events, 1)
				require.True(t, bytes.Contains(line, events[0].Line), "nothing of a line changes")
			}
			for _, ev := range keepAll(events) {
				fields[i] = append(fields[i], ev.Fields...)
			}
		}
		require.Equal(t, fields[0], fields[1], "the format is of the line alone")
	})
}

// FuzzEscape holds the writer of JSON strings against encoding/json.
func FuzzEscape(f *testing.F) {
	f.Add("plain")
	f.Add("\"\\\b\f\n\r\t\x00\x1f\x7f\xff µ \u2028")
	f.Fuzz(func(t *testing.T, text string) {
		var got string
		require.NoError(t, json.Unmarshal(appendQuoted(nil, []byte(text)), &got))
		var want string
		quoted, err := json.Marshal(text)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(quoted, &want))
		require.Equal(t, want, got)
	})
}
