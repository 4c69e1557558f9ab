package lokipush

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/grafana/loki/pkg/push"

	"github.com/grafana/alloy/internal/component/common/loki"
)

// mended returns the forms that an entry gets for a refusal.
func mended(e loki.Entry, r refusal, plain bool, now time.Time) []loki.Entry {
	b := NewBatch([]loki.Entry{e}, nil, now)
	defer b.Release()
	return b.mend(hit{refusal: r}, how{plain: plain, bare: r.reason == MetadataDisallowed, now: now}, []Reason{r.reason})
}

// text shows an entry on one line.
func text(e loki.Entry) string {
	var sb strings.Builder
	fmt.Fprintf(&sb, "%s %s", e.Timestamp.UTC().Format("15:04:05.999999999"), e.Labels)
	for _, l := range e.StructuredMetadata {
		fmt.Fprintf(&sb, " %s=%s", l.Name, l.Value)
	}
	return sb.String() + " " + e.Line
}

func withMetadata(e loki.Entry, metadata ...string) loki.Entry {
	for i := 0; i < len(metadata); i += 2 {
		e.StructuredMetadata = append(e.StructuredMetadata, push.LabelAdapter{Name: metadata[i], Value: metadata[i+1]})
	}
	return e
}

func TestMend_Times(t *testing.T) {
	now := noon.Add(7 * time.Minute)
	web := model.LabelSet{"app": "web"}
	f := func(r refusal, e loki.Entry, want string) {
		t.Helper()
		got := mended(e, r, false, now)
		require.Len(t, got, 1)
		require.Equal(t, want, text(got[0]))
	}
	old := newEntry(web, noon.Add(-26*time.Hour-3*time.Minute-time.Nanosecond), "x") // 09:56:59.999999999
	// The first ten minutes that begin after the oldest time allowed, and a minute.
	behind := func(limit time.Time) refusal { return refusal{reason: TooFarBehind, limit: limit.UnixNano()} }
	f(behind(noon.Add(-time.Hour)), old, `11:16:59.999999999 {app="web"} mended=too_far_behind true_timestamp=2026-08-19T09:56:59.999999999Z x`)
	f(behind(noon.Add(-time.Hour-time.Minute)), old, `11:06:59.999999999 {app="web"} mended=too_far_behind true_timestamp=2026-08-19T09:56:59.999999999Z x`)
	// A limit that is none, or in the future.
	f(behind(time.Unix(0, 0)), old, `11:56:59.999999999 {app="web"} mended=too_far_behind true_timestamp=2026-08-19T09:56:59.999999999Z x`)
	f(behind(now.Add(time.Hour)), old, `11:56:59.999999999 {app="web"} mended=too_far_behind true_timestamp=2026-08-19T09:56:59.999999999Z x`)
	f(refusal{reason: TooOld}, old, `11:56:59.999999999 {app="web"} mended=too_old true_timestamp=2026-08-19T09:56:59.999999999Z x`)
	f(refusal{reason: TooNew}, newEntry(web, now.Add(time.Hour), "x"), `11:57:00 {app="web"} mended=too_new true_timestamp=2026-08-20T13:07:00Z x`)
	// The true time that is known already stays.
	f(refusal{reason: TooOld}, withMetadata(old, "true_timestamp", "long ago"), `11:56:59.999999999 {app="web"} true_timestamp=long ago mended=too_old x`)
	f(refusal{reason: TooOld}, newEntry(web, time.Time{}, "x"), `11:52:43.145224192 {app="web"} mended=too_old true_timestamp=0001-01-01T00:00:00Z x`)
}

// A repetition within the same ten minutes is one, and lines that differ still do.
func TestMend_IsRepeatable(t *testing.T) {
	web := model.LabelSet{"app": "web"}
	seen := map[string]bool{}
	for i := range 1000 {
		e := newEntry(web, noon.Add(-time.Duration(i)*time.Second*17), "the same line")
		first := mended(e, refusal{reason: TooOld}, false, noon)
		require.Equal(t, first, mended(e, refusal{reason: TooOld}, false, noon.Add(moveGrid-1)))
		require.False(t, seen[text(first[0])])
		seen[text(first[0])] = true
	}
}

func TestMend_Lines(t *testing.T) {
	e := withMetadata(newEntry(model.LabelSet{"app": "web"}, noon, strings.Repeat("é", 100)), "pod", "web-1")
	got := mended(e, refusal{reason: LineTooLong, limit: 91}, false, noon)
	require.Len(t, got, 3)
	require.Equal(t, `12:00:00 {app="web"} pod=web-1 mended=line_too_long partial=true part=1/3 `+strings.Repeat("é", 45), text(got[0]))
	require.Equal(t, `12:00:00.000000001 {app="web"} pod=web-1 mended=line_too_long partial=true part=2/3 `+strings.Repeat("é", 45), text(got[1]))
	require.Equal(t, `12:00:00.000000002 {app="web"} pod=web-1 mended=line_too_long partial=true part=3/3 `+strings.Repeat("é", 10), text(got[2]))
	require.Len(t, e.StructuredMetadata, 1)
	require.Len(t, mended(e, refusal{reason: EntryTooLarge}, false, noon), 2)
}

func TestPiecesOf(t *testing.T) {
	f := func(line string, length int, want ...string) {
		t.Helper()
		require.Equal(t, want, piecesOf(line, length))
	}
	f("", 5, "")
	f("abc", 0, "abc")
	f("abc", 3, "abc")
	f("abcd", 3, "abc", "d")
	f("aéé", 2, "a", "é", "é")
	f("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80", 7, "\x80\x80\x80\x80\x80\x80\x80", "\x80\x80\x80\x80\x80")
}

