package lokipush

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/grafana/loki/pkg/push"

	"github.com/grafana/alloy/internal/component/common/loki"
)

// pushLines pushes entries of one stream.
func (e *testEndpoint) pushLines(ctx context.Context, lines ...string) ([]Refused, error) {
	var entries []loki.Entry
	for i, line := range lines {
		entries = append(entries, newEntry(model.LabelSet{"app": "web"}, time.Now().Add(time.Duration(i)), line))
	}
	b := NewBatch(entries, nil, time.Now())
	defer b.Release()
	return e.Push(ctx, b)
}

// requireResult checks that an error is of a push with that result.
func requireResult(t *testing.T, want Result, err error) {
	t.Helper()
	var failure *Error
	require.ErrorAs(t, err, &failure)
	require.Equal(t, want, failure.Result, err)
}

func TestEndpoint_Request(t *testing.T) {
	s := newServer(t, accepts)
	e := newTestEndpoint(t, s.URL+"/loki/api/v1/push?x=1", func(c *Config) {
		c.Headers = map[string]string{"X-One": "1", "content-type": "text/plain"}
		c.Client.BasicAuth = &config.BasicAuth{Username: "user", Password: "s3cret"}
	})
	_, err := e.pushLines(t.Context(), "one", "two")
	require.NoError(t, err)
	r := s.last()
	require.Equal(t, "POST", r.Method)
	require.Equal(t, "/loki/api/v1/push?x=1", r.RequestURI)
	require.Equal(t, "application/x-protobuf", r.Header.Get("Content-Type"))
	require.Equal(t, "snappy", r.Header.Get("Content-Encoding"))
	require.Equal(t, "1", r.Header.Get("X-One"))
	require.Contains(t, r.Header.Get("User-Agent"), "Alloy/")
	require.NotContains(t, r.Header, "X-Scope-Orgid")
	require.Positive(t, r.ContentLength)
	user, password, ok := r.BasicAuth()
	require.True(t, ok)
	require.Equal(t, "user s3cret", user+" "+password)
	require.Equal(t, []string{`{app="web"} one`, `{app="web"} two`}, s.lines())
}

func TestEndpoint_Tenants(t *testing.T) {
	s := newServer(t, accepts)
	e := newTestEndpoint(t, s.URL, func(c *Config) {
		c.TenantID = "own"
		c.Headers = map[string]string{"X-Scope-OrgID": "header"}
	})
	b := NewBatch([]loki.Entry{
		newEntry(model.LabelSet{"app": "web"}, noon, "1"),
		newEntry(model.LabelSet{"app": "web", "__tenant_id__": "other"}, noon, "2"),
		newEntry(model.LabelSet{"app": "web", "__tenant_id__": ""}, noon, "3"),
	}, nil, noon)
	defer b.Release()
	_, err := e.Push(t.Context(), b)
	require.NoError(t, err)
	require.Equal(t, []string{`header{app="web"} 3`, `other{app="web"} 2`, `own{app="web"} 1`}, s.lines())
}

// Passwords in the URL are used and not shown.
func TestEndpoint_UserInfo(t *testing.T) {
	s := newServer(t, always(http.StatusForbidden, "no"))
	url := "http://user:s3cret@" + s.Listener.Addr().String()
	_, err := newTestEndpoint(t, url, nil).pushLines(t.Context(), "x")
	requireResult(t, Forbidden, err)
	require.NotContains(t, err.Error(), "s3cret")
	_, password, _ := s.last().BasicAuth()
	require.Equal(t, "s3cret", password)

	s.Close()
	_, err = newTestEndpoint(t, url, nil).pushLines(t.Context(), "x")
	requireResult(t, Unreachable, err)
	require.NotContains(t, err.Error(), "s3cret")
	require.NotContains(t, err.Error(), "user")
}

func TestEndpoint_Redirect(t *testing.T) {
	s := newServer(t, accepts)
	from := httptest.NewServer(http.RedirectHandler(s.URL, http.StatusTemporaryRedirect))
	defer from.Close()
	_, err := newTestEndpoint(t, from.URL, nil).pushLines(t.Context(), "one")
	require.NoError(t, err)
	require.Equal(t, []string{`{app="web"} one`}, s.lines())
	_, err = newTestEndpoint(t, from.URL, func(c *Config) { c.Client.FollowRedirects = false }).pushLines(t.Context(), "two")
	requireResult(t, Redirected, err)
}

