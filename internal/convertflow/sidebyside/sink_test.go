package sidebyside

import (
	"net/http/httptest"
	"testing"

	"github.com/grafana/alloy/eks/internal/lokisink"
)

// entry is one log line as it has been pushed.
type entry = lokisink.Entry

// sink keeps pushes by the path of their URL.
type sink struct {
	lokisink.Sink
	url string
}

func startSink(t *testing.T) *sink {
	t.Helper()
	s := new(sink)
	server := httptest.NewServer(&s.Sink)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}
