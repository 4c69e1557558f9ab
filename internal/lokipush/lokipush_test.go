package lokipush

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/grafana/dskit/backoff"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/grafana/loki/pkg/push"

	"github.com/grafana/alloy/internal/component/common/loki"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// noon is the time of the tests.
var noon = time.Date(2026, time.August, 20, 12, 0, 0, 0, time.UTC)

// delivery returns the entries of a delivery: of that many streams, in runs as a
// cluster's containers write them.
func delivery(entries, streams int) []loki.Entry {
	random := rand.New(rand.NewPCG(1, 2))
	sets := make([]model.LabelSet, streams)
	for i := range sets {
		sets[i] = model.LabelSet{
			"cluster": "production", "namespace": model.LabelValue(fmt.Sprintf("shop-%d", i%7)), "container": "nginx",
			"app": model.LabelValue(fmt.Sprintf("web-%d", i)), "service_name": model.LabelValue(fmt.Sprintf("web-%d", i)), "stream": "stdout",
		}
	}
	words := []string{"GET", "/cart/items", "200", "user=12", "took=17ms", "bytes=5120", "\"Mozilla/5.0\"", "cache", "miss", "trace_id="}
	list := make([]loki.Entry, entries)
	stream := 0
	for i := range list {
		if random.IntN(2) == 0 {
			stream = random.IntN(streams)
		}
		line := ""
		for len(line) < 200 {
			line += words[random.IntN(len(words))] + fmt.Sprint(random.IntN(1000)) + " "
		}
		list[i] = loki.NewEntryWithCreated(sets[stream], noon, push.Entry{
			Timestamp: noon.Add(time.Duration(i) * time.Millisecond),
			Line:      line,
			StructuredMetadata: push.LabelsAdapter{
				{Name: "pod", Value: fmt.Sprintf("web-%d-7d4b9c6f5-x2x%d", stream, stream)},
				{Name: "node", Value: "ip-10-0-12-34.ec2.internal"},
				{Name: "image", Value: "registry.example.com/shop/web:1.27"},
				{Name: "timestamp_source", Value: "cri"},
			},
		})
	}
	return list
}

// all returns the segments of all streams.
func (b *Batch) all() []segment {
	var segs []segment
	for i, st := range b.streams {
		segs = append(segs, segment{stream: int32(i), from: st.from, to: st.to})
	}
	return segs
}

// decode reads a compressed push request.
func decode(t testing.TB, compressed []byte) push.PushRequest {
	t.Helper()
	req, err := read(compressed)
	require.NoError(t, err)
	return req
}

func read(compressed []byte) (req push.PushRequest, err error) {
	text, err := snappy.Decode(nil, compressed)
	if err != nil {
		return req, err
	}
	return req, req.Unmarshal(text)
}

// testEndpoint is an endpoint with its metrics.
type testEndpoint struct {
	*Endpoint
	registry *prometheus.Registry
}

// newTestEndpoint returns an endpoint for the URL. The change may be nil.
func newTestEndpoint(t testing.TB, url string, change func(*Config)) *testEndpoint {
	t.Helper()
	cfg := Config{
		Name: "0", URL: parseURL(t, url), Client: config.DefaultHTTPClientConfig, BatchSize: 1 << 20, Timeout: 10 * time.Second,
		Backoff:          backoff.Config{MinBackoff: time.Millisecond, MaxBackoff: 10 * time.Millisecond, MaxRetries: 3},
		RetryRateLimited: true, Concurrency: 4,
	}
	if change != nil {
		change(&cfg)
	}
	registry := prometheus.NewRegistry()
	e, err := NewEndpoint(cfg, NewMetrics("test", registry))
	require.NoError(t, err)
	t.Cleanup(e.Close)
	return &testEndpoint{Endpoint: e, registry: registry}
}

// counted returns the sum of a metric of an endpoint over all series with the
// label value.
func (e *testEndpoint) counted(t *testing.T, name, value string) float64 {
	t.Helper()
	families, err := e.registry.Gather()
	require.NoError(t, err)
	sum := 0.0
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetValue() == value {
					sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
				}
			}
		}
	}
	return sum
}

func parseURL(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	require.NoError(t, err)
	return u
}
