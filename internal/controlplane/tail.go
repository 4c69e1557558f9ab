package controlplane

import (
	"bytes"
	"slices"

	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/jsonscan"
)

var stageTimeKey = []byte(`"stageTimestamp"`)

// readAuditTail reads a piece of an audit event that was too long for one event of
// CloudWatch Logs: its end, which begins anywhere, or something out of its middle,
// of which nothing can be told.
func (p *Parser) readAuditTail(ev *event.Event) bool {
	l, a := &p.line, &p.audit
	ours := p.isPiece()
	if !ours && !(l.logType == Unknown && bytes.Contains(l.text, stageTimeKey)) {
		return false
	}
	for at := outside; at <= inEscape; at++ {
		if a.readTail(at) && (ours || a.hasStageTime) {
			a.finish(ev, false)
			return true
		}
	}
	l.begin(l.text, l.logType)
	if !ours {
		return false
	}
	a.begin(l.text)
	a.bodies = append(a.bodies, cut{0, len(a.b)})
	a.finish(ev, false)
	return true
}

// minMiddle is how long a piece is at least that has neither the beginning nor the
// end of its event: as long as an event of CloudWatch Logs can be, which was 256 KiB
// once.
const minMiddle = 128 << 10

// isPiece reports whether the line, which has none of the shapes that components
// write, is a piece of an audit event. Nobody but the audit writes into its
// stream, and the lines of one record come out of one. Where neither name nor lines
// tell the stream, it is if it is marked as cut off, if it is longer than whatever
// else is written, or if it is a part of a JSON text.
func (p *Parser) isPiece() bool {
	l := &p.line
	switch {
	case len(l.text) == 0:
		return false
	case l.logType != Unknown:
		return l.logType == Audit
	}
	if prev := p.followers.previous(); prev.known && prev.logType != Unknown {
		return prev.logType == Audit
	}
	if len(p.origin.logStream) > 0 {
		return false
	}
	return len(l.text) >= minMiddle || bytes.HasSuffix(l.text, truncationMark) || isFragment(l.text)
}

// isFragment reports whether text is a part of a JSON text, with a member in it or
// the end of one, whose first byte stands inside or outside of a string.
func isFragment(text []byte) bool {
	if bytes.IndexByte(text, '"') < 0 {
		return false
	}
	if scanFragment(text) {
		return true
	}
	for _, at := range [...]place{inString, inEscape} {
		from := stringRest(text, at)
		if from < 0 { // All of it stands in a string, and JSON in that.
			return bytes.Contains(text, []byte(`\":`))
		}
		if scanFragment(text[from:]) {
			return true
		}
	}
	return false
}

// scanFragment is isFragment for text that begins outside of a string. Its last
// string may be cut off.
func scanFragment(b []byte) bool {
	level, members := 0, 0
	for i := 0; i < len(b); {
		switch c := b[i]; {
		case c == '"':
			end, _, ok := jsonscan.SkipString(b, i)
			if !ok {
				return members > 0 && isCutOff(b, end)
			}
			if i = jsonscan.SkipSpace(b, end); i < len(b) && b[i] == ':' {
				members++
			}
			continue
		case c == '{':
			level++
		case c == '}':
			if level--; level < 0 {
				members++
			}
		case !isBetweenStrings(c) && c != '[' && c != ']':
			return false
		}
		i++
	}
	return members > 0
}

// isCutOff reports whether a string that does not end at b[i] goes on behind the
// end of b.
func isCutOff(b []byte, i int) bool {
	const longestEscape = len(`\u0000`)
	return i >= len(b) || b[i] == '\\' && len(b)-i < longestEscape
}

// place is where the first byte of a piece stands.
type place uint8

const (
	outside  place = iota // Of a string.
	inString              // Not in the middle of an escape.
	inEscape              // Behind the backslash.
)

// readTail reads the end of an event whose first byte stands there. It returns
// false when that cannot be.
func (a *auditReader) readTail(at place) bool {
	l := &a.p.line
	l.begin(l.text, l.logType)
	a.begin(l.text)
	from, depth, ok := scanTail(a.b, at)
	if !ok {
		return false
	}
	top := 1 - depth
	first := len(a.b)
	ok = membersAt(a.b, from, len(a.b), top, func(key []byte, at int) (int, bool) {
		if first == len(a.b) {
			first = offset(a.b, key) - 1
		}
		return a.member(key, at)
	})
	harmless := a.readSevered(from, first, top+1)
	switch {
	case !ok || l.set == 0 && !a.hasStageTime:
		return false
	case !a.hasStageTime: // Which every event has: this may be the end of anything.
		a.bodies = append(a.bodies[:0], cut{0, len(a.b)})
	case first > 0 && !harmless: // This may be the end of what is to be cut.
		for first > 0 && (a.b[first-1] == ',' || a.b[first-1] == ' ') {
			first--
		}
		a.bodies = slices.Insert(a.bodies, 0, cut{0, first})
	}
	return true
}

