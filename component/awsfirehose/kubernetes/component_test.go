package kubernetes

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/grafana/alloy/internal/component"

	"github.com/grafana/alloy/eks/internal/capture"
	"github.com/grafana/alloy/eks/internal/firehose"
	"github.com/grafana/alloy/eks/internal/lokientry"
	"github.com/grafana/alloy/eks/internal/podlog"
	"github.com/grafana/alloy/eks/internal/receiver"
	"github.com/grafana/alloy/eks/internal/rig"
	"github.com/grafana/alloy/eks/internal/standin"
	"github.com/grafana/alloy/eks/internal/subscription"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

const testdata = "../../../testdata/fluentbit"

// rigged tells the rig of the component.
var rigged = rig.Kind[Arguments]{
	Name: Name, Namespace: kind.Namespace,
	New:      func(opts component.Options, args Arguments) (rig.Component, error) { return New(opts, args) },
	Receiver: func(args *Arguments) *receiver.Arguments { return &args.Receiver },
}

type testRig = rig.Rig[Arguments]

// newRig returns a rig whose component runs until the test ends. The change may
// be nil.
func newRig(t *testing.T, text string, change func(*testRig, *component.Options)) *testRig {
	t.Helper()
	return rig.Start(t, rigged, text, change)
}

// records returns the records of a capture.
func records(t testing.TB, name string) [][]byte {
	t.Helper()
	reader := capture.Open(subscription.Gzip, filepath.Join(testdata, name))
	defer reader.Close()
	var all [][]byte
	for reader.Next() {
		all = append(all, bytes.Clone(reader.Record()))
	}
	require.NoError(t, reader.Err())
	return all
}

// containerLine is a record of Fluent Bit on Fargate.
func containerLine(pod, line string) string {
	return fmt.Sprintf(`{"log":%q,"kubernetes":{"pod_name":%q,"namespace_name":"shop","labels":{"app":"web","team":"search"},"host":"node-1","container_name":"nginx","container_image":"nginx:1.27"}}`+"\n",
		line, pod)
}

func TestComponent_Entry(t *testing.T) {
	r := newRig(t, rig.AnyAge+`cluster = "prod"`, nil)
	a := r.Deliver([]string{containerLine("web-1", `2026-08-20T10:00:00.123456789Z stderr F level=warn msg="low on disk"`)})
	require.Equal(t, http.StatusOK, a.Status)
	require.Equal(t, rig.RequestID, a.Request)
	require.WithinDuration(t, time.Now(), time.UnixMilli(a.Time), time.Minute)
	require.Empty(t, a.Error)

	got := r.Entries(1)
	require.Equal(t, `level=warn msg="low on disk"`, got[0].Line)
	require.Equal(t, time.Date(2026, time.August, 20, 10, 0, 0, 123456789, time.UTC), got[0].Timestamp.UTC())
	require.Equal(t, map[string]string{
		"cluster": "prod", "namespace": "shop", "container": "nginx", "app": "web", "service_name": "web", "stream": "stderr",
	}, rig.Labels(got[0]))
	require.Equal(t, map[string]string{
		"pod": "web-1", "node": "node-1", "image": "nginx:1.27", "level": "warn", "timestamp_source": "cri",
	}, rig.Metadata(got[0]))
}

