package appline

import (
	"bytes"

	"github.com/grafana/alloy/eks/internal/timestamp"
)

// readText reads a line of text. depth counts the lines around it.
//
// A JSON object behind a time is left to the caller, because only so can b stay
// on the caller's stack: object is how many bytes before the end of b it begins,
// 0 when there is none.
func readText(b []byte, depth int) (f Facts, object int) {
	if len(b) == 0 {
		return Facts{}, 0
	}
	switch c := b[0]; {
	case c == 'I' || c == 'W' || c == 'E' || c == 'F':
		if f, ok := readKlog(b); ok {
			return f, 0
		}
	case c == '<':
		if f, object, ok := readSyslog(b, depth); ok {
			return f, object
		}
	case isBlank(c):
		return readIndented(b, depth)
	}
	h := header{b: b[:min(len(b), headLen)], whole: b, depth: depth, f: &f}
	h.read()
	if f.HasTime || f.Level != "" || h.object > 0 {
		return f, h.object
	}
	return Facts{Continuation: isContinuation(b)}, 0
}

// readIndented reads a line that begins with blanks. Unless a time follows, or
// it is a single blank, the line carries on with the one before.
func readIndented(b []byte, depth int) (f Facts, object int) {
	text := trimBlanks(b)
	if len(text) == 0 {
		return Facts{}, 0
	}
	f, object = readText(text, depth)
	if f.HasTime || len(b)-len(text) == 1 && b[0] == ' ' {
		return f, object
	}
	return Facts{Continuation: true}, 0
}

// readKlog reads the header of klog and of its relatives.
func readKlog(b []byte) (f Facts, ok bool) {
	if len(b) < 2 || !isDigit(b[1]) {
		return Facts{}, false
	}
	letter, r, _, ok := timestamp.TryKlog(b)
	if !ok {
		var n int
		letter, r, n, ok = timestamp.TryGlog(b)
		// The relatives have no fixed width: the end of the header must show.
		if !ok || bytes.IndexByte(b[n:min(len(b), n+128)], ']') < 0 {
			return Facts{}, false
		}
	}
	return Facts{Time: r, HasTime: true, Level: letterLevel(letter)}, true
}

// kind says what a token of a header is.
type kind uint8

const (
	start   kind = iota
	aTime        // A time of any form.
	aNumber      // The number of a process, a thread, a line.
	aBar         // Hyphens, bars, colons, commas.
	aToken       // Anything else that belongs to the header.
	theRest      // The text, or what is as good as that.
)

// header walks the tokens that stand before the text of a line, and ends at the
// first that belongs to the text.
type header struct {
	b     []byte // The start of the line, as far as a header can reach.
	whole []byte // The line.
	i     int
	depth int
	prev  kind
	redis bool // The line begins as Redis begins its lines.
	// f is where the facts go. It is a pointer because a copy, held beside b,
	// would make b escape.
	f *Facts
	// object is how many bytes before the end of the line an object begins.
	object int
}

// maxTokens is how many tokens a header may have.
const maxTokens = 10

func (h *header) read() {
	for range maxTokens {
		for h.i < len(h.b) && isBlank(h.b[h.i]) {
			h.i++
		}
		if h.i >= len(h.b) {
			return
		}
		k := h.token()
		if k == theRest || h.f.HasTime && h.f.Level != "" {
			return
		}
		h.prev = k
	}
}

// token reads the token at h.i and moves behind it.
func (h *header) token() kind {
	c := h.b[h.i]
	if !h.f.HasTime && (isDigit(c) || isLetter(c)) {
		if r, n, ok := timestamp.TryPrefix(h.b[h.i:]); ok {
			h.f.Time, h.f.HasTime = r, true
			h.afterTime(n)
			return aTime
		}
	}
	switch {
	case h.prev == aTime && isLetter(c) && h.klog():
		return theRest
	case c == '[' || c == '<' || c == '(' || c == '{':
		return h.group()
	case isDigit(c):
		return h.number()
	case isLetter(c):
		return h.word()
	case h.redis && h.prev == aTime && h.redisLevel(c):
		h.i++
		return aToken
	case h.prev != start && (c == '-' || c == '|' || c == ':' || c == ','):
		for h.i < len(h.b) && h.b[h.i] == c {
			h.i++
		}
		return aBar
	}
	return h.other()
}

// klog reads the header of klog behind the time that an export of CloudWatch
// logs has put before it.
func (h *header) klog() bool {
	inner, ok := readKlog(h.b[h.i:])
	if ok {
		h.f.refine(inner)
	}
	return ok
}

