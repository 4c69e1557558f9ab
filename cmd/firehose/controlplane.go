package main

import (
	"fmt"

	"github.com/spf13/pflag"

	"github.com/grafana/alloy/eks/internal/clustertraffic"
	"github.com/grafana/alloy/eks/internal/subscription"
)

// controlPlaneFlags are the flags that describe records with the logs of EKS
// control planes.
type controlPlaneFlags struct {
	form    subscription.Form
	options clustertraffic.Options
}

func (f *controlPlaneFlags) register(flags *pflag.FlagSet) {
	o := &f.options
	flags.IntVar(&o.Clusters, "clusters", clustertraffic.DefaultClusters, fmt.Sprintf("number of clusters, up to %d", clustertraffic.MaxClusters))
	flags.IntVar(&o.Centralised, "centralised", 0, "how many of the clusters have their logs copied to a central account, so that each event tells its true account and region")
	flags.StringVar(&o.Region, "region", "", "region of the clusters that are not centralised (default that of the stream)")
	flags.IntVar(&o.Batch, "batch", clustertraffic.DefaultBatch, fmt.Sprintf("largest number of events in a record, up to %d", clustertraffic.MaxBatch))
	flags.Float64Var(&o.Oversized, "oversized", clustertraffic.DefaultOversized, "share of audit events, 0 to 1, that are longer than CloudWatch Logs takes")
	flags.IntVar(&o.CutAt, "cut-at", clustertraffic.DefaultCutAt, fmt.Sprintf("length in bytes at which CloudWatch Logs cuts, %d to %d", clustertraffic.MinCutAt, clustertraffic.MaxCutAt))
}

func (f *controlPlaneFlags) complete(all *trafficFlags, seed uint64, arn string) {
	o := &f.options
	f.form = subscription.Form(all.cloudWatch)
	o.Seed, o.Interval = seed, all.interval
	if o.Region == "" {
		o.Region = regionOf(arn)
	}
	if o.Oversized == 0 {
		o.Oversized = -1 // None, where the zero value stands for the default.
	}
}

func (f *controlPlaneFlags) open() (generator, error) {
	if _, err := subscription.ParseForm(string(f.form)); err != nil {
		return nil, err
	}
	g, err := clustertraffic.New(f.options)
	if err != nil {
		return nil, err
	}
	return &controlPlaneTraffic{Generator: g, messages: subscription.NewEncoder(f.form)}, nil
}

// controlPlaneTraffic is a generator of records with the logs of control planes.
type controlPlaneTraffic struct {
	*clustertraffic.Generator
	messages *subscription.Encoder
}

func (g *controlPlaneTraffic) next(dst []byte) (record []byte, lines int, err error) {
	m := g.Generator.Next()
	record, err = g.messages.AppendRecord(dst, m)
	return record, len(m.Events), err
}

func (g *controlPlaneTraffic) truth(record int) []any {
	var truth []any
	for _, e := range g.Events() {
		truth = append(truth, struct {
			Record int `json:"record"`
			clustertraffic.Event
		}{record, e})
	}
	return truth
}
