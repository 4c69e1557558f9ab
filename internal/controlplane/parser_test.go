package controlplane

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/cwlogs"
	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

const (
	testInstance = "0123456789abcdef0123456789abcdef"
	klogLine     = `I0820 10:04:59.123456      11 httplog.go:134] "HTTP" verb="LIST" URI="/api/v1/nodes?limit=500" latency="556.708µs" userAgent="aws-cni/v1.19 (linux/arm64)" audit-ID="6d5c0f4e-6d5c-4f4e-8d5c-6d5c0f4e6d5c" srcIP="10.0.7.9:60528" apf_pl="workload-low" apf_fs="service-accounts" apf_iseats=1 resp=200`
	grantedLine  = `time="2026-08-20T10:04:59Z" level=info msg="access granted" arn="arn:aws:iam::111122223333:role/nodes" client="127.0.0.1:52552" groups="[system:bootstrappers system:nodes]" method=POST path=/authenticate stsendpoint=sts.eu-central-1.amazonaws.com uid="aws-iam-authenticator:111122223333:AROAEXAMPLE" username="system:node:ip-10-0-7-9.ec2.internal"`
)

// auditLine returns an audit event for a request with a body of about so many
// bytes.
func auditLine(resource string, body int) string {
	item := `{"type":"Ready","status":"True","message":"a \"quoted\" word and a path \\srv","lastTransitionTime":"2026-08-20T08:36:44Z"},`
	items := strings.TrimSuffix(strings.Repeat(item, body/len(item)+1), ",")
	return `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request","auditID":"6d5c0f4e-8b16-4dfb-934b-9b05dba50974","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/shop/` + resource + `/cart-0/status","verb":"patch","user":{"username":"system:node:ip-10-0-7-9.ec2.internal","uid":"aws-iam-authenticator:111122223333:AROAEXAMPLE","groups":["system:bootstrappers","system:nodes","system:authenticated"],"extra":{"accessKeyId":["ASIAEXAMPLE"],"arn":["arn:aws:sts::111122223333:assumed-role/nodes/i-0a1b2c3d"],"canonicalArn":["arn:aws:iam::111122223333:role/nodes"],"sessionName":["i-0a1b2c3d"]}},"sourceIPs":["10.0.7.9"],"userAgent":"kubelet/v1.33.0 (linux/amd64) kubernetes/0f1e2d3","objectRef":{"resource":"` + resource + `","namespace":"shop","name":"cart-0","apiVersion":"v1","subresource":"status"},"responseStatus":{"metadata":{},"code":200},"requestObject":{"status":{"conditions":[` + items + `]}},"requestReceivedTimestamp":"2026-08-20T10:04:58.014671Z","stageTimestamp":"2026-08-20T10:04:58.021638Z","annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":""}}`
}

// envelopeOf returns an envelope of messages that were all received at that time.
func envelopeOf(stream string, at time.Time, messages ...string) []byte {
	env := testEnvelope{LogGroup: "/aws/eks/shop/cluster", LogStream: stream}
	for _, m := range messages {
		env.add(at, m)
	}
	return []byte(env.String())
}

var august = time.Date(2026, 8, 20, 10, 5, 0, 0, time.UTC)

func lineTime(t testing.TB, ev *event.Event) string {
	t.Helper()
	nanos, ok := ev.Times.Get(timestamp.Line)
	if !ok {
		return "none"
	}
	return time.Unix(0, nanos).UTC().Format(time.RFC3339Nano)
}

func fieldOf(ev *event.Event, name string) string {
	for _, f := range ev.Fields {
		if f.Name == name {
			return string(f.Value)
		}
	}
	return ""
}

func TestClassify(t *testing.T) {
	f := func(stream string, want LogType, wantInstance string, wantOK bool) {
		t.Helper()
		got, instance, ok := Classify([]byte(stream))
		require.Equal(t, want, got)
		require.Equal(t, wantInstance, string(instance))
		require.Equal(t, wantOK, ok)
	}
	f("kube-apiserver-audit-"+testInstance, Audit, testInstance, true)
	f("kube-apiserver-"+testInstance, API, testInstance, true)
	f("authenticator-"+testInstance, Authenticator, testInstance, true)
	f("kube-controller-manager-"+testInstance, ControllerManager, testInstance, true)
	f("cloud-controller-manager-"+testInstance, CloudControllerManager, testInstance, true)
	f("kube-scheduler-"+testInstance, Scheduler, testInstance, true)
	f("kube-scheduler-", Scheduler, "", true)
	f("kube-scheduler-0123456789ABCDEF0123456789abcdef", Scheduler, "", true)
	f("kube-scheduler", Unknown, "", false)
	f("ip-10-0-7-9.ec2.internal-application", Unknown, "", false)
	f("", Unknown, "", false)
}