// afterTime moves behind a time of n bytes, and behind the quote of a logfmt line
// whose start, time=", is lost.
func (h *header) afterTime(n int) {
	h.redis = h.redis && isLetter(h.b[h.i+3]) // 04 Mar
	h.i += n
	if h.i+1 < len(h.b) && h.b[h.i] == '"' && h.b[h.i+1] == ' ' {
		h.i++
	}
}

// redisLevel reads the sign that Redis writes for a level.
func (h *header) redisLevel(c byte) bool {
	if h.i+1 >= len(h.b) || h.b[h.i+1] != ' ' {
		return false
	}
	switch c {
	case '.', '-':
		h.f.Level = Debug
	case '*':
		h.f.Level = Info
	case '#':
		h.f.Level = Warn
	default:
		return false
	}
	return true
}

// number reads the numbers that headers hold: of a process or a thread, with or
// without Redis' role, and a clock without seconds.
func (h *header) number() kind {
	i := h.i
	for i < len(h.b) && isDigit(h.b[i]) {
		i++
	}
	rest := h.b[i:]
	switch {
	case len(rest) > 2 && rest[0] == ':' && rest[1] >= 'A' && rest[1] <= 'Z' && isBlank(rest[2]): // 1:M
		h.redis = h.prev == start
		h.i = i + 2
		return aToken
	case len(rest) > 5 && rest[0] == ':' && isDigit(rest[1]) && rest[4] == 'M' && isBlank(rest[5]): // 3:04PM
		h.i = i + 5
		return aToken
	case h.ends(i):
		h.i = i
		return aNumber
	}
	return h.other()
}

// ends reports whether a token ends at h.b[i].
func (h *header) ends(i int) bool {
	if i >= len(h.b) {
		return len(h.b) == len(h.whole)
	}
	switch h.b[i] {
	case ' ', '\t', ':', ',', '|', '[', ']', ')', '>':
		return true
	}
	return false
}

// group reads something in brackets: a time, a level, both, or neither.
func (h *header) group() kind {
	open := h.b[h.i]
	if open == '{' && (h.prev != start || h.depth > 0) && h.i+1 < len(h.b) && h.b[h.i+1] == '"' {
		h.object = len(h.whole) - h.i
		return theRest
	}
	shut := open + 2 // Of [, < and {.
	if open == '(' {
		shut = ')'
	}
	depth, end := 0, h.i
	for ; end < len(h.b); end++ {
		if h.b[end] == open {
			depth++
		} else if h.b[end] == shut {
			if depth--; depth == 0 {
				break
			}
		}
	}
	if end == len(h.b) {
		return h.other()
	}
	inside := bytes.Trim(h.b[h.i+1:end], " ")
	if h.prev == start && open == '[' {
		if _, ok := wholeNumber(inside); ok {
			h.redis = true
		}
	}
	h.i = end + 1
	h.readGroup(inside)
	return aToken
}

// readGroup reads what stands in brackets.
func (h *header) readGroup(inside []byte) {
	if len(inside) < 3 {
		return
	}
	if !h.f.HasTime {
		// The letter of Tornado stands before the time.
		at := 0
		if inside[1] == ' ' && letterLevel(inside[0]) != "" {
			at = 2
		}
		if r, n, ok := timestamp.TryPrefix(inside[at:]); ok {
			h.f.Time, h.f.HasTime = r, true
			if at > 0 && h.f.Level == "" {
				h.f.Level = letterLevel(inside[0])
			}
			inside = bytes.TrimLeft(inside[at+n:], " :,")
			if end := wordEnd(inside, 0); end < len(inside) && inside[end] != ' ' && inside[end] != '/' {
				return
			}
			h.setLevel(inside[:wordEnd(inside, 0)], plain)
			return
		}
	}
	before, after, found := bytes.Cut(inside, []byte{':'})
	if !found {
		h.setLevel(inside, delimited)
		return
	}
	if !h.f.HasTime {
		if r, n, ok := timestamp.TryPrefix(after); ok && n == len(after) && h.setLevel(before, delimited) { // [info:<time>]
			h.f.Time, h.f.HasTime = r, true
			return
		}
	}
	h.setLevel(after, delimited) // Apache's [module:level].
}

