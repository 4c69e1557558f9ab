package endtoend

import (
	"fmt"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/standin"
	"github.com/grafana/alloy/eks/internal/traffic"
)

// port returns where the component listens.
func (a *alloy) port() int {
	a.t.Helper()
	u, err := url.Parse(a.endpoint())
	require.NoError(a.t, err)
	port, err := strconv.Atoi(u.Port())
	require.NoError(a.t, err)
	return port
}

// reloadUntil changes the configuration again and again until done, by signal and
// by request in turns, and returns how often.
func (a *alloy) reloadUntil(done <-chan error, change func(n int) settings) int {
	a.t.Helper()
	for n := 0; ; n++ {
		select {
		case err := <-done:
			require.NoError(a.t, err)
			return n
		case <-time.After(20 * time.Millisecond): // Else there would be nothing but reloads.
		}
		a.configure(change(n))
		if n%2 == 0 {
			require.NoError(a.t, a.reload())
		} else {
			require.NoError(a.t, a.hangUp())
		}
	}
}

// TestReload changes the configuration while deliveries come in. None is lost, and
// as long as the server stays the same nobody notices.
func TestReload(t *testing.T) {
	f := func(name string, change func(s *settings, n, port int), check func(standin.Summary)) {
		t.Helper()
		loki := sharedLoki(t).named(name)
		base := settings{Loki: loki, Arguments: anyAge}
		a := startAlloy(t, base)
		port := a.port()

		g := generate(t, 8_000, traffic.Options{Shape: traffic.CRIParser, Pods: 50})
		stream := a.stream(t, delivering{
			Options:       standin.Options{RetryDuration: patience, RetryUnit: 10 * time.Millisecond, Connections: 4},
			StreamOptions: standin.StreamOptions{BufferRecords: 50, Connections: 4, Rate: 5000},
		})
		done := make(chan error, 1)
		go func() { done <- stream.Run(t.Context(), g) }()
		reloads := a.reloadUntil(done, func(n int) settings {
			s := base
			change(&s, n, port)
			return s
		})
		summary := stream.Summary()
		t.Logf("%s: %d reloads, %d deliveries, answers %v, failures %v", name, reloads, summary.Deliveries, summary.Statuses, summary.Errors)
		require.NotZero(t, reloads)
		require.True(t, summary.AllAccepted(), summary.LastError)
		check(summary)

		require.NoError(t, a.Stop())
		lost, doubled := g.lostAndDoubled(t, loki.entries(t, everything))
		require.LessOrEqual(t, lost, 1, "a loki.write that ends can drop the line that it has in its hands")
		require.Zero(t, doubled)
	}
	undisturbed := func(s standin.Summary) {
		require.Equal(t, map[int]int{200: s.Deliveries}, s.Statuses)
		require.Empty(t, s.Errors)
	}
	f("arguments", func(s *settings, n, _ int) {
		s.Arguments += fmt.Sprintf("limits { remembered_sources = %d }\n", 1000+n)
	}, undisturbed)
	f("receiver", func(s *settings, n, _ int) {
		s.Endpoint = fmt.Sprintf("remote_timeout = \"%ds\"\n", 10+n)
	}, undisturbed)
	f("server", func(s *settings, n, port int) {
		s.Port = port // Where the deliveries go, whatever restarts.
		s.Server = fmt.Sprintf("server_idle_timeout = \"%ds\"\n", 100+n)
	}, func(s standin.Summary) {
		require.Equal(t, s.Deliveries, s.Statuses[200])
	})
}
