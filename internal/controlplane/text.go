package controlplane

import (
	"bytes"
	"time"

	"github.com/grafana/alloy/eks/internal/appline"
	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

// klogFile is the first line of a log file of klog, and the only one with a year.
var klogFile = []byte("Log file created at: ")

// readText reads a line of none of the shapes that control-plane components
// write by themselves: a part of a stack trace or of a trace, the output of a
// plug-in, a line of another library's logger.
func (p *Parser) readText(ev *event.Event) {
	l := &p.line
	if l.plain = l.text; p.redactUnknown(l.text) {
		l.plain = p.visible()
	}
	ours := l.logType != Unknown
	if rest, ok := bytes.CutPrefix(l.text, klogFile); ok {
		if r, _, ok := timestamp.TryGoLog(rest); ok {
			p.setLineTime(ev, r, time.UTC)
			return
		}
	}
	facts := appline.Read(l.text)
	ev.Level = facts.Level
	if facts.HasTime {
		var zone *time.Location // Another's clock shows whatever it shows.
		if ours {
			zone = time.UTC
		}
		p.setLineTime(ev, facts.Time, zone)
		return
	}
	l.headless = true
	l.detached = !ours && !facts.Continuation && !p.origin.anonymous()
}
