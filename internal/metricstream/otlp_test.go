package metricstream

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/grafana/alloy/eks/internal/metrictraffic"
)

// moment is when the data of these tests are measured.
var moment = time.Date(2026, time.August, 20, 10, 1, 0, 123e6, time.UTC)

// traffic is data of all shapes.
var traffic = []metrictraffic.Datum{
	{
		Account: "111122223333", Region: "eu-west-1", Namespace: "AWS/EC2", Name: "CPUUtilization", Unit: "Percent",
		Dimensions: map[string]string{"InstanceId": "i-0a1b2c3d"}, Time: moment,
		Min: 0.25, Max: 61.5, Sum: 120, Count: 5,
	},
	{
		Account: "444455556666", Region: "us-east-1", Namespace: "AWS/ApplicationELB", Name: "TargetResponseTime", Unit: "Seconds",
		Dimensions: map[string]string{"TargetGroup": "targetgroup/web/5a6b", "LoadBalancer": "app/shop/1c2d"}, Time: moment.Add(time.Minute),
		Min: 0.0125, Max: 1.75, Sum: 31.2, Count: 240, Percentiles: map[float64]float64{50: 0.09, 99: 1.2, 99.9: 1.7, 57: 0.1, 99.99: 1.74},
	},
	{Account: "1", Region: "r", Namespace: "AWS/Billing", Name: "EstimatedCharges", Time: moment, Min: 12.5, Max: 12.5, Sum: 12.5, Count: 1},
	{Account: "1", Region: "r", Namespace: "AWS/EC2", Name: "DiskReadOps", Time: moment},
}

// All formats of the same data are the same samples.
func TestFormats_Agree(t *testing.T) {
	sorted := func(rec []byte) []string {
		lines := strings.SplitAfter(render(t, rec), "\n")
		slices.Sort(lines)
		return lines
	}
	want := sorted(metrictraffic.JSON(traffic...))
	require.Len(t, want, 5+10+5+4+1)
	for name, format := range metrictraffic.Formats() {
		require.Equal(t, want, sorted(format(traffic...)), name)
	}
}

func TestParser_Format(t *testing.T) {
	f := func(rec []byte, want Format) {
		t.Helper()
		var p Parser
		p.Reset(rec)
		require.Equal(t, want, p.Format())
	}
	f(metrictraffic.JSON(traffic...), FormatJSON)
	f(metrictraffic.OpenTelemetry1(traffic...), FormatOpenTelemetry)
	f(metrictraffic.OpenTelemetry07(traffic...), FormatOpenTelemetry)
	f([]byte(" \n\t{}"), FormatJSON)
	f([]byte(" \n"), FormatJSON)
	// An open brace is a size too, and what follows it, a field's tag or a line feed.
	f([]byte("{\n\"namespace\":\"A\",\"metric_name\":\"b\",\"timestamp\":1,\"value\":{\"sum\":1}}"), FormatJSON)
	f(braceFrame(t), FormatOpenTelemetry)
}

// braceFrame returns a record that begins with an open brace and a line feed.
func braceFrame(t *testing.T) []byte {
	t.Helper()
	for n := range 100 {
		d := metrictraffic.Datum{Namespace: strings.Repeat("n", n), Time: moment}
		if rec := metrictraffic.OpenTelemetry1(d); len(rec) == 1+123+64 || rec[0] == '{' {
			return rec
		}
	}
	// The smallest message of a datum is longer than that: one without data does.
	rec := []byte{'{', 10, 121}
	return append(append(rec, 26, 119), make([]byte, 119)...)
}

// message returns a record with the message that is written as text.
func message(t testing.TB, text string) []byte {
	t.Helper()
	var request collector.ExportMetricsServiceRequest
	require.NoError(t, prototext.Unmarshal([]byte(text), &request))
	return frame(t, &request)
}

func frame(t testing.TB, request proto.Message) []byte {
	t.Helper()
	packed, err := proto.MarshalOptions{Deterministic: true}.Marshal(request)
	require.NoError(t, err)
	return append(protowire.AppendVarint(nil, uint64(len(packed))), packed...)
}

const (
	namespaceText = `attributes { key: "Namespace" value { string_value: "AWS/EC2" } }`
	nameText      = `attributes { key: "MetricName" value { string_value: "X" } }`
	timeText      = `time_unix_nano: 1787220060123999999 `
)

