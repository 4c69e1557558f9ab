package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/heatmap"
	"github.com/grafana/grafana-foundation-sdk/go/logs"
	"github.com/grafana/grafana-foundation-sdk/go/loki"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// Heights and widths, of which 24 fill a line.
const (
	low, high                   = 4, 8
	sixth, quarter, third, half = 4, 6, 8, 12
	whole                       = 24
)

// about is what all panels have.
type about struct {
	title string
	// answers is the question that the panel answers, and what to do with it.
	answers string
	unit    string
	width   uint32
}

type query = cog.Builder[variants.Dataquery]

// metric is a query of Prometheus.
func metric(expr, legend string) query {
	return prometheus.NewDataqueryBuilder().Expr(expr).LegendFormat(legend).Range().Datasource(prometheusSource)
}

// metricNow is one whose last value is shown.
func metricNow(expr string) query {
	return prometheus.NewDataqueryBuilder().Expr(expr).Instant().Datasource(prometheusSource)
}

// metricBuckets is one for the buckets of a histogram.
func metricBuckets(expr string) query {
	return prometheus.NewDataqueryBuilder().Expr(expr).LegendFormat("{{le}}").Range().Format(prometheus.PromQueryFormatHeatmap).Datasource(prometheusSource)
}

// lines is a query of Loki for numbers over time.
func lines(expr, legend string) query {
	return loki.NewDataqueryBuilder().Expr(expr).LegendFormat(legend).QueryType(string(loki.LokiQueryTypeRange)).Datasource(lokiSource)
}

// linesNow is one for the numbers of the whole time range.
func linesNow(expr, legend string) query {
	return loki.NewDataqueryBuilder().Expr(expr).LegendFormat(legend).QueryType(string(loki.LokiQueryTypeInstant)).Datasource(lokiSource)
}

// mostLines bounds what a panel of log lines asks for: nobody reads more.
const mostLines = 200

// entries is a query of Loki for log lines.
func entries(expr string) query {
	return loki.NewDataqueryBuilder().Expr(expr).MaxLines(mostLines).QueryType(string(loki.LokiQueryTypeRange)).Datasource(lokiSource)
}

// lettered names queries as Grafana does: A, B and so on.
func lettered(queries []query) []query {
	for i, q := range queries {
		letter := string(rune('A' + i))
		switch q := q.(type) {
		case *prometheus.DataqueryBuilder:
			q.RefId(letter)
		case *loki.DataqueryBuilder:
			q.RefId(letter)
		}
	}
	return queries
}

// sourceOf is the data source of a panel's queries: a panel has one.
func sourceOf(queries []query) dashboard.DataSourceRef {
	if _, ok := queries[0].(*loki.DataqueryBuilder); ok {
		return lokiSource
	}
	return prometheusSource
}

// curves is a panel with lines over time.
func curves(a about, queries ...query) *timeseries.PanelBuilder {
	return timeseries.NewPanelBuilder().
		Title(a.title).Description(a.answers).Unit(a.unit).Min(0).
		Span(a.width).Height(high).
		Datasource(sourceOf(queries)).Targets(lettered(queries)).
		FillOpacity(10).
		ShowPoints(common.VisibilityModeNever).
		Legend(common.NewVizLegendOptionsBuilder().
			DisplayMode(common.LegendDisplayModeTable).Placement(common.LegendPlacementBottom).ShowLegend(true).
			Calcs([]string{"lastNotNull", "max"})).
		Tooltip(common.NewVizTooltipOptionsBuilder().
			Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending))
}

// layers is a panel with parts of a whole over time.
func layers(a about, queries ...query) *timeseries.PanelBuilder {
	return curves(a, queries...).FillOpacity(60).LineWidth(0).
		Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal))
}

// shares is one with the parts in percent.
func shares(a about, queries ...query) *timeseries.PanelBuilder {
	return curves(a, queries...).FillOpacity(60).LineWidth(0).
		Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModePercent))
}

// bars is a panel with a number for each span of time, for what is rare.
func bars(a about, queries ...query) *timeseries.PanelBuilder {
	return layers(a, queries...).DrawStyle(common.GraphDrawStyleBars).Decimals(0)
}

// figure is a panel with one number, which is bad from each of the limits on: it
// turns yellow and then red. Without any it is never bad.
func figure(a about, q query, limits ...float64) *stat.PanelBuilder {
	return stat.NewPanelBuilder().
		Title(a.title).Description(a.answers).Unit(a.unit).NoValue("0").
		Span(a.width).Height(low).
		Datasource(sourceOf([]query{q})).Targets(lettered([]query{q})).
		Orientation(common.VizOrientationAuto).
		GraphMode(common.BigValueGraphModeNone).ColorMode(common.BigValueColorModeValue).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"})).
		Thresholds(steps(limits))
}

func steps(limits []float64) *dashboard.ThresholdsConfigBuilder {
	all := []dashboard.Threshold{{Color: "green"}}
	for i, limit := range limits {
		all = append(all, dashboard.Threshold{Value: &limit, Color: []string{"yellow", "red"}[i]})
	}
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(all)
}

// ranking is a panel with the largest of several numbers, the largest first.
func ranking(a about, q query) *bargauge.PanelBuilder {
	return bargauge.NewPanelBuilder().
		Title(a.title).Description(a.answers).Unit(a.unit).Min(0).
		Span(a.width).Height(high).
		Datasource(sourceOf([]query{q})).Targets(lettered([]query{q})).
		Orientation(common.VizOrientationHorizontal).
		DisplayMode(common.BarGaugeDisplayModeBasic).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"})).
		Thresholds(steps(nil))
}

// heat is a panel with the buckets of a histogram over time.
func heat(a about, q query) *heatmap.PanelBuilder {
	return heatmap.NewPanelBuilder().
		Title(a.title).Description(a.answers).
		Span(a.width).Height(high).
		Datasource(sourceOf([]query{q})).Targets(lettered([]query{q})).
		Calculate(false).
		YAxis(heatmap.NewYAxisConfigBuilder().Unit(a.unit)).
		Color(heatmap.NewHeatmapColorOptionsBuilder().
			Mode(heatmap.HeatmapColorModeScheme).Scheme("Oranges").Fill("dark-orange").Exponent(0.5).Steps(64)).
		CellGap(1).Mode(common.TooltipDisplayModeSingle).
		HideYHistogram()
}

// reading is a panel with log lines, the newest first.
func reading(a about, expr string) *logs.PanelBuilder {
	return logs.NewPanelBuilder().
		Title(a.title).Description(a.answers).
		Span(a.width).Height(high).
		Datasource(lokiSource).Targets(lettered([]query{entries(expr)})).
		ShowTime(true).WrapLogMessage(true).EnableLogDetails(true).
		SortOrder(common.LogsSortOrderDescending).
		DedupStrategy(common.LogsDedupStrategyNone)
}
