package appline

import "github.com/grafana/alloy/eks/internal/timestamp"

// readSyslog reads a line that begins with the priority of syslog, whatever
// follows: the header of RFC 5424, that of RFC 3164, or a mixture.
//
// The level is that of the priority, also where the text has another.
//
// Specification: https://www.rfc-editor.org/rfc/rfc5424#section-6.2.1
func readSyslog(b []byte, depth int) (f Facts, object int, ok bool) {
	const longest = len("<191>")
	end := 1
	for end < len(b) && end < longest && isDigit(b[end]) {
		end++
	}
	priority, ok := wholeNumber(b[1:end])
	if !ok || priority > 191 || end == len(b) || b[end] != '>' {
		return Facts{}, 0, false
	}
	f.Level = syslogLevel(priority)
	rest := b[end+1:]
	if len(rest) > 2 && rest[0] == '1' && rest[1] == ' ' { // The version of RFC 5424.
		rest = rest[2:]
	}
	r, n, ok := timestamp.TryPrefix(rest)
	if !ok {
		return f, 0, true
	}
	f.Time, f.HasTime = r, true
	if depth > 0 {
		return f, 0, true
	}
	rest = trimBlanks(rest[n:])
	h := header{b: rest[:min(len(rest), headLen)], whole: rest, f: &f}
	h.afterTag(h.b, true)
	return f, h.object, true
}

func trimBlanks(b []byte) []byte {
	for len(b) > 0 && isBlank(b[0]) {
		b = b[1:]
	}
	return b
}
