package controlplane

import (
	"bytes"
	"time"

	"github.com/grafana/alloy/eks/internal/appline"
	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

// klogHeader is what stands before the text of a klog line:
//
//	I0102 15:04:05.123456      11 httplog.go:132] text
//
// https://pkg.go.dev/k8s.io/klog/v2#hdr-Log_line_format
type klogHeader struct {
	letter byte
	time   timestamp.Reading
	// thread, file and number are empty when the header ends behind the time.
	thread, file, number []byte
	text                 []byte
}

// parseKlog reads the header of a klog line. ok is false when the line does not
// begin with a letter and a time; what follows them may be missing.
func parseKlog(b []byte) (h klogHeader, ok bool) {
	letter, r, n, ok := timestamp.TryKlog(b)
	if !ok {
		return h, false
	}
	h.letter, h.time = letter, r
	h.text = bytes.TrimLeft(b[n:], " ")
	i := n
	for i < len(b) && b[i] == ' ' {
		i++
	}
	start := i
	for i < len(b) && isDigit(b[i]) {
		i++
	}
	if i == start || i >= len(b) || b[i] != ' ' {
		return h, true
	}
	thread := b[start:i]
	start = i + 1
	for i = start; i < len(b) && b[i] != ':' && b[i] != ']' && b[i] > ' '; i++ {
	}
	if i == start || i >= len(b) || b[i] != ':' {
		return h, true
	}
	file := b[start:i]
	start = i + 1
	for i = start; i < len(b) && isDigit(b[i]); i++ {
	}
	if i == start || i >= len(b) || b[i] != ']' {
		return h, true
	}
	h.thread, h.file, h.number = thread, file, b[start:i]
	h.text = bytes.TrimPrefix(b[i+1:], []byte{' '})
	return h, true
}

// readKlog reads a klog line of any component.
func (p *Parser) readKlog(ev *event.Event) bool {
	l := &p.line
	h, ok := parseKlog(l.text)
	if !ok {
		return false
	}
	p.setLineTime(ev, h.time, time.UTC)
	ev.Level = klogLevel(h.letter)
	if t, ok := klogFiles[string(h.file)]; ok && l.logType == Unknown {
		l.logType = t
	}
	l.put(sourceFile, h.file)
	l.put(sourceLine, h.number)
	l.put(threadID, h.thread)
	if len(h.file) == 0 {
		l.damaged = true
		return true
	}
	p.readKlogText(h.text)
	return true
}

// readKlogText reads what stands behind the header: a structured message and its
// pairs, or any text. Only the JSON form shows the pairs.
func (p *Parser) readKlogText(text []byte) {
	l := &p.line
	all := p.opts.LineFormat == JSON
	msg, values, ok := cutStructured(text)
	switch {
	case ok:
		l.put(message, p.goUnquote(msg))
	default:
		l.plain = text
	}
	if !all || len(values.b) == 0 {
		return
	}
	for values.next() {
		if values.isMessage() {
			continue
		}
		m := member{key: values.key, value: values.value}
		if values.quotedKey {
			m.key = p.goUnquote(m.key)
		}
		if values.quoted {
			m.value = p.goUnquote(m.value)
		}
		l.extra = append(l.extra, m)
	}
	l.damaged = values.failed
}

// cutStructured takes a structured text apart: the message, as it is written
// between its quotes, and the pairs behind it. ok is false for any other text.
//
//	"Starting watch" path="/api/v1/pods" timeout="6m10s"
//	"msg"="Starting watch" "path"="/api/v1/pods"
func cutStructured(text []byte) (msg []byte, values pairs, ok bool) {
	end := quotedEnd(text, 0)
	if end < 0 {
		return nil, pairs{}, false
	}
	switch rest := text[end:]; {
	case len(rest) == 0:
		return text[1 : end-1], pairs{}, true
	case rest[0] == '=': // As klogr writes it.
		all := pairs{b: text, spacedKeys: true}
		values = all
		for all.next() {
			if all.isMessage() {
				return all.value, values, true
			}
		}
	case rest[0] == ' ':
		values = pairs{b: rest, spacedKeys: true}
		first := values
		if first.next() {
			return text[1 : end-1], values, true
		}
	}
	return nil, pairs{}, false
}

// klogLevel returns the level of klog's letter.
func klogLevel(letter byte) string {
	switch letter {
	case 'W':
		return appline.Warn
	case 'E':
		return appline.Error
	case 'F':
		return appline.Fatal
	}
	return appline.Info
}
