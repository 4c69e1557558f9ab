package backup

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
)

// magic begins a gzip member that is compressed by deflate, the only method there
// is: RFC 1952, section 2.3.
const magic = "\x1f\x8b\x08"

func startsGzip(in *bufio.Reader) bool {
	head, _ := in.Peek(len(magic)) // An object may be shorter.
	return string(head) == magic
}

// plain reads objects of AllData.
type plain struct {
	object io.ReaderAt
	size   int64
	in     *tracker
	text   *splitter
	record *Record
	begun  bool
	lost   bool // Looking for a member behind one that is damaged.

	unpacker *gzip.Reader
	data     []byte
	// inner walks the content of a member that is no record but holds some.
	inner func() error
}

func newPlain(object io.ReaderAt, size int64, record *Record) *plain {
	p := &plain{object: object, size: size, record: record, unpacker: new(gzip.Reader)}
	p.in = newTracker(io.NewSectionReader(object, 0, size))
	p.text = newSplitter(p.in, MaxRecord)
	return p
}

func (p *plain) next() error {
	for {
		if p.inner != nil {
			err := p.inner()
			if err == nil {
				return nil
			}
			p.inner = nil
			if p.in.failure != nil {
				return p.in.failure
			}
			if !errors.Is(err, io.EOF) {
				p.lost, p.record.Err = true, err
				return nil
			}
		}
		found, err := p.step()
		if found || err != nil {
			return err
		}
	}
}

// step goes on to what stands next in the object, and tells whether that is a
// record, or a place where there should be one.
func (p *plain) step() (found bool, err error) {
	if err := p.skipDelimiters(); err != nil {
		return false, err
	}
	if startsGzip(p.in.buffered) {
		return p.member()
	}
	if p.lost { // Data of the damaged member, in all likelihood.
		_, err := p.in.ReadByte()
		return false, err
	}
	doc, err := p.text.next()
	if errors.Is(err, errTooLong) {
		p.record.Err = fmt.Errorf("cannot find the end of a record: %w", err)
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if err := p.begin(doc); err != nil {
		return false, err
	}
	p.record.Data = doc
	return true, nil
}

// begin checks that the object is no object of FailedData, whose records are in
// base64.
func (p *plain) begin(doc []byte) error {
	if !p.begun && isErrorRecord(doc) {
		return fmt.Errorf("cannot read records: %w: it holds those of failed deliveries", ErrForm)
	}
	p.begun = true
	return nil
}

// skipDelimiters passes over the line feeds that a stream with
// AppendDelimiterToRecord puts behind each record.
func (p *plain) skipDelimiters() error {
	for {
		c, err := p.in.ReadByte()
		if err != nil {
			return err
		}
		if c != '\n' {
			return p.in.UnreadByte()
		}
	}
}

// member reads a gzip member. With one document in it, it is a record; with several,
// the compression is that of the object, and so it is when there is gzip in it.
func (p *plain) member() (found bool, err error) {
	start := p.in.offset
	content, err := p.open(p.in)
	if err != nil {
		return p.damaged(start, err)
	}
	if startsGzip(content) {
		p.lost, p.begun = false, true
		p.inner = p.layer(content)
		return false, nil
	}
	documents := newSplitter(content, MaxRecord)
	n := 0
	for n < 2 && err == nil {
		var doc []byte
		if doc, err = documents.next(); err == nil || errors.Is(err, errTooLong) {
			n++
			if err := p.begin(doc); err != nil {
				return false, err
			}
			err = nil
		}
	}
	length := p.in.offset - start
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return p.damaged(start, err)
	case n == 0:
		p.lost = false
		return false, nil // An empty record.
	case n == 1 && length <= MaxRecord:
		p.lost = false
		p.data = append(p.data[:0], make([]byte, length)...)
		if _, err := p.object.ReadAt(p.data, start); err != nil && !errors.Is(err, io.EOF) {
			return false, fmt.Errorf("cannot read object: %w", err)
		}
		p.record.Data = p.data
		return true, nil
	}
	return false, p.split(start)
}

// open returns the content of the member at hand, which is read to its end and not
// beyond.
func (p *plain) open(in *tracker) (*bufio.Reader, error) {
	if err := p.unpacker.Reset(in); err != nil {
		return nil, err
	}
	p.unpacker.Multistream(false)
	return bufio.NewReaderSize(p.unpacker, readSize), nil
}

