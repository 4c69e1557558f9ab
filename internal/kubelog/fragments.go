package kubelog

import (
	"bytes"
	"sync"
	"time"

	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

// fragment is the beginning of a line whose end has not come yet.
type fragment struct {
	ev   event.Event // With the first piece's time, level and id.
	text []byte      // The pieces so far, owned.
	done bool        // Emitted; kept only for its place in the order.
	lent *carried    // What Carry keeps of it, nil when this delivery began it.
}

// lineKey names the one line that a container may have begun on a stream.
type lineKey struct {
	source *event.Source
	stream string
}

// complete returns the event of the fragment with all the text there is.
func (f *fragment) complete(partial event.Partial) event.Event {
	f.done = true
	f.ev.Line, f.ev.Partial = f.text, partial
	return f.ev
}

// maxBegun is how many lines a delivery may begin, and how many a Carry keeps: each
// takes some 800 bytes beside its text, which a forged one may do without. The
// pieces of real lines have 16 KiB, and so no delivery begins that many.
const maxBegun = 10_000

// join takes an event while pieces of lines are about. Pieces are joined for a
// container's stream, however they are mixed with other containers' lines; where
// the record does not say whose a piece is, joining would make lines that nobody
// wrote, and it goes on as it is, marked.
func (p *Parser) join(dst []event.Event, ev *event.Event, t tag) []event.Event {
	if !identified(ev.Source) {
		return append(dst, p.unjoinable(ev, t))
	}
	begun := p.begun(ev)
	switch t {
	case part:
		if begun == nil && len(p.pending) >= maxBegun {
			ev.Partial = event.Fragment
			return append(dst, *ev)
		}
		if begun == nil || begun.repeats(ev) {
			if begun != nil {
				begun.done = true
			}
			p.hold(begin(ev))
			return dst
		}
		begun.text = append(begun.text, ev.Line...)
		if len(begun.text) > p.opts.MaxLine {
			dst = append(dst, begun.complete(event.Fragment))
		}
		return dst
	case tail:
		if begun == nil {
			return append(dst, *ev)
		}
		begun.text = append(begun.text, ev.Line...)
		p.counts.Joined++
		return append(dst, begun.complete(event.Joined))
	}
	if begun != nil {
		dst = append(dst, begun.complete(event.Fragment))
	}
	return append(dst, *ev)
}

// begin copies what an event borrows, since it has to outlive its record.
func begin(ev *event.Event) *fragment {
	f := &fragment{ev: *ev, text: append(make([]byte, 0, 2*len(ev.Line)), ev.Line...)}
	f.ev.ID = bytes.Clone(ev.ID)
	return f
}

// identified reports whether a source names one container.
func identified(src *event.Source) bool {
	return src.Get(LabelPodName) != "" && src.Get(LabelContainerName) != ""
}

// unjoinable marks a piece of a line that nobody can say the container of. The
// piece that follows a first one on the same output stream is taken for its
// continuation: chunks of one container travel together.
func (p *Parser) unjoinable(ev *event.Event, t tag) event.Event {
	if t == part || (t == tail && p.cut[ev.Stream]) {
		ev.Partial = event.Fragment
	}
	if t == part {
		p.cut[ev.Stream] = true
	} else {
		delete(p.cut, ev.Stream)
	}
	return *ev
}

// hold remembers a begun line.
func (p *Parser) hold(f *fragment) {
	p.pending = append(p.pending, f)
	p.begunLines[lineKey{f.ev.Source, f.ev.Stream}] = f
}

// begun returns the begun line of the event's container and stream.
func (p *Parser) begun(ev *event.Event) *fragment {
	if ev.Source == nil {
		return nil
	}
	key := lineKey{ev.Source, ev.Stream}
	if f := p.begunLines[key]; f != nil {
		if f.done {
			return nil // What was lent is not lent twice.
		}
		return f
	}
	if p.opts.Carry == nil {
		return nil
	}
	f := p.opts.Carry.lend(key)
	if f != nil {
		p.hold(f)
	}
	return f
}

// repeats reports whether an event is the first piece of the begun line once
// more: Firehose has repeated the delivery that brought it, and its answer had
// been lost.
func (f *fragment) repeats(ev *event.Event) bool {
	if f.lent == nil {
		return false
	}
	first, ok := f.ev.Times.Get(timestamp.CRI)
	again, okAgain := ev.Times.Get(timestamp.CRI)
	return ok && okAgain && first == again && bytes.HasPrefix(f.text, ev.Line)
}

// Flush ends the delivery. It appends the lines whose end has not come, in the
// order in which they began, unless a Carry has room for them until the next
// delivery. The events are good until the parser's next Parse.
func (p *Parser) Flush(dst []event.Event, _ time.Time) []event.Event {
	room := 0
	if p.opts.Carry != nil {
		room = p.opts.Carry.room()
	}
	for _, f := range p.pending {
		if f.done {
			continue
		}
		if room -= len(f.text); p.opts.Carry == nil || room < 0 {
			dst = append(dst, f.complete(event.Fragment))
		}
	}
	return dst
}

// Settle ends a delivery that was handed over: what it began is kept for the
// next, and what it ended is kept no longer. A delivery that was refused changes
// nothing in Carry, and comes again.
func (p *Parser) Settle(now time.Time) {
	for _, f := range p.pending {
		if f.lent != nil {
			p.opts.Carry.end(f.lent)
		}
		if !f.done {
			p.opts.Carry.keep(f, p.context, now)
		}
	}
	p.pending = p.pending[:0]
	clear(p.begunLines)
}

// Carry keeps the beginnings of lines from one delivery to the next, for a while
// and up to a number of bytes. A beginning that it keeps has been answered for
// and lives only in memory: a crash loses it, and a redelivery that is cut
// elsewhere joins it otherwise. It is safe for concurrent use.
type Carry struct {
	maxWait time.Duration
	maxSize int

	mu   sync.Mutex
	size int
	held map[lineKey]*carried
	// overtaken are beginnings in whose place another has come: a line's end was
	// lost on the way, or two deliveries of one container crossed. They go out as
	// they are, with the next that expire.
	overtaken []*carried
}

type carried struct {
	*fragment
	context any
	until   time.Time
}

// NewCarry returns a Carry that keeps a beginning for at most maxWait, and all of
// them in at most maxSize bytes of text.
func NewCarry(maxWait time.Duration, maxSize int) *Carry {
	return &Carry{maxWait: maxWait, maxSize: maxSize, held: map[lineKey]*carried{}}
}

// lend returns a copy of the beginning that is kept under key. Another delivery
// may be lent it too: a repetition of this one.
func (c *Carry) lend(key lineKey) *fragment {
	c.mu.Lock()
	defer c.mu.Unlock()
	held := c.held[key]
	if held == nil {
		return nil
	}
	f := *held.fragment
	f.text = f.text[:len(f.text):len(f.text)] // To append is to copy.
	f.lent = held
	return &f
}

// end forgets a beginning whose line has been completed, or emitted.
func (c *Carry) end(held *carried) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if key := held.key(); c.held[key] == held {
		c.drop(key, held)
	}
}

