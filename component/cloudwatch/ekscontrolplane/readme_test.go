package ekscontrolplane

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component/common/loki"
	"github.com/grafana/alloy/internal/component/common/relabel"
	"github.com/grafana/alloy/syntax/ast"
	syntaxparser "github.com/grafana/alloy/syntax/parser"
	"github.com/grafana/alloy/syntax/vm"

	"github.com/grafana/alloy/eks/internal/clustertraffic"
	"github.com/grafana/alloy/eks/internal/controlplane"
	"github.com/grafana/alloy/eks/internal/cwlogs"
	"github.com/grafana/alloy/eks/internal/docpage"
	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/lokientry"
	"github.com/grafana/alloy/eks/internal/rig"
	"github.com/grafana/alloy/eks/internal/subscription"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

func TestReadme_Sections(t *testing.T) {
	docpage.Read(t).CheckSections(t, Name, "Labels", "Fields", "Timestamps", "Lines", "Redaction", "Drop rules",
		"Entries of other components", "Queries", "Delivery", "Move from `loki.source.awsfirehose`")
}

func TestReadme_Arguments(t *testing.T) {
	docpage.CheckArguments[Arguments](t, docpage.Read(t))
}

func TestReadme_Metrics(t *testing.T) {
	r := newRig(t, listening+"\nkey {\n name = \"a\"\n access_key = \"k\"\n}", nil)
	require.Equal(t, 200, r.Deliver([]string{"hello"}, "X-Amz-Firehose-Access-Key", "k").Status)
	docpage.Read(t).CheckMetrics(t, r.Registry)
}

func TestReadme_Labels(t *testing.T) {
	p := docpage.Read(t)
	none := func(string) string { return "" }
	names := []string{lokientry.MetadataLevel}
	for _, l := range defaultLabels("c")(none, "") {
		names = append(names, l.Name)
	}
	require.ElementsMatch(t, names, p.Names("Labels"))

	// The level is a label here, and no line comes in pieces that could be joined.
	names = slices.DeleteFunc(lokientry.OwnMetadata(), func(name string) bool {
		return name == lokientry.MetadataLevel || name == lokientry.MetadataPartial
	})
	for _, l := range defaultMetadata(none) {
		names = append(names, l.Name)
	}
	require.ElementsMatch(t, names, p.Names("Structured metadata"))

	require.ElementsMatch(t, []string{
		controlplane.LabelCluster, controlplane.LabelLogType, controlplane.LabelInstance,
		cwlogs.LabelOwner, cwlogs.LabelLogGroup, cwlogs.LabelLogStream, cwlogs.LabelFilters, cwlogs.LabelMessage, cwlogs.LabelRegion,
		lokientry.LabelRequestID, lokientry.LabelSourceARN, lokientry.LabelAccountID,
		lokientry.PrefixAttribute + "<name>", lokientry.LabelTenant, labelFilename,
	}, p.Names("Internal labels"))
}

func TestReadme_ClosedSets(t *testing.T) {
	p := docpage.Read(t)
	var times []string
	for _, s := range sources {
		times = append(times, s.String())
	}
	require.Equal(t, times, p.Names("Timestamps"))
	require.Equal(t, timestamp.Now, sources[len(sources)-1])

	require.ElementsMatch(t, []string{
		string(event.FlawNoData), string(event.FlawBase64), string(event.FlawCompression),
		string(event.FlawTooLarge), string(event.FlawJSON), string(event.FlawEnvelope),
	}, p.Names("Lines"))

	var types []string
	for _, row := range p.Rows["Log types"] {
		if stream := strings.Trim(row[2], "`"); stream != "" {
			got, id, ok := controlplane.Classify([]byte(strings.Replace(stream, "<id>", instance, 1)))
			require.True(t, ok)
			require.Equal(t, instance, string(id))
			require.Equal(t, strings.Trim(row[0], "`"), string(got))
		}
		types = append(types, strings.Trim(row[0], "`"))
	}
	require.Equal(t, []string{
		string(controlplane.API), string(controlplane.Audit), string(controlplane.Authenticator), string(controlplane.ControllerManager),
		string(controlplane.Scheduler), string(controlplane.CloudControllerManager), string(controlplane.AutoMode),
		string(controlplane.Capability), string(controlplane.Unknown),
	}, types)
}

// fieldTables name the table of each log type's fields.
var fieldTables = map[string]string{
	"audit": "Audit events", "authenticator": "Authenticator lines", "api": "Lines of Kubernetes components",
	"controllerManager": "Lines of Kubernetes components", "scheduler": "Lines of Kubernetes components",
	"cloudControllerManager": "Lines of Kubernetes components",
}

