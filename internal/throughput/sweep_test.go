package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/standin"
)

func TestSweep(t *testing.T) {
	printed, saved, err := run(t, "sweep", "--only", "gzip", "--fraction", "0.02", "--rounds", "2", "--idle", "50ms", "--pipeline", "floor")
	require.NoError(t, err)
	require.Len(t, saved.Results, 2)
	for i, value := range []string{"off", "on"} {
		r := saved.Results[i]
		require.Equal(t, "gzip", r.Sweep)
		require.Equal(t, value, r.Value)
		require.Equal(t, value == "on", r.Load.Gzip)
		require.Equal(t, 1, r.Load.Deliveries)
		require.Len(t, r.Rows, 2)
		require.Len(t, r.Rows[1].Samples, 2)
		require.Regexp(t, `(?m)^ +`+value+` +1,6[0-9]{2},[0-9]{3} +[0-9]+ `, printed)
	}
	require.Contains(t, printed, "gzip: compressed bodies")
	require.NotContains(t, printed, "record-size")
}

func TestSweep_Failure(t *testing.T) {
	f := func(want string, args ...string) {
		t.Helper()
		_, _, err := run(t, append([]string{"sweep"}, args...)...)
		require.ErrorContains(t, err, want)
	}
	f(`unknown sweep "none"`, "--only", "none")
	f("fraction 0 is not", "--fraction", "0")
}

// Every point is a load that can be made, whatever it costs.
func TestSweeps(t *testing.T) {
	own := workloads[0].load
	for i := range sweeps {
		require.NotEmpty(t, sweeps[i].show)
		for _, p := range sweeps[i].points {
			l := p.load.or(own)
			require.LessOrEqual(t, l.Records, standin.MaxRecords)
			require.Less(t, l.Records*l.RecordSize*4/3, standin.MaxBody, "%s %s", sweeps[i].name, p.value)
			require.LessOrEqual(t, l.Deliveries*l.Records*l.RecordSize, 500<<20, "%s %s: what is in memory", sweeps[i].name, p.value)
			one := l
			one.Deliveries, one.Records = 1, 1
			src, err := newContainerLines(&one)
			require.NoError(t, err)
			require.True(t, src.Next())
		}
	}
}

func TestSweepTable(t *testing.T) {
	samples := func(cpu time.Duration) []sample {
		return []sample{{Entries: 1000, CPU: cpu, Wall: 2 * cpu, PeakRSS: 30 << 20, StartRSS: 10 << 20, Retries: 2}}
	}
	rows := []row{
		{Pipeline: upstreamName, Samples: samples(50 * time.Millisecond)},
		{Pipeline: "ours", Samples: samples(5 * time.Millisecond)},
	}
	r := &result{Value: "10", Load: load{Records: 100, Connections: 2}, Records: 1000, Entries: 1000, RecordBytes: 1 << 20 / 100, Streams: 3, Rows: rows}
	sw := &sweep{name: "things", about: "some things", show: []measure{cpuPerEntry, cpuPerByte, grown}}
	require.Equal(t, `things: some things
medians of 1 rounds; all pipelines stored the same entries
                               CPU µs/entry        ns/body byte        RSS/bodies                     
  things  body bytes  streams      upstream  ours      upstream  ours    upstream  ours  upstream/ours
      10   1,048,500        3          50.0  5.00          4.77  0.48        10.0  10.0          10.0x
at 10:
  but upstream, ours: deliveries had to be sent again, 2 times
`, sweepTable(sw, []*result{r}))
}
