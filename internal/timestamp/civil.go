package timestamp

import "time"

const (
	second = int64(1_000_000_000) // In nanoseconds, as every time here.
	minute = 60 * second
	day    = 24 * 60 * minute

	daySeconds = 24 * 60 * 60

	// minYear and maxYear are the first and the last year that lie wholly
	// within int64 nanoseconds, whatever the zone.
	minYear, maxYear = 1678, 2261
)

// daysBefore holds the days of a year before each month, in common years.
var daysBefore = [13]int16{0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334}

// daysIn holds the days of each month, in leap years.
var daysIn = [13]uint8{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

func isLeap(year int) bool {
	return year&3 == 0 && (year%100 != 0 || year%400 == 0)
}

// validDate reports whether the date exists, in the years that fit.
func validDate(year, month, dayOfMonth int) bool {
	if year < minYear || year > maxYear || month < 1 || month > 12 || dayOfMonth < 1 {
		return false
	}
	if dayOfMonth == 29 && month == 2 {
		return isLeap(year)
	}
	return dayOfMonth <= int(daysIn[month])
}

// daysSinceEpoch returns the number of days from 1970-01-01 to a valid date.
// It stands in for time.Date, which costs ten times as much.
func daysSinceEpoch(year, month, dayOfMonth int) int64 {
	y := year - 1
	days := y*365 + y/4 - y/100 + y/400 + int(daysBefore[month]) + dayOfMonth
	if month > 2 && isLeap(year) {
		days++
	}
	return int64(days - 719_163) // Days to 1970-01-01, itself included.
}

// dateOf returns the date of a time in UTC.
func dateOf(nanos int64) (year, month, dayOfMonth int) {
	y, m, d := time.Unix(0, nanos).UTC().Date()
	return y, int(m), d
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
