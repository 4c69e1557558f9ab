package endtoend

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	alloyloki "github.com/grafana/alloy/internal/component/common/loki"
)

// brief ends the attempts to push while there is time left, so that what is told is
// what Loki has answered.
const brief = `max_backoff_retries = 2`

// limits returns the configuration of a Loki with these more limits.
func limits(lines ...string) string {
	return `querier: {query_ingesters_within: 0}
limits_config:
  max_query_length: 0
  split_queries_by_interval: 0
  discover_log_levels: false
  ` + strings.Join(lines, "\n  ") + "\n"
}

// numbered returns lines of as many streams, at that time.
func numbered(text string, streams int, at time.Time) []alloyloki.Entry {
	var entries []alloyloki.Entry
	for i := range streams {
		set := model.LabelSet{"service_name": "web", "app": model.LabelValue(fmt.Sprint(i))}
		entries = append(entries, line(set, at, fmt.Sprint(text, " ", i), "pod", "a"))
	}
	return entries
}

// countMended returns how many entries were mended, and how many not.
func countMended(entries []entry) (mended, own int) {
	for _, e := range entries {
		if e.Metadata["mended"] != "" {
			mended++
		} else {
			own++
		}
	}
	return mended, own
}

// Loki does not tell that it refuses late lines of several streams. None is lost.
func TestWriteSync_HiddenRefusals(t *testing.T) {
	w := newWriteSync(t, ownLoki(t, byDefault))
	now := time.Now()
	w.accept(numbered("now", 30, now)...)
	mended, own := countMended(w.accept(numbered("late", 30, now.Add(-2*time.Hour))...))
	require.Equal(t, 30, mended)
	require.Equal(t, 30, own)
}

// The same with streams that are new when no more may be: the delivery is not
// accepted, and is when they may be.
func TestWriteSync_StreamLimit(t *testing.T) {
	w := newWriteSync(t, ownLoki(t, limits("max_global_streams_per_user: 10")), brief)
	now := time.Now()
	w.accept(numbered("first", 10, now)...)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := w.Accept(ctx, numbered("second", 20, now.Add(time.Second)))
	require.ErrorContains(t, err, "429")
	require.ErrorContains(t, err, "active stream limit exceeded")
	require.Empty(t, w.buried.Received())
}

func TestWriteSync_MetadataDisallowed(t *testing.T) {
	w := newWriteSync(t, ownLoki(t, limits("allow_structured_metadata: false", "max_line_size: 100")))
	entries := append(numbered("line", 20, time.Now()), line(model.LabelSet{"service_name": "web"}, time.Now(), strings.Repeat("long ", 50), "pod", "b"))
	w.accept(entries...)
	stored := w.loki.entries(t, everything)
	joined := ""
	for _, e := range stored {
		require.Empty(t, e.Metadata)
		if e.Labels["app"] == "" {
			joined += e.Line
			continue
		}
		require.Equal(t, "line "+e.Labels["app"]+" mended=metadata_disallowed pod=a", e.Line)
	}
	require.Equal(t, strings.Repeat("long ", 50)+" mended=line_too_long pod=b", joined)
	require.Empty(t, w.buried.Received())
}

func TestWriteSync_EnforcedLabels(t *testing.T) {
	w := newWriteSync(t, ownLoki(t, limits("enforced_labels: [team, app]")))
	w.accept(append(numbered("line", 20, time.Now()), line(model.LabelSet{"service_name": "db", "team": "data"}, time.Now(), "bare"))...)
	for _, e := range w.loki.entries(t, everything) {
		require.Equal(t, "labels_missing", e.Metadata["mended"])
		if e.Line == "bare" {
			require.Equal(t, map[string]string{"service_name": "db", "team": "data", "app": "unknown"}, e.Labels)
		} else {
			require.Equal(t, "unknown", e.Labels["team"])
		}
	}
	require.Equal(t, 21, w.loki.count(t, everything))
}

// Limits that contradict each other leave the line to dead_letter.
func TestWriteSync_DeadLetter(t *testing.T) {
	w := newWriteSync(t, ownLoki(t, limits("enforced_labels: [a, b, c]", "max_label_names_per_series: 2")))
	good := numbered("good", 1, time.Now())
	good[0].Labels = model.LabelSet{"a": "1", "b": "2", "c": "3"}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, w.Accept(ctx, good))
	require.Eventually(t, func() bool { return len(w.buried.Received()) == 1 }, patience, time.Millisecond)
	e := w.buried.Received()[0]
	require.Equal(t, good[0].Labels, e.Labels)
	require.Equal(t, "good 0", e.Line)
	names := map[string]string{}
	for _, l := range e.StructuredMetadata {
		names[l.Name] = l.Value
	}
	require.Equal(t, map[string]string{"pod": "a", "refused": "labels_missing", "refused_by": "0"}, names)
}

// What concerns everything is told to the sender.
func TestWriteSync_NotAccepted(t *testing.T) {
	f := func(want, limit string) {
		t.Helper()
		w := newWriteSync(t, ownLoki(t, limits(limit)), brief)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		require.ErrorContains(t, w.Accept(ctx, numbered(strings.Repeat("line ", 100), 5, time.Now())), want)
		require.Empty(t, w.buried.Received())
		require.Zero(t, w.loki.count(t, everything))
	}
	f("answers 260, blocked", "block_ingestion_until: 2100-01-01T00:00:00Z")
	f("answers 429, rate_limited", "ingestion_burst_size_mb: 0.0001")
	f("answers 429, rate_limited", "per_stream_rate_limit_burst: 1B")
}