// What Fluent Bit delivered of the containers' logs comes out as it was written.
func TestComponent_Capture(t *testing.T) {
	r := newRig(t, rig.AnyAge, nil)
	result := r.Sender(standin.Options{Gzip: true}).Send(t.Context(), records(t, "fargate-default.jsonl.gz"))
	require.Equal(t, standin.Accepted, result.Outcome, result)
	require.Len(t, result.Attempts, 1)

	var arrived []podlog.Arrival
	for _, e := range r.AllEntries() {
		md := rig.Metadata(e)
		a := podlog.Arrival{
			Pod: md["pod"], Namespace: string(e.Labels["namespace"]), Container: string(e.Labels["container"]),
			Stream: string(e.Labels["stream"]), Text: e.Line, Fragment: md["partial"] == "true",
		}
		if md["timestamp_source"] == "cri" {
			a.Nanos = e.Timestamp.UnixNano()
		}
		arrived = append(arrived, a)
	}
	all, err := podlog.ReadArchive(filepath.Join(testdata, "input.tar.gz"))
	require.NoError(t, err)
	var written []podlog.Line
	for _, line := range all {
		if line.Dir == "cri" || line.Dir == "cri-long" {
			written = append(written, line)
		}
	}
	got, notes := podlog.Compare(written, arrived)
	// Some lines were altered before they were delivered, and one was lost.
	require.GreaterOrEqual(t, got.Exact, 281, notes)
	require.GreaterOrEqual(t, got.TimeExact, 287, notes)
	require.GreaterOrEqual(t, got.Source, 279, notes)
	require.LessOrEqual(t, got.Missing, 1, notes)
	require.Zero(t, got.Extra, notes)
	require.EqualValues(t, result.Records, r.Metric("records_total"))
}

func TestComponent_AccessKeys(t *testing.T) {
	r := newRig(t, `access_key = "first"`, nil)
	f := func(key string, want int) {
		t.Helper()
		headers := []string{}
		if key != "" {
			headers = []string{"X-Amz-Firehose-Access-Key", key}
		}
		require.Equal(t, want, r.Deliver([]string{"x"}, headers...).Status, key)
	}
	f("first", 200)
	f("", 401)
	f("firs", 401)
	f("second", 401)
	require.Len(t, r.AllEntries(), 1, "nothing of a refused delivery goes on")
	require.EqualValues(t, 3, r.Metric("deliveries_total", "status", "401", "reason", "access_key"))

	// While the key of a stream changes, both are good.
	r.Configure(`access_keys = ["first", "second"]`)
	f("first", 200)
	f("second", 200)
	r.Configure(`access_keys = ["second"]`)
	f("first", 401)
	f("second", 200)
	r.Configure(``)
	f("", 200)
}

// A key with a name has a tenant and streams of its own, and tells in the metrics
// who uses it.
func TestComponent_NamedKeys(t *testing.T) {
	const shop = `
		key {
			name        = "shop"
			access_key  = "%s"
			tenant_id   = "t1"
			source_arns = ["arn:aws:firehose:*:123456789012:deliverystream/*"]
		}
	`
	r := newRig(t, `access_key = "plain"`+fmt.Sprintf(shop, "first"), nil)
	f := func(key, arn string, want int) {
		t.Helper()
		require.Equal(t, want, r.Deliver([]string{"x"}, "X-Amz-Firehose-Access-Key", key, "X-Amz-Firehose-Source-Arn", arn).Status)
	}
	const ours, other = "arn:aws:firehose:us-east-1:123456789012:deliverystream/a", "arn:aws:firehose:us-east-1:999999999999:deliverystream/a"
	f("first", ours, 200)
	require.EqualValues(t, "t1", r.Entries(1)[0].Labels[lokientry.LabelTenant])
	f("first", other, 403)
	f("plain", other, 200)
	require.NotContains(t, r.Entries(1)[0].Labels, model.LabelName(lokientry.LabelTenant))
	r.Configure(fmt.Sprintf(shop, "second"))
	f("first", ours, 401)
	f("second", ours, 200)

	require.EqualValues(t, 2, r.Metric("key_deliveries_total", "key", "shop", "status", "200"))
	require.EqualValues(t, 1, r.Metric("key_deliveries_total", "key", "shop", "status", "403"))
	require.EqualValues(t, 1, r.Metric("deliveries_total", "status", "403", "reason", "source_arn"))
}

func TestComponent_Tenant(t *testing.T) {
	r := newRig(t, ``, nil)
	require.Equal(t, 200, r.Deliver([]string{"hello"}, "X-Scope-OrgID", "team-a").Status)
	require.Equal(t, map[string]string{lokientry.LabelTenant: "team-a", "service_name": "unknown_service"}, rig.Labels(r.Entries(1)[0]))

	require.Equal(t, 400, r.Deliver([]string{"hello"}, "X-Scope-OrgID", "team-a|team-b").Status)
	require.EqualValues(t, 1, r.Metric("deliveries_total", "reason", "tenant"))
}

