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
)

// BenchmarkDeliver takes a delivery of container logs from its body to the
// receivers, without HTTP: envelope, base64, JSON, CRI, times, labels, entries,
// hand-over. receivers=0 is our own share of the work.
//
//	go test -run='^$' -bench=Deliver -benchmem -count 6 ./component/awsfirehose/kubernetes
func BenchmarkDeliver(b *testing.B) {
	for _, receivers := range []int{0, 1} {
		const records = 1000
		b.Run(fmt.Sprintf("records=%d/receivers=%d", records, receivers), func(b *testing.B) {
			benchmarkDeliver(b, records, receivers)
		})
	}
}

func benchmarkDeliver(b *testing.B, records, receivers int) {
	args, err := rig.Decode[Arguments]("forward_to = []\n" + rig.AnyAge)
	require.NoError(b, err)
	args.Receiver.Server.HTTP.ListenAddress, args.Receiver.Server.HTTP.ListenPort = "127.0.0.1", 0
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
	body := generatedBody(b, records)
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
func generatedBody(b *testing.B, records int) []byte {
	sender, err := standin.NewSender(standin.Options{URL: "http://127.0.0.1", Seed: 1, Timestamp: rig.RequestTime})
	require.NoError(b, err)
	d := sender.NewDelivery()
	for src := newGenerated(b, records); src.Next(); {
		require.NoError(b, d.Add(src.Record(), time.Time{}))
	}
	require.NoError(b, d.Seal())
	return d.Body()
}
