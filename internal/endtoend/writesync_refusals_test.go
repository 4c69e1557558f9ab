package endtoend

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/grafana/loki/pkg/push"

	alloyloki "github.com/grafana/alloy/internal/component/common/loki"
)

// small are limits that a line of a few words breaks.
const small = `querier: {query_ingesters_within: 0}
limits_config:
  max_query_length: 0
  split_queries_by_interval: 0
  discover_log_levels: false
  max_line_size: 100
  max_label_names_per_series: 4
  max_label_name_length: 20
  max_label_value_length: 30
  max_structured_metadata_size: 200B
  max_structured_metadata_entries_count: 6
`

// TestLoki_HidesRefusals holds down why loki.write_sync asks for an answer of its
// own for some streams: Loki forgets what an ingester refuses of any stream but
// the last one of a push.
func TestLoki_HidesRefusals(t *testing.T) {
	n := ownLoki(t, byDefault)
	now := time.Now()
	send := func(streams ...push.Stream) int {
		status, _ := n.pushAll(t, streams...)
		return status
	}
	stream := func(name string, at time.Time) push.Stream {
		return push.Stream{Labels: fmt.Sprintf(`{case=%q}`, name), Entries: []push.Entry{{Timestamp: at, Line: "x"}}}
	}
	require.Equal(t, 204, send(stream("one", now)))
	late := now.Add(-2 * time.Hour)
	require.Equal(t, 400, send(stream("two", now), stream("one", late)))
	require.Equal(t, 204, send(stream("one", late), stream("two", now)), "has Loki mended this? Then lokipush's book can go")
	require.Equal(t, 1, n.count(t, `{case="one"}`))
}

