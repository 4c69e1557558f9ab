package lokipush

import (
	"bytes"
	"cmp"
	"hash/maphash"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/grafana/loki/pkg/push"
	"github.com/prometheus/common/model"

	"github.com/grafana/alloy/internal/component/common/loki"

	"github.com/grafana/alloy/eks/internal/lokientry"
)

// Batch is entries on their way to Loki, in the order of their streams. It is
// only read after NewBatch has made it, so that several endpoints can push it at
// the same time.
type Batch struct {
	entries []loki.Entry // The caller's, and unchanged.
	nanos   []int64      // The time of each entry.
	sizes   []int32      // What each entry takes in a push at most.
	order   []int32      // The entries, stream by stream.
	streams []stream
	labels  []byte // The text of the labels of all streams.

	// forms says of each entry what has been done to it before; nil when nothing
	// has been done to any.
	forms []form

	external model.LabelSet
	of       []int32             // The stream of each entry.
	byMap    map[uintptr]int32   // By the identity of a label set.
	byHash   map[uint64]int32    // By its text.
	pairs    []label             // Room to sort the labels of a stream.
	patched  []push.LabelAdapter // Metadata that Loki could not read, put right.
}

// stream is the entries of a batch that have one tenant and one label set.
type stream struct {
	hash           uint64 // Of tenant and labels, the same in every batch.
	tenant         string
	hasTenant      bool  // The entries name their tenant.
	text           span  // Of the labels, in Batch.labels.
	from, to       int32 // In Batch.order.
	size           int
	oldest, newest int64
	unsorted       bool
}

type span struct{ from, to int32 }

type label struct{ name, value string }

var (
	batches = sync.Pool{New: func() any {
		return &Batch{byMap: map[uintptr]int32{}, byHash: map[uint64]int32{}}
	}}
	hashSeed = maphash.MakeSeed()
)

// NewBatch groups entries, which must not change before Release. The external
// labels are those of all entries that have none of their names.
//
// Entries of other components are taken as they come: the ones that would make
// Loki refuse a whole push, or answer that it has failed, are put right here.
func NewBatch(entries []loki.Entry, external model.LabelSet, now time.Time) *Batch {
	b := batches.Get().(*Batch)
	b.entries, b.external = entries, external
	b.group()
	b.arrange(now)
	return b
}

// maxKept is how many entries a batch may have had that is used again, for some
// megabyte: more than most deliveries have.
const maxKept = 50_000

// Release gives the memory of the batch back. Nothing may use the batch any more.
func (b *Batch) Release() {
	if cap(b.order) > maxKept || len(b.byMap) > maxKept {
		return
	}
	clear(b.byMap)
	clear(b.byHash)
	clear(b.streams)
	clear(b.pairs[:cap(b.pairs)])
	b.entries, b.forms, b.external, b.patched = nil, nil, nil, nil
	b.nanos, b.sizes, b.order, b.of = b.nanos[:0], b.sizes[:0], b.order[:0], b.of[:0]
	b.streams, b.labels = b.streams[:0], b.labels[:0]
	batches.Put(b)
}

// Len returns how many entries the batch has.
func (b *Batch) Len() int { return len(b.entries) }

// group finds the stream of each entry.
func (b *Batch) group() {
	n := len(b.entries)
	b.nanos, b.sizes = slices.Grow(b.nanos, n)[:n], slices.Grow(b.sizes, n)[:n]
	b.order, b.of = slices.Grow(b.order, n)[:n], slices.Grow(b.of, n)[:n]
	var lastMap uintptr
	last := int32(-1)
	for i := range b.entries {
		e := &b.entries[i]
		// Entries of one stream mostly share one map, and mostly follow each other.
		if id := reflect.ValueOf(e.Labels).Pointer(); last < 0 || id != lastMap {
			last, lastMap = b.streamOf(id, e.Labels), id
		}
		nanos := nanosOf(e.Timestamp)
		size := b.measure(i)
		b.of[i], b.nanos[i], b.sizes[i] = last, nanos, int32(min(size, math.MaxInt32))
		st := &b.streams[last]
		if st.to == 0 {
			st.oldest, st.newest = nanos, nanos
		}
		st.unsorted = st.unsorted || nanos < st.newest
		st.oldest, st.newest = min(st.oldest, nanos), max(st.newest, nanos)
		st.size += size
		st.to++ // The number of entries, until arrange.
	}
}

// arrange puts the entries of each stream side by side.
func (b *Batch) arrange(now time.Time) {
	from := int32(0)
	for i := range b.streams {
		st := &b.streams[i]
		n := st.to
		st.from, st.to = from, from
		from += n
	}
	for i := range b.entries {
		st := &b.streams[b.of[i]]
		b.order[st.to] = int32(i)
		st.to++
	}
	for i := range b.streams {
		// Within a stream Loki refuses what lies too far behind the newest line: when
		// the oldest comes first, that is none of these.
		if st := &b.streams[i]; st.unsorted && st.late(now) {
			slices.SortStableFunc(b.order[st.from:st.to], func(x, y int32) int {
				return cmp.Compare(b.nanos[x], b.nanos[y])
			})
			st.unsorted = false
		}
	}
}

