package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"

	"github.com/grafana/alloy/eks/internal/process"
	"github.com/grafana/alloy/eks/internal/throughput/floor"
)

// receiver is the process of a pipeline.
type receiver struct {
	*child
	endpoint string // The URL for deliveries.
	metrics  string // The URL of its own metrics.
	names    metricNames
}

// metricNames are how a program calls what it says of itself.
type metricNames struct{ allocated, heap, goroutines string }

// clientNames are those of Prometheus' own client.
var clientNames = metricNames{"go_memstats_alloc_bytes_total", "go_memstats_heap_inuse_bytes", "go_goroutines"}

// starter starts a pipeline with a folder of its own, that writes to a store. The
// process is stopped by whom it is returned to.
type starter func(ctx context.Context, b *bench, dir string, to *store) (*receiver, error)

// The paths of pipelines.
const (
	// pushPath is the path of the URL that a Firehose stream is given.
	pushPath    = "/awsfirehose/api/v1/push"
	metricsPath = "/metrics"
)

// alloy starts build/alloy with an example configuration, which is changed in some
// places.
func alloy(example string, edits ...edit) starter {
	return func(ctx context.Context, b *bench, dir string, to *store) (*receiver, error) {
		free, err := process.FreeAddresses(2)
		if err != nil {
			return nil, err
		}
		server, endpoint := free[0], free[1]
		config, err := configure(filepath.Join(b.root, "example-configs", example), dir, endpoint, edits)
		if err != nil {
			return nil, err
		}
		env := []string{"LOKI_URL=" + to.url + lokiPushPath, "FIREHOSE_ACCESS_KEY=" + accessKey}
		r := &receiver{endpoint: "http://" + endpoint + pushPath, metrics: "http://" + server + metricsPath, names: clientNames}
		return r.start(ctx, b, "http://"+server+"/-/ready", env, b.program("alloy"), "run", config,
			"--server.http.listen-addr="+server, "--storage.path="+filepath.Join(dir, "data"))
	}
}

// floorOf starts the floor in a process of its own.
func floorOf(kind floor.Kind) starter {
	return func(ctx context.Context, b *bench, _ string, to *store) (*receiver, error) {
		free, err := process.FreeAddresses(1)
		if err != nil {
			return nil, err
		}
		url := "http://" + free[0]
		r := &receiver{endpoint: url + pushPath, metrics: url + metricsPath, names: clientNames}
		return r.start(ctx, b, url+readyPath, nil, b.self, "floor",
			"--listen", free[0], "--kind", string(kind), "--push-url", to.url+lokiPushPath)
	}
}

// otelcol starts build/otelcol with a configuration that stands beside its source.
func otelcol(config string) starter {
	return func(ctx context.Context, b *bench, _ string, to *store) (*receiver, error) {
		free, err := process.FreeAddresses(2)
		if err != nil {
			return nil, err
		}
		_, port, err := net.SplitHostPort(free[1])
		if err != nil {
			return nil, err
		}
		env := []string{"ENDPOINT=" + free[0], "METRICS_PORT=" + port, "OTLP_URL=" + to.url + otlpPath, "FIREHOSE_ACCESS_KEY=" + accessKey}
		r := &receiver{endpoint: "http://" + free[0], metrics: "http://" + free[1] + metricsPath, names: metricNames{
			allocated: "otelcol_process_runtime_total_alloc_bytes", heap: "otelcol_process_runtime_heap_alloc_bytes",
		}}
		return r.start(ctx, b, r.metrics, env, b.program("otelcol"), "--config", filepath.Join(b.root, "tools", "otelcol", config))
	}
}

// open starts the pipeline, with a folder that lasts as long as it. stop ends both.
func (p *pipeline) open(ctx context.Context, b *bench, to *store) (r *receiver, stop func(), err error) {
	dir, err := os.MkdirTemp("", "throughput-")
	if err != nil {
		return nil, nil, fmt.Errorf("cannot make a folder for %s: %w", p.name, err)
	}
	if r, err = p.start(ctx, b, dir, to); err != nil {
		_ = os.RemoveAll(dir)
		return nil, nil, err
	}
	return r, func() {
		r.End()
		_ = os.RemoveAll(dir)
	}, nil
}

// start starts the program of the receiver and waits until it is ready.
func (r *receiver) start(ctx context.Context, b *bench, readyURL string, env []string, program string, args ...string) (*receiver, error) {
	p, err := start(ctx, b.receiver, append(env, traceCollections), program, args...)
	if err != nil {
		return nil, err
	}
	if err := p.Await(ctx, process.Ready(ctx, readyURL)); err != nil {
		p.End()
		return nil, err
	}
	r.child = p
	return r, nil
}

// program returns the path of a program that make has built.
func (b *bench) program(name string) string { return filepath.Join(b.root, "build", name) }

// edit changes an example configuration.
type edit struct {
	pattern *regexp.Regexp
	with    string
}

var (
	listenPort = regexp.MustCompile(`(?m)^\s*listen_port\s*=.*\n`)
	httpBlock  = regexp.MustCompile(`(?m)^\s*http {\n`)
)

// configure writes a copy of an example whose receiver listens on an address, and
// which logs nothing below warnings.
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
