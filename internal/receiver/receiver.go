// Package receiver is what the components that receive logs from Firehose have in
// common: the order of the stages, the hand-off, metrics and debug information. A
// component brings its arguments and a Parser.
//
// A delivery goes one way, and nothing comes back but the verdict:
//
//	endpoint.Endpoint  the server, keys and limits, what is counted of deliveries
//	firehose.Handler   admits the request, checks its envelope, walks its records
//	record.Decoder     base64 and compression
//	Parser             bytes to events: kubelog for containers
//	lokientry.Builder  events to entries: labels, time, metadata, own memory
//	handoff            to forward_to, from the handler itself
//
// The request is answered 200 when every receiver has taken every entry, and 503
// when that did not come about in time or the component stops: there is no queue
// in between in which an acknowledged delivery could be lost.
package receiver

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"

	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/component/common/loki"
	fnet "github.com/grafana/alloy/internal/component/common/net"
	"github.com/grafana/alloy/internal/runtime/logging/level"

	"github.com/grafana/alloy/eks/internal/endpoint"
	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/firehose"
	"github.com/grafana/alloy/eks/internal/lokientry"
	"github.com/grafana/alloy/eks/internal/record"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

// Parser turns the records of one delivery after another into events. It is used
// by one goroutine at a time.
type Parser interface {
	// Reset begins a delivery that Firehose stamped with that time, 0 when it
	// did not. delivery goes with events that the parser keeps for longer.
	Reset(firehose int64, delivery any)
	// Parse appends the events of a record. They are good until the next call.
	Parse(dst []event.Event, rec []byte) []event.Event
	// Flush ends the delivery and appends what was still waiting for more.
	Flush(dst []event.Event, now time.Time) []event.Event
	// Settle tells that all of the delivery's events have been handed over. A
	// delivery that is not settled leaves nothing behind.
	Settle(now time.Time)
	// AppendCounts appends what has been met since Reset, a number for each of
	// Kind.Counters.
	AppendCounts(dst []int) []int
}

// Kind is what sets the receivers of one component apart from those of others.
type Kind struct {
	// Namespace begins the names of the metrics.
	Namespace string
	// Counters are what the parsers count beside events.
	Counters []Counter
	// Keeps is set when the parsers may keep events beyond their delivery.
	Keeps bool
}

// Counter is the metric of something that parsers count.
type Counter struct {
	// Name is the metric's, without the namespace.
	Name string
	// Help says what is counted.
	Help string
}

// ControlMessages counts the records by which CloudWatch Logs looks whether
// anybody is there.
var ControlMessages = Counter{Name: "control_messages_total", Help: "Probes of CloudWatch Logs, which carry no log."}

// Leftovers hands out events that a parser kept beyond their delivery.
type Leftovers interface {
	// Expired returns those that have waited long enough, or all of them.
	Expired(now time.Time, all bool) []Leftover
}

// Leftover is an event that outlived its delivery.
type Leftover struct {
	Event event.Event
	// Delivery is what Parser.Reset was given.
	Delivery any
}

// Config is what a Receiver does. It is not changed after it has been given to
// Update.
type Config struct {
	// Server is nil when nothing is to listen.
	Server    *fnet.ServerConfig
	Firehose  firehose.Config
	Record    record.Limits
	ForwardTo []loki.LogsReceiver

	NewParser func() Parser
	// Leftovers is nil when the parser keeps nothing.
	Leftovers Leftovers
	// Intake is nil when entries of other components are not taken. It does not
	// come and go in a Receiver's life.
	Intake  *Intake
	Streams *lokientry.Streams
	Policy  *timestamp.Policy
	// Remembered returns how many sources the parsers remember.
	Remembered func() int
}

// Receiver receives deliveries as its Config says. Create it with New.
type Receiver struct {
	logger  log.Logger
	metrics *metrics
	debug   *debug
	live    *live

	handoff  *handoff
	entries  loki.LogsReceiver // Of other components.
	endpoint *endpoint.Endpoint
	pipeline atomic.Pointer[pipeline]

	mut sync.Mutex // One Update at a time, and none while everything stops.
}

