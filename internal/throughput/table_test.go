package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMedian(t *testing.T) {
	f := func(want float64, values ...float64) {
		t.Helper()
		require.Equal(t, want, median(values))
	}
	f(1, 1)
	f(2, 1, 3)
	f(2, 9, 1, 2)
	f(2.5, 4, 1, 9, 1, 0, 9)
}

func TestNumber(t *testing.T) {
	require.Equal(t, "1.23", number(1.234))
	require.Equal(t, "12.3", number(12.34))
	require.Equal(t, "1,234", number(1234.4))
}

func TestThousands(t *testing.T) {
	f := func(n float64, want string) {
		t.Helper()
		require.Equal(t, want, thousands(n))
	}
	f(0, "0")
	f(999.4, "999")
	f(1000, "1,000")
	f(-999, "-999")
	f(-123456, "-123,456")
	f(1234567, "1,234,567")
}

func TestResult_Exceptions(t *testing.T) {
	quiet := []sample{{Wall: time.Second, Others: 40 * time.Millisecond}}
	loud := []sample{{Wall: time.Second, Others: 60 * time.Millisecond, Retries: 3}}
	r := &result{Rows: []row{{Pipeline: "a", Samples: loud}, {Pipeline: "b", Samples: quiet}, {Pipeline: "c", Samples: loud}}}
	require.Equal(t, `
  but a, c: deliveries had to be sent again, 3 times
  but a, c: OTHER PROCESSES OF THE MACHINE WERE BUSY MEANWHILE, these figures are worth little`, r.exceptions())
}

func TestTable(t *testing.T) {
	samples := func(n int, cpu ...time.Duration) []sample {
		var all []sample
		for _, c := range cpu {
			all = append(all, sample{Entries: n, CPU: c, GC: c / 10, Allocated: float64(2 * n), Wall: 2 * c, Sending: 2 * c, Others: c / 100, PeakRSS: 5 << 20})
		}
		return all
	}
	r := &result{
		Workload: "containers", RecordBytes: 1623.4,
		Load: load{Deliveries: 2, Records: 500, Pods: 3, Passes: 1, Connections: 4, Gzip: true, Rate: 3000},
		Rows: []row{
			{Pipeline: upstreamName, About: "as it is", Samples: samples(1000, 50*time.Millisecond, 40*time.Millisecond, 48*time.Millisecond), Stored: totals{Entries: 1000}},
			{Pipeline: "ours", About: "as it is here", Differs: "it is better", Differences: []difference{{Kind: otherTime, Reason: "it is late", Count: 2000}}, Samples: samples(1000, 6*time.Millisecond, 4*time.Millisecond, 5*time.Millisecond)},
			{Pipeline: floorName, About: "as it could be", Differences: []difference{{Kind: otherTime, Reason: "it is late", Count: 2000}}, Samples: samples(1000, 4*time.Millisecond, 4*time.Millisecond, 4*time.Millisecond)},
		},
	}
	require.Equal(t, `containers: lines
2 deliveries of 500 records, 1,623 body bytes per record, 4 connections, 3 pods, gzip, 3,000 records/s
medians of 3 rounds of 1,000 entries each, in turn
all pipelines stored the same 1,000 entries first: labels, nanosecond times, lines
  but ours: not compared: it is better
  but ours, floor: 2,000 entries: the time differs, it is late
  pipeline  CPU µs/entry    from-to  entries/s/core  accepted/s  GC %  alloc B/entry  peak RSS MiB  upstream is  of the floor
  upstream          48.0  40.0-50.0          20,833      10,417  10.0              2             5        1.00x         12.0x
      ours          5.00  4.00-6.00         200,000     100,000  10.0              2             5        9.60x         1.25x
     floor          4.00  4.00-4.00         250,000     125,000  10.0              2             5        12.0x         1.00x
  upstream: as it is
  ours: as it is here
  floor: as it could be
`, table(&workload{about: "lines"}, r))
}
