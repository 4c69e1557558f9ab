package receiver

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/relabel"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/component/common/loki"
	fnet "github.com/grafana/alloy/internal/component/common/net"

	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/firehose"
	"github.com/grafana/alloy/eks/internal/lokientry"
	"github.com/grafana/alloy/eks/internal/record"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// patience bounds the wait for what takes milliseconds unless it is broken, on a
// machine that is busy with other things.
const patience = 30 * time.Second

// lineTime is the time of the lines that lineParser reads.
var lineTime = time.Date(2026, time.August, 20, 10, 0, 0, 0, time.UTC)

// lineParser is a Parser for records of lines. A line is an event, but for those
// that begin with a word of the switch.
type lineParser struct {
	settled int // Deliveries that were handed over.
	counts  []int
	held    *held
	shared  any
	resets  []int64
	late    []event.Event
}

func (p *lineParser) Reset(firehose int64, delivery any) {
	p.counts, p.shared, p.late = []int{0, 0}, delivery, nil
	p.resets = append(p.resets, firehose)
}

func (p *lineParser) Parse(dst []event.Event, rec []byte) []event.Event {
	for _, line := range bytes.Split(rec, []byte("\n")) {
		ev := event.Event{Line: line}
		ev.Times.Set(timestamp.CRI, lineTime.UnixNano())
		word, _, _ := strings.Cut(string(line), " ")
		switch word {
		case "panic":
			panic("not a good line")
		case "control":
			p.counts[0]++
			continue
		case "timeless":
			ev.Times.Clear(timestamp.CRI)
		case "old":
			ev.Times.Set(timestamp.CRI, 0)
		case "joined":
			p.counts[1]++
			ev.Partial = event.Joined
		case "fragment":
			ev.Partial = event.Fragment
		case "flawed":
			ev.Flaw = event.FlawEnvelope
		case "debugging":
			ev.Stream = "dropped"
		case "late":
			ev.Line = bytes.Clone(line)
			p.late = append(p.late, ev)
			continue
		case "keep":
			ev.Line = bytes.Clone(line)
			p.held.add(Leftover{Event: ev, Delivery: p.shared})
			continue
		}
		dst = append(dst, ev)
	}
	return dst
}

func (p *lineParser) Flush(dst []event.Event, _ time.Time) []event.Event {
	return append(dst, p.late...)
}

func (p *lineParser) Settle(time.Time) { p.settled++ }

func (p *lineParser) AppendCounts(dst []int) []int { return append(dst, p.counts...) }

// testKind is what the lineParser is made for.
var testKind = Kind{
	Namespace: "test",
	Counters:  []Counter{ControlMessages, {Name: "joined_lines_total", Help: "Joined lines."}},
	Keeps:     true,
}

// held are the leftovers of lineParsers.
type held struct {
	mut  sync.Mutex
	list []Leftover
	due  bool // They have waited long enough.
}

func (h *held) add(l Leftover) {
	h.mut.Lock()
	defer h.mut.Unlock()
	h.list = append(h.list, l)
}

// Expired implements Leftovers.
func (h *held) Expired(_ time.Time, all bool) []Leftover {
	h.mut.Lock()
	defer h.mut.Unlock()
	if !all && !h.due {
		return nil
	}
	list := h.list
	h.list = nil
	return list
}

func (h *held) expire() {
	h.mut.Lock()
	defer h.mut.Unlock()
	h.due = true
}

// rig is a Receiver that listens on a free port, and what it forwards to.
type rig struct {
	*Receiver
	t        *testing.T
	cfg      Config
	sink     *loki.CollectingHandler
	held     *held
	registry *prometheus.Registry
	client   *http.Client
	ended    func()
}

// newRig returns a rig whose receiver runs until the test ends. The change may be
// nil.
func newRig(t *testing.T, change func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, sink: loki.NewCollectingHandler(), held: &held{}, registry: prometheus.NewRegistry()}
	r.cfg = r.config()
	if change != nil {
		change(&r.cfg)
	}
	r.Receiver = New(component.Options{Logger: log.NewNopLogger(), Registerer: r.registry}, testKind)
	require.NoError(t, r.Update(r.cfg))
	transport := &http.Transport{}
	r.client = &http.Client{Transport: transport}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
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

