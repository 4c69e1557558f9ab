package record

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// The magic numbers. Neither can begin a text: both hold a byte that UTF-8 has
// only inside a character.
var (
	gzipMagic = []byte("\x1f\x8b")
	zstdMagic = []byte("\x28\xb5\x2f\xfd")
)

// hasMagic tells whether data begins as gzip or zstd.
func hasMagic(data []byte) bool {
	return bytes.HasPrefix(data, gzipMagic) || bytes.HasPrefix(data, zstdMagic)
}

// snappyMaxRatio bounds how many bytes one byte of a snappy block can stand
// for: the densest element, a copy, gives 64 for 3.
const snappyMaxRatio = 22

// snappyMaxOverhead bounds how much longer than its text a block can be: a
// sixth, and 32 bytes.
func snappyMaxOverhead(size uint64) uint64 { return size/6 + 32 }

// mayBeSnappy tells whether data can be a snappy raw block, which is what Fluent
// Bit writes: the length of the text as a varint, then literals and copies. It
// is cheap for what is none: JSON fails on its second byte, and other text of
// more than 179 bytes on its first, which is too small a length for it.
//
// https://github.com/google/snappy/blob/main/format_description.txt
func mayBeSnappy(data []byte) bool {
	size, n := binary.Uvarint(data)
	if n <= 0 || n >= len(data) || size == 0 || size > uint64(len(data))*snappyMaxRatio {
		return false
	}
	if uint64(len(data)-n) > size+snappyMaxOverhead(size) {
		return false
	}
	// The first element must be a literal, since there is nothing yet to copy.
	return data[n]&3 == 0
}

// isSnappyText tells whether out, which the block src decodes to, is what its
// sender meant. A block of bytes that are no text nobody meant to be one. A
// short text can be a block of text by chance; it is taken for one only if what
// it decodes to is an object, as Fluent Bit's records are.
func isSnappyText(src, out []byte) bool {
	return isText(out) && (!isText(src) || bytes.HasPrefix(out, []byte("{")))
}

// textWindow is how much of a record is looked at to tell whether it is text.
const textWindow = 256

// isText tells whether data begins as text: UTF-8 without the control
// characters that no log line holds.
func isText(data []byte) bool {
	window := data[:min(len(data), textWindow)]
	for len(window) > 0 {
		c := window[0]
		if c < utf8.RuneSelf {
			if c < ' ' && !isTextControl(c) {
				return false
			}
			window = window[1:]
			continue
		}
		r, n := utf8.DecodeRune(window)
		if r == utf8.RuneError && n == 1 {
			// The window may have cut the last character.
			return len(data) > textWindow && !utf8.FullRune(window)
		}
		window = window[n:]
	}
	return true
}

// isTextControl tells whether a control character occurs in text: white space,
// and the escape of terminal colours.
func isTextControl(c byte) bool {
	return c == '\n' || c == '\t' || c == '\r' || c == '\f' || c == '\v' || c == '\b' || c == 0x1b
}
