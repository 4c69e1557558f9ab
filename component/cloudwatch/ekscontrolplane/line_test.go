package ekscontrolplane

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/controlplane"
	"github.com/grafana/alloy/eks/internal/rig"
)

func TestLineFormat_JSON(t *testing.T) {
	r := newRig(t, listening+`
		line_format = "json"
		fields      = []
	`, nil)
	f := func(prefix, line, want string) {
		t.Helper()
		require.Equal(t, 200, r.Deliver([]string{record(t, message(prefix, line))}).Status)
		got := r.Entries(1)[0]
		require.Equal(t, want, got.Line)
		require.True(t, json.Valid([]byte(got.Line)))
		require.Equal(t, map[string]string{
			"account": "444455556666", "region": "us-east-1", "instance": instance, "timestamp_source": "line",
		}, rig.Metadata(got))
	}
	f("kube-apiserver-", apiLine, `{"time":"2026-08-20T10:00:00.123456Z","level":"warn","log_type":"api","cluster":"prod","msg":"HTTP",`+
		`"source_file":"httplog.go","source_line":132,"thread_id":11,"verb":"GET","URI":"/api/v1/pods","latency":"1.5ms","resp":"200"}`)
	f("kube-apiserver-audit-", auditEvent("get", "jane", "configmaps", `"responseStatus":{"metadata":{},"reason":"NotFound","code":404},`),
		`{"time":"2026-08-20T10:00:00.012345Z","level":"warn","log_type":"audit","cluster":"prod",`+
			`"msg":"get /api/v1/namespaces/shop/configmaps/basket 404","audit_id":"5c0e-get","stage":"ResponseComplete","verb":"get",`+
			`"user":"jane","groups":"staff,system:authenticated","source_ips":"192.0.2.10","user_agent":"kubectl/v1.33",`+
			`"resource":"configmaps","namespace":"shop","name":"basket","response_code":404,"decision":"allow","reason":"RBAC: allowed",`+
			`"request_uri":"/api/v1/namespaces/shop/configmaps/basket","request_received":"2026-08-20T09:59:59.999001Z","policy_level":"Metadata",`+
			`"api_version":"v1","response_reason":"NotFound"}`)
	f("authenticator-", authenticatorLine, `{"time":"2026-08-20T10:00:01Z","level":"warn","log_type":"authenticator","cluster":"prod","msg":"access denied",`+
		`"outcome":"denied","arn":"arn:aws:iam::444455556666:role/intruder","error":"ARN is not mapped",`+
		`"client":"127.0.0.1:40000","method":"POST","path":"/authenticate"}`)
	f("kube-controller-manager-", controllerLine, `{"time":"2026-08-20T10:00:00.323456Z","level":"error","log_type":"controllerManager","cluster":"prod",`+
		`"msg":"syncing Deployment shop/basket failed","source_file":"deployment_controller.go","source_line":655,"thread_id":10}`)
}

func TestFields(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		r := newRig(t, listening+text, nil)
		require.Equal(t, 200, r.Deliver([]string{record(t, message("authenticator-", authenticatorLine))}).Status)
		var names []string
		for _, md := range r.Entries(1)[0].StructuredMetadata {
			names = append(names, md.Name)
		}
		require.Equal(t, append([]string{"account", "instance", "region"}, append(want, "timestamp_source")...), names)
	}
	f(``, "msg", "outcome", "arn", "error")
	f(`fields = []`)
	f(`fields = ["user", "error", "arn"]`, "arn", "error")
}

// secret is what nobody may see.
const secret = "c2VzYW1l"

func bodies(kind string) string {
	return `"requestObject":{"kind":"` + kind + `","data":{"k":"` + secret + `"}},"responseObject":{"kind":"` + kind + `","data":{"k":"` + secret + `"}},`
}

