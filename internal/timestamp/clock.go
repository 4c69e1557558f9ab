package timestamp

// clock reads "15:04:05" at b[i], as seconds since midnight.
func clock(b []byte, i int) (sec int64, next int, ok bool) {
	if i+8 > len(b) || b[i+2] != ':' || b[i+5] != ':' {
		return 0, i, false
	}
	return clockFields(b, i, i+3, i+6)
}

// plainClock reads "150405" at b[i].
func plainClock(b []byte, i int) (sec int64, next int, ok bool) {
	if i+6 > len(b) {
		return 0, i, false
	}
	return clockFields(b, i, i+2, i+4)
}

// clockFields reads the two-digit hour, minute and second at their positions.
// next is the position after the second.
func clockFields(b []byte, hourAt, minuteAt, secondAt int) (sec int64, next int, ok bool) {
	h, ok1 := twoDigits(b, hourAt)
	m, ok2 := twoDigits(b, minuteAt)
	s, ok3 := twoDigits(b, secondAt)
	if !ok1 || !ok2 || !ok3 || h > 23 || m > 59 || s > 60 {
		return 0, hourAt, false
	}
	return int64(h)*3600 + int64(m)*60 + int64(s), secondAt + 2, true
}

// twelveHourClock reads "3:04:05 PM" or "03:04:05 PM" at b[i]. The blank before
// AM or PM may be the narrow one of newer locales, and the two letters may lack:
// then the clock is a plain one.
func twelveHourClock(b []byte, i int) (sec int64, next int, ok bool) {
	if sec, next, ok = clock(b, i); !ok {
		// An hour of one digit.
		if i+7 > len(b) || !isDigit(b[i]) || b[i+1] != ':' || b[i+4] != ':' {
			return 0, i, false
		}
		m, ok1 := twoDigits(b, i+2)
		s, ok2 := twoDigits(b, i+5)
		if !ok1 || !ok2 || m > 59 || s > 60 {
			return 0, i, false
		}
		sec, next = int64(b[i]-'0')*3600+int64(m)*60+int64(s), i+7
	}
	after := next
	if after < len(b) && b[after] == ' ' {
		after++
	} else if after+3 <= len(b) && string(b[after:after+3]) == "\u202f" {
		after += 3
	}
	if after+2 > len(b) || b[after+1]|0x20 != 'm' || !isBoundary(b, after+2) {
		return sec, next, true
	}
	const hour = 3600
	switch half := b[after] | 0x20; {
	case half != 'a' && half != 'p':
		return sec, next, true
	case sec < hour || sec >= 13*hour: // Hour 0, or 13 and more.
		return 0, i, false
	case half == 'a' && sec >= 12*hour:
		sec -= 12 * hour
	case half == 'p' && sec < 12*hour:
		sec += 12 * hour
	}
	return sec, after + 2, true
}

// isBoundary reports whether what stands before b[i] ends there: the next byte
// is neither letter nor digit.
func isBoundary(b []byte, i int) bool {
	return i >= len(b) || !isLetter(b[i]) && !isDigit(b[i])
}

// finish reads the fraction at b[i], sets the time, and returns the position
// after it.
func (r *Reading) finish(b []byte, sec int64, i int) int {
	frac, digits, next := fraction(b, i)
	r.Nanos = sec*second + frac
	r.Digits = uint8(digits)
	return next
}

// zone reads the zone at b[i], if there is one, takes it into the time, and
// returns the position after it: a numeric offset or Z, either directly or after
// a blank, or a blank and UTC or GMT, or both an offset and UTC, as Go prints
// times. The names of other zones have no one meaning.
func (r *Reading) zone(b []byte, i int) int {
	at := i
	if at < len(b) && b[at] == ' ' {
		at++
	}
	if at >= len(b) {
		return i
	}
	if c := b[at]; c == 'U' || c == 'G' {
		if at+3 > len(b) || !isBoundary(b, at+3) {
			return i
		}
		if name := string(b[at : at+3]); name != "UTC" && name != "GMT" {
			return i
		}
		r.Lacks &^= LackZone
		return at + 3
	}
	offset, n := zoneOffset(b[at:])
	// After a blank a number of two digits, or a lone letter, is no zone.
	if n == 0 || !isBoundary(b, at+n) || at > i && n <= 3 {
		return i
	}
	r.Nanos -= offset * second
	r.Lacks &^= LackZone
	i = at + n
	if end := i + len(" UTC"); end <= len(b) && string(b[i:end]) == " UTC" && isBoundary(b, end) {
		return end
	}
	return i
}