// TestThreeShapes shows what the shapes of a Firehose delivery have in common: the
// envelope, plain or out of gzip, and the messages without it.
func TestThreeShapes(t *testing.T) {
	messages := map[string][]string{
		"kube-apiserver-audit-":     {auditLine("pods", 100), auditLine("nodes", 100)},
		"authenticator-":            {grantedLine, strings.Replace(grantedLine, "granted", "denied", 1)},
		"kube-scheduler-":           {strings.Replace(klogLine, "httplog.go", "schedule_one.go", 1)},
		"kube-controller-manager-":  {"E0820 10:04:59.000001      10 horizontal.go:226] failed", "goroutine 7 [running]:"},
		"cloud-controller-manager-": {"I0820 10:04:59.000001      11 tagging_controller.go:152] Skip"},
	}
	for stream, lines := range messages {
		p := newTestParser(t, Options{})
		whole := keepAll(p.Parse(nil, envelopeOf(stream+testInstance, august, lines...)))
		p.Reset(firehoseTime, nil)
		extracted := keepAll(p.Parse(nil, []byte(strings.Join(lines, "\n")+"\n")))
		require.Len(t, extracted, len(whole))
		for i := range whole {
			require.Equal(t, string(whole[i].Line), string(extracted[i].Line))
			require.Equal(t, whole[i].Level, extracted[i].Level)
			require.Equal(t, whole[i].Fields, extracted[i].Fields)
			require.Equal(t, lineTime(t, &whole[i]), lineTime(t, &extracted[i]))
			require.Equal(t, whole[i].Source.Get(LabelLogType), extracted[i].Source.Get(LabelLogType))
			// The extraction has destroyed these.
			require.Empty(t, extracted[i].ID)
			require.Empty(t, extracted[i].Source.Get(LabelCluster))
			_, ok := extracted[i].Times.Get(timestamp.CloudWatch)
			require.False(t, ok)
		}
	}
}

// TestReplay delivers the turn of a year days and years later.
func TestReplay(t *testing.T) {
	turn := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	rec := envelopeOf("kube-scheduler-"+testInstance, turn,
		"I1231 23:59:59.980000       1 schedule_one.go:302] a",
		"I0101 00:00:00.000001       1 schedule_one.go:302] b",
		"    c",
	)
	want := []string{"2024-12-31T23:59:59.98Z", "2025-01-01T00:00:00.000001Z", "2025-01-01T00:00:00.000001Z"}
	for _, delay := range []time.Duration{0, 48 * time.Hour, 180 * 24 * time.Hour, 5 * 365 * 24 * time.Hour} {
		p := newTestParser(t, Options{})
		p.Reset(turn.Add(delay).UnixNano(), nil)
		events := p.Parse(nil, rec)
		for i := range events {
			require.Equal(t, want[i], lineTime(t, &events[i]), delay)
		}
	}
	// Without event times the year is the nearest to the delivery's, which is as
	// much as the extraction leaves.
	p := newTestParser(t, Options{})
	p.Reset(turn.Add(48*time.Hour).UnixNano(), nil)
	events := p.Parse(nil, []byte("I1231 23:59:59.980000       1 schedule_one.go:302] a\n"))
	require.Equal(t, want[0], lineTime(t, &events[0]))
	// Without that, nothing gives a year, and none is made up.
	p.Reset(0, nil)
	events = p.Parse(nil, []byte("I1231 23:59:59.980000       1 schedule_one.go:302] a\n"))
	require.Equal(t, "none", lineTime(t, &events[0]))
}

