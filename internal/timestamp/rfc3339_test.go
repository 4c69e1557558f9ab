package timestamp

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// nanosOf returns the time that an RFC 3339 text states, by the standard
// library.
func nanosOf(t testing.TB, text string) int64 {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	require.NoError(t, err)
	return at.UnixNano()
}

func TestTryRFC3339_Success(t *testing.T) {
	f := func(in, want string, wantZoned bool) {
		t.Helper()
		nanos, zoned, ok := TryRFC3339([]byte(in))
		require.True(t, ok, in)
		require.Equal(t, wantZoned, zoned, in)
		require.Equal(t, want, time.Unix(0, nanos).UTC().Format(time.RFC3339Nano), in)
	}
	// The separator.
	f("2026-02-03T04:05:06Z", "2026-02-03T04:05:06Z", true)
	f("2026-02-03t04:05:06z", "2026-02-03T04:05:06Z", true)
	f("2026-02-03 04:05:06Z", "2026-02-03T04:05:06Z", true)

	// The fraction.
	f("2026-02-03T04:05:06.7Z", "2026-02-03T04:05:06.7Z", true)
	f("2026-02-03T04:05:06.71234567Z", "2026-02-03T04:05:06.71234567Z", true)
	f("2026-02-03T04:05:06.712345678Z", "2026-02-03T04:05:06.712345678Z", true)
	f("2026-02-03T04:05:06,712Z", "2026-02-03T04:05:06.712Z", true)
	f("2026-02-03T04:05:06.7123456789999Z", "2026-02-03T04:05:06.712345678Z", true)
	f("2026-02-03T04:05:06.000000000Z", "2026-02-03T04:05:06Z", true)

	// The zone.
	f("2026-02-03T04:05:06+00:00", "2026-02-03T04:05:06Z", true)
	f("2026-02-03T04:05:06.5-00:00", "2026-02-03T04:05:06.5Z", true)
	f("2026-02-03T04:05:06+08:00", "2026-02-02T20:05:06Z", true)
	f("2026-02-03T04:05:06+0530", "2026-02-02T22:35:06Z", true)
	f("2026-02-03T04:05:06.25-07", "2026-02-03T11:05:06.25Z", true)
	f("2026-02-03T04:05:06+23:59", "2026-02-02T04:06:06Z", true)
	f("2026-02-03T04:05:06", "2026-02-03T04:05:06Z", false)
	f("2026-02-03 04:05:06,789", "2026-02-03T04:05:06.789Z", false)

	// The ranges.
	f("1678-01-01T00:00:00+23:59", "1677-12-31T00:01:00Z", true)
	f("2261-12-31T23:59:59.999999999-23:59", "2262-01-01T23:58:59.999999999Z", true)
	f("2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z", true)
	f("2000-02-29T00:00:00Z", "2000-02-29T00:00:00Z", true)
	f("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.5Z", true)
	f("2016-12-31T23:59:60.5Z", "2017-01-01T00:00:00.5Z", true)
}

func TestTryRFC3339_Failure(t *testing.T) {
	for _, in := range []string{
		"", "2026", "2026-02-03", "2026-02-03T04:05", "2026-02-03T04:05:0Z",
		"2026-02-03T04:05:06.Z", "2026-02-03T04:05:06.", "2026-02-03T04:05:06Z ", " 2026-02-03T04:05:06Z",
		"2026-02-03T04:05:06ZZ", "2026-02-03T04:05:06+8", "2026-02-03T04:05:06+08:", "2026-02-03T04:05:06+08:0",
		"2026-02-03T04:05:06+24:00", "2026-02-03T04:05:06+00:60", "2026-02-03T04:05:06 UTC", "2026-02-03T04:05:06+080",
		"2026-00-03T04:05:06Z", "2026-13-03T04:05:06Z", "2026-02-00T04:05:06Z", "2026-02-29T04:05:06Z",
		"1900-02-29T04:05:06Z", "2026-04-31T04:05:06Z", "2026-02-03T24:00:00Z", "2026-02-03T04:60:06Z",
		"2026-02-03T04:05:61Z", "1677-12-31T23:59:59Z", "2262-01-01T00:00:00Z", "0000-01-01T00:00:00Z",
		"2026/02/03T04:05:06Z", "2026-02-03_04:05:06Z", "2026-02-03T04.05.06Z", "2026-0a-03T04:05:06Z",
		"-026-02-03T04:05:06Z", "2026-02-03T04:05:\xb06Z", "\xb2026-02-03T04:05:06Z", "2026-02-03T0\x00:05:06Z",
	} {
		_, _, ok := TryRFC3339([]byte(in))
		require.False(t, ok, "%q", in)
	}
}

var strictRFC3339 = regexp.MustCompile(
	`^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:)(\d\d)([.,]\d+)?(Z|z|([+-]\d\d)(?::?(\d\d))?)?$`)

// slowRFC3339 is TryRFC3339 by a regular expression and the standard library.
func slowRFC3339(in string) (nanos int64, zoned, ok bool) {
	m := strictRFC3339.FindStringSubmatch(in)
	if m == nil || m[1] < "1678" || m[1] >= "2262" {
		return 0, false, false
	}
	sec, leap := m[3], time.Duration(0)
	if sec == "60" {
		sec, leap = "59", time.Second
	}
	frac := strings.Replace(m[4], ",", ".", 1)
	frac = frac[:min(len(frac), len(".123456789"))]
	zone := "Z"
	if m[6] != "" {
		zone = m[6] + ":00"
		if m[7] != "" {
			zone = m[6] + ":" + m[7]
		}
		if m[6][1:] > "23" || m[7] > "59" {
			return 0, false, false // time.Parse lets 24:60 pass.
		}
	}
	at, err := time.Parse(time.RFC3339Nano, m[1]+"T"+m[2]+sec+frac+zone)
	return at.Add(leap).UnixNano(), m[5] != "", err == nil
}

func FuzzTryRFC3339(f *testing.F) {
	for _, in := range []string{
		"2026-02-03T04:05:06.712345678Z", "2026-02-03 04:05:06,7+0530", "2024-02-29t23:59:60z",
		"2026-02-03T04:05:06-07", "1999-12-31T23:59:59.99999999999+23:59", "2026-02-30T00:00:00Z",
	} {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		wantNanos, wantZoned, wantOK := slowRFC3339(in)
		nanos, zoned, ok := TryRFC3339([]byte(in))
		require.Equal(t, wantOK, ok)
		if ok {
			require.Equal(t, wantNanos, nanos)
			require.Equal(t, wantZoned, zoned)
		}
		// The same form, as a prefix of something longer.
		r, n, prefixOK := TryPrefix([]byte(in + "|"))
		if ok && n == len(in) {
			require.True(t, prefixOK)
			require.Equal(t, nanos, r.Nanos)
			require.Equal(t, zoned, r.Complete())
		}
	})
}

func TestDaysSinceEpoch(t *testing.T) {
	at := time.Date(minYear, 1, 1, 0, 0, 0, 0, time.UTC)
	for ; at.Year() <= maxYear; at = at.AddDate(0, 0, 1) {
		y, m, d := at.Date()
		if !validDate(y, int(m), d) || daysSinceEpoch(y, int(m), d)*daySeconds != at.Unix() {
			t.Fatalf("%v: %d days", at, daysSinceEpoch(y, int(m), d))
		}
	}
}
