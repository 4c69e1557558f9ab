package timestamp

import "time"

// Lack says what a written time leaves open. The values are bits.
type Lack uint8

const (
	// LackYear is a date without its year.
	LackYear Lack = 1 << iota
	// LackZone is a clock of which nobody says where it hangs.
	LackZone
	// LackDate is a time of day without its date.
	LackDate
	// LackOrder is a date of which month and day may be meant the other way
	// round: 10/02/2026.
	LackOrder
)

// Reading is a time as it is written, which may be less than a time.
type Reading struct {
	// Nanos is the time, as if the zone were UTC where it lacks. Without a year
	// it lies in 2000, a leap year; without a date on 1970-01-01; without an
	// order the month stands first.
	Nanos int64
	// Lacks holds what is not written; 0 is a whole time.
	Lacks Lack
	// Digits is how many digits of the second's fraction are written, 0 to 9.
	Digits uint8
}

// Complete reports whether the reading is a time by itself.
func (r Reading) Complete() bool { return r.Lacks == 0 }

// Covers reports whether nanos lies within what the reading states: it is the
// reading's time or a finer statement of it. For a reading of 10:00:00.12 these
// are the hundredths of a second from .12 to .13. The reading must be complete.
func (r Reading) Covers(nanos int64) bool { return covers(r.Nanos, nanos, r.Digits) }

func covers(t, nanos int64, digits uint8) bool {
	return nanos >= t && uint64(nanos)-uint64(t) < uint64(scale[min(digits, 9)])
}

// referenceYear is the year of readings without one.
const referenceYear = 2000

const (
	// zoneStep divides every offset from UTC in use since 1986, and minOffset
	// and maxOffset are the outermost of them.
	zoneStep  = 15 * minute
	minOffset = -12 * 60 * minute
	maxOffset = 14 * 60 * minute
	// agreement is how far two clocks that show the same moment may differ: the
	// pipe between application and runtime, and a clock that counts in whole
	// seconds. Among zoneSteps, one unrelated pair in 225 agrees by chance.
	agreement = 2 * second
)

// Resolve completes the reading.
//
// outer is a time that is known to be near, such as the one at which the runtime
// read the line; it gives the year and the date that lack, whatever the wall
// clock says, so that a replay resolves as the first run did. zone is the zone
// of the clock when somebody knows it, nil otherwise.
//
// A reading without a zone is:
//   - with a zone given, what that zone makes of it;
//   - without an outer time, taken as UTC;
//   - otherwise compared with the outer time. When both agree within two seconds
//     but for a whole offset (a multiple of 15 minutes, UTC-12:00 to UTC+14:00),
//     it is the reading moved by that offset. When they do not agree, or when
//     the outer time says the same more finely (see Covers), ok is false and the
//     outer time is to be used.
//
// ok is also false when something lacks that cannot be inferred.
func (r Reading) Resolve(outer int64, hasOuter bool, zone *time.Location) (nanos int64, ok bool) {
	if r.Complete() {
		return r.Nanos, true
	}
	if zone == nil && r.Lacks&LackZone == 0 {
		zone = time.UTC
	}
	if !hasOuter {
		if r.Lacks != LackZone {
			return 0, false
		}
		return inZone(r.Nanos, zone), true
	}
	if zone != nil {
		return r.nearest(outer, zone)
	}
	return r.shifted(outer)
}

// inZone returns the time at which a clock in the zone shows what one in UTC
// shows at nanos. nil is UTC.
func inZone(nanos int64, zone *time.Location) int64 {
	if zone == nil || zone == time.UTC {
		return nanos
	}
	t := time.Unix(0, nanos).UTC()
	y, mo, d := t.Date()
	h, mi, s := t.Clock()
	return time.Date(y, mo, d, h, mi, s, t.Nanosecond(), zone).UnixNano()
}

// halfYear is less than half of any year: of times that lie whole years apart,
// one that is no farther from another time than this is the nearest to it.
const halfYear = 182 * day

// nearest returns, of all times that the reading may mean in the zone, the one
// that is nearest to outer, and of two the earlier.
func (r Reading) nearest(outer int64, zone *time.Location) (nanos int64, ok bool) {
	var best uint64
	for i := range r.meanings() {
		wall, exists := r.meaning(i, outer)
		if !exists {
			continue
		}
		t := inZone(wall, zone)
		d := distance(t, outer)
		if !ok || d < best || d == best && t < nanos {
			nanos, best, ok = t, d, true
		}
		if r.Lacks&LackYear != 0 && best <= uint64(halfYear) {
			break
		}
	}
	return nanos, ok
}

// shifted returns the time that the reading means if it agrees with outer but
// for an offset.
func (r Reading) shifted(outer int64) (nanos int64, ok bool) {
	for i := range r.meanings() {
		wall, exists := r.meaning(i, outer)
		if !exists || distance(wall, outer) > uint64(maxOffset+agreement) {
			continue
		}
		offset := floorDiv(wall-outer+zoneStep/2, zoneStep) * zoneStep
		t := wall - offset
		if offset >= minOffset && offset <= maxOffset && distance(t, outer) <= uint64(agreement) {
			return t, !covers(t, outer, r.Digits)
		}
	}
	return 0, false
}

// distance returns how far two times lie apart.
func distance(a, b int64) uint64 {
	if a < b {
		return uint64(b) - uint64(a)
	}
	return uint64(a) - uint64(b)
}

// meanings returns how many walls meaning can give.
func (r Reading) meanings() int {
	switch {
	case r.Lacks&(LackYear|LackDate) != 0:
		return 3
	case r.Lacks&LackOrder != 0:
		return 2
	}
	return 1
}

// meaning returns the i-th thing that the reading may mean, as the wall clock
// time in UTC, given that it means something near outer: the year, or the day,
// of outer, the one before, or the one after; month and day as they are, or the
// other way round. ok is false when there is no such date.
func (r Reading) meaning(i int, outer int64) (wall int64, ok bool) {
	switch {
	case r.Lacks&LackYear != 0:
		year, _, _ := dateOf(outer)
		_, month, dayOfMonth := dateOf(r.Nanos)
		return onDate(r.Nanos, year+neighbour[i], month, dayOfMonth)
	case r.Lacks&LackDate != 0:
		outerDay := floorDiv(outer, day) + int64(neighbour[i])
		if outerDay < minDay || outerDay > maxDay {
			return 0, false
		}
		return outerDay*day + r.Nanos, true
	case i == 1:
		year, month, dayOfMonth := dateOf(r.Nanos)
		return onDate(r.Nanos, year, dayOfMonth, month)
	}
	return r.Nanos, true
}

// neighbour is the order in which meaning tries what lies around outer, the
// likeliest first.
var neighbour = [3]int{0, -1, 1}

// The days on which every time of day fits, in every zone.
var (
	minDay = daysSinceEpoch(minYear, 1, 1)
	maxDay = daysSinceEpoch(maxYear, 12, 31)
)

// onDate returns the time of day of nanos on the date, if that exists.
func onDate(nanos int64, year, month, dayOfMonth int) (int64, bool) {
	if !validDate(year, month, dayOfMonth) {
		return 0, false
	}
	return daysSinceEpoch(year, month, dayOfMonth)*day + nanos - floorDiv(nanos, day)*day, true
}
