package lokipush

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/grafana/dskit/backoff"
	"github.com/prometheus/common/config"

	"github.com/grafana/alloy/internal/useragent"
)

// Config says where an endpoint is and how it is pushed to.
type Config struct {
	// Name is how metrics and errors call the endpoint.
	Name string
	URL  *url.URL
	// Client configures TLS, authentication and proxies.
	Client config.HTTPClientConfig
	// Headers are added to each request, unless it has them by itself.
	Headers map[string]string
	// TenantID is the tenant of entries that name none; empty for no tenant.
	TenantID string
	// BatchSize is how many bytes, before compression, one push may have unless
	// one entry has more.
	BatchSize int
	// MaxStreams is how many streams one push may have, 0 for any number.
	MaxStreams int
	// Timeout is how long one attempt may take.
	Timeout time.Duration
	// Backoff says when what failed is tried again, and how often.
	Backoff backoff.Config
	// RetryRateLimited is whether that is so when Loki answers 429.
	RetryRateLimited bool
	// Concurrency is how many requests are under way at the same time, MaxLanes at
	// most; see lanes.
	Concurrency int
}

// Endpoint pushes to one Loki. It is safe for concurrent use.
type Endpoint struct {
	cfg     Config
	url     string
	client  *http.Client
	header  http.Header // Of all requests.
	lanes   lanes
	book    *book
	metrics *endpointMetrics
	state   state
}

// NewEndpoint returns an Endpoint. It fails when the client cannot be made, for
// instance because a certificate cannot be read.
func NewEndpoint(cfg Config, metrics *Metrics) (*Endpoint, error) {
	client, err := config.NewClientFromConfig(cfg.Client, useragent.ProductName)
	if err != nil {
		return nil, fmt.Errorf("cannot make the client of endpoint %s: %w", cfg.Name, err)
	}
	header := http.Header{
		"User-Agent":       {useragent.Get()},
		"Content-Type":     {"application/x-protobuf"},
		"Content-Encoding": {"snappy"},
	}
	for name, value := range cfg.Headers {
		if header.Get(name) == "" {
			header.Set(name, value)
		}
	}
	return &Endpoint{
		cfg: cfg, url: cfg.URL.String(), client: client, header: header,
		lanes: newLanes(cfg.Concurrency), book: newBook(), metrics: metrics.endpoint(cfg.Name),
	}, nil
}

// Close closes the connections that nothing uses.
func (e *Endpoint) Close() { e.client.CloseIdleConnections() }

// tenantHeader names the tenant.
// https://grafana.com/docs/loki/latest/operations/multi-tenancy/
const tenantHeader = "X-Scope-OrgID"

// body is a compressed push request. Its memory is used again when nothing reads
// it any more: the transport may still send it after its answer has come.
type body struct {
	buf     *buffer
	readers atomic.Int32
}

func newBody(b *Batch, segs []segment) *body {
	y := &body{buf: buffers.Get().(*buffer)}
	y.buf.bytes = b.compress(y.buf.bytes, segs)
	y.readers.Store(1)
	return y
}

// release ends what newBody and open begin.
func (y *body) release() {
	if y.readers.Add(-1) == 0 {
		y.buf.free()
	}
}

func (y *body) open() io.ReadCloser {
	y.readers.Add(1)
	return &bodyReader{Reader: bytes.NewReader(y.buf.bytes), close: sync.OnceFunc(y.release)}
}

type bodyReader struct {
	*bytes.Reader
	close func()
}

func (r *bodyReader) Close() error {
	r.close()
	return nil
}

// attempt makes one request.
func (e *Endpoint) attempt(ctx context.Context, tenant string, y *body) answer {
	e.metrics.inFlight.Inc()
	began := time.Now()
	limited, cancel := context.WithTimeout(ctx, e.cfg.Timeout)
	defer cancel()
	a := e.request(ctx, limited, tenant, y)
	e.metrics.inFlight.Dec()
	e.metrics.pushed(a.result, len(y.buf.bytes), time.Since(began))
	return a
}

func (e *Endpoint) request(ctx, limited context.Context, tenant string, y *body) answer {
	req, err := http.NewRequestWithContext(limited, http.MethodPost, e.url, http.NoBody)
	if err != nil {
		return failure(ctx, err)
	}
	req.Header = e.header
	if tenant != "" {
		req.Header = e.header.Clone()
		req.Header.Set(tenantHeader, tenant)
	}
	req.ContentLength = int64(len(y.buf.bytes))
	req.Body = y.open()
	req.GetBody = func() (io.ReadCloser, error) { return y.open(), nil }
	resp, err := e.client.Do(req)
	if err != nil {
		return failure(ctx, err)
	}
	return readAnswer(resp, time.Now())
}

// send pushes segments of one tenant until there is an answer that another attempt
// will not change: acceptance, or the refusal of some entries. Its error is an
// *Error.
func (e *Endpoint) send(ctx context.Context, b *Batch, tenant string, segs []segment) (answer, error) {
	var y *body
	defer func() {
		if y != nil {
			y.release()
		}
	}()
	taken := e.lanes.ofAll(b, segs)
	again := backoff.New(ctx, e.cfg.Backoff)
	for {
		if err := e.lanes.take(ctx, taken); err != nil {
			a := failure(ctx, err)
			return a, e.fail(&a)
		}
		if y == nil {
			y = newBody(b, segs)
		}
		a := e.attempt(ctx, tenant, y)
		e.lanes.free(taken)
		switch a.result {
		case Accepted:
			e.state.accepted()
			e.book.verify(b.streams[segs[len(segs)-1].stream].hash, time.Now())
			return a, nil
		case EntriesRefused, TooLarge:
			return a, nil
		}
		if a.result == RateLimited {
			e.book.strain(time.Now())
		}
		if !e.tryAgain(ctx, again, &a) {
			return a, e.fail(&a)
		}
	}
}

// tryAgain waits until the next attempt may be made, and reports whether it may.
func (e *Endpoint) tryAgain(ctx context.Context, again *backoff.Backoff, a *answer) bool {
	if !a.result.transient() || a.result == RateLimited && !e.cfg.RetryRateLimited {
		return false
	}
	delay := max(again.NextDelay(), a.retryAfter)
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < delay {
		return false
	}
	if !again.Ongoing() {
		return false
	}
	e.metrics.retries.Inc()
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// fail returns the error of an answer, and notes it unless the caller has just
// gone away.
func (e *Endpoint) fail(a *answer) error {
	err := a.error(e.cfg.Name)
	if a.result != Canceled {
		e.state.failed(err)
	}
	return err
}
