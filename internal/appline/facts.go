// Package appline reads what an application's log line says of itself: when it
// was written and how severe it is.
//
// It knows the shapes that loggers write, and looks only where such a shape has
// its time and its level: at the members of a JSON object, at the pairs of
// logfmt, at the header before a text. A word in a text is no level, and a date
// in a text is not the line's time.
package appline

import (
	"bytes"

	"github.com/grafana/alloy/eks/internal/timestamp"
)

// The levels. Whatever a logger calls its own is given as one of these: notice
// as info; critical, alert, emergency and panic as fatal.
const (
	Trace = "trace"
	Debug = "debug"
	Info  = "info"
	Warn  = "warn"
	Error = "error"
	Fatal = "fatal"
)

// Facts is what a line says of itself. It refers to nothing of the line.
type Facts struct {
	// Time is when the line was written, and may lack a year, a zone or a date.
	// It has a meaning only if HasTime.
	Time    timestamp.Reading
	HasTime bool
	// Level is one of the levels, empty when the line states none.
	Level string
	// Continuation marks a line that only carries on with the one before it: a
	// stack frame, an indented text. It has no time and no level of its own.
	Continuation bool
}

const (
	// headLen is how much of a text is looked at: the header of every shape,
	// a long host, thread and logger name included, ends earlier.
	headLen = 256
	// logfmtLen is the same for logfmt, whose pairs have no order.
	logfmtLen = 1024
)

// Read reads one line, with or without its line feed. Of several lines in one
// text the first counts.
//
// An object of JSON that is cut off, or damaged, states what its whole members
// before the damage state.
//
// It takes time that is linear in the length of a JSON line and constant
// otherwise, allocates nothing, and keeps nothing.
func Read(line []byte) Facts {
	if len(line) == 0 {
		return Facts{}
	}
	if line[0] == '{' {
		var o Object
		if o.readSome(line) {
			return o.Facts()
		}
	}
	head := line[:min(len(line), logfmtLen)]
	if i := bytes.IndexByte(head, '\n'); i >= 0 {
		head = head[:i]
	}
	head = bytes.TrimSuffix(head, []byte{'\r'})
	if bytes.IndexByte(head, escape) >= 0 {
		var plain [headLen]byte
		f, _ := readText(stripColours(plain[:0], head), 0)
		return f
	}
	f, object := readText(head, 0)
	if object > 0 {
		var o Object
		o.readSome(line[len(head)-object:])
		f.refineByFields(o.Facts())
	}
	return f
}

const escape = 0x1b

// stripColours appends b to dst, which is not grown, without its ANSI colour
// sequences.
func stripColours(dst, b []byte) []byte {
	for i := 0; i < len(b) && len(dst) < cap(dst); i++ {
		if b[i] == escape && i+1 < len(b) && b[i+1] == '[' {
			end := i + 2
			for end < len(b) && (isDigit(b[end]) || b[end] == ';') {
				end++
			}
			if end < len(b) && b[end] == 'm' {
				i = end
				continue
			}
		}
		dst = append(dst, b[i])
	}
	return dst
}

// refine takes over what an inner line states, one that stands behind the time
// of f: its level if f has none, and its time if that is worth more.
func (f *Facts) refine(inner Facts) {
	if f.Level == "" {
		f.Level = inner.Level
	}
	if !inner.HasTime {
		return
	}
	switch {
	case !f.HasTime || inner.Time.Complete():
		f.Time = inner.Time
	case f.Time.Complete():
		nanos, ok := inner.Time.Resolve(f.Time.Nanos, true, nil)
		if ok {
			f.Time = timestamp.Reading{Nanos: nanos, Digits: inner.Time.Digits}
		}
	case inner.Time.Lacks&^f.Time.Lacks == 0 && inner.Time.Digits >= f.Time.Digits:
		f.Time = inner.Time
	}
	f.HasTime = true
}

// refineByFields is refine for fields that stand behind a time. Unless one of
// them is a level they may as well be what the text is about, and a whole time
// before them is not given up for theirs.
func (f *Facts) refineByFields(inner Facts) {
	if inner.Level == "" && f.HasTime && f.Time.Complete() {
		return
	}
	f.refine(inner)
}

func isDigit(c byte) bool { return c-'0' <= 9 }

func isLetter(c byte) bool { return c|0x20-'a' < 26 }

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
