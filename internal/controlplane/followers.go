package controlplane

import (
	"time"

	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

// followers gives lines without a header, such as the frames of a stack, time and
// level of the line before them in the same stream. What it knows ends with the
// delivery.
type followers struct {
	index   map[event.Fingerprint]int
	streams []previous
	unnamed previous // For lines whose stream is unknown: that of the record.
	current int      // Of streams; -1 is unnamed.
}

// previous is the last line of a stream.
type previous struct {
	known         bool
	line          int64
	hasLine       bool
	cloudwatch    int64
	hasCloudwatch bool
	level         string
	logType       LogType
}

// apart is how far CloudWatch's times of two lines of one text may lie from each
// other: they were written at once.
const apart = 10 * time.Second

func (f *followers) init() { f.index = map[event.Fingerprint]int{} }

func (f *followers) reset() {
	clear(f.index)
	f.streams = f.streams[:0]
	f.anonymous()
}

// anonymous begins a record that names no streams.
func (f *followers) anonymous() { f.current, f.unnamed = -1, previous{} }

// choose turns to the stream of o.
func (f *followers) choose(o *origin) {
	if o.anonymous() {
		f.anonymous()
		return
	}
	i, ok := f.index[o.key]
	if !ok {
		i = len(f.streams)
		f.streams = append(f.streams, previous{})
		f.index[o.key] = i
	}
	f.current = i
}

// follow completes a line that has no header from the one before, and remembers
// it for the next one.
func (f *followers) follow(l *line, ev *event.Event) {
	prev := &f.unnamed
	if f.current >= 0 {
		prev = &f.streams[f.current]
	}
	if l.detached {
		return
	}
	now := previous{known: true, level: ev.Level, logType: l.logType}
	now.cloudwatch, now.hasCloudwatch = ev.Times.Get(timestamp.CloudWatch)
	if l.headless && prev.known && !prev.isFar(&now) {
		if prev.hasLine {
			ev.Times.Set(timestamp.Line, prev.line)
		}
		if ev.Level == "" {
			ev.Level = prev.level
		}
		if l.logType == Unknown {
			l.logType = prev.logType
		}
	}
	now.line, now.hasLine = ev.Times.Get(timestamp.Line)
	now.level, now.logType = ev.Level, l.logType
	*prev = now
}

func (p *previous) isFar(q *previous) bool {
	if !p.hasCloudwatch || !q.hasCloudwatch {
		return false
	}
	d := q.cloudwatch - p.cloudwatch
	return d > int64(apart) || d < -int64(apart)
}