// The fields of each log are those of its table, whatever a control plane writes.
// That all tables together name all fields is a matter of the default of the
// argument fields.
func TestReadme_Fields(t *testing.T) {
	p := docpage.Read(t)
	g, err := clustertraffic.New(clustertraffic.Options{Seed: 1, Oversized: 0.01, CutAt: clustertraffic.MinCutAt})
	require.NoError(t, err)
	r := newRig(t, listening, nil)
	encoder := subscription.NewEncoder(subscription.Decompressed)
	var records []string
	for range 300 {
		record, err := encoder.AppendRecord(nil, g.Next())
		require.NoError(t, err)
		records = append(records, string(record))
	}
	require.Equal(t, 200, r.Deliver(records).Status)
	seen := map[string]map[string]bool{}
	for _, e := range r.AllEntries() {
		table := fieldTables[rig.Labels(e)["log_type"]]
		require.NotEmpty(t, table)
		for name := range rig.Metadata(e) {
			if slices.Contains(controlplane.FieldNames(), name) {
				require.Contains(t, p.Names(table), name)
				if seen[table] == nil {
					seen[table] = map[string]bool{}
				}
				seen[table][name] = true
			}
		}
	}
	for _, table := range fieldTables {
		require.Len(t, seen[table], len(p.Names(table)), "every documented field occurs: %s", table)
	}
}

func TestReadme_Examples(t *testing.T) {
	t.Setenv("FIREHOSE_ACCESS_KEY", "key")
	docpage.CheckExamples[Arguments](t, docpage.Read(t), Name, 6, map[string]any{"loki": map[string]any{
		"write": map[string]any{"default": map[string]any{"receiver": loki.NewLogsReceiver()}},
	}})
}

// block returns the body of a block in an example.
func block(t *testing.T, code, name string) ast.Body {
	t.Helper()
	file, err := syntaxparser.ParseFile("README.md", []byte(code))
	require.NoError(t, err)
	for _, statement := range file.Body {
		if b, ok := statement.(*ast.BlockStmt); ok && b.GetBlockName() == name {
			return b.Body
		}
	}
	require.Fail(t, "no block", name)
	return nil
}

// The page shows what the safe profile is.
func TestReadme_SafeProfile(t *testing.T) {
	p := docpage.Read(t)
	var args Arguments
	require.NoError(t, vm.New(block(t, p.Code[1], Name)).Evaluate(vm.NewScope(map[string]any{"loki": map[string]any{
		"write": map[string]any{"default": map[string]any{"receiver": loki.NewLogsReceiver()}},
	}}), &args))
	require.Equal(t, controlplane.SafeProfile(), args.rules())
}

// The rules on the page are those with which entries of loki.source.awsfirehose
// are the same as by HTTP.
func TestReadme_LokiSourceRules(t *testing.T) {
	p := docpage.Read(t)
	var got struct {
		ForwardTo []loki.LogsReceiver `alloy:"forward_to,attr"`
		Rules     relabel.Rules       `alloy:"rule,block,optional"`
	}
	require.NoError(t, vm.New(block(t, p.Code[2], "loki.relabel")).Evaluate(nil, &got))
	require.Equal(t, rig.Rules(t, sourceRules), got.Rules)
}

// The labels that say where a line was read.
func TestReadme_OriginLabels(t *testing.T) {
	p := docpage.Read(t)
	want := map[string][]model.LabelName{
		cwlogs.LabelLogGroup: groupLabels, cwlogs.LabelLogStream: streamLabels, cwlogs.LabelOwner: accountLabels,
		cwlogs.LabelRegion: regionLabels, labelFilename: filenameLabels,
	}
	got := map[string][]model.LabelName{}
	for _, row := range p.Rows["Entries of other components"] {
		for name := range strings.SplitSeq(strings.ReplaceAll(row[1], "`", ""), ", ") {
			becomes := strings.Trim(row[0], "`")
			got[becomes] = append(got[becomes], model.LabelName(name))
		}
	}
	require.Equal(t, want, got)
}

func TestReadme_MovesFromLokiSource(t *testing.T) {
	p := docpage.Read(t)
	bare := regexp.MustCompile("only those that your rules make, [^`]*`(labels = \\{[^}]*\\})`").FindStringSubmatch(p.Text)
	require.NotNil(t, bare)
	r := newRig(t, listening+bare[1], nil)
	require.Equal(t, 200, r.Deliver([]string{record(t, message("kube-scheduler-", schedulerLine))}).Status)
	require.Equal(t, map[string]string{"service_name": "unknown_service"}, rig.Labels(r.Entries(1)[0]),
		"nothing is left but what Loki demands")
}
