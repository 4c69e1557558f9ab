package ekscontrolplane

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/grafana/loki/pkg/push"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/component/common/loki"

	"github.com/grafana/alloy/eks/internal/lokientry"
	"github.com/grafana/alloy/eks/internal/rig"
	"github.com/grafana/alloy/eks/internal/subscription"
)

// exported returns what other components send entries to.
func exported(r *testRig) loki.LogsReceiver { return r.Exports.(Exports).Receiver }

// give sends an entry to the component as another component does.
func give(r *testRig, e loki.Entry) {
	r.T.Helper()
	select {
	case exported(r).Chan() <- e:
	case <-time.After(rig.Patience):
		require.Fail(r.T, "the entry was not taken")
	}
}

// entry returns an entry of another component.
func entry(labels model.LabelSet, line string, metadata ...push.LabelAdapter) loki.Entry {
	return loki.NewEntry(labels, push.Entry{Timestamp: eventTime, Line: line, StructuredMetadata: metadata})
}

// read are the labels that say where a line of messages was read.
func read(stream string) model.LabelSet {
	return model.LabelSet{"log_group": group, "log_stream": model.LabelValue(stream), "account": "444455556666", "region": "us-east-1"}
}

// The way by which a line comes makes no difference.
func TestEntries_AsByHTTP(t *testing.T) {
	f := func(text string) {
		t.Helper()
		byHTTP, byEntries := newRig(t, listening+text, nil), newRig(t, rig.AnyAge+text, nil)
		var records []string
		for _, m := range messages() {
			records = append(records, record(t, m))
			for _, ev := range m.Events {
				give(byEntries, entry(read(m.LogStream), ev.Text))
			}
		}
		require.Equal(t, 200, byHTTP.Deliver(records).Status)
		want, got := byHTTP.Entries(7), byEntries.Entries(7)
		for i := range want {
			require.Equal(t, rig.Plain(want[i]), rig.Plain(got[i]))
		}
		require.Empty(t, byEntries.Info().Endpoint.Address)
		// What the UI shows is counted last.
		byEntries.Eventually(func() bool { return maps.Equal(byHTTP.Info().TimestampSources, byEntries.Info().TimestampSources) }, "the count")
		require.EqualValues(t, 7, byEntries.Metric("entries_total", "outcome", "forwarded"))
		for _, name := range []string{"timestamp_source_total", "bytes_total"} {
			require.Equal(t, byHTTP.Metric(name, "source", "line"), byEntries.Metric(name, "source", "line"))
			require.Equal(t, byHTTP.Metric(name, "stage", "line"), byEntries.Metric(name, "stage", "line"))
		}
		require.Zero(t, byEntries.Metric("deliveries_total"))
	}
	f(``)
	f(`line_format = "json"`)
	f("drop { verbs = [\"create\"] }\nlabels = {group = \"__aws_cw_log_group\", region = \"__aws_region\"}\nfields = [\"user\"]")
}

// A line without a time has the entry's, which stands in for Firehose's.
func TestEntries_Times(t *testing.T) {
	r := newRig(t, rig.AnyAge, nil)
	f := func(line string, stamp, want time.Time, source string) {
		t.Helper()
		e := entry(read("kube-scheduler-"+instance), line)
		e.Timestamp = stamp
		give(r, e)
		got := r.Entries(1)[0]
		if want.IsZero() {
			require.WithinDuration(t, time.Now(), got.Timestamp, time.Minute)
		} else {
			require.Equal(t, want, got.Timestamp.UTC())
		}
		require.Equal(t, source, rig.Metadata(got)["timestamp_source"])
	}
	f("no header", eventTime, eventTime, "firehose")
	f("no header", time.Time{}, time.Time{}, "now")
	// It gives a line of klog its year.
	newYear := time.Date(2021, time.January, 1, 0, 0, 1, 0, time.UTC)
	f(`I1231 23:59:59.999999      10 schedule_one.go:314] last`, newYear,
		time.Date(2020, time.December, 31, 23, 59, 59, 999999000, time.UTC), "line")
}

