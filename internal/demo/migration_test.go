package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/docpage"
	"github.com/grafana/alloy/eks/internal/podlog"
)

// TestMigration runs what docs/migrate-from-awsfirehose.md shows as before and
// after, and the step in between, where nothing but the name of the block is
// another.
func TestMigration(t *testing.T) {
	pipelines := docpage.ReadFile(t, filepath.Join(root, "docs", "migrate-from-awsfirehose.md")).Code
	require.Len(t, pipelines, 2)
	before, after := pipelines[0], pipelines[1]
	renamed := strings.Replace(before, "loki.source.awsfirehose", "awsfirehose.kubernetes", 1)
	require.NotEqual(t, before, renamed)

	lines, err := podlog.ReadArchive(filepath.Join(root, "testdata", "fluentbit", "input.tar.gz"))
	require.NoError(t, err)
	written := map[string]bool{}
	for _, l := range lines {
		written[l.Text] = true
	}
	fargate := captures[0]
	require.Equal(t, "fargate-default", fargate.name)
	run := func(config string) []entry {
		t.Helper()
		p := startPipeline(t, ofAnyAge(config))
		p.deliver(t, fargate)
		return p.ofCapture(t, fargate)
	}
	key := func(e entry) string { return pairs(e.Labels) + " " + e.Line }

	have := map[string][]int64{}
	for _, e := range run(after) {
		have[key(e)] = append(have[key(e)], e.Nanos)
	}
	compared := 0
	theirs := run(before)
	for _, e := range theirs {
		if !written[e.Line] || e.Labels["stream"] == "" {
			continue // It has not read the line.
		}
		compared++
		require.NotEmpty(t, have[key(e)], "%.200q %v", e.Line, e.Labels)
		if len(e.Line) < 16<<10 { // What was cut has the time of its last piece there, and that of its first one here.
			require.Contains(t, have[key(e)], e.Nanos, "%.200q %v", e.Line, e.Labels)
		}
	}
	require.Greater(t, compared, 250)

	// With the stages behind it, it is no worse than before.
	read := linesOf(lines, fargate)
	was, is := match(read, theirs), match(read, run(renamed))
	t.Logf("%d lines, exact time: before %d, with another name %d", len(read), was.TimeExact, is.TimeExact)
	require.GreaterOrEqual(t, is.TimeExact, was.TimeExact)
}
