package lokientry

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/grafana/alloy/eks/internal/event"
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

// BenchmarkStreams finds the streams of events, each of which has another source
// than the one before.
func BenchmarkStreams(b *testing.B) {
	for _, sources := range []int{200, 100_000} {
		b.Run("sources="+strconv.Itoa(sources), func(b *testing.B) {
			opts, d := options(), &Delivery{Labels: []event.Label{{Name: LabelSourceARN, Value: strings.Repeat("x", 80)}}}
			streams := NewStreams(opts)
			streams.Seal(d)
			events := make([]*event.Event, sources)
			for i := range events {
				events[i] = shopEvent("x", second)
				streams.lookup(streams.key(events[i], d), events[i], d)
			}
			rand.New(rand.NewPCG(1, 1)).Shuffle(sources, func(i, j int) { events[i], events[j] = events[j], events[i] })
			i := 0
			for b.Loop() {
				ev := events[i%sources]
				streams.lookup(streams.key(ev, d), ev, d)
				i++
			}
		})
	}
}
