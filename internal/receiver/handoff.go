package receiver

import (
	"context"
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
	acceptors []Acceptor
	others    *loki.Fanout
}

func newHandoff() *handoff {
	return &handoff{all: loki.NewFanout(nil), others: loki.NewFanout(nil)}
}

func (h *handoff) update(receivers []loki.LogsReceiver) {
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
	h.mut.Lock()
	defer h.mut.Unlock()
	h.acceptors = acceptors
}

// deliver returns nil when every receiver has the entries. Those that can refuse
// them are asked first: a delivery that is refused comes once more, and the
// others would have it twice.
func (h *handoff) deliver(ctx context.Context, entries []loki.Entry) error {
	h.mut.RLock()
	acceptors := h.acceptors
	h.mut.RUnlock()
	if len(acceptors) == 1 {
		if err := acceptors[0].Accept(ctx, entries); err != nil {
			return err
		}
	}
	if len(acceptors) > 1 {
		group, ctx := errgroup.WithContext(ctx)
		for _, a := range acceptors {
			group.Go(func() error { return a.Accept(ctx, entries) })
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return h.others.SendBatch(ctx, entries)
}