// readSevered takes the members that stand, at that level, before the first one at
// the top: those of an object whose name is missing. The order in which the API
// server writes an event tells which one it is: it precedes what follows. That of
// the user and that of the impersonated user, which is the same thing, cannot be
// told apart where neither name is left. harmless tells that it holds no object of a
// request.
func (a *auditReader) readSevered(from, first, level int) (harmless bool) {
	next, ok := keyAt(a.b, first)
	switch {
	case ok && !bytes.ContainsAny(a.b[from:first], "{}[]\""):
		return true // No object ends there.
	case !ok: // The annotations are the last.
		membersAt(a.b, from, first, level, a.annotation)
	case string(next) == "impersonatedUser":
		membersAt(a.b, from, first, level, a.userMember)
		membersAt(a.b, from, first, level+1, a.extraMember)
		return true
	case string(next) == "sourceIPs", string(next) == "userAgent":
		return true
	case string(next) != "responseStatus" && string(next) != "requestObject":
	case level == 0 && a.severedHas(from, first, level, isObjectName): // Which is flat.
		membersAt(a.b, from, first, level, a.objectMember)
		return true
	case string(next) == "requestObject" && a.severedHas(from, first, level, isStatusName):
		membersAt(a.b, from, first, level, a.statusMember)
		return true
	}
	return false
}

// severedHas reports whether the severed object is one that has such members, and
// none but those. An object without the beginning of a member at least is any.
func (a *auditReader) severedHas(from, first, level int, isName func(key []byte) bool) bool {
	n := 0
	ok := membersAt(a.b, from, first, level, func(key []byte, at int) (int, bool) {
		n++
		end, ok := a.wholeValue(at)
		return end, ok && isName(key)
	})
	return ok && n > 0
}

// isObjectName reports whether a member of objectRef is called so.
func isObjectName(key []byte) bool {
	switch string(key) {
	case "resource", "namespace", "name", "uid", "apiGroup", "apiVersion", "resourceVersion", "subresource":
		return true
	}
	return false
}

// isStatusName reports whether a member of responseStatus is called so.
func isStatusName(key []byte) bool {
	switch string(key) {
	case "metadata", "status", "message", "reason", "details", "code":
		return true
	}
	return false
}

// keyAt returns the name of the member at b[i].
func keyAt(b []byte, i int) (key []byte, ok bool) {
	if i >= len(b) || b[i] != '"' {
		return nil, false
	}
	end, _, ok := jsonscan.SkipString(b, i)
	if !ok {
		return nil, false
	}
	return b[i+1 : end-1], true
}

// scanTail follows the end of a JSON object from its first byte on. from is where the first byte outside of that
// string stands, and depth how many objects and arrays end that did not begin,
// the outermost object included. ok is false when the text is no such end.
func scanTail(b []byte, at place) (from, depth int, ok bool) {
	i := 0
	if at != outside {
		if i = stringRest(b, at); i < 0 {
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

// stringRest returns the position after the string whose beginning is missing, -1
// when it does not end.
func stringRest(b []byte, at place) int {
	i := 0
	if at == inEscape {
		i++
	}
	for ; i < len(b); i++ {
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

// membersAt calls f, as walk does, for the members in b[i:end] at a level, that of
// b[i] being 0: those of an object that began before. ok is false when f says so.
func membersAt(b []byte, i, end, level int, f func(key []byte, at int) (end int, ok bool)) (ok bool) {
	for at := 0; i < end; {
		switch b[i] {
		case '{', '[':
			at++
		case '}', ']':
			at--
		}
		if b[i] != '"' {
			i++
			continue
		}
		keyEnd, _, _ := jsonscan.SkipString(b, i)
		colon := jsonscan.SkipSpace(b, keyEnd)
		if at != level || colon >= end || b[colon] != ':' {
			i = keyEnd
			continue
		}
		if i, ok = f(b[i+1:keyEnd-1], jsonscan.SkipSpace(b, colon+1)); !ok {
			return false
		}
	}
	return true
}