func (r *rig) config() Config {
	server := fnet.DefaultServerConfig()
	server.HTTP.ListenAddress, server.HTTP.ListenPort = "127.0.0.1", 0
	server.GRPC.ListenAddress = "127.0.0.1"
	return Config{
		Server:     server,
		Firehose:   firehose.DefaultConfig(),
		Record:     record.Limits{RecordSize: 1 << 20, DeliverySize: 2 << 20},
		ForwardTo:  []loki.LogsReceiver{r.sink.Receiver()},
		NewParser:  func() Parser { return &lineParser{held: r.held, counts: []int{0, 0}} },
		Leftovers:  r.held,
		Streams:    newStreams(r.t, lokientry.Options{}),
		Policy:     &timestamp.Policy{Order: []timestamp.Source{timestamp.CRI, timestamp.Firehose}, MaxAge: 100 * 365 * 24 * time.Hour},
		Remembered: func() int { return 7 },
	}
}

// newStreams returns streams whose entries have the job label, and the output
// stream as another; the output called dropped is dropped.
func newStreams(t testing.TB, opts lokientry.Options) *lokientry.Streams {
	t.Helper()
	opts.DefaultLabels = func(_ lokientry.Internal, stream string) []event.Label {
		return []event.Label{{Name: "job", Value: "test"}, {Name: "stream", Value: stream}}
	}
	opts.DefaultMetadata = func(lokientry.Internal) []event.Label { return nil }
	opts.Rules = append(opts.Rules, dropRule())
	return lokientry.NewStreams(opts)
}

// dropRule drops what has the output stream dropped.
func dropRule() *relabel.Config {
	rule := relabel.DefaultRelabelConfig
	rule.Action = relabel.Drop
	rule.SourceLabels = []model.LabelName{"stream"}
	rule.Regex = relabel.MustNewRegexp("dropped")
	return &rule
}

const requestID = "request"

// body returns an envelope of records, made at that time in milliseconds.
func body(millis int64, records ...string) string {
	var encoded []string
	for _, rec := range records {
		encoded = append(encoded, `{"data":"`+base64.StdEncoding.EncodeToString([]byte(rec))+`"}`)
	}
	return fmt.Sprintf(`{"requestId":%q,"timestamp":%d,"records":[%s]}`, requestID, millis, strings.Join(encoded, ","))
}

// requestMillis is the timestamp of the deliveries that deliver makes.
const requestMillis = 1_787_220_300_123

// deliver posts the records and returns the status and the message.
func (r *rig) deliver(records ...string) (int, string) {
	r.t.Helper()
	return r.post(body(requestMillis, records...))
}

func (r *rig) post(body string) (int, string) {
	r.t.Helper()
	resp, err := r.client.Post("http://"+r.Address()+"/", "application/json", strings.NewReader(body))
	require.NoError(r.t, err)
	defer resp.Body.Close()
	var answer struct{ ErrorMessage string }
	require.NoError(r.t, json.NewDecoder(resp.Body).Decode(&answer))
	return resp.StatusCode, answer.ErrorMessage
}

// lines returns the lines of n entries that have been forwarded since the last
// call.
func (r *rig) lines(n int) []string {
	r.t.Helper()
	r.eventually(func() bool { return len(r.sink.Received()) >= n }, "%d entries", n)
	var lines []string
	for _, e := range r.sink.Received() {
		lines = append(lines, e.Line)
	}
	r.sink.Clear()
	return lines
}

func (r *rig) eventually(is func() bool, what string, args ...any) {
	r.t.Helper()
	require.Eventually(r.t, is, patience, 5*time.Millisecond, append([]any{what}, args...)...)
}

// metrics returns all of the receiver's own counters and gauges that are not 0, as
// name{value,value}, and the counts of its histograms.
func (r *rig) metrics() map[string]float64 {
	r.t.Helper()
	families, err := r.registry.Gather()
	require.NoError(r.t, err)
	all := map[string]float64{}
	for _, family := range families {
		name := strings.TrimPrefix(family.GetName(), "test_")
		if ofServer[name] {
			continue
		}
		for _, m := range family.GetMetric() {
			value := m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			if value != 0 {
				all[name+labelValues(m)] = value
			}
		}
	}
	return all
}

