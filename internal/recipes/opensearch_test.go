package recipes

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// pipeline takes logs by OTLP in the place of Data Prepper, and makes of them what
// is indexed in OpenSearch. It refuses them while it is down, and always when they are
// not compressed as it is told that they are. It is safe for concurrent use.
type pipeline struct {
	url         string
	compression string // Of HTTP, and none if empty, as Data Prepper has it by default.
	down        atomic.Bool

	mu        sync.Mutex
	documents []map[string]any
}

// startPipeline starts one behind a check of signatures, as Amazon OpenSearch
// Ingestion is.
func startPipeline(t *testing.T) *pipeline {
	t.Helper()
	p := &pipeline{}
	mux := http.NewServeMux()
	mux.Handle("POST /v1/logs", p)
	server := httptest.NewServer(signed{keys: keys, region: region, service: "osis", next: mux})
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

func (p *pipeline) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.down.Load() {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	if got := r.Header.Get("Content-Encoding"); got != p.compression {
		http.Error(w, "another compression is configured", http.StatusBadRequest)
		return
	}
	logs, err := readExport(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, of := range logs.ResourceLogs().All() {
		for _, scope := range of.ScopeLogs().All() {
			for _, l := range scope.LogRecords().All() {
				document := map[string]any{
					"time": instant(l.Timestamp()), "observedTime": instant(l.ObservedTimestamp()), "body": l.Body().AsString(),
					"severityText": l.SeverityText(), "severityNumber": int(l.SeverityNumber()), "serviceName": nil,
				}
				if name, ok := of.Resource().Attributes().Get("service.name"); ok {
					document["serviceName"] = name.AsString()
				}
				index(document, "resource.attributes.", of.Resource().Attributes())
				index(document, "log.attributes.", l.Attributes())
				p.documents = append(p.documents, document)
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	w.WriteHeader(http.StatusOK)
}

func instant(t pcommon.Timestamp) string { return t.AsTime().Format(time.RFC3339Nano) }

// index adds attributes with the names that they have in an index: those of Data
// Prepper's output_format opensearch, which is the default.
func index(document map[string]any, prefix string, attributes pcommon.Map) {
	for name, value := range attributes.All() {
		document[prefix+strings.ReplaceAll(name, ".", "@")] = value.AsRaw()
	}
}

// indexed returns all documents.
func (p *pipeline) indexed() []map[string]any {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.documents)
}

// has returns nil once there are n documents.
func (p *pipeline) has(n int) func() error {
	return func() error {
		if got := len(p.indexed()); got < n {
			return fmt.Errorf("%w to OpenSearch: %d of %d documents", errTooFew, got, n)
		}
		return nil
	}
}

// severityNumbers are OpenTelemetry's for the severities of syslog.
var severityNumbers = map[string]int{
	"emergency": 21, "alert": 19, "critical": 18, "error": 17, "warning": 13, "notice": 10, "informational": 9, "debug": 5,
}

// document returns what a message becomes in an index, without the times.
func (m message) document() map[string]any {
	document := map[string]any{
		"body": m.line, "serviceName": m.labels[1], "severityText": m.metadata["severity"], "severityNumber": severityNumbers[m.metadata["severity"]],
		"resource.attributes.host@name": m.labels[0], "resource.attributes.service@name": m.labels[1],
	}
	for name, value := range m.metadata {
		if name != "level" && name != "severity" {
			document["log.attributes."+name] = value
		}
	}
	return document
}

// openSearch runs a configuration and returns a connection for messages.
func openSearch(t *testing.T, config string, pipeline *pipeline, env []string) (*alloy, net.Conn) {
	t.Helper()
	certFile, keyFile, _ := certificate(t)
	config = replace(t, config, `"0.0.0.0:1514"`, `"127.0.0.1:0"`, `"0.0.0.0:6514"`, `"127.0.0.1:0"`,
		"/etc/alloy/tls/tls.crt", certFile, "/etc/alloy/tls/tls.key", keyFile, "\t\tmax_elapsed_time =", "\t\tinitial_interval = \"100ms\"\n\t\tmax_elapsed_time =")
	a := startAlloy(t, config, []string{"--stability.level=experimental"}, append(env, "OPENSEARCH_PIPELINE_URL="+pipeline.url)...)
	conn, err := net.Dial("tcp", a.logged(`address=(\S+) protocol=tcp tls=false`)[0])
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return a, conn
}

func TestOpenSearch(t *testing.T) {
	t.Parallel()
	pipeline := startPipeline(t)
	pipeline.down.Store(true)
	began := time.Now()
	a, conn := openSearch(t, recipe(t, "syslog-opensearch.alloy"), pipeline, podIdentity(t, keys))
	sent := messages(began)
	for number, severity := range []string{"emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug"} {
		line := "severity " + severity
		sent = append(sent, message{
			bytes: fmt.Sprintf("<%d>%s", number, line), line: line, labels: [2]string{"127.0.0.1", "syslog"},
			metadata: map[string]string{"severity": severity, "facility": "kern", "peer": "127.0.0.1"},
		})
	}
	for _, m := range sent {
		_, err := fmt.Fprintln(conn, m.bytes)
		require.NoError(t, err)
	}

	// The pipeline is down, Alloy dies, and both come back: nothing is lost.
	a.logged("Exporting failed. Will retry the request after interval")
	a.await(a.metric("otelcol_exporter_queue_size{", fmt.Sprintf("} %d\n", len(sent))))
	a.Kill()
	a.start()
	pipeline.down.Store(false)
	a.await(pipeline.has(len(sent)))
	got := pipeline.indexed()
	require.Len(t, got, len(sent))
	for _, m := range sent {
		i := slices.IndexFunc(got, func(document map[string]any) bool { return document["body"] == m.line })
		require.NotEqual(t, -1, i, "%q in %v", m.line, got)
		document := maps.Clone(got[i])
		for _, name := range []string{"time", "observedTime"} {
			at, err := time.Parse(time.RFC3339Nano, document[name].(string))
			require.NoError(t, err)
			if name == "time" && !m.at.IsZero() {
				require.True(t, m.at.Equal(at), m.bytes)
			} else {
				require.False(t, at.Before(began), "%s of arrival: %q", name, m.bytes)
			}
			delete(document, name)
		}
		require.Equal(t, m.document(), document, m.bytes)
	}
}

// What the page says for a Data Prepper of one's own, for compression, and for Loki.
func TestOpenSearch_Changed(t *testing.T) {
	t.Parallel()
	loki := startLoki(t)
	pipeline := &pipeline{compression: "gzip"}
	server := httptest.NewServer(pipeline)
	t.Cleanup(server.Close)
	pipeline.url = server.URL
	config := recipe(t, "syslog-opensearch.alloy")
	block := config[strings.Index(config, `otelcol.auth.sigv4 "`):strings.Index(config, `otelcol.storage.file "`)]
	_, write, ok := strings.Cut(recipe(t, "syslog.alloy"), "\nloki.write")
	require.True(t, ok)
	config = replace(t, config, block, "", "\t\tauth        = otelcol.auth.sigv4.opensearch.handler\n", "", `compression = "none"`, `compression = "gzip"`,
		"otelcol.receiver.loki.opensearch.receiver", "otelcol.receiver.loki.opensearch.receiver, loki.write.default.receiver")
	a, conn := openSearch(t, config+"\nloki.write"+write, pipeline, []string{"LOKI_URL=" + loki.url})
	_, err := fmt.Fprintln(conn, "<6>hello")
	require.NoError(t, err)
	a.await(pipeline.has(1))
	a.await(loki.has(1))
	require.Equal(t, "hello", pipeline.indexed()[0]["body"])
	require.Equal(t, "hello", loki.taken()[0].Line)
}

// What is signed otherwise is refused, and Alloy says so.
func TestOpenSearch_Refused(t *testing.T) {
	t.Parallel()
	pipeline := startPipeline(t)
	other := keys
	other.SecretAccessKey = "other"
	a, conn := openSearch(t, recipe(t, "syslog-opensearch.alloy"), pipeline, podIdentity(t, other))
	_, err := fmt.Fprintln(conn, "<6>hello")
	require.NoError(t, err)
	a.logged(`Exporting failed. Dropping data.*HTTP Status Code 403`)
	a.await(a.metric("otelcol_exporter_send_failed_log_records_total{", "} 1"))
	require.Empty(t, pipeline.indexed())
}

// Both configurations of syslog take messages in the same way.
func TestOpenSearch_SameAsSyslog(t *testing.T) {
	f := func(name, destination, next string) string {
		t.Helper()
		_, config, ok := strings.Cut(recipe(t, name), "\n") // The first line is a comment.
		require.True(t, ok)
		config, _, ok = strings.Cut(config, next)
		require.True(t, ok)
		return replace(t, config, destination, "NEXT")
	}
	require.Equal(t,
		f("syslog.alloy", "loki.write.default.receiver", "loki.write"+` "default" {`),
		f("syslog-opensearch.alloy", "otelcol.receiver.loki.opensearch.receiver", `otelcol.receiver.loki "opensearch" {`))
}
