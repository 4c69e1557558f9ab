package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// measure is what a table shows of a pipeline.
type measure struct {
	title string
	cell  func(r *result, at *row) string
}

var (
	cpuPerEntry = measure{"CPU µs/entry", func(_ *result, at *row) string { return number(medianOf(at.Samples, (*sample).perEntry)) }}
	cpuRange    = measure{"from-to", func(_ *result, at *row) string {
		var all []float64
		for i := range at.Samples {
			all = append(all, at.Samples[i].perEntry())
		}
		return number(slices.Min(all)) + "-" + number(slices.Max(all))
	}}
	cpuPerByte = measure{"ns/body byte", func(r *result, at *row) string {
		perRecord := medianOf(at.Samples, (*sample).perEntry) * float64(r.Entries) / float64(r.Records)
		return number(1000 * perRecord / r.RecordBytes)
	}}
	perCore    = measure{"entries/s/core", func(_ *result, at *row) string { return thousands(medianOf(at.Samples, (*sample).perCore)) }}
	sustained  = measure{"accepted/s", func(_ *result, at *row) string { return thousands(medianOf(at.Samples, (*sample).perSecond)) }}
	collecting = measure{"GC %", func(_ *result, at *row) string { return number(100 * medianOf(at.Samples, (*sample).gcShare)) }}
	allocating = measure{"alloc B/entry", func(_ *result, at *row) string { return thousands(medianOf(at.Samples, (*sample).allocations)) }}
	peakRSS    = measure{"peak RSS MiB", func(_ *result, at *row) string { return thousands(medianOf(at.Samples, (*sample).peakMiB)) }}
	retries    = measure{"retries", func(_ *result, at *row) string {
		return thousands(medianOf(at.Samples, func(s *sample) float64 { return float64(s.Retries) }))
	}}
	// grown is the memory that deliveries have taken, in bodies of those that were
	// under way at the same time.
	grown = measure{"RSS/bodies", func(r *result, at *row) string {
		bodies := r.RecordBytes * float64(r.Load.Records*r.Load.Connections)
		return number(medianOf(at.Samples, func(s *sample) float64 { return (float64(s.PeakRSS) - float64(s.StartRSS)) / bodies }))
	}}
	fromUpstream = measure{"upstream is", func(r *result, at *row) string { return r.ratio(upstreamName, at.Pipeline) }}
	fromFloor    = measure{"of the floor", func(r *result, at *row) string { return r.ratio(at.Pipeline, floorName) }}
)

// measures are those of the table of one load.
var measures = []measure{cpuPerEntry, cpuRange, perCore, sustained, collecting, allocating, peakRSS, fromUpstream, fromFloor}

// table shows what pipelines have cost, the medians of all rounds.
func table(w *workload, r *result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n%s\n", r.Workload, w.about, r.describe())
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "pipeline\t")
	for _, m := range measures {
		fmt.Fprintf(t, "%s\t", m.title)
	}
	fmt.Fprintln(t)
	for i := range r.Rows {
		fmt.Fprintf(t, "%s\t", r.Rows[i].Pipeline)
		for _, m := range measures {
			fmt.Fprintf(t, "%s\t", m.cell(r, &r.Rows[i]))
		}
		fmt.Fprintln(t)
	}
	_ = t.Flush() // A Builder takes everything.
	for i := range r.Rows {
		fmt.Fprintf(&b, "  %s: %s\n", r.Rows[i].Pipeline, r.Rows[i].About)
	}
	return b.String()
}

// describe says what was sent, and what was checked.
func (r *result) describe() string {
	l := &r.Load
	text := fmt.Sprintf("%d deliveries of %d records, %s body bytes per record, %d connections", l.Deliveries, l.Records, thousands(r.RecordBytes), l.Connections)
	if l.Pods > 0 {
		text += fmt.Sprintf(", %d pods", l.Pods)
	}
	if l.Gzip {
		text += ", gzip"
	}
	if l.Rate > 0 {
		text += fmt.Sprintf(", %s records/s", thousands(l.Rate))
	}
	n := len(r.Rows[0].Samples)
	text += fmt.Sprintf("\nmedians of %d rounds of %s entries each, in turn", n, thousands(float64(r.Rows[0].Samples[0].Entries)))
	text += fmt.Sprintf("\nall pipelines stored the same %s entries first: labels, nanosecond times, lines", thousands(float64(r.Rows[0].Stored.Entries)))
	return text + r.exceptions()
}

// disturbing is the share of a core from which on others disturb a measurement.
const disturbing = 0.05

// exceptions says which pipelines have stored something else, and what else is to be
// known of them.
func (r *result) exceptions() string {
	var lines []string
	names := map[string][]string{}
	add := func(name, line string) {
		if len(names[line]) == 0 {
			lines = append(lines, line)
		}
		names[line] = append(names[line], name)
	}
	for i := range r.Rows {
		at := &r.Rows[i]
		if at.Differs != "" {
			add(at.Pipeline, "not compared: "+at.Differs)
		}
		for j := range at.Differences {
			add(at.Pipeline, at.Differences[j].summary())
		}
		if n := medianOf(at.Samples, func(s *sample) float64 { return float64(s.Retries) }); n > 0 {
			add(at.Pipeline, fmt.Sprintf("deliveries had to be sent again, %s times", thousands(n)))
		}
		if medianOf(at.Samples, (*sample).disturbed) > disturbing {
			add(at.Pipeline, "OTHER PROCESSES OF THE MACHINE WERE BUSY MEANWHILE, these figures are worth little")
		}
	}
	text := ""
	for _, line := range lines {
		text += fmt.Sprintf("\n  but %s: %s", strings.Join(names[line], ", "), line)
	}
	return text
}

// ratio returns how many times as much CPU as in the second pipeline an entry costs
// in the first.
func (r *result) ratio(first, second string) string {
	cost := func(name string) (float64, bool) {
		i := slices.IndexFunc(r.Rows, func(at row) bool { return at.Pipeline == name })
		if i < 0 {
			return 0, false
		}
		return medianOf(r.Rows[i].Samples, (*sample).perEntry), true
	}
	a, ok := cost(first)
	b, ok2 := cost(second)
	if !ok || !ok2 {
		return "-"
	}
	return number(a/b) + "x"
}

// number shows a number with the digits that can be trusted.
func number(f float64) string {
	switch {
	case f >= 1000:
		return thousands(f)
	case f < 10:
		return fmt.Sprintf("%.2f", f)
	}
	return fmt.Sprintf("%.1f", f)
}

// thousands shows a whole number with its digits in groups.
func thousands(f float64) string {
	digits := fmt.Sprintf("%.0f", f)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
