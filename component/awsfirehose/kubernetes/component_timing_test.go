package kubernetes

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/component/common/loki"

	"github.com/grafana/alloy/eks/internal/firehose"
	"github.com/grafana/alloy/eks/internal/rig"
	"github.com/grafana/alloy/eks/internal/standin"
	"github.com/grafana/alloy/eks/internal/traffic"
)

// BenchmarkDeliver takes a delivery of container logs from its body to the
// receivers, without HTTP: envelope, base64, JSON, CRI, times, labels, entries,
// hand-over. receivers=0 is our own share of the work.
//
//	go test -run='^$' -bench=Deliver -benchmem -count 6 ./component/awsfirehose/kubernetes
func BenchmarkDeliver(b *testing.B) {
	const records = 1000
	for _, receivers := range []int{0, 1} {
		b.Run(fmt.Sprintf("records=%d/receivers=%d", records, receivers), func(b *testing.B) {
			benchmarkDeliver(b, generatedBody(b, newGenerated(b, records)), records, receivers, "")
		})
	}
}

// BenchmarkDeliver_Strangers is the same for records each of which is another
// pod's than the one before: pods=200 are all remembered, of pods=2000 none is.
func BenchmarkDeliver_Strangers(b *testing.B) {
	const records = 1000
	for _, pods := range []int{200, 2000} {
		b.Run(fmt.Sprintf("records=%d/pods=%d", records, pods), func(b *testing.B) {
			body := generatedBody(b, &strangers{Generator: newTraffic(b, pods), left: records})
			benchmarkDeliver(b, body, records, 0, `limits { remembered_sources = 500 }`)
		})
	}
}

// strangers is generated traffic without runs of one pod.
type strangers struct {
	*traffic.Generator
	left   int
	pod    string
	record []byte
}

func (s *strangers) Next() bool {
	if s.left--; s.left < 0 {
		return false
	}
	for {
		var events []traffic.Event
		if s.record, events = s.Generator.Next(s.record[:0]); events[0].Pod != s.pod {
			s.pod = events[0].Pod
			return true
		}
	}
}

func (s *strangers) Record() []byte { return s.record }

func benchmarkDeliver(b *testing.B, body []byte, records, receivers int, text string) {
	args, err := rig.Decode[Arguments]("forward_to = []\n" + rig.AnyAge + text)
	require.NoError(b, err)
	args.Receiver.Endpoint.Server.HTTP.ListenAddress, args.Receiver.Endpoint.Server.HTTP.ListenPort = "127.0.0.1", 0
	taken := make(chan int)
	var receiver loki.LogsReceiver
	for range receivers {
		receiver = loki.NewLogsReceiver()
		args.Receiver.ForwardTo = append(args.Receiver.ForwardTo, receiver)
		go func() {
			n := 0
			for range receiver.Chan() {
				n++
			}
			taken <- n
		}()
	}
	c, err := New(component.Options{Logger: log.NewNopLogger(), Registerer: prometheus.NewRegistry()}, args)
	require.NoError(b, err)
	defer func() {
		stopped, stop := context.WithCancel(b.Context())
		stop()
		require.NoError(b, c.Run(stopped))
	}()
	var envelope firehose.Envelope
	deliver := func() {
		require.NoError(b, envelope.Reset(body, records))
		require.NoError(b, c.receiver.Deliver(b.Context(), firehose.NewDelivery(&envelope)))
	}
	deliver() // What is remembered of pods and streams is there in every delivery but the first.

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	deliveries := 1
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		deliver()
		deliveries++
	}
	runtime.ReadMemStats(&after)
	entries := float64((deliveries - 1) * records)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/entries, "ns/entry")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/entries, "allocs/entry")
	b.ReportMetric(entries/b.Elapsed().Seconds(), "entries/s")
	for range receivers {
		close(receiver.Chan())
		require.Equal(b, deliveries*records, <-taken)
	}
}

// generatedBody returns the body of a delivery of generated records.
func generatedBody(b *testing.B, src interface {
	Next() bool
	Record() []byte
},
) []byte {
	sender, err := standin.NewSender(standin.Options{URL: "http://127.0.0.1", Seed: 1, Timestamp: rig.RequestTime})
	require.NoError(b, err)
	d := sender.NewDelivery()
	for src.Next() {
		require.NoError(b, d.Add(src.Record(), time.Time{}))
	}
	require.NoError(b, d.Seal())
	return d.Body()
}
