package firehose

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/grafana/alloy/eks/internal/jsonscan"
)

// The errors of Envelope, each wrapped with its position.
var (
	// ErrEnvelope is returned when a body is not the JSON document that Firehose
	// sends.
	ErrEnvelope = errors.New("cannot read envelope")
	// ErrRecords is returned when an envelope has more records than are allowed.
	ErrRecords = errors.New("too many records")
	// ErrNoData is returned for a record that is no object with a string called
	// data.
	ErrNoData = errors.New("record has no data")
)

// Envelope is the JSON document of one delivery, and walks its records:
//
//	for e.Next() {
//		if err := e.Err(); err != nil { … e.Data() is the record's JSON … }
//		… e.Data() is base64 …
//	}
//
// Reset checks the document whole, so nothing that the walk meets can be a
// reason to refuse the delivery any more. The insides of plain data strings are
// the exception: they are looked at once, by whoever decodes them, and a
// character that neither JSON nor base64 allows is found there.
//
// Memory is reused from one Reset to the next. An Envelope is not safe for
// concurrent use.
//
// https://docs.aws.amazon.com/firehose/latest/dev/httpdeliveryrequestresponse.html#requestformat
type Envelope struct {
	body         []byte
	requestID    []byte
	hasRequestID bool
	timestamp    int64
	hasRecords   bool
	spans        []span

	next int
	data []byte
	err  error
}

// span is where the data of one record stands in the body. Bodies are bounded to
// less than what 32 bits count.
type span struct {
	start, end uint32
	kind       spanKind
}

type spanKind uint8

const (
	spanPlain   spanKind = iota // The inside of a string.
	spanEscaped                 // The same, with escapes.
	spanBroken                  // A whole record, which has no data.
)

// Reset makes e the envelope in body, which belongs to e from then on: data with
// escapes is unescaped where it stands. It returns an error that Is ErrEnvelope when body is no envelope, or Is
// ErrRecords when it has more than maxRecords records; e is then of no use.
//
// Members may come in any order and more than once: the last one counts. Members
// that AWS does not document are skipped.
func (e *Envelope) Reset(body []byte, maxRecords int) error {
	*e = Envelope{body: body, requestID: e.requestID[:0], spans: e.spans[:0]}
	if uint64(len(body)) > gib {
		return fmt.Errorf("%w: it has %d bytes", ErrEnvelope, len(body))
	}
	end, err := e.scanObject(jsonscan.SkipSpace(body, 0), maxRecords)
	if err != nil {
		return err
	}
	if end = jsonscan.SkipSpace(body, end); end < len(body) {
		return syntaxError(end)
	}
	if !e.hasRecords {
		return fmt.Errorf("%w: it has no array called records", ErrEnvelope)
	}
	return nil
}

func syntaxError(at int) error {
	return fmt.Errorf("%w: byte %d is not what JSON allows there", ErrEnvelope, at)
}

// scanObject reads the members of the object at body[i] and returns the position
// after it.
func (e *Envelope) scanObject(i, maxRecords int) (int, error) {
	b := e.body
	if i >= len(b) || b[i] != '{' {
		return 0, syntaxError(i)
	}
	if i = jsonscan.SkipSpace(b, i+1); i < len(b) && b[i] == '}' {
		return i + 1, nil
	}
	for {
		if i >= len(b) || b[i] != '"' {
			return 0, syntaxError(i)
		}
		end, escaped, ok := jsonscan.SkipString(b, i)
		if !ok {
			return 0, syntaxError(end)
		}
		key := b[i+1 : end-1]
		if escaped {
			key = jsonscan.AppendUnescaped(nil, key)
		}
		if i = jsonscan.SkipSpace(b, end); i >= len(b) || b[i] != ':' {
			return 0, syntaxError(i)
		}
		end, err := e.scanMember(key, jsonscan.SkipSpace(b, i+1), maxRecords)
		if err != nil {
			return 0, err
		}
		var last bool
		if i, last, ok = skipSeparator(b, end, '}'); !ok {
			return 0, syntaxError(i)
		}
		if last {
			return i, nil
		}
	}
}

// skipSeparator skips what stands after a member or an element: a comma and white
// space, or the closing bracket. ok is false when it is neither.
func skipSeparator(b []byte, i int, closing byte) (next int, last, ok bool) {
	if i = jsonscan.SkipSpace(b, i); i >= len(b) {
		return i, false, false
	}
	switch b[i] {
	case ',':
		return jsonscan.SkipSpace(b, i+1), false, true
	case closing:
		return i + 1, true, true
	}
	return i, false, false
}

