// Package metrictraffic writes records as CloudWatch metric streams do, in all of
// their output formats, for tests that know what is in them.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-metric-streams-formats.html
package metrictraffic

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// StreamName is the name of the metric stream that the records come from.
const StreamName = "MetricsOfTests"

// Datum is what CloudWatch knows of one metric in one period.
type Datum struct {
	Account, Region, Namespace, Name string

	Dimensions map[string]string
	// Time is the timestamp in JSON, and the end of a period of a minute in
	// OpenTelemetry. Milliseconds of it count.
	Time time.Time
	Unit string

	Min, Max, Sum, Count float64
	// Percentiles are further statistics, 99.9 for p99.9.
	Percentiles map[float64]float64
}

// Format is an output format: it returns a record with the data.
type Format func(data ...Datum) []byte

// Formats returns all output formats by the names that AWS has for them.
func Formats() map[string]Format {
	return map[string]Format{"json": JSON, "opentelemetry1.0": OpenTelemetry1, "opentelemetry0.7": OpenTelemetry07}
}

// JSON returns a record in which each datum is a line.
func JSON(data ...Datum) []byte {
	var out bytes.Buffer
	for _, d := range data {
		value := map[string]float64{"max": d.Max, "min": d.Min, "sum": d.Sum, "count": d.Count}
		for p, v := range d.Percentiles {
			value["p"+strconv.FormatFloat(p, 'f', -1, 64)] = v
		}
		line, err := json.Marshal(struct {
			Stream     string             `json:"metric_stream_name"`
			Account    string             `json:"account_id"`
			Region     string             `json:"region"`
			Namespace  string             `json:"namespace"`
			Name       string             `json:"metric_name"`
			Dimensions map[string]string  `json:"dimensions"`
			Timestamp  int64              `json:"timestamp"`
			Value      map[string]float64 `json:"value"`
			Unit       string             `json:"unit"`
		}{StreamName, d.Account, d.Region, d.Namespace, d.Name, d.Dimensions, d.Time.UnixMilli(), value, d.Unit})
		if err != nil {
			panic(fmt.Sprintf("BUG: a datum of tests has a number that JSON has not: %s", err))
		}
		out.Write(line)
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// OpenTelemetry1 returns a record of messages of version 1.0.0, one for each datum.
func OpenTelemetry1(data ...Datum) []byte {
	return openTelemetry(data, func(p *metrics.SummaryDataPoint, d *Datum) {
		p.Attributes = []*common.KeyValue{text("Namespace", d.Namespace), text("MetricName", d.Name)}
		if len(d.Dimensions) == 0 {
			return
		}
		list := &common.KeyValueList{}
		for _, name := range slices.Sorted(maps.Keys(d.Dimensions)) {
			list.Values = append(list.Values, text(name, d.Dimensions[name]))
		}
		p.Attributes = append(p.Attributes, &common.KeyValue{
			Key: "Dimensions", Value: &common.AnyValue{Value: &common.AnyValue_KvlistValue{KvlistValue: list}},
		})
	})
}

// OpenTelemetry07 returns a record of messages of version 0.7.0, one for each
// datum. Its labels are a field that later versions have given up.
func OpenTelemetry07(data ...Datum) []byte {
	return openTelemetry(data, func(p *metrics.SummaryDataPoint, d *Datum) {
		var labels []byte
		add := func(key, value string) {
			pair := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), key)
			pair = protowire.AppendString(protowire.AppendTag(pair, 2, protowire.BytesType), value)
			labels = protowire.AppendBytes(protowire.AppendTag(labels, 1, protowire.BytesType), pair)
		}
		add("Namespace", d.Namespace)
		add("MetricName", d.Name)
		for _, name := range slices.Sorted(maps.Keys(d.Dimensions)) {
			add(name, d.Dimensions[name])
		}
		p.ProtoReflect().SetUnknown(labels)
	})
}

func openTelemetry(data []Datum, describe func(*metrics.SummaryDataPoint, *Datum)) []byte {
	var out []byte
	for i := range data {
		d := &data[i]
		p := &metrics.SummaryDataPoint{
			StartTimeUnixNano: uint64(d.Time.Add(-time.Minute).UnixNano()), TimeUnixNano: uint64(d.Time.UnixNano()),
			Count: uint64(d.Count), Sum: d.Sum, QuantileValues: d.quantiles(),
		}
		describe(p, d)
		message, err := proto.MarshalOptions{Deterministic: true}.Marshal(&collector.ExportMetricsServiceRequest{
			ResourceMetrics: []*metrics.ResourceMetrics{{
				Resource: &resource.Resource{Attributes: []*common.KeyValue{
					text("cloud.provider", "aws"), text("cloud.account.id", d.Account), text("cloud.region", d.Region),
					text("aws.exporter.arn", "arn:aws:cloudwatch:"+d.Region+":"+d.Account+":metric-stream/"+StreamName),
				}},
				ScopeMetrics: []*metrics.ScopeMetrics{{Metrics: []*metrics.Metric{{
					Name: "amazonaws.com/" + d.Namespace + "/" + d.Name, Unit: d.Unit,
					Data: &metrics.Metric_Summary{Summary: &metrics.Summary{DataPoints: []*metrics.SummaryDataPoint{p}}},
				}}}},
			}},
		})
		if err != nil {
			panic(fmt.Sprintf("BUG: a datum of tests has a text that is no UTF-8: %s", err))
		}
		out = append(protowire.AppendVarint(out, uint64(len(message))), message...)
	}
	return out
}

func (d *Datum) quantiles() []*metrics.SummaryDataPoint_ValueAtQuantile {
	out := []*metrics.SummaryDataPoint_ValueAtQuantile{{Quantile: 0, Value: d.Min}}
	for _, p := range slices.Sorted(maps.Keys(d.Percentiles)) {
		out = append(out, &metrics.SummaryDataPoint_ValueAtQuantile{Quantile: p / 100, Value: d.Percentiles[p]})
	}
	return append(out, &metrics.SummaryDataPoint_ValueAtQuantile{Quantile: 1, Value: d.Max})
}

func text(key, value string) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: value}}}
}
