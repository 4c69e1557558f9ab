package sidebyside

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"sync"
	"testing"

	"github.com/klauspost/compress/snappy"

	"github.com/grafana/loki/pkg/push"
)

// entry is one log line as it has been pushed.
type entry struct {
	labels   map[string]string
	metadata map[string]string
	nanos    int64
	line     string
	tenant   string
}

// sink takes pushes in the place of a Loki, and keeps them by the path of their
// URL. It is safe for concurrent use.
type sink struct {
	url string

	mu      sync.Mutex
	entries map[string][]entry
}

func startSink(t *testing.T) *sink {
	t.Helper()
	s := &sink{entries: map[string][]entry{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// at returns what has been pushed to a path.
func (s *sink) at(path string) []entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.entries[path]
}

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	entries, err := readPush(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	for i := range entries {
		entries[i].tenant = r.Header.Get("X-Scope-OrgID")
	}
	s.mu.Lock()
	s.entries[r.URL.Path] = append(s.entries[r.URL.Path], entries...)
	s.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

func readPush(body io.Reader) ([]entry, error) {
	packed, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	message, err := snappy.Decode(nil, packed)
	if err != nil {
		return nil, fmt.Errorf("cannot decompress push request: %w", err)
	}
	var request push.PushRequest
	if err := request.Unmarshal(message); err != nil {
		return nil, fmt.Errorf("cannot read push request: %w", err)
	}
	var entries []entry
	for _, stream := range request.Streams {
		labels := parseLabels(stream.Labels)
		for _, e := range stream.Entries {
			metadata := map[string]string{}
			for _, md := range e.StructuredMetadata {
				metadata[md.Name] = md.Value
			}
			entries = append(entries, entry{labels: labels, metadata: metadata, nanos: e.Timestamp.UnixNano(), line: e.Line})
		}
	}
	return entries, nil
}

var labelPair = regexp.MustCompile(`(\w+)=("(?:[^"\\]|\\.)*")`)

// parseLabels reads labels as loki.write writes them: {name="value", ...}.
func parseLabels(text string) map[string]string {
	labels := map[string]string{}
	for _, m := range labelPair.FindAllStringSubmatch(text, -1) {
		if value, err := strconv.Unquote(m[2]); err == nil {
			labels[m[1]] = value
		}
	}
	return labels
}
