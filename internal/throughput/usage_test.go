package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/process"
)

func TestScrape(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/broken":
			fmt.Fprint(w, "no metric at all{")
		case "/metrics":
			fmt.Fprint(w, "# TYPE a gauge\na{x=\"1\"} 2\na{x=\"2\"} 3\n# TYPE b_total counter\nb_total 7\nuntyped 1\n")
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	got, err := scrape(t.Context(), server.URL+"/metrics")
	require.NoError(t, err)
	f := func(name string, want float64) {
		t.Helper()
		value, err := got.value(name)
		require.NoError(t, err)
		require.Equal(t, want, value)
	}
	f("a", 5)
	f("b", 7)
	f("b_total", 7)
	f("untyped", 1)
	_, err = got.value("c")
	require.ErrorContains(t, err, `cannot find metric "c"`)

	_, err = scrape(t.Context(), server.URL+"/none")
	require.ErrorIs(t, err, process.ErrNotReady)
	_, err = scrape(t.Context(), server.URL+"/broken")
	require.ErrorContains(t, err, "cannot read metrics")
}

func TestOthers(t *testing.T) {
	before, err := others()
	require.NoError(t, err)
	require.Positive(t, before)
	gone, err := start(t.Context(), nil, nil, "/bin/true")
	require.NoError(t, err)
	gone.End()
	_, err = others(gone)
	require.ErrorContains(t, err, "cannot read the CPU time")
}

func TestEnvironment(t *testing.T) {
	b := &bench{root: root, idle: time.Millisecond, receiver: cores{1}, others: cores{0}}
	e, err := b.environment()
	require.NoError(t, err)
	require.Positive(t, e.Cores)
	require.Contains(t, e.Alloy, "CGO_ENABLED=0")

	quiet := environment{CPU: "fast", Cores: 2, Alloy: "go1", ReceiverCores: "1", OtherCores: "0"}
	require.Equal(t, "2 x fast\nbuild/alloy: go1\nreceiver on core 1, sender and sink on core 0\n", quiet.String())
	loud := environment{CPU: "fast", Cores: 1, Alloy: "go1", Busy: .3}
	require.Equal(t, "1 x fast\nbuild/alloy: go1\nnothing is pinned: sender, sink and receiver share all cores\n"+
		"THE MACHINE IS NOT QUIET: others use 30 % of a core\n", loud.String())
	_, err = (&bench{root: t.TempDir()}).environment()
	require.ErrorContains(t, err, "cannot read how alloy was built")
}
