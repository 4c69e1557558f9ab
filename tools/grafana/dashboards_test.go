package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

const (
	grafanaFolder  = root + "/operations/grafana"
	dashboardsPage = root + "/docs/dashboards.md"
)

func TestMain(m *testing.M) {
	plugins.RegisterDefaultPlugins() // To read panels and queries back.
	os.Exit(m.Run())
}

// The files are those that this program writes, and there are no other dashboards.
func TestFiles_UpToDate(t *testing.T) {
	files, err := generated(grafanaFolder)
	require.NoError(t, err)
	for name, want := range files {
		committed, err := os.ReadFile(filepath.Join(grafanaFolder, name))
		require.NoError(t, err)
		require.Equal(t, want, string(committed), "run make dashboards")
	}
	others, err := filepath.Glob(grafanaFolder + "/dashboards/*")
	require.NoError(t, err)
	require.Len(t, others, len(boards()))
}

// What the operator reads are the rules that Prometheus reads.
func TestPrometheusRule(t *testing.T) {
	var want, got struct {
		Spec   any
		Groups []any
	}
	text, err := os.ReadFile(alertsFile)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &want))
	require.NoError(t, yaml.Unmarshal([]byte(prometheusRule(string(text))), &got))
	require.NotEmpty(t, want.Groups)
	require.Equal(t, map[string]any{"groups": want.Groups}, got.Spec)
}

// Kustomize makes a ConfigMap of each dashboard, which the sidecar sees, and has the
// alerts beside them.
func TestKustomization(t *testing.T) {
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), grafanaFolder)
	require.NoError(t, err)
	var alerts int
	got := map[string]string{}
	for _, r := range made.Resources() {
		if r.GetKind() == "PrometheusRule" {
			alerts++
			continue
		}
		require.Equal(t, "ConfigMap", r.GetKind())
		require.Equal(t, "1", r.GetLabels()["grafana_dashboard"])
		for name, text := range r.GetDataMap() {
			require.Equal(t, r.GetName()+".json", name)
			got[name] = text
		}
	}
	require.Equal(t, 1, alerts)
	want := map[string]string{}
	for _, b := range boards() {
		text, err := b.json()
		require.NoError(t, err)
		want[b.file()] = string(text)
	}
	require.Equal(t, want, got)
}

// Grafana's own types know everything in the files.
func TestDashboards_Schema(t *testing.T) {
	for _, b := range boards() {
		text, err := b.json()
		require.NoError(t, err)
		var d dashboard.Dashboard
		require.NoError(t, d.UnmarshalJSONStrict(text), b.title)
		require.NoError(t, d.Validate(), b.title)
	}
}

// panelsOf are the panels of a dashboard, without rows.
func panelsOf(t *testing.T, b board) []*dashboard.Panel {
	t.Helper()
	built, err := b.build()
	require.NoError(t, err)
	var panels []*dashboard.Panel
	for _, p := range built.Panels {
		if p.Panel != nil {
			panels = append(panels, p.Panel)
		}
	}
	return panels
}

// Each panel can be told from the others, says what it answers, and in which unit.
func TestPanels_Complete(t *testing.T) {
	for _, b := range boards() {
		titles := map[string]bool{}
		for _, p := range panelsOf(t, b) {
			where := b.title + ": " + *p.Title
			require.False(t, titles[*p.Title], "%s: there are two", where)
			titles[*p.Title] = true
			require.Regexp(t, `^[A-Z][^?]*\?( .*\.)?$|^[A-Z].*\.$`, *p.Description, where)
			if p.Type != "logs" && p.Type != "heatmap" {
				require.NotEmpty(t, *p.FieldConfig.Defaults.Unit, where)
			}
			require.Contains(t, []string{"${prometheus}", "${loki}"}, *p.Datasource.Uid, where)
		}
	}
}

// Panels fill their lines, and none lies upon another.
func TestPanels_Layout(t *testing.T) {
	for _, b := range boards() {
		taken := map[string]string{}
		widths := map[uint32]uint32{}
		for _, p := range panelsOf(t, b) {
			at := p.GridPos
			widths[at.Y] += at.W
			for x := at.X; x < at.X+at.W; x++ {
				for y := at.Y; y < at.Y+at.H; y++ {
					cell := fmt.Sprint(x, " ", y)
					require.Empty(t, taken[cell], "%s: %s", b.title, *p.Title)
					taken[cell] = *p.Title
				}
			}
		}
		for y, width := range widths {
			require.EqualValues(t, whole, width, "%s: the line of panels at %d", b.title, y)
		}
	}
}

