package controlplane

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/timestamp"
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
		if format == JSON {
			requireFlat(t, ev.Line)
		}
		for _, f := range ev.Fields {
			require.NotEmpty(t, f.Value)
			require.LessOrEqual(t, len(f.Value), maxFieldLen)
		}
	}
}

// requireFlat holds that line is one JSON object, of scalars alone.
func requireFlat(t *testing.T, line []byte) {
	t.Helper()
	require.NotContains(t, string(line), "\n")
	var object map[string]any
	require.NoError(t, json.Unmarshal(line, &object), "%q", line)
	for name, value := range object {
		switch value.(type) {
		case map[string]any, []any:
			require.Fail(t, "nested", "%s of %q", name, line)
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
		if stream&0x40 != 0 {
			o.LogStream, o.Filename = "", "export/"+o.LogStream+"/000000.gz"
		}
		var fields [2][]event.Field
		for i, format := range []LineFormat{Raw, JSON} {
			p := newTestParser(t, Options{Sources: sources, LineFormat: format})
			events := p.ParseLine(nil, line, o)
			checkEvents(t, format, events)
			if format == Raw && !mayBeEnvelope(line) {
				require.True(t, len(events) == 1 || o == Origin{LogGroup: o.LogGroup, Nanos: o.Nanos, HasTime: o.HasTime})
				for _, ev := range events {
					require.True(t, bytes.Contains(line, ev.Line), "nothing of a line changes")
				}
			}
			for _, ev := range keepAll(events) {
				fields[i] = append(fields[i], ev.Fields...)
			}
		}
		require.Equal(t, fields[0], fields[1], "the format is of the line alone")
	})
}

// FuzzStreamIn holds the search in a path against a plain one.
func FuzzStreamIn(f *testing.F) {
	f.Add("a/b/kube-scheduler-" + testInstance + "/000000.gz")
	f.Add("kube-apiserver-x/authenticator-y.log/z")
	f.Fuzz(func(t *testing.T, path string) {
		var named, identified string
		for name := range strings.SplitSeq(path, "/") {
			name, _, _ = strings.Cut(name, ".")
			if _, instance, ok := Classify([]byte(name)); len(instance) > 0 {
				identified = name
			} else if ok {
				named = name
			}
		}
		if identified != "" {
			named = identified
		}
		require.Equal(t, named, streamIn(path))
	})
}

// FuzzSequence reads lines of many streams without end in one parser, and each
// alone: but for the lines that follow others nothing differs.
func FuzzSequence(f *testing.F) {
	lines, _ := goldenInputs(f)
	for few := range slices.Chunk(lines, 6) {
		f.Add([]byte(strings.Join(few, "\n")))
	}
	sources, err := event.NewSources(100)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text []byte) {
		opts := Options{Sources: sources, LineFormat: Raw, Redact: DefaultRedact()}
		endless, alone := newTestParser(t, opts), newTestParser(t, opts)
		for i, line := range bytes.Split(text, []byte{'\n'}) {
			o := Origin{LogStream: streamPrefixes[i%len(streamPrefixes)].prefix + testInstance, Received: firehoseTime}
			alone.Reset(0, nil)
			got, want := endless.ParseLine(nil, line, o), alone.ParseLine(nil, line, o)
			checkEvents(t, Raw, got)
			require.Len(t, got, len(want))
			for i := range got {
				require.Equal(t, want[i].Line, got[i].Line)
				require.Equal(t, want[i].Fields, got[i].Fields)
				if _, ok := want[i].Times.Get(timestamp.Line); ok {
					require.Equal(t, want[i].Times, got[i].Times)
				}
			}
		}
	})
}

// FuzzRedact looks for a secret in what is left of any piece of the audit event in
// which it stands.
func FuzzRedact(f *testing.F) {
	f.Add(`{"a":"b"},"stageTimestamp":"2026-08-20T10:04:59.000001Z","x":[`, "data", uint16(0), uint16(0))
	f.Add("\"}},\"responseStatus\":{\"code\":200},\"requestObject\":{\"", "resource", uint16(300), uint16(10))
	sources, err := event.NewSources(10)
	require.NoError(f, err)
	const marker = "S3CR3T"
	p := newTestParser(f, Options{Sources: sources, Redact: DefaultRedact()})
	inJSON := newTestParser(f, Options{Sources: sources, Redact: DefaultRedact(), LineFormat: JSON})
	f.Fuzz(func(t *testing.T, text, key string, head, tail uint16) {
		body, err := json.Marshal(map[string]any{key: text + marker, "list": []any{marker, map[string]string{text: marker}}, text: key})
		require.NoError(t, err)
		line := `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"a","stage":"ResponseComplete","user":{"username":"ada"},` +
			`"objectRef":{"resource":"secrets"},"responseStatus":{"code":200},"requestObject":` + string(body) + `,"responseObject":` + string(body) +
			`,"stageTimestamp":"2026-08-20T10:04:59.000001Z","annotations":{"authorization.k8s.io/decision":"allow"}}`
		from := int(head) % len(line)
		piece := line[from : len(line)-int(tail)%(len(line)-from)]
		for _, p := range []*Parser{p, inJSON} {
			for _, ev := range p.ParseLine(nil, []byte(piece), Origin{LogStream: "kube-apiserver-audit-" + testInstance}) {
				require.NotContains(t, string(ev.Line), marker, "%q", piece)
				for _, field := range ev.Fields {
					require.NotContains(t, string(field.Value), marker, "%q", piece)
				}
			}
		}
	})
}