func TestEntries_Labels(t *testing.T) {
	r := newRig(t, rig.AnyAge+`
		cluster = "given"
		labels = {
			file = "__filename",
			note = "__note",
			job  = "",
		}
	`, nil)
	f := func(in, want model.LabelSet) {
		t.Helper()
		give(r, entry(in, schedulerLine))
		got := r.Entries(1)[0]
		want["log_type"], want["level"] = "scheduler", "info"
		require.Equal(t, want, got.Labels)
	}
	f(nil, model.LabelSet{"cluster": "given"})
	// Others are kept, but for those that the line itself states.
	f(model.LabelSet{"team": "search", "log_type": "x", "level": "INFO"}, model.LabelSet{"cluster": "given", "team": "search"})
	f(model.LabelSet{"log_group": group}, model.LabelSet{"cluster": "prod"})
	f(model.LabelSet{"__aws_cw_log_group": group, "log_group": "/other"}, model.LabelSet{"cluster": "prod"})
	f(model.LabelSet{"cluster": "own", "log_group": group}, model.LabelSet{"cluster": "own"})
	// Internal ones are there for labels, and one of them is the tenant.
	f(model.LabelSet{"__note": "n", lokientry.LabelTenant: "t"}, model.LabelSet{"cluster": "given", "note": "n", lokientry.LabelTenant: "t"})
	f(model.LabelSet{"filename": "/logs/a.log", "job": "files"}, model.LabelSet{"cluster": "given", "file": "/logs/a.log"})
}

func TestEntries_Origin(t *testing.T) {
	r := newRig(t, rig.AnyAge+`fields = []`, nil)
	f := func(in model.LabelSet, want map[string]string) {
		t.Helper()
		give(r, entry(in, schedulerLine))
		want["timestamp_source"] = "line"
		require.Equal(t, want, rig.Metadata(r.Entries(1)[0]))
	}
	f(nil, map[string]string{})
	f(model.LabelSet{"account": "1", "region": "r"}, map[string]string{"account": "1", "region": "r"})
	f(model.LabelSet{"__aws_owner": "2", "__aws_region": "s", "account": "1", "region": "r"}, map[string]string{"account": "2", "region": "s"})
	f(model.LabelSet{"log_stream": "kube-scheduler-" + instance}, map[string]string{"instance": instance})
	f(model.LabelSet{"__aws_cw_log_stream": "kube-scheduler-" + instance}, map[string]string{"instance": instance})
}

// Structured metadata goes along; ours comes first.
func TestEntries_StructuredMetadata(t *testing.T) {
	r := newRig(t, rig.AnyAge+`fields = ["source_file"]`, nil)
	give(r, entry(read("kube-scheduler-"+instance), schedulerLine,
		push.LabelAdapter{Name: "trace", Value: "t1"}, push.LabelAdapter{Name: "source_file", Value: "x"}))
	require.Equal(t, map[string]string{
		"account": "444455556666", "region": "us-east-1", "instance": instance, "timestamp_source": "line",
		"source_file": "schedule_one.go", "trace": "t1",
	}, rig.Metadata(r.Entries(1)[0]))
}

// A line of CloudWatch's export to S3 has its event time before it, and the name of
// its file holds the log stream.
func TestEntries_Export(t *testing.T) {
	r := newRig(t, rig.AnyAge+`cluster = "prod"`, nil)
	labels := model.LabelSet{"filename": "/export/0f1e-task/kube-controller-manager-" + instance + "/000000.gz"}
	for _, line := range []string{"2023-01-01T00:00:00.000Z E1231 23:59:59.323456      10 x.go:1] failed", "2023-01-01T00:00:00.001Z goroutine 1 [running]:"} {
		give(r, entry(labels, line))
	}
	for i, got := range r.Entries(2) {
		require.Equal(t, []string{"E1231 23:59:59.323456      10 x.go:1] failed", "goroutine 1 [running]:"}[i], got.Line)
		require.Equal(t, time.Date(2022, time.December, 31, 23, 59, 59, 323456000, time.UTC), got.Timestamp.UTC())
		require.Equal(t, map[string]string{"cluster": "prod", "log_type": "controllerManager", "level": "error"}, rig.Labels(got))
		require.Equal(t, instance, rig.Metadata(got)["instance"])
	}
}

// A component that passes records on as they are may send whole envelopes.
func TestEntries_Envelope(t *testing.T) {
	r := newRig(t, rig.AnyAge, nil)
	give(r, entry(nil, shaped(t, subscription.Decompressed, message("kube-controller-manager-", controllerLine, "goroutine 1 [running]:"))))
	for _, got := range r.Entries(2) {
		require.Equal(t, at(323456000), got.Timestamp.UTC())
		require.Equal(t, map[string]string{"cluster": "prod", "log_type": "controllerManager", "level": "error"}, rig.Labels(got))
		require.Equal(t, "444455556666", rig.Metadata(got)["account"])
	}
	give(r, entry(nil, `{"messageType":"CONTROL_MESSAGE","logEvents":[]}`))
	r.Eventually(func() bool { return r.Metric("control_messages_total") == 1 }, "the probe is counted")
}

