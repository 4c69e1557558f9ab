package clustertraffic

import "time"

// Event is the truth about one generated log event: what a receiver should find.
// Its JSON form is that of the files that `firehose generate --truth` writes.
type Event struct {
	// Cluster is the name of the cluster, Account and Region are its own. A
	// message tells the region only if Centralised is set; it is that of the
	// Firehose stream otherwise.
	Cluster     string `json:"cluster"`
	Account     string `json:"account"`
	Region      string `json:"region"`
	Centralised bool   `json:"centralised,omitempty"`
	// LogGroup and LogStream are where the event was read; Instance is the id of
	// the control-plane instance in the name of the stream.
	LogGroup  string `json:"log_group"`
	LogStream string `json:"log_stream"`
	Instance  string `json:"instance"`
	// LogType is api, audit, authenticator, controllerManager, scheduler or
	// cloudControllerManager.
	LogType string `json:"log_type"`
	// Millis is CloudWatch's event time in milliseconds since the epoch. For
	// lines of klog it is mostly Time cut to the second, hence before it; for
	// others it is when the line was taken in, up to some seconds after it.
	Millis int64 `json:"millis"`
	// Message is the text of the event.
	Message string `json:"message"`
	// Time is when the line was written, as precise as the line states it:
	// microseconds, of the authenticator seconds, of the etcd client
	// milliseconds or microseconds. HasTime is false when that was cut off; Time
	// is then what is missing.
	Time    time.Time `json:"time"`
	HasTime bool      `json:"has_time"`
	// Level is info, warn, error or fatal. Of an audit event it is derived:
	// error for a panic and for answers of 500 and above, warn for answers of
	// 400 and above and for what was forbidden, otherwise info. It is empty when
	// what it derives from was cut off.
	Level string `json:"level,omitempty"`
	// Fields are the fields that a receiver finds, by the names that package
	// controlplane documents: these and no others.
	Fields map[string]string `json:"fields"`
	// Secrets are texts in Message that nobody must see: what the data of
	// Secrets hold, and tokens. They occur nowhere else.
	Secrets []string `json:"secrets,omitempty"`

	// Denied is an audit event of a request that the authorizer forbade; it was
	// answered 403. There are other answers of 403, of admission.
	Denied bool `json:"denied,omitempty"`
	// Exec is an audit event of an exec into a pod. One that was allowed has two
	// of them, at its start and its end, with one audit id.
	Exec bool `json:"exec,omitempty"`
	// Anonymous is an audit event of the user system:anonymous.
	Anonymous bool `json:"anonymous,omitempty"`
	// SecretRead is an audit event of a get, list or watch of Secrets that was
	// allowed.
	SecretRead bool `json:"secret_read,omitempty"`
	// AuthenticatorDenied is a line of the authenticator by which it denied
	// access.
	AuthenticatorDenied bool `json:"authenticator_denied,omitempty"`
	// Headless is a line without a header of its own, which takes time and level
	// of the line before it. That stands in the same message.
	Headless bool `json:"headless,omitempty"`
	// Truncated is an audit event of which a part is missing: the end, cut off by
	// CloudWatch Logs; the beginning, where the end comes as an event by itself;
	// or the objects, left out by the API server.
	Truncated bool `json:"truncated,omitempty"`
}

// Events returns the truth about the message that Next returned last, event by
// event. The result is the caller's.
func (g *Generator) Events() []Event {
	c, s, l := g.stream.cluster, g.stream, &g.lines
	values := string(l.values)
	events := make([]Event, len(l.drafts))
	for i := range l.drafts {
		d := &l.drafts[i]
		e := &events[i]
		*e = Event{
			Cluster: c.name, Account: c.account, Region: c.region, Centralised: c.centralised,
			LogGroup: c.logGroup, LogStream: s.name, Instance: s.instance, LogType: logTypes[s.component],
			Millis: d.millis, Message: g.text[d.from:d.to],
			Time: time.Unix(0, d.time).UTC(), HasTime: !d.is(timeCut), Level: d.level,
			Fields: make(map[string]string, d.factsTo-d.factsFrom),
			Denied: d.is(denied), Exec: d.is(exec), Anonymous: d.is(anonymous), SecretRead: d.is(secretRead),
			AuthenticatorDenied: d.is(authenticatorDenied), Headless: d.is(headless), Truncated: d.is(truncated),
		}
		for _, f := range l.facts[d.factsFrom:d.factsTo] {
			if f.value == "" {
				f.value = values[f.from:f.to]
			}
			e.Fields[f.name] = f.value
		}
		for _, secret := range l.secrets[d.secretsFrom:d.secretsTo] {
			e.Secrets = append(e.Secrets, g.text[secret.from:secret.to])
		}
	}
	return events
}
