package controlplane

import (
	"unicode/utf8"

	"github.com/grafana/alloy/eks/internal/jsonscan"
)

// line is what is known of the line that is being read.
type line struct {
	text    []byte
	logType LogType
	// values are those of the fields in set.
	values [numFields][]byte
	set    fieldSet
	// plain is the message of a line that has no field for it.
	plain []byte
	// extra is what else the line says; it is gathered for the JSON form only.
	extra []member
	// cuts are the parts of text that must not be seen, in their order.
	cuts []cut
	// damaged marks a line whose text holds more than what was read from it.
	damaged bool
	// headless marks a line that states no time: it may carry on with the one
	// before. detached marks one that does not.
	headless, detached bool
	isAudit            bool
	timed              bool // A member that holds its time has been met.
}

// member is a name and a value that have no field of their own.
type member struct {
	// The name is name, which is ours, needs no escapes and is no field's, and
	// then key, which is the line's own.
	name  string
	key   []byte
	value []byte
	// json tells that the value is JSON as it is written, and key the inside of
	// a JSON string; both are plain text otherwise.
	json bool
}

// cut is a part of a line, by the positions where it begins and ends.
type cut struct{ from, to int }

// begin forgets the line before. t is what the log stream says of the type.
func (l *line) begin(text []byte, t LogType) {
	clear(l.extra) // What it points to may be a large record, long gone.
	l.text, l.logType = text, t
	l.set, l.plain, l.extra, l.cuts = 0, nil, l.extra[:0], l.cuts[:0]
	l.damaged, l.headless, l.detached, l.isAudit, l.timed = false, false, false, false, false
}

// maxParts is the room for members, and for cuts, that is kept between records.
const maxParts = 1 << 10

// release lets go of the memory of the lines before, of which nothing is needed
// any more.
func (l *line) release() {
	clear(l.extra)
	extra, cuts := l.extra[:0], l.cuts[:0]
	if cap(extra) > maxParts {
		extra = nil
	}
	if cap(cuts) > maxParts {
		cuts = nil
	}
	*l = line{extra: extra, cuts: cuts}
}

func (l *line) has(f field) bool { return l.set.has(f) }

// put gives a field its value; an empty one is none.
func (l *line) put(f field, value []byte) {
	if len(value) > 0 {
		l.values[f] = value
		l.set |= 1 << f
	}
}

// value returns the value of a field, empty when it has none.
func (l *line) value(f field) []byte {
	if !l.has(f) {
		return nil
	}
	return l.values[f]
}

var trueText = []byte("true")

func (l *line) truncated() bool { return l.has(truncated) }

// putValue gives a field the meaning of a JSON value; null and what is nested are
// none.
func (p *Parser) putValue(f field, v jsonscan.Value) {
	if v.IsObject() || v.IsArray() || string(v) == "null" {
		return
	}
	p.line.put(f, p.unquote(v))
}

// maxFieldLen bounds the value of a field, so that all fields of an event
// together stay below the 64 KiB of structured metadata that Loki takes with a
// line by default. The line itself holds all of it.
const maxFieldLen = 1536

// fit returns a value as metadata can carry it: valid UTF-8 of bounded length.
func (p *Parser) fit(value []byte) []byte {
	value = cutText(value)
	if p.line.isAudit && p.audit.scanner.IsASCII() || utf8.Valid(value) {
		return value
	}
	start := len(p.arena)
	for len(value) > 0 {
		r, n := utf8.DecodeRune(value)
		p.arena = utf8.AppendRune(p.arena, r)
		value = value[n:]
	}
	return cutText(p.arena[start:])
}

// cutText returns as much of text as a field can hold, without a character that
// would be cut in two.
func cutText(text []byte) []byte {
	if len(text) <= maxFieldLen {
		return text
	}
	text = text[:maxFieldLen]
	for n := 1; n < utf8.UTFMax; n++ {
		if last := text[len(text)-n:]; utf8.RuneStart(last[0]) {
			if !utf8.FullRune(last) {
				return text[:len(text)-n]
			}
			break
		}
	}
	return text
}
