package lokipush

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grafana/alloy/internal/util"
)

// Metrics counts what endpoints do. No label has a value that a sender chooses.
type Metrics struct {
	pushes   *prometheus.CounterVec   // endpoint, result
	duration *prometheus.HistogramVec // endpoint
	bytes    *prometheus.CounterVec   // endpoint
	retries  *prometheus.CounterVec   // endpoint
	inFlight *prometheus.GaugeVec     // endpoint
	entries  *prometheus.CounterVec   // endpoint, outcome
	mended   *prometheus.CounterVec   // endpoint, reason
	refused  *prometheus.CounterVec   // endpoint, reason
}

// durationBuckets reach from a Loki nearby to the longest that Firehose waits.
var durationBuckets = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 170}

// NewMetrics registers the metrics, whose names begin with the namespace.
func NewMetrics(namespace string, reg prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return util.MustRegisterOrGet(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: name, Help: help,
		}, append([]string{"endpoint"}, labels...))).(*prometheus.CounterVec)
	}
	return &Metrics{
		pushes:  counter("pushes_total", "Requests to endpoints, by what became of them.", "result"),
		bytes:   counter("pushed_bytes_total", "Compressed bytes of these requests."),
		retries: counter("push_retries_total", "Requests that repeat one which failed."),
		entries: counter("entries_total", "Log entries by what became of them at an endpoint: accepted, or refused in every form. One that comes again is counted again.", "outcome"),
		mended:  counter("mended_entries_total", "Log entries that an endpoint refused and then accepted in another form, by the first reason.", "reason"),
		refused: counter("refused_entries_total", "Log entries that an endpoint refused in every form, by the last reason.", "reason"),
		duration: util.MustRegisterOrGet(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "push_duration_seconds", Help: "Time of one request to an endpoint.", Buckets: durationBuckets,
		}, []string{"endpoint"})).(*prometheus.HistogramVec),
		inFlight: util.MustRegisterOrGet(reg, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: namespace, Name: "in_flight_pushes", Help: "Requests to an endpoint that are under way.",
		}, []string{"endpoint"})).(*prometheus.GaugeVec),
	}
}

// endpointMetrics are those of one endpoint, looked up once.
type endpointMetrics struct {
	results           map[Result]prometheus.Counter
	duration          prometheus.Observer
	bytes, retries    prometheus.Counter
	inFlight          prometheus.Gauge
	accepted, refused prometheus.Counter
	mendedBy          map[Reason]prometheus.Counter
	refusedBy         map[Reason]prometheus.Counter
}

func (m *Metrics) endpoint(name string) *endpointMetrics {
	e := &endpointMetrics{
		results:   map[Result]prometheus.Counter{},
		duration:  m.duration.WithLabelValues(name),
		bytes:     m.bytes.WithLabelValues(name),
		retries:   m.retries.WithLabelValues(name),
		inFlight:  m.inFlight.WithLabelValues(name),
		accepted:  m.entries.WithLabelValues(name, "accepted"),
		refused:   m.entries.WithLabelValues(name, "refused"),
		mendedBy:  map[Reason]prometheus.Counter{},
		refusedBy: map[Reason]prometheus.Counter{},
	}
	for _, r := range Results() {
		e.results[r] = m.pushes.WithLabelValues(name, string(r))
	}
	for _, r := range Reasons() {
		e.mendedBy[r] = m.mended.WithLabelValues(name, string(r))
		e.refusedBy[r] = m.refused.WithLabelValues(name, string(r))
	}
	return e
}

// pushed counts a request.
func (e *endpointMetrics) pushed(r Result, bytes int, took time.Duration) {
	e.results[r].Inc()
	e.bytes.Add(float64(bytes))
	e.duration.Observe(took.Seconds())
}