// few are the labels by which numbers may be grouped, with the reason why nobody
// who sends something can make up many values of them.
var few = map[string]string{
	"client":        "of a list in this program, or other",
	"cluster":       "of the log group, or of the configuration",
	"component_id":  "of Alloy's configuration",
	"endpoint":      "of Alloy's configuration",
	"instance":      "of Prometheus' targets, or of EKS' log streams",
	"job":           "of Prometheus' targets",
	"key":           "of Alloy's configuration",
	"kind":          "one of five",
	"le":            "the buckets of a histogram",
	"level":         "one of six",
	"log_type":      "one of nine",
	"operation":     "words of the API server's program",
	"outcome":       "one of ours",
	"reason":        "one of ours, or of loki.write's",
	"resource":      "of requests that succeeded: the types of objects that a cluster has",
	"response_code": "of the API server's answers",
	"result":        "one of ours",
	"role":          "IAM roles and users whom the cluster knows",
	"source":        "one of ours",
	"source_file":   "files of the programs of the control plane",
	"stage":         "one of ours",
	"status":        "one of ours",
	"status_code":   "of Loki's answers",
	"subresource":   "of a list in the query",
	"verb":          "of a list in the query",
	"who":           "users whom the cluster knows, nodes and sessions taken together",
}

var grouping = regexp.MustCompile(`\bby \(([^)]*)\)`)

// No number is grouped by what a sender chooses. TestStack tries it.
func TestPanels_GroupedByFew(t *testing.T) {
	used := map[string]bool{}
	for _, b := range boards() {
		for _, p := range panelsOf(t, b) {
			for _, q := range questions(t, p) {
				for _, group := range grouping.FindAllStringSubmatch(q.expr, -1) {
					for _, label := range strings.Split(group[1], ", ") {
						require.NotEmpty(t, few[label], "%s: %s is grouped by %s", b.title, *p.Title, label)
						used[label] = true
					}
				}
			}
		}
	}
	for label := range few {
		require.True(t, used[label] || label == "job", label)
	}
}

// A legend names labels that there are.
func TestPanels_Legends(t *testing.T) {
	placeholder := regexp.MustCompile(`\{\{([a-z_]+)\}\}`)
	for _, b := range boards() {
		for _, p := range panelsOf(t, b) {
			for i, q := range questions(t, p) {
				legend := legendOf(p.Targets[i])
				for _, label := range placeholder.FindAllStringSubmatch(legend, -1) {
					groups := grouping.FindAllStringSubmatch(q.expr, -1)
					known := slices.ContainsFunc(groups, func(g []string) bool { return slices.Contains(strings.Split(g[1], ", "), label[1]) })
					require.True(t, known || label[1] == "instance", "%s: %s: %s", b.title, *p.Title, legend)
				}
			}
		}
	}
}

// others are the metrics that are not our components'.
var others = []string{
	"alloy_component_controller_running_components", "loki_write_dropped_entries_total", "loki_write_request_duration_seconds_count",
	"loki_write_sent_entries_total", "process_cpu_seconds_total", "process_resident_memory_bytes",
}

var metricName = regexp.MustCompile(`(?:\(awsfirehose_kubernetes\|cloudwatch_eks_controlplane\)|\b(?:awsfirehose_kubernetes|cloudwatch_eks_controlplane|loki_write|loki_write_sync|alloy|process))_[a-z_]+`)

// Each metric of a dashboard or an alert is in the documentation of a component, and
// each of the documentation that says that something is wrong has an alert.
func TestMetrics_Documented(t *testing.T) {
	var pages strings.Builder
	for _, folder := range []string{"awsfirehose/kubernetes", "cloudwatch/ekscontrolplane", "loki/writesync"} {
		page, err := os.ReadFile(root + "/component/" + folder + "/README.md")
		require.NoError(t, err)
		pages.Write(page)
	}
	documented := func(name string) bool {
		name = strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count")
		return strings.Contains(pages.String(), "| `"+name+"`")
	}
	for where, expr := range expressions(t) {
		names := metricName.FindAllString(expr, -1)
		for _, name := range names {
			if slices.Contains(others, name) {
				continue
			}
			if rest, ok := strings.CutPrefix(name, source); ok {
				require.True(t, documented("awsfirehose_kubernetes"+rest), "%s: %s", where, name)
				name = "cloudwatch_eks_controlplane" + rest
			}
			require.True(t, documented(name), "%s: %s", where, name)
		}
	}
}

// expressions are all that Prometheus is asked, by where it stands.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, a := range alerts(t) {
		all[a.Alert] = a.Expr
	}
	for _, b := range boards() {
		for _, p := range panelsOf(t, b) {
			for i, q := range questions(t, p) {
				if !q.logs {
					require.Regexp(t, metricName, q.expr)
					all[fmt.Sprint(b.title, ": ", *p.Title, " ", i)] = q.expr
				}
			}
		}
	}
	return all
}

// The page names each dashboard, each of its rows and each variable.
func TestDashboards_Documented(t *testing.T) {
	page, err := os.ReadFile(dashboardsPage)
	require.NoError(t, err)
	for _, b := range boards() {
		require.Contains(t, string(page), b.title)
		require.Contains(t, string(page), b.file())
		for _, r := range b.rows {
			require.Contains(t, string(page), "| "+r.title+" |", b.title)
		}
		built, err := b.build()
		require.NoError(t, err)
		for _, v := range built.Templating.List {
			require.Contains(t, string(page), "| "+*v.Label+" |", b.title)
		}
	}
}
