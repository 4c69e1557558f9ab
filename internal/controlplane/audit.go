package controlplane

import (
	"bytes"

	"github.com/grafana/alloy/eks/internal/appline"
	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/jsonscan"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

// auditReader gathers what one audit event says.
type auditReader struct {
	p       *Parser
	b       []byte           // The text of the event, without the mark of a truncation.
	scanner jsonscan.Scanner // Of b.

	stageTime    int64
	hasStageTime bool
	partObject   bool // The end of objectRef is missing, where the subresource stands.
	// bodies are the parts of the text that hold an object, or a change to one.
	bodies []cut
}

// readAudit reads an audit event in one pass over its text. It returns false for
// another object. Of an event that CloudWatch Logs has cut off it reads what
// stands before the cut.
//
// https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/
func (p *Parser) readAudit(ev *event.Event) bool {
	l, a := &p.line, &p.audit
	a.begin(l.text)
	end, whole := a.walk(0, a.member)
	whole = whole && jsonscan.SkipSpace(a.b, end) == len(a.b)
	if !l.has(auditID) && !l.has(stage) && !opensAudit(l.text) {
		l.begin(l.text, l.logType)
		return !whole && p.readAuditTail(ev) // Which may begin with a brace.
	}
	a.finish(ev, whole)
	return true
}

// truncationMark is what CloudWatch Logs, or EKS before it, puts at the end of an
// event that it has cut off.
var truncationMark = []byte("[Truncated...]")

// begin forgets the event before.
func (a *auditReader) begin(text []byte) {
	*a = auditReader{p: a.p, b: bytes.TrimSuffix(text, truncationMark), bodies: a.bodies[:0], scanner: a.scanner}
	a.scanner.Reset(a.b)
}

// release lets go of the event before.
func (a *auditReader) release() {
	a.begin(nil)
	if cap(a.bodies) > maxParts {
		a.bodies = nil
	}
}

// finish completes the line and the event.
func (a *auditReader) finish(ev *event.Event, whole bool) {
	l := &a.p.line
	l.logType, l.isAudit = Audit, true
	if !whole {
		l.damaged = true
		l.put(truncated, trueText)
		l.extra = l.extra[:0] // The JSON form shows the text itself.
	}
	if a.hasStageTime {
		ev.Times.Set(timestamp.Line, a.stageTime)
	}
	ev.Level = auditLevel(l)
	a.p.redactBodies(a)
}

// auditLevel derives a severity, which an audit event does not have: the level it
// names is how much its policy records. A panic and an answer of 500 and above
// are errors, an answer of 400 and above or a request that was forbidden is a
// warning, everything else is information. Where the answer has been cut off
// nothing is derived.
func auditLevel(l *line) string {
	code := l.value(responseCode)
	switch {
	case string(l.value(stage)) == "Panic":
		return appline.Error
	case len(code) == 3 && code[0] >= '5':
		return appline.Error
	case len(code) == 3 && code[0] == '4', string(l.value(decision)) == "forbid":
		return appline.Warn
	case len(code) == 0 && l.truncated():
		return ""
	}
	return appline.Info
}

// member takes a member of the event.
func (a *auditReader) member(key []byte, at int) (end int, ok bool) {
	switch string(key) {
	case "user":
		return a.walk(at, a.userMember)
	case "impersonatedUser":
		return a.walk(at, a.impersonatedMember)
	case "objectRef":
		end, ok = a.walk(at, a.objectMember)
		a.partObject = !ok
		return end, ok
	case "responseStatus":
		return a.walk(at, a.statusMember)
	case "annotations":
		return a.walk(at, a.annotation)
	case "requestObject":
		return a.body("request_object", at)
	case "responseObject":
		return a.body("response_object", at)
	case "sourceIPs":
		return a.list(sourceIPs, at)
	}
	if end, ok = a.wholeValue(at); ok && !a.scalar(key, a.b[at:end]) {
		a.keep(key, at, end)
	}
	return end, ok
}

// scalar takes a member that is a field by itself, and reports whether it is.
func (a *auditReader) scalar(key []byte, v jsonscan.Value) bool {
	p := a.p
	switch string(key) {
	case "kind", "apiVersion": // The same in every event.
	case "level":
		p.putValue(policyLevel, v)
	case "auditID":
		p.putValue(auditID, v)
	case "stage":
		p.putValue(stage, v)
	case "requestURI":
		p.putValue(requestURI, v)
	case "verb":
		p.putValue(verb, v)
	case "userAgent":
		p.putValue(userAgent, v)
	case "requestReceivedTimestamp":
		p.putValue(requestReceived, v)
	case "stageTimestamp":
		if text, _ := v.Text(); v.IsString() {
			a.stageTime, _, a.hasStageTime = timestamp.TryRFC3339(text)
		}
	default:
		return false
	}
	return true
}

// body takes a member that holds an object.
func (a *auditReader) body(name string, at int) (end int, ok bool) {
	if end, ok = a.wholeValue(at); !ok {
		a.bodies = append(a.bodies, cut{at, len(a.b)})
		return end, false
	}
	a.bodies = append(a.bodies, cut{at, end})
	a.keepAs(name, at, end)
	return end, true
}

func (a *auditReader) userMember(key []byte, at int) (end int, ok bool) {
	switch string(key) {
	case "extra":
		return a.walk(at, a.extraMember)
	case "groups":
		return a.list(groups, at)
	}
	if end, ok = a.wholeValue(at); !ok {
		return end, false
	}
	switch string(key) {
	case "username":
		a.p.putValue(user, a.b[at:end])
	case "uid":
		a.keepAs("user_uid", at, end)
	default:
		a.keep(key, at, end)
	}
	return end, true
}

// extraMember takes what the authenticator says of the principal: each a list of
// one. Newer versions put their own name before the key.
func (a *auditReader) extraMember(key []byte, at int) (end int, ok bool) {
	if end, ok = a.wholeValue(at); !ok {
		return end, false
	}
	f := numFields
	switch string(key[bytes.LastIndexByte(key, '/')+1:]) {
	case "arn":
		f = principalARN
	case "sessionName":
		f = sessionName
	}
	if list := a.scanner.Array(at); f < numFields && !a.p.line.has(f) && list.Next() {
		a.p.putValue(f, list.Value())
		return end, true
	}
	a.keepUnder("user_extra_", key, at, end)
	return end, true
}

func (a *auditReader) impersonatedMember(key []byte, at int) (end int, ok bool) {
	if string(key) == "groups" {
		return a.list(impersonatedGroups, at)
	}
	if end, ok = a.wholeValue(at); !ok {
		return end, false
	}
	switch string(key) {
	case "username":
		a.p.putValue(impersonatedUser, a.b[at:end])
	case "uid":
		a.keepAs("impersonated_uid", at, end)
	case "extra":
		a.keepAs("impersonated_extra", at, end)
	}
	return end, true
}

func (a *auditReader) objectMember(key []byte, at int) (end int, ok bool) {
	if end, ok = a.wholeValue(at); !ok {
		return end, false
	}
	f := numFields
	switch string(key) {
	case "resource":
		f = resource
	case "subresource":
		f = subresource
	case "namespace":
		f = namespace
	case "name":
		f = name
	case "apiGroup":
		f = apiGroup
	case "apiVersion":
		a.keepAs("api_version", at, end)
	case "resourceVersion":
		a.keepAs("resource_version", at, end)
	default:
		a.keep(key, at, end)
	}
	if f < numFields {
		a.p.putValue(f, a.b[at:end])
	}
	return end, true
}

func (a *auditReader) statusMember(key []byte, at int) (end int, ok bool) {
	if end, ok = a.wholeValue(at); !ok {
		return end, false
	}
	if v := jsonscan.Value(a.b[at:end]); string(key) == "code" && v.IsNumber() {
		a.p.putValue(responseCode, v)
	} else if string(v) != "{}" { // As metadata always is.
		a.keepUnder("response_", key, at, end)
	}
	return end, true
}

// patchAnnotation begins the annotations that hold what a webhook changed in the
// object of the request.
// https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#mutating-webhook-auditing-annotations
var patchAnnotation = []byte("patch.webhook.admission.k8s.io/")

func (a *auditReader) annotation(key []byte, at int) (end int, ok bool) {
	end, ok = a.wholeValue(at)
	if bytes.HasPrefix(key, patchAnnotation) {
		if !ok {
			end = len(a.b)
		}
		a.bodies = append(a.bodies, cut{at, end})
	}
	if !ok {
		return end, false
	}
	switch v := a.b[at:end]; string(key) {
	case "authorization.k8s.io/decision":
		a.p.putValue(decision, v)
	case "authorization.k8s.io/reason":
		a.p.putValue(reason, v)
	case "audit.k8s.io/truncated":
		if string(v) == `"true"` {
			a.p.line.put(truncated, trueText)
		}
	default:
		a.keepUnder("annotation_", key, at, end)
	}
	return end, true
}

// keep gathers a member that has no field of its own for the JSON form.
func (a *auditReader) keep(key []byte, at, end int) { a.keepUnder("", key, at, end) }

// keepAs does the same under another name.
func (a *auditReader) keepAs(name string, at, end int) { a.keepUnder(name, nil, at, end) }

// keepUnder does the same for a member of the object whose members have names with
// that prefix.
func (a *auditReader) keepUnder(prefix string, key []byte, at, end int) {
	if a.p.opts.LineFormat == JSON {
		a.p.line.extra = append(a.p.line.extra, member{name: prefix, key: key, value: a.b[at:end], json: true})
	}
}
