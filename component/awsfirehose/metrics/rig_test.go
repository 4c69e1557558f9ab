package metrics

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/service/labelstore"

	"github.com/grafana/alloy/eks/internal/metrictraffic"
	"github.com/grafana/alloy/eks/internal/rig"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// moment is when the data of these tests are measured.
var moment = time.Date(2026, time.August, 20, 10, 1, 0, 123e6, time.UTC)

// cpu is a datum of an instance, measured that many minutes after moment.
func cpu(minutes int, maximum float64) metrictraffic.Datum {
	return metrictraffic.Datum{
		Account: "111122223333", Region: "eu-west-1", Namespace: "AWS/EC2", Name: "CPUUtilization", Unit: "Percent",
		Dimensions: map[string]string{"InstanceId": "i-0a1b2c3d"}, Time: moment.Add(time.Duration(minutes) * time.Minute),
		Min: 0.25, Max: maximum, Sum: 120, Count: 5,
	}
}

// bench is a component at work, with a real store of Prometheus behind it.
type bench struct {
	*Component
	t        *testing.T
	store    *tsdb.DB
	behind   []storage.Appendable
	registry *prometheus.Registry
	log      *syncedBuffer
	stop     func()
	posted   int // Deliveries.
}

// syncedBuffer is a buffer for several goroutines.
type syncedBuffer struct {
	mut sync.Mutex
	buf bytes.Buffer
}

func (b *syncedBuffer) Write(p []byte) (int, error) {
	b.mut.Lock()
	defer b.mut.Unlock()
	return b.buf.Write(p)
}

func (b *syncedBuffer) String() string {
	b.mut.Lock()
	defer b.mut.Unlock()
	return b.buf.String()
}

// openStore returns a store that takes samples out of order within a window.
func openStore(t *testing.T, window time.Duration) *tsdb.DB {
	t.Helper()
	opts := tsdb.DefaultOptions()
	opts.RetentionDuration, opts.OutOfOrderTimeWindow = 0, window.Milliseconds()
	db, err := tsdb.Open(t.TempDir(), nil, nil, opts, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// newBench returns a bench with the arguments of the text. The component forwards to
// a store that takes nothing out of order, unless the test says otherwise.
func newBench(t *testing.T, text string, behind ...storage.Appendable) *bench {
	t.Helper()
	b := &bench{t: t, behind: behind, registry: prometheus.NewRegistry(), log: &syncedBuffer{}}
	if len(behind) == 0 {
		b.store = openStore(t, 0)
		b.behind = []storage.Appendable{b.store}
	}
	opts := component.Options{
		ID: Name + ".test", Logger: log.NewLogfmtLogger(b.log), Registerer: b.registry,
		GetServiceData: func(name string) (any, error) {
			if name != labelstore.ServiceName {
				return nil, fmt.Errorf("no service %q", name)
			}
			return labelstore.New(nil, prometheus.NewRegistry()), nil
		},
	}
	c, err := New(opts, b.arguments(text))
	require.NoError(t, err)
	b.Component = c
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	b.stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-done)
	})
	t.Cleanup(b.stop)
	return b
}

func (b *bench) arguments(text string) Arguments {
	b.t.Helper()
	args, err := rig.Decode[Arguments]("forward_to = []\n" + text)
	require.NoError(b.t, err)
	args.ForwardTo = b.behind
	args.Endpoint.Server.HTTP.ListenAddress, args.Endpoint.Server.HTTP.ListenPort = "127.0.0.1", 0
	return args
}

// deliver posts records as one delivery, and returns the status and the message of
// the answer.
func (b *bench) deliver(records ...[]byte) (int, string) {
	b.t.Helper()
	var encoded []string
	for _, rec := range records {
		encoded = append(encoded, rig.Encode(string(rec)))
	}
	return b.post(rig.Envelope(encoded...))
}

func (b *bench) post(body string, headers ...string) (int, string) {
	b.t.Helper()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequest(http.MethodPost, "http://"+b.endpoint.Address(), strings.NewReader(body))
	require.NoError(b.t, err)
	req.Header.Set("X-Amz-Firehose-Request-Id", rig.RequestID)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	require.NoError(b.t, err)
	b.posted++
	defer resp.Body.Close()
	var answer struct{ ErrorMessage string }
	require.NoError(b.t, json.NewDecoder(resp.Body).Decode(&answer))
	return resp.StatusCode, answer.ErrorMessage
}

// samples returns what a store has, in the way of Prometheus' text format.
func samples(t *testing.T, db *tsdb.DB) []string {
	t.Helper()
	q, err := db.Querier(0, moment.Add(100*24*time.Hour).UnixMilli())
	require.NoError(t, err)
	defer q.Close()
	set := q.Select(t.Context(), true, nil, labels.MustNewMatcher(labels.MatchRegexp, model.MetricNameLabel, ".+"))
	var out []string
	for set.Next() {
		for it := set.At().Iterator(nil); it.Next() == chunkenc.ValFloat; {
			millis, v := it.At()
			out = append(out, fmt.Sprintf("%s %v %s", set.At().Labels(), v, time.UnixMilli(millis).UTC().Format(time.RFC3339Nano)))
		}
	}
	require.NoError(t, set.Err())
	slices.Sort(out)
	return out
}

// maxima are the samples of a store that are maxima: values and minutes.
func maxima(t *testing.T, db *tsdb.DB) []string {
	t.Helper()
	var out []string
	for _, s := range samples(t, db) {
		if strings.Contains(s, "_maximum") {
			out = append(out, s[strings.Index(s, "} ")+2:])
		}
	}
	return out
}

// metrics returns the component's counters and gauges that are not 0, as
// name{value,value}, and the counts of its histograms: those that are not the
// server's.
//
// A delivery is counted when it has been answered, so the last one is waited for.
func (b *bench) metrics() map[string]float64 {
	b.t.Helper()
	var all map[string]float64
	require.Eventually(b.t, func() bool {
		all = b.gather()
		answered := 0.0
		for name, n := range all {
			if strings.HasPrefix(name, "deliveries_total{") {
				answered += n
			}
		}
		return answered == float64(b.posted)
	}, rig.Patience, time.Millisecond)
	return all
}

func (b *bench) gather() map[string]float64 {
	families, err := b.registry.Gather()
	require.NoError(b.t, err)
	all := map[string]float64{}
	for _, family := range families {
		name, ok := strings.CutPrefix(family.GetName(), namespace+"_")
		if !ok || slices.Contains(ofServer, name) {
			continue
		}
		for _, m := range family.GetMetric() {
			if v := m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount()); v != 0 {
				var values []string
				for _, l := range m.GetLabel() {
					values = append(values, l.GetValue())
				}
				if len(values) > 0 {
					name := name + "{" + strings.Join(values, ",") + "}"
					all[name] = v
					continue
				}
				all[name] = v
			}
		}
	}
	return all
}

// ofServer are the metrics of Alloy's server, and what a delivery holds until a
// moment after its answer.
var ofServer = []string{
	"inflight_bytes", "inflight_bytes_limit", "delivery_duration_seconds", "bytes_total",
	"grpc_concurrent_streams_limit", "inflight_requests", "request_duration_seconds",
	"request_message_bytes", "response_message_bytes", "tcp_connections", "tcp_connections_limit",
}
