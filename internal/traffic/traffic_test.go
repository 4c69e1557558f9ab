package traffic

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/grafana/alloy/eks/internal/subscription"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// made is a record and the truth about it, both copied.
type made struct {
	record []byte
	events []Event
}

// generate returns about that many events: fewer records where one holds many.
func generate(t *testing.T, o Options, records int) []made {
	t.Helper()
	if o.Shape.gathers() {
		records = (records + gatheredRunLength/2 - 1) * 2 / gatheredRunLength
	}
	g, err := New(o)
	require.NoError(t, err)
	out := make([]made, 0, records)
	for range records {
		record, events := g.Next(nil)
		m := made{record: record}
		for _, e := range events {
			e.Text = bytes.Clone(e.Text)
			m.events = append(m.events, e)
		}
		out = append(out, m)
	}
	return out
}

// document is a Fluent Bit document as encoding/json reads it.
type document struct {
	Time       any
	Stream     string
	LogTag     string
	P          string `json:"_p"`
	Log        *string
	Data       map[string]any
	RequestID  string `json:"request_id"`
	ReqID      string `json:"reqId"`
	Kubernetes *struct {
		PodName       string `json:"pod_name"`
		NamespaceName string `json:"namespace_name"`
		ContainerName string `json:"container_name"`
		Labels        map[string]string
		Annotations   map[string]string
	}
}

func parse(t *testing.T, data []byte) document {
	t.Helper()
	require.True(t, json.Valid(data), "not JSON: %q", data)
	var d document
	require.NoError(t, json.Unmarshal(data, &d))
	return d
}

// documents splits a record of the shape into its documents.
func documents(t *testing.T, shape Shape, record []byte) [][]byte {
	t.Helper()
	switch shape {
	case CloudWatch:
		var envelope struct {
			LogStream string
			LogEvents []struct{ Message string }
		}
		require.NoError(t, json.Unmarshal(record, &envelope))
		var docs [][]byte
		for _, ev := range envelope.LogEvents {
			docs = append(docs, []byte(ev.Message))
		}
		return docs
	case SimpleAggregation:
		require.True(t, bytes.HasSuffix(record, []byte("}\n\n")))
		return bytes.Split(record[:len(record)-2], []byte("\n"))
	default:
		require.True(t, bytes.HasSuffix(record, []byte("\n")))
		require.Equal(t, 1, bytes.Count(record, []byte("\n")))
		return [][]byte{record[:len(record)-1]}
	}
}

// TestGenerator_RecordsHoldTheTruth decodes the records of every shape with
// encoding/json and finds in them what the events say.
func TestGenerator_RecordsHoldTheTruth(t *testing.T) {
	f := func(shape Shape, check func(d document, e Event)) {
		t.Helper()
		for _, m := range generate(t, Options{Shape: shape, Pods: 30, CloudWatch: subscription.Decompressed}, 150) {
			docs := documents(t, shape, m.record)
			require.Len(t, docs, len(m.events))
			for i, e := range m.events {
				require.True(t, e.HasMetadata)
				d := parse(t, docs[i])
				require.Equal(t, e.Pod, d.Kubernetes.PodName)
				require.Equal(t, e.Namespace, d.Kubernetes.NamespaceName)
				require.Equal(t, e.Container, d.Kubernetes.ContainerName)
				require.Equal(t, e.App, d.Kubernetes.Labels["app.kubernetes.io/name"])
				require.Len(t, d.Kubernetes.Labels, 8)
				require.Len(t, d.Kubernetes.Annotations, 2)
				check(d, e)
			}
		}
	}
	exact := func(e Event) string { return e.Time.Format(time.RFC3339Nano) }
	joined := func(d document, e Event) {
		require.Equal(t, string(e.Text), *d.Log)
		require.Equal(t, e.Stream, d.Stream)
		require.Equal(t, "F", d.P)
		require.Equal(t, e.HasTime, d.Time == exact(e), "time %v of %q", d.Time, e.Text)
	}

	f(FargateDefault, func(d document, e Event) {
		require.True(t, e.HasTime && e.HasText)
		require.Equal(t, exact(e)+" "+e.Stream+" F "+string(e.Text), *d.Log)
	})
	f(CRIOParser, func(d document, e Event) {
		require.False(t, e.HasTime)
		require.Equal(t, e.Stream, d.Stream)
		require.Equal(t, "F", d.LogTag)
		require.Equal(t, e.HasText, d.Log != nil)
		if e.HasText {
			require.Equal(t, string(e.Text), *d.Log)
			return
		}
		n, ok := Sequence(d.RequestID + d.ReqID)
		require.True(t, ok)
		require.Equal(t, e.Sequence, n)
	})
	f(CRIParser, joined)
	f(SimpleAggregation, joined)
	f(CloudWatch, joined)
	f(MergeLogKey, func(d document, e Event) {
		require.True(t, e.HasTime)
		joined(d, e)
		require.Equal(t, e.Text[0] == '{', d.Data != nil)
		if d.Data != nil {
			var want map[string]any
			require.NoError(t, json.Unmarshal(e.Text, &want))
			require.Equal(t, want, d.Data)
		}
	})
	f(DockerJSON, func(d document, e Event) {
		require.Equal(t, string(e.Text)+"\n", *d.Log)
		require.Equal(t, e.Stream, d.Stream)
		require.Equal(t, e.HasTime, d.Time == exact(e))
	})
}

