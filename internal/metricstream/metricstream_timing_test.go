package metricstream

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/metrictraffic"
)

// BenchmarkSeries reads records of a thousand data and names their series, which are
// remembered, or not:
//
//	go test -run '^$' -bench Series -benchmem ./internal/metricstream
func BenchmarkSeries(b *testing.B) {
	var data []metrictraffic.Datum
	for i := range 1000 {
		data = append(data, metrictraffic.Datum{
			Account: "111122223333", Region: "eu-west-1", Namespace: "AWS/EC2", Name: "CPUUtilization", Unit: "Percent",
			Dimensions: map[string]string{"InstanceId": fmt.Sprintf("i-0a1b2c3d%04d", i)}, Time: moment.Add(time.Minute),
			Min: 0.25, Max: 61.5, Sum: 120.75, Count: 5,
		})
	}
	for name, format := range metrictraffic.Formats() {
		rec := format(data...)
		for _, remembered := range []int{1, 1000} {
			b.Run(fmt.Sprintf("format=%s/remembered=%d", name, remembered), func(b *testing.B) {
				namer, err := NewNamer("job", remembered)
				require.NoError(b, err)
				var p Parser
				var scratch []byte
				b.SetBytes(int64(len(rec)))
				b.ReportAllocs()
				n := 0
				for b.Loop() {
					for p.Reset(rec); p.Next(); n++ {
						_, _, scratch = namer.Series(p.Datum(), scratch)
					}
				}
				b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "data/s")
			})
		}
	}
}
