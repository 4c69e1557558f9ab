package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/grafana/alloy/eks/internal/process"
)

// examplePort is where the receivers of the example configurations listen.
const examplePort = "8080"

// pushPath is the path of the URL that a Firehose stream is given.
const pushPath = "/awsfirehose/api/v1/push"

// alloy is build/alloy at work.
type alloy struct {
	*process.Process
	log      *process.Output
	server   string // The URL of Alloy's own server.
	endpoint string // The URL for Firehose.
}

// alloyOptions say how Alloy is run.
type alloyOptions struct {
	root     string   // The folder of the repository.
	dir      string   // A folder for Alloy's own files.
	config   string   // The configuration.
	receiver string   // Where its receiver listens, if not where the example does.
	env      []string // Variables that the configuration asks for.
}

// startAlloy runs Alloy with a configuration until it is stopped.
func startAlloy(ctx context.Context, o alloyOptions) (*alloy, error) {
	program := filepath.Join(o.root, "build", "alloy")
	if _, err := exec.LookPath(program); err != nil {
		return nil, fmt.Errorf("cannot start Alloy: %w: `make build` builds it", err)
	}
	free, err := process.FreeAddresses(1)
	if err != nil {
		return nil, err
	}
	config, receiver := o.config, "127.0.0.1:"+examplePort
	if o.receiver != "" {
		receiver = o.receiver
		if config, err = moveReceiver(o.config, o.dir, receiver); err != nil {
			return nil, err
		}
	}
	cmd := process.Command(ctx, o.env, program, "run", config,
		"--server.http.listen-addr="+free[0], "--storage.path="+filepath.Join(o.dir, "data"))
	log := new(process.Output)
	p, err := process.Start("Alloy", cmd, log)
	if err != nil {
		return nil, err
	}
	a := &alloy{Process: p, log: log, server: "http://" + free[0], endpoint: "http://" + receiver + pushPath}
	if err := a.Await(ctx, process.Ready(ctx, a.server+"/-/ready")); err != nil {
		a.End()
		return nil, err
	}
	return a, nil
}

var (
	listenArgument = regexp.MustCompile(`(?m)^\s*listen_(address|port)\s*=.*\n`)
	httpBlock      = regexp.MustCompile(`(?m)^\s*http {\n`)
)

// moveReceiver writes a copy of a configuration whose receiver listens on address.
func moveReceiver(config, dir, address string) (string, error) {
	text, err := os.ReadFile(config)
	if err != nil {
		return "", fmt.Errorf("cannot read configuration: %w", err)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	text = listenArgument.ReplaceAll(text, nil)
	text = httpBlock.ReplaceAll(text, fmt.Appendf(nil, "${0}listen_address = %q\nlisten_port = %s\n", host, port))
	moved := filepath.Join(dir, "moved.alloy")
	if err := os.WriteFile(moved, text, 0o600); err != nil {
		return "", fmt.Errorf("cannot write configuration: %w", err)
	}
	return moved, nil
}

// isFree tells whether a program can listen on the address.
func isFree(address string) bool {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	_ = listener.Close()
	return true
}

// metrics are what Alloy's /metrics shows.
type metrics map[string]*dto.MetricFamily

func (a *alloy) metrics(ctx context.Context) (metrics, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.server+"/metrics", http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("cannot read the metrics of Alloy: %w", err)
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("cannot read the metrics of Alloy: %w", err)
	}
	return families, nil
}

// sum adds up the counters of a metric that have all labels, each given as
// `name="value"`.
func (m metrics) sum(name string, labels ...string) int {
	total := 0.0
	for _, metric := range m[name].GetMetric() {
		have := ""
		for _, l := range metric.GetLabel() {
			have += fmt.Sprintf(" %s=%q", l.GetName(), l.GetValue())
		}
		all := true
		for _, l := range labels {
			all = all && strings.Contains(have, " "+l)
		}
		if all {
			total += metric.GetCounter().GetValue()
		}
	}
	return int(total)
}

// flushed waits until all that the receiver has forwarded is where loki.write
// takes it.
func (a *alloy) flushed(ctx context.Context) error {
	return a.Await(ctx, func() error {
		m, err := a.metrics(ctx)
		if err != nil {
			return err
		}
		forwarded := m.sum("awsfirehose_kubernetes_entries_total", `outcome="forwarded"`)
		written := m.sum("loki_write_sent_entries_total") + m.sum("loki_write_dropped_entries_total")
		if written < forwarded {
			return fmt.Errorf("loki.write has sent %d of %d entries", written, forwarded)
		}
		return nil
	})
}