func labelValues(m *dto.Metric) string {
	if len(m.GetLabel()) == 0 {
		return ""
	}
	var values []string
	for _, l := range m.GetLabel() {
		values = append(values, l.GetValue())
	}
	return "{" + strings.Join(values, ",") + "}"
}

// ofServer are the metrics of Alloy's server, and what a delivery holds until a
// moment after its answer.
var ofServer = map[string]bool{
	"inflight_bytes":                true,
	"grpc_concurrent_streams_limit": true, "inflight_requests": true, "request_duration_seconds": true,
	"request_message_bytes": true, "response_message_bytes": true, "tcp_connections": true, "tcp_connections_limit": true,
}

// Every event is counted by what became of it, and once.
func TestMetrics_Outcomes(t *testing.T) {
	r := newRig(t, func(cfg *Config) { cfg.Policy.MaxAge = 365 * 24 * time.Hour })
	text := body(requestMillis, "one\ntwo", "timeless", "old", "joined", "fragment", "flawed", "debugging", "control", "control\nlate")
	broken := strings.Replace(text, `"records":[`, `"records":[{"data":"*"},{},{"data":"H4sIAAAAAAAA"},`, 1)
	status, _ := r.post(broken)
	require.Equal(t, 200, status)
	got := r.lines(11)
	require.Equal(t, []string{"*", "{}", "H4sIAAAAAAAA", "one", "two", "timeless", "old", "joined", "fragment", "flawed", "late"}, got)
	bytes := 0
	for _, line := range got {
		bytes += len(line)
	}
	require.Equal(t, map[string]float64{
		"deliveries_total{ok,200}":          1,
		"delivery_duration_seconds":         1,
		"records_total":                     12,
		"bytes_total{wire}":                 float64(len(broken)),
		"bytes_total{body}":                 float64(len(broken)),
		"bytes_total{line}":                 float64(bytes),
		"entries_total{forwarded}":          11,
		"entries_total{dropped}":            1,
		"entries_total{moved}":              1,
		"entries_total{fragment}":           1,
		"timestamp_source_total{cri}":       6,
		"timestamp_source_total{firehose}":  5,
		"flawed_entries_total{base64}":      1,
		"flawed_entries_total{no_data}":     1,
		"flawed_entries_total{compression}": 1,
		"flawed_entries_total{envelope}":    1,
		"entry_delay_seconds":               11,
		"joined_lines_total":                1,
		"control_messages_total":            2,
		"inflight_bytes_limit":              float64(firehose.DefaultLimits().ConcurrentSize),
		"remembered_sources":                7,
	}, r.metrics())
	info := r.DebugInfo()
	require.Equal(t, map[string]int{"cri": 6, "firehose": 5}, info.TimestampSources)
	require.Equal(t, 4, info.FlawedEntries)
	require.Equal(t, 1, info.DroppedEntries)
}

// Of a refused delivery nothing is counted but that it was refused: it comes again.
func TestMetrics_Refused(t *testing.T) {
	r := newRig(t, func(cfg *Config) {
		cfg.ForwardTo = []loki.LogsReceiver{loki.NewLogsReceiver()}
		cfg.Firehose.DeliveryTimeout = time.Second
	})
	text := body(requestMillis, "one", "control", "flawed", "debugging")
	status, _ := r.post(text)
	require.Equal(t, 503, status)
	status, _ = r.post("{")
	require.Equal(t, 400, status)
	require.Equal(t, map[string]float64{
		"deliveries_total{delivery_timeout,503}": 1,
		"deliveries_total{envelope,400}":         1,
		"delivery_duration_seconds":              2,
		"records_total":                          4,
		"bytes_total{wire}":                      float64(len(text) + 1),
		"bytes_total{body}":                      float64(len(text) + 1),
		"inflight_bytes_limit":                   float64(firehose.DefaultLimits().ConcurrentSize),
		"remembered_sources":                     7,
	}, r.metrics())
}

