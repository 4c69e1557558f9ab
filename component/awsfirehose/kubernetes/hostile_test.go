package kubernetes

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-kit/log"
	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component"

	"github.com/grafana/alloy/eks/internal/firehose"
	"github.com/grafana/alloy/eks/internal/lokientry"
	"github.com/grafana/alloy/eks/internal/rig"
)

type componentOptions = component.Options

func zip(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

// bomb returns gzip of a thousandth of the size of what it decompresses to.
func bomb(t testing.TB, size int) string {
	t.Helper()
	const member = 1 << 20
	return strings.Repeat(zip(t, strings.Repeat("\x00", member)), size/member)
}

// hostileLimits are small, so that the tests are fast: all limits are of one kind.
const hostileLimits = rig.AnyAge + `
	access_key = "key"
	limits {
		body_size              = "8MiB"
		decompressed_body_size = "8MiB"
		record_size            = "2MiB"
		delivery_size          = "8MiB"
		concurrent_size        = "64MiB"
	}
`

// mayAllocate is what one hostile delivery may allocate with hostileLimits, the
// sender's part in it included: some times the largest body and delivery.
const mayAllocate = 160 << 20

const goodLine = "2026-08-20T10:00:00.5Z stdout F I am well"

// beside delivers good records while f goes on, and demands that they come
// through.
func beside(r *testRig, f func()) {
	r.T.Helper()
	const deliveries = 3
	var good sync.WaitGroup
	for range deliveries {
		good.Go(func() {
			a, err := r.TryPost(rig.Body(containerLine("web-1", goodLine)), "X-Amz-Firehose-Access-Key", "key",
				"X-Amz-Firehose-Source-Arn", "arn:aws:firehose:eu-west-1:111122223333:deliverystream/good", "X-Scope-OrgID", "good")
			if err != nil || a.Status != 200 {
				r.T.Errorf("a good delivery is answered %+v, %v", a, err)
			}
		})
	}
	f()
	good.Wait()
	r.Eventually(func() bool {
		n := 0
		for _, e := range r.Sink.Received() {
			if e.Line == "I am well" {
				n++
			}
		}
		return n >= deliveries
	}, "the good entries")
}

// Deliveries that are made to harm: each is answered in Firehose's way, costs no
// more memory than it may, gets into no other tenant, and harms none beside it.
func TestHostile_Deliveries(t *testing.T) {
	r := newRig(t, hostileLimits, nil)
	f := func(name, body string, status int, reason firehose.Reason, entries int, headers ...string) {
		t.Helper()
		before := r.Metric("deliveries_total", "reason", string(reason))
		beside(r, func() {
			var from, to runtime.MemStats
			runtime.ReadMemStats(&from)
			a := r.Post(body, append([]string{"X-Amz-Firehose-Access-Key", "key", "X-Scope-OrgID", "hostile"}, headers...)...)
			runtime.ReadMemStats(&to)
			require.Equal(t, status, a.Status, "%s: %s", name, a.Error)
			require.Equal(t, rig.RequestID, a.Request, name)
			require.Equal(t, status == 200, a.Error == "", name)
			require.Less(t, to.TotalAlloc-from.TotalAlloc, uint64(mayAllocate), name)
		})
		r.Eventually(func() bool { return r.Metric("deliveries_total", "reason", string(reason)) > before }, "the count of %s", name)
		good, bad := 0, 0
		var sizes []int
		for _, e := range r.AllEntries() {
			switch tenant := e.Labels[lokientry.LabelTenant]; tenant {
			case "good":
				good++
				require.Equal(t, "I am well", e.Line, name)
			default:
				bad++
				sizes = append(sizes, len(e.Line))
				require.EqualValues(t, "hostile", tenant, name)
				require.NoError(t, e.Labels.Validate(), name)
			}
		}
		require.Equal(t, 3, good, name)
		require.Equal(t, entries, bad, "%s: entries of %d bytes", name, sizes)
		require.Zero(t, r.Metric("panics_total"), name)
	}
	times := func(n int, record string) string {
		return rig.Envelope(slices.Repeat([]string{record}, n)...)
	}
	const gz = "Content-Encoding"

	f("a gzip bomb", bomb(t, 1<<30), 400, firehose.ReasonBodySize, 0, gz, "gzip")
	f("a gzip bomb in gzip", zip(t, bomb(t, 1<<30)), 400, firehose.ReasonEnvelope, 0, gz, "gzip")
	f("a gzip bomb that nothing announces", bomb(t, 1<<30), 400, firehose.ReasonEnvelope, 0)
	f("a million empty gzip members", strings.Repeat(zip(t, ""), 300_000), 400, firehose.ReasonEnvelope, 0, gz, "gzip")
	// What came whole of such a record is an entry, and so is the record as it came.
	f("a record that is a bomb", times(1, rig.Encode(bomb(t, 1<<30))), 200, firehose.ReasonOK, 2)
	f("a record that is a bomb, in gzip", times(1, rig.Encode(zip(t, bomb(t, 1<<30)))), 200, firehose.ReasonOK, 2)
	f("a bomb four times wrapped", times(1, rig.Encode(zip(t, zip(t, zip(t, bomb(t, 64<<20)))))), 200, firehose.ReasonOK, 1)
	f("many records that are bombs", times(1000, rig.Encode(bomb(t, 1<<20))), 400, firehose.ReasonDeliverySize, 0)
	f("a gzip body of bombs", zip(t, times(1000, rig.Encode(bomb(t, 1<<20)))), 400, firehose.ReasonDeliverySize, 0, gz, "gzip")

	f("brackets", strings.Repeat("[", 8<<20), 400, firehose.ReasonEnvelope, 0)
	f("brackets for records", `{"requestId":"`+rig.RequestID+`","records":`+strings.Repeat("[", 7<<20), 400, firehose.ReasonEnvelope, 0)
	f("brackets for a record", times(1, strings.Repeat("[", 3<<20)+strings.Repeat("]", 3<<20)), 400, firehose.ReasonEnvelope, 0)
	f("a deep stranger", `{"x":`+strings.Repeat(`{"a":`, 1<<20)+`1`+strings.Repeat(`}`, 1<<20)+`,`+times(1, rig.Encode("a"))[1:],
		400, firehose.ReasonEnvelope, 0)
	f("a deep line", times(1, rig.Encode(strings.Repeat(`{"log":`, 200_000)+`1`+strings.Repeat(`}`, 200_000))), 200, firehose.ReasonOK, 1)
	f("a deep pod", times(1, rig.Encode(`{"log":"a","kubernetes":{"labels":`+strings.Repeat(`{"a":`, 200_000)+`1`+strings.Repeat(`}`, 200_001)+`}`)),
		200, firehose.ReasonOK, 1)

	f("empty records", times(10_000, rig.Encode("")), 200, firehose.ReasonOK, 0)
	f("records of a line feed", times(10_000, rig.Encode("\n")), 200, firehose.ReasonOK, 0)
	f("records of empty objects", times(10_000, `{}`), 200, firehose.ReasonOK, 10_000)
	f("too many empty records", times(10_001, `{"data":""}`), 400, firehose.ReasonRecords, 0)
	f("records that are none", rig.Envelope(`null`, `5`, `"x"`, `[]`, `true`, `{"data":null}`, `{"data":{}}`), 200, firehose.ReasonOK, 7)

	digits := strings.Repeat("9", 1<<20)
	f("a huge number", strings.Replace(times(1, rig.Encode("a")), `"timestamp":`, `"timestamp":`+digits, 1), 200, firehose.ReasonOK, 1)
	f("a huge exponent", strings.Replace(times(1, rig.Encode("a")), `"timestamp":`, `"timestamp":1e999999999,"was":`, 1), 200, firehose.ReasonOK, 1)
	f("times of huge numbers", rig.Envelope(
		rig.Encode(`{"log":"a","date":1e400}`), rig.Encode(`{"log":"a","date":-`+digits[:300]+`.5}`),
		rig.Encode(`{"log":"{\"time\":`+digits[:300]+`,\"ts\":1e-999999999}"}`),
		rig.Encode(`{"logEvents":[{"id":"1","timestamp":`+digits[:300]+`,"message":"a"}],"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logStream":"s","subscriptionFilters":[]}`),
	), 200, firehose.ReasonOK, 4)

	f("NUL", rig.Envelope(rig.Encode("\x00"), rig.Encode(strings.Repeat("\x00", 1<<20)), rig.Encode(`{"log":"a\u0000b`+"\x00"+`"}`)), 200, firehose.ReasonOK, 3)
	f("NUL in the envelope", "\x00"+times(1, rig.Encode("a")), 400, firehose.ReasonEnvelope, 0)
	f("not UTF-8", rig.Envelope(
		rig.Encode("\xff\xfe\xfd"), rig.Encode(`{"log":"`+"\xc3\x28\xed\xa0\x80"+`\ud800","kubernetes":{"pod_name":"`+"\xff"+`","namespace_name":"\ud800","labels":{"`+"\xff"+`":"`+"\xfe"+`"}}}`),
	), 200, firehose.ReasonOK, 2)
	f("a body in UTF-16", "\xff\xfe{\x00}\x00", 400, firehose.ReasonEnvelope, 0)
	f("one key a million times", `{`+strings.Repeat(`"records":[],`, 400_000)+times(1, rig.Encode("a"))[1:], 200, firehose.ReasonOK, 1)
	f("attributes without end", times(1, rig.Encode("a")), 200, firehose.ReasonOK, 1,
		"X-Amz-Firehose-Common-Attributes", `{"commonAttributes":{`+strings.TrimSuffix(strings.Repeat(`"lbl_a":"x",`, 50_000), ",")+`}}`)
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
	f := func(record string) {
		t.Helper()
		require.Equal(t, 200, r.Deliver([]string{record}, "X-Scope-OrgID", "mine").Status)
		e := r.Entries(1)[0]
		labels, md := rig.Labels(e), rig.Metadata(e)
		require.Equal(t, map[string]string{
			lokientry.LabelTenant: "mine",
			"namespace":           "shop", "container": "nginx", "app": "web", "service_name": "web", "team": "search",
		}, without(labels, "stream"), record)
		require.Equal(t, []string{"web-1", "node-1", "nginx:1.27"}, []string{md["pod"], md["node"], md["image"]}, record)
	}
	f(`{"log":"2026-08-20T10:00:00Z stdout F {\"kubernetes\":` + quoted + `}","kubernetes":` + own + `}`)
	// Merge_Log puts the line's members before the filter's own.
	f(`{"log":"{\"kubernetes\":` + quoted + `}","kubernetes":` + forged + `,"kubernetes":` + own + `}`)
	f(`{"kubernetes":` + forged + `,"log":"x","kubernetes":` + own + `}`)
	// Members that nest would have lifted, and others that have a meaning of their own.
	f(`{"log":"x","kubernetes_pod_name":"admin-1","kubernetes_namespace_name":"kube-system","kubernetes":` + own + `}`)
	f(`{"log":"x","kubernetes_labels":{"stage":"theirs"},"kubernetes":` + own + `}`)
	f(`{"log":"x","kubernetes":` + own + `,"kubernetes_labels":{"stage":"theirs"}}`)
	f(`{"log":"x","kubernetes_namespace":{"labels":{"owner":"theirs"}},"kubernetes":` + own + `}`)
	f(`{"log":"x","__meta_kubernetes_namespace":"kube-system","__tenant_id__":"theirs","kubernetes":` + own + `}`)
	f(`{"log":"x","namespace":"kube-system","app":"vault","service_name":"vault","team":"root","kubernetes":` + own + `}`)
	// A pod's own labels and annotations.
	f(`{"log":"x","kubernetes":` + strings.Replace(own, `"labels":{`,
		`"annotations":{"__tenant_id__":"theirs"},"labels":{"__tenant_id__":"theirs","namespace_name":"kube-system",`, 1) + `}`)
}

// Where the filter knows nothing of a pod, the line's own word is still not its.
func TestHostile_ForgedMetadataOfNoPod(t *testing.T) {
	r := newRig(t, rig.AnyAge, nil)
	const forged = `{"pod_name":"admin-1","namespace_name":"kube-system","labels":{"app":"vault"}}`
	quoted := strings.ReplaceAll(forged, `"`, `\"`)
	f := func(record string) {
		t.Helper()
		require.Equal(t, 200, r.Deliver([]string{record}).Status)
		e := r.Entries(1)[0]
		require.NotContains(t, fmt.Sprint(e.Labels), "kube-system", record)
		require.NotContains(t, fmt.Sprint(e.Labels), "vault", record)
		require.NotContains(t, rig.Metadata(e)["pod"], "admin", record)
	}
	f(`{"log":"{\"kubernetes\":` + quoted + `}","kubernetes":` + forged + `}`)
	f(`{"log":"{\"level\":\"info\",\"kubernetes\":` + quoted + `}","level":"info","kubernetes":` + forged + `}`)
	f(`{"log":"2026-08-20T10:00:00Z stdout F {\"kubernetes\":` + quoted + `}"}`)
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

// What a sender says of itself stands in our own log between quotes: it makes no
// line there, and nothing that a terminal would take for a command.
func TestHostile_OwnLog(t *testing.T) {
	var logged lockedBuffer
	r := newRig(t, hostileLimits, func(_ *testRig, opts *component.Options) { opts.Logger = log.NewLogfmtLogger(&logged) })
	const forged = `level=error msg=forged`
	f := func(body string, headers ...string) {
		t.Helper()
		logged.Reset()
		before := r.Metric("deliveries_total")
		req, err := r.TryPost(strings.NewReader(body), append([]string{"X-Amz-Firehose-Access-Key", "key"}, headers...)...)
		require.NoError(t, err)
		require.NotZero(t, req.Status)
		r.Eventually(func() bool { return r.Metric("deliveries_total") > before }, "the delivery is counted")
		for line := range strings.Lines(logged.String()) {
			require.False(t, strings.HasPrefix(line, forged), "%q", logged.String())
			require.NotContains(t, strings.TrimSuffix(line, "\n"), "\x1b", "%q", line)
			require.Contains(t, line, "msg=", "%q", line)
			require.Less(t, len(line), 2_000, "%q", line)
		}
	}
	const id = "X-Amz-Firehose-Request-Id"
	f(`{"requestId":"a\n`+forged+`\r\n\u001b[2Jb","records":[`+strings.Repeat(`{},`, 10_000)+`{}]}`, id, "")
	f(`{"requestId":"\n`+forged+`","records":[]}`, id, "x")
	f(`{"requestId":"\n`+forged+`","records":[]`, id, "")
	f(rig.Envelope(), id, `" `+forged)
	f(rig.Envelope(), id, strings.Repeat("a", 100_000))
	f(rig.Envelope(), "X-Amz-Firehose-Source-Arn", strings.Repeat(`" `+forged+" ", 1000), "X-Amz-Firehose-Access-Key", "x")
	f(rig.Envelope(), "X-Amz-Firehose-Common-Attributes", `{"commonAttributes":{"a\n`+forged+`\u001b":5,"`+strings.Repeat("b", 10_000)+`":5}}`)
	f(rig.Envelope(), "X-Scope-OrgID", `a b" `+forged)
}

// lockedBuffer is a buffer for many goroutines.
type lockedBuffer struct {
	mut sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mut.Lock()
	defer b.mut.Unlock()
	return b.buf.Write(p)
}

// String returns what was written since the last Reset.
func (b *lockedBuffer) String() string {
	b.mut.Lock()
	defer b.mut.Unlock()
	return b.buf.String()
}

// Reset forgets what was written.
func (b *lockedBuffer) Reset() {
	b.mut.Lock()
	defer b.mut.Unlock()
	b.buf.Reset()
}

// The text of a record that cannot be decompressed is kept as it came.
func TestHostile_BombIsKept(t *testing.T) {
	r := newRig(t, hostileLimits, nil)
	packed := zip(t, strings.Repeat("\x00", 16<<20))
	require.Equal(t, 200, r.Deliver([]string{packed}, "X-Amz-Firehose-Access-Key", "key").Status)
	e := r.Entries(1)[0]
	require.Equal(t, "too_large", rig.Metadata(e)["parse_error"])
	require.Equal(t, base64.StdEncoding.EncodeToString([]byte(packed)), e.Line)
}
