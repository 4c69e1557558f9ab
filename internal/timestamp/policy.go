package timestamp

import "time"

// Candidates holds the times that are known for one line, at most one for each
// source. It is a value of 48 bytes; the zero value holds none.
type Candidates struct {
	nanos [Firehose]int64 // At source-1: CRI to Firehose.
	set   uint8           // Bit source-1.
}

// Set makes nanos the time of source s. None and Now are ignored: the arrival
// is an argument of Choose.
func (c *Candidates) Set(s Source, nanos int64) {
	if i := s - 1; i < Firehose {
		c.nanos[i] = nanos
		c.set |= 1 << i
	}
}

// Get returns the time of source s, and whether there is one.
func (c *Candidates) Get(s Source) (int64, bool) {
	if i := s - 1; i < Firehose && c.set&(1<<i) != 0 {
		return c.nanos[i], true
	}
	return 0, false
}

// Clear forgets the time of source s.
func (c *Candidates) Clear(s Source) {
	if i := s - 1; i < Firehose {
		c.set &^= 1 << i
	}
}

// Policy says which of a line's times is believed.
type Policy struct {
	// Order lists the sources that may be used, the most trusted first. What
	// follows Now is never reached, and Now is the last resort where it is not
	// listed.
	Order []Source
	// MaxAge is how far before the arrival a time may lie, MaxFuture how far
	// after it: a log store refuses a line beyond. Zero or less is no bound.
	MaxAge, MaxFuture time.Duration
}

// Choice is the time that a policy chose.
type Choice struct {
	// Nanos is the time to use, and Source is where it came from.
	Nanos  int64
	Source Source
	// True is the most trusted time, which is Nanos unless Moved.
	True int64
	// Moved tells that the most trusted time lies outside the bounds, so that a
	// less trusted one was taken.
	Moved bool
}

// Choose returns the first time in the policy's order that lies within its
// bounds around now, the arrival, and now itself when there is none.
//
// It is deterministic but for its last resort: equal candidates and bounds that
// they meet give equal choices whatever now is.
func (p *Policy) Choose(c *Candidates, now int64) Choice {
	ch := Choice{Nanos: now, Source: Now, True: now}
	for _, s := range p.Order {
		if s == Now {
			break
		}
		nanos, ok := c.Get(s)
		if !ok {
			continue
		}
		inside := p.bounds(nanos, now)
		if !ch.Moved {
			ch.True = nanos
			ch.Moved = !inside
		}
		if inside {
			ch.Nanos, ch.Source = nanos, s
			break
		}
	}
	return ch
}

// bounds reports whether nanos lies within the policy's bounds around now. The
// distances are unsigned because that of two int64 may not fit into one.
func (p *Policy) bounds(nanos, now int64) bool {
	if nanos <= now {
		return p.MaxAge <= 0 || uint64(now)-uint64(nanos) <= uint64(p.MaxAge)
	}
	return p.MaxFuture <= 0 || uint64(nanos)-uint64(now) <= uint64(p.MaxFuture)
}
