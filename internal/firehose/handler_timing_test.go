package firehose

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// go test -run=- -bench=Handler -benchmem ./internal/firehose

// BenchmarkHandler takes deliveries from their headers to their answer, with a
// Deliverer that looks at each record's data and no further.
func BenchmarkHandler(b *testing.B) {
	h, err := NewHandler(DefaultConfig(), delivererFunc(func(_ context.Context, d *Delivery) error {
		n := 0
		for d.Records().Next() {
			n += len(d.Records().Data())
		}
		if n == 0 {
			return io.ErrUnexpectedEOF
		}
		return nil
	}), silent{})
	if err != nil {
		b.Fatal(err)
	}
	for _, records := range []int{1, 1_000, 10_000} {
		plain := envelopeOf(records, 1_220)
		for encoding, body := range map[string]string{"identity": plain, "gzip": gzipped(b, plain)} {
			b.Run(fmt.Sprintf("records=%d/encoding=%s", records, encoding), func(b *testing.B) {
				raw := []byte(body)
				reader := bytes.NewReader(raw)
				req := httptest.NewRequest(http.MethodPost, "/", nil)
				req.Header.Set(headerRequestID, testID)
				req.Header.Set(headerSourceARN, testARN)
				req.Header.Set("Content-Encoding", encoding)
				b.SetBytes(int64(len(body)))
				b.ReportAllocs()
				for b.Loop() {
					reader.Reset(raw)
					req.Body, req.ContentLength = io.NopCloser(reader), int64(len(body))
					w := httptest.NewRecorder()
					h.ServeHTTP(w, req)
					if w.Code != http.StatusOK {
						b.Fatal(w.Body)
					}
				}
				b.ReportMetric(float64(b.N)*float64(records)/b.Elapsed().Seconds(), "records/s")
			})
		}
	}
}