// The delay is the age of the line's own time, also where it got another.
func TestMetrics_Delay(t *testing.T) {
	r := newRig(t, func(cfg *Config) { cfg.Policy.MaxAge = 365 * 24 * time.Hour })
	begin := time.Now()
	status, _ := r.deliver("one", "old")
	require.Equal(t, 200, status)
	families, err := r.registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		if family.GetName() != "test_entry_delay_seconds" {
			continue
		}
		want := begin.Sub(lineTime).Seconds() + float64(begin.Unix())
		require.InDelta(t, want, family.GetMetric()[0].GetHistogram().GetSampleSum(), patience.Seconds())
		return
	}
	t.Fatal("there is no such metric")
}

func TestDeliver_RecordLimits(t *testing.T) {
	var packed bytes.Buffer
	zw := gzip.NewWriter(&packed)
	_, err := zw.Write(bytes.Repeat([]byte("0123456789"), 90<<10)) // 900 KiB.
	require.NoError(t, err)
	require.NoError(t, zw.Close())

	r := newRig(t, nil)
	status, _ := r.deliver(packed.String(), packed.String())
	require.Equal(t, 200, status)
	require.Len(t, r.lines(2), 2)

	// Three of these are more than one delivery may decompress to. That can be
	// mended, so Firehose is told how, and keeps the records.
	status, message := r.deliver(packed.String(), packed.String(), packed.String())
	require.Equal(t, 400, status)
	require.Equal(t, "the records decompress to more than limits.delivery_size, 2097152 bytes: raise it, "+
		"or lower the buffer size of the Firehose stream (BufferingHints.SizeInMBs)", message)
	require.EqualValues(t, 1, r.metrics()["deliveries_total{delivery_size,400}"])
	require.Len(t, r.lines(2), 2, "what was handed over before the limit was reached")
	require.EqualValues(t, 2, r.metrics()["entries_total{forwarded}"], "of a refused delivery nothing is counted")

	// One record over its own limit does not hurt the others.
	r.cfg.Record.RecordSize = 100 << 10
	require.NoError(t, r.Update(r.cfg))
	status, _ = r.deliver("one", packed.String(), "two")
	require.Equal(t, 200, status)
	require.Equal(t, []string{"one", base64.StdEncoding.EncodeToString(packed.Bytes()), "two"}, r.lines(3))
	require.EqualValues(t, 1, r.metrics()["flawed_entries_total{too_large}"])
}

// What a delivery holds is counted among what all deliveries hold.
func TestDeliver_ConcurrentSize(t *testing.T) {
	f := func(text string, want int) {
		t.Helper()
		r := newRig(t, func(cfg *Config) {
			cfg.Firehose.Limits = firehose.Limits{
				BodySize: 1 << 20, DecompressedBodySize: 1 << 20, Records: 100,
				RecordSize: 1 << 20, DeliverySize: 1 << 20, ConcurrentSize: 5 << 19,
			}
		})
		status, _ := r.post(text)
		require.Equal(t, want, status)
		if want != 200 {
			require.EqualValues(t, 1, r.metrics()["deliveries_total{concurrent_size,503}"])
		}
	}
	var packed bytes.Buffer
	zw := gzip.NewWriter(&packed)
	_, err := zw.Write(bytes.Repeat([]byte("0123456789"), 90<<10))
	require.NoError(t, err)
	require.NoError(t, zw.Close())
	f(body(requestMillis, packed.String()), 200)
	f(body(requestMillis, packed.String(), packed.String()), 503)
}

func TestDeliver_CountsRawText(t *testing.T) {
	slow := loki.NewLogsReceiver()
	r := newRig(t, func(cfg *Config) { cfg.ForwardTo = []loki.LogsReceiver{slow} })
	text := strings.Repeat("*", 600<<10)
	answered := make(chan int, 1)
	go func() {
		resp, err := r.client.Post("http://"+r.Address(), "application/json",
			strings.NewReader(`{"requestId":"request","records":[{"data":"`+text+`"}]}`))
		if err != nil {
			answered <- 0
			return
		}
		answered <- resp.StatusCode
		_ = resp.Body.Close()
	}()
	r.eventually(func() bool { _, held := r.endpoint.InFlight(); return held >= int64(2*len(text)) }, "the body and the entry are counted")
	require.Equal(t, text, (<-slow.Chan()).Line)
	require.Equal(t, 200, <-answered)
	r.eventually(func() bool {
		deliveries, bytes := r.endpoint.InFlight()
		return deliveries == 0 && bytes == 0
	}, "it is given back")
}

