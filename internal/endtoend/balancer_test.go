package endtoend

import (
	"cmp"
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// balancer is a load balancer as one of a cloud. It hands each request to the target
// that has the fewest under way, as the Helm values tell it to, of those whose health
// check succeeds, and answers 502 itself when the connection to one breaks. Targets
// may come and go.
type balancer struct {
	*httptest.Server

	mu      sync.Mutex
	targets []*target
}

type target struct {
	endpoint string
	ready    string // Where its health is checked.
	proxy    *httputil.ReverseProxy
	healthy  bool
	underWay int
	served   int
}

func newBalancer(t *testing.T) *balancer {
	t.Helper()
	b := new(balancer)
	b.Server = httptest.NewServer(b)
	ctx, stop := context.WithCancel(context.Background())
	var checks sync.WaitGroup
	checks.Go(func() { b.check(ctx) })
	t.Cleanup(func() {
		stop()
		checks.Wait()
		b.Close()
	})
	return b
}

// add lets an endpoint have requests, whatever their path. The server at the address
// tells of its health.
func (b *balancer) add(t *testing.T, endpoint, address string) {
	t.Helper()
	to, err := url.Parse(endpoint)
	require.NoError(t, err)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.targets = append(b.targets, &target{endpoint: endpoint, ready: "http://" + address + "/-/ready", healthy: true, proxy: &httputil.ReverseProxy{
		Rewrite:      func(p *httputil.ProxyRequest) { *p.Out.URL = *to },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}})
}

// remove gives an endpoint no more requests. Those that are under way go on.
func (b *balancer) remove(endpoint string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.targets = slices.DeleteFunc(b.targets, func(t *target) bool { return t.endpoint == endpoint })
}

// ServeHTTP implements http.Handler.
func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t := b.pick()
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		t.underWay--
	}()
	t.proxy.ServeHTTP(w, r)
}

// pick returns the target that is to have the next request. When none is healthy, it
// is one that is not.
func (b *balancer) pick() *target {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := slices.MinFunc(b.targets, func(x, y *target) int {
		if x.healthy != y.healthy {
			if x.healthy {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(x.underWay, y.underWay), cmp.Compare(x.served, y.served))
	})
	t.underWay++
	t.served++
	return t
}

// check looks at the health of the targets until ctx ends.
func (b *balancer) check(ctx context.Context) {
	const interval = 50 * time.Millisecond
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		b.mu.Lock()
		targets := slices.Clone(b.targets)
		b.mu.Unlock()
		for _, t := range targets {
			healthy := get(nil, t.ready, nil) == nil
			b.mu.Lock()
			t.healthy = healthy
			b.mu.Unlock()
		}
	}
}

// Idle targets share what comes, a busy one is spared, one that has ended gets
// nothing after a while, and one that is removed nothing at all.
func TestBalancer(t *testing.T) {
	b := newBalancer(t)
	var servers [2]*httptest.Server
	var served [2]atomic.Int64
	held, release := make(chan int), make(chan struct{})
	for i := range servers {
		servers[i] = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path != "/push":
				return // The check of its health.
			case r.Header.Get("Hold") != "":
				held <- i
				<-release
			}
			served[i].Add(1)
			w.WriteHeader(http.StatusAccepted)
		}))
		defer servers[i].Close()
		b.add(t, servers[i].URL+"/push", servers[i].Listener.Addr().String())
	}
	send := func(header http.Header) int {
		req, err := http.NewRequest(http.MethodPost, b.URL, http.NoBody)
		require.NoError(t, err)
		req.Header = header
		resp, err := client.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode
	}
	// f makes requests, of which each target is to have so many.
	f := func(first, second int64) {
		t.Helper()
		before := [2]int64{served[0].Load(), served[1].Load()}
		for range first + second {
			require.Equal(t, http.StatusAccepted, send(nil))
		}
		require.Equal(t, [2]int64{first, second}, [2]int64{served[0].Load() - before[0], served[1].Load() - before[1]})
	}
	f(5, 5)

	answered := make(chan int, 1)
	go func() { answered <- send(http.Header{"Hold": {"yes"}}) }()
	spared := <-held
	f(int64(10*spared), int64(10*(1-spared)))
	close(release)
	require.Equal(t, http.StatusAccepted, <-answered)

	servers[0].Close()
	require.Eventually(t, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return !b.targets[0].healthy
	}, patience, time.Millisecond)
	f(0, 10)
	b.remove(servers[1].URL + "/push")
	require.Equal(t, http.StatusBadGateway, send(nil), "there is no other one")
}