func TestGenerator_LogKeyHoldsTheEscapedLine(t *testing.T) {
	for _, m := range generate(t, Options{Shape: LogKey}, 500) {
		require.Len(t, m.events, 1)
		e := m.events[0]
		var line string
		require.NoError(t, json.Unmarshal([]byte(`"`+strings.TrimSuffix(string(m.record), "\n")+`"`), &line))
		require.Equal(t, string(e.Text), line)
		require.True(t, e.HasText)
		require.False(t, e.HasTime || e.HasMetadata)
	}
}

// TestGenerator_CloudWatchStreamNamesThePod checks what a receiver needs when
// the message has no metadata.
func TestGenerator_CloudWatchStreamNamesThePod(t *testing.T) {
	o := Options{Shape: CloudWatch, CloudWatch: subscription.Decompressed, RecordSize: 300}
	for _, m := range generate(t, o, 500) {
		var envelope struct {
			LogGroup, LogStream string
			LogEvents           []struct{ Timestamp int64 }
		}
		require.NoError(t, json.Unmarshal(m.record, &envelope))
		require.Equal(t, LogGroup, envelope.LogGroup)
		for i, e := range m.events {
			require.False(t, e.HasMetadata)
			require.Contains(t, envelope.LogStream, ".containers."+e.Pod+"_"+e.Namespace+"_"+e.Container+"-")
			require.Equal(t, e.Time.UnixMilli(), envelope.LogEvents[i].Timestamp)
		}
	}
}

// TestGenerator_TextStatesWhatTheEventSays reads time and level out of the
// lines by the means that an application's reader would use.
func TestGenerator_TextStatesWhatTheEventSays(t *testing.T) {
	levels := map[string]int{}
	streams := map[string]int{}
	for _, m := range generate(t, Options{Pods: 10}, 3000) {
		e := m.events[0]
		levels[e.Level]++
		streams[e.Stream]++
		text := string(e.Text)
		require.NotContains(t, text, "\n")
		if !e.TextTime.IsZero() {
			require.Equal(t, e.TextTime, statedTime(t, text))
			require.WithinRange(t, e.TextTime, e.Time.Add(-1001*time.Millisecond), e.Time)
		}
		if e.Level != "" {
			require.True(t, strings.Contains(text, e.Level) || strings.Contains(text, strings.ToUpper(e.Level)) ||
				strings.Contains(text, `"level":`) || strings.HasPrefix(text, strings.ToUpper(e.Level[:1])), text)
		}
	}
	require.Len(t, levels, 5)
	require.Greater(t, levels["info"], levels["error"])
	require.Len(t, streams, 2)
}

