package lokipush

import (
	"sync"
	"time"
)

// An answer of Loki does not tell of every stream of a push. An ingester keeps the
// error of the last stream only: what it refuses of the ones before it is lost
// behind a 204. (instance.Push in pkg/ingester/instance.go; TestLoki_HidesRefusals
// in internal/endtoend shows it.) There are three things that an ingester refuses:
//
//   - lines that lie too far behind the newest one of their stream,
//   - a stream that is new, when the tenant has too many,
//   - what comes faster than a stream may.
//
// A line that is new enough is not too far behind, and a stream that Loki has
// answered for lately is not new. Any other stream is doubtful, and stands at the
// end of a push, where its error is not lost. In quiet times that costs nothing.
//
// What comes too fast is no reason for doubt until an endpoint has answered 429,
// and so that it does, the fastest stream of a push is the last one: when it is not
// too fast, no other one is.

const (
	// lateAfter is the age from which on a line may be found too far behind. Loki
	// allows half of max_chunk_age, an hour by default, counted from a newest line
	// that may be up to creation_grace_period, ten minutes, ahead. This is right
	// down to a max_chunk_age of one hour.
	lateAfter = 20 * time.Minute

	// trustFor is how long a stream is known at most after Loki has answered for
	// it: by then it may be on another ingester, where it is new again.
	trustFor = 10 * time.Minute

	// strainedFor is how long fast streams are doubtful after a 429.
	strainedFor = 10 * time.Minute

	// fast is how many bytes of a stream in one second may be too many, when others
	// write to it too: a third of Loki's per_stream_rate_limit.
	fast = 1 << 20

	// bookSize is how many streams are remembered at least: those of all pods of the
	// largest cluster, on both outputs. One costs some 60 bytes, and one that is not
	// remembered costs a request of its own.
	bookSize = 300_000
)

// book remembers the streams of an endpoint. It is safe for concurrent use.
type book struct {
	mut sync.Mutex
	// now gets what before does not have. When it is full, it is before.
	now, before map[uint64]*page
	strained    int64 // Until when, in nanoseconds.
}

// page is what is known of a stream. Two streams of one hash share it, which 2⁶⁴
// possible ones make improbable.
type page struct {
	verified int64 // When Loki has last answered for it, in nanoseconds.
	second   int64 // That bytes are counted in.
	bytes    int
}

func newBook() *book { return &book{now: map[uint64]*page{}} }

func (k *book) page(hash uint64) *page {
	if p, ok := k.now[hash]; ok {
		return p
	}
	p, ok := k.before[hash]
	if !ok {
		p = &page{}
	}
	if len(k.now) >= bookSize {
		k.now, k.before = map[uint64]*page{}, k.now
	}
	k.now[hash] = p
	return p
}

// standing is what is to be thought of a stream.
type standing struct {
	doubtful bool
	bytes    int // Within this second.
}

// standings appends to dst those of the streams of a batch that is about to be
// pushed.
func (k *book) standings(dst []standing, b *Batch, now time.Time) []standing {
	nanos := now.UnixNano()
	second := nanos / int64(time.Second)
	k.mut.Lock()
	defer k.mut.Unlock()
	strained := nanos < k.strained
	for i := range b.streams {
		st := &b.streams[i]
		p := k.page(st.hash)
		if p.second != second {
			p.second, p.bytes = second, 0
		}
		p.bytes += st.size
		known := p.verified != 0 && nanos-p.verified < int64(trusted(st.hash))
		dst = append(dst, standing{
			doubtful: !known || st.late(now) || strained && p.bytes > fast,
			bytes:    p.bytes,
		})
	}
	return dst
}

// trusted returns for how long a stream is known: not the same time for all of
// those that began together, or all would end together.
func trusted(hash uint64) time.Duration {
	return trustFor - trustFor/4*time.Duration(hash>>54)/1024
}

// strain notes that Loki has answered 429.
func (k *book) strain(now time.Time) {
	k.mut.Lock()
	defer k.mut.Unlock()
	k.strained = now.Add(strainedFor).UnixNano()
}

// verify notes that Loki has answered for a stream.
func (k *book) verify(hash uint64, now time.Time) {
	k.mut.Lock()
	defer k.mut.Unlock()
	k.page(hash).verified = now.UnixNano()
}
