package jsonscan

import (
	"bytes"
	"math/bits"
	"slices"
)

const (
	// blockSize is how many bytes are looked at together. A word has a bit for each
	// of them, the lowest for the first.
	blockSize = 64
	// Blocks are classified in groups: first a small one, as a string may be short.
	firstGroup, groupSize = 4, 8
)

// classes are the bytes of a block that are not just text in a string.
type classes struct{ quotes, slashes, controls, beyondASCII uint64 }

// escapes returns the backslashes that begin an escape, and the bytes behind those. The
// first byte of the block is one of the latter where carry is 1; next is the carry for the
// block behind.
//
// Of a run of backslashes every other one begins an escape. The addition carries a bit
// through the runs that begin at an odd place, and so turns round what is even and odd
// behind them.
// https://arxiv.org/abs/1902.08318, section 3.1.1
func (c *classes) escapes(carry uint64) (starts, escaped, next uint64) {
	const even = 0x5555555555555555
	slashes := c.slashes &^ carry
	behind := slashes<<1 | carry
	turned, next := bits.Add64(slashes&^even&^behind, slashes, 0)
	escaped = (even ^ turned<<1) & behind
	return slashes &^ escaped, escaped, next
}

// meanings are the characters that the letters of escapes stand for; 0 for u and for
// what is none of JSON's.
var meanings = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unescape writes the meaning of a block to out, and returns how long that is. carry and
// next are those of escapes.
//
// stop has the bit of the byte that it gets to, and is 0 where that is the end of the block:
// a quote that ends the string, a control character, or the backslash of an escape that is
// none of one letter. That backslash is in the block before where stop and carry are both 1.
func (c *classes) unescape(out, block *[blockSize]byte, carry uint64) (n int, stop, next uint64) {
	starts, escaped, next := c.escapes(carry)
	stop = c.quotes&^escaped | c.controls
	letters := escaped &^ (c.quotes | c.slashes) // The others stand for themselves.
	for rest := letters; rest != 0; rest &= rest - 1 {
		if meanings[block[bits.TrailingZeros64(rest)]] == 0 {
			stop |= max(rest&-rest>>1, 1)
		}
	}
	stop &= -stop
	keep := (stop - 1) &^ starts
	n = compact(out, block, keep)
	for rest := letters & (stop - 1); rest != 0; rest &= rest - 1 {
		p := bits.TrailingZeros64(rest)
		out[bits.OnesCount64(keep&(1<<p-1))] = meanings[block[p]]
	}
	return n, stop, next
}

// appendByBlocks appends the meaning of a string, from b[i] on, as far as it can: next is
// where it stops. It leaves to others the end of the string, what a string cannot hold,
// escapes with digits, and less than a block.
func appendByBlocks(dst, b []byte, i int) (longer []byte, next int) {
	var (
		group [groupSize]classes
		carry uint64
	)
	for size := firstGroup; ; size = groupSize {
		count := classify(group[:size], b[i:])
		if count == 0 {
			return dst, i - int(carry) // The escape is left whole.
		}
		dst = slices.Grow(dst, count*blockSize)
		for k := range group[:count] {
			end := len(dst)
			out, block := (*[blockSize]byte)(dst[end:end+blockSize]), (*[blockSize]byte)(b[i:])
			n, stop, next := group[k].unescape(out, block, carry)
			dst = dst[:end+n]
			if stop != 0 {
				return dst, i + bits.TrailingZeros64(stop) - int(stop&carry)
			}
			i, carry = i+blockSize, next
		}
	}
}

// appendQuotes appends, for each block of b, the bits of the quotes that begin or end a
// string, up to the first block with a control character, or an escape that JSON does not
// know; for none where that would take too long. ascii is true when all of b is ASCII.
func appendQuotes(dst []uint64, b []byte) (longer []uint64, ascii bool) {
	if !hasBlocks {
		return dst, false
	}
	var (
		group         [groupSize]classes
		carry, beyond uint64
	)
	for i := 0; i < len(b); {
		count := classify(group[:], b[i:])
		if count == 0 {
			last := blank
			copy(last[:], b[i:])
			count = classify(group[:], last[:])
		}
		for k := range group[:count] {
			c := &group[k]
			var escaped uint64
			if c.slashes|carry != 0 { // Mostly there are none.
				_, escaped, carry = c.escapes(carry)
			}
			if c.controls != 0 || !areEscapes(b, i, escaped&^(c.quotes|c.slashes)) {
				return dst, false
			}
			beyond |= c.beyondASCII
			dst = append(dst, c.quotes&^escaped)
			i += blockSize
		}
	}
	return dst, beyond == 0
}

// blank is a block of blanks.
var blank = [blockSize]byte(bytes.Repeat([]byte{' '}, blockSize))

// areEscapes reports whether the letters, of the block at b[i], are those of escapes.
func areEscapes(b []byte, i int, letters uint64) bool {
	for ; letters != 0; letters &= letters - 1 {
		if at := i + bits.TrailingZeros64(letters); at >= len(b) || EscapeLen(b[at-1:]) == 0 {
			return false
		}
	}
	return true
}
