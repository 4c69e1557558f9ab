package controlplane

import (
	"bytes"
	"strings"
)

// DefaultRedact returns the resources whose objects are secrets: those that hold
// one, and those whose answer is a token.
func DefaultRedact() []string {
	return []string{"secrets", "tokenreviews", "serviceaccounts/token"}
}

// RedactionMark stands in place of what was cut out of an audit event. It is a
// JSON string, so that the event is as good JSON as it was.
const RedactionMark = `"[redacted]"`

// redaction is the resources whose objects are cut out of audit events.
type redaction []resourceName

type resourceName struct{ resource, subresource string }

func newRedaction(names []string) redaction {
	var r redaction
	for _, n := range names {
		var rn resourceName
		rn.resource, rn.subresource, _ = strings.Cut(n, "/")
		r = append(r, rn)
	}
	return r
}

func (r redaction) covers(resource, subresource []byte) bool {
	for i := range r {
		if string(resource) == r[i].resource && (r[i].subresource == "" || string(subresource) == r[i].subresource) {
			return true
		}
	}
	return false
}

// redactBodies marks for cutting whatever of an audit event holds the object of
// the request or of the answer, if that is to be redacted or if nothing is left
// to tell: the whole of it, because an object repeats its secrets in the
// annotation kubectl.kubernetes.io/last-applied-configuration and in patches.
func (p *Parser) redactBodies(a *auditReader) {
	l := &p.line
	if len(p.redact) == 0 || len(a.bodies) == 0 {
		return
	}
	if l.has(resource) && !a.partObject && !p.redact.covers(l.value(resource), l.value(subresource)) {
		return
	}
	l.cuts = append(l.cuts, a.bodies...)
}

// redactUnknown does the same for text that could not be read, in which an audit
// event may stand, and reports whether it found anything.
func (p *Parser) redactUnknown(text []byte) bool {
	at := p.hidden(text)
	if at >= 0 {
		p.line.cuts = append(p.line.cuts, cut{at, len(text)})
	}
	return at >= 0
}

// hidden returns where in such a text what must not be seen begins, -1 when
// nothing is to be hidden.
func (p *Parser) hidden(text []byte) int {
	at := -1
	if len(p.redact) == 0 {
		return at
	}
	for _, key := range [...]string{"requestObject", "responseObject", string(patchAnnotation)} {
		if i := bytes.Index(text, []byte(key)); i >= 0 && (at < 0 || i < at) {
			at = i
		}
	}
	return at
}

// appendRedacted appends text to dst, with the mark in place of each cut.
func appendRedacted(dst, text []byte, cuts []cut) []byte {
	from := 0
	for _, c := range cuts {
		dst = append(dst, text[from:c.from]...)
		dst = append(dst, RedactionMark...)
		from = c.to
	}
	return append(dst, text[from:]...)
}
