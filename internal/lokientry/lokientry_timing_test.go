package lokientry

import (
	"strings"
	"testing"

	"github.com/grafana/alloy/eks/internal/timestamp"
)

// go test -run=- -bench=. -benchmem ./internal/lokientry
func BenchmarkBuilder(b *testing.B) {
	const lines = 1000
	builder := newBuilder(b, options(), &Delivery{})
	ev := shopEvent(strings.Repeat("x", 200), second)
	b.SetBytes(int64(len(ev.Line) * lines))
	b.ReportAllocs()
	for b.Loop() {
		builder.Reset(builder.delivery, arrival)
		builder.Grow(lines)
		for i := range lines {
			ev.Times.Set(timestamp.CRI, arrival.UnixNano()+int64(i))
			builder.Append(ev)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*lines), "ns/entry")
}
