package endtoend

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/subscription"
)

// TestControlPlane_Restart ends and starts Alloy while deliveries come in. What was
// not answered for comes again. Nothing is doubled, and nothing is lost but a line
// that loki.write has in its hands as it ends, see TestRestart.
func TestControlPlane_Restart(t *testing.T) {
	t.Parallel()
	const restarts = 3
	g := generateLogs(t, 3000, several).distinct()
	loki := sharedLoki(t)
	config := settings{Loki: loki, Component: controlPlane, Arguments: anyAge}
	a := startAlloy(t, config)
	config.Port = a.port()
	a.configure(config)

	how := byCount(30)
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
		require.NoError(t, a.stop())
		require.NoError(t, a.launch())
	}
	require.NoError(t, <-done)
	summary := stream.Summary()
	require.True(t, summary.AllAccepted(), summary.LastError)
	require.NoError(t, a.stop())

	want, got := g.entries(0, enveloped), loki.entries(t, everyLog)
	t.Logf("%d restarts, %d deliveries, answers %v, failures %v\n%s",
		restarts, summary.Deliveries, summary.Statuses, summary.Errors, tally(want, got))
	lost := 0
	for _, line := range difference(want, got) {
		require.Equal(t, "-1", line[:2], line)
		lost++
	}
	require.LessOrEqual(t, lost, restarts)
}
