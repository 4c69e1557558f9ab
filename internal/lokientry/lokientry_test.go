package lokientry

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/relabel"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component/common/loki"

	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

const second = int64(time.Second)

var arrival = time.Unix(1_800_000_000, 0)

func options() Options {
	return Options{
		DefaultLabels: func(internal Internal, stream string) []event.Label {
			return []event.Label{{Name: "namespace", Value: internal("__ns")}, {Name: "stream", Value: stream}}
		},
		DefaultMetadata: func(internal Internal) []event.Label {
			return []event.Label{{Name: "pod", Value: internal("__pod")}}
		},
	}
}

func newBuilder(t testing.TB, opts Options, d *Delivery) *Builder {
	t.Helper()
	streams := NewStreams(opts)
	streams.Seal(d)
	b := NewBuilder(streams, &timestamp.Policy{
		Order:  []timestamp.Source{timestamp.CRI, timestamp.Firehose},
		MaxAge: time.Hour,
	})
	b.Reset(d, arrival)
	return b
}

func shopEvent(line string, nanos int64) *event.Event {
	ev := &event.Event{
		Source: &event.Source{Labels: []event.Label{{Name: "__ns", Value: "shop"}, {Name: "__pod", Value: "web-1"}}},
		Stream: "stdout",
		Line:   []byte(line),
	}
	ev.Times.Set(timestamp.CRI, nanos)
	return ev
}

// show renders an entry the way the cases below expect it.
func show(e loki.Entry) string {
	var md []string
	for _, l := range e.StructuredMetadata {
		md = append(md, l.Name+"="+l.Value)
	}
	return fmt.Sprintf("%s %d %q %s", e.Labels, e.Timestamp.UnixNano()-arrival.UnixNano(), e.Line, strings.Join(md, " "))
}

func TestBuilder(t *testing.T) {
	now := arrival.UnixNano()
	f := func(ev *event.Event, want string) {
		t.Helper()
		b := newBuilder(t, options(), &Delivery{Nanos: now - second})
		delay, ok := b.Append(ev)
		require.True(t, ok)
		require.Len(t, b.Entries(), 1)
		require.Equal(t, want, show(b.Entries()[0]))
		require.Equal(t, time.Duration(5*second), delay.Round(time.Second))
	}
	at := now - 5*second
	f(shopEvent("hello", at+7), `{namespace="shop", stream="stdout"} -4999999993 "hello" pod=web-1 timestamp_source=cri`)

	ev := shopEvent("", at)
	ev.Level, ev.Partial, ev.Flaw = "error", event.Fragment, event.FlawJSON
	f(ev, `{namespace="shop", stream="stdout"} -5000000000 "" pod=web-1 level=error timestamp_source=cri partial=true parse_error=json`)
}

func TestBuilder_FieldsAndLevelLabel(t *testing.T) {
	opts := options()
	opts.LevelLabel = true
	b := newBuilder(t, opts, &Delivery{})
	for _, level := range []string{"warn", "error", "warn"} {
		ev := shopEvent("x", arrival.UnixNano())
		ev.Source, ev.Level = nil, level
		verb := []byte("get")
		ev.Fields = []event.Field{{Name: "verb", Value: verb}}
		b.Append(ev)
		copy(verb, "XXX")
	}
	var got []string
	for _, e := range b.Entries() {
		got = append(got, fmt.Sprint(e.Labels, e.StructuredMetadata))
	}
	require.Equal(t, []string{
		`{level="warn", stream="stdout"} [{verb get} {timestamp_source cri}]`,
		`{level="error", stream="stdout"} [{verb get} {timestamp_source cri}]`,
		`{level="warn", stream="stdout"} [{verb get} {timestamp_source cri}]`,
	}, got)
}