// point returns a record with one data point that has namespace, name, time, and
// what else is given.
func point(t testing.TB, text string) []byte {
	t.Helper()
	return message(t, `resource_metrics { scope_metrics { metrics { summary { data_points { `+
		namespaceText+nameText+timeText+text+` } } } } }`)
}

func TestParser_OTLP_Success(t *testing.T) {
	f := func(rec []byte, want ...string) {
		t.Helper()
		require.Equal(t, strings.Join(want, "\n")+"\n", render(t, rec))
	}
	const at = " 2026-08-20T10:01:00.123Z"
	zero := []string{
		`{__name__="aws_ec2_x_sample_count", job="job"} 0` + at,
		`{__name__="aws_ec2_x_sum", job="job"} 0` + at,
	}
	// What is 0 is not written.
	f(point(t, ``), zero...)
	f(point(t, `quantile_values { } quantile_values { quantile: 1 }`), append(slices.Clone(zero),
		`{__name__="aws_ec2_x_minimum", job="job"} 0`+at, `{__name__="aws_ec2_x_maximum", job="job"} 0`+at)...)
	f(point(t, `quantile_values { quantile: 0.00001 value: 7 }`), append(slices.Clone(zero),
		`{__name__="aws_ec2_x_p0_001", job="job"} 7`+at)...)
	f(point(t, `sum: inf count: 2`),
		`{__name__="aws_ec2_x_sample_count", job="job"} 2`+at, `{__name__="aws_ec2_x_sum", job="job"} +Inf`+at,
		`{__name__="aws_ec2_x_average", job="job"} +Inf`+at)
	// Attributes that nobody knows say nothing.
	f(point(t, `attributes { key: "Stage" value { int_value: 7 } } attributes { } flags: 1`), zero...)
	f(point(t, `attributes { key: "Dimensions" value { kvlist_value { } } }`), zero...)
	// Many points of a metric, metrics, scopes, resources and messages.
	tree := `resource_metrics { scope_metrics { metrics { summary {
			data_points { ` + namespaceText + nameText + timeText + ` }
			data_points { ` + namespaceText + nameText + timeText + ` } } }
		metrics { name: "nothing" } metrics { summary { data_points { ` + namespaceText + nameText + timeText + ` } } } }
		scope_metrics { metrics { summary { data_points { ` + namespaceText + nameText + timeText + ` } } } } }
	resource_metrics { }
	resource_metrics { scope_metrics { metrics { summary { data_points { ` + namespaceText + nameText + timeText + ` } } } } }`
	f(append(message(t, tree), append([]byte{0}, message(t, tree)...)...), slices.Repeat(zero, 10)...)
	// A resource is for its own metrics.
	f(message(t, `resource_metrics { resource { attributes { key: "cloud.account.id" value { string_value: "1" } } }
			scope_metrics { metrics { summary { data_points { `+namespaceText+nameText+timeText+` } } } } }
		resource_metrics { scope_metrics { metrics { summary { data_points { `+namespaceText+nameText+timeText+` } } } } }`),
		`{__name__="aws_ec2_x_sample_count", account_id="1", job="job"} 0`+at,
		`{__name__="aws_ec2_x_sum", account_id="1", job="job"} 0`+at, zero[0], zero[1])
}

// A resource that stands behind its metrics is theirs too.
func TestParser_OTLP_ResourceLast(t *testing.T) {
	d := metrictraffic.Datum{Account: "1", Region: "r", Namespace: "A", Name: "b", Time: moment}
	_, n := protowire.ConsumeVarint(metrictraffic.OpenTelemetry1(d))
	var request collector.ExportMetricsServiceRequest
	require.NoError(t, proto.Unmarshal(metrictraffic.OpenTelemetry1(d)[n:], &request))
	part := func(m *metrics.ResourceMetrics) []byte {
		packed, err := proto.Marshal(m)
		require.NoError(t, err)
		return packed
	}
	turned := append(part(&metrics.ResourceMetrics{ScopeMetrics: request.ResourceMetrics[0].ScopeMetrics}),
		part(&metrics.ResourceMetrics{Resource: request.ResourceMetrics[0].Resource})...)
	packed := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), turned)
	require.Equal(t, render(t, metrictraffic.OpenTelemetry1(d)), render(t, protowire.AppendBytes(nil, packed)))
}

