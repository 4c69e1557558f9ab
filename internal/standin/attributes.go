package standin

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Limits of common attributes, in characters.
const (
	maxCommonAttributes  = 50
	maxAttributeName     = 256
	maxAttributeValueLen = 1024
)

// commonAttributes returns the value of X-Amz-Firehose-Common-Attributes: JSON
// in ASCII, since it travels in a header.
func commonAttributes(attributes map[string]string) (string, error) {
	if len(attributes) > maxCommonAttributes {
		return "", fmt.Errorf("%d common attributes are more than %d", len(attributes), maxCommonAttributes)
	}
	for name, value := range attributes {
		if n := utf8.RuneCountInString(name); n < 1 || n > maxAttributeName {
			return "", fmt.Errorf("name of common attribute %.64q does not have 1 to %d characters", name, maxAttributeName)
		}
		if utf8.RuneCountInString(value) > maxAttributeValueLen {
			return "", fmt.Errorf("value of common attribute %.64q has more than %d characters", name, maxAttributeValueLen)
		}
	}
	b, err := json.Marshal(map[string]any{"commonAttributes": attributes})
	if err != nil {
		return "", fmt.Errorf("cannot write common attributes: %w", err)
	}
	return escapeNonASCII(string(b)), nil
}

// escapeNonASCII escapes JSON text so that it is ASCII. Other characters occur
// in strings only.
func escapeNonASCII(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r < utf8.RuneSelf {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}