func TestBuilder_TimeThatLokiWouldRefuse(t *testing.T) {
	b := newBuilder(t, options(), &Delivery{Nanos: arrival.UnixNano() - second})
	old := arrival.Add(-48 * time.Hour)
	delay, _ := b.Append(shopEvent("late", old.UnixNano()))
	require.Equal(t, 48*time.Hour, delay)
	require.Equal(t, `{namespace="shop", stream="stdout"} -1000000000 "late" pod=web-1 timestamp_source=firehose true_timestamp=`+
		old.UTC().Format(time.RFC3339Nano), show(b.Entries()[0]))
	require.Equal(t, 1, b.Counts().Moved)
}

// Lines that differ keep their time, wherever they differ: it would depend on what
// else stands in the delivery.
func TestBuilder_LinesThatDifferStay(t *testing.T) {
	b := newBuilder(t, options(), &Delivery{})
	src := shopEvent("", 0).Source
	for i := range 300 {
		line := []byte(strings.Repeat("x", 300))
		line[i] = 'y'
		ev := shopEvent(string(line), arrival.UnixNano())
		ev.Source = src
		b.Append(ev)
	}
	for _, e := range b.Entries() {
		require.Equal(t, arrival.UnixNano(), e.Timestamp.UnixNano(), e.Line)
	}
}

func TestBuilder_EqualLinesStayApart(t *testing.T) {
	lines := []string{"a", "b", "a", "a", "b", "a"}
	deliver := func() (times []int64) {
		b := newBuilder(t, options(), &Delivery{})
		base := arrival.UnixNano()
		src := shopEvent("", 0).Source
		for i, line := range lines {
			ev := shopEvent(line, base)
			ev.Source = src
			if i == 3 {
				// The place that the second "a" has moved to is this one's own.
				ev.Times.Set(timestamp.CRI, base+1)
			}
			b.Append(ev)
		}
		for _, e := range b.Entries() {
			times = append(times, e.Timestamp.UnixNano()-base)
		}
		return times
	}
	first := deliver()
	require.Equal(t, []int64{0, 0, 1, 2, 1, 3}, first)
	require.Equal(t, first, deliver(), "a redelivery must give the same times")
}

func TestBuilder_EqualLinesOfTwoPodsInOneStream(t *testing.T) {
	b := newBuilder(t, options(), &Delivery{})
	one, two := shopEvent("started", second), shopEvent("started", second)
	two.Source.Labels[1].Value = "web-2"
	b.Append(one)
	b.Append(two)
	require.NotEqual(t, b.Entries()[0].Timestamp, b.Entries()[1].Timestamp)
}

func TestBuilder_EqualTimesAreCheap(t *testing.T) {
	// Quadratic work on 50,000 equal lines would take minutes.
	b := newBuilder(t, options(), &Delivery{Nanos: second})
	ev := shopEvent("GET /healthz 200", second)
	for range 50_000 {
		b.Append(ev)
	}
	seen := map[int64]bool{}
	for _, e := range b.Entries() {
		seen[e.Timestamp.UnixNano()] = true
	}
	require.Len(t, seen, 50_000)
}

func TestBuilder_EntriesOwnTheirMemory(t *testing.T) {
	b := newBuilder(t, options(), &Delivery{})
	ev := shopEvent("borrowed", second)
	b.Append(ev)
	b.Append(ev)
	copy(ev.Line, "XXXXXXXX")
	first := b.Entries()[0]
	// Stages downstream change the slice that an entry holds.
	first.StructuredMetadata[0].Value = "changed"
	first.StructuredMetadata = append(first.StructuredMetadata, first.StructuredMetadata[0])
	require.Equal(t, "borrowed", first.Line)
	require.Equal(t, "web-1", b.Entries()[1].StructuredMetadata[0].Value)

	b.Reset(b.delivery, arrival)
	b.Append(shopEvent("the next delivery", second))
	require.Equal(t, "borrowed", first.Line)
}