// setLevel takes the level with that name, if there is one, if the name may
// stand where it does, and if no level is known.
func (h *header) setLevel(name []byte, where standing) bool {
	if h.f.Level != "" {
		return false
	}
	level, needs := levelOf(name)
	if level == "" || needs < where || where == plain && !isUpper(name) {
		return false
	}
	h.f.Level = level
	return true
}

func isUpper(word []byte) bool {
	for _, c := range word {
		if c&0x20 != 0 {
			return false
		}
	}
	return true
}

// wordEnd returns the end of the letters at b[i].
func wordEnd(b []byte, i int) int {
	for i < len(b) && isLetter(b[i]) {
		i++
	}
	return i
}

// word reads a word: the name of a level, or a name that may stand in a header.
func (h *header) word() kind {
	end := wordEnd(h.b, h.i)
	name := h.b[h.i:end]
	next := byte(' ')
	if end < len(h.b) {
		next = h.b[end]
	}
	if next == '=' || isKeyByte(next) && isPair(h.b, h.i) {
		h.f.refineByFields(readLogfmt(h.whole[:min(len(h.whole), logfmtLen)], h.i))
		return theRest
	}
	if len(name) == 1 {
		return h.letter(name[0], end, next)
	}
	if h.f.Level == "" && h.ends(end) && h.wordLevel(name, end, next) {
		h.i = end
		return aToken
	}
	return h.other()
}

// wordLevel takes a word as a level if it is one and stands like one.
func (h *header) wordLevel(name []byte, end int, next byte) bool {
	level, needs := levelOf(name)
	if level == "" || needs == inField || !h.standsAsLevel(name, needs, end, next) {
		return false
	}
	h.f.Level = level
	return true
}

// standsAsLevel reports whether the name of a level, which ends at h.b[end] and
// is followed by next, stands where loggers put it and not in a text.
func (h *header) standsAsLevel(name []byte, needs standing, end int, next byte) bool {
	switch {
	case next == ':':
		return needs == plain || isUpper(name) || string(name) == "fail" // .NET's are in lower case.
	case h.prev == aNumber && !h.f.HasTime:
		return false // A count of errors, say.
	case next == '[' && !isSeconds(h.b[end:]):
		return false // An array or a reference that is called so.
	case h.prev == aBar && h.barFollows(end), next == '\t' && h.i > 0 && h.b[h.i-1] == '\t':
		return needs >= delimited
	case string(name) == "LOG" && bytes.HasPrefix(h.b, []byte("[Nest]")):
		return true
	case needs == plain && bytes.HasPrefix(h.b[end:], []byte(" error:")): // Go's fatal error, and PHP's.
		return true
	}
	return needs == plain && isUpper(name)
}

// isSeconds reports whether b begins with digits in brackets, which logrus
// prints on a terminal: INFO[0012].
func isSeconds(b []byte) bool {
	end := bytes.IndexByte(b, ']')
	if end < 2 {
		return false
	}
	_, ok := wholeNumber(b[1:end])
	return ok
}

// barFollows reports whether the next thing after b[i] is a bar.
func (h *header) barFollows(i int) bool {
	for i < len(h.b) && isBlank(h.b[i]) {
		i++
	}
	return i < len(h.b) && (h.b[i] == '-' || h.b[i] == '|' || h.b[i] == ':')
}

// letter reads a level of one letter: "I |" of etcd, "I!" of telegraf, "I
// NETWORK" of MongoDB; and the "I," before Ruby's header.
func (h *header) letter(c byte, end int, next byte) kind {
	level := letterLevel(c)
	if level == "" || h.f.Level != "" {
		return h.other()
	}
	rest := h.b[end:]
	switch {
	case next == '!' && len(rest) > 1 && isBlank(rest[1]) && (h.f.HasTime || h.prev == start):
		end++
	case h.prev == aTime && bytes.HasPrefix(rest, []byte(" | ")):
	case h.prev == aTime && h.f.Time.Complete() && isComponent(rest):
	case h.prev == start && bytes.HasPrefix(rest, []byte(", [")):
	default:
		return h.other()
	}
	h.f.Level = level
	h.i = end
	return aToken
}

// isComponent reports whether b goes on with a blank and the name of one of
// MongoDB's components: capitals, or a hyphen.
func isComponent(b []byte) bool {
	if len(b) < 4 || b[0] != ' ' {
		return false
	}
	end := wordEnd(b, 1)
	return end > 3 && isUpper(b[1:end]) && end < len(b) && b[end] == ' ' || b[1] == '-' && b[2] == ' '
}

