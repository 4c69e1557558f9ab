package clustertraffic

import (
	"bytes"
	"slices"
	"strconv"
)

// request is what an audit event tells of a request to the API server.
type request struct {
	stage, policy string
	verb          string
	user          *user
	// impersonated is the user as whom the request was made, nil for none.
	impersonated *user
	ip           string // Of a proxy in front of the client.

	// path is the URI without the query.
	path, query []byte

	// The object; resource is empty when it is about none.
	group, version, resource, subresource, namespace, name string

	code    int
	status  string // The reason of a failure.
	message string
	// decision and reason are the authorizer's; annotations are further ones,
	// each as JSON with a comma before it.
	decision, reason string
	annotations      func(g *Generator)
	// bodies write the objects of request and answer, nil for none.
	requestObject, responseObject body

	id []byte
	// took is how long the request had taken at the stage, lasts how long it will
	// go on after it, both in nanoseconds; time is that of the stage, in
	// nanoseconds since the epoch.
	took, lasts, time int64
	// received is when the request came, if not took before time.
	received int64
	// workload and node are what it is about; host is the place of the node.
	workload *workload
	node     *node
	host     int
	marks    mark
}

// body appends an object of a request.
type body func(g *Generator, r *request)

// writeAudit makes the audit event of a request, or of one that ends.
func (g *Generator) writeAudit() {
	if g.end() {
		return
	}
	c := g.stream.cluster
	r := &g.request
	*r = request{
		stage: "ResponseComplete", policy: "Metadata", path: r.path[:0], query: r.query[:0], id: appendUUID(r.id[:0], g.rng),
		version: "v1", code: 200, decision: "allow", took: int64(g.between(800, 30_000)) * 1000,
		workload: pickOf(g, c.workloads), host: g.rng.IntN(len(c.nodes)),
	}
	r.node = &c.nodes[r.host]
	if g.opts.Oversized > 0 && g.rng.Float64() < g.opts.Oversized {
		g.oversized(r)
	} else {
		requests.next(g)(g, r)
	}
	g.audit(r)
	if r.lasts > 0 {
		open := *r
		open.id, open.path, open.query = bytes.Clone(r.id), bytes.Clone(r.path), bytes.Clone(r.query)
		g.stream.open = append(g.stream.open, open)
	}
}

// end makes the last event of a request that goes on, if one ends now.
func (g *Generator) end() bool {
	s := g.stream
	for i := range s.open {
		r := s.open[i]
		if r.time+r.lasts > s.last {
			continue
		}
		s.open = slices.Delete(s.open, i, i+1)
		r.stage, r.received = "ResponseComplete", r.time-r.took
		g.audit(&r)
		return true
	}
	return false
}

// pickOf returns the place of one of the list.
func pickOf[T any](g *Generator, list []T) *T { return &list[g.rng.IntN(len(list))] }

// audit makes the event of the request and, where CloudWatch Logs cuts it, those
// that it becomes.
//
// https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/
func (g *Generator) audit(r *request) {
	l := &g.lines
	r.time = g.tick()
	d := l.begin(r.time, g.stamp(r.time))
	d.level, d.marks = r.level(), r.marks
	switch {
	case r.decision == "forbid":
		d.marks |= denied
	case r.resource == "secrets" && r.code < 300 && (r.verb == "get" || r.verb == "list" || r.verb == "watch"):
		d.marks |= secretRead
	}
	if r.subresource == "exec" {
		d.marks |= exec
	}
	if r.user.name == "system:anonymous" {
		d.marks |= anonymous
	}
	g.auditHead(r)
	head := len(l.facts)
	if r.requestObject != nil {
		l.str(`,"requestObject":`)
		r.requestObject(g, r)
	}
	if r.responseObject != nil {
		l.str(`,"responseObject":`)
		r.responseObject(g, r)
	}
	g.auditTail(r)
	l.end()
	if d = l.last(); d.to-d.from > g.opts.CutAt {
		g.cut(head)
	}
}

// level derives the severity of the event.
func (r *request) level() string {
	switch {
	case r.stage == "Panic" || r.code >= 500:
		return "error"
	case r.code >= 400 || r.decision == "forbid":
		return "warn"
	}
	return "info"
}

