package endtoend

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/standin"
	"github.com/grafana/alloy/eks/internal/traffic"
)

// startReplicas starts Alloys that write to the tenant, behind the balancer.
func startReplicas(t *testing.T, b *balancer, n *tenant, replicas int) []*alloy {
	t.Helper()
	var started []*alloy
	for range replicas {
		a := startWriteSync(t, n)
		b.add(t, a.endpoint(), a.address)
		started = append(started, a)
	}
	return started
}

// awaitAll waits until each of some replicas has accepted so many deliveries.
func awaitAll(t *testing.T, replicas []*alloy, deliveries int) {
	t.Helper()
	for i, a := range replicas {
		require.NoError(t, a.await(func() error {
			if n := a.accepted(); n < deliveries {
				return fmt.Errorf("replica %d has accepted %d deliveries", i, n)
			}
			return nil
		}))
	}
}

// accepted returns how many deliveries it has answered 200.
func (a *alloy) accepted() int {
	a.t.Helper()
	return int(a.metric("awsfirehose_kubernetes_deliveries_total", "status", "200"))
}

// TestReplicas lets one, two and four replicas share the deliveries of a stream. All
// have a part in it, and together they store what one stores.
func TestReplicas(t *testing.T) {
	loki := sharedLoki(t)
	const records, perDelivery = 12_000, 200
	o := recent(traffic.Options{Shape: traffic.CRIParser, Pods: 50})
	deliver := func(n *tenant, replicas int) []entry {
		t.Helper()
		b := newBalancer(t)
		started := startReplicas(t, b, n, replicas)
		g := generate(t, records, o)
		summary := started[0].deliver(t, g, delivering{
			Options:       standin.Options{URL: b.URL, RetryDuration: patience, RetryUnit: 10 * time.Millisecond},
			StreamOptions: standin.StreamOptions{BufferRecords: perDelivery, Connections: 2 * replicas},
		})
		require.True(t, summary.AllAccepted(), summary.LastError)
		for _, a := range started {
			require.Greater(t, a.accepted(), records/perDelivery/replicas/3, "a replica has had little to do")
			require.NoError(t, a.Stop())
		}
		entries := n.entries(t, everything)
		require.Empty(t, g.differences(t, entries))
		return entries
	}
	one := deliver(loki.named("1"), 1)
	require.Empty(t, difference(one, deliver(loki.named("2"), 2)))
	require.Empty(t, difference(one, deliver(loki.named("4"), 4)))
}

// TestReplicas_ComeAndGo grows two replicas to four and shrinks them to two others
// while a stream delivers, as an autoscaler does. No line is lost or doubled.
func TestReplicas_ComeAndGo(t *testing.T) {
	n := sharedLoki(t)
	b := newBalancer(t)
	first := startReplicas(t, b, n, 2)
	g := &endless{generated: generate(t, 1_000_000, recent(traffic.Options{Shape: traffic.CRIParser, Pods: 50}))}
	stream := first[0].stream(t, delivering{
		Options:       standin.Options{URL: b.URL, RetryDuration: patience, RetryUnit: 10 * time.Millisecond},
		StreamOptions: standin.StreamOptions{BufferRecords: 200, Connections: 8, Rate: 6000},
	})
	done := make(chan error, 1)
	go func() { done <- stream.Run(t.Context(), g) }()
	awaitAll(t, first, 5)
	others := startReplicas(t, b, n, 2)
	awaitAll(t, others, 5)
	for _, a := range first {
		b.remove(a.endpoint())
		require.NoError(t, a.Stop())
	}
	awaitAll(t, others, 15)
	g.ended.Store(true)
	require.NoError(t, <-done)

	summary := stream.Summary()
	require.True(t, summary.AllAccepted(), summary.LastError)
	lost, doubled := g.lostAndDoubled(t, n.entries(t, everything))
	t.Logf("%d deliveries, answers %v: %d of %d lines lost, %d doubled", summary.Deliveries, summary.Statuses, lost, len(g.written), doubled)
	require.Zero(t, lost)
	require.Zero(t, doubled)
}

// endless is traffic until it is ended.
type endless struct {
	*generated
	ended atomic.Bool
}

// Next implements standin.Source.
func (e *endless) Next() bool { return !e.ended.Load() && e.generated.Next() }
