package timestamp

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var eastern = time.FixedZone("east", -5*3600)

func TestReading_ResolveZone(t *testing.T) {
	f := func(in, outer string, zone *time.Location, want string) {
		t.Helper()
		r, ok := TryText([]byte(in))
		require.True(t, ok, in)
		outerNanos := int64(0)
		if outer != "" {
			outerNanos = nanosOf(t, outer)
		}
		nanos, ok := r.Resolve(outerNanos, outer != "", zone)
		require.Equal(t, want != "", ok, in)
		if ok {
			require.Equal(t, want, time.Unix(0, nanos).UTC().Format(time.RFC3339Nano), in)
		}
	}
	// A whole time needs nothing.
	f("2026-03-04T05:06:07Z", "", nil, "2026-03-04T05:06:07Z")
	f("2026-03-04T05:06:07+01:00", "1999-01-01T00:00:00Z", eastern, "2026-03-04T04:06:07Z")

	// No outer time: UTC, or the zone that is given.
	f("2026-03-04 05:06:07,890", "", nil, "2026-03-04T05:06:07.89Z")
	f("2026-03-04 05:06:07,890", "", eastern, "2026-03-04T10:06:07.89Z")
	f("2026-03-04 05:06:07,890", "2026-03-04T07:00:00Z", eastern, "2026-03-04T10:06:07.89Z")

	// The outer time agrees, but for an offset.
	f("2026-03-04 05:06:07.890", "2026-03-04T05:06:07.9001Z", nil, "2026-03-04T05:06:07.89Z")
	f("2026-03-04 13:06:07.890", "2026-03-04T05:06:07.9001Z", nil, "2026-03-04T05:06:07.89Z")
	f("2026-03-04 10:51:07.890", "2026-03-04T05:06:07.9001Z", nil, "2026-03-04T05:06:07.89Z")
	f("2026-03-03 17:06:09.800", "2026-03-04T05:06:07.9001Z", nil, "2026-03-04T05:06:09.8Z")
	f("2026-03-04 19:06:06.000", "2026-03-04T05:06:07.9001Z", nil, "2026-03-04T05:06:06Z")
	f("2026-01-01 01:00:00.500", "2025-12-31T23:00:00.501Z", nil, "2025-12-31T23:00:00.5Z")

	// It does not agree: two seconds and more, no offset, no offset on earth.
	f("2026-03-04 05:06:05.890", "2026-03-04T05:06:07.9001Z", nil, "")
	f("2026-03-04 05:08:07.890", "2026-03-04T05:06:07.9001Z", nil, "")
	f("2026-03-03 16:51:07.890", "2026-03-04T05:06:07.9001Z", nil, "")
	f("2026-03-04 19:21:07.890", "2026-03-04T05:06:07.9001Z", nil, "")
	f("1999-03-04 05:06:07.890", "2026-03-04T05:06:07.9001Z", nil, "")

	// The outer time says the same more finely.
	f("2026/03/04 05:06:07", "2026-03-04T05:06:07.9001Z", nil, "")
	f("2026/03/04 13:06:07", "2026-03-04T05:06:07.9001Z", nil, "")
	f("2026-03-04 05:06:07.900", "2026-03-04T05:06:07.9001Z", nil, "")
	f("2026/03/04 05:06:06", "2026-03-04T05:06:07.9001Z", nil, "2026-03-04T05:06:06Z")

	// Times of day.
	f("23:59:59.900", "2026-03-05T00:00:00.1Z", nil, "2026-03-04T23:59:59.9Z")
	f("00:00:00.100", "2026-03-04T23:59:59.9Z", nil, "2026-03-05T00:00:00.1Z")
	f("08:00:00.100", "2026-03-04T23:59:59.9Z", nil, "2026-03-05T00:00:00.1Z")
	f("08:01:00.100", "2026-03-04T23:59:59.9Z", nil, "")
	f("05:06:07", "2026-03-04T05:06:07.9001Z", nil, "")
	f("05:06:07", "", nil, "")
	f("05:06:07", "", eastern, "")
	f("19:01:00", "2026-03-04T00:00:00Z", eastern, "2026-03-04T00:01:00Z")
	f("18:59:00", "2026-03-04T00:00:00Z", eastern, "2026-03-03T23:59:00Z")

	// Month and day in either order.
	f("03/04/2026, 5:06:07 AM", "2026-03-04T05:06:07Z", nil, "")
	f("03/04/2026, 5:06:06 AM", "2026-03-04T05:06:07Z", nil, "2026-03-04T05:06:06Z")
	f("04/03/2026, 5:06:06 AM", "2026-03-04T05:06:07Z", nil, "2026-03-04T05:06:06Z")
	f("05/03/2026, 5:06:06 AM", "2026-03-04T05:06:07Z", nil, "")
	f("03/04/2026, 5:06:07 AM", "", nil, "")
	f("03/04/2026, 5:06:07 AM", "2026-04-01T00:00:00Z", time.UTC, "2026-04-03T05:06:07Z")
	f("03/14/2026, 5:06:07 AM", "", nil, "2026-03-14T05:06:07Z")
}

