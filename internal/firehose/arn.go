package firehose

import (
	"strings"
)

// SourceARN is the ARN of the Firehose stream that a delivery comes from,
//
//	arn:aws:firehose:us-east-1:123456789012:deliverystream/name
//
// Nobody but the access key vouches for it.
type SourceARN struct {
	// Raw is the header as it came, cut to 512 bytes; empty when there was none.
	Raw string
	// Partition is aws, aws-cn, aws-us-gov or the like. This and the following are
	// all empty when Raw is no ARN of a Firehose stream.
	Partition string
	// Region is the region of the stream.
	Region string
	// Account is the AWS account id, digits only.
	Account string
	// Stream is the name of the stream.
	Stream string
}

// maxSourceARN bounds the header. A real one has 64 bytes of name and about as
// many before it.
const maxSourceARN = 512

// ParseSourceARN reads the value of the header X-Amz-Firehose-Source-Arn.
func ParseSourceARN(header string) SourceARN {
	raw := cut(header, maxSourceARN)
	parts := strings.Split(raw, ":")
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "firehose" {
		return SourceARN{Raw: raw}
	}
	partition, region, account := parts[1], parts[3], parts[4]
	stream, ok := strings.CutPrefix(parts[5], "deliverystream/")
	if !ok || !isName(partition, "-") || !isName(region, "-") || !isDigits(account) || !isName(stream, "-_.") {
		return SourceARN{Raw: raw}
	}
	return SourceARN{Raw: raw, Partition: partition, Region: region, Account: account, Stream: stream}
}

// isName tells whether s is not empty and has only ASCII letters, digits, and
// what is in others.
func isName(s, others string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && strings.IndexByte(others, c) < 0 {
			return false
		}
	}
	return s != ""
}

// isDigits tells whether s is not empty and has only digits.
func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
