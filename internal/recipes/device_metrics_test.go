package recipes

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang/snappy"
	commonconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/prompb"
	"github.com/prometheus/prometheus/storage/remote"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/process"
)

const workspace = "/workspaces/ws-1a2b3c4d/api/v1/remote_write"

// managed is what Amazon Managed Service for Prometheus is: it checks signatures,
// and behind that there is a Prometheus.
func managed(t *testing.T, p *prometheus) (address string) {
	t.Helper()
	behind, err := url.Parse(p.url)
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("POST "+workspace, signed{keys: keys, region: region, service: "aps", next: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(behind)
		r.Out.URL.Path = "/api/v1/write"
	}}})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL + workspace
}

// devices writes as devices do. It has the certificate of one.
type devices struct {
	t                         *testing.T
	alloy                     *alloy
	config                    string
	serverCert, cert, certKey string
	trust                     *tls.Config // What a client needs to trust Alloy, and no certificate of its own.
	at                        time.Time   // Of the last sample.
}

// newDevices returns devices, and the configuration with which Alloy trusts them.
// Alloy sends without delay.
func newDevices(t *testing.T) *devices {
	t.Helper()
	serverCert, serverKey, trust := certificate(t)
	d := &devices{t: t, serverCert: serverCert, trust: trust}
	d.cert, d.certKey, _ = certificate(t)
	d.config = replace(t, recipe(t, "device-metrics.alloy"),
		`"0.0.0.0"`, `"127.0.0.1"`, "8443", "0",
		"/etc/alloy/tls/tls.crt", serverCert, "/etc/alloy/tls/tls.key", serverKey, "/etc/alloy/devices/ca.crt", d.cert,
		"\t\turl = sys.env(\"REMOTE_WRITE_URL\")\n", "\t\turl = sys.env(\"REMOTE_WRITE_URL\")\n\n\t\tqueue_config {\n\t\t\tbatch_send_deadline = \"50ms\"\n\t\t}\n")
	return d
}

// plain takes the signature out of a configuration, as the comment in it says.
func plain(t *testing.T, config string) string {
	t.Helper()
	from, to := strings.Index(config, "\t\tsigv4 {"), strings.LastIndex(config, "\t}\n}")
	require.Positive(t, from)
	return config[:from] + config[to:]
}

// listen waits until Alloy listens, and until it sends what comes. It never sends
// what is older than that.
func (d *devices) listen() {
	d.t.Helper()
	d.url()
	d.alloy.logged("Replaying WAL")
}

// await waits until ready returns no error. Devices go on writing meanwhile: Alloy
// looks at its disk when something is written, and otherwise only every 15 seconds, and
// what is written while it looks may wait for the next time.
func (d *devices) await(ready func() error) {
	d.t.Helper()
	d.alloy.await(func() error {
		err := ready()
		if err != nil {
			d.write([]prompb.TimeSeries{{
				Labels:  []prompb.Label{{Name: "__name__", Value: "edge_beats"}},
				Samples: []prompb.Sample{{Timestamp: time.Now().UnixMilli()}},
			}})
		}
		return err
	})
}

// url is where devices write to.
func (d *devices) url() string {
	d.t.Helper()
	return "https://" + d.alloy.logged(`component_id=prometheus\.receive_http\.devices .*http=(\S+)`)[0] + "/api/v1/metrics/write"
}

// write sends samples to Alloy.
func (d *devices) write(samples []prompb.TimeSeries) {
	d.t.Helper()
	d.writeTo(d.url(), samples)
}