func TestReading_ResolveYear(t *testing.T) {
	f := func(in, outer, want string) {
		t.Helper()
		_, r, _, ok := TryKlog([]byte(in + " "))
		require.True(t, ok, in)
		nanos, ok := r.Resolve(nanosOf(t, outer), true, time.UTC)
		require.Equal(t, want != "", ok, in)
		if ok {
			require.Equal(t, want, time.Unix(0, nanos).UTC().Format(time.RFC3339Nano), in)
		}
	}
	f("I0304 05:06:07.123456", "2026-03-04T05:06:07Z", "2026-03-04T05:06:07.123456Z")
	f("I0304 05:06:07.123456", "2023-05-04T05:06:07Z", "2023-03-04T05:06:07.123456Z")

	// Around New Year, in both directions.
	f("I1231 23:59:59.980000", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59.98Z")
	f("I0101 00:00:00.000123", "2025-12-31T23:59:58Z", "2026-01-01T00:00:00.000123Z")

	// Half a year away the past wins.
	f("I0701 12:00:00.000000", "2026-12-31T00:00:00Z", "2026-07-01T12:00:00Z")
	f("I0701 11:59:59.999999", "2026-12-31T00:00:00Z", "2027-07-01T11:59:59.999999Z")
	f("I0701 12:00:00.000001", "2026-12-31T00:00:00Z", "2026-07-01T12:00:00.000001Z")

	// The leap day exists in leap years only.
	f("I0229 12:00:00.000001", "2024-02-29T12:00:00Z", "2024-02-29T12:00:00.000001Z")
	f("I0229 12:00:00.000001", "2025-01-01T00:00:00Z", "2024-02-29T12:00:00.000001Z")
	f("I0229 12:00:00.000001", "2027-12-31T00:00:00Z", "2028-02-29T12:00:00.000001Z")
	f("I0229 12:00:00.000001", "2026-02-28T12:00:00Z", "")

	_, r, _, _ := TryKlog([]byte("I0304 05:06:07.123456 "))
	_, ok := r.Resolve(0, false, time.UTC)
	require.False(t, ok, "nothing gives the year")
}

func TestReading_ResolveYearAndZone(t *testing.T) {
	f := func(in, outer, want string) {
		t.Helper()
		_, r, _, ok := TryKlog([]byte(in + " "))
		require.True(t, ok, in)
		nanos, ok := r.Resolve(nanosOf(t, outer), true, nil)
		require.Equal(t, want != "", ok, in)
		if ok {
			require.Equal(t, want, time.Unix(0, nanos).UTC().Format(time.RFC3339Nano), in)
		}
	}
	f("I0304 05:06:07.123456", "2026-03-04T05:06:07.1239Z", "2026-03-04T05:06:07.123456Z")
	f("I0304 13:06:07.123456", "2026-03-04T05:06:07.1239Z", "2026-03-04T05:06:07.123456Z")
	f("I0101 07:59:59.900000", "2025-12-31T23:59:59.95Z", "2025-12-31T23:59:59.9Z")
	f("I1231 19:00:00.100000", "2026-01-01T00:00:00.2Z", "2026-01-01T00:00:00.1Z")
	f("I0304 13:47:15.915916", "2026-03-04T06:13:09.24Z", "")
}

func TestReading_ResolveSummerTime(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	f := func(in, want string) {
		t.Helper()
		r, ok := TryText([]byte(in))
		require.True(t, ok, in)
		nanos, ok := r.Resolve(0, false, zone)
		require.True(t, ok, in)
		require.Equal(t, want, time.Unix(0, nanos).UTC().Format(time.RFC3339Nano), in)
	}
	f("2026-01-15 12:00:00.25", "2026-01-15T11:00:00.25Z")
	f("2026-07-15 12:00:00.25", "2026-07-15T10:00:00.25Z")
}

func TestReading_Covers(t *testing.T) {
	f := func(in, other string, want bool) {
		t.Helper()
		r, ok := TryText([]byte(in))
		require.True(t, ok, in)
		require.Equal(t, want, r.Covers(nanosOf(t, other)), "%s %s", in, other)
	}
	f("2026-03-04T05:06:07Z", "2026-03-04T05:06:07Z", true)
	f("2026-03-04T05:06:07Z", "2026-03-04T05:06:07.999999999Z", true)
	f("2026-03-04T05:06:07Z", "2026-03-04T05:06:08Z", false)
	f("2026-03-04T05:06:07Z", "2026-03-04T05:06:06.999999999Z", false)
	f("2026-03-04T05:06:07.12Z", "2026-03-04T05:06:07.129Z", true)
	f("2026-03-04T05:06:07.12Z", "2026-03-04T05:06:07.13Z", false)
	f("2026-03-04T05:06:07.123456789Z", "2026-03-04T05:06:07.123456789Z", true)
	f("2026-03-04T05:06:07.123456789Z", "2026-03-04T05:06:07.12345679Z", false)
}

func TestReading_ResolveOffset(t *testing.T) {
	// A date without a year but with a zone is no form that is read; who makes
	// such a reading gets UTC, not a comparison.
	r := Reading{Nanos: nanosOf(t, "2000-03-04T05:06:07Z"), Lacks: LackYear}
	nanos, ok := r.Resolve(nanosOf(t, "2026-03-04T13:06:07Z"), true, nil)
	require.True(t, ok)
	require.Equal(t, nanosOf(t, "2026-03-04T05:06:07Z"), nanos)
}

// slowYear finds the nearest year by trying all.
func slowYear(wall, outer time.Time) (best time.Time, ok bool) {
	for year := outer.Year() - 1; year <= outer.Year()+1; year++ {
		at := time.Date(year, wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), wall.Nanosecond(), time.UTC)
		if at.Day() != wall.Day() || year < minYear || year > maxYear {
			continue
		}
		if !ok || at.Sub(outer).Abs() < best.Sub(outer).Abs() {
			best, ok = at, true
		}
	}
	return best, ok
}

