package controlplane

import (
	"fmt"
	"testing"

	"github.com/grafana/alloy/eks/internal/event"
)

// go test -run=- -bench=. -benchmem ./internal/controlplane

type timedLine struct{ log, stream, line string }

func timedLines() []timedLine {
	return []timedLine{
		{"klog", "kube-apiserver-", klogLine},
		{"authenticator", "authenticator-", grantedLine},
		{"audit_1k", "kube-apiserver-audit-", auditLine("leases", 0)},
		{"audit_8k", "kube-apiserver-audit-", auditLine("pods", 7<<10)},
		{"audit_64k", "kube-apiserver-audit-", auditLine("pods", 63<<10)},
	}
}

func formatName(f LineFormat) string {
	if f == JSON {
		return "json"
	}
	return "raw"
}

// BenchmarkLine reads one message, out of its envelope.
func BenchmarkLine(b *testing.B) {
	for _, tl := range timedLines() {
		for _, format := range []LineFormat{Raw, JSON} {
			b.Run("log="+tl.log+"/format="+formatName(format), func(b *testing.B) {
				p := newTestParser(b, Options{LineFormat: format, Redact: DefaultRedact()})
				events := p.ParseLine(nil, []byte(tl.line), Origin{LogGroup: "/aws/eks/shop/cluster", LogStream: tl.stream + testInstance})
				line := []byte(tl.line)
				c := carrier{nanos: august.UnixNano(), hasTime: true}
				b.SetBytes(int64(len(line)))
				b.ReportAllocs()
				for b.Loop() {
					p.arena, p.fields = p.arena[:0], p.fields[:0]
					events = p.message(events[:0], line, c)
				}
			})
		}
	}
}

// BenchmarkParse reads envelopes of many events, with the options that the component has
// by default, and with the rules that it has a name for. Bytes are those of envelopes, in which
// each quote of an event has a backslash.
func BenchmarkParse(b *testing.B) {
	const count = 50
	for _, tl := range timedLines()[:4] {
		for _, drop := range [][]Rule{nil, SafeProfile()} {
			b.Run(fmt.Sprintf("log=%s/rules=%d/events=%d", tl.log, len(drop), count), func(b *testing.B) {
				p := newTestParser(b, Options{Redact: DefaultRedact(), Drop: drop})
				lines := make([]string, count)
				for i := range lines {
					lines[i] = tl.line
				}
				rec := envelopeOf(tl.stream+testInstance, august, lines...)
				var events []event.Event
				b.SetBytes(int64(len(rec)))
				b.ReportAllocs()
				for b.Loop() {
					events = p.Parse(events[:0], rec)
				}
				b.ReportMetric(float64(count)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
			})
		}
	}
}

// BenchmarkParseLine reads lines that come one by one, each with its origin.
func BenchmarkParseLine(b *testing.B) {
	for _, tl := range timedLines()[:3] {
		b.Run("log="+tl.log, func(b *testing.B) {
			p := newTestParser(b, Options{Redact: DefaultRedact(), Drop: SafeProfile()})
			o := Origin{
				LogGroup: "/aws/eks/shop/cluster", LogStream: tl.stream + testInstance, Account: "111122223333", Region: "eu-central-1",
				Nanos: august.UnixNano(), HasTime: true, Received: firehoseTime,
			}
			line := []byte(tl.line)
			var events []event.Event
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			for b.Loop() {
				events = p.ParseLine(events[:0], line, o)
			}
		})
	}
}