// statedTime is the slow, obvious reader of the times in generated lines.
func statedTime(t *testing.T, text string) time.Time {
	t.Helper()
	if after, ok := strings.CutPrefix(text, "time="); ok {
		stated, err := time.Parse(time.RFC3339, after[:strings.IndexByte(after, ' ')])
		require.NoError(t, err)
		return stated
	}
	if _, after, ok := strings.Cut(text, " - - ["); ok {
		stated, err := time.Parse("02/Jan/2006:15:04:05 -0700", after[:strings.IndexByte(after, ']')])
		require.NoError(t, err)
		return stated.UTC()
	}
	var object struct {
		TS   json.Number
		Time any
	}
	require.NoError(t, json.Unmarshal([]byte(text), &object), text)
	switch v := object.Time.(type) {
	case string:
		stated, err := time.Parse(time.RFC3339Nano, v)
		require.NoError(t, err)
		return stated
	case float64:
		return time.UnixMilli(int64(v)).UTC()
	}
	seconds, err := strconv.ParseFloat(object.TS.String(), 64)
	require.NoError(t, err)
	return time.UnixMicro(int64(math.Round(seconds * 1e6))).UTC()
}

func TestGenerator_EveryLineHasItsSequence(t *testing.T) {
	const first = 41
	for _, shape := range Shapes() {
		o := Options{Shape: shape, Pods: 7, Partial: 0.02, FirstSequence: first}
		seen := map[uint64]bool{}
		for _, m := range generate(t, o, 400) {
			for _, e := range m.events {
				n, ok := Sequence(string(e.Text))
				require.True(t, ok)
				require.Equal(t, e.Sequence, n)
				require.False(t, seen[n], "line %d came twice", n)
				seen[n] = true
				require.True(t, e.Time.After(DefaultStart))
			}
		}
		for n := range uint64(len(seen)) - 2 { // The newest may still wait for their fragments.
			require.True(t, seen[first+n], "shape %s: line %d is missing", shape, first+n)
		}
	}
}

func TestGenerator_TimesIncreaseWithinAContainer(t *testing.T) {
	for _, interval := range []time.Duration{time.Microsecond, time.Millisecond, time.Minute} {
		last := map[string]time.Time{}
		for _, m := range generate(t, Options{Pods: 5, Interval: interval}, 4000) {
			e := m.events[0]
			file := e.Pod + "/" + e.Container
			require.True(t, e.Time.After(last[file]), "%v after %v", e.Time, last[file])
			last[file] = e.Time
		}
	}
}

func TestGenerator_SameOptionsSameRecords(t *testing.T) {
	for _, shape := range Shapes() {
		o := Options{Shape: shape, Partial: 0.01, Seed: 3}
		want := generate(t, o, 200)
		require.Equal(t, want, generate(t, o, 200))
		o.Seed = 4
		require.NotEqual(t, want, generate(t, o, 200))
	}
}

func TestOptions_Span(t *testing.T) {
	for _, shape := range Shapes() {
		o := Options{Shape: shape, Interval: time.Second, CloudWatch: subscription.Extracted, RecordSize: 300}
		out := generate(t, o, 1000)
		events := out[len(out)-1].events
		require.InEpsilon(t, o.Span(len(out)), events[len(events)-1].Time.Sub(DefaultStart), 0.25)
	}
}

// fragments reads the physical lines of a shape without joining.
func fragments(t *testing.T, shape Shape, m made) (text, stream string, final bool) {
	t.Helper()
	d := parse(t, m.record)
	switch shape {
	case FargateDefault:
		part := strings.SplitN(*d.Log, " ", 4)
		return part[3], part[1], part[2] == "F"
	case DockerJSON:
		text, final = strings.CutSuffix(*d.Log, "\n")
		return text, d.Stream, final
	default:
		if d.Log == nil {
			return "", d.Stream, d.LogTag == "F"
		}
		return *d.Log, d.Stream, d.LogTag == "F"
	}
}

