package timestamp

// TryPrefix reads the time at the very start of b, in any form that loggers put
// before their text but those of klog. n is its length; what follows is the
// caller's to judge.
//
// Which form it is shows in the first bytes, so that a text that begins with no
// time costs next to nothing.
func TryPrefix(b []byte) (r Reading, n int, ok bool) {
	if len(b) < len("15:04:05") {
		return Reading{}, 0, false
	}
	if isLetter(b[0]) {
		if r, n, ok = TryRFC3164(b); ok {
			return r, n, true
		}
		return TryWeekday(b)
	}
	if !isDigit(b[0]) {
		return Reading{}, 0, false
	}
	switch digitsAt(b) {
	case 1:
		return tryShortDate(b)
	case 2:
		switch b[2] {
		case ':':
			return tryTimeOfDay(b)
		case '/':
			if r, n, ok = TryCLF(b); ok {
				return r, n, true
			}
			if r, n, ok = tryTwoDigitYear(b); ok {
				return r, n, true
			}
		}
		return tryShortDate(b)
	case 4:
		return tryDateTime(b)
	case 6:
		return tryCompact(b)
	}
	return Reading{}, 0, false
}

// TryText reads a text that is a time and nothing else, in any form of
// TryPrefix, in brackets or without.
func TryText(b []byte) (r Reading, ok bool) {
	if len(b) > 1 && b[0] == '[' && b[len(b)-1] == ']' {
		b = b[1 : len(b)-1]
	}
	r, n, ok := TryPrefix(b)
	if !ok || n != len(b) {
		return Reading{}, false
	}
	return r, true
}

// TryGoLog reads the prefix of Go's log package, of nginx and of Fluent Bit at
// the start of b: "2006/01/02 15:04:05", and a fraction. The reading lacks the
// zone. n is its length.
func TryGoLog(b []byte) (r Reading, n int, ok bool) {
	sec, ok := dateTime(b, '/')
	if !ok || b[10] != ' ' {
		return Reading{}, 0, false
	}
	r.Lacks = LackZone
	return r, r.finish(b, sec, dateTimeLen), true
}

// digitsAt counts the digits at the start of b, up to seven; b has eight bytes.
func digitsAt(b []byte) int {
	n := 0
	for n < 7 && isDigit(b[n]) {
		n++
	}
	return n
}

// tryDateTime reads a date with the year first, in four digits, and a time:
// "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006/01/02 15:04:05",
// "2006.01.02 15:04:05", with fraction and zone.
func tryDateTime(b []byte) (r Reading, n int, ok bool) {
	sep := b[4]
	if sep != '-' && sep != '/' && sep != '.' {
		return Reading{}, 0, false
	}
	sec, ok := dateTime(b, sep)
	if !ok {
		return tryGin(b)
	}
	if !isDateTimeSeparator(b[10]) {
		return Reading{}, 0, false
	}
	r.Lacks = LackZone
	i := r.finish(b, sec, dateTimeLen)
	return r, r.zone(b, i), true
}

// tryGin reads "2006/01/02 - 15:04:05", as the Gin framework writes it.
func tryGin(b []byte) (r Reading, n int, ok bool) {
	const layout = len("2006/01/02 - 15:04:05")
	if len(b) < layout || string(b[10:13]) != " - " {
		return Reading{}, 0, false
	}
	var usual [dateTimeLen]byte
	copy(usual[:11], b)
	copy(usual[11:], b[13:layout])
	sec, ok := dateTime(usual[:], '/')
	if !ok {
		return Reading{}, 0, false
	}
	r.Lacks = LackZone
	return r, r.finish(b, sec, layout), true
}

// tryTwoDigitYear reads "06/01/02 15:04:05", as Spark and Hadoop write it. The
// century is the present one.
func tryTwoDigitYear(b []byte) (r Reading, n int, ok bool) {
	if len(b) < len("06/01/02 15:04:05") || b[5] != '/' || b[8] != ' ' {
		return Reading{}, 0, false
	}
	year, ok1 := twoDigits(b, 0)
	month, ok2 := twoDigits(b, 3)
	dayOfMonth, ok3 := twoDigits(b, 6)
	sec, i, ok4 := clock(b, 9)
	if !ok1 || !ok2 || !ok3 || !ok4 || !validDate(2000+year, month, dayOfMonth) {
		return Reading{}, 0, false
	}
	r.Lacks = LackZone
	i = r.finish(b, daysSinceEpoch(2000+year, month, dayOfMonth)*daySeconds+sec, i)
	return r, i, isBoundary(b, i)
}

// tryCompact reads "060102 150405", as HDFS writes it, and "060102 15:04:05".
func tryCompact(b []byte) (r Reading, n int, ok bool) {
	if len(b) < len("060102 150405") || b[6] != ' ' {
		return Reading{}, 0, false
	}
	year, _ := twoDigits(b, 0)
	month, _ := twoDigits(b, 2)
	dayOfMonth, _ := twoDigits(b, 4)
	sec, i, ok := clock(b, 7)
	if !ok {
		sec, i, ok = plainClock(b, 7)
	}
	if !ok || !validDate(2000+year, month, dayOfMonth) {
		return Reading{}, 0, false
	}
	r.Lacks = LackZone
	i = r.finish(b, daysSinceEpoch(2000+year, month, dayOfMonth)*daySeconds+sec, i)
	return r, i, isBoundary(b, i)
}

// tryShortDate reads the dates that begin with one or two digits and are no
// CLF: "2 Jan 2006 15:04:05" and its like, and "1/2/2006, 3:04:05 PM".
func tryShortDate(b []byte) (r Reading, n int, ok bool) {
	first, i, _ := shortNumber(b, 0)
	if b[i] != '/' {
		return TryDayMonth(b)
	}
	other, i, ok1 := shortNumber(b, i+1)
	if !ok1 || i+6 > len(b) || b[i] != '/' {
		return Reading{}, 0, false
	}
	year, ok1 := fourDigits(b, i+1)
	i += 5
	if b[i] == ',' {
		i++
	}
	if !ok1 || i >= len(b) || b[i] != ' ' {
		return Reading{}, 0, false
	}
	sec, i, ok1 := twelveHourClock(b, i+1)
	if !ok1 {
		return Reading{}, 0, false
	}
	r.Lacks = LackZone
	month, dayOfMonth := first, other
	switch swappable := validDate(year, other, first); {
	case !validDate(year, first, other):
		if !swappable {
			return Reading{}, 0, false
		}
		month, dayOfMonth = other, first
	case swappable && first != other:
		r.Lacks |= LackOrder
	}
	i = r.finish(b, daysSinceEpoch(year, month, dayOfMonth)*daySeconds+sec, i)
	return r, i, isBoundary(b, i)
}

// tryTimeOfDay reads "15:04:05" with a fraction.
func tryTimeOfDay(b []byte) (r Reading, n int, ok bool) {
	sec, i, ok := clock(b, 0)
	if !ok {
		return Reading{}, 0, false
	}
	r.Lacks = LackDate | LackZone
	i = r.finish(b, sec, i)
	return r, i, isBoundary(b, i) && (i == len(b) || b[i] != ':')
}
