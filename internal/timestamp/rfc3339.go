package timestamp

import "encoding/binary"

// TryRFC3339 reads a date and time as of RFC 3339 and as loggers write it:
// between the two stands T, t or a blank; the seconds may have a fraction after
// a point or a comma, of which what lies below a nanosecond is cut off; the zone
// is Z, z, ±hh:mm, ±hhmm, ±hh or absent. zoned is false when it is absent: the
// time is then given as if it were UTC.
//
// The whole of b must match and every field must be in its range. Second 60, a
// leap second, counts as the first second of the next minute.
//
// Specification: https://www.rfc-editor.org/rfc/rfc3339#section-5.6
func TryRFC3339(b []byte) (nanos int64, zoned, ok bool) {
	sec, ok := dateTime(b, '-')
	if !ok || !isDateTimeSeparator(b[10]) {
		return 0, false, false
	}
	frac, _, i := fraction(b, dateTimeLen)
	if i == len(b) {
		return sec*second + frac, false, true
	}
	offset, n := zoneOffset(b[i:])
	if n == 0 || i+n != len(b) {
		return 0, false, false
	}
	return (sec-offset)*second + frac, true, true
}

func isDateTimeSeparator(c byte) bool { return c == 'T' || c == ' ' || c == 't' }

// dateTimeLen is the length of "2006-01-02T15:04:05".
const dateTimeLen = 19

// dateTime reads the date and time, without fraction and zone, at the start of
// b, as seconds since the epoch if it were UTC. sep stands between the fields of
// the date; what stands between date and time (b[10]) is left to the caller.
//
// It checks and reads eight bytes at a time (BenchmarkTryRFC3339).
func dateTime(b []byte, sep byte) (sec int64, ok bool) {
	if len(b) < dateTimeLen {
		return 0, false
	}
	// 2006-01- and 02T15:04, each byte less what it must be at least. A digit
	// is then 0 to 9, and any other byte must be 0.
	date := binary.LittleEndian.Uint64(b) ^ (0x00_30_30_00_30_30_30_30 | uint64(sep)<<32 | uint64(sep)<<56)
	clock := binary.LittleEndian.Uint64(b[8:])&^0xff_00_00 ^ 0x30_30_3a_30_30_00_30_30
	// Adding 0x76 to more than 9, or 0x7f to more than 0, sets the high bit.
	bad := date | (date + 0x7f_76_76_7f_76_76_76_76) |
		clock | (clock + 0x76_76_7f_76_76_00_76_76)
	s1, s2 := b[17]-'0', b[18]-'0'
	if bad&0x8080808080808080 != 0 || b[16] != ':' || s1 > 9 || s2 > 9 {
		return 0, false
	}
	// Each byte becomes ten times itself plus the next one: two-digit numbers.
	date = date*10 + date>>8
	clock = clock*10 + clock>>8
	year := int(date&0xff)*100 + int(date>>16&0xff)
	month, dayOfMonth := int(date>>40&0xff), int(clock&0xff)
	h, m, s := int64(clock>>24&0xff), int64(clock>>48&0xff), int64(s1*10+s2)
	if h > 23 || m > 59 || s > 60 || !validDate(year, month, dayOfMonth) {
		return 0, false
	}
	return daysSinceEpoch(year, month, dayOfMonth)*daySeconds + h*3600 + m*60 + s, true
}

// scale holds the nanoseconds of one unit after so many fraction digits.
var scale = [10]int64{1e9, 1e8, 1e7, 1e6, 1e5, 1e4, 1e3, 1e2, 1e1, 1}

// fraction reads the decimal fraction of a second at b[i], a point or a comma
// and digits. next is i when there is none. digits is at most 9: what lies below
// is cut off.
func fraction(b []byte, i int) (nanos int64, digits, next int) {
	if i+1 >= len(b) || b[i] != '.' && b[i] != ',' || !isDigit(b[i+1]) {
		return 0, 0, i
	}
	i++
	for i < len(b) && isDigit(b[i]) {
		if digits < 9 {
			nanos = nanos*10 + int64(b[i]-'0')
			digits++
		}
		i++
	}
	return nanos * scale[digits], digits, i
}

// zoneOffset reads the numeric zone, or Z, at the start of b: seconds east of
// UTC, and its length, 0 when there is none.
func zoneOffset(b []byte) (offset int64, n int) {
	if len(b) == 0 {
		return 0, 0
	}
	if b[0] == 'Z' || b[0] == 'z' {
		return 0, 1
	}
	if b[0] != '+' && b[0] != '-' {
		return 0, 0
	}
	h, ok := twoDigits(b, 1)
	if !ok || h > 23 {
		return 0, 0
	}
	n = 3
	m, ok := twoDigits(b, 3)
	if ok {
		n = 5
	} else if len(b) > 3 && b[3] == ':' {
		if m, ok = twoDigits(b, 4); ok {
			n = 6
		}
	}
	if m > 59 {
		return 0, 0
	}
	offset = int64(h)*3600 + int64(m)*60
	if b[0] == '-' {
		offset = -offset
	}
	return offset, n
}

// twoDigits reads the two-digit number at b[i]; it is 0 when there is none.
func twoDigits(b []byte, i int) (v int, ok bool) {
	if i+1 >= len(b) || !isDigit(b[i]) || !isDigit(b[i+1]) {
		return 0, false
	}
	return int(b[i]-'0')*10 + int(b[i+1]-'0'), true
}

func isDigit(c byte) bool { return c-'0' <= 9 }

func isLetter(c byte) bool { return c|0x20-'a' < 26 }
