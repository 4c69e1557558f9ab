package receiver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"

	"github.com/grafana/alloy/eks/internal/endpoint"
	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/firehose"
	"github.com/grafana/alloy/eks/internal/lokientry"
	"github.com/grafana/alloy/eks/internal/record"
)

// pipeline is one configuration at work.
type pipeline struct {
	cfg     Config
	workers sync.Pool
}

// worker is what one delivery needs to itself.
type worker struct {
	records endpoint.Records
	parser  Parser
	builder *lokientry.Builder
	events  []event.Event
	delays  []time.Duration
	counts  []int
	toll    toll
}

func newPipeline(cfg Config) *pipeline {
	p := &pipeline{cfg: cfg}
	p.workers.New = func() any {
		return &worker{parser: cfg.NewParser(), builder: lokientry.NewBuilder(cfg.Streams, cfg.Policy)}
	}
	return p
}

func (p *pipeline) get() *worker { return p.workers.Get().(*worker) }

func (p *pipeline) put(w *worker) {
	clear(w.events[:cap(w.events)]) // Nothing of a delivery outlives it here.
	w.delays = w.delays[:0]
	w.builder.Reset(nil, time.Time{})
	w.records.Reset(nil, p.cfg.Record)
	p.workers.Put(w)
}

// Deliver implements firehose.Deliverer: it turns a delivery into entries and
// hands them over.
func (r *Receiver) Deliver(ctx context.Context, d *firehose.Delivery) error {
	p := r.pipeline.Load()
	w := p.get()
	err := r.deliver(ctx, p, w, d)
	p.put(w) // Not deferred: what a panic leaves behind is not used again.
	return err
}

func (r *Receiver) deliver(ctx context.Context, p *pipeline, w *worker, d *firehose.Delivery) error {
	now := time.Now()
	shared := p.describe(d)
	w.parser.Reset(d.Timestamp, shared)
	w.builder.Reset(shared, now)
	w.builder.Grow(d.Records().Len())
	w.records.Reset(d, p.cfg.Record)
	w.toll = toll{}
	out := r.handoff.begin()
	if err := w.parse(d, p.cfg.Record, now, func() error { return r.handOverPart(ctx, &out, w) }); err != nil {
		return err
	}
	entries := w.builder.Entries()
	r.live.publish(entries)
	if err := out.finish(ctx, entries); err != nil {
		return err
	}
	w.parser.Settle(now)
	r.metrics.count(w)
	w.counts = w.parser.AppendCounts(w.counts[:0])
	r.metrics.countParsed(w.counts)
	r.debug.handedOver(w.builder.Counts())
	return nil
}

// maxHeld is how much of a delivery's lines is held, in bytes, before it is handed
// over, where that can be done in parts: a line that a stage drops or sends is then
// garbage before the whole delivery has been read.
const maxHeld = 256 << 10

// handOverPart hands over what has been read of a delivery so far, if it is enough.
func (r *Receiver) handOverPart(ctx context.Context, out *handover, w *worker) error {
	if w.builder.Held() < maxHeld || !out.inParts() {
		return nil
	}
	entries := w.builder.Take()
	r.live.publish(entries)
	if err := out.part(ctx, entries); err != nil {
		return err
	}
	return nil
}

// parse runs the records through the stages up to the entries, and calls parsed
// after each. What cannot be decoded becomes an entry with the record as it came;
// only want of memory, or an error of parsed, ends a delivery.
func (w *worker) parse(d *firehose.Delivery, limits record.Limits, now time.Time, parsed func() error) error {
	for w.records.Next() {
		data := w.records.Data()
		if len(data) > 0 {
			if err := d.Reserve(len(data)); err != nil {
				return err
			}
			w.events = w.parser.Parse(w.events[:0], data)
			if err := w.toll.pay(d, limits, len(data), len(w.events)); err != nil {
				return err
			}
			w.appendAll()
		}
		if err := w.records.Flaw(); err != nil {
			raw := w.records.Raw() // Which the entry copies.
			if err := d.Reserve(len(raw)); err != nil {
				return err
			}
			w.append(&event.Event{Flaw: flaw(err), Line: raw})
		}
		if err := parsed(); err != nil {
			return err
		}
	}
	if err := w.records.Err(); err != nil {
		return err
	}
	w.events = w.parser.Flush(w.events[:0], now)
	w.appendAll()
	return nil
}

