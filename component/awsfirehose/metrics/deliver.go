package metrics

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"github.com/grafana/alloy/internal/runtime/logging/level"

	"github.com/grafana/alloy/eks/internal/endpoint"
	"github.com/grafana/alloy/eks/internal/firehose"
	"github.com/grafana/alloy/eks/internal/metricstream"
	"github.com/grafana/alloy/eks/internal/record"
)

// worker is what one delivery needs to itself.
type worker struct {
	records endpoint.Records
	parser  metricstream.Parser
	scratch []byte
	tally   tally
}

// Deliver implements firehose.Deliverer: it turns a delivery into samples, and
// returns nil when the receivers have committed to them.
func (c *Component) Deliver(ctx context.Context, d *firehose.Delivery) error {
	p := c.pipeline.Load()
	w := p.workers.Get().(*worker)
	err := c.deliver(ctx, p, w, d)
	w.records.Reset(nil, p.limits)
	w.parser.Reset(nil)
	p.workers.Put(w) // Not deferred: what a panic leaves behind is not used again.
	return err
}

func (c *Component) deliver(ctx context.Context, p *pipeline, w *worker, d *firehose.Delivery) error {
	w.records.Reset(d, p.limits)
	w.tally.reset()
	appender := c.fanout.Appender(ctx)
	err := c.append(ctx, p, w, d, appender)
	if err == nil {
		err = ctx.Err() // Whoever is told of a failure should not find the samples.
	}
	if err != nil {
		return errors.Join(err, appender.Rollback())
	}
	if err := appender.Commit(); err != nil {
		return fmt.Errorf("cannot commit samples: %w", err)
	}
	c.counters.count(&w.tally)
	return nil
}

// append appends the samples of a delivery.
func (c *Component) append(ctx context.Context, p *pipeline, w *worker, d *firehose.Delivery, to storage.Appender) error {
	now := time.Now()
	for w.records.Next() {
		if err := w.records.Flaw(); err != nil {
			c.flawed(w, flaw(err), w.records.Raw())
		}
		for w.parser.Reset(w.records.Data()); w.parser.Next(); {
			if flaw := w.parser.Flaw(); flaw != "" {
				c.flawed(w, string(flaw), w.parser.Part())
				continue
			}
			if err := ctx.Err(); err != nil {
				return err // A record can have more new series than there is time for.
			}
			if err := w.appendDatum(p.namer, d, to, now); err != nil {
				return err
			}
			if w.parser.Datum().Millis <= c.started {
				w.tally.early += len(w.parser.Datum().Statistics)
			}
		}
	}
	return w.records.Err()
}

// sampleSize is what an appender holds of a sample until it commits, about, in
// bytes.
const sampleSize = 64

// appendDatum appends the samples of a datum.
func (w *worker) appendDatum(namer *metricstream.Namer, d *firehose.Delivery, to storage.Appender, now time.Time) error {
	datum := w.parser.Datum()
	series, fresh, scratch := namer.Series(datum, w.scratch)
	w.scratch = scratch
	if err := d.Reserve(fresh + len(series)*sampleSize); err != nil {
		return err
	}
	w.tally.data[w.parser.Format()]++
	w.tally.delays = append(w.tally.delays, now.Sub(time.UnixMilli(datum.Millis)))
	for i, s := range datum.Statistics {
		if err := w.appendSample(series[i], datum.Millis, s.Value, to); err != nil {
			return err
		}
	}
	return nil
}

// appendSample appends a sample. One that is refused for what it is would be
// refused for ever: it is counted, and is no failure.
func (w *worker) appendSample(series labels.Labels, millis int64, value float64, to storage.Appender) error {
	if series.IsEmpty() {
		w.tally.rejected[reasonDuplicate]++
		return nil
	}
	_, err := to.Append(0, series, millis, value)
	if err == nil {
		w.tally.forwarded++
		return nil
	}
	reason := rejection(err)
	if reason == "" {
		return fmt.Errorf("cannot append a sample: %w", err)
	}
	w.tally.rejected[reason]++
	return nil
}

// maxLogged bounds the parts of one delivery that are logged: a record can have
// millions that cannot be read, and to be asked whether to log each takes longer than
// to read it.
const maxLogged = 100

// flawed notes what could not be read. Its text is for those who debug.
func (c *Component) flawed(w *worker, reason string, part []byte) {
	w.tally.flaws[reason]++
	if w.tally.logged++; w.tally.logged > maxLogged {
		return
	}
	level.Debug(c.logger).Log("msg", "cannot read a part of a record", "reason", reason, "part", quoted(part))
}

// maxShown bounds, in bytes, what is shown of a part that could not be read: a line
// of JSON fits.
const maxShown = 4 << 10

// quoted is text that is quoted when somebody reads it.
type quoted []byte

// String implements fmt.Stringer.
func (q quoted) String() string { return strconv.Quote(string(q[:min(len(q), maxShown)])) }

// The reasons for which a record cannot be decoded. The words are those of the
// components that receive logs.
const (
	flawNoData      = "no_data"
	flawBase64      = "base64"
	flawCompression = "compression"
	flawTooLarge    = "too_large"
)

// flaw names the reason for which a record could not be decoded.
func flaw(err error) string {
	switch {
	case errors.Is(err, firehose.ErrNoData):
		return flawNoData
	case errors.Is(err, record.ErrBase64):
		return flawBase64
	case errors.Is(err, record.ErrTooLarge):
		return flawTooLarge
	}
	return flawCompression
}

// flaws returns all reasons for which something cannot be read.
func flaws() []string {
	all := []string{flawNoData, flawBase64, flawCompression, flawTooLarge}
	for _, f := range metricstream.Flaws() {
		all = append(all, string(f))
	}
	return all
}
