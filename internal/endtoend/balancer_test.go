package endtoend

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// balancer is a load balancer as one of a cloud: it gives requests in turn to the
// replicas whose health check succeeds, and answers 502 itself when the connection
// to one breaks.
type balancer struct {
	*httptest.Server
	targets []*target
	turn    atomic.Uint64
}

type target struct {
	url     *url.URL
	ready   string // Where its health is checked.
	healthy atomic.Bool
}

func startBalancer(t *testing.T, replicas []*replica) *balancer {
	t.Helper()
	b := new(balancer)
	for _, r := range replicas {
		u, err := url.Parse(r.origin())
		require.NoError(t, err)
		target := &target{url: u, ready: "http://" + r.address + "/-/ready"}
		target.healthy.Store(true)
		b.targets = append(b.targets, target)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 16, DisableCompression: true}
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(b.next()) },
		Transport: transport,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			http.Error(w, "502 Bad Gateway", http.StatusBadGateway)
		},
	}
	b.Server = httptest.NewServer(proxy)
	ctx, stop := context.WithCancel(context.Background())
	var checks sync.WaitGroup
	for _, target := range b.targets {
		checks.Go(func() { target.check(ctx) })
	}
	t.Cleanup(func() {
		stop()
		checks.Wait()
		b.Close()
		transport.CloseIdleConnections()
	})
	return b
}

// next returns the origin of the replica whose turn it is.
func (b *balancer) next() *url.URL {
	n := b.turn.Add(1)
	for i := range b.targets {
		if t := b.targets[(n+uint64(i))%uint64(len(b.targets))]; t.healthy.Load() {
			return t.url
		}
	}
	return b.targets[n%uint64(len(b.targets))].url
}

// check looks at the health of a target until ctx ends.
func (t *target) check(ctx context.Context) {
	const interval = 50 * time.Millisecond
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			t.healthy.Store(get(nil, t.ready, nil) == nil)
		}
	}
}
