package main

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// states returns what a process was at moments at which it had so much memory, in
// MiB.
func states(rss ...float64) []state {
	var all []state
	for i, n := range rss {
		all = append(all, state{
			At: time.Duration(i+1) * time.Minute, RSS: n * mebibyte, Heap: 50 * mebibyte, Goroutines: 40,
			CPU: time.Duration(i) * time.Millisecond, Records: i * 100,
		})
	}
	return all
}

func TestVerdict(t *testing.T) {
	f := func(want string, states []state) {
		t.Helper()
		err := (&soaked{States: states}).verdict()
		if want == "" {
			require.NoError(t, err)
			return
		}
		require.EqualError(t, err, want)
	}
	f("", states(100, 100, 150, 150, 150, 150, 150, 150))
	f("", states(100, 100, 150, 150, 250, 250, 168, 168)) // A tenth and 4 MiB.
	f("it grows: RSS MiB from 150.0 to 170.0", states(100, 100, 150, 150, 250, 250, 170, 170))
	f("a soak of 7 samples says nothing", states(1, 2, 3, 4, 5, 6, 7))
	leaks := states(150, 150, 150, 150, 150, 150, 150, 150)
	for i := range leaks {
		leaks[i].Goroutines += float64(5 * i)
		leaks[i].Heap += float64(i) * 5 * mebibyte
	}
	f("it grows: heap MiB from 62.5 to 82.5\nit grows: goroutines from 52.5 to 72.5", leaks)
}

func TestSoaked_String(t *testing.T) {
	rep := &soaked{
		Workload: "containers", Pipeline: "ours", Load: load{Rate: 7000, Connections: 2, Pods: 10}, Capacity: 10_000, Retries: 1,
		States: states(100, 100, 150, 150, 150, 150, 151, 151),
	}
	require.Equal(t, `containers, ours: 10,000 records/s at most, 7,000 records/s sent by 2 connections, 10 pods, 1 retries; medians of the quarters
  until  CPU µs/record  RSS MiB  heap MiB  goroutines
   2m0s           10.0    100.0      50.0        40.0
   4m0s           10.0    150.0      50.0        40.0
   6m0s           10.0    150.0      50.0        40.0
   8m0s           10.0    151.0      50.0        40.0
`, rep.String())
}

func TestSoak(t *testing.T) {
	printed, _, err := run(t, "soak", "--duration", "2s", "--share", "0.2", "--deliveries", "3", "--records", "100", "--pods", "10")
	// Within seconds of its start a process may grow.
	if !errors.Is(err, errGrows) {
		require.NoError(t, err)
	}
	require.Regexp(t, `containers, ours: [0-9,]+ records/s at most, [0-9,]+ records/s sent by 4 connections, 10 pods, 0 retries`, printed)
	require.Regexp(t, `(?m)^ +2s +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+$`, printed)
}

func TestSoak_Failure(t *testing.T) {
	f := func(want string, args ...string) {
		t.Helper()
		_, _, err := run(t, append([]string{"soak"}, args...)...)
		require.ErrorContains(t, err, want)
	}
	f("a soak wants", "--duration", "0s")
	f("a soak wants", "--share", "1.1")
	f("a soak wants", "--workload", "containers,controlplane")
	f(`has no pipeline "none"`, "--pipeline", "none")
}