// other reads what only a few loggers put into a header; everything else is the
// text.
func (h *header) other() kind {
	rest := h.b[h.i:]
	if h.f.HasTime {
		return h.otherAfterTime(rest)
	}
	if h.prev != start {
		return theRest
	}
	switch {
	case h.skip("Log file created at: "), h.skip("PHP "):
		return aToken
	case bytes.HasPrefix(rest, []byte("Exception in thread ")), bytes.HasPrefix(rest, []byte("Unhandled exception")):
		h.f.Level = Error
		return theRest
	}
	end := bytes.IndexByte(rest, ' ')
	if end < 2 {
		return theRest
	}
	first, after := rest[:end], rest[end+1:]
	switch {
	case first[end-1] == ':' && len(after) > 0 && after[0] == '[': // nginx: [alert]
	case bytes.Contains(first, []byte(".log")): // The name of a file, before its line.
		if _, _, ok := timestamp.TryPrefix(after); !ok {
			return theRest
		}
	default:
		h.readAccess(rest)
		return theRest
	}
	h.i += end
	return aToken
}

// skip moves over the text if it stands at h.i.
func (h *header) skip(text string) bool {
	if !bytes.HasPrefix(h.b[h.i:], []byte(text)) {
		return false
	}
	h.i += len(text)
	return true
}

// otherAfterTime is other for what stands behind a time.
func (h *header) otherAfterTime(rest []byte) kind {
	if h.skip("PHP ") {
		return aToken
	}
	if bytes.HasPrefix(rest, []byte("http: panic serving ")) {
		h.f.Level = Error // net/http has caught it: the process lives.
		return theRest
	}
	if h.f.Level != "" {
		return theRest
	}
	end := 0
	for end < len(rest) && !isBlank(rest[end]) {
		end++
	}
	first := rest[:end]
	switch {
	case h.prev == aBar && h.barFollows(h.i+end), bytes.IndexByte(first, '@') >= 0: // A logger; PostgreSQL's user@database.
		h.i += end
		return aToken
	case h.channelLevel(first):
	case h.depth == 0 && h.prev == aTime:
		// In another form than syslog's own the tag must show what it is.
		h.afterTag(rest, h.f.Time.Lacks&timestamp.LackYear != 0)
	}
	return theRest
}

// channelLevel reads Monolog's "channel.LEVEL:".
func (h *header) channelLevel(first []byte) bool {
	dot := bytes.IndexByte(first, '.')
	if dot < 1 || first[len(first)-1] != ':' {
		return false
	}
	name := first[dot+1 : len(first)-1]
	return isUpper(name) && h.setLevel(name, delimited)
}

// afterTag reads the line that a syslog daemon has put behind "host tag[pid]: "
// or "tag[pid]: ", and if bare also "tag: ". rest is the end of h.b.
func (h *header) afterTag(rest []byte, bare bool) {
	for range 2 {
		end := bytes.IndexByte(rest, ' ')
		if end < 1 {
			return
		}
		first := rest[:end]
		rest = trimBlanks(rest[end:])
		if isTag(first, bare) {
			inner, object := readText(h.whole[len(h.b)-len(rest):], h.depth+1)
			h.f.refine(inner)
			h.object = object
			return
		}
	}
}

// isTag reports whether a token is "tag[pid]:", or if bare "tag:".
func isTag(token []byte, bare bool) bool {
	n := len(token)
	if n < 2 || token[n-1] != ':' || !isLetter(token[0]) {
		return false
	}
	if token[n-2] != ']' {
		return bare
	}
	open := bytes.LastIndexByte(token, '[')
	if open < 1 {
		return false
	}
	_, ok := wholeNumber(token[open+1 : n-2])
	return ok
}

// readAccess reads the time of an access log, which stands in brackets behind
// the host and the user, in CLF or as HTTP writes dates.
func (h *header) readAccess(rest []byte) {
	const farthest = 128
	open := bytes.IndexByte(rest[:min(len(rest), farthest)], '[')
	if open < 2 || rest[open-1] != ' ' || bytes.IndexByte(rest[:open], '"') >= 0 || bytes.Count(rest[:open], []byte{' '}) > 5 {
		return
	}
	r, n, ok := timestamp.TryCLF(rest[open+1:])
	if !ok {
		r, n, ok = timestamp.TryWeekday(rest[open+1:])
	}
	if n += open + 1; ok && n < len(rest) && rest[n] == ']' {
		h.f.Time, h.f.HasTime = r, true
	}
}
