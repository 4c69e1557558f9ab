package controlplane

import (
	"bytes"
	"time"

	"github.com/grafana/alloy/eks/internal/appline"
	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/jsonscan"
)

// readObject reads a line that begins as a JSON object: an audit event, or what
// the logger of a library wrote.
func (p *Parser) readObject(ev *event.Event) bool {
	l := &p.line
	if l.logType == Audit || opensAudit(l.text) {
		if p.readAudit(ev) {
			return true
		}
		l.begin(l.text, p.origin.streamType)
	}
	return p.readLoggerObject(ev)
}

// readLoggerObject reads an object that a logger wrote: zap of the etcd client in
// the API server, klog's own JSON format, a controller of EKS Auto Mode. It is an
// audit event after all if a member says so.
func (p *Parser) readLoggerObject(ev *event.Event) bool {
	l := &p.line
	var facts appline.Object
	m := jsonscan.Object(l.text, 0)
	any := false
	for m.Next() {
		if string(m.Key()) == "auditID" {
			l.begin(l.text, l.logType)
			return p.readAudit(ev)
		}
		any = true
		facts.Add(m.Key(), m.Value())
		p.readLoggerMember(m.Key(), m.Value())
	}
	if !any && m.Err() {
		return false
	}
	l.damaged = m.Err() || jsonscan.SkipSpace(l.text, m.End()) != len(l.text)
	if l.damaged {
		if p.readAuditTail(ev) {
			return true
		}
		l.damaged, l.extra = true, l.extra[:0] // The JSON form shows the text itself.
		p.redactUnknown(l.text)
	}
	if l.logType == Unknown && l.has(resourceARN) {
		l.logType = vendedType(l.value(resourceARN))
	}
	f := facts.Facts()
	ev.Level = f.Level
	if !f.HasTime {
		l.headless, l.detached = true, true
		return true
	}
	var zone *time.Location
	if l.logType != Unknown {
		zone = time.UTC
	}
	p.setLineTime(ev, f.Time, zone)
	return true
}

// vendedType returns the type of a log that EKS delivers for the resource.
func vendedType(arn []byte) LogType {
	var o origin
	switch string(o.setARN(arn)) {
	case "cluster":
		return AutoMode
	case "capability":
		return Capability
	}
	return Unknown
}

func (p *Parser) readLoggerMember(key []byte, v jsonscan.Value) {
	l := &p.line
	switch string(key) {
	case "msg", "message":
		if !l.has(message) {
			p.putValue(message, v)
			return
		}
	case "caller":
		p.readCaller(v)
		return
	case "error", "err":
		if v.IsString() && !l.has(errorText) {
			p.putValue(errorText, v)
			return
		}
	case "resource_arn":
		p.putValue(resourceARN, v)
		return
	case "controller":
		p.putValue(controller, v)
		return
	case "reconcileID":
		p.putValue(reconcileID, v)
		return
	case "level":
		return // Every line of the JSON form has it, and the time, by a common name.
	case "time", "ts", "event_timestamp":
		if !l.timed {
			l.timed = true
			return
		}
	}
	if p.opts.LineFormat == JSON {
		l.extra = append(l.extra, member{key: key, value: v, json: true})
	}
}

// readCaller reads the place in a program: v3@v3.5.17/retry_interceptor.go:63.
func (p *Parser) readCaller(v jsonscan.Value) {
	if !v.IsString() {
		return
	}
	place := p.unquote(v)
	colon := bytes.LastIndexByte(place, ':')
	if colon < 0 {
		p.line.put(sourceFile, place)
		return
	}
	file := place[:colon]
	p.line.put(sourceFile, file[bytes.LastIndexByte(file, '/')+1:])
	p.line.put(sourceLine, place[colon+1:])
}
