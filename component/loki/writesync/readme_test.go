package writesync

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component/common/loki"

	"github.com/grafana/alloy/eks/internal/docpage"
	"github.com/grafana/alloy/eks/internal/lokientry"
	"github.com/grafana/alloy/eks/internal/lokipush"
)

// readPage returns README.md.
func readPage(t *testing.T) *docpage.Page {
	t.Helper()
	p := docpage.Read(t)
	p.Body, p.Within = "", map[string]string{
		"endpoint":        `url = "http://loki"`,
		"endpoint.oauth2": "client_id = \"x\"\nclient_secret = \"x\"\ntoken_url = \"http://tokens\"",
	}
	return p
}

func TestReadme_Sections(t *testing.T) {
	readPage(t).CheckSections(t, Name, "Delivery", "Refused entries", "Move from `loki.write`")
}

func TestReadme_Arguments(t *testing.T) {
	docpage.CheckArguments[Arguments](t, readPage(t))
}

func TestReadme_Metrics(t *testing.T) {
	r := newRig(t, block(newEndpoint(t, nil)))
	require.NoError(t, r.accept("one"))
	readPage(t).CheckMetrics(t, r.registry)
}

func TestReadme_ClosedSets(t *testing.T) {
	p := readPage(t)
	var results, reasons []string
	for _, r := range lokipush.Results() {
		results = append(results, string(r))
	}
	var listed []string
	for _, row := range p.Rows["Answers of Loki"] {
		listed = append(listed, strings.Trim(row[1], "`"))
	}
	require.ElementsMatch(t, results, listed)

	for _, r := range lokipush.Reasons() {
		reasons = append(reasons, string(r))
	}
	names := p.Names("Refused entries")
	require.ElementsMatch(t, slices.Concat(reasons, []string{
		lokipush.MetadataMended, lokipush.MetadataOriginalLabels, lokipush.MetadataPart, lokientry.MetadataPartial, lokientry.MetadataTrueTime,
	}), names)
}

func TestReadme_Examples(t *testing.T) {
	for _, name := range []string{"LOKI_URL", "SECOND_LOKI_URL"} {
		t.Setenv(name, "http://loki/loki/api/v1/push")
	}
	receiver := map[string]any{"receiver": loki.NewLogsReceiver()}
	docpage.CheckExamples[Arguments](t, readPage(t), Name, 2, map[string]any{"loki": map[string]any{
		"echo": map[string]any{"refused": receiver}, "write_sync": map[string]any{"refused": receiver},
	}})
}
