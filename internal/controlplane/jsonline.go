package controlplane

import (
	"bytes"
	"sort"
	"strings"
	"time"

	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/jsonscan"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

// The names that every line of the JSON form has, where it has the thing.
const (
	keyTime    = "time"
	keyLevel   = "level"
	keyLogType = "log_type"
	keyCluster = "cluster"
	keyMessage = FieldMessage
	keyRaw     = "raw"
)

// fieldsByName maps names to their fields.
var fieldsByName = func() map[string]field {
	byName := make(map[string]field, numFields)
	for f := range numFields {
		byName[fieldNames[f]] = f
	}
	return byName
}()

// isTaken reports whether the object already has a member with that name, or may
// have.
func (l *line) isTaken(key []byte) bool {
	switch string(key) {
	case keyTime, keyLevel, keyLogType, keyCluster, keyMessage, keyRaw:
		return true
	}
	f, ok := fieldsByName[string(key)]
	return ok && l.has(f)
}

// extraPrefix is put before the name of a thing whose own name is taken.
const extraPrefix = "kv_"

// maxJSONLine is how long the JSON form of a line may be: as long as Loki takes one
// by default. What CloudWatch Logs cuts off an audit event is just as long, and
// longer by a third with its quotes escaped.
// https://grafana.com/docs/loki/latest/configure/#limits_config (max_line_size)
const maxJSONLine = 256 << 10

// lineOf returns the line of the event in the format that was asked for. A line
// that only its text keeps short enough for Loki stays text.
func (p *Parser) lineOf(ev *event.Event) []byte {
	text := p.visible()
	if p.opts.LineFormat != JSON {
		return text
	}
	start := len(p.arena)
	p.arena = p.appendJSON(p.arena, ev, text)
	if line := p.arena[start:]; len(line) <= maxJSONLine || len(line) <= len(text) {
		return line
	}
	return text
}

// visible returns the text of the line without what is cut out of it.
func (p *Parser) visible() []byte {
	l := &p.line
	if len(l.cuts) == 0 {
		return l.text
	}
	start := len(p.arena)
	p.arena = appendRedacted(p.arena, l.text, l.cuts)
	return p.arena[start:]
}

// appendJSON appends the JSON form of the line: one object without line feeds of
// its own, in which the same thing has the same name whatever the type. First
// comes what every line has, time, level, log_type, cluster and msg; then the
// fields of its type; then whatever else the line says, under its own names; and
// the text itself as raw where that is not all of it.
//
// It is flat: a list of strings is one string with commas in between, and any
// other list, or an object, is the string that holds its JSON.
func (p *Parser) appendJSON(dst []byte, ev *event.Event, text []byte) []byte {
	l := &p.line
	dst = append(dst, '{')
	if nanos, ok := bestTime(ev); ok {
		dst = append(appendKey(dst, keyTime), '"')
		dst = time.Unix(0, nanos).UTC().AppendFormat(dst, time.RFC3339Nano)
		dst = append(dst, '"')
	}
	dst = appendText(dst, keyLevel, ev.Level)
	dst = appendText(dst, keyLogType, string(l.logType))
	dst = appendText(dst, keyCluster, ev.Source.Get(LabelCluster))
	dst = l.appendMessage(dst)
	for set := l.set &^ (1 << message); set != 0; set = set.rest() {
		f := set.first()
		dst = appendValue(appendKey(dst, fieldNames[f]), l.values[f], isNumeric(f))
	}
	l.nameExtra()
	names := l.names()
	for i := range l.extra {
		if l.isRepeated(i, names) {
			l.damaged = true
			continue
		}
		dst = l.appendExtra(dst, &l.extra[i])
	}
	if l.damaged {
		dst = appendQuoted(appendKey(dst, keyRaw), text)
	}
	return append(dst, '}')
}

// bestTime returns the time of the line, in the order of what is nearest to it.
func bestTime(ev *event.Event) (nanos int64, ok bool) {
	for _, s := range [...]timestamp.Source{timestamp.Line, timestamp.CloudWatch, timestamp.Firehose} {
		if nanos, ok = ev.Times.Get(s); ok {
			return nanos, true
		}
	}
	return 0, false
}

// appendMessage appends the message. An audit event has none: what was asked for
// and what became of it stand for it.
func (l *line) appendMessage(dst []byte) []byte {
	switch {
	case l.has(message):
		return appendQuoted(appendKey(dst, keyMessage), l.values[message])
	case len(l.plain) > 0:
		return appendQuoted(appendKey(dst, keyMessage), l.plain)
	case !l.isAudit || !l.has(verb):
		return dst
	}
	dst = append(appendKey(dst, keyMessage), '"')
	dst = jsonscan.AppendEscaped(dst, l.values[verb])
	for _, f := range [...]field{requestURI, responseCode} {
		if l.has(f) {
			dst = jsonscan.AppendEscaped(append(dst, ' '), l.values[f])
		}
	}
	return append(dst, '"')
}

// nameExtra gives members whose names are taken other ones.
func (l *line) nameExtra() {
	for i := range l.extra {
		if m := &l.extra[i]; m.name == "" && l.isTaken(m.key) {
			m.name = extraPrefix
		}
	}
}

const (
	// few is how many members are compared with each other. Of more, the names are
	// remembered, as time would grow with the square of their number.
	few = 32
	// many is how many names are remembered at most. A line with more is none that
	// a program writes.
	many = 16 << 10
)

// names holds those of the members before one, unless there are few.
func (l *line) names() map[string]struct{} {
	if len(l.extra) <= few || len(l.extra) > many {
		return nil
	}
	return make(map[string]struct{}, len(l.extra))
}

// isRepeated reports whether a member before this one has the same name. It is
// asked of all members, in their order, with what names returned. Two of one name
// make an object that some readers refuse.
func (l *line) isRepeated(i int, names map[string]struct{}) bool {
	m := &l.extra[i]
	if names != nil {
		name := m.name + string(m.key)
		_, known := names[name]
		names[name] = struct{}{}
		return known
	}
	for n := 0; n < i && len(l.extra) <= few; n++ {
		if l.extra[n].isNamed(m) {
			return true
		}
	}
	return false
}

// isNamed reports whether two members have the same name.
func (m *member) isNamed(other *member) bool {
	if len(m.name) < len(other.name) {
		m, other = other, m
	}
	// What the name of the one has more is the beginning of the key of the other.
	more := len(m.name) - len(other.name)
	return len(m.key)+more == len(other.key) && strings.HasPrefix(m.name, other.name) &&
		m.name[len(other.name):] == string(other.key[:more]) && bytes.Equal(m.key, other.key[more:])
}

// appendExtra appends a member that has no field.
func (l *line) appendExtra(dst []byte, m *member) []byte {
	dst = appendKey(dst, m.name)
	dst = dst[:len(dst)-len(`":`)]
	if m.json {
		dst = append(dst, m.key...)
	} else {
		dst = jsonscan.AppendEscaped(dst, m.key)
	}
	dst = append(dst, `":`...)
	if !m.json {
		return appendQuoted(dst, m.value)
	}
	switch v := jsonscan.Value(m.value); {
	case l.isCut(v):
		return append(dst, RedactionMark...)
	case v.IsArray():
		return appendList(dst, v)
	case v.IsObject():
		return appendQuoted(dst, v)
	}
	return append(dst, m.value...)
}

// isCut reports whether a part of the text is not to be seen, all of it or some.
func (l *line) isCut(part []byte) bool {
	if len(l.cuts) == 0 {
		return false
	}
	from := offset(l.text, part)
	i := sort.Search(len(l.cuts), func(i int) bool { return l.cuts[i].to > from })
	return i < len(l.cuts) && l.cuts[i].from < from+len(part)
}

// appendList appends a list as a string: that of its strings with commas in
// between, or its JSON if it holds anything else.
func appendList(dst []byte, v jsonscan.Value) []byte {
	start := len(dst)
	dst = append(dst, '"')
	for list := jsonscan.Array(v, 0); list.Next(); {
		element := list.Value()
		if !element.IsString() {
			return appendQuoted(dst[:start], v)
		}
		if len(dst) > start+1 {
			dst = append(dst, ',')
		}
		dst = append(dst, element[1:len(element)-1]...)
	}
	return append(dst, '"')
}

// appendKey appends a name that needs no escapes, with what stands around it.
func appendKey(dst []byte, key string) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	dst = append(dst, '"')
	dst = append(dst, key...)
	return append(dst, `":`...)
}

// appendText appends a member whose value needs no escapes, if there is a value.
func appendText(dst []byte, key, value string) []byte {
	if value == "" {
		return dst
	}
	return appendQuoted(appendKey(dst, key), []byte(value))
}

func isNumeric(f field) bool { return f == responseCode || f == sourceLine || f == threadID }

// appendValue appends a value, as a number if it is one that JSON can write so.
func appendValue(dst, value []byte, number bool) []byte {
	const longest = 15 // Digits that a float64 holds.
	number = number && len(value) <= longest && (value[0] != '0' || len(value) == 1)
	for _, c := range value {
		number = number && isDigit(c)
	}
	if number {
		return append(dst, value...)
	}
	return appendQuoted(dst, value)
}

// appendQuoted appends text as a JSON string.
func appendQuoted(dst, text []byte) []byte {
	dst = append(dst, '"')
	dst = jsonscan.AppendEscaped(dst, text)
	return append(dst, '"')
}
