package endtoend

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/podlog"
	"github.com/grafana/alloy/eks/internal/standin"
)

// bundled are the captures, and the folders of container logs that Fluent Bit was
// given for each.
var bundled = []struct{ name, logs string }{
	{"fargate-default", "cri cri-long"},
	{"fargate-no-filter", "cri"},
	{"fargate-crio-parser", "cri"},
	{"cri-parser", "cri cri-long"},
	{"docker-json", "docker"},
	{"log-key", "cri cri-long"},
	{"merge-log-key", "cri"},
	{"simple-aggregation", "cri"},
	{"compression-gzip", "cri"},
	{"compression-zstd", "cri"},
	{"time-key", "cri"},
	{"cloudwatch", "cri cri-long"},
	{"v1.9.10/cri-parser", "cri cri-long"},
	{"v1.9.10/fargate-default", "cri cri-long"},
}

// apps are the labels of the pods that wrote the container logs, as the Kubernetes
// API knew them. One pod was gone already.
var apps = map[string]string{
	"checkout-6d4b8f7c9d-x2v5k":    "checkout",
	"coredns-5d78c9869d-9f4xw":     "kube-dns",
	"ingest-28712345-w9x7t":        "ingest",
	"payments-api-7f9c6d5b4-q8zlm": "payments-api",
	"report-worker-0":              "report-worker",
	"web-5c8d7f6b9c-7h2kd":         "web",
}

// timeSources are the columns for where the times of entries come from.
var timeSources = []string{"cri", "record", "line", "cloudwatch", "firehose", "now"}

// TestCaptures delivers what Fluent Bit wrote, and looks for each line of the
// container logs in Loki. The table says what is found:
//
//	written    lines in the container logs
//	found      of these, the lines in Loki, each exactly once
//	exact      of these, with the same text; Loki's answers show each byte that is
//	           not UTF-8 as U+FFFD, so here the lines are read like that too
//	merged     of these, with another text for the same JSON object
//	altered    of these, with another text
//	time       of these, with the container runtime's time to the nanosecond
//	source     of these, with their pod, namespace and container
//	app        entries with the app of their pod
//	fragments  entries that are a piece of a line, and marked so
//	extra      entries that are no line
//	missing    lines that are not in Loki in one piece
//
// and then from where the entries have their times. The notes below it name each
// line that is not exact. What they name was lost before the delivery:
//
//   - Fluent Bit takes a carriage return off the end of a line, decodes overlong
//     forms, drops a character that is cut at the end, and mangles one that the
//     runtime has cut at 16 KiB. Version 1.9.10 also writes invalid bytes and
//     proper characters in one line so that they cannot be told apart.
//   - On Fargate it drops physical lines of more than 66 KB; elsewhere, empty lines
//     in no runtime's form. Version 1.9.10 cuts a line at one of the other stream.
//   - fargate-no-filter says of no line whose it is, so pieces are not joined.
//   - fargate-crio-parser and time-key have only keys and values of what was JSON,
//     printed anew; fargate-crio-parser has no time either, so that altered lines
//     cannot be paired with what was written and count as extra and missing.
//   - log-key has nothing but the text, and no record for an empty one. It has one
//     more for a key whose name is the beginning of log.
func TestCaptures(t *testing.T) {
	loki := sharedLoki(t)
	a := startAlloy(t, settings{Loki: loki, Arguments: anyAge})
	a.deliverCaptures(t, delivering{})
	entries := loki.captures(t)
	written, err := podlog.ReadArchive(filepath.Join(captures, "input.tar.gz"))
	require.NoError(t, err)

	var table bytes.Buffer
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "capture\twritten\tfound\texact\tmerged\taltered\ttime\tsource\tapp\tfragments\textra\tmissing\t|\t%s\t\n", strings.Join(timeSources, "\t"))
	notes := map[string][]string{}
	for _, c := range bundled {
		notes[c.name] = writeRow(w, c.name, linesIn(written, c.logs), entries[c.name])
	}
	require.NoError(t, w.Flush())
	t.Logf("\n%s", table.String())
	for _, c := range bundled {
		slices.Sort(notes[c.name])
		fmt.Fprintf(&table, "\n%s\n", c.name)
		for _, note := range notes[c.name] {
			fmt.Fprintln(&table, "  "+note)
		}
	}
	golden(t, "captures.txt", table.String())

	// What cannot be shown is stored all the same.
	require.Equal(t, 1, loki.count(t, `{capture="fargate-default"} |= "bad \xff\xfe bytes"`))
}