func TestRedact(t *testing.T) {
	f := func(text, resource string, hidden bool) {
		t.Helper()
		r := newRig(t, listening+text, nil)
		require.Equal(t, 200, r.Deliver([]string{
			record(t, message("kube-apiserver-audit-", auditEvent("update", "jane", resource, bodies(resource)))),
		}).Status)
		line := r.Entries(1)[0].Line
		require.True(t, json.Valid([]byte(line)))
		require.Equal(t, hidden, !strings.Contains(line, secret))
		require.Equal(t, hidden, strings.Contains(line, controlplane.RedactionMark))
		require.EqualValues(t, map[bool]int{true: 1}[hidden], r.Metric("redacted_audit_events_total"))
	}
	f(``, "secrets", true)
	f(``, "tokenreviews", true)
	f(``, "configmaps", false)
	f(`line_format = "json"`, "secrets", true)
	f(`redact = ["configmaps"]`, "configmaps", true)
	f(`redact = ["configmaps"]`, "secrets", false)
	f(`redact = []`, "secrets", false)
	f("line_format = \"json\"\nredact = []", "secrets", false)
}

func TestDrop(t *testing.T) {
	events := []string{
		auditEvent("watch", "system:node:node-1", "pods", `"responseStatus":{"code":200},`),
		auditEvent("watch", "system:node:node-1", "secrets", `"responseStatus":{"code":200},`),
		auditEvent("update", "eks:addon-manager", "leases", `"responseStatus":{"code":200},`),
		auditEvent("update", "eks:addon-manager", "leases", `"responseStatus":{"code":409},`),
		auditEvent("get", "jane", "leases", `"responseStatus":{"code":200},`),
		auditEvent("get", "jane", "pods", `"responseStatus":{"code":200},`),
	}
	f := func(text string, kept ...int) {
		t.Helper()
		r := newRig(t, listening+text, nil)
		require.Equal(t, 200, r.Deliver([]string{
			record(t, message("kube-apiserver-audit-", events...)), record(t, message("kube-scheduler-", schedulerLine)),
		}).Status)
		var want []string
		for _, i := range kept {
			want = append(want, events[i])
		}
		var got []string
		for _, e := range r.Entries(len(kept) + 1) {
			got = append(got, e.Line)
		}
		require.Equal(t, append(want, schedulerLine), got, "other logs are never dropped")
		require.EqualValues(t, len(events)-len(kept), r.Metric("dropped_audit_events_total"))
		require.Zero(t, r.Metric("entries_total", "outcome", "dropped"), "these are the relabeling rules'")
	}
	f(``, 0, 1, 2, 3, 4, 5)
	f(`drop_profile = "safe"`, 1, 3, 4, 5)
	f(`drop { verbs = ["get"] }`, 0, 1, 2, 3)
	f(`drop {
		verbs = ["get"]
		resources = ["pod*"]
	}`, 0, 1, 2, 3, 4)
	f(`
		drop_profile = "safe"
		drop { users = ["jane"] }
		drop { response_codes = ["409"] }
	`, 1)
	f("drop {\nverbs = [\"*\"]\nexcept_resources = [\"leases\"]\n}", 2, 3, 4)
}

// An event of which CloudWatch Logs has cut the end off keeps what is left of it.
func TestTruncated(t *testing.T) {
	r := newRig(t, listening, nil)
	whole := auditEvent("update", "jane", "configmaps", `"requestObject":{"data":{"k":"a long text"}},`)
	cut := whole[:strings.Index(whole, " text")] + "[Truncated...]"
	require.Equal(t, 200, r.Deliver([]string{record(t, message("kube-apiserver-audit-", cut))}).Status)
	got := r.Entries(1)[0]
	require.Equal(t, cut, got.Line)
	require.Equal(t, eventTime, got.Timestamp.UTC())
	require.Equal(t, map[string]string{"cluster": "prod", "log_type": "audit"}, rig.Labels(got), "the answer is missing")
	md := rig.Metadata(got)
	require.Equal(t, "true", md["truncated"])
	require.Equal(t, "jane", md["user"])
	require.Equal(t, "cloudwatch", md["timestamp_source"])
	require.EqualValues(t, 1, r.Metric("truncated_audit_events_total"))
}
