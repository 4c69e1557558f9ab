package main

import (
	"context"
	"fmt"

	"github.com/grafana/alloy/eks/internal/process"
	"github.com/grafana/alloy/eks/internal/standin"
)

// load is what is delivered, and how. A field that is zero stands for the
// workload's own.
type load struct {
	Deliveries int `json:"deliveries"` // Distinct ones, held in memory.
	Records    int `json:"records"`    // Of each delivery.
	// Passes is how often the deliveries are sent in a measurement.
	Passes      int     `json:"passes"`
	Connections int     `json:"connections"`
	Gzip        bool    `json:"gzip"`
	Rate        float64 `json:"rate,omitempty"` // Records per second; 0 for as many as are taken.

	// RecordSize is the mean size of container records in bytes, Pods how many
	// write them.
	RecordSize int `json:"record_size,omitempty"`
	Pods       int `json:"pods,omitempty"`
	// Scattered container records are each of another pod than the one before.
	Scattered bool `json:"scattered,omitempty"`
}

// or returns the load with what it leaves open.
func (l load) or(own load) load {
	for _, f := range []struct{ field, own *int }{
		{&l.Deliveries, &own.Deliveries},
		{&l.Records, &own.Records},
		{&l.Passes, &own.Passes},
		{&l.Connections, &own.Connections},
		{&l.RecordSize, &own.RecordSize},
		{&l.Pods, &own.Pods},
	} {
		if *f.field == 0 {
			*f.field = *f.own
		}
	}
	return l
}

// accessKey is what deliveries carry, as they do wherever a receiver is open to
// the internet.
const accessKey = "a key as long as those that people generate"

// batch is deliveries that wait in memory, with what a receiver must make of them.
type batch struct {
	deliveries []*standin.Delivery
	records    int
	entries    int
	body       int64 // Bytes of bodies before compression.
}

// source makes records, and knows how many entries they hold.
type source interface {
	standin.Source
	// entries returns how many log lines the records so far hold.
	entries() int
	// excuse returns why a pipeline may store an entry otherwise than the first
	// does; empty when it may not.
	excuse(first, other entry) string
}

// build puts the deliveries together.
func (l *load) build(ctx context.Context, src source) (*batch, error) {
	stream, err := l.stream("http://127.0.0.1", 0)
	if err != nil {
		return nil, err
	}
	b := new(batch)
	if b.deliveries, err = stream.Build(ctx, src); err != nil {
		return nil, fmt.Errorf("cannot build deliveries: %w", err)
	}
	for _, d := range b.deliveries {
		b.records += d.Records()
		b.body += int64(len(d.Body()))
	}
	b.entries = src.entries()
	return b, nil
}

// stream returns a stream that sends to an endpoint.
func (l *load) stream(url string, rate float64) (*standin.Stream, error) {
	sender, err := standin.NewSender(standin.Options{
		URL: url, AccessKey: accessKey, Gzip: l.Gzip, Connections: l.Connections, Seed: 1,
		RetryDuration: process.Patience, // Pipelines may say that they are busy.
	})
	if err != nil {
		return nil, err
	}
	return standin.NewStream(sender, standin.StreamOptions{
		BufferBytes: standin.MaxBody, BufferRecords: l.Records,
		Connections: l.Connections, Rate: rate,
	})
}