// Whatever Loki refuses, the delivery is accepted, the other lines are as they
// were, and nothing of the refused ones is lost.
func TestWriteSync_Refusals(t *testing.T) {
	n := ownLoki(t, small)
	now := time.Now()
	labels := func(pairs ...string) model.LabelSet {
		set := model.LabelSet{"service_name": "web"}
		for i := 0; i < len(pairs); i += 2 {
			set[model.LabelName(pairs[i])] = model.LabelValue(pairs[i+1])
		}
		return set
	}
	f := func(reason string, refused alloyloki.Entry, check func(t *testing.T, got []entry)) {
		t.Helper()
		t.Run(reason, func(t *testing.T) {
			w := newWriteSync(t, n.named(reason))
			var delivery []alloyloki.Entry
			for i := range 50 {
				delivery = append(delivery, line(labels("app", fmt.Sprint(i%5)), now.Add(time.Duration(i)), fmt.Sprint("good ", i), "pod", "a"))
			}
			w.accept(delivery...) // Their streams are known and have a newest line.
			delivery = slices.Insert(delivery, 20, refused)
			var mended []entry
			good := 0
			for _, e := range w.accept(delivery...) {
				if e.Metadata["mended"] == "" {
					require.True(t, strings.HasPrefix(e.Line, "good "), e)
					require.Equal(t, map[string]string{"pod": "a"}, e.Metadata)
					good++
					continue
				}
				require.Equal(t, reason, strings.Split(e.Metadata["mended"], ",")[0])
				mended = append(mended, e)
			}
			require.Equal(t, 50, good)
			require.Empty(t, w.buried.Received())
			require.EqualValues(t, 2, w.counter("mended_entries_total", reason), "once for each of the two deliveries")
			require.Less(t, w.counter("pushes_total", "entries_refused"), 20.0)
			check(t, mended)
		})
	}
	one := func(check func(t *testing.T, e entry)) func(*testing.T, []entry) {
		return func(t *testing.T, got []entry) {
			t.Helper()
			require.Len(t, got, 1)
			check(t, got[0])
		}
	}
	text := func(e alloyloki.Entry) string { return e.Timestamp.UTC().Format(time.RFC3339Nano) }
	const week = 7 * 24 * time.Hour

	old := line(labels("app", "0"), now.Add(-week-time.Hour), "old")
	f("too_old", old, one(func(t *testing.T, e entry) {
		require.Equal(t, "old", e.Line)
		require.Equal(t, text(old), e.Metadata["true_timestamp"])
		require.Less(t, now.Sub(time.Unix(0, e.Nanos)), week)
		require.Equal(t, map[string]string{"app": "0", "service_name": "web"}, e.Labels)
	}))
	ahead := line(labels("app", "0"), now.Add(time.Hour), "ahead")
	f("too_new", ahead, one(func(t *testing.T, e entry) {
		require.Equal(t, "ahead", e.Line)
		require.Equal(t, text(ahead), e.Metadata["true_timestamp"])
		require.InDelta(t, now.UnixNano(), e.Nanos, float64(21*time.Minute))
	}))
	behind := line(labels("app", "0"), now.Add(-2*time.Hour), "behind")
	f("too_far_behind", behind, one(func(t *testing.T, e entry) {
		require.Equal(t, "behind", e.Line)
		require.Equal(t, text(behind), e.Metadata["true_timestamp"])
		require.Less(t, now.Sub(time.Unix(0, e.Nanos)), time.Hour)
	}))
	long := strings.Repeat("long ünïcode line ", 15)
	f("line_too_long", line(labels("app", "0"), now, long, "pod", "b"), func(t *testing.T, got []entry) {
		require.Greater(t, len(got), 2)
		joined := ""
		for i, e := range got {
			joined += e.Line
			require.LessOrEqual(t, len(e.Line), 100)
			require.Equal(t, "true", e.Metadata["partial"])
			require.Equal(t, fmt.Sprintf("%d/%d", i+1, len(got)), e.Metadata["part"])
			require.Equal(t, "b", e.Metadata["pod"])
		}
		require.Equal(t, long, joined)
	})
	f("too_many_labels", line(labels("a", "1", "b", "2", "c", "3", "d", "4", "e", "5"), now, "x"), one(func(t *testing.T, e entry) {
		require.Equal(t, map[string]string{"a": "1", "b": "2", "c": "3", "d": "4", "service_name": "web"}, e.Labels)
		require.Equal(t, `{a="1", b="2", c="3", d="4", e="5", service_name="web"}`, e.Metadata["original_labels"])
	}))
	f("label_name_too_long", line(labels("a_name_longer_than_20_letters", "1", "b", "2"), now, "x"), one(func(t *testing.T, e entry) {
		require.Equal(t, map[string]string{"b": "2", "service_name": "web"}, e.Labels)
		require.Equal(t, `{a_name_longer_than_20_letters="1", b="2", service_name="web"}`, e.Metadata["original_labels"])
	}))
	value := strings.Repeat("y", 35)
	f("label_value_too_long", line(labels("a", value, "b", "2"), now, "x"), one(func(t *testing.T, e entry) {
		require.Equal(t, map[string]string{"a": value[:17], "b": "2", "service_name": "web"}, e.Labels)
		require.Equal(t, fmt.Sprintf(`{a=%q, b="2", service_name="web"}`, value), e.Metadata["original_labels"])
	}))
	f("labels_invalid", line(labels("a.b/c", "1", "b", "\ufffd"), now, "x"), one(func(t *testing.T, e entry) {
		require.Equal(t, map[string]string{"a_b_c": "1", "b": "?", "service_name": "web"}, e.Labels)
		require.Equal(t, `{a.b/c="1", b="\ufffd", service_name="web"}`, e.Metadata["original_labels"])
	}))
	f("metadata_too_many", line(labels("b", "2"), now, "x", "m1", "1", "m2", "2", "m3", "3", "m4", "4", "m5", "a b", "level", "info", "m7", ""), one(func(t *testing.T, e entry) {
		require.Equal(t, map[string]string{"mended": "metadata_too_many", "level": "info", "m1": "1", "m2": "2"}, e.Metadata)
		require.Equal(t, `x m3=3 m4=4 m5="a b" m7=""`, e.Line)
	}))
	big := strings.Repeat("z", 250)
	f("metadata_too_large", line(labels("b", "2"), now, "x", "m1", big, "m2", "2"), func(t *testing.T, got []entry) {
		joined := ""
		for _, e := range got {
			joined += e.Line
			require.Equal(t, "2", e.Metadata["m2"])
		}
		require.Equal(t, "x m1="+big, joined)
	})
}

