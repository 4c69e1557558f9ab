package writesync

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/grafana/loki/pkg/push"

	"github.com/grafana/alloy/internal/component/common/loki"

	"github.com/grafana/alloy/eks/internal/lokipush"
	"github.com/grafana/alloy/eks/internal/receiver"
)

// The structured metadata of entries that go to dead_letter.
const (
	metadataRefused   = "refused"    // Why.
	metadataRefusedBy = "refused_by" // The endpoint.
)

// deadLetterTimeout bounds the hand-over to receivers that may be gone: an update
// of the arguments waits for it.
const deadLetterTimeout = 10 * time.Second

// deadLetter takes the entries that an endpoint takes in no form. It is safe for
// concurrent use.
type deadLetter struct {
	metrics *metrics
	others  *loki.Fanout // Those that are no acceptors.

	mut       sync.RWMutex
	acceptors []receiver.Acceptor
	any       bool // Whether there is a receiver at all.
}

func (d *deadLetter) update(receivers []loki.LogsReceiver) {
	var acceptors []receiver.Acceptor
	var others []loki.LogsReceiver
	for _, r := range receivers {
		if a, ok := r.(receiver.Acceptor); ok {
			acceptors = append(acceptors, a)
		} else {
			others = append(others, r)
		}
	}
	d.others.UpdateChildren(others)
	d.mut.Lock()
	defer d.mut.Unlock()
	d.acceptors, d.any = acceptors, len(receivers) > 0
}

// take reports whether there is anybody who has taken the entries. Its error is
// that they could not be handed over.
func (d *deadLetter) take(ctx context.Context, endpoint string, refused []lokipush.Refused) (bool, error) {
	d.mut.RLock()
	acceptors, some := d.acceptors, d.any
	d.mut.RUnlock()
	if !some {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, deadLetterTimeout)
	defer cancel()
	entries := make([]loki.Entry, len(refused))
	for i, r := range refused {
		entries[i] = r.Entry
		entries[i].StructuredMetadata = append(slices.Clone(r.Entry.StructuredMetadata),
			push.LabelAdapter{Name: metadataRefused, Value: string(r.Reason)}, push.LabelAdapter{Name: metadataRefusedBy, Value: endpoint})
	}
	for _, a := range acceptors {
		if err := a.Accept(ctx, entries); err != nil {
			return false, fmt.Errorf("cannot hand over to dead_letter: %w", err)
		}
	}
	if err := d.others.SendBatch(ctx, entries); err != nil {
		return false, fmt.Errorf("cannot hand over to dead_letter: %w", err)
	}
	d.metrics.deadLetter.Add(float64(len(entries)))
	return true, nil
}
