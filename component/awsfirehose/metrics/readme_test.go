package metrics

import (
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/storage"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/docpage"
	"github.com/grafana/alloy/eks/internal/firehose"
	"github.com/grafana/alloy/eks/internal/metricstream"
	"github.com/grafana/alloy/eks/internal/metrictraffic"
	"github.com/grafana/alloy/eks/internal/rig"
)

func TestReadme_Sections(t *testing.T) {
	docpage.Read(t).CheckSections(t, Name, "Series", "Data that can't be read", "Delivery")
}

func TestReadme_Arguments(t *testing.T) {
	docpage.CheckArguments[Arguments](t, docpage.Read(t))
}

func TestReadme_Metrics(t *testing.T) {
	b := newBench(t, "key {\n name = \"a\"\n access_key = \"k\"\n}")
	status, _ := b.post(rig.Envelope(rig.Encode(string(metrictraffic.JSON(cpu(0, 1))))), "X-Amz-Firehose-Access-Key", "k")
	require.Equal(t, 200, status)
	require.NotEmpty(t, b.metrics(), "what is counted last")
	docpage.Read(t).CheckMetrics(t, b.registry)
}

// The series of the table are those that come out, with the labels of the other one.
func TestReadme_Series(t *testing.T) {
	p := docpage.Read(t)
	d := cpu(0, 1)
	d.Percentiles = map[float64]float64{99.9: 1}
	rec := strings.Replace(string(metrictraffic.JSON(d)), `"value":{`, `"value":{"TM(10%:90%)":1,`, 1)
	b := newBench(t, "")
	status, _ := b.deliver([]byte(rec))
	require.Equal(t, 200, status)
	var want, names []string
	for _, s := range samples(t, b.store) {
		want = append(want, strings.Split(s, `"`)[1])
	}
	for _, row := range p.Rows["Series"] {
		if name := strings.Trim(row[1], "`"); strings.HasPrefix(name, "aws_") {
			names = append(names, name)
		}
	}
	require.ElementsMatch(t, want, names)

	var labelNames []string
	for _, name := range p.Names("Series") {
		if strings.ToLower(name) == name && !strings.HasPrefix(name, "p9") {
			labelNames = append(labelNames, strings.Replace(name, "<name>", "InstanceId", 1))
		}
	}
	q, err := b.store.Querier(0, d.Time.UnixMilli())
	require.NoError(t, err)
	defer q.Close()
	got, _, err := q.LabelNames(t.Context(), nil)
	require.NoError(t, err)
	require.ElementsMatch(t, append(labelNames, model.MetricNameLabel), got)
}

func TestReadme_ClosedSets(t *testing.T) {
	p := docpage.Read(t)
	var want, got []string
	for _, reason := range firehose.Reasons() {
		want = append(want, string(reason))
	}
	want = append(want, rejections()...)
	for _, row := range p.Rows["Delivery"] {
		if len(row) == 2 {
			got = append(got, strings.Trim(row[0], "`"))
			continue
		}
		got = append(got, strings.Trim(row[1], "`"))
	}
	require.ElementsMatch(t, want, got)
	require.Equal(t, flaws(), p.Names("Data that can't be read"))
	require.True(t, slices.Contains(flaws(), string(metricstream.FlawKind)))
}

func TestReadme_Examples(t *testing.T) {
	t.Setenv("FIREHOSE_ACCESS_KEY", "key")
	receiver := storage.Appendable(openStore(t, 0))
	docpage.CheckExamples[Arguments](t, docpage.Read(t), Name, 1, map[string]any{"prometheus": map[string]any{
		"relabel":      map[string]any{"default": map[string]any{"receiver": receiver}},
		"remote_write": map[string]any{"default": map[string]any{"receiver": receiver}},
	}})
}