func TestParseLine(t *testing.T) {
	p := newTestParser(t, Options{})
	f := func(text string, o Origin, wantLine, wantType, wantTime, wantLevel string) {
		t.Helper()
		events := p.ParseLine(nil, []byte(text), o)
		require.Len(t, events, 1)
		require.Equal(t, wantLine, string(events[0].Line))
		require.Equal(t, wantType, events[0].Source.Get(LabelLogType))
		require.Equal(t, wantTime, lineTime(t, &events[0]))
		require.Equal(t, wantLevel, events[0].Level)
	}
	scheduler := Origin{LogGroup: "/aws/eks/shop/cluster", LogStream: "kube-scheduler-" + testInstance, Nanos: august.UnixNano(), HasTime: true}
	manager := Origin{LogStream: "kube-controller-manager-" + testInstance, Nanos: august.UnixNano(), HasTime: true}
	const header = "E0820 10:04:59.000001      10 x.go:226] failed"
	f(header+"\n", scheduler, header, "scheduler", "2026-08-20T10:04:59.000001Z", "error")
	// Lines of several streams come in turns.
	f("I0820 10:04:58.000000      10 x.go:1] fine", manager, "I0820 10:04:58.000000      10 x.go:1] fine", "controllerManager", "2026-08-20T10:04:58Z", "info")
	f("\tframe.go:1", scheduler, "\tframe.go:1", "scheduler", "2026-08-20T10:04:59.000001Z", "error")
	// A message of several lines stays one, and is no two documents.
	f(header+"\ngoroutine 1 [running]:\n", scheduler, header+"\ngoroutine 1 [running]:", "scheduler", "2026-08-20T10:04:59.000001Z", "error")
	// A line of an export brings its event time.
	f("2019-08-20T10:04:59.000Z "+header, Origin{}, header, "unknown", "2019-08-20T10:04:59.000001Z", "error")
	f("2019-08-20T10:04:59.000Z "+header, scheduler, header, "scheduler", "2019-08-20T10:04:59.000001Z", "error")
	// Lines of unknown streams do not follow each other.
	f("\tframe.go:1", Origin{}, "\tframe.go:1", "unknown", "none", "")
	f("", scheduler, "", "scheduler", "none", "")

	events := p.ParseLine(nil, envelopeOf("authenticator-"+testInstance, august, grantedLine, grantedLine), Origin{})
	require.Len(t, events, 2)
	require.Equal(t, "shop", events[0].Source.Get(LabelCluster))

	// Without a stream nobody knows whether a line is one message or several.
	events = p.ParseLine(nil, []byte(klogLine+"\n\tframe.go:1\n"+auditLine("pods", 0)+auditLine("pods", 0)+"\n"), Origin{Nanos: august.UnixNano(), HasTime: true})
	require.Len(t, events, 4)
	require.Equal(t, lineTime(t, &events[0]), lineTime(t, &events[1]))

	events = p.ParseLine(nil, []byte(grantedLine), Origin{Account: "444455556666", Region: "eu-west-3"})
	require.Equal(t, "444455556666", events[0].Source.Get(cwlogs.LabelOwner))
	require.Equal(t, "eu-west-3", events[0].Source.Get(cwlogs.LabelRegion))
}

// TestParseLine_Received shows what stands in for the time of a delivery.
func TestParseLine_Received(t *testing.T) {
	p := newTestParser(t, Options{})
	f := func(o Origin, wantFirehose int64, wantLine string) {
		t.Helper()
		events := p.ParseLine(nil, []byte("I1231 23:59:59.980000       1 x.go:302] a"), o)
		got, ok := events[0].Times.Get(timestamp.Firehose)
		require.Equal(t, wantFirehose, got)
		require.Equal(t, wantFirehose != 0, ok)
		require.Equal(t, wantLine, lineTime(t, &events[0]))
	}
	newYear := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	f(Origin{}, 0, "none") // The delivery before is none of this line's.
	f(Origin{Received: newYear}, newYear, "2024-12-31T23:59:59.98Z")
	f(Origin{Received: firehoseTime, Nanos: newYear, HasTime: true}, firehoseTime, "2024-12-31T23:59:59.98Z")
}

