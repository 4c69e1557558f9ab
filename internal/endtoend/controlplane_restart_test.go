package endtoend

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/subscription"
)

// TestControlPlane_Restart ends and starts Alloy while deliveries come in. What was
// not answered for comes again, and nothing is doubled. loki.write can drop the one
// line that it has in its hands as it ends, see TestRestart; loki.write_sync, which
// answers for what is in Loki, loses nothing even when it is killed.
func TestControlPlane_Restart(t *testing.T) {
	t.Parallel()
	const restarts = 3
	f := func(writer string, end func(a *alloy) error, maxLost int) {
		t.Helper()
		g := generateLogs(t, 2000, several).distinct()
		loki := sharedLoki(t).named(writer)
		config := settings{Loki: loki, Component: controlPlane, Arguments: anyAge, Writer: writer}
		a := startAlloy(t, config)
		config.Port = a.port()
		a.configure(config)

		how := byCount(20)
		how.RetryDuration, how.RetryUnit, how.Options.Connections = patience, 10*time.Millisecond, 4
		how.StreamOptions.Connections = 4
		stream := a.stream(t, how)
		done := make(chan error, 1)
		go func() { done <- stream.Run(t.Context(), g.in(subscription.Gzip)) }()
		for n := range restarts {
			require.NoError(t, a.await(func() error {
				if made := stream.Summary().Deliveries; made < (n+1)*20 {
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

		want, got := g.entries(0, enveloped), loki.entries(t, everyLog)
		t.Logf("%s: %d restarts, %d deliveries, answers %v, failures %v\n%s",
			writer, restarts, summary.Deliveries, summary.Statuses, summary.Errors, tally(want, got))
		lost := 0
		for _, line := range difference(want, got) {
			require.Equal(t, "-1", line[:2], line)
			lost++
		}
		require.LessOrEqual(t, lost, maxLost)
	}
	f("loki.write", (*alloy).Stop, restarts)
	f("loki.write_sync", func(a *alloy) error {
		a.Kill()
		return nil
	}, 0)
}
