package kubelog

import (
	"bytes"
	"unicode/utf8"

	"github.com/grafana/alloy/eks/internal/jsonscan"
)

// lineKind says where the text of a record's line came from.
type lineKind uint8

const (
	emptyLine  lineKind = iota // No key holds a line: it was empty.
	keptLine                   // The record still holds the line as text.
	mergedLine                 // Only the members that were merged from it are left.
	wholeLine                  // The record is the line, with metadata added to it.
)

// line returns the text that the application wrote, as far as the record holds
// it.
func (p *Parser) line(doc []byte, f *fields) ([]byte, lineKind) {
	if f.log != nil {
		text := p.unquote(f.log)
		if f.logWasMerged(text) {
			return p.merged(member{key: jsonscan.Value(`"log"`), value: f.log}, f.logAt, f.extras), mergedLine
		}
		return text, keptLine
	}
	if f.fromHost() || len(f.extras) == 0 {
		if message := f.messageValue(); message != nil {
			return p.unquote(message), keptLine
		}
	}
	if f.amidst && f.stream == "" && f.tag == noTag && !f.hasTime {
		return doc, wholeLine
	}
	if f.message != nil {
		return p.merged(member{key: jsonscan.Value(`"message"`), value: f.message}, 0, f.extras), mergedLine
	}
	if len(f.extras) > 0 {
		return p.merged(member{}, -1, f.extras), mergedLine
	}
	return nil, emptyLine
}

// messageValue returns the message of a parser that calls the line so.
func (f *fields) messageValue() jsonscan.Value {
	if f.message != nil {
		return f.message
	}
	for _, m := range f.extras {
		if string(m.key) == `"message"` && m.value.IsString() {
			return m.value
		}
	}
	return nil
}

// logWasMerged reports whether log is a member of the application's own JSON
// object that took the place of the whole line: a parser was at work, the text
// is no object, and yet there are members that only such an object has.
func (f *fields) logWasMerged(text []byte) bool {
	if len(f.extras) == 0 || (f.tag == noTag && !f.hasTime) {
		return false
	}
	if i := jsonscan.SkipSpace(text, 0); i < len(text) && text[i] == '{' {
		return false
	}
	for _, m := range f.extras {
		switch string(m.key) {
		case `"msg"`, `"message"`, `"level"`:
			return true
		}
	}
	return false
}

// merged writes the JSON object that the kubernetes filter lifted out of the
// line, in the order in which the record has its members: taken was set aside and
// stands before rest[at].
func (p *Parser) merged(taken member, at int, rest []member) []byte {
	start := len(p.arena)
	p.arena = append(p.arena, '{')
	for i := 0; i <= len(rest); i++ {
		if i == at {
			p.appendMember(start, taken)
		}
		if i < len(rest) {
			p.appendMember(start, rest[i])
		}
	}
	p.arena = append(p.arena, '}')
	return p.restore(p.readable(start))
}

func (p *Parser) appendMember(start int, m member) {
	if len(p.arena) > start+1 {
		p.arena = append(p.arena, ',')
	}
	p.arena = append(append(append(p.arena, m.key...), ':'), m.value...)
}

// readable returns what stands in the arena from start on, JSON text, with its
// \uXXXX escapes of characters beyond ASCII undone. Newer shippers escape all of
// these, where hardly any logger does: the line would be unreadable in most of
// the world's languages, and could not be searched.
func (p *Parser) readable(start int) []byte {
	text := p.arena[start:]
	if !bytes.Contains(text, []byte(`\u`)) {
		return text
	}
	end := len(p.arena)
	for i := start; i < end; {
		switch {
		case p.arena[i] != '\\':
			p.arena = append(p.arena, p.arena[i])
			i++
		case p.arena[i+1] != 'u':
			p.arena = append(p.arena, p.arena[i], p.arena[i+1])
			i += 2
		default:
			i += p.appendCharacter(p.arena[i:end])
		}
	}
	return p.arena[end:]
}

