package firehose

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// shareFactor is how many times what it leaves free one source may hold. A
// source that floods alone gets 4/5 of the limit; the next one always finds room,
// and the two then get 4/9 each. The rule needs no knowledge of how many sources
// there are; network switches share their packet memory by it (Choudhury and
// Hahne, "Dynamic queue length thresholds for shared-memory packet switches",
// IEEE/ACM Transactions on Networking 6, 1998).
const shareFactor = 4

// minWeight is what a delivery counts however small it is: its goroutine, its
// buffers, its decoder.
const minWeight = 128 << 10

const (
	// maxWaiting is how many deliveries wait for room. A sender that is told to come
	// back costs less than one that is kept, but it comes back seconds later, and
	// doubles them each time, so that most of the room is free while everybody waits.
	// A short queue keeps it in use.
	maxWaiting = 32
	// waitingShare is the part of the limit that those who wait may hold together, or
	// they would take the room that they wait for.
	waitingShare = 8
	// maxWait is how long a delivery waits. Firehose comes back after a second at
	// first.
	maxWait = 5 * time.Second
)

// admission counts the bytes that the deliveries in flight hold, in all and for
// each source.
type admission struct {
	mu      sync.Mutex
	total   int64
	sources map[string]int64
	leases  int
	waiting []*waiter // The first is the one that came first.
}

// waiter is a delivery that waits for room.
type waiter struct {
	lease       *lease
	size, limit int64
	granted     chan struct{} // Closed when it has it.
}

// lease is the share of one delivery. It is not safe for concurrent use.
type lease struct {
	from   *admission
	source string
	held   int64
}

// open returns a lease that holds nothing yet. Source is the stream that the
// delivery comes from.
func (a *admission) open(source string) *lease {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.leases++
	return &lease{from: a, source: source}
}

func (a *admission) fitsLocked(source string, size, limit int64) bool {
	free := limit - a.total - size
	return free >= 0 && a.sources[source]+size <= shareFactor*free
}

// everFits reports whether one delivery of that size fits when it is alone.
func everFits(size, limit int64) bool { return size <= shareFactor*(limit-size) }

func (a *admission) addLocked(source string, size int64) {
	a.total += size
	if a.sources == nil {
		a.sources = make(map[string]int64)
	}
	if a.sources[source] += size; a.sources[source] == 0 {
		delete(a.sources, source)
	}
}

// inFlight returns how many leases there are, and their bytes.
func (a *admission) inFlight() (leases int, bytes int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.leases, a.total
}

// grow adds size bytes to the lease and reports whether they fit.
func (l *lease) grow(size, limit int64) bool {
	l.from.mu.Lock()
	defer l.from.mu.Unlock()
	return l.growLocked(size, limit)
}

func (l *lease) growLocked(size, limit int64) bool {
	if !l.from.fitsLocked(l.source, size, limit) {
		return false
	}
	l.from.addLocked(l.source, size)
	l.held += size
	return true
}

// growSoon does the same, and waits for a while if they do not fit now.
func (l *lease) growSoon(size, limit int64, wait time.Duration) bool {
	w, ok := l.from.enqueue(l, size, limit)
	if w == nil {
		return ok
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-w.granted:
		return true
	case <-timer.C:
		return l.from.leave(w)
	}
}

// enqueue grows a lease, or else lets it wait, unless too much waits already: then
// it returns nil and false.
func (a *admission) enqueue(l *lease, size, limit int64) (w *waiter, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if l.growLocked(size, limit) {
		return nil, true
	}
	held := l.held
	for _, other := range a.waiting {
		held += other.lease.held
	}
	if len(a.waiting) == maxWaiting || held > limit/waitingShare || !everFits(l.held+size, limit) {
		return nil, false
	}
	w = &waiter{lease: l, size: size, limit: limit, granted: make(chan struct{})}
	a.waiting = append(a.waiting, w)
	return w, false
}

// leave takes a delivery out of the queue, and reports whether it has got its room
// just then.
func (a *admission) leave(w *waiter) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := slices.Index(a.waiting, w)
	if i < 0 {
		return true
	}
	a.waiting = slices.Delete(a.waiting, i, i+1)
	return false
}

// release gives back all that the lease holds, to those who wait for it.
func (l *lease) release() {
	a := l.from
	a.mu.Lock()
	defer a.mu.Unlock()
	a.addLocked(l.source, -l.held)
	a.leases--
	l.held = 0
	a.waiting = slices.DeleteFunc(a.waiting, func(w *waiter) bool {
		fits := w.lease.growLocked(w.size, w.limit)
		if fits {
			close(w.granted)
		}
		return fits
	})
}

// errBusy returns the refusal of a delivery that does not fit.
func errBusy() *Error {
	return refuse(http.StatusServiceUnavailable, ReasonConcurrentSize,
		"too many bytes are in flight (limits.concurrent_size), try again")
}
