package main

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"github.com/grafana/alloy/eks/internal/lokisink"
	"github.com/grafana/alloy/eks/internal/process"
)

// entry is one log line as it has reached its store.
type entry = lokisink.Entry

// pushes takes what loki.write sends, in the place of a Loki.
type pushes struct {
	lokisink.Sink
	server *http.Server
	url    string
}

// listenForPushes returns pushes that listen on a free loopback port.
func listenForPushes() (*pushes, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("cannot listen for entries: %w", err)
	}
	p := &pushes{url: "http://" + listener.Addr().String() + lokisink.PushPath}
	p.server = &http.Server{Handler: &p.Sink, ReadHeaderTimeout: process.Patience}
	go func() { _ = p.server.Serve(listener) }() // Returns when it is closed.
	return p, nil
}

// pushURL implements destination.
func (p *pushes) pushURL() string { return p.url }

// stop implements destination.
func (p *pushes) stop() { _ = p.server.Close() }

// ofCapture implements destination.
func (p *pushes) ofCapture(_ context.Context, capture string) ([]entry, error) {
	var of []entry
	for _, e := range p.Entries() {
		if e.Labels[captureLabel] == capture {
			of = append(of, e)
		}
	}
	return of, nil
}
