package kubelog

import (
	"encoding/base64"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/capture"
	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/podlog"
	"github.com/grafana/alloy/eks/internal/record"
	"github.com/grafana/alloy/eks/internal/subscription"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

const testdata = "../../testdata/fluentbit"

// found is one event with memory of its own.
type found struct {
	event.Event
	text string
}

// parseCapture returns the events of a capture, delivered in one piece.
func parseCapture(t testing.TB, opts Options, name string) []found {
	t.Helper()
	p := NewParser(opts)
	p.Reset(0, nil)
	r := capture.Open(subscription.Gzip, filepath.Join(testdata, name))
	defer r.Close()
	var decoder record.Decoder
	decoder.Reset(record.Limits{RecordSize: 64 << 20, DeliverySize: 256 << 20})
	var out []found
	var events []event.Event
	keep := func() {
		for i := range events {
			out = append(out, found{events[i], string(events[i].Line)})
		}
	}
	for r.Next() {
		rec, err := decoder.Decode([]byte(base64.StdEncoding.EncodeToString(r.Record())))
		require.NoError(t, err)
		events = p.Parse(events[:0], rec)
		keep()
	}
	require.NoError(t, r.Err())
	events = p.Flush(events[:0], time.Time{})
	keep()
	return out
}

// arrival says what a found event comes to at the far end.
func (e found) arrival() podlog.Arrival {
	a := podlog.Arrival{
		Pod: e.Source.Get(LabelPodName), Namespace: e.Source.Get(LabelNamespace), Container: e.Source.Get(LabelContainerName),
		Stream: e.Stream, Text: e.text, Fragment: e.Partial == event.Fragment,
	}
	for _, s := range []timestamp.Source{timestamp.CRI, timestamp.Record} {
		if nanos, ok := e.Times.Get(s); ok {
			a.Nanos = nanos
			break
		}
	}
	return a
}

func TestCaptures(t *testing.T) {
	all, err := podlog.ReadArchive(filepath.Join(testdata, "input.tar.gz"))
	require.NoError(t, err)
	f := func(name, dirs, want string) {
		t.Helper()
		known, err := event.NewSources(1000)
		require.NoError(t, err)
		var arrived []podlog.Arrival
		for _, e := range parseCapture(t, Options{Sources: known}, name) {
			arrived = append(arrived, e.arrival())
		}
		var written []podlog.Line
		for _, line := range all {
			if slices.Contains(strings.Fields(dirs), line.Dir) {
				written = append(written, line)
			}
		}
		got, notes := podlog.Compare(written, arrived)
		if got.String() != want {
			t.Errorf("%s:\n got %s\nwant %s\n%s", name, got, want, strings.Join(notes, "\n"))
		}
	}
	f("fargate-default.jsonl.gz", "cri cri-long",
		"lines=290 exact=281 merged=0 altered=9 time=287 source=279 fragments=0 extra=0 missing=1")
	f("fargate-no-filter.jsonl.gz", "cri",
		"lines=280 exact=272 merged=0 altered=8 time=277 source=0 fragments=10 extra=0 missing=4")
	f("fargate-crio-parser.jsonl.gz", "cri",
		"lines=266 exact=256 merged=10 altered=0 time=1 source=255 fragments=0 extra=18 missing=18")
	f("cri-parser.jsonl.gz", "cri cri-long",
		"lines=290 exact=282 merged=0 altered=8 time=286 source=280 fragments=0 extra=0 missing=1")
	f("docker-json.jsonl.gz", "docker",
		"lines=277 exact=277 merged=0 altered=0 time=275 source=272 fragments=0 extra=0 missing=0")
	f("log-key.jsonl.gz", "cri cri-long",
		"lines=277 exact=277 merged=0 altered=0 time=1 source=0 fragments=0 extra=12 missing=14")
	f("merge-log-key.jsonl.gz", "cri",
		"lines=283 exact=275 merged=0 altered=8 time=281 source=273 fragments=0 extra=0 missing=1")
	f("simple-aggregation.jsonl.gz", "cri",
		"lines=283 exact=275 merged=0 altered=8 time=279 source=273 fragments=0 extra=0 missing=1")
	f("compression-gzip.jsonl.gz", "cri",
		"lines=283 exact=275 merged=0 altered=8 time=279 source=273 fragments=0 extra=0 missing=1")
	f("compression-zstd.jsonl.gz", "cri",
		"lines=283 exact=275 merged=0 altered=8 time=279 source=273 fragments=0 extra=0 missing=1")
	f("time-key.jsonl.gz", "cri",
		"lines=283 exact=257 merged=10 altered=16 time=280 source=272 fragments=0 extra=0 missing=1")
	f("cloudwatch.jsonl.gz", "cri cri-long",
		"lines=290 exact=282 merged=0 altered=8 time=286 source=290 fragments=0 extra=0 missing=1")
	f("v1.9.10/cri-parser.jsonl.gz", "cri cri-long",
		"lines=289 exact=279 merged=0 altered=10 time=285 source=279 fragments=1 extra=1 missing=2")
	f("v1.9.10/fargate-default.jsonl.gz", "cri cri-long",
		"lines=290 exact=280 merged=0 altered=10 time=287 source=279 fragments=0 extra=0 missing=1")
}

// What a parser remembers of records before changes no event.
func TestCaptures_SameWithAndWithoutMemory(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testdata, "*.jsonl.gz"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		known, err := event.NewSources(1000)
		require.NoError(t, err)
		warm := NewParser(Options{Sources: known})
		var decoder record.Decoder
		decoder.Reset(record.Limits{RecordSize: 64 << 20, DeliverySize: 256 << 20})
		for r := capture.Open(subscription.Gzip, file); r.Next(); {
			rec, err := decoder.Decode([]byte(base64.StdEncoding.EncodeToString(r.Record())))
			require.NoError(t, err)
			fresh := NewParser(Options{Sources: known})
			var events [2][]event.Event
			for i, p := range []*Parser{warm, fresh} {
				p.Reset(firehoseTime, nil)
				events[i] = keepAll(p.Parse(nil, rec))
				events[i] = append(events[i], keepAll(p.Flush(nil, time.Time{}))...)
			}
			require.Equal(t, events[1], events[0], "%s: %s", file, rec)
		}
	}
}