func TestComponent_CommonAttributes(t *testing.T) {
	r := newRig(t, `
		labels = {
			zone   = "__aws_firehose_attribute_zone",
			stage  = "__aws_firehose_attribute_lbl_stage",
		}
	`, nil)
	a := r.Deliver([]string{"hello"}, "X-Amz-Firehose-Common-Attributes", `{"commonAttributes":{`+
		`"lbl_stage":"prod","lbl_cost-center":"42","zone":"a","unused":"x",`+
		`"lbl_":"x","lbl___tenant_id__":"x","lbl_--tenant_id__":"x"}}`)
	require.Equal(t, 200, a.Status)
	require.Equal(t, map[string]string{
		"stage": "prod", "cost_center": "42", "zone": "a", "service_name": "unknown_service",
	}, rig.Labels(r.Entries(1)[0]), "a sender cannot choose the tenant")

	// What cannot be read costs the attributes, not the records.
	require.Equal(t, 200, r.Deliver([]string{"hello"}, "X-Amz-Firehose-Common-Attributes", `{`).Status)
	require.Equal(t, map[string]string{"service_name": "unknown_service"}, rig.Labels(r.Entries(1)[0]))
	require.EqualValues(t, 1, r.Metric("malformed_attributes_total"))
}

func TestComponent_LabelsAndMetadata(t *testing.T) {
	r := newRig(t, rig.AnyAge+`
		cluster = "prod"
		labels = {
			pod       = "__meta_kubernetes_pod_name",
			team      = "__meta_kubernetes_pod_label_team",
			region    = "__aws_region",
			az        = "__record_az",
			origin    = "firehose",
			container = "",
			absent    = "__meta_kubernetes_nothing",
		}
		structured_metadata = {
			request = "__aws_firehose_request_id",
			account = "__aws_account_id",
			image   = "",
			rack    = "__record_rack",
		}
	`, nil)
	record := strings.TrimSuffix(containerLine("web-1", "hello"), "}\n") + `,"az":"use1-az1","rack":7}`
	require.Equal(t, 200, r.Deliver([]string{record}).Status)
	got := r.Entries(1)[0]
	require.Equal(t, map[string]string{
		"cluster": "prod", "namespace": "shop", "app": "web", "service_name": "web",
		"pod": "web-1", "team": "search", "region": "us-east-1", "az": "use1-az1", "origin": "firehose",
	}, rig.Labels(got))
	require.Equal(t, map[string]string{
		"pod": "web-1", "node": "node-1", "rack": "7", "request": rig.RequestID, "account": "111122223333", "timestamp_source": "firehose",
	}, rig.Metadata(got))
}

func TestComponent_RelabelRules(t *testing.T) {
	r := newRig(t, ``, nil)
	args := r.Arguments(``)
	args.Receiver.RelabelRules = rig.Rules(t, `
		rule {
			action        = "drop"
			source_labels = ["__meta_kubernetes_pod_name"]
			regex         = "noisy-.*"
		}
		rule {
			source_labels = ["__meta_kubernetes_namespace", "__meta_kubernetes_pod_name"]
			separator     = "/"
			target_label  = "instance"
		}
		rule {
			action = "labeldrop"
			regex  = "stream|app"
		}
	`)
	require.NoError(t, r.Update(args))
	require.Equal(t, 200, r.Deliver([]string{
		containerLine("noisy-1", "2026-08-20T10:00:00Z stdout F one"),
		containerLine("web-1", "2026-08-20T10:00:00Z stdout F two"),
		containerLine("noisy-2", "2026-08-20T10:00:00Z stdout F three"),
	}).Status)
	got := r.Entries(1)
	require.Equal(t, map[string]string{
		"namespace": "shop", "container": "nginx", "service_name": "web", "instance": "shop/web-1",
	}, rig.Labels(got[0]))
	require.EqualValues(t, 2, r.Metric("entries_total", "outcome", "dropped"))
	require.EqualValues(t, 1, r.Metric("entries_total", "outcome", "forwarded"))
	require.Equal(t, 2, r.Info().DroppedEntries)
}

