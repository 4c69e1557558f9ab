package endtoend

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/clustertraffic"
	"github.com/grafana/alloy/eks/internal/standin"
	"github.com/grafana/alloy/eks/internal/subscription"
)

// controlPlane is the component for control-plane logs.
const controlPlane = "cloudwatch.eks_controlplane"

// everyLog selects all entries that cloudwatch.eks_controlplane has made.
const everyLog = `{log_type=~".+"}`

// logged is control-plane traffic with the truth about each event.
type logged struct {
	messages []subscription.Message
	events   [][]clustertraffic.Event // Of each message.
}

// generateLogs generates that many messages.
func generateLogs(t *testing.T, messages int, o clustertraffic.Options) *logged {
	t.Helper()
	generator, err := clustertraffic.New(o)
	require.NoError(t, err)
	g := &logged{}
	for range messages {
		m := generator.Next()
		m.Events = slices.Clone(m.Events)
		g.messages = append(g.messages, m)
		g.events = append(g.events, generator.Events())
	}
	return g
}

// all returns all events, in the order in which they are delivered.
func (g *logged) all() []clustertraffic.Event { return slices.Concat(g.events...) }

// filter returns the traffic without the events that keep refuses, and without
// messages that are then empty.
func (g *logged) filter(keep func(*clustertraffic.Event) bool) *logged {
	out := &logged{}
	for i, m := range g.messages {
		var events []clustertraffic.Event
		var texts []subscription.Event
		for n := range g.events[i] {
			if keep(&g.events[i][n]) {
				events, texts = append(events, g.events[i][n]), append(texts, m.Events[n])
			}
		}
		if m.Events = texts; len(texts) > 0 {
			out.messages, out.events = append(out.messages, m), append(out.events, events)
		}
	}
	return out
}

// distinct returns the traffic with one of equal lines that a cluster has written at
// one time.
func (g *logged) distinct() *logged {
	known := map[string]bool{}
	return g.filter(func(ev *clustertraffic.Event) bool {
		line := fmt.Sprint(ev.Cluster, ev.LogType, ev.Time.UnixNano(), ev.Message)
		defer func() { known[line] = true }()
		return !known[line]
	})
}

// messageSource hands out messages in a form. It implements standin.Source.
type messageSource struct {
	left    []subscription.Message
	encoder *subscription.Encoder
	record  []byte
	err     error
}

func (g *logged) in(form subscription.Form) standin.Source {
	return &messageSource{left: g.messages, encoder: subscription.NewEncoder(form)}
}

func (s *messageSource) Next() bool {
	if len(s.left) == 0 || s.err != nil {
		return false
	}
	s.record, s.err = s.encoder.AppendRecord(s.record[:0], s.left[0])
	s.left = s.left[1:]
	return s.err == nil
}

func (s *messageSource) Record() []byte { return s.record }

func (s *messageSource) Err() error { return s.err }

// recordsPerDelivery is how many messages make a delivery in these tests.
const recordsPerDelivery = 100

// byCount makes deliveries of so many records, whatever their size.
func byCount(records int) delivering {
	return delivering{StreamOptions: standin.StreamOptions{BufferRecords: records, BufferBytes: standin.MaxBody}}
}

// entries returns the entries that Loki has when so many messages make a delivery,
// each event becomes what as says, and everything that Loki can tell apart is kept.
// Within a delivery, equal lines of one time are moved apart; without deliveries, 0,
// they are not.
func (g *logged) entries(perDelivery int, as func(*clustertraffic.Event) entry) []entry {
	var all []entry
	known := map[string]bool{}
	for batch := range slices.Chunk(g.events, max(1, perDelivery)) {
		taken := map[string]int64{}
		for _, ev := range slices.Concat(batch...) {
			e := as(&ev)
			if perDelivery > 0 {
				at := fmt.Sprint(e.Labels, e.Nanos, e.Line)
				e.Nanos += taken[at]
				taken[at]++
			}
			if whole := fmt.Sprint(e); !known[whole] {
				known[whole] = true
				all = append(all, e)
			}
		}
	}
	sortByTime(all)
	return all
}

// enveloped returns the entry of an event that has come in its envelope.
func enveloped(ev *clustertraffic.Event) entry {
	e := entry{
		Labels:   map[string]string{"cluster": ev.Cluster, "log_type": ev.LogType},
		Metadata: map[string]string{"account": ev.Account, "region": ev.Region, "instance": ev.Instance, "timestamp_source": "line"},
		Nanos:    ev.Time.UnixNano(),
		Line:     redacted(ev),
	}
	if ev.Level != "" {
		e.Labels["level"] = ev.Level
	}
	maps.Copy(e.Metadata, ev.Fields)
	if !ev.HasTime {
		e.Nanos, e.Metadata["timestamp_source"] = time.UnixMilli(ev.Millis).UnixNano(), "cloudwatch"
	}
	return e
}

const (
	redactionMark  = `"[redacted]"`
	truncationMark = "[Truncated...]"
	// tailStart is what stands behind the objects of an audit event.
	tailStart = `,"requestReceivedTimestamp":"`
)

