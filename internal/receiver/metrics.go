package receiver

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grafana/alloy/internal/runtime/logging/level"
	"github.com/grafana/alloy/internal/util"

	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/firehose"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

// metrics is what a receiver counts. No label has a value that a sender chooses.
type metrics struct {
	deliveries    *prometheus.CounterVec // status, reason
	byKey         *prometheus.CounterVec // key, status
	records       prometheus.Counter
	bytes         *prometheus.CounterVec // stage: wire, body, line
	duration      prometheus.Histogram
	entries       *prometheus.CounterVec // outcome
	sources       *prometheus.CounterVec // source
	flaws         *prometheus.CounterVec // reason
	delay         prometheus.Histogram
	attributes    prometheus.Counter
	fragmentsLost prometheus.Counter   // Nil when parsers keep nothing.
	parsed        []prometheus.Counter // Those of Kind.Counters.
	panics        prometheus.Counter

	// The children of entries and sources, looked up once.
	forwarded, dropped, moved, fragments prometheus.Counter
	bySource                             [timestamp.Now + 1]prometheus.Counter
}

// durationBuckets reach up to the longest that body and delivery may take together,
// 170 seconds, and have a bound at each of their defaults.
var durationBuckets = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 50, 60, 110, 170}

// delayBuckets reach from a line that overtakes its clock to one that Firehose
// kept for a day.
var delayBuckets = []float64{0, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 6 * 3600, 24 * 3600}

// gauges are what a receiver is asked for whenever its metrics are read.
type gauges struct {
	remembered            func() float64 // Origins of log lines.
	inFlight, mayInFlight func() float64 // Bytes.
}

func newMetrics(kind Kind, reg prometheus.Registerer, state gauges) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return util.MustRegisterOrGet(reg, prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: kind.Namespace, Name: name, Help: help,
		})).(prometheus.Counter)
	}
	vec := func(name, help string, labels ...string) *prometheus.CounterVec {
		return util.MustRegisterOrGet(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: kind.Namespace, Name: name, Help: help,
		}, labels)).(*prometheus.CounterVec)
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return util.MustRegisterOrGet(reg, prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: kind.Namespace, Name: name, Help: help, Buckets: buckets,
		})).(prometheus.Histogram)
	}
	gauge := func(name, help string, value func() float64) {
		util.MustRegisterOrGet(reg, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: kind.Namespace, Name: name, Help: help,
		}, value))
	}
	m := &metrics{
		deliveries: vec("deliveries_total", "Deliveries answered, by HTTP status and reason.", "status", "reason"),
		byKey:      vec("key_deliveries_total", "Deliveries answered that brought a key with a name, by that name and HTTP status.", "key", "status"),
		records:    counter("records_total", "Firehose records in the deliveries whose envelope was read, refused ones and repetitions included."),
		bytes:      vec("bytes_total", "Bytes at each stage: as they came over the wire, as decompressed bodies, as lines of entries.", "stage"),
		duration:   histogram("delivery_duration_seconds", "Time from the request's headers to its answer.", durationBuckets),
		entries:    vec("entries_total", "Log entries by what became of them. An entry may be counted as forwarded and as fragment or moved.", "outcome"),
		sources:    vec("timestamp_source_total", "Log entries by the source of their time.", "source"),
		flaws:      vec("flawed_entries_total", "Log entries that carry raw text because they could not be read, by reason.", "reason"),
		delay:      histogram("entry_delay_seconds", "Time between the line's own time and its arrival here.", delayBuckets),
		attributes: counter("malformed_attributes_total", "Deliveries whose common attributes could not be read."),
		panics:     counter("panics_total", "Deliveries answered 500 because of a defect in this component."),
	}
	for _, c := range kind.Counters {
		m.parsed = append(m.parsed, counter(c.Name, c.Help))
	}
	if kind.Keeps {
		m.fragmentsLost = counter("lost_fragments_total", "Beginnings of lines that were kept for a later delivery and could not be handed over.")
	}
	gauge("remembered_sources", "Origins of log lines whose metadata is remembered.", state.remembered)
	gauge("inflight_bytes", "Bytes that the deliveries under way hold together.", state.inFlight)
	gauge("inflight_bytes_limit", "Bytes that the deliveries under way may hold together.", state.mayInFlight)
	// The first delivery that is accepted counts as an increase.
	m.deliveries.WithLabelValues("200", string(firehose.ReasonOK))
	m.forwarded = m.entries.WithLabelValues("forwarded")
	m.dropped = m.entries.WithLabelValues("dropped")
	m.moved = m.entries.WithLabelValues("moved")
	m.fragments = m.entries.WithLabelValues("fragment")
	for s := timestamp.CRI; s <= timestamp.Now; s++ {
		m.bySource[s] = m.sources.WithLabelValues(s.String())
	}
	for _, flaw := range []event.Flaw{event.FlawBase64, event.FlawCompression, event.FlawTooLarge, event.FlawJSON, event.FlawEnvelope, event.FlawNoData} {
		m.flaws.WithLabelValues(string(flaw))
	}
	return m
}

// count adds what became of a delivery's events once they were handed over.
func (m *metrics) count(w *worker) {
	for _, delay := range w.delays {
		m.delay.Observe(delay.Seconds())
	}
	c := w.builder.Counts()
	total := 0
	for s := timestamp.CRI; s <= timestamp.Now; s++ {
		if n := c.Sources[s]; n > 0 {
			m.bySource[s].Add(float64(n))
			total += n
		}
	}
	m.forwarded.Add(float64(total))
	m.dropped.Add(float64(c.Dropped))
	m.moved.Add(float64(c.Moved))
	m.fragments.Add(float64(c.Fragments))
	m.bytes.WithLabelValues("line").Add(float64(c.Bytes))
	for flaw, n := range c.Flaws {
		m.flaws.WithLabelValues(string(flaw)).Add(float64(n))
	}
}

// countParsed adds what a parser has met, in the order of Kind.Counters.
func (m *metrics) countParsed(counts []int) {
	for i, n := range counts {
		m.parsed[i].Add(float64(n))
	}
}

// DeliveryFinished implements firehose.Observer.
func (r *Receiver) DeliveryFinished(o firehose.Outcome) {
	m := r.metrics
	status := strconv.Itoa(o.Status)
	m.deliveries.WithLabelValues(status, string(o.Reason)).Inc()
	if o.Key != "" {
		m.byKey.WithLabelValues(o.Key, status).Inc()
	}
	m.bytes.WithLabelValues("wire").Add(float64(o.WireBytes))
	m.bytes.WithLabelValues("body").Add(float64(o.BodyBytes))
	m.duration.Observe(o.Duration.Seconds())
	m.records.Add(float64(o.Records))
	r.debug.finished(o)
	if o.Err != nil {
		level.Debug(r.logger).Log("msg", "refused a delivery", "status", o.Status, "reason", o.Reason, "request_id", o.RequestID, "source", o.Source, "err", o.Err)
	}
}

// AttributesMalformed implements firehose.Observer.
func (r *Receiver) AttributesMalformed(err error) {
	r.metrics.attributes.Inc()
	level.Debug(r.logger).Log("msg", "ignored common attributes", "err", err)
}

// DeliveryPanicked implements firehose.Observer.
func (r *Receiver) DeliveryPanicked(value any, stack []byte) {
	r.metrics.panics.Inc()
	level.Error(r.logger).Log("msg", "BUG: a delivery met a panic and was refused; please report it", "panic", value, "stack", string(stack))
}
