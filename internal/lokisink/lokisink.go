// Package lokisink stands in for a Loki that keeps what is pushed to it, where a
// test or the demo asks what was pushed and not what a Loki makes of it.
//
// https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs
package lokisink

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/snappy"

	"github.com/grafana/loki/pkg/push"
)

// PushPath is the path on which Loki takes entries.
const PushPath = "/loki/api/v1/push"

// Entry is one log line as it was pushed.
type Entry struct {
	Labels   map[string]string
	Metadata map[string]string // Structured metadata.
	Nanos    int64             // Since the epoch.
	Line     string
	Tenant   string // Of the request's X-Scope-OrgID.
	Path     string // Of the request's URL.
}

// Sink keeps the entries of push requests on any path, in the order in which they
// came. The zero value is ready. It is safe for concurrent use.
type Sink struct {
	// Down makes it answer 503.
	Down atomic.Bool

	mu      sync.Mutex
	entries []Entry
}

// ServeHTTP implements http.Handler. It answers 400 to what is no push request.
func (s *Sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.Down.Load() {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	entries, err := read(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.entries = append(s.entries, entries...)
	s.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

// Entries returns what has been pushed. The slice is the caller's.
func (s *Sink) Entries() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.entries)
}

// At returns what has been pushed to a path.
func (s *Sink) At(path string) []Entry {
	return slices.DeleteFunc(s.Entries(), func(e Entry) bool { return e.Path != path })
}

func read(r *http.Request) ([]Entry, error) {
	packed, err := io.ReadAll(r.Body)
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
	tenant := r.Header.Get("X-Scope-OrgID")
	var entries []Entry
	for _, stream := range request.Streams {
		labels := parseLabels(stream.Labels)
		for _, e := range stream.Entries {
			metadata := map[string]string{}
			for _, md := range e.StructuredMetadata {
				metadata[md.Name] = md.Value
			}
			entries = append(entries, Entry{labels, metadata, e.Timestamp.UnixNano(), e.Line, tenant, r.URL.Path})
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
