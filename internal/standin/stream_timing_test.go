package standin

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// BenchmarkStream measures what the client costs: the endpoint, in the same
// process, only counts bytes. built=true is what benchmarks of a receiver use.
//
//	go test -run '^$' -bench Stream -benchmem ./internal/standin
func BenchmarkStream(b *testing.B) {
	const records = 1000
	src := &texts{}
	for range records {
		src.records = append(src.records, strings.Repeat("record of 1200 bytes", 60))
	}
	for _, gzip := range []bool{false, true} {
		for _, built := range []bool{false, true} {
			b.Run(fmt.Sprintf("gzip=%v/built=%v", gzip, built), func(b *testing.B) {
				benchmarkStream(b, src, gzip, built)
			})
		}
	}
}

func benchmarkStream(b *testing.B, src *texts, gzip, built bool) {
	e := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"requestId":%q,"timestamp":1}`, r.Header.Get("X-Amz-Firehose-Request-Id"))
	}))
	defer e.Close()
	sender, err := NewSender(Options{URL: e.URL, Gzip: gzip, Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	stream, err := NewStream(sender, StreamOptions{BufferRecords: len(src.records)})
	if err != nil {
		b.Fatal(err)
	}
	src.at = 0
	deliveries, err := stream.Build(context.Background(), src)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(deliveries[0].Body())))
	b.ReportAllocs()
	for b.Loop() {
		if built {
			err = stream.Post(context.Background(), deliveries)
		} else {
			src.at = 0
			err = stream.Run(context.Background(), src)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	if !stream.Summary().AllAccepted() {
		b.Fatal("the endpoint did not accept everything")
	}
	b.ReportMetric(float64(stream.Summary().Records)/b.Elapsed().Seconds(), "records/s")
}