func TestComponent_HealthChecks(t *testing.T) {
	r := newRig(t, `access_key = "key"`, nil)
	f := func(method, path string, want int) {
		t.Helper()
		req, err := http.NewRequest(method, "http://"+r.Info().Endpoint.Address+path, http.NoBody)
		require.NoError(t, err)
		resp, err := r.Client.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, want, resp.StatusCode)
	}
	f(http.MethodGet, "/", 200)
	f(http.MethodHead, "/", 200)
	require.Zero(t, r.Metric("deliveries_total"))
	require.Empty(t, r.Info().Endpoint.Deliveries)

	f(http.MethodGet, firehose.PathPush, 405)
	f(http.MethodPost, "/else/where", 404)
	require.EqualValues(t, 2, r.Metric("deliveries_total"))
}

// A path that a router would clean up by a redirect, which Firehose does not
// follow, is answered as it is.
func TestComponent_NeverRedirects(t *testing.T) {
	r := newRig(t, ``, nil)
	r.Client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	f := func(path string, want int) {
		t.Helper()
		resp, err := r.Client.Post("http://"+r.Info().Endpoint.Address+path, "application/json", strings.NewReader(rig.Envelope(`{"data":"eA=="}`)))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, want, resp.StatusCode, path)
	}
	f("/", 200)
	f(firehose.PathPush+"/", 200)
	f("//awsfirehose/api/v1/push", 404)
	f("/awsfirehose/./api/v1/push", 404)
}

func TestComponent_TLS(t *testing.T) {
	borrowed := httptest.NewTLSServer(nil)
	defer borrowed.Close()
	pair := borrowed.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	require.NoError(t, err)
	r := newRig(t, fmt.Sprintf("http {\ntls {\ncert_pem = %q\nkey_pem = %q\nmin_version = \"VersionTLS13\"\n}\n}",
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})), nil)
	transport := borrowed.Client().Transport.(*http.Transport)
	defer transport.CloseIdleConnections()
	sender, err := standin.NewSender(standin.Options{URL: "https://" + r.Info().Endpoint.Address, Transport: transport})
	require.NoError(t, err)
	result := sender.Send(t.Context(), [][]byte{[]byte("hello")})
	require.Equal(t, standin.Accepted, result.Outcome, result)
	require.Equal(t, "hello", r.Entries(1)[0].Line)
}

func TestComponent_DebugInfo(t *testing.T) {
	r := newRig(t, rig.AnyAge+`access_key = "key"`, nil)
	info := r.Info()
	require.Regexp(t, `^127\.0\.0\.1:\d+$`, info.Endpoint.Address)
	require.Empty(t, info.Endpoint.LastDelivery)
	require.Empty(t, info.Endpoint.LastRefusal)

	lines := []string{
		containerLine("web-1", "2026-08-20T10:00:00Z stdout F one"), containerLine("web-1", "2026-08-20T10:00:01Z stdout F two"),
		"2026-08-20T10:00:02Z three", `{"log":`,
	}
	require.Equal(t, 200, r.Deliver(lines, "X-Amz-Firehose-Access-Key", "key").Status)
	require.Equal(t, 401, r.Deliver(lines).Status)
	r.Eventually(func() bool { return r.Info().Endpoint.LastRefusal != "" }, "the refusal")
	info = r.Info()
	require.Equal(t, map[string]int{"200": 1, "401": 1}, info.Endpoint.Deliveries)
	require.Equal(t, map[string]int{"cri": 2, "line": 1, "firehose": 1}, info.TimestampSources)
	last, err := time.Parse(time.RFC3339, info.Endpoint.LastDelivery)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), last, time.Minute)
	require.Regexp(t, `^\S+Z: 401, access_key$`, info.Endpoint.LastRefusal)

	// What is handed out is a copy.
	info.Endpoint.Deliveries["200"] = 99
	require.Equal(t, 1, r.Info().Endpoint.Deliveries["200"])

	r.Stop()
	require.Empty(t, r.Info().Endpoint.Address)
}
