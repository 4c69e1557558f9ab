package main

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/grafana/alloy/eks/internal/subscription"
	"github.com/grafana/alloy/eks/internal/traffic"
)

// containerFlags are the flags that describe records with the lines of pods.
type containerFlags struct {
	shape       string
	compression string
	options     traffic.Options
}

func (f *containerFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.shape, "shape", string(traffic.FargateDefault), fmt.Sprintf("form of generated records: one of %v", traffic.Shapes()))
	flags.StringVar(&f.compression, "compression", string(traffic.None), fmt.Sprintf("compression of each generated record: one of %v", traffic.Compressions()))
	flags.IntVar(&f.options.RecordSize, "record-size", 0, fmt.Sprintf("mean size of generated records in bytes, %d to %d (default %d, for log-key %d)",
		traffic.MinRecordSize, traffic.MaxRecordSize, traffic.DefaultRecordSize, traffic.DefaultLineSize))
	flags.IntVar(&f.options.Pods, "pods", traffic.DefaultPods, fmt.Sprintf("number of pods that write, up to %d", traffic.MaxPods))
	flags.Float64Var(&f.options.Partial, "partial", 0, "share of generated lines, 0 to 1, that the container runtime cuts into fragments")
	flags.IntVar(&f.options.FragmentSize, "fragment-size", traffic.DefaultFragmentSize, "where the container runtime cuts, in bytes")
	flags.Uint64Var(&f.options.FirstSequence, "first-sequence", 0, "sequence number of the first generated line")
}

func (f *containerFlags) complete(all *trafficFlags, seed uint64) {
	o := &f.options
	o.Shape, o.Compression, o.CloudWatch = traffic.Shape(f.shape), traffic.Compression(f.compression), subscription.Form(all.cloudWatch)
	o.Seed, o.Interval = seed, all.interval
}

func (f *containerFlags) open() (generator, error) {
	g, err := traffic.New(f.options)
	if err != nil {
		return nil, err
	}
	return &containerTraffic{Generator: g}, nil
}

// containerTraffic is a generator of records with the lines of pods.
type containerTraffic struct {
	*traffic.Generator
	events []traffic.Event
}

func (g *containerTraffic) next(dst []byte) (record []byte, lines int, err error) {
	record, g.events = g.Generator.Next(dst)
	return record, len(g.events), nil
}

// containerTruth is the JSON form of a traffic.Event.
type containerTruth struct {
	Record      int        `json:"record"`
	Sequence    uint64     `json:"sequence"`
	Time        time.Time  `json:"time"`
	TextTime    *time.Time `json:"text_time,omitempty"`
	Level       string     `json:"level,omitempty"`
	Stream      string     `json:"stream"`
	Namespace   string     `json:"namespace"`
	Pod         string     `json:"pod"`
	Container   string     `json:"container"`
	App         string     `json:"app"`
	HasTime     bool       `json:"has_time"`
	HasText     bool       `json:"has_text"`
	HasMetadata bool       `json:"has_metadata"`
	Text        string     `json:"text"`
}

func (g *containerTraffic) truth(record int) []any {
	var truth []any
	for i := range g.events {
		e := &g.events[i]
		t := containerTruth{
			Record: record, Sequence: e.Sequence, Time: e.Time, Level: e.Level, Stream: e.Stream,
			Namespace: e.Namespace, Pod: e.Pod, Container: e.Container, App: e.App,
			HasTime: e.HasTime, HasText: e.HasText, HasMetadata: e.HasMetadata, Text: string(e.Text),
		}
		if !e.TextTime.IsZero() {
			t.TextTime = &e.TextTime
		}
		truth = append(truth, t)
	}
	return truth
}
