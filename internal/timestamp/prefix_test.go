package timestamp

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTryPrefix_Success(t *testing.T) {
	const (
		whole   = Lack(0)
		noZone  = LackZone
		noYear  = LackYear | LackZone
		noDate  = LackDate | LackZone
		noOrder = LackOrder | LackZone
	)
	// rest is what follows the time in its line.
	f := func(in, rest, want string, wantLacks Lack, wantDigits int) {
		t.Helper()
		r, n, ok := TryPrefix([]byte(in + rest))
		require.True(t, ok, in)
		require.Equal(t, rest, (in + rest)[n:], in)
		require.Equal(t, wantLacks, r.Lacks, in)
		require.Equal(t, wantDigits, int(r.Digits), in)
		require.Equal(t, want, time.Unix(0, r.Nanos).UTC().Format(time.RFC3339Nano), in)

		text, ok := TryText([]byte(in))
		require.True(t, ok, in)
		require.Equal(t, r, text, in)
		text, ok = TryText([]byte("[" + in + "]"))
		require.True(t, ok, in)
		require.Equal(t, r, text, in)
	}
	// The year first.
	f("2026-03-04T05:06:07Z", "\tINFO", "2026-03-04T05:06:07Z", whole, 0)
	f("2026-03-04T05:06:07.123456+0800", " x", "2026-03-03T21:06:07.123456Z", whole, 6)
	f("2026-03-04 05:06:07 +0000", " [info]", "2026-03-04T05:06:07Z", whole, 0)
	f("2026-03-04 05:06:07.5 -03:30", " x", "2026-03-04T08:36:07.5Z", whole, 1)
	f("2026-03-04 05:06:07.689 UTC", " [27] LOG:  x", "2026-03-04T05:06:07.689Z", whole, 3)
	f("2026-03-04 05:06:07 GMT", "]", "2026-03-04T05:06:07Z", whole, 0)
	f("2026-03-04 05:06:07", " CET [27] LOG:  x", "2026-03-04T05:06:07Z", noZone, 0)
	f("2026-03-04 05:06:07", " UTCX", "2026-03-04T05:06:07Z", noZone, 0)
	f("2026-03-04 05:06:07", " +1 vote", "2026-03-04T05:06:07Z", noZone, 0)
	f("2026-03-04 05:06:07", " +10000 votes", "2026-03-04T05:06:07Z", noZone, 0)
	f("2026-03-04 05:06:07", " Z is a letter", "2026-03-04T05:06:07Z", noZone, 0)
	f("2026-03-04 05:06:07", ", then", "2026-03-04T05:06:07Z", noZone, 0)
	f("2026-03-04 05:06:07,067", " ERROR", "2026-03-04T05:06:07.067Z", noZone, 3)
	f("2026/03/04 05:06:07", " [notice] 1#1: x", "2026-03-04T05:06:07Z", noZone, 0)
	f("2026/03/04 05:06:07.098836", " INFO", "2026-03-04T05:06:07.098836Z", noZone, 6)
	f("2026-03-04 05:06:07.5 +0000 UTC", " m=+0.01", "2026-03-04T05:06:07.5Z", whole, 1)
	f("2026-03-04 05:06:07 +0000", " UTCX", "2026-03-04T05:06:07Z", whole, 0)
	f("2026/03/04 - 05:06:07", " | 200 |", "2026-03-04T05:06:07Z", noZone, 0)
	f("2026.03.04 05:06:07.168802", " [ 847 ]", "2026-03-04T05:06:07.168802Z", noZone, 6)

	// The month or the day first.
	f("Mar  4 05:06:07", " host x[1]: y", "2000-03-04T05:06:07Z", noYear, 0)
	f("Mar 4 05:06:07", " host", "2000-03-04T05:06:07Z", noYear, 0)
	f("Mar 04 05:06:07.25", ": x", "2000-03-04T05:06:07.25Z", noYear, 2)
	f("Feb 29 05:06:07", " x", "2000-02-29T05:06:07Z", noYear, 0)
	f("Mar  4 2026 05:06:07", " x", "2026-03-04T05:06:07Z", noZone, 0)
	f("Mar 04, 2026 5:06:07 PM", " com.acme.Cart empty", "2026-03-04T17:06:07Z", noZone, 0)
	f("Dec 4, 2026 12:06:07 AM", " x", "2026-12-04T00:06:07Z", noZone, 0)
	f("04 Mar 05:06:07.119", " * x", "2000-03-04T05:06:07.119Z", noYear, 3)
	f("4 Mar 2026 05:06:07.119", " # x", "2026-03-04T05:06:07.119Z", noZone, 3)
	f("04 Mar 2026 05:06:07 +0100", " x", "2026-03-04T04:06:07Z", whole, 0)
	f("04-Mar-2026 05:06:07.249", " INFO [main]", "2026-03-04T05:06:07.249Z", noZone, 3)
	f("04-Mar-2026 05:06:07 UTC", "] PHP", "2026-03-04T05:06:07Z", whole, 0)

	// CLF.
	f("04/Mar/2026:05:06:07 +0000", "] x", "2026-03-04T05:06:07Z", whole, 0)
	f("04/Mar/2026:05:06:07 -0700", "] x", "2026-03-04T12:06:07Z", whole, 0)
	f("04/Mar/2026 05:06:07", "] x", "2026-03-04T05:06:07Z", noZone, 0)
	f("04/Mar/2026:05:06:07.655", "] x", "2026-03-04T05:06:07.655Z", noZone, 3)

	// The day of the week first.
	f("Wed Mar 04 05:06:07 2026", "] x", "2026-03-04T05:06:07Z", noZone, 0)
	f("Wed Mar  4 05:06:07.123456 2026", "] x", "2026-03-04T05:06:07.123456Z", noZone, 6)
	f("Wed Mar  4 05:06:07 UTC 2026", " x", "2026-03-04T05:06:07Z", whole, 0)
	f("Wed Mar  4 05:06:07 CEST 2026", " x", "2026-03-04T05:06:07Z", noZone, 0)
	f("Thu Feb 29 05:06:07 2024", " x", "2024-02-29T05:06:07Z", noZone, 0)
	f("Wed, 04 Mar 2026 05:06:07 GMT", "] x", "2026-03-04T05:06:07Z", whole, 0)
	f("Wed, 4 Mar 2026 05:06:07 -0500", " x", "2026-03-04T10:06:07Z", whole, 0)

	// Numbers only.
	f("26/03/04 05:06:07", " INFO x", "2026-03-04T05:06:07Z", noZone, 0)
	f("260304 050607", " 148 INFO", "2026-03-04T05:06:07Z", noZone, 0)
	f("260304 05:06:07", " web:2271", "2026-03-04T05:06:07Z", noZone, 0)
	f("03/04/2026, 5:06:07 PM", "     LOG", "2026-03-04T17:06:07Z", noOrder, 0)
	f("3/4/2026 05:06:07", " x", "2026-03-04T05:06:07Z", noOrder, 0)
	f("03/14/2026, 12:06:07 PM", " x", "2026-03-14T12:06:07Z", noZone, 0)
	f("14/03/2026 15:06:07", " x", "2026-03-14T15:06:07Z", noZone, 0)
	f("3/3/2026, 5:06:07\u202fPM", " x", "2026-03-03T17:06:07Z", noZone, 0)

	// The time of day.
	f("05:06:07", " WRN] x", "1970-01-01T05:06:07Z", noDate, 0)
	f("05:06:07.123", "] x", "1970-01-01T05:06:07.123Z", noDate, 3)
	f("23:59:59,999", " [main]", "1970-01-01T23:59:59.999Z", noDate, 3)
}

