package firehose

import "context"

// Delivery is one HTTP request of Firehose that has been let in and read. It and
// what it gives are valid until Deliver returns; the strings may be kept.
type Delivery struct {
	// RequestID is the id that Firehose gives to a batch of records, and, with its
	// best effort, to every further attempt to deliver the same batch.
	RequestID string
	// Source is the stream that the delivery comes from.
	Source SourceARN
	// Tenant is the header X-Scope-OrgID, which a proxy adds; empty when there is
	// none. It is a valid tenant id of Loki.
	Tenant string
	// Attributes are the common attributes of the stream, sorted by name.
	Attributes []Attribute
	// Timestamp is when Firehose made the request, in nanoseconds since the epoch;
	// 0 when it does not say.
	Timestamp int64
	// Size is the length of the envelope in bytes, decompressed.
	Size int

	envelope *Envelope
	lease    *lease
	limit    int64
	credit   int64
}

// NewDelivery returns the delivery of an envelope that did not come by HTTP. Its
// fields are those that the envelope knows, and Reserve grants everything.
func NewDelivery(e *Envelope) *Delivery {
	id, _ := e.RequestID()
	return &Delivery{RequestID: string(id), Timestamp: e.Timestamp(), Size: len(e.body), envelope: e}
}

// Records returns the walk over the delivery's records. There is one for each
// delivery: it does not start anew.
func (d *Delivery) Records() *Envelope { return d.envelope }

// reserveStep is how much is reserved at a time, so that a Deliverer may call
// Reserve for each record.
const reserveStep = 256 << 10

// Reserve counts size bytes more among those that deliveries in flight may hold,
// until Deliver returns. A Deliverer calls it for what it is going to hold because
// of the delivery; the body is counted already. It returns an *Error, to be
// returned from Deliver, when that would be too much. It is not safe for
// concurrent use.
func (d *Delivery) Reserve(size int) error {
	if d.credit -= int64(size); d.credit >= 0 || d.lease == nil {
		return nil
	}
	step := max(-d.credit, reserveStep)
	if !d.lease.grow(step, d.limit) {
		return errBusy()
	}
	d.credit += step
	return nil
}

// Deliverer takes the deliveries that the handler lets in.
//
// Deliver returns nil when every record has been handed over: Firehose then
// forgets them. It returns an *Error to say itself what Firehose is told; any
// other error becomes a 503. It must return soon after ctx has ended, and it must
// not keep d or what d gives. It is called from many goroutines at once.
type Deliverer interface {
	Deliver(ctx context.Context, d *Delivery) error
}
