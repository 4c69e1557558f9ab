package lokipush

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/grafana/loki/pkg/push"

	"github.com/grafana/alloy/internal/component/common/loki"
)

// strict is a server that, as Loki does, stores all lines but those that it does
// not want, and says only what text says.
func strict(s **server, unwanted func(tenant, labels string, e push.Entry) bool, text string) func(string, *push.PushRequest) (int, string) {
	return func(tenant string, req *push.PushRequest) (int, string) {
		kept := push.PushRequest{}
		refused := 0
		for _, st := range req.Streams {
			entries := slices.DeleteFunc(slices.Clone(st.Entries), func(e push.Entry) bool { return unwanted(tenant, st.Labels, e) })
			refused += len(st.Entries) - len(entries)
			kept.Streams = append(kept.Streams, push.Stream{Labels: st.Labels, Entries: entries})
		}
		if refused == 0 {
			return http.StatusNoContent, ""
		}
		(*s).store(tenant, &kept)
		return http.StatusBadRequest, text
	}
}

func newStrict(t *testing.T, unwanted func(tenant, labels string, e push.Entry) bool, text string) *server {
	t.Helper()
	s := newServer(t, nil)
	s.answer = strict(&s, unwanted, text)
	return s
}

// Refused lines are found also when the answer says nothing, and get a plain form.
func TestPush_SilentRefusals(t *testing.T) {
	poison := func(_, labels string, e push.Entry) bool {
		return strings.Contains(e.Line, "poison") && labels != `{service_name="unknown_service"}`
	}
	for _, bad := range [][]int{{0}, {17}, {99}, {3, 4, 50}} {
		s := newStrict(t, poison, "I do not like this")
		e := newTestEndpoint(t, s.URL, nil)
		var lines, want []string
		for i := range 100 {
			if slices.Contains(bad, i) {
				lines = append(lines, fmt.Sprint("poison ", i))
				want = append(want, fmt.Sprint(`{service_name="unknown_service"} poison `, i))
			} else {
				lines = append(lines, fmt.Sprint("good ", i))
				want = append(want, fmt.Sprint(`{app="web"} good `, i))
			}
		}
		refused, err := e.pushLines(t.Context(), lines...)
		require.NoError(t, err)
		require.Empty(t, refused)
		slices.Sort(want)
		require.Equal(t, want, s.lines())
		require.EqualValues(t, len(bad), e.counted(t, "test_mended_entries_total", "unknown"))
		require.EqualValues(t, 100, e.counted(t, "test_entries_total", "accepted"))
		require.Less(t, s.asked(), 2+len(bad)*16)
	}
}

// A line that is refused in every form comes back, and the others are stored.
func TestPush_Refused(t *testing.T) {
	s := newStrict(t, func(_, _ string, e push.Entry) bool { return strings.Contains(e.Line, "poison") }, "no")
	e := newTestEndpoint(t, s.URL, nil)
	refused, err := e.pushLines(t.Context(), "one", "poison", "two")
	require.NoError(t, err)
	require.Len(t, refused, 1)
	require.Equal(t, Unknown, refused[0].Reason)
	require.Equal(t, "poison", refused[0].Entry.Line)
	require.Empty(t, refused[0].Entry.StructuredMetadata, "it is as it was")
	require.Equal(t, []string{`{app="web"} one`, `{app="web"} two`}, s.lines())
	require.EqualValues(t, 1, e.counted(t, "test_refused_entries_total", "unknown"))
	require.EqualValues(t, 2, e.counted(t, "test_entries_total", "accepted"))
	require.NoError(t, e.State().Failing)

	// Alone it may be that nothing would be accepted: the sender keeps it.
	_, err = e.pushLines(t.Context(), "poison")
	requireResult(t, EntriesRefused, err)
	require.Error(t, e.State().Failing)
}

// A reason that is known but never satisfied ends as well.
func TestPush_NeverSatisfied(t *testing.T) {
	texts := []string{
		"max entry size '10' bytes exceeded for stream",
		"has 3 label names; limit 1",
		"missing required labels 'x' for user",
		"stream '' includes structured metadata, but this feature is disallowed",
		"has structured metadata too large: '9' bytes, limit: '1' bytes",
		"entry too far behind, entry timestamp is: x, oldest acceptable timestamp is: 2026-11-21T05:40:49Z",
		"entry for stream '' has timestamp too new: 2026-11-21T05:40:49Z",
		"couldn't parse labels", "has label name too long: '", "has label value too long: '",
	}
	for _, text := range texts {
		s := newStrict(t, func(_, _ string, e push.Entry) bool { return strings.Contains(e.Line, "poison") }, text)
		e := newTestEndpoint(t, s.URL, nil)
		b := NewBatch([]loki.Entry{
			newEntry(model.LabelSet{"service_name": "web"}, time.Now(), "one"),
			newEntry(model.LabelSet{"service_name": "x\ufffd", "a_label": "1", "b_label": "2"}, time.Now(), "poison"),
			newEntry(model.LabelSet{"service_name": "web", "x": "y"}, time.Now(), "two"),
		}, nil, time.Now())
		refused, err := e.Push(t.Context(), b)
		b.Release()
		require.NoError(t, err, text)
		require.Len(t, refused, 1, text)
		require.Len(t, s.lines(), 2, text)
		require.Less(t, s.asked(), 60, text)
	}
}

