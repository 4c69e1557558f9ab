package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/spf13/pflag"

	"github.com/grafana/alloy/eks/internal/standin"
)

// progressInterval is how often the progress line changes.
const progressInterval = 500 * time.Millisecond

// showProgress keeps a line about the stream on w if that is a terminal. The
// returned function removes the line and returns when nothing more is written.
func showProgress(w io.Writer, stream *standin.Stream) (stop func()) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return func() {}
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(progressInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				fmt.Fprint(w, "\r\x1b[K", progressLine(stream.Summary()))
			case <-end:
				fmt.Fprint(w, "\r\x1b[K")
				return
			}
		}
	}()
	return func() {
		close(end)
		<-ended
	}
}

func progressLine(s standin.Summary) string {
	return fmt.Sprintf("%d deliveries, %d records, %s, %.0f records/s, %d retries, %d not accepted",
		s.Deliveries, s.Records, size(s.RawBytes), s.RecordsPerSecond, s.Attempts-s.Deliveries, s.Deliveries-s.Outcomes[standin.Accepted])
}

// summaryForm is how a command prints its summary.
type summaryForm struct {
	json  bool
	quiet bool
}

func (f *summaryForm) register(flags *pflag.FlagSet) {
	flags.BoolVar(&f.json, "json", false, "print the summary as JSON")
	flags.BoolVar(&f.quiet, "quiet", false, "print neither progress nor summary")
}

// print writes a summary, or its rows for people.
func (f *summaryForm) print(w io.Writer, summary any, rows []summaryRow) error {
	switch {
	case f.json:
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(summary)
	case f.quiet:
		return nil
	default:
		return printRows(w, rows)
	}
}

// printRows writes rows in columns.
func printRows(w io.Writer, rows []summaryRow) error {
	longest := 0
	for _, row := range rows {
		longest = max(longest, len(row.name))
	}
	for _, row := range rows {
		line := fmt.Sprintf("%-*s%13v%13v", longest, row.name, row.value, row.more)
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " ")); err != nil {
			return fmt.Errorf("cannot print summary: %w", err)
		}
	}
	return nil
}

// summaryRow is a line of the printed summary.
type summaryRow struct {
	name        string
	value, more any
}

// summaryOutcomes are the outcomes in the order and words of the summary.
var summaryOutcomes = []struct {
	name    string
	outcome standin.Outcome
}{
	{"accepted", standin.Accepted},
	{"backed up", standin.BackedUp},
	{"failed, no backup", standin.Failed},
	{"discarded after 413", standin.Discarded},
	{"aborted", standin.Aborted},
}

func summaryRows(s standin.Summary) []summaryRow {
	rows := []summaryRow{{"", "deliveries", "records"}, {"sent", s.Deliveries, s.Records}}
	for _, o := range summaryOutcomes {
		if n := s.Outcomes[o.outcome]; n > 0 || o.outcome == standin.Accepted {
			rows = append(rows, summaryRow{o.name, n, s.RecordOutcomes[o.outcome]})
		}
	}
	rows = append(rows, summaryRow{"attempts", s.Attempts, ""})
	for _, status := range slices.Sorted(maps.Keys(s.Statuses)) {
		rows = append(rows, summaryRow{fmt.Sprintf("answered %d", status), s.Statuses[status], ""})
	}
	for _, code := range slices.Sorted(maps.Keys(s.Errors)) {
		rows = append(rows, summaryRow{string(code), s.Errors[code], ""})
	}
	rows = append(rows,
		summaryRow{"data", size(s.RawBytes), ""},
		summaryRow{"bodies", size(s.WireBytes), ""},
		summaryRow{"elapsed", fmt.Sprintf("%.3f s", s.Elapsed), fmt.Sprintf("%.0f/s", s.RecordsPerSecond)})
	if s.Statuses[200] > 0 {
		rows = append(rows,
			summaryRow{"latency p50", milliseconds(s.Latency.P50), ""},
			summaryRow{"latency p99", milliseconds(s.Latency.P99), ""},
			summaryRow{"latency max", milliseconds(s.Latency.Max), ""})
	}
	return rows
}

func milliseconds(ms float64) string { return fmt.Sprintf("%.3g ms", ms) }

// size returns a number of bytes with a unit of thousands.
func size(n int64) string {
	value, unit := float64(n), "B"
	for _, next := range []string{"kB", "MB", "GB", "TB"} {
		if value < 1000 {
			break
		}
		value, unit = value/1000, next
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}
