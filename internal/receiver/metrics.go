package receiver

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/grafana/alloy/internal/util"

	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

// metrics is what a receiver counts. No label has a value that a sender chooses.
type metrics struct {
	lineBytes     prometheus.Counter
	entries       *prometheus.CounterVec // outcome
	sources       *prometheus.CounterVec // source
	flaws         *prometheus.CounterVec // reason
	delay         prometheus.Histogram
	fragmentsLost prometheus.Counter   // Nil when parsers keep nothing.
	parsed        []prometheus.Counter // Those of Kind.Counters.

	// The children of entries and sources, looked up once.
	forwarded, dropped, moved, fragments prometheus.Counter
	bySource                             [timestamp.Now + 1]prometheus.Counter
}

// delayBuckets reach from a line that overtakes its clock to one that Firehose
// kept for a day.
var delayBuckets = []float64{0, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 6 * 3600, 24 * 3600}

// newMetrics registers the metrics. remembered returns how many origins of log lines
// are remembered, and is asked whenever they are read.
func newMetrics(kind Kind, reg prometheus.Registerer, lineBytes prometheus.Counter, remembered func() float64) *metrics {
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
	m := &metrics{
		lineBytes: lineBytes,
		entries:   vec("entries_total", "Log entries by what became of them. An entry may be counted as forwarded and as fragment or moved.", "outcome"),
		sources:   vec("timestamp_source_total", "Log entries by the source of their time.", "source"),
		flaws:     vec("flawed_entries_total", "Log entries that carry raw text because they could not be read, by reason.", "reason"),
		delay:     histogram("entry_delay_seconds", "Time between the line's own time and its arrival here.", delayBuckets),
	}
	for _, c := range kind.Counters {
		m.parsed = append(m.parsed, counter(c.Name, c.Help))
	}
	if kind.Keeps {
		m.fragmentsLost = counter("lost_fragments_total", "Beginnings of lines that were kept for a later delivery and could not be handed over.")
	}
	util.MustRegisterOrGet(reg, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: kind.Namespace, Name: "remembered_sources", Help: "Origins of log lines whose metadata is remembered.",
	}, remembered))
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
	m.lineBytes.Add(float64(c.Bytes))
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
