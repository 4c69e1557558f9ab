package endtoend

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/stretchr/testify/require"

	"github.com/grafana/loki/pkg/push"
)

// faultyProxy stands before a real Loki. What it does not spoil it passes on, so
// that what is stored is counted where it is stored.
type faultyProxy struct {
	*httptest.Server
	behind string // The address of Loki.
	spoils atomic.Pointer[spoiling]
	met    atomic.Int64 // Requests that were spoilt.
}

// spoiling is what is done to a push with its whole body. It runs for several
// pushes at once.
type spoiling func(x *spoilt)

func newFaultyProxy(t *testing.T, behind string) *faultyProxy {
	t.Helper()
	p := &faultyProxy{behind: behind}
	p.Server = httptest.NewServer(p)
	t.Cleanup(func() {
		p.spoil(nil)
		p.CloseClientConnections() // Whoever still waits for an answer gets none.
		p.Close()
	})
	return p
}

func (p *faultyProxy) pushURL() string { return p.URL + "/loki/api/v1/push" }

// spoil sets what happens to the pushes from now on; nil passes them on.
func (p *faultyProxy) spoil(s spoiling) {
	if s == nil {
		p.spoils.Store(nil)
		return
	}
	p.spoils.Store(&s)
}

// ServeHTTP implements http.Handler.
func (p *faultyProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // The sender has gone.
	}
	x := &spoilt{proxy: p, w: w, r: r, body: body}
	if s := p.spoils.Load(); s != nil {
		p.met.Add(1)
		(*s)(x)
		return
	}
	x.pass()
}

// spoilt is one push on its way to Loki.
type spoilt struct {
	proxy *faultyProxy
	w     http.ResponseWriter
	r     *http.Request
	body  []byte
}

// store lets Loki have the push, also when its sender does not wait any more, and
// returns Loki's answer. It returns nil when Loki cannot be reached.
func (x *spoilt) store() *http.Response {
	req, err := http.NewRequest(x.r.Method, "http://"+x.proxy.behind+x.r.URL.Path, bytes.NewReader(x.body))
	if err != nil {
		return nil
	}
	req.Header = x.r.Header.Clone()
	resp, err := client.Do(req)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil
	}
	resp.Body = io.NopCloser(bytes.NewReader(text))
	return resp
}

// pass lets Loki have the push, and the sender its answer.
func (x *spoilt) pass() { x.answerAs(x.store()) }

func (x *spoilt) answerAs(resp *http.Response) {
	if resp == nil {
		x.reset()
		return
	}
	x.w.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
	x.w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(x.w, resp.Body)
}

func (x *spoilt) answer(status int) { http.Error(x.w, http.StatusText(status), status) }

// reset breaks the connection with a TCP reset.
func (x *spoilt) reset() {
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		return
	}
	if c, ok := conn.(*net.TCPConn); ok {
		_ = c.SetLinger(0)
	}
	_ = conn.Close()
}

// answering answers all pushes with a status; Loki gets none.
func answering(status int) spoiling {
	return func(x *spoilt) { x.answer(status) }
}

// storing lets Loki have all pushes, and answers them with a status as if it had
// not.
func storing(status int) spoiling {
	return func(x *spoilt) {
		_ = x.store()
		x.answer(status)
	}
}

// lateAnswers holds back Loki's answers.
func lateAnswers(by time.Duration) spoiling {
	return func(x *spoilt) {
		resp := x.store()
		<-time.After(by)
		x.answerAs(resp)
	}
}

// lateRequests lets Loki have pushes so late that their senders have given up and
// pushed again.
func lateRequests(by time.Duration) spoiling {
	return func(x *spoilt) {
		<-time.After(by)
		x.pass()
	}
}

// silent takes pushes and never answers, until the proxy is closed or the sender
// gives up.
func silent(x *spoilt) { <-x.r.Context().Done() }

// resetting breaks two of three connections, one before Loki has the push and one
// after.
func resetting() spoiling {
	var pushes atomic.Int64
	return func(x *spoilt) {
		switch pushes.Add(1) % 3 {
		case 1:
			x.reset()
		case 2:
			_ = x.store()
			x.reset()
		default:
			x.pass()
		}
	}
}

// What the proxy spoils is spoilt as it says, and what it does not is not.
func TestFaultyProxy(t *testing.T) {
	loki := sharedLoki(t)
	p := newFaultyProxy(t, loki.address)
	// A sender that is to have no answer gives up so long after its push has come.
	const impatience = 400 * time.Millisecond
	f := func(name string, s spoiling, status int, stored int) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if status == 0 {
			p.spoil(func(x *spoilt) {
				time.AfterFunc(impatience, cancel)
				s(x)
			})
		} else {
			p.spoil(s)
		}
		body, err := (&push.PushRequest{Streams: []push.Stream{{
			Labels: fmt.Sprintf("{case=%q}", name), Entries: []push.Entry{{Timestamp: noon, Line: name}},
		}}}).Marshal()
		require.NoError(t, err)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.pushURL(), bytes.NewReader(snappy.Encode(nil, body)))
		require.NoError(t, err)
		req.Header = http.Header{"X-Scope-Orgid": {loki.id}, "Content-Type": {"application/x-protobuf"}, "Content-Encoding": {"snappy"}}
		resp, err := client.Do(req)
		if status == 0 {
			require.Error(t, err, name)
		} else {
			require.NoError(t, err, name)
			require.Equal(t, status, resp.StatusCode, name)
			require.NoError(t, resp.Body.Close())
		}
		require.NoError(t, loki.await(func() error {
			if n := loki.count(t, fmt.Sprintf("{case=%q}", name)); n != stored {
				return fmt.Errorf("%s: %d entries are stored", name, n)
			}
			return nil
		}))
	}
	f("sound", nil, 204, 1)
	f("answered", answering(429), 429, 0)
	f("stored", storing(500), 500, 1)
	f("late answer", lateAnswers(3*impatience), 0, 1)
	f("late request", lateRequests(3*impatience), 0, 1)
	f("silent", silent, 0, 0)
	reset := resetting()
	f("reset before", reset, 0, 0)
	f("reset behind", reset, 0, 1)
	f("not reset", reset, 204, 1)
	f("sound again", nil, 204, 1)
	require.EqualValues(t, 8, p.met.Load())
}
