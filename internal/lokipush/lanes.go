package lokipush

import (
	"context"
	"math/bits"
)

// Each stream has a lane, and in a lane one request is under way at a time, so that
// Loki gets the lines of a stream one request after the other, as from loki.write.
// It needs that: it writes what it has taken to its write-ahead log in any order,
// and when it reads the log after a restart it takes for a repetition what has got
// behind a later request, and drops it. (stream.Push in pkg/ingester/stream.go of
// Loki compares counters; loki_ingester_wal_duplicate_entries_total counts.)
//
// A request that carries streams of several lanes waits for all of them.

// MaxLanes is the largest Config.Concurrency.
const MaxLanes = 64

// laneSet is a set of lanes.
type laneSet uint64

// lanes hands out the lanes of an endpoint. A token in a channel is a lane that is
// taken.
type lanes []chan struct{}

func newLanes(n int) lanes {
	l := make(lanes, min(max(n, 1), MaxLanes))
	for i := range l {
		l[i] = make(chan struct{}, 1)
	}
	return l
}

// of returns the lane of a stream.
func (l lanes) of(hash uint64) int { return int(hash % uint64(len(l))) }

// ofAll returns the lanes of the streams of segments.
func (l lanes) ofAll(b *Batch, segs []segment) laneSet {
	var set laneSet
	for _, s := range segs {
		set |= 1 << l.of(b.streams[s.stream].hash)
	}
	return set
}

// take waits until the lanes are free, and takes them. All who wait for several
// wait for the lowest one first, and so nobody waits for ever.
func (l lanes) take(ctx context.Context, set laneSet) error {
	for rest := set; rest != 0; rest &= rest - 1 {
		i := bits.TrailingZeros64(uint64(rest))
		select {
		case l[i] <- struct{}{}:
		case <-ctx.Done():
			l.free(set &^ rest)
			return ctx.Err()
		}
	}
	return nil
}

func (l lanes) free(set laneSet) {
	for ; set != 0; set &= set - 1 {
		<-l[bits.TrailingZeros64(uint64(set))]
	}
}