func TestParseLine_Filename(t *testing.T) {
	const task, scheduler = "9f1e2d3c-0a1b-4c2d-8e3f-5a6b7c8d9e0f", "kube-scheduler-" + testInstance
	p := newTestParser(t, Options{})
	f := func(path, wantStream, wantType string) {
		t.Helper()
		events := p.ParseLine(nil, []byte("2026-08-20T10:04:59.000Z text"), Origin{Filename: path})
		require.Equal(t, wantStream, events[0].Source.Get(cwlogs.LabelLogStream))
		require.Equal(t, wantType, events[0].Source.Get(LabelLogType))
		require.Equal(t, "text", string(events[0].Line))
	}
	f("/exports/shop/"+task+"/"+scheduler+"/000000.gz", scheduler, "scheduler")
	f("s3://bucket/"+task+"/kube-apiserver-audit-"+testInstance+"/000017.gz", "kube-apiserver-audit-"+testInstance, "audit")
	f(scheduler+"/000000.gz", scheduler, "scheduler")
	f("/unpacked/"+scheduler+".log", scheduler, "scheduler")
	f("/unpacked/"+scheduler, scheduler, "scheduler")
	f("/kube-apiserver-logs/"+task+"/"+scheduler+"/000000", scheduler, "scheduler")
	f("/"+task+"/"+scheduler+"/authenticator-000000.gz", scheduler, "scheduler")
	f("/kube-apiserver-logs/kube-scheduler-logs/0.gz", "kube-scheduler-logs", "scheduler")
	f("/var/log/0.log", "", "unknown")
	f("///", "", "unknown")
	f("", "", "unknown")
	// Who names the stream knows better.
	events := p.ParseLine(nil, []byte("x"), Origin{LogStream: "authenticator-" + testInstance, Filename: scheduler})
	require.Equal(t, "authenticator", events[0].Source.Get(LabelLogType))
	// A file is one sequence of lines, whatever is in it.
	p.ParseLine(nil, []byte("E0820 10:04:59.000001      10 horizontal.go:226] failed"), Origin{Filename: "/a.log", Received: firehoseTime})
	p.ParseLine(nil, []byte("I0820 10:04:58.000001      10 horizontal.go:226] fine"), Origin{Filename: "/b.log", Received: firehoseTime})
	events = p.ParseLine(nil, []byte("goroutine 1 [running]:\n\tframe.go:1"), Origin{Filename: "/a.log", Received: firehoseTime})
	require.Len(t, events, 1)
	require.Equal(t, "2026-08-20T10:04:59.000001Z", lineTime(t, &events[0]))
	require.Equal(t, "controllerManager", events[0].Source.Get(LabelLogType))
}

// TestParseLine_Endless shows that a parser which is never reset forgets.
func TestParseLine_Endless(t *testing.T) {
	p := newTestParser(t, Options{LineFormat: JSON})
	header, frame := []byte("E0820 10:04:59.000001      10 x.go:226] failed"), []byte("goroutine 1 [running]:")
	read := func(text []byte, stream int) *event.Event {
		o := Origin{LogStream: fmt.Sprintf("kube-apiserver-%032x", stream), Received: firehoseTime}
		return &p.ParseLine(nil, text, o)[0]
	}
	for i := range 3 * maxStreams {
		read(header, i)
	}
	require.Len(t, p.followers.streams, maxStreams)
	require.Len(t, p.followers.index, maxStreams)
	require.Equal(t, "2026-08-20T10:04:59.000001Z", lineTime(t, read(frame, 3*maxStreams-1)))
	require.Equal(t, "2026-08-20T10:04:59.000001Z", lineTime(t, read(frame, 2*maxStreams)))
	require.Equal(t, "none", lineTime(t, read(frame, 0)))
	require.Len(t, p.followers.index, maxStreams)
	// Nor does it take a line of the week before for the one before.
	o := Origin{LogStream: fmt.Sprintf("kube-apiserver-%032x", 3*maxStreams-1), Received: firehoseTime + int64(apart) + 1}
	require.Equal(t, "none", lineTime(t, &p.ParseLine(nil, frame, o)[0]))

	// One line of an unusual size is not paid for ever after.
	large := "E0820 10:04:59.000001      10 x.go:226] \"failed\"" + strings.Repeat(` key="v\"alue"`, 200_000)
	read([]byte(large), 0)
	require.Greater(t, len(p.line.extra), maxParts)
	read(frame, 0)
	require.LessOrEqual(t, cap(p.line.extra), maxParts)
	require.LessOrEqual(t, cap(p.arena), maxArena)
}

func TestFollowers_EndWithTheDelivery(t *testing.T) {
	p := newTestParser(t, Options{})
	stream := "kube-apiserver-" + testInstance
	p.Parse(nil, envelopeOf(stream, august, "E0820 10:04:59.000001      10 x.go:226] failed"))
	// The next record of the delivery goes on.
	events := p.Parse(nil, envelopeOf(stream, august, "goroutine 1 [running]:"))
	require.Equal(t, "2026-08-20T10:04:59.000001Z", lineTime(t, &events[0]))
	require.Equal(t, "error", events[0].Level)
	// Another instance does not.
	events = p.Parse(nil, envelopeOf("kube-apiserver-ffffffffffffffffffffffffffffffff", august, "goroutine 1 [running]:"))
	require.Equal(t, "none", lineTime(t, &events[0]))
	p.Reset(firehoseTime, nil)
	events = p.Parse(nil, envelopeOf(stream, august, "goroutine 1 [running]:"))
	require.Equal(t, "none", lineTime(t, &events[0]))
	require.Empty(t, events[0].Level)
}

