package main

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/capture"
	"github.com/grafana/alloy/eks/internal/clustertraffic"
	"github.com/grafana/alloy/eks/internal/subscription"
	"github.com/grafana/alloy/eks/internal/traffic"
)

func TestSend_ControlPlane(t *testing.T) {
	e := newEndpoint(t)
	_, err := run(t, "send", "--url", e.URL, "--generate", "60", "--traffic", "controlplane", "--cloudwatch-shape", "decompressed", "--clusters", "2",
		"--source-arn", "arn:aws:firehose:eu-west-3:111122223333:deliverystream/logs", "--oversized", "0")
	require.NoError(t, err)
	require.Len(t, e.deliveries, 1)
	require.Len(t, e.deliveries[0].Records, 60)
	newest := time.Time{}
	for _, r := range e.deliveries[0].Records {
		var envelope struct {
			Owner, LogGroup, LogStream string
			LogEvents                  []struct {
				Timestamp int64
				Message   string
			}
		}
		require.NoError(t, json.Unmarshal(r.Data, &envelope))
		require.Regexp(t, `^/aws/eks/(harbour|meadow)-prod/cluster$`, envelope.LogGroup)
		require.Regexp(t, `^[a-z-]+-[0-9a-f]{32}$`, envelope.LogStream)
		require.Contains(t, []string{"111122223333", "444455556666"}, envelope.Owner)
		require.NotEmpty(t, envelope.LogEvents)
		for _, ev := range envelope.LogEvents {
			require.NotContains(t, ev.Message, "ec2.internal", "the region is that of the stream")
			if at := time.UnixMilli(ev.Timestamp); at.After(newest) {
				newest = at
			}
		}
	}
	require.WithinDuration(t, time.Now(), newest, time.Minute)
}

// readTruth reads a file of JSON Lines.
func readTruth[T any](t *testing.T, path string) []T {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	var truth []T
	for lines := json.NewDecoder(bufio.NewReader(f)); lines.More(); {
		var value T
		require.NoError(t, lines.Decode(&value))
		truth = append(truth, value)
	}
	return truth
}

// records reads a capture.
func records(t *testing.T, path string) []string {
	t.Helper()
	r := capture.Open(subscription.Gzip, path)
	var out []string
	for r.Next() {
		out = append(out, string(r.Record()))
	}
	require.NoError(t, r.Err())
	require.NoError(t, r.Close())
	return out
}

func TestGenerate_TruthOfControlPlane(t *testing.T) {
	dir := t.TempDir()
	file, truthFile := filepath.Join(dir, "capture.jsonl.gz"), filepath.Join(dir, "truth.jsonl")
	_, err := run(t, "generate", "--traffic", "controlplane", "--records", "50", "--seed", "3", "--start", "2026-08-20T10:00:00Z",
		"--cloudwatch-shape", "extracted", "--region", "eu-west-3", "-o", file, "--truth", truthFile)
	require.NoError(t, err)

	type line struct {
		Record int
		clustertraffic.Event
	}
	truth, captured := readTruth[line](t, truthFile), records(t, file)
	require.Len(t, captured, 50)
	texts := make([]string, len(captured))
	g, err := clustertraffic.New(clustertraffic.Options{Seed: 3, Region: "eu-west-3", Start: time.Date(2026, time.August, 20, 10, 0, 0, 0, time.UTC)})
	require.NoError(t, err)
	var want []clustertraffic.Event
	for range captured {
		g.Next()
		want = append(want, g.Events()...)
	}
	require.Len(t, truth, len(want))
	for i := range truth {
		require.Equal(t, want[i], truth[i].Event)
		texts[truth[i].Record] += truth[i].Message + "\n"
	}
	require.Equal(t, captured, texts)
}

func TestGenerate_TruthOfContainers(t *testing.T) {
	dir := t.TempDir()
	file, truthFile := filepath.Join(dir, "capture.jsonl"), filepath.Join(dir, "truth.jsonl")
	_, err := run(t, "generate", "--records", "80", "--partial", "0.2", "--start", "2026-08-20T10:00:00Z", "-o", file, "--truth", truthFile)
	require.NoError(t, err)
	truth, captured := readTruth[containerTruth](t, truthFile), records(t, file)
	require.NotEmpty(t, truth)
	for i, line := range truth {
		require.EqualValues(t, i, line.Sequence)
		n, ok := traffic.Sequence(line.Text)
		require.True(t, ok)
		require.Equal(t, line.Sequence, n)
		require.Contains(t, captured[line.Record], line.Pod)
		if line.TextTime != nil {
			require.WithinDuration(t, line.Time, *line.TextTime, time.Second)
		}
	}
	require.Less(t, len(truth), 80, "fragments are records of their own")
}

func TestGenerate_TruthFailure(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "capture.jsonl")
	_, err := run(t, "generate", "-o", file, "--truth", filepath.Join(dir, "absent", "truth"))
	require.ErrorContains(t, err, "cannot write truth")
	_, err = run(t, "generate", "-o", file, "--truth", file)
	require.ErrorContains(t, err, "same file")
	truth := filepath.Join(dir, "truth")
	_, err = run(t, "generate", "-o", filepath.Join(dir, "absent", "capture"), "--truth", truth)
	require.ErrorContains(t, err, "cannot write capture")
	require.NoFileExists(t, file)
	require.NoFileExists(t, truth)
}

func TestRegionOf(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		require.Equal(t, want, regionOf(in))
	}
	f("arn:aws:firehose:eu-west-3:111122223333:deliverystream/a:b", "eu-west-3")
	f("arn:aws-cn:firehose:cn-north-1:111122223333:deliverystream/x", "cn-north-1")
	f("arn:aws:firehose", "")
	f("", "")
	f(strings.Repeat(":", 9), "")
}