// What may yet succeed is tried again.
func TestEndpoint_Retries(t *testing.T) {
	f := func(status int, text string, want Result, tries int) {
		t.Helper()
		s := newServer(t, always(status, text))
		e := newTestEndpoint(t, s.URL, nil)
		_, err := e.pushLines(t.Context(), "one")
		requireResult(t, want, err)
		require.Equal(t, tries, s.asked(), status)
		require.Error(t, e.State().Failing)

		s = newServer(t, func(string, *push.PushRequest) (int, string) {
			if len(s.requests) < tries {
				return status, text
			}
			return 204, ""
		})
		if tries > 1 {
			e = newTestEndpoint(t, s.URL, nil)
			_, err = e.pushLines(t.Context(), "one")
			require.NoError(t, err)
			require.Equal(t, tries, s.asked())
			require.Equal(t, []string{`{app="web"} one`}, s.lines())
			require.NoError(t, e.State().Failing)
		}
	}
	f(500, "", ServerError, 3)
	f(502, "", ServerError, 3)
	f(503, "", ServerError, 3)
	f(429, "", RateLimited, 3)
	f(408, "", TimedOut, 3)
	f(401, "", Unauthorized, 1)
	f(403, "", Forbidden, 1)
	f(404, "", NotFound, 1)
	f(405, "", ClientError, 1)
	f(260, "blocked", Blocked, 1)
}

func TestEndpoint_RateLimited(t *testing.T) {
	s := newServer(t, always(429, ""))
	e := newTestEndpoint(t, s.URL, func(c *Config) { c.RetryRateLimited = false })
	require.Zero(t, e.book.strained)
	_, err := e.pushLines(t.Context(), "one")
	requireResult(t, RateLimited, err)
	require.Equal(t, 1, s.asked())
	require.Positive(t, e.book.strained, "fast streams are doubtful now")

	// A wait for which there is no time is not begun.
	s.header.Set("Retry-After", "60")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	began := time.Now()
	_, err = newTestEndpoint(t, s.URL, nil).pushLines(ctx, "one")
	requireResult(t, RateLimited, err)
	require.Equal(t, 2, s.asked())
	require.Less(t, time.Since(began), 20*time.Second)

	// One for which there is time is waited for.
	s = newServer(t, func(string, *push.PushRequest) (int, string) {
		if len(s.requests) == 1 {
			return 429, ""
		}
		return 204, ""
	})
	s.header.Set("Retry-After", "1")
	began = time.Now()
	_, err = newTestEndpoint(t, s.URL, nil).pushLines(ctx, "one")
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(began), time.Second)
}

// rawServer answers connections as the test says.
func rawServer(t *testing.T, answer func(conn net.Conn, n int32)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan struct{})
	var n atomic.Int32
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			answer(conn, n.Add(1))
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-ended
	})
	return "http://" + listener.Addr().String()
}

// accept answers a request 204 and closes the connection.
func accept(conn net.Conn) {
	r, err := http.ReadRequest(bufio.NewReader(conn))
	if err == nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = conn.Write([]byte("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"))
	}
	conn.Close()
}

func TestEndpoint_ConnectionReset(t *testing.T) {
	url := rawServer(t, func(conn net.Conn, n int32) {
		if n < 3 {
			_ = conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
			return
		}
		accept(conn)
	})
	_, err := newTestEndpoint(t, url, nil).pushLines(t.Context(), "one")
	require.NoError(t, err)
}

// A server that takes the connection and never answers costs remote_timeout.
func TestEndpoint_HalfOpen(t *testing.T) {
	var held []net.Conn
	url := rawServer(t, func(conn net.Conn, n int32) {
		if n == 1 {
			held = append(held, conn)
			return
		}
		accept(conn)
	})
	e := newTestEndpoint(t, url, func(c *Config) { c.Timeout, c.Backoff.MaxRetries = 100*time.Millisecond, 0 })
	_, err := e.pushLines(t.Context(), "one")
	require.NoError(t, err)
	t.Cleanup(func() {
		for _, conn := range held {
			conn.Close()
		}
	})
	require.Positive(t, e.counted(t, "test_pushes_total", "timeout"))
}