// deliverCaptures delivers each capture with a label of its own.
func (a *alloy) deliverCaptures(t *testing.T, how delivering) {
	t.Helper()
	for _, c := range bundled {
		how.CommonAttributes = map[string]string{"lbl_capture": c.name}
		a.mustDeliver(t, openCapture(t, c.name), how)
	}
	a.flush()
}

// captures returns what Loki has of each capture.
func (n *tenant) captures(t *testing.T) map[string][]entry {
	t.Helper()
	found := map[string][]entry{}
	for _, e := range n.entries(t, `{capture=~".+"}`) {
		name := e.Labels["capture"]
		found[name] = append(found[name], e)
	}
	require.Len(t, found, len(bundled))
	return found
}

func linesIn(all []podlog.Line, folders string) []podlog.Line {
	var lines []podlog.Line
	for _, line := range all {
		if slices.Contains(strings.Fields(folders), line.Dir) {
			line.Text = string([]rune(line.Text))
			lines = append(lines, line)
		}
	}
	return lines
}

// writeRow writes what is found of one capture, and returns what differs.
func writeRow(w *tabwriter.Writer, name string, written []podlog.Line, entries []entry) []string {
	var arrived []podlog.Arrival
	sources := map[string]int{}
	rightApp := 0
	for _, e := range entries {
		arrived = append(arrived, e.arrival())
		sources[e.Metadata["timestamp_source"]]++
		if app := e.Labels["app"]; app != "" && app == apps[e.Metadata["pod"]] {
			rightApp++
		}
	}
	m, notes := podlog.Compare(written, arrived)
	fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t|\t", name,
		len(written), m.Lines, m.Exact, m.Merged, m.Altered, m.TimeExact, m.Source, rightApp, m.Fragments, m.Extra, m.Missing)
	for _, source := range timeSources {
		fmt.Fprintf(w, "%d\t", sources[source])
	}
	fmt.Fprintln(w)
	return notes
}

// arrival returns the entry as a line that has arrived. A time that is not the
// runtime's is none.
func (e entry) arrival() podlog.Arrival {
	a := podlog.Arrival{
		Pod: e.Metadata["pod"], Namespace: e.Labels["namespace"], Container: e.Labels["container"],
		Stream: e.Labels["stream"], Text: e.Line, Fragment: e.Metadata["partial"] == "true",
	}
	if source := e.Metadata["timestamp_source"]; source == "cri" || source == "record" {
		a.Nanos = e.Nanos
	}
	return a
}

// golden compares with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// TestCaptures_SentAgain checks that what is delivered again changes nothing: the
// entries are the same, and Loki keeps one of each.
func TestCaptures_SentAgain(t *testing.T) {
	loki := sharedLoki(t)
	a := startAlloy(t, settings{Loki: loki, Arguments: anyAge})
	a.deliverCaptures(t, delivering{})
	first := loki.captures(t)
	joining := []string{"fargate-default", "v1.9.10/fargate-default"}
	var others, all []string
	for _, c := range bundled {
		all = append(all, c.name)
		if !slices.Contains(joining, c.name) {
			others = append(others, c.name)
		}
	}
	same := func(names []string, again map[string][]entry) {
		t.Helper()
		for _, name := range names {
			require.Empty(t, difference(first[name], again[name]), name)
		}
	}
	a.deliverCaptures(t, delivering{})
	same(all, loki.captures(t))
	a.deliverCaptures(t, delivering{Options: standin.Options{Gzip: true}})
	same(all, loki.captures(t))

	// The records need not come in the same deliveries, but for lines that the
	// runtime has cut: their pieces are joined within a delivery,
	cut := delivering{StreamOptions: standin.StreamOptions{BufferRecords: 37}}
	a.deliverCaptures(t, cut)
	same(others, loki.captures(t))

	// unless the component is told to wait for the next one.
	other := loki.named("other")
	a = startAlloy(t, settings{Loki: other, Arguments: anyAge + `partial_lines { max_wait = "30s" }`})
	a.deliverCaptures(t, cut)
	same(joining, other.captures(t))
}
