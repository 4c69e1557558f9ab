package firehose

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/grafana/alloy/eks/internal/jsonscan"
)

// Attribute is one of the common attributes that the owner of a Firehose stream
// has configured for all of its deliveries.
type Attribute struct {
	// Name has 1 to 256 characters.
	Name string
	// Value has up to 1024 characters.
	Value string
}

// The bounds that AWS sets for common attributes. A header that breaks them does
// not come from Firehose.
//
// https://docs.aws.amazon.com/firehose/latest/dev/httpdeliveryrequestresponse.html#requestformat
const (
	maxAttributes     = 50
	maxAttributeName  = 256
	maxAttributeValue = 1024
)

var errAttributes = errors.New("cannot read common attributes")

// parseAttributes reads the value of the header X-Amz-Firehose-Common-Attributes,
//
//	{"commonAttributes":{"name":"value"}}
//
// and returns the attributes sorted by name; of two with one name the last one
// counts. Attributes that are out of bounds are left out. The error is the first
// thing that was wrong.
func parseAttributes(header string) ([]Attribute, error) {
	b := []byte(header)
	var attributes []Attribute
	var first error
	outer := jsonscan.Object(b, jsonscan.SkipSpace(b, 0))
	for outer.Next() {
		if string(outer.Key()) != "commonAttributes" {
			continue
		}
		attributes, first = parseAttributeObject(outer.Value())
	}
	if outer.Err() || jsonscan.SkipSpace(b, outer.End()) != len(b) {
		return nil, fmt.Errorf("%w: not a JSON object", errAttributes)
	}
	slices.SortFunc(attributes, func(x, y Attribute) int { return cmp.Compare(x.Name, y.Name) })
	return attributes, first
}

func parseAttributeObject(object jsonscan.Value) (attributes []Attribute, first error) {
	members := jsonscan.Object(object, 0)
	for members.Next() {
		name := string(members.RawKey().AppendText(nil))
		value, err := attributeValue(name, members.Value())
		if err == nil {
			attributes, err = setAttribute(attributes, Attribute{Name: name, Value: value})
		}
		if first == nil {
			first = err
		}
	}
	if members.Err() {
		return nil, fmt.Errorf("%w: commonAttributes is not an object", errAttributes)
	}
	return attributes, first
}

func attributeValue(name string, v jsonscan.Value) (string, error) {
	if n := utf8.RuneCountInString(name); n == 0 || n > maxAttributeName || !utf8.ValidString(name) {
		return "", fmt.Errorf("%w: the name %q has not 1 to %d characters", errAttributes, cut(name, 64), maxAttributeName)
	}
	if !v.IsString() {
		return "", fmt.Errorf("%w: the value of %q is not a string", errAttributes, cut(name, 64))
	}
	value := string(v.AppendText(nil))
	if utf8.RuneCountInString(value) > maxAttributeValue || !utf8.ValidString(value) {
		return "", fmt.Errorf("%w: the value of %q has more than %d characters", errAttributes, cut(name, 64), maxAttributeValue)
	}
	return value, nil
}

func setAttribute(attributes []Attribute, a Attribute) ([]Attribute, error) {
	for i := range attributes {
		if attributes[i].Name == a.Name {
			attributes[i] = a
			return attributes, nil
		}
	}
	if len(attributes) == maxAttributes {
		return attributes, fmt.Errorf("%w: more than %d", errAttributes, maxAttributes)
	}
	return append(attributes, a), nil
}
