package timestamp

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTryKlog_Success(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		letter, r, n, ok := TryKlog([]byte(in))
		require.True(t, ok, in)
		require.Equal(t, in[0], letter, in)
		require.Equal(t, klogLen, n, in)
		require.Equal(t, Reading{Nanos: nanosOf(t, want), Lacks: LackYear | LackZone, Digits: 6}, r, in)

		letter2, r2, n2, ok2 := TryGlog([]byte(in))
		require.True(t, ok2, in)
		require.Equal(t, []any{letter, r, n}, []any{letter2, r2, n2}, in)
	}
	f("I0304 05:06:07.123456       1 cart.go:12] emptied", "2000-03-04T05:06:07.123456Z")
	f("W1231 23:59:59.999999 1 cart.go:12] emptied", "2000-12-31T23:59:59.999999Z")
	f("E0229 00:00:00.000001   12345 cart.go:12] emptied", "2000-02-29T00:00:00.000001Z")
	f("F0101 00:00:00.000000\t1 cart.go:12] emptied", "2000-01-01T00:00:00Z")
	f("I0630 23:59:60.500000 1 cart.go:12] leap", "2000-07-01T00:00:00.5Z")
}

func TestTryKlog_Failure(t *testing.T) {
	for _, in := range []string{
		"", "I", "I0304", "I0304 05:06:07", "I0304 05:06:07.123456", "I0304 05:06:07.123456]", "I0304 05:06:07.1234567 1 x.go:1] x",
		"D0304 05:06:07.123456 1 x.go:1] x", "i0304 05:06:07.123456 1 x.go:1] x", "I0004 05:06:07.123456 1 x.go:1] x",
		"I1304 05:06:07.123456 1 x.go:1] x", "I0230 05:06:07.123456 1 x.go:1] x", "I0304 24:06:07.123456 1 x.go:1] x",
		"I0304 05:60:07.123456 1 x.go:1] x", "I0304 05:06:61.123456 1 x.go:1] x", "I0304T05:06:07.123456 1 x.go:1] x",
		"I0304 05:06:07,123456 1 x.go:1] x", "I0304 05:06:07.12345 1 x.go:1] xx", "I0304 05.06.07.123456 1 x.go:1] x",
		"WHAT1 a message of enough bytes", "11002 a message of enough bytes", "I\xb0304 05:06:07.123456 1 x.go:1] x",
	} {
		_, _, _, ok := TryKlog([]byte(in))
		require.False(t, ok, "%q", in)
	}
}

func TestTryGlog_Success(t *testing.T) {
	f := func(in, want string, wantLacks Lack, wantDigits, wantN int) {
		t.Helper()
		letter, r, n, ok := TryGlog([]byte(in))
		require.True(t, ok, in)
		require.Equal(t, in[0], letter, in)
		require.Equal(t, Reading{Nanos: nanosOf(t, want), Lacks: wantLacks, Digits: uint8(wantDigits)}, r, in)
		require.Equal(t, wantN, n, in)
	}
	f("I20260304 05:06:07.123456 15520 cart.cc:9] x", "2026-03-04T05:06:07.123456Z", LackZone, 6, 25)
	f("F0304 050607 cart.cc:22] x", "2000-03-04T05:06:07Z", LackYear|LackZone, 0, 12)
	f("E0304 05:06:07 1 cart.cc:22] x", "2000-03-04T05:06:07Z", LackYear|LackZone, 0, 14)
	f("W20240229 050607.25 1 cart.cc:22] x", "2024-02-29T05:06:07.25Z", LackZone, 2, 19)
}

func TestTryGlog_Failure(t *testing.T) {
	for _, in := range []string{
		"", "I", "I0304", "I0304 ", "I0304 05:06", "I0304 05:06:07", "I030 05:06:07 x", "I03041 05:06:07 x", "I20260304 05:06:07.1",
		"I20250229 05:06:07 1 x.cc:1] x", "I0304 250607 1 x.cc:1] x", "I0304 05:06:07] x", "I0304-05:06:07 x", "X0304 05:06:07 x",
	} {
		_, _, _, ok := TryGlog([]byte(in))
		require.False(t, ok, "%q", in)
	}
}

var strictKlog = regexp.MustCompile(`^[IWEF](\d{4} \d\d:\d\d:)(\d\d)(\.\d{6})[ \t]`)

func FuzzTryKlog(f *testing.F) {
	for _, in := range []string{
		"I0304 05:06:07.123456       1 cart.go:12] emptied", "F0229 23:59:60.000000\tx", "W1301 05:06:07.123456 x", "I0304 050607 x",
		"I20260304 05:06:07.123456 x",
	} {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		letter, r, n, ok := TryKlog([]byte(in))
		gLetter, gr, gn, gok := TryGlog([]byte(in))
		if gok {
			require.True(t, gn < len(in) && strings.IndexByte("IWEF", gLetter) >= 0)
		}
		m := strictKlog.FindStringSubmatch(in)
		if m == nil {
			require.False(t, ok)
			return
		}
		sec, leap := m[2], time.Duration(0)
		if sec == "60" {
			sec, leap = "59", time.Second
		}
		at, err := time.Parse("2006 0102 15:04:05.000000", "2000 "+m[1]+sec+m[3])
		require.Equal(t, err == nil, ok)
		require.Equal(t, ok, gok)
		if ok {
			require.Equal(t, at.Add(leap).UnixNano(), r.Nanos)
			require.Equal(t, []any{in[0], in[0], r, klogLen, klogLen}, []any{letter, gLetter, gr, n, gn})
		}
	})
}
