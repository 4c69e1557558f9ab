package controlplane

import (
	"bytes"
	"unicode/utf8"
)

// goUnquote returns the meaning of text that stands between the double quotes of
// a Go string. It stands in the arena when it differs from the text.
func (p *Parser) goUnquote(inside []byte) []byte {
	if bytes.IndexByte(inside, '\\') < 0 {
		return inside
	}
	start := len(p.arena)
	p.arena = appendGoUnquoted(p.arena, inside)
	return p.arena[start:]
}

// appendGoUnquoted appends the meaning of the inside of a Go string to dst. An
// escape that Go does not know is copied as it stands. strconv.Unquote would make
// a string of each.
//
// Specification: https://go.dev/ref/spec#Rune_literals
func appendGoUnquoted(dst, inside []byte) []byte {
	for {
		i := bytes.IndexByte(inside, '\\')
		if i < 0 || i+1 == len(inside) {
			return append(dst, inside...)
		}
		dst = append(dst, inside[:i]...)
		var n int
		dst, n = appendGoEscape(dst, inside[i:])
		inside = inside[i+n:]
	}
}

// appendGoEscape appends the meaning of the escape at the start of b, which has
// two bytes at least, and returns its length.
func appendGoEscape(dst, b []byte) ([]byte, int) {
	const names, meanings = `abfnrtv\"'`, "\a\b\f\n\r\t\v\\\"'"
	if i := bytes.IndexByte([]byte(names), b[1]); i >= 0 {
		return append(dst, meanings[i]), 2
	}
	digits := 0
	switch b[1] {
	case 'x':
		digits = 2
	case 'u':
		digits = 4
	case 'U':
		digits = 8
	}
	r, ok := hexNumber(b[2:], digits)
	switch {
	case !ok:
		return append(dst, b[:2]...), 2
	case digits == 2:
		return append(dst, byte(r)), 4
	}
	return utf8.AppendRune(dst, r), 2 + digits
}

// hexNumber reads a number of so many hexadecimal digits at the start of b.
func hexNumber(b []byte, digits int) (n rune, ok bool) {
	if digits == 0 || len(b) < digits {
		return 0, false
	}
	for _, c := range b[:digits] {
		switch {
		case isDigit(c):
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		n = n<<4 | rune(c)
	}
	return n, true
}