// auditEvent is what tells the objects of an audit event that are secret.
type auditEvent struct {
	ObjectRef      struct{ Resource, Subresource string }
	RequestObject  json.RawMessage
	ResponseObject json.RawMessage
	Annotations    map[string]json.RawMessage
}

func (a *auditEvent) secret() bool {
	switch a.ObjectRef.Resource {
	case "secrets", "tokenreviews":
		return true
	}
	return a.ObjectRef.Resource == "serviceaccounts" && a.ObjectRef.Subresource == "token"
}

// redacted returns the text of an event as anybody may see it.
func redacted(ev *clustertraffic.Event) string {
	text := ev.Message
	if ev.LogType != "audit" {
		return text
	}
	var a auditEvent
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		return redactedPart(text)
	}
	if !a.secret() {
		return text
	}
	hide := func(key string, value json.RawMessage) {
		text = strings.ReplaceAll(text, fmt.Sprintf("%q:%s", key, value), fmt.Sprintf("%q:%s", key, redactionMark))
	}
	hide("requestObject", a.RequestObject)
	hide("responseObject", a.ResponseObject)
	for key, value := range a.Annotations {
		if strings.HasPrefix(key, "patch.webhook.admission.k8s.io/") {
			hide(key, value)
		}
	}
	return text
}

// redactedPart does the same for a part of an audit event.
func redactedPart(text string) string {
	const object = `"requestObject":`
	head, ok := strings.CutSuffix(text, truncationMark)
	if !ok { // The end of an event: nothing tells what it is the end of.
		return redactionMark + text[strings.LastIndex(text, tailStart):]
	}
	if !strings.Contains(head, `"objectRef":{"resource":"secrets"`) {
		return text
	}
	at := strings.Index(head, object) + len(object)
	return head[:at] + redactionMark + truncationMark
}

// tally says of the entries of each type how many are as they should be. sent are
// the events, found those whose line is in Loki exactly once; the others count
// of these the ones whose time, labels and structured metadata are right.
func tally(want, got []entry) string {
	type counts struct{ sent, found, time, labels, metadata, extra int }
	byLine := map[string][]entry{}
	for _, e := range got {
		byLine[e.Line] = append(byLine[e.Line], e)
	}
	rows := map[string]*counts{}
	row := func(e entry) *counts {
		name := e.Labels["log_type"]
		if rows[name] == nil {
			rows[name] = &counts{}
		}
		return rows[name]
	}
	for _, e := range want {
		r := row(e)
		r.sent++
		candidates := byLine[e.Line]
		at := slices.IndexFunc(candidates, func(c entry) bool { return fmt.Sprint(c) == fmt.Sprint(e) })
		if at < 0 {
			at = slices.IndexFunc(candidates, func(c entry) bool { return c.Nanos == e.Nanos })
		}
		if at = max(at, 0); len(candidates) == 0 {
			continue
		}
		c := candidates[at]
		byLine[e.Line] = slices.Delete(candidates, at, at+1)
		r.found++
		r.time += one(c.Nanos == e.Nanos)
		r.labels += one(maps.Equal(c.Labels, e.Labels))
		r.metadata += one(maps.Equal(c.Metadata, e.Metadata))
	}
	for _, left := range byLine {
		for _, e := range left {
			row(e).extra++
		}
	}
	var out bytes.Buffer
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "log_type\tsent\tfound\ttime\tlabels\tmetadata\textra\t")
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		r := rows[name]
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t\n", name, r.sent, r.found, r.time, r.labels, r.metadata, r.extra)
	}
	_ = w.Flush()
	return out.String()
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// several are the clusters of most tests: of three accounts, two of them with their
// logs in a central one. Enough of the events are too long for CloudWatch Logs.
var several = clustertraffic.Options{Clusters: 5, Centralised: 2, Oversized: 0.01, CutAt: 32 << 10}

// startControlPlane starts Alloy with the component.
func startControlPlane(t *testing.T, loki *tenant, arguments string) *alloy {
	t.Helper()
	return startAlloy(t, settings{Loki: loki, Component: controlPlane, Arguments: anyAge + arguments})
}

// deliverLogs delivers everything in a form, and waits until Loki has it.
func (a *alloy) deliverLogs(t *testing.T, g *logged, form subscription.Form, how delivering) {
	t.Helper()
	a.mustDeliver(t, g.in(form), how)
	a.flush()
}

// requireEntries demands that Loki has these entries and no others.
func (n *tenant) requireEntries(t *testing.T, want []entry) {
	t.Helper()
	requireSame(t, want, n.entries(t, everyLog))
}

// requireSame demands that the entries are the same, in whatever order.
func requireSame(t *testing.T, want, got []entry) {
	t.Helper()
	const most = 10
	t.Logf("\n%s", tally(want, got))
	lines := difference(want, got)
	require.Empty(t, lines[:min(len(lines), most)], "%d differ", len(lines))
}

