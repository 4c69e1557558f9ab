package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseCollection_Success(t *testing.T) {
	f := func(line string, want time.Duration) {
		t.Helper()
		got, ok := parseCollection([]byte(line))
		require.True(t, ok)
		require.InDelta(t, want, got, float64(time.Microsecond))
	}
	f("gc 1 @0.011s 3%: 0.009+0.53+0.003 ms clock, 0.5+0.25/0.75/1+0.125 ms cpu, 3->4->0 MB, 4 MB goal, 0 MB stacks, 0 MB globals, 1 P", 2625*time.Microsecond)
	f("gc 1234 @99.5s 12%: 0.009+0.53+0.003 ms clock, 0+100/0/0+0 ms cpu, 3->4->0 MB, 4 MB goal, 0 MB stacks, 0 MB globals, 2 P (forced)", 100*time.Millisecond)
}

func TestParseCollection_Failure(t *testing.T) {
	f := func(line string) {
		t.Helper()
		_, ok := parseCollection([]byte(line))
		require.False(t, ok)
	}
	f("")
	f("gc 1 @0.011s 3%: 0.009+0.53+0.003 ms clock, 1..5 ms cpu, 3->4->0 MB")
	f(`ts=2026-01-01T00:00:00Z level=warn msg="gc 1 @0.1s 3%: 1+1 ms clock, 1+1 ms cpu, "`)
	f("scvg: 8 MB released")
}

func TestOutput(t *testing.T) {
	const cycle = "gc 1 @0.011s 3%: 0.009+0.53+0.003 ms clock, 0+1/1/1+0 ms cpu, 3->4->0 MB, 4 MB goal, 1 P\n"
	text := "level=info msg=starting\n" + cycle + "level=warn msg=slow\n" + cycle + "no line feed"
	// Traces come in pieces.
	for size := 1; size <= len(text); size++ {
		o := new(output)
		for rest := []byte(text); len(rest) > 0; {
			n := min(size, len(rest))
			_, err := o.Write(rest[:n])
			require.NoError(t, err)
			rest = rest[n:]
		}
		require.Equal(t, "level=info msg=starting\nlevel=warn msg=slow\nno line feed", o.Tail())
		require.Equal(t, collections{2, 6 * time.Millisecond}, o.collected())
	}
}

func TestOutput_KeepsTheEnd(t *testing.T) {
	o := new(output)
	for range tailSize {
		_, err := o.Write([]byte("a line\n"))
		require.NoError(t, err)
	}
	_, err := o.Write([]byte("the last line\n"))
	require.NoError(t, err)
	require.Len(t, o.Tail(), tailSize)
	require.Contains(t, o.Tail(), "a line\nthe last line\n")
}

func TestCollections_Since(t *testing.T) {
	require.Equal(t, collections{2, time.Second}, collections{5, 3 * time.Second}.since(collections{3, 2 * time.Second}))
}
