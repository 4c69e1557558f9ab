package main

import (
	"context"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/snappy"
	"github.com/spf13/cobra"

	"github.com/grafana/loki/pkg/push"

	"github.com/grafana/alloy/eks/internal/process"
)

// lokiPushPath is the path on which Loki takes entries.
// https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs
const lokiPushPath = "/loki/api/v1/push"

// The paths of the sink itself.
const (
	readyPath   = "/ready"
	resetPath   = "/reset"   // POST; with ?verify=true entries are hashed and kept.
	totalsPath  = "/totals"  // Totals, as JSON.
	entriesPath = "/entries" // The kept entries, as gob.
)

// totals are what a sink has taken since it was reset.
type totals struct {
	Requests int   `json:"requests"`
	Streams  int   `json:"streams"` // As they came: one in ten requests counts as ten.
	Entries  int   `json:"entries"`
	Bytes    int64 `json:"bytes"` // Of lines.
	// Sum is that of entry.add over all entries, when they are verified.
	Sum uint64 `json:"sum,string"`
}

// sink takes entries in the place of a Loki and counts them. It is safe for
// concurrent use.
type sink struct {
	mu     sync.Mutex
	verify bool
	totals totals
	kept   []entry
}

func newSinkCommand() *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use:    "sink",
		Short:  "Take entries in the place of a Loki and count them",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serve(cmd.Context(), listen, new(sink).handler())
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "", "loopback address to listen on")
	_ = cmd.MarkFlagRequired("listen") // Fails for unknown flags only.
	return cmd
}

// serve serves HTTP on an address until ctx ends.
func serve(ctx context.Context, address string, handler http.Handler) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("cannot listen: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: process.Patience}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); ctx.Err() == nil {
		return fmt.Errorf("cannot serve: %w", err)
	}
	return nil
}

func (s *sink) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+lokiPushPath, s.push)
	mux.HandleFunc("POST "+otlpPath+"/v1/logs", s.pushOTLP)
	mux.HandleFunc("GET "+readyPath, func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST "+resetPath, s.reset)
	mux.HandleFunc("GET "+totalsPath, s.show)
	mux.HandleFunc("GET "+entriesPath, s.list)
	return mux
}

// bodies are the buffers of push requests, packed and unpacked.
var bodies = sync.Pool{New: func() any { return new([2][]byte) }}

func (s *sink) push(w http.ResponseWriter, r *http.Request) {
	buffers := bodies.Get().(*[2][]byte)
	defer bodies.Put(buffers)
	message, err := unpack(buffers, r.Body, r.ContentLength)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var request push.PushRequest
	if err := request.Unmarshal(message); err != nil {
		http.Error(w, fmt.Sprintf("cannot read push request: %v", err), http.StatusBadRequest)
		return
	}
	s.take(&request)
	w.WriteHeader(http.StatusNoContent)
}

// unpack reads a body of n bytes, or of an unknown length when n is negative, and
// undoes snappy.
func unpack(buffers *[2][]byte, body io.Reader, n int64) ([]byte, error) {
	var err error
	packed := buffers[0]
	if n >= 0 && n <= int64(cap(packed)) {
		packed = packed[:n]
		_, err = io.ReadFull(body, packed)
	} else {
		packed, err = io.ReadAll(body)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read body: %w", err)
	}
	buffers[0] = packed
	if buffers[1], err = snappy.Decode(buffers[1][:cap(buffers[1])], packed); err != nil {
		return nil, fmt.Errorf("cannot decompress push request: %w", err)
	}
	return buffers[1], nil
}