// scanMember reads the value at body[i] of the member called key and returns the
// position after it.
func (e *Envelope) scanMember(key []byte, i, maxRecords int) (int, error) {
	records := string(key) == "records"
	if records {
		e.spans, e.hasRecords = e.spans[:0], false
	}
	if records && i < len(e.body) && e.body[i] == '[' {
		return e.scanRecords(i, maxRecords)
	}
	end, ok := jsonscan.SkipValue(e.body, i)
	if !ok {
		return 0, syntaxError(end)
	}
	value := jsonscan.Value(e.body[i:end])
	switch string(key) {
	case "requestId":
		e.requestID = e.requestID[:0]
		// One character takes six when it is escaped, and the quotes two.
		if e.hasRequestID = value.IsString() && len(value) <= 6*maxRequestID+2; e.hasRequestID {
			e.requestID = value.AppendText(e.requestID)
		}
	case "timestamp":
		e.timestamp = parseMillis(value)
	}
	return end, nil
}

// scanRecords finds the records of the array at body[i] and returns the position
// after it.
func (e *Envelope) scanRecords(i, maxRecords int) (int, error) {
	b := e.body
	e.hasRecords = true
	if i = jsonscan.SkipSpace(b, i+1); i < len(b) && b[i] == ']' {
		return i + 1, nil
	}
	for {
		if len(e.spans) == maxRecords {
			return 0, fmt.Errorf("%w: more than %d", ErrRecords, maxRecords)
		}
		s, end, ok := scanRecord(b, i)
		if !ok {
			return 0, syntaxError(end)
		}
		e.spans = append(e.spans, s)
		var last bool
		if i, last, ok = skipSeparator(b, end, ']'); !ok {
			return 0, syntaxError(i)
		}
		if last {
			return i, nil
		}
	}
}

// recordOpen is how Firehose begins each record.
var recordOpen = []byte(`{"data":"`)

// scanRecord reads the record at b[i] and returns the position after it.
//
// A record as Firehose writes it costs two searches for one byte in its data,
// which take an eighth of the time of scanning a string (BenchmarkEnvelope).
// Everything else goes the long way.
func scanRecord(b []byte, i int) (s span, end int, ok bool) {
	if bytes.HasPrefix(b[i:], recordOpen) {
		start := i + len(recordOpen)
		n := bytes.IndexByte(b[start:], '"')
		if end := start + n; n >= 0 && end+1 < len(b) && b[end+1] == '}' && bytes.IndexByte(b[start:end], '\\') < 0 {
			return span{start: uint32(start), end: uint32(end), kind: spanPlain}, end + 2, true
		}
	}
	if end, ok = jsonscan.SkipValue(b, i); !ok {
		return span{}, end, false
	}
	return dataSpan(b, i, end), end, true
}

// dataSpan returns where the data of the record b[start:end], which is a whole
// JSON value, stands.
func dataSpan(b []byte, start, end int) span {
	s := span{start: uint32(start), end: uint32(end), kind: spanBroken}
	members := jsonscan.Object(b[:end], start)
	for members.Next() {
		key, plain := members.RawKey().Text()
		if !plain {
			key = jsonscan.AppendUnescaped(nil, key)
		}
		if string(key) != "data" {
			continue
		}
		value := members.Value()
		if !value.IsString() {
			s = span{start: uint32(start), end: uint32(end), kind: spanBroken}
			continue
		}
		text, plain := value.Text()
		// Both slices end where the body's memory does.
		at := cap(b) - cap(text)
		s = span{start: uint32(at), end: uint32(at + len(text)), kind: spanPlain}
		if !plain {
			s.kind = spanEscaped
		}
	}
	return s
}

// RequestID returns the request id of the body and whether it has one of a length
// that makes sense. It is valid until the next Reset.
func (e *Envelope) RequestID() (id []byte, ok bool) { return e.requestID, e.hasRequestID }

// Timestamp returns when Firehose made the request, in nanoseconds since the
// epoch; 0 when the body does not say, or not in a way that makes sense.
func (e *Envelope) Timestamp() int64 { return e.timestamp }

// Len returns the number of records.
func (e *Envelope) Len() int { return len(e.spans) }

// Next moves to the next record and reports whether there is one.
func (e *Envelope) Next() bool {
	e.err = nil
	if e.next == len(e.spans) {
		e.data = nil
		return false
	}
	s := e.spans[e.next]
	e.next++
	e.data = e.body[s.start:s.end]
	switch s.kind {
	case spanPlain:
	case spanEscaped:
		// Encoders that keep JSON safe inside HTML write \/ or \u003d. No escape is
		// shorter than what it means, so the text is never ahead of its source.
		e.data = jsonscan.AppendUnescaped(e.data[:0], e.data)
	case spanBroken:
		e.err = fmt.Errorf("record %d: %w", e.Index(), ErrNoData)
	}
	return true
}

// Index returns the number of the current record; the first is 0.
func (e *Envelope) Index() int { return e.next - 1 }

// Data returns the base64 text of the current record, or when Err is not nil the
// record as it is written. It is valid until the next call of Next or Reset.
func (e *Envelope) Data() []byte { return e.data }

// Err returns what is wrong with the current record, an error that Is ErrNoData
// and tells the record's number; nil when nothing is. The other records are not
// touched by it.
func (e *Envelope) Err() error { return e.err }