func TestOptions_Fields(t *testing.T) {
	rec := envelopeOf("kube-apiserver-audit-"+testInstance, august, auditLine("pods", 100))
	f := func(fields []string, want ...string) {
		t.Helper()
		var got []string
		for _, field := range newTestParser(t, Options{Fields: fields}).Parse(nil, rec)[0].Fields {
			got = append(got, field.Name)
		}
		require.Equal(t, want, got)
	}
	f([]string{FieldVerb, FieldUser, FieldARN, "nonsense"}, FieldVerb, FieldUser)
	f([]string{})
	f(nil, FieldAuditID, FieldStage, FieldVerb, FieldUser, FieldGroups, FieldSourceIPs, FieldUserAgent, FieldResource, FieldSubresource,
		FieldNamespace, FieldName, FieldResponseCode, FieldDecision, FieldRequestURI, FieldPrincipalARN, FieldSessionName,
		FieldRequestReceived, FieldPolicyLevel)
	require.Len(t, FieldNames(), int(numFields))
	require.NotContains(t, FieldNames(), "")
}

func TestFields_AreFitForMetadata(t *testing.T) {
	f := func(value, want string) {
		t.Helper()
		line := `{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"` + value + `"}`
		events := newTestParser(t, Options{}).ParseLine(nil, []byte(line), Origin{})
		require.Equal(t, want, fieldOf(&events[0], FieldAuditID))
	}
	f("plain", "plain")
	f("not \xff UTF-8", "not \ufffd UTF-8")
	f(strings.Repeat("x", 5000), strings.Repeat("x", maxFieldLen))
	f(strings.Repeat("\xff", 5000), strings.Repeat("\ufffd", maxFieldLen/3))
	// A character is not cut in two.
	f(strings.Repeat("x", maxFieldLen-1)+"µ", strings.Repeat("x", maxFieldLen-1))
	f(strings.Repeat("x", maxFieldLen-2)+"µµ", strings.Repeat("x", maxFieldLen-2)+"µ")
	f(strings.Repeat("x", maxFieldLen-3)+"\U0001f600", strings.Repeat("x", maxFieldLen-3))
}

func TestSources_AreShared(t *testing.T) {
	sources, err := event.NewSources(2)
	require.NoError(t, err)
	a, b := newTestParser(t, Options{Sources: sources}), newTestParser(t, Options{Sources: sources})
	rec := envelopeOf("kube-scheduler-"+testInstance, august, klogLine, klogLine)
	first := a.Parse(nil, rec)
	second := b.Parse(nil, rec)
	require.Same(t, first[0].Source, first[1].Source)
	require.Same(t, first[0].Source, second[0].Source)
	for i := range 5 {
		a.Parse(nil, envelopeOf(fmt.Sprintf("kube-scheduler-%032d", i), august, klogLine))
	}
	require.Equal(t, 2, sources.Len())
	_, err = event.NewSources(0)
	require.Error(t, err)
}

func TestAuditLevel(t *testing.T) {
	f := func(members, want string) {
		t.Helper()
		line := `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse",` + members
		events := newTestParser(t, Options{}).ParseLine(nil, []byte(line), Origin{})
		require.Equal(t, want, events[0].Level)
	}
	f(`"stage":"ResponseComplete","responseStatus":{"code":200}}`, "info")
	f(`"stage":"ResponseStarted","responseStatus":{"code":101}}`, "info")
	f(`"stage":"RequestReceived"}`, "info")
	f(`"stage":"ResponseComplete","responseStatus":{"code":401}}`, "warn")
	f(`"stage":"ResponseComplete","responseStatus":{"code":404}}`, "warn")
	f(`"stage":"ResponseComplete","annotations":{"authorization.k8s.io/decision":"forbid"}}`, "warn")
	f(`"stage":"ResponseComplete","responseStatus":{"code":500}}`, "error")
	f(`"stage":"ResponseComplete","responseStatus":{"code":504}}`, "error")
	f(`"stage":"Panic"}`, "error")
	f(`"stage":"Panic","respo[Truncated...]`, "error")
	f(`"stage":"ResponseComplete","respo[Truncated...]`, "")
	f(`"stage":"ResponseComplete","responseStatus":{"code":503},"respo[Truncated...]`, "error")
}