// What is refused as a whole is not taken for many bad lines.
func TestPush_AllRefused(t *testing.T) {
	for _, text := range []string{"", "The plain HTTP request was sent to HTTPS port", "tenant ID contains unsupported character"} {
		s := newServer(t, always(400, text))
		e := newTestEndpoint(t, s.URL, nil)
		b := NewBatch(delivery(1000, 1), nil, noon)
		_, err := e.Push(t.Context(), b)
		requireResult(t, EntriesRefused, err)
		require.Less(t, s.asked(), 20)
		b.Release()
	}
}

// Where no structured metadata is allowed, the proof that anything is accepted has
// none either.
func TestPush_RefusedWithoutMetadata(t *testing.T) {
	s := newServer(t, func(_ string, req *push.PushRequest) (int, string) {
		for _, st := range req.Streams {
			for _, e := range st.Entries {
				if len(e.StructuredMetadata) > 0 {
					return http.StatusBadRequest, "stream '" + st.Labels + "' includes structured metadata, but this feature is disallowed"
				}
			}
			if st.Labels != `{service_name="unknown_service"}` {
				return http.StatusBadRequest, "no"
			}
		}
		return http.StatusNoContent, ""
	})
	e := newTestEndpoint(t, s.URL, nil)
	entry := newEntry(model.LabelSet{"app": "web"}, time.Now(), "line")
	entry.StructuredMetadata = push.LabelsAdapter{{Name: "a", Value: "b"}}
	b := NewBatch([]loki.Entry{entry}, nil, time.Now())
	defer b.Release()
	refused, err := e.Push(t.Context(), b)
	require.NoError(t, err)
	require.Empty(t, refused)
	require.Len(t, s.lines(), 1, "the proof is the entry's own next form")
	require.Contains(t, s.lines()[0], `line mended=metadata_disallowed a=b mended=metadata_disallowed,unknown`)
}

// The search for refused lines ends in any case.
func TestPush_SearchIsBounded(t *testing.T) {
	s := newStrict(t, func(_, labels string, e push.Entry) bool {
		return labels == `{app="web"}` && (strings.HasSuffix(e.Line, "0") || strings.HasSuffix(e.Line, "5"))
	}, "no")
	var lines []string
	for i := range 2000 {
		lines = append(lines, fmt.Sprint(i))
	}
	e := newTestEndpoint(t, s.URL, nil)
	_, err := e.pushLines(t.Context(), lines...)
	requireResult(t, EntriesRefused, err)
	require.InDelta(t, maxSearches, s.asked(), 20)
}

// A proxy may allow less than batch_size, and one entry may be more than it allows.
func TestPush_TooLarge(t *testing.T) {
	const limit = 300
	s := newServer(t, func(_ string, req *push.PushRequest) (int, string) {
		if req.Size() > limit {
			return http.StatusRequestEntityTooLarge, "<html>"
		}
		return http.StatusNoContent, ""
	})
	e := newTestEndpoint(t, s.URL, nil)
	lines := []string{strings.Repeat("a", 500)}
	for i := range 20 {
		lines = append(lines, fmt.Sprint("line ", i))
	}
	refused, err := e.pushLines(t.Context(), lines...)
	require.NoError(t, err)
	require.Empty(t, refused)
	require.Equal(t, strings.Repeat("a", 500), s.joined(t)["entry_too_large"])
	require.Len(t, s.stored, 20+1, "four equal pieces")
}

// joined returns the lines that were mended, their pieces joined, by the reason.
func (s *server) joined(t *testing.T) map[string]string {
	t.Helper()
	type piece struct {
		at   time.Time
		text string
	}
	pieces := map[string][]piece{}
	for _, p := range s.pushes {
		for _, st := range p.Streams {
			for _, e := range st.Entries {
				for _, l := range e.StructuredMetadata {
					if l.Name == MetadataMended {
						reason, _, _ := strings.Cut(l.Value, ",")
						pieces[reason] = append(pieces[reason], piece{e.Timestamp, e.Line})
					}
				}
			}
		}
	}
	out := map[string]string{}
	for reason, list := range pieces {
		slices.SortFunc(list, func(x, y piece) int { return x.at.Compare(y.at) })
		for _, p := range list {
			out[reason] += p.text
		}
	}
	return out
}

// Many requests at once: one that fails is the result, and all others have ended.
func TestPush_OneOfManyFails(t *testing.T) {
	s := newServer(t, func(_ string, req *push.PushRequest) (int, string) {
		if strings.Contains(req.Streams[0].Labels, `"7"`) {
			return http.StatusForbidden, "not you"
		}
		return http.StatusNoContent, ""
	})
	e := newTestEndpoint(t, s.URL, nil)
	var entries []loki.Entry
	for i := range 50 {
		entries = append(entries, newEntry(model.LabelSet{"a": model.LabelValue(fmt.Sprint(i))}, time.Now(), "x"))
	}
	b := NewBatch(entries, nil, time.Now())
	defer b.Release()
	_, err := e.Push(t.Context(), b)
	requireResult(t, Forbidden, err)
	require.Zero(t, e.counted(t, "test_in_flight_pushes", "0"))
}

// The second push of known streams is one request.
func TestPush_KnownStreams(t *testing.T) {
	s := newServer(t, accepts)
	e := newTestEndpoint(t, s.URL, nil)
	entries := delivery(200, 20)
	for i := range entries {
		entries[i].Timestamp = time.Now()
	}
	push := func() int {
		before := s.asked()
		b := NewBatch(entries, nil, time.Now())
		defer b.Release()
		_, err := e.Push(t.Context(), b)
		require.NoError(t, err)
		return s.asked() - before
	}
	require.Equal(t, 20, push())
	require.Equal(t, 1, push())
}
