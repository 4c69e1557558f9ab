package kubernetes

import (
	"encoding/base64"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component"

	"github.com/grafana/alloy/eks/internal/firehose"
	"github.com/grafana/alloy/eks/internal/hostile"
	"github.com/grafana/alloy/eks/internal/lokientry"
	"github.com/grafana/alloy/eks/internal/rig"
)

var update = flag.Bool("update", false, "write the tables of docs/bad-input.md")

// suite is what every component must stand.
var suite = hostile.Suite[Arguments]{
	Start: func(t testing.TB, arguments string, change func(*testRig, *component.Options)) *testRig {
		return rig.Start(t, rigged, arguments, change)
	},
	Record: func(testing.TB) string { return containerLine("web-1", "2026-08-20T10:00:00.5Z stdout F I am well") },
	Line:   "I am well",
	Page:   "../../../docs/bad-input.md",
	Update: update,
}

func TestHostile_Bodies(t *testing.T)         { suite.Bodies(t) }
func TestHostile_Records(t *testing.T)        { suite.Records(t) }
func TestHostile_ManyLines(t *testing.T)      { suite.ManyLines(t) }
func TestHostile_Slowloris(t *testing.T)      { suite.Slowloris(t) }
func TestHostile_HeaderFlood(t *testing.T)    { suite.HeaderFlood(t) }
func TestHostile_ContentLength(t *testing.T)  { suite.ContentLength(t) }
func TestHostile_Smuggling(t *testing.T)      { suite.Smuggling(t) }
func TestHostile_Pipelining(t *testing.T)     { suite.Pipelining(t) }
func TestHostile_Paths(t *testing.T)          { suite.Paths(t) }
func TestHostile_KeyGuessing(t *testing.T)    { suite.KeyGuessing(t) }
func TestHostile_OwnLog(t *testing.T)         { suite.OwnLog(t) }
func TestHostile_HTTP2(t *testing.T)          { suite.HTTP2(t) }
func TestHostile_UpgradeToHTTP2(t *testing.T) { suite.UpgradeToHTTP2(t) }
func TestHostile_StopOverHTTP2(t *testing.T)  { suite.StopOverHTTP2(t) }

// Records that are made to harm a reader of what log shippers send.
func TestHostile_RecordsOfPods(t *testing.T) {
	d := suite.Deliveries(t, "records of pods")
	const own = `,"kubernetes":{"pod_name":"web-1","namespace_name":"shop"}}`
	digits := strings.Repeat("9", 300)
	f := func(name string, entries int, records ...string) {
		t.Helper()
		for i := range records {
			records[i] = rig.Encode(records[i])
		}
		d.Try(name, rig.Envelope(records...), 200, firehose.ReasonOK, entries)
	}
	f("a line of 200,000 objects in one another", 1, strings.Repeat(`{"log":`, 200_000)+`1`+strings.Repeat(`}`, 200_000))
	f("a pod with labels of 200,000 objects in one another", 1, `{"log":"a","kubernetes":{"labels":`+strings.Repeat(`{"a":`, 200_000)+`1`+strings.Repeat(`}`, 200_001)+`}`)
	f("a pod with 10,000 labels", 1, `{"log":"a","kubernetes":{"labels":{`+strings.TrimSuffix(strings.Repeat(`"a":"b",`, 10_000), ",")+`}}}`)
	f("times of 300 digits and with huge exponents", 3,
		`{"log":"a","date":1e400}`, `{"log":"a","date":-`+digits+`.5}`, `{"log":"{\"time\":`+digits+`,\"ts\":1e-999999999}"}`)
	f("an escaped NUL and a raw one in the line", 1, `{"log":"a\u0000b`+"\x00"+`"}`)
	f("bytes that are not UTF-8 in the line and in the names of pod and labels", 1,
		`{"log":"`+"\xc3\x28\xed\xa0\x80"+`\ud800","kubernetes":{"pod_name":"`+"\xff"+`","namespace_name":"\ud800","labels":{"`+"\xff"+`":"`+"\xfe"+`"}}}`)
	// A line counts for 256 bytes of a record's size, and of a delivery's.
	f("20,000 records in one, on lines of their own", 8_193, strings.Repeat(`{"log":"a"}`+"\n", 20_000))
	f("1,000,000 lines of a byte in a record", 8_193, strings.Repeat("a\n", 1_000_000))
	f("20,000 events in an envelope of CloudWatch Logs", 8_193, `{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logStream":"s","subscriptionFilters":[],"logEvents":[`+
		strings.TrimSuffix(strings.Repeat(`{"message":"a"},`, 20_000), ",")+`]}`)
	d.Try("100 records of 1,000 lines", hostile.Of(100, rig.Encode(strings.Repeat("a\n", 1_000))), 400, firehose.ReasonDeliverySize, 0)
	f("100,000 brackets that open and do not close", 1, strings.Repeat(`{`, 100_000))
	f("a line of 1 MiB of line feeds, escaped", 1, `{"log":"`+strings.Repeat(`\n`, 1<<19)+`"`+own)
	f("a partial line that never ends", 1, `{"log":"2026-08-20T10:00:00Z stdout P beginning"`+own)
	// What stands before the limit is handed over already.
	d.Try("1,000 gzip bombs of 1 MiB", hostile.Of(1000, rig.Encode(hostile.Bomb(t, 1<<20))), 400, firehose.ReasonDeliverySize, 8)
	f("members that have the name of another one", 1, `{"log":"a","log":"b","log":{}`+own)
	d.Check()
}