// TestControlPlane checks every event of the six logs of several clusters for its
// time, labels, line and structured metadata, and for each that nobody can read
// what is secret in it. Deliveries that are made again change nothing, in whatever
// portions they come.
func TestControlPlane(t *testing.T) {
	t.Parallel()
	g := generateLogs(t, 1500, several)
	require.Len(t, countBy(g.all(), []string{"log_type"}, anything), 6)
	loki := sharedLoki(t)
	a := startControlPlane(t, loki, "")
	a.deliverLogs(t, g, subscription.Gzip, byCount(recordsPerDelivery))
	want := g.entries(recordsPerDelivery, enveloped)
	loki.requireEntries(t, want)
	require.Len(t, want, len(g.all()), "the traffic has equal lines of one time")
	g.requireSecrecy(t, loki)

	a.deliverLogs(t, g, subscription.Gzip, byCount(recordsPerDelivery))
	loki.requireEntries(t, want)
	again := byCount(37)
	again.Gzip, again.Timestamp = true, requestTime.Add(time.Hour)
	a.deliverLogs(t, g, subscription.Gzip, again)
	loki.requireEntries(t, want)
	a.deliverLogs(t, g.parted(7, true), subscription.Decompressed, byCount(11))
	loki.requireEntries(t, want)
}

// parted returns the same events in messages of at most so many, but for those
// that belong to each other, which stay together if whole is set.
func (g *logged) parted(size int, whole bool) *logged {
	out := &logged{}
	for i, m := range g.messages {
		texts, events := m.Events, g.events[i]
		for len(texts) > 0 {
			n := min(size, len(texts))
			for whole && n < len(texts) && events[n].Headless {
				n++
			}
			m.Events = texts[:n]
			out.messages, out.events = append(out.messages, m), append(out.events, events[:n])
			texts, events = texts[n:], events[n:]
		}
	}
	return out
}

// pieceLen is the length of a piece of a secret that must not be found: long enough
// to be nobody else's.
const pieceLen = 16

// requireSecrecy demands that nothing in Loki holds a piece of a secret.
func (g *logged) requireSecrecy(t *testing.T, loki *tenant) {
	t.Helper()
	pieces, secrets := map[string]bool{}, map[string]bool{}
	for _, ev := range g.all() {
		for _, s := range ev.Secrets {
			secrets[s] = true
			for at := 0; at+pieceLen <= len(s); at += pieceLen {
				pieces[s[at:at+pieceLen]] = true
			}
		}
	}
	require.Greater(t, len(secrets), 300)
	for _, e := range loki.entries(t, everyLog) {
		for _, text := range append(slices.Collect(maps.Values(e.Metadata)), e.Line) {
			for at := range max(0, len(text)-pieceLen+1) {
				if piece := text[at : at+pieceLen]; pieces[piece] {
					require.Fail(t, "a secret can be read", "%q in %s", piece, text)
				}
			}
		}
	}
	// Loki finds none either, and finds what stands in their place.
	search := func(texts ...string) int {
		return loki.count(t, everyLog+` |~ "`+strings.Join(texts, "|")+`"`)
	}
	require.Zero(t, search(slices.Sorted(maps.Keys(secrets))[:50]...))
	require.NotZero(t, search("redacted"))
}

// TestControlPlane_JSON checks the same of lines in the form of JSON: each is an
// object that says everything by itself.
func TestControlPlane_JSON(t *testing.T) {
	t.Parallel()
	g := generateLogs(t, 1000, several)
	loki := sharedLoki(t)
	startControlPlane(t, loki, `line_format = "json"`).deliverLogs(t, g, subscription.Gzip, byCount(recordsPerDelivery))
	g.requireSecrecy(t, loki)

	// The lines of one second can differ in nothing but themselves.
	key := func(e entry) string { return fmt.Sprint(e.Labels, e.Metadata, e.Nanos) }
	found := map[string][]map[string]any{}
	for _, e := range loki.entries(t, everyLog) {
		var members map[string]any
		require.NoError(t, json.Unmarshal([]byte(e.Line), &members), e.Line)
		found[key(e)] = append(found[key(e)], members)
	}
	for _, ev := range g.all() {
		e := enveloped(&ev)
		want := map[string]string{
			"time": time.Unix(0, e.Nanos).UTC().Format(time.RFC3339Nano), "cluster": ev.Cluster, "log_type": ev.LogType,
			"level": ev.Level, "msg": message(&ev),
		}
		maps.Copy(want, ev.Fields)
		candidates := found[key(e)]
		at := slices.IndexFunc(candidates, func(members map[string]any) bool {
			for name, value := range want {
				if got, ok := members[name]; value != "" && fmt.Sprint(got) != value || ok != (value != "") {
					return false
				}
			}
			return true
		})
		require.GreaterOrEqual(t, at, 0, "%v is not among %v", want, candidates)
		found[key(e)] = slices.Delete(candidates, at, at+1)
	}
	for _, left := range found {
		require.Empty(t, left)
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