func TestTryPrefix_Failure(t *testing.T) {
	for _, in := range []string{
		"", "x", "cart emptied", "12 carts emptied", "1786000001 carts", "1234567 carts", "12345678 carts emptied",
		"2026-03-04", "2026-03-04 is a date", "2026-03-04T05:06 is short", "2026_03_04 05:06:07", "2026-03-04_05:06:07",
		"2026-02-30 05:06:07 x", "2026/03/04 - 05:66:07 x", "2026-03-04 - 05:06:07 x", "2026/03/04 -- 05:06:07 x", "2026:03:04 05:06:07 x",
		"May the 4th be with you", "Mar 32 05:06:07 x", "Mar 4 25:06:07 x", "Mar", "Mar 4, 2026", "Mar 4, 2026 13:06:07 PM", "Mar 4 05:06:07x",
		"Mar 4, 2026 0:06:07 AM", "Feb 30, 2026 1:06:07 AM", "Sep 31 05:06:07 x", "Feb 29 2026 05:06:07 x",
		"Wednesday 05:06:07", "Wed Mar 4 05:06:07", "Wed Mar 4 05:06:07 20267", "Wed Mar 4 2026 05:06:07 2026", "Wed, 04 Mar 05:06:07 x",
		"Wed Feb 29 05:06:07 2026", "Wed, 99 Mar 2026 05:06:07", "Wed-04 Mar 2026 05:06:07",
		"04 Foo 05:06:07 x", "04-Mar 05:06:07 x", "4-Mar-2026T05:06:07", "31-Feb-2026 05:06:07", "04-Mar-2026 25:06:07", "40 Mar 05:06:07 x",
		"04/Foo/2026:05:06:07 +0000", "04/Mar/2026T05:06:07 +0000", "31/Feb/2026:05:06:07 +0000", "04/Mar/2026:25:06:07 +0000",
		"26/13/04 05:06:07 x", "26/03/04 25:06:07", "26/03/04T05:06:07", "261304 050607", "260304 250607 x", "260304_050607 x", "260304 0506071",
		"13/13/2026, 5:06:07 PM", "3/4/26, 5:06:07 PM", "3/4/2026; 5:06:07 PM", "3/4/2026, 5:6:07 PM", "3/4/2026, 15:06:07 PM", "3/4/2026, 5:06:77",
		"3/4/2026,", "3/4/2026, ", "3-4/2026, 5:06:07", "10.0.3.4 - - x", "1.2.3.4:56 x", "192.168.1.1 - - [x]",
		"05:06:07:08", "05:06:07x", "25:06:07", "05:66:07", "05:06", "05:06:0", "05:06-07 x", "12:34567890",
	} {
		r, n, ok := TryPrefix([]byte(in))
		require.False(t, ok, "%q: %v %d", in, r, n)
	}
}

