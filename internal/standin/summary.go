package standin

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Summary counts what a Stream has done so far.
type Summary struct {
	// Deliveries and Records are what has come to an end, whatever it was.
	Deliveries int `json:"deliveries"`
	Records    int `json:"records"`
	// RawBytes is the size of the records' data, counted once.
	RawBytes int64 `json:"raw_bytes"`
	// WireBytes is the size of all bodies that were posted, retries included.
	WireBytes int64 `json:"wire_bytes"`
	// Attempts is the number of requests.
	Attempts int `json:"attempts"`
	// Statuses counts answers by status, Errors failed attempts by code.
	Statuses map[int]int       `json:"statuses"`
	Errors   map[ErrorCode]int `json:"errors"`
	// Outcomes and RecordOutcomes count deliveries and their records.
	Outcomes       map[Outcome]int `json:"outcomes"`
	RecordOutcomes map[Outcome]int `json:"record_outcomes"`
	// Elapsed is the time since the stream began, in seconds.
	Elapsed float64 `json:"elapsed_seconds"`
	// RecordsPerSecond counts accepted records only.
	RecordsPerSecond float64 `json:"records_per_second"`
	// Latency is of the attempts that were answered 200, in milliseconds.
	Latency LatencySummary `json:"latency_ms"`
	// LastError is the message of the last failed attempt.
	LastError string `json:"last_error,omitempty"`
}

// LatencySummary has quantiles of a latency, in milliseconds.
type LatencySummary struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// AllAccepted tells whether every delivery that came to an end was accepted.
func (s Summary) AllAccepted() bool { return s.Outcomes[Accepted] == s.Deliveries }

// tally gathers results. It is safe for concurrent use.
type tally struct {
	mu        sync.Mutex
	sum       Summary
	latencies *hdrhistogram.Histogram
}

func newTally() *tally {
	// Microseconds up to the longest response timeout that makes sense, with
	// three digits.
	return &tally{
		latencies: hdrhistogram.New(1, time.Hour.Microseconds(), 3),
		sum: Summary{
			Statuses: map[int]int{}, Errors: map[ErrorCode]int{},
			Outcomes: map[Outcome]int{}, RecordOutcomes: map[Outcome]int{},
		},
	}
}

func (t *tally) add(r Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := &t.sum
	s.Deliveries++
	s.Records += r.Records
	s.RawBytes += r.RawBytes
	s.WireBytes += r.WireBytes * int64(len(r.Attempts))
	s.Attempts += len(r.Attempts)
	s.Outcomes[r.Outcome]++
	s.RecordOutcomes[r.Outcome] += r.Records
	for _, a := range r.Attempts {
		if a.Status != 0 {
			s.Statuses[a.Status]++
		}
		if a.Code == "" {
			// A latency beyond the histogram's end is left out.
			_ = t.latencies.RecordValue(max(1, a.Latency.Microseconds()))
			continue
		}
		s.Errors[a.Code]++
		s.LastError = a.Message
	}
	if r.Err != nil {
		s.LastError = r.Err.Error()
	}
}

// summary returns a copy that later results do not change.
func (t *tally) summary(elapsed time.Duration) Summary {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.sum
	s.Statuses = copyMap(s.Statuses)
	s.Errors = copyMap(s.Errors)
	s.Outcomes = copyMap(s.Outcomes)
	s.RecordOutcomes = copyMap(s.RecordOutcomes)
	s.Elapsed = elapsed.Seconds()
	if elapsed > 0 {
		s.RecordsPerSecond = float64(s.RecordOutcomes[Accepted]) / s.Elapsed
	}
	milliseconds := func(quantile float64) float64 {
		return float64(t.latencies.ValueAtQuantile(quantile)) / 1000
	}
	s.Latency = LatencySummary{P50: milliseconds(50), P99: milliseconds(99), Max: float64(t.latencies.Max()) / 1000}
	return s
}

func copyMap[K comparable](m map[K]int) map[K]int {
	c := make(map[K]int, len(m))
	for k, v := range m {
		c[k] = v
	}
	return c
}
