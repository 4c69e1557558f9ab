package timestamp

// TryRFC3164 reads the timestamp of BSD syslog at the start of b, "Jan _2
// 15:04:05": the day of the month may be padded with a blank or a zero or not at
// all, and a year may follow it ("Jan 2 2006 15:04:05"), a fraction the seconds.
// The reading lacks the zone, and the year unless it is written. n is its
// length.
//
// Specification: https://www.rfc-editor.org/rfc/rfc3164#section-4.1.2
func TryRFC3164(b []byte) (r Reading, n int, ok bool) {
	month, ok := monthName(b, 0)
	if !ok || len(b) < 4 || b[3] != ' ' {
		return Reading{}, 0, false
	}
	i := 4
	if i < len(b) && b[i] == ' ' {
		i++
	}
	dayOfMonth, i, ok := shortNumber(b, i)
	if !ok || i >= len(b) {
		return Reading{}, 0, false
	}
	if b[i] == ',' {
		return tryJUL(b, month, dayOfMonth, i)
	}
	return dayThenClock(b, i, month, dayOfMonth)
}

// dayThenClock reads " [2006 ]15:04:05[.9]" at b[i], which follows a month and a
// day.
func dayThenClock(b []byte, i, month, dayOfMonth int) (r Reading, n int, ok bool) {
	if i >= len(b) || b[i] != ' ' {
		return Reading{}, 0, false
	}
	i++
	year := referenceYear
	r.Lacks = LackYear | LackZone
	if y, ok := fourDigits(b, i); ok && i+4 < len(b) && b[i+4] == ' ' {
		year, i = y, i+5
		r.Lacks = LackZone
	}
	sec, i, ok := clock(b, i)
	if !ok || !validDate(year, month, dayOfMonth) {
		return Reading{}, 0, false
	}
	i = r.finish(b, daysSinceEpoch(year, month, dayOfMonth)*daySeconds+sec, i)
	return r, i, isBoundary(b, i)
}

// tryJUL reads the rest of java.util.logging's "Jan 2, 2006 3:04:05 PM" from
// the comma on.
func tryJUL(b []byte, month, dayOfMonth, i int) (r Reading, n int, ok bool) {
	if i+7 > len(b) || b[i+1] != ' ' || b[i+6] != ' ' {
		return Reading{}, 0, false
	}
	year, ok1 := fourDigits(b, i+2)
	sec, i, ok2 := twelveHourClock(b, i+7)
	if !ok1 || !ok2 || !validDate(year, month, dayOfMonth) {
		return Reading{}, 0, false
	}
	r.Lacks = LackZone
	i = r.finish(b, daysSinceEpoch(year, month, dayOfMonth)*daySeconds+sec, i)
	return r, i, true
}

// TryCLF reads the time of the Common Log Format at the start of b, without its
// brackets: "02/Jan/2006:15:04:05 -0700". The seconds may have a fraction
// (HAProxy), the zone may lack, and a blank may stand before the hour (Werkzeug).
// n is its length.
//
// Specification: https://httpd.apache.org/docs/2.4/mod/mod_log_config.html#formats
func TryCLF(b []byte) (r Reading, n int, ok bool) {
	const layout = len("02/Jan/2006:15:04:05")
	if len(b) < layout || b[2] != '/' || b[6] != '/' || b[11] != ':' && b[11] != ' ' {
		return Reading{}, 0, false
	}
	dayOfMonth, ok1 := twoDigits(b, 0)
	month, ok2 := monthName(b, 3)
	year, ok3 := fourDigits(b, 7)
	sec, i, ok4 := clock(b, 12)
	if !ok1 || !ok2 || !ok3 || !ok4 || !validDate(year, month, dayOfMonth) {
		return Reading{}, 0, false
	}
	r.Lacks = LackZone
	i = r.finish(b, daysSinceEpoch(year, month, dayOfMonth)*daySeconds+sec, i)
	return r, r.zone(b, i), true
}

// TryDayMonth reads a date that begins with the day and names the month:
// "02 Jan 2006 15:04:05", "02-Jan-2006 15:04:05", and without the year, as old
// Redis writes it, "02 Jan 15:04:05". Fraction and zone are as everywhere. n is
// its length.
func TryDayMonth(b []byte) (r Reading, n int, ok bool) {
	dayOfMonth, i, ok := shortNumber(b, 0)
	if !ok || i+5 > len(b) || b[i] != ' ' && b[i] != '-' || b[i+4] != b[i] {
		return Reading{}, 0, false
	}
	sep := b[i]
	month, ok := monthName(b, i+1)
	if !ok {
		return Reading{}, 0, false
	}
	i += 5
	if sep == ' ' {
		if r, n, ok = dayThenClock(b, i-1, month, dayOfMonth); ok && r.Lacks&LackYear == 0 {
			n = r.zone(b, n)
		}
		return r, n, ok
	}
	year, ok := fourDigits(b, i)
	if !ok || i+5 > len(b) || b[i+4] != ' ' || !validDate(year, month, dayOfMonth) {
		return Reading{}, 0, false
	}
	sec, i, ok := clock(b, i+5)
	if !ok {
		return Reading{}, 0, false
	}
	r.Lacks = LackZone
	i = r.finish(b, daysSinceEpoch(year, month, dayOfMonth)*daySeconds+sec, i)
	return r, r.zone(b, i), true
}