func TestGenerator_FragmentsJoinToTheLine(t *testing.T) {
	for _, shape := range []Shape{FargateDefault, CRIOParser, DockerJSON} {
		const size = 700
		o := Options{Shape: shape, Pods: 3, Partial: 0.5, FragmentSize: size}
		open := map[string]string{}
		var cut, between int
		for _, m := range generate(t, o, 3000) {
			if shape == CRIOParser && len(m.events) == 1 && !m.events[0].HasText {
				continue
			}
			text, stream, final := fragments(t, shape, m)
			require.Equal(t, final, len(m.events) == 1)
			if !final {
				require.LessOrEqual(t, len(text), size)
				open[stream] += text
				continue
			}
			e := m.events[0]
			require.Equal(t, string(e.Text), open[stream]+text)
			require.Equal(t, e.Stream, stream)
			if open[stream] != "" {
				cut++
			}
			delete(open, stream)
			between += len(open)
		}
		require.Greater(t, cut, 100)
		require.Greater(t, between, 20, "no line stands between fragments")
	}
}

// TestGenerator_JoinedLinesAreMarked checks the shapes in which Fluent Bit
// joins fragments itself.
func TestGenerator_JoinedLinesAreMarked(t *testing.T) {
	marked := 0
	for _, m := range generate(t, Options{Shape: CRIParser, Partial: 0.2}, 500) {
		d := parse(t, m.record)
		require.Equal(t, string(m.events[0].Text), *d.Log)
		require.Equal(t, len(*d.Log) >= DefaultFragmentSize, d.P == "P")
		if d.P == "P" {
			marked++
		}
	}
	require.InDelta(t, 100, marked, 40)
}

func TestGenerator_RecordSize(t *testing.T) {
	for _, shape := range Shapes() {
		for _, size := range []int{400, 700, 1200, 8000, 60_000} {
			o := Options{Shape: shape, RecordSize: size, CloudWatch: subscription.Extracted}
			var bytes, events int
			for _, m := range generate(t, o, max(150, 2_000_000/size)) {
				bytes += len(m.record)
				events += len(m.events)
			}
			require.InEpsilon(t, size, float64(bytes)/float64(events), 0.2, "shape %s, size %d", shape, size)
		}
	}
}

func TestGenerator_LargestRecordsFitFirehose(t *testing.T) {
	for _, shape := range Shapes() {
		o := Options{Shape: shape, RecordSize: MaxRecordSize, CloudWatch: subscription.Decompressed}
		for _, m := range generate(t, o, 8) {
			require.LessOrEqual(t, len(m.record), MaxRecord)
			require.NotEmpty(t, m.events)
		}
		o.Partial, o.FragmentSize = 1, MaxRecordSize/6
		for _, m := range generate(t, o, 8) {
			require.LessOrEqual(t, len(m.record), MaxRecord)
		}
	}
}

func TestGenerator_Compression(t *testing.T) {
	decoder, err := zstd.NewReader(nil)
	require.NoError(t, err)
	defer decoder.Close()
	f := func(c Compression, decompress func([]byte) ([]byte, error)) {
		t.Helper()
		for _, shape := range []Shape{FargateDefault, SimpleAggregation} {
			plain := generate(t, Options{Shape: shape}, 50)
			for i, m := range generate(t, Options{Shape: shape, Compression: c}, 50) {
				require.Less(t, len(m.record), len(plain[i].record))
				got, err := decompress(m.record)
				require.NoError(t, err)
				require.Equal(t, string(plain[i].record), string(got))
				require.Equal(t, plain[i].events, m.events)
			}
		}
	}
	f(Gzip, func(b []byte) ([]byte, error) {
		r, err := gzip.NewReader(bytes.NewReader(b))
		require.NoError(t, err)
		return io.ReadAll(r)
	})
	f(Zstd, func(b []byte) ([]byte, error) { return decoder.DecodeAll(b, nil) })
	f(Snappy, func(b []byte) ([]byte, error) { return snappy.Decode(nil, b) })
}

func TestGenerator_NextAppends(t *testing.T) {
	for _, c := range []Compression{None, Gzip} {
		want := generate(t, Options{Compression: c}, 1)[0].record
		g, err := New(Options{Compression: c})
		require.NoError(t, err)
		got, _ := g.Next([]byte("before"))
		require.Equal(t, "before"+string(want), string(got))
	}
}

