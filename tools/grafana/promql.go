package main

import (
	"fmt"
	"strings"
)

// source is what the names of the metrics of the components that take deliveries
// begin with. Both have the same metrics, but for the last words of their work, and
// their series differ in component_id.
const source = "(awsfirehose_kubernetes|cloudwatch_eks_controlplane)"

// selection is what the variables of the dashboard leave of a metric.
const selection = `cluster=~"$cluster", namespace=~"$namespace", component_id=~"$component"`

// selected is a metric with the selection, and with more matchers.
func selected(metric string, matchers ...string) string {
	return fmt.Sprintf("%s{%s}", metric, strings.Join(append([]string{selection}, matchers...), ", "))
}

// values is a gauge that both components have.
func values(gauge string, matchers ...string) string {
	return selected("", append([]string{fmt.Sprintf(`__name__=~"%s_%s"`, source, gauge)}, matchers...)...)
}

// rate is the rate per second of a counter.
func rate(counter string, matchers ...string) string {
	return perInterval(selected(counter, matchers...))
}

// rates is the rate of a counter that both components have.
func rates(counter string, matchers ...string) string {
	return perInterval(values(counter, matchers...))
}

func perInterval(selector string) string { return fmt.Sprintf("rate(%s[$__rate_interval])", selector) }

// sum adds up by labels.
func sum(expr string, by ...string) string {
	if len(by) == 0 {
		return fmt.Sprintf("sum(%s)", expr)
	}
	return fmt.Sprintf("sum by (%s) (%s)", strings.Join(by, ", "), expr)
}

// share is the share of one sum in another, 0 when there is nothing of the first.
func share(part, all string) string {
	return fmt.Sprintf("(sum(%s) or vector(0)) / sum(%s)", part, all)
}

// quantile is that of the rates of a histogram's buckets.
func quantile(q float64, buckets string) string {
	return fmt.Sprintf("histogram_quantile(%v, sum by (le) (%s))", q, buckets)
}

// quantiles are the queries for the usual three.
func quantiles(buckets string) []query {
	return []query{
		metric(quantile(0.5, buckets), "median"),
		metric(quantile(0.9, buckets), "90 %"),
		metric(quantile(0.99, buckets), "99 %"),
	}
}
