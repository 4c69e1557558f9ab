package traffic

import (
	"strconv"
	"time"
)

// format is how an application writes a line.
type format int

const (
	zapJSON format = iota
	slogJSON
	pinoJSON
	logfmt
	klog
	logback
	python
	accessLog
)

// draft is a line that is being written.
type draft struct {
	// text holds earlier lines up to start, then the line; fill is where more
	// text may be inserted without changing its structure.
	text  []byte
	start int
	fill  int
	// at is when the application wrote it, a little before the runtime's time.
	at       time.Time
	textTime time.Time
	level    string
	stream   string
	// object says that the line is a JSON object; timeKey that it has a key
	// `time`, which takes the place of the runtime's when it is lifted.
	object  bool
	timeKey bool
}

func (d *draft) line() []byte { return d.text[d.start:] }

// severity is a level with the share of lines that have it, in percent, and
// what the formats call it.
type severity struct {
	level string
	share int
	upper string
	pino  int64
	klog  byte
}

var severities = []severity{
	{"info", 78, "INFO", 30, 'I'},
	{"debug", 10, "DEBUG", 20, 'I'},
	{"warn", 8, "WARN", 40, 'W'},
	{"error", 4, "ERROR", 50, 'E'},
}

// messages are what applications say. Some are not ASCII, one has quotes and a
// tab: the escaping on the way must not change them.
var messages = []string{
	"order placed", "payment captured", "cache entry refreshed", "session resumed", "stock level synchronised",
	"invoice rendered", "retrying upstream call", "feature flag evaluated", "batch committed", "webhook delivered",
	"image resized", "price list published", "token renewed", "index segment merged", "message acknowledged",
	"connection pool resized", "rate limit applied", "shipment booked", "audit entry stored", "consumer rebalanced",
	"menu of the café synced", "库存已更新", "delivery booked 🚚 for Zürich", "query \"top sellers\"\tfinished",
}

func (g *Generator) pickSeverity() severity {
	n := g.rng.IntN(100)
	for _, s := range severities {
		if n -= s.share; n < 0 {
			return s
		}
	}
	return severities[0]
}

func (g *Generator) pickMessage() string { return messages[g.rng.IntN(len(messages))] }

// write fills the draft with a line of the source's application.
func (g *Generator) write(d *draft, s *source) {
	sev := g.pickSeverity()
	d.level, d.stream = sev.level, "stdout"
	switch s.format {
	case zapJSON:
		g.writeZap(d, s, sev)
	case slogJSON:
		g.writeSlog(d, sev)
	case pinoJSON:
		g.writePino(d, s, sev)
	case logfmt:
		g.writeLogfmt(d, sev)
	case klog:
		g.writeKlog(d, sev)
	case logback:
		g.writeLogback(d, s, sev)
	case python:
		g.writePython(d, sev)
	case accessLog:
		g.writeAccessLog(d)
	}
}

// writeZap writes zap's production JSON: epoch seconds as a float, here with
// microseconds, so that the number has the 16 digits which Fluent Bit keeps.
func (g *Generator) writeZap(d *draft, s *source, sev severity) {
	d.stream, d.object = "stderr", true
	d.textTime = d.at.Truncate(time.Microsecond)
	b := append(d.text, `{"level":"`...)
	b = append(b, sev.level...)
	b = append(b, `","ts":`...)
	b = appendSeconds(b, d.textTime)
	b = append(b, `,"caller":"`...)
	b = append(b, s.name...)
	b = append(b, `/handler.go:`...)
	b = g.appendInt(b, 20, 400)
	b = append(b, `","msg":`...)
	b = appendQuoted(b, g.pickMessage())
	b = append(b, `,"request_id":"`...)
	b = g.appendSequence(b)
	b = append(b, `","status":`...)
	b = g.appendInt(b, 200, 5)
	d.closeObject(b)
}

// writeSlog writes what log/slog's JSONHandler writes.
func (g *Generator) writeSlog(d *draft, sev severity) {
	d.object, d.timeKey, d.textTime = true, true, d.at
	b := append(d.text, `{"time":"`...)
	b = d.at.AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","level":"`...)
	b = append(b, sev.upper...)
	b = append(b, `","msg":`...)
	b = appendQuoted(b, g.pickMessage())
	b = append(b, `,"request_id":"`...)
	b = g.appendSequence(b)
	b = append(b, `","rows":`...)
	b = g.appendInt(b, 0, 5000)
	b = append(b, `,"tags":["nightly","eu"],"ok":true`...)
	d.closeObject(b)
}

// writePino writes what pino writes: a numeric level and epoch milliseconds.
func (g *Generator) writePino(d *draft, s *source, sev severity) {
	d.object, d.timeKey = true, true
	d.textTime = d.at.Truncate(time.Millisecond)
	b := append(d.text, `{"level":`...)
	b = strconv.AppendInt(b, sev.pino, 10)
	b = append(b, `,"time":`...)
	b = strconv.AppendInt(b, d.textTime.UnixMilli(), 10)
	b = append(b, `,"pid":1,"hostname":"`...)
	b = append(b, s.pod...)
	b = append(b, `","reqId":"`...)
	b = g.appendSequence(b)
	b = append(b, `","res":{"statusCode":200},"responseTime":`...)
	b = g.appendInt(b, 1, 900)
	b = append(b, `,"msg":`...)
	b = appendQuoted(b, g.pickMessage())
	d.closeObject(b)
}

