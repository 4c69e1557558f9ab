package record

import (
	"encoding/base64"

	fastbase64 "github.com/segmentio/asm/base64"
)

// decodeBase64 writes the decoded form of src to dst, which must have room for
// decodedLen(len(src)) bytes and not overlap src, and returns its length.
//
// It decodes as encoding/base64 does (its slow, obvious twin in the tests), with
// one thing forgiven: padding may be missing. AVX2 and NEON do it several times
// as fast (BenchmarkBase64); errors, with their positions, are the standard
// library's.
func decodeBase64(dst, src []byte) (int, error) {
	fast, standard := fastbase64.StdEncoding, base64.StdEncoding
	if len(src)%4 != 0 {
		fast, standard = fastbase64.RawStdEncoding, base64.RawStdEncoding
	}
	n, err := fast.Decode(dst, src)
	if err != nil {
		return standard.Decode(dst, src)
	}
	return n, nil
}

// decodedLen returns how many bytes n characters decode to at most, with padding
// or without.
func decodedLen(n int) int { return base64.RawStdEncoding.DecodedLen(n) }
