package record

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// go test -run=- -bench=. -benchmem ./internal/record

// The size of a container log record with its Kubernetes metadata.
const timingRecord = 1_220

func timingText() string {
	return strings.Repeat(testText, timingRecord/len(testText)+1)[:timingRecord]
}

func BenchmarkBase64(b *testing.B) {
	text := encode([]byte(timingText()))
	dst := make([]byte, len(text))
	b.Run("impl=record", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			if _, err := decodeBase64(dst, text); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("impl=encoding_base64", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			if _, err := base64.StdEncoding.Decode(dst, text); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	container := timingText()
	// What a CloudWatch subscription sends: some 50 events in one gzip member.
	envelope := strings.Repeat(testText, 500)
	f := func(name string, record []byte, size int) {
		b.Run(name, func(b *testing.B) {
			var d Decoder
			text := encode(record)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				d.Reset(testLimits)
				out, err := d.Decode(text)
				if err != nil || len(out) != size {
					b.Fatal(err)
				}
			}
		})
	}
	f("compression=none/size=1220", []byte(container), len(container))
	f("compression=gzip/size=1220", gzipped(b, container), len(container))
	f("compression=zstd/size=1220", zstded(b, container), len(container))
	f("compression=snappy/size=1220", snapped(container), len(container))
	f("compression=gzip/size=60000", gzipped(b, envelope), len(envelope))
	f("compression=zstd/size=60000", zstded(b, envelope), len(envelope))
	f("compression=gzip_gzip/size=60000", gzipped(b, string(gzipped(b, envelope))), len(envelope))
}

// The captured records, as Fluent Bit compressed them.
func BenchmarkDecodeCapture(b *testing.B) {
	for _, name := range []string{"cri-parser", "compression-gzip", "compression-zstd"} {
		b.Run("capture="+name, func(b *testing.B) {
			records := capture(b, name)
			size := 0
			for _, record := range records {
				size += len(record)
			}
			require.NotZero(b, size)
			var d Decoder
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				d.Reset(Limits{RecordSize: 1 << 20, DeliverySize: 64 << 20})
				for _, record := range records {
					if _, err := d.Decode([]byte(record)); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
