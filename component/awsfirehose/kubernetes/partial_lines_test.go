package kubernetes

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/component/common/loki"

	"github.com/grafana/alloy/eks/internal/rig"
)

const (
	head = `2026-08-20T10:00:00.1Z stdout P once upon `
	tail = `2026-08-20T10:00:00.2Z stdout F a time`
)

// By default a delivery's fragments do not outlive it: what is answered for is
// handed over.
func TestPartialLines_NotKept(t *testing.T) {
	r := newRig(t, rig.AnyAge, nil)
	require.Equal(t, 200, r.Deliver([]string{containerLine("web-1", head)}).Status)
	got := r.Entries(1)[0]
	require.Equal(t, "once upon ", got.Line)
	require.Equal(t, "true", rig.Metadata(got)["partial"])
	require.EqualValues(t, 1, r.Metric("entries_total", "outcome", "fragment"))

	// Within one they are joined, also when others come between.
	require.Equal(t, 200, r.Deliver([]string{
		containerLine("web-1", head), containerLine("web-2", `2026-08-20T10:00:00.15Z stdout F other`), containerLine("web-1", tail),
	}).Status)
	entries := r.Entries(2)
	require.Equal(t, "other", entries[0].Line)
	require.Equal(t, "once upon a time", entries[1].Line)
	require.NotContains(t, rig.Metadata(entries[1]), "partial")
	require.EqualValues(t, 1, r.Metric("joined_lines_total"))
}

func TestPartialLines_Joined(t *testing.T) {
	r := newRig(t, rig.AnyAge+`partial_lines { max_wait = "1m" }`, nil)
	require.Equal(t, 200, r.Deliver([]string{containerLine("web-1", head)}).Status)
	require.Empty(t, r.Sink.Received())
	// What comes of other containers, and updates that leave partial_lines alone,
	// do not disturb it.
	require.Equal(t, 200, r.Deliver([]string{containerLine("web-2", tail)}).Status)
	require.Equal(t, "a time", r.Entries(1)[0].Line)
	r.Configure(rig.AnyAge + `
		cluster = "prod"
		partial_lines { max_wait = "1m" }
	`)
	require.Equal(t, 200, r.Deliver([]string{containerLine("web-1", tail)}).Status)
	got := r.Entries(1)[0]
	require.Equal(t, "once upon a time", got.Line)
	require.Equal(t, "2026-08-20T10:00:00.1Z", got.Timestamp.UTC().Format("2006-01-02T15:04:05.999Z"), "the line's time is its beginning's")
	require.NotContains(t, rig.Metadata(got), "partial")
	require.EqualValues(t, 1, r.Metric("joined_lines_total"))
}

func TestPartialLines_Expired(t *testing.T) {
	r := newRig(t, rig.AnyAge+`partial_lines { max_wait = "1ms" }`, nil)
	a := r.Deliver([]string{containerLine("web-1", head)}, "X-Scope-OrgID", "team-a",
		"X-Amz-Firehose-Common-Attributes", `{"commonAttributes":{"lbl_stage":"prod"}}`)
	require.Equal(t, 200, a.Status)
	got := r.Entries(1)[0]
	require.Equal(t, "once upon ", got.Line)
	require.Equal(t, "true", rig.Metadata(got)["partial"])
	require.Equal(t, "cri", rig.Metadata(got)["timestamp_source"])
	require.Equal(t, "prod", rig.Labels(got)["stage"], "it keeps what its delivery said")
	require.Equal(t, "team-a", rig.Labels(got)["__tenant_id__"])
	// What the UI shows is counted last.
	r.Eventually(func() bool { return r.Info().TimestampSources["cri"] == 1 }, "it is counted")
	require.EqualValues(t, 1, r.Metric("entries_total", "outcome", "fragment"))
	require.EqualValues(t, 1, r.Metric("entries_total", "outcome", "forwarded"))
	require.Len(t, r.Info().TimestampSources, 1)
}

func TestPartialLines_FlushedAtStop(t *testing.T) {
	r := newRig(t, rig.AnyAge+`partial_lines { max_wait = "1m" }`, nil)
	require.Equal(t, 200, r.Deliver([]string{containerLine("web-1", head)}).Status)
	require.Empty(t, r.Sink.Received())
	r.Stop()
	got := r.Entries(1)[0]
	require.Equal(t, "once upon ", got.Line)
	require.Equal(t, "true", rig.Metadata(got)["partial"])
}

// What is kept when the user stops keeping is handed over.
func TestPartialLines_FlushedByUpdate(t *testing.T) {
	f := func(text string) {
		t.Helper()
		r := newRig(t, rig.AnyAge+`partial_lines { max_wait = "1m" }`, nil)
		require.Equal(t, 200, r.Deliver([]string{containerLine("web-1", head)}).Status)
		r.Configure(rig.AnyAge + text)
		require.Equal(t, "once upon ", r.Entries(1)[0].Line)
	}
	f(``)
	f(`partial_lines { max_wait = "50s" }`)
}

// What cannot be handed over in the end is counted as lost, and as nothing else.
func TestPartialLines_Lost(t *testing.T) {
	r := newRig(t, rig.AnyAge+`partial_lines { max_wait = "1m" }`, func(r *testRig, _ *component.Options) { r.Receiver = loki.NewLogsReceiver() })
	require.Equal(t, http.StatusOK, r.Deliver([]string{containerLine("web-1", head)}).Status)
	r.Stop()
	require.EqualValues(t, 1, r.Metric("lost_fragments_total"))
	require.Zero(t, r.Metric("entries_total"))
	require.Empty(t, r.Info().TimestampSources)
}

// No line grows without end, and not all of them together.
func TestPartialLines_Bounds(t *testing.T) {
	r := newRig(t, rig.AnyAge+`
		partial_lines {
			max_wait      = "1m"
			max_line_size = "1KiB"
			max_held_size = "1KiB"
		}
	`, nil)
	piece := strings.Repeat("x", 600)
	record := func(pod string) string { return containerLine(pod, `2026-08-20T10:00:00Z stdout P `+piece) }
	require.Equal(t, 200, r.Deliver([]string{record("web-1"), record("web-1")}).Status)
	got := r.Entries(1)[0]
	require.Equal(t, piece+piece, got.Line, "a line of that length waits for nothing more")
	require.Equal(t, "true", rig.Metadata(got)["partial"])

	require.Equal(t, 200, r.Deliver([]string{record("web-1"), record("web-2")}).Status)
	got = r.Entries(1)[0]
	require.Equal(t, piece, got.Line)
	require.Equal(t, "web-2", rig.Metadata(got)["pod"], "there is room for the first one only")
}
