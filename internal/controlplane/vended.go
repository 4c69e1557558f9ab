package controlplane

import (
	"bytes"
	"time"

	"github.com/grafana/alloy/eks/internal/appline"
	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

// vendedType returns the type of a log that EKS delivers for the resource.
func vendedType(arn []byte) LogType {
	var o origin
	switch string(o.setARN(arn)) {
	case "cluster":
		return AutoMode
	case "capability":
		return Capability
	}
	return Unknown
}

// readVended reads a log of EKS Auto Mode or of a capability that is delivered as
// plain text: the values of its record fields in an order, and with a delimiter
// between them, that whoever set up the delivery has chosen. Three of them show
// by themselves what they are: the ARN of the resource, the time and the level.
//
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateDelivery.html
func (p *Parser) readVended(ev *event.Event) bool {
	l := &p.line
	if l.logType != Unknown {
		return false
	}
	at, end := findARN(l.text)
	if at < 0 {
		return false
	}
	t := vendedType(l.text[at:end])
	if t == Unknown {
		return false
	}
	l.logType, l.plain = t, l.text
	l.put(resourceARN, l.text[at:end])
	l.headless, l.detached = true, true
	// Before the ARN, or else behind it.
	for _, part := range [...][]byte{l.text[:at], l.text[end:]} {
		p.readVendedPart(ev, part)
	}
	return true
}

// vendedHead is how far into a line its record fields are looked for, but for the
// message.
const vendedHead = 512

// findARN returns where the ARN of an EKS resource stands among the first record
// fields of a line, -1 when none does.
func findARN(text []byte) (at, end int) {
	head := text[:min(len(text), vendedHead)]
	at = bytes.Index(head, []byte("arn:aws"))
	if at < 0 || at > 0 && isARN(text[at-1]) {
		return -1, -1
	}
	for end = at; end < len(text) && isARN(text[end]); end++ {
	}
	return at, end
}

// isARN reports whether c can be a part of the ARN of an EKS resource.
func isARN(c byte) bool {
	lower := c | 0x20
	return isDigit(c) || lower >= 'a' && lower <= 'z' || c == ':' || c == '/' || c == '-' || c == '_'
}

// readVendedPart takes time and level from fields that follow each other.
func (p *Parser) readVendedPart(ev *event.Event, part []byte) {
	part = part[:min(len(part), vendedHead)]
	for i := 0; i < len(part) && (p.line.headless || ev.Level == ""); {
		for i < len(part) && isDelimiter(part[i]) {
			i++
		}
		start := i
		for i < len(part) && !isDelimiter(part[i]) {
			i++
		}
		field := part[start:i]
		if r, ok := vendedTime(field); ok && p.line.headless {
			p.setLineTime(ev, r, time.UTC)
			p.line.headless = false
		} else if ev.Level == "" {
			ev.Level = vendedLevel(field)
		}
	}
}

// isDelimiter reports whether c stands between record fields, as far as anybody
// can tell.
func isDelimiter(c byte) bool { return c <= ' ' || c == ',' || c == '|' || c == ';' }

// vendedLevel returns the level with that name. It is in capitals: in small letters
// it is a word of the message.
func vendedLevel(field []byte) string {
	switch string(field) {
	case "TRACE":
		return appline.Trace
	case "DEBUG":
		return appline.Debug
	case "INFO":
		return appline.Info
	case "WARN", "WARNING":
		return appline.Warn
	case "ERROR":
		return appline.Error
	case "FATAL", "PANIC", "DPANIC":
		return appline.Fatal
	}
	return ""
}

// vendedTime reads event_timestamp.
func vendedTime(field []byte) (timestamp.Reading, bool) {
	const millis = 13 // Digits, until the year 2286.
	if len(field) == millis {
		return timestamp.TryEpochReading(field)
	}
	return timestamp.TryText(field)
}
