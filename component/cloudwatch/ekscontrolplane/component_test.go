package ekscontrolplane

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/component/common/loki"

	"github.com/grafana/alloy/eks/internal/lokientry"
	"github.com/grafana/alloy/eks/internal/receiver"
	"github.com/grafana/alloy/eks/internal/rig"
	"github.com/grafana/alloy/eks/internal/standin"
	"github.com/grafana/alloy/eks/internal/subscription"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// rigged tells the rig of the component.
var rigged = rig.Kind[Arguments]{
	Name: Name, Namespace: kind.Namespace,
	New:      func(opts component.Options, args Arguments) (rig.Component, error) { return New(opts, args) },
	Receiver: func(args *Arguments) *receiver.Arguments { return &args.Receiver },
}

type testRig = rig.Rig[Arguments]

// newRig returns a rig whose component runs until the test ends. It listens if
// the text has a block http. The change may be nil.
func newRig(t *testing.T, text string, change func(*testRig, *component.Options)) *testRig {
	t.Helper()
	return rig.Start(t, rigged, text, change)
}

// listening are the arguments of a component that listens, and leaves entries
// their time whenever the test runs.
const listening = "http { }\n" + rig.AnyAge

const (
	group    = "/aws/eks/prod/cluster"
	instance = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
)

// eventTime is what CloudWatch has for the lines that message sends.
var eventTime = time.Date(2026, time.August, 20, 10, 0, 0, 0, time.UTC)

// message returns what a log stream, named by its prefix, hands over.
func message(prefix string, lines ...string) subscription.Message {
	m := subscription.Message{Owner: "444455556666", LogGroup: group, LogStream: prefix + instance}
	for _, line := range lines {
		m.Events = append(m.Events, subscription.Event{Time: eventTime.UnixMilli(), Text: line})
	}
	return m
}

// record returns a message as CloudWatch sends it.
func record(t *testing.T, m subscription.Message) string { return shaped(t, subscription.Gzip, m) }

func shaped(t *testing.T, form subscription.Form, m subscription.Message) string {
	t.Helper()
	data, err := subscription.NewEncoder(form).AppendRecord(nil, m)
	require.NoError(t, err)
	return string(data)
}

