package endtoend

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/standin"
	"github.com/grafana/alloy/eks/internal/traffic"
)

// TestRestart ends and starts Alloy while deliveries come in.
func TestRestart(t *testing.T) {
	const restarts = 4
	f := func(name string, end func(a *alloy) error) (lost int) {
		t.Helper()
		loki := sharedLoki(t).named(name)
		a := startAlloy(t, settings{Loki: loki, Arguments: anyAge})
		a.configure(settings{Loki: loki, Arguments: anyAge, Port: a.port()})

		g := generate(t, 50_000, traffic.Options{Shape: traffic.CRIParser, Pods: 50})
		stream := a.stream(t, delivering{
			Options:       standin.Options{RetryDuration: patience, RetryUnit: 10 * time.Millisecond, Connections: 4},
			StreamOptions: standin.StreamOptions{BufferRecords: 1000, Connections: 4},
		})
		done := make(chan error, 1)
		go func() { done <- stream.Run(t.Context(), g) }()
		for n := range restarts {
			require.NoError(t, a.await(func() error {
				if made := stream.Summary().Deliveries; made < (n+1)*8 {
					return fmt.Errorf("%d deliveries are made", made)
				}
				return nil
			}))
			require.NoError(t, end(a))
			require.NoError(t, a.launch())
		}
		require.NoError(t, <-done)
		summary := stream.Summary()
		require.True(t, summary.AllAccepted(), summary.LastError)
		require.NoError(t, a.Stop())

		lost, doubled := g.lostAndDoubled(t, loki.entries(t, everything))
		t.Logf("%d times %s, %d deliveries, answers %v, failures %v: %d of %d lines lost, %d doubled",
			restarts, name, summary.Deliveries, summary.Statuses, summary.Errors, lost, len(g.written), doubled)
		require.Zero(t, doubled)
		return lost
	}
	// A loki.write that ends can drop the one line that it has in its hands. It is
	// delivered again unless it was the last one of its delivery.
	require.LessOrEqual(t, f("SIGTERM", (*alloy).Stop), restarts)
	// What loki.write has in its queue has been answered for, and goes with it.
	f("SIGKILL", func(a *alloy) error {
		a.Kill()
		return nil
	})
}
