package endtoend

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/clustertraffic"
	"github.com/grafana/alloy/eks/internal/subscription"
)

// What Firehose says of itself when it delivers.
const (
	firehoseAccount = "111122223333"
	firehoseRegion  = "us-east-1"
)

// extracted returns the entry of an event of which Firehose has delivered the text
// only. What goes with the envelope is
//
//   - the cluster: it is the one that the component is told, or none;
//   - the control-plane instance;
//   - the account and the region of the log group: they are those of the Firehose
//     stream;
//   - the event time: an event that states no time of its own has that of the
//     delivery, and a klog line the year of the delivery;
//   - the log stream: the log type is what the line itself, or one of the same
//     record, can be told by;
//   - the bounds of the events: each line of an event that has several is one, see
//     linewise.
//
// The log type is compared apart from the others.
func extracted(ev *clustertraffic.Event, cluster string, delivered time.Time) entry {
	e := enveloped(ev)
	delete(e.Metadata, "instance")
	e.Metadata["account"], e.Metadata["region"] = firehoseAccount, firehoseRegion
	delete(e.Labels, "cluster")
	if cluster != "" {
		e.Labels["cluster"] = cluster
	}
	if !ev.HasTime {
		e.Nanos, e.Metadata["timestamp_source"] = delivered.UnixNano(), "firehose"
	}
	return e
}

// TestControlPlane_Shapes delivers the same events in the three shapes that
// Firehose gives them. With an envelope they make the same entries, compressed or
// not. Without it they make the same but for what extracted says; for lines that
// nothing tells apart any more, such as those that two instances have written in
// one second, Loki has one entry. How many log types can be told by the content
// is in testdata/extracted.txt, for each source file in the program.
func TestControlPlane_Shapes(t *testing.T) {
	t.Parallel()
	g := generateLogs(t, 1000, several)
	// What the generator does not write: an event of several lines.
	g.change(t, func(ev *clustertraffic.Event) bool { return ev.Fields["source_file"] == "wrap.go" }, func(ev *clustertraffic.Event) {
		ev.Message += "\n\tgoroutine 17 [running]:\n\nmain.main()"
	})
	loki := sharedLoki(t)
	deliver := func(name string, form subscription.Form, arguments string) *tenant {
		n := loki.named(name)
		startControlPlane(t, n, arguments).deliverLogs(t, g, form, byCount(recordsPerDelivery))
		return n
	}
	want := g.entries(recordsPerDelivery, enveloped)
	deliver("gzip", subscription.Gzip, "").requireEntries(t, want)
	deliver("decompressed", subscription.Decompressed, "").requireEntries(t, want)

	f := func(cluster, arguments string) (untyped map[string]int) {
		t.Helper()
		n := deliver("extracted-"+cluster, subscription.Extracted, arguments)
		want := g.linewise().entries(recordsPerDelivery, func(ev *clustertraffic.Event) entry { return extracted(ev, cluster, requestTime) })
		got := n.entries(t, everyLog)
		untyped = giveTypes(t, want, got)
		requireSame(t, want, got)
		return untyped
	}
	untyped := f("", "")
	require.Equal(t, untyped, f("harbour", `cluster = "harbour"`))
	golden(t, "extracted.txt", g.linewise().typeTable(untyped))
}

// linewise returns the traffic with an event for each line that is not empty. The
// lines after the first one of an event belong to it.
func (g *logged) linewise() *logged {
	out := &logged{messages: g.messages}
	for _, events := range g.events {
		var lines []clustertraffic.Event
		for _, ev := range events {
			for line := range strings.SplitSeq(ev.Message, "\n") {
				if ev.Message = line; line != "" {
					lines = append(lines, ev)
				}
				ev.Fields, ev.Headless = nil, true
			}
		}
		out.events = append(out.events, lines)
	}
	return out
}

