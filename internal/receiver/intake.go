package receiver

import (
	"context"
	"time"

	"github.com/prometheus/common/model"

	"github.com/grafana/alloy/internal/component/common/loki"
	"github.com/grafana/alloy/internal/runtime/logging/level"

	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/lokientry"
)

// EntryParser is a Parser that also takes the entries of other components: one
// after the other for as long as it lives, with no Reset in between.
type EntryParser interface {
	Parser
	// ParseEntry appends the events of an entry. They are good until the next
	// call.
	ParseEntry(dst []event.Event, e *loki.Entry) []event.Event
}

// Intake takes entries of other components of Alloy, as one that exports a
// receiver.
type Intake struct {
	// NewParser returns the parser of entries.
	NewParser func() EntryParser
	// Describe returns what the labels of an entry say of all its events.
	Describe func(model.LabelSet) *lokientry.Delivery
}

// maxDescribed is how many label sets of entries are remembered: sources give
// the same few to all of theirs.
const maxDescribed = 1000

// intake is an Intake at work. It belongs to one goroutine.
type intake struct {
	pipeline  *pipeline
	parser    EntryParser
	worker    *worker
	described map[model.Fingerprint]described
	before    []int // What the parser had met before the entry at hand.
}

type described struct {
	labels   model.LabelSet
	delivery *lokientry.Delivery
}

// Entries returns where other components send entries. Without Config.Intake
// nobody reads from it.
func (r *Receiver) Entries() loki.LogsReceiver { return r.entries }

// takeEntries turns the entries of other components into ours, until ctx ends.
// An entry that is taken is handed over, in its order, before the next one is.
func (r *Receiver) takeEntries(ctx context.Context) {
	var in intake
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-r.entries.Chan():
			r.takeEntry(ctx, &in, &e)
		}
	}
}

func (r *Receiver) takeEntry(ctx context.Context, in *intake, e *loki.Entry) {
	in.use(r.pipeline.Load())
	if in.parser == nil {
		level.Error(r.logger).Log("msg", "BUG: lost an entry that no parser takes; please report it")
		return
	}
	in.read(e)
	w := in.worker
	if !r.sendEntries(ctx, w.builder.Entries()) {
		level.Error(r.logger).Log("msg", "lost an entry of another component while stopping")
		return
	}
	r.live.publish(w.builder.Entries())
	r.metrics.count(w)
	r.metrics.countParsed(w.counts)
	r.debug.handedOver(w.builder.Counts())
}

// sendEntries hands entries over. Those at hand when everything stops get a last
// chance: nobody else has them any more.
func (r *Receiver) sendEntries(ctx context.Context, entries []loki.Entry) bool {
	for i, e := range entries {
		if r.handoff.all.Send(ctx, e) != nil {
			last, cancel := context.WithTimeout(context.Background(), lastLeftoverTimeout)
			defer cancel()
			return r.handoff.all.SendBatch(last, entries[i:]) == nil
		}
	}
	return true
}

// use turns to a configuration. The parser, which knows the lines before, lives
// as long as that does.
func (in *intake) use(p *pipeline) {
	if p == nil || in.pipeline == p {
		return
	}
	*in = intake{pipeline: p, described: map[model.Fingerprint]described{}}
	if p.cfg.Intake == nil {
		return
	}
	in.parser = p.cfg.Intake.NewParser()
	in.worker = &worker{parser: in.parser, builder: lokientry.NewBuilder(p.cfg.Streams, p.cfg.Policy)}
}

// read makes the entries of one entry. They are in the worker, like what was met.
func (in *intake) read(e *loki.Entry) {
	w := in.worker
	w.delays = w.delays[:0]
	w.builder.Continue(in.describe(e.Labels), time.Now())
	w.builder.With(e.StructuredMetadata)
	w.events = in.parser.ParseEntry(w.events[:0], e)
	w.appendAll()
	in.count()
}

// count leaves in the worker what the parser has met in this entry.
func (in *intake) count() {
	w := in.worker
	w.counts = w.parser.AppendCounts(w.counts[:0])
	for i, n := range w.counts {
		if i == len(in.before) {
			in.before = append(in.before, 0)
		}
		w.counts[i], in.before[i] = n-in.before[i], n
	}
}

func (in *intake) describe(labels model.LabelSet) *lokientry.Delivery {
	key := labels.FastFingerprint()
	if d, ok := in.described[key]; ok && d.labels.Equal(labels) {
		return d.delivery
	}
	if len(in.described) >= maxDescribed {
		clear(in.described)
	}
	d := in.pipeline.cfg.Intake.Describe(labels)
	in.pipeline.cfg.Streams.Seal(d)
	in.described[key] = described{labels.Clone(), d}
	return d
}
