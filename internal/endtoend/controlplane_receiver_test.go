package endtoend

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/clustertraffic"
	"github.com/grafana/alloy/eks/internal/subscription"
)

// awaitEntries waits until the component has forwarded so many entries, and Loki
// has them.
func (a *alloy) awaitEntries(n int) {
	a.t.Helper()
	require.NoError(a.t, a.await(func() error {
		if forwarded := a.metric("cloudwatch_eks_controlplane_entries_total", "outcome", "forwarded"); int(forwarded) < n {
			return fmt.Errorf("%v of %d entries are forwarded", forwarded, n)
		}
		return nil
	}))
	a.flush()
}

// fromElsewhere are components that send entries to the one under test.
func fromElsewhere(loki *tenant, arguments, others string) settings {
	return settings{Loki: loki, Component: controlPlane, Arguments: anyAge + arguments, Others: others}
}

// startListening starts Alloy with others that send, one of which listens on a port
// that is written into them.
func startListening(t *testing.T, loki *tenant, others string) (a *alloy, address string) {
	t.Helper()
	a = newAlloy(t, controlPlane)
	a.start(2, func(addresses []string) {
		address = addresses[1]
		a.configure(fromElsewhere(loki, "", fmt.Sprintf(others, portOf(address))))
	})
	return a, address
}

// export writes what an export of the log groups to S3 holds: a folder for each
// task, in it one for each log stream, and in that one compressed files whose lines
// begin with their event time. It returns the targets that say whose they are.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/S3Export.html
func (g *logged) export(t *testing.T, labels func(*clustertraffic.Event) string) (targets string) {
	t.Helper()
	dir := t.TempDir()
	files := map[string]*bytes.Buffer{}
	prefixes := map[string]string{}
	for _, ev := range g.all() {
		prefix := filepath.Join(dir, ev.Cluster)
		path := filepath.Join(prefix, "0d2a5be1-6d0f-4f3c-9d2e-7d1f5a1c9b10", ev.LogStream, "000000.gz")
		if files[path] == nil {
			files[path] = &bytes.Buffer{}
		}
		fmt.Fprintf(files[path], "%s %s\n", time.UnixMilli(ev.Millis).UTC().Format("2006-01-02T15:04:05.000Z"), ev.Message)
		prefixes[prefix] = labels(&ev)
	}
	for path, text := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, err := w.Write(text.Bytes())
		require.NoError(t, err)
		require.NoError(t, w.Close())
		require.NoError(t, os.WriteFile(path, packed.Bytes(), 0o600))
	}
	for _, prefix := range sortedKeys(prefixes) {
		targets += fmt.Sprintf("{\"__path__\" = %q, %s},\n", prefix+"/*/*/*.gz", prefixes[prefix])
	}
	return targets
}

// readingFiles reads the files of an export.
const readingFiles = `
local.file_match "exports" {
	path_targets = [
		%s
	]
}

loki.source.file "exports" {
	targets    = local.file_match.exports.targets
	forward_to = [cloudwatch.eks_controlplane.in.receiver]

	decompression {
		enabled       = true
		initial_delay = "0s"
		format        = "gz"
	}
}
`

// TestControlPlane_Export reads an export to S3 from its files. The entries are those
// of deliveries: whatever comes both ways is in Loki once. There are no equal lines
// of one time, which are kept apart within a delivery only.
func TestControlPlane_Export(t *testing.T) {
	t.Parallel()
	loki := sharedLoki(t)
	f := func(name string, o clustertraffic.Options, arguments string, labels func(*clustertraffic.Event) string) {
		t.Helper()
		g := generateLogs(t, 500, o).distinct()
		n := loki.named(name)
		a := startAlloy(t, fromElsewhere(n, arguments, fmt.Sprintf(readingFiles, g.export(t, labels))))
		a.awaitEntries(len(g.all()))
		want := g.entries(0, enveloped)
		n.requireEntries(t, want)
		a.deliverLogs(t, g, subscription.Gzip, byCount(recordsPerDelivery))
		n.requireEntries(t, want)
	}
	f("clusters", several, "", func(ev *clustertraffic.Event) string {
		return fmt.Sprintf(`log_group = %q, account = %q, region = %q`, ev.LogGroup, ev.Account, ev.Region)
	})
	f("cluster", clustertraffic.Options{Clusters: 1}, `cluster = "harbour-prod"`, func(ev *clustertraffic.Event) string {
		require.Equal(t, "harbour-prod", ev.Cluster)
		return fmt.Sprintf(`account = %q, region = %q`, ev.Account, ev.Region)
	})
}