func TestStreams_Labels(t *testing.T) {
	f := func(change func(*Options, *Delivery), want string) {
		t.Helper()
		opts, d := options(), &Delivery{RequestID: "req-1", Labels: []event.Label{{Name: LabelSourceARN, Value: "arn:x"}}}
		change(&opts, d)
		b := newBuilder(t, opts, d)
		if _, ok := b.Append(shopEvent("x", arrival.UnixNano())); !ok {
			require.Equal(t, want, "dropped")
			require.Equal(t, 1, b.Counts().Dropped)
			return
		}
		e := b.Entries()[0]
		require.Equal(t, want, strings.TrimSuffix(fmt.Sprint(e.Labels, " ", e.StructuredMetadata), " "))
	}
	rule := func(text relabel.Config) func(*Options, *Delivery) {
		return func(o *Options, _ *Delivery) {
			cfg := relabel.DefaultRelabelConfig
			if text.Action != "" {
				cfg.Action = text.Action
			}
			if text.Regex.Regexp != nil {
				cfg.Regex = text.Regex
			}
			cfg.SourceLabels, cfg.TargetLabel = text.SourceLabels, text.TargetLabel
			cfg.NameValidationScheme = model.LegacyValidation
			o.Rules = append(o.Rules, &cfg)
		}
	}
	f(func(o *Options, _ *Delivery) {
		o.Labels = Mapping{"env": "prod", "stream": "", "arn": LabelSourceARN, "none": "__absent"}
		o.Metadata = Mapping{"ns": "__ns", "pod": ""}
	}, `{arn="arn:x", env="prod", namespace="shop"} [{ns shop} {timestamp_source cri}]`)
	f(func(o *Options, d *Delivery) {
		d.Static = []event.Label{{Name: "team", Value: "pay"}, {Name: "namespace", Value: "forced"}}
		d.Tenant = "tenant-1"
	}, `{__tenant_id__="tenant-1", namespace="forced", stream="stdout", team="pay"} [{pod web-1} {timestamp_source cri}]`)
	f(rule(relabel.Config{SourceLabels: model.LabelNames{"__pod"}, TargetLabel: "instance"}),
		`{instance="web-1", namespace="shop", stream="stdout"} [{pod web-1} {timestamp_source cri}]`)
	f(rule(relabel.Config{SourceLabels: model.LabelNames{LabelRequestID}, TargetLabel: "request"}),
		`{namespace="shop", request="req-1", stream="stdout"} [{pod web-1} {timestamp_source cri}]`)
	f(rule(relabel.Config{Action: relabel.Drop, SourceLabels: model.LabelNames{"namespace"}, Regex: relabel.MustNewRegexp("shop")}), "dropped")
	f(rule(relabel.Config{Action: relabel.Keep, SourceLabels: model.LabelNames{"namespace"}, Regex: relabel.MustNewRegexp("other")}), "dropped")
	// Loki refuses an entry without labels.
	f(rule(relabel.Config{Action: relabel.LabelDrop, Regex: relabel.MustNewRegexp("namespace|stream")}),
		`{service_name="unknown_service"} [{pod web-1} {timestamp_source cri}]`)
}

func TestStreams_AreShared(t *testing.T) {
	streams := NewStreams(options())
	ev := shopEvent("x", 1)
	sets := make([]model.LabelSet, 8)
	var wg sync.WaitGroup
	for i := range sets {
		wg.Go(func() {
			d := &Delivery{RequestID: fmt.Sprint(i)}
			streams.Seal(d)
			sets[i] = streams.lookup(streams.key(ev, d), ev, d).labels
		})
	}
	wg.Wait()
	require.Nil(t, streams.recall(ev.Source).others, "the id of the request makes no stream")
	for _, set := range sets {
		require.Equal(t, fmt.Sprintf("%p", sets[0]), fmt.Sprintf("%p", set))
	}
}

