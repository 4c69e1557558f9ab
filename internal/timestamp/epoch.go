package timestamp

import (
	"bytes"
	"math"
)

// TryEpoch reads a time since 1970 in decimal: an optional sign, digits, an
// optional fraction, an optional exponent of ten. The whole of b must match.
//
// The unit follows from the number of digits before the decimal point, leading
// zeros not counted and the exponent applied: up to 11 seconds, 12 to 14
// milliseconds, 15 to 17 microseconds, 18 and more nanoseconds. The value is
// exact; what lies below a nanosecond is cut off. ok is false for a time that
// does not fit into int64 nanoseconds.
func TryEpoch(b []byte) (nanos int64, ok bool) {
	d, ok := scanDecimal(b)
	if !ok {
		return 0, false
	}
	return d.nanos()
}

// TryEpochReading is TryEpoch for who wants to know how fine the time is.
func TryEpochReading(b []byte) (r Reading, ok bool) {
	d, ok := scanDecimal(b)
	if !ok {
		return Reading{}, false
	}
	r.Nanos, ok = d.nanos()
	if len(d.digits) == 0 {
		return r, ok
	}
	written := len(d.digits)
	if bytes.IndexByte(d.digits, '.') >= 0 {
		written--
	}
	r.Digits = uint8(min(9, 9-d.unit()+max(0, written-d.point)))
	return r, ok
}

// decimal is a number as it is written: 0.d1d2d3... times 10^point.
type decimal struct {
	negative bool
	digits   []byte // From the first that is not zero; may hold the point.
	point    int
}

// maxExponent bounds a written exponent: beyond, the value is zero or does not
// fit, and point must not overflow.
const maxExponent = 1 << 20

// scanDecimal takes b apart, which must be a decimal number and nothing else.
func scanDecimal(b []byte) (d decimal, ok bool) {
	i := 0
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		d.negative = b[i] == '-'
		i++
	}
	start := i
	for i < len(b) && isDigit(b[i]) {
		i++
	}
	if i == start {
		return d, false
	}
	d.point = i - start
	if i < len(b) && b[i] == '.' {
		i++
		if i == len(b) || !isDigit(b[i]) {
			return d, false
		}
		for i < len(b) && isDigit(b[i]) {
			i++
		}
	}
	d.digits = b[start:i]
	for len(d.digits) > 0 && (d.digits[0] == '0' || d.digits[0] == '.') {
		if d.digits[0] == '0' {
			d.point--
		}
		d.digits = d.digits[1:]
	}
	exponent, ok := scanExponent(b[i:])
	d.point += exponent
	return d, ok
}

// scanExponent reads "e", an optional sign and digits, or nothing.
func scanExponent(b []byte) (v int, ok bool) {
	if len(b) == 0 {
		return 0, true
	}
	if b[0]|0x20 != 'e' {
		return 0, false
	}
	b = b[1:]
	negative := len(b) > 0 && b[0] == '-'
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		b = b[1:]
	}
	if len(b) == 0 {
		return 0, false
	}
	for _, c := range b {
		if !isDigit(c) {
			return 0, false
		}
		v = min(v*10+int(c-'0'), maxExponent)
	}
	if negative {
		v = -v
	}
	return v, true
}

// unit returns how many digits behind the point of the number's unit a
// nanosecond stands.
func (d *decimal) unit() int {
	switch {
	case d.point <= 11:
		return 9
	case d.point <= 14:
		return 6
	case d.point <= 17:
		return 3
	}
	return 0
}

// nanos returns the number, in the unit that its size tells, in nanoseconds.
func (d *decimal) nanos() (nanos int64, ok bool) {
	if len(d.digits) == 0 {
		return 0, true
	}
	width := d.point + d.unit() // Digits to take, zeros appended.
	if width > len("9223372036854775807") {
		return 0, false
	}
	var v uint64 // Of 19 digits at most, which fit.
	for _, c := range d.digits {
		if c == '.' {
			continue
		}
		if width <= 0 {
			break
		}
		v = v*10 + uint64(c-'0')
		width--
	}
	for ; width > 0; width-- {
		v *= 10
	}
	if v > math.MaxInt64 {
		return 0, false
	}
	if d.negative {
		return -int64(v), true
	}
	return int64(v), true
}
