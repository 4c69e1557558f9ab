package firehose

import (
	"net/http"
	"sync"
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

// admission counts the bytes that the deliveries in flight hold, in all and for
// each source. It never waits: a sender that is told to come back costs less than
// one that is kept.
type admission struct {
	mu      sync.Mutex
	total   int64
	sources map[string]int64
	leases  int
}

// lease is the share of one delivery. It is not safe for concurrent use.
type lease struct {
	from   *admission
	source string
	held   int64
}

// acquire returns a lease of size bytes, or nil when they would be too many.
// Source is the stream that the delivery comes from.
func (a *admission) acquire(source string, size, limit int64) *lease {
	l := &lease{from: a, source: source}
	size = max(size, minWeight)
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.fitsLocked(source, size, limit) {
		return nil
	}
	a.addLocked(source, size)
	a.leases++
	l.held = size
	return l
}

func (a *admission) fitsLocked(source string, size, limit int64) bool {
	free := limit - a.total - size
	return free >= 0 && a.sources[source]+size <= shareFactor*free
}

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
	if !l.from.fitsLocked(l.source, size, limit) {
		return false
	}
	l.from.addLocked(l.source, size)
	l.held += size
	return true
}

// release gives back all that the lease holds.
func (l *lease) release() {
	l.from.mu.Lock()
	defer l.from.mu.Unlock()
	l.from.addLocked(l.source, -l.held)
	l.from.leases--
	l.held = 0
}

// errBusy returns the refusal of a delivery that does not fit.
func errBusy() *Error {
	return refuse(http.StatusServiceUnavailable, ReasonConcurrentSize,
		"too many bytes are in flight (limits.concurrent_size), try again")
}
