package appline

// standing says where a level's name is taken for a level.
type standing uint8

// The standings, in the order of what they allow.
const (
	// inField is a name that is also a word of ordinary text: it counts only as
	// the value of a field that holds levels.
	inField standing = iota
	// beforeColon is a name that counts in a text also if a colon follows.
	beforeColon
	// delimited is a name that counts in a text also between brackets or bars.
	delimited
	// plain is a name that counts in a header also as it is, in capitals.
	plain
)

// longestName is the length of "informational".
const longestName = 13

// levelOf returns the level with that name, in whatever case, and where the name
// may stand. The level is empty for any other word.
func levelOf(word []byte) (level string, where standing) {
	if len(word) < 3 || len(word) > longestName {
		return "", inField
	}
	var lower [longestName]byte
	for i, c := range word {
		if !isLetter(c) {
			return "", inField
		}
		lower[i] = c | 0x20
	}
	switch string(lower[:len(word)]) {
	case "info", "inf", "information", "informational", "notice":
		return Info, plain
	case "warn", "warning", "wrn":
		return Warn, plain
	case "error", "err", "eror", "erro", "severe":
		return Error, plain
	case "debug", "dbg", "dbug", "debu":
		return Debug, plain
	case "trace", "trc", "trce", "trac", "verbose", "vrb":
		return Trace, plain
	case "fatal", "ftl", "fata", "critical", "crit", "panic", "pani", "dpanic", "emerg", "emergency", "alert":
		return Fatal, plain
	case "note":
		return Info, delimited
	case "log":
		return Info, beforeColon
	case "fail":
		return Error, beforeColon
	case "fine", "config":
		return Debug, beforeColon
	case "finer", "finest":
		return Trace, beforeColon
	case "http", "success", "default":
		return Info, inField
	case "silly":
		return Trace, inField
	}
	return "", inField
}

// letterLevel returns the level that one capital letter stands for.
func letterLevel(c byte) string {
	switch c {
	case 'T', 'V':
		return Trace
	case 'D':
		return Debug
	case 'I', 'N':
		return Info
	case 'W':
		return Warn
	case 'E':
		return Error
	case 'F', 'C':
		return Fatal
	}
	return ""
}

// syslogLevel returns the level of a syslog severity, 0 to 7.
//
// Specification: https://www.rfc-editor.org/rfc/rfc5424#section-6.2.1
func syslogLevel(severity int64) string {
	return [8]string{Fatal, Fatal, Fatal, Error, Warn, Info, Info, Debug}[severity&7]
}

// numberLevel returns the level that a number stands for. The ranges of the
// scales in use do not meet: syslog and GELF count from 0 to 7, bunyan and pino
// from 10 to 60, logback from 5000 to 50000.
func numberLevel(n int64) string {
	switch {
	case n < 0 || n > 50_000:
		return ""
	case n <= 7:
		return syslogLevel(n)
	case n >= 10 && n < 70:
		return [6]string{Trace, Debug, Info, Warn, Error, Fatal}[n/10-1]
	case n == 5000:
		return Trace
	case n >= 10_000 && n%10_000 == 0:
		return [5]string{Debug, Info, Warn, Error, Fatal}[n/10_000-1]
	}
	return ""
}

// pythonLevel returns the level of Python's levelno, which is ten below that of
// pino.
func pythonLevel(n int64) string {
	if n < 0 || n > 50 {
		return ""
	}
	return numberLevel(n/10*10 + 10)
}

// otelLevel returns the level of an OpenTelemetry SeverityNumber, 1 to 24.
//
// Specification: https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber
func otelLevel(n int64) string {
	if n < 1 || n > 24 {
		return ""
	}
	return [6]string{Trace, Debug, Info, Warn, Error, Fatal}[(n-1)/4]
}

// wholeNumber reads a number of up to 18 digits.
func wholeNumber(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if !isDigit(c) {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
