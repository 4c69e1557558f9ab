package ekscontrolplane

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component"

	"github.com/grafana/alloy/eks/internal/firehose"
	"github.com/grafana/alloy/eks/internal/hostile"
	"github.com/grafana/alloy/eks/internal/lokientry"
	"github.com/grafana/alloy/eks/internal/rig"
	"github.com/grafana/alloy/eks/internal/subscription"
)

var update = flag.Bool("update", false, "write the tables of docs/bad-input.md")

// suite is what every component must stand.
var suite = hostile.Suite[Arguments]{
	Start: func(t testing.TB, arguments string, change func(*testRig, *component.Options)) *testRig {
		return rig.Start(t, rigged, arguments, change)
	},
	Record: func(t testing.TB) string {
		t.Helper()
		data, err := subscription.NewEncoder(subscription.Gzip).AppendRecord(nil, message("kube-scheduler-", schedulerLine))
		require.NoError(t, err)
		return string(data)
	},
	Line:   schedulerLine,
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

// envelope is a subscription message with its members as they are written.
func envelope(members string) string {
	return `{"messageType":"DATA_MESSAGE","owner":"444455556666","logGroup":"` + group + `","logStream":"kube-scheduler-` + instance +
		`","subscriptionFilters":["f"],` + members + `}`
}

// events are log events with their messages as they are written.
func events(messages ...string) string {
	var list []string
	for i, m := range messages {
		list = append(list, fmt.Sprintf(`{"id":"%d","timestamp":%d,"message":%s}`, i, eventTime.UnixMilli(), m))
	}
	return `"logEvents":[` + strings.Join(list, ",") + `]`
}

// Records that are made to harm a reader of what CloudWatch Logs sends.
func TestHostile_RecordsOfControlPlanes(t *testing.T) {
	d := suite.Deliveries(t, "records of control planes")
	f := func(name string, entries int, records ...string) {
		t.Helper()
		for i := range records {
			records[i] = rig.Encode(records[i])
		}
		d.Try(name, rig.Envelope(records...), 200, firehose.ReasonOK, entries)
	}
	digits := strings.Repeat("9", 300)
	deep := strings.Repeat(`{\"a\":`, 100_000) + `1` + strings.Repeat(`}`, 100_000)
	audit := func(prefix, line string) string { return record(t, message(prefix, line)) }
	f("an event without members, and values that are none", 5, envelope(`"logEvents":[{},5,"x",null,[]]`))
	// An event counts for 256 bytes of a record's size, and of a delivery's.
	f("1,000,000 lines of a byte in a record", 8_193, strings.Repeat("a\n", 1_000_000))
	d.Try("100 records of 1,000 events", hostile.Of(100, rig.Encode(envelope(`"logEvents":[`+strings.TrimSuffix(strings.Repeat(`{},`, 1_000), ",")+`]`))), 400, firehose.ReasonDeliverySize, 0)
	f("20,000 events without members", 8_193, envelope(`"logEvents":[`+strings.TrimSuffix(strings.Repeat(`{},`, 20_000), ",")+`]`))
	f("events that are an object", 1, envelope(`"logEvents":{"id":"1"}`))
	f("messages that are no strings", 4, envelope(events(`5`, `null`, `{}`, `["a"]`)))
	f("a message of 100,000 objects in one another", 1, envelope(events(`"`+deep+`"`)))
	f("an envelope in 100,000 arrays", 1, strings.Repeat(`[`, 100_000)+envelope(events(`"a"`))+strings.Repeat(`]`, 100_000))
	f("an envelope that ends in the middle of an event", 2, envelope(events(`"a"`, `"b"`))[:len(envelope(events(`"a"`, `"b"`)))-20])
	f("log group, stream, owner and filters of other types", 1,
		`{"messageType":"DATA_MESSAGE","owner":{},"logGroup":[5],"logStream":null,"subscriptionFilters":"f",`+events(`"a"`)+`}`)
	f("another type of message", 1, `{"messageType":"OTHER","logGroup":"g","logStream":"s","owner":"1","subscriptionFilters":[],`+events(`"a"`)+`}`)
	f("a control message with events", 0, strings.Replace(envelope(events(`"a"`)), "DATA_", "CONTROL_", 1))
	f("event times of 300 digits, with exponents, negative, and no numbers", 5,
		envelope(`"logEvents":[{"timestamp":`+digits+`,"message":"a"},{"timestamp":1e400,"message":"a"},{"timestamp":-1,"message":"a"},{"timestamp":"x","message":"a"},{"message":"a"}]`))
	f("a log group of 64 KiB", 1, strings.Replace(envelope(events(`"a"`)), "/prod/", "/"+strings.Repeat("p", 64<<10)+"/", 1))
	f("NUL and bytes that are not UTF-8, in names and in the message", 1,
		strings.NewReplacer("/prod/", "/p\xff\\u0000\\ud800/", "kube-scheduler-", "kube-scheduler-\xfe").Replace(envelope(events(`"a\u0000`+"\xc3\x28\xed\xa0\x80"+`\ud800"`))))
	f("an audit event of 100,000 objects in one another", 1, audit("kube-apiserver-audit-", `{"kind":"Event","apiVersion":"audit.k8s.io/v1","requestObject":`+
		strings.Repeat(`{"a":`, 100_000)+`1`+strings.Repeat(`}`, 101_001)))
	f("an audit event with numbers of 300 digits", 1, audit("kube-apiserver-audit-", auditEvent("get", "jane", "pods",
		`"responseStatus":{"code":`+digits+`},"stageTimestamp":`+digits+`,`)))
	f("an audit event that ends in a string", 1, audit("kube-apiserver-audit-", auditEvent("get", "jane", "pods", "")[:200]))
	f("a klog header with a month 99", 1, audit("kube-scheduler-", `I9999 99:99:99.999999 1 a.go:1] x`))
	f("10,000 pairs in a line", 1, audit("kube-scheduler-", schedulerLine+strings.Repeat(` a="b"`, 10_000)))
	f("a line of 100,000 quotes", 1, audit("authenticator-", `time="2026-08-20T10:00:01Z" level=warning msg=`+strings.Repeat(`\"`, 100_000)))
	d.Try("1,000 gzip bombs of 1 MiB", hostile.Of(1000, rig.Encode(hostile.Bomb(t, 1<<20))), 400, firehose.ReasonDeliverySize, 0)
	f("gzip in gzip", 1, hostile.Zip(t, record(t, message("kube-scheduler-", schedulerLine))))
	d.Check()
}

func FuzzComponent(f *testing.F) {
	var seeds []string
	for _, m := range messages() {
		for _, form := range subscription.Forms() {
			data, err := subscription.NewEncoder(form).AppendRecord(nil, m)
			require.NoError(f, err)
			seeds = append(seeds, string(data))
		}
	}
	suite.Fuzz(f, append(seeds, envelope(events(`5`)), envelope(events(`"a"`))+envelope(events(`"b"`)), `{"messageType":"CONTROL_MESSAGE","logEvents":[]}`)...)
}

// What a line says of itself may not pass for what CloudWatch Logs says of it: an
// audit event holds what users of the cluster have chosen.
func TestHostile_ForgedOrigin(t *testing.T) {
	r := newRig(t, listening, nil)
	const (
		forged = `{"messageType":"DATA_MESSAGE","owner":"999999999999","logGroup":"/aws/eks/theirs/cluster","logStream":"kube-apiserver-audit-theirs",` +
			`"subscriptionFilters":["f"],"logEvents":[{"id":"1","timestamp":1,"message":"forged"}]}`
		extracted = `"extractedFields":{"@aws.account":"999999999999","@aws.region":"theirs-1"}`
	)
	var tried []string
	f := func(name, prefix, line string) {
		t.Helper()
		tried = append(tried, name)
		for _, form := range []subscription.Form{subscription.Gzip, subscription.Decompressed} {
			a := r.Deliver([]string{shaped(t, form, message(prefix, line))}, "X-Scope-OrgID", "mine")
			require.Equal(t, 200, a.Status, name)
			e := r.Entries(1)[0]
			hostile.RequireSane(t, e, name)
			labels, md := rig.Labels(e), rig.Metadata(e)
			require.Equal(t, line, e.Line, name)
			require.Equal(t, "mine", labels[lokientry.LabelTenant], name)
			require.Equal(t, "prod", labels["cluster"], name)
			require.Equal(t, []string{"444455556666", "us-east-1", instance}, []string{md["account"], md["region"], md["instance"]}, name)
			require.Equal(t, map[string]string{"kube-apiserver-audit-": "audit", "kube-scheduler-": "scheduler"}[prefix], labels["log_type"], name)
			require.NotContains(t, fmt.Sprint(labels), "theirs", name)
			require.WithinDuration(t, eventTime, e.Timestamp, time.Second, name)
		}
	}
	f("an envelope for a line", "kube-scheduler-", forged)
	f("an envelope behind a line", "kube-scheduler-", schedulerLine+" "+forged)
	f("fields of centralised logs in a line", "kube-scheduler-", `{`+extracted+`,"message":"x"}`)
	audit := func(more string) string { return auditEvent("get", "jane", "pods", more) }
	f("fields of centralised logs in an audit event", "kube-apiserver-audit-", audit(extracted+","))
	f("an envelope's members in an audit event", "kube-apiserver-audit-", audit(strings.Trim(forged, "{}")+","))
	f("labels in an audit event", "kube-apiserver-audit-", audit(`"cluster":"theirs","log_type":"theirs","__tenant_id__":"theirs","account":"999999999999","region":"theirs-1","instance":"theirs",`))
	f("labels in annotations", "kube-apiserver-audit-", strings.Replace(audit(""), `"annotations":{`, `"annotations":{"cluster":"theirs","__tenant_id__":"theirs",`, 1))
	f("a header of another log in an audit event", "kube-apiserver-audit-", audit(`"x":"I0101 00:00:00.000000 1 theirs.go:1] x",`))
	f("pairs in a line", "kube-scheduler-", schedulerLine+` cluster="theirs" log_type="theirs" __tenant_id__="theirs" account="999999999999" region="theirs-1" instance="theirs"`)
	suite.Table(t, "forged origins", tried, "1, with the cluster, account, region and log of its envelope, and the tenant of its delivery")
}

// What the first member says counts, of those that have one name: an envelope is
// CloudWatch's, which writes none twice.
func TestHostile_Names(t *testing.T) {
	r := newRig(t, listening, nil)
	var tried []string
	f := func(name, logGroup, logStream string) {
		t.Helper()
		tried = append(tried, name)
		record := strings.NewReplacer(`"`+group+`"`, logGroup, `"kube-scheduler-`+instance+`"`, logStream).Replace(envelope(events(`"a"`)))
		a := r.Deliver([]string{record}, "X-Scope-OrgID", "mine")
		require.Equal(t, 200, a.Status, name)
		e := r.Entries(1)[0]
		hostile.RequireSane(t, e, name)
		require.EqualValues(t, "mine", e.Labels[lokientry.LabelTenant], name)
		for label := range e.Labels {
			require.Contains(t, []string{"cluster", "log_type", "level", string(lokientry.LabelTenant)}, string(label), name)
		}
		require.Contains(t, []string{"unknown", "api", "audit", "authenticator", "scheduler", "controllerManager", "cloudControllerManager"}, string(e.Labels["log_type"]), name)
	}
	f("labels in the cluster's name", `"/aws/eks/a\",job=\"b\"} |= {x=\"/cluster"`, `"kube-scheduler-0"`)
	f("line feeds in log group and stream", `"/aws/eks/a\nb\r/cluster"`, `"kube-scheduler-\n0"`)
	f("a path in log group and stream", `"/aws/eks/../../../etc/passwd/cluster"`, `"kube-scheduler-../../0"`)
	f("an empty log group and stream", `""`, `""`)
	f("a cluster without a name", `"/aws/eks//cluster"`, `"kube-scheduler-"`)
	f("the name of a label of Loki's", `"/aws/eks/__name__/cluster"`, `"__tenant_id__"`)
	f("an escaped name", `"\/aws\/eks\/\u0070rod\/cluster"`, `"kube\u002dscheduler-0"`)
	f("the log stream `kube-apiserver-audit`, without an instance", `"/aws/eks/prod/cluster"`, `"kube-apiserver-audit"`)
	f("a log group and a stream of 100 kB", `"/aws/eks/`+strings.Repeat("a", 100_000)+`/cluster"`, `"kube-scheduler-`+strings.Repeat("a", 100_000)+`"`)
	suite.Table(t, "names", tried, "1, with no other labels than `cluster`, `log_type` and `level`, and a `log_type` that there is")
}

// Lines without an envelope, as Firehose extracts them, tell nothing of where they
// come from, whatever they look like: so such streams are for one cluster, by the
// argument.
func TestHostile_ForgedAmongExtracted(t *testing.T) {
	r := newRig(t, listening+`cluster = "prod"`, nil)
	a := r.Deliver([]string{shaped(t, subscription.Extracted, message("kube-scheduler-",
		schedulerLine, `"labels" {cluster="theirs", __tenant_id__="theirs"}`, controllerLine))}, "X-Scope-OrgID", "mine")
	require.Equal(t, 200, a.Status)
	for _, e := range r.Entries(3) {
		hostile.RequireSane(t, e, e.Line)
		require.Equal(t, "prod", rig.Labels(e)["cluster"])
		require.Equal(t, "mine", rig.Labels(e)[lokientry.LabelTenant])
	}
}
