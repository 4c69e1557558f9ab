package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grafana/alloy/internal/util"

	"github.com/grafana/alloy/eks/internal/metricstream"
)

// tally is what a delivery comes to. It is counted once that has been handed over:
// one that is refused comes again.
type tally struct {
	data      [metricstream.FormatOpenTelemetry + 1]int
	forwarded int
	early     int // Of a time before the component started.
	rejected  map[string]int
	flaws     map[string]int
	logged    int // Of the flaws.
	delays    []time.Duration
}

func (t *tally) reset() {
	if t.rejected == nil {
		t.rejected, t.flaws = map[string]int{}, map[string]int{}
	}
	clear(t.rejected)
	clear(t.flaws)
	*t = tally{rejected: t.rejected, flaws: t.flaws, delays: t.delays[:0]}
}

// counters is what the component counts beside deliveries. No label has a value
// that a sender chooses.
type counters struct {
	data      *prometheus.CounterVec // format
	forwarded prometheus.Counter
	early     prometheus.Counter
	rejected  *prometheus.CounterVec // reason
	flaws     *prometheus.CounterVec // reason
	delay     prometheus.Histogram
}

// formatNames are the values of the label format.
var formatNames = [...]string{metricstream.FormatJSON: "json", metricstream.FormatOpenTelemetry: "opentelemetry"}

// delayBuckets reach from what Firehose's least buffer takes to the two days after
// which a stream sends nothing any more.
var delayBuckets = []float64{0, 30, 60, 120, 180, 300, 600, 1800, 3600, 6 * 3600, 24 * 3600, 48 * 3600}

func newCounters(reg prometheus.Registerer, remembered func() float64) *counters {
	vec := func(name, help, label string) *prometheus.CounterVec {
		return util.MustRegisterOrGet(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: name, Help: help,
		}, []string{label})).(*prometheus.CounterVec)
	}
	c := &counters{
		data:     vec("data_total", "Data points of CloudWatch, each the statistics of a metric in a period, by the format that they came in.", "format"),
		rejected: vec("rejected_samples_total", "Samples that a receiver refuses for ever, by reason.", "reason"),
		flaws:    vec("flaws_total", "Records, and parts of them, that could not be read, by reason.", "reason"),
	}
	counter := func(name, help string) prometheus.Counter {
		return util.MustRegisterOrGet(reg, prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Name: name, Help: help,
		})).(prometheus.Counter)
	}
	c.forwarded = counter("samples_total", "Samples that the receivers have committed to.")
	c.early = counter("samples_before_start_total", "Samples of a time before this component started. prometheus.remote_write does not send those of a time before its own start.")
	c.delay = util.MustRegisterOrGet(reg, prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace, Name: "data_delay_seconds", Help: "Time between a data point's own time and its arrival here.", Buckets: delayBuckets,
	})).(prometheus.Histogram)
	util.MustRegisterOrGet(reg, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "remembered_metrics", Help: "Metrics of CloudWatch whose series are remembered.",
	}, remembered))
	for _, name := range formatNames {
		c.data.WithLabelValues(name)
	}
	for _, reason := range rejections() {
		c.rejected.WithLabelValues(reason)
	}
	for _, reason := range flaws() {
		c.flaws.WithLabelValues(reason)
	}
	return c
}

// count adds what became of a delivery.
func (c *counters) count(t *tally) {
	for format, n := range t.data {
		c.data.WithLabelValues(formatNames[format]).Add(float64(n))
	}
	c.forwarded.Add(float64(t.forwarded))
	c.early.Add(float64(t.early))
	for reason, n := range t.rejected {
		c.rejected.WithLabelValues(reason).Add(float64(n))
	}
	for reason, n := range t.flaws {
		c.flaws.WithLabelValues(reason).Add(float64(n))
	}
	for _, delay := range t.delays {
		c.delay.Observe(delay.Seconds())
	}
}
