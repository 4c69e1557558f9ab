package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/grafana/alloy/eks/internal/subscription"
	"github.com/grafana/alloy/eks/internal/traffic"
)

// The kinds of generated records.
const (
	containers   = "containers"
	controlPlane = "controlplane"
)

// trafficFlags are the flags that describe generated records.
type trafficFlags struct {
	kind         string
	cloudWatch   string
	start        string
	interval     time.Duration
	containers   containerFlags
	controlPlane controlPlaneFlags
	// own are the names of the flags that go with one kind only.
	own map[string][]string
}

func (f *trafficFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.kind, "traffic", containers, fmt.Sprintf("kind of generated records: %s are lines of pods as Fluent Bit sends them, %s are the six logs of EKS control planes", containers, controlPlane))
	flags.StringVar(&f.cloudWatch, "cloudwatch-shape", string(subscription.Gzip), fmt.Sprintf("what Firehose makes of CloudWatch subscription messages: one of %v", subscription.Forms()))
	flags.StringVar(&f.start, "start", "", "log time of the first generated line, RFC 3339 (default such that the last line is written now)")
	flags.DurationVar(&f.interval, "log-interval", traffic.DefaultInterval, "mean log time between two generated lines")

	f.own = map[string][]string{}
	for kind, register := range map[string]func(*pflag.FlagSet){
		containers: f.containers.register, controlPlane: f.controlPlane.register,
	} {
		own := pflag.NewFlagSet(kind, pflag.ContinueOnError)
		register(own)
		own.VisitAll(func(flag *pflag.Flag) {
			flag.Usage = "with --traffic " + kind + ": " + flag.Usage
			f.own[kind] = append(f.own[kind], flag.Name)
		})
		flags.AddFlagSet(own)
	}
}

// complete fills in the options for a generator of that many records, which come
// from the stream with the ARN.
func (f *trafficFlags) complete(flags *pflag.FlagSet, seed uint64, records int, arn string) error {
	if f.kind != containers && f.kind != controlPlane {
		return fmt.Errorf("unknown kind of traffic %.64q; want %s or %s", f.kind, containers, controlPlane)
	}
	for kind, names := range f.own {
		i := slices.IndexFunc(names, flags.Changed)
		if kind != f.kind && i >= 0 {
			return fmt.Errorf("--%s goes with --traffic %s only", names[i], kind)
		}
	}
	var start time.Time
	if f.start != "" {
		var err error
		if start, err = time.Parse(time.RFC3339Nano, f.start); err != nil {
			return fmt.Errorf("cannot read --start: %w", err)
		}
	}
	f.containers.complete(f, seed)
	f.controlPlane.complete(f, seed, arn)
	if start.IsZero() {
		start = time.Now().Truncate(time.Second).Add(-f.span(records))
	}
	f.containers.options.Start, f.controlPlane.options.Start = start, start
	return nil
}

func (f *trafficFlags) span(records int) time.Duration {
	if f.kind == controlPlane {
		return f.controlPlane.options.Span(records)
	}
	return f.containers.options.Span(records)
}

// generator makes records without end.
type generator interface {
	// next appends the data of the next record to dst, and returns how many
	// lines it completes.
	next(dst []byte) (record []byte, lines int, err error)
	// truth returns what there is to know about those lines, each as a value
	// with a JSON form. It is called before next at most once.
	truth(record int) []any
}

// generated is a source of a fixed number of generated records.
type generated struct {
	generator generator
	left      int
	record    []byte
	lines     int
	err       error
}

// open returns a source of the records from the first one on. It may be called
// again and gives the same records.
func (f *trafficFlags) open(records int) (*generated, error) {
	open := f.containers.open
	if f.kind == controlPlane {
		open = f.controlPlane.open
	}
	g, err := open()
	if err != nil {
		return nil, err
	}
	return &generated{generator: g, left: records}, nil
}

func (g *generated) Next() bool {
	if g.left <= 0 || g.err != nil {
		return false
	}
	g.left--
	var lines int
	g.record, lines, g.err = g.generator.next(g.record[:0])
	g.lines += lines
	return g.err == nil
}

func (g *generated) Record() []byte { return g.record }

// Err implements standin.Source.
func (g *generated) Err() error { return g.err }

// Close implements io.Closer: there is nothing to close.
func (g *generated) Close() error { return nil }

// regionOf returns the region in an ARN, empty when there is none.
func regionOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[3]
	}
	return ""
}
