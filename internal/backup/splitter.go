package backup

import (
	"bufio"
	"errors"
	"io"
)

// readSize is how much of an object is read at once.
const readSize = 64 << 10

// errTooLong is returned for a document that is longer than it may be.
var errTooLong = errors.New("it is too long")

// splitter finds the documents of a text: JSON objects, with or without something
// between them, and lines of anything else. It holds one document.
type splitter struct {
	in    io.ByteScanner
	limit int
	doc   []byte
}

// newSplitter returns a walk over documents of up to limit bytes.
func newSplitter(text io.Reader, limit int) *splitter {
	in, ok := text.(io.ByteScanner)
	if !ok {
		in = bufio.NewReaderSize(text, readSize)
	}
	return &splitter{in: in, limit: limit}
}

// next returns the next document, with the line feed behind it: it is the
// producer's. It is valid until the next call. Empty lines are none.
//
// A document that is longer than the limit is passed over, with errTooLong. io.EOF
// is the end; another error is that of the text.
func (s *splitter) next() ([]byte, error) {
	c, err := s.in.ReadByte()
	for err == nil && c == '\n' {
		c, err = s.in.ReadByte()
	}
	if err != nil {
		return nil, err
	}
	s.doc = s.doc[:0]
	if c, err = s.blanks(c); err == nil {
		if c == '{' {
			err = s.object(c)
		} else {
			err = s.line(c)
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(s.doc) > s.limit {
		return nil, errTooLong
	}
	return s.doc, nil
}

// keep appends a byte to the document, up to one more than it may have.
func (s *splitter) keep(c byte) {
	if len(s.doc) <= s.limit {
		s.doc = append(s.doc, c)
	}
}

// blanks keeps blanks from c on and returns what follows them.
func (s *splitter) blanks(c byte) (byte, error) {
	var err error
	for err == nil && (c == ' ' || c == '\t') {
		s.keep(c)
		c, err = s.in.ReadByte()
	}
	return c, err
}

// line reads from c up to the line feed.
func (s *splitter) line(c byte) (err error) {
	for {
		s.keep(c)
		if c == '\n' {
			return nil
		}
		if c, err = s.in.ReadByte(); err != nil {
			return err
		}
	}
}

// object reads from c, a bracket, up to the one that closes it. An object that does
// not end on its line is a line as any other: a line feed cannot stand in a string.
func (s *splitter) object(c byte) (err error) {
	depth, quoted, escaped := 0, false, false
	for {
		s.keep(c)
		switch {
		case c == '\n':
			return nil
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
		if depth == 0 {
			return s.behind()
		}
		if c, err = s.in.ReadByte(); err != nil {
			return err
		}
	}
}

// behind reads what belongs to an object that has ended: blanks, and the rest of
// the line unless that is another object.
func (s *splitter) behind() error {
	c, err := s.in.ReadByte()
	if err == nil {
		c, err = s.blanks(c)
	}
	if err != nil {
		return err
	}
	if c == '{' {
		return s.in.UnreadByte()
	}
	return s.line(c)
}
