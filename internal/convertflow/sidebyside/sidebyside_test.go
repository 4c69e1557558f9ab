package sidebyside

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/grafana/alloy/eks/internal/convertflow"
	"github.com/grafana/alloy/eks/internal/standin"
	"github.com/grafana/alloy/eks/internal/traffic"
)

// variant is a configuration of Grafana Agent and what is delivered to it.
type variant struct {
	name string
	// shape is that of the records, the one that the configuration was written for.
	shape traffic.Shape
	// bare records are the lines of the container runtime, with nothing around them.
	bare bool
	// members are more members of each record, at its beginning and at its end.
	members [2]string
	// partial is the share of lines that the runtime has cut.
	partial float64
	// sender is what is not the default of who delivers.
	sender standin.Options
	// outputs are more paths that all entries are pushed to.
	outputs []string
	// differs are the differences that the result is told to have beside those that
	// every result has. left is set when there is none, because the configuration
	// stays as it is.
	differs []convertflow.Difference
	left    bool
	// labels are those that every entry must have, so that equal ones are not none.
	labels []string
	// metadata is all that entries of the result have, if that is to be known.
	metadata []string
	// random is set when it was made at random, and is converted or not.
	random bool
	// merged is set when records lack the text of lines that are JSON: the old
	// configuration stored such records as they came.
	merged bool
}

const accessKey = "key-of-the-stream"

// requestTime is when Firehose made all deliveries. Lines are of the minute before.
var requestTime = time.Now().Truncate(time.Millisecond)

var (
	trueTime      = convertflow.TrueTime
	runtimePrefix = convertflow.RuntimePrefix
	fragments     = convertflow.Fragments
)

var variants = []variant{
	{name: "blog", differs: []convertflow.Difference{trueTime, runtimePrefix}, labels: []string{"cluster", "environment", "region", "pod", "namespace", "container"}, metadata: []string{"image", "level", "node", "timestamp_source"}},
	{name: "no-stages", left: true},
	{name: "json-labels", shape: traffic.CRIOParser, merged: true, differs: []convertflow.Difference{trueTime, runtimePrefix}, labels: []string{"namespace", "app", "stream"}},
	{name: "cri", partial: 0.1, differs: []convertflow.Difference{fragments}, labels: []string{"cluster", "pod", "namespace", "container", "app"}},
	{name: "cri-lines", bare: true, differs: []convertflow.Difference{fragments}, labels: []string{"stream"}},
	{name: "regex-timestamp", differs: []convertflow.Difference{fragments}, labels: []string{"namespace", "stream", "pod"}},
	{name: "record-time", shape: traffic.CRIParser, merged: true, differs: []convertflow.Difference{trueTime, runtimePrefix}, labels: []string{"namespace", "stream"}},
	{name: "docker", shape: traffic.DockerJSON, differs: []convertflow.Difference{trueTime, runtimePrefix}, labels: []string{"namespace", "stream"}},
	{name: "static-dropped", differs: []convertflow.Difference{fragments}, labels: []string{"environment", "namespace"}},
	{
		name: "relabel-rules", differs: []convertflow.Difference{fragments}, labels: []string{"delivery_stream", "namespace", "job"},
		sender: standin.Options{CommonAttributes: map[string]string{"lbl_team": "search"}},
	},
	{name: "subscription", shape: traffic.CloudWatch, merged: true, differs: []convertflow.Difference{trueTime, runtimePrefix}, labels: []string{"log_group", "namespace"}},
	{
		name: "access-key", differs: []convertflow.Difference{fragments}, labels: []string{"namespace"},
		sender: standin.Options{AccessKey: accessKey, Gzip: true},
	},
	{name: "incoming-timestamp", differs: []convertflow.Difference{trueTime, runtimePrefix}, labels: []string{"namespace"}},
	{name: "match", differs: []convertflow.Difference{fragments}, labels: []string{"namespace", "environment"}},
	{name: "receivers", outputs: []string{"second"}, differs: []convertflow.Difference{fragments}, labels: []string{"namespace"}},
	{name: "metadata", differs: []convertflow.Difference{fragments}, labels: []string{"namespace"}},
	{name: "template", left: true, labels: []string{"pod"}},
	{name: "comments", differs: []convertflow.Difference{fragments}, labels: []string{"namespace"}},
	{name: "declared", differs: []convertflow.Difference{fragments}, labels: []string{"cluster", "namespace"}},
	{
		name: "record-members", members: [2]string{`"zone":"eu-north-1a"`, `"deploy.stage":"canary"`}, differs: []convertflow.Difference{fragments},
		labels: []string{"zone", "deployment_stage", "uid", "node", "container_id", "hash", "image", "capacity", "profile"},
	},
}

// The places in a variant's configuration where what is known only when it runs
// is written in.
const (
	lokiURL    = "http://loki-write.loki.svc.cluster.local:3100/loki/api/v1/push"
	sourcePort = "listen_port    = 12347"
	// sourceHost lets a configuration as it stands listen on all addresses.
	sourceHost = `"0.0.0.0"`
)