// appendCharacter appends the character of the \uXXXX escape at the start of
// text, or the escape as it is when it stands for ASCII or for half a character.
// It returns how much of text that was.
func (p *Parser) appendCharacter(text []byte) int {
	n := len(`\u0000`)
	if isHighSurrogate(text) && bytes.HasPrefix(text[n:], []byte(`\u`)) {
		n *= 2
	}
	start := len(p.arena)
	p.arena = jsonscan.AppendUnescaped(p.arena, text[:n])
	r, size := utf8.DecodeRune(p.arena[start:])
	if r < utf8.RuneSelf || r == utf8.RuneError || start+size < len(p.arena) {
		p.arena = append(p.arena[:start], text[:n]...)
	}
	return n
}

// isHighSurrogate reports whether the escape is the first half of a pair, one of
// \ud800 to \udbff.
func isHighSurrogate(escape []byte) bool {
	return escape[2]|0x20 == 'd' && bytes.IndexByte([]byte("89abAB"), escape[3]) >= 0
}

// forged reports whether the record's kubernetes object is one that the
// application wrote into its own JSON line: Merge_Log lifts it, and where the
// filter knows nothing of the pod, nothing takes its place.
func forged(line []byte, kubernetes jsonscan.Value) bool {
	if kubernetes == nil || !bytes.Contains(line, []byte(`"kubernetes"`)) {
		return false
	}
	own := jsonscan.Object(line, jsonscan.SkipSpace(line, 0))
	for own.Next() {
		if string(own.Key()) == "kubernetes" && sameObject(own.Value(), kubernetes) {
			return true
		}
	}
	return false
}

// sameObject reports whether two objects have the same members in the same
// order. Shippers rewrite escapes and white space on the way, never the order.
func sameObject(a, b jsonscan.Value) bool {
	am, bm := jsonscan.Object(a, 0), jsonscan.Object(b, 0)
	for am.Next() {
		if !bm.Next() || !bytes.Equal(am.RawKey().AppendText(nil), bm.RawKey().AppendText(nil)) {
			return false
		}
		av, bv := am.Value(), bm.Value()
		switch {
		case av.IsObject() && bv.IsObject():
			if !sameObject(av, bv) {
				return false
			}
		case av.IsString() != bv.IsString():
			return false
		case av.IsString() && !bytes.Equal(av.AppendText(nil), bv.AppendText(nil)):
			return false
		}
	}
	return !bm.Next()
}

// Fluent Bit writes a byte that is no UTF-8 as the private-use character that
// lies this far above the byte's own number, and always in raw UTF-8.
const privateUse = 0xe000

// restore gives back the bytes that Fluent Bit replaced in text, which is the
// inside of a JSON string as it is written. Where other characters stand raw
// beside them, the writer is one that never escapes, and a private-use character
// may be the application's own (the glyphs of terminal fonts live there): such
// text is left alone. The result is text itself when there is nothing to do.
func (p *Parser) restore(text []byte) []byte {
	if !mayHoldReplaced(text) {
		return text
	}
	start := len(p.arena)
	dst := p.arena
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			dst = append(dst, c)
			i++
			continue
		}
		r, n := utf8.DecodeRune(text[i:])
		switch {
		case isReplaced(r):
			dst = append(dst, byte(r-privateUse))
		case r != utf8.RuneError || n > 1:
			p.arena = dst[:start]
			return text
		default:
			dst = append(dst, c)
		}
		i += n
	}
	p.arena = dst
	return dst[start:]
}

func isReplaced(r rune) bool { return r >= privateUse+0x80 && r <= privateUse+0xff }

// mayHoldReplaced reports whether the first byte of such a character is there.
func mayHoldReplaced(text []byte) bool {
	for {
		i := bytes.IndexByte(text, 0xee)
		if i < 0 {
			return false
		}
		if r, _ := utf8.DecodeRune(text[i:]); isReplaced(r) {
			return true
		}
		text = text[i+1:]
	}
}
