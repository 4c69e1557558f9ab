package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestControlPlaneEvents(t *testing.T) {
	src, err := newControlPlaneEvents(&load{Deliveries: 10, Records: 100})
	require.NoError(t, err)
	records := 0
	for src.Next() {
		records++
		require.Equal(t, []byte{0x1f, 0x8b}, src.Record()[:2])
	}
	require.NoError(t, src.Err())
	require.Equal(t, 1000, records)
	require.Greater(t, src.entries(), 5*records)

	f := func(want, labels, line string) {
		t.Helper()
		at := entry{labels, 1, line}
		later := at
		later.Nanos += maxMoved
		got := src.excuse(at, later)
		if want == "" {
			require.Empty(t, got)
			return
		}
		require.Contains(t, got, want)
		// Nothing but the time may differ.
		later.Labels += "x"
		require.Empty(t, src.excuse(at, later))
		require.Empty(t, src.excuse(at, entry{}))
	}
	events := src.(*controlPlaneEvents)
	events.truncated["{cut"] = true
	require.NotEmpty(t, events.headless)
	for line := range events.headless {
		f("states none", `{log_type="api"}`, line)
	}
	f("cut off", `{log_type="audit"}`, "{cut")
	f("JSON among klog's", `{log_type="api"}`, `{"level":"warn"}`)
	f("", `{log_type="audit"}`, `{"level":"Metadata"}`)
	f("", `{log_type="api"}`, "I0820 09:58:53.927142      11 a.go:1] text")

	one, moved := entry{`{log_type="api"}`, 1, "text"}, entry{`{log_type="api"}`, 2, "text"}
	require.Contains(t, src.excuse(one, moved), "equal lines")
	require.Contains(t, src.excuse(moved, one), "equal lines")
	require.Empty(t, src.excuse(one, entry{one.Labels, 2, "other"}))
}

func TestContainerLines_Scattered(t *testing.T) {
	begin := time.Now()
	src, err := newContainerLines(&load{Deliveries: 5, Records: 100, RecordSize: 1200, Pods: 3, Scattered: true})
	require.NoError(t, err)
	records, last := 0, ""
	for src.Next() {
		records++
		require.NotEqual(t, last, src.(*containerLines).pod)
		last = src.(*containerLines).pod
	}
	require.Equal(t, 500, records)
	require.Equal(t, 500, src.entries())
	require.Empty(t, src.excuse(entry{}, entry{}))
	// Nothing is written in the future.
	_, events := src.(*containerLines).Generator.Next(nil)
	require.True(t, events[0].Time.Before(begin))
	// One pod is not skipped for ever.
	src, err = newContainerLines(&load{Deliveries: 1, Records: 20, RecordSize: 1200, Pods: 1, Scattered: true})
	require.NoError(t, err)
	for src.Next() {
	}
	require.Equal(t, 20, src.entries())
}
