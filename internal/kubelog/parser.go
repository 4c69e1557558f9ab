// Package kubelog turns the records that log shippers, AWS for Fluent Bit above
// all, send for container logs into events: one for each line that an
// application wrote, with its text, its times and where it came from.
//
// A record holds documents (package document). A document is one of
//
//   - a JSON object that Fluent Bit wrote: see fields for its many shapes;
//   - a CloudWatch Logs envelope, whose messages are such objects, or text;
//   - an application's own JSON object or text, with or without a CRI prefix.
//
// https://docs.fluentbit.io/manual/pipeline/outputs/firehose
// https://docs.fluentbit.io/manual/pipeline/filters/kubernetes
package kubelog

import (
	"bytes"
	"math"
	"time"

	"github.com/grafana/alloy/eks/internal/appline"
	"github.com/grafana/alloy/eks/internal/cwlogs"
	"github.com/grafana/alloy/eks/internal/document"
	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/jsonscan"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

// DefaultMaxLine is the default of Options.MaxLine. It is four times the line
// that Loki takes by default, and sixty-four fragments of a container runtime.
const DefaultMaxLine = 1 << 20

// Options configure a Parser. They do not change while it works.
type Options struct {
	// Sources remembers those of all parsers of a component. Required.
	Sources *event.Sources
	// Zone is the zone of times in application lines that state none; nil when
	// the user named none, and then such a time is believed only when another
	// time of the line confirms it.
	Zone *time.Location
	// Wanted names the labels that sources are to have, so that nothing is
	// remembered of pods that makes no difference; nil for all. All parsers that
	// share Sources want the same.
	Wanted []string
	// RecordKeys names, sanitized, the keys of a record that are wanted as
	// PrefixRecord labels beside those that every record of a host carries.
	RecordKeys map[string]bool
	// MaxEvents bounds the events of one record; 0 for no bound. What is beyond is
	// one event with the flaw too_large and the rest of the record as it is.
	MaxEvents int
	// MaxLine bounds the length in bytes to which fragments of a line are
	// joined; 0 stands for DefaultMaxLine.
	MaxLine int
	// Carry keeps fragments from one delivery to the next; nil when a delivery's
	// fragments must not outlive it.
	Carry *Carry
}

// Counts is what a parser has met since its Reset beside events.
type Counts struct {
	// Control counts CloudWatch's probes, which carry no log.
	Control int
	// Joined counts lines that were put together from fragments.
	Joined int
}

// Parser reads the records of one delivery after another. It is not safe for
// concurrent use; a component keeps several and shares Sources and Carry
// among them.
type Parser struct {
	opts     Options
	counts   Counts
	firehose int64
	context  any

	wanted     wantedLabels
	fields     fields
	scanObject document.EndFunc // p.fields.scan
	origin     origin
	arena      []byte

	most       int         // How long dst may get in Parse.
	pending    []*fragment // In the order in which the lines began.
	begunLines map[lineKey]*fragment
	cut        map[string]bool // Output streams whose last line of unknown origin was cut.
}

// NewParser returns a parser. Call Reset before Parse.
func NewParser(opts Options) *Parser {
	if opts.MaxEvents <= 0 {
		opts.MaxEvents = math.MaxInt
	}
	if opts.MaxLine <= 0 {
		opts.MaxLine = DefaultMaxLine
	}
	p := &Parser{opts: opts, begunLines: map[lineKey]*fragment{}, cut: map[string]bool{}}
	if opts.Wanted != nil {
		p.wanted = wantedLabels{}
		for _, name := range opts.Wanted {
			p.wanted[name] = name
		}
	}
	p.fields.recent, p.fields.scanner = newRecent(), &jsonscan.Scanner{}
	p.scanObject = p.fields.scan
	return p
}

// Reset makes the parser ready for a delivery that Firehose stamped with that
// time, in nanoseconds since the epoch, 0 when it did not. What has not been
// flushed is forgotten. context goes with fragments that outlive the delivery.
func (p *Parser) Reset(firehose int64, context any) {
	p.firehose, p.context = firehose, context
	p.counts = Counts{}
	p.pending = p.pending[:0]
	clear(p.begunLines)
	clear(p.cut)
}

// Counts returns what has been met since Reset.
func (p *Parser) Counts() Counts { return p.counts }

// Parse appends the events of one decoded record to dst. The events borrow from
// rec and from the parser: they are good until the next call of Parse or Flush.
// No input is refused: what cannot be understood becomes an event with its raw
// text and a flaw.
func (p *Parser) Parse(dst []event.Event, rec []byte) []event.Event {
	if cap(p.arena) > maxArena {
		p.arena = nil
	}
	p.arena = p.arena[:0]
	p.origin = origin{lifted: p.origin.lifted[:0], extras: p.origin.extras[:0]}
	p.most = math.MaxInt
	if p.opts.MaxEvents < math.MaxInt-len(dst) {
		p.most = len(dst) + p.opts.MaxEvents
	}
	for docs := document.ScanWith(rec, p.scanObject); docs.Next(); {
		switch doc := docs.Bytes(); docs.Kind() {
		case document.Object: // Which is in p.fields.
			dst = p.object(dst, doc, document0)
		case document.String:
			dst = p.text(dst, p.unquote(jsonscan.Value(doc)), document0)
		case document.Text:
			dst = p.bareText(dst, doc)
		}
		if rest := docs.Rest(); len(dst) >= p.most && len(rest) > 0 {
			return append(dst, p.flawed(event.FlawTooLarge, rest, document0))
		}
	}
	return dst
}

// maxArena is the room for unescaped text that a parser keeps between records:
// a whole record of Firehose's largest size, so that only freaks pay for room.
const maxArena = 1 << 20

// carrier is what the carrier of a document says of its line.
type carrier struct {
	nanos    int64 // CloudWatch's event time.
	hasTime  bool
	id       []byte
	envelope bool
	// merged is set when the record holds members that were merged from the
	// line, one of which may have taken the place of the runtime's time.
	merged bool
}

// document0 is a document that came without a carrier.
var document0 carrier

// object reads one whole JSON object, which has been scanned.
func (p *Parser) object(dst []event.Event, doc []byte, c carrier) []event.Event {
	f := &p.fields
	if f.envelope && !c.envelope {
		if env, ok := cwlogs.Parse(doc); ok {
			return p.envelope(dst, doc, &env)
		}
	}
	if !f.fromShipper() {
		return p.text(dst, doc, c)
	}
	return p.record(dst, doc, f, c)
}

// envelope reads the events of a CloudWatch Logs envelope, which is doc.
func (p *Parser) envelope(dst []event.Event, doc []byte, env *cwlogs.Envelope) []event.Event {
	if env.Type == cwlogs.Control {
		p.counts.Control++
		return dst
	}
	p.origin.envelope, p.origin.envelopeKey = env, envelopeKey(p.opts.Sources, env)
	for events := env.Events(); events.Next(); {
		e := events.Event()
		p.origin.account, p.origin.region = e.Account, e.Region
		if len(dst) >= p.most {
			dst = append(dst, p.flawed(event.FlawTooLarge, doc[events.From():], document0))
			break
		}
		dst = p.message(dst, e)
	}
	p.origin.envelope, p.origin.account, p.origin.region = nil, nil, nil
	return dst
}

// message reads the message of a CloudWatch log event: one document, whatever
// line feeds it holds.
func (p *Parser) message(dst []event.Event, e *cwlogs.Event) []event.Event {
	c := carrier{nanos: e.Nanos, hasTime: e.HasTime, id: e.ID, envelope: true}
	if !e.Message.IsString() {
		return append(dst, p.flawed(event.FlawEnvelope, e.Raw, c))
	}
	msg := bytes.TrimRight(p.unquote(e.Message), "\r\n")
	start := jsonscan.SkipSpace(msg, 0)
	if start < len(msg) && msg[start] == '{' {
		end, ok := p.fields.scan(msg, start)
		if ok && jsonscan.SkipSpace(msg, end) == len(msg) {
			return p.object(dst, msg[start:end], c)
		}
		if p.fields.fromShipper() {
			// CloudWatch's old limit cut the record in the middle.
			return append(dst, p.cutOff(msg, c))
		}
	}
	return p.text(dst, msg, c)
}

// cutOff returns the event of a record whose end is missing. What stands before
// the cut is kept as text; its time is still good.
func (p *Parser) cutOff(msg []byte, c carrier) event.Event {
	f := &p.fields
	ev := p.flawed(event.FlawJSON, msg, c)
	ev.Stream = f.stream
	if f.hasTime {
		ev.Times.Set(timestamp.CRI, f.time)
	}
	return ev
}

// flawed returns an event for what could not be understood.
func (p *Parser) flawed(flaw event.Flaw, raw []byte, c carrier) event.Event {
	ev := event.Event{Source: p.source(), Line: raw, Flaw: flaw, ID: c.id}
	p.setOuter(&ev, c)
	return ev
}

// bareText reads a line that is no JSON.
func (p *Parser) bareText(dst []event.Event, line []byte) []event.Event {
	if line[0] == '{' {
		if p.fields.scan(line, 0); p.fields.fromShipper() {
			return append(dst, p.cutOff(line, document0))
		}
	}
	if object, longer, ok := document.Braced(p.arena, line); ok {
		p.arena = longer
		return p.text(dst, object, document0)
	}
	line = p.restore(line)
	line, p.arena = document.Unescape(p.arena, line)
	return p.text(dst, line, document0)
}

// text makes the event of a line that came without Fluent Bit's keys.
func (p *Parser) text(dst []event.Event, line []byte, c carrier) []event.Event {
	line = trimLineFeed(line)
	ev := event.Event{Source: p.source(), Line: line, ID: c.id}
	tag := whole
	if nanos, stream, cri, text, ok := timestamp.TryCRIPrefix(line); ok {
		ev.Times.Set(timestamp.CRI, nanos)
		ev.Stream, ev.Line, tag = stream, text, tagOf(cri)
	}
	return p.emit(dst, &ev, c, tag)
}

// record makes the event of an object that Fluent Bit wrote.
func (p *Parser) record(dst []event.Event, doc []byte, f *fields, c carrier) []event.Event {
	p.origin.kubernetes, p.origin.namespace = f.kubernetes, f.namespace
	p.origin.lifted = append(p.origin.lifted[:0], f.lifted...)
	p.origin.extras = f.labels(p.origin.extras[:0], p.opts.RecordKeys)
	line, kind := p.line(doc, f)
	if kind == keptLine && (len(f.extras) > 0 || (len(line) > 0 && line[0] == '{')) {
		if forged(line, f.kubernetes) {
			p.origin.kubernetes = nil
		}
		f.reclaimTime(line)
	}
	if f.known == nil {
		f.known = f.recent.keep(f.kubernetes)
	}
	ev := event.Event{Source: p.source(), Stream: f.stream, Line: line, ID: c.id}
	p.origin.kubernetes, p.origin.namespace = nil, nil
	p.origin.lifted, p.origin.extras = p.origin.lifted[:0], p.origin.extras[:0]

	tag := f.tag
	if f.hasTime {
		ev.Times.Set(timestamp.CRI, f.time)
		c.merged = len(f.extras) > 0
	}
	if f.hasLate {
		ev.Times.Set(timestamp.Record, f.late)
	}
	if kind == keptLine {
		tag = p.undress(&ev, f)
	}
	if kind == mergedLine && tag == tail {
		tag = whole // The tail of a cut line is never a whole object.
	}
	return p.emit(dst, &ev, c, tag)
}

// undress takes what the runtime put around the line off it.
func (p *Parser) undress(ev *event.Event, f *fields) tag {
	if f.tag == noTag && !f.hasTime {
		if nanos, stream, cri, text, ok := timestamp.TryCRIPrefix(ev.Line); ok {
			ev.Times.Set(timestamp.CRI, nanos)
			ev.Stream, ev.Line = stream, text
			return tagOf(cri)
		}
	}
	text := trimLineFeed(ev.Line)
	docker := f.tag == noTag && f.hasTime && f.stream != ""
	ended := len(text) < len(ev.Line)
	ev.Line = text
	switch {
	case docker && !ended && len(text) >= fragmentSize:
		return part
	case docker && ended:
		return tail
	case f.multiline && f.tag == part:
		// The multiline parser has joined what it could. A length that is a
		// whole number of fragments is what it leaves when a tail never came.
		if len(text)%fragmentSize == 0 {
			ev.Partial = event.Fragment
		}
		return whole
	}
	return f.tag
}

// fragmentSize is how many bytes of a line containerd, CRI-O and Docker write
// before they cut it.
const fragmentSize = 16 << 10

// emit completes an event with what its line says of itself and appends it,
// unless it is a fragment that waits for its tail.
func (p *Parser) emit(dst []event.Event, ev *event.Event, c carrier, t tag) []event.Event {
	p.setOuter(ev, c)
	facts := appline.Read(ev.Line)
	ev.Level = facts.Level
	if facts.HasTime {
		p.setLineTime(ev, facts.Time, c.merged)
	}
	if t == part || len(p.pending) > 0 || len(p.cut) > 0 || p.opts.Carry != nil {
		return p.join(dst, ev, t)
	}
	return append(dst, *ev)
}

func (p *Parser) setOuter(ev *event.Event, c carrier) {
	if c.hasTime {
		ev.Times.Set(timestamp.CloudWatch, c.nanos)
	}
	if p.firehose != 0 {
		ev.Times.Set(timestamp.Firehose, p.firehose)
	}
}

// setLineTime adds the time that the line states, if it can be completed from
// the best of the times that are known otherwise.
func (p *Parser) setLineTime(ev *event.Event, r timestamp.Reading, merged bool) {
	outer, hasOuter := nearTime(ev)
	if !hasOuter {
		if p.opts.Zone == nil && r.Lacks&timestamp.LackZone != 0 {
			return // Nothing confirms a guess at its zone.
		}
		// The time of the delivery, minutes away, is good for a year.
		outer, hasOuter = ev.Times.Get(timestamp.Firehose)
	}
	nanos, ok := r.Resolve(outer, hasOuter, p.opts.Zone)
	if !ok {
		return
	}
	cri, hasCRI := ev.Times.Get(timestamp.CRI)
	if hasCRI && r.Complete() && r.Covers(cri) && cri != nanos {
		return // The runtime says the same, more finely.
	}
	ev.Times.Set(timestamp.Line, nanos)
	if hasCRI && merged && cri == nanos {
		// Merge_Log let the application's own time take the place of the
		// runtime's. It is the line's, to the nanosecond.
		ev.Times.Clear(timestamp.CRI)
	}
}

// nearTime returns the best time that was taken when the line was written, or
// soon after.
func nearTime(ev *event.Event) (nanos int64, ok bool) {
	for _, s := range [...]timestamp.Source{timestamp.CRI, timestamp.Record, timestamp.CloudWatch} {
		if nanos, ok = ev.Times.Get(s); ok {
			return nanos, true
		}
	}
	return 0, false
}

// source returns the source of the current origin.
func (p *Parser) source() *event.Source {
	o := &p.origin
	plain := o.envelope == nil && o.namespace == nil && len(o.lifted)+len(o.extras) == 0
	switch {
	case !plain:
		return o.source(p.opts.Sources, p.wanted)
	case o.kubernetes == nil:
		return nil
	}
	known := p.fields.known
	if known != nil && known.source != nil {
		return known.source
	}
	src := o.source(p.opts.Sources, p.wanted)
	if known != nil {
		known.source = src
	}
	return src
}

// unquote returns the meaning of a JSON string. It stands in the arena when it
// differs from the string's text.
func (p *Parser) unquote(v jsonscan.Value) []byte {
	text, _ := v.Text()
	text = p.restore(text)
	if bytes.IndexByte(text, '\\') < 0 {
		return text
	}
	start := len(p.arena)
	p.arena = jsonscan.AppendUnescaped(p.arena, text)
	return p.arena[start:]
}

func trimLineFeed(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\n' {
		return b[:n-1]
	}
	return b
}
