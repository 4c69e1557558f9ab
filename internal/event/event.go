// Package event holds the value that the parsing stages hand on: one log line,
// what is known of its time, and where it came from.
package event

import (
	"sync/atomic"

	"github.com/grafana/alloy/eks/internal/timestamp"
)

// Label is one name and value. Names in a Source are internal ones, with the
// prefixes that Alloy's own components use: __meta_kubernetes_ as
// discovery.kubernetes, __aws_ as loki.source.awsfirehose.
type Label struct {
	Name, Value string
}

// Source says where a run of events came from: a container, a CloudWatch log
// stream. Parsers make one for each distinct origin and give the same pointer
// for the same origin as long as they remember it, so that what is derived from
// it, the label set above all, is derived once. A Source's labels never change after
// it has been handed out, and it owns its strings.
type Source struct {
	// Labels are unique by name and in no particular order.
	Labels []Label
	// Derived is where package lokientry keeps the streams that it has made of the
	// source: they are found without a search, and forgotten together.
	Derived atomic.Value
}

// Get returns the value of the label with that name, empty when there is none.
func (s *Source) Get(name string) string {
	if s == nil {
		return ""
	}
	for i := range s.Labels {
		if s.Labels[i].Name == name {
			return s.Labels[i].Value
		}
	}
	return ""
}

// Partial tells whether a line is whole.
type Partial uint8

const (
	// Whole is a line as the application wrote it.
	Whole Partial = iota
	// Joined is a whole line that was put together from its fragments.
	Joined
	// Fragment is a piece of a line whose other pieces did not come along.
	Fragment
)

// Flaw says why an event could not be read as the shape that its sender meant;
// its line is then the raw text. The set is closed: a flaw is a metric label
// and the value of the structured metadata parse_error.
type Flaw string

// The flaws.
const (
	// NoFlaw marks an event that was understood.
	NoFlaw Flaw = ""
	// FlawNoData is a record whose data is missing or no string.
	FlawNoData Flaw = "no_data"
	// FlawBase64 is a record whose data is not base64.
	FlawBase64 Flaw = "base64"
	// FlawCompression is a record that is compressed and does not decompress.
	FlawCompression Flaw = "compression"
	// FlawTooLarge is a record that decompresses to more than the limit.
	FlawTooLarge Flaw = "too_large"
	// FlawJSON is a record that begins as a JSON object and does not end as one.
	FlawJSON Flaw = "json"
	// FlawEnvelope is a CloudWatch Logs envelope that lacks what makes it one.
	FlawEnvelope Flaw = "envelope"
)

// Event is one log line.
//
// The byte slices are borrowed: they are good until the parser that made the
// event is given its next record. Whoever keeps an event copies them.
type Event struct {
	// Source is where the line came from; nil when nothing says so.
	Source *Source
	// Stream is the container's output stream, stdout or stderr; empty when
	// unknown.
	Stream string
	// Line is the text that the application wrote, without what runtimes and
	// shippers put around it and without its line feed.
	Line []byte
	// Times holds every time that is known for the line but the arrival.
	Times timestamp.Candidates
	// Level is the severity of the line, one of trace, debug, info, warn, error,
	// fatal: the one that it states, that of the line which it carries on, or for
	// an audit event what follows from its outcome. It is empty when there is none.
	Level string
	// Partial tells whether Line is a whole line.
	Partial Partial
	// Flaw is set when the event could not be read; Line is then the raw text.
	Flaw Flaw
	// ID is CloudWatch's event id; empty when the event did not come that way.
	ID []byte
	// Fields are what was read from the line, to go with it as structured
	// metadata, in the order of their names in the documentation.
	Fields []Field
}

// Field is one thing that a line says. Its name is one of a closed set, a valid
// label name; its value is borrowed like the event's other bytes.
type Field struct {
	Name  string
	Value []byte
}