// writeTo sends samples by Prometheus' own client, which devices have.
func (d *devices) writeTo(address string, samples []prompb.TimeSeries) {
	d.t.Helper()
	at, err := url.Parse(address)
	require.NoError(d.t, err)
	client, err := remote.NewWriteClient("device", &remote.ClientConfig{
		URL: &commonconfig.URL{URL: at}, Timeout: model.Duration(process.Patience),
		HTTPClientConfig: commonconfig.HTTPClientConfig{TLSConfig: commonconfig.TLSConfig{CAFile: d.serverCert, CertFile: d.cert, KeyFile: d.certKey}},
	})
	require.NoError(d.t, err)
	request, err := (&prompb.WriteRequest{Timeseries: samples}).Marshal()
	require.NoError(d.t, err)
	_, err = client.Store(d.t.Context(), snappy.Encode(nil, request), 0)
	require.NoError(d.t, err)
}

// measure returns samples of three devices, later than all before: n of each of two
// metrics, with a millisecond between them.
func (d *devices) measure(n int) []prompb.TimeSeries {
	if now := time.Now(); d.at.Before(now) {
		d.at = now
	}
	from := d.at
	d.at = from.Add(time.Duration(n) * time.Millisecond)
	return measured("gate-", from, n)
}

func measured(device string, from time.Time, n int) []prompb.TimeSeries {
	var all []prompb.TimeSeries
	for _, name := range []string{"edge_cpu_temperature_celsius", "edge_memory_free_bytes"} {
		for number := range 3 {
			of := prompb.TimeSeries{Labels: []prompb.Label{{Name: "__name__", Value: name}, {Name: "device", Value: fmt.Sprint(device, number)}}}
			for i := range n {
				of.Samples = append(of.Samples, prompb.Sample{Timestamp: from.UnixMilli() + int64(i), Value: float64(number) + float64(i)/8})
			}
			all = append(all, of)
		}
	}
	return all
}

// add adds what a device has written to what is to be stored.
func (s series) add(written []prompb.TimeSeries) {
	for _, of := range written {
		metric := model.Metric{}
		for _, label := range of.Labels {
			metric[model.LabelName(label.Name)] = model.LabelValue(label.Value)
		}
		for _, sample := range of.Samples {
			s[metric.String()] = append(s[metric.String()], model.SamplePair{Timestamp: model.Time(sample.Timestamp), Value: model.SampleValue(sample.Value)})
		}
	}
}

const ofDevices = `{device!=""}`

// The configuration as it is: signed, with the keys of the pod.
func TestDeviceMetrics(t *testing.T) {
	t.Parallel()
	store := startPrometheus(t, bare)
	d := newDevices(t)
	d.alloy = startAlloy(t, d.config, nil, append(podIdentity(t, keys), "REMOTE_WRITE_URL="+managed(t, store))...)
	d.listen()

	want := series{}
	for range 3 {
		written := d.measure(50)
		want.add(written)
		d.write(written)
		d.await(store.has(ofDevices, want.count()))
	}
	got, err := store.stored(ofDevices)
	require.NoError(t, err)
	require.Equal(t, want, got)

	// Nobody writes without the certificate of a device.
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: d.trust}}
	_, err = client.Post(d.url(), "application/x-protobuf", http.NoBody) //nolint:bodyclose // There is none.
	require.ErrorContains(t, err, tls.AlertError(116).Error())
}

// What is signed otherwise is refused and counted.
func TestDeviceMetrics_Refused(t *testing.T) {
	t.Parallel()
	f := func(t *testing.T, change func(config string) string, secret string) {
		t.Parallel()
		other := keys
		other.SecretAccessKey = secret
		store := startPrometheus(t, bare)
		d := newDevices(t)
		d.alloy = startAlloy(t, change(d.config), nil, append(podIdentity(t, other), "REMOTE_WRITE_URL="+managed(t, store))...)
		d.listen()
		d.write(d.measure(10))
		d.alloy.await(d.alloy.metric("prometheus_remote_storage_samples_failed_total{", "} 60"))
		got, err := store.stored(ofDevices)
		require.NoError(t, err)
		require.Empty(t, got)
	}
	t.Run("another secret", func(t *testing.T) { f(t, func(config string) string { return config }, "other") })
	t.Run("no region in the configuration", func(t *testing.T) {
		f(t, func(config string) string { return replace(t, config, "region = sys.env(\"AWS_REGION\")\n", "") }, keys.SecretAccessKey)
	})
}