func TestRedact(t *testing.T) {
	body := `{"data":{"k":"v"}}`
	f := func(redact []string, objectRef, want string) {
		t.Helper()
		line := `{"kind":"Event","apiVersion":"audit.k8s.io/v1","objectRef":` + objectRef + `,"requestObject":` + body + `,"stage":"x"}`
		events := newTestParser(t, Options{Redact: redact}).ParseLine(nil, []byte(line), Origin{})
		require.Equal(t, strings.Replace(line, body, want, 1), string(events[0].Line))
	}
	f(nil, `{"resource":"secrets"}`, body)
	f(DefaultRedact(), `{"resource":"secrets"}`, RedactionMark)
	f(DefaultRedact(), `{"resource":"secrets","subresource":"any"}`, RedactionMark)
	f(DefaultRedact(), `{"resource":"tokenreviews","apiGroup":"authentication.k8s.io"}`, RedactionMark)
	f(DefaultRedact(), `{"resource":"serviceaccounts"}`, body)
	f(DefaultRedact(), `{"resource":"serviceaccounts","subresource":"token"}`, RedactionMark)
	f(DefaultRedact(), `{"resource":"configmaps"}`, body)
	f([]string{"configmaps"}, `{"resource":"configmaps"}`, RedactionMark)
	// Nobody can tell of what this is.
	f(DefaultRedact(), `{}`, RedactionMark)
}

// Without an envelope, a line that one component alone writes tells the type of all
// lines of the record, and counts what was met once.
func TestParser_LinesTellEachOther(t *testing.T) {
	const (
		plain     = `I0820 10:04:59.000001       1 controller.go:12] something`
		scheduler = `I0820 10:04:59.000002       1 schedule_one.go:304] "Bound"`
		api       = `I0820 10:04:59.000003       1 alloc.go:330] "allocated clusterIPs"`
		cutOff    = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a","stage":"Panic[Truncated...]`
	)
	p := newTestParser(t, Options{LineFormat: JSON})
	f := func(rec, want string) {
		t.Helper()
		p.Reset(august.UnixNano(), nil)
		var got []string
		for _, ev := range p.Parse(nil, []byte(rec)) {
			got = append(got, ev.Source.Get(LabelLogType))
			require.Contains(t, string(ev.Line), `"log_type":"`+ev.Source.Get(LabelLogType)+`"`)
		}
		require.Equal(t, want, strings.Join(got, " "))
	}
	f(plain, "unknown")
	f(plain+"\n"+plain+"\n"+scheduler+"\n"+plain, "scheduler scheduler scheduler scheduler")
	f(plain+"\n"+scheduler+"\n"+api, "unknown scheduler api")
	f(plain+"\n"+cutOff, "unknown audit")
	require.Equal(t, 1, p.Counts().Truncated)
	f(plain, "unknown")
}

// A line that its JSON form would make too long for Loki stays text.
func TestParser_LongLinesStayText(t *testing.T) {
	p := newTestParser(t, Options{LineFormat: JSON})
	f := func(n int, want bool) {
		t.Helper()
		line := `{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a","requestObject":{"x":"` + strings.Repeat(`\"`, n/2) + `[Truncated...]`
		events := p.Parse(nil, envelopeOf("kube-apiserver-audit-"+testInstance, august, line))
		require.Len(t, events, 1)
		require.Equal(t, want, json.Valid(events[0].Line))
		if !want {
			require.Equal(t, line, string(events[0].Line))
		}
	}
	f(100<<10, true)
	f(200<<10, false)
}

// TestRedact_EveryPiece cuts the audit event of a secret wherever it can be cut,
// as the API server writes it and in another order.
func TestRedact_EveryPiece(t *testing.T) {
	const secret = "SECRETSECRETSECRET"
	line := `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"a-1","stage":"ResponseComplete","verb":"patch","user":{"username":"ada","groups":["x"]},"objectRef":{"resource":"secrets","name":"db"},"responseStatus":{"code":200},"requestObject":{"data":{"password":"` + secret + `"},"list":["` + secret + `"]},"responseObject":{"metadata":{"annotations":{"last":"{\"data\":\"` + secret + `\"}"}},"data":{"password":"` + secret + `"}},"stageTimestamp":"2026-08-20T10:04:59.000001Z","annotations":{"authorization.k8s.io/decision":"allow","patch.webhook.admission.k8s.io/round_0_index_0":"{\"patch\":\"` + secret + `\"}"}}`
	var members map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(line), &members))
	sorted, err := json.Marshal(members)
	require.NoError(t, err)
	for _, line := range []string{line, string(sorted)} {
		checkPieces(t, line, secret)
	}
	// The same in envelopes that are cut off, whose text is kept as it is.
	p := newTestParser(t, Options{Redact: DefaultRedact()})
	rec := envelopeOf("kube-apiserver-audit-"+testInstance, august, line)
	for i := range rec {
		for _, ev := range p.Parse(nil, rec[:i+1]) {
			require.NotContains(t, string(ev.Line), "SEC", "%d", i)
		}
	}
}

