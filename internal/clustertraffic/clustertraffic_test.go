package clustertraffic

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/subscription"
)

func newGenerator(t *testing.T, o Options) *Generator {
	t.Helper()
	g, err := New(o)
	require.NoError(t, err)
	return g
}

// message is a message with the truth about it.
type message struct {
	subscription.Message
	events []Event
}

// generate returns that many messages.
func generate(t *testing.T, o Options, messages int) []message {
	t.Helper()
	g := newGenerator(t, o)
	out := make([]message, messages)
	for i := range out {
		m := g.Next()
		m.Events = append([]subscription.Event(nil), m.Events...)
		out[i] = message{m, g.Events()}
		require.Len(t, out[i].events, len(m.Events))
	}
	return out
}

// often makes events that are cut often, and short.
var often = Options{Oversized: 0.05, CutAt: MinCutAt}

func TestGenerator_SameOptionsSameBytes(t *testing.T) {
	f := func(o Options, want string) {
		t.Helper()
		for range 2 {
			g, hash := newGenerator(t, o), sha256.New()
			enc := subscription.NewEncoder(subscription.Decompressed)
			for range 200 {
				record, err := enc.AppendRecord(nil, g.Next())
				require.NoError(t, err)
				hash.Write(record)
				require.NoError(t, json.NewEncoder(hash).Encode(g.Events()))
			}
			require.Equal(t, want, hex.EncodeToString(hash.Sum(nil)[:8]))
		}
	}
	f(Options{}, "3582fd2d23440eec")
	f(Options{Seed: 1}, "662192a7dd440afb")
	f(Options{Clusters: 7, Centralised: 3, Region: "eu-central-1", Batch: 5, Oversized: 0.1, CutAt: 20_000, Interval: time.Second}, "44bf985f0542ec61")
}

func TestGenerator_Streams(t *testing.T) {
	type key struct{ cluster, logType string }
	stream := regexp.MustCompile(`^([a-z-]+)-([0-9a-f]{32})$`)
	prefixes := map[string]string{
		"kube-apiserver-audit": "audit", "kube-apiserver": "api", "authenticator": "authenticator", "kube-controller-manager": "controllerManager",
		"kube-scheduler": "scheduler", "cloud-controller-manager": "cloudControllerManager",
	}
	ids, accounts, origins := map[key]map[string]bool{}, map[string]string{}, map[string]bool{}
	for _, m := range generate(t, Options{Clusters: 5, Centralised: 2, Region: "eu-west-3"}, 6000) {
		e := m.events[0]
		parts := stream.FindStringSubmatch(m.LogStream)
		require.Len(t, parts, 3, m.LogStream)
		require.Equal(t, prefixes[parts[1]], e.LogType)
		require.Equal(t, parts[2], e.Instance)
		require.Equal(t, "/aws/eks/"+e.Cluster+"/cluster", m.LogGroup)
		if e.Centralised {
			require.Equal(t, []string{archiveAccount, e.Account, e.Region}, []string{m.Owner, m.Account, m.Region})
			require.NotEqual(t, "eu-west-3", e.Region)
		} else {
			require.Equal(t, []string{e.Account, "", "", "eu-west-3"}, []string{m.Owner, m.Account, m.Region, e.Region})
		}
		for i, other := range m.events {
			require.Equal(t, []string{m.LogGroup, m.LogStream, e.Cluster, e.Account}, []string{other.LogGroup, other.LogStream, other.Cluster, other.Account})
			require.Equal(t, subscription.Event{Time: other.Millis, Text: other.Message}, m.Events[i])
		}
		k := key{e.Cluster, e.LogType}
		if ids[k] == nil {
			ids[k] = map[string]bool{}
		}
		ids[k][e.Instance] = true
		accounts[e.Cluster] = e.Account
		origins[e.Account+e.Region] = true
	}
	require.Len(t, accounts, 5)
	require.Greater(t, len(origins), 3)
	require.Len(t, ids, 5*6)
	rotated := 0
	for k, of := range ids {
		if k.logType == "audit" || k.logType == "api" || k.logType == "authenticator" { // Both instances write them.
			require.Greater(t, len(of), 1)
			rotated += len(of) - instances
		}
	}
	require.Positive(t, rotated)
}