// take counts the entries of a request.
func (s *sink) take(request *push.PushRequest) {
	t := totals{Requests: 1, Streams: len(request.Streams)}
	for i := range request.Streams {
		t.Entries += len(request.Streams[i].Entries)
		for j := range request.Streams[i].Entries {
			t.Bytes += int64(len(request.Streams[i].Entries[j].Line))
		}
	}
	s.add(t, func(yield func(entry) bool) {
		for i := range request.Streams {
			stream := &request.Streams[i]
			for j := range stream.Entries {
				e := &stream.Entries[j]
				if !yield(entry{stream.Labels, e.Timestamp.UnixNano(), e.Line}) {
					return
				}
			}
		}
	})
}

// add adds to the totals, and looks at the entries only when they are verified.
func (s *sink) add(t totals, entries func(yield func(entry) bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.verify {
		digest := xxhash.New()
		for e := range entries {
			t.Sum = e.add(t.Sum, digest)
			s.kept = append(s.kept, e)
		}
	}
	s.totals.Requests += t.Requests
	s.totals.Streams += t.Streams
	s.totals.Entries += t.Entries
	s.totals.Bytes += t.Bytes
	s.totals.Sum += t.Sum
}

func (s *sink) reset(_ http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.totals, s.kept, s.verify = totals{}, nil, r.URL.Query().Get("verify") == "true"
}

func (s *sink) show(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	t := s.totals
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(t) // Fails when the client has gone.
}

func (s *sink) list(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	kept := s.kept
	s.mu.Unlock()
	_ = gob.NewEncoder(w).Encode(kept) // As above.
}

// store is a sink at work.
type store struct {
	*child
	url string
}

// startStore runs a sink until it is stopped.
func startStore(ctx context.Context, on cores, self string) (*store, error) {
	free, err := process.FreeAddresses(1)
	if err != nil {
		return nil, err
	}
	// Its own garbage must not take the core of the sender.
	p, err := start(ctx, on, []string{"GOGC=400"}, self, "sink", "--listen", free[0])
	if err != nil {
		return nil, err
	}
	s := &store{child: p, url: "http://" + free[0]}
	if err := s.Await(ctx, process.Ready(ctx, s.url+readyPath)); err != nil {
		s.End()
		return nil, err
	}
	return s, nil
}

// reset forgets what was stored. With verify it hashes and keeps what comes.
func (s *store) reset(ctx context.Context, verify bool) error {
	resp, err := request(ctx, http.MethodPost, fmt.Sprintf("%s%s?verify=%t", s.url, resetPath, verify))
	if err != nil {
		return fmt.Errorf("cannot reset sink: %w", err)
	}
	return resp.Body.Close()
}

// totals returns what the sink has taken since it was reset.
func (s *store) totals(ctx context.Context) (t totals, err error) {
	resp, err := request(ctx, http.MethodGet, s.url+totalsPath)
	if err != nil {
		return t, fmt.Errorf("cannot ask sink: %w", err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&t); err != nil {
		return t, fmt.Errorf("cannot ask sink: %w", err)
	}
	return t, nil
}

// entries returns the entries that the sink has kept.
func (s *store) entries(ctx context.Context) (kept []entry, err error) {
	resp, err := request(ctx, http.MethodGet, s.url+entriesPath)
	if err != nil {
		return nil, fmt.Errorf("cannot ask sink for entries: %w", err)
	}
	defer resp.Body.Close()
	if err := gob.NewDecoder(resp.Body).Decode(&kept); err != nil {
		return nil, fmt.Errorf("cannot ask sink for entries: %w", err)
	}
	return kept, nil
}

// settled waits until the sink has taken n entries, or nothing more for as long as
// quiet, and returns its totals. Process p writes to it.
func (s *store) settled(ctx context.Context, p *child, n int, quiet time.Duration) (totals, error) {
	var last totals
	since := time.Now()
	err := p.Await(ctx, func() error {
		t, err := s.totals(ctx)
		if err != nil {
			return err
		}
		if t != last {
			last, since = t, time.Now()
		}
		if t.Entries >= n || time.Since(since) > quiet {
			return nil
		}
		return fmt.Errorf("%d of %d entries are stored", t.Entries, n)
	})
	return last, err
}