// checkPieces cuts the line.
func checkPieces(t *testing.T, line, secret string) {
	t.Helper()
	for _, format := range []LineFormat{Raw, JSON} {
		p := newTestParser(t, Options{Redact: DefaultRedact(), LineFormat: format})
		check := func(from, to int, o Origin) {
			for _, mark := range []string{"", "[Truncated...]"} {
				piece := line[from:to] + mark
				for _, ev := range p.ParseLine(nil, []byte(piece), o) {
					require.NotContains(t, string(ev.Line), "SEC", "%q", piece)
					require.True(t, format != JSON || json.Valid(ev.Line), "%s", ev.Line)
					for _, f := range ev.Fields {
						require.NotContains(t, string(f.Value), "SEC", "%q", piece)
					}
				}
			}
		}
		audit := Origin{LogStream: "kube-apiserver-audit-" + testInstance}
		for i := range line {
			check(0, i+1, audit)
			check(i, len(line), audit)
			// Heads and tails show what they are.
			check(0, i+1, Origin{})
			check(i, len(line), Origin{})
		}
		for from := 1; from < len(line); from += 7 {
			for to := from + 1; to < len(line); to += 13 {
				check(from, to, audit)
			}
		}
		// What is neither does by its length, or by what stands before it.
		middle := strings.Repeat(secret, minMiddle/len(secret)+1)
		head, tail := strings.Replace(line, secret, middle, 1), ""
		head, tail, _ = strings.Cut(head, middle)
		for _, rec := range []string{middle, head + "\n" + secret + "\n" + tail, head + "[Truncated...]\n" + secret} {
			for _, ev := range p.Parse(nil, []byte(rec)) {
				require.NotContains(t, string(ev.Line), "SEC")
			}
		}
	}
}

func TestRule_Validate(t *testing.T) {
	f := func(r Rule, want string) {
		t.Helper()
		err := r.Validate()
		if want == "" {
			require.NoError(t, err)
			return
		}
		require.ErrorContains(t, err, want)
		// What is refused drops nothing.
		rec := envelopeOf("kube-apiserver-audit-"+testInstance, august, auditLine("pods", 10))
		require.Len(t, newTestParser(t, Options{Drop: []Rule{r}}).Parse(nil, rec), 1)
	}
	f(Rule{Verbs: []string{"get"}}, "")
	f(Rule{}, "without conditions")
	f(Rule{ExceptResources: []string{"secrets"}}, "without conditions")
	f(Rule{Users: []string{"*", ""}}, "users: an empty pattern")
	for _, r := range SafeProfile() {
		f(r, "")
	}
}

func TestRule(t *testing.T) {
	rec := envelopeOf("kube-apiserver-audit-"+testInstance, august, auditLine("pods", 10))
	f := func(r Rule, dropped bool) {
		t.Helper()
		p := newTestParser(t, Options{Drop: []Rule{{Verbs: []string{"no verb"}}, r}})
		require.Equal(t, !dropped, len(p.Parse(nil, rec)) == 1)
		require.Equal(t, dropped, p.Counts().Dropped == 1)
	}
	f(Rule{Verbs: []string{"get", "patch"}}, true)
	f(Rule{Verbs: []string{"get"}}, false)
	f(Rule{Users: []string{"system:node:*"}}, true)
	f(Rule{Stages: []string{"ResponseComplete"}}, true)
	f(Rule{Resources: []string{"pods"}}, false) // It is pods/status.
	f(Rule{Resources: []string{"pods/status"}}, true)
	f(Rule{Resources: []string{"pods*"}, ExceptResources: []string{"pods/exec"}}, true)
	f(Rule{Resources: []string{"pods*"}, ExceptResources: []string{"*/status"}}, false)
	f(Rule{APIGroups: []string{"*"}}, false) // It has none.
	f(Rule{Namespaces: []string{"shop"}, Names: []string{"cart-*"}}, true)
	f(Rule{RequestURIs: []string{"/api/*"}, UserAgents: []string{"kubelet/*"}}, true)
	f(Rule{ResponseCodes: []string{"2*"}, Levels: []string{"info"}}, true)
	f(Rule{ResponseCodes: []string{"2*"}, Levels: []string{"warn"}}, false)
}