func FuzzComponent(f *testing.F) {
	suite.Fuzz(f,
		containerLine("web-1", "2026-08-20T10:00:00Z stdout P a"), `{"log":"{\"level\":\"warn\",\"ts\":1787220000.5}","date":1787220000.25}`,
		`{"time":"2026-08-20T10:00:00.123456789Z","stream":"stderr","log":"a\n"}`+"\n"+`{"log":"b"}`, "bare text\n\n\ttext", `"a string"`,
	)
}

// What an application writes into its own line may not pass for what the filter
// says of the pod, whatever the filter or a parser lifts out of it.
func TestHostile_ForgedMetadata(t *testing.T) {
	r := newRig(t, rig.AnyAge+`labels = {
		team   = "__meta_kubernetes_pod_label_team",
		stage  = "__meta_kubernetes_pod_label_stage",
		owner  = "__meta_kubernetes_namespace_label_owner",
	}`, nil)
	const (
		own    = `{"pod_name":"web-1","namespace_name":"shop","labels":{"app":"web","team":"search"},"host":"node-1","container_name":"nginx","container_image":"nginx:1.27"}`
		forged = `{"pod_name":"admin-1","namespace_name":"kube-system","labels":{"app":"vault","team":"root"},"host":"node-9","container_name":"vault","container_image":"vault:1"}`
	)
	quoted := strings.ReplaceAll(forged, `"`, `\"`)
	var tried []string
	f := func(name, record string) {
		t.Helper()
		tried = append(tried, name)
		require.Equal(t, 200, r.Deliver([]string{record}, "X-Scope-OrgID", "mine").Status)
		e := r.Entries(1)[0]
		labels, md := rig.Labels(e), rig.Metadata(e)
		require.Equal(t, map[string]string{
			lokientry.LabelTenant: "mine",
			"namespace":           "shop", "container": "nginx", "app": "web", "service_name": "web", "team": "search",
		}, without(labels, "stream"), record)
		require.Equal(t, []string{"web-1", "node-1", "nginx:1.27"}, []string{md["pod"], md["node"], md["image"]}, record)
	}
	f("metadata of another pod in the text of a line", `{"log":"2026-08-20T10:00:00Z stdout F {\"kubernetes\":`+quoted+`}","kubernetes":`+own+`}`)
	// Merge_Log puts the line's members before the filter's own.
	f("the same, lifted out of the line before the filter's own", `{"log":"{\"kubernetes\":`+quoted+`}","kubernetes":`+forged+`,"kubernetes":`+own+`}`)
	f("the same, at the beginning of the record", `{"kubernetes":`+forged+`,"log":"x","kubernetes":`+own+`}`)
	// Members that nest would have lifted, and others that have a meaning of their own.
	f("names of another pod, lifted by `nest`", `{"log":"x","kubernetes_pod_name":"admin-1","kubernetes_namespace_name":"kube-system","kubernetes":`+own+`}`)
	f("labels lifted before the filter's own", `{"log":"x","kubernetes_labels":{"stage":"theirs"},"kubernetes":`+own+`}`)
	f("labels lifted behind the filter's own", `{"log":"x","kubernetes":`+own+`,"kubernetes_labels":{"stage":"theirs"}}`)
	f("labels of another namespace", `{"log":"x","kubernetes_namespace":{"labels":{"owner":"theirs"}},"kubernetes":`+own+`}`)
	f("internal labels", `{"log":"x","__meta_kubernetes_namespace":"kube-system","__tenant_id__":"theirs","kubernetes":`+own+`}`)
	f("labels of entries", `{"log":"x","namespace":"kube-system","app":"vault","service_name":"vault","team":"root","kubernetes":`+own+`}`)
	// A pod's own labels and annotations.
	f("internal labels among the pod's own labels and annotations", `{"log":"x","kubernetes":`+strings.Replace(own, `"labels":{`,
		`"annotations":{"__tenant_id__":"theirs"},"labels":{"__tenant_id__":"theirs","namespace_name":"kube-system",`, 1)+`}`)
	suite.Table(t, "forged metadata", tried, "1, with the pod, namespace, container and labels of the filter, and the tenant of its delivery")
}

