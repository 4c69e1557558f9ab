// Package traffic generates container-log records as Fluent Bit on EKS writes
// them to Amazon Data Firehose, together with the truth about each line: its
// exact text, its nanosecond time and the pod that wrote it. The same Options
// give the same bytes, on every machine.
package traffic

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/grafana/alloy/eks/internal/subscription"
)

const (
	// MinRecordSize is the lower bound of Options.RecordSize, in bytes.
	MinRecordSize = 200
	// MaxRecordSize is the upper one. It stays below MaxRecord with any line that
	// is near it.
	MaxRecordSize = 1_000_000
	// MaxRecord is Firehose's limit for the data of a record, in bytes.
	MaxRecord = 1_024_000
	// MaxPods is the upper bound of Options.Pods. A pod costs about 500 bytes
	// of memory.
	MaxPods = 100_000
	// DefaultFragmentSize is where container runtimes cut long lines.
	DefaultFragmentSize = 16 << 10
	// DefaultRecordSize is the size of a usual record: a line of about 200
	// bytes and a kubernetes object of about 1,000.
	DefaultRecordSize = 1200
	// DefaultLineSize is the same for the LogKey shape, which is the line alone.
	DefaultLineSize = 250
	// DefaultPods is enough for every application format and several nodes.
	DefaultPods = 200
	// DefaultInterval makes 1,000 lines per second of log time.
	DefaultInterval = time.Millisecond
	// minFragmentSize keeps a generated sequence number in one fragment.
	minFragmentSize = 512
)

// DefaultStart is the log time of the first line unless Options say otherwise.
var DefaultStart = time.Date(2026, time.August, 20, 10, 0, 0, 0, time.UTC)

// Options say what is generated. The zero value of a field means its default.
type Options struct {
	// Shape is the form of the records. The default is FargateDefault.
	Shape Shape
	// Compression is applied to each record. The default is None; the
	// CloudWatch shape takes no other.
	Compression Compression
	// CloudWatch is the form of subscription messages in the CloudWatch shape.
	// The default is subscription.Gzip.
	CloudWatch subscription.Form
	// RecordSize is the mean size of a record, or of a document where a record
	// holds several, in bytes before compression. Lines are filled to reach it
	// and vary by 40 %. Below 1,000 the kubernetes object becomes smaller, below
	// 500 it is left out. Lines that are longer by themselves are not cut.
	RecordSize int
	// Pods is the number of pods, 1 to MaxPods.
	Pods int
	// Partial is the share of lines, 0 to 1, that are longer than FragmentSize
	// and hence cut into two or three fragments by the container runtime.
	Partial float64
	// FragmentSize is where the runtime cuts, in bytes of text.
	FragmentSize int
	// Seed chooses the pods, the lines and their times. Zero is a seed like
	// any other.
	Seed uint64
	// Start is the log time that all lines are later than.
	Start time.Time
	// Interval is the mean log time between two lines of the whole cluster.
	Interval time.Duration
	// FirstSequence is the sequence number of the first line.
	FirstSequence uint64
}

