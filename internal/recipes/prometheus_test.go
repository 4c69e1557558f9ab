package recipes

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	promapi "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/process"
)

// prometheusProgram returns the path of build/prometheus. The first call builds it.
var prometheusProgram = sync.OnceValues(func() (string, error) { return process.Make(root, "prometheus", "build/prometheus") })

// prometheus is a real one, with nothing but what is written to it. It ends with its
// test.
type prometheus struct {
	*process.Process
	t    *testing.T
	url  string
	args []string
	api  promapi.API
}

// bare is the configuration of a Prometheus that has all defaults.
const bare = "global: {}\n"

func startPrometheus(t *testing.T, config string) *prometheus {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yaml")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	p := &prometheus{t: t}
	require.NoError(t, process.OnFreeAddresses(1, func(addresses []string) error {
		p.url = "http://" + addresses[0]
		p.args = []string{
			"--config.file=" + file, "--storage.tsdb.path=" + dir, "--web.listen-address=" + addresses[0], "--web.enable-remote-write-receiver", "--log.level=error",
		}
		return p.run()
	}))
	client, err := api.NewClient(api.Config{Address: p.url})
	require.NoError(t, err)
	p.api = promapi.NewAPI(client)
	t.Cleanup(func() { p.Kill() }) // What it has is in a folder of the test.
	return p
}

// start starts it with what it has had.
func (p *prometheus) start() {
	p.t.Helper()
	require.NoError(p.t, p.run())
}

func (p *prometheus) run() error {
	path, err := prometheusProgram()
	if err != nil {
		return err
	}
	// Of its own context, that its end is no error of the test.
	p.Process, err = process.Start("Prometheus", process.Command(context.Background(), nil, path, p.args...), new(process.Output))
	if err != nil {
		return err
	}
	err = p.Await(p.t.Context(), process.Ready(p.t.Context(), p.url+"/-/ready"))
	if err != nil {
		p.Kill()
	}
	return err
}

// series are the samples of series by their labels.
type series map[string][]model.SamplePair

// count returns how many samples there are.
func (s series) count() int {
	n := 0
	for samples := range maps.Values(s) {
		n += len(samples)
	}
	return n
}

// stored returns all samples that a selector finds, with their times.
func (p *prometheus) stored(selector string) (series, error) {
	value, _, err := p.api.Query(p.t.Context(), selector+"[1d]", time.Now().Add(time.Hour))
	if err != nil {
		return nil, err
	}
	matrix, ok := value.(model.Matrix)
	if !ok {
		return nil, fmt.Errorf("%s is a %T", selector, value)
	}
	all := series{}
	for _, stream := range matrix {
		all[stream.Metric.String()] = stream.Values
	}
	return all, nil
}

// has returns nil once there are n samples of a selector.
func (p *prometheus) has(selector string, n int) func() error {
	return func() error {
		got, err := p.stored(selector)
		if err != nil {
			return err
		}
		if got.count() < n {
			return fmt.Errorf("%w to Prometheus: %d of %d samples", errTooFew, got.count(), n)
		}
		return nil
	}
}
