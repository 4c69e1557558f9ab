package kubelog

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/event"
)

// fargateRecord is a record of the usual size from one of many pods.
func fargateRecord(pod int, line string) string {
	return fmt.Sprintf(`{"log":"2026-08-20T09:58:00.253967093Z stdout F %s","kubernetes":{"pod_name":"web-5c8d7f6b9c-%05d","namespace_name":"shop","pod_id":"c7761e58-969f-4edd-8981-86641b2021e8",`+
		`"labels":{"app.kubernetes.io/name":"web","app.kubernetes.io/instance":"web-prod","app.kubernetes.io/version":"2.14.0","app.kubernetes.io/part-of":"shop","eks.amazonaws.com/fargate-profile":"fp-shop","pod-template-hash":"5c8d7f6b9c","team":"pay","tier":"front"},`+
		`"annotations":{"CapacityProvisioned":"0.25vCPU 0.5GB","Logging":"LoggingEnabled"},"host":"fargate-ip-10-0-31-7.ec2.internal","pod_ip":"10.0.31.7","container_name":"nginx","docker_id":"53ba0bdb14488a2c302152a0f56d9153a4aef04c58b52f6b0ee23b75c70a9274","container_hash":"111122223333.dkr.ecr.us-east-1.amazonaws.com/shop/web@sha256:53ba0bdb14488a2c302152a0f56d9153a4aef04c58b52f6b0ee23b75c70a9274","container_image":"111122223333.dkr.ecr.us-east-1.amazonaws.com/shop/web:2.14.0"}}`+"\n", line, pod)
}

const accessLine = `{\"level\":\"info\",\"ts\":1787219880.253,\"caller\":\"server/handler.go:178\",\"msg\":\"request completed\",\"method\":\"GET\",\"path\":\"/v1/items\",\"status\":200,\"duration_ms\":12.5,\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\"}`

func newTestParser(t testing.TB, opts Options) *Parser {
	t.Helper()
	if opts.Sources == nil {
		known, err := event.NewSources(1000)
		require.NoError(t, err)
		opts.Sources = known
	}
	p := NewParser(opts)
	p.Reset(firehoseTime, nil)
	return p
}

func TestParser_AllocatesNothingForKnownPods(t *testing.T) {
	p := newTestParser(t, Options{})
	rec := []byte(fargateRecord(1, accessLine))
	events := p.Parse(nil, rec)
	require.Len(t, events, 1)
	require.Zero(t, testing.AllocsPerRun(200, func() { events = p.Parse(events[:0], rec) }))
}

func TestParser_SharesSources(t *testing.T) {
	known, err := event.NewSources(1000)
	require.NoError(t, err)
	a, b := newTestParser(t, Options{Sources: known}), newTestParser(t, Options{Sources: known})
	first := a.Parse(nil, []byte(fargateRecord(1, "x")))
	second := b.Parse(nil, []byte(fargateRecord(1, "y")))
	other := b.Parse(nil, []byte(fargateRecord(2, "y")))
	require.Same(t, first[0].Source, second[0].Source)
	require.NotSame(t, first[0].Source, other[0].Source)
	require.Equal(t, 2, known.Len())
}

func TestParser_RemembersNoMoreThanItMay(t *testing.T) {
	known, err := event.NewSources(10)
	require.NoError(t, err)
	p := newTestParser(t, Options{Sources: known})
	for pod := range 1000 {
		p.Parse(nil, []byte(fargateRecord(pod, "x")))
	}
	require.Equal(t, 10, known.Len())
}

func TestParser_HostileMetadataIsBounded(t *testing.T) {
	var labels []string
	for i := range 5000 {
		labels = append(labels, fmt.Sprintf(`"label%d":"v"`, i))
	}
	p := newTestParser(t, Options{})
	events := p.Parse(nil, []byte(`{"log":"x","kubernetes":{"pod_name":"a","labels":{`+strings.Join(labels, ",")+`}}}`))
	require.Len(t, events[0].Source.Labels, maxLabels)
}

func piece(pod, tag, text string) []byte {
	return []byte(fmt.Sprintf(`{"log":"2026-08-20T09:58:00.1Z stdout %s %s","kubernetes":{"pod_name":%q,"container_name":"c"}}`, tag, text, pod))
}