func FuzzReading_Resolve(f *testing.F) {
	f.Add(int64(951_782_400_000_000_000), uint8(LackYear|LackZone), uint8(6), int64(1_709_208_000_000_000_000))
	f.Add(int64(1_786_000_001_000_000_000), uint8(LackZone), uint8(0), int64(1_786_028_800_500_000_000))
	f.Add(int64(math.MaxInt64), uint8(LackZone|LackOrder), uint8(200), int64(math.MinInt64))
	f.Add(int64(1), uint8(LackDate|LackZone), uint8(9), int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, nanos int64, lacks, digits uint8, outer int64) {
		r := Reading{Nanos: nanos, Lacks: Lack(lacks), Digits: digits}
		r.Resolve(outer, false, eastern)
		r.Resolve(outer, true, eastern)
		if got, ok := r.Resolve(outer, true, nil); ok && r.Lacks&LackZone != 0 {
			require.LessOrEqual(t, distance(got, outer), uint64(agreement))
			require.Zero(t, int64(distance(got, r.Nanos)%uint64(zoneStep)), "moved by whole steps")
		}
		wall := time.Unix(0, nanos).UTC()
		if r.Lacks == LackYear && wall.Year() == referenceYear {
			want, wantOK := slowYear(wall, time.Unix(0, outer).UTC())
			got, ok := r.Resolve(outer, true, nil)
			require.Equal(t, wantOK, ok)
			if ok {
				require.Equal(t, want.UnixNano(), got)
			}
		}
	})
}
