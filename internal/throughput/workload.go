package main

import (
	"regexp"

	"github.com/grafana/alloy/eks/internal/throughput/floor"
	"github.com/grafana/alloy/eks/internal/traffic"
)

// workload is a kind of records, with the pipelines that read it.
type workload struct {
	name  string
	about string
	open  func(*load) (source, error)
	// load takes the slowest pipeline some fifteen seconds, and the fastest one
	// long enough for a clock with steps of 10 ms.
	load load
	// pipelines are measured in turn, the first being the one that the others are
	// compared with.
	pipelines []pipeline
}

// pipeline is a way from deliveries to entries.
type pipeline struct {
	name  string
	about string
	start starter
	// differs says why it does not store what the first pipeline does; empty for
	// one that must.
	differs string
	// program is what must have been built for it, beside what all need.
	program string
}

const (
	// upstreamName is the pipeline that the others are compared with.
	upstreamName = "upstream"
	// floorName is the pipeline that does nothing but what must be done.
	floorName = "floor"
	// otelName is the program of the pipelines with OpenTelemetry's receiver.
	otelName = "otelcol"
)

var workloads = []workload{
	{
		name:  "containers",
		about: "lines of pods as Fluent Bit on EKS Fargate sends them",
		open:  newContainerLines,
		load:  load{Deliveries: 50, Records: 1000, Passes: 6, Connections: 2, RecordSize: traffic.DefaultRecordSize, Pods: traffic.DefaultPods},
		pipelines: []pipeline{
			{name: upstreamName, about: "loki.source.awsfirehose, loki.process, loki.write", start: alloy("seed-pipeline-upstream.alloy")},
			{name: "ours", about: "awsfirehose.kubernetes, loki.write", start: alloy("seed-pipeline.alloy")},
			{name: "ours-sync", about: "awsfirehose.kubernetes, loki.write_sync", start: alloy("seed-pipeline.alloy", synchronous)},
			{
				name: otelName, about: "awsfirehosereceiver, transform, OTLP", start: otelcol("containers.yaml"), program: otelName,
			},
			{name: floorName, about: "a program that does only what must be done", start: floorOf(floor.Containers)},
		},
	},
	{
		name:  "controlplane",
		about: "the six logs of EKS control planes, from CloudWatch",
		open:  newControlPlaneEvents,
		load:  load{Deliveries: 50, Records: 200, Passes: 4, Connections: 2}, // Records have eight events on average.
		pipelines: []pipeline{
			{name: upstreamName, about: "loki.source.awsfirehose, loki.process, loki.write", start: alloy("seed-controlplane-upstream.alloy")},
			{name: "ours", about: "cloudwatch.eks_controlplane with the same fields, loki.write", start: alloy("seed-controlplane.alloy")},
			{name: "ours-sync", about: "the same, loki.write_sync", start: alloy("seed-controlplane.alloy", synchronous)},
			{
				name: "ours-default", about: "cloudwatch.eks_controlplane with its defaults, loki.write",
				start:   alloy("seed-controlplane.alloy", widened),
				differs: "the label level, and what is secret is cut out of lines",
			},
			{
				name: otelName, about: "awsfirehosereceiver, transform, OTLP", start: otelcol("controlplane.yaml"), program: otelName,
			},
			{name: floorName, about: "a program that does only what must be done, without structured metadata", start: floorOf(floor.ControlPlane)},
		},
	},
}

// widened takes the arguments out of seed-controlplane.alloy by which its entries
// are those of the upstream pipeline.
var widened = edit{regexp.MustCompile(`(?s)\n\t// Without these four arguments .*\n\tredact = \[\]\n\n\t`), "\n\t"}

// synchronous answers deliveries when their entries are stored.
var synchronous = edit{regexp.MustCompile(`loki\.write([ .])`), "loki.write_sync$1"}