func TestParser_OTLP_Failure(t *testing.T) {
	f := func(rec []byte, want ...Flaw) {
		t.Helper()
		var p Parser
		var got []Flaw
		p.Reset(rec)
		for p.Next() {
			got = append(got, p.Flaw())
			if p.Flaw() != "" {
				require.NotEmpty(t, p.Part())
			}
		}
		require.Equal(t, want, got)
	}
	whole := func(text string) []byte {
		return message(t, `resource_metrics { scope_metrics { metrics { summary { data_points { `+text+` } } } } }`)
	}
	f(whole(nameText+timeText), FlawDatum)
	f(whole(namespaceText+timeText), FlawDatum)
	f(whole(namespaceText+nameText), FlawDatum)
	f(whole(``+`flags: 1`), FlawDatum)
	f(point(t, `sum: nan`), FlawDatum)
	f(point(t, `quantile_values { quantile: 1.5 }`), FlawDatum)
	f(point(t, `quantile_values { quantile: nan }`), FlawDatum)
	f(point(t, `attributes { key: "Namespace" value { int_value: 7 } }`), FlawDatum)
	f(point(t, `attributes { key: "Dimensions" value { string_value: "InstanceId=i-1" } }`), FlawDatum)
	f(point(t, `attributes { key: "Dimensions" value { kvlist_value { values { key: "a" value { int_value: 1 } } } } }`), FlawDatum)
	f(message(t, `resource_metrics { scope_metrics { metrics { gauge { } } metrics { sum { } } metrics { histogram { } }
		metrics { exponential_histogram { } } } }`), FlawKind, FlawKind, FlawKind, FlawKind)

	many := ""
	for i := range maxStatistics {
		many += fmt.Sprintf(`quantile_values { quantile: %g } `, float64(i+1)/1000)
	}
	f(point(t, many), FlawDatum)
	many = ""
	for i := range maxDimensions + 1 {
		many += fmt.Sprintf(`values { key: "d%d" value { string_value: "x" } } `, i)
	}
	f(point(t, `attributes { key: "Dimensions" value { kvlist_value { `+many+` } } }`), FlawDatum)

	// Damage costs what it touches.
	good := point(t, ``)
	f(append(slices.Clone(good), good[:len(good)-1]...), "", FlawProtobuf)
	f(good[:len(good)-1], FlawFormat)
	f([]byte{0x80}, FlawFormat)
	f([]byte("a line of a log"), FlawFormat)
	f(slices.Concat(good, []byte{0xff}, good), "", FlawProtobuf)
	damaged := func(nesting ...protowire.Number) []byte {
		inner := []byte{0x0a, 0x7f} // A field that ends behind its message.
		for _, num := range slices.Backward(nesting) {
			inner = protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), inner)
		}
		return slices.Concat(protowire.AppendBytes(nil, inner), good)
	}
	f(damaged(requestResourceMetrics), FlawProtobuf, "")
	f(damaged(requestResourceMetrics, resourceMetricsResource), FlawProtobuf, "")
	f(damaged(requestResourceMetrics, resourceMetricsResource, resourceAttributes), FlawProtobuf, "")
	f(damaged(requestResourceMetrics, resourceMetricsResource, resourceAttributes, pairValue), FlawProtobuf, "")
	f(damaged(requestResourceMetrics, resourceMetricsScopes), FlawProtobuf, "")
	f(damaged(requestResourceMetrics, resourceMetricsScopes, scopeMetrics), FlawProtobuf, "")
	f(damaged(requestResourceMetrics, resourceMetricsScopes, scopeMetrics, metricSummary), FlawProtobuf, "")
	f(damaged(requestResourceMetrics, resourceMetricsScopes, scopeMetrics, metricSummary, summaryDataPoints), FlawProtobuf, "")
	f(damaged(requestResourceMetrics, resourceMetricsScopes, scopeMetrics, metricSummary, summaryDataPoints, pointLabels), FlawDatum, "")
	f(damaged(requestResourceMetrics, resourceMetricsScopes, scopeMetrics, metricSummary, summaryDataPoints, pointQuantiles), FlawDatum, "")
	f(damaged(requestResourceMetrics, resourceMetricsScopes, scopeMetrics, metricSummary, summaryDataPoints, pointAttributes), FlawDatum, "")
}