// giveTypes sets the log type of the entries that have none to be told by to the
// one that they must have had, and counts them by place. Their number is that of
// the lines of such a type that lack.
func giveTypes(t *testing.T, want, got []entry) (untyped map[string]int) {
	t.Helper()
	key := func(e entry) string {
		return fmt.Sprint(e.Nanos, e.Labels["cluster"], e.Labels["level"], e.Metadata, e.Line)
	}
	types := map[string][]string{}
	for _, e := range want {
		types[key(e)] = append(types[key(e)], e.Labels["log_type"])
	}
	for _, e := range got { // These are certain.
		if e.Labels["log_type"] != "unknown" {
			k := key(e)
			if at := slices.Index(types[k], e.Labels["log_type"]); at >= 0 {
				types[k] = slices.Delete(types[k], at, at+1)
			}
		}
	}
	untyped = map[string]int{}
	for i, e := range got {
		if k := key(e); e.Labels["log_type"] == "unknown" {
			require.NotEmpty(t, types[k], "nothing of this kind was sent: %v", e)
			e.Labels = maps.Clone(e.Labels) // Those of one stream share them.
			e.Labels["log_type"], types[k] = types[k][0], types[k][1:]
			untyped[place(e.Labels["log_type"], e.Metadata)]++
			got[i] = e
		}
	}
	return untyped
}

// place names the place in a program that has written a line, as far as the line
// says that.
func place(logType string, fields map[string]string) string {
	return logType + " " + cmp.Or(fields["source_file"], "-")
}

// typeTable shows for each place how many lines it has written, and of how many
// the log type cannot be told.
func (g *logged) typeTable(untyped map[string]int) string {
	total := map[string]int{}
	for _, ev := range g.all() {
		total[place(ev.LogType, ev.Fields)]++
	}
	var out bytes.Buffer
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "log_type\tsource_file\tlines\tunknown")
	sum, unknown := 0, 0
	for _, name := range sortedKeys(total) {
		logType, file, _ := strings.Cut(name, " ")
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\n", logType, file, total[name], untyped[name])
		sum, unknown = sum+total[name], unknown+untyped[name]
	}
	fmt.Fprintf(w, "all\t\t%d\t%d\n", sum, unknown)
	_ = w.Flush()
	return out.String()
}

// TestControlPlane_NewYear delivers lines from around the end of a year, and of a
// leap year's February: when they were written, when the year had changed, and
// years later, as a backup or an archive is replayed. klog lines state no year. With
// their event time they keep their year forever. Without it they have that of the
// delivery, so that only a delivery of then has them right.
func TestControlPlane_NewYear(t *testing.T) {
	t.Parallel()
	loki := sharedLoki(t)
	f := func(name, written, delivered string, form subscription.Form, years int) {
		t.Helper()
		o, how := several, byCount(recordsPerDelivery)
		o.Start, how.Timestamp = instant(t, written), instant(t, delivered)
		g := generateLogs(t, 300, o)
		events := g.all()
		require.NotEqual(t, events[0].Time.Day(), events[len(events)-1].Time.Day(), "the day does not change")
		n := loki.named(fmt.Sprint(name, "-", form))
		startControlPlane(t, n, "").deliverLogs(t, g, form, how)

		want := g.entries(recordsPerDelivery, func(ev *clustertraffic.Event) entry {
			if form != subscription.Extracted {
				return enveloped(ev)
			}
			e := extracted(ev, "", how.Timestamp)
			if ev.Headless || ev.Fields["thread_id"] != "" {
				e.Nanos = ev.Time.AddDate(years, 0, 0).UnixNano()
			}
			return e
		})
		var got []entry
		for _, year := range slices.Compact([]int{0, years}) {
			around := o.Start.AddDate(year, 0, 0)
			got = append(got, n.entriesBetween(t, everyLog, around.AddDate(0, 0, -1).UnixNano(), around.AddDate(0, 0, 3).UnixNano())...)
		}
		if how.Timestamp.Sub(o.Start) > 3*24*time.Hour { // What has the time of the delivery.
			got = append(got, n.entriesBetween(t, everyLog, how.Timestamp.UnixNano(), how.Timestamp.UnixNano()+1)...)
		}
		if form == subscription.Extracted {
			giveTypes(t, want, got)
		}
		requireSame(t, want, got)
	}
	const newYear, leapDay = "2024-12-31T23:59:58.5Z", "2024-02-28T23:59:58.5Z"
	for _, form := range subscription.Forms() {
		f("then", newYear, "2025-01-01T00:00:03.456Z", form, 0)
		f("leap-day", leapDay, "2024-02-29T00:00:03.456Z", form, 0)
		f("years-later", newYear, "2029-03-01T00:00:00Z", form, 4)
	}
	f("days-later", newYear, "2025-01-02T11:00:00Z", subscription.Extracted, 0)
	f("leap-day-years-later", leapDay, "2026-08-20T00:00:00Z", subscription.Gzip, 0)
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	require.NoError(t, err)
	return at
}