// upstream takes deliveries with the component of Alloy itself, which knows nothing
// of the lines, and passes on where they were read.
const upstream = `
loki.source.awsfirehose "upstream" {
	http {
		listen_address = "127.0.0.1"
		listen_port    = %s
	}
	grpc {
		listen_address = "127.0.0.1"
		listen_port    = 0
	}
	use_incoming_timestamp = true
	relabel_rules          = loki.relabel.cloudwatch.rules
	forward_to             = [cloudwatch.eks_controlplane.in.receiver]
}

loki.relabel "cloudwatch" {
	forward_to = []

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
}
`

// carried returns the entry of an event that another component has read, with its
// event time. What that is cannot be told from the time of a delivery; both are
// named after the latter.
func carried(ev *clustertraffic.Event) entry {
	e := enveloped(ev)
	if !ev.HasTime {
		e.Metadata["timestamp_source"] = "firehose"
	}
	return e
}

// TestControlPlane_Upstream delivers to loki.source.awsfirehose, which hands the
// lines on. It does not read extractedFields, so that centralised logs have the
// account of the archive and the region of the Firehose stream.
func TestControlPlane_Upstream(t *testing.T) {
	t.Parallel()
	g := generateLogs(t, 500, several)
	loki := sharedLoki(t)
	a, address := startListening(t, loki, upstream)
	how := byCount(recordsPerDelivery)
	how.URL = "http://" + address + "/awsfirehose/api/v1/push"
	a.mustDeliver(t, g.in(subscription.Gzip), how)
	a.awaitEntries(len(g.all()))

	owners := map[string]string{}
	for _, m := range g.messages {
		owners[m.LogGroup] = m.Owner
	}
	loki.requireEntries(t, g.entries(0, func(ev *clustertraffic.Event) entry {
		e := carried(ev)
		e.Metadata["account"], e.Metadata["region"] = owners[ev.LogGroup], firehoseRegion
		return e
	}))
}

// collector takes the log events that a collector of OpenTelemetry has fetched from
// CloudWatch Logs, with its names for where they were read.
const collector = `
otelcol.receiver.otlp "in" {
	http {
		endpoint = "127.0.0.1:%s"
	}
	output {
		logs = [otelcol.processor.transform.names.input]
	}
}

otelcol.processor.transform "names" {
	error_mode = "propagate"
	log_statements {
		context    = "resource"
		statements = [
			` + "`set(attributes[\"log_group\"], attributes[\"cloudwatch.log.group.name\"])`" + `,
			` + "`set(attributes[\"log_stream\"], attributes[\"cloudwatch.log.stream\"])`" + `,
			` + "`set(attributes[\"account\"], attributes[\"cloud.account.id\"])`" + `,
			` + "`set(attributes[\"region\"], attributes[\"aws.region\"])`" + `,
			` + "`set(attributes[\"loki.resource.labels\"], \"log_group, log_stream, account, region\")`" + `,
			` + "`set(attributes[\"loki.format\"], \"raw\")`" + `,
		]
	}
	output {
		logs = [otelcol.exporter.loki.lines.input]
	}
}

otelcol.exporter.loki "lines" {
	forward_to = [loki.relabel.lines.receiver]
}

loki.relabel "lines" {
	forward_to = [cloudwatch.eks_controlplane.in.receiver]

	rule {
		action = "labeldrop"
		regex  = "exporter"
	}
}
`

// TestControlPlane_OTLP sends the log events over OTLP. The entries are those of
// deliveries.
func TestControlPlane_OTLP(t *testing.T) {
	t.Parallel()
	g := generateLogs(t, 500, several)
	loki := sharedLoki(t)
	a, address := startListening(t, loki, collector)
	for i := range g.messages {
		g.post(t, "http://"+address+"/v1/logs", i)
	}
	a.awaitEntries(len(g.all()))
	loki.requireEntries(t, g.entries(0, carried))
}

// post sends a message as OTLP in JSON.
// https://opentelemetry.io/docs/specs/otlp/#otlphttp
func (g *logged) post(t *testing.T, address string, i int) {
	t.Helper()
	type object map[string]any
	type list []any
	text := func(s string) object { return object{"stringValue": s} }
	first := g.events[i][0]
	var attributes, records list
	for name, value := range map[string]string{
		"cloudwatch.log.group.name": first.LogGroup, "cloudwatch.log.stream": first.LogStream,
		"cloud.account.id": first.Account, "aws.region": first.Region,
	} {
		attributes = append(attributes, object{"key": name, "value": text(value)})
	}
	for _, ev := range g.events[i] {
		records = append(records, object{"timeUnixNano": fmt.Sprint(time.UnixMilli(ev.Millis).UnixNano()), "body": text(ev.Message)})
	}
	body, err := json.Marshal(object{"resourceLogs": list{object{
		"resource":  object{"attributes": attributes},
		"scopeLogs": list{object{"logRecords": records}},
	}}})
	require.NoError(t, err)
	resp, err := client.Post(address, "application/json", bytes.NewReader(body))
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
}
