package clustertraffic

import (
	"testing"

	"github.com/grafana/alloy/eks/internal/subscription"
)

// BenchmarkGenerator measures what a generated event costs a benchmark that uses
// it: without and with its truth.
//
//	go test -run '^$' -bench Generator -benchmem ./internal/clustertraffic
func BenchmarkGenerator(b *testing.B) {
	f := func(name string, truth bool) {
		b.Run("truth="+name, func(b *testing.B) {
			g, err := New(Options{})
			if err != nil {
				b.Fatal(err)
			}
			bytes, events := 0, 0
			b.ReportAllocs()
			for b.Loop() {
				m := g.Next()
				for i := range m.Events {
					bytes += len(m.Events[i].Text)
				}
				events += len(m.Events)
				if truth {
					events += len(g.Events()) - len(m.Events)
				}
			}
			b.SetBytes(int64(bytes / b.N))
			b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
		})
	}
	f("no", false)
	f("yes", true)
}

// BenchmarkRecord measures generated records in each of the forms that Firehose
// delivers.
func BenchmarkRecord(b *testing.B) {
	for _, form := range subscription.Forms() {
		b.Run("form="+string(form), func(b *testing.B) {
			g, err := New(Options{})
			if err != nil {
				b.Fatal(err)
			}
			enc := subscription.NewEncoder(form)
			var record []byte
			bytes, events := 0, 0
			b.ReportAllocs()
			for b.Loop() {
				m := g.Next()
				if record, err = enc.AppendRecord(record[:0], m); err != nil {
					b.Fatal(err)
				}
				bytes += len(record)
				events += len(m.Events)
			}
			b.SetBytes(int64(bytes / b.N))
			b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
