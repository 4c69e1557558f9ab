package metricstream

// Format is an output format of metric streams.
type Format int

// The formats.
const (
	// FormatJSON is an object in each line.
	FormatJSON Format = iota
	// FormatOpenTelemetry is that of both versions.
	FormatOpenTelemetry
)

// Parser reads the data of one record after another:
//
//	p.Reset(rec)
//	for p.Next() {
//		if p.Flaw() == "" {
//			use(p.Datum())
//		}
//	}
//
// It keeps its memory from one record to the next. The zero value is a record
// without data. It is not safe for concurrent use.
type Parser struct {
	format  Format
	rest    []byte // Of the record.
	datum   Datum
	flaw    Flaw
	part    []byte
	scratch []byte // What had to be unescaped.
	otlp    otlp
}

// Reset begins with a record. It is borrowed until the next Reset.
func (p *Parser) Reset(rec []byte) {
	p.rest, p.flaw, p.part, p.otlp = rec, "", nil, otlp{}
	clear(p.datum.Dimensions[:cap(p.datum.Dimensions)]) // Nothing of the last record is held on to.
	p.datum.reset()
	p.format = FormatOpenTelemetry
	if !isFramed(rec) && beginsObject(rec) {
		p.format = FormatJSON
	}
}

// Next goes to the next datum, or to the next part of the record that cannot be
// read. It returns false at the end.
func (p *Parser) Next() bool {
	p.flaw, p.part, p.scratch = "", nil, p.scratch[:0]
	if p.format == FormatJSON {
		return p.nextJSON()
	}
	return p.nextOTLP()
}

// Format returns the format of the record.
func (p *Parser) Format() Format { return p.format }

// Datum returns the datum that Next has gone to, when there is no Flaw. It is good
// until the next call of Next or Reset.
func (p *Parser) Datum() *Datum { return &p.datum }

// Flaw returns why there is no datum here; empty when there is one.
func (p *Parser) Flaw() Flaw { return p.flaw }

// Part returns the bytes of what has the Flaw.
func (p *Parser) Part() []byte { return p.part }

// failed leaves a flaw for Next to stop at.
func (p *Parser) failed(flaw Flaw, part []byte) bool {
	p.flaw, p.part = flaw, part
	return true
}
