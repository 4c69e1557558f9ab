package main

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/loki"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/stretchr/testify/require"
)

// TestStack sends logs through a real Alloy into a real Loki, with a real Prometheus
// beside them, and asks these everything that the dashboards and the alerts ask:
// first while all is well, and then when everything goes wrong.
func TestStack(t *testing.T) {
	s := startStack(t)
	capture, events := generateLogs(t)
	for range 2 { // What was never counted before has no rate.
		require.NoError(t, s.send(t, "DEFAULT", "--generate=1000", "--partial=0.05", "--buffer-records=100"))
		s.scraped(t)
	}
	require.NoError(t, s.send(t, "CONTROLPLANE", "--buffer-records=200", capture))
	t.Run("calm", func(t *testing.T) { s.requireAlerts(t) })
	t.Run("truth", func(t *testing.T) { s.requireTruth(t, events) })

	for range 2 {
		s.cause(t)
		s.scraped(t)
	}
	s.fill(t)
	t.Run("trouble", func(t *testing.T) { s.requireAlerts(t, caused()...) })
	t.Run("variables", func(t *testing.T) { s.requireVariables(t) })
	t.Run("panels", func(t *testing.T) { s.requirePanels(t, true) })

	require.NoError(t, s.send(t, "CONTROLPLANE", auditCapture(t, flood()...)))
	t.Run("flood", func(t *testing.T) {
		err := s.ask(question{logs: true, instant: true, expr: `sum by (user_agent) (count_over_time({log_type="audit"} [1h]))`}, nil)
		require.ErrorContains(t, err, "maximum number of series", "the flood is none")
		s.requirePanels(t, false)
	})
}

// scraped waits until Prometheus has looked at Alloy once more.
func (s *stack) scraped(t *testing.T) {
	t.Helper()
	before := s.lastScrape(t)
	require.Eventually(t, func() bool { return s.lastScrape(t).After(before) }, patience, tick)
}

func (s *stack) lastScrape(t *testing.T) time.Time {
	t.Helper()
	var targets struct {
		Data struct {
			ActiveTargets []struct{ LastScrape time.Time }
		}
	}
	require.NoError(t, get("http://"+s.prometheus+"/api/v1/targets", nil, &targets))
	if len(targets.Data.ActiveTargets) == 0 {
		return time.Time{} // Prometheus takes five seconds to look for them.
	}
	return targets.Data.ActiveTargets[0].LastScrape
}

// question is a query of a panel, as Grafana asks it.
type question struct {
	logs    bool // Of Loki, and not of Prometheus.
	instant bool
	expr    string
}

// questions are those of a panel.
func questions(t *testing.T, p *dashboard.Panel) []question {
	t.Helper()
	var all []question
	for _, target := range p.Targets {
		switch q := target.(type) {
		case prometheus.Dataquery:
			all = append(all, question{expr: q.Expr, instant: q.Instant != nil && *q.Instant})
		case loki.Dataquery:
			all = append(all, question{logs: true, expr: q.Expr, instant: *q.QueryType == string(loki.LokiQueryTypeInstant)})
		default:
			require.Failf(t, "a query of another kind", "%T", target)
		}
	}
	return all
}

// legendOf is how a query names its series.
func legendOf(target any) string {
	switch q := target.(type) {
	case prometheus.Dataquery:
		if q.LegendFormat != nil {
			return *q.LegendFormat
		}
	case loki.Dataquery:
		if q.LegendFormat != nil {
			return *q.LegendFormat
		}
	}
	return ""
}

// chosenValues are those of variables; the ones that are not here are everything.
type chosenValues map[string]string

var everything = chosenValues{"hidden": everybody}

var variableInText = regexp.MustCompile(`\$(\{?[a-z_]+\}?)`)

// interpolate puts values in the place of variables.
func interpolate(expr string, chosen chosenValues) string {
	expr = strings.NewReplacer("$__rate_interval", "5m", "$__auto", "1m", "$__range", "1h").Replace(expr)
	return variableInText.ReplaceAllStringFunc(expr, func(text string) string {
		if value, ok := chosen[text[1:]]; ok {
			return value
		}
		return ".*"
	})
}

// series is one of an answer: numbers, or lines of a log.
type series struct {
	labels  map[string]string
	numbers []float64
	lines   []string
}

// ask asks a question about the time until now, whose variables have been replaced.
func (s *stack) ask(q question, into *[]series) error {
	now := time.Now()
	values, path := url.Values{"query": {q.expr}}, "/query_range"
	if q.instant {
		path = "/query"
		values.Set("time", seconds(now))
	} else {
		values.Set("start", seconds(now.Add(-10*time.Minute)))
		values.Set("end", seconds(now))
		values.Set("step", "2")
		if q.logs {
			values.Set("step", "60")
		}
	}
	address := "http://" + s.prometheus + "/api/v1"
	if q.logs {
		address = "http://" + s.loki + "/loki/api/v1"
	}
	var answer struct {
		Data struct {
			Result []struct {
				Metric, Stream map[string]string
				Value          [2]any
				Values         [][2]any
			}
		}
	}
	if err := get(address+path, values, &answer); err != nil {
		return err
	}
	for _, r := range answer.Data.Result {
		one := series{labels: r.Metric}
		if r.Value[1] != nil {
			r.Values = append(r.Values, r.Value)
		}
		for _, v := range r.Values {
			text := fmt.Sprint(v[1])
			if r.Stream != nil {
				one.lines = append(one.lines, text)
				continue
			}
			n, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return err
			}
			one.numbers = append(one.numbers, n)
		}
		if into != nil {
			*into = append(*into, one)
		}
	}
	return nil
}

