package writesync

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grafana/alloy/internal/util"

	"github.com/grafana/alloy/eks/internal/lokipush"
)

// metrics counts what is not about one endpoint.
type metrics struct {
	accepts    *prometheus.CounterVec // outcome
	duration   prometheus.Histogram
	deadLetter prometheus.Counter
	dropped    *prometheus.CounterVec // reason
	queued     prometheus.Gauge
}

// The outcomes of accepts_total.
const (
	outcomeAccepted = "accepted"
	outcomeFailed   = "failed"
	outcomeCanceled = "canceled"
	outcomeStopping = "stopping"
)

// The reasons of dropped_entries_total.
const (
	dropFailed    = "failed"
	dropQueueFull = "queue_full"
	dropStopped   = "stopped"
)

// durationBuckets are those of a delivery to the receiving components.
var durationBuckets = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 50, 60, 110, 170}

func newMetrics(reg prometheus.Registerer) *metrics {
	vec := func(name, help, label string, values ...string) *prometheus.CounterVec {
		v := util.MustRegisterOrGet(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: name, Help: help,
		}, []string{label})).(*prometheus.CounterVec)
		for _, value := range values {
			v.WithLabelValues(value)
		}
		return v
	}
	return &metrics{
		accepts: vec("accepts_total", "Deliveries of which a component has asked what becomes of them, by the answer.", "outcome",
			outcomeAccepted, outcomeFailed, outcomeCanceled, outcomeStopping),
		dropped: vec("dropped_entries_total", "Log entries of components that do not wait for an answer which are lost, by reason.", "reason",
			dropFailed, dropQueueFull, dropStopped),
		duration: util.MustRegisterOrGet(reg, prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Name: "accept_duration_seconds", Help: "Time until a component that asks has its answer.", Buckets: durationBuckets,
		})).(prometheus.Histogram),
		deadLetter: util.MustRegisterOrGet(reg, prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Name: "dead_letter_entries_total", Help: "Log entries handed over to dead_letter.",
		})).(prometheus.Counter),
		queued: util.MustRegisterOrGet(reg, prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Name: "queued_entries", Help: "Log entries of components that do not wait for an answer which are not pushed yet.",
		})).(prometheus.Gauge),
	}
}

// answered counts an answer.
func (m *metrics) answered(err error, began time.Time) {
	outcome := outcomeFailed
	var failure *lokipush.Error
	switch {
	case err == nil:
		outcome = outcomeAccepted
	case errors.Is(err, errStopping):
		outcome = outcomeStopping
	case errors.As(err, &failure) && failure.Result == lokipush.Canceled:
		outcome = outcomeCanceled
	}
	m.accepts.WithLabelValues(outcome).Inc()
	m.duration.Observe(time.Since(began).Seconds())
}