// room returns how many bytes more may be kept, a negative number when there are
// too many beginnings already.
func (c *Carry) room() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.held) >= maxBegun {
		return -1
	}
	return c.maxSize - c.size
}

// keep takes a beginning. Deliveries that are settled at the same time may exceed
// the bound by what they bring: to drop it now would lose it.
func (c *Carry) keep(f *fragment, context any, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.lent = nil
	held := &carried{fragment: f, context: context, until: now.Add(c.maxWait)}
	if old := c.held[held.key()]; old != nil {
		c.drop(held.key(), old)
		c.overtaken = append(c.overtaken, old)
	}
	c.size += len(f.text)
	c.held[held.key()] = held
}

func (c *carried) key() lineKey { return lineKey{c.ev.Source, c.ev.Stream} }

func (c *Carry) drop(key lineKey, held *carried) {
	delete(c.held, key)
	c.size -= len(held.text)
}

// Leftover is a beginning whose end has not come in time.
type Leftover struct {
	Event event.Event
	// Context is what the parser's Reset was given with the delivery.
	Context any
}

// Expired hands out the beginnings that have waited long enough at now; all of
// them when all is set, as a component does that stops. The events own their
// memory.
func (c *Carry) Expired(now time.Time, all bool) []Leftover {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []Leftover
	for _, held := range c.overtaken {
		out = append(out, Leftover{Event: held.complete(event.Fragment), Context: held.context})
	}
	c.overtaken = nil
	for key, held := range c.held {
		if all || !now.Before(held.until) {
			c.drop(key, held)
			out = append(out, Leftover{Event: held.complete(event.Fragment), Context: held.context})
		}
	}
	return out
}

// Size returns how many bytes of text are kept.
func (c *Carry) Size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.size
}
