package timestamp

import (
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTryEpoch_Success(t *testing.T) {
	f := func(in string, want int64, wantDigits int) {
		t.Helper()
		nanos, ok := TryEpoch([]byte(in))
		require.True(t, ok, in)
		require.Equal(t, want, nanos, in)
		r, ok := TryEpochReading([]byte(in))
		require.True(t, ok, in)
		require.Equal(t, Reading{Nanos: want, Digits: uint8(wantDigits)}, r, in)
	}
	// The magnitude tells the unit.
	f("1786000001", 1786000001_000000000, 0)
	f("1786000001234", 1786000001_234000000, 3)
	f("1786000001234567", 1786000001_234567000, 6)
	f("1786000001234567891", 1786000001_234567891, 9)
	f("9223372036", 9223372036_000000000, 0)
	f("100000000000", 100000000_000000000, 3)
	f("9223372036854", 9223372036_854000000, 3)
	f("100000000000000", 100000000_000000000, 6)
	f("9223372036854775", 9223372036_854775000, 6)
	f("100000000000000000", 100000000_000000000, 9)
	f("9223372036854775807", 9223372036_854775807, 9)

	// Fractions are exact, and cut below the nanosecond.
	f("1786000001.2345678", 1786000001_234567800, 7)
	f("1786000001.270186742", 1786000001_270186742, 9)
	f("1786000001.2701867429", 1786000001_270186742, 9)
	f("1786000001.0", 1786000001_000000000, 1)
	f("1786000001234.567", 1786000001_234567000, 6)
	f("1786000001234567.8912", 1786000001_234567891, 9)
	f("1786000001234567891.99", 1786000001_234567891, 9)

	// Exponents move the point first.
	f("1.786000001e9", 1786000001_000000000, 0)
	f("1.7860000012345E+9", 1786000001_234500000, 4)
	f("178600000123e1", 1786000001_230000000, 3)
	f("1786000001234567891e-9", 1786000001_234567891, 9)

	// Signs, zeros, small numbers.
	f("+1786000001", 1786000001_000000000, 0)
	f("-1786000001.5", -1786000001_500000000, 1)
	f("000001786000001", 1786000001_000000000, 0)
	f("0", 0, 0)
	f("-0.0", 0, 0)
	f("0e999999999999", 0, 0)
	f("0.000000001", 1, 9)
	f("0.0000000019", 1, 9)
	f("1e-999999999999", 0, 9)
	f("12345", 12345_000000000, 0)
}

func TestTryEpoch_Failure(t *testing.T) {
	for _, in := range []string{
		"", "-", "+", ".", ".5", "5.", "1.e3", "e9", "1e", "1e+", "1e1.5", "0x10", "1_000", " 1", "1 ", "1786000001Z",
		"--1", "1..2", "1.2.3", "NaN", "Infinity", "0x",
		"9223372037", "99999999999", "9223372036855", "99999999999999", "9223372036854776", "9223372036854775808",
		"-9223372036854775808", "99999999999999999999", "1e99", "1e999999999999", "123456789012345678901234567890",
	} {
		_, ok := TryEpoch([]byte(in))
		require.False(t, ok, "%q", in)
		_, ok = TryEpochReading([]byte(in))
		require.False(t, ok, "%q", in)
	}
}

var strictDecimal = regexp.MustCompile(`^[+-]?(\d+)(\.\d+)?([eE][+-]?\d+)?$`)

// slowEpoch is TryEpoch by rational numbers.
func slowEpoch(in string) (nanos int64, ok bool) {
	if !strictDecimal.MatchString(in) {
		return 0, false
	}
	v, ok := new(big.Rat).SetString(strings.TrimPrefix(in, "+"))
	if !ok {
		return 0, false
	}
	whole := new(big.Int).Quo(v.Num(), v.Denom())
	unit := int64(1)
	switch digits := len(new(big.Int).Abs(whole).String()); {
	case digits <= 11:
		unit = 1e9
	case digits <= 14:
		unit = 1e6
	case digits <= 17:
		unit = 1e3
	}
	v.Mul(v, new(big.Rat).SetInt64(unit))
	whole.Quo(v.Num(), v.Denom())
	if !new(big.Int).Abs(whole).IsInt64() {
		return 0, false
	}
	return whole.Int64(), true
}

func FuzzTryEpoch(f *testing.F) {
	for _, in := range []string{
		"1786000001", "-1786000001.234567891", "1.786000001e9", "1786000001234.5", "9223372036854775807",
		"0.000000001", "178600000123456789e-9", "+0e99", "00000000001786000001",
	} {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		nanos, ok := TryEpoch([]byte(in))
		if m := strictDecimal.FindStringSubmatch(in); m != nil && m[3] != "" {
			// Beyond, the oracle takes forever and the answer is plain.
			if e, err := strconv.Atoi(m[3][1:]); err != nil || e > 5000 || e < -5000 || len(in) > 4000 {
				return
			}
		}
		want, wantOK := slowEpoch(in)
		require.Equal(t, wantOK, ok)
		if ok {
			require.Equal(t, want, nanos)
		}
	})
}