func TestTryText_Failure(t *testing.T) {
	for _, in := range []string{
		"", "[", "[]", "2026-03-04T05:06:07Z ", " 2026-03-04T05:06:07Z", "[2026-03-04T05:06:07Z", "2026-03-04T05:06:07Z]",
		"2026-03-04", "1786000001", "05:06:07 PMx",
	} {
		_, ok := TryText([]byte(in))
		require.False(t, ok, "%q", in)
	}
}

func TestTryGoLog(t *testing.T) {
	r, n, ok := TryGoLog([]byte("2026/03/04 05:06:07.5 x"))
	require.True(t, ok)
	require.Equal(t, len("2026/03/04 05:06:07.5"), n)
	require.Equal(t, Reading{Nanos: nanosOf(t, "2026-03-04T05:06:07.5Z"), Lacks: LackZone, Digits: 1}, r)
	for _, in := range []string{"", "2026-03-04 05:06:07", "2026/03/04T05:06:07", "2026/03/04", "2026/13/04 05:06:07"} {
		_, _, ok := TryGoLog([]byte(in))
		require.False(t, ok, in)
	}
}

// TestTryX_Short cuts every form everywhere: no reader may look beyond its
// input.
func TestTryX_Short(t *testing.T) {
	for _, in := range []string{
		"2026-03-04T05:06:07.123456789+08:00 x", "Mar 04, 2026 5:06:07 PM x", "Mar  4 2026 05:06:07.5 x", "Wed Mar  4 05:06:07.123456 UTC 2026 x",
		"Wed, 04 Mar 2026 05:06:07 GMT", "04/Mar/2026:05:06:07 -0700]", "04-Mar-2026 05:06:07.249 UTC", "4 Mar 2026 05:06:07.119 +0100 x",
		"26/03/04 05:06:07 x", "260304 050607 x", "3/4/2026, 5:06:07\u202fPM x", "05:06:07.123] x", "I20260304 05:06:07.123456 x",
		"I0304 05:06:07.123456 x", "F0304 050607 x", "2026-03-04T05:06:07.123456789+08:00 stdout F:x y", "-1786000001.234e-5",
	} {
		for end := range len(in) + 1 {
			b := []byte(in)[:end:end]
			_, n, ok := TryPrefix(b)
			require.True(t, !ok || n <= end)
			_, _, n, ok = TryGlog(b)
			require.True(t, !ok || n < end)
			_, _, n, ok = TryKlog(b)
			require.True(t, !ok || n < end)
			TryText(b)
			TryRFC3339(b)
			TryEpoch(b)
			TryCRIPrefix(b)
		}
	}
}

func FuzzTryPrefix(f *testing.F) {
	for _, in := range []string{
		"2026-03-04 05:06:07.5 -03:30 x", "Mar 04, 2026 5:06:07 PM com", "Wed Mar  4 05:06:07 UTC 2026 x", "Wed, 04 Mar 2026 05:06:07 GMT",
		"04/Mar/2026:05:06:07 -0700]", "04-Mar-2026 05:06:07.249", "04 Mar 05:06:07.119 * x", "26/03/04 05:06:07", "260304 050607",
		"3/4/2026, 5:06:07\u202fPM x", "05:06:07.123]",
	} {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		b := []byte(in)
		r, n, ok := TryPrefix(b)
		if !ok {
			_, ok = TryText(b)
			require.False(t, ok && b[0] != '[')
			return
		}
		require.True(t, n >= len("05:06:07") && n <= len(b))
		require.LessOrEqual(t, r.Digits, uint8(9))
		if r.Lacks&LackYear != 0 {
			require.Equal(t, referenceYear, time.Unix(0, r.Nanos).UTC().Year())
		}
		if r.Lacks&LackDate != 0 {
			require.Equal(t, 0, int(floorDiv(r.Nanos, day+second)))
		}
		// What follows the time has no part in it.
		again, ok := TryText(b[:n:n])
		require.True(t, ok)
		require.Equal(t, r, again)
	})
}
