package recipes

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/docpage"
	"github.com/grafana/alloy/eks/internal/metrictraffic"
)

// measuredCPU returns what CloudWatch knows of an instance in four minutes. The third
// is late, and the last one is of a time before Alloy was started.
func measuredCPU(account string, begin time.Time) []metrictraffic.Datum {
	var data []metrictraffic.Datum
	for i, at := range []time.Time{begin, begin.Add(time.Minute), begin.Add(-20 * time.Second), begin.Add(-36 * time.Hour)} {
		data = append(data, metrictraffic.Datum{
			Account: account, Region: "eu-west-1", Namespace: "AWS/EC2", Name: "CPUUtilization", Unit: "Percent",
			Dimensions: map[string]string{"InstanceId": "i-0a1b2c3d", "Image Id": "ami-17"}, Time: at,
			Min: 0.25, Max: 61.5 + float64(i), Sum: 120.125, Count: 5, Percentiles: map[float64]float64{99.9: 61.0625},
		})
	}
	return append(data, metrictraffic.Datum{ // What the recipe drops.
		Account: account, Region: "eu-west-1", Namespace: "AWS/Usage", Name: "CallCount", Time: begin, Max: 1, Sum: 1, Count: 1,
	})
}

func TestMetricStreams(t *testing.T) {
	t.Parallel()
	page := docpage.ReadFile(t, filepath.Join(root, "docs", "recipes", "metric-streams.md"))
	require.Len(t, page.Blocks["yaml"], 1)
	p := startPrometheus(t, page.Blocks["yaml"][0])
	config, err := os.ReadFile(filepath.Join(root, "example-configs", "metric-streams.alloy"))
	require.NoError(t, err)
	a := startAlloy(t, onLoopback(t, string(config), ""), nil, "PROMETHEUS_URL="+p.url+"/api/v1/write", "FIREHOSE_ACCESS_KEY="+accessKey)

	endpoint := a.endpoint()
	a.logged("Replaying WAL")
	// Remote write sends nothing of a time before it was started.
	begin := time.Now().Add(30 * time.Second).Truncate(time.Second).Add(123 * time.Millisecond)
	want := series{}
	for account, format := range map[string]string{"111122223333": "json", "222233334444": "opentelemetry1.0", "333344445555": "opentelemetry0.7"} {
		record := metrictraffic.Formats()[format](measuredCPU(account, begin)...)
		require.Equal(t, http.StatusOK, deliver(t, endpoint, record, []byte("a line of a log")), format)
		require.Equal(t, http.StatusOK, deliver(t, endpoint, record), "once more")
		for statistic, values := range map[string][3]model.SampleValue{
			"average": {24.025, 24.025, 24.025}, "maximum": {63.5, 61.5, 62.5}, "minimum": {0.25, 0.25, 0.25},
			"p99_9": {61.0625, 61.0625, 61.0625}, "sample_count": {5, 5, 5}, "sum": {120.125, 120.125, 120.125},
		} {
			name := model.Metric{
				"__name__": model.LabelValue("aws_ec2_cpuutilization_" + statistic), "account_id": model.LabelValue(account), "region": "eu-west-1",
				"job": "integrations/cloudwatch", "dimension_InstanceId": "i-0a1b2c3d", "dimension_Image_Id": "ami-17",
			}.String()
			for i, at := range []time.Time{begin.Add(-20 * time.Second), begin, begin.Add(time.Minute)} {
				want[name] = append(want[name], model.SamplePair{Timestamp: model.TimeFromUnixNano(at.UnixNano()), Value: values[i]})
			}
		}
	}
	const all = `{__name__=~"aws_.+"}`
	a.await(p.has(all, want.count()))
	got, err := p.stored(all)
	require.NoError(t, err)
	require.Equal(t, want, got)
	a.await(a.metric("awsfirehose_metrics_data_total{", `format="json"`, "} 10\n"))
	a.await(a.metric("awsfirehose_metrics_data_total{", `format="opentelemetry"`, "} 20\n"))
	a.await(a.metric("awsfirehose_metrics_flaws_total{", `reason="format"`, "} 3\n"))
	a.await(a.metric("awsfirehose_metrics_samples_total{", "} 174\n"))
	a.await(a.metric("awsfirehose_metrics_samples_before_start_total{", "} 36\n"))
	a.await(a.metric("prometheus_remote_storage_samples_failed_total{", "} 0\n"))
}