// New returns a Receiver that listens nowhere yet: call Update, then Run.
func New(opts component.Options, kind Kind) *Receiver {
	r := &Receiver{
		logger:  opts.Logger,
		debug:   newDebug(),
		live:    newLive(opts),
		handoff: newHandoff(),
		entries: loki.NewLogsReceiver(loki.WithComponentID(opts.ID)),
	}
	r.endpoint = endpoint.New(opts, kind.Namespace, r)
	r.metrics = newMetrics(kind, opts.Registerer, r.endpoint.Bytes("line"), r.remembered)
	return r
}

// Update puts a configuration into force. Requests under way finish with the one
// they began with; the server restarts only if its own part has changed. When it
// cannot listen, the error says so, and the next Update tries again.
func (r *Receiver) Update(cfg Config) error {
	r.mut.Lock()
	defer r.mut.Unlock()
	if err := cfg.Firehose.Validate(); err != nil {
		return err
	}
	r.handoff.update(cfg.ForwardTo)
	r.pipeline.Store(newPipeline(cfg)) // Before the first delivery comes.
	return r.endpoint.Update(cfg.Server, cfg.Firehose)
}

// Address returns where the receiver listens; empty when it does not.
func (r *Receiver) Address() string { return r.endpoint.Address() }

// leftoverInterval is how often events that outlived their delivery are looked
// at: often against the seconds that they may wait, rarely against the work.
const leftoverInterval = 250 * time.Millisecond

// Run serves until ctx ends. Deliveries that are then under way are answered
// 503, so that Firehose keeps them.
func (r *Receiver) Run(ctx context.Context) error {
	var taking sync.WaitGroup
	defer taking.Wait()
	taking.Go(func() { r.takeEntries(ctx) })
	ticker := time.NewTicker(leftoverInterval)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			r.sendLeftovers(ctx, now, false)
		case <-ctx.Done():
			r.endpoint.Stop()
			r.mut.Lock()
			defer r.mut.Unlock()
			r.lastLeftovers()
			return nil
		}
	}
}

// lastLeftoverTimeout bounds the attempt to hand over, while everything stops,
// what has been acknowledged but not handed over.
const lastLeftoverTimeout = 2 * time.Second

func (r *Receiver) lastLeftovers() {
	ctx, cancel := context.WithTimeout(context.Background(), lastLeftoverTimeout)
	defer cancel()
	r.sendLeftovers(ctx, time.Now(), true)
}

// sendLeftovers hands over events that no later delivery completed.
func (r *Receiver) sendLeftovers(ctx context.Context, now time.Time, all bool) {
	p := r.pipeline.Load()
	if p == nil || p.cfg.Leftovers == nil {
		return
	}
	for _, left := range p.cfg.Leftovers.Expired(now, all) {
		d, ok := left.Delivery.(*lokientry.Delivery)
		if !ok {
			continue
		}
		r.sendLeftover(ctx, p, d, &left.Event, now)
	}
}

func (r *Receiver) sendLeftover(ctx context.Context, p *pipeline, d *lokientry.Delivery, ev *event.Event, now time.Time) {
	w := p.get()
	defer p.put(w)
	w.builder.Reset(d, now)
	w.append(ev)
	if err := r.handoff.all.SendBatch(ctx, w.builder.Entries()); err != nil {
		level.Error(r.logger).Log("msg", "lost the beginning of a line that waited for its end", "err", err)
		r.metrics.fragmentsLost.Inc()
		return
	}
	r.metrics.count(w)
	r.debug.handedOver(w.builder.Counts())
}

func (r *Receiver) remembered() float64 {
	p := r.pipeline.Load()
	if p == nil {
		return 0
	}
	return float64(p.cfg.Remembered())
}
