// Package document splits the bytes of a decoded record into the documents
// that stand in it one after another.
//
// What a Firehose record holds depends on who filled it: one JSON object with a
// line feed (Fluent Bit), many of them with a blank line at the end (its
// simple_aggregation), several CloudWatch Logs envelopes without anything
// between them, the JSON-escaped inside of a string (its log_key), bare text, or
// several of these. See
// https://docs.aws.amazon.com/firehose/latest/dev/httpdeliveryrequestresponse.html
// which leaves the content of a record to its sender.
package document

import (
	"bytes"

	"github.com/grafana/alloy/eks/internal/jsonscan"
)

// Kind tells what a document is.
type Kind uint8

const (
	// Object is one whole JSON object.
	Object Kind = iota + 1
	// String is one JSON string that has its line to itself.
	String
	// Text is one line of anything else, without its line feed.
	Text
)

// Scanner walks the documents of one record. It holds no memory of its own;
// what it returns are slices of the record.
type Scanner struct {
	b    []byte
	i    int
	end  EndFunc
	doc  []byte
	kind Kind
	// misses counts the objects that began and did not end.
	misses int
	// solid is the first byte that is no white space at or behind some i, and isText is
	// set when no document begins there: many blank lines before it would ask again.
	solid  int
	isText bool
}

// maxMisses bounds how often a line that opens an object is followed beyond its
// end in vain: each try costs the length of the record.
const maxMisses = 16

// EndFunc finds the end of the JSON object that opens at b[i]: the position after
// it. ok is false when no whole object stands there.
type EndFunc func(b []byte, i int) (end int, ok bool)

// Scan returns a walk over the documents of rec.
func Scan(rec []byte) Scanner { return ScanWith(rec, jsonscan.SkipValue) }

// ScanWith is Scan for a caller who learns more than the end when he looks for
// it. When the walk stands at an Object, end was last called for that one.
func ScanWith(rec []byte, end EndFunc) Scanner { return Scanner{b: rec, end: end, solid: -1} }

// Next moves to the next document and reports whether there is one. Empty
// lines are no documents; a line of blanks is one, unless it follows an object.
func (s *Scanner) Next() bool {
	for s.i < len(s.b) && isLineEnd(s.b[s.i]) {
		s.i++
	}
	if s.i >= len(s.b) {
		return false
	}
	if s.solid < s.i {
		s.solid, s.isText = jsonscan.SkipSpace(s.b, s.i), false
	}
	if !s.isText && s.solid < len(s.b) {
		switch s.b[s.solid] {
		case '{':
			if s.object(s.solid) {
				return true
			}
		case '"':
			if s.str(s.solid) {
				return true
			}
		}
		s.isText = true
	}
	s.text()
	return true
}

// Rest returns what is behind the current document: empty when there is nothing
// but line ends.
func (s *Scanner) Rest() []byte {
	i := s.i
	for i < len(s.b) && isLineEnd(s.b[i]) {
		i++
	}
	return s.b[i:]
}

// Bytes returns the current document.
func (s *Scanner) Bytes() []byte { return s.doc }

// Kind tells what the current document is.
func (s *Scanner) Kind() Kind { return s.kind }

// object takes the JSON object that begins at start, if one does and if what
// follows it can begin another document: "{...} trailing text" is a line that an
// application wrote.
func (s *Scanner) object(start int) bool {
	within := s.b
	if s.misses >= maxMisses {
		if n := bytes.IndexByte(s.b[start:], '\n'); n >= 0 {
			within = s.b[:start+n]
		}
	}
	end, ok := s.end(within, start)
	if !ok {
		s.misses++
		return false
	}
	next := jsonscan.SkipSpace(s.b, end)
	if next < len(s.b) && s.b[next] != '{' && bytes.IndexByte(s.b[end:next], '\n') < 0 {
		return false
	}
	s.doc, s.kind, s.i = s.b[start:end], Object, next
	if next < len(s.b) && s.b[next] != '{' {
		// The next line's indentation belongs to it.
		s.i = end + bytes.LastIndexByte(s.b[end:next], '\n') + 1
	}
	return true
}

// str takes the JSON string that begins at start, if it has its line to itself.
func (s *Scanner) str(start int) bool {
	end, _, ok := jsonscan.SkipString(s.b, start)
	if !ok || (end < len(s.b) && !isLineEnd(s.b[end])) {
		return false
	}
	s.doc, s.kind, s.i = s.b[start:end], String, end
	return true
}

// text takes the rest of the line.
func (s *Scanner) text() {
	line := s.b[s.i:]
	if n := bytes.IndexByte(line, '\n'); n >= 0 {
		line = line[:n]
	}
	s.i += len(line)
	s.doc, s.kind = bytes.TrimSuffix(line, []byte{'\r'}), Text
}

func isLineEnd(c byte) bool { return c == '\n' || c == '\r' }
