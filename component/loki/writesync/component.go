// Package writesync is the component loki.write_sync: it writes log entries to
// Loki as loki.write does, and tells components that ask what has become of them.
// README.md beside this file is its documentation.
package writesync

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"time"

	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/component/common/loki"
	"github.com/grafana/alloy/internal/featuregate"

	"github.com/grafana/alloy/eks/internal/lokipush"
	"github.com/grafana/alloy/eks/internal/receiver"
)

// Name is the component's name in configurations.
const Name = "loki.write_sync"

// namespace begins the names of the metrics.
const namespace = "loki_write_sync"

func init() {
	component.Register(component.Registration{
		Name:      Name,
		Stability: featuregate.StabilityGenerallyAvailable,
		Args:      Arguments{},
		Exports:   Exports{},
		Build: func(opts component.Options, args component.Arguments) (component.Component, error) {
			return New(opts, args.(Arguments))
		},
	})
}

// Exports are what other components get.
type Exports struct {
	// Receiver takes entries, through its channel one by one, or, by
	// receiver.Acceptor, many at once with an answer.
	Receiver loki.LogsReceiver `alloy:"receiver,attr"`
}

var (
	_ component.Component       = (*Component)(nil)
	_ component.DebugComponent  = (*Component)(nil)
	_ component.HealthComponent = (*Component)(nil)
	_ receiver.Acceptor         = (*entrance)(nil)
)

// Component is one loki.write_sync block at work.
type Component struct {
	opts       component.Options
	entrance   *entrance
	pushes     *lokipush.Metrics
	metrics    *metrics
	deadLetter *deadLetter

	mut    sync.RWMutex
	args   Arguments
	writer *writer

	stopped context.Context
	stop    context.CancelCauseFunc
}

// New returns a component that accepts entries. It fails when an endpoint cannot
// be made.
func New(opts component.Options, args Arguments) (*Component, error) {
	c := &Component{
		opts:    opts,
		pushes:  lokipush.NewMetrics(namespace, opts.Registerer),
		metrics: newMetrics(opts.Registerer),
	}
	c.stopped, c.stop = context.WithCancelCause(context.Background())
	c.deadLetter = &deadLetter{metrics: c.metrics, others: loki.NewFanout(nil)}
	c.entrance = newEntrance(opts.ID, c.accept)
	if err := c.Update(args); err != nil {
		return nil, err
	}
	opts.OnStateChange(Exports{Receiver: c.entrance})
	return c, nil
}

// Update implements component.Component. What is under way ends as it began.
func (c *Component) Update(args component.Arguments) error {
	next := args.(Arguments)
	if err := next.checkStability(&c.opts); err != nil {
		return err
	}
	if err := c.replaceWriter(&next); err != nil {
		return err
	}
	c.deadLetter.update(next.DeadLetter)
	return nil
}

// replaceWriter puts the arguments into force, without a new writer when it would
// be the same.
func (c *Component) replaceWriter(next *Arguments) error {
	c.mut.Lock()
	defer c.mut.Unlock()
	if c.writer == nil || !c.args.samePushes(next) {
		w, err := newWriter(next, c.pushes, c.deadLetter, c.opts.Logger)
		if err != nil {
			return err
		}
		if c.writer != nil {
			c.writer.retire()
		}
		c.writer = w
	}
	c.args = *next
	return nil
}

// samePushes reports whether nothing differs but where refused entries go.
func (a *Arguments) samePushes(b *Arguments) bool {
	x, y := *a, *b
	x.DeadLetter, y.DeadLetter = nil, nil
	return reflect.DeepEqual(x, y)
}

// use returns the writer of now, which is not closed before done has been called.
func (c *Component) use() (w *writer, done func()) {
	c.mut.RLock()
	defer c.mut.RUnlock()
	w = c.writer
	w.users.Add(1)
	return w, w.done
}

// errStopping is returned for entries that come while the component stops, or
// that were under way then.
var errStopping = errors.New("loki.write_sync is stopping")

// accept pushes the entries of one delivery.
func (c *Component) accept(ctx context.Context, entries []loki.Entry) error {
	began := time.Now()
	err := c.push(ctx, entries)
	c.metrics.answered(err, began)
	return err
}

func (c *Component) push(ctx context.Context, entries []loki.Entry) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.stopped, func() { cancel(errStopping) })()
	if c.stopped.Err() != nil {
		return errStopping
	}
	w, done := c.use()
	defer done()
	if err := w.push(ctx, entries); err != nil {
		if c.stopped.Err() != nil {
			return errStopping
		}
		return err
	}
	return nil
}
