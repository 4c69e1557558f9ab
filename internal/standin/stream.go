package standin

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// DefaultBufferBytes is Firehose's buffering hint for HTTP endpoints unless
	// the user chooses another.
	DefaultBufferBytes = 5 << 20
	// DefaultBufferInterval is the same for the interval.
	DefaultBufferInterval = 300 * time.Second
	// MaxBufferInterval is the longest interval that can be configured.
	MaxBufferInterval = 900 * time.Second
)

// Source hands out records one after the other.
type Source interface {
	// Next goes to the next record. It returns false at the end and after an
	// error.
	Next() bool
	// Record returns the data of the current record, valid until the next call
	// of Next.
	Record() []byte
	// Err returns the error that ended the iteration.
	Err() error
}

// StreamOptions say how records are put together and delivered. The zero value
// of a field means its default.
type StreamOptions struct {
	// BufferBytes is the size of the records' data at which a delivery is due:
	// at least 1 MiB in AWS's console, any size from 1 byte to 64 MiB here. The
	// default is DefaultBufferBytes.
	BufferBytes int
	// BufferRecords is the number of records at which a delivery is due, from 1
	// to MaxRecords, which is the default.
	BufferRecords int
	// BufferInterval is the age of the oldest record at which a delivery is
	// due. The default is DefaultBufferInterval.
	BufferInterval time.Duration
	// Connections is how many deliveries are under way at the same time. The
	// default is 1.
	Connections int
	// Rate is how many records arrive at the stream per second. Zero means as
	// fast as they are taken.
	Rate float64
}

// Stream buffers records and delivers them. Its methods Run, Build and Post must
// not be called concurrently; Summary may be called at any time.
type Stream struct {
	sender *Sender
	clock  Clock
	opts   StreamOptions
	tally  *tally

	// arrived is how many records have come to the stream so far.
	arrived int

	mu      sync.Mutex
	started time.Time
	ended   time.Time
}

// NewStream returns a Stream that delivers with the sender, or an error when an
// option is out of its range.
func NewStream(sender *Sender, o StreamOptions) (*Stream, error) {
	setDefault(&o.BufferBytes, DefaultBufferBytes)
	setDefault(&o.BufferRecords, MaxRecords)
	setDefault(&o.BufferInterval, DefaultBufferInterval)
	setDefault(&o.Connections, 1)
	switch {
	case o.BufferBytes < 1 || o.BufferBytes > MaxBody:
		return nil, fmt.Errorf("buffer size %d is not between 1 and %d bytes", o.BufferBytes, MaxBody)
	case o.BufferRecords < 1 || o.BufferRecords > MaxRecords:
		return nil, fmt.Errorf("buffer of %d records is not between 1 and %d", o.BufferRecords, MaxRecords)
	case o.BufferInterval < 0 || o.BufferInterval > MaxBufferInterval:
		return nil, fmt.Errorf("buffer interval %v is not between 0 and %v", o.BufferInterval, MaxBufferInterval)
	case o.Connections < 1:
		return nil, fmt.Errorf("number of connections %d is not positive", o.Connections)
	case !(o.Rate >= 0):
		return nil, fmt.Errorf("rate %v is not a positive number", o.Rate)
	}
	return &Stream{sender: sender, clock: sender.opts.Clock, opts: o, tally: newTally()}, nil
}

// Run delivers all records of the source. It returns an error when the source
// fails, the context ends, or a delivery cannot be backed up; that the endpoint
// did not accept something is no error but stands in the Summary.
func (s *Stream) Run(ctx context.Context, src Source) error {
	// One delivery is being filled while the others are under way.
	free := make(chan *Delivery, s.opts.Connections+1)
	for range cap(free) {
		free <- nil
	}
	recycle := func(d *Delivery) { free <- d }
	return s.work(ctx, recycle, func(ctx context.Context, ready chan<- *Delivery) error {
		next := func() *Delivery {
			if d := <-free; d != nil {
				d.Reset()
				return d
			}
			return s.sender.NewDelivery()
		}
		return s.fill(ctx, src, s.paced, next, func(d *Delivery) error { return hand(ctx, ready, d) })
	})
}

// Build puts the deliveries of all records of the source together and seals
// them, to be posted by Post: a benchmark then measures the endpoint, not the
// client. They are all in memory.
func (s *Stream) Build(ctx context.Context, src Source) ([]*Delivery, error) {
	var built []*Delivery
	unpaced := func(int) time.Time { return time.Time{} }
	err := s.fill(ctx, src, unpaced, s.sender.NewDelivery, func(d *Delivery) error {
		built = append(built, d)
		return d.Seal()
	})
	return built, err
}

