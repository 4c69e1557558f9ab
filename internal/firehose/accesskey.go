package firehose

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"
)

// maxAccessKey is the longest access key that Firehose stores.
const maxAccessKey = 4096

// Key is an access key that is good for something particular.
type Key struct {
	// Name stands for the key where the key itself must not be seen. It is not
	// empty, and no other key has it.
	Name string
	// Secret is what the header of a delivery must hold. White space around it is
	// not part of it.
	Secret string
	// Tenant is that of all deliveries which bring the key, whatever X-Scope-OrgID
	// says; empty to leave it to that.
	Tenant string
	// SourceARNs are patterns, in the syntax of path.Match, one of which the ARN of
	// the delivery's Firehose stream must match; none allow every stream. A sender
	// could state any ARN, so they hold back a key that is used in the wrong place,
	// not one that was stolen.
	SourceARNs []string
}

// validate returns an error that names the key, and never its secret.
func (k *Key) validate() error {
	if k.Name == "" || len(k.Name) > 128 || !utf8.ValidString(k.Name) {
		return errors.New("a key needs a name of 1 to 128 bytes of UTF-8, which stands for it in metrics")
	}
	if k.Tenant != "" && !isTenant(k.Tenant) {
		return fmt.Errorf("key %q: tenant_id %q is no tenant of Loki: use letters, digits and !-_.*'(), 150 at most", k.Name, cut(k.Tenant, 64))
	}
	for _, pattern := range k.SourceARNs {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			return fmt.Errorf("key %q: source_arns: %q is no pattern: use an ARN in which * stands for any text without a slash", k.Name, cut(pattern, 64))
		}
	}
	return nil
}

// allows tells whether the key is good for a stream.
func (k *Key) allows(sourceARN string) bool {
	for _, pattern := range k.SourceARNs {
		if ok, _ := path.Match(pattern, sourceARN); ok {
			return true
		}
	}
	return len(k.SourceARNs) == 0
}

// accessKeys are the keys that open the door; none leave it open.
type accessKeys []accessKey

// accessKey is a key with the SHA-256 digest of its secret. Digests have one
// length, so comparing them tells nothing of that of the keys.
type accessKey struct {
	digest [sha256.Size]byte
	key    Key // Without its secret.
}

// newAccessKeys returns the keys of the list, which are good for everything, and
// those that have names. White space around a key is not part of it: HTTP cannot
// carry it, and a key that is read from a file ends with a line feed more often
// than not.
func newAccessKeys(list []string, named []Key) (accessKeys, error) {
	var keys accessKeys
	seen := map[[sha256.Size]byte]string{}
	add := func(what string, k Key) error {
		secret, err := checkSecret(k.Secret)
		if err != nil {
			return fmt.Errorf("%s %w", what, err)
		}
		digest := sha256.Sum256([]byte(secret))
		if other, ok := seen[digest]; ok && k.Name != "" {
			return fmt.Errorf("%s is the same as %s: a delivery must not be able to mean either", what, other)
		}
		seen[digest], k.Secret = what, ""
		keys = append(keys, accessKey{digest, k})
		return nil
	}
	for i, secret := range list {
		if err := add(fmt.Sprintf("access key %d", i), Key{Secret: secret}); err != nil {
			return nil, err
		}
	}
	names := map[string]bool{}
	for _, k := range named {
		if err := k.validate(); err != nil {
			return nil, err
		}
		if names[k.Name] {
			return nil, fmt.Errorf("key %q: another key has the same name", k.Name)
		}
		names[k.Name] = true
		if err := add(fmt.Sprintf("the access key of key %q", k.Name), k); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// checkSecret returns the secret without white space around it. Its error goes
// behind the name of the key.
func checkSecret(secret string) (string, error) {
	secret = strings.TrimSpace(secret)
	switch {
	case secret == "":
		return "", errors.New("is empty: set one, or remove it from the list")
	case len(secret) > maxAccessKey:
		return "", fmt.Errorf("has %d bytes and Firehose sends %d at most: set a shorter one", len(secret), maxAccessKey)
	case strings.ContainsFunc(secret, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
		return "", errors.New("holds a control character, which no HTTP header can carry")
	}
	return secret, nil
}

// anyKey is what a delivery brings where no key is asked for.
var anyKey Key

// find returns the key that the secret is, nil when it is none. Its time depends
// on the length of the secret and on the number of keys, and not on which of them
// it is, or how much of one.
func (a accessKeys) find(secret string) *Key {
	if len(a) == 0 {
		return &anyKey
	}
	if len(secret) > maxAccessKey {
		return nil
	}
	digest := sha256.Sum256([]byte(secret))
	found := -1
	for i := range a {
		equal := subtle.ConstantTimeCompare(digest[:], a[i].digest[:])
		found = subtle.ConstantTimeSelect(equal, i, found)
	}
	if found < 0 {
		return nil
	}
	return &a[found].key
}
