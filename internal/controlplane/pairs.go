package controlplane

import "bytes"

// pairs walks key=value pairs as klog and logrus write them. It ends at the first
// thing that is no pair, and failed is then set.
//
// A value is text in Go's quotes, anything up to the next blank, or a value of Go
// in brackets, whose blanks belong to it.
type pairs struct {
	b []byte
	i int
	// spacedKeys allows keys of several words, which klog does not quote.
	spacedKeys bool

	key, value        []byte
	quotedKey, quoted bool // Between Go's quotes, which are taken off.
	failed            bool
}

// maxKey bounds a key: what has no equals sign for that long is text.
const maxKey = 64

// next moves to the next pair and reports whether there is one.
func (p *pairs) next() bool {
	for p.i < len(p.b) && (p.b[p.i] == ' ' || p.b[p.i] == '\n') {
		p.i++
	}
	if p.i >= len(p.b) || p.failed {
		return false
	}
	at, ok := p.readKey(p.i)
	if ok {
		at, ok = p.readValue(at)
	}
	if !ok {
		p.failed = true
		return false
	}
	p.i = at
	return true
}

// isMessage reports whether the pair holds klogr's message.
func (p *pairs) isMessage() bool { return p.quotedKey && string(p.key) == "msg" }

// readKey reads the key at b[i] and its equals sign.
func (p *pairs) readKey(i int) (next int, ok bool) {
	if p.b[i] == '"' {
		end := quotedEnd(p.b, i)
		if end < 0 || end >= len(p.b) || p.b[end] != '=' {
			return i, false
		}
		p.key, p.quotedKey = p.b[i+1:end-1], true
		return end + 1, true
	}
	for n := i; n < len(p.b) && n-i <= maxKey; n++ {
		switch c := p.b[n]; {
		case c == '=':
			p.key, p.quotedKey = p.b[i:n], false
			return n + 1, n > i
		case c == ' ' && !p.spacedKeys, c == '"', c == '{', c == '}', c < ' ':
			return i, false
		}
	}
	return i, false
}

// readValue reads the value at b[i].
func (p *pairs) readValue(i int) (next int, ok bool) {
	b := p.b
	if i < len(b) && b[i] == '"' {
		end := quotedEnd(b, i)
		if end < 0 || end < len(b) && b[end] != ' ' && b[end] != '\n' {
			return i, false
		}
		p.value, p.quoted = b[i+1:end-1], true
		return end, true
	}
	p.quoted = false
	if bytes.HasPrefix(b[i:], []byte("<\n")) { // klog's form for text of several lines.
		end := bytes.Index(b[i:], []byte("\n >"))
		if end < 0 {
			return i, false
		}
		p.value = bytes.TrimPrefix(b[i+2:max(i+2, i+end)], []byte{'\t'})
		return i + end + len("\n >"), true
	}
	end := bareEnd(b, i)
	p.value = b[i:end]
	return end, true
}

// bareEnd returns the end of the value without quotes at b[i]: the first blank
// that is not in brackets. Where brackets do not close, nobody can tell, and the
// value is everything.
func bareEnd(b []byte, i int) int {
	depth := 0
	endless := 0 // Up to here no quotes end: those of one line end together, or not at all.
	for i < len(b) {
		switch b[i] {
		case '{', '[', '(':
			depth++
		case '}', ']', ')':
			depth--
		case '"':
			if i < endless {
				break
			}
			if end := quotedEnd(b, i); end > 0 {
				i = end
				continue
			}
			if endless = len(b); bytes.IndexByte(b[i:], '\n') >= 0 {
				endless = i + bytes.IndexByte(b[i:], '\n')
			}
		case ' ', '\n':
			if depth <= 0 {
				return i
			}
		}
		i++
	}
	return i
}

// quotedEnd returns the position after the text in Go's double quotes that begins
// at b[i], -1 when none does or it does not end.
func quotedEnd(b []byte, i int) int {
	if i >= len(b) || b[i] != '"' {
		return -1
	}
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		case '\n':
			return -1
		}
	}
	return -1
}
