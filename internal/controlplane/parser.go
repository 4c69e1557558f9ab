// Package controlplane turns the log of an EKS control plane into events: what
// the API server, its audit, the IAM authenticator, the scheduler and the
// controller managers write, with the time at which they wrote it, its severity
// and what it says.
//
// A record holds documents (package document). A document is one of
//
//   - a CloudWatch Logs envelope, whose log stream names the component;
//   - one line, or one JSON object, of such a log, where Firehose has extracted
//     the messages and thrown the envelope away: the type is then told by the
//     content, and a year that lacks is that of the delivery;
//   - a JSON object of EKS Auto Mode or of a capability, delivered directly.
//
// https://docs.aws.amazon.com/eks/latest/userguide/control-plane-logs.html
package controlplane

import (
	"bytes"
	"math"
	"regexp"
	"time"

	"github.com/grafana/alloy/eks/internal/cwlogs"
	"github.com/grafana/alloy/eks/internal/document"
	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/jsonscan"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

// LineFormat says what the line of an event is.
type LineFormat uint8

const (
	// Raw is the line as the component wrote it.
	Raw LineFormat = iota
	// JSON is one object for every line of every type; see appendJSON.
	JSON
)

// Options configure a Parser. They do not change while it works.
type Options struct {
	// Sources remembers the sources of all parsers of a component. Required.
	Sources *event.Sources
	// ClusterPattern finds the name of the cluster in that of a log group: its
	// group cluster, or its first one. nil stands for DefaultClusterPattern.
	ClusterPattern *regexp.Regexp
	// LineFormat says what the lines of events are.
	LineFormat LineFormat
	// Fields names the fields that events have, nil for all of them. The JSON
	// form of a line holds all of them in any case.
	Fields []string
	// Redact names the resources whose objects are cut out of audit events, such
	// as DefaultRedact; empty for none. An entry is a resource, for it and its
	// subresources, or resource/subresource.
	Redact []string
	// MaxEvents bounds the events of one record; 0 for no bound. What is beyond is
	// one event with the flaw too_large and the rest of the record as it is.
	MaxEvents int
	// Drop holds the rules by which audit events are dropped. One that Validate
	// refuses drops nothing.
	Drop []Rule
}

// Counts is what a parser has met since its Reset beside events.
type Counts struct {
	// Control counts CloudWatch's probes, which carry no log.
	Control int
	// Dropped counts audit events that a rule dropped.
	Dropped int
	// Truncated counts audit events of which a part is missing.
	Truncated int
	// Redacted counts audit events, and other lines, out of which something was cut.
	Redacted int
}

// Parser reads the records of one delivery after another. It is not safe for
// concurrent use; a component keeps several and shares Sources among them.
type Parser struct {
	opts     Options
	wanted   fieldSet
	redact   redaction
	counts   Counts
	received int64 // When Firehose, or whoever else, handed the lines over.

	base      origin // That of what stands outside of an envelope.
	origin    origin
	line      line
	audit     auditReader
	followers followers
	arena     []byte
	fields    []event.Field
	most      int // How long dst may get in Parse.
}

// NewParser returns a parser. Call Reset before Parse.
func NewParser(opts Options) *Parser {
	if opts.ClusterPattern == nil {
		opts.ClusterPattern = defaultClusterPattern
	}
	if opts.MaxEvents <= 0 {
		opts.MaxEvents = math.MaxInt
	}
	opts.Drop = validRules(opts.Drop)
	p := &Parser{opts: opts, wanted: newFieldSet(opts.Fields), redact: newRedaction(opts.Redact)}
	p.followers.init()
	p.audit.p = p
	return p
}

var defaultClusterPattern = regexp.MustCompile(DefaultClusterPattern)

// Reset makes the parser ready for a delivery that Firehose stamped with that
// time, in nanoseconds since the epoch, 0 when it did not. Nothing of a delivery
// outlives it, so that what goes with what does is of no use here.
func (p *Parser) Reset(firehose int64, _ any) {
	p.begin()
	p.received = firehose
	p.counts = Counts{}
	p.followers.reset()
}

// Counts returns what has been met since Reset.
func (p *Parser) Counts() Counts { return p.counts }

// Flush ends the delivery. No event waits for another record, so that nothing is
// appended to dst.
func (p *Parser) Flush(dst []event.Event, _ time.Time) []event.Event { return dst }

// Settle tells that the delivery was handed over. A parser keeps nothing that
// would have waited for that.
func (p *Parser) Settle(time.Time) {}

// maxArena and maxFields are the room that a parser keeps between records.
const (
	maxArena  = 1 << 20
	maxFields = 1 << 14
)

// begin forgets the events of the call before.
func (p *Parser) begin() {
	if cap(p.arena) > maxArena {
		p.arena = nil
	}
	if cap(p.fields) > maxFields {
		p.fields = nil
	}
	p.arena, p.fields, p.most = p.arena[:0], p.fields[:0], math.MaxInt
	p.line.release()
	p.audit.release()
}

// bound allows for so many more events than there are.
func (p *Parser) bound(from int) {
	if p.opts.MaxEvents < math.MaxInt-from {
		p.most = from + p.opts.MaxEvents
	}
}

// enter turns to another origin.
func (p *Parser) enter(o *origin) {
	p.origin = *o
	p.origin.settle(p.opts.Sources)
	p.followers.choose(&p.origin)
}

// Parse appends the events of one decoded record to dst. The events borrow from
// rec and from the parser: they are good until the next call of Parse or
// ParseLine. No input is refused: what cannot be understood becomes an event with
// its raw text and a flaw.
func (p *Parser) Parse(dst []event.Event, rec []byte) []event.Event {
	p.begin()
	p.base = origin{}
	p.enter(&p.base)
	from, counts := len(dst), p.counts
	p.bound(from)
	dst = p.documents(dst, rec, carrier{})
	if t, ok := p.followers.told.ofAll(); ok {
		p.begin()
		p.bound(from)
		p.counts = counts
		p.base.told = t
		p.enter(&p.base)
		return p.documents(dst[:from], rec, carrier{})
	}
	return dst
}

// documents reads what stands in rec one after another; c is for what comes
// without an envelope.
func (p *Parser) documents(dst []event.Event, rec []byte, c carrier) []event.Event {
	// Envelopes find their own end: as a document each would be read once more. Of
	// damaged ones, which are looked through in vain, one is enough.
	for whole := true; whole && mayBeEnvelope(rec); {
		var end int
		if dst, end, whole = p.envelope(dst, rec); end > 0 {
			rec = afterEnvelope(rec[end:])
		}
	}
	for docs := document.Scan(rec); docs.Next(); {
		dst = p.document(dst, &docs, c)
		if rest := docs.Rest(); len(dst) >= p.most && len(rest) > 0 {
			return append(dst, p.flawed(event.FlawTooLarge, rest, c))
		}
	}
	return dst
}

// afterEnvelope returns b without the white space that follows an envelope. The
// indentation of a line belongs to it.
func afterEnvelope(b []byte) []byte {
	i := jsonscan.SkipSpace(b, 0)
	if i == len(b) || b[i] == '{' {
		return b[i:]
	}
	return b[bytes.LastIndexByte(b[:i], '\n')+1:]
}

func (p *Parser) document(dst []event.Event, docs *document.Scanner, c carrier) []event.Event {
	doc := docs.Bytes()
	if !mayBeEnvelope(doc) {
		return p.bare(dst, doc, c)
	}
	dst, end, _ := p.envelope(dst, doc)
	if end > 0 {
		return dst
	}
	switch env, _ := cwlogs.Parse(doc); {
	case docs.Kind() == document.Text:
		return append(dst, p.flawed(event.FlawJSON, doc, c))
	case env.HasEvents():
		return append(dst, p.flawed(event.FlawEnvelope, doc, c))
	}
	return p.bare(dst, doc, c) // Which has an envelope's names somewhere inside.
}

// Origin is where a line was read, as far as somebody else than an envelope
// knows it: the labels of a Loki entry. Any part may be empty.
type Origin struct {
	LogGroup, LogStream string
	Account, Region     string
	// Filename is the path of the file in which the line was read. Where it is
	// one of CloudWatch's export to S3, <prefix>/<task id>/<log stream>/000000.gz,
	// it names the log stream for who does not. Lines of one file belong to each
	// other in any case.
	Filename string
	// Nanos is the time that CloudWatch Logs has for the line, in nanoseconds
	// since the epoch, or another one near to that. It gives a klog line its
	// year. HasTime is false when there is none.
	Nanos   int64
	HasTime bool
	// Received is when the line was handed over, in nanoseconds since the epoch,
	// 0 when nobody says so. It takes the place of the time that Firehose gives to
	// a delivery: it is the event's timestamp.Firehose, and a klog line's year
	// where HasTime is false.
	Received int64
}

// ParseLine is Parse for one line that came by another way: the message of a log
// event, which may have several lines of text, a line of CloudWatch's export to
// S3, which has the event time before it, or a whole envelope. Where neither log
// stream nor file are known, it is a record, as Parse takes it.
//
// Lines of one stream, in their order, belong to each other until Reset, which an
// endless sequence of lines does without: what a parser remembers is bounded.
func (p *Parser) ParseLine(dst []event.Event, text []byte, o Origin) []event.Event {
	p.begin()
	p.received = o.Received
	p.base = p.originOf(&o)
	p.enter(&p.base)
	c := carrier{nanos: o.Nanos, hasTime: o.HasTime}
	if text = trimLineEnd(text); len(text) > 0 && (p.origin.anonymous() || mayBeEnvelope(text)) {
		return p.documents(dst, text, c)
	}
	return p.bare(dst, text, c)
}

// originOf returns o with its text in the arena.
func (p *Parser) originOf(o *Origin) origin {
	stream, file := o.LogStream, ""
	if stream == "" {
		if stream = streamIn(o.Filename); stream == "" {
			file = o.Filename
		}
	}
	return origin{
		account: p.keep(o.Account), region: p.keep(o.Region),
		logGroup: p.keep(o.LogGroup), logStream: p.keep(stream), file: p.keep(file),
	}
}

// keep returns the bytes of s, in the arena.
func (p *Parser) keep(s string) []byte {
	start := len(p.arena)
	p.arena = append(p.arena, s...)
	return p.arena[start:]
}

// exportTimeLen is the length of "2006-01-02T15:04:05.000Z".
const exportTimeLen = 24

// cutExportTime takes off the event time that CloudWatch's export to S3 puts
// before each message.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/S3Export.html
func cutExportTime(text []byte) (nanos int64, rest []byte, ok bool) {
	const millis = exportTimeLen - len(".000Z")
	if len(text) <= exportTimeLen || text[exportTimeLen] != ' ' || text[millis] != '.' || text[exportTimeLen-1] != 'Z' {
		return 0, text, false
	}
	nanos, _, ok = timestamp.TryRFC3339(text[:exportTimeLen])
	if !ok {
		return 0, text, false
	}
	return nanos, text[exportTimeLen+1:], true
}

// carrier is what the carrier of a line says of it.
type carrier struct {
	nanos   int64 // CloudWatch's event time.
	hasTime bool
	id      []byte
}

// bare reads a line, or an object, that came without an envelope.
func (p *Parser) bare(dst []event.Event, text []byte, c carrier) []event.Event {
	if nanos, rest, ok := cutExportTime(text); ok {
		text, c.nanos, c.hasTime = rest, nanos, true
	}
	return p.message(dst, text, c)
}

// mayBeEnvelope reports whether an object has what makes an envelope. The names
// stand in its first and last bytes, whatever the order of the keys.
func mayBeEnvelope(doc []byte) bool {
	if len(doc) == 0 || doc[0] != '{' || opensAudit(doc) {
		return false
	}
	const near = 4 << 10
	head, tail := doc[:min(len(doc), near)], doc[max(0, len(doc)-near):]
	return (bytes.Contains(head, []byte(`"messageType"`)) || bytes.Contains(tail, []byte(`"messageType"`))) &&
		(bytes.Contains(head, []byte(`"logEvents"`)) || bytes.Contains(tail, []byte(`"logEvents"`)))
}

// envelope reads the envelope that b begins with, and returns where it ends, 0 when
// there is none. Of one that is not whole the events before the damage are, and what
// follows them on its line is kept as text.
func (p *Parser) envelope(dst []event.Event, b []byte) (longer []event.Event, end int, whole bool) {
	env, ok := cwlogs.Parse(b)
	if !ok {
		return dst, 0, false
	}
	if env.Type == cwlogs.Control {
		if end, whole = jsonscan.SkipValue(b, 0); !whole {
			return dst, 0, false
		}
		p.counts.Control++
	} else {
		dst, end, whole = p.logEvents(dst, b, &env)
	}
	if rest := strayText(b[end:], whole); len(rest) > 0 {
		end += len(rest)
		dst = append(dst, p.flawed(event.FlawJSON, rest, carrier{}))
	}
	p.enter(&p.base)
	return dst, end, whole
}

// logEvents reads the events of the envelope that b begins with, and returns where that ends, or where
// the damage begins if it is not whole.
func (p *Parser) logEvents(dst []event.Event, b []byte, env *cwlogs.Envelope) (longer []event.Event, end int, whole bool) {
	p.enter(&origin{
		owner: env.Owner, logGroup: env.LogGroup, logStream: env.LogStream, filters: env.Filters,
		enveloped: true,
	})
	for events := env.Events(); ; {
		var ok bool
		if p.arena, ok = events.NextText(p.arena); !ok {
			end, whole = events.End()
			return dst, end, whole
		}
		if len(dst) >= p.most {
			return append(dst, p.flawed(event.FlawTooLarge, b[events.From():], carrier{})), len(b), false
		}
		dst = p.logEvent(dst, events.Event())
	}
}

// strayText returns what stands at the start of b, behind an envelope, and belongs
// to no document: the rest of the line, unless the envelope is whole and another
// object or line follows.
func strayText(b []byte, whole bool) []byte {
	if i := jsonscan.SkipSpace(b, 0); whole && (i == len(b) || b[i] == '{' || bytes.IndexByte(b[:i], '\n') >= 0) {
		return nil
	}
	line, _, _ := bytes.Cut(b, []byte{'\n'})
	return bytes.TrimSuffix(line, []byte{'\r'})
}

// logEvent reads one event of an envelope.
func (p *Parser) logEvent(dst []event.Event, e *cwlogs.Event) []event.Event {
	o := &p.origin
	if !bytes.Equal(e.Account, o.account) || !bytes.Equal(e.Region, o.region) {
		o.account, o.region = e.Account, e.Region
		o.settle(p.opts.Sources)
		p.followers.choose(o)
	}
	c := carrier{nanos: e.Nanos, hasTime: e.HasTime, id: e.ID}
	if !e.Message.IsString() {
		return append(dst, p.flawed(event.FlawEnvelope, e.Raw, c))
	}
	return p.message(dst, trimLineEnd(e.Text), c)
}

// flawed returns an event for what could not be understood.
func (p *Parser) flawed(flaw event.Flaw, raw []byte, c carrier) event.Event {
	p.line.begin(raw, p.origin.streamType)
	p.line.damaged = true
	if p.redactUnknown(raw) {
		p.counts.Redacted++
	}
	ev := event.Event{Flaw: flaw, ID: c.id}
	p.setOuter(&ev, c)
	p.finish(&ev)
	return ev
}

// message reads one message: one line, or several that were written as one.
func (p *Parser) message(dst []event.Event, text []byte, c carrier) []event.Event {
	l := &p.line
	l.begin(text, p.origin.streamType)
	ev := event.Event{ID: c.id}
	p.setOuter(&ev, c)
	p.read(&ev)
	p.followers.follow(l, &ev)
	if l.truncated() {
		p.counts.Truncated++
	}
	if l.isAudit && p.dropped(ev.Level) {
		p.counts.Dropped++
		return dst
	}
	if len(l.cuts) > 0 {
		p.counts.Redacted++
	}
	p.finish(&ev)
	return append(dst, ev)
}

// read tells the line's shape by its beginning and reads it.
func (p *Parser) read(ev *event.Event) {
	text := p.line.text
	if len(text) > 0 {
		switch text[0] {
		case '{':
			if p.readObject(ev) {
				return
			}
		case 'I', 'W', 'E', 'F':
			if p.readKlog(ev) {
				return
			}
		case 't':
			if p.readLogrus(ev) {
				return
			}
		}
	}
	if p.readAuditTail(ev) || p.readVended(ev) {
		return
	}
	p.readText(ev)
}

// finish gives the event its source, its line and its fields.
func (p *Parser) finish(ev *event.Event) {
	l := &p.line
	o := &p.origin
	if l.has(resourceARN) {
		own := origin{
			owner: o.owner, account: o.account, region: o.region, logGroup: o.logGroup, logStream: o.logStream,
			filters: o.filters, enveloped: o.enveloped,
		}
		own.setARN(l.values[resourceARN])
		own.settle(p.opts.Sources)
		o = &own
	}
	ev.Source = o.sourceOf(p.opts.Sources, l.logType, p.opts.ClusterPattern)
	ev.Line = p.lineOf(ev)
	start := len(p.fields)
	for set := l.set & p.wanted; set != 0; set = set.rest() {
		f := set.first()
		p.fields = append(p.fields, event.Field{Name: fieldNames[f], Value: p.fit(l.values[f])})
	}
	if len(p.fields) > start {
		ev.Fields = p.fields[start:len(p.fields):len(p.fields)]
	}
}

func (p *Parser) setOuter(ev *event.Event, c carrier) {
	if c.hasTime {
		ev.Times.Set(timestamp.CloudWatch, c.nanos)
	}
	if p.received != 0 {
		ev.Times.Set(timestamp.Firehose, p.received)
	}
}

// setLineTime adds the time that the line states. What it lacks is taken from
// CloudWatch's event time, which is seconds away, or from the delivery, which is
// good for a year.
func (p *Parser) setLineTime(ev *event.Event, r timestamp.Reading, zone *time.Location) {
	outer, ok := ev.Times.Get(timestamp.CloudWatch)
	if !ok {
		outer, ok = ev.Times.Get(timestamp.Firehose)
	}
	if nanos, ok := r.Resolve(outer, ok, zone); ok {
		ev.Times.Set(timestamp.Line, nanos)
	}
}

// unquote returns the meaning of a JSON string. It stands in the arena when it
// differs from the string's text.
func (p *Parser) unquote(v jsonscan.Value) []byte {
	text, plain := v.Text()
	if plain {
		return text
	}
	start := len(p.arena)
	p.arena = jsonscan.AppendUnescaped(p.arena, text)
	return p.arena[start:]
}

func trimLineEnd(b []byte) []byte {
	for n := len(b); n > 0 && (b[n-1] == '\n' || b[n-1] == '\r'); n-- {
		b = b[:n-1]
	}
	return b
}

// offset returns where part, a slice of b's own bytes, begins in b.
func offset(b, part []byte) int { return cap(b) - cap(part) }
