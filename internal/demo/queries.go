package main

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// counting are the queries for numbers. They ask for the minutes in which the
// lines of the captures were written.
var counting = []struct{ about, logQL string }{
	{"Lines by namespace, a label", `sum by (namespace) (count_over_time({cluster="demo", capture="fargate-default"}[5m]))`},
	{"Lines per second by level, structured metadata", `sum by (level) (rate({cluster="demo", capture="fargate-default"} | level=~"warn|error|fatal" [5m]))`},
	{"Entries by what gave them their time", `sum by (timestamp_source) (count_over_time({cluster="demo"}[5m]))`},
}

// oneLine is the query for the line that is shown with its time.
const oneLine = `{app="checkout", capture="fargate-default"} | level="error"`

// queryLoki asks Loki about the entries, and delivers everything once more. It
// returns what is not as it must be.
func (p page) queryLoki(ctx context.Context, a *alloy, l *loki, deliveries []*delivery, outcomes []*outcome) ([]string, error) {
	p.heading("Loki, asked with LogQL")
	var problems []string
	for _, q := range counting {
		results, err := l.query(ctx, "query", q.logQL, url.Values{"time": {newest.Format(time.RFC3339)}})
		if err != nil {
			return nil, err
		}
		if len(results) == 0 {
			problems = append(problems, "Loki finds nothing for "+q.logQL)
		}
		p.printf("\n%s\n   %s\n", q.about, q.logQL)
		p.numbers(results)
	}
	lines, err := l.lines(ctx, oneLine, 1)
	if err != nil {
		return nil, err
	}
	if len(lines) == 0 {
		problems = append(problems, "Loki finds nothing for "+oneLine)
	}
	p.printf("\nThe first error of an app, with its time\n   %s\n", oneLine)
	for _, e := range lines {
		at := time.Unix(0, e.Nanos).UTC().Format(time.RFC3339Nano)
		p.printf("   %s  %s\n", at, clip(e.Line, p.width-len(at)-len("     ")))
	}
	more, err := p.deliverAgain(ctx, a, l, deliveries, outcomes)
	return append(problems, more...), err
}

// numbers prints what a query for numbers has found.
func (p page) numbers(results []result) {
	var rows []string
	for _, r := range results {
		rows = append(rows, fmt.Sprintf("   %8s  %s\n", r.number(), cmp.Or(pairs(r.Metric), "without")))
	}
	slices.Sort(rows)
	p.printf("%s", strings.Join(rows, ""))
}

// number returns the number of a result with four digits at most.
func (r result) number() string {
	if len(r.Value) != 2 {
		return "none"
	}
	text := fmt.Sprint(r.Value[1])
	if n, err := strconv.ParseFloat(text, 64); err == nil && strings.Contains(text, ".") {
		return strconv.FormatFloat(n, 'f', 4, 64)
	}
	return text
}

// deliverAgain posts the same deliveries as before, as Firehose does when an
// answer was lost on its way.
func (p page) deliverAgain(ctx context.Context, a *alloy, l *loki, deliveries []*delivery, outcomes []*outcome) ([]string, error) {
	again, err := deliver(ctx, a, deliveries, l)
	if err != nil {
		return nil, err
	}
	var problems []string
	before, after := 0, 0
	for i, o := range outcomes {
		before += len(o.entries)
		after += len(again[i].entries)
		if len(again[i].entries) != len(o.entries) {
			problems = append(problems, fmt.Sprintf("%s: %d entries were stored, and after the same deliveries again %d",
				o.name, len(o.entries), len(again[i].entries)))
		}
	}
	p.printf("\nThe same deliveries again, as after an answer that was lost: %d entries in Loki before, %d after.\n", before, after)
	return problems, nil
}
