package jsonscan

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf8"
)

// AppendEscaped appends text as the inside of a JSON string to dst and returns the
// longer slice. What is no UTF-8 becomes U+FFFD, as encoding/json has it.
//
// Like appendString, which undoes it, it copies eight bytes at a time, and takes ":"
// and "," at once, because text that needs escapes is mostly JSON.
func AppendEscaped(dst, text []byte) []byte {
	const word, ahead, room = 8, 10, 16
	n, i := len(dst), 0
	dst = dst[:cap(dst)]
	for i+ahead <= len(text) {
		if n+room > len(dst) {
			dst = slices.Grow(dst[:n], max(room, n))
			dst = dst[:cap(dst)]
		}
		in, out := text[i:i+ahead], dst[n:n+room]
		w := binary.LittleEndian.Uint64(in)
		binary.LittleEndian.PutUint64(out, w)
		s := specials(w) | w&highsPattern
		if s == 0 {
			i, n = i+word, n+word
			continue
		}
		plain := bits.TrailingZeros64(s) / 8
		i, n = i+plain, n+plain
		switch c := in[plain]; {
		case c == '"' && in[plain+2] == '"' && (in[plain+1] == ':' || in[plain+1] == ','):
			copy(out[plain:], `\"-\"`)
			out[plain+2] = in[plain+1]
			i, n = i+3, n+5
		case c == '"' || c == '\\':
			out[plain], out[plain+1] = '\\', c
			i, n = i+1, n+2
		default:
			rest, length := appendOdd(dst[:n], text[i:])
			i, n, dst = i+length, len(rest), rest[:cap(rest)]
		}
	}
	dst = dst[:n]
	for i < len(text) {
		if c := text[i]; c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			dst = append(dst, c)
			i++
			continue
		}
		var length int
		dst, length = appendOdd(dst, text[i:])
		i += length
	}
	return dst
}

// appendOdd appends the character at the start of text, which does not stand for
// itself, and returns its length.
func appendOdd(dst, text []byte) ([]byte, int) {
	switch c := text[0]; {
	case c == '"' || c == '\\':
		return append(dst, '\\', c), 1
	case c >= ' ':
		r, n := utf8.DecodeRune(text)
		return utf8.AppendRune(dst, r), n
	}
	c := text[0]
	if i := bytes.IndexByte([]byte("\b\f\n\r\t"), c); i >= 0 {
		return append(dst, '\\', "bfnrt"[i]), 1
	}
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15]), 1
}