// Post delivers what Build returned, in order. It may be called again with the
// same deliveries; they then have the same request ids, as Firehose's retries
// have.
func (s *Stream) Post(ctx context.Context, deliveries []*Delivery) error {
	keep := func(*Delivery) {}
	return s.work(ctx, keep, func(ctx context.Context, ready chan<- *Delivery) error {
		for _, d := range deliveries {
			if err := s.sleepUntil(ctx, s.paced(d.Records())); err != nil {
				return err
			}
			if err := hand(ctx, ready, d); err != nil {
				return err
			}
		}
		return nil
	})
}

// Summary returns what the stream has done so far.
func (s *Stream) Summary() Summary {
	s.mu.Lock()
	started, ended := s.started, s.ended
	s.mu.Unlock()
	switch {
	case started.IsZero():
		return s.tally.summary(0)
	case ended.IsZero():
		ended = s.clock.Now()
	}
	return s.tally.summary(ended.Sub(started))
}

func (s *Stream) setRunning(running bool) {
	now := s.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started.IsZero() {
		s.started = now
	}
	s.ended = time.Time{}
	if !running {
		s.ended = now
	}
}

// work delivers what produce sends, over all connections, and calls done with
// each delivery that came to its end.
func (s *Stream) work(ctx context.Context, done func(*Delivery), produce func(context.Context, chan<- *Delivery) error) error {
	s.setRunning(true)
	defer s.setRunning(false)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)

	ready := make(chan *Delivery)
	var workers sync.WaitGroup
	for range s.opts.Connections {
		workers.Go(func() {
			for d := range ready {
				res := s.sender.Deliver(ctx, d)
				s.tally.add(res)
				if res.Err != nil {
					stop(res.Err) // The first one ends the stream.
				}
				done(d)
			}
		})
	}
	err := produce(ctx, ready)
	close(ready)
	workers.Wait()
	if cause := context.Cause(ctx); cause != nil && (err == nil || errors.Is(err, context.Canceled)) {
		return cause
	}
	return err
}

func hand(ctx context.Context, ready chan<- *Delivery, d *Delivery) error {
	select {
	case ready <- d:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fill reads the source and emits each delivery when it is due. What was read
// before an error is emitted too. arrive returns when so many more records
// arrive.
func (s *Stream) fill(ctx context.Context, src Source, arrive func(int) time.Time, next func() *Delivery, emit func(*Delivery) error) error {
	b := buffer{stream: s, next: next, emit: emit}
	for src.Next() {
		if err := b.add(ctx, src.Record(), arrive(1)); err != nil {
			return err
		}
	}
	if err := b.flush(); err != nil {
		return err
	}
	return src.Err()
}

// paced returns when the next n records have arrived at the stream's rate, or
// the zero time when there is none. It does not depend on how fast earlier
// records were delivered: those that have to wait are not arriving later, they
// queue up.
func (s *Stream) paced(n int) time.Time {
	if s.opts.Rate == 0 {
		return time.Time{}
	}
	s.arrived += n
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.started.Add(time.Duration(float64(s.arrived) / s.opts.Rate * float64(time.Second)))
}

func (s *Stream) sleepUntil(ctx context.Context, t time.Time) error {
	if t.IsZero() {
		return ctx.Err()
	}
	// A timer is not worth its cost, nor exact enough, for less.
	const least = time.Millisecond
	if wait := t.Sub(s.clock.Now()); wait >= least {
		return s.clock.Sleep(ctx, wait)
	}
	return ctx.Err()
}

// buffer is the delivery that is being filled.
type buffer struct {
	stream *Stream
	next   func() *Delivery
	emit   func(*Delivery) error

	open *Delivery
	// deadline is when the open delivery is due because of its age.
	deadline time.Time
}

// add adds a record that arrives at due, and emits the open delivery when its
// time comes first or it is full.
func (b *buffer) add(ctx context.Context, record []byte, due time.Time) error {
	s := b.stream
	if b.open != nil && !due.IsZero() && b.deadline.Before(due) {
		if err := s.sleepUntil(ctx, b.deadline); err != nil {
			return err
		}
		if err := b.flush(); err != nil {
			return err
		}
	}
	if err := s.sleepUntil(ctx, due); err != nil {
		return err
	}
	now := s.clock.Now()
	if b.open != nil && b.late(now, len(record)) {
		if err := b.flush(); err != nil {
			return err
		}
	}
	if b.open == nil {
		b.open, b.deadline = b.next(), now.Add(s.opts.BufferInterval)
	}
	if err := b.open.Add(record, now); err != nil {
		return err
	}
	if b.open.RawBytes() >= int64(s.opts.BufferBytes) || b.open.Records() >= s.opts.BufferRecords {
		return b.flush()
	}
	return nil
}

// late tells whether the open delivery must go before a record of that size.
func (b *buffer) late(now time.Time, size int) bool {
	return !now.Before(b.deadline) || !b.open.fits(size)
}

func (b *buffer) flush() error {
	d := b.open
	if d == nil {
		return nil
	}
	b.open = nil
	return b.emit(d)
}
