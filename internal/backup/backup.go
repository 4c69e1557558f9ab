// Package backup reads the objects that Amazon Data Firehose writes to the S3
// bucket of a stream with an HTTP endpoint, and finds the records in them that the
// stream was given.
//
// There are two forms. Under the error output prefix stand deliveries that failed:
// one JSON object per record, with its data in base64 and a word on the last
// attempt. A stream whose backup mode is AllData writes all records beside, one
// behind the other as they came, with nothing between them unless the stream adds
// line feeds. What tells records apart there is their content alone:
//
//   - compressed by gzip, as CloudWatch Logs sends them: the end of the member;
//   - JSON objects, decompressed CloudWatch Logs messages among them: the end of
//     the object;
//   - text: the line feed. Text without any is lost in the text beside it.
//
// Either form may be compressed by gzip as a whole, which is the bucket's
// CompressionFormat.
//
// https://docs.aws.amazon.com/firehose/latest/dev/retry.html
// https://docs.aws.amazon.com/firehose/latest/dev/basic-deliver.html
package backup

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// Form says what the objects hold. It is the caller's to know: a log line can look
// like the record of a failed delivery, and would pass for whatever it says.
type Form string

const (
	// FailedData are the records of deliveries that failed.
	FailedData Form = "FailedDataOnly"
	// AllData are all records of a stream.
	AllData Form = "AllData"
)

// Limits of what is read, in bytes.
const (
	// MaxRecord is the most data that a Firehose record holds.
	MaxRecord = 1_024_000
	// maxErrorRecord bounds the JSON of one record of a failed delivery: the base64
	// of the longest record and an answer of 1 MiB, with room to spare.
	maxErrorRecord = 4 << 20
)

// ErrForm is returned for an object that holds something else than the Form says.
var ErrForm = errors.New("object has another form")

// Attempt is how a delivery failed. The records of one delivery have it in common.
type Attempt struct {
	// Made is how often the delivery was posted.
	Made int64
	// Ended is when the last attempt ended, in milliseconds since the epoch.
	Ended int64
	// Code is Firehose's name of the failure, such as
	// HttpEndpoint.DestinationException, and Message what came with it.
	Code, Message string
}

// Record is one record of an object, or a place where one should be.
type Record struct {
	// Index counts the records of the object from 0, also those that cannot be
	// read.
	Index int
	// Data is what the producer gave to Firehose. It is valid until the next call
	// of Next.
	Data []byte
	// Arrived is when Firehose got the record; zero when the object does not tell.
	Arrived time.Time
	// Attempt is zero in objects of AllData.
	Attempt Attempt
	// Err says why the record cannot be read; Data is nil then.
	Err error
}

// Reader walks the records of one object. It holds one record at a time.
type Reader struct {
	record Record
	next   func() error // Fills record; io.EOF at the end.
	begun  bool
	err    error
}

// NewReader returns a walk over an object of that size in bytes. Nothing is read
// before the first call of Next.
func NewReader(object io.ReaderAt, size int64, form Form) *Reader {
	r := &Reader{}
	switch form {
	case FailedData:
		r.next = newFailed(io.NewSectionReader(object, 0, size), &r.record).next
	case AllData:
		r.next = newPlain(object, size, &r.record).next
	default:
		r.next = func() error { return fmt.Errorf("unknown form %.64q of an object", form) }
	}
	return r
}

// Next moves to the next record, or to the next place where none can be read. It
// returns false at the end, and after an error.
func (r *Reader) Next() bool {
	if r.err != nil {
		return false
	}
	index := 0
	if r.begun {
		index = r.record.Index + 1
	}
	r.begun = true
	r.record = Record{Index: index}
	if r.err = r.next(); r.err != nil {
		r.record = Record{Index: index}
		return false
	}
	return true
}

// Record returns the current record.
func (r *Reader) Record() Record { return r.record }

// Err returns the error that ended the walk: one of reading the object, damage that
// hides where its next record begins, or ErrForm. What came before it is good.
func (r *Reader) Err() error {
	if errors.Is(r.err, io.EOF) {
		return nil
	}
	return r.err
}
