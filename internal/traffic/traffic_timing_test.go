package traffic

import (
	"fmt"
	"testing"
)

// BenchmarkGenerator measures what a generated record costs a benchmark that
// uses it.
//
//	go test -run '^$' -bench Generator -benchmem ./internal/traffic
func BenchmarkGenerator(b *testing.B) {
	for _, shape := range Shapes() {
		for _, pods := range []int{200, 100_000} {
			b.Run(fmt.Sprintf("shape=%s/pods=%d", shape, pods), func(b *testing.B) {
				g, err := New(Options{Shape: shape, Pods: pods})
				if err != nil {
					b.Fatal(err)
				}
				var record []byte
				bytes, events := 0, 0
				b.ReportAllocs()
				for b.Loop() {
					var truth []Event
					record, truth = g.Next(record[:0])
					bytes += len(record)
					events += len(truth)
				}
				b.SetBytes(int64(bytes / b.N))
				b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
			})
		}
	}
}

// BenchmarkNew measures the start of a large cluster.
func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := New(Options{Pods: MaxPods}); err != nil {
			b.Fatal(err)
		}
	}
}
