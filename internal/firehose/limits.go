package firehose

import (
	"errors"
	"fmt"
)

// Limits bounds what one delivery, and all of them together, may cost. All sizes
// are in bytes. The names in the errors of Validate are those of the arguments of
// the components' limits block.
type Limits struct {
	// BodySize bounds a body as it comes over the wire.
	BodySize int64
	// DecompressedBodySize bounds a body with Content-Encoding gzip once it is
	// decompressed.
	DecompressedBodySize int64
	// Records bounds the records of one delivery.
	Records int
	// RecordSize bounds one record after its base64 and its own compression are
	// undone, where a short line counts for what it takes as an entry. The handler
	// does not look into records; this is for the Deliverer.
	RecordSize int64
	// DeliverySize bounds all records of one delivery together, counted like
	// RecordSize. It is for the Deliverer too.
	DeliverySize int64
	// ConcurrentSize bounds what all deliveries in flight hold together: their
	// bodies, and what their Deliverer reserves. The process has up to twice that,
	// since memory that was given back waits for the garbage collector, and up to
	// three times that while many large bodies grow at once.
	ConcurrentSize int64
}

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)

// DefaultLimits returns limits that refuse nothing that Firehose can send at its
// own largest settings, but for records that decompress to very much.
func DefaultLimits() Limits {
	return Limits{
		// Firehose's largest buffer is 64 MiB. Whether its base64 counts in that, AWS
		// does not say: if not, the body is 4/3 of it and 12 bytes for each of 10,000
		// records, and a delivery that is refused for its size is lost to Loki.
		BodySize:             96 * mib,
		DecompressedBodySize: 96 * mib,
		// The most that AWS's schema of the request allows.
		Records: 10_000,
		// A Firehose record has 1,000 KiB at most, and logs compress to a fifteenth or
		// so; the densest aggregates reach a thirtieth.
		RecordSize: 32 * mib,
		// Records that are not compressed come to no more than three quarters of the
		// body. Compressed ones are bounded by memory: they are all held at once.
		DeliverySize: 128 * mib,
		// minConcurrentSize is 280 MiB for the sizes above. The rest is room for a
		// dozen deliveries of Firehose's default buffer, 5 MiB, beside the largest.
		ConcurrentSize: 384 * mib,
	}
}

// minConcurrentSize returns the smallest ConcurrentSize with which a delivery as
// large as the other limits allow is accepted, if it comes alone. A smaller one
// would refuse such a delivery for ever, as busy.
func (l Limits) minConcurrentSize() int64 {
	body := max(l.BodySize, l.DecompressedBodySize)
	// What cannot be decoded is held as it came.
	largest := body + max(body, l.DeliverySize)
	// One source gets shareFactor parts of what it leaves free.
	return largest + (largest+shareFactor-1)/shareFactor
}

// Validate returns an error that names every argument which is out of its range.
func (l Limits) Validate() error {
	err := errors.Join(
		inRange("limits.body_size", l.BodySize, 64*kib, gib),
		inRange("limits.decompressed_body_size", l.DecompressedBodySize, 64*kib, gib),
		inRange("limits.records", int64(l.Records), 1, 1_000_000),
		inRange("limits.record_size", l.RecordSize, kib, gib),
		inRange("limits.delivery_size", l.DeliverySize, 64*kib, 16*gib),
		inRange("limits.concurrent_size", l.ConcurrentSize, 64*kib, 1024*gib),
	)
	if err != nil {
		return err
	}
	if l.DeliverySize < l.RecordSize {
		return fmt.Errorf("limits.delivery_size must be at least limits.record_size, %d bytes, and is %d: raise it, or lower limits.record_size",
			l.RecordSize, l.DeliverySize)
	}
	if least := l.minConcurrentSize(); l.ConcurrentSize < least {
		return fmt.Errorf("limits.concurrent_size must be at least %d bytes, 5/4 of the larger body size plus the larger of that and limits.delivery_size, and is %d: "+
			"raise it, or lower those", least, l.ConcurrentSize)
	}
	return nil
}

func inRange(argument string, value, least, most int64) error {
	if value < least || value > most {
		return fmt.Errorf("%s must be between %d and %d, and is %d: set one in that range, or leave it out for the default",
			argument, least, most, value)
	}
	return nil
}