// running is a variant at work.
type running struct {
	variant
	in, out  string // Its configuration, before and after.
	findings []convertflow.Finding
	events   map[uint64]traffic.Event
	records  [][]byte
}

// sides name the old configuration and the converted one.
var sides = []string{"before", "after"}

func TestConverted_SameEntries(t *testing.T) {
	sink := startSink(t)
	all := readVariants(t)
	requireConverted(t, all)
	for i, side := range sides {
		dir := t.TempDir()
		for _, r := range all {
			text := []string{r.in, r.out}[i]
			require.Contains(t, text, sourcePort, r.name)
			text = strings.ReplaceAll(text, sourcePort, "listen_port = 0")
			text = strings.ReplaceAll(text, sourceHost, `"127.0.0.1"`)
			text = strings.ReplaceAll(text, lokiURL, sink.url+"/"+side+"/"+r.name)
			require.NoError(t, os.WriteFile(filepath.Join(dir, r.name+".alloy"), []byte(text), 0o600))
		}
		startAlloy(t, dir, "FIREHOSE_ACCESS_KEY="+accessKey, "CLUSTER=orchard", "ENVIRONMENT=trial").deliver(side, sink, all)
	}
	for _, r := range all {
		t.Run(r.name, func(t *testing.T) { r.compare(t, sink) })
	}
}

// readVariants reads testdata/variants.txtar and converts what is there.
func readVariants(t *testing.T) []*running {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/variants.txtar")
	require.NoError(t, err)
	blog, err := os.ReadFile(filepath.Join(root, "docs", "recipes", "blog-pipeline.river"))
	require.NoError(t, err)
	files := append([]txtar.File{{Name: "blog", Data: blog}}, archive.Files...)
	require.Len(t, files, len(variants))
	var all []*running
	for i, v := range variants {
		require.Equal(t, v.name, files[i].Name)
		all = append(all, start(t, v, string(files[i].Data)))
	}
	for i := range randomVariants {
		v, in := randomVariant(i)
		all = append(all, start(t, v, in))
	}
	return all
}

// start converts a variant and makes its records.
func start(t *testing.T, v variant, in string) *running {
	t.Helper()
	result, err := convertflow.Convert(v.name+".river", []byte(in), convertflow.Options{})
	require.NoError(t, err)
	r := &running{variant: v, in: in, out: string(result.Text), findings: result.Findings, events: map[uint64]traffic.Event{}}
	if v.random {
		r.settle()
	}
	r.generate(t)
	return r
}

// generate makes the records.
func (r *running) generate(t *testing.T) {
	t.Helper()
	records := 200
	if r.random {
		records = 40
	}
	g, err := traffic.New(traffic.Options{
		Shape: r.shape, Partial: r.partial, Pods: 30, Seed: uint64(len(r.name)), Start: requestTime.Add(-time.Minute),
	})
	require.NoError(t, err)
	for len(r.records) < records {
		record, events := g.Next(nil)
		for _, e := range events {
			e.Text = bytes.Clone(e.Text)
			r.events[e.Sequence] = e
			if r.bare {
				record = fmt.Appendf(nil, "%s %s F %s\n", e.Time.UTC().Format(time.RFC3339Nano), e.Stream, e.Text)
			}
		}
		if r.members[0] != "" {
			inside := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(string(record)), "{"), "}")
			record = fmt.Appendf(nil, "{%s,%s,%s}\n", r.members[0], inside, r.members[1])
		}
		r.records = append(r.records, record)
	}
}

// deliver sends the records of all variants to one side and waits until all of
// their entries have been pushed.
func (a *alloy) deliver(side string, sink *sink, all []*running) {
	a.t.Helper()
	for _, r := range all {
		opts := r.sender
		opts.URL, opts.Seed, opts.Timestamp = a.endpoint(r.source()), 1, requestTime
		sender, err := standin.NewSender(opts)
		require.NoError(a.t, err)
		const batch = 50
		for batch := range slices.Chunk(r.records, batch) {
			result := sender.Send(a.t.Context(), batch)
			require.Equal(a.t, standin.Accepted, result.Outcome, "%s: %v", r.name, result.Attempts)
		}
	}
	a.await(func() error {
		for _, r := range all {
			for _, path := range r.paths(side) {
				seen := map[uint64]bool{}
				for _, e := range sink.At(path) {
					n, _ := traffic.Sequence(e.Line)
					seen[n] = true
				}
				for n := range r.events {
					if !seen[n] {
						return fmt.Errorf("%s: line %d has not come", path, n)
					}
				}
			}
		}
		return nil
	})
}

// source returns the label of the component that takes the deliveries.
func (r *running) source() string {
	return regexp.MustCompile(`awsfirehose\S* "(\w+)"`).FindStringSubmatch(r.out)[1]
}

