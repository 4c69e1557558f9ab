package endtoend

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/clustertraffic"
	"github.com/grafana/alloy/eks/internal/subscription"
)

// question is what a query of the component's page asks, in terms of the truth
// about the events.
type question struct {
	// counts tells which events the answer is about.
	counts func(*clustertraffic.Event) bool
	// line makes a line of the answer of such an event, where that has lines.
	line func(*clustertraffic.Event) string
	// by are the labels of numbers; top is how many there are at most, 0 for all of
	// them. A number is that of the events, or the sum of what weigh says of each,
	// for each second of perSecond, or out of those that of tells.
	by        []string
	top       int
	weigh     func(*clustertraffic.Event) int
	perSecond time.Duration
	of        func(*clustertraffic.Event) bool
	// longest makes the number the longest of these times, in seconds.
	longest func(*clustertraffic.Event) time.Duration
	// more are labels that the query takes out of the line.
	more func(*clustertraffic.Event) map[string]string
}

// questions are the queries on the component's page.
var questions = map[string]question{
	`topk(20, sum by (cluster, user, verb, resource, subresource, namespace) (count_over_time({cluster=~".+", log_type="audit"} | decision="forbid" [1h])))`: {
		counts: func(ev *clustertraffic.Event) bool { return ev.Denied },
		by:     []string{"cluster", "user", "verb", "resource", "subresource", "namespace"}, top: 20,
	},
	`{cluster=~".+", log_type="audit", level="warn"} | decision="forbid" | line_format "{{.user}} ({{.principal_arn}}) from {{.source_ips}} must not {{.verb}} {{.request_uri}}"`: {
		counts: func(ev *clustertraffic.Event) bool { return ev.Denied },
		line:   format("%s (%s) from %s must not %s %s", "user", "principal_arn", "source_ips", "verb", "request_uri"),
	},
	`{cluster=~".+", log_type="audit"} | resource="pods" | subresource=~"exec|attach" | stage="ResponseStarted" | line_format "{{.user}} ({{.principal_arn}}) in {{.namespace}}/{{.name}}: {{.request_uri}}"`: {
		counts: func(ev *clustertraffic.Event) bool { return ev.Exec && ev.Fields["stage"] == "ResponseStarted" },
		line:   format("%s (%s) in %s/%s: %s", "user", "principal_arn", "namespace", "name", "request_uri"),
	},
	`sum by (cluster, user, verb, namespace) (count_over_time({cluster=~".+", log_type="audit"} | resource="secrets" | verb=~"get|list|watch" | response_code=~"2.." | verb!="watch" or stage="ResponseStarted" [1h]))`: {
		counts: func(ev *clustertraffic.Event) bool {
			return ev.SecretRead && (ev.Fields["verb"] != "watch" || ev.Fields["stage"] == "ResponseStarted")
		},
		by: []string{"cluster", "user", "verb", "namespace"},
	},
	`{cluster=~".+", log_type="audit"} | resource="secrets" | verb="get" | response_code="200" | user!~"system:.+|eks:.+" | line_format "{{.user}} ({{.session_name}}) read {{.namespace}}/{{.name}}"`: {
		counts: func(ev *clustertraffic.Event) bool {
			return ev.SecretRead && ev.Fields["verb"] == "get" && isPerson(ev)
		},
		line: format("%s (%s) read %s/%s", "user", "session_name", "namespace", "name"),
	},
	`sum by (cluster, source_ips, request_uri, response_code) (count_over_time({cluster=~".+", log_type="audit"} | user="system:anonymous" | request_uri!~"/(healthz|livez|readyz|version).*" [1h]))`: {
		counts: func(ev *clustertraffic.Event) bool {
			return ev.Anonymous && !slices.Contains([]string{"/healthz", "/readyz", "/version"}, ev.Fields["request_uri"])
		},
		by: []string{"cluster", "source_ips", "request_uri", "response_code"},
	},
	`sum by (cluster, user, impersonated_user, verb, resource) (count_over_time({cluster=~".+", log_type="audit"} | impersonated_user!="" | stage="ResponseComplete" [1h]))`: {
		counts: func(ev *clustertraffic.Event) bool {
			return ev.Fields["impersonated_user"] != "" && ev.Fields["stage"] == "ResponseComplete"
		},
		by: []string{"cluster", "user", "impersonated_user", "verb", "resource"},
	},
	`sum by (cluster, user, verb, resource, namespace) (count_over_time({cluster=~".+", log_type="audit"} | verb=~"create|update|patch|delete|deletecollection" | stage="ResponseComplete" | response_code=~"2.." | user!~"system:.+|eks:.+" [1h]))`: {
		counts: func(ev *clustertraffic.Event) bool {
			verbs := []string{"create", "update", "patch", "delete", "deletecollection"}
			return slices.Contains(verbs, ev.Fields["verb"]) && ev.Fields["stage"] == "ResponseComplete" &&
				strings.HasPrefix(ev.Fields["response_code"], "2") && isPerson(ev)
		},
		by: []string{"cluster", "user", "verb", "resource", "namespace"},
	},
	`sum by (cluster, arn, error) (count_over_time({cluster=~".+", log_type="authenticator"} | outcome="denied" [1h]))`: {
		counts: func(ev *clustertraffic.Event) bool { return ev.AuthenticatorDenied },
		by:     []string{"cluster", "arn", "error"},
	},
	`sum by (cluster, arn, username, groups) (count_over_time({cluster=~".+", log_type="authenticator"} | outcome="granted" [1h]))`: {
		counts: func(ev *clustertraffic.Event) bool { return ev.Fields["outcome"] == "granted" },
		by:     []string{"cluster", "arn", "username", "groups"},
	},
	`sum by (cluster, log_type) (rate({cluster=~".+", log_type=~".+", level=~"error|fatal"} [5m]))`: {
		counts: isError, by: []string{"cluster", "log_type"}, perSecond: 5 * time.Minute,
	},
	`sum by (cluster, log_type) (rate({cluster=~".+", log_type=~".+", level=~"error|fatal"} [5m])) / sum by (cluster, log_type) (rate({cluster=~".+", log_type=~".+"} [5m]))`: {
		counts: isError, by: []string{"cluster", "log_type"}, of: anything,
	},
	`{cluster=~".+", log_type=~".+", level=~"error|fatal"}`: {
		counts: isError, line: redacted,
	},
	`sum by (cluster, verb, resource, response_code) (count_over_time({cluster=~".+", log_type="audit"} | response_code=~"5..|429" [1h]))`: {
		counts: func(ev *clustertraffic.Event) bool {
			code := ev.Fields["response_code"]
			return ev.LogType == "audit" && (code == "429" || code >= "500")
		},
		by: []string{"cluster", "verb", "resource", "response_code"},
	},
	`topk(10, sum by (cluster, log_type, source_file, source_line) (count_over_time({cluster=~".+", log_type=~"api|scheduler|controllerManager|cloudControllerManager", level=~"warn|error|fatal"} | source_file!="" [1h])))`: {
		counts: func(ev *clustertraffic.Event) bool {
			return ev.Fields["source_file"] != "" && ev.LogType != "audit" && ev.LogType != "authenticator" && ev.Level != "info"
		},
		by: []string{"cluster", "log_type", "source_file", "source_line"}, top: 10,
	},
	`topk(10, sum by (cluster, user) (count_over_time({cluster=~".+", log_type="audit"} | stage="ResponseComplete" [1h])))`: {
		counts: func(ev *clustertraffic.Event) bool { return ev.Fields["stage"] == "ResponseComplete" },
		by:     []string{"cluster", "user"}, top: 10,
	},
	`sum by (cluster, log_type) (bytes_rate({cluster=~".+", log_type=~".+"} [5m]))`: {
		counts: anything, by: []string{"cluster", "log_type"}, perSecond: 5 * time.Minute,
		weigh: func(ev *clustertraffic.Event) int { return len(redacted(ev)) },
	},
	`{cluster=~".+", log_type=~".+", level=~"error|fatal"} | json text="msg", cause="error", klog_cause="err" | line_format "{{.log_type}}: {{.text}} {{.cause}}{{.klog_cause}}"`: {
		counts: isError,
		line: func(ev *clustertraffic.Event) string {
			return fmt.Sprintf("%s: %s %s%s", ev.LogType, message(ev), ev.Fields["error"], klogPairs(ev)["err"])
		},
	},
	`topk(10, max_over_time({cluster=~".+", log_type="api"} | json verb="verb", latency="latency" | latency!="" | unwrap duration(latency) | __error__="" [1h]) by (cluster, verb))`: {
		counts: func(ev *clustertraffic.Event) bool { return ev.Fields["source_file"] == "httplog.go" },
		more:   klogPairs, by: []string{"cluster", "verb"}, top: 10,
		longest: func(ev *clustertraffic.Event) time.Duration {
			latency, err := time.ParseDuration(klogPairs(ev)["latency"])
			if err != nil {
				panic(err)
			}
			return latency
		},
	},
}

