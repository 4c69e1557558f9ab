package receiver

import (
	"context"
	"errors"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/grafana/alloy/internal/component/common/loki"
)

// Acceptor is a receiver that says what has become of entries, as
// loki.write_sync does. A receiver that is none has them once its channel has
// taken them.
type Acceptor interface {
	loki.LogsReceiver
	// Accept returns nil when the entries are where they are to be: they need not
	// be kept any more by whoever had them. It returns an error when ctx ends
	// before that, or when the acceptor stops; some of the entries may have
	// arrived then. It changes none of them and keeps them no longer than the
	// call lasts. It is safe for concurrent use.
	Accept(ctx context.Context, entries []loki.Entry) error
}

// handoff gives entries to the receivers of forward_to.
type handoff struct {
	// all takes entries one by one, those that nobody waits for.
	all *loki.Fanout

	mut       sync.RWMutex
	receivers []loki.LogsReceiver
	version   int // Of receivers.
	acceptors []Acceptor
	others    *loki.Fanout
}

func newHandoff() *handoff {
	return &handoff{all: loki.NewFanout(nil), others: loki.NewFanout(nil)}
}

func (h *handoff) update(receivers []loki.LogsReceiver) {
	h.mut.Lock()
	defer h.mut.Unlock()
	if slices.Equal(receivers, h.receivers) {
		return
	}
	var acceptors []Acceptor
	var others []loki.LogsReceiver
	for _, r := range receivers {
		if a, ok := r.(Acceptor); ok {
			acceptors = append(acceptors, a)
		} else {
			others = append(others, r)
		}
	}
	h.all.UpdateChildren(receivers)
	h.others.UpdateChildren(others)
	h.receivers, h.acceptors = slices.Clone(receivers), acceptors
	h.version++
}

// handover is the way of one delivery to the receivers.
type handover struct {
	*handoff
	version   int
	acceptors []Acceptor
	begun     bool
}

func (h *handoff) begin() handover {
	h.mut.RLock()
	defer h.mut.RUnlock()
	return handover{handoff: h, version: h.version, acceptors: h.acceptors}
}

// inParts reports whether entries may be handed over before all of the delivery
// are there, so that they need not be in memory together. An acceptor is to have
// all of them at once.
func (o *handover) inParts() bool { return len(o.acceptors) == 0 }

// errReceiversChanged refuses a delivery of which other receivers have a part. It
// comes once more, to those that are now.
var errReceiversChanged = errors.New("forward_to has changed while entries were handed over")

// part hands over some of the entries.
func (o *handover) part(ctx context.Context, entries []loki.Entry) error {
	o.mut.RLock()
	defer o.mut.RUnlock()
	if o.handoff.version != o.version {
		return errReceiversChanged
	}
	o.begun = true
	return o.others.SendBatch(ctx, entries)
}

// finish hands over the entries that are left, and returns nil when every receiver
// has all of them.
func (o *handover) finish(ctx context.Context, entries []loki.Entry) error {
	if !o.begun {
		*o = o.begin() // None has a part of it, so it is for those that are now.
		if err := o.accept(ctx, entries); err != nil {
			return err
		}
	}
	return o.part(ctx, entries)
}

// accept asks the receivers that can refuse the entries. They come first: a delivery
// that is refused comes once more, and the others would have it twice.
func (o *handover) accept(ctx context.Context, entries []loki.Entry) error {
	if len(o.acceptors) == 1 {
		return o.acceptors[0].Accept(ctx, entries)
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, a := range o.acceptors {
		group.Go(func() error { return a.Accept(ctx, entries) })
	}
	return group.Wait()
}
