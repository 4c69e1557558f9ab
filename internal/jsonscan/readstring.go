package jsonscan

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// ReadString reads the string that opens at b[i] == '"', in one pass over it. text
// is its meaning, as AppendUnescaped has it: a part of b where that is what b says,
// and otherwise appended to dst, whose longer self it returns. end and ok are what
// SkipString returns; when ok is false there is no text.
func ReadString(dst, b []byte, i int) (text, longer []byte, end int, ok bool) {
	start := i + 1
	i = plainRun(b, start)
	if i < len(b) && b[i] == '"' {
		return b[start:i], dst, i + 1, true
	}
	from := len(dst)
	dst = append(dst, b[start:i]...)
	dst, end, ok = appendString(dst, b, i, hasBlocks)
	if !ok {
		return nil, dst[:from], end, false
	}
	return dst[from:], dst, end, true
}

// The escapes that stand between the strings of JSON that stands in a string, after
// the first backslash.
const (
	colonBetween = '"' | ':'<<8 | '\\'<<16 | '"'<<24
	commaBetween = '"' | ','<<8 | '\\'<<16 | '"'<<24
)

// appendString appends the meaning of a string, from b[i] on to its end, to dst; by
// blocks where the processor has instructions for them.
func appendString(dst, b []byte, i int, byBlocks bool) (longer []byte, end int, ok bool) {
	for {
		if byBlocks {
			dst, i = appendByBlocks(dst, b, i)
		}
		dst, i = appendByWords(dst, b, i)
		run := plainRun(b, i)
		dst = append(dst, b[i:run]...)
		if i = run; i < len(b) && b[i] == '"' {
			return dst, i + 1, true
		}
		if dst, i, ok = appendValidEscape(dst, b, i); !ok {
			return dst, i, false
		}
	}
}

// appendByWords is appendByBlocks for any processor, and for less than a block; it leaves
// to others the last bytes of b, and every escape but those of quotes and backslashes.
//
// It copies eight bytes at a time and overwrites those that were no plain ones, and
// it takes \":\" and \",\" at once: in JSON that stands in a string the escapes
// stand close (BenchmarkReadString).
func appendByWords(dst, b []byte, i int) (longer []byte, next int) {
	const word, room = 8, 12
	n := len(dst)
	dst = dst[:cap(dst)]
	for i+room <= len(b) {
		if n+room > len(dst) {
			dst = slices.Grow(dst[:n], max(room, n))
			dst = dst[:cap(dst)]
		}
		in, out := b[i:i+room], dst[n:n+room]
		w := binary.LittleEndian.Uint64(in)
		binary.LittleEndian.PutUint64(out, w)
		s := specials(w)
		if s == 0 {
			i, n = i+word, n+word
			continue
		}
		plain := bits.TrailingZeros64(s) / 8
		i, n = i+plain, n+plain
		switch v := binary.LittleEndian.Uint32(in[plain+1:]); {
		case in[plain] != '\\':
			return dst[:n], i
		case v == colonBetween || v == commaBetween:
			binary.LittleEndian.PutUint32(out[plain:], '"'|v&0xff00|'"'<<16)
			i, n = i+5, n+3
		case byte(v) == '"' || byte(v) == '\\':
			out[plain] = byte(v)
			i, n = i+2, n+1
		default:
			return dst[:n], i
		}
	}
	return dst[:n], i
}

// appendValidEscape appends the meaning of the escape at b[i]; ok is false when none
// that JSON knows stands there.
func appendValidEscape(dst, b []byte, i int) (longer []byte, next int, ok bool) {
	if i >= len(b) || b[i] != '\\' || EscapeLen(b[i:]) == 0 {
		return dst, i, false
	}
	dst, n := appendEscape(dst, b[i:])
	return dst, i + n, true
}
