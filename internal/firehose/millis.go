package firehose

import (
	"math"

	"github.com/grafana/alloy/eks/internal/jsonscan"
)

// parseMillis reads a number of milliseconds since the epoch and returns it in
// nanoseconds, and 0 when it is no such number. AWS writes an integer; the forms
// that other JSON encoders make of one, a fraction, an exponent, a string, are
// read too, and never through a float, which would change the last digits.
func parseMillis(v jsonscan.Value) int64 {
	text, plain := v.Text()
	if !plain || !v.IsString() && !v.IsNumber() {
		return 0
	}
	d := decimal{exponent: 6} // From milliseconds to nanoseconds.
	i := d.digits(text, 0, false)
	if i == 0 {
		return 0
	}
	if i < len(text) && text[i] == '.' {
		i = d.digits(text, i+1, true)
	}
	if i < len(text) && (text[i] == 'e' || text[i] == 'E') {
		i = d.power(text, i+1)
	}
	if i != len(text) {
		return 0
	}
	return d.int64()
}

// decimal is digits × 10^exponent.
type decimal struct {
	value    uint64
	exponent int
	overflow bool
}

// maxDecimal is the largest value that takes one more digit for certain.
const maxDecimal = (math.MaxUint64 - 9) / 10

// digits reads the digits that begin at text[i] and returns the position after
// them.
func (d *decimal) digits(text []byte, i int, fraction bool) int {
	for ; i < len(text) && text[i] >= '0' && text[i] <= '9'; i++ {
		switch {
		case d.value <= maxDecimal:
			d.value = d.value*10 + uint64(text[i]-'0')
			if fraction {
				d.exponent--
			}
		case !fraction:
			d.overflow = true
		}
	}
	return i
}

// power reads the exponent that begins at text[i] and returns the position after
// it.
func (d *decimal) power(text []byte, i int) int {
	sign := 1
	if i < len(text) && (text[i] == '+' || text[i] == '-') {
		if text[i] == '-' {
			sign = -1
		}
		i++
	}
	power := 0
	for ; i < len(text) && text[i] >= '0' && text[i] <= '9'; i++ {
		power = min(power*10+int(text[i]-'0'), 1_000)
	}
	d.exponent += sign * power
	return i
}

// int64 returns the whole part of d, 0 when it has no place in an int64.
func (d *decimal) int64() int64 {
	value := d.value
	for range -d.exponent {
		value /= 10
	}
	for range d.exponent {
		if value > math.MaxInt64/10 {
			return 0
		}
		value *= 10
	}
	if d.overflow || value > math.MaxInt64 {
		return 0
	}
	return int64(value)
}