const (
	// entrySize is what an entry takes beside its line, about, in bytes. Where lines
	// are shorter than that, it is what bounds them.
	entrySize = 256
	// freeEntries is how many of a delivery, or of a record, do not count.
	freeEntries = 1_000
)

// toll is what the entries of a delivery cost so far: a line of two bytes takes a
// hundred times as much as an entry.
type toll struct {
	entries  int
	bytes    int64 // Of records.
	reserved int64 // Beside those.
}

// pay counts the events of a record of that size. It fails when the delivery has
// more than it may, or when there is no room for them now.
func (t *toll) pay(d *firehose.Delivery, limits record.Limits, size, events int) error {
	t.entries += events
	t.bytes += int64(size)
	cost := int64(t.entries-freeEntries) * entrySize
	if cost > int64(limits.DeliverySize) {
		return &firehose.Error{Status: http.StatusBadRequest, Reason: firehose.ReasonDeliverySize, Message: fmt.Sprintf(
			"the records have too many lines, of which each counts for %d bytes of limits.delivery_size, %d bytes: raise it, "+
				"or lower the buffer size of the Firehose stream (BufferingHints.SizeInMBs)", entrySize, limits.DeliverySize)}
	}
	more := cost - t.bytes - t.reserved
	if more <= 0 {
		return nil
	}
	t.reserved += more
	return d.Reserve(int(more))
}

func (w *worker) appendAll() {
	for i := range w.events {
		w.append(&w.events[i])
	}
}

func (w *worker) append(ev *event.Event) {
	if delay, ok := w.builder.Append(ev); ok {
		w.delays = append(w.delays, delay)
	}
}

// flaw names the reason for which a record could not be decoded.
func flaw(err error) event.Flaw {
	switch {
	case errors.Is(err, firehose.ErrNoData):
		return event.FlawNoData
	case errors.Is(err, record.ErrBase64):
		return event.FlawBase64
	case errors.Is(err, record.ErrTooLarge):
		return event.FlawTooLarge
	}
	return event.FlawCompression
}

// staticPrefix begins the names of common attributes that are labels, as in
// loki.source.awsfirehose.
const staticPrefix = "lbl_"

// describe returns what the delivery says of all its entries.
func (p *pipeline) describe(d *firehose.Delivery) *lokientry.Delivery {
	out := &lokientry.Delivery{RequestID: d.RequestID, Tenant: d.Tenant, Nanos: d.Timestamp}
	add := func(name, value string) {
		if value != "" {
			out.Labels = append(out.Labels, event.Label{Name: name, Value: value})
		}
	}
	add(lokientry.LabelSourceARN, d.Source.Raw)
	add(lokientry.LabelAccountID, d.Source.Account)
	add(lokientry.LabelRegion, d.Source.Region)
	for _, a := range d.Attributes {
		add(lokientry.PrefixAttribute+labelName(a.Name), a.Value)
		if name, ok := staticName(a.Name); ok {
			out.Static = append(out.Static, event.Label{Name: name, Value: a.Value})
		}
	}
	p.cfg.Streams.Seal(out)
	return out
}

// staticName returns the label that a common attribute asks for. Internal labels
// are not for the sender to set: one of them is the tenant.
func staticName(attribute string) (name string, ok bool) {
	name, ok = strings.CutPrefix(attribute, staticPrefix)
	name = labelName(name)
	return name, ok && name != "" && !strings.HasPrefix(name, "__")
}

// labelName turns the name of an attribute into one that a label may have.
func labelName(name string) string {
	if model.LegacyValidation.IsValidLabelName(name) {
		return name
	}
	clean := []byte(name)
	for i, c := range clean {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		digit := c >= '0' && c <= '9' && i > 0
		if !letter && !digit {
			clean[i] = '_'
		}
	}
	return string(clean)
}