// A defect costs the delivery that met it, for as long as Firehose has a retry and
// a backup for it, and nothing else.
// A parser hears of the hand-off, and of nothing else.
func TestDeliver_Settles(t *testing.T) {
	parser := &lineParser{}
	r := newRig(t, func(cfg *Config) {
		cfg.NewParser = func() Parser { return parser }
	})
	status, _ := r.deliver("a line")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, 1, parser.settled)
	r.lines(1)

	cfg := r.config()
	cfg.NewParser = func() Parser { return parser }
	cfg.ForwardTo = []loki.LogsReceiver{loki.NewLogsReceiver()} // Takes nothing.
	cfg.Firehose.DeliveryTimeout = time.Second
	require.NoError(t, r.Update(cfg))
	status, _ = r.deliver("a line")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, 1, parser.settled)
}

func TestDeliver_Panic(t *testing.T) {
	r := newRig(t, nil)
	status, message := r.deliver("one", "panic now")
	require.Equal(t, 500, status)
	require.Equal(t, "internal error, try again", message)
	require.Empty(t, r.sink.Received())
	metrics := r.metrics()
	require.EqualValues(t, 1, metrics["panics_total"])
	require.EqualValues(t, 1, metrics["deliveries_total{panic,500}"])

	for range 3 {
		status, _ = r.deliver("two")
		require.Equal(t, 200, status)
		require.Equal(t, []string{"two"}, r.lines(1), "nothing of the broken delivery is left")
	}
}

// A worker goes from one delivery to the next with nothing of it.
func TestDeliver_Reset(t *testing.T) {
	parser := &lineParser{}
	r := newRig(t, func(cfg *Config) { cfg.NewParser = func() Parser { return parser } })
	status, _ := r.deliver("control\none")
	require.Equal(t, 200, status)
	status, _ = r.post(body(0, "two"))
	require.Equal(t, 200, status)
	require.Equal(t, []string{"one", "two"}, r.lines(2))
	require.Equal(t, []int64{requestMillis * int64(time.Millisecond), 0}, parser.resets)
	require.EqualValues(t, 1, r.metrics()["control_messages_total"])
}

func TestLeftovers(t *testing.T) {
	r := newRig(t, nil)
	status, _ := r.deliver("keep one", "two")
	require.Equal(t, 200, status)
	require.Equal(t, []string{"two"}, r.lines(1))
	r.held.expire()
	require.Equal(t, []string{"keep one"}, r.lines(1))
	r.eventually(func() bool { return r.metrics()["entries_total{forwarded}"] == 2 }, "it is counted")

	// One whose delivery is unknown is none of ours.
	r.held.add(Leftover{Event: event.Event{Line: []byte("stray")}})
	status, _ = r.deliver("keep three")
	require.Equal(t, 200, status)
	require.Equal(t, []string{"keep three"}, r.lines(1))
}

// Before the first Update, and after one that failed, there is nothing to serve,
// and nothing breaks.
func TestReceiver_NotListening(t *testing.T) {
	registry := prometheus.NewRegistry()
	r := New(component.Options{Logger: log.NewNopLogger(), Registerer: registry}, testKind)
	require.Empty(t, r.Address())
	_, err := registry.Gather()
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, r.Run(ctx))

	sink := loki.NewCollectingHandler()
	defer sink.Stop()
	bad := (&rig{t: t, sink: sink, held: &held{}}).config()
	bad.Firehose.BodyTimeout = 0
	r = New(component.Options{Logger: log.NewNopLogger(), Registerer: prometheus.NewRegistry()}, testKind)
	require.ErrorContains(t, r.Update(bad), "body_timeout")
	require.Empty(t, r.Address())
	require.NoError(t, r.Run(ctx))
}
