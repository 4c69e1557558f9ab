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
	p    *Parser
	text []byte

	stageTime    int64
	hasStageTime bool
	hasObject    bool // An objectRef says of which resource.
	// bodies are the parts of the text that hold an object, or a change to one.
	bodies []cut
}

// readAudit reads an audit event in one pass over its members. It returns false
// for another object. Of an event that CloudWatch Logs has cut off it reads what
// stands before the cut.
//
// https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/
func (p *Parser) readAudit(ev *event.Event) bool {
	a := &p.audit
	body := a.begin(p.line.text)
	end, whole := walk(body, a.member)
	l := &p.line
	whole = whole && jsonscan.SkipSpace(body, end) == len(body)
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

// begin returns the text without the mark of its truncation.
func (a *auditReader) begin(text []byte) []byte {
	*a = auditReader{p: a.p, text: text, bodies: a.bodies[:0]}
	return bytes.TrimSuffix(text, truncationMark)
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
func (a *auditReader) member(key []byte, v jsonscan.Value, whole bool) {
	switch string(key) {
	case "user":
		walk(v, a.userMember)
		return
	case "impersonatedUser":
		walk(v, a.impersonatedMember)
		return
	case "objectRef":
		a.hasObject = true
		walk(v, a.objectMember)
		return
	case "responseStatus":
		walk(v, a.statusMember)
		a.keep(key, v, whole)
		return
	case "annotations":
		walk(v, a.annotation)
		a.keep(key, v, whole)
		return
	case "requestObject", "responseObject":
		a.addBody(v)
		a.keep(key, v, whole)
		return
	}
	if whole && !a.scalar(key, v) {
		a.keep(key, v, whole)
	}
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
	case "sourceIPs":
		p.putList(sourceIPs, v)
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

func (a *auditReader) userMember(key []byte, v jsonscan.Value, whole bool) {
	switch string(key) {
	case "extra":
		walk(v, a.extraMember)
		a.keepAs("user_extra", v, whole)
		return
	case "username":
		if whole {
			a.p.putValue(user, v)
		}
		return
	case "groups":
		if whole {
			a.p.putList(groups, v)
		}
		return
	case "uid":
		a.keepAs("user_uid", v, whole)
		return
	}
	a.keep(key, v, whole)
}

// extraMember takes what the authenticator says of the principal: each a list of
// one.
func (a *auditReader) extraMember(key []byte, v jsonscan.Value, whole bool) {
	if !whole {
		return
	}
	f := principalARN
	switch string(key) {
	case "arn":
	case "sessionName":
		f = sessionName
	default:
		return
	}
	if list := jsonscan.Array(v, 0); list.Next() {
		a.p.putValue(f, list.Value())
	}
}

func (a *auditReader) impersonatedMember(key []byte, v jsonscan.Value, whole bool) {
	switch string(key) {
	case "username":
		if whole {
			a.p.putValue(impersonatedUser, v)
		}
	case "groups":
		a.keepAs("impersonated_groups", v, whole)
	case "uid":
		a.keepAs("impersonated_uid", v, whole)
	case "extra":
		a.keepAs("impersonated_extra", v, whole)
	}
}

func (a *auditReader) objectMember(key []byte, v jsonscan.Value, whole bool) {
	if !whole {
		return
	}
	p := a.p
	switch string(key) {
	case "resource":
		p.putValue(resource, v)
	case "subresource":
		p.putValue(subresource, v)
	case "namespace":
		p.putValue(namespace, v)
	case "name":
		p.putValue(name, v)
	case "apiGroup":
		p.putValue(apiGroup, v)
	case "apiVersion":
		a.keepAs("api_version", v, whole)
	case "resourceVersion":
		a.keepAs("resource_version", v, whole)
	default:
		a.keep(key, v, whole)
	}
}

func (a *auditReader) statusMember(key []byte, v jsonscan.Value, whole bool) {
	if whole && v.IsNumber() && string(key) == "code" {
		a.p.putValue(responseCode, v)
	}
}

// patchAnnotation begins the annotations that hold what a webhook changed in the
// object of the request.
// https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#mutating-webhook-auditing-annotations
var patchAnnotation = []byte("patch.webhook.admission.k8s.io/")

func (a *auditReader) annotation(key []byte, v jsonscan.Value, whole bool) {
	switch {
	case bytes.HasPrefix(key, patchAnnotation):
		a.addBody(v)
	case !whole:
	case string(key) == "authorization.k8s.io/decision":
		a.p.putValue(decision, v)
	case string(key) == "authorization.k8s.io/reason":
		a.p.putValue(reason, v)
	case string(key) == "audit.k8s.io/truncated":
		if string(v) == `"true"` {
			a.p.line.put(truncated, trueText)
		}
	}
}

func (a *auditReader) addBody(v jsonscan.Value) {
	from := offset(a.text, v)
	a.bodies = append(a.bodies, cut{from, from + len(v)})
}

// memberNames are those of members that the JSON form shows under another name.
var memberNames = map[string]string{
	"requestObject":  "request_object",
	"responseObject": "response_object",
	"responseStatus": "response_status",
}

// keep gathers a member that has no field of its own for the JSON form.
func (a *auditReader) keep(key []byte, v jsonscan.Value, whole bool) {
	if !whole || a.p.opts.LineFormat != JSON {
		return
	}
	a.p.line.extra = append(a.p.line.extra, member{name: memberNames[string(key)], key: key, value: v, json: true})
}

// keepAs does the same under another name.
func (a *auditReader) keepAs(name string, v jsonscan.Value, whole bool) {
	if !whole || a.p.opts.LineFormat != JSON {
		return
	}
	a.p.line.extra = append(a.p.line.extra, member{name: name, value: v, json: true})
}