// nanosOf returns a time in nanoseconds, the nearest there is: one outside the
// years 1678 to 2262 is refused by Loki for itself then, and not with all others.
func nanosOf(t time.Time) int64 {
	switch s := t.Unix(); {
	case s <= math.MinInt64/1_000_000_000:
		return math.MinInt64
	case s >= math.MaxInt64/1_000_000_000:
		return math.MaxInt64
	}
	return t.UnixNano()
}

// streamOf returns the stream of a label set, whose identity is id. While the
// entries of a batch exist, a map at one place is one map.
func (b *Batch) streamOf(id uintptr, set model.LabelSet) int32 {
	if i, ok := b.byMap[id]; ok {
		return i
	}
	st := stream{text: span{from: int32(len(b.labels))}}
	b.pairs = b.readLabels(b.pairs[:0], &st, set)
	b.labels = appendLabels(b.labels, b.pairs)
	st.text.to = int32(len(b.labels))
	var h maphash.Hash
	h.SetSeed(hashSeed)
	_, _ = h.WriteString(st.tenant)
	_ = h.WriteByte(0)
	_, _ = h.Write(b.textOf(&st))
	i := b.find(&st, h.Sum64())
	b.byMap[id] = i
	return i
}

// find returns the stream that is equal to st, which is added when there is none.
func (b *Batch) find(st *stream, hash uint64) int32 {
	st.hash = hash
	for at := hash; ; at++ {
		i, ok := b.byHash[at]
		if !ok {
			i = int32(len(b.streams))
			b.streams = append(b.streams, *st)
			b.byHash[at] = i
			return i
		}
		if known := &b.streams[i]; known.tenant == st.tenant && known.hasTenant == st.hasTenant &&
			bytes.Equal(b.textOf(known), b.textOf(st)) {
			b.labels = b.labels[:st.text.from]
			return i
		}
	}
}

// readLabels appends the labels that Loki is to have, by name. The tenant goes
// into st.
func (b *Batch) readLabels(dst []label, st *stream, set model.LabelSet) []label {
	add := func(name model.LabelName, value model.LabelValue) {
		switch {
		case name == lokientry.LabelTenant:
			st.tenant, st.hasTenant = string(value), true
		case !strings.HasPrefix(string(name), model.ReservedLabelPrefix):
			dst = append(dst, label{string(name), string(value)})
		}
	}
	for name, value := range set {
		add(name, value)
	}
	for name, value := range b.external {
		if _, ok := set[name]; !ok {
			add(name, value)
		}
	}
	slices.SortFunc(dst, func(x, y label) int { return strings.Compare(x.name, y.name) })
	return dst
}

// appendLabels writes labels as Loki reads them: {a="1", b="2"}.
func appendLabels(dst []byte, labels []label) []byte {
	dst = append(dst, '{')
	for i, l := range labels {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(append(dst, l.name...), '=')
		dst = appendQuoted(dst, l.value)
	}
	return append(dst, '}')
}

// appendQuoted is strconv.AppendQuote, several times as fast for what most values
// are.
func appendQuoted(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return strconv.AppendQuote(dst, s)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}

func (b *Batch) textOf(st *stream) []byte { return b.labels[st.text.from:st.text.to] }

// labelsOf returns the labels of a stream again, by name.
func (b *Batch) labelsOf(st *stream) []label {
	var same stream
	return b.readLabels(nil, &same, b.entries[b.order[st.from]].Labels)
}

// measure returns what an entry takes in a push at most, and puts right what Loki
// would answer with 500 for all entries beside it.
func (b *Batch) measure(i int) int {
	e := &b.entries[i]
	size := maxEntryHead + len(e.Line)
	for j := range e.StructuredMetadata {
		l := &e.StructuredMetadata[j]
		if !hasLetterOrDigit(l.Name) {
			b.patch(i, j)
			l = &b.entries[i].StructuredMetadata[j]
			e = &b.entries[i]
		}
		size += maxMetadataHead + len(l.Name) + len(l.Value)
	}
	return size
}

// Unnamed is the name of structured metadata whose own name has neither a letter
// nor a digit: of those Loki makes no name, and no entry of the push is stored.
const Unnamed = "unnamed"

func hasLetterOrDigit(name string) bool {
	for i := range len(name) {
		c := name[i] | 0x20
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return true
		}
	}
	return false
}

// patch names a piece of structured metadata, in an entry of the batch's own.
func (b *Batch) patch(i, j int) {
	if b.patched == nil {
		b.entries = slices.Clone(b.entries)
	}
	e := &b.entries[i]
	at := len(b.patched)
	b.patched = append(b.patched, e.StructuredMetadata...)
	e.StructuredMetadata = b.patched[at:len(b.patched):len(b.patched)]
	e.StructuredMetadata[j].Name = Unnamed
}

// late reports whether a line of the stream is so old that Loki may find it too
// far behind. See lateAfter.
func (st *stream) late(now time.Time) bool { return st.oldest < now.Add(-lateAfter).UnixNano() }
