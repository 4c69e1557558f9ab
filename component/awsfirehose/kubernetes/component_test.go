package kubernetes

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/component/common/loki"
	"github.com/grafana/alloy/internal/component/common/relabel"
	"github.com/grafana/alloy/syntax"

	"github.com/grafana/alloy/eks/internal/capture"
	"github.com/grafana/alloy/eks/internal/firehose"
	"github.com/grafana/alloy/eks/internal/lokientry"
	"github.com/grafana/alloy/eks/internal/podlog"
	"github.com/grafana/alloy/eks/internal/receiver"
	"github.com/grafana/alloy/eks/internal/standin"
	"github.com/grafana/alloy/eks/internal/subscription"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

const testdata = "../../../testdata/fluentbit"

// patience bounds the wait for what takes milliseconds unless it is broken, on a
// machine that is busy with other things.
const patience = 30 * time.Second

// anyAge lets entries keep their time, whenever the test runs.
const anyAge = `
	timestamp {
		max_age    = "0s"
		max_future = "0s"
	}
`

// rig is a component that listens on a free port, and what it forwards to.
type rig struct {
	*Component
	t        *testing.T
	sink     *loki.CollectingHandler
	receiver loki.LogsReceiver // The sink's, unless the test has its own.
	registry *prometheus.Registry
	client   *http.Client
	ended    func()
	taken    int // Entries that the test has been given.
}

// newRig returns a rig whose component runs until the test ends. The change may
// be nil.
func newRig(t *testing.T, text string, change func(*rig, *component.Options)) *rig {
	t.Helper()
	r := &rig{t: t, sink: loki.NewCollectingHandler(), registry: prometheus.NewRegistry()}
	r.receiver = r.sink.Receiver()
	opts := component.Options{ID: Name + ".test", Logger: log.NewNopLogger(), Registerer: r.registry}
	if change != nil {
		change(r, &opts)
	}
	transport := &http.Transport{}
	r.client = &http.Client{Transport: transport}
	c, err := New(opts, r.arguments(text))
	require.NoError(t, err)
	r.Component = c

	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	r.ended = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-done)
	})
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		r.ended()
		r.sink.Stop()
	})
	return r
}

// arguments returns the arguments of the text with the rig's receiver. They
// listen on a free port of the loopback unless the text names another.
func (r *rig) arguments(text string) Arguments {
	r.t.Helper()
	args, err := decode("forward_to = []\n" + text)
	require.NoError(r.t, err)
	args.Receiver.ForwardTo = []loki.LogsReceiver{r.receiver}
	args.Receiver.Server.HTTP.ListenAddress = "127.0.0.1"
	if args.Receiver.Server.HTTP.ListenPort == 8080 {
		args.Receiver.Server.HTTP.ListenPort = 0
	}
	return args
}

func (r *rig) update(text string) {
	r.t.Helper()
	require.NoError(r.t, r.Update(r.arguments(text)))
}

// info returns what the UI shows.
func (r *rig) info() receiver.DebugInfo { return r.DebugInfo().(receiver.DebugInfo) }

func (r *rig) url() string {
	r.t.Helper()
	address := r.info().Address
	require.NotEmpty(r.t, address)
	return "http://" + address + firehose.PathPush
}

// entries returns what has been forwarded since the last call, n entries.
func (r *rig) entries(n int) []loki.Entry {
	r.t.Helper()
	// The sink files an entry a moment after it has taken it.
	r.eventually(func() bool { return len(r.sink.Received()) >= n }, "%d entries", n)
	entries := r.sink.Received()
	r.sink.Clear()
	r.taken += len(entries)
	require.Len(r.t, entries, n)
	return entries
}

// allEntries returns what has been forwarded since the last call, however much
// the component says that is.
func (r *rig) allEntries() []loki.Entry {
	r.t.Helper()
	return r.entries(int(r.metric("entries_total", "outcome", "forwarded")) - r.taken)
}

func (r *rig) eventually(is func() bool, what string, args ...any) {
	r.t.Helper()
	require.Eventually(r.t, is, patience, 5*time.Millisecond, append([]any{what}, args...)...)
}

