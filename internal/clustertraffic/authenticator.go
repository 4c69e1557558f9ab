package clustertraffic

import "time"

// The ports from which the API server calls the authenticator.
const firstPort, ports = 32768, 28231

// writeAuthenticator makes what aws-iam-authenticator writes of one call: what
// STS says of the token, and whether access is granted.
//
// https://github.com/kubernetes-sigs/aws-iam-authenticator
func (g *Generator) writeAuthenticator() {
	s := g.stream
	s.port = firstPort + (s.port-firstPort+1)%ports
	switch n := g.rng.IntN(100); {
	case n < 2:
		g.logrus("info", "")
		g.logrusMessage("successfully synced ", pick(g, s.cluster.users.people).short)
		g.lines.end()
	case n < 7:
		g.denyBrokenToken()
	case n < 11:
		u := &s.cluster.users.stranger
		g.stsResponse(u)
		g.logrus("warning", "access denied")
		g.lines.last().marks |= authenticatorDenied
		g.lines.fact("outcome", "denied")
		g.logrusPair("arn", "arn", u.canonicalARN)
		g.logrusCall()
		g.logrusPair("error", "error", "ARN is not mapped")
		g.lines.str(" method=POST path=/authenticate")
		g.lines.end()
	default:
		u := g.principal()
		g.stsResponse(u)
		g.grant(u)
	}
}

// principal returns a user whom the authenticator knows.
func (g *Generator) principal() *user {
	u := &g.stream.cluster.users
	switch n := g.rng.IntN(10); {
	case n < 6:
		return &u.nodes[g.rng.IntN(len(u.nodes))]
	case n < 8:
		return &u.eks[g.rng.IntN(len(u.eks))]
	case n < 9:
		return &u.deployer
	default:
		return &u.people[g.rng.IntN(len(u.people))]
	}
}

// logrus opens a line. logrus sorts the keys behind the message.
func (g *Generator) logrus(level, msg string) {
	l := &g.lines
	nanos := g.tick()
	d := l.begin(nanos/int64(time.Second)*int64(time.Second), g.stamp(nanos))
	d.level = level
	if level == "warning" {
		d.level = "warn"
	}
	l.str(`time="`)
	l.seconds(nanos)
	l.str(`" level=`, level)
	if msg != "" {
		g.logrusMessage(msg)
	}
}

func (g *Generator) logrusMessage(parts ...string) {
	l := &g.lines
	l.str(` msg="`)
	from := len(l.text)
	l.str(parts...)
	l.factFrom("msg", from)
	l.str(`"`)
}

// logrusPair appends a pair and adds the field with its value. logrus quotes a
// value that has other characters than letters, digits and -._/@^+.
func (g *Generator) logrusPair(key, field, value string) {
	l := &g.lines
	l.str(" ", key, "=")
	if needsQuotes(value) {
		l.str(`"`)
		l.text = appendGoEscaped(l.text, value)
		l.str(`"`)
	} else {
		l.str(value)
	}
	if field != "" {
		l.fact(field, value)
	}
}

func needsQuotes(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c|0x20 >= 'a' && c|0x20 <= 'z', c >= '0' && c <= '9':
		case c == '-', c == '.', c == '_', c == '/', c == '@', c == '^', c == '+':
		default:
			return true
		}
	}
	return false
}

// logrusCall appends whence the call came.
func (g *Generator) logrusCall() {
	g.lines.str(` client="127.0.0.1:`)
	g.lines.int(int64(g.stream.port))
	g.lines.str(`"`)
}

func (g *Generator) stsEndpoint() {
	c := g.stream.cluster
	if c.era.stsKey != "" {
		g.logrusPair(c.era.stsKey, "sts_endpoint", c.users.stsEndpoint)
	}
}

func (g *Generator) stsResponse(u *user) {
	l := &g.lines
	g.logrus("info", "STS response")
	g.logrusPair("accesskeyid", "", u.accessKey)
	g.logrusPair("accountid", "account_id", u.account)
	g.logrusPair("arn", "arn", u.arn)
	g.logrusCall()
	l.str(" method=POST path=/authenticate")
	g.logrusPair("session", "session_name", u.session)
	g.stsEndpoint()
	g.logrusPair("userid", "", u.principalID)
	l.end()
}

func (g *Generator) grant(u *user) {
	l := &g.lines
	g.logrus("info", "access granted")
	l.fact("outcome", "granted")
	g.logrusPair("arn", "arn", u.canonicalARN)
	g.logrusCall()
	l.str(` groups="[`)
	from := len(l.text)
	for i, group := range u.mapped {
		if i > 0 {
			l.str(" ")
		}
		l.str(group)
	}
	end := len(l.text)
	l.str(`]" method=POST path=/authenticate`)
	if len(u.mapped) > 0 {
		l.factOf("groups", l.text[from:end])
		commas(l.values[len(l.values)-(end-from):])
	}
	g.stsEndpoint()
	g.logrusPair("uid", "uid", u.uid)
	g.logrusPair("username", "username", u.name)
	l.end()
}

// commas turns blanks into commas.
func commas(b []byte) {
	for i := range b {
		if b[i] == ' ' {
			b[i] = ','
		}
	}
}

// denyBrokenToken denies access to somebody whom STS does not know.
func (g *Generator) denyBrokenToken() {
	g.logrus("warning", "access denied")
	g.lines.last().marks |= authenticatorDenied
	g.lines.fact("outcome", "denied")
	g.logrusCall()
	g.logrusPair("error", "error", pick(g, tokenErrors))
	g.lines.str(" method=POST path=/authenticate")
	g.lines.end()
}

var tokenErrors = []string{
	`sts getCallerIdentity failed: error from AWS (expected 200, got 403). Body: {"Error":{"Code":"ExpiredToken","Message":"The security token has run out","Type":"Sender"},"RequestId":"5e7c0d1a"}`,
	`input token was not properly formatted: X-Amz-Date parameter is expired (15 minute expiration) 2026-08-20 09:30:00 +0000 UTC`,
	`input token was not properly formatted: unexpected hostname "sts.example.org" in pre-signed URL`,
}
