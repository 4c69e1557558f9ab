package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
)

// workload is a kind of records, with the pipelines that read it.
type workload struct {
	name  string
	about string
	open  func(*load) (source, error)
	// pipelines are measured in turn. All must store what the first stores.
	pipelines []pipeline
}

// pipeline is a way from deliveries to entries.
type pipeline struct {
	name  string
	about string
	start func(context.Context, *bench, string, *store) (*receiver, error)
}

// receiver is the process of a pipeline.
type receiver struct {
	*process
	endpoint string // The URL for deliveries.
	metrics  string // The URL of its own metrics.
	// allocated are the names of the metric with the bytes that it has
	// allocated.
	allocated []string
}

// upstreamName is the pipeline that the others are compared with.
const upstreamName = "upstream"

// floorName is the pipeline that does nothing but what must be done.
const floorName = "floor"

var workloads = []workload{
	{
		name:  "containers",
		about: "lines of pods as Fluent Bit on EKS Fargate sends them",
		open:  newContainerLines,
		pipelines: []pipeline{
			{upstreamName, "loki.source.awsfirehose, loki.process, loki.write", alloy("seed-pipeline-upstream.alloy", nil)},
			{"ours", "awsfirehose.kubernetes, loki.write", alloy("seed-pipeline.alloy", nil)},
		},
	},
}

// pushPath is the path of the URL that a Firehose stream is given.
const pushPath = "/awsfirehose/api/v1/push"

// edit changes an example configuration.
type edit struct {
	pattern *regexp.Regexp
	with    string
}

// alloy starts build/alloy with an example configuration, which is changed in some
// places.
func alloy(example string, edits []edit) func(context.Context, *bench, string, *store) (*receiver, error) {
	return func(ctx context.Context, b *bench, dir string, to *store) (*receiver, error) {
		free, err := freeAddresses(2)
		if err != nil {
			return nil, err
		}
		server, endpoint := free[0], free[1]
		config, err := configure(filepath.Join(b.root, "example-configs", example), dir, endpoint, edits)
		if err != nil {
			return nil, err
		}
		env := []string{traceCollections, "LOKI_URL=" + to.pushURL(), "FIREHOSE_ACCESS_KEY=" + accessKey}
		p, err := start(ctx, b.receiver, env, filepath.Join(b.root, "build", "alloy"), "run", config,
			"--server.http.listen-addr="+server, "--storage.path="+filepath.Join(dir, "data"))
		if err != nil {
			return nil, fmt.Errorf("%w: `make build` builds it", err)
		}
		if err := p.await(ctx, ready(ctx, "http://"+server+"/-/ready")); err != nil {
			p.stop()
			return nil, err
		}
		return &receiver{
			process: p, endpoint: "http://" + endpoint + pushPath, metrics: "http://" + server + "/metrics",
			allocated: []string{"go_memstats_alloc_bytes_total"},
		}, nil
	}
}

var (
	listenPort = regexp.MustCompile(`(?m)^\s*listen_port\s*=.*\n`)
	httpBlock  = regexp.MustCompile(`(?m)^\s*http {\n`)
)

// configure writes a copy of an example whose receiver listens on an address and
// which says nothing that is not a warning.
func configure(example, dir, endpoint string, edits []edit) (string, error) {
	text, err := os.ReadFile(example)
	if err != nil {
		return "", fmt.Errorf("cannot read configuration: %w", err)
	}
	host, port, err := net.SplitHostPort(endpoint)
	if err != nil {
		return "", err
	}
	text = listenPort.ReplaceAll(text, nil)
	text = httpBlock.ReplaceAll(text, fmt.Appendf(nil, "${0}listen_address = %q\nlisten_port = %s\n", host, port))
	for _, e := range edits {
		if !e.pattern.Match(text) {
			return "", fmt.Errorf("cannot find %q in %s", e.pattern, filepath.Base(example))
		}
		text = e.pattern.ReplaceAll(text, []byte(e.with))
	}
	text = append(text, "\nlogging {\n\tlevel = \"warn\"\n}\n"...)
	config := filepath.Join(dir, "config.alloy")
	if err := os.WriteFile(config, text, 0o600); err != nil {
		return "", fmt.Errorf("cannot write configuration: %w", err)
	}
	return config, nil
}
