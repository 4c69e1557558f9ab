package controlplane

import (
	"time"

	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

// followers gives lines without a header, such as the frames of a stack, time and
// level of the line before them in the same stream, and lines of a stream whose name
// says nothing their type. What it knows ends with the delivery.
type followers struct {
	index map[event.Fingerprint]int // Into streams.
	// streams are the ones met last, up to maxStreams; oldest is the one that
	// makes room for another.
	streams []previous
	oldest  int
	unnamed previous // For lines whose stream is unknown: that of the record.
	current int      // Of streams; -1 is unnamed.
	told    told     // By the lines of unnamed.
}

// told is what the lines of a record without a name tell of their type.
type told struct {
	logType LogType // The first one; empty for none.
	mixed   bool    // There are others.
	missing bool    // A line before the first that tells tells nothing.
}

// add adds what a line tells by itself.
func (t *told) add(own LogType) {
	switch {
	case own == Unknown:
		t.missing = t.missing || t.logType == ""
	case t.logType == "":
		t.logType = own
	default:
		t.mixed = t.mixed || own != t.logType
	}
}

// ofAll returns the type of all lines of the record, if only some of them tell it.
// The lines of a record come out of one stream, into which one component writes;
// the audit's has no other lines.
func (t *told) ofAll() (LogType, bool) {
	return t.logType, t.missing && !t.mixed && t.logType != "" && t.logType != Audit
}

// maxStreams bounds how many streams are remembered. They rotate as they grow, and
// a cluster writes some twelve at once.
const maxStreams = 1000

// previous is the last line of a stream.
type previous struct {
	key           event.Fingerprint
	known         bool
	line          int64
	hasLine       bool
	cloudwatch    int64
	hasCloudwatch bool
	received      int64
	level         string
	logType       LogType
}

// apart is how far CloudWatch's times of two lines of one text, or where it has
// none the times at which they arrived, may lie from each other: they were
// written at once.
const apart = 10 * time.Second

func (f *followers) init() { f.index = map[event.Fingerprint]int{} }

func (f *followers) reset() {
	clear(f.index)
	f.streams, f.oldest = f.streams[:0], 0
	f.anonymous()
}

// anonymous begins a record that names no streams.
func (f *followers) anonymous() { f.current, f.unnamed, f.told = -1, previous{}, told{} }

// choose turns to the stream of o.
func (f *followers) choose(o *origin) {
	if o.anonymous() {
		f.anonymous()
		return
	}
	i, ok := f.index[o.flow]
	if !ok {
		i = f.room()
		f.streams[i] = previous{key: o.flow}
		f.index[o.flow] = i
	}
	f.current = i
}

// room returns the place for a stream that is not remembered yet.
func (f *followers) room() int {
	if len(f.streams) < maxStreams {
		f.streams = append(f.streams, previous{})
		return len(f.streams) - 1
	}
	i := f.oldest
	f.oldest = (i + 1) % maxStreams
	delete(f.index, f.streams[i].key)
	return i
}

// previous returns the line before in the stream at hand.
func (f *followers) previous() *previous {
	if f.current >= 0 {
		return &f.streams[f.current]
	}
	return &f.unnamed
}

// follow completes a line that has no header from the one before, and remembers
// it for the next one.
func (f *followers) follow(l *line, ev *event.Event) {
	if l.detached {
		return
	}
	if f.current < 0 {
		f.told.add(l.logType)
	}
	prev := f.previous()
	if l.logType == Unknown && prev.known && (l.headless || prev.logType != Audit) {
		l.logType = prev.logType // What is not known of a stream is the same for all its lines.
	}
	now := previous{key: prev.key, known: true}
	now.cloudwatch, now.hasCloudwatch = ev.Times.Get(timestamp.CloudWatch)
	now.received, _ = ev.Times.Get(timestamp.Firehose)
	if l.headless && prev.known && !prev.isFar(&now) {
		if prev.hasLine {
			ev.Times.Set(timestamp.Line, prev.line)
		}
		if ev.Level == "" {
			ev.Level = prev.level
		}
	}
	now.line, now.hasLine = ev.Times.Get(timestamp.Line)
	now.level, now.logType = ev.Level, l.logType
	*prev = now
}

func (p *previous) isFar(q *previous) bool {
	d := q.received - p.received
	if p.hasCloudwatch && q.hasCloudwatch {
		d = q.cloudwatch - p.cloudwatch
	}
	return d > int64(apart) || d < -int64(apart)
}
