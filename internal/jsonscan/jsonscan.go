// Package jsonscan walks JSON text (RFC 8259) where it stands: it finds the
// ends of values and the members of objects, and builds nothing.
//
// It accepts exactly the texts that encoding/json accepts, invalid UTF-8
// inside strings included. Every position and slice it returns points into the
// caller's bytes, and nothing is kept after a call.
//
// Specification: https://www.rfc-editor.org/rfc/rfc8259
package jsonscan

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// maxDepth bounds the nesting of one value. It is encoding/json's own bound, so
// that a hostile record of brackets costs no stack.
const maxDepth = 10_000

// SkipSpace returns the position of the first byte at or after i that is no
// JSON white space; len(b) when there is none.
func SkipSpace(b []byte, i int) int {
	for i < len(b) && b[i] <= ' ' && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++ // Mostly there is none, which the first question settles.
	}
	return i
}

// SkipString returns the position after the string that opens at b[i] == '"',
// and whether the string holds an escape. ok is false when the string does not
// end, holds a raw control character, or an escape that JSON does not know.
func SkipString(b []byte, i int) (end int, escaped, ok bool) {
	for i++; ; {
		// As plainRun, which is a call for strings that are short.
		if i+8 <= len(b) {
			s := specials(binary.LittleEndian.Uint64(b[i:]))
			if s == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(s) / 8
		} else if i = plainRun(b, i); i >= len(b) {
			return i, escaped, false
		}
		switch b[i] {
		case '"':
			return i + 1, escaped, true
		case '\\':
			escaped = true
			n := EscapeLen(b[i:])
			if n == 0 {
				return i, escaped, false
			}
			i += n
		default: // A control character.
			return i, escaped, false
		}
	}
}

const (
	onesPattern  = 0x0101010101010101
	highsPattern = 0x8080808080808080
)

// specials marks, with the highest bit of each, those of eight bytes that a string
// cannot hold as they are: a quote, a backslash, a control character. Behind the
// first one the marks mean nothing.
func specials(w uint64) uint64 {
	// A quote becomes 0x20, a blank 0x22, and control characters stay below both.
	low := w ^ (onesPattern * ('"' - ' '))
	slash := w ^ (onesPattern * '\\')
	return (((low - onesPattern*0x21) &^ low) | ((slash - onesPattern) &^ slash)) & highsPattern
}

// plainRun returns the position of the first byte at or after i that a string
// cannot hold as it is. It looks at eight bytes at a time (BenchmarkSkipString).
func plainRun(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		if s := specials(binary.LittleEndian.Uint64(b[i:])); s != 0 {
			return i + bits.TrailingZeros64(s)/8
		}
	}
	for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= 0x20 {
		i++
	}
	return i
}

// EscapeLen returns the length of the escape at the start of b, 0 when it is
// none of JSON's.
func EscapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(b[2:]); ok {
			return 6
		}
	}
	return 0
}

// Value is one JSON value as it is written, without white space around it.
type Value []byte

// IsString tells whether the value is a string. Like the other questions for a
// kind it believes that the value is one which SkipValue, Members or Elements
// found, and is false for an empty one.
func (v Value) IsString() bool { return len(v) > 0 && v[0] == '"' }

// IsObject tells whether the value is an object. See IsString.
func (v Value) IsObject() bool { return len(v) > 0 && v[0] == '{' }

// IsArray tells whether the value is an array. See IsString.
func (v Value) IsArray() bool { return len(v) > 0 && v[0] == '[' }

// IsNumber tells whether the value is a number. See IsString.
func (v Value) IsNumber() bool { return len(v) > 0 && (v[0] == '-' || isDigit(v[0])) }

// Text returns what stands between the quotes of a string, or the value itself
// when it is none. plain is false when a string holds escapes: then AppendText
// gives its meaning.
func (v Value) Text() (text []byte, plain bool) {
	if !v.IsString() {
		return v, true
	}
	text = v[1 : len(v)-1]
	return text, bytes.IndexByte(text, '\\') < 0
}

// AppendText appends the meaning of a string (or any other value as it is
// written) to dst and returns the longer slice.
func (v Value) AppendText(dst []byte) []byte {
	text, plain := v.Text()
	if plain {
		return append(dst, text...)
	}
	return AppendUnescaped(dst, text)
}

// Members walks the members of one object, in their written order, duplicates
// included. The zero value is of no use; start with Object.
type Members struct {
	b   []byte
	i   int
	key Value
	val Value
	bad bool
	end bool
}

