package subscription

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"strconv"
	"unicode/utf8"
)

// appendEnvelope appends the JSON envelope of m, with the keys in CloudWatch's
// order. It counts the events of the Encoder.
func (e *Encoder) appendEnvelope(dst []byte, m Message) []byte {
	if m.Owner == "" {
		m.Owner = Owner
	}
	dst = appendString(append(dst, `{"messageType":"DATA_MESSAGE","owner":`...), m.Owner)
	dst = appendString(append(dst, `,"logGroup":`...), m.LogGroup)
	dst = appendString(append(dst, `,"logStream":`...), m.LogStream)
	dst = appendString(append(dst, `,"subscriptionFilters":[`...), Filter)
	dst = append(dst, `],"logEvents":[`...)
	for i := range m.Events {
		ev := &m.Events[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"id":"`...)
		dst = e.appendID(dst, &m, ev)
		dst = append(dst, `","timestamp":`...)
		dst = strconv.AppendInt(dst, ev.Time, 10)
		dst = appendString(append(dst, `,"message":`...), ev.Text)
		if m.Account != "" || m.Region != "" {
			dst = appendString(append(dst, `,"extractedFields":{"@aws.account":`...), m.Account)
			dst = appendString(append(dst, `,"@aws.region":`...), m.Region)
			dst = append(dst, '}')
		}
		dst = append(dst, '}')
	}
	return append(dst, `]}`...)
}

// uniqueBytes is the part of an event id below the time: real ids are the event
// time in milliseconds, shifted left by 144 bits, plus that many bits which make
// the id unique.
const uniqueBytes = 144 / 8

// appendID appends the decimal id of the next event of an Encoder: its time, then
// bits which no other event has.
func (e *Encoder) appendID(dst []byte, m *Message, ev *Event) []byte {
	e.unique = binary.BigEndian.AppendUint64(e.unique[:0], e.count)
	e.unique = binary.BigEndian.AppendUint64(e.unique, uint64(ev.Time))
	e.unique = append(e.unique, m.LogGroup...)
	e.unique = append(append(e.unique, 0), m.LogStream...)
	e.unique = append(append(e.unique, 0), ev.Text...)
	e.count++
	sum := sha256.Sum256(e.unique)

	var id [4]uint64 // Big endian.
	id[0] = uint64(ev.Time) >> 48
	id[1] = uint64(ev.Time)<<16 | uint64(binary.BigEndian.Uint16(sum[:]))
	id[2] = binary.BigEndian.Uint64(sum[2:])
	id[3] = binary.BigEndian.Uint64(sum[10:uniqueBytes])
	return appendDecimal(dst, id)
}

// appendDecimal appends a number of 256 bits, big endian, in decimal.
func appendDecimal(dst []byte, n [4]uint64) []byte {
	// 10^19 is the largest power of ten in 64 bits; five of them make 2^256.
	const group, groupDigits = 10_000_000_000_000_000_000, 19
	var groups [5]uint64
	for g := range groups {
		var rest uint64
		for i := range n {
			n[i], rest = bits.Div64(rest, n[i], group)
		}
		groups[g] = rest
	}
	g := len(groups) - 1
	for g > 0 && groups[g] == 0 {
		g--
	}
	dst = strconv.AppendUint(dst, groups[g], 10)
	for g--; g >= 0; g-- {
		var digits [groupDigits]byte
		for i := groupDigits - 1; i >= 0; i-- {
			digits[i] = '0' + byte(groups[g]%10)
			groups[g] /= 10
		}
		dst = append(dst, digits[:]...)
	}
	return dst
}

// appendString appends s as a JSON string, as encoding/json does that does not
// escape HTML: what is no UTF-8 becomes U+FFFD.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if isPlain[c] {
			i++
			continue
		}
		size := 1
		if c >= utf8.RuneSelf {
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			switch {
			case r == utf8.RuneError && size == 1:
				dst = append(append(dst, s[start:i]...), `\ufffd`...)
			case r == '\u2028' || r == '\u2029': // These end lines in JavaScript.
				dst = append(append(dst, s[start:i]...), `\u202`...)
				dst = append(dst, lowerHex[r&0xf])
			default:
				i += size
				continue
			}
		} else {
			dst = appendEscape(append(dst, s[start:i]...), c)
		}
		i += size
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}

const lowerHex = "0123456789abcdef"

// isPlain are the bytes that stand for themselves in a JSON string.
var isPlain = func() (plain [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		plain[c] = c != '"' && c != '\\'
	}
	return plain
}()

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', lowerHex[c>>4], lowerHex[c&15])
}
