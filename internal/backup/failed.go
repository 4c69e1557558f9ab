package backup

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/klauspost/compress/gzip"
)

// errorRecord is what Firehose writes for a record that it could not deliver.
// Names are taken in any case: AWS's own pages do not agree on it, and older
// objects have lastErrorCode.
type errorRecord struct {
	AttemptsMade           *millis
	ArrivalTimestamp       millis
	ErrorCode              string
	LastErrorCode          string
	ErrorMessage           string
	LastErrorMessage       string
	AttemptEndingTimestamp millis
	RawData                *string
}

// valid tells an error record from other JSON.
func (e *errorRecord) valid() bool {
	return e.RawData != nil && (e.AttemptsMade != nil || e.ErrorCode != "" || e.LastErrorCode != "")
}

func (e *errorRecord) attempt() Attempt {
	a := Attempt{Ended: int64(e.AttemptEndingTimestamp), Code: e.ErrorCode, Message: e.ErrorMessage}
	if e.AttemptsMade != nil {
		a.Made = int64(*e.AttemptsMade)
	}
	if a.Code == "" {
		a.Code, a.Message = e.LastErrorCode, e.LastErrorMessage
	}
	return a
}

// millis is a number, or one in quotes. What is none is 0: it is beside the point
// of a record.
type millis int64

// UnmarshalJSON implements json.Unmarshaler.
func (m *millis) UnmarshalJSON(b []byte) error {
	if len(b) > 1 && b[0] == '"' {
		b = b[1 : len(b)-1]
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil || n < 0 || n > maxMillis {
		n = 0
	}
	*m = millis(n)
	return nil
}

// maxMillis is the end of the year 9999, beyond which times have no usual form.
const maxMillis = 253_402_300_799_999

// failed reads objects of FailedData.
type failed struct {
	in     *bufio.Reader
	lines  *splitter
	record *Record
	data   []byte
	begun  bool
}

func newFailed(object io.Reader, record *Record) *failed {
	return &failed{in: bufio.NewReaderSize(object, readSize), record: record}
}

func (f *failed) next() error {
	first := !f.begun
	if first {
		f.begun = true
		if err := f.open(); err != nil {
			return err
		}
	}
	doc, err := f.lines.next()
	if errors.Is(err, errTooLong) {
		f.record.Err = fmt.Errorf("cannot read error record: %w", err)
		return nil
	}
	if errors.Is(err, io.EOF) {
		return err
	}
	if err != nil {
		return fmt.Errorf("cannot read error records: %w", err)
	}
	var e errorRecord
	err = json.Unmarshal(doc, &e)
	if err == nil && !e.valid() {
		err = errors.New("it has no rawData, or no word on an attempt")
	}
	if err != nil && first {
		return fmt.Errorf("cannot read error records: %w: it does not begin with one", ErrForm)
	}
	if err != nil {
		f.record.Err = fmt.Errorf("cannot read error record: %w", err)
		return nil
	}
	f.fill(&e)
	return nil
}

// open undoes the compression of the whole object, if there is one.
func (f *failed) open() error {
	var text io.Reader = f.in
	if startsGzip(f.in) {
		unpacked, err := gzip.NewReader(f.in)
		if err != nil {
			return fmt.Errorf("cannot decompress object: %w", err)
		}
		text = unpacked
	}
	f.lines = newSplitter(text, maxErrorRecord)
	return nil
}

func (f *failed) fill(e *errorRecord) {
	f.record.Attempt = e.attempt()
	if e.ArrivalTimestamp > 0 {
		f.record.Arrived = time.UnixMilli(int64(e.ArrivalTimestamp)).UTC()
	}
	var err error
	f.data, err = base64.StdEncoding.AppendDecode(f.data[:0], []byte(*e.RawData))
	switch {
	case err != nil:
		f.record.Err = fmt.Errorf("cannot read rawData: %w", err)
	case len(f.data) > MaxRecord:
		f.record.Err = fmt.Errorf("rawData has %d bytes, and a record %d at most", len(f.data), MaxRecord)
	default:
		f.record.Data = f.data
	}
}

// isErrorRecord tells whether a document of an object of AllData is a record of a
// failed delivery.
func isErrorRecord(doc []byte) bool {
	var e errorRecord
	return json.Unmarshal(doc, &e) == nil && e.valid()
}
