package main

import (
	"context"
	"fmt"
	"time"

	"github.com/grafana/alloy/eks/internal/standin"
	"github.com/grafana/alloy/eks/internal/traffic"
)

// load is what is delivered, and how.
type load struct {
	Deliveries int `json:"deliveries"` // Distinct ones, held in memory.
	Records    int `json:"records"`    // Of each delivery.
	RecordSize int `json:"record_size,omitempty"`
	Pods       int `json:"pods,omitempty"`
	// Passes is how often the deliveries are sent in a measurement.
	Passes      int     `json:"passes"`
	Connections int     `json:"connections"`
	Gzip        bool    `json:"gzip"`
	Rate        float64 `json:"rate,omitempty"` // Records per second; 0 for as many as are taken.
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
	})
	if err != nil {
		return nil, err
	}
	return standin.NewStream(sender, standin.StreamOptions{
		BufferBytes: standin.MaxBody, BufferRecords: l.Records,
		Connections: l.Connections, Rate: rate,
	})
}

// containerLines is a source of records as the log router of EKS Fargate writes
// them.
type containerLines struct {
	*traffic.Generator
	left   int
	record []byte
	lines  int
}

// newContainerLines ends shortly before now: what is old enough gets another time.
func newContainerLines(l *load) (source, error) {
	records := l.Deliveries * l.Records
	o := traffic.Options{Shape: traffic.FargateDefault, RecordSize: l.RecordSize, Pods: l.Pods, Seed: 1}
	o.Start = time.Now().Truncate(time.Minute).Add(-o.Span(records))
	g, err := traffic.New(o)
	if err != nil {
		return nil, err
	}
	return &containerLines{Generator: g, left: records}, nil
}

// Next implements standin.Source.
func (s *containerLines) Next() bool {
	if s.left == 0 {
		return false
	}
	s.left--
	var events []traffic.Event
	s.record, events = s.Generator.Next(s.record[:0])
	s.lines += len(events)
	return true
}

// Record implements standin.Source.
func (s *containerLines) Record() []byte { return s.record }

// Err implements standin.Source.
func (s *containerLines) Err() error { return nil }

func (s *containerLines) entries() int { return s.lines }