func TestMatchGlob(t *testing.T) {
	f := func(pattern, text string, want bool) {
		t.Helper()
		require.Equal(t, want, matchGlob(pattern, []byte(text)))
	}
	f("a", "a", true)
	f("a", "ab", false)
	f("a*", "a", true)
	f("*", "", true)
	f("*a", "bba", true)
	f("a*b*c", "a--b--b--c", true)
	f("a*b*c", "a--c--b", false)
	f("**", "x", true)
	f("/healthz*", "/healthz?verbose", true)
	f("a?c", "abc", false)
}

func TestClusterPattern(t *testing.T) {
	f := func(pattern, group, want string) {
		t.Helper()
		opts := Options{}
		if pattern != "" {
			opts.ClusterPattern = regexpOf(pattern)
		}
		events := newTestParser(t, opts).ParseLine(nil, []byte(klogLine), Origin{LogGroup: group, LogStream: "kube-scheduler-" + testInstance})
		require.Equal(t, want, events[0].Source.Get(LabelCluster))
	}
	f("", "/aws/eks/shop/cluster", "shop")
	f("", "/aws/eks/shop/other", "")
	f("", "x/aws/eks/shop/cluster", "")
	f(`^/central/(\w+)/(?P<cluster>[^/]+)$`, "/central/eu/shop", "shop")
	f(`^/central/([^/]+)$`, "/central/shop", "shop")
	f(`^/central/`, "/central/shop", "")
}

// TestAllocations holds what reading may cost once a parser is warm.
func TestAllocations(t *testing.T) {
	f := func(format LineFormat, stream string, lines ...string) {
		t.Helper()
		p := newTestParser(t, Options{LineFormat: format, Redact: DefaultRedact(), Drop: SafeProfile()})
		rec := envelopeOf(stream+testInstance, august, lines...)
		var events []event.Event
		require.Zero(t, testing.AllocsPerRun(100, func() { events = p.Parse(events[:0], rec) }))
		require.Len(t, events, len(lines))
	}
	for _, format := range []LineFormat{Raw, JSON} {
		f(format, "kube-apiserver-", klogLine, klogLine, "goroutine 1 [running]:", `W0820 10:04:59.000001       1 x.go:541] Skipping "service"`)
		f(format, "authenticator-", grantedLine, grantedLine)
		f(format, "kube-apiserver-audit-", auditLine("pods", 100), auditLine("pods", 5000))
		f(format, "kube-apiserver-audit-", auditLine("secrets", 100), auditLine("pods", 100)[:1000], auditLine("pods", 100)[900:])
		f(format, "kube-apiserver-", `{"level":"warn","ts":"2026-08-20T10:04:59.352Z","caller":"v3/retry.go:62","msg":"retrying"}`)
	}
}

// keepAll copies what events borrow.
func keepAll(events []event.Event) []event.Event {
	for i := range events {
		ev := &events[i]
		ev.Line = append([]byte{}, ev.Line...)
		ev.ID = append([]byte{}, ev.ID...)
		fields := append([]event.Field{}, ev.Fields...)
		for j := range fields {
			fields[j].Value = append([]byte{}, fields[j].Value...)
		}
		ev.Fields = fields
	}
	return events
}

// What is beyond the bound is one event, whatever it would have been. A line that
// came by itself is no record.
func TestParser_MaxEvents(t *testing.T) {
	known, err := event.NewSources(100)
	require.NoError(t, err)
	p := NewParser(Options{Sources: known, MaxEvents: 2})
	f := func(record string, want ...string) {
		t.Helper()
		p.Reset(august.UnixNano(), nil)
		before := []event.Event{{Line: []byte("of another record")}}
		events := p.Parse(before, []byte(record))[1:]
		var got []string
		for _, ev := range events {
			got = append(got, strings.TrimSpace(string(ev.Flaw)+" "+string(ev.Line)))
		}
		require.Equal(t, want, got)
	}
	f("a\nb\n", "a", "b")
	f("a\nb\nc\nd", "a", "b", "too_large c\nd")
	f(klogLine+"\n"+klogLine+"\n"+klogLine, klogLine, klogLine, "too_large "+klogLine)
	two, three := string(envelopeOf("kube-scheduler-"+testInstance, august, "a", "b")), string(envelopeOf("kube-scheduler-"+testInstance, august, "a", "b", "c"))
	f(two, "a", "b")
	third := three[strings.LastIndex(three, `{"id"`):]
	f(three, "a", "b", "too_large "+third)
	f(three+two, "a", "b", "too_large "+third+two)
	f(two+two, "a", "b", "too_large "+two[strings.Index(two, `{"id"`):])

	var events []event.Event
	for range 5 {
		events = p.ParseLine(events, []byte(klogLine), Origin{})
	}
	for _, ev := range events {
		require.Empty(t, ev.Flaw)
	}
}
