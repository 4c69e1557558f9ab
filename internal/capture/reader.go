// Package capture reads and writes capture files: records as they were handed
// to Amazon Data Firehose, kept to be delivered again.
//
// A capture is JSON Lines, plain or gzip. A line is either one Firehose record,
//
//	{"data_base64": "<the record's data>"}
//
// or one log event of CloudWatch Logs,
//
//	{"logGroupName": "...", "logStreamName": "...", "timestamp": <ms>, "message": "..."}
//
// which reaches Firehose inside of a subscription message.
package capture

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"

	"github.com/grafana/alloy/eks/internal/subscription"
)

const (
	// maxLine bounds a line of a capture. The longest that makes sense is a
	// CloudWatch event of 1 MB in which every byte is escaped as \u00XX.
	maxLine = 8 << 20
	// maxMessageEvents and maxMessageText bound the subscription message that
	// is made of neighbouring events of one log stream. 256 KiB of text stay
	// below Firehose's 1,024,000 bytes per record when each quote is escaped.
	maxMessageEvents = 500
	maxMessageText   = 256 << 10
)

// ErrLineTooLong is returned for a line of more than 8 MiB.
var ErrLineTooLong = errors.New("line is longer than 8 MiB")

// Reader iterates over the Firehose records of capture files. It is not safe
// for concurrent use.
type Reader struct {
	paths   []string
	encoder *subscription.Encoder

	file   io.Closer
	lines  *bufio.Reader
	name   string
	number int

	line    []byte
	record  []byte
	message subscription.Message
	text    int
	// kept says that the line comes after the message that was returned.
	kept bool
	err  error
}

// Open returns a Reader over the files, in their order. CloudWatch events are
// wrapped in subscription messages of the given form: neighbouring lines of one
// log stream share one. Files are opened when their turn comes. The caller must
// Close the Reader.
func Open(form subscription.Form, paths ...string) *Reader {
	return &Reader{paths: paths, encoder: subscription.NewEncoder(form)}
}

// Next reads the next record. It returns false at the end and after an error.
func (r *Reader) Next() bool {
	if r.err != nil {
		return false
	}
	ok, err := r.next()
	if err != nil {
		r.err = r.position(err)
		return false
	}
	return ok
}

// Record returns the data of the current record. It is valid until the next
// call of Next.
func (r *Reader) Record() []byte { return r.record }

// Err returns the error that ended the iteration, or nil at the end of the last
// file.
func (r *Reader) Err() error { return r.err }

// Close closes the file that is open.
func (r *Reader) Close() error {
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file, r.lines = nil, nil
	return err
}

func (r *Reader) position(err error) error {
	if r.number == 0 {
		return fmt.Errorf("cannot read capture %q: %w", r.name, err)
	}
	return fmt.Errorf("cannot read capture %q, line %d: %w", r.name, r.number, err)
}

// next returns one record, or one message of gathered CloudWatch events.
func (r *Reader) next() (bool, error) {
	for {
		if !r.kept {
			more, err := r.readLine()
			if err != nil {
				return false, err
			}
			if !more {
				return r.flush()
			}
		}
		r.kept = false
		if len(r.line) == 0 {
			continue
		}
		if data, ok := quickRecord(r.line); ok {
			return r.decode(data)
		}
		done, err := r.parseLine()
		if err != nil || done {
			return done, err
		}
	}
}

// cloudWatchLine is a line of a CloudWatch capture; DataBase64 is set when it
// is a Firehose record instead.
type cloudWatchLine struct {
	DataBase64    *string `json:"data_base64"`
	LogGroupName  string  `json:"logGroupName"`
	LogStreamName string  `json:"logStreamName"`
	Timestamp     *int64  `json:"timestamp"`
	Message       *string `json:"message"`
}

// parseLine handles the current line. It returns true when a record is ready.
func (r *Reader) parseLine() (bool, error) {
	var l cloudWatchLine
	if err := json.Unmarshal(r.line, &l); err != nil {
		return false, err
	}
	switch {
	case l.DataBase64 != nil:
		return r.decode([]byte(*l.DataBase64))
	case l.Message == nil || l.Timestamp == nil || l.LogStreamName == "":
		return false, errors.New("line is neither a Firehose record nor a CloudWatch event")
	case r.fits(l):
		r.hold(l)
		return false, nil
	default:
		r.kept = true
		return r.flush()
	}
}