func (r *running) paths(side string) []string {
	paths := []string{"/" + side + "/" + r.name}
	for _, output := range r.outputs {
		paths = append(paths, "/"+side+"/"+r.name+"/"+output)
	}
	return paths
}

var prefix = regexp.MustCompile(`^\S+ (?:stdout|stderr) [PF] `)

// compare checks that the converted configuration has given the same entries, but
// for the differences that it was told to have.
func (r *running) compare(t *testing.T, sink *sink) {
	differs := r.told()
	if r.left {
		require.Empty(t, differs)
		require.Contains(t, r.out, "loki.source.awsfirehose")
	} else {
		require.NotContains(t, r.out, "loki.source.awsfirehose")
		require.ElementsMatch(t, append([]convertflow.Difference{convertflow.Metadata, convertflow.OtherRecords}, r.differs...), differs)
	}
	before, after := r.paths(sides[0]), r.paths(sides[1])
	compared := 0
	for i := range before {
		old, converted := bySequence(t, sink.At(before[i])), bySequence(t, sink.At(after[i]))
		for n, e := range r.events {
			if r.merged && !e.HasText {
				continue // Its record was stored: other_records.
			}
			r.compareEntry(t, e, old[n], converted[n], differs)
			compared++
		}
		for _, found := range []map[uint64]entry{old, converted} {
			require.Len(t, found, len(r.events))
		}
	}
	require.Greater(t, compared, len(r.events)/3)
	if r.metadata != nil {
		names := map[string]bool{}
		for _, e := range sink.At(after[0]) {
			for name := range e.Metadata {
				names[name] = true
			}
		}
		require.Equal(t, r.metadata, slices.Sorted(maps.Keys(names)))
	}
}

func (r *running) compareEntry(t *testing.T, e traffic.Event, old, converted entry, differs []convertflow.Difference) {
	t.Helper()
	require.Equal(t, old.Labels, converted.Labels, "labels of %q", converted.Line)
	require.Equal(t, old.Tenant, converted.Tenant)
	for _, name := range r.labels {
		require.NotEmpty(t, converted.Labels[name], name)
	}
	line := strings.TrimSuffix(old.Line, "\n")
	if slices.Contains(differs, runtimePrefix) {
		line = prefix.ReplaceAllString(line, "")
	}
	if r.left {
		require.Equal(t, old.Line, converted.Line)
		return
	}
	require.Equal(t, line, converted.Line)
	require.Equal(t, string(e.Text), converted.Line)
	for name, value := range old.Metadata {
		require.Equal(t, value, converted.Metadata[name], name)
	}
	r.compareTime(t, e, old, converted, differs)
}

// compareTime checks that the time of an entry is that of its line, or as near to
// it as the old one.
func (r *running) compareTime(t *testing.T, e traffic.Event, old, converted entry, differs []convertflow.Difference) {
	t.Helper()
	off := func(nanos int64) time.Duration { return time.Duration(nanos - e.Time.UnixNano()).Abs() }
	if !e.HasTime {
		require.Contains(t, differs, trueTime)
		if converted.Nanos != requestTime.UnixNano() && converted.Nanos != e.TextTime.UnixNano() {
			require.LessOrEqual(t, off(converted.Nanos), off(old.Nanos))
		}
		return
	}
	require.Equal(t, e.Time.UnixNano(), converted.Nanos)
	switch {
	case slices.Contains(differs, fragments):
		require.GreaterOrEqual(t, old.Nanos, converted.Nanos)
	case !slices.Contains(differs, trueTime):
		require.Equal(t, old.Nanos, converted.Nanos)
	}
}

// A conversion that leaves everything alone proves nothing.
func requireConverted(t *testing.T, all []*running) {
	t.Helper()
	converted := map[convertflow.Difference]int{}
	n := 0
	for _, r := range all {
		if !r.left {
			n++
		}
		for _, d := range r.differs {
			converted[d]++
		}
	}
	t.Logf("%d of %d configurations are converted; they differ in %v", n, len(all), converted)
	require.Greater(t, n, len(all)/2)
	for _, d := range []convertflow.Difference{trueTime, runtimePrefix, fragments} {
		require.Greater(t, converted[d], len(all)/10, d)
	}
}

// told returns the differences that the conversion has told of.
func (r *running) told() []convertflow.Difference {
	var told []convertflow.Difference
	for _, f := range r.findings {
		if f.Kind == convertflow.Differs {
			told = append(told, f.Difference)
		}
	}
	return told
}

// bySequence returns entries by the number of their lines, each of which is there
// once.
func bySequence(t *testing.T, entries []entry) map[uint64]entry {
	t.Helper()
	found := map[uint64]entry{}
	for _, e := range entries {
		n, ok := traffic.Sequence(e.Line)
		require.True(t, ok, e.Line)
		_, twice := found[n]
		require.False(t, twice, e.Line)
		found[n] = e
	}
	return found
}