// metric returns the sum over all series of a metric, without its namespace, that
// have the labels, given as name, value, name, value. Of a histogram it is the
// count.
func (r *rig) metric(name string, labels ...string) float64 {
	r.t.Helper()
	families, err := r.registry.Gather()
	require.NoError(r.t, err)
	sum := 0.0
	for _, family := range families {
		if family.GetName() != kind.Namespace+"_"+name {
			continue
		}
		for _, m := range family.GetMetric() {
			if hasLabels(m, labels) {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}

func hasLabels(m *dto.Metric, labels []string) bool {
	found := 0
	for _, l := range m.GetLabel() {
		for i := 0; i < len(labels); i += 2 {
			if l.GetName() == labels[i] && l.GetValue() == labels[i+1] {
				found++
			}
		}
	}
	return found == len(labels)/2
}

// answer is what Firehose reads.
type answer struct {
	status  int
	Request string `json:"requestId"`
	Time    int64  `json:"timestamp"`
	Error   string `json:"errorMessage"`
}

const requestID = "3f2b6f5e-7a0c-4a51-9d0e-5b8c6a1d2e3f"

// requestTime is the timestamp of the deliveries that deliver makes.
var requestTime = time.Date(2026, time.August, 20, 10, 5, 0, 123e6, time.UTC)

// deliver posts records as one delivery, with headers as name, value, name, value.
func (r *rig) deliver(records []string, headers ...string) answer {
	r.t.Helper()
	var encoded []string
	for _, record := range records {
		encoded = append(encoded, `{"data":"`+base64.StdEncoding.EncodeToString([]byte(record))+`"}`)
	}
	return r.post(envelope(encoded...), headers...)
}

// envelope returns the body of a delivery of records as they are written.
func envelope(records ...string) string {
	return fmt.Sprintf(`{"requestId":%q,"timestamp":%d,"records":[%s]}`,
		requestID, requestTime.UnixMilli(), strings.Join(records, ","))
}

func (r *rig) post(body string, headers ...string) answer {
	r.t.Helper()
	a, err := r.tryPost(strings.NewReader(body), headers...)
	require.NoError(r.t, err)
	return a
}

func (r *rig) tryPost(body io.Reader, headers ...string) (answer, error) {
	req, err := http.NewRequest(http.MethodPost, r.url(), body)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("X-Amz-Firehose-Request-Id", requestID)
	req.Header.Set("X-Amz-Firehose-Protocol-Version", "1.0")
	req.Header.Set("X-Amz-Firehose-Source-Arn", standin.DefaultSourceARN)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode}
	return a, json.NewDecoder(resp.Body).Decode(&a)
}

// sender returns a Firehose for the rig.
func (r *rig) sender(o standin.Options) *standin.Sender {
	r.t.Helper()
	o.URL, o.Seed = r.url(), 1
	if o.Transport == nil {
		o.Transport = r.client.Transport
	}
	s, err := standin.NewSender(o)
	require.NoError(r.t, err)
	return s
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

// rules reads the rules of a loki.relabel.
func rules(t *testing.T, text string) relabel.Rules {
	t.Helper()
	var block struct {
		Rules relabel.Rules `alloy:"rule,block,optional"`
	}
	require.NoError(t, syntax.Unmarshal([]byte(text), &block))
	return block.Rules
}

// metadata returns the structured metadata of an entry.
func metadata(e loki.Entry) map[string]string {
	all := map[string]string{}
	for _, md := range e.StructuredMetadata {
		all[md.Name] = md.Value
	}
	return all
}

// labels returns the labels of an entry.
func labels(e loki.Entry) map[string]string {
	all := map[string]string{}
	for name, value := range e.Labels {
		all[string(name)] = string(value)
	}
	return all
}

func TestComponent_Entry(t *testing.T) {
	r := newRig(t, anyAge+`cluster = "prod"`, nil)
	a := r.deliver([]string{containerLine("web-1", `2026-08-20T10:00:00.123456789Z stderr F level=warn msg="low on disk"`)})
	require.Equal(t, http.StatusOK, a.status)
	require.Equal(t, requestID, a.Request)
	require.WithinDuration(t, time.Now(), time.UnixMilli(a.Time), time.Minute)
	require.Empty(t, a.Error)

	got := r.entries(1)
	require.Equal(t, `level=warn msg="low on disk"`, got[0].Line)
	require.Equal(t, time.Date(2026, time.August, 20, 10, 0, 0, 123456789, time.UTC), got[0].Timestamp.UTC())
	require.Equal(t, map[string]string{
		"cluster": "prod", "namespace": "shop", "container": "nginx", "app": "web", "service_name": "web", "stream": "stderr",
	}, labels(got[0]))
	require.Equal(t, map[string]string{
		"pod": "web-1", "node": "node-1", "image": "nginx:1.27", "level": "warn", "timestamp_source": "cri",
	}, metadata(got[0]))
}

// What Fluent Bit delivered of the containers' logs comes out as it was written.
func TestComponent_Capture(t *testing.T) {
	r := newRig(t, anyAge, nil)
	result := r.sender(standin.Options{Gzip: true}).Send(t.Context(), records(t, "fargate-default.jsonl.gz"))
	require.Equal(t, standin.Accepted, result.Outcome, result)
	require.Len(t, result.Attempts, 1)

	var arrived []podlog.Arrival
	for _, e := range r.allEntries() {
		md := metadata(e)
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
	require.EqualValues(t, result.Records, r.metric("records_total"))
}

func TestComponent_AccessKeys(t *testing.T) {
	r := newRig(t, `access_key = "first"`, nil)
	f := func(key string, want int) {
		t.Helper()
		headers := []string{}
		if key != "" {
			headers = []string{"X-Amz-Firehose-Access-Key", key}
		}
		require.Equal(t, want, r.deliver([]string{"x"}, headers...).status, key)
	}
	f("first", 200)
	f("", 401)
	f("firs", 401)
	f("second", 401)
	require.Len(t, r.allEntries(), 1, "nothing of a refused delivery goes on")
	require.EqualValues(t, 3, r.metric("deliveries_total", "status", "401", "reason", "access_key"))

	// While the key of a stream changes, both are good.
	r.update(`access_keys = ["first", "second"]`)
	f("first", 200)
	f("second", 200)
	r.update(`access_keys = ["second"]`)
	f("first", 401)
	f("second", 200)
	r.update(``)
	f("", 200)
}

func TestComponent_Tenant(t *testing.T) {
	r := newRig(t, ``, nil)
	require.Equal(t, 200, r.deliver([]string{"hello"}, "X-Scope-OrgID", "team-a").status)
	require.Equal(t, map[string]string{lokientry.LabelTenant: "team-a", "service_name": "unknown_service"}, labels(r.entries(1)[0]))

	require.Equal(t, 400, r.deliver([]string{"hello"}, "X-Scope-OrgID", "team-a|team-b").status)
	require.EqualValues(t, 1, r.metric("deliveries_total", "reason", "tenant"))
}

func TestComponent_CommonAttributes(t *testing.T) {
	r := newRig(t, `
		labels = {
			zone   = "__aws_firehose_attribute_zone",
			stage  = "__aws_firehose_attribute_lbl_stage",
		}
	`, nil)
	a := r.deliver([]string{"hello"}, "X-Amz-Firehose-Common-Attributes", `{"commonAttributes":{`+
		`"lbl_stage":"prod","lbl_cost-center":"42","zone":"a","unused":"x",`+
		`"lbl_":"x","lbl___tenant_id__":"x","lbl_--tenant_id__":"x"}}`)
	require.Equal(t, 200, a.status)
	require.Equal(t, map[string]string{
		"stage": "prod", "cost_center": "42", "zone": "a", "service_name": "unknown_service",
	}, labels(r.entries(1)[0]), "a sender cannot choose the tenant")

	// What cannot be read costs the attributes, not the records.
	require.Equal(t, 200, r.deliver([]string{"hello"}, "X-Amz-Firehose-Common-Attributes", `{`).status)
	require.Equal(t, map[string]string{"service_name": "unknown_service"}, labels(r.entries(1)[0]))
	require.EqualValues(t, 1, r.metric("malformed_attributes_total"))
}

func TestComponent_LabelsAndMetadata(t *testing.T) {
	r := newRig(t, anyAge+`
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
	require.Equal(t, 200, r.deliver([]string{record}).status)
	got := r.entries(1)[0]
	require.Equal(t, map[string]string{
		"cluster": "prod", "namespace": "shop", "app": "web", "service_name": "web",
		"pod": "web-1", "team": "search", "region": "us-east-1", "az": "use1-az1", "origin": "firehose",
	}, labels(got))
	require.Equal(t, map[string]string{
		"pod": "web-1", "node": "node-1", "rack": "7", "request": requestID, "account": "111122223333", "timestamp_source": "firehose",
	}, metadata(got))
}

func TestComponent_RelabelRules(t *testing.T) {
	r := newRig(t, ``, nil)
	args := r.arguments(``)
	args.Receiver.RelabelRules = rules(t, `
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
	require.Equal(t, 200, r.deliver([]string{
		containerLine("noisy-1", "2026-08-20T10:00:00Z stdout F one"),
		containerLine("web-1", "2026-08-20T10:00:00Z stdout F two"),
		containerLine("noisy-2", "2026-08-20T10:00:00Z stdout F three"),
	}).status)
	got := r.entries(1)
	require.Equal(t, map[string]string{
		"namespace": "shop", "container": "nginx", "service_name": "web", "instance": "shop/web-1",
	}, labels(got[0]))
	require.EqualValues(t, 2, r.metric("entries_total", "outcome", "dropped"))
	require.EqualValues(t, 1, r.metric("entries_total", "outcome", "forwarded"))
	require.Equal(t, 2, r.info().DroppedEntries)
}

func TestComponent_HealthChecks(t *testing.T) {
	r := newRig(t, `access_key = "key"`, nil)
	f := func(method, path string, want int) {
		t.Helper()
		req, err := http.NewRequest(method, "http://"+r.info().Address+path, http.NoBody)
		require.NoError(t, err)
		resp, err := r.client.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, want, resp.StatusCode)
	}
	f(http.MethodGet, "/", 200)
	f(http.MethodHead, "/", 200)
	require.Zero(t, r.metric("deliveries_total"))
	require.Empty(t, r.info().Deliveries)

	f(http.MethodGet, firehose.PathPush, 405)
	f(http.MethodPost, "/else/where", 404)
	require.EqualValues(t, 2, r.metric("deliveries_total"))
}

// A path that a router would clean up by a redirect, which Firehose does not
// follow, is answered as it is.
func TestComponent_NeverRedirects(t *testing.T) {
	r := newRig(t, ``, nil)
	r.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	f := func(path string, want int) {
		t.Helper()
		resp, err := r.client.Post("http://"+r.info().Address+path, "application/json", strings.NewReader(envelope(`{"data":"eA=="}`)))
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
	sender, err := standin.NewSender(standin.Options{URL: "https://" + r.info().Address, Transport: transport})
	require.NoError(t, err)
	result := sender.Send(t.Context(), [][]byte{[]byte("hello")})
	require.Equal(t, standin.Accepted, result.Outcome, result)
	require.Equal(t, "hello", r.entries(1)[0].Line)
}

func TestComponent_DebugInfo(t *testing.T) {
	r := newRig(t, anyAge+`access_key = "key"`, nil)
	info := r.info()
	require.Regexp(t, `^127\.0\.0\.1:\d+$`, info.Address)
	require.Empty(t, info.LastDelivery)
	require.Empty(t, info.LastRefusal)

	lines := []string{
		containerLine("web-1", "2026-08-20T10:00:00Z stdout F one"), containerLine("web-1", "2026-08-20T10:00:01Z stdout F two"),
		"2026-08-20T10:00:02Z three", `{"log":`,
	}
	require.Equal(t, 200, r.deliver(lines, "X-Amz-Firehose-Access-Key", "key").status)
	require.Equal(t, 401, r.deliver(lines).status)
	r.eventually(func() bool { return r.info().LastRefusal != "" }, "the refusal")
	info = r.info()
	require.Equal(t, map[string]int{"200": 1, "401": 1}, info.Deliveries)
	require.Equal(t, map[string]int{"cri": 2, "line": 1, "firehose": 1}, info.TimestampSources)
	last, err := time.Parse(time.RFC3339, info.LastDelivery)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), last, time.Minute)
	require.Regexp(t, `^\S+Z: 401, access_key$`, info.LastRefusal)

	// What is handed out is a copy.
	info.Deliveries["200"] = 99
	require.Equal(t, 1, r.info().Deliveries["200"])

	r.ended()
	require.Empty(t, r.info().Address)
}