// A source leads to the stream of the event at hand, whatever was made of it before:
// by another configuration, for another output or of another delivery.
func TestStreams_OfOneSource(t *testing.T) {
	source := shopEvent("x", 1).Source
	f := func(streams *Streams, output, arn, want string) {
		t.Helper()
		ev, d := shopEvent("x", 1), &Delivery{Labels: []event.Label{{Name: LabelSourceARN, Value: arn}}}
		ev.Source, ev.Stream = source, output
		streams.Seal(d)
		for range 2 {
			require.Equal(t, want, streams.lookup(streams.key(ev, d), ev, d).labels.String())
		}
	}
	newStreams := func(labels Mapping) *Streams {
		opts := options()
		opts.Labels = labels
		return NewStreams(opts)
	}
	first := newStreams(Mapping{"arn": LabelSourceARN})
	other := newStreams(Mapping{"stream": ""})
	f(first, "stdout", "a", `{arn="a", namespace="shop", stream="stdout"}`)
	f(first, "stderr", "a", `{arn="a", namespace="shop", stream="stderr"}`)
	f(first, "stderr", "b", `{arn="b", namespace="shop", stream="stderr"}`)
	f(other, "stderr", "b", `{namespace="shop"}`)
	f(first, "stdout", "a", `{arn="a", namespace="shop", stream="stdout"}`)
	require.Nil(t, other.recall(source), "what others have left is not kept")
}

// Of one source so many streams are remembered, so that it can't grow with what comes of it.
func TestStreams_AreBounded(t *testing.T) {
	streams, ev := NewStreams(options()), shopEvent("x", 1)
	find := func(output int) *stream {
		ev.Stream = strconv.Itoa(output)
		return streams.lookup(streams.key(ev, &Delivery{}), ev, &Delivery{})
	}
	first, second := find(0), find(1)
	for i := 2; i < maxStreams; i++ {
		find(i)
	}
	require.Same(t, second, find(1))
	require.Same(t, first, find(0))
	require.Nil(t, find(maxStreams).others)
	require.NotSame(t, first, find(0))
}

func TestStreams_OfNoSource(t *testing.T) {
	streams, ev := NewStreams(options()), &event.Event{}
	st := streams.lookup(streams.key(ev, &Delivery{}), ev, &Delivery{})
	require.Equal(t, `{service_name="unknown_service"}`, st.labels.String())
	require.Same(t, st, streams.lookup(streams.key(ev, &Delivery{}), ev, &Delivery{}))
}

func TestMapping_Validate(t *testing.T) {
	require.NoError(t, Mapping{"env": "prod", "_a1": "__meta_kubernetes_namespace"}.Validate("labels"))
	require.ErrorContains(t, Mapping{"app.kubernetes.io/name": "x"}.Validate("labels"), `labels: "app.kubernetes.io/name" is no label name`)
	require.ErrorContains(t, Mapping{"__tenant_id__": "x"}.Validate("labels"), "is no label name")
	require.ErrorContains(t, Mapping{"a": "\xff"}.Validate("structured_metadata"), "not valid UTF-8")
}

func TestBuilder_Allocations(t *testing.T) {
	b := newBuilder(t, options(), &Delivery{})
	ev := shopEvent(strings.Repeat("x", 200), second)
	const lines = 1000
	perDelivery := testing.AllocsPerRun(20, func() {
		b.Reset(b.delivery, arrival)
		b.Grow(lines)
		for i := range lines {
			ev.Times.Set(timestamp.CRI, arrival.UnixNano()+int64(i))
			b.Append(ev)
		}
	})
	// Chunks of lines and of metadata, the slice of entries, a map of counts.
	require.Less(t, perDelivery, 30.0)
}

func TestLokiValue(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		require.Equal(t, want, lokiValue(in))
	}
	f("", "")
	f("plain", "plain")
	f("schön 日本", "schön 日本")
	f("a\xffb", "a?b")
	f("a\xff\xfeb\ufffdc", "a?b?c")
}
