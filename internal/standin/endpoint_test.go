package standin

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/require"
)

// request is one request as an endpoint saw it.
type request struct {
	header http.Header
	length int64
	body   []byte
	envelope
}

// envelope is the body as an endpoint declares it.
type envelope struct {
	RequestID string
	Timestamp int64
	Records   []struct{ Data []byte }
}

// endpoint is an HTTP endpoint that keeps its requests. It answers by script:
// one handler per request, the last one for all that follow.
type endpoint struct {
	*httptest.Server
	mu       sync.Mutex
	requests []request
	script   []http.HandlerFunc
}

func newEndpoint(t *testing.T, script ...http.HandlerFunc) *endpoint {
	t.Helper()
	e := &endpoint{script: script}
	e.Server = httptest.NewServer(e)
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	req, err := readRequest(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	e.mu.Lock()
	e.requests = append(e.requests, req)
	handle := e.script[min(len(e.requests), len(e.script))-1]
	e.mu.Unlock()
	// A handler finds the request id in the body.
	r.Header.Set("X-Test-Request-Id", req.RequestID)
	handle(w, r)
}

func readRequest(r *http.Request) (request, error) {
	req := request{header: r.Header.Clone(), length: r.ContentLength}
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		gz, err := gzip.NewReader(r.Body)
		if err != nil {
			return req, err
		}
		body = gz
	}
	var err error
	if req.body, err = io.ReadAll(body); err != nil {
		return req, err
	}
	return req, json.Unmarshal(req.body, &req.envelope)
}

func (e *endpoint) seen() []request {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]request(nil), e.requests...)
}

// answer writes a proper answer with the status.
func answer(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body := map[string]any{"requestId": r.Header.Get("X-Test-Request-Id"), "timestamp": 1787220000000}
		if status != http.StatusOK {
			body["errorMessage"] = "no room"
		}
		b, err := json.Marshal(body)
		if err != nil {
			panic(err)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write(b)
	}
}

// text writes a body with the content type, replacing ID by the request id.
func text(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body := strings.ReplaceAll(body, "ID", r.Header.Get("X-Test-Request-Id"))
		if contentType != "" {
			w.Header().Set("Content-Type", contentType)
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// fakeClock passes only when someone sleeps.
type fakeClock struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

var clockStart = time.Date(2026, time.August, 20, 23, 59, 58, 7_000_000, time.UTC)

func newFakeClock() *fakeClock { return &fakeClock{now: clockStart} }

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slept = append(c.slept, d)
	c.now = c.now.Add(d)
	return ctx.Err()
}

func newSender(t *testing.T, o Options) *Sender {
	t.Helper()
	s, err := NewSender(o)
	require.NoError(t, err)
	return s
}

func records(texts ...string) [][]byte {
	out := make([][]byte, 0, len(texts))
	for _, text := range texts {
		out = append(out, []byte(text))
	}
	return out
}