// split makes records of the documents in the member at start.
func (p *plain) split(start int64) error {
	p.lost = false
	p.in.seek(io.NewSectionReader(p.object, start, p.size-start), start)
	content, err := p.open(p.in)
	if err != nil {
		return err // It was opened before.
	}
	documents := newSplitter(content, MaxRecord)
	p.inner = func() error {
		doc, err := documents.next()
		switch {
		case errors.Is(err, errTooLong):
			p.record.Err = fmt.Errorf("cannot find the end of a record: %w", err)
			return nil
		case err != nil && !errors.Is(err, io.EOF):
			return p.describe(start, err)
		}
		p.record.Data = doc
		return err
	}
	return nil
}

// layer walks the records in an object that is compressed as a whole and holds
// compressed records: each is a member.
func (p *plain) layer(content *bufio.Reader) func() error {
	in, members := &tracker{ // Whose failure is one of the compression around it.
		buffered: content, keep: true,
	}, new(gzip.Reader)
	return func() error {
		for {
			c, err := in.ReadByte()
			if err != nil {
				return err
			}
			if c == '\n' {
				continue
			}
			if err := in.UnreadByte(); err != nil {
				return err
			}
			in.kept = in.kept[:0]
			if err = members.Reset(in); err == nil {
				members.Multistream(false)
				_, err = io.Copy(io.Discard, members)
			}
			switch {
			case err != nil:
				return fmt.Errorf("cannot decompress record: %w: what follows it in the object is lost", notEOF(err))
			case len(in.kept) > MaxRecord:
				p.record.Err = fmt.Errorf("cannot take member of gzip for a record: %w", errTooLong)
			default:
				p.record.Data = in.kept
			}
			return nil
		}
	}
}

// damaged reports a member that cannot be decompressed, once, and looks for the
// next one behind its beginning.
func (p *plain) damaged(start int64, cause error) (found bool, err error) {
	if p.in.failure != nil {
		return false, p.in.failure
	}
	reported := p.lost
	p.lost = true
	p.in.seek(io.NewSectionReader(p.object, start+1, p.size-start-1), start+1)
	if reported {
		return false, nil
	}
	p.record.Err = p.describe(start, cause)
	return true, nil
}

func (p *plain) describe(start int64, cause error) error {
	return fmt.Errorf("cannot decompress record at byte %d: %w", start, notEOF(cause))
}

// notEOF keeps a member that ends too early from passing for the object's end.
func notEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// tracker knows how far it was read, and may keep what was. It gives a gzip.Reader
// one byte at a time, so that this one reads no further than its member goes.
type tracker struct {
	buffered *bufio.Reader
	offset   int64
	failure  error // Of reading, which is no damage.
	keep     bool
	kept     []byte // Up to one byte more than a record has.
}

func newTracker(in io.Reader) *tracker {
	return &tracker{buffered: bufio.NewReaderSize(in, readSize)}
}

// seek goes on with another reader, which stands at the offset.
func (t *tracker) seek(in io.Reader, offset int64) {
	t.buffered.Reset(in)
	t.offset = offset
}

// ReadByte implements io.ByteReader.
func (t *tracker) ReadByte() (byte, error) {
	c, err := t.buffered.ReadByte()
	if err == nil {
		t.offset++
		if t.keep && len(t.kept) <= MaxRecord {
			t.kept = append(t.kept, c)
		}
	}
	t.remember(err)
	return c, err
}

// UnreadByte implements io.ByteScanner. What is kept stays kept.
func (t *tracker) UnreadByte() error {
	if err := t.buffered.UnreadByte(); err != nil {
		return err
	}
	t.offset--
	return nil
}

// Read implements io.Reader.
func (t *tracker) Read(b []byte) (int, error) {
	n, err := t.buffered.Read(b)
	t.offset += int64(n)
	if t.keep {
		t.kept = append(t.kept, b[:min(n, MaxRecord+1-min(len(t.kept), MaxRecord+1))]...)
	}
	t.remember(err)
	return n, err
}

func (t *tracker) remember(err error) {
	if err != nil && !errors.Is(err, io.EOF) {
		t.failure = fmt.Errorf("cannot read object: %w", err)
	}
}
