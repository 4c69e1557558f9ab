package writesync

import (
	"context"

	"github.com/grafana/alloy/internal/component/common/loki"
)

// entrance is the exported receiver. It implements receiver.Acceptor.
type entrance struct {
	// The channel is first: Alloy compares receivers field by field, and comes no
	// further.
	entries chan loki.Entry
	id      string
	accept  func(context.Context, []loki.Entry) error
}

func newEntrance(id string, accept func(context.Context, []loki.Entry) error) *entrance {
	return &entrance{entries: make(chan loki.Entry), id: id, accept: accept}
}

// Chan implements loki.LogsReceiver. What is sent to it is pushed sometime.
func (e *entrance) Chan() chan loki.Entry { return e.entries }

// Accept implements receiver.Acceptor. Entries that it has accepted are in every
// Loki, or in the receivers of dead_letter, or they are refused, counted and
// nowhere.
func (e *entrance) Accept(ctx context.Context, entries []loki.Entry) error {
	return e.accept(ctx, entries)
}

// String is how Alloy's UI shows the receiver.
func (e *entrance) String() string { return e.id + ".receiver" }
