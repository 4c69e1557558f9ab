package receiver

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grafana/loki/pkg/push"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component/common/loki"
)

// judge is an Acceptor that answers what the test says. As a plain receiver its
// entries go to its channel.
type judge struct {
	loki.LogsReceiver
	mut     sync.Mutex
	verdict func(ctx context.Context) error
	lines   []string
	calls   int
}

func newJudge(verdict func(ctx context.Context) error) *judge {
	return &judge{LogsReceiver: loki.NewLogsReceiver(), verdict: verdict}
}

// Accept implements Acceptor.
func (j *judge) Accept(ctx context.Context, entries []loki.Entry) error {
	if err := j.verdict(ctx); err != nil {
		return err
	}
	j.mut.Lock()
	defer j.mut.Unlock()
	j.calls++
	for _, e := range entries {
		j.lines = append(j.lines, e.Line)
	}
	return nil
}

func (j *judge) accepted() []string {
	j.mut.Lock()
	defer j.mut.Unlock()
	return j.lines
}

func accepts(context.Context) error { return nil }

func forwardTo(receivers ...loki.LogsReceiver) func(*Config) {
	return func(cfg *Config) { cfg.ForwardTo = append(cfg.ForwardTo, receivers...) }
}

func TestHandoff_Accepted(t *testing.T) {
	one, two := newJudge(accepts), newJudge(accepts)
	r := newRig(t, forwardTo(one, two))
	status, _ := r.deliver("a\nb")
	require.Equal(t, 200, status)
	require.Equal(t, []string{"a", "b"}, one.accepted(), "all of a delivery at once")
	require.Equal(t, []string{"a", "b"}, two.accepted())
	require.Equal(t, []string{"a", "b"}, r.lines(2), "and a receiver that answers for nothing has them too")
}

// A verdict that is no success is Firehose's to hear, and the receivers that
// answer for nothing do not get what will come once more.
func TestHandoff_Refused(t *testing.T) {
	refuses := newJudge(func(context.Context) error { return errors.New("the disk is full of s3cret lines") })
	one := newJudge(accepts)
	for _, receivers := range [][]loki.LogsReceiver{{refuses}, {one, refuses}, {refuses, one}} {
		r := newRig(t, forwardTo(receivers...))
		status, message := r.deliver("a")
		require.Equal(t, 503, status)
		require.NotContains(t, message, "s3cret")
		require.Empty(t, r.sink.Received())
		require.EqualValues(t, 1, r.metrics()["deliveries_total{downstream,503}"])
		require.Zero(t, r.metrics()["entries_total{forwarded}"])
	}
}

// A verdict that does not come in time is none.
func TestHandoff_Deadline(t *testing.T) {
	waits := newJudge(func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	})
	r := newRig(t, func(cfg *Config) {
		forwardTo(waits)(cfg)
		cfg.Firehose.DeliveryTimeout = time.Second
	})
	status, _ := r.deliver("a")
	require.Equal(t, 503, status)
	require.EqualValues(t, 1, r.metrics()["deliveries_total{delivery_timeout,503}"])
	require.Empty(t, r.sink.Received())
}

// Receivers that answer for nothing get a large delivery in parts, while it is being
// read, and one that answers gets it at once.
func TestHandoff_Parts(t *testing.T) {
	large := strings.Repeat("x", maxHeld)
	records := []string{large + "\na\nb", large, "c\nd"}
	want := []string{large, "a", "b", large, "c", "d"}
	r := newRig(t, nil)
	status, _ := r.deliver(records...)
	require.Equal(t, 200, status)
	require.True(t, slices.Equal(want, r.lines(len(want))))

	j := newJudge(accepts)
	r = newRig(t, forwardTo(j))
	status, _ = r.deliver(records...)
	require.Equal(t, 200, status)
	require.True(t, slices.Equal(want, j.accepted()))
	require.Equal(t, 1, j.calls)
}

// A part that was handed over is not the end of a delivery whose other parts would
// go elsewhere.
func TestHandoff_Parts_OtherReceivers(t *testing.T) {
	h := newHandoff()
	receive := func(r loki.LogsReceiver) <-chan string {
		lines := make(chan string, 10)
		go func() {
			for {
				select {
				case e := <-r.Chan():
					lines <- e.Line
				case <-t.Context().Done():
					return
				}
			}
		}()
		return lines
	}
	entriesOf := func(lines ...string) (entries []loki.Entry) {
		for _, l := range lines {
			entries = append(entries, loki.Entry{Entry: push.Entry{Line: l}})
		}
		return entries
	}
	one, two := loki.NewLogsReceiver(), loki.NewLogsReceiver()
	toOne, toTwo := receive(one), receive(two)
	h.update([]loki.LogsReceiver{one})

	out := h.begin()
	require.True(t, out.inParts())
	require.NoError(t, out.part(t.Context(), entriesOf("a")))
	h.update([]loki.LogsReceiver{one})
	require.NoError(t, out.part(t.Context(), entriesOf("b")), "the same receivers")
	h.update([]loki.LogsReceiver{two})
	require.ErrorIs(t, out.part(t.Context(), entriesOf("c")), errReceiversChanged)
	require.ErrorIs(t, out.finish(t.Context(), entriesOf("c")), errReceiversChanged)
	require.Equal(t, "a", <-toOne)
	require.Equal(t, "b", <-toOne)

	out = h.begin()
	h.update([]loki.LogsReceiver{one})
	require.NoError(t, out.finish(t.Context(), entriesOf("d")), "none has a part of it")
	require.Equal(t, "d", <-toOne)

	h.update([]loki.LogsReceiver{newJudge(accepts), two})
	out = h.begin()
	require.False(t, out.inParts())
	require.NoError(t, out.finish(t.Context(), entriesOf("e")))
	require.Equal(t, "e", <-toTwo)

	h.update([]loki.LogsReceiver{one})
	out = h.begin()
	late := newJudge(accepts)
	h.update([]loki.LogsReceiver{late})
	require.NoError(t, out.finish(t.Context(), entriesOf("f")))
	require.Equal(t, []string{"f"}, late.accepted(), "the receivers of the beginning are none any more")

	gone := newJudge(func(context.Context) error {
		h.update([]loki.LogsReceiver{two})
		return nil
	})
	h.update([]loki.LogsReceiver{gone, one})
	out = h.begin()
	require.ErrorIs(t, out.finish(t.Context(), entriesOf("g")), errReceiversChanged, "the other one has not got it")
}

// A stopping component does not wait for a verdict, and does not claim one.
func TestHandoff_Stop(t *testing.T) {
	asked := make(chan struct{})
	waits := newJudge(func(ctx context.Context) error {
		close(asked)
		<-ctx.Done()
		return ctx.Err()
	})
	r := newRig(t, forwardTo(waits))
	go func() {
		<-asked
		r.ended()
	}()
	status, _ := r.deliver("a")
	require.Equal(t, 503, status)
	require.EqualValues(t, 1, r.metrics()["deliveries_total{shutdown,503}"])
}

// Entries for which nobody waits go the way of all components.
func TestHandoff_EntriesOfOthers(t *testing.T) {
	j := newJudge(accepts)
	r := newRig(t, func(cfg *Config) {
		withIntake(cfg)
		forwardTo(j)(cfg)
	})
	r.give(nil, "one")
	require.Equal(t, "one", (<-j.Chan()).Line)
	require.Equal(t, []string{"one"}, r.lines(1))
	require.Empty(t, j.accepted())
}
