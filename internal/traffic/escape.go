package traffic

import (
	"unicode/utf16"
	"unicode/utf8"
)

const lowerHex = "0123456789abcdef"

// appendEscaped appends the text as Fluent Bit 5 writes it between the quotes
// of a JSON string: everything outside of printable ASCII is escaped, `/`, `<`,
// `>` and `&` are not. The text must be valid UTF-8.
func appendEscaped(dst, text []byte) []byte {
	for i := 0; i < len(text); {
		c := text[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRune(text[i:])
			dst = appendRune(dst, r)
			i += size
			continue
		}
		i++
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c >= ' ' && c != 0x7f:
			dst = append(dst, c)
		default:
			dst = appendControl(dst, c)
		}
	}
	return dst
}

func appendControl(dst []byte, c byte) []byte {
	switch c {
	case '\b':
		return append(dst, `\b`...)
	case '\t':
		return append(dst, `\t`...)
	case '\n':
		return append(dst, `\n`...)
	case '\f':
		return append(dst, `\f`...)
	case '\r':
		return append(dst, `\r`...)
	}
	return appendUnit(dst, uint16(c))
}

// appendASCII appends JSON text with its non-ASCII characters escaped. They
// occur in strings only, so the value stays the same.
func appendASCII(dst, json []byte) []byte {
	for i := 0; i < len(json); {
		if json[i] < utf8.RuneSelf {
			dst = append(dst, json[i])
			i++
			continue
		}
		r, size := utf8.DecodeRune(json[i:])
		dst = appendRune(dst, r)
		i += size
	}
	return dst
}

func appendRune(dst []byte, r rune) []byte {
	if r < 0x10000 {
		return appendUnit(dst, uint16(r))
	}
	high, low := utf16.EncodeRune(r)
	return appendUnit(appendUnit(dst, uint16(high)), uint16(low))
}

func appendUnit(dst []byte, u uint16) []byte {
	return append(dst, '\\', 'u', lowerHex[u>>12], lowerHex[u>>8&15], lowerHex[u>>4&15], lowerHex[u&15])
}

// escapedLen returns the length of appendEscaped's output for printable text.
func escapedLen(text []byte) int {
	n := len(text)
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			n++
		case c >= utf8.RuneSelf:
			n++ // Two to four bytes become six or twelve: near enough.
		}
	}
	return n
}
