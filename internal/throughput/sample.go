package main

import (
	"slices"
	"time"
)

// sample is one measurement of a pipeline.
type sample struct {
	Entries int   `json:"entries"`
	Bytes   int64 `json:"line_bytes"`
	// CPU is the time of the process, user and system, without Idle.
	CPU time.Duration `json:"cpu_ns"`
	// Idle is what the process would have used if nothing had been sent.
	Idle time.Duration `json:"idle_cpu_ns"`
	// Wall is the time until everything was stored, Sending until everything was
	// accepted: what is in a queue then may lie there for a second.
	Wall    time.Duration `json:"wall_ns"`
	Sending time.Duration `json:"sending_ns"`
	// Others is what processes that have nothing to do with the measurement have
	// used on all cores.
	Others time.Duration `json:"others_cpu_ns"`
	// GC is the part of CPU that the garbage collector used, in Collections.
	GC          time.Duration `json:"gc_cpu_ns"`
	Collections int           `json:"collections"`
	Allocated   float64       `json:"allocated_bytes"`
	// Retries is how often a delivery had to be sent again, mostly because the
	// pipeline was busy.
	Retries int `json:"retries"`
	// PeakRSS is of the whole life of the process, StartRSS from before the first
	// delivery.
	PeakRSS  uint64 `json:"peak_rss_bytes"`
	StartRSS uint64 `json:"start_rss_bytes"`
}

// perEntry is the CPU time of an entry, in microseconds.
func (s *sample) perEntry() float64 { return s.CPU.Seconds() * 1e6 / float64(s.Entries) }

// perCore is how many entries a core makes per second.
func (s *sample) perCore() float64 { return float64(s.Entries) / s.CPU.Seconds() }

// perSecond is how many entries were accepted per second. It is less than perCore
// when the pipeline had to wait.
func (s *sample) perSecond() float64 { return float64(s.Entries) / s.Sending.Seconds() }

func (s *sample) gcShare() float64     { return float64(s.GC) / float64(s.CPU+s.Idle) }
func (s *sample) allocations() float64 { return s.Allocated / float64(s.Entries) }
func (s *sample) peakMiB() float64     { return float64(s.PeakRSS) / (1 << 20) }

// disturbed is the share of a core that others have used.
func (s *sample) disturbed() float64 { return float64(s.Others) / float64(s.Wall) }

// medianOf returns the median of what is measured over samples.
func medianOf(samples []sample, measured func(*sample) float64) float64 {
	var values []float64
	for i := range samples {
		values = append(values, measured(&samples[i]))
	}
	return median(values)
}

// median returns the middle one of values, or the mean of the middle two. There
// must be one.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
