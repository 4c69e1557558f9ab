package lokipush

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grafana/loki/pkg/push"
)

// server takes pushes. What it makes of them the test says.
type server struct {
	*httptest.Server
	t *testing.T

	mut      sync.Mutex
	answer   func(tenant string, req *push.PushRequest) (status int, text string)
	header   http.Header // Of its answers.
	requests []*http.Request
	pushes   []push.PushRequest // That were answered 2xx.
	stored   map[string]int     // Lines, with tenant and labels, of these.
}

// accepts is the answer of a server that takes everything.
func accepts(string, *push.PushRequest) (int, string) { return http.StatusNoContent, "" }

func newServer(t *testing.T, answer func(tenant string, req *push.PushRequest) (int, string)) *server {
	t.Helper()
	s := &server{t: t, answer: answer, stored: map[string]int{}, header: http.Header{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// always is a server that answers everything alike.
func always(status int, text string) func(string, *push.PushRequest) (int, string) {
	return func(string, *push.PushRequest) (int, string) { return status, text }
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	compressed, err := io.ReadAll(r.Body)
	if err != nil {
		return // The other side has gone.
	}
	req, err := read(compressed)
	if err != nil {
		s.t.Errorf("cannot read a push: %v", err)
	}
	tenant := r.Header.Get("X-Scope-OrgID")
	s.mut.Lock()
	defer s.mut.Unlock()
	s.requests = append(s.requests, r)
	status, text := s.answer(tenant, &req)
	for name, values := range s.header {
		w.Header()[name] = values
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
	if status/100 == 2 {
		s.store(tenant, &req)
	}
}

// store keeps a push. The answer may do so too, for what it does not refuse.
func (s *server) store(tenant string, req *push.PushRequest) {
	s.pushes = append(s.pushes, *req)
	for _, st := range req.Streams {
		for _, e := range st.Entries {
			s.stored[fmt.Sprint(tenant, st.Labels, " ", e.Line)]++
		}
	}
}

// lines returns what is stored, each line once, by name.
func (s *server) lines() []string {
	s.mut.Lock()
	defer s.mut.Unlock()
	var lines []string
	for line := range s.stored {
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

// asked returns how many requests there were.
func (s *server) asked() int {
	s.mut.Lock()
	defer s.mut.Unlock()
	return len(s.requests)
}

// last returns the last request.
func (s *server) last() *http.Request {
	s.mut.Lock()
	defer s.mut.Unlock()
	require.NotEmpty(s.t, s.requests)
	return s.requests[len(s.requests)-1]
}