// An answer that breaks off is none.
func TestEndpoint_BrokenAnswer(t *testing.T) {
	url := rawServer(t, func(conn net.Conn, n int32) {
		if n == 1 {
			_, _ = http.ReadRequest(bufio.NewReader(conn))
			_, _ = conn.Write([]byte("HTTP/1.1 20"))
			conn.Close()
			return
		}
		accept(conn)
	})
	_, err := newTestEndpoint(t, url, nil).pushLines(t.Context(), "one")
	require.NoError(t, err)
}

// A server may answer before it has read a request, whose memory must not be used
// again as long as it is sent. The race detector sees it.
func TestEndpoint_EarlyAnswer(t *testing.T) {
	var n atomic.Int32
	early := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1)%2 == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusNoContent)
	}))
	defer early.Close()
	e := newTestEndpoint(t, early.URL, func(c *Config) { c.BatchSize, c.Backoff.MaxRetries = 64<<20, 0 })
	b := NewBatch(delivery(20_000, 50), nil, noon)
	defer b.Release()
	for range 5 {
		_, err := e.Push(t.Context(), b)
		require.NoError(t, err)
	}
}

func TestEndpoint_Canceled(t *testing.T) {
	s := newServer(t, always(500, ""))
	e := newTestEndpoint(t, s.URL, func(c *Config) { c.Backoff.MinBackoff, c.Backoff.MaxBackoff = time.Hour, time.Hour })
	ctx, cancel := context.WithCancel(t.Context())
	s.answer = func(string, *push.PushRequest) (int, string) {
		cancel()
		return 500, ""
	}
	_, err := e.pushLines(ctx, "one")
	require.Error(t, err)
	_, err = e.pushLines(ctx, "one")
	requireResult(t, Canceled, err)
	require.LessOrEqual(t, s.asked(), 1)
}

// The time left bounds all attempts together.
func TestEndpoint_Deadline(t *testing.T) {
	release := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-r.Context().Done():
		case <-release:
		}
	}))
	defer hangs.Close()
	defer close(release)
	e := newTestEndpoint(t, hangs.URL, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := e.pushLines(ctx, "one")
	requireResult(t, TimedOut, err)
	require.Error(t, e.State().Failing)
}

func TestEndpoint_Concurrency(t *testing.T) {
	var now, most atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		most.Store(max(most.Load(), now.Add(1)))
		_, _ = io.Copy(io.Discard, r.Body)
		now.Add(-1)
		w.WriteHeader(http.StatusNoContent)
	}))
	defer s.Close()
	e := newTestEndpoint(t, s.URL, func(c *Config) { c.BatchSize, c.Concurrency = 1, 3 })
	b := NewBatch(delivery(500, 100), nil, noon)
	defer b.Release()
	_, err := e.Push(t.Context(), b)
	require.NoError(t, err)
	require.LessOrEqual(t, most.Load(), int32(3))
}

func TestEndpoint_State(t *testing.T) {
	s := newServer(t, accepts)
	e := newTestEndpoint(t, s.URL, nil)
	require.Equal(t, State{}, e.State())
	_, err := e.pushLines(t.Context(), "one")
	require.NoError(t, err)
	accepted := e.State()
	require.WithinDuration(t, time.Now(), accepted.LastAccepted, time.Minute)
	s.answer = always(401, "who?")
	for range 2 {
		_, err = e.pushLines(t.Context(), "one")
		require.Error(t, err)
	}
	failing := e.State()
	require.Equal(t, accepted.LastAccepted, failing.LastAccepted)
	require.EqualError(t, failing.Failing, `endpoint 0 answers 401, unauthorized: "who?"`)
	s.answer = accepts
	_, err = e.pushLines(t.Context(), "one")
	require.NoError(t, err)
	require.NoError(t, e.State().Failing)
	require.False(t, e.State().Since.Before(failing.Since))
}

func TestNewEndpoint_Failure(t *testing.T) {
	_, err := NewEndpoint(Config{
		Name: "0", URL: parseURL(t, "https://x"),
		Client: config.HTTPClientConfig{TLSConfig: config.TLSConfig{CAFile: "/nonexistent"}},
	}, NewMetrics("test", prometheus.NewRegistry()))
	require.ErrorContains(t, err, "cannot make the client of endpoint 0: ")
}
