package firehose

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"strings"
)

// maxAccessKey is the longest access key that Firehose stores.
const maxAccessKey = 4096

// accessKeys are the SHA-256 digests of the keys that open the door; none leave
// it open. Digests have one length, so comparing them tells nothing of that of
// the keys.
type accessKeys [][sha256.Size]byte

// newAccessKeys returns the digests of keys. White space around a key is not part
// of it: HTTP cannot carry it, and a key that is read from a file ends with a line
// feed more often than not.
func newAccessKeys(keys []string) (accessKeys, error) {
	var digests accessKeys
	for i, key := range keys {
		key = strings.TrimSpace(key)
		switch {
		case key == "":
			return nil, fmt.Errorf("access key %d is empty: set one, or remove it from the list", i)
		case len(key) > maxAccessKey:
			return nil, fmt.Errorf("access key %d has %d bytes and Firehose sends %d at most: set a shorter one", i, len(key), maxAccessKey)
		case strings.ContainsFunc(key, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
			return nil, fmt.Errorf("access key %d holds a control character, which no HTTP header can carry", i)
		}
		digests = append(digests, sha256.Sum256([]byte(key)))
	}
	return digests, nil
}

// open tells whether key opens the door. Its time depends on the length of key
// and on the number of keys, and not on which of them it is, or how much of one.
func (a accessKeys) open(key string) bool {
	if len(a) == 0 {
		return true
	}
	if len(key) > maxAccessKey {
		return false
	}
	digest := sha256.Sum256([]byte(key))
	found := 0
	for i := range a {
		found |= subtle.ConstantTimeCompare(digest[:], a[i][:])
	}
	return found == 1
}
