package timestamp

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	timedCRI  = "2026-03-04T05:06:07.123456789Z stdout F GET /cart/0815 200 12ms"
	timedKlog = "I0304 05:06:07.123456       1 cart.go:12] \"Emptied\" cart=\"0815\""
)

// The readers by name; each is given a text that it reads.
var readers = []struct {
	name, in string
	read     func(b []byte) bool
}{
	{"form=cri", timedCRI, func(b []byte) bool { _, _, _, _, ok := TryCRIPrefix(b); return ok }},
	{"form=cri_offset", "2026-03-04T05:06:07.123456789+08:00 stdout F x", func(b []byte) bool { _, _, _, _, ok := TryCRIPrefix(b); return ok }},
	{"form=rfc3339", "2026-03-04T05:06:07.123456789Z", func(b []byte) bool { _, _, ok := TryRFC3339(b); return ok }},
	{"form=rfc3339_offset", "2026-03-04T05:06:07+08:00", func(b []byte) bool { _, _, ok := TryRFC3339(b); return ok }},
	{"form=epoch", "1786000001.234567891", func(b []byte) bool { _, ok := TryEpoch(b); return ok }},
	{"form=klog", timedKlog, func(b []byte) bool { _, _, _, ok := TryKlog(b); return ok }},
	{"form=glog", "I20260304 05:06:07.123456 1 cart.cc:12] x", func(b []byte) bool { _, _, _, ok := TryGlog(b); return ok }},
	{"form=rfc3164", "Mar  4 05:06:07 host cart[1]: x", func(b []byte) bool { _, _, ok := TryPrefix(b); return ok }},
	{"form=clf", "04/Mar/2026:05:06:07 +0000] x", func(b []byte) bool { _, _, ok := TryPrefix(b); return ok }},
	{"form=golog", "2026/03/04 05:06:07 [notice] x", func(b []byte) bool { _, _, ok := TryPrefix(b); return ok }},
	{"form=asctime", "Wed Mar  4 05:06:07 UTC 2026 x", func(b []byte) bool { _, _, ok := TryPrefix(b); return ok }},
}

func TestReaders_Allocs(t *testing.T) {
	for _, r := range readers {
		b := []byte(r.in)
		require.Zero(t, testing.AllocsPerRun(100, func() {
			if !r.read(b) {
				t.Fatal(r.name)
			}
		}), r.name)
	}
}

// go test -bench Readers -count 6 ./internal/timestamp
func BenchmarkReaders(b *testing.B) {
	for _, r := range readers {
		b.Run(r.name, func(b *testing.B) {
			in := []byte(r.in)
			b.ReportAllocs()
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				if !r.read(in) {
					b.Fatal("not read")
				}
			}
		})
	}
}

func BenchmarkResolve(b *testing.B) {
	_, r, _, ok := TryKlog([]byte(timedKlog))
	require.True(b, ok)
	outer := nanosOf(b, "2026-03-04T05:06:07.124Z")
	for _, c := range []struct {
		name string
		zone *time.Location
	}{{"zone=utc", time.UTC}, {"zone=none", nil}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := r.Resolve(outer, true, c.zone); !ok {
					b.Fatal("not resolved")
				}
			}
		})
	}
}

func BenchmarkChoose(b *testing.B) {
	p := Policy{Order: []Source{CRI, Record, Line, CloudWatch, Firehose}, MaxAge: time.Hour, MaxFuture: time.Minute}
	c := candidates(3, 1, 5, int64(100*time.Hour))
	b.ReportAllocs()
	for b.Loop() {
		if ch := p.Choose(&c, int64(100*time.Hour)); ch.Source != Firehose {
			b.Fatal(ch)
		}
	}
}