func (o *Options) setDefaults() {
	setDefault(&o.Shape, FargateDefault)
	setDefault(&o.Compression, None)
	setDefault(&o.CloudWatch, subscription.Gzip)
	if o.Shape == LogKey {
		setDefault(&o.RecordSize, DefaultLineSize)
	}
	setDefault(&o.RecordSize, DefaultRecordSize)
	setDefault(&o.Pods, DefaultPods)
	setDefault(&o.FragmentSize, DefaultFragmentSize)
	setDefault(&o.Interval, DefaultInterval)
	if o.Start.IsZero() {
		o.Start = DefaultStart
	}
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (o *Options) validate() error {
	if _, err := ParseShape(string(o.Shape)); err != nil {
		return err
	}
	if _, err := ParseCompression(string(o.Compression)); err != nil {
		return err
	}
	if _, err := subscription.ParseForm(string(o.CloudWatch)); err != nil {
		return err
	}
	switch {
	case o.Shape == CloudWatch && o.Compression != None:
		return fmt.Errorf("compression %q does not go with CloudWatch, which compresses by itself", o.Compression)
	case o.RecordSize < MinRecordSize || o.RecordSize > MaxRecordSize:
		return fmt.Errorf("record size %d is not between %d and %d bytes", o.RecordSize, MinRecordSize, MaxRecordSize)
	case o.Pods < 1 || o.Pods > MaxPods:
		return fmt.Errorf("number of pods %d is not between 1 and %d", o.Pods, MaxPods)
	case !(o.Partial >= 0 && o.Partial <= 1):
		return fmt.Errorf("share of partial lines %v is not between 0 and 1", o.Partial)
	case o.FragmentSize < minFragmentSize || o.FragmentSize > MaxRecordSize/6:
		return fmt.Errorf("fragment size %d is not between %d and %d bytes", o.FragmentSize, minFragmentSize, MaxRecordSize/6)
	case o.Interval < time.Microsecond:
		return fmt.Errorf("interval %v is shorter than a microsecond", o.Interval)
	}
	return nil
}

// Span returns about how much log time that many records cover, so that a
// caller can let them end at a time of its choice.
func (o Options) Span(records int) time.Duration {
	o.setDefaults()
	lines := records
	if o.Shape.gathers() {
		lines *= (gatheredRunLength + 1) / 2
	}
	return time.Duration(lines) * o.Interval
}

// Event is the truth about one generated line: what a receiver should find.
type Event struct {
	// Sequence is the number of the line, unique in a Generator and present in
	// Text: see Sequence.
	Sequence uint64
	// Text is the line as the application wrote it, without newline. It is
	// valid until the next call of Next.
	Text []byte
	// Time is when the container runtime read the line; of a line in fragments,
	// its first one. It increases within a container.
	Time time.Time
	// TextTime is the time that Text itself states, as precise as it is stated
	// there. It is zero when Text has no time, or one without zone or year.
	TextTime time.Time
	// Level is trace, debug, info, warn, error or fatal, or empty when Text
	// states none.
	Level string
	// Stream is stdout or stderr.
	Stream string
	// Namespace, Pod, Container and App say where the line was written. App is
	// the value of the pod's label app.kubernetes.io/name.
	Namespace, Pod, Container, App string
	// HasTime says that the record still holds Time, to the nanosecond.
	HasTime bool
	// HasText says that the record still holds Text; otherwise it holds its
	// keys and values only.
	HasText bool
	// HasMetadata says that the record has a kubernetes object.
	HasMetadata bool
}

// Generator makes records without end. Its memory grows with the number of pods
// and the size of a record, not with the number of records. It is not safe for
// concurrent use.
type Generator struct {
	opts    Options
	detail  detail
	rng     *rand.Rand
	sources []source
	filler  []byte

	sequence uint64
	now      int64

	// run is the container that writes at the moment: Fluent Bit hands over
	// one file's lines at a time. left lines of it are still to come, step
	// nanoseconds apart.
	run     *source
	turn    int
	left    int
	step    int64
	queue   []piece
	queued  int
	texts   []byte
	events  []Event
	shrunk  *compressor
	message []subscription.Event

	messages *subscription.Encoder
	document []byte
}

// New returns a Generator, or an error when an option is out of its range.
func New(o Options) (*Generator, error) {
	o.setDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	g := &Generator{
		opts:     o,
		rng:      rand.New(rand.NewPCG(o.Seed, 0x7261666669633031)),
		sequence: o.FirstSequence,
		now:      o.Start.UnixNano(),
		messages: subscription.NewEncoder(o.CloudWatch),
	}
	if o.Shape != LogKey {
		g.detail = detailFor(o.RecordSize)
	}
	g.sources = newSources(g.rng, o.Pods, g.now, g.detail)
	g.filler = newFiller(g.rng)
	var err error
	g.shrunk, err = newCompressor(o.Compression)
	return g, err
}

// Next appends the data of the next record to dst and returns the extended
// slice, and the events which the record completes. A fragment that is not the
// last of its line completes none. The events and their texts are valid until
// the next call.
func (g *Generator) Next(dst []byte) ([]byte, []Event) {
	g.events = g.events[:0]
	start := len(dst)
	switch g.opts.Shape {
	case SimpleAggregation:
		dst = g.appendAggregate(dst)
	case CloudWatch:
		dst = g.appendMessage(dst)
	default:
		dst = g.appendRecord(dst)
	}
	if g.opts.Compression != None {
		dst = append(dst[:start], g.shrunk.compress(dst[start:])...)
	}
	return dst, g.events
}

const (
	sequencePrefix = "req-"
	sequenceDigits = 12
)

// Sequence returns the sequence number that a generated line, or anything that
// holds one, carries. Two generators count the same numbers unless their
// FirstSequence differs.
func Sequence(line string) (uint64, bool) {
	for {
		i := strings.Index(line, sequencePrefix)
		if i < 0 {
			return 0, false
		}
		line = line[i+len(sequencePrefix):]
		if n, ok := leadingNumber(line); ok {
			return n, true
		}
	}
}

func leadingNumber(s string) (uint64, bool) {
	if len(s) < sequenceDigits {
		return 0, false
	}
	var n uint64
	for _, c := range []byte(s[:sequenceDigits]) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}