// writeLogfmt writes logfmt with an RFC 3339 time in milliseconds.
func (g *Generator) writeLogfmt(d *draft, sev severity) {
	d.stream = "stderr"
	d.textTime = d.at.Truncate(time.Millisecond)
	b := append(d.text, "time="...)
	b = d.textTime.AppendFormat(b, "2006-01-02T15:04:05.000Z07:00")
	b = append(b, " level="...)
	b = append(b, sev.level...)
	b = append(b, " msg="...)
	b = appendQuoted(b, g.pickMessage())
	b = append(b, " request_id="...)
	b = g.appendSequence(b)
	b = append(b, " attempt="...)
	b = g.appendInt(b, 1, 5)
	b = append(b, ` detail="`...)
	d.closeText(b, `"`)
}

// writeKlog writes klog's structured text. Its header has neither year nor zone.
func (g *Generator) writeKlog(d *draft, sev severity) {
	d.stream = "stderr"
	if sev.klog == 'I' {
		d.level = "info" // The header knows no debug.
	}
	b := append(d.text, sev.klog)
	b = d.at.AppendFormat(b, "0102 15:04:05.000000")
	b = append(b, "       1 controller.go:"...)
	b = g.appendInt(b, 100, 300)
	b = append(b, `] `...)
	b = appendQuoted(b, g.pickMessage())
	b = append(b, ` requestID="`...)
	b = g.appendSequence(b)
	b = append(b, `" object="shop/item-`...)
	b = g.appendInt(b, 0, 10_000)
	b = append(b, `" detail="`...)
	d.closeText(b, `"`)
}

// writeLogback writes Spring Boot's console line: a local time without zone.
func (g *Generator) writeLogback(d *draft, s *source, sev severity) {
	b := d.at.AppendFormat(d.text, "2006-01-02 15:04:05.000")
	for range len(" DEBUG") - len(sev.upper) {
		b = append(b, ' ')
	}
	b = append(b, sev.upper...)
	b = append(b, " 1 --- [nio-8080-exec-"...)
	b = g.appendInt(b, 1, 20)
	b = append(b, "] com.acme."...)
	b = append(b, s.team...)
	b = append(b, ".web.RequestController          : ["...)
	b = g.appendSequence(b)
	b = append(b, "] "...)
	b = append(b, g.pickMessage()...)
	b = append(b, ", items="...)
	b = g.appendInt(b, 1, 9)
	d.closeText(append(b, ' '), ".")
}

// writePython writes the default style of Python's logging: a comma before the
// milliseconds, no zone.
func (g *Generator) writePython(d *draft, sev severity) {
	name := sev.upper
	if name == "WARN" {
		name = "WARNING"
	}
	b := d.at.AppendFormat(d.text, "2006-01-02 15:04:05,000")
	b = append(b, " - report.run - "...)
	b = append(b, name...)
	b = append(b, " - "...)
	b = append(b, g.pickMessage()...)
	b = append(b, " ("...)
	b = g.appendSequence(b)
	b = append(b, ") rows="...)
	b = g.appendInt(b, 0, 100_000)
	d.closeText(append(b, ' '), ".")
}

// writeAccessLog writes nginx's combined log format with the request time. It
// states no level.
func (g *Generator) writeAccessLog(d *draft) {
	d.level = ""
	d.textTime = d.at.Truncate(time.Second)
	b := append(d.text, "10.0."...)
	b = g.appendInt(b, 0, 256)
	b = append(b, '.')
	b = g.appendInt(b, 0, 256)
	b = append(b, " - - ["...)
	b = d.at.AppendFormat(b, "02/Jan/2006:15:04:05 -0700")
	b = append(b, `] "GET /v1/items/`...)
	b = g.appendInt(b, 1, 100_000)
	b = append(b, "?rid="...)
	b = g.appendSequence(b)
	b = append(b, ` HTTP/1.1" 200 `...)
	b = g.appendInt(b, 100, 20_000)
	b = append(b, ` "-" "Mozilla/5.0 (X11; Linux x86_64) `...)
	d.closeText(b, `" 0.012`)
}

// closeObject ends a JSON object with a member that may be filled.
func (d *draft) closeObject(b []byte) { d.closeText(append(b, `,"detail":"`...), `"}`) }

// closeText ends the line; text may be inserted before the tail, which has at
// most 16 bytes.
func (d *draft) closeText(b []byte, tail string) {
	d.fill = len(b)
	d.text = append(b, tail...)
}

// appendSequence appends the next sequence number in the form of a request id.
func (g *Generator) appendSequence(b []byte) []byte {
	var digits [sequenceDigits]byte
	n := g.sequence
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = '0' + byte(n%10)
		n /= 10
	}
	return append(append(b, sequencePrefix...), digits[:]...)
}

// appendInt appends a random number from low to low+n-1.
func (g *Generator) appendInt(b []byte, low, n int64) []byte {
	return strconv.AppendInt(b, low+g.rng.Int64N(n), 10)
}

// appendSeconds appends the epoch seconds with microseconds, as the shortest
// float prints: without trailing zeros.
func appendSeconds(b []byte, t time.Time) []byte {
	b = strconv.AppendInt(b, t.Unix(), 10)
	micros := t.Nanosecond() / int(time.Microsecond)
	if micros == 0 {
		return b
	}
	b = append(b, '.')
	for unit := 100_000; micros > 0; unit /= 10 {
		b = append(b, '0'+byte(micros/unit))
		micros %= unit
	}
	return b
}

// appendQuoted appends the message in quotes, escaped as the loggers do: not
// ASCII is left alone. Messages have no other control character than tabs.
func appendQuoted(b []byte, message string) []byte {
	b = append(b, '"')
	for i := range len(message) {
		switch c := message[i]; c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\t':
			b = append(b, `\t`...)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