// auditEvent returns an audit event; more is members of it, with a comma behind
// each.
func auditEvent(verb, user, resource, more string) string {
	return fmt.Sprintf(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"5c0e-%s","stage":"ResponseComplete",`+
		`"requestURI":"/api/v1/namespaces/shop/%s/basket","verb":%q,"user":{"username":%q,"groups":["staff","system:authenticated"]},`+
		`"sourceIPs":["192.0.2.10"],"userAgent":"kubectl/v1.33","objectRef":{"resource":%q,"namespace":"shop","name":"basket","apiVersion":"v1"},%s`+
		`"requestReceivedTimestamp":"2026-08-20T09:59:59.999001Z","stageTimestamp":"2026-08-20T10:00:00.012345Z",`+
		`"annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":"RBAC: allowed"}}`,
		verb, resource, verb, user, resource, more)
}

// One line of each log.
const (
	apiLine           = `W0820 10:00:00.123456      11 httplog.go:132] "HTTP" verb="GET" URI="/api/v1/pods" latency="1.5ms" resp=200`
	authenticatorLine = `time="2026-08-20T10:00:01Z" level=warning msg="access denied" arn="arn:aws:iam::444455556666:role/intruder" client="127.0.0.1:40000" error="ARN is not mapped" method=POST path=/authenticate`
	schedulerLine     = `I0820 10:00:00.223456      10 schedule_one.go:314] "Successfully bound pod to node" pod="shop/basket-1" node="node-1"`
	controllerLine    = `E0820 10:00:00.323456      10 deployment_controller.go:655] syncing Deployment shop/basket failed`
	cloudLine         = `I0820 10:00:00.423456      12 tagging_controller.go:152] Skip putting node node-1 in work queue`
)

func at(nanos int) time.Time { return eventTime.Add(time.Duration(nanos)) }

func TestComponent_Entries(t *testing.T) {
	r := newRig(t, listening, nil)
	f := func(prefix, line string, at time.Time, labels, metadata map[string]string) {
		t.Helper()
		require.Equal(t, 200, r.Deliver([]string{record(t, message(prefix, line))}).Status)
		got := r.Entries(1)[0]
		require.Equal(t, line, got.Line)
		require.Equal(t, at, got.Timestamp.UTC())
		require.Equal(t, labels, rig.Labels(got))
		for name, value := range map[string]string{
			"account": "444455556666", "region": "us-east-1", "instance": instance, "timestamp_source": "line",
		} {
			metadata[name] = value
		}
		require.Equal(t, metadata, rig.Metadata(got))
	}
	f("kube-apiserver-", apiLine, at(123456000),
		map[string]string{"cluster": "prod", "log_type": "api", "level": "warn"},
		map[string]string{"msg": "HTTP", "source_file": "httplog.go", "source_line": "132", "thread_id": "11"})
	f("kube-apiserver-audit-", auditEvent("get", "jane", "configmaps", `"responseStatus":{"metadata":{},"code":200},`), at(12345000),
		map[string]string{"cluster": "prod", "log_type": "audit", "level": "info"},
		map[string]string{
			"audit_id": "5c0e-get", "stage": "ResponseComplete", "verb": "get", "user": "jane", "groups": "staff,system:authenticated",
			"source_ips": "192.0.2.10", "user_agent": "kubectl/v1.33", "resource": "configmaps", "namespace": "shop", "name": "basket",
			"response_code": "200", "decision": "allow", "reason": "RBAC: allowed", "request_uri": "/api/v1/namespaces/shop/configmaps/basket",
			"request_received": "2026-08-20T09:59:59.999001Z", "policy_level": "Metadata",
		})
	f("authenticator-", authenticatorLine, at(1e9),
		map[string]string{"cluster": "prod", "log_type": "authenticator", "level": "warn"},
		map[string]string{"msg": "access denied", "outcome": "denied", "arn": "arn:aws:iam::444455556666:role/intruder", "error": "ARN is not mapped"})
	f("kube-scheduler-", schedulerLine, at(223456000),
		map[string]string{"cluster": "prod", "log_type": "scheduler", "level": "info"},
		map[string]string{"msg": "Successfully bound pod to node", "source_file": "schedule_one.go", "source_line": "314", "thread_id": "10"})
	f("kube-controller-manager-", controllerLine, at(323456000),
		map[string]string{"cluster": "prod", "log_type": "controllerManager", "level": "error"},
		map[string]string{"source_file": "deployment_controller.go", "source_line": "655", "thread_id": "10"})
	f("cloud-controller-manager-", cloudLine, at(423456000),
		map[string]string{"cluster": "prod", "log_type": "cloudControllerManager", "level": "info"},
		map[string]string{"source_file": "tagging_controller.go", "source_line": "152", "thread_id": "12"})
	require.Equal(t, map[string]int{"line": 6}, r.Info().TimestampSources)
}

// A line without a header has the time and the severity of the one before it in
// the same stream, also when lines of other streams come between.
func TestComponent_HeadlessLines(t *testing.T) {
	r := newRig(t, listening, nil)
	require.Equal(t, 200, r.Deliver([]string{
		record(t, message("kube-controller-manager-", controllerLine)),
		record(t, message("kube-scheduler-", schedulerLine)),
		record(t, message("kube-controller-manager-", "goroutine 42 [running]:")),
	}).Status)
	got := r.Entries(3)[2]
	require.Equal(t, "goroutine 42 [running]:", got.Line)
	require.Equal(t, at(323456000), got.Timestamp.UTC())
	require.Equal(t, map[string]string{"cluster": "prod", "log_type": "controllerManager", "level": "error"}, rig.Labels(got))
	require.Equal(t, "line", rig.Metadata(got)["timestamp_source"])
}

func TestComponent_Cluster(t *testing.T) {
	f := func(text, logGroup, want string) {
		t.Helper()
		r := newRig(t, listening+text, nil)
		m := message("kube-scheduler-", schedulerLine)
		m.LogGroup = logGroup
		require.Equal(t, 200, r.Deliver([]string{record(t, m)}).Status)
		require.Equal(t, want, rig.Labels(r.Entries(1)[0])["cluster"])
	}
	f(``, "/aws/eks/shop-1/cluster", "shop-1")
	f(``, "/copies/shop-1", "")
	// The argument is for log groups that tell no cluster.
	f(`cluster = "given"`, "/aws/eks/shop-1/cluster", "shop-1")
	f(`cluster = "given"`, "/copies/shop-1", "given")
	// A group of the pattern, by its name or the first one.
	f(`cluster_pattern = "^/copies/([a-z]+)"`, "/copies/shop-1", "shop")
	f(`cluster_pattern = "^/(x|copies)/(?P<cluster>.+)$"`, "/copies/shop-1", "shop-1")
	f(`cluster_pattern = "^/copies/(.+)"`, "/aws/eks/shop-1/cluster", "")
}

// The account and the region in which a line arose are those of its log group, or
// of where that was copied from.
func TestComponent_Origin(t *testing.T) {
	r := newRig(t, listening, nil)
	f := func(change func(*subscription.Message), account, region string) {
		t.Helper()
		m := message("kube-scheduler-", schedulerLine)
		change(&m)
		require.Equal(t, 200, r.Deliver([]string{record(t, m)}).Status)
		md := rig.Metadata(r.Entries(1)[0])
		require.Equal(t, account, md["account"])
		require.Equal(t, region, md["region"])
	}
	f(func(m *subscription.Message) { m.Owner = "777788889999" }, "777788889999", "us-east-1")
	f(func(m *subscription.Message) { m.Account, m.Region = "222233334444", "eu-west-3" }, "222233334444", "eu-west-3")
}

func TestComponent_LabelsAndMetadata(t *testing.T) {
	r := newRig(t, listening+`
		labels = {
			region       = "__aws_region",
			group        = "__aws_cw_log_group",
			service_name = "eks",
			level        = "",
		}
		structured_metadata = {
			stream   = "__aws_cw_log_stream",
			filters  = "__aws_cw_matched_filters",
			messages = "__aws_cw_msg_type",
			owner    = "__aws_owner",
			firehose = "__aws_account_id",
			cluster2 = "__eks_cluster",
			log2     = "__eks_log_type",
			replica  = "__eks_instance",
			request  = "__aws_firehose_request_id",
			account  = "",
			region   = "",
			instance = "",
		}
		fields = []
	`, nil)
	require.Equal(t, 200, r.Deliver([]string{record(t, message("kube-scheduler-", schedulerLine))}).Status)
	got := r.Entries(1)[0]
	require.Equal(t, map[string]string{
		"cluster": "prod", "log_type": "scheduler", "region": "us-east-1", "group": group, "service_name": "eks",
	}, rig.Labels(got))
	require.Equal(t, map[string]string{
		"stream": "kube-scheduler-" + instance, "filters": subscription.Filter, "messages": "DATA_MESSAGE",
		"owner": "444455556666", "firehose": "111122223333", "cluster2": "prod", "log2": "scheduler", "replica": instance,
		"request": rig.RequestID, "timestamp_source": "line",
	}, rig.Metadata(got))
}

func TestComponent_RelabelRules(t *testing.T) {
	r := newRig(t, listening, nil)
	args := r.Arguments(listening)
	args.Receiver.RelabelRules = rig.Rules(t, `
		rule {
			action        = "drop"
			source_labels = ["__eks_log_type", "level"]
			separator     = "/"
			regex         = "scheduler/info"
		}
		rule {
			source_labels = ["cluster", "__eks_instance"]
			separator     = "/"
			target_label  = "instance"
		}
	`)
	require.NoError(t, r.Update(args))
	require.Equal(t, 200, r.Deliver([]string{
		record(t, message("kube-scheduler-", schedulerLine)), record(t, message("kube-controller-manager-", controllerLine)),
	}).Status)
	require.Equal(t, map[string]string{
		"cluster": "prod", "log_type": "controllerManager", "level": "error", "instance": "prod/" + instance,
	}, rig.Labels(r.Entries(1)[0]))
	require.EqualValues(t, 1, r.Metric("entries_total", "outcome", "dropped"))
	require.Equal(t, 1, r.Info().DroppedEntries)
}

func TestComponent_TenantAndAttributes(t *testing.T) {
	r := newRig(t, listening, nil)
	require.Equal(t, 200, r.Deliver([]string{record(t, message("kube-scheduler-", schedulerLine))},
		"X-Scope-OrgID", "team-a",
		"X-Amz-Firehose-Common-Attributes", `{"commonAttributes":{"lbl_stage":"live","lbl_cluster":"shop","other":"x"}}`).Status)
	require.Equal(t, map[string]string{
		lokientry.LabelTenant: "team-a", "cluster": "shop", "log_type": "scheduler", "level": "info", "stage": "live",
	}, rig.Labels(r.Entries(1)[0]))
}

func TestComponent_AccessKey(t *testing.T) {
	r := newRig(t, listening+`access_key = "key"`, nil)
	lines := []string{record(t, message("kube-scheduler-", schedulerLine))}
	require.Equal(t, 401, r.Deliver(lines).Status)
	require.Equal(t, 200, r.Deliver(lines, "X-Amz-Firehose-Access-Key", "key").Status)
	r.Entries(1)
}

// CloudWatch's probes are counted, and are no log.
func TestComponent_ControlMessages(t *testing.T) {
	r := newRig(t, listening, nil)
	const probe = `{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"","subscriptionFilters":[],` +
		`"logEvents":[{"id":"","timestamp":1787220000000,"message":"CWL CONTROL MESSAGE: Checking health of destination Firehose."}]}`
	require.Equal(t, 200, r.Deliver([]string{probe}).Status)
	require.EqualValues(t, 1, r.Metric("control_messages_total"))
	require.Zero(t, r.Metric("entries_total"))
}

// What cannot be read costs neither its own text nor what is beside it.
func TestComponent_PoisonRecords(t *testing.T) {
	r := newRig(t, listening, nil)
	whole := shaped(t, subscription.Decompressed, message("kube-scheduler-", schedulerLine, schedulerLine))
	packed := record(t, message("kube-scheduler-", schedulerLine))
	a := r.Post(rig.Envelope(
		rig.Encode(whole[:len(whole)-10]),
		rig.Encode(packed[:len(packed)-10]),
		`{"data":"*"}`,
		rig.Encode(record(t, message("kube-scheduler-", controllerLine))),
	))
	require.Equal(t, 200, a.Status)
	var flaws []string
	for _, e := range r.AllEntries() {
		flaws = append(flaws, rig.Metadata(e)["parse_error"])
	}
	require.Contains(t, flaws, "json")
	require.Contains(t, flaws, "compression")
	require.Contains(t, flaws, "base64")
	require.Empty(t, flaws[len(flaws)-1])
	require.EqualValues(t, 3, r.Metric("flawed_entries_total"))
	require.Equal(t, 3, r.Info().FlawedEntries)
}

func TestComponent_DebugInfo(t *testing.T) {
	r := newRig(t, listening, nil)
	require.Regexp(t, `^127\.0\.0\.1:\d+$`, r.Info().Endpoint.Address)
	m := message("kube-scheduler-", schedulerLine, "no header, and nothing before it in its stream")
	m.Events[0], m.Events[1] = m.Events[1], m.Events[0]
	require.Equal(t, 200, r.Deliver([]string{record(t, m), "neither stream nor time"}).Status)
	r.Entries(3)
	info := r.Info()
	require.Equal(t, map[string]int{"200": 1}, info.Endpoint.Deliveries)
	require.Equal(t, map[string]int{"line": 1, "cloudwatch": 1, "firehose": 1}, info.TimestampSources)
	require.NotEmpty(t, info.Endpoint.LastDelivery)
	r.Stop()
	require.Empty(t, r.Info().Endpoint.Address)
}

// A redelivery gives the same entries, byte for byte and nanosecond for
// nanosecond: that is what lets Loki drop it.
func TestComponent_Twice(t *testing.T) {
	records := [][]byte{
		[]byte(record(t, message("kube-scheduler-", schedulerLine, "no header", "no header", schedulerLine))),
		[]byte(record(t, message("kube-apiserver-audit-", auditEvent("get", "jane", "pods", "")))),
		[]byte(shaped(t, subscription.Extracted, message("authenticator-", authenticatorLine, "no header"))),
	}
	once := func(r *testRig) []string {
		result := r.Sender(standin.Options{Gzip: true, Timestamp: rig.RequestTime}).Send(t.Context(), records)
		require.Equal(t, standin.Accepted, result.Outcome, result)
		var out []string
		for _, e := range r.AllEntries() {
			out = append(out, rig.Plain(e))
		}
		return out
	}
	r := newRig(t, listening, nil)
	first := once(r)
	require.Len(t, first, 7)
	unique := map[string]bool{}
	for _, e := range first {
		unique[e] = true
	}
	require.Len(t, unique, 7, "equal lines are told apart")
	rig.RequireSame(t, first, once(r))
	rig.RequireSame(t, first, once(newRig(t, listening, nil)))
}

// Entries of HTTP deliveries are handed over before they are answered.
func TestComponent_Backpressure(t *testing.T) {
	r := newRig(t, listening+`limits { delivery_timeout = "1s" }`, func(r *testRig, _ *component.Options) { r.Receiver = loki.NewLogsReceiver() })
	require.Equal(t, 503, r.Deliver([]string{record(t, message("kube-scheduler-", schedulerLine))}).Status)
	require.Zero(t, r.Metric("entries_total"))
}