// Refusals of many lines at once take few requests, and leave every line once.
func TestWriteSync_ManyRefusals(t *testing.T) {
	n := ownLoki(t, small)
	now := time.Now()
	const lines = 1000
	f := func(name string, searches float64, refused func(i int) bool, bad func(i int) alloyloki.Entry) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			w := newWriteSync(t, n.named(name))
			good := func(i int) alloyloki.Entry {
				set := model.LabelSet{"service_name": "web", "app": model.LabelValue(fmt.Sprint(i % 20))}
				return line(set, now.Add(time.Duration(i)), fmt.Sprint("good ", i))
			}
			var delivery, newest []alloyloki.Entry
			for i := range lines {
				if e := good(i); refused(i) {
					delivery = append(delivery, bad(i))
				} else {
					delivery, newest = append(delivery, e), append(newest, e)
				}
			}
			w.accept(newest...)
			before := w.counter("pushes_total", "entries_refused")
			seen := map[string]int{}
			for _, e := range w.accept(delivery...) {
				seen[strings.Split(e.Line, " and")[0]]++
				require.Equal(t, strings.HasPrefix(e.Line, "bad"), e.Metadata["mended"] != "", e)
			}
			require.Len(t, seen, lines)
			for text, times := range seen {
				require.Equal(t, 1, times, text)
			}
			require.LessOrEqual(t, w.counter("pushes_total", "entries_refused")-before, 2*searches, "for two deliveries")
		})
	}
	every := func(n int) func(int) bool { return func(i int) bool { return i%n == 0 } }
	set := func(i int) model.LabelSet {
		return model.LabelSet{"service_name": "web", "app": model.LabelValue(fmt.Sprint(i % 20))}
	}
	at := func(d time.Duration) func(int) alloyloki.Entry {
		return func(i int) alloyloki.Entry {
			return line(set(i), now.Add(d+time.Duration(i)*time.Millisecond), fmt.Sprint("bad ", i))
		}
	}
	f("behind", 20, every(3), at(-2*time.Hour))
	f("old", 60, every(3), at(-8*24*time.Hour))
	f("new", 20, every(3), at(time.Hour))
	f("metadata", 2, every(3), func(i int) alloyloki.Entry {
		return line(set(i), now.Add(time.Duration(i)), fmt.Sprint("bad ", i, " and"), "a", "1", "b", "2", "c", "3", "d", "4", "e", "5", "f", "6", "g", "7")
	})
	f("labels", 60, every(100), func(i int) alloyloki.Entry {
		s := set(i)
		s["long"] = model.LabelValue(strings.Repeat("l", 31+i/50))
		return line(s, now, fmt.Sprint("bad ", i))
	})
}

// A 400 that is about everything is no reason to take every line for a bad one.
func TestWriteSync_RefusedAltogether(t *testing.T) {
	n := ownLoki(t, byDefault)
	w := newWriteSync(t, n.named("a/b"))
	var delivery []alloyloki.Entry
	for i := range 1000 {
		delivery = append(delivery, line(model.LabelSet{"service_name": "web"}, time.Now(), fmt.Sprint("line ", i)))
	}
	require.ErrorContains(t, w.Accept(t.Context(), delivery), "unsupported character")
	require.Empty(t, w.buried.Received())
	require.LessOrEqual(t, w.counter("pushes_total", "entries_refused"), 20.0)
}

// pushAll is push for several streams.
func (n *tenant) pushAll(t *testing.T, streams ...push.Stream) (status int, message string) {
	t.Helper()
	body, err := (&push.PushRequest{Streams: streams}).Marshal()
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.pushURL(), bytes.NewReader(snappy.Encode(nil, body)))
	require.NoError(t, err)
	req.Header = http.Header{"X-Scope-Orgid": {n.id}, "Content-Type": {"application/x-protobuf"}, "Content-Encoding": {"snappy"}}
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}
