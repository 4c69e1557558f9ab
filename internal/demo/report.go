package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/grafana/alloy/eks/internal/timestamp"
)

// page prints for a reader whose terminal has that width.
type page struct {
	io.Writer
	width int
}

func (p page) printf(format string, args ...any) { fmt.Fprintf(p, format, args...) }

// heading begins a part of the report.
func (p page) heading(text string) {
	p.printf("\n%s\n%s\n", text, strings.Repeat("─", utf8.RuneCountInString(text)))
}

// row prints a value behind its name, cut to the width of the page.
func (p page) row(name, value string) {
	const indent, nameWidth = 3, 8
	p.printf("%*s%-*s %s\n", indent, "", nameWidth, name, clip(value, p.width-indent-nameWidth-1))
}

// clip returns the beginning of a text as one line of at most width columns, and
// the size of what is longer.
func clip(text string, width int) string {
	oneLine := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	if utf8.RuneCountInString(oneLine) <= width {
		return oneLine
	}
	size := fmt.Sprintf("… (%d bytes)", len(text))
	return string([]rune(oneLine)[:max(0, width-utf8.RuneCountInString(size))]) + size
}

// introduce says what has been done.
func (p page) introduce(a *alloy, to destination, outcomes []*outcome) {
	records := 0
	for _, o := range outcomes {
		records += o.sent.Records
	}
	p.printf("Alloy ran %s and took %d records on\n%s, delivered as Firehose does: %d captures of Fluent Bit.\n",
		exampleConfig, records, a.endpoint, len(outcomes))
	if _, ok := to.(*loki); ok {
		p.printf("Its loki.write sent the entries to a real Loki, %s.\n", to.pushURL())
		return
	}
	p.printf("Its loki.write sent the entries to this program; with LOKI=1 they go to a real Loki.\n")
}

// showTelling prints the telling entries.
func (p page) showTelling(root string, outcomes []*outcome) error {
	total := 0
	byName := map[string]*outcome{}
	for _, o := range outcomes {
		byName[o.name] = o
		total += len(o.entries)
	}
	p.heading(fmt.Sprintf("%d of %d entries", len(telling), total))
	for _, t := range telling {
		o := byName[t.capture]
		e, ok := o.find(t.text)
		if !ok {
			return fmt.Errorf("%w: no entry of capture %s has the text %q", errFigures, t.capture, t.text)
		}
		rec, err := o.findRecord(root, t.text)
		if err != nil {
			return err
		}
		p.show(t.about, t.capture, rec, e, o.arrived)
	}
	return nil
}

// show prints an entry below the record that it comes from.
func (p page) show(about, capture, rec string, e entry, arrived time.Time) {
	at := time.Unix(0, e.Nanos).UTC()
	p.printf("\n%s (%s)\n", about, capture)
	p.row("record", rec)
	p.row("line", e.Line)
	p.row("time", fmt.Sprintf("%s from %s", at.Format(time.RFC3339Nano), sourceOf(&e)))
	p.row("arrived", fmt.Sprintf("%s, %s later", arrived.UTC().Format("2006-01-02T15:04:05.000Z"), age(arrived.Sub(at))))
	p.row("labels", pairs(e.Labels, captureLabel))
	p.row("metadata", pairs(e.Metadata, "image", "timestamp_source", "detected_level"))
}

// pairs writes labels in the order of their names, but for some.
func pairs(labels map[string]string, without ...string) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if !slices.Contains(without, name) {
			list = append(list, fmt.Sprintf("%s=%q", name, labels[name]))
		}
	}
	return strings.Join(list, " ")
}

// age writes a duration as people say it.
func age(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day:
		return fmt.Sprintf("%d days", d/day)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// table prints a row for each capture.
func (p page) table(outcomes []*outcome) {
	p.heading("All entries")
	p.printf("\n")
	sources := []timestamp.Source{timestamp.CRI, timestamp.Record, timestamp.Line, timestamp.CloudWatch, timestamp.Firehose}
	w := tabwriter.NewWriter(p, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "records\tentries\tjoined\tflawed\t")
	for _, s := range sources {
		fmt.Fprintf(w, "%s\t", s)
	}
	fmt.Fprint(w, "exact times\tdelay\t  capture\n")
	for _, o := range outcomes {
		fmt.Fprintf(w, "%d\t%d\t%d\t%d\t", o.sent.Records, len(o.entries), o.counted.joined, o.counted.flawed)
		bySource := o.sources()
		for _, s := range sources {
			fmt.Fprintf(w, "%d\t", bySource[s])
		}
		fmt.Fprintf(w, "%d of %d\t%s\t  %s: %s\n", o.match.TimeExact, o.lines, age(o.delay()), o.name, o.about)
	}
	_ = w.Flush()
	p.printf(`
joined       lines put together from fragments of 16 KiB
flawed       entries with the raw record, because it could not be read
cri ... firehose   what gave entries their time: the container runtime, a key of the
             record, the line's own text, CloudWatch Logs, or else the delivery
exact times  lines whose entry has the nanosecond of the log file that Fluent Bit read
delay        from the entry's time to the arrival, the median
`)
}
