package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"sync"

	"github.com/klauspost/compress/snappy"

	"github.com/grafana/loki/pkg/push"
)

// entry is one log line as it has reached its store.
type entry struct {
	Labels   map[string]string
	Metadata map[string]string // Structured metadata.
	Nanos    int64
	Line     string
}

// lokiPushPath is the path on which Loki takes entries.
// https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs
const lokiPushPath = "/loki/api/v1/push"

// pushes takes what loki.write sends, in the place of a Loki, and keeps it. It is
// safe for concurrent use.
type pushes struct {
	server *http.Server
	url    string

	mu      sync.Mutex
	entries []entry
}

// listenForPushes returns pushes that listen on a free loopback port.
func listenForPushes() (*pushes, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("cannot listen for entries: %w", err)
	}
	p := &pushes{url: "http://" + listener.Addr().String() + lokiPushPath}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+lokiPushPath, p.take)
	p.server = &http.Server{Handler: mux, ReadHeaderTimeout: patience}
	go func() { _ = p.server.Serve(listener) }() // Returns when it is closed.
	return p, nil
}

// pushURL implements destination.
func (p *pushes) pushURL() string { return p.url }

// stop implements destination.
func (p *pushes) stop() { _ = p.server.Close() }

// ofCapture implements destination.
func (p *pushes) ofCapture(_ context.Context, capture string) ([]entry, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var of []entry
	for _, e := range p.entries {
		if e.Labels[captureLabel] == capture {
			of = append(of, e)
		}
	}
	return of, nil
}

func (p *pushes) take(w http.ResponseWriter, r *http.Request) {
	entries, err := readPush(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	p.entries = append(p.entries, entries...)
	p.mu.Unlock()
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
			entries = append(entries, entry{labels, metadata, e.Timestamp.UnixNano(), e.Line})
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
