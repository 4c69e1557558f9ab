package standin

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// Limits of a delivery.
const (
	// MaxRecord is the most data that a record holds, in bytes.
	MaxRecord = 1_024_000
	// MaxRecords is the most records that a delivery holds.
	MaxRecords = 10_000
	// MaxBody is the largest body before compression, in bytes.
	MaxBody = 64 << 20
)

var (
	// ErrRecordTooLarge is returned for a record of more than MaxRecord bytes,
	// which Firehose does not take.
	ErrRecordTooLarge = errors.New("record is larger than 1,024,000 bytes")
	// ErrDeliveryFull is returned when one more record would make a delivery
	// exceed MaxRecords or MaxBody.
	ErrDeliveryFull = errors.New("delivery is full")
	// ErrNoRecords is returned for a delivery without records: Firehose always
	// sends at least one.
	ErrNoRecords = errors.New("delivery has no records")
)

const (
	recordHead = `{"data":"`
	recordTail = `"},`
	// bodyHead is room for what stands before the records: it is written last.
	bodyHead = len(`{"requestId":"01234567-89ab-cdef-0123-456789abcdef","timestamp":9223372036854775807,"records":[`)
	bodyTail = len(`]}`)
)

// Delivery is one batch of records with its request id. Records are written
// into the body as they come, so a delivery is in memory once. A Delivery is not
// safe for concurrent use while records are added or before it was delivered for
// the first time; after that it may be delivered again, also concurrently.
type Delivery struct {
	sender *Sender
	number uint64
	id     string
	// timestamp is the request timestamp, zero for that of the sender.
	timestamp time.Time
	raw       int64
	// body has bodyHead bytes of room, then the records; start is where the
	// finished body begins.
	body    []byte
	start   int
	records []placedRecord
	sealed  bool
	wire    []byte
	packed  bytes.Buffer
}

// placedRecord is where a record's base64 stands in the body.
type placedRecord struct {
	start, end int
	arrived    time.Time
}

// NewDelivery returns an empty delivery with the next request id.
func (s *Sender) NewDelivery() *Delivery {
	d := &Delivery{sender: s}
	d.Reset()
	return d
}

// Reset makes the delivery an empty one with the next request id, and keeps its
// memory. It must not be in use.
func (d *Delivery) Reset() {
	d.number = d.sender.numbers.Add(1)
	d.id = guid(d.sender.random(d.number, 0))
	d.body = slices.Grow(d.body[:0], bodyHead)[:bodyHead]
	d.timestamp, d.raw, d.records, d.sealed, d.wire = time.Time{}, 0, d.records[:0], false, nil
}

// Stamp gives the delivery a request id of the caller's, which takes the form of a
// GUID, and a request timestamp, so that it is the same whoever sends it when. It
// has no effect after Seal, and lasts until Reset.
func (d *Delivery) Stamp(id [16]byte, timestamp time.Time) {
	d.id, d.timestamp = formatGUID(id), timestamp
}

// RequestID returns the GUID that all attempts of the delivery carry.
func (d *Delivery) RequestID() string { return d.id }

// Records returns how many records the delivery has.
func (d *Delivery) Records() int { return len(d.records) }

// RawBytes returns the size of the records' data.
func (d *Delivery) RawBytes() int64 { return d.raw }

// Body returns the body before compression, or nil before Seal. It is valid
// until Reset.
func (d *Delivery) Body() []byte {
	if !d.sealed {
		return nil
	}
	return d.body[d.start:]
}

// Add appends a record that Firehose received at the given time. It copies the
// record. It fails with ErrRecordTooLarge or ErrDeliveryFull and leaves the
// delivery as it was.
func (d *Delivery) Add(record []byte, arrived time.Time) error {
	switch {
	case len(record) > MaxRecord:
		return fmt.Errorf("cannot add record of %d bytes: %w", len(record), ErrRecordTooLarge)
	case !d.fits(len(record)):
		return ErrDeliveryFull
	}
	d.body = append(d.body, recordHead...)
	start := len(d.body)
	d.body = base64.StdEncoding.AppendEncode(d.body, record)
	d.records = append(d.records, placedRecord{start: start, end: len(d.body), arrived: arrived})
	d.body = append(d.body, recordTail...)
	d.raw += int64(len(record))
	return nil
}

func (d *Delivery) fits(size int) bool {
	encoded := len(recordHead) + base64.StdEncoding.EncodedLen(size) + len(recordTail)
	return !d.sealed && len(d.records) < MaxRecords && len(d.body)+encoded+bodyTail <= MaxBody
}

// Seal finishes the body, with the request timestamp of this moment unless Stamp
// gave another, and compresses it. Deliver does it when it was not done before.
func (d *Delivery) Seal() error {
	if d.sealed {
		return nil
	}
	if len(d.records) == 0 {
		return ErrNoRecords
	}
	timestamp := d.timestamp
	if timestamp.IsZero() {
		timestamp = d.sender.opts.Timestamp
	}
	if timestamp.IsZero() {
		timestamp = d.sender.opts.Clock.Now()
	}
	head := make([]byte, 0, bodyHead)
	head = append(head, `{"requestId":"`...)
	head = append(head, d.id...)
	head = append(head, `","timestamp":`...)
	head = strconv.AppendInt(head, timestamp.UnixMilli(), 10)
	head = append(head, `,"records":[`...)
	d.start = bodyHead - len(head)
	copy(d.body[d.start:], head)
	d.body = append(d.body[:len(d.body)-len(",")], `]}`...)
	d.sealed = true
	return d.compress()
}

func (d *Delivery) compress() error {
	if !d.sender.opts.Gzip {
		d.wire = d.body[d.start:]
		return nil
	}
	d.packed.Reset()
	w := d.sender.getGzip()
	defer d.sender.putGzip(w)
	w.Reset(&d.packed)
	if _, err := w.Write(d.body[d.start:]); err != nil {
		return fmt.Errorf("cannot compress delivery: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("cannot compress delivery: %w", err)
	}
	d.wire = d.packed.Bytes()
	return nil
}

// jitter returns the random part of the wait before a retry, from -1 to 1.
func (d *Delivery) jitter(retry int) float64 {
	return 2*d.sender.random(d.number, uint64(retry)).Float64() - 1
}

// guid returns a random GUID.
func guid(random *rand.Rand) string {
	var b [16]byte
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return formatGUID(b)
}

// formatGUID returns a GUID in the form of a version 4 UUID.
func formatGUID(b [16]byte) string {
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
