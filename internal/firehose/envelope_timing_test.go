package firehose

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/grafana/alloy/eks/internal/jsonscan"
)

// go test -run=- -bench=. -benchmem ./internal/firehose

func BenchmarkEnvelope(b *testing.B) {
	for _, records := range []int{1, 1_000, 10_000} {
		body := []byte(envelopeOf(records, 1_220))
		name := fmt.Sprintf("records=%d", records)
		b.Run(name+"/impl=firehose", func(b *testing.B) {
			var e Envelope
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if err := e.Reset(body, records); err != nil {
					b.Fatal(err)
				}
				n := 0
				for e.Next() {
					n += len(e.Data())
				}
				if n == 0 {
					b.Fatal("no data")
				}
			}
			b.ReportMetric(float64(b.N)*float64(records)/b.Elapsed().Seconds(), "records/s")
		})
		b.Run(name+"/impl=jsonscan", func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if _, ok := jsonscan.SkipValue(body, 0); !ok {
					b.Fatal("no JSON")
				}
			}
		})
		b.Run(name+"/impl=encoding_json", func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				var envelope struct {
					Records []struct{ Data string }
				}
				if err := json.Unmarshal(body, &envelope); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