// auditHead appends everything before the objects.
func (g *Generator) auditHead(r *request) {
	l := &g.lines
	l.str(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"`, r.policy, `","auditID":"`)
	l.text = append(l.text, r.id...)
	l.str(`","stage":"`, r.stage, `","requestURI":"`)
	l.factOf("audit_id", r.id)
	l.fact("policy_level", r.policy)
	l.fact("stage", r.stage)
	g.requestURI(r)
	l.str(`","verb":"`, r.verb, `","user":`, r.user.object)
	l.fact("verb", r.verb)
	l.fact("user", r.user.name)
	l.fact("groups", r.user.groupsText)
	l.fact("principal_arn", r.user.arn)
	l.fact("session_name", r.user.session)
	if r.impersonated != nil {
		l.str(`,"impersonatedUser":`, r.impersonated.object)
		l.fact("impersonated_user", r.impersonated.name)
		l.fact("impersonated_groups", r.impersonated.groupsText)
	}
	g.sourceIPs(r)
	if r.user.agent != "" {
		l.str(`,"userAgent":`)
		l.quoted(r.user.agent)
		l.fact("user_agent", r.user.agent)
	}
	if r.resource != "" {
		g.objectRef(r)
	}
	g.responseStatus(r)
}

// requestURI appends the URI, in which the API server escapes &.
func (g *Generator) requestURI(r *request) {
	l := &g.lines
	from := len(l.values)
	l.values = append(l.values, r.path...)
	if len(r.query) > 0 {
		l.values = append(append(l.values, '?'), r.query...)
	}
	l.facts = append(l.facts, fact{name: "request_uri", from: from, to: len(l.values)})
	for _, c := range l.values[from:] {
		if c == '&' {
			l.str(`\u0026`)
			continue
		}
		l.text = append(l.text, c)
	}
}

func (g *Generator) sourceIPs(r *request) {
	l := &g.lines
	l.str(`,"sourceIPs":["`, r.user.ip)
	if r.ip == "" {
		l.fact("source_ips", r.user.ip)
	} else {
		l.str(`","`, r.ip)
		from := len(l.values)
		l.values = append(append(append(l.values, r.user.ip...), ','), r.ip...)
		l.facts = append(l.facts, fact{name: "source_ips", from: from, to: len(l.values)})
	}
	l.str(`"]`)
}

func (g *Generator) objectRef(r *request) {
	l := &g.lines
	l.str(`,"objectRef":{"resource":"`, r.resource, `"`)
	l.fact("resource", r.resource)
	if r.namespace != "" {
		l.str(`,"namespace":"`, r.namespace, `"`)
		l.fact("namespace", r.namespace)
	}
	if r.name != "" {
		l.str(`,"name":"`, r.name, `"`)
		l.fact("name", r.name)
	}
	if r.group != "" {
		l.str(`,"apiGroup":"`, r.group, `"`)
		l.fact("api_group", r.group)
	}
	l.str(`,"apiVersion":"`, r.version, `"`)
	if r.subresource != "" {
		l.str(`,"subresource":"`, r.subresource, `"`)
		l.fact("subresource", r.subresource)
	}
	l.str(`}`)
}

func (g *Generator) responseStatus(r *request) {
	if r.code == 0 {
		return
	}
	l := &g.lines
	l.str(`,"responseStatus":{"metadata":{}`)
	if r.status != "" {
		l.str(`,"status":"Failure","message":`)
		l.quoted(r.message)
		l.str(`,"reason":"`, r.status, `"`)
		if r.name != "" {
			l.str(`,"details":{"name":"`, r.name, `","kind":"`, r.resource, `"}`)
		}
	}
	l.str(`,"code":`)
	from := len(l.text)
	l.text = strconv.AppendInt(l.text, int64(r.code), 10)
	l.factFrom("response_code", from)
	l.str(`}`)
}

// auditTail appends everything behind the objects.
func (g *Generator) auditTail(r *request) {
	l := &g.lines
	l.str(`,"requestReceivedTimestamp":"`)
	from := len(l.text)
	if r.received == 0 {
		r.received = r.time - r.took
	}
	l.micros(r.received)
	l.factFrom("request_received", from)
	l.str(`","stageTimestamp":"`)
	l.micros(r.time)
	l.str(`"`)
	if r.decision != "" {
		l.str(`,"annotations":{`)
		if r.marks&truncated != 0 {
			l.str(`"audit.k8s.io/truncated":"true",`)
			l.fact("truncated", "true")
		}
		l.str(`"authorization.k8s.io/decision":"`, r.decision, `","authorization.k8s.io/reason":`)
		l.quoted(r.reason)
		l.fact("decision", r.decision)
		l.fact("reason", r.reason)
		if r.annotations != nil {
			r.annotations(g)
		}
		l.str(`}`)
	}
	l.str(`}`)
}

// truncationMark is what stands at the end of an event that was cut off.
const truncationMark = "[Truncated...]"

// tailOf: of so many events that are cut one has its end delivered, too, as an
// event by itself.
const tailOf = 3

// cut makes of the last event what CloudWatch Logs makes of one that is too long.
// The facts before the given one stand before the cut, which lies in an object.
func (g *Generator) cut(head int) {
	l := &g.lines
	d := l.last()
	whole := *d
	text := string(l.text[whole.from:whole.to])
	at := g.opts.CutAt - len(truncationMark)
	l.text = append(l.text[:whole.from+at], truncationMark...)
	tail := append([]fact(nil), l.facts[head:]...)
	secrets := append([]span(nil), l.secrets[whole.secretsFrom:]...)

	l.facts = append(l.facts[:head], fact{name: "truncated", value: "true"})
	l.secrets = l.secrets[:whole.secretsFrom]
	for _, s := range secrets {
		if s.to <= whole.from+at {
			l.secrets = append(l.secrets, s)
		}
	}
	d.marks |= truncated | timeCut
	l.end()
	if !g.oneIn(tailOf) {
		return
	}
	d = l.begin(whole.time, whole.millis)
	d.marks = truncated
	l.str(text[at:])
	l.facts = append(append(l.facts, tail...), fact{name: "truncated", value: "true"})
	for _, s := range secrets {
		if s.from >= whole.from+at {
			move := d.from - whole.from - at
			l.secrets = append(l.secrets, span{s.from + move, s.to + move})
		}
	}
	l.end()
}