func seconds(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }

// mayBeZero are queries for what cannot be brought about from outside, by the panel
// and a word of the query: their answer is there, and is 0.
var mayBeZero = map[string][]string{
	"Partial lines":        {"lost_fragments"},
	"Unhealthy components": {"running_components", "panics"},
}

func (q question) mayBeZero(title string) bool {
	return slices.ContainsFunc(mayBeZero[title], func(word string) bool { return strings.Contains(q.expr, word) })
}

// requirePanels asks every question of every panel: everything, and what variables
// leave. None of the answers may be an error, and with full no panel is empty.
func (s *stack) requirePanels(t *testing.T, full bool) {
	t.Helper()
	asked := 0
	for _, b := range boards() {
		built, err := b.build()
		require.NoError(t, err)
		for _, p := range built.Panels {
			if p.Panel == nil {
				continue
			}
			for _, q := range questions(t, p.Panel) {
				where := b.title + ": " + *p.Panel.Title + ": " + q.expr
				if full {
					require.Eventually(t, func() bool { return s.answers(t, q, *p.Panel.Title, everything) }, patience/3, time.Second, "empty: %s", where)
					s.requireNoError(t, q, chosenValues{"hidden": people, "cluster": "orchard", "namespace": "logging|kube-system", "component": "awsfirehose.kubernetes.default", "user": "a.*", "log_type": "api|audit"})
				} else {
					s.requireNoError(t, q, everything)
				}
				asked++
			}
		}
	}
	t.Logf("%d queries", asked)
	require.Greater(t, asked, 100)
}

// answers tells whether the answer to a question is more than nothing.
func (s *stack) answers(t *testing.T, q question, title string, chosen chosenValues) bool {
	t.Helper()
	zero := q.mayBeZero(title)
	q.expr = interpolate(q.expr, chosen)
	var answer []series
	require.NoError(t, s.ask(q, &answer), q.expr)
	return slices.ContainsFunc(answer, func(a series) bool {
		return len(a.lines) > 0 || slices.ContainsFunc(a.numbers, func(n float64) bool { return n > 0 || zero && n == 0 })
	})
}

func (s *stack) requireNoError(t *testing.T, q question, chosen chosenValues) {
	t.Helper()
	q.expr = interpolate(q.expr, chosen)
	require.NoError(t, s.ask(q, nil), q.expr)
}

var labelValuesQuery = regexp.MustCompile(`^label_values\((\{.*\}), ([a-z_]+)\)$`)

// requireVariables asks for the values of each variable that has a query.
func (s *stack) requireVariables(t *testing.T) {
	t.Helper()
	want := map[string][]string{
		"alloy-eks-deliveries cluster":   {"orchard"},
		"alloy-eks-deliveries namespace": {"logging"},
		"alloy-eks-deliveries component": {
			"awsfirehose.kubernetes.default", "awsfirehose.kubernetes.forwarding", "awsfirehose.kubernetes.full", "awsfirehose.kubernetes.strict",
			"awsfirehose.kubernetes.waiting", "cloudwatch.eks_controlplane.default", "loki.write.copy", "loki.write.strict",
			"loki.write_sync.default", "loki.write_sync.gone", "loki.write_sync.narrow", "loki.write_sync.silent", "loki.write_sync.strict",
		},
		"alloy-eks-audit cluster":          {"harbour-prod", "meadow-prod", "orchard-prod", "quarry-prod"},
		"alloy-eks-control-plane cluster":  {"harbour-prod", "meadow-prod", "orchard-prod", "quarry-prod"},
		"alloy-eks-control-plane log_type": {"api", "audit", "authenticator", "cloudControllerManager", "controllerManager", "scheduler"},
	}
	got := map[string][]string{}
	for _, b := range boards() {
		built, err := b.build()
		require.NoError(t, err)
		for _, v := range built.Templating.List {
			if v.Type != dashboard.VariableTypeQuery {
				continue
			}
			parts := labelValuesQuery.FindStringSubmatch(interpolate(*v.Query.String, everything))
			require.Len(t, parts, 3, *v.Query.String)
			got[b.uid+" "+v.Name] = s.labelValues(t, *v.Datasource.Type == "loki", parts[1], parts[2])
		}
	}
	require.Equal(t, want, got)
}

