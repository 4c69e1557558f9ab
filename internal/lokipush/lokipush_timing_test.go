package lokipush

import (
	"fmt"
	"testing"

	"github.com/golang/snappy"
	"github.com/klauspost/compress/s2"

	"github.com/grafana/loki/pkg/push"
)

// go test -run=- -bench=. -benchmem ./internal/lokipush

func perEntry(b *testing.B, entries int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*entries), "ns/entry")
}

func BenchmarkBatch(b *testing.B) {
	for _, streams := range []int{1, 20, 200, 1000} {
		entries := delivery(1000, streams)
		b.Run(fmt.Sprintf("entries=1000/streams=%d", streams), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				NewBatch(entries, nil, noon).Release()
			}
			perEntry(b, len(entries))
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	batch := NewBatch(delivery(1000, 200), nil, noon)
	segs := batch.all()
	var buf []byte
	for b.Loop() {
		_, buf = batch.encode(buf, segs)
	}
	perEntry(b, batch.Len())
}

func BenchmarkEncode_Gogo(b *testing.B) {
	batch := NewBatch(delivery(1000, 200), nil, noon)
	var buf []byte
	for b.Loop() {
		req := push.PushRequest{}
		for _, st := range batch.streams {
			s := push.Stream{Labels: string(batch.textOf(&st))}
			for _, i := range batch.order[st.from:st.to] {
				s.Entries = append(s.Entries, batch.entries[i].Entry)
			}
			req.Streams = append(req.Streams, s)
		}
		n := req.Size()
		if cap(buf) < n {
			buf = make([]byte, n)
		}
		if _, err := req.MarshalToSizedBuffer(buf[:n]); err != nil {
			b.Fatal(err)
		}
	}
	perEntry(b, batch.Len())
}

func BenchmarkCompress(b *testing.B) {
	batch := NewBatch(delivery(1000, 200), nil, noon)
	request, _ := batch.encode(nil, batch.all())
	dst := make([]byte, max(s2.MaxEncodedLen(len(request)), snappy.MaxEncodedLen(len(request))))
	for name, encode := range map[string]func(dst, src []byte) []byte{"golang": snappy.Encode, "s2": s2.EncodeSnappy, "s2best": s2.EncodeSnappyBetter} {
		b.Run("by="+name, func(b *testing.B) {
			b.SetBytes(int64(len(request)))
			n := 0
			for b.Loop() {
				n = len(encode(dst, request))
			}
			perEntry(b, batch.Len())
			b.ReportMetric(float64(n)/float64(len(request)), "ratio")
		})
	}
}
