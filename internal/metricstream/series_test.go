package metricstream

import (
	"strings"
	"testing"

	"github.com/prometheus-community/yet-another-cloudwatch-exporter/pkg/promutil"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/require"
)

func datum(namespace, name string, statistics ...string) *Datum {
	d := &Datum{Namespace: []byte(namespace), Name: []byte(name), Millis: 1}
	for _, s := range statistics {
		d.setStatistic([]byte(s), 1)
	}
	return d
}

// The names of AWS's own metrics are those of the exporter that people know, to the
// letter.
func TestMetricName(t *testing.T) {
	f := func(namespace, metric, statistic, want string) {
		t.Helper()
		require.Equal(t, want, MetricName(namespace, metric, statistic))
		require.Equal(t, want, promutil.BuildMetricName(namespace, metric, statistic))
	}
	f("AWS/EC2", "CPUUtilization", "Average", "aws_ec2_cpuutilization_average")
	f("AWS/EC2", "NetworkIn", "SampleCount", "aws_ec2_network_in_sample_count")
	f("AWS/RDS", "DatabaseConnections", "Maximum", "aws_rds_database_connections_maximum")
	f("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", "Sum", "aws_applicationelb_httpcode_target_5_xx_count_sum")
	f("AWS/Lambda", "Duration", "p99.9", "aws_lambda_duration_p99_9")
	f("ContainerInsights", "pod_cpu_utilization", "Minimum", "aws_containerinsights_pod_cpu_utilization_minimum")
	f("CWAgent", "mem_used_percent", "Average", "aws_cwagent_mem_used_percent_average")
}

// FuzzMetricName: a name is one that every Prometheus takes, and the exporter's
// where that is one too.
func FuzzMetricName(f *testing.F) {
	f.Add("AWS/EC2", "CPUUtilization", "Average")
	f.Add("Shop/Checkout Service", "orders#placed", "TM(10%:90%)")
	f.Add("", "ü", "“")
	f.Fuzz(func(t *testing.T, namespace, metric, statistic string) {
		name := MetricName(namespace, metric, statistic)
		require.True(t, model.LegacyValidation.IsValidMetricName(name), name)
		theirs := promutil.BuildMetricName(namespace, metric, statistic)
		if model.LegacyValidation.IsValidLabelName(theirs) {
			require.Equal(t, theirs, name)
		}
	})
}

func TestNamer(t *testing.T) {
	n, err := NewNamer("integrations/cloudwatch", 2)
	require.NoError(t, err)
	d := datum("AWS/EC2", "X", "Sum")
	d.Account, d.Region = []byte("111122223333"), []byte("eu-west-1")
	d.setDimension([]byte("B"), []byte("2"))
	d.setDimension([]byte("A"), []byte("1"))
	want := labels.FromStrings("__name__", "aws_ec2_x_sum", "account_id", "111122223333", "region", "eu-west-1",
		"job", "integrations/cloudwatch", "dimension_A", "1", "dimension_B", "2")

	series, fresh, scratch := n.Series(d, nil)
	require.Equal(t, []labels.Labels{want}, series)
	require.Positive(t, fresh)
	require.Equal(t, 1, n.Len())
	series, fresh, scratch = n.Series(d, scratch)
	require.Equal(t, []labels.Labels{want}, series)
	require.Zero(t, fresh, "it is remembered")
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _, scratch = n.Series(d, scratch) }))

	// Whatever makes a difference is another metric.
	for _, change := range []func(){
		func() { d.Account = nil },
		func() { d.Region = []byte("x") },
		func() { d.Namespace = []byte("AWS/ECS") },
		func() { d.Name = []byte("Y") },
		func() { d.setDimension([]byte("B"), []byte("3")) },
		func() { d.setStatistic([]byte("Minimum"), 0) },
	} {
		before := series
		change()
		series, fresh, scratch = n.Series(d, scratch)
		require.Positive(t, fresh)
		require.NotEqual(t, before, series)
	}
	require.Equal(t, 2, n.Len(), "no more than it may")

	_, err = NewNamer("", 0)
	require.Error(t, err)
}

// Two parts that come to the same together are two metrics.
func TestNamer_Borders(t *testing.T) {
	n, err := NewNamer("", 10)
	require.NoError(t, err)
	one, other := datum("A", "b", "Sum"), datum("A", "b", "Sum")
	one.setDimension([]byte("ab"), []byte("c"))
	other.setDimension([]byte("a"), []byte("bc"))
	first, _, _ := n.Series(one, nil)
	second, _, _ := n.Series(other, nil)
	require.Equal(t, `{__name__="aws_a_b_sum", dimension_ab="c"}`, first[0].String())
	require.Equal(t, `{__name__="aws_a_b_sum", dimension_a="bc"}`, second[0].String())
}

// Long names are served, and not kept.
func TestNamer_Long(t *testing.T) {
	n, err := NewNamer("", 10)
	require.NoError(t, err)
	d := datum("A", "b", "Sum")
	d.setDimension([]byte("a"), []byte(strings.Repeat("x", maxRememberedSize)))
	series, fresh, _ := n.Series(d, nil)
	require.Len(t, series[0].Get("dimension_a"), maxRememberedSize)
	require.Greater(t, fresh, maxRememberedSize)
	require.Zero(t, n.Len())
}

// Text that is no UTF-8 has no place in a label.
func TestNamer_NoUTF8(t *testing.T) {
	n, err := NewNamer("", 10)
	require.NoError(t, err)
	d := datum("A", "b\xff", "Sum")
	d.setDimension([]byte("a\xff"), []byte("\xffb"))
	series, _, _ := n.Series(d, nil)
	require.Equal(t, "{__name__=\"aws_a_b__sum\", dimension_a_=\"\uFFFDb\"}", series[0].String())
}