// oracle returns the data of messages as the real decoder of OpenTelemetry reads
// them; ok is false when it refuses one.
func oracle(rec []byte) (data []string, requests []*collector.ExportMetricsServiceRequest, ok bool) {
	for len(rec) > 0 {
		packed, n := protowire.ConsumeBytes(rec)
		if n < 0 {
			return nil, nil, false
		}
		request := &collector.ExportMetricsServiceRequest{}
		if (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(packed, request) != nil {
			return nil, nil, false
		}
		requests = append(requests, request)
		for _, rm := range request.ResourceMetrics {
			for _, sm := range rm.ScopeMetrics {
				for _, m := range sm.Metrics {
					for _, p := range m.GetSummary().GetDataPoints() {
						if d, ok := oracleDatum(rm.Resource, p); ok {
							data = append(data, d)
						}
					}
				}
			}
		}
		rec = rec[n:]
	}
	return data, requests, true
}

func oracleDatum(r *resource.Resource, p *metrics.SummaryDataPoint) (string, bool) {
	attribute := func(list []*common.KeyValue, key string) string {
		value := ""
		for _, a := range list {
			if a.Key == key {
				value = a.Value.GetStringValue()
			}
		}
		return value
	}
	statistics := map[string]float64{"SampleCount": float64(p.Count), "Sum": p.Sum}
	for _, q := range p.QuantileValues {
		switch {
		case q.Quantile == 0:
			statistics["Minimum"] = q.Value
		case q.Quantile == 1:
			statistics["Maximum"] = q.Value
		case q.Quantile > 0 && q.Quantile < 1:
			var parser Parser
			statistics[string(parser.percentile(q.Quantile))] = q.Value
		default:
			return "", false
		}
	}
	if p.Count > 0 {
		statistics["Average"] = p.Sum / float64(p.Count)
	}
	dimensions := map[string]string{}
	for _, a := range p.Attributes {
		if a.Key != "Dimensions" {
			continue
		}
		list, ok := a.Value.GetValue().(*common.AnyValue_KvlistValue)
		if !ok {
			return "", false
		}
		for _, d := range list.KvlistValue.GetValues() {
			text, ok := d.Value.GetValue().(*common.AnyValue_StringValue)
			if !ok {
				return "", false
			}
			dimensions[d.Key] = text.StringValue
		}
	}
	for _, v := range statistics {
		if math.IsNaN(v) {
			return "", false
		}
	}
	namespace, name := attribute(p.Attributes, "Namespace"), attribute(p.Attributes, "MetricName")
	millis := p.TimeUnixNano / 1e6
	if namespace == "" || name == "" || millis == 0 || len(dimensions) > maxDimensions || len(statistics) > maxStatistics {
		return "", false
	}
	return fmt.Sprint(attribute(r.GetAttributes(), "cloud.account.id"), " ", attribute(r.GetAttributes(), "cloud.region"),
		" ", namespace, " ", name, " ", dimensions, " ", millis, " ", statistics), true
}

// parsed returns the data of a record in the way of oracle.
func parsed(rec []byte) (data []string, flaws int) {
	var p Parser
	p.Reset(rec)
	for p.Next() {
		if p.Flaw() != "" {
			flaws++
			continue
		}
		d := p.Datum()
		dimensions, statistics := map[string]string{}, map[string]float64{}
		for _, x := range d.Dimensions {
			dimensions[string(x.Name)] = string(x.Value)
		}
		for _, s := range d.Statistics {
			statistics[string(s.Name)] = s.Value
		}
		data = append(data, fmt.Sprint(string(d.Account), " ", string(d.Region),
			" ", string(d.Namespace), " ", string(d.Name), " ", dimensions, " ", d.Millis, " ", statistics))
	}
	return data, flaws
}

// What the real decoder reads is read, in the form in which the real encoder writes
// it, and nothing ever breaks or goes on for ever.
func FuzzParser_OTLP(f *testing.F) {
	f.Add(metrictraffic.OpenTelemetry1(traffic...))
	f.Add(metrictraffic.OpenTelemetry07(traffic...))
	f.Add(point(f, `quantile_values { quantile: 0.999 value: 7 } sum: 1 count: 3 attributes { key: "Dimensions" value { kvlist_value { values { key: "a" value { string_value: "b" } } } } }`))
	f.Add(metrictraffic.JSON(traffic...))
	f.Fuzz(func(t *testing.T, rec []byte) {
		data, flaws := parsed(rec)
		require.LessOrEqual(t, len(data)+flaws, len(rec), "every part has a byte of its own")
		_, requests, ok := oracle(rec)
		if !ok || len(rec) == 0 {
			return
		}
		var canonical []byte
		for _, request := range requests {
			canonical = append(canonical, frame(t, request)...)
		}
		want, _, ok := oracle(canonical)
		require.True(t, ok)
		got, _ := parsed(canonical)
		require.Equal(t, want, got)
	})
}