// Lines that belong to each other do so whatever comes between them.
func TestEntries_HeadlessLines(t *testing.T) {
	r := newRig(t, rig.AnyAge, nil)
	const streams, rounds = 3, 20
	for i := range rounds {
		for s := range streams {
			line := fmt.Sprintf("frame %d", i)
			if i%10 == 0 {
				line = fmt.Sprintf("E0820 10:00:%02d.00000%d      10 x.go:1] panic", i, s)
			}
			give(r, entry(read(fmt.Sprintf("kube-scheduler-%031x%d", 0, s)), line))
		}
	}
	for i, got := range r.Entries(streams * rounds) {
		round, s := i/streams, i%streams
		require.Equal(t, at(round/10*10*1e9+s*1000), got.Timestamp.UTC())
		require.Equal(t, "error", rig.Labels(got)["level"])
		require.True(t, strings.HasSuffix(rig.Metadata(got)["instance"], fmt.Sprint(s)))
	}
}

// The sender waits for a receiver that takes nothing, and nothing is held in
// between but the one entry at hand.
func TestEntries_Backpressure(t *testing.T) {
	r := newRig(t, rig.AnyAge, func(r *testRig, _ *component.Options) { r.Receiver = loki.NewLogsReceiver() })
	labels := read("kube-scheduler-" + instance)
	give(r, entry(labels, schedulerLine))
	select {
	case exported(r).Chan() <- entry(labels, schedulerLine):
		require.Fail(t, "a second entry was taken")
	case <-time.After(100 * time.Millisecond):
	}
	require.Equal(t, schedulerLine, (<-r.Receiver.Chan()).Line)
	give(r, entry(labels, cloudLine))

	begin := time.Now()
	go r.Stop()
	require.Equal(t, cloudLine, (<-r.Receiver.Chan()).Line, "what was taken gets a last chance")
	r.Stop()
	require.Less(t, time.Since(begin), rig.Patience)
}

// Entries keep their order, and none is lost, while the configuration changes.
func TestEntries_Update(t *testing.T) {
	r := newRig(t, rig.AnyAge, nil)
	const n = 2000
	ctx, cancel := context.WithTimeout(t.Context(), rig.Patience)
	defer cancel()
	sent := make(chan error, 1)
	go func() {
		for i := range n {
			line := fmt.Sprintf("I0820 10:00:00.%06d      10 schedule_one.go:314] %d", i, i)
			select {
			case exported(r).Chan() <- entry(read("kube-scheduler-"+instance), line):
			case <-ctx.Done():
				sent <- ctx.Err()
				return
			}
		}
		sent <- nil
	}()
	receiver, updates := exported(r), 0
	variants := []string{``, `cluster = "x"`, `line_format = "json"`, "http { }", `limits { remembered_sources = 500 }`, `cluster_pattern = "/(.*)"`}
	for running := true; running; updates++ {
		r.Configure(rig.AnyAge + variants[updates%len(variants)])
		select {
		case err := <-sent:
			require.NoError(t, err)
			running = false
		default:
		}
	}
	require.Greater(t, updates, len(variants))
	for i, got := range r.Entries(n) {
		require.Equal(t, at(i*1000), got.Timestamp.UTC())
		require.Equal(t, "scheduler", rig.Labels(got)["log_type"])
	}
	require.Same(t, receiver, exported(r), "the export stays the same")
}

// Several components may send at once.
func TestEntries_ManySenders(t *testing.T) {
	r := newRig(t, listening, nil)
	const senders, n = 4, 100
	done := make(chan bool, senders)
	for s := range senders {
		go func() {
			for i := range n {
				exported(r).Chan() <- entry(read(fmt.Sprintf("kube-scheduler-%032x", s)), fmt.Sprintf("I0820 10:00:00.%06d      10 x.go:1] s", i))
			}
			done <- true
		}()
	}
	require.Equal(t, 200, r.Deliver([]string{record(t, message("kube-scheduler-", schedulerLine))}).Status)
	for range senders {
		<-done
	}
	next := map[string]int{}
	for _, got := range r.Entries(senders*n + 1) {
		if got.Line == schedulerLine {
			continue
		}
		stream := rig.Metadata(got)["instance"]
		require.Equal(t, at(next[stream]*1000), got.Timestamp.UTC())
		next[stream]++
	}
	require.Len(t, next, senders)
}
