package jsonscan

import "math/bits"

// Scanner finds the ends of values in one text after another. Reset looks for the quotes of
// the whole text, where the processor has instructions that do so 64 bytes at a time, and the
// end of each string is then known. That pays for a text which is read from its beginning
// to its end. The answers are those of the functions SkipString and SkipValue.
//
// A Scanner without a text has no values. It is not safe for concurrent use.
type Scanner struct {
	b []byte
	// quotes has the bits of the quotes that begin or end a string, a word for each
	// block of b up to the first that holds what a string cannot.
	quotes []uint64
	ascii  bool
}

// maxQuotes is how many words a Scanner keeps from one text to the next: those of a
// text of a megabyte.
const maxQuotes = 1 << 20 / blockSize

// Reset turns to another text, which the Scanner reads until the next Reset; b must
// not be changed before that.
func (s *Scanner) Reset(b []byte) {
	quotes := s.quotes[:0]
	if cap(quotes) > maxQuotes {
		quotes = nil
	}
	quotes, ascii := appendQuotes(quotes, b)
	*s = Scanner{b: b, quotes: quotes, ascii: ascii}
}

// IsASCII reports whether the text is known to hold nothing but ASCII. It is false where
// Reset did not look through all of it.
func (s *Scanner) IsASCII() bool { return s.ascii }

// SkipString returns the position after the string that opens at b[i] == '"' of the
// text. ok is false when it does not end, and when it holds what a string cannot.
func (s *Scanner) SkipString(i int) (end int, ok bool) {
	at := uint(i + 1)
	block := at / blockSize
	if block < uint(len(s.quotes)) {
		if q := s.quotes[block] >> (at % blockSize); q != 0 {
			return int(at) + bits.TrailingZeros64(q) + 1, true
		}
		for block++; block < uint(len(s.quotes)); block++ {
			if q := s.quotes[block]; q != 0 {
				return int(block)*blockSize + bits.TrailingZeros64(q) + 1, true
			}
		}
	}
	end, _, ok = SkipString(s.b, i)
	return end, ok
}

// SkipValue returns the position after the value that begins at b[i] of the text, which
// must not be white space. ok is false when no whole JSON value stands there.
func (s *Scanner) SkipValue(i int) (end int, ok bool) { return s.skipValue(i, 0) }