func TestJoin_IsBounded(t *testing.T) {
	p := newTestParser(t, Options{MaxLine: 100})
	var got []string
	for range 10 {
		for _, ev := range p.Parse(nil, piece("a", "P", strings.Repeat("x", 40))) {
			require.Equal(t, event.Fragment, ev.Partial)
			got = append(got, string(ev.Line))
		}
	}
	// What is over the bound goes on as a piece, and nothing is lost.
	for _, ev := range p.Flush(nil, time.Time{}) {
		got = append(got, string(ev.Line))
	}
	require.Equal(t, []string{strings.Repeat("x", 120), strings.Repeat("x", 120), strings.Repeat("x", 120), strings.Repeat("x", 40)}, got)
}

func TestCarry(t *testing.T) {
	now := time.Unix(1000, 0)
	carry := NewCarry(10*time.Second, 100)
	known, err := event.NewSources(10)
	require.NoError(t, err)
	opts := Options{Sources: known, Carry: carry}

	first := newTestParser(t, opts)
	first.Reset(firehoseTime, "first delivery")
	require.Empty(t, first.Parse(nil, piece("a", "P", "begun ")))
	require.Empty(t, first.Flush(nil, now))
	require.Zero(t, carry.Size(), "nothing is kept of a delivery before it is handed over")
	first.Settle(now)
	require.Equal(t, len("begun "), carry.Size())

	// Another parser, as another connection has, ends the line.
	second := newTestParser(t, opts)
	events := second.Parse(nil, piece("a", "F", "and ended"))
	require.Len(t, events, 1)
	require.Equal(t, "begun and ended", string(events[0].Line))
	require.Equal(t, event.Joined, events[0].Partial)
	require.Empty(t, second.Flush(nil, now))
	second.Settle(now)
	require.Zero(t, carry.Size())

	// Nobody ends this one.
	first.Reset(firehoseTime, "third delivery")
	require.Empty(t, first.Parse(nil, piece("a", "P", "begun")))
	require.Empty(t, first.Flush(nil, now))
	first.Settle(now)
	require.Empty(t, carry.Expired(now.Add(9*time.Second), false))
	left := carry.Expired(now.Add(10*time.Second), false)
	require.Len(t, left, 1)
	require.Equal(t, "begun", string(left[0].Event.Line))
	require.Equal(t, event.Fragment, left[0].Event.Partial)
	require.Equal(t, "third delivery", left[0].Context)
	require.Zero(t, carry.Size())
}

func TestCarry_RefusedAndRepeatedDeliveries(t *testing.T) {
	now := time.Unix(1000, 0)
	carry := NewCarry(10*time.Second, 1000)
	known, err := event.NewSources(10)
	require.NoError(t, err)
	deliver := func(accepted bool, records ...[]byte) (lines []string) {
		p := newTestParser(t, Options{Sources: known, Carry: carry})
		for _, rec := range records {
			for _, ev := range p.Parse(nil, rec) {
				lines = append(lines, string(ev.Line))
			}
		}
		require.Empty(t, p.Flush(nil, now))
		if accepted {
			p.Settle(now)
		}
		return lines
	}
	head, tail := piece("a", "P", "begun "), piece("a", "F", "and ended")
	tail = bytes.Replace(tail, []byte("00.1Z"), []byte("00.2Z"), 1)

	require.Empty(t, deliver(false, head))
	require.Empty(t, deliver(true, head))
	require.Empty(t, deliver(true, head), "its answer was lost: it comes again")
	require.Equal(t, []string{"begun and ended"}, deliver(false, tail))
	require.Equal(t, []string{"begun and ended"}, deliver(true, tail))
	require.Zero(t, carry.Size())
	require.Empty(t, carry.Expired(now, true))

	// A line after the one that a piece has ended is its own.
	require.Empty(t, deliver(true, head))
	require.Equal(t, []string{"begun and ended", "whole"}, deliver(true, tail, piece("a", "F", "whole")))
	require.Zero(t, carry.Size())

	// A beginning, and a piece of another time, which must be its middle.
	require.Equal(t, []string{"begun and ended"}, deliver(true, head, tail, head))
	middle := bytes.Replace(head, []byte("00.1Z"), []byte("00.3Z"), 1)
	require.Empty(t, deliver(true, middle))
	left := carry.Expired(now, true)
	require.Len(t, left, 1)
	require.Equal(t, "begun begun ", string(left[0].Event.Line))
}

