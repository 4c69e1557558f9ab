package main

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/grafana/alloy/eks/internal/subscription"
	"github.com/grafana/alloy/eks/internal/traffic"
)

// trafficFlags are the flags that describe generated records.
type trafficFlags struct {
	shape       string
	compression string
	cloudWatch  string
	start       string
	options     traffic.Options
}

func (f *trafficFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.shape, "shape", string(traffic.FargateDefault), fmt.Sprintf("form of generated records: one of %v", traffic.Shapes()))
	flags.StringVar(&f.compression, "compression", string(traffic.None), fmt.Sprintf("compression of each generated record: one of %v", traffic.Compressions()))
	flags.StringVar(&f.cloudWatch, "cloudwatch-shape", string(subscription.Gzip), fmt.Sprintf("what Firehose makes of CloudWatch subscription messages: one of %v", subscription.Forms()))
	flags.IntVar(&f.options.RecordSize, "record-size", 0, fmt.Sprintf("mean size of generated records in bytes, %d to %d (default %d, for log-key %d)",
		traffic.MinRecordSize, traffic.MaxRecordSize, traffic.DefaultRecordSize, traffic.DefaultLineSize))
	flags.IntVar(&f.options.Pods, "pods", traffic.DefaultPods, fmt.Sprintf("number of pods that write, up to %d", traffic.MaxPods))
	flags.Float64Var(&f.options.Partial, "partial", 0, "share of generated lines, 0 to 1, that the container runtime cuts into fragments")
	flags.IntVar(&f.options.FragmentSize, "fragment-size", traffic.DefaultFragmentSize, "where the container runtime cuts, in bytes")
	flags.StringVar(&f.start, "start", "", "log time of the first generated line, RFC 3339 (default such that the last line is written now)")
	flags.DurationVar(&f.options.Interval, "log-interval", traffic.DefaultInterval, "mean log time between two generated lines")
	flags.Uint64Var(&f.options.FirstSequence, "first-sequence", 0, "sequence number of the first generated line")
}

// complete fills in the options for a generator of that many records.
func (f *trafficFlags) complete(seed uint64, records int) error {
	o := &f.options
	o.Shape, o.Compression, o.CloudWatch = traffic.Shape(f.shape), traffic.Compression(f.compression), subscription.Form(f.cloudWatch)
	o.Seed = seed
	if f.start == "" {
		o.Start = time.Now().Truncate(time.Second).Add(-o.Span(records))
		return nil
	}
	var err error
	if o.Start, err = time.Parse(time.RFC3339Nano, f.start); err != nil {
		return fmt.Errorf("cannot read --start: %w", err)
	}
	return nil
}

// generated is a source of a fixed number of generated records.
type generated struct {
	generator *traffic.Generator
	left      int
	record    []byte
	lines     int
}

// open returns a source of the records from the first one on. It may be called
// again and gives the same records.
func (f *trafficFlags) open(records int) (*generated, error) {
	g, err := traffic.New(f.options)
	if err != nil {
		return nil, err
	}
	return &generated{generator: g, left: records}, nil
}

func (g *generated) Next() bool {
	if g.left <= 0 {
		return false
	}
	g.left--
	var events []traffic.Event
	g.record, events = g.generator.Next(g.record[:0])
	g.lines += len(events)
	return true
}

func (g *generated) Record() []byte { return g.record }

// Err implements standin.Source: a generator does not fail.
func (g *generated) Err() error { return nil }

// Close implements io.Closer: there is nothing to close.
func (g *generated) Close() error { return nil }
