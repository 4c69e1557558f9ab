package clustertraffic

import (
	"strconv"
	"time"
)

// mark is something that is true of a line.
type mark uint16

const (
	denied mark = 1 << iota
	exec
	anonymous
	secretRead
	authenticatorDenied
	headless
	truncated
	timeCut
)

// draft is one event of the message that is being made. Its parts stand in lines.
type draft struct {
	from, to               int // In the text.
	factsFrom, factsTo     int
	secretsFrom, secretsTo int
	time, millis           int64
	level                  string
	marks                  mark
}

func (d *draft) is(m mark) bool { return d.marks&m != 0 }

// fact is a field that a receiver finds. The value stands in lines.values where
// it is empty here.
type fact struct {
	name, value string
	from, to    int
}

type span struct{ from, to int }

// lines are the events of a message, with the text of all of them in one piece.
type lines struct {
	text    []byte
	drafts  []draft
	facts   []fact
	values  []byte
	secrets []span
}

func (l *lines) reset() {
	l.text, l.drafts, l.facts, l.values, l.secrets = l.text[:0], l.drafts[:0], l.facts[:0], l.values[:0], l.secrets[:0]
}

// begin opens an event; end completes the one that was opened last.
func (l *lines) begin(nanos, millis int64) *draft {
	l.drafts = append(l.drafts, draft{
		from: len(l.text), factsFrom: len(l.facts), secretsFrom: len(l.secrets), time: nanos, millis: millis,
	})
	return l.last()
}

func (l *lines) end() {
	d := l.last()
	d.to, d.factsTo, d.secretsTo = len(l.text), len(l.facts), len(l.secrets)
}

func (l *lines) last() *draft { return &l.drafts[len(l.drafts)-1] }

// str appends texts as they are.
func (l *lines) str(texts ...string) {
	for _, t := range texts {
		l.text = append(l.text, t...)
	}
}

func (l *lines) int(n int64) { l.text = strconv.AppendInt(l.text, n, 10) }

// fact adds a field. An empty value is none.
func (l *lines) fact(name, value string) {
	if value != "" {
		l.facts = append(l.facts, fact{name: name, value: value})
	}
}

// factOf adds a field whose value is not kept elsewhere.
func (l *lines) factOf(name string, value []byte) {
	from := len(l.values)
	l.values = append(l.values, value...)
	l.facts = append(l.facts, fact{name: name, from: from, to: len(l.values)})
}

// factFrom adds a field with the text from that position on.
func (l *lines) factFrom(name string, from int) { l.factOf(name, l.text[from:]) }

// secretFrom declares the text from that position on secret.
func (l *lines) secretFrom(from int) { l.secrets = append(l.secrets, span{from, len(l.text)}) }

// micros appends a time as the API server writes it: six digits, always.
func (l *lines) micros(nanos int64) {
	l.text = time.Unix(0, nanos).UTC().AppendFormat(l.text, "2006-01-02T15:04:05.000000Z07:00")
}

// seconds appends a time as objects have it.
func (l *lines) seconds(nanos int64) {
	l.text = time.Unix(0, nanos).UTC().AppendFormat(l.text, time.RFC3339)
}

// quoted appends text as a JSON string. Go's encoder, which the API server uses,
// writes & < > as escapes.
func (l *lines) quoted(s string) {
	l.text = append(l.text, '"')
	l.text = appendEscaped(l.text, s)
	l.text = append(l.text, '"')
}

func appendEscaped(dst []byte, s string) []byte {
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c != '&' && c != '<' && c != '>' {
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', lowerHex[c>>4], lowerHex[c&15])
		}
	}
	return append(dst, s[start:]...)
}

const lowerHex = "0123456789abcdef"
