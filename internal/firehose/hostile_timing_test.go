package firehose

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// go test -run=- -bench=WrongKey -benchmem ./internal/firehose

// BenchmarkWrongKey is what it costs to turn away who does not have a key. Between
// keys of one length nothing may tell how much of a key is right; a body that comes
// along must not be looked at.
func BenchmarkWrongKey(b *testing.B) {
	right := strings.Repeat("k", 64)
	c := DefaultConfig()
	c.AccessKeys = []string{"another key", right}
	h, err := NewHandler(c, delivererFunc(accept), silent{})
	if err != nil {
		b.Fatal(err)
	}
	body := []byte(envelopeOf(1_000, 1_220))
	f := func(name, key string) {
		b.Run("key="+name, func(b *testing.B) {
			reader := bytes.NewReader(body)
			req := httptest.NewRequest(http.MethodPost, "/", nil)
			req.Header.Set(headerRequestID, testID)
			req.Header.Set(headerAccessKey, key)
			w := httptest.NewRecorder()
			b.ReportAllocs()
			for b.Loop() {
				reader.Reset(body)
				req.Body, req.ContentLength = io.NopCloser(reader), int64(len(body))
				w.Body.Reset()
				clear(w.Header())
				h.ServeHTTP(w, req)
			}
			if w.Code != http.StatusUnauthorized || reader.Len() != len(body) {
				b.Fatal(w.Code, reader.Len())
			}
		})
	}
	f("nothing_right", strings.Repeat("x", 64))
	f("half_right", right[:32]+strings.Repeat("x", 32))
	f("all_but_one_right", right[:63]+"x")
	f("right_and_more", right+"x")
	f("longest", strings.Repeat("k", maxAccessKey))
	f("too_long", strings.Repeat("k", maxAccessKey+1))
	f("none", "")
}
