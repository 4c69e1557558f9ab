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
		if l.logType == Audit {
			return false // Nobody but the audit writes into its stream.
		}
	}
	return p.readLoggerObject(ev)
}

// readLoggerObject reads an object that a logger wrote: zap of the etcd client in
// the API server, klog's own JSON format, a controller of EKS Auto Mode. It is an
// audit event after all if a member says so, and text if a part of one stands in
// it that must not be seen.
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
	if !any && m.Err() || p.hidden(l.text) >= 0 {
		l.begin(l.text, l.logType)
		return false
	}
	if m.Err() || jsonscan.SkipSpace(l.text, m.End()) != len(l.text) {
		if p.readAuditTail(ev) { // Which may begin with a brace.
			return true
		}
		l.damaged, l.extra = true, l.extra[:0] // The JSON form shows the text itself.
	}
	p.finishLoggerObject(ev, facts.Facts())
	return true
}

// finishLoggerObject gives the event what the object states of itself.
func (p *Parser) finishLoggerObject(ev *event.Event, f appline.Facts) {
	l := &p.line
	vended := l.has(resourceARN)
	if l.logType == Unknown && vended {
		l.logType = vendedType(l.value(resourceARN))
	}
	ev.Level = f.Level
	if !f.HasTime {
		l.headless = true
		l.detached = vended || l.logType == Unknown && !p.origin.anonymous()
		return
	}
	var zone *time.Location
	if l.logType != Unknown {
		zone = time.UTC
	}
	p.setLineTime(ev, f.Time, zone)
}

// etcdClient is what the client of etcd calls its logger. Of all components the
// API server alone talks to etcd.
const etcdClient = `"etcd-client"`

func (p *Parser) readLoggerMember(key []byte, v jsonscan.Value) {
	l := &p.line
	switch string(key) {
	case "msg", "message":
		if !l.has(message) {
			p.putValue(message, v)
			return
		}
	case "caller":
		if p.readCaller(v) {
			return
		}
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
	case "logger":
		if l.logType == Unknown && string(v) == etcdClient {
			l.logType = API
		}
	}
	if p.opts.LineFormat == JSON {
		l.extra = append(l.extra, member{key: key, value: v, json: true})
	}
}

// readCaller reads the place in a program, v3@v3.5.17/retry_interceptor.go:63, and
// reports whether the fields hold all of it: they hold no folder.
func (p *Parser) readCaller(v jsonscan.Value) bool {
	if !v.IsString() {
		return false
	}
	file := p.unquote(v)
	if colon := bytes.LastIndexByte(file, ':'); colon >= 0 {
		p.line.put(sourceLine, file[colon+1:])
		file = file[:colon]
	}
	slash := bytes.LastIndexByte(file, '/')
	p.line.put(sourceFile, file[slash+1:])
	return slash < 0
}