func TestCarry_IsBounded(t *testing.T) {
	carry := NewCarry(time.Minute, 50)
	known, err := event.NewSources(10)
	require.NoError(t, err)
	p := newTestParser(t, Options{Sources: known, Carry: carry})
	require.Empty(t, p.Parse(nil, piece("a", "P", strings.Repeat("a", 40))))
	require.Empty(t, p.Parse(nil, piece("b", "P", strings.Repeat("b", 40))))
	// One fits; the other goes on as a piece.
	events := p.Flush(nil, time.Unix(0, 0))
	require.Len(t, events, 1)
	require.Equal(t, event.Fragment, events[0].Partial)
	p.Settle(time.Unix(0, 0))
	require.Equal(t, 40, carry.Size())
	require.Len(t, carry.Expired(time.Unix(0, 0), true), 1)
}

func TestParseStreamName(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	f := func(name, want string) {
		t.Helper()
		pod, namespace, container, gotID, ok := ParseStreamName(name)
		if !ok {
			require.Equal(t, want, "no container")
			return
		}
		require.Equal(t, id, gotID)
		require.Equal(t, want, namespace+"/"+pod+"/"+container)
	}
	f("from-fluent-bit-kube.var.log.containers.web-0_shop_nginx-"+id+".log", "shop/web-0/nginx")
	f("ip-10-0-3-7-application.var.log.containers.web-0_shop_side-car-"+id+".log", "shop/web-0/side-car")
	f("fluentbit-kube.var.log.containers.web-0_shop_nginx-"+id, "shop/web-0/nginx")
	f("kube-apiserver-audit-"+id, "no container")
	f("x.var.log.containers.web-0_shop_nginx-0123.log", "no container")
	f("x.var.log.containers.web-0_shop.log", "no container")
	f("x.var.log.containers._shop_nginx-"+id+".log", "no container")
	f("", "no container")
}

// What is beyond the bound is one event, whatever it would have been.
func TestParser_MaxEvents(t *testing.T) {
	f := func(record string, want ...string) {
		t.Helper()
		p := newTestParser(t, Options{MaxEvents: 2})
		before := []event.Event{{Line: []byte("of another record")}}
		events := p.Parse(before, []byte(record))[1:]
		var got []string
		for _, ev := range events {
			got = append(got, strings.TrimSpace(string(ev.Flaw)+" "+string(ev.Line)))
		}
		require.Equal(t, want, got)
	}
	f("a\nb\n", "a", "b")
	f("a\nb\n\n\n", "a", "b")
	f("a\nb\nc\n{\"log\":\"d\"}", "a", "b", "too_large c\n{\"log\":\"d\"}")
	f(`{"log":"a"}{"log":"b"}{"log":"c"}`, "a", "b", `too_large {"log":"c"}`)
	const head, tail = `{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logStream":"s","subscriptionFilters":[],"logEvents":[`, `]}`
	f(head+`{"message":"a"},{"message":"b"}`+tail, "a", "b")
	f(head+`{"message":"a"},{"message":"b"},{"message":"c"}`+tail, "a", "b", `too_large {"message":"c"}`+tail)
	f(head+`{"message":"a"},{"message":"b"},5`+tail+"\nx", "a", "b", "too_large 5"+tail, "too_large x")
}

// Lines that begin and do not end take memory however short they are. What is beyond
// the bound goes on as pieces.
func TestParser_MaxBegun(t *testing.T) {
	carry := NewCarry(time.Minute, 1<<20)
	p := newTestParser(t, Options{Carry: carry})
	begin := func(n int, text string) string {
		return fmt.Sprintf(`{"log":"2026-08-20T10:00:00Z stdout P %s","kubernetes":{"pod_name":"web-%d","container_name":"app"}}`, text, n)
	}
	for n := range maxBegun {
		require.Empty(t, p.Parse(nil, []byte(begin(n, ""))))
	}
	f := func(events []event.Event) {
		t.Helper()
		require.Len(t, events, 1)
		require.Equal(t, event.Fragment, events[0].Partial)
		require.Equal(t, "more", string(events[0].Line))
	}
	f(p.Parse(nil, []byte(begin(maxBegun, "more"))))
	require.Empty(t, p.Parse(nil, []byte(begin(maxBegun-1, "more"))), "which had begun")
	require.Empty(t, p.Flush(nil, time.Now()))
	p.Settle(time.Now())
	require.Equal(t, len("more"), carry.Size())

	p.Reset(firehoseTime, nil)
	require.Empty(t, p.Parse(nil, []byte(begin(maxBegun, "more"))))
	f(p.Flush(nil, time.Now()))
}
