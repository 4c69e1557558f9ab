package lokipush

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

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

// BenchmarkPush pushes deliveries to a server in this process that only reads
// them, a given number at the same time.
func BenchmarkPush(b *testing.B) {
	for _, size := range []int{1, 10, 100, 1000} {
		for _, streams := range []int{1, 200} {
			if streams > size {
				continue
			}
			b.Run(fmt.Sprintf("entries=%d/streams=%d", size, streams), func(b *testing.B) {
				e := newTestEndpoint(b, serveNothing(b), nil)
				entries := delivery(size, streams)
				push := func() {
					batch := NewBatch(entries, nil, time.Now())
					defer batch.Release()
					if _, err := e.Push(b.Context(), batch); err != nil {
						b.Error(err)
					}
				}
				for i := range entries {
					entries[i].Timestamp = time.Now()
				}
				push() // The streams are known from here on.
				b.ReportAllocs()
				b.SetParallelism(16)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						push()
					}
				})
				perEntry(b, size)
			})
		}
	}
}

// serveNothing returns the URL of a server that answers 204 to everything, at the
// least cost.
func serveNothing(b *testing.B) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go answerAll(conn)
		}
	}()
	return "http://" + listener.Addr().String()
}

func answerAll(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReaderSize(conn, 64<<10)
	for {
		length := 0
		for {
			line, err := r.ReadSlice('\n')
			if err != nil {
				return
			}
			if rest, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
				length, _ = strconv.Atoi(string(bytes.TrimSpace(rest)))
			}
			if len(line) == 2 {
				break
			}
		}
		if _, err := r.Discard(length); err != nil {
			return
		}
		if _, err := conn.Write([]byte("HTTP/1.1 204 No Content\r\n\r\n")); err != nil {
			return
		}
	}
}
