package lokientry

import (
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"github.com/grafana/loki/pkg/push"
	"github.com/prometheus/common/model"

	"github.com/grafana/alloy/internal/component/common/loki"

	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

// The structured metadata that entries carry by themselves.
const (
	// MetadataLevel is the severity that the line states.
	MetadataLevel = "level"
	// MetadataSource names the source of the entry's time.
	MetadataSource = "timestamp_source"
	// MetadataTrueTime is the line's time, RFC 3339 in UTC, where Loki would have
	// refused it and the entry carries another.
	MetadataTrueTime = "true_timestamp"
	// MetadataPartial marks a piece of a line.
	MetadataPartial = "partial"
	// MetadataFlaw says why the line is raw text; see event.Flaw.
	MetadataFlaw = "parse_error"
)

// OwnMetadata returns those names.
func OwnMetadata() []string {
	return []string{MetadataLevel, MetadataFlaw, MetadataPartial, MetadataSource, MetadataTrueTime}
}

// maxExtra is how many of these one entry can carry.
const maxExtra = 5

// Counts is what became of the events of one delivery.
type Counts struct {
	// Sources counts entries by the source of their time.
	Sources [timestamp.Now + 1]int
	// Flaws counts entries that carry raw text.
	Flaws map[event.Flaw]int
	// Dropped counts events that a relabel rule dropped.
	Dropped int
	// Moved counts entries whose true time Loki would have refused.
	Moved int
	// Fragments counts entries that are a piece of a line.
	Fragments int
	// Bytes is the length of all lines.
	Bytes int
}

// Builder makes the entries of one delivery after another. It is not safe for
// concurrent use.
type Builder struct {
	streams  *Streams
	policy   *timestamp.Policy
	delivery *Delivery
	now      time.Time

	entries  []loki.Entry
	lines    lineArena
	metadata metadataArena
	with     []push.LabelAdapter
	taken    map[uint64]int64
	seed     maphash.Seed
	counts   Counts
	// takenBytes is how many of counts.Bytes Take has returned.
	takenBytes int

	// The stream of the event before: most records come in runs of one container.
	last       *stream
	lastSource *event.Source
	lastKey    streamKey
}

// NewBuilder returns a Builder. Call Reset before Append.
func NewBuilder(streams *Streams, policy *timestamp.Policy) *Builder {
	return &Builder{streams: streams, policy: policy, taken: map[uint64]int64{}, seed: maphash.MakeSeed()}
}

// Reset begins a delivery that arrives now. The entries of the one before belong
// to whoever took them. d must have been sealed.
func (b *Builder) Reset(d *Delivery, now time.Time) {
	b.Continue(d, now)
	b.lines.chunk.Reset()
	b.metadata = metadataArena{}
}

// Continue is Reset for one entry of many that come one by one: its memory is
// beside that of the ones before.
func (b *Builder) Continue(d *Delivery, now time.Time) {
	b.delivery, b.now, b.with = d, now, nil
	b.entries = nil
	clear(b.taken)
	b.counts, b.takenBytes = Counts{Flaws: map[event.Flaw]int{}}, 0
	b.last, b.lastSource = nil, nil
}

// With gives structured metadata to the entries that are appended until the next
// Reset or Continue, where they have no label and no metadata of that name. The
// entries keep its strings.
func (b *Builder) With(metadata []push.LabelAdapter) { b.with = metadata }

// Entries returns what has been appended since Reset, or since Take. The slice, the
// lines and the metadata are the caller's; the label sets are shared and must not be
// changed.
func (b *Builder) Entries() []loki.Entry { return b.entries }

// Take returns what Entries does, and goes on with the delivery in another slice:
// equal lines stay apart from those that have been taken.
func (b *Builder) Take() []loki.Entry {
	entries := b.entries
	b.entries, b.takenBytes = make([]loki.Entry, 0, len(entries)), b.counts.Bytes
	return entries
}

// Held returns the length of the lines that Take would return, in bytes.
func (b *Builder) Held() int { return b.counts.Bytes - b.takenBytes }

// Counts returns what has become of the events since Reset.
func (b *Builder) Counts() Counts { return b.counts }

// Grow makes room for n more entries.
func (b *Builder) Grow(n int) {
	if cap(b.entries)-len(b.entries) < n {
		b.entries = append(make([]loki.Entry, 0, len(b.entries)+n), b.entries...)
	}
}

// Append makes the entry of ev, unless a rule drops it. It keeps nothing of ev
// but its source, and returns the time by which the line lags behind the
// arrival.
func (b *Builder) Append(ev *event.Event) (delay time.Duration, ok bool) {
	st := b.stream(ev)
	if st.dropped {
		b.counts.Dropped++
		return 0, false
	}
	if b.delivery.Nanos != 0 {
		ev.Times.Set(timestamp.Firehose, b.delivery.Nanos)
	}
	now := b.now.UnixNano()
	choice := b.policy.Choose(&ev.Times, now)
	line := b.lines.copy(ev.Line)
	nanos := b.distinct(st, line, choice.Nanos)
	b.entries = append(b.entries, loki.NewEntryWithCreated(st.labels, b.now, push.Entry{
		Timestamp:          time.Unix(0, nanos),
		Line:               line,
		StructuredMetadata: b.extra(st, ev, choice),
	}))
	b.counts.Sources[choice.Source]++
	b.counts.Bytes += len(line)
	return time.Duration(now - choice.True), true
}

func (b *Builder) stream(ev *event.Event) *stream {
	key := b.streams.key(ev, b.delivery)
	if b.last == nil || ev.Source != b.lastSource || key != b.lastKey {
		b.last, b.lastSource, b.lastKey = b.streams.lookup(key, ev, b.delivery), ev.Source, key
	}
	return b.last
}

// distinct returns the time for a line: its own, or the next nanosecond that no
// equal line of the stream has taken in this delivery. Loki keeps one of several
// entries of a stream that are equal in time and text, and two equal lines that
// an application wrote are two lines. Structured metadata does not tell them
// apart: Loki looks at it since 3.7 only.
// https://github.com/grafana/loki/pull/21039
//
// The order of the lines decides, so that a redelivery gets the same times.
func (b *Builder) distinct(st *stream, line string, nanos int64) int64 {
	own := b.hash(st, line, nanos)
	step, taken := b.taken[own]
	if !taken {
		b.taken[own] = 1
		return nanos
	}
	at := nanos + step
	for {
		h := b.hash(st, line, at)
		step, taken = b.taken[h]
		if !taken {
			b.taken[h] = 1
			break
		}
		at += step
	}
	b.taken[own] = at + 1 - nanos
	return at
}

func (b *Builder) hash(st *stream, line string, nanos int64) uint64 {
	const odd1, odd2 = 0x9e3779b97f4a7c15, 0xd6e8feb86659fd93
	return maphash.String(b.seed, line) ^ (st.hash * odd1) ^ (uint64(nanos) * odd2)
}

// extra returns the structured metadata of an entry, in memory of its own.
func (b *Builder) extra(st *stream, ev *event.Event, c timestamp.Choice) []push.LabelAdapter {
	room := b.metadata.take(len(st.metadata) + len(ev.Fields) + maxExtra + len(b.with))
	md := append(room, st.metadata...)
	for _, f := range ev.Fields {
		md = append(md, push.LabelAdapter{Name: f.Name, Value: b.lines.copy(f.Value)})
	}
	if ev.Level != "" && !b.streams.opts.LevelLabel {
		md = append(md, push.LabelAdapter{Name: MetadataLevel, Value: ev.Level})
	}
	md = append(md, push.LabelAdapter{Name: MetadataSource, Value: c.Source.String()})
	if c.Moved {
		b.counts.Moved++
		md = append(md, push.LabelAdapter{Name: MetadataTrueTime, Value: time.Unix(0, c.True).UTC().Format(time.RFC3339Nano)})
	}
	if ev.Partial == event.Fragment {
		b.counts.Fragments++
		md = append(md, push.LabelAdapter{Name: MetadataPartial, Value: "true"})
	}
	if ev.Flaw != event.NoFlaw {
		b.counts.Flaws[ev.Flaw]++
		md = append(md, push.LabelAdapter{Name: MetadataFlaw, Value: string(ev.Flaw)})
	}
	for _, more := range b.with {
		_, isLabel := st.labels[model.LabelName(more.Name)]
		if !isLabel && !slices.ContainsFunc(md, func(l push.LabelAdapter) bool { return l.Name == more.Name }) {
			md = append(md, more)
		}
	}
	b.metadata.giveBack(cap(room) - len(md))
	return md[:len(md):len(md)]
}

// Chunks are the room that lines, and labels, share. They grow from the smallest
// to the largest size within a delivery: one of a single record keeps little alive
// for as long as a queue keeps its entry, and one of thousands has few of them. A
// line that is kept for long, by a stage that picks it out, keeps at most the
// largest alive; longer lines have room of their own.
const (
	minLineChunk, maxLineChunk         = 1 << 10, 32 << 10 // Bytes.
	minMetadataChunk, maxMetadataChunk = 16, 512           // Labels.
)

// lineArena copies lines into shared chunks: one allocation for some two hundred
// lines.
type lineArena struct{ chunk strings.Builder }

// copy returns a copy of line that nobody will change.
func (a *lineArena) copy(line []byte) string {
	if len(line) > maxLineChunk/4 {
		return string(line)
	}
	if a.chunk.Cap()-a.chunk.Len() < len(line) {
		size := min(max(2*a.chunk.Cap(), minLineChunk), maxLineChunk)
		a.chunk.Reset()
		a.chunk.Grow(max(size, len(line)))
	}
	start := a.chunk.Len()
	a.chunk.Write(line)
	return a.chunk.String()[start:]
}

// metadataArena hands out room for the structured metadata of entries.
type metadataArena struct{ chunk []push.LabelAdapter }

// take returns an empty slice with room for n labels that nobody else has.
func (a *metadataArena) take(n int) []push.LabelAdapter {
	if cap(a.chunk)-len(a.chunk) < n {
		size := min(max(2*cap(a.chunk), minMetadataChunk), maxMetadataChunk)
		a.chunk = make([]push.LabelAdapter, 0, max(size, n))
	}
	start := len(a.chunk)
	a.chunk = a.chunk[:start+n]
	return a.chunk[start : start : start+n]
}

// giveBack takes back the last n of the labels for which take last gave room.
func (a *metadataArena) giveBack(n int) { a.chunk = a.chunk[:len(a.chunk)-n] }
