package endtoend

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/standin"
	"github.com/grafana/alloy/eks/internal/traffic"
)

// fleet is a number of replicas behind a load balancer, which hands each request to
// the one that has the fewest under way, as the Helm values tell it to. Replicas may
// come and go.
type fleet struct {
	*httptest.Server

	mu      sync.Mutex
	members []*member
	turn    int // Which one is asked first, so that idle ones share.
}

// member is a replica that is in a fleet.
type member struct {
	*alloy
	proxy    *httputil.ReverseProxy
	underWay int
	served   int
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

// add starts a replica that writes to the tenant, and lets it have deliveries.
func (f *fleet) add(t *testing.T, n *tenant) *member {
	t.Helper()
	r := &member{alloy: startWriteSync(t, n)}
	target, err := url.Parse(r.endpoint())
	require.NoError(t, err)
	r.proxy = &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		to := *target
		p.Out.URL = &to
	}}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.members = append(f.members, r)
	return r
}

// ServeHTTP implements http.Handler. A replica that does not answer is answered for
// with status 502, as load balancers do.
func (f *fleet) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r := f.pick()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		r.underWay--
	}()
	r.proxy.ServeHTTP(w, req)
}

func (f *fleet) pick() *member {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.turn++
	best := f.members[f.turn%len(f.members)]
	for i := range f.members {
		if r := f.members[(f.turn+i)%len(f.members)]; r.underWay < best.underWay {
			best = r
		}
	}
	best.underWay++
	best.served++
	return best
}

// remove takes a replica from the load balancer, and then ends it.
func (f *fleet) remove(r *member) error {
	f.mu.Lock()
	for i := range f.members {
		if f.members[i] == r {
			f.members = append(f.members[:i:i], f.members[i+1:]...)
			break
		}
	}
	f.mu.Unlock()
	return r.stop()
}

// TestReplicas lets one, two and four replicas share the deliveries of a stream. All
// have a part in it, and together they store what one stores.
func TestReplicas(t *testing.T) {
	loki := sharedLoki(t)
	const records, perDelivery = 12_000, 200
	o := recent(traffic.Options{Shape: traffic.CRIParser, Pods: 50})
	deliver := func(n *tenant, replicas int) []entry {
		t.Helper()
		f := newFleet(t)
		for range replicas {
			f.add(t, n)
		}
		g := generate(t, records, o)
		summary := f.members[0].deliver(t, g, delivering{
			Options:       standin.Options{URL: f.URL, RetryDuration: patience, RetryUnit: 10 * time.Millisecond},
			StreamOptions: standin.StreamOptions{BufferRecords: perDelivery, Connections: 2 * replicas},
		})
		require.True(t, summary.AllAccepted(), summary.LastError)
		for _, r := range f.members {
			require.Greater(t, r.served, records/perDelivery/replicas/3, "a replica has had little to do")
			require.NoError(t, r.stop())
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
	f := newFleet(t)
	first, second := f.add(t, n), f.add(t, n)
	g := &endless{generated: generate(t, 1_000_000, recent(traffic.Options{Shape: traffic.CRIParser, Pods: 50}))}
	stream := first.stream(t, delivering{
		Options:       standin.Options{URL: f.URL, RetryDuration: patience, RetryUnit: 10 * time.Millisecond},
		StreamOptions: standin.StreamOptions{BufferRecords: 200, Connections: 8, Rate: 6000},
	})
	done := make(chan error, 1)
	go func() { done <- stream.Run(t.Context(), g) }()
	f.awaitAll(t, 5)
	f.add(t, n)
	f.add(t, n)
	f.awaitAll(t, 5)
	require.NoError(t, f.remove(first))
	require.NoError(t, f.remove(second))
	f.awaitAll(t, 15)
	g.ended.Store(true)
	require.NoError(t, <-done)

	summary := stream.Summary()
	require.True(t, summary.AllAccepted(), summary.LastError)
	lost, doubled := g.lostAndDoubled(t, n.entries(t, everything))
	t.Logf("%d deliveries, answers %v: %d of %d lines lost, %d doubled", summary.Deliveries, summary.Statuses, lost, len(g.written), doubled)
	require.Zero(t, lost)
	require.Zero(t, doubled)
}

// awaitAll waits until each replica behind the load balancer has had so many
// deliveries.
func (f *fleet) awaitAll(t *testing.T, deliveries int) {
	t.Helper()
	require.NoError(t, f.members[0].await(func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		for i, r := range f.members {
			if r.served < deliveries {
				return fmt.Errorf("replica %d has had %d deliveries", i, r.served)
			}
		}
		return nil
	}))
}

// endless is traffic until it is ended.
type endless struct {
	*generated
	ended atomic.Bool
}

// Next implements standin.Source.
func (e *endless) Next() bool { return !e.ended.Load() && e.generated.Next() }