// message returns what the JSON form of a line has as its message.
func message(ev *clustertraffic.Event) string {
	if text, ok := ev.Fields["msg"]; ok {
		return text
	}
	switch {
	case ev.LogType == "audit":
		return strings.TrimSpace(ev.Fields["verb"] + " " + ev.Fields["request_uri"] + " " + ev.Fields["response_code"])
	case ev.Headless:
		return ev.Message
	}
	_, text, _ := strings.Cut(ev.Message, "] ")
	return text
}

// klogPair is a pair of a klog line whose value is quoted, or is to follow on lines
// of its own.
var klogPair = regexp.MustCompile(`(\w+)=("(?:[^"\\]|\\.)*"|<$)`)

// klogPairs returns those of a line.
func klogPairs(ev *clustertraffic.Event) map[string]string {
	pairs := map[string]string{}
	if ev.Fields["thread_id"] == "" {
		return pairs
	}
	for _, m := range klogPair.FindAllStringSubmatch(ev.Message, -1) {
		value, err := strconv.Unquote(m[2])
		if err != nil {
			value = m[2]
		}
		pairs[m[1]] = value
	}
	return pairs
}

// format returns what line_format makes of fields.
func format(text string, fields ...string) func(*clustertraffic.Event) string {
	return func(ev *clustertraffic.Event) string {
		var values []any
		for _, name := range fields {
			values = append(values, ev.Fields[name])
		}
		return fmt.Sprintf(text, values...)
	}
}

