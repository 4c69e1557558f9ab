package writesync

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/grafana/alloy/internal/component/common/loki"
	"github.com/grafana/alloy/internal/runtime/logging/level"

	"github.com/grafana/alloy/eks/internal/lokipush"
)

// shape is how entries that come one by one wait. With several endpoints it is
// that of the most demanding one.
type shape struct {
	wait     time.Duration // How long an entry waits for others.
	size     int           // Bytes of a batch.
	capacity int           // How many batches wait.
	shards   int           // How many batches are pushed at the same time.
	block    bool          // Whether senders wait when no more batches may.
	drain    time.Duration // How long a stop may take.
}

func (a *Arguments) shape() shape {
	s := shape{block: true, shards: 1}
	for i := range a.Endpoints {
		e := &a.Endpoints[i]
		if i == 0 || e.BatchWait < s.wait {
			s.wait = e.BatchWait
		}
		s.size = max(s.size, int(e.BatchSize))
		s.capacity = max(s.capacity, int(e.QueueConfig.Capacity)/max(int(e.BatchSize), 1), 1)
		s.shards = max(s.shards, e.QueueConfig.MinShards)
		s.block = s.block && e.QueueConfig.BlockOnOverflow
		s.drain = max(s.drain, e.QueueConfig.DrainTimeout)
	}
	return s
}

// queue pushes batches, the first ones first.
type queue struct {
	shape   shape
	batches chan []loki.Entry
	workers sync.WaitGroup
}

func (c *Component) newQueue(ctx context.Context, s shape) *queue {
	q := &queue{shape: s, batches: make(chan []loki.Entry, s.capacity)}
	for range s.shards {
		q.workers.Go(func() {
			for batch := range q.batches {
				c.pushQueued(ctx, batch)
				c.metrics.queued.Sub(float64(len(batch)))
			}
		})
	}
	return q
}

// Run implements component.Component. It takes the entries of components that do
// not ask what becomes of them, until ctx ends. What it has taken by then it
// pushes, within the drain timeout.
func (c *Component) Run(ctx context.Context) error {
	pushing, cancel := context.WithCancel(context.Background())
	defer cancel()
	g := &gatherer{c: c, pushing: pushing}
	g.run(ctx)
	c.stop(errStopping)
	g.finish(cancel)
	c.mut.Lock()
	defer c.mut.Unlock()
	c.writer.retire()
	return nil
}

// gatherer makes batches of entries. It belongs to one goroutine.
type gatherer struct {
	c       *Component
	pushing context.Context // Ends when what waits is given up.
	queue   *queue
	retired []*queue // That other arguments have replaced.

	batch []loki.Entry
	size  int
}

func (g *gatherer) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-g.c.entrance.Chan():
			s := g.shape()
			if g.size > 0 && g.size+e.Size() > s.size {
				g.flush(ctx)
			}
			if len(g.batch) == 0 {
				timer.Reset(s.wait)
			}
			g.batch, g.size = append(g.batch, e), g.size+e.Size()
			g.c.metrics.queued.Inc()
		case <-timer.C:
			g.flush(ctx)
		}
	}
}

// shape returns the one of the arguments of now, and changes to it.
func (g *gatherer) shape() shape {
	g.c.mut.RLock()
	s := g.c.args.shape()
	g.c.mut.RUnlock()
	if g.queue == nil || g.queue.shape != s {
		g.retireQueue()
		g.queue = g.c.newQueue(g.pushing, s)
	}
	return s
}

func (g *gatherer) retireQueue() {
	if g.queue != nil {
		close(g.queue.batches)
		g.retired = append(g.retired, g.queue)
	}
}

// flush gives the batch to the queue. A queue that is full lets it wait, and with
// it who sends entries.
func (g *gatherer) flush(ctx context.Context) {
	if len(g.batch) == 0 {
		return
	}
	batch := g.batch
	if !g.queue.shape.block {
		select {
		case g.queue.batches <- batch:
		default:
			g.c.drop(batch, dropQueueFull)
			g.c.metrics.queued.Sub(float64(len(batch)))
		}
		g.batch, g.size = nil, 0
		return
	}
	select {
	case g.queue.batches <- batch:
		g.batch, g.size = nil, 0
	case <-ctx.Done(): // It is flushed when everything is.
	}
}

// finish pushes what is left. What is not pushed after the drain timeout is lost.
func (g *gatherer) finish(giveUp context.CancelFunc) {
	if g.queue == nil {
		return
	}
	timer := time.AfterFunc(g.queue.shape.drain, giveUp)
	defer timer.Stop()
	if len(g.batch) > 0 {
		g.queue.batches <- g.batch // The workers make room, in time or by giving up.
	}
	g.retireQueue()
	for _, q := range g.retired {
		q.workers.Wait()
	}
}

// pushQueued pushes a batch. When other arguments come into force meanwhile, it
// is pushed to their endpoints.
func (c *Component) pushQueued(ctx context.Context, batch []loki.Entry) {
	for {
		w, done := c.use()
		limited, cancel := context.WithCancel(ctx)
		release := context.AfterFunc(w.retired, cancel)
		err := w.push(limited, batch)
		release()
		cancel()
		replaced := w.retired.Err() != nil
		done()
		switch {
		case err == nil:
			return
		case ctx.Err() != nil:
			c.drop(batch, dropStopped)
			return
		case !replaced:
			c.giveUp(ctx, batch, err)
			return
		}
	}
}

// failed is the reason with which entries go to dead_letter that were accepted by
// no attempt, and for which nobody waits.
const failed lokipush.Reason = "failed"

// giveUp ends the attempts to push a batch.
func (c *Component) giveUp(ctx context.Context, batch []loki.Entry, cause error) {
	refused := make([]lokipush.Refused, len(batch))
	for i, e := range batch {
		refused[i] = lokipush.Refused{Entry: e, Reason: failed}
	}
	var failure *lokipush.Error
	endpoint := ""
	if errors.As(cause, &failure) {
		endpoint = failure.Endpoint
	}
	taken, err := c.deadLetter.take(ctx, endpoint, refused)
	level.Error(c.opts.Logger).Log("msg", "gave up pushing entries that no component answers for", "entries", len(batch), "dead_letter", taken, "err", errors.Join(cause, err))
	if !taken {
		c.drop(batch, dropFailed)
	}
}

// drop counts entries that are lost.
func (c *Component) drop(batch []loki.Entry, reason string) {
	c.metrics.dropped.WithLabelValues(reason).Add(float64(len(batch)))
}
