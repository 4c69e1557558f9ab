package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/grafana/alloy/eks/internal/backup"
	"github.com/grafana/alloy/eks/internal/standin"
)

// redrive delivers what a backup holds, one delivery after the other: a line that
// was cut in pieces is put together from deliveries in their order.
type redrive struct {
	bucket    bucket
	form      backup.Form
	sender    *standin.Sender
	journal   *journal
	limits    []limit
	most      int64 // Bytes of data in a delivery; 0 for what was one.
	keepGoing bool
	dryRun    bool
	report    *redriveReport

	spare *standin.Delivery
}

// run delivers all objects. That some records cannot be read is no error but stands
// in the report.
func (r *redrive) run(ctx context.Context) error {
	objects, err := r.bucket.list(ctx)
	if err != nil {
		return err
	}
	if len(objects) == 0 {
		return fmt.Errorf("there is nothing in %s", r.bucket)
	}
	r.report.listed(objects)
	for _, o := range objects {
		if r.journal.hasObject(o.Key) {
			r.report.skipped(o)
			continue
		}
		if err := r.object(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// object delivers one object.
func (r *redrive) object(ctx context.Context, o object) (err error) {
	content, err := r.bucket.open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	b := &batch{redrive: r, object: o, whole: true}
	records := backup.NewReader(content, o.Size, r.form)
	for records.Next() {
		rec := records.Record()
		switch {
		case rec.Err != nil:
			b.whole = false
			r.report.unreadable(o, rec.Index, rec.Err)
		case r.journal.has(o.Key, rec.Index):
			r.report.skippedRecord()
		default:
			if err := b.add(ctx, rec); err != nil {
				return err
			}
		}
	}
	if err := b.flush(ctx); err != nil {
		return err
	}
	if err := records.Err(); err != nil {
		b.whole = false
		r.report.unreadable(o, -1, err)
	}
	if b.whole && !r.dryRun {
		err = r.journal.finished(o.Key)
	}
	r.report.read(o)
	return err
}

// batch is the delivery that is being filled.
type batch struct {
	redrive *redrive
	object  object
	whole   bool // All of the object was read and accepted so far.

	open    *standin.Delivery
	attempt backup.Attempt
	span    span
	newest  time.Time
}

// add adds a record, after what is no delivery with it has been delivered.
func (b *batch) add(ctx context.Context, rec backup.Record) error {
	if b.open != nil && !b.belongs(rec) {
		if err := b.flush(ctx); err != nil {
			return err
		}
	}
	if b.open == nil {
		b.begin(rec)
	}
	arrived := rec.Arrived
	if arrived.IsZero() {
		arrived = b.object.time()
	}
	err := b.open.Add(rec.Data, arrived)
	if errors.Is(err, standin.ErrDeliveryFull) && b.open.Records() > 0 {
		if err = b.flush(ctx); err == nil {
			b.begin(rec)
			err = b.open.Add(rec.Data, arrived)
		}
	}
	if err != nil {
		return err
	}
	b.span.To = rec.Index + 1
	if arrived.After(b.newest) {
		b.newest = arrived
	}
	b.redrive.report.found(rec, arrived)
	return nil
}

// belongs tells whether a record goes into the open delivery: if it failed with it,
// stands behind it, and fits.
func (b *batch) belongs(rec backup.Record) bool {
	most := b.redrive.most
	return rec.Attempt == b.attempt && rec.Index == b.span.To &&
		(most == 0 || b.open.RawBytes()+int64(len(rec.Data)) <= most)
}

func (b *batch) begin(rec backup.Record) {
	if b.open = b.redrive.spare; b.open != nil {
		b.open.Reset()
	} else {
		b.open = b.redrive.sender.NewDelivery()
	}
	b.redrive.spare = b.open
	b.attempt, b.newest = rec.Attempt, time.Time{}
	b.span = span{From: rec.Index, To: rec.Index}
}

// flush delivers the open delivery.
func (b *batch) flush(ctx context.Context) error {
	d, r := b.open, b.redrive
	if d == nil {
		return nil
	}
	b.open = nil
	// The same records make the same request, whoever sends it when.
	id := sha256.Sum256([]byte(b.object.Key + "\x00" + strconv.Itoa(b.span.From)))
	d.Stamp([16]byte(id[:]), b.newest)
	if r.dryRun {
		r.report.delivered(d.Records())
		return ctx.Err()
	}
	for _, l := range r.limits {
		if err := l.wait(ctx, d); err != nil {
			return err
		}
	}
	result := r.sender.Deliver(ctx, d)
	r.report.attempted(result)
	if result.Err != nil {
		return result.Err
	}
	if result.Outcome == standin.Accepted {
		return r.journal.accepted(b.object.Key, b.span)
	}
	b.whole = false
	last := result.Attempts[len(result.Attempts)-1]
	err := fmt.Errorf("records %d to %d of %.256q were not accepted: %.1024s", b.span.From, b.span.To-1, b.object.Key, last.Message)
	if r.keepGoing {
		r.report.refused(err)
		return nil
	}
	return err
}