func (s *stack) labelValues(t *testing.T, logs bool, selector, label string) []string {
	t.Helper()
	address, values := "http://"+s.prometheus+"/api/v1/label/", url.Values{"match[]": {selector}}
	if logs {
		address, values = "http://"+s.loki+"/loki/api/v1/label/", url.Values{"query": {selector}}
	}
	var answer struct{ Data []string }
	require.NoError(t, get(address+label+"/values", values, &answer))
	slices.Sort(answer.Data)
	return answer.Data
}

func isAnswered(ev event) bool { return ev.Fields["stage"] == "ResponseComplete" }

func isError(ev event) bool { return ev.Level == "error" || ev.Level == "fatal" }

func isPerson(ev event) bool {
	return !strings.HasPrefix(ev.Fields["user"], "system:") && !strings.HasPrefix(ev.Fields["user"], "eks:")
}

func succeeded(ev event) bool { return strings.HasPrefix(ev.Fields["response_code"], "2") }

func isChange(ev event) bool {
	return slices.Contains([]string{"create", "update", "patch", "delete", "deletecollection"}, ev.Fields["verb"])
}

// isRead tells that Secrets were read. Of a watch the beginning counts.
func isRead(ev event) bool {
	return ev.SecretRead && (ev.Fields["verb"] != "watch" || ev.Fields["stage"] == "ResponseStarted")
}

// figures are the truth of panels with one number.
var figures = map[string]func(event) bool{
	"Requests":               isAnswered,
	"Denied":                 func(ev event) bool { return ev.Denied },
	"Failed":                 func(ev event) bool { return isAnswered(ev) && strings.HasPrefix(ev.Fields["response_code"], "5") },
	"Sessions in pods":       func(ev event) bool { return ev.Exec && ev.Fields["stage"] == "ResponseStarted" },
	"Secrets read by people": func(ev event) bool { return isRead(ev) && isPerson(ev) },
	"Errors":                 func(ev event) bool { return ev.LogType != "audit" && isError(ev) },
	"Slow requests":          func(ev event) bool { return ev.Fields["source_file"] == "trace.go" },
	"Denied logins":          func(ev event) bool { return ev.AuthenticatorDenied },
	"Panics":                 func(ev event) bool { return ev.Fields["source_file"] == "runtime.go" },
}

// rankings are the truth of panels with the largest of several: what is counted, and
// what is one.
var rankings = map[string]struct {
	counts func(event) bool
	of     func(event) string
}{
	"Users with the most requests":          {isAnswered, who},
	"Users with the most denials":           {func(ev event) bool { return ev.Denied }, who},
	"Users with the most reads":             {isRead, who},
	"Resources that are changed most":       {func(ev event) bool { return isAnswered(ev) && isChange(ev) && succeeded(ev) }, field("resource")},
	"IAM principals with the most requests": {func(ev event) bool { return isAnswered(ev) && ev.Fields["principal_arn"] != "" }, role},
}

func field(name string) func(event) string {
	return func(ev event) string { return ev.Fields[name] }
}

func who(ev event) string {
	if strings.HasPrefix(ev.Fields["user"], "system:node:") {
		return "all nodes"
	}
	return withoutSession(ev.Fields["user"])
}

func role(ev event) string { return withoutSession(ev.Fields["principal_arn"]) }

// withoutSession leaves two parts of the name of an assumed role.
func withoutSession(name string) string {
	if parts := strings.Split(name, "/"); strings.HasSuffix(parts[0], "assumed-role") {
		return strings.Join(parts[:2], "/")
	}
	return name
}

// requireTruth compares panels to what the lines of the control planes hold.
func (s *stack) requireTruth(t *testing.T, events []event) {
	t.Helper()
	compared := 0
	for _, b := range boards() {
		for _, p := range panelsOf(t, b) {
			title := *p.Title
			counts, of := figures[title], func(event) string { return "" }
			if r, ok := rankings[title]; ok {
				counts, of = r.counts, r.of
			}
			if counts == nil {
				continue
			}
			want := map[string]int{}
			for _, ev := range events {
				if counts(ev) {
					want[of(ev)]++
				}
			}
			q := questions(t, p)[0]
			q.expr = interpolate(q.expr, everything)
			var answer []series
			require.NoError(t, s.ask(q, &answer))
			requireLargest(t, want, answer, title)
			compared++
		}
	}
	require.Equal(t, len(figures)+len(rankings), compared)
}

// requireLargest demands that the answer are the largest numbers, the largest first.
func requireLargest(t *testing.T, want map[string]int, answer []series, title string) {
	t.Helper()
	var numbers, largest []int
	for _, a := range answer {
		label := strings.Join(slices.Collect(maps.Values(a.labels)), " ")
		require.Contains(t, want, label, title)
		require.EqualValues(t, want[label], a.numbers[0], "%s: %s", title, label)
		numbers = append(numbers, int(a.numbers[0]))
	}
	for _, n := range slices.Backward(slices.Sorted(maps.Values(want))) {
		largest = append(largest, n)
	}
	require.NotEmpty(t, numbers, title)
	require.Equal(t, largest[:min(15, len(largest))], numbers, title)
}
