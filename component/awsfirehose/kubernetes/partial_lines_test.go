package kubernetes

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/component/common/loki"
)

const (
	head = `2026-08-20T10:00:00.1Z stdout P once upon `
	tail = `2026-08-20T10:00:00.2Z stdout F a time`
)

// By default a delivery's fragments do not outlive it: what is answered for is
// handed over.
func TestPartialLines_NotKept(t *testing.T) {
	r := newRig(t, anyAge, nil)
	require.Equal(t, 200, r.deliver([]string{containerLine("web-1", head)}).status)
	got := r.entries(1)[0]
	require.Equal(t, "once upon ", got.Line)
	require.Equal(t, "true", metadata(got)["partial"])
	require.EqualValues(t, 1, r.metric("entries_total", "outcome", "fragment"))

	// Within one they are joined, also when others come between.
	require.Equal(t, 200, r.deliver([]string{
		containerLine("web-1", head), containerLine("web-2", `2026-08-20T10:00:00.15Z stdout F other`), containerLine("web-1", tail),
	}).status)
	entries := r.entries(2)
	require.Equal(t, "other", entries[0].Line)
	require.Equal(t, "once upon a time", entries[1].Line)
	require.NotContains(t, metadata(entries[1]), "partial")
	require.EqualValues(t, 1, r.metric("joined_lines_total"))
}

func TestPartialLines_Joined(t *testing.T) {
	r := newRig(t, anyAge+`partial_lines { max_wait = "1m" }`, nil)
	require.Equal(t, 200, r.deliver([]string{containerLine("web-1", head)}).status)
	require.Empty(t, r.sink.Received())
	// What comes of other containers, and updates that leave partial_lines alone,
	// do not disturb it.
	require.Equal(t, 200, r.deliver([]string{containerLine("web-2", tail)}).status)
	require.Equal(t, "a time", r.entries(1)[0].Line)
	r.update(anyAge + `
		cluster = "prod"
		partial_lines { max_wait = "1m" }
	`)
	require.Equal(t, 200, r.deliver([]string{containerLine("web-1", tail)}).status)
	got := r.entries(1)[0]
	require.Equal(t, "once upon a time", got.Line)
	require.Equal(t, "2026-08-20T10:00:00.1Z", got.Timestamp.UTC().Format("2006-01-02T15:04:05.999Z"), "the line's time is its beginning's")
	require.NotContains(t, metadata(got), "partial")
	require.EqualValues(t, 1, r.metric("joined_lines_total"))
}

func TestPartialLines_Expired(t *testing.T) {
	r := newRig(t, anyAge+`partial_lines { max_wait = "1ms" }`, nil)
	a := r.deliver([]string{containerLine("web-1", head)}, "X-Scope-OrgID", "team-a",
		"X-Amz-Firehose-Common-Attributes", `{"commonAttributes":{"lbl_stage":"prod"}}`)
	require.Equal(t, 200, a.status)
	got := r.entries(1)[0]
	require.Equal(t, "once upon ", got.Line)
	require.Equal(t, "true", metadata(got)["partial"])
	require.Equal(t, "cri", metadata(got)["timestamp_source"])
	require.Equal(t, "prod", labels(got)["stage"], "it keeps what its delivery said")
	require.Equal(t, "team-a", labels(got)["__tenant_id__"])
	r.eventually(func() bool { return r.metric("entries_total", "outcome", "fragment") == 1 }, "it is counted")
	require.EqualValues(t, 1, r.metric("entries_total", "outcome", "forwarded"))
	require.Equal(t, map[string]int{"cri": 1}, r.info().TimestampSources)
}

func TestPartialLines_FlushedAtStop(t *testing.T) {
	r := newRig(t, anyAge+`partial_lines { max_wait = "1m" }`, nil)
	require.Equal(t, 200, r.deliver([]string{containerLine("web-1", head)}).status)
	require.Empty(t, r.sink.Received())
	r.ended()
	got := r.entries(1)[0]
	require.Equal(t, "once upon ", got.Line)
	require.Equal(t, "true", metadata(got)["partial"])
}

// What is kept when the user stops keeping is handed over.
func TestPartialLines_FlushedByUpdate(t *testing.T) {
	f := func(text string) {
		t.Helper()
		r := newRig(t, anyAge+`partial_lines { max_wait = "1m" }`, nil)
		require.Equal(t, 200, r.deliver([]string{containerLine("web-1", head)}).status)
		r.update(anyAge + text)
		require.Equal(t, "once upon ", r.entries(1)[0].Line)
	}
	f(``)
	f(`partial_lines { max_wait = "50s" }`)
}

// What cannot be handed over in the end is counted as lost, and as nothing else.
func TestPartialLines_Lost(t *testing.T) {
	r := newRig(t, anyAge+`partial_lines { max_wait = "1m" }`, func(r *rig, _ *component.Options) { r.receiver = loki.NewLogsReceiver() })
	require.Equal(t, http.StatusOK, r.deliver([]string{containerLine("web-1", head)}).status)
	r.ended()
	require.EqualValues(t, 1, r.metric("lost_fragments_total"))
	require.Zero(t, r.metric("entries_total"))
	require.Empty(t, r.info().TimestampSources)
}

// No line grows without end, and not all of them together.
func TestPartialLines_Bounds(t *testing.T) {
	r := newRig(t, anyAge+`
		partial_lines {
			max_wait      = "1m"
			max_line_size = "1KiB"
			max_held_size = "1KiB"
		}
	`, nil)
	piece := strings.Repeat("x", 600)
	record := func(pod string) string { return containerLine(pod, `2026-08-20T10:00:00Z stdout P `+piece) }
	require.Equal(t, 200, r.deliver([]string{record("web-1"), record("web-1")}).status)
	got := r.entries(1)[0]
	require.Equal(t, piece+piece, got.Line, "a line of that length waits for nothing more")
	require.Equal(t, "true", metadata(got)["partial"])

	require.Equal(t, 200, r.deliver([]string{record("web-1"), record("web-2")}).status)
	got = r.entries(1)[0]
	require.Equal(t, piece, got.Line)
	require.Equal(t, "web-2", metadata(got)["pod"], "there is room for the first one only")
}