// queriesOf returns the queries on the page of the component.
func queriesOf(t *testing.T) []string {
	t.Helper()
	page, err := os.ReadFile(root + "/component/cloudwatch/ekscontrolplane/README.md")
	require.NoError(t, err)
	var queries []string
	for _, block := range regexp.MustCompile("(?s)```logql\n(.*?)\n```").FindAllSubmatch(page, -1) {
		queries = append(queries, string(block[1]))
	}
	return queries
}

// TestControlPlane_Queries asks Loki each query on the component's page, over all
// six logs of several clusters, and compares the answer with the truth. Those that
// parse lines are for lines in the form of JSON.
func TestControlPlane_Queries(t *testing.T) {
	t.Parallel()
	g := generateLogs(t, 1500, clustertraffic.Options{Clusters: 3, Centralised: 1})
	raw := sharedLoki(t)
	flat := raw.named("json")
	startControlPlane(t, raw, "").deliverLogs(t, g, subscription.Gzip, byCount(recordsPerDelivery))
	startControlPlane(t, flat, `line_format = "json"`).deliverLogs(t, g, subscription.Gzip, byCount(recordsPerDelivery))

	events := g.all()
	queries := queriesOf(t)
	require.ElementsMatch(t, sortedKeys(questions), queries)
	for _, query := range queries {
		q, loki := questions[query], raw
		if strings.Contains(query, "| json") {
			loki = flat
		}
		if q.line != nil {
			got, want := loki.answerLines(t, query), q.lines(events)
			require.NotEmpty(t, want, query)
			require.Equal(t, want, got, query)
			continue
		}
		q.check(t, query, events, loki.vector(t, query, events[0].Time.Add(4*time.Minute)))
	}
	t.Logf("%d queries over %d events", len(queries), len(events))
}

// lines returns the lines of the answer, each with its time.
func (q *question) lines(events []clustertraffic.Event) []string {
	var lines []string
	for i := range events {
		if ev := &events[i]; q.counts(ev) {
			lines = append(lines, fmt.Sprint(ev.Time.UnixNano(), " ", q.line(ev)))
		}
	}
	slices.Sort(lines)
	return lines
}

func (n *tenant) answerLines(t *testing.T, query string) []string {
	t.Helper()
	var lines []string
	for _, e := range n.entries(t, query) {
		lines = append(lines, fmt.Sprint(e.Nanos, " ", e.Line))
	}
	slices.Sort(lines)
	return lines
}

// check compares the numbers of an answer with the truth.
func (q *question) check(t *testing.T, query string, events []clustertraffic.Event, got map[string]float64) {
	t.Helper()
	want := q.numbers(events)
	require.NotEmpty(t, want, query)
	if q.top > 0 && len(want) > q.top {
		// Of those with the same number any may be among the first.
		least := slices.Sorted(maps.Values(want))[len(want)-q.top]
		require.Len(t, got, q.top, query)
		for labels, n := range want {
			if _, ok := got[labels]; n < least || n == least && !ok {
				delete(want, labels)
			}
		}
	}
	require.ElementsMatch(t, sortedKeys(want), sortedKeys(got), query)
	require.InDeltaMapValues(t, want, got, 1e-6, query)
}

// numbers returns the true answer.
func (q *question) numbers(events []clustertraffic.Event) map[string]float64 {
	numbers, all := map[string]float64{}, map[string]float64{}
	for i := range events {
		ev := &events[i]
		own := map[string]string{"cluster": ev.Cluster, "log_type": ev.LogType}
		var more map[string]string
		if q.more != nil {
			more = q.more(ev)
		}
		labels := group(q.by, own, ev.Fields, more)
		if q.of != nil && q.of(ev) {
			all[labels]++
		}
		switch {
		case !q.counts(ev):
		case q.longest != nil:
			numbers[labels] = max(numbers[labels], q.longest(ev).Seconds())
		case q.weigh != nil:
			numbers[labels] += float64(q.weigh(ev))
		default:
			numbers[labels]++
		}
	}
	for labels := range numbers {
		if q.of != nil {
			numbers[labels] /= all[labels]
		}
		if q.perSecond > 0 {
			numbers[labels] /= q.perSecond.Seconds()
		}
	}
	return numbers
}
