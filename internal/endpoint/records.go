package endpoint

import (
	"errors"

	"github.com/grafana/alloy/eks/internal/firehose"
	"github.com/grafana/alloy/eks/internal/record"
)

// Records walks over the records of one delivery after another, and decodes them.
// It keeps its memory from one delivery to the next. The zero value is ready after
// a call of Reset. It is not safe for concurrent use.
type Records struct {
	limits   record.Limits
	decoder  record.Decoder
	envelope *firehose.Envelope
	data     []byte
	flaw     error
	err      error
}

// Reset begins a delivery. What the decoder holds counts among what all deliveries
// hold. With a nil delivery it lets the last one go, before it is kept in a pool.
func (r *Records) Reset(d *firehose.Delivery, limits record.Limits) {
	r.envelope = nil
	if d != nil {
		limits.Reserve = d.Reserve
		r.envelope = d.Records()
	}
	r.limits = limits
	r.decoder.Reset(limits)
	r.data, r.flaw, r.err = nil, nil, nil
}

// Next goes to the next record. It returns false at the end of the delivery, and
// when Err is not nil.
func (r *Records) Next() bool {
	if r.err != nil || !r.envelope.Next() {
		return false
	}
	r.data = nil
	if r.flaw = r.envelope.Err(); r.flaw != nil {
		return true
	}
	r.data, r.flaw = r.decoder.Decode(r.envelope.Data())
	r.err = r.forDelivery(r.flaw)
	return r.err == nil
}

// Data returns what the record holds. Of one with a flaw it is what could be
// decoded beyond doubt. It is good until the next call of Next.
func (r *Records) Data() []byte { return r.data }

// Flaw returns why the record could not be decoded: an error of the package record,
// or firehose.ErrNoData.
func (r *Records) Flaw() error { return r.flaw }

// Raw returns the record as it came.
func (r *Records) Raw() []byte { return r.envelope.Data() }

// Err returns why the whole delivery is refused, an error to be returned from
// Deliver: it is too large for ever, or no memory is left for it now.
func (r *Records) Err() error { return r.err }

// forDelivery returns the error for the whole delivery that one of a record is.
func (r *Records) forDelivery(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, record.ErrDeliveryTooLarge) {
		return firehose.NewDeliverySizeError(int64(r.limits.DeliverySize))
	}
	var refusal *firehose.Error
	if errors.As(err, &refusal) {
		return err
	}
	return nil
}
