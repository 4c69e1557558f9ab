package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// column is what a table shows of a pipeline.
type column struct {
	title string
	cell  func(r *result, at *row) string
}

// columns are those of the table of one load.
var columns = []column{
	{"pipeline", func(_ *result, at *row) string { return at.Pipeline }},
	{"CPU µs/entry", func(_ *result, at *row) string { return number(medianOf(at.Samples, (*sample).perEntry)) }},
	{"from-to", func(_ *result, at *row) string {
		var all []float64
		for i := range at.Samples {
			all = append(all, at.Samples[i].perEntry())
		}
		return number(slices.Min(all)) + "-" + number(slices.Max(all))
	}},
	{"entries/s/core", func(_ *result, at *row) string { return thousands(medianOf(at.Samples, (*sample).perCore)) }},
	{"GC %", func(_ *result, at *row) string { return number(100 * medianOf(at.Samples, (*sample).gcShare)) }},
	{"alloc B/entry", func(_ *result, at *row) string { return thousands(medianOf(at.Samples, (*sample).allocations)) }},
	{"peak RSS MiB", func(_ *result, at *row) string { return thousands(medianOf(at.Samples, (*sample).peakMiB)) }},
	{"upstream is", func(r *result, at *row) string { return r.ratio(upstreamName, at) }},
	{"of the floor", func(r *result, at *row) string { return r.floors(at) }},
}

// table shows what pipelines have cost, the medians of all rounds.
func table(w *workload, r *result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n%s\n", r.Workload, w.about, r.describe())
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	for i := range columns {
		fmt.Fprintf(t, "%s\t", columns[i].title)
	}
	fmt.Fprintln(t)
	for i := range r.Rows {
		for j := range columns {
			fmt.Fprintf(t, "%s\t", columns[j].cell(r, &r.Rows[i]))
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
	return text + fmt.Sprintf("\nall pipelines stored the same %s entries first: labels, nanosecond times, lines", thousands(float64(r.Rows[0].stored.Entries)))
}

// ratio returns how many times as much CPU an entry costs in the named pipeline.
func (r *result) ratio(name string, at *row) string {
	i := slices.IndexFunc(r.Rows, func(other row) bool { return other.Pipeline == name })
	if i < 0 {
		return "-"
	}
	return number(medianOf(r.Rows[i].Samples, (*sample).perEntry)/medianOf(at.Samples, (*sample).perEntry)) + "x"
}

// floors returns how many times as much CPU an entry costs as in the floor.
func (r *result) floors(at *row) string {
	i := slices.IndexFunc(r.Rows, func(other row) bool { return other.Pipeline == floorName })
	if i < 0 {
		return "-"
	}
	return number(medianOf(at.Samples, (*sample).perEntry)/medianOf(r.Rows[i].Samples, (*sample).perEntry)) + "x"
}

// number shows a number with the digits that can be trusted.
func number(f float64) string {
	if f < 10 {
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
