package kubelog

import (
	"strconv"
	"testing"

	"github.com/grafana/alloy/eks/internal/event"
)

// go test -run=- -bench=. -benchmem ./internal/kubelog

// BenchmarkParse reads records of about 1.2 KB from 1 to 100,000 pods.
func BenchmarkParse(b *testing.B) {
	for _, pods := range []int{1, 200, 100_000} {
		b.Run("shape=fargate/pods="+strconv.Itoa(pods), func(b *testing.B) {
			known, err := event.NewSources(200_000)
			if err != nil {
				b.Fatal(err)
			}
			records := make([][]byte, pods)
			for i := range records {
				records[i] = []byte(fargateRecord(i, accessLine))
			}
			p := newTestParser(b, Options{Sources: known})
			var events []event.Event
			b.SetBytes(int64(len(records[0])))
			b.ReportAllocs()
			for i := range records {
				events = p.Parse(events[:0], records[i])
			}
			i := 0
			for b.Loop() {
				events = p.Parse(events[:0], records[i])
				if i++; i == pods {
					i = 0
				}
			}
		})
	}
}
