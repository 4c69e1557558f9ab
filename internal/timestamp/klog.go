package timestamp

import "encoding/binary"

// klogLen is the length of "I0102 15:04:05.123456".
const klogLen = 21

// TryKlog reads the header that klog puts before a line, as far as the time:
// "I0102 15:04:05.123456" and a blank. letter is I, W, E or F, and n is the
// length of the header without the blank. The reading lacks year and zone.
//
// Specification: https://pkg.go.dev/k8s.io/klog/v2#hdr-Log_line_format (the
// header "Lmmdd hh:mm:ss.uuuuuu threadid file:line]").
func TryKlog(line []byte) (letter byte, r Reading, n int, ok bool) {
	if len(line) <= klogLen || !isKlogLetter(line[0]) || !isBlank(line[klogLen]) {
		return 0, Reading{}, 0, false
	}
	// 0102 15: and 04:05.12, as dateTime does it.
	date := binary.LittleEndian.Uint64(line[1:]) ^ 0x3a_30_30_20_30_30_30_30
	clock := binary.LittleEndian.Uint64(line[9:]) ^ 0x30_30_2e_30_30_3a_30_30
	bad := date | (date + 0x7f_76_76_7f_76_76_76_76) |
		clock | (clock + 0x76_76_7f_76_76_7f_76_76)
	frac := binary.LittleEndian.Uint32(line[17:]) ^ 0x30_30_30_30
	badFrac := frac | (frac + 0x76_76_76_76)
	if bad&0x8080808080808080 != 0 || badFrac&0x80808080 != 0 {
		return 0, Reading{}, 0, false
	}
	date = date*10 + date>>8
	clock = clock*10 + clock>>8
	frac = frac*10 + frac>>8
	month, dayOfMonth := int(date&0xff), int(date>>16&0xff)
	h, m, s := int64(date>>40&0xff), int64(clock&0xff), int64(clock>>24&0xff)
	if h > 23 || m > 59 || s > 60 || !validDate(referenceYear, month, dayOfMonth) {
		return 0, Reading{}, 0, false
	}
	micros := int64(clock>>48&0xff)*10_000 + int64(frac&0xff)*100 + int64(frac>>16&0xff)
	sec := daysSinceEpoch(referenceYear, month, dayOfMonth)*daySeconds + h*3600 + m*60 + s
	r = Reading{Nanos: sec*second + micros*1000, Lacks: LackYear | LackZone, Digits: 6}
	return line[0], r, klogLen, true
}

// TryGlog reads the headers of klog's relatives as far as the time, in the
// manner of TryKlog: with a year ("I20210102 15:04:05.123456"), without colons
// ("I0102 150405"), with any number of fraction digits.
func TryGlog(line []byte) (letter byte, r Reading, n int, ok bool) {
	if len(line) == 0 || !isKlogLetter(line[0]) {
		return 0, Reading{}, 0, false
	}
	i := 1
	for i < len(line) && isDigit(line[i]) {
		i++
	}
	year := referenceYear
	r.Lacks = LackYear | LackZone
	switch i {
	case len("I0102"):
	case len("I20060102"):
		century, _ := twoDigits(line, 1)
		year, _ = twoDigits(line, 3)
		year += century * 100
		r.Lacks = LackZone
	default:
		return 0, Reading{}, 0, false
	}
	month, _ := twoDigits(line, i-4)
	dayOfMonth, _ := twoDigits(line, i-2)
	if i == len(line) || line[i] != ' ' || !validDate(year, month, dayOfMonth) {
		return 0, Reading{}, 0, false
	}
	sec, next, ok := clock(line, i+1)
	if !ok {
		sec, next, ok = plainClock(line, i+1)
	}
	if !ok {
		return 0, Reading{}, 0, false
	}
	n = r.finish(line, daysSinceEpoch(year, month, dayOfMonth)*daySeconds+sec, next)
	if n == len(line) || !isBlank(line[n]) {
		return 0, Reading{}, 0, false
	}
	return line[0], r, n, true
}

func isKlogLetter(c byte) bool { return c == 'I' || c == 'W' || c == 'E' || c == 'F' }

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
