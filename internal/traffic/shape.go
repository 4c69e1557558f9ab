package traffic

import (
	"fmt"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// Shape is the form in which Fluent Bit writes a container's log line to
// Firehose; it follows from the parsers and filters of its configuration. What
// each shape keeps of the line is stated per event: see Event.
type Shape string

const (
	// FargateDefault is what the log router of EKS Fargate writes with the
	// kubernetes filter and no parser: `log` is the whole CRI line. CRI
	// fragments are records of their own.
	FargateDefault Shape = "fargate-default"
	// CRIOParser adds the `crio` parser of AWS's documentation, Merge_Log and
	// Keep_Log Off: no time at all, and a JSON line is lifted to the top level
	// without its text. CRI fragments are records of their own.
	CRIOParser Shape = "crio-parser"
	// CRIParser is tail with multiline.parser cri and Merge_Log: `time`,
	// `stream`, `_p`, `log`, lifted keys. Fragments are joined.
	CRIParser Shape = "cri-parser"
	// DockerJSON is tail with the docker parser on json-file logs and
	// Merge_Log: `log` ends in a newline, or is a fragment.
	DockerJSON Shape = "docker-json"
	// MergeLogKey is CRIParser with Merge_Log_Key data: lifted keys stand in
	// `data` and replace nothing.
	MergeLogKey Shape = "merge-log-key"
	// LogKey is CRIParser with log_key log: the record is the escaped text of
	// the line and nothing else.
	LogKey Shape = "log-key"
	// SimpleAggregation is CRIParser with simple_aggregation On: a record holds
	// several documents of one container, each with a newline, and a blank line.
	SimpleAggregation Shape = "simple-aggregation"
	// CloudWatch is CRIParser into the cloudwatch_logs output, and from there
	// through a subscription: a record is a message with several events of one
	// container's log stream.
	CloudWatch Shape = "cloudwatch"
)

// Shapes lists every Shape.
func Shapes() []Shape {
	return []Shape{
		FargateDefault, CRIOParser, CRIParser, DockerJSON, MergeLogKey, LogKey, SimpleAggregation, CloudWatch,
	}
}

// ParseShape returns the Shape called s.
func ParseShape(s string) (Shape, error) {
	for _, shape := range Shapes() {
		if s == string(shape) {
			return shape, nil
		}
	}
	return "", fmt.Errorf("unknown shape %q; want one of %v", s, Shapes())
}

// joins tells whether Fluent Bit joins the fragments of a long line.
func (s Shape) joins() bool {
	return s != FargateDefault && s != CRIOParser && s != DockerJSON
}

// gathers tells whether a record holds several events.
func (s Shape) gathers() bool { return s == SimpleAggregation || s == CloudWatch }

// Compression is the `compression` setting of Fluent Bit's Firehose output: it
// applies to each record by itself.
type Compression string

const (
	// None leaves records as they are.
	None Compression = "none"
	// Gzip makes one gzip member of a record.
	Gzip Compression = "gzip"
	// Zstd makes one zstd frame of a record.
	Zstd Compression = "zstd"
	// Snappy makes a raw snappy block of a record, without any framing.
	Snappy Compression = "snappy"
)

// Compressions lists every Compression.
func Compressions() []Compression { return []Compression{None, Gzip, Zstd, Snappy} }

// ParseCompression returns the Compression called s.
func ParseCompression(s string) (Compression, error) {
	for _, c := range Compressions() {
		if s == string(c) {
			return c, nil
		}
	}
	return "", fmt.Errorf("unknown compression %q; want one of %v", s, Compressions())
}

// compressor compresses records. The result of compress is valid until the
// next call.
type compressor struct {
	kind Compression
	gz   *gzip.Writer
	zstd *zstd.Encoder
	out  []byte
}

func newCompressor(kind Compression) (*compressor, error) {
	c := &compressor{kind: kind}
	var err error
	switch kind {
	case Gzip:
		c.gz = gzip.NewWriter(nil)
	case Zstd:
		c.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	}
	return c, err
}

func (c *compressor) compress(record []byte) []byte {
	switch c.kind {
	case Gzip:
		out := appendWriter{c.out[:0]}
		c.gz.Reset(&out)
		_, _ = c.gz.Write(record) // An appendWriter cannot fail.
		_ = c.gz.Close()
		c.out = out.b
	case Zstd:
		c.out = c.zstd.EncodeAll(record, c.out[:0])
	case Snappy:
		c.out = snappy.Encode(c.out[:cap(c.out)], record)
	default:
		return record
	}
	return c.out
}

// appendWriter appends what is written.
type appendWriter struct{ b []byte }

func (w *appendWriter) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}
