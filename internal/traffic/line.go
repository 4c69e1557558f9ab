package traffic

import (
	"math/rand/v2"
	"time"
	"unicode/utf8"
)

const (
	// flushInterval is Fluent Bit's usual one: lines of a container come
	// together when they are at most that old.
	flushInterval = int64(5 * time.Second)
	// runLength bounds the lines of one container in a row, gatheredRunLength
	// where they become one record.
	runLength         = 16
	gatheredRunLength = 64
	// interleaved is the share of cut lines between whose fragments a line of
	// the container's other stream stands.
	interleaved = 0.25
)

// peek returns the next piece, making one if none waits.
func (g *Generator) peek() *piece {
	if g.queued == len(g.queue) {
		g.refill()
	}
	return &g.queue[g.queued]
}

// drop takes the piece that peek returned out of the queue.
func (g *Generator) drop() {
	if p := &g.queue[g.queued]; p.final {
		g.events = append(g.events, p.event)
	}
	g.queued++
}

// midRun tells whether the next piece is of the same container as the last.
func (g *Generator) midRun() bool { return g.left > 0 || g.queued < len(g.queue) }

// refill makes the pieces of the next line.
func (g *Generator) refill() {
	clear(g.queue)
	g.queue, g.queued = g.queue[:0], 0
	if len(g.events) == 0 {
		g.texts = g.texts[:0] // No event of this record points into it.
	}
	if g.left == 0 {
		g.startRun()
	}
	g.left--
	partial := g.opts.Partial > 0 && g.rng.Float64() < g.opts.Partial
	p := g.newPiece(partial)
	switch {
	case !partial:
		g.queue = append(g.queue, p)
	case g.opts.Shape.joins():
		p.tag = 'P'
		g.queue = append(g.queue, p)
	default:
		g.cut(p)
	}
}

// startRun moves the clock on and lets the next container write.
func (g *Generator) startRun() {
	longest := runLength
	if g.opts.Shape.gathers() {
		longest = gatheredRunLength
	}
	g.run = &g.sources[g.turn]
	g.turn = (g.turn + 1) % len(g.sources)
	g.left = 1 + g.rng.IntN(longest)
	g.now += int64(g.left) * int64(g.opts.Interval)
	g.run.last = max(g.run.last, g.now-flushInterval)
	g.step = max(1, (g.now-g.run.last)/int64(g.left))
}

// tick returns the time of the container's next line.
func (g *Generator) tick() int64 {
	s := g.run
	room := max(1, min(g.step, g.now-s.last))
	s.last += 1 + g.rng.Int64N(room)
	return s.last
}

// newPiece makes a whole line of the container that writes at the moment.
func (g *Generator) newPiece(partial bool) piece {
	s := g.run
	now := g.tick()
	d := draft{
		text: g.texts, start: len(g.texts),
		// The runtime reads the pipe 20 µs to 0.5 ms after the write.
		at: time.Unix(0, now-20_000-g.rng.Int64N(480_000)).UTC(),
	}
	g.write(&d, s)
	g.fillUp(&d, s, partial)
	g.texts = d.text
	text := d.line()

	p := piece{
		source: s, stream: d.stream, tag: 'F', final: true, time: now,
		text: text[:len(text):len(text)], object: d.object, timeKey: d.timeKey && g.opts.Shape != MergeLogKey,
	}
	p.event = g.truth(&p, &d)
	g.sequence++
	return p
}

// truth returns the event of a piece.
func (g *Generator) truth(p *piece, d *draft) Event {
	s := p.source
	e := Event{
		Sequence: g.sequence, Text: p.text,
		Time: time.Unix(0, p.time).UTC(), TextTime: d.textTime,
		Level: d.level, Stream: p.stream,
		Namespace: s.namespace, Pod: s.pod, Container: s.container, App: s.app,
		HasTime: !p.timeKey, HasText: true, HasMetadata: g.detail != noDetail,
	}
	switch g.opts.Shape {
	case FargateDefault:
		e.HasTime = true
	case CRIOParser:
		e.HasTime, e.HasText = false, !p.object
	case LogKey:
		e.HasTime = false
	}
	return e
}

