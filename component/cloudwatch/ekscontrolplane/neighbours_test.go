package ekscontrolplane

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/go-kit/log"
	translator "github.com/open-telemetry/opentelemetry-collector-contrib/pkg/translator/loki"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/component/common/loki"
	"github.com/grafana/alloy/internal/component/loki/source/aws_firehose"
	"github.com/grafana/alloy/syntax"

	"github.com/grafana/alloy/eks/internal/firehose"
	"github.com/grafana/alloy/eks/internal/rig"
	"github.com/grafana/alloy/eks/internal/standin"
	"github.com/grafana/alloy/eks/internal/subscription"
)

// sourceRules make labels of the internal ones that loki.source.awsfirehose has.
// README.md shows them.
const sourceRules = `
	rule {
		source_labels = ["__aws_cw_log_group"]
		target_label  = "log_group"
	}
	rule {
		source_labels = ["__aws_cw_log_stream"]
		target_label  = "log_stream"
	}
	rule {
		source_labels = ["__aws_owner"]
		target_label  = "account"
	}
	rule {
		source_labels = ["__aws_firehose_source_arn"]
		regex         = "arn:[^:]+:firehose:([^:]+):.*"
		target_label  = "region"
	}
`

// source runs a loki.source.awsfirehose before the rig, and returns a Firehose for
// it.
func source(t *testing.T, r *testRig) *standin.Sender {
	t.Helper()
	port, free := rig.OccupiedPort(t)
	free()
	var args aws_firehose.Arguments
	require.NoError(t, syntax.Unmarshal(fmt.Appendf(nil, `
		forward_to             = []
		use_incoming_timestamp = true
		http {
			listen_address = "127.0.0.1"
			listen_port    = %d
		}
		grpc {
			listen_address = "127.0.0.1"
			listen_port    = 0
		}
	`, port), &args))
	args.ForwardTo = []loki.LogsReceiver{exported(r)}
	args.RelabelRules = rig.Rules(t, sourceRules)
	c, err := aws_firehose.New(component.Options{Logger: log.NewNopLogger(), Registerer: prometheus.NewRegistry()}, args)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		require.NoError(t, <-done)
	})
	sender, err := standin.NewSender(standin.Options{
		URL: fmt.Sprintf("http://127.0.0.1:%d%s", port, firehose.PathPush), Transport: transport, Seed: 1,
	})
	require.NoError(t, err)
	return sender
}

// Behind loki.source.awsfirehose, entries are those of the component's own server.
func TestNeighbours_LokiSource(t *testing.T) {
	r := newRig(t, rig.AnyAge, nil)
	sender := source(t, r)
	var records [][]byte
	for _, m := range messages() {
		records = append(records, []byte(record(t, m)))
	}
	result := sender.Send(t.Context(), records)
	require.Equal(t, standin.Accepted, result.Outcome, result)
	got := r.Entries(7)
	for i, want := range delivered(t, subscription.Gzip, ``) {
		require.Equal(t, rig.Plain(want), rig.Plain(got[i]))
	}
	// With decompression by Firehose it passes on whole envelopes.
	result = sender.Send(t.Context(), [][]byte{[]byte(shaped(t, subscription.Decompressed, message("kube-scheduler-", schedulerLine)))})
	require.Equal(t, standin.Accepted, result.Outcome, result)
	require.Equal(t, map[string]string{"cluster": "prod", "log_type": "scheduler", "level": "info"}, rig.Labels(r.Entries(1)[0]))
}

// otelRecord is what otelcol.receiver.awscloudwatch makes of a log event, with the
// hints that README.md's transform processor sets.
func otelRecord(m *subscription.Message, i int) (plog.LogRecord, pcommon.Resource) {
	lr, res := plog.NewLogRecord(), pcommon.NewResource()
	lr.SetTimestamp(pcommon.Timestamp(m.Events[i].Time * 1e6))
	lr.SetSeverityNumber(plog.SeverityNumberInfo)
	lr.Body().SetStr(m.Events[i].Text)
	lr.Attributes().PutStr("id", "0")
	for name, value := range map[string]string{
		"aws.region": "us-east-1", "cloudwatch.log.group.name": m.LogGroup, "cloudwatch.log.stream": m.LogStream, "service.name": "otel",
		"region": "us-east-1", "log_group": m.LogGroup, "log_stream": m.LogStream,
		"loki.resource.labels": "log_group, log_stream, region", "loki.format": "raw",
	} {
		res.Attributes().PutStr(name, value)
	}
	return lr, res
}

// What otelcol.exporter.loki makes of a log record gives the same entry, when the
// labels that it adds by itself are taken away.
func TestNeighbours_OTel(t *testing.T) {
	const own = `
		labels = {exporter = "", job = ""}
		structured_metadata = {account = "444455556666"}
	`
	r := newRig(t, rig.AnyAge+own, nil)
	for _, m := range messages() {
		for i := range m.Events {
			lr, res := otelRecord(&m, i)
			e, err := translator.LogToLokiEntry(lr, res, pcommon.NewInstrumentationScope(), nil)
			require.NoError(t, err)
			require.Contains(t, e.Labels, model.LabelName("exporter"))
			require.Contains(t, e.Labels, model.LabelName("job"))
			require.Contains(t, e.Labels, model.LabelName("level"))
			give(r, loki.Entry{Labels: e.Labels, Entry: *e.Entry})
		}
	}
	got := r.Entries(7)
	for i, want := range delivered(t, subscription.Gzip, ``) {
		require.Equal(t, rig.Plain(want), rig.Plain(got[i]))
	}
}
