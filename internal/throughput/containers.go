package main

import (
	"time"

	"github.com/grafana/alloy/eks/internal/traffic"
)

// containerLines is a source of records as the log router of EKS Fargate writes
// them.
type containerLines struct {
	*traffic.Generator
	scattered bool
	left      int
	record    []byte
	pod       string
	lines     int
}

// meanRun is more than the mean number of lines that a generated container writes in
// a row.
const meanRun = 10

// newContainerLines ends shortly before now: what is old enough gets another time.
func newContainerLines(l *load) (source, error) {
	records := l.Deliveries * l.Records
	o := traffic.Options{Shape: traffic.FargateDefault, RecordSize: l.RecordSize, Pods: l.Pods, Seed: 1}
	span := o.Span(records)
	if l.Scattered && l.Pods > 1 {
		span *= meanRun
	}
	o.Start = time.Now().Truncate(time.Minute).Add(-span)
	g, err := traffic.New(o)
	if err != nil {
		return nil, err
	}
	return &containerLines{Generator: g, scattered: l.Scattered && l.Pods > 1, left: records}, nil
}

// Next implements standin.Source.
func (s *containerLines) Next() bool {
	if s.left == 0 {
		return false
	}
	s.left--
	for {
		var events []traffic.Event
		s.record, events = s.Generator.Next(s.record[:0])
		if s.scattered && events[0].Pod == s.pod {
			continue // No line is cut, so that each record has an event.
		}
		s.pod = events[0].Pod
		s.lines += len(events)
		return true
	}
}

// Record implements standin.Source.
func (s *containerLines) Record() []byte { return s.record }

// Err implements standin.Source.
func (s *containerLines) Err() error { return nil }

func (s *containerLines) entries() int { return s.lines }

// excuse implements source: upstream's pipeline is written for these records.
func (s *containerLines) excuse(entry, entry) string { return "" }
