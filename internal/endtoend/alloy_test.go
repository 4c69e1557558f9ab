package endtoend

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/process"
)

// settings are what differs between the configurations of the tests.
type settings struct {
	// Loki takes the entries, for its tenant.
	Loki *tenant
	// Component takes the deliveries. The default is awsfirehose.kubernetes.
	Component string
	// Port is where deliveries are taken, 0 for a free one.
	Port int
	// Server are more arguments of its block http.
	Server string
	// Arguments are more arguments of the component.
	Arguments string
	// Others are more components.
	Others string
	// Writer takes the entries to Loki. The default is loki.write.
	Writer string
	// Endpoint are more arguments of loki.write's endpoint.
	Endpoint string
	// Flags are more flags of `alloy run`.
	Flags []string
}

// anyAge lets entries keep their true time: the bundled captures are not from
// today.
const anyAge = `
	timestamp {
		max_age    = "0s"
		max_future = "0s"
	}
`

func (s settings) text() string {
	return fmt.Sprintf(`
logging {
	level = "warn"
}

%s "in" {
	forward_to = [%s.out.receiver]
	http {
		listen_address = "127.0.0.1"
		listen_port    = %d
		%s
	}
	%s
}
%s

%s "out" {
	endpoint {
		url        = %q
		tenant_id  = %q
		batch_wait = "50ms"
		%s
	}
}
`, s.component(), s.writer(), s.Port, s.Server, s.Arguments, s.Others, s.writer(), s.Loki.pushURL(), s.Loki.id, s.Endpoint)
}

func (s settings) component() string { return cmp.Or(s.Component, "awsfirehose.kubernetes") }

func (s settings) writer() string { return cmp.Or(s.Writer, "loki.write") }

// alloy is the distribution at work. It ends with its test.
type alloy struct {
	running
	t         *testing.T
	address   string // Of Alloy's own server.
	config    string // Its file.
	component string // That takes the deliveries.
	storage   string // Its folder; empty for that of config.
	disk      *disk  // What it stores on; nil for the machine's.
	flags     []string
}

// newAlloy returns one that does not run yet. The component takes the deliveries.
func newAlloy(t *testing.T, component string) *alloy {
	t.Helper()
	return &alloy{t: t, config: filepath.Join(t.TempDir(), "config.alloy"), component: component}
}

func startAlloy(t *testing.T, s settings) *alloy {
	t.Helper()
	a := newAlloy(t, s.component())
	a.flags = s.Flags
	a.configure(s)
	a.start(1, nil)
	return a
}

// startText starts Alloy with a configuration of its own, whose component
// awsfirehose.kubernetes "in" takes deliveries.
func startText(t *testing.T, text string) *alloy {
	t.Helper()
	a := newAlloy(t, "awsfirehose.kubernetes")
	a.write(text)
	a.start(1, nil)
	return a
}

// start starts it on so many free addresses, of which the first is that of its own
// server. prepare, unless it is nil, is told them before.
func (a *alloy) start(addresses int, prepare func(addresses []string)) {
	a.t.Helper()
	require.NoError(a.t, process.OnFreeAddresses(addresses, func(free []string) error {
		a.address = free[0]
		if prepare != nil {
			prepare(free)
		}
		return a.launch()
	}))
	a.t.Cleanup(func() {
		a.Kill()
		if a.t.Failed() {
			a.t.Logf("the log of Alloy:\n%.20000s", a.Tail())
		}
	})
}

// write replaces the configuration.
func (a *alloy) write(text string) {
	a.t.Helper()
	require.NoError(a.t, os.WriteFile(a.config, []byte(text), 0o600))
}

func (a *alloy) configure(s settings) {
	a.t.Helper()
	a.write(s.text())
}

// launch starts it on the addresses that it has.
func (a *alloy) launch() error {
	args := []string{"run", a.config, "--server.http.listen-addr=" + a.address, "--storage.path=" + cmp.Or(a.storage, filepath.Dir(a.config))}
	p, err := launch(a.disk, new(process.Output), "alloy", append(args, a.flags...)...)
	if err != nil {
		return err
	}
	a.running = p
	if err := a.await(func() error { return get(nil, "http://"+a.address+"/-/ready", nil) }); err != nil {
		a.Kill()
		return err
	}
	return nil
}

// await waits until ready returns no error. It fails when Alloy ends before.
func (a *alloy) await(ready func() error) error { return a.Await(a.t.Context(), ready) }

// debugInfo is what the component says of itself, as Alloy's UI gets it.
func (a *alloy) debugInfo() map[string]string {
	a.t.Helper()
	var component struct {
		DebugInfo []struct {
			Name  string
			Value struct{ Value any }
		}
	}
	require.NoError(a.t, get(nil, "http://"+a.address+"/api/v0/web/components/"+a.component+".in", &component))
	info := map[string]string{}
	for _, attribute := range component.DebugInfo {
		if text, ok := attribute.Value.Value.(string); ok {
			info[attribute.Name] = text
		}
	}
	return info
}

// endpoint returns the URL that Firehose would be given.
func (a *alloy) endpoint() string {
	a.t.Helper()
	address := a.debugInfo()["address"]
	require.NotEmpty(a.t, address, "the component does not listen")
	return "http://" + address + "/awsfirehose/api/v1/push"
}

// reload makes Alloy load its configuration again, by a request.
func (a *alloy) reload() error {
	resp, err := client.Post("http://"+a.address+"/-/reload", "", http.NoBody)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("reload is answered %d", resp.StatusCode)
	}
	return nil
}

// hangUp makes Alloy load its configuration again, by a signal, and waits until it
// has: loki.write panics when it is stopped in the middle of that.
func (a *alloy) hangUp() error {
	const loaded = "alloy_config_last_load_success_timestamp_seconds"
	before := a.metric(loaded)
	if err := a.Signal(syscall.SIGHUP); err != nil {
		return err
	}
	return a.await(func() error {
		if a.metric(loaded) == before {
			return errors.New("the configuration is not loaded")
		}
		return nil
	})
}

// metric returns the sum over all series of a metric that have the labels, given
// as name, value, name, value.
func (a *alloy) metric(name string, labels ...string) float64 {
	a.t.Helper()
	resp, err := client.Get("http://" + a.address + "/metrics")
	require.NoError(a.t, err)
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	require.NoError(a.t, err)
	total := 0.0
	for _, m := range families[name].GetMetric() {
		if hasLabels(m, labels) {
			total += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return total
}

func hasLabels(m *dto.Metric, labels []string) bool {
	have := map[string]string{}
	for _, l := range m.GetLabel() {
		have[l.GetName()] = l.GetValue()
	}
	for i := 0; i < len(labels); i += 2 {
		if have[labels[i]] != labels[i+1] {
			return false
		}
	}
	return true
}

// flush waits until Loki has answered for all entries that the component has
// forwarded. No delivery may be under way, nor may one have failed when some of its
// entries were forwarded already: then stop does it.
func (a *alloy) flush() {
	a.t.Helper()
	require.NoError(a.t, a.await(func() error {
		forwarded := a.metric(strings.ReplaceAll(a.component, ".", "_")+"_entries_total", "outcome", "forwarded")
		done := a.metric("loki_write_sent_entries_total") + a.metric("loki_write_dropped_entries_total")
		if done < forwarded {
			return fmt.Errorf("%v of %v entries are in Loki", done, forwarded)
		}
		return nil
	}))
	require.Zero(a.t, a.metric("loki_write_dropped_entries_total"), "Loki has refused entries")
}
