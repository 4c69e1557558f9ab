package kubernetes

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component/common/loki"
	"github.com/grafana/alloy/internal/component/common/relabel"

	"github.com/grafana/alloy/eks/internal/cwlogs"
	"github.com/grafana/alloy/eks/internal/docpage"
	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/firehose"
	"github.com/grafana/alloy/eks/internal/kubelog"
	"github.com/grafana/alloy/eks/internal/lokientry"
	"github.com/grafana/alloy/eks/internal/rig"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

func TestReadme_Sections(t *testing.T) {
	docpage.Read(t).CheckSections(t, Name, "Labels", "Timestamps", "Lines", "Delivery", "Move from `loki.source.awsfirehose`")
}

func TestReadme_Arguments(t *testing.T) {
	docpage.CheckArguments[Arguments](t, docpage.Read(t))
}

func TestReadme_Metrics(t *testing.T) {
	r := newRig(t, "key {\n name = \"a\"\n access_key = \"k\"\n}", nil)
	require.Equal(t, 200, r.Deliver([]string{"hello"}, "X-Amz-Firehose-Access-Key", "k").Status)
	docpage.Read(t).CheckMetrics(t, r.Registry)
}

func TestReadme_Labels(t *testing.T) {
	p := docpage.Read(t)
	none := func(string) string { return "" }
	var names []string
	for _, l := range defaultLabels("c")(none, "stdout") {
		names = append(names, l.Name)
	}
	require.ElementsMatch(t, names, p.Names("Labels"))

	names = lokientry.OwnMetadata()
	for _, l := range defaultMetadata(none) {
		names = append(names, l.Name)
	}
	require.ElementsMatch(t, names, p.Names("Structured metadata"))

	require.ElementsMatch(t, []string{
		kubelog.LabelNamespace, kubelog.LabelPodName, kubelog.LabelPodUID, kubelog.LabelPodIP, kubelog.LabelNodeName,
		kubelog.LabelContainerName, kubelog.LabelContainerID, kubelog.LabelContainerImage, kubelog.LabelContainerHash,
		kubelog.LabelControllerKind, kubelog.LabelControllerName,
		kubelog.PrefixPodLabel + "<name>", kubelog.PrefixPodAnnotation + "<name>",
		kubelog.PrefixNamespaceLabel + "<name>", kubelog.PrefixNamespaceAnnotation + "<name>",
		cwlogs.LabelOwner, cwlogs.LabelLogGroup, cwlogs.LabelLogStream, cwlogs.LabelFilters, cwlogs.LabelMessage,
		kubelog.PrefixRecord + "<key>",
		lokientry.LabelRequestID, lokientry.LabelSourceARN, lokientry.LabelAccountID, lokientry.LabelRegion,
		lokientry.PrefixAttribute + "<name>", lokientry.LabelTenant,
	}, p.Names("Internal labels"))
}

func TestReadme_ClosedSets(t *testing.T) {
	p := docpage.Read(t)
	var sources []string
	for s := timestamp.CRI; s <= timestamp.Now; s++ {
		sources = append(sources, s.String())
	}
	require.Equal(t, sources, p.Names("Timestamps"))

	var reasons, statuses []string
	for _, reason := range firehose.Reasons() {
		reasons = append(reasons, string(reason))
	}
	var listed []string
	for _, row := range p.Rows["Delivery"] {
		statuses, listed = append(statuses, row[0]+row[1]), append(listed, strings.Trim(row[1], "`"))
	}
	require.ElementsMatch(t, reasons, listed)
	require.True(t, slices.IsSorted(statuses))

	require.ElementsMatch(t, []string{
		string(event.FlawNoData), string(event.FlawBase64), string(event.FlawCompression),
		string(event.FlawTooLarge), string(event.FlawJSON), string(event.FlawEnvelope),
	}, p.Names("Lines"))
}

func TestReadme_Examples(t *testing.T) {
	t.Setenv("FIREHOSE_ACCESS_KEY", "key")
	docpage.CheckExamples[Arguments](t, docpage.Read(t), Name, 2, map[string]any{"loki": map[string]any{
		"write":   map[string]any{"default": map[string]any{"receiver": loki.NewLogsReceiver()}},
		"relabel": map[string]any{"containers": map[string]any{"rules": relabel.Rules{}}},
	}})
}

func TestReadme_MovesFromLokiSource(t *testing.T) {
	p := docpage.Read(t)
	bare := regexp.MustCompile("labels = \\{[^}]*\\}`").FindAllString(p.Text, -1)
	require.Len(t, bare, 1)
	r := newRig(t, rig.AnyAge+strings.TrimSuffix(bare[0], "`"), nil)
	require.Equal(t, 200, r.Deliver([]string{containerLine("web-1", head+"\n")}).Status)
	require.Equal(t, map[string]string{"service_name": "unknown_service"}, rig.Labels(r.Entries(1)[0]),
		"nothing is left but what Loki demands")
}
