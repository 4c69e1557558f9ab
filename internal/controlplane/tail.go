package controlplane

import (
	"bytes"
	"slices"

	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/jsonscan"
)

var stageTimeKey = []byte(`"stageTimestamp"`)

// readAuditTail reads the end of an audit event that was too long for one event
// of CloudWatch Logs. Such a piece begins anywhere, and what stands before its
// first whole member at the top cannot be told.
//
// Nobody but the audit writes into its stream: whatever is read there and has no
// shape is a piece of an event too, out of its middle.
func (p *Parser) readAuditTail(ev *event.Event) bool {
	l := &p.line
	if len(l.text) == 0 || l.logType != Audit && !(l.logType == Unknown && bytes.Contains(l.text, stageTimeKey)) {
		return false
	}
	a := &p.audit
	if a.readTail(false) || a.readTail(true) {
		a.finish(ev, false)
		return true
	}
	l.begin(l.text, l.logType)
	if l.logType != Audit {
		return false
	}
	a.begin(l.text)
	a.bodies = append(a.bodies, cut{0, len(a.b)})
	a.finish(ev, false)
	return true
}

// readTail reads the end of an event, given that its first byte stands inside or
// outside of a string. It returns false when that cannot be.
func (a *auditReader) readTail(inString bool) bool {
	l := &a.p.line
	l.begin(l.text, l.logType)
	a.begin(l.text)
	from, depth, ok := scanTail(a.b, inString)
	if !ok {
		return false
	}
	first, ok := a.tailMembers(from, depth)
	for first > 0 && (a.b[first-1] == ',' || a.b[first-1] == ' ') {
		first--
	}
	if ok && first > 0 && !a.hasObject {
		// The object follows what it is about: this may be its end.
		a.bodies = slices.Insert(a.bodies, 0, cut{0, first})
	}
	return ok
}

// scanTail follows the end of a JSON object from its first byte on, which stands
// inside or outside of a string. from is where the first byte outside of that
// string stands, and depth how many objects and arrays end that did not begin,
// the outermost object included. ok is false when the text is no such end.
func scanTail(b []byte, inString bool) (from, depth int, ok bool) {
	i := 0
	if inString {
		if i = stringRest(b); i < 0 {
			return 0, 0, false
		}
	}
	from = i
	level, lowest := 0, 0
	for i < len(b) {
		switch c := b[i]; c {
		case '"':
			end, _, ok := jsonscan.SkipString(b, i)
			if !ok {
				return 0, 0, false
			}
			i = end
			continue
		case '{', '[':
			level++
		case '}', ']':
			level--
			lowest = min(lowest, level)
		default:
			if !isBetweenStrings(c) {
				return 0, 0, false
			}
		}
		i++
	}
	return from, -lowest, lowest < 0 && level == lowest
}

// stringRest returns the position after the string whose beginning is missing.
func stringRest(b []byte) int {
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// isBetweenStrings reports whether c can stand in JSON outside of a string,
// brackets aside.
func isBetweenStrings(c byte) bool {
	switch c {
	case ',', ':', ' ', '\t', '\r', '\n', '-', '+', '.', 'E':
		return true
	case 't', 'r', 'u', 'e', 'f', 'a', 'l', 's', 'n':
		return true
	}
	return isDigit(c)
}

// tailMembers takes the members, from b[i] on, at the top of the object that ends
// depth levels out. first is where the first of them begins, and found is whether
// one of them is the time of a stage.
func (a *auditReader) tailMembers(i, depth int) (first int, found bool) {
	b := a.b
	first = len(b)
	for level := 0; i < len(b); {
		switch b[i] {
		case '{', '[':
			level++
		case '}', ']':
			level--
		}
		if b[i] != '"' {
			i++
			continue
		}
		end, _, _ := jsonscan.SkipString(b, i)
		colon := jsonscan.SkipSpace(b, end)
		if level != 1-depth || colon >= len(b) || b[colon] != ':' {
			i = end
			continue
		}
		first = min(first, i)
		var ok bool
		if i, ok = a.member(b[i+1:end-1], jsonscan.SkipSpace(b, colon+1)); !ok {
			return first, false
		}
	}
	return first, a.hasStageTime
}