// Where the filter knows nothing of a pod, the line's own word is still not its.
func TestHostile_ForgedMetadataOfNoPod(t *testing.T) {
	r := newRig(t, rig.AnyAge, nil)
	const forged = `{"pod_name":"admin-1","namespace_name":"kube-system","labels":{"app":"vault"}}`
	quoted := strings.ReplaceAll(forged, `"`, `\"`)
	var tried []string
	f := func(name, record string) {
		t.Helper()
		tried = append(tried, name)
		require.Equal(t, 200, r.Deliver([]string{record}).Status)
		e := r.Entries(1)[0]
		require.NotContains(t, fmt.Sprint(e.Labels), "kube-system", record)
		require.NotContains(t, fmt.Sprint(e.Labels), "vault", record)
		require.NotContains(t, rig.Metadata(e)["pod"], "admin", record)
	}
	f("metadata in the text of a line, and lifted out of it, without any of the filter's", `{"log":"{\"kubernetes\":`+quoted+`}","kubernetes":`+forged+`}`)
	f("the same, with other members lifted beside", `{"log":"{\"level\":\"info\",\"kubernetes\":`+quoted+`}","level":"info","kubernetes":`+forged+`}`)
	f("metadata in the text of a line of no known pod", `{"log":"2026-08-20T10:00:00Z stdout F {\"kubernetes\":`+quoted+`}"}`)
	suite.Table(t, "forged metadata of no pod", tried, "1, without any pod, namespace or labels")
}

func without(labels map[string]string, name string) map[string]string {
	delete(labels, name)
	return labels
}

// Names of labels that a pod or a sender makes up neither break what Loki is sent,
// nor pass for labels that mean something.
func TestHostile_Labels(t *testing.T) {
	rules := rig.Rules(t, `
		rule {
			action = "labelmap"
			regex  = "__meta_kubernetes_pod_label_(.+)"
		}
		rule {
			action = "labelmap"
			regex  = "__aws_firehose_attribute_(.+)"
		}
	`)
	r := newRig(t, rig.AnyAge, nil)
	args := r.Arguments(``)
	args.Receiver.RelabelRules = rules
	require.NoError(t, r.Update(args))
	pod := `{"log":"x","kubernetes":{"namespace_name":"shop","labels":{
		"app.kubernetes.io/name":"web","a-b":"1","a b":"2","":"3","1":"4","é":"5","{job=\"x\"}":"6","\u0000\n":"7","a\"b":"8",
		"x":"{},\"=\n\u0000","` + strings.Repeat("n", 5000) + `":"9","y":"` + strings.Repeat("v", 100_000) + `"}}}`
	attributes := `{"commonAttributes":{"lbl___tenant_id__":"theirs","lbl_":"a","lbl_{}":"b","lbl_a\nb":"c","lbl_é":"d","lbl_1":"e",
		"__tenant_id__":"theirs","lbl___meta_kubernetes_namespace":"kube-system","lbl_namespace":"kube-system","lbl___name__":"f"}}`
	require.Equal(t, 200, r.Deliver([]string{pod}, "X-Scope-OrgID", "mine",
		"X-Amz-Firehose-Common-Attributes", strings.NewReplacer("\n", "", "\t", "").Replace(attributes)).Status)
	e := r.Entries(1)[0]
	require.EqualValues(t, "mine", e.Labels[lokientry.LabelTenant])
	require.EqualValues(t, "web", e.Labels["app_kubernetes_io_name"])
	for _, name := range slices.Sorted(maps.Keys(e.Labels)) {
		require.True(t, model.LegacyValidation.IsValidLabelName(string(name)), "%q", name)
		require.True(t, e.Labels[name].IsValid(), "%q", name)
		require.False(t, strings.HasPrefix(string(name), "__") && name != lokientry.LabelTenant, "%q", name)
	}
}

// The text of a record that cannot be decompressed is kept as it came.
func TestHostile_BombIsKept(t *testing.T) {
	r := newRig(t, hostile.Limits(""), nil)
	packed := hostile.Zip(t, strings.Repeat("\x00", 16<<20))
	require.Equal(t, 200, r.Deliver([]string{packed}, "X-Amz-Firehose-Access-Key", "key").Status)
	e := r.Entries(1)[0]
	require.Equal(t, "too_large", rig.Metadata(e)["parse_error"])
	require.Equal(t, base64.StdEncoding.EncodeToString([]byte(packed)), e.Line)
}
