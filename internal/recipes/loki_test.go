package recipes

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
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
}

// loki takes pushes in the place of one, or refuses them while it is down. It is
// safe for concurrent use.
type loki struct {
	url  string
	down atomic.Bool

	mu      sync.Mutex
	entries []entry
}

func startLoki(t *testing.T) *loki {
	t.Helper()
	l := &loki{}
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	l.url = server.URL + "/loki/api/v1/push"
	return l
}

// pushed returns what has been pushed, in the order in which it came.
func (l *loki) pushed() []entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries)
}

// taken returns what has been pushed, by time.
func (l *loki) taken() []entry {
	entries := l.pushed()
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(a.nanos, b.nanos) })
	return entries
}

// has returns nil once n entries have been pushed.
func (l *loki) has(n int) func() error {
	return func() error {
		if got := len(l.taken()); got < n {
			return fmt.Errorf("%w to Loki: %d of %d entries", errTooFew, got, n)
		}
		return nil
	}
}

func (l *loki) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if l.down.Load() {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	entries, err := readPush(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	l.mu.Lock()
	l.entries = append(l.entries, entries...)
	l.mu.Unlock()
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
