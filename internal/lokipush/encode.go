package lokipush

import (
	"encoding/binary"
	"sync"

	"github.com/klauspost/compress/s2"

	"github.com/grafana/alloy/internal/component/common/loki"
)

// segment is entries of one stream that follow each other in Batch.order.
type segment struct{ stream, from, to int32 }

func (s segment) len() int { return int(s.to - s.from) }

// What an entry takes at most beside its line, and a label beside its name and its
// value: tags, lengths and the time.
const (
	maxLength       = 5
	maxEntryHead    = 2*(1+maxLength) + 1 + 1 + 2*(1+binary.MaxVarintLen64)
	maxMetadataHead = 3 * (1 + maxLength)
	maxStreamHead   = 2 * (1 + maxLength)
)

// The fields of Loki's messages, with their wire type: a length and bytes, or a
// varint for the parts of a time.
// https://github.com/grafana/loki/blob/main/pkg/push/push.proto
const (
	tagRequestStream = 1<<3 | 2
	tagStreamLabels  = 1<<3 | 2
	tagStreamEntry   = 2<<3 | 2
	tagEntryTime     = 1<<3 | 2
	tagEntryLine     = 2<<3 | 2
	tagEntryMetadata = 3<<3 | 2
	tagTimeSeconds   = 1 << 3
	tagTimeNanos     = 2 << 3
	tagLabelName     = 1<<3 | 2
	tagLabelValue    = 2<<3 | 2
)

// writer writes a message from its end to its beginning: what a length counts is
// there before the length is, so nothing is measured first.
type writer struct {
	buf []byte
	at  int // Of the beginning of what has been written.
}

func (w *writer) varint(v uint64) {
	n := 1
	for rest := v; rest >= 1<<7; rest >>= 7 {
		n++
	}
	w.at -= n
	at := w.at
	for ; v >= 1<<7; v >>= 7 {
		w.buf[at] = byte(v) | 1<<7
		at++
	}
	w.buf[at] = byte(v)
}

func (w *writer) tag(tag byte) {
	w.at--
	w.buf[w.at] = tag
}

// field ends a field that has been written from end to here.
func (w *writer) field(tag byte, end int) {
	w.varint(uint64(end - w.at))
	w.tag(tag)
}

func (w *writer) text(tag byte, s string) {
	end := w.at
	w.at -= len(s)
	copy(w.buf[w.at:], s)
	w.field(tag, end)
}

func (w *writer) entry(e *loki.Entry, nanos int64) {
	end := w.at
	for i := len(e.StructuredMetadata) - 1; i >= 0; i-- {
		l := &e.StructuredMetadata[i]
		labelEnd := w.at
		if l.Value != "" {
			w.text(tagLabelValue, l.Value)
		}
		w.text(tagLabelName, l.Name)
		w.field(tagEntryMetadata, labelEnd)
	}
	if e.Line != "" {
		w.text(tagEntryLine, e.Line)
	}
	w.time(nanos)
	w.field(tagStreamEntry, end)
}

// time writes a protobuf Timestamp, whose nanoseconds are never negative.
func (w *writer) time(nanos int64) {
	const second = 1_000_000_000
	seconds, rest := nanos/second, nanos%second
	if rest < 0 {
		seconds, rest = seconds-1, rest+second
	}
	end := w.at
	if rest != 0 {
		w.varint(uint64(rest))
		w.tag(tagTimeNanos)
	}
	if seconds != 0 {
		w.varint(uint64(seconds))
		w.tag(tagTimeSeconds)
	}
	w.field(tagEntryTime, end)
}

// room returns a buffer that the segments fit into.
func (b *Batch) room(dst []byte, segs []segment) []byte {
	n := 0
	for _, s := range segs {
		n += maxStreamHead + len(b.textOf(&b.streams[s.stream]))
		for _, i := range b.order[s.from:s.to] {
			n += int(b.sizes[i])
		}
	}
	if cap(dst) < n {
		return make([]byte, n)
	}
	return dst[:n]
}

// encode returns the push request of the segments, and the buffer that it lies
// in. Segments of one stream that follow each other become one stream.
func (b *Batch) encode(dst []byte, segs []segment) (request, buf []byte) {
	buf = b.room(dst, segs)
	w := writer{buf: buf, at: len(buf)}
	end := w.at
	for k := len(segs) - 1; k >= 0; k-- {
		s := segs[k]
		for j := s.to - 1; j >= s.from; j-- {
			i := b.order[j]
			w.entry(&b.entries[i], b.nanos[i])
		}
		if k > 0 && segs[k-1].stream == s.stream {
			continue
		}
		labelsEnd := w.at
		text := b.textOf(&b.streams[s.stream])
		w.at -= len(text)
		copy(w.buf[w.at:], text)
		w.field(tagStreamLabels, labelsEnd)
		w.field(tagRequestStream, end)
		end = w.at
	}
	return buf[w.at:], buf
}

// maxPooled is the largest buffer that is used again: a push of the default batch
// size fits in.
const maxPooled = 4 << 20

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// buffer is memory that is used again.
type buffer struct{ bytes []byte }

func (f *buffer) free() {
	if cap(f.bytes) <= maxPooled {
		buffers.Put(f)
	}
}

// compress writes the push request of the segments into dst, in snappy's block
// format.
func (b *Batch) compress(dst []byte, segs []segment) []byte {
	f := buffers.Get().(*buffer)
	defer f.free()
	request, buf := b.encode(f.bytes[:0], segs)
	f.bytes = buf
	return s2.EncodeSnappy(dst[:cap(dst)], request)
}