// Any store that takes remote writes, which goes away, and Alloy itself, which dies.
func TestDeviceMetrics_Plain(t *testing.T) {
	t.Parallel()
	store := startPrometheus(t, bare)
	d := newDevices(t)
	began := time.Now()
	d.alloy = startAlloy(t, plain(t, d.config), nil, "REMOTE_WRITE_URL="+store.url+"/api/v1/write")
	d.listen()
	want := series{}
	write := func(n int) {
		samples := d.measure(n)
		want.add(samples)
		d.write(samples)
	}
	requireStored := func() {
		d.await(store.has(ofDevices, want.count()))
		got, err := store.stored(ofDevices)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	write(20)
	first := d.at.Add(-20 * time.Millisecond)
	requireStored()

	// Down, and back: nothing is lost.
	require.NoError(t, store.Stop())
	for range 3 {
		write(20)
	}
	d.alloy.logged("Failed to send batch, retrying")
	store.start()
	requireStored()

	// Older than Alloy's own start: taken, and not sent.
	old := measured("offline-", began.Add(-time.Minute), 5)
	d.write(old)
	write(5)
	requireStored()

	// Older than what the store has: refused by it, and counted.
	d.write(measured("gate-", first.Add(5*time.Millisecond), 5))
	d.alloy.await(d.alloy.metric("prometheus_remote_storage_samples_failed_total{", "} 3")) // 30, and what goes with them.
	requireStored()

	// Alloy dies while the store is down: what it has on disk is not sent.
	require.NoError(t, store.Stop())
	d.write(d.measure(5))
	d.alloy.Kill()
	d.alloy.start()
	d.listen()
	store.start()
	write(5)
	requireStored()

	// The store itself takes what Alloy does not send.
	d.writeTo(store.url+"/api/v1/write", old)
	want.add(old)
	requireStored()
}

// A real Prometheus on a device, which scrapes and keeps nothing.
func TestDeviceMetrics_Agent(t *testing.T) {
	t.Parallel()
	store := startPrometheus(t, bare)
	d := newDevices(t)
	d.alloy = startAlloy(t, plain(t, d.config), nil, "REMOTE_WRITE_URL="+store.url+"/api/v1/write")
	d.listen()

	var scrapes atomic.Int64
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, "# TYPE edge_scrapes_total counter\nedge_scrapes_total %d\n", scrapes.Add(1))
	}))
	t.Cleanup(target.Close)
	dir := t.TempDir()
	config := filepath.Join(dir, "agent.yaml")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `
global: {scrape_interval: 1s, external_labels: {device: gate-9}}
scrape_configs: [{job_name: edge, static_configs: [{targets: [%q]}]}]
remote_write:
  - url: %s
    tls_config: {ca_file: %s, cert_file: %s, key_file: %s}
    queue_config: {batch_send_deadline: 100ms}
`, strings.TrimPrefix(target.URL, "http://"), d.url(), d.serverCert, d.cert, d.certKey), 0o600))
	path, err := prometheusProgram()
	require.NoError(t, err)
	agent, err := process.Start("the device's Prometheus", process.Command(t.Context(), nil, path,
		"--agent", "--config.file="+config, "--storage.agent.path="+dir, "--web.listen-address=127.0.0.1:0"), new(process.Output))
	require.NoError(t, err)
	t.Cleanup(agent.Kill) // It would try for a minute to send what is left.

	const counter = `edge_scrapes_total{device="gate-9", job="edge"}`
	require.NoError(t, agent.Await(t.Context(), store.has(counter, 5)))
	got, err := store.stored(counter)
	require.NoError(t, err)
	require.Len(t, got, 1)
	for _, samples := range got {
		for i, sample := range samples {
			require.InDelta(t, i+1, float64(sample.Value), 0, "every scrape, in order")
		}
	}
}