// fillUp inserts filler so that the record gets the size that is asked for, or
// the line the length that makes the runtime cut it.
func (g *Generator) fillUp(d *draft, s *source, partial bool) {
	var missing int
	if partial {
		length := g.opts.FragmentSize + g.rng.IntN(2*g.opts.FragmentSize)
		missing = length - len(d.line())
	} else {
		copies := 1
		if d.object && g.opts.Shape != FargateDefault && g.opts.Shape != CRIOParser && g.opts.Shape != LogKey {
			copies = 2 // The text, and its lifted keys.
		}
		room := g.opts.RecordSize - s.metadata - shapeOverhead[g.opts.Shape]
		room = min(room*(60+g.rng.IntN(81))/100, MaxRecordSize-s.metadata)
		missing = (room - copies*escapedLen(d.line())) / copies
	}
	if missing <= 0 {
		return
	}
	var tail [16]byte
	n := copy(tail[:], d.text[d.fill:])
	d.text = g.appendFiller(d.text[:d.fill], missing)
	d.text = append(d.text, tail[:n]...)
}

// shapeOverhead is about what a document has around the line and the
// kubernetes object.
var shapeOverhead = map[Shape]int{
	FargateDefault:    len(`{"log":"2026-08-20T10:00:00.123456789Z stdout F "}` + "\n"),
	CRIOParser:        len(`{"stream":"stdout","logtag":"F","log":""}` + "\n"),
	CRIParser:         joinedOverhead,
	DockerJSON:        joinedOverhead,
	MergeLogKey:       joinedOverhead,
	LogKey:            1,
	SimpleAggregation: joinedOverhead,
	CloudWatch:        joinedOverhead,
}

const joinedOverhead = len(`{"time":"2026-08-20T10:00:00.123456789Z","stream":"stdout","_p":"F","log":""}` + "\n")

// cut queues the line as fragments, as a container runtime does when a line
// fills its buffer of FragmentSize; the last fragment may be empty. Characters
// stay whole, so that the text can be joined again.
func (g *Generator) cut(p piece) {
	between := g.rng.Float64() < interleaved
	p.object, p.timeKey = false, false
	for text := p.text; ; {
		f := p
		if f.final = len(text) < g.opts.FragmentSize; f.final {
			f.text = text
			f.event.HasText, f.event.HasTime = true, g.opts.Shape != CRIOParser
			g.queue = append(g.queue, f)
			return
		}
		n := g.opts.FragmentSize
		for n < len(text) && !utf8.RuneStart(text[n]) {
			n--
		}
		f.text, text = text[:n], text[n:]
		f.tag, f.event = 'P', Event{}
		g.queue = append(g.queue, f)
		if between {
			g.interleave(p.stream)
			between = false
		}
		p.time = g.tick()
	}
}

// interleave queues a whole line of the container's other stream.
func (g *Generator) interleave(stream string) {
	other := g.newPiece(false)
	other.stream = "stdout"
	if stream == "stdout" {
		other.stream = "stderr"
	}
	other.event.Stream = other.stream
	g.queue = append(g.queue, other)
}

// fillerWords are what lines are filled with.
var fillerWords = []string{
	"account", "bucket", "carrier", "checksum", "coupon", "customer", "depot", "discount", "export", "fallback", "gateway", "header",
	"import", "journal", "ledger", "manifest", "offset", "parcel", "partition", "quota", "refund", "replica", "shard", "snapshot",
	"tariff", "tenant", "upload", "vendor", "voucher", "warehouse",
}

// newFiller returns 64 KiB of words and numbers, which compress about as well as
// real lines do.
func newFiller(rng *rand.Rand) []byte {
	var b []byte
	for len(b) < 64<<10 {
		b = append(b, fillerWords[rng.IntN(len(fillerWords))]...)
		b = append(b, ' ')
		b = append(b, randomHex(rng, 1+rng.IntN(8))...)
		b = append(b, ' ')
	}
	return b
}

// appendFiller appends n bytes of filler from a random place.
func (g *Generator) appendFiller(dst []byte, n int) []byte {
	at := g.rng.IntN(len(g.filler))
	for n > 0 {
		part := g.filler[at:min(at+n, len(g.filler))]
		dst = append(dst, part...)
		n -= len(part)
		at = 0
	}
	return dst
}
