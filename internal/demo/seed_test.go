package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/podlog"
	"github.com/grafana/alloy/eks/internal/process"
	"github.com/grafana/alloy/eks/internal/standin"
)

var accessKeyLine = regexp.MustCompile(`(?m)^\s*access_key .*\n`)

// pipeline is one of the seed pipelines at work, with what it has written.
type pipeline struct {
	*alloy
	out *pushes
}

// startPipeline runs a configuration.
func startPipeline(t *testing.T, text string) *pipeline {
	t.Helper()
	out, err := listenForPushes()
	require.NoError(t, err)
	t.Cleanup(out.stop)
	dir := t.TempDir()
	config := filepath.Join(dir, "config.alloy")
	open := accessKeyLine.ReplaceAllString(text, "") // The demo delivers without a key.
	require.NoError(t, os.WriteFile(config, []byte(open), 0o600))
	options := alloyOptions{root: root, dir: dir, config: config, env: []string{"LOKI_URL=" + out.pushURL()}}
	return &pipeline{options.start(t), out}
}

// deliver posts captures and waits until the pipeline has written them.
func (p *pipeline) deliver(t *testing.T, captures ...bundled) {
	t.Helper()
	for _, b := range captures {
		d, err := build(t.Context(), root, b, p.endpoint)
		require.NoError(t, err)
		require.NoError(t, d.stream.Post(t.Context(), d.built))
		require.True(t, d.stream.Summary().AllAccepted(), d.stream.Summary().LastError)
	}
	// Everything before this line is written before it.
	const last = "the end"
	sender, err := standin.NewSender(standin.Options{URL: p.endpoint})
	require.NoError(t, err)
	result := sender.Send(t.Context(), [][]byte{[]byte(`{"log":"2026-08-20T11:00:00Z stdout F ` + last + `"}`)})
	require.Equal(t, standin.Accepted, result.Outcome)
	require.NoError(t, p.Await(t.Context(), func() error {
		end, err := p.out.ofCapture(t.Context(), "")
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(end, func(e entry) bool { return e.Line == last }) {
			return process.ErrNotReady
		}
		return nil
	}))
}

// ofCapture returns what the pipeline has written of a capture.
func (p *pipeline) ofCapture(t *testing.T, b bundled) []entry {
	t.Helper()
	entries, err := p.out.ofCapture(t.Context(), b.name)
	require.NoError(t, err)
	return entries
}

// linesOf returns the lines that Fluent Bit has read for a capture.
func linesOf(lines []podlog.Line, b bundled) []podlog.Line {
	var read []podlog.Line
	for _, l := range lines {
		if slices.Contains(strings.Fields(b.logs), l.Dir) {
			read = append(read, l)
		}
	}
	return read
}

// match compares entries with the log files. All times count, wherever they are
// from, and the output stream does not, which the seed pipelines drop.
func match(written []podlog.Line, entries []entry) podlog.Match {
	var arrived []podlog.Arrival
	for _, e := range entries {
		a := arrivalOf(&e)
		a.Nanos = e.Nanos
		arrived = append(arrived, a)
	}
	written = slices.Clone(written)
	for i := range written {
		written[i].Stream = ""
	}
	m, _ := podlog.Compare(written, arrived)
	return m
}

// TestSeedPipelines checks that awsfirehose.kubernetes takes the place of the
// pipeline that people have built, with the same labels.
func TestSeedPipelines(t *testing.T) {
	upstream := startPipeline(t, readExample(t, "seed-pipeline-upstream.alloy"))
	ours := startPipeline(t, ofAnyAge(readExample(t, "seed-pipeline.alloy")))
	upstream.deliver(t, captures...)
	ours.deliver(t, captures...)
	lines, err := podlog.ReadArchive(filepath.Join(root, "testdata", "fluentbit", "input.tar.gz"))
	require.NoError(t, err)
	for _, b := range captures {
		written := linesOf(lines, b)
		theirEntries, ourEntries := upstream.ofCapture(t, b), ours.ofCapture(t, b)
		theirs, our := match(written, theirEntries), match(written, ourEntries)
		t.Logf("%-24s lines %d, exact text: upstream %3d, ours %3d; exact time: upstream %3d, ours %3d",
			b.name, len(written), theirs.Exact, our.Exact, theirs.TimeExact, our.TimeExact)
		require.GreaterOrEqual(t, our.Exact, theirs.Exact, b.name)
		require.GreaterOrEqual(t, our.TimeExact, max(b.timed, theirs.TimeExact), b.name)
		if b.name == "fargate-default" {
			requireSameLabels(t, written, theirEntries, ourEntries)
		}
	}
}

func readExample(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(example(name))
	require.NoError(t, err)
	return string(text)
}

// ofAnyAge lets awsfirehose.kubernetes keep the times of the captures, which are
// older than a week by now.
func ofAnyAge(config string) string {
	begins := regexp.MustCompile(`(?m)^awsfirehose\.kubernetes .*{\n`)
	return begins.ReplaceAllString(config, "${0}\ttimestamp {\n\t\tmax_age = \"0s\"\n\t}\n")
}

// requireSameLabels checks that for each entry with the line that was written,
// ours has one with that line and the same labels.
func requireSameLabels(t *testing.T, written []podlog.Line, theirs, ours []entry) {
	t.Helper()
	key := func(e entry) string { return pairs(e.Labels) + " " + e.Line }
	have := map[string]int{}
	seen := map[string]bool{}
	for _, e := range ours {
		have[key(e)]++
		for name := range e.Labels {
			seen[name] = true
		}
	}
	require.Equal(t, []string{"app", captureLabel, "cluster", "component", "container", "environment", "instance", "namespace", "pod", "region"},
		slices.Sorted(maps.Keys(seen)))
	lines := map[string]bool{}
	for _, l := range written {
		lines[l.Text] = true
	}
	compared := 0
	for _, e := range theirs {
		if !lines[e.Line] {
			continue
		}
		compared++
		require.Positive(t, have[key(e)], "%s\n%v", e.Line, e.Labels)
		have[key(e)]--
	}
	require.Greater(t, compared, 250)
}
