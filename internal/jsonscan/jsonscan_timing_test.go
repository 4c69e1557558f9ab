package jsonscan

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
)

// go test -run=- -bench=. -benchmem ./internal/jsonscan

func BenchmarkMembers(b *testing.B) {
	record := []byte(`{"log":"2026-08-20T09:58:00.253967093Z stdout F ` + strings.Repeat("x", 200) +
		`","kubernetes":{"pod_name":"checkout-6d4b8f7c9d-x2v5k","labels":{` + strings.Repeat(`"app.kubernetes.io/name":"checkout",`, 20) + `"z":"y"}}}`)
	b.Run("impl=jsonscan", func(b *testing.B) {
		b.SetBytes(int64(len(record)))
		b.ReportAllocs()
		for b.Loop() {
			m := Object(record, 0)
			for m.Next() {
				_ = m.Key()
			}
		}
	})
	b.Run("impl=json.Valid", func(b *testing.B) {
		b.SetBytes(int64(len(record)))
		for b.Loop() {
			json.Valid(record)
		}
	})
}

func BenchmarkSkipString(b *testing.B) {
	for _, size := range []int{32, 1 << 10, 1 << 20} {
		text := []byte(`"` + strings.Repeat("a", size) + `"`)
		b.Run("bytes="+strconv.Itoa(size), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				SkipString(text, 0)
			}
		})
	}
}

// BenchmarkReadString reads JSON that stands in a string, as CloudWatch Logs
// delivers it.
func BenchmarkReadString(b *testing.B) {
	inner := strings.Repeat(`{"kind":"Event","verb":"patch","user":{"username":"system:node:ip-10-0-7-9"},"code":200},`, 100)
	text := []byte(strconv.Quote(inner))
	dst := make([]byte, 0, len(text))
	b.Run("impl=ReadString", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			_, _, _, _ = ReadString(dst, text, 0)
		}
	})
	b.Run("impl=SkipString+AppendUnescaped", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			end, _, _ := SkipString(text, 0)
			AppendUnescaped(dst, text[1:end-1])
		}
	})
}