// Object returns a walk over the members of the object that begins at b[i].
func Object(b []byte, i int) Members {
	m := Members{b: b, i: i}
	if i >= len(b) || b[i] != '{' {
		m.bad = true
		return m
	}
	m.i = SkipSpace(b, i+1)
	if m.i < len(b) && b[m.i] == '}' {
		m.i++
		m.end = true
	}
	return m
}

// Next moves to the next member and reports whether there is one. It returns
// false at the end of the object and at the first byte that is not JSON; Err
// tells which.
func (m *Members) Next() bool { return m.NextKey() && m.ReadValue() }

// NextKey is the first half of Next: it reads the key. ReadValue or SetValue must
// follow.
func (m *Members) NextKey() bool {
	if m.bad || m.end {
		return false
	}
	m.bad = true // Until this member has been read whole.
	b, i := m.b, m.i
	if i >= len(b) || b[i] != '"' {
		return false
	}
	keyEnd, _, ok := SkipString(b, i)
	if !ok {
		return false
	}
	m.key = Value(b[i:keyEnd])
	if i = SkipSpace(b, keyEnd); i >= len(b) || b[i] != ':' {
		return false
	}
	m.i = SkipSpace(b, i+1)
	return true
}

// Rest returns all that follows the key that NextKey has read, the value first.
func (m *Members) Rest() []byte { return m.b[m.i:] }

// ReadValue is the second half of Next: it reads the value, and reports whether
// the member is whole.
func (m *Members) ReadValue() bool {
	end, ok := SkipValue(m.b, m.i)
	return ok && m.SetValue(end-m.i)
}

// SetValue takes the place of ReadValue where it is known that the value has n
// bytes.
func (m *Members) SetValue(n int) bool {
	m.val = Value(m.b[m.i : m.i+n])
	next, more, ok := after(m.b, m.i+n, '}')
	if ok {
		m.i, m.end, m.bad = next, !more, false
	}
	return ok
}

// Key returns the current member's key as it is written, without its quotes.
// A key with escapes is returned with them: none of the keys that shippers
// write for themselves needs any.
func (m *Members) Key() []byte { return m.key[1 : len(m.key)-1] }

// RawKey returns the current member's key with its quotes.
func (m *Members) RawKey() Value { return m.key }

// Value returns the current member's value.
func (m *Members) Value() Value { return m.val }

// End returns the position after the object's closing brace. It has a meaning
// only after Next has returned false and Err is false.
func (m *Members) End() int { return m.i }

// Err reports whether the walk stopped at something that is not JSON.
func (m *Members) Err() bool { return m.bad }

// Elements walks the elements of one array. The zero value is of no use; start
// with Array.
type Elements struct {
	scanner Scanner
	i       int
	val     Value
	bad     bool
	end     bool
}

// Array returns a walk over the elements of the array that begins at b[i].
func Array(b []byte, i int) Elements {
	s := Scanner{b: b}
	return s.Array(i)
}

// Array returns a walk over the elements of the array that begins at b[i], b being the
// text. It is good until the next Reset.
func (s *Scanner) Array(i int) Elements {
	b := s.b
	e := Elements{scanner: *s, i: i}
	if i >= len(b) || b[i] != '[' {
		e.bad = true
		return e
	}
	e.i = SkipSpace(b, i+1)
	if e.i < len(b) && b[e.i] == ']' {
		e.i++
		e.end = true
	}
	return e
}

// Next moves to the next element and reports whether there is one. It returns
// false at the end of the array and at the first byte that is not JSON; Err
// tells which.
func (e *Elements) Next() bool {
	if e.bad || e.end {
		return false
	}
	e.bad = true // Until this element has been read whole.
	b := e.scanner.b
	end, ok := e.scanner.SkipValue(e.i)
	if !ok {
		return false
	}
	e.val = Value(b[e.i:end])
	next, more, ok := after(b, end, ']')
	if ok {
		e.i, e.end, e.bad = next, !more, false
	}
	return ok
}

// Value returns the current element.
func (e *Elements) Value() Value { return e.val }

// End returns the position after the array's closing bracket. It has a meaning
// only after Next has returned false and Err is false.
func (e *Elements) End() int { return e.i }

// Err reports whether the walk stopped at something that is not JSON.
func (e *Elements) Err() bool { return e.bad }