// fits tells whether the event may join the message that is being gathered.
func (r *Reader) fits(l cloudWatchLine) bool {
	m := &r.message
	if len(m.Events) == 0 {
		return true
	}
	return m.LogGroup == l.LogGroupName && m.LogStream == l.LogStreamName &&
		len(m.Events) < maxMessageEvents && r.text+len(*l.Message) <= maxMessageText
}

func (r *Reader) hold(l cloudWatchLine) {
	r.message.LogGroup, r.message.LogStream = l.LogGroupName, l.LogStreamName
	r.message.Events = append(r.message.Events, subscription.Event{Time: *l.Timestamp, Text: *l.Message})
	r.text += len(*l.Message)
}

// flush makes a record of the gathered events, if there are any.
func (r *Reader) flush() (bool, error) {
	if len(r.message.Events) == 0 {
		return false, nil
	}
	var err error
	r.record, err = r.encoder.AppendRecord(r.record[:0], r.message)
	clear(r.message.Events)
	r.message.Events, r.text = r.message.Events[:0], 0
	return err == nil, err
}

// decode makes a record of the line, after the events that came before it.
func (r *Reader) decode(data []byte) (bool, error) {
	if len(r.message.Events) > 0 {
		r.kept = true
		return r.flush()
	}
	var err error
	r.record, err = base64.StdEncoding.AppendDecode(r.record[:0], data)
	return err == nil, err
}

// quickRecord returns the base64 of a line that holds nothing else, which is
// what the Writer writes. Base64 has no escapes, so the JSON need not be parsed:
// this is ten times as fast for large captures.
func quickRecord(line []byte) ([]byte, bool) {
	rest, ok := bytes.CutPrefix(line, []byte(`{"data_base64":`))
	if !ok {
		return nil, false
	}
	rest, ok = bytes.CutPrefix(bytes.TrimPrefix(rest, []byte(" ")), []byte(`"`))
	if !ok {
		return nil, false
	}
	rest, ok = bytes.CutSuffix(rest, []byte(`"}`))
	// A decoder of base64 skips line ends, which JSON does not allow in a string.
	for _, c := range []byte("\"\\\r\n") {
		ok = ok && bytes.IndexByte(rest, c) < 0
	}
	return rest, ok
}

// readLine reads the next line of the files into r.line, without its newline.
// It returns false at the end of the last file.
func (r *Reader) readLine() (bool, error) {
	for {
		if r.lines == nil {
			if len(r.paths) == 0 {
				return false, nil
			}
			if err := r.openNext(); err != nil {
				return false, err
			}
		}
		err := r.readFileLine()
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, io.EOF) {
			return false, err
		}
		if err := r.Close(); err != nil {
			return false, err
		}
	}
}

func (r *Reader) openNext() error {
	r.name, r.paths, r.number = r.paths[0], r.paths[1:], 0
	f, err := os.Open(r.name)
	if err != nil {
		return err
	}
	r.file, r.lines = f, bufio.NewReaderSize(f, 256<<10)
	// The name says nothing: a capture may be renamed or piped.
	if magic, _ := r.lines.Peek(2); string(magic) == "\x1f\x8b" {
		gz, err := gzip.NewReader(r.lines)
		if err != nil {
			return err
		}
		r.lines = bufio.NewReaderSize(gz, 256<<10)
	}
	return nil
}

func (r *Reader) readFileLine() error {
	r.line = r.line[:0]
	for {
		part, err := r.lines.ReadSlice('\n')
		r.line = append(r.line, part...)
		switch {
		case len(r.line) > maxLine:
			r.number++
			return ErrLineTooLong
		case err == nil, errors.Is(err, io.EOF) && len(r.line) > 0:
			r.number++
			r.line = bytes.TrimSpace(r.line)
			return nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}
