package endpoint

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grafana/alloy/internal/runtime/logging/level"
	"github.com/grafana/alloy/internal/util"

	"github.com/grafana/alloy/eks/internal/firehose"
)

// metrics is what an endpoint counts. No label has a value that a sender chooses.
type metrics struct {
	deliveries *prometheus.CounterVec // status, reason
	byKey      *prometheus.CounterVec // key, status
	records    prometheus.Counter
	bytes      *prometheus.CounterVec // stage: wire, body, and what Endpoint.Bytes is asked for
	duration   prometheus.Histogram
	attributes prometheus.Counter
	panics     prometheus.Counter
}

// durationBuckets reach up to the longest that body and delivery may take together,
// 170 seconds, and have a bound at each of their defaults.
var durationBuckets = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 50, 60, 110, 170}

func newMetrics(namespace string, reg prometheus.Registerer, h *firehose.Handler) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return util.MustRegisterOrGet(reg, prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Name: name, Help: help,
		})).(prometheus.Counter)
	}
	vec := func(name, help string, labels ...string) *prometheus.CounterVec {
		return util.MustRegisterOrGet(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: name, Help: help,
		}, labels)).(*prometheus.CounterVec)
	}
	gauge := func(name, help string, value func() float64) {
		util.MustRegisterOrGet(reg, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: namespace, Name: name, Help: help,
		}, value))
	}
	m := &metrics{
		deliveries: vec("deliveries_total", "Deliveries answered, by HTTP status and reason.", "status", "reason"),
		byKey:      vec("key_deliveries_total", "Deliveries answered that brought a key with a name, by that name and HTTP status.", "key", "status"),
		records:    counter("records_total", "Firehose records in the deliveries whose envelope was read, refused ones and repetitions included."),
		bytes:      vec("bytes_total", "Bytes at each stage: as they came over the wire, as decompressed bodies, and as what they became.", "stage"),
		attributes: counter("malformed_attributes_total", "Deliveries whose common attributes could not be read."),
		panics:     counter("panics_total", "Deliveries answered 500 because of a defect in this component."),
	}
	m.duration = util.MustRegisterOrGet(reg, prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace, Name: "delivery_duration_seconds",
		Help: "Time from the request's headers to its answer.", Buckets: durationBuckets,
	})).(prometheus.Histogram)
	gauge("inflight_bytes", "Bytes that the deliveries under way hold together.", func() float64 {
		_, bytes := h.InFlight()
		return float64(bytes)
	})
	gauge("inflight_bytes_limit", "Bytes that the deliveries under way may hold together.", func() float64 {
		return float64(h.Limits().ConcurrentSize)
	})
	// The first delivery that is accepted counts as an increase.
	m.deliveries.WithLabelValues("200", string(firehose.ReasonOK))
	return m
}

// observer is what the protocol's handler tells of deliveries.
type observer struct{ *Endpoint }

// DeliveryFinished implements firehose.Observer.
func (e observer) DeliveryFinished(o firehose.Outcome) {
	m := e.metrics
	status := strconv.Itoa(o.Status)
	m.deliveries.WithLabelValues(status, string(o.Reason)).Inc()
	if o.Key != "" {
		m.byKey.WithLabelValues(o.Key, status).Inc()
	}
	m.bytes.WithLabelValues("wire").Add(float64(o.WireBytes))
	m.bytes.WithLabelValues("body").Add(float64(o.BodyBytes))
	m.duration.Observe(o.Duration.Seconds())
	m.records.Add(float64(o.Records))
	e.status.finished(o)
	if o.Err != nil {
		level.Debug(e.logger).Log("msg", "refused a delivery", "status", o.Status, "reason", o.Reason, "request_id", o.RequestID, "source", o.Source, "err", o.Err)
	}
}

// AttributesMalformed implements firehose.Observer.
func (e observer) AttributesMalformed(err error) {
	e.metrics.attributes.Inc()
	level.Debug(e.logger).Log("msg", "ignored common attributes", "err", err)
}

// DeliveryPanicked implements firehose.Observer.
func (e observer) DeliveryPanicked(value any, stack []byte) {
	e.metrics.panics.Inc()
	level.Error(e.logger).Log("msg", "BUG: a delivery met a panic and was refused; please report it", "panic", value, "stack", string(stack))
}
