package jsonscan

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// AppendUnescaped appends the meaning of the inside of a JSON string (the text
// between its quotes) to dst and returns the longer slice. An escape that JSON
// does not know is copied as it stands, and half a surrogate pair becomes
// U+FFFD, as encoding/json has it. Bytes that are no UTF-8 are copied.
func AppendUnescaped(dst, text []byte) []byte {
	for {
		if hasBlocks {
			var n int
			dst, n = appendByBlocks(dst, text, 0)
			text = text[n:] // It has stopped at a quote or a control character, which mean nothing here, too.
		}
		i := bytes.IndexByte(text, '\\')
		if i < 0 {
			return append(dst, text...)
		}
		dst = append(dst, text[:i]...)
		text = text[i:]
		var n int
		dst, n = appendEscape(dst, text)
		text = text[n:]
	}
}

// appendEscape appends the meaning of the escape at the start of text and
// returns how long that escape is.
func appendEscape(dst, text []byte) ([]byte, int) {
	if len(text) < 2 {
		return append(dst, text...), len(text)
	}
	switch c := text[1]; c {
	case '"', '\\', '/':
		return append(dst, c), 2
	case 'b':
		return append(dst, '\b'), 2
	case 'f':
		return append(dst, '\f'), 2
	case 'n':
		return append(dst, '\n'), 2
	case 'r':
		return append(dst, '\r'), 2
	case 't':
		return append(dst, '\t'), 2
	case 'u':
		return appendUnicode(dst, text)
	}
	return append(dst, text[:2]...), 2
}

// appendUnicode appends the character of a \uXXXX escape, or of two that form
// a surrogate pair.
func appendUnicode(dst, text []byte) ([]byte, int) {
	r, ok := hex4(text[2:])
	if !ok {
		return append(dst, text[:2]...), 2
	}
	if !utf16.IsSurrogate(r) {
		return utf8.AppendRune(dst, r), 6
	}
	if len(text) >= 12 && text[6] == '\\' && text[7] == 'u' {
		if low, ok := hex4(text[8:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return utf8.AppendRune(dst, pair), 12
			}
		}
	}
	return utf8.AppendRune(dst, utf8.RuneError), 6
}

// hex4 reads four hexadecimal digits.
func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case isDigit(c):
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
