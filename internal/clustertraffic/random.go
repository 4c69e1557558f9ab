package clustertraffic

import "math/rand/v2"

// pick returns one of the list.
func pick[T any](g *Generator, list []T) T { return list[g.rng.IntN(len(list))] }

// between returns a number from low to high, both included.
func (g *Generator) between(low, high int) int { return low + g.rng.IntN(high-low+1) }

// oneIn is true once in n times.
func (g *Generator) oneIn(n int) bool { return g.rng.IntN(n) == 0 }

// hex appends n hexadecimal digits.
func (g *Generator) hex(n int) { g.lines.text = appendHex(g.lines.text, g.rng, n) }

func appendHex(dst []byte, rng *rand.Rand, n int) []byte {
	for n > 0 {
		for bits, m := rng.Uint64(), min(n, 16); m > 0; m-- {
			dst = append(dst, lowerHex[bits&15])
			bits >>= 4
			n--
		}
	}
	return dst
}

func randomHex(rng *rand.Rand, n int) string { return string(appendHex(nil, rng, n)) }

// uuid appends a random UUID.
func (g *Generator) uuid() { g.lines.text = appendUUID(g.lines.text, g.rng) }

func appendUUID(dst []byte, rng *rand.Rand) []byte {
	from := len(dst)
	dst = appendHex(dst, rng, 36)
	id := dst[from:]
	id[8], id[13], id[18], id[23] = '-', '-', '-', '-'
	id[14], id[19] = '4', 'a'
	return dst
}

func randomUUID(rng *rand.Rand) string { return string(appendUUID(nil, rng)) }

// The letters of random names and of encoded data.
const (
	nameLetters   = "bcdfghjklmnpqrstvwxz2456789" // No vowels, hence no words.
	idLetters     = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	base64Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
)

func randomText(rng *rand.Rand, letters string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[rng.IntN(len(letters))]
	}
	return string(b)
}

// base64 appends n letters of base64 which occur once.
func (g *Generator) base64(n int) {
	for n > 0 {
		for bits, m := g.rng.Uint64(), min(n, 10); m > 0; m-- {
			g.lines.text = append(g.lines.text, base64Letters[bits&63])
			bits >>= 6
			n--
		}
	}
}

// newFiller returns 256 KiB of base64, which compress as well as encoded data do.
func newFiller(rng *rand.Rand) []byte {
	b := make([]byte, 0, 256<<10)
	for len(b) < cap(b) {
		bits := rng.Uint64()
		for range 8 {
			b = append(b, base64Letters[bits&63])
			bits >>= 7
		}
	}
	return b
}

// fill appends n letters of filler from a random place.
func (g *Generator) fill(n int) {
	at := g.rng.IntN(len(g.filler))
	for n > 0 {
		part := g.filler[at:min(at+n, len(g.filler))]
		g.lines.text = append(g.lines.text, part...)
		n -= len(part)
		at = 0
	}
}