// TryWeekday reads a date that begins with the name of the day of the week: C's
// asctime, "Mon Jan _2 15:04:05 2006", also with a fraction (Apache 2.4) and
// with a zone before the year (date), and the form of mail and HTTP, "Mon, 02
// Jan 2006 15:04:05 GMT". The day of the week is not compared with the date. n
// is its length.
func TryWeekday(b []byte) (r Reading, n int, ok bool) {
	if len(b) < 5 || !isWeekday(b) {
		return Reading{}, 0, false
	}
	if b[3] == ',' && b[4] == ' ' {
		if r, n, ok = TryDayMonth(b[5:]); ok && r.Lacks&LackYear == 0 {
			return r, n + 5, true
		}
		return Reading{}, 0, false
	}
	if b[3] != ' ' {
		return Reading{}, 0, false
	}
	r, i, ok := TryRFC3164(b[4:])
	if !ok || r.Lacks&LackYear == 0 {
		return Reading{}, 0, false
	}
	i += 4
	i = r.zoneName(b, i)
	if i+5 > len(b) || b[i] != ' ' || !isBoundary(b, i+5) {
		return Reading{}, 0, false
	}
	year, ok1 := fourDigits(b, i+1)
	_, month, dayOfMonth := dateOf(r.Nanos)
	r.Nanos, ok = onDate(r.Nanos, year, month, dayOfMonth)
	r.Lacks &^= LackYear
	return r, i + 5, ok1 && ok
}

// zoneName passes over " UTC", " CEST" and the like at b[i] and returns the
// position after it. UTC and GMT are taken as the zone.
func (r *Reading) zoneName(b []byte, i int) int {
	if i >= len(b) || b[i] != ' ' {
		return i
	}
	end := i + 1
	for end < len(b) && isLetter(b[end]) {
		end++
	}
	if end-i < len(" UTC") || end-i > len(" AAAAA") {
		return i
	}
	if name := string(b[i+1 : end]); name == "UTC" || name == "GMT" {
		r.Lacks &^= LackZone
	}
	return end
}

// shortNumber reads one or two digits at b[i].
func shortNumber(b []byte, i int) (v, next int, ok bool) {
	if v, ok = twoDigits(b, i); ok {
		return v, i + 2, true
	}
	if i >= len(b) || !isDigit(b[i]) {
		return 0, i, false
	}
	return int(b[i] - '0'), i + 1, true
}

// fourDigits reads the four-digit number at b[i].
func fourDigits(b []byte, i int) (v int, ok bool) {
	high, ok1 := twoDigits(b, i)
	low, ok2 := twoDigits(b, i+2)
	return high*100 + low, ok1 && ok2
}

// name3 packs three letters, in lower case, so that they can be compared at
// once.
func name3(b []byte, i int) uint32 {
	return (uint32(b[i])<<16 | uint32(b[i+1])<<8 | uint32(b[i+2])) | 0x202020
}

// monthName reads the three-letter name of a month at b[i].
func monthName(b []byte, i int) (month int, ok bool) {
	if i+3 > len(b) {
		return 0, false
	}
	switch name3(b, i) {
	case 'j'<<16 | 'a'<<8 | 'n':
		month = 1
	case 'f'<<16 | 'e'<<8 | 'b':
		month = 2
	case 'm'<<16 | 'a'<<8 | 'r':
		month = 3
	case 'a'<<16 | 'p'<<8 | 'r':
		month = 4
	case 'm'<<16 | 'a'<<8 | 'y':
		month = 5
	case 'j'<<16 | 'u'<<8 | 'n':
		month = 6
	case 'j'<<16 | 'u'<<8 | 'l':
		month = 7
	case 'a'<<16 | 'u'<<8 | 'g':
		month = 8
	case 's'<<16 | 'e'<<8 | 'p':
		month = 9
	case 'o'<<16 | 'c'<<8 | 't':
		month = 10
	case 'n'<<16 | 'o'<<8 | 'v':
		month = 11
	case 'd'<<16 | 'e'<<8 | 'c':
		month = 12
	}
	return month, month != 0
}

// isWeekday reports whether b begins with the three-letter name of a day of the
// week.
func isWeekday(b []byte) bool {
	switch name3(b, 0) {
	case 'm'<<16 | 'o'<<8 | 'n', 't'<<16 | 'u'<<8 | 'e', 'w'<<16 | 'e'<<8 | 'd', 't'<<16 | 'h'<<8 | 'u',
		'f'<<16 | 'r'<<8 | 'i', 's'<<16 | 'a'<<8 | 't', 's'<<16 | 'u'<<8 | 'n':
		return true
	}
	return false
}
