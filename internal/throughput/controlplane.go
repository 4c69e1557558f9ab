package main

import (
	"strings"
	"time"

	"github.com/grafana/alloy/eks/internal/clustertraffic"
	"github.com/grafana/alloy/eks/internal/subscription"
)

// controlPlaneEvents is a source of subscription messages with the logs of control
// planes.
type controlPlaneEvents struct {
	generator *clustertraffic.Generator
	messages  *subscription.Encoder
	left      int
	record    []byte
	events    int
	err       error
	// headless and truncated are lines of which upstream's pipeline cannot tell
	// the time, and ours can.
	headless, truncated map[string]bool
}

// maxMoved is more nanoseconds than there are equal lines in a delivery.
const maxMoved = 1000

// newControlPlaneEvents ends shortly before now.
func newControlPlaneEvents(l *load) (source, error) {
	records := l.Deliveries * l.Records
	o := clustertraffic.Options{Seed: 1}
	o.Start = time.Now().Truncate(time.Minute).Add(-o.Span(records))
	g, err := clustertraffic.New(o)
	if err != nil {
		return nil, err
	}
	return &controlPlaneEvents{
		generator: g, messages: subscription.NewEncoder(subscription.Gzip), left: records,
		headless: map[string]bool{}, truncated: map[string]bool{},
	}, nil
}

// Next implements standin.Source.
func (s *controlPlaneEvents) Next() bool {
	if s.left == 0 {
		return false
	}
	s.left--
	message := s.generator.Next()
	s.record, s.err = s.messages.AppendRecord(s.record[:0], message)
	s.events += len(message.Events)
	truth := s.generator.Events()
	for i := range truth {
		switch e := &truth[i]; {
		case e.Headless:
			s.headless[e.Message] = true
		case e.Truncated:
			s.truncated[e.Message] = true
		}
	}
	return s.err == nil
}

// Record implements standin.Source.
func (s *controlPlaneEvents) Record() []byte { return s.record }

// Err implements standin.Source.
func (s *controlPlaneEvents) Err() error { return s.err }

func (s *controlPlaneEvents) entries() int { return s.events }

// excuse implements source.
func (s *controlPlaneEvents) excuse(first, other entry) string {
	switch {
	case first.Labels != other.Labels || first.Line != other.Line:
		return ""
	case first.Nanos != other.Nanos && max(first.Nanos, other.Nanos)-min(first.Nanos, other.Nanos) < maxMoved:
		return "of one of several equal lines, moved by a nanosecond so that Loki keeps each of them"
	case s.headless[first.Line]:
		return "of a line that states none: CloudWatch's own, or that of the line which it continues"
	case s.truncated[first.Line]:
		return "of an audit event that is cut off: CloudWatch's own, or what is left of the event's"
	case strings.HasPrefix(first.Line, "{") && !strings.Contains(first.Labels, `"audit"`):
		return "of a line of JSON among klog's: CloudWatch's own, or that of the line"
	}
	return ""
}
