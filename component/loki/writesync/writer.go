package writesync

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/common/model"

	"github.com/grafana/alloy/internal/component/common/loki"
	"github.com/grafana/alloy/internal/runtime/logging/level"

	"github.com/grafana/alloy/eks/internal/lokipush"
)

// writer is one configuration at work.
type writer struct {
	endpoints  []*lokipush.Endpoint
	hosts      []string // Of the endpoints.
	external   model.LabelSet
	deadLetter *deadLetter
	logger     log.Logger
	refusals   *limiter

	users   atomic.Int64 // How many use it.
	retired context.Context
	retire  context.CancelFunc
}

func newWriter(args *Arguments, pushes *lokipush.Metrics, d *deadLetter, logger log.Logger) (*writer, error) {
	w := &writer{
		external: args.externalLabels(), deadLetter: d, logger: logger,
		refusals: newLimiter(refusalLogInterval),
	}
	for _, cfg := range args.endpoints() {
		e, err := lokipush.NewEndpoint(cfg, pushes)
		if err != nil {
			return nil, err
		}
		w.endpoints = append(w.endpoints, e)
		w.hosts = append(w.hosts, cfg.URL.Host)
	}
	retired, cancel := context.WithCancel(context.Background())
	w.retired = retired
	w.retire = func() {
		cancel()
		w.closeUnused()
	}
	return w, nil
}

// done ends a use.
func (w *writer) done() {
	w.users.Add(-1)
	w.closeUnused()
}

// closeUnused closes the connections of a retired writer that nobody uses.
func (w *writer) closeUnused() {
	if w.retired.Err() == nil || w.users.Load() > 0 {
		return
	}
	for _, e := range w.endpoints {
		e.Close()
	}
}

// maxReserve is the time that is left for the answer to the sender.
const maxReserve = time.Second

// withReserve ends a little before ctx does: whoever asked has an answer then, and
// not only no more time.
func withReserve(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-min(maxReserve, time.Until(deadline)/10)))
}

// push returns nil when every endpoint has the entries, or a receiver of
// dead_letter has what one takes in no form. Each endpoint is pushed to until it
// has them or fails, whatever the others do: the sender repeats the whole, and an
// endpoint that works is to have the entries before the one that does not.
func (w *writer) push(ctx context.Context, entries []loki.Entry) error {
	limited, cancel := withReserve(ctx)
	defer cancel()
	b := lokipush.NewBatch(entries, w.external, time.Now())
	defer b.Release()
	refused := make([][]lokipush.Refused, len(w.endpoints))
	errs := make([]error, len(w.endpoints))
	one := func(i int) {
		before := w.endpoints[i].State().Failing
		refused[i], errs[i] = w.endpoints[i].Push(limited, b)
		w.logChange(i, before)
	}
	var others sync.WaitGroup
	for i := range w.endpoints[1:] {
		others.Go(func() { one(i + 1) })
	}
	one(0)
	others.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for i := range refused {
		if err := w.bury(ctx, i, refused[i]); err != nil {
			return err
		}
	}
	return nil
}

// logChange tells when an endpoint begins to fail, and when it works again.
func (w *writer) logChange(i int, before error) {
	e := w.endpoints[i]
	switch after := e.State().Failing; {
	case before == nil && after != nil:
		level.Warn(w.logger).Log("msg", "an endpoint does not accept entries; senders that can are told to keep them", "endpoint", e.Name(), "host", w.hosts[i], "err", after)
	case before != nil && after == nil:
		level.Info(w.logger).Log("msg", "an endpoint accepts entries again", "endpoint", e.Name(), "host", w.hosts[i])
	}
}

// bury hands over what an endpoint takes in no form.
func (w *writer) bury(ctx context.Context, endpoint int, refused []lokipush.Refused) error {
	if len(refused) == 0 {
		return nil
	}
	name := w.endpoints[endpoint].Name()
	kept, err := w.deadLetter.take(ctx, name, refused)
	if err != nil {
		return err
	}
	byReason := map[lokipush.Reason]int{}
	for _, r := range refused {
		byReason[r.Reason]++
	}
	for reason, n := range byReason {
		if total, now := w.refusals.add(name+" "+string(reason), n); now {
			level.Error(w.logger).Log("msg", "an endpoint refuses entries in every form", "endpoint", name, "reason", reason, "entries", total, "dead_letter", kept)
		}
	}
	return nil
}

// refusalLogInterval is how often the same refusal is logged.
const refusalLogInterval = time.Minute

// limiter counts what is not logged each time.
type limiter struct {
	interval time.Duration
	mut      sync.Mutex
	last     map[string]time.Time
	waiting  map[string]int
}

func newLimiter(interval time.Duration) *limiter {
	return &limiter{interval: interval, last: map[string]time.Time{}, waiting: map[string]int{}}
}

// add counts n more, and reports whether it is time to log the total.
func (l *limiter) add(what string, n int) (total int, now bool) {
	l.mut.Lock()
	defer l.mut.Unlock()
	l.waiting[what] += n
	if at := time.Now(); at.Sub(l.last[what]) >= l.interval {
		l.last[what] = at
		total, l.waiting[what] = l.waiting[what], 0
		return total, true
	}
	return 0, false
}