func TestNew_PodsAreDistinct(t *testing.T) {
	for _, pods := range []int{1, 10, 3000} {
		g, err := New(Options{Pods: pods})
		require.NoError(t, err)
		names := map[string]bool{}
		files := map[string]bool{}
		namespaces := map[string]bool{}
		for _, s := range g.sources {
			names[s.namespace+"/"+s.pod] = true
			namespaces[s.namespace] = true
			require.False(t, files[s.dockerID])
			files[s.dockerID] = true
		}
		require.Len(t, names, pods)
		if pods > 1000 {
			require.Greater(t, len(namespaces), len(teams))
		}
	}
}

func TestNew_Failure(t *testing.T) {
	f := func(o Options, want string) {
		t.Helper()
		_, err := New(o)
		require.ErrorContains(t, err, want)
	}
	f(Options{Shape: "xml"}, `unknown shape "xml"`)
	f(Options{Compression: "br"}, `unknown compression "br"`)
	f(Options{CloudWatch: "zip"}, `unknown CloudWatch shape "zip"`)
	f(Options{Shape: CloudWatch, Compression: Gzip}, "does not go with CloudWatch")
	f(Options{RecordSize: MinRecordSize - 1}, "record size 199")
	f(Options{RecordSize: MaxRecordSize + 1}, "record size 1000001")
	f(Options{Pods: -1}, "number of pods -1")
	f(Options{Pods: MaxPods + 1}, "number of pods 100001")
	f(Options{Partial: 1.1}, "partial")
	f(Options{Partial: math.NaN()}, "partial")
	f(Options{FragmentSize: 100}, "fragment size 100")
	f(Options{Interval: time.Nanosecond}, "interval 1ns")
}

func TestSequence(t *testing.T) {
	f := func(line string, want uint64, ok bool) {
		t.Helper()
		n, found := Sequence(line)
		require.Equal(t, ok, found)
		require.Equal(t, want, n)
	}
	f("x req-000000000042 y", 42, true)
	f("req-short req-12 req-000000000007", 7, true)
	f("req-00000000004", 0, false)
	f("req-", 0, false)
	f("", 0, false)
}

// TestGenerator_Golden pins the first records of every shape: the same seed must
// give them on every machine, and a reader can see what each shape looks like.
func TestGenerator_Golden(t *testing.T) {
	const path = "testdata/records.txtar"
	got := &txtar.Archive{Comment: []byte("The first records of each shape: ten pods, one line in eight cut.\n")}
	for _, shape := range Shapes() {
		o := Options{Shape: shape, Pods: 10, RecordSize: 500, Partial: 0.125, FragmentSize: minFragmentSize, CloudWatch: subscription.Decompressed}
		var data []byte
		if shape.gathers() {
			o.Seed = 1
		}
		for _, m := range generate(t, o, 8) {
			data = append(bytes.TrimRight(append(data, m.record...), "\n"), '\n')
		}
		got.Files = append(got.Files, txtar.File{Name: string(shape), Data: data})
	}
	for _, c := range []Compression{Zstd, Snappy} {
		m := generate(t, Options{Compression: c, RecordSize: 300}, 1)[0]
		data := base64.StdEncoding.AppendEncode(nil, m.record)
		got.Files = append(got.Files, txtar.File{Name: string(c) + ".base64", Data: append(data, '\n')})
	}
	if *update {
		require.NoError(t, os.WriteFile(path, txtar.Format(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(txtar.Format(got)))
}

// TestGenerator_Allocations keeps the generator cheap: it feeds benchmarks.
func TestGenerator_Allocations(t *testing.T) {
	g, err := New(Options{})
	require.NoError(t, err)
	var record []byte
	for range 2000 { // Until buffers have their size.
		record, _ = g.Next(record[:0])
	}
	require.LessOrEqual(t, testing.AllocsPerRun(5000, func() { record, _ = g.Next(record[:0]) }), 0.0)
}
