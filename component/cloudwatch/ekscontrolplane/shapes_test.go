package ekscontrolplane

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component/common/loki"

	"github.com/grafana/alloy/eks/internal/rig"
	"github.com/grafana/alloy/eks/internal/subscription"
)

// messages are one of each log, and one whose second line has no header.
func messages() []subscription.Message {
	return []subscription.Message{
		message("kube-apiserver-", apiLine),
		message("kube-apiserver-audit-", auditEvent("get", "jane", "pods", `"responseStatus":{"metadata":{},"code":200},`)),
		message("authenticator-", authenticatorLine),
		message("kube-scheduler-", schedulerLine),
		message("kube-controller-manager-", controllerLine, "goroutine 42 [running]:"),
		message("cloud-controller-manager-", cloudLine),
	}
}

// delivered returns the entries of the messages, in the form that Firehose makes
// of them.
func delivered(t *testing.T, form subscription.Form, text string) []loki.Entry {
	t.Helper()
	r := newRig(t, listening+text, nil)
	var records []string
	for _, m := range messages() {
		records = append(records, shaped(t, form, m))
	}
	require.Equal(t, 200, r.Deliver(records).Status)
	return r.Entries(7)
}

// Decompression by Firehose changes nothing.
func TestShapes_Decompressed(t *testing.T) {
	want := delivered(t, subscription.Gzip, ``)
	for i, got := range delivered(t, subscription.Decompressed, ``) {
		require.Equal(t, rig.Plain(want[i]), rig.Plain(got))
	}
}

// Message extraction throws away what the envelope alone says: log group and log
// stream, and with them the cluster and the instance, the account of the log
// group, and the event time. What stands in the line is the same.
func TestShapes_Extracted(t *testing.T) {
	want := delivered(t, subscription.Gzip, ``)
	// No source file of these lines belongs to one component only.
	untold := map[string]string{apiLine: "api"}
	for i, got := range delivered(t, subscription.Extracted, `cluster = "prod"`) {
		require.Equal(t, want[i].Line, got.Line)
		require.Equal(t, want[i].Timestamp, got.Timestamp, got.Line)
		labels, metadata := rig.Labels(want[i]), rig.Metadata(want[i])
		if logType, ok := untold[got.Line]; ok {
			require.Equal(t, logType, labels["log_type"])
			labels["log_type"] = "unknown"
		}
		require.Equal(t, labels, rig.Labels(got), got.Line)
		require.Equal(t, instance, metadata["instance"])
		delete(metadata, "instance")
		require.Equal(t, "444455556666", metadata["account"])
		metadata["account"] = "111122223333" // The Firehose stream's own.
		require.Equal(t, metadata, rig.Metadata(got), got.Line)
	}
}

// Without an event time, a line of klog has the year of the delivery, and a line
// without any time has the delivery's.
func TestShapes_ExtractedTimes(t *testing.T) {
	r := newRig(t, listening, nil)
	f := func(form subscription.Form, line string, event, want time.Time, source string) {
		t.Helper()
		m := message("kube-scheduler-", line)
		m.Events[0].Time = event.UnixMilli()
		require.Equal(t, 200, r.Deliver([]string{shaped(t, form, m)}).Status)
		got := r.Entries(1)[0]
		require.Equal(t, want, got.Timestamp.UTC())
		require.Equal(t, source, rig.Metadata(got)["timestamp_source"])
	}
	newYear := time.Date(2023, time.January, 1, 0, 0, 1, 0, time.UTC)
	const eve = `I1231 23:59:59.999999      10 schedule_one.go:314] last`
	f(subscription.Gzip, eve, newYear, time.Date(2022, time.December, 31, 23, 59, 59, 999999000, time.UTC), "line")
	f(subscription.Extracted, eve, newYear, time.Date(2026, time.December, 31, 23, 59, 59, 999999000, time.UTC), "line")
	f(subscription.Gzip, "no header", newYear, newYear, "cloudwatch")
	f(subscription.Extracted, "no header", newYear, rig.RequestTime, "firehose")
}

// What EKS delivers directly, without CloudWatch Logs, is read as well.
func TestShapes_Direct(t *testing.T) {
	r := newRig(t, listening, nil)
	const line = `{"resource_arn":"arn:aws:eks:eu-west-1:555566667777:cluster/auto","event_timestamp":1787220000123,"level":"ERROR",` +
		`"controller":"nodeclaim.lifecycle","reconcileID":"9c2e","message":"failed launching nodeclaim"}`
	require.Equal(t, 200, r.Deliver([]string{line}).Status)
	got := r.Entries(1)[0]
	require.Equal(t, line, got.Line)
	require.Equal(t, int64(1787220000123), got.Timestamp.UnixMilli())
	require.Equal(t, map[string]string{"cluster": "auto", "log_type": "autoMode", "level": "error"}, rig.Labels(got))
	require.Equal(t, map[string]string{
		"account": "555566667777", "region": "eu-west-1", "msg": "failed launching nodeclaim", "controller": "nodeclaim.lifecycle",
		"reconcile_id": "9c2e", "resource_arn": "arn:aws:eks:eu-west-1:555566667777:cluster/auto", "timestamp_source": "line",
	}, rig.Metadata(got))
}