// TestGenerator_Times checks times against the lines before, and against those
// of CloudWatch.
func TestGenerator_Times(t *testing.T) {
	o := Options{Interval: 3 * time.Millisecond}
	last := map[string]time.Time{}
	var newest time.Time
	cut := 0
	for _, m := range generate(t, o, 3000) {
		millis := int64(0)
		for i, e := range m.events {
			require.GreaterOrEqual(t, e.Millis, millis, "CloudWatch's times are in order")
			millis = e.Millis
			after := time.UnixMilli(e.Millis).Sub(e.Time)
			require.Less(t, after, 8*time.Second)
			switch {
			case e.LogType == "audit":
				require.Positive(t, after)
			case e.LogType == "authenticator":
				require.Positive(t, after)
				require.Zero(t, e.Time.Nanosecond())
			case after <= 0:
				cut++
				require.Equal(t, e.Time.Truncate(time.Second).UnixMilli(), e.Millis)
			}
			switch before := last[e.LogStream]; {
			case e.Headless:
				require.Positive(t, i)
				require.Equal(t, m.events[i-1].Time, e.Time)
				require.Equal(t, m.events[i-1].Level, e.Level)
			case e.LogType == "authenticator" || e.Truncated:
				require.False(t, e.Time.Before(before))
			case e.LogType == "api": // The etcd client cuts to the millisecond.
				require.Greater(t, e.Time.Sub(before), -time.Millisecond)
			default:
				require.True(t, e.Time.After(before))
			}
			last[e.LogStream] = e.Time
			newest = maxTime(newest, e.Time)
			require.GreaterOrEqual(t, e.Time.Unix(), DefaultStart.Unix())
		}
	}
	require.Greater(t, cut, 1000)
	span := newest.Sub(DefaultStart)
	require.InDelta(t, o.Span(3000).Seconds(), span.Seconds(), 0.1*span.Seconds())
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func TestGenerator_Shares(t *testing.T) {
	size, count, all := map[string]float64{}, map[string]float64{}, 0.0
	for _, m := range generate(t, Options{}, 8000) {
		for _, e := range m.events {
			size[e.LogType] += float64(len(e.Message))
			count[e.LogType]++
			all++
		}
	}
	bytes := 0.0
	for _, n := range size {
		bytes += n
	}
	require.InDelta(t, 0.85, size["audit"]/bytes, 0.05)
	require.InDelta(t, 2200, size["audit"]/count["audit"], 500)
	for k := range components {
		require.InDelta(t, float64(shares[k])/100, count[logTypes[k]]/all, 0.03, logTypes[k])
	}
}

// auditEvent is an audit event as encoding/json reads it.
type auditEvent struct {
	Level, AuditID, Stage, RequestURI, Verb string
	User                                    struct {
		Username string
		Groups   []string
		Extra    map[string][]string
	}
	ImpersonatedUser struct {
		Username string
		Groups   []string
	}
	SourceIPs       []string
	UserAgent       string
	ObjectRef       struct{ Resource, Subresource, Namespace, Name, APIGroup string }
	ResponseStatus  struct{ Code int }
	RequestReceived string    `json:"requestReceivedTimestamp"`
	Stamp           time.Time `json:"stageTimestamp"`
	Annotations     map[string]string
}

func (a *auditEvent) fields() map[string]string {
	first := func(list []string) string { return strings.Join(list[:min(len(list), 1)], "") }
	fields := map[string]string{
		"audit_id": a.AuditID, "stage": a.Stage, "verb": a.Verb, "request_uri": a.RequestURI, "policy_level": a.Level,
		"user": a.User.Username, "groups": strings.Join(a.User.Groups, ","), "impersonated_user": a.ImpersonatedUser.Username,
		"impersonated_groups": strings.Join(a.ImpersonatedUser.Groups, ","),
		"principal_arn":       first(a.User.Extra["arn"]), "session_name": first(a.User.Extra["sessionName"]),
		"source_ips": strings.Join(a.SourceIPs, ","), "user_agent": a.UserAgent,
		"resource": a.ObjectRef.Resource, "subresource": a.ObjectRef.Subresource, "namespace": a.ObjectRef.Namespace,
		"name": a.ObjectRef.Name, "api_group": a.ObjectRef.APIGroup, "response_code": fmt.Sprint(a.ResponseStatus.Code),
		"decision": a.Annotations["authorization.k8s.io/decision"], "reason": a.Annotations["authorization.k8s.io/reason"],
		"request_received": a.RequestReceived, "truncated": a.Annotations["audit.k8s.io/truncated"],
	}
	for name, value := range fields {
		if value == "" {
			delete(fields, name)
		}
	}
	return fields
}

// TestEvents_Audit reads the audit events with encoding/json and finds in them
// what the truth says.
func TestEvents_Audit(t *testing.T) {
	seen := map[string]int{}
	for _, m := range generate(t, Options{}, 3000) {
		for _, e := range m.events {
			if e.LogType != "audit" || !json.Valid([]byte(e.Message)) {
				continue
			}
			var a auditEvent
			require.NoError(t, json.Unmarshal([]byte(e.Message), &a))
			require.Equal(t, a.fields(), e.Fields)
			require.True(t, e.HasTime)
			require.Equal(t, a.Stamp, e.Time)
			require.Len(t, e.Fields["request_received"], len("2006-01-02T15:04:05.000000Z"))

			code, o := a.ResponseStatus.Code, a.ObjectRef
			require.Equal(t, e.Fields["decision"] == "forbid", e.Denied)
			require.Equal(t, o.Resource == "pods" && o.Subresource == "exec", e.Exec)
			require.Equal(t, a.User.Username == "system:anonymous", e.Anonymous)
			require.Equal(t, o.Resource == "secrets" && code < 300 && (a.Verb == "get" || a.Verb == "list" || a.Verb == "watch"), e.SecretRead)
			require.Equal(t, e.Fields["truncated"] == "true", e.Truncated)
			switch {
			case code >= 500:
				require.Equal(t, "error", e.Level)
			case code >= 400:
				require.Equal(t, "warn", e.Level)
			default:
				require.Equal(t, "info", e.Level)
			}
			seen[fmt.Sprintf("code %d", code)]++
			seen["stage "+a.Stage]++
			seen["policy "+a.Level]++
			for name, is := range map[string]bool{
				"denied": e.Denied, "exec": e.Exec, "exec denied": e.Exec && e.Denied, "anonymous": e.Anonymous, "anonymous denied": e.Anonymous && e.Denied,
				"secret read": e.SecretRead, "impersonated": a.ImpersonatedUser.Username != "", "truncated": e.Truncated, "403 allowed": code == 403 && !e.Denied,
				"secrets": len(e.Secrets) > 0, "proxy": len(a.SourceIPs) > 1, "principal": e.Fields["principal_arn"] != "",
			} {
				if is {
					seen[name]++
				}
			}
		}
	}
	for _, what := range []string{
		"code 101", "code 200", "code 201", "code 401", "code 403", "code 404", "code 409", "code 429", "code 500", "code 504",
		"stage ResponseStarted", "stage ResponseComplete", "stage Panic", "policy Metadata", "policy Request", "policy RequestResponse",
		"denied", "exec", "exec denied", "anonymous", "anonymous denied", "secret read", "impersonated", "truncated", "403 allowed", "secrets", "proxy", "principal",
	} {
		require.NotZero(t, seen[what], what)
	}
}

// TestEvents_Exec checks that an exec into a pod has a start and, later, an end.
func TestEvents_Exec(t *testing.T) {
	started, ended := map[string]Event{}, 0
	for _, m := range generate(t, Options{}, 8000) {
		for _, e := range m.events {
			if !e.Exec || e.Denied {
				continue
			}
			id := e.Fields["audit_id"]
			if e.Fields["stage"] == "ResponseStarted" {
				started[id] = e
				continue
			}
			ended++
			start, ok := started[id]
			require.True(t, ok)
			require.True(t, e.Time.After(start.Time))
			e.Fields["stage"] = "ResponseStarted"
			require.Equal(t, start.Fields, e.Fields)
		}
	}
	require.Greater(t, ended, 50)
	require.Greater(t, len(started), ended, "some go on")
}

func TestEvents_Cut(t *testing.T) {
	heads, tails := 0, 0
	for _, m := range generate(t, often, 2000) {
		for i, e := range m.events {
			if e.LogType != "audit" || json.Valid([]byte(e.Message)) {
				require.LessOrEqual(t, len(e.Message), MinCutAt)
				continue
			}
			require.True(t, e.Truncated)
			require.Equal(t, "true", e.Fields["truncated"])
			if e.HasTime {
				tails++
				require.Equal(t, m.events[i-1].Time, e.Time)
				require.Empty(t, e.Level)
				require.Len(t, e.Fields, 4, "%v", e.Fields)
				continue
			}
			heads++
			require.Len(t, e.Message, MinCutAt)
			require.True(t, strings.HasSuffix(e.Message, truncationMark))
			require.Equal(t, "info", e.Level)
			require.Empty(t, e.Fields["decision"])
			require.NotEmpty(t, e.Fields["response_code"])
		}
	}
	require.Greater(t, heads, 50)
	require.Greater(t, tails, 10)
	require.Greater(t, heads, tails)
}

// TestEvents_Secrets checks that secrets stand in one event only, and that
// nothing else in it has their look.
func TestEvents_Secrets(t *testing.T) {
	look := regexp.MustCompile(`(k8s-aws-v1\.|eyJ)[\w.-]+`)
	all, messages := map[string]bool{}, 0
	for _, m := range generate(t, often, 500) {
		for _, e := range m.events {
			for _, s := range e.Secrets {
				require.GreaterOrEqual(t, len(s), 24)
				require.Equal(t, 1, strings.Count(e.Message, s))
				require.False(t, all[s])
				all[s] = true
			}
			if e.LogType == "audit" && !e.Truncated {
				require.Equal(t, look.FindAllString(e.Message, -1), look.FindAllString(strings.Join(e.Secrets, "\n"), -1))
			}
			if len(e.Secrets) > 0 {
				messages++
			}
		}
	}
	require.Greater(t, messages, 100)
}

// TestGenerator_MessagesFitIntoRecords checks the longest messages against the
// limit of a Firehose record.
func TestGenerator_MessagesFitIntoRecords(t *testing.T) {
	const limit = 1_024_000
	enc := subscription.NewEncoder(subscription.Decompressed)
	g := newGenerator(t, Options{Oversized: 0.2, CutAt: MaxCutAt, Batch: MaxBatch})
	longest := 0
	for range 200 {
		record, err := enc.AppendRecord(nil, g.Next())
		require.NoError(t, err)
		longest = max(longest, len(record))
	}
	require.Less(t, longest, limit)
	require.Greater(t, longest, limit/2)
}

func TestGenerator_Allocations(t *testing.T) {
	g := newGenerator(t, Options{})
	for range 500 {
		g.Next()
	}
	// The text, and now and then a slice that grows.
	require.LessOrEqual(t, testing.AllocsPerRun(500, func() { g.Next() }), 12.0)
}

func TestNew_Failure(t *testing.T) {
	f := func(o Options, want string) {
		t.Helper()
		_, err := New(o)
		require.ErrorContains(t, err, want)
	}
	f(Options{Clusters: -1}, "number of clusters -1")
	f(Options{Clusters: MaxClusters + 1}, "number of clusters 1001")
	f(Options{Centralised: -1}, "number of centralised clusters -1 is not between 0 and 3")
	f(Options{Clusters: 2, Centralised: 3}, "number of centralised clusters 3 is not between 0 and 2")
	f(Options{Region: "somewhere"}, `"somewhere" is no AWS region`)
	f(Options{Region: "us-east-1/" + strings.Repeat("x", 100)}, `"us-east-1/xxxxxx`)
	f(Options{Batch: -1}, "batch of -1 events")
	f(Options{Batch: MaxBatch + 1}, "batch of 1001 events")
	f(Options{Oversized: 1.1}, "share of oversized events 1.1")
	f(Options{Oversized: math.NaN()}, "share of oversized events NaN")
	f(Options{CutAt: MinCutAt - 1}, "length 16383")
	f(Options{CutAt: MaxCutAt + 1}, "length 393217")
	f(Options{Interval: -1}, "interval -1ns")
}

func TestNew_ManyClusters(t *testing.T) {
	g := newGenerator(t, Options{Clusters: MaxClusters, Centralised: MaxClusters})
	names := map[string]bool{}
	for _, c := range g.clusters {
		names[c.name] = true
	}
	require.Len(t, names, MaxClusters)
	require.True(t, bytes.HasPrefix([]byte(g.clusters[30].name), []byte("harbour-prod-2")))
}

func TestNeedsQuotes(t *testing.T) {
	f := func(in string, want bool) {
		t.Helper()
		require.Equal(t, want, needsQuotes(in))
	}
	f("", false)
	f("ada@example.com", false)
	f("aZ09-._/@^+", false)
	f("arn:aws", true)
	f("a b", true)
	f("a=b", true)
	f(`"`, true)
}
