package controlplane

import (
	"bytes"
	"time"

	"github.com/grafana/alloy/eks/internal/appline"
	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

// logrusOpening is how logrus begins a line where it does not write to a
// terminal.
var logrusOpening = []byte("time=")

// The values of FieldOutcome.
var granted, denied = []byte("granted"), []byte("denied")

// readLogrus reads a line of aws-iam-authenticator:
//
//	time="2026-01-02T15:04:05Z" level=info msg="access granted" arn="arn:..." username=admin
//
// https://github.com/kubernetes-sigs/aws-iam-authenticator
func (p *Parser) readLogrus(ev *event.Event) bool {
	l := &p.line
	if !bytes.HasPrefix(l.text, logrusOpening) {
		return false
	}
	values := pairs{b: l.text}
	if !values.next() {
		return false
	}
	r, ok := timestamp.TryText(values.value)
	if !ok {
		return false
	}
	p.setLineTime(ev, r, time.UTC)
	if l.logType == Unknown {
		l.logType = Authenticator
	}
	for values.next() {
		p.readLogrusPair(ev, &values)
	}
	l.damaged = values.failed
	switch string(l.value(message)) {
	case "access granted":
		l.put(outcome, granted)
	case "access denied":
		l.put(outcome, denied)
	}
	return true
}

func (p *Parser) readLogrusPair(ev *event.Event, kv *pairs) {
	l := &p.line
	value := kv.value
	if kv.quoted {
		value = p.goUnquote(value)
	}
	switch string(kv.key) {
	case "level":
		ev.Level = logrusLevel(value)
	case "msg":
		l.put(message, value)
	case "arn":
		l.put(arn, value)
	case "username":
		l.put(username, value)
	case "groups":
		l.put(groups, p.goSlice(value))
	case "uid":
		l.put(uid, value)
	case "error":
		l.put(errorText, value)
	case "accountid":
		l.put(accountID, value)
	case "session":
		l.put(sessionName, value)
	case "sts", "stsendpoint": // Older and newer versions.
		l.put(stsEndpoint, value)
	default:
		if p.opts.LineFormat == JSON {
			l.extra = append(l.extra, member{key: kv.key, value: value})
		}
	}
}

// goSlice turns a slice of strings as Go prints it, [a b], into a list with
// commas.
func (p *Parser) goSlice(value []byte) []byte {
	if len(value) < 2 || value[0] != '[' || value[len(value)-1] != ']' {
		return value
	}
	value = value[1 : len(value)-1]
	if bytes.IndexByte(value, ' ') < 0 {
		return value
	}
	start := len(p.arena)
	for _, c := range value {
		if c == ' ' {
			c = ','
		}
		p.arena = append(p.arena, c)
	}
	return p.arena[start:]
}

// logrusLevel returns the level with logrus' name.
func logrusLevel(name []byte) string {
	switch string(name) {
	case "trace":
		return appline.Trace
	case "debug":
		return appline.Debug
	case "info":
		return appline.Info
	case "warning", "warn":
		return appline.Warn
	case "error":
		return appline.Error
	case "fatal", "panic":
		return appline.Fatal
	}
	return ""
}
