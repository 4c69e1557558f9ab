package clustertraffic

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/controlplane"
	"github.com/grafana/alloy/eks/internal/cwlogs"
	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/subscription"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

// cases are what is generated for the tests against the parser.
var cases = map[string]Options{
	"defaults":    {},
	"centralised": {Seed: 1, Clusters: 4, Centralised: 4},
	"often cut":   {Seed: 2, Oversized: 0.05, CutAt: MinCutAt},
	"new year":    {Seed: 3, Start: time.Date(2027, time.December, 31, 23, 59, 55, 0, time.UTC)},
	"leap day":    {Seed: 4, Start: time.Date(2024, time.February, 28, 23, 59, 55, 0, time.UTC)},
}

func newParser(t *testing.T, format controlplane.LineFormat) *controlplane.Parser {
	t.Helper()
	known, err := event.NewSources(1000)
	require.NoError(t, err)
	return controlplane.NewParser(controlplane.Options{Sources: known, LineFormat: format, Redact: controlplane.DefaultRedact()})
}

// decompress returns the content of a record as a receiver gets it.
func decompress(t *testing.T, form subscription.Form, record []byte) []byte {
	t.Helper()
	if form != subscription.Gzip {
		return record
	}
	r, err := gzip.NewReader(bytes.NewReader(record))
	require.NoError(t, err)
	plain, err := io.ReadAll(r)
	require.NoError(t, err)
	return plain
}

// TestParser_FindsTheTruth lets package controlplane read what is generated, in
// all forms, and compares what it finds with the truth.
func TestParser_FindsTheTruth(t *testing.T) {
	for name, o := range cases {
		for _, form := range subscription.Forms() {
			t.Run(name+"/"+string(form), func(t *testing.T) {
				g, p, enc := newGenerator(t, o), newParser(t, controlplane.Raw), subscription.NewEncoder(form)
				for range 150 {
					record, err := enc.AppendRecord(nil, g.Next())
					require.NoError(t, err)
					p.Reset(g.now+int64(20*time.Second), nil)
					found := p.Parse(nil, decompress(t, form, record))
					truth := g.Events()
					require.Len(t, found, len(truth))
					for i := range truth {
						compare(t, &truth[i], &found[i], form != subscription.Extracted)
					}
				}
			})
		}
	}
}

// compare compares what was found with the truth; enveloped says that the
// envelope came along.
func compare(t *testing.T, want *Event, got *event.Event, enveloped bool) {
	t.Helper()
	nanos, ok := got.Times.Get(timestamp.Line)
	require.Equal(t, want.HasTime, ok, want.Message)
	if ok {
		require.Equal(t, want.Time, time.Unix(0, nanos).UTC(), want.Message)
	}
	require.Equal(t, want.Level, got.Level, want.Message)
	require.Equal(t, want.Fields, fieldsOf(got), want.Message)
	require.Empty(t, got.Flaw, want.Message)
	for _, secret := range want.Secrets {
		require.NotContains(t, string(got.Line), secret)
	}
	if len(want.Secrets) == 0 && !want.Truncated {
		require.Equal(t, want.Message, string(got.Line))
	}
	logType := got.Source.Get(controlplane.LabelLogType)
	if !enveloped {
		// The content tells the type of all but some lines of klog, and of what
		// follows them.
		if logType != string(controlplane.Unknown) {
			require.Equal(t, want.LogType, logType, want.Message)
		}
		return
	}
	require.Equal(t, want.LogType, logType, want.Message)
	require.Equal(t, want.Cluster, got.Source.Get(controlplane.LabelCluster))
	require.Equal(t, want.Instance, got.Source.Get(controlplane.LabelInstance))
	require.Equal(t, want.LogStream, got.Source.Get(cwlogs.LabelLogStream))
	require.Equal(t, want.Account, got.Source.Get(cwlogs.LabelOwner))
	if want.Centralised {
		require.Equal(t, want.Region, got.Source.Get(cwlogs.LabelRegion))
	}
	cloudwatch, ok := got.Times.Get(timestamp.CloudWatch)
	require.True(t, ok)
	require.Equal(t, want.Millis*int64(time.Millisecond), cloudwatch)
}

func fieldsOf(ev *event.Event) map[string]string {
	fields := make(map[string]string, len(ev.Fields))
	for _, f := range ev.Fields {
		fields[f.Name] = string(f.Value)
	}
	return fields
}

// TestParser_HidesSecrets checks the other form of lines, too, and that nothing
// of a secret is left.
func TestParser_HidesSecrets(t *testing.T) {
	const shortest = 8
	g, p, enc := newGenerator(t, cases["often cut"]), newParser(t, controlplane.JSON), subscription.NewEncoder(subscription.Decompressed)
	secrets := 0
	for range 1000 {
		record, err := enc.AppendRecord(nil, g.Next())
		require.NoError(t, err)
		p.Reset(0, nil)
		found := p.Parse(nil, record)
		for i, e := range g.Events() {
			for _, secret := range e.Secrets {
				secrets++
				for ; len(secret) >= shortest; secret = secret[shortest:] {
					require.NotContains(t, string(found[i].Line), secret[:shortest])
				}
			}
		}
	}
	require.Greater(t, secrets, 300)
}