func FuzzPiecesOf(f *testing.F) {
	f.Add("some line", 3)
	f.Add("é\xff\x80日本", 1)
	f.Fuzz(func(t *testing.T, line string, length int) {
		pieces := piecesOf(line, length)
		require.Equal(t, line, strings.Join(pieces, ""))
		for _, p := range pieces {
			require.True(t, length <= 0 || len(p) <= length)
			require.True(t, p != "" || line == "")
		}
		if utf8.ValidString(line) && length >= utf8.UTFMax {
			for _, p := range pieces {
				require.True(t, utf8.ValidString(p))
			}
		}
	})
}

func TestMend_Metadata(t *testing.T) {
	e := withMetadata(newEntry(model.LabelSet{"app": "web"}, noon, "line"), "b", "1 2", "a", "x", "level", "info", "c", "")
	f := func(r refusal, want string) {
		t.Helper()
		got := mended(e, r, false, noon)
		require.Len(t, got, 1)
		require.Equal(t, want, text(got[0]))
	}
	f(refusal{reason: MetadataDisallowed}, `12:00:00 {app="web"} line mended=metadata_disallowed level=info b="1 2" a=x c=""`)
	f(refusal{reason: MetadataTooMany, limit: 5}, `12:00:00 {app="web"} mended=metadata_too_many level=info b=1 2 line a=x c=""`)
	f(refusal{reason: MetadataTooMany, limit: 2}, `12:00:00 {app="web"} line mended=metadata_too_many level=info b="1 2" a=x c=""`)
	f(refusal{reason: MetadataTooLarge, limit: 24 + 24 + 9 + 2}, `12:00:00 {app="web"} mended=metadata_too_large level=info a=x line b="1 2" c=""`)
	require.Equal(t, "b", e.StructuredMetadata[0].Name, "it is the caller's")

	// Once there may be none, no other form has some.
	b := NewBatch([]loki.Entry{newEntry(model.LabelSet{"app": "web"}, noon, strings.Repeat("x", 70))}, nil, noon)
	defer b.Release()
	pieces := b.mend(hit{refusal: refusal{reason: LineTooLong, limit: 64}}, how{bare: true, now: noon}, []Reason{MetadataDisallowed, LineTooLong})
	require.Len(t, pieces, 2)
	require.Equal(t, `12:00:00.000000001 {app="web"} xxxxxx mended=metadata_disallowed,line_too_long`, text(pieces[1]))
}

func TestMend_Labels(t *testing.T) {
	f := func(r refusal, set model.LabelSet, want string) {
		t.Helper()
		got := mended(newEntry(set, noon, "x"), r, false, noon)
		require.Len(t, got, 1)
		require.Equal(t, want, got[0].Labels.String())
		var original []label
		for _, l := range got[0].StructuredMetadata {
			original = append(original, label{l.Name, l.Value})
		}
		var same stream
		b := &Batch{}
		require.Equal(t, []label{{"mended", string(r.reason)}, {"original_labels", string(appendLabels(nil, b.readLabels(nil, &same, set)))}}, original)
	}
	f(refusal{reason: TooManyLabels, limit: 2}, model.LabelSet{"a": "1", "b": "2", "c": "3", "service_name": "s", "__tenant_id__": "t"},
		`{__tenant_id__="t", a="1", b="2", service_name="s"}`)
	f(refusal{reason: TooManyLabels, limit: 0}, model.LabelSet{"a": "1"}, `{service_name="unknown_service"}`)
	f(refusal{reason: LabelNameTooLong}, model.LabelSet{"a": "1", "bb": "2", "cc": "3"}, `{a="1"}`)
	f(refusal{reason: LabelValueTooLong}, model.LabelSet{"a": "1234", "b": "12"}, `{a="12", b="12"}`)
	f(refusal{reason: LabelValueTooLong}, model.LabelSet{"a": model.LabelValue(strings.Repeat("x", 3000)), "b": "12"},
		fmt.Sprintf(`{a=%q, b="12"}`, strings.Repeat("x", 2048)))
	f(refusal{reason: LabelsInvalid}, model.LabelSet{"a.b": "1", "a_b": "2", "9c": "\xffx", "": "3"}, `{_="3", _c="?x", a_b="1"}`)
	f(refusal{reason: LabelsMissing}, nil, `{service_name="unknown_service"}`)
	f(refusal{reason: LabelsMissing, names: []string{"team", "app"}}, model.LabelSet{"app": "web"}, `{app="web", team="unknown"}`)
}

func TestMend_Plain(t *testing.T) {
	set := model.LabelSet{"service_name": "web", "app": "x", "__tenant_id__": "t"}
	e := withMetadata(newEntry(set, noon, "line\xff"), "m", strings.Repeat("v", 5000))
	got := mended(e, refusal{reason: Unknown}, true, noon)
	require.Len(t, got, 1)
	require.Equal(t, `11:50:00 {__tenant_id__="t", service_name="web"} mended=unknown true_timestamp=2026-08-20T12:00:00Z original_labels={app="x", service_name="web"} line`+"\ufffd m="+strings.Repeat("v", 5000), text(got[0]))
}

func TestCleanName(t *testing.T) {
	f := func(name, want string) {
		t.Helper()
		require.Equal(t, want, cleanName(name))
		require.True(t, model.LegacyValidation.IsValidLabelName(cleanName(name)))
	}
	f("app", "app")
	f("a.b/c", "a_b_c")
	f("9a", "_a")
	f("..a", "_a")
	f("é", "_")
	f("", "_")
}
