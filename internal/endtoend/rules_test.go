package endtoend

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/grafana/alloy/eks/internal/clustertraffic"
	"github.com/grafana/alloy/eks/internal/subscription"
)

// rulesFolder holds the rules for Loki's ruler.
const rulesFolder = root + "/operations/loki"

// ruler makes a Loki evaluate the rules in a folder, which has one for each tenant.
const ruler = `ruler:
  enable_api: true
  rule_path: %[1]s/ruler
  wal: {dir: %[1]s/ruler-wal}
  storage: {type: local, local: {directory: %[1]s/rules}}
`

// TestRules lets the ruler of a real Loki evaluate the rules, and compares its
// alerts with what the traffic holds: of all that they are for, of nothing of that,
// and of clusters that have gone silent.
func TestRules(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"busy", "calm", "silent"} {
		installRules(t, filepath.Join(dir, "rules", t.Name()+"-"+name))
	}
	l, err := startLoki(dir, lenient+fmt.Sprintf(ruler, dir))
	require.NoError(t, err)
	t.Cleanup(func() { l.Kill() })
	loki := newTenant(t, l)

	now := time.Now()
	f := func(name string, g *logged) (fired []string) {
		t.Helper()
		n := loki.named(name)
		startControlPlane(t, n, "").deliverLogs(t, g, subscription.Gzip, byCount(recordsPerDelivery))
		want := expectedAlerts(g.all(), now)
		n.requireAlerts(t, want)
		t.Logf("%s: %d alerts of %d events", name, len(want), len(g.all()))
		for _, alert := range want {
			name, _, _ := strings.Cut(alert, " ")
			fired = append(fired, name)
		}
		slices.Sort(fired)
		return slices.Compact(fired)
	}
	fired := f("busy", busyTraffic(t, now))
	require.Empty(t, f("calm", busyTraffic(t, now).filter(calm)))
	fired = append(fired, f("silent", silentTraffic(t, now))...)
	// Each alert has been seen.
	require.ElementsMatch(t, sortedKeys(causes), fired)
}

// installRules copies the rules to a folder. They are evaluated so often, and
// whatever they find is taken seriously so soon, that a test can wait for it; the
// expressions stay as they are.
func installRules(t *testing.T, dir string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	waiting := regexp.MustCompile(`(?m)^( +)for: .+$`)
	interval := regexp.MustCompile(`(?m)^( +)interval: .+$`)
	for _, path := range ruleFiles(t) {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		text = waiting.ReplaceAll(text, []byte("${1}for: 0s"))
		text = interval.ReplaceAll(text, []byte("${1}interval: 3s"))
		require.NoError(t, os.WriteFile(filepath.Join(dir, filepath.Base(path)), text, 0o600))
	}
}

func ruleFiles(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob(rulesFolder + "/*.yaml")
	require.NoError(t, err)
	require.Len(t, paths, 2)
	return paths
}

// clustersOfRules are few, so that each has enough of everything.
func clustersOfRules(start time.Time) clustertraffic.Options {
	return clustertraffic.Options{Clusters: 3, Centralised: 1, Start: start}
}

// busyTraffic returns traffic of the last minutes with everything that an alert is
// for, but for silence.
func busyTraffic(t *testing.T, now time.Time) *logged {
	t.Helper()
	const ordinary = 6000 // Events; of those that follow only the bad ones are left.
	g := generateLogs(t, 3000, clustersOfRules(now.Add(-5*time.Minute)))
	// What the generator does not write is a component that does not work any more,
	broken, n := g.events[0][0].Cluster, 0
	g = g.filter(func(ev *clustertraffic.Event) bool {
		n++
		if ev.Cluster == broken && ev.LogType == "controllerManager" && ev.Level == "info" {
			return false
		}
		return n < ordinary || !calm(ev)
	})
	// somebody unknown who reads more than the version,
	g.change(t, func(ev *clustertraffic.Event) bool { return ev.Fields["request_uri"] == "/version" && ev.Anonymous }, func(ev *clustertraffic.Event) {
		const secret = "/api/v1/namespaces/kube-system/secrets/a"
		ev.Message = strings.ReplaceAll(ev.Message, ev.Fields["request_uri"], secret)
		ev.Fields["request_uri"] = secret
	})
	// and one who tries again and again.
	const attempts = 31
	denied := g.find(t, func(ev *clustertraffic.Event) bool { return ev.Denied && !ev.Anonymous })
	for range attempts {
		g.change(t, func(ev *clustertraffic.Event) bool {
			return ev.LogType == "audit" && calm(ev) && ev.Cluster == denied.Cluster
		}, func(ev *clustertraffic.Event) {
			before := ev.Time
			*ev = denied
			ev.Time = before
			const layout = `"stageTimestamp":"2006-01-02T15:04:05.000000Z"`
			ev.Message = strings.ReplaceAll(ev.Message, denied.Time.Format(layout), before.Format(layout))
		})
	}
	return g
}

// find returns the first event that fits.
func (g *logged) find(t *testing.T, fits func(*clustertraffic.Event) bool) clustertraffic.Event {
	t.Helper()
	for _, ev := range g.all() {
		if fits(&ev) {
			return ev
		}
	}
	require.Fail(t, "no event fits")
	return clustertraffic.Event{}
}

// change changes the first event that fits.
func (g *logged) change(t *testing.T, fits func(*clustertraffic.Event) bool, change func(*clustertraffic.Event)) {
	t.Helper()
	for i := range g.events {
		for n := range g.events[i] {
			if ev := &g.events[i][n]; fits(ev) {
				change(ev)
				g.messages[i].Events[n].Text = ev.Message
				return
			}
		}
	}
	require.Fail(t, "no event fits")
}

// calm tells that nothing about an event is what an alert is for.
func calm(ev *clustertraffic.Event) bool {
	return !ev.Denied && !ev.Exec && !ev.SecretRead && !ev.AuthenticatorDenied && ev.Level != "error" && ev.Level != "fatal" &&
		(!ev.Anonymous || !strings.Contains(ev.Fields["request_uri"], "secrets"))
}

// silentTraffic returns traffic of three clusters. Within the last half hour one of
// them has written nothing, and one no audit log.
func silentTraffic(t *testing.T, now time.Time) *logged {
	t.Helper()
	before := generateLogs(t, 300, clustersOfRules(now.Add(-50*time.Minute))).filter(calm)
	after := generateLogs(t, 300, clustersOfRules(now.Add(-5*time.Minute))).filter(calm)
	names := map[string]bool{}
	for _, ev := range before.all() {
		names[ev.Cluster] = true
	}
	clusters := sortedKeys(names)
	require.Len(t, clusters, 3)
	after = after.filter(func(ev *clustertraffic.Event) bool {
		return ev.Cluster != clusters[0] && (ev.Cluster != clusters[1] || ev.LogType != "audit")
	})
	return &logged{messages: append(before.messages, after.messages...), events: append(before.events, after.events...)}
}

// cause says which events an alert counts, which of their labels and fields it
// keeps, and which numbers of events it is for.
type cause struct {
	counts func(*clustertraffic.Event) bool
	by     []string
	alerts func(n, all int) bool
	// of are the events among which the counted ones are; all those of the group if
	// it is nil.
	of func(*clustertraffic.Event) bool
}

func moreThan(limit int) func(n, all int) bool {
	return func(n, _ int) bool { return n > limit }
}

// causes are those of all alerts that count what has happened lately. They go by
// the truth about the events, not by what a query would find.
var causes = map[string]cause{
	"EKSForbiddenRequests": {
		counts: func(ev *clustertraffic.Event) bool { return ev.Denied && !ev.Anonymous },
		by:     []string{"cluster", "user"}, alerts: moreThan(30),
	},
	"EKSAnonymousAccess": {
		counts: func(ev *clustertraffic.Event) bool {
			return ev.Anonymous && !ev.Denied && strings.Contains(ev.Fields["request_uri"], "secrets")
		},
		by: []string{"cluster", "source_ips"}, alerts: moreThan(0),
	},
	"EKSPodSession": {
		counts: func(ev *clustertraffic.Event) bool { return ev.Exec && !ev.Denied },
		by:     []string{"cluster", "user", "namespace", "name", "subresource"}, alerts: moreThan(0),
	},
	"EKSSecretsRead": {
		counts: func(ev *clustertraffic.Event) bool { return ev.SecretRead && isPerson(ev) },
		by:     []string{"cluster", "user", "namespace"}, alerts: moreThan(0),
	},
	"EKSAuthenticatorDenials": {
		counts: func(ev *clustertraffic.Event) bool { return ev.AuthenticatorDenied },
		by:     []string{"cluster", "arn"}, alerts: moreThan(20),
	},
	"EKSComponentErrors": {
		counts: func(ev *clustertraffic.Event) bool { return ev.LogType != "audit" && isError(ev) },
		of:     func(ev *clustertraffic.Event) bool { return ev.LogType != "audit" },
		by:     []string{"cluster", "log_type"}, alerts: func(n, all int) bool { return n > 100 && 2*n > all },
	},
	"EKSAPIServerErrors": {
		counts: func(ev *clustertraffic.Event) bool { return ev.LogType == "audit" && isError(ev) },
		of:     func(ev *clustertraffic.Event) bool { return ev.LogType == "audit" },
		by:     []string{"cluster"}, alerts: func(n, all int) bool { return 100*n > all },
	},
	"EKSPanic": {
		counts: func(ev *clustertraffic.Event) bool {
			return ev.Fields["stage"] == "Panic" || ev.Fields["source_file"] == "runtime.go"
		},
		by: []string{"cluster", "log_type"}, alerts: moreThan(0),
	},
	"EKSComponentExited": {
		counts: func(ev *clustertraffic.Event) bool { return ev.Level == "fatal" && !ev.Headless },
		by:     []string{"cluster", "log_type"}, alerts: moreThan(0),
	},
	"EKSLogsMissing":     {},
	"EKSAuditLogMissing": {},
}

func isPerson(ev *clustertraffic.Event) bool {
	user := ev.Fields["user"]
	return !strings.HasPrefix(user, "system:") && !strings.HasPrefix(user, "eks:")
}

func isError(ev *clustertraffic.Event) bool { return ev.Level == "error" || ev.Level == "fatal" }

// expectedAlerts returns the alerts that the events make, by name and labels.
func expectedAlerts(events []clustertraffic.Event, now time.Time) []string {
	recent := slices.DeleteFunc(slices.Clone(events), func(ev clustertraffic.Event) bool {
		return now.Sub(ev.Time) > 15*time.Minute
	})
	var alerts []string
	for name, c := range causes {
		if c.counts == nil {
			continue
		}
		counted, all := countBy(recent, c.by, c.counts), map[string]int{}
		if c.of != nil {
			all = countBy(recent, c.by, c.of)
		}
		for labels, n := range counted {
			if c.alerts(n, all[labels]) {
				alerts = append(alerts, name+" "+labels)
			}
		}
	}
	missing := func(name string, of func(*clustertraffic.Event) bool) {
		by := []string{"cluster"}
		still := countBy(recent, by, of)
		for labels := range countBy(events, by, of) {
			if still[labels] == 0 && (name == "EKSLogsMissing" || countBy(recent, by, anything)[labels] > 0) {
				alerts = append(alerts, name+" "+labels)
			}
		}
	}
	missing("EKSLogsMissing", anything)
	missing("EKSAuditLogMissing", func(ev *clustertraffic.Event) bool { return ev.LogType == "audit" })
	slices.Sort(alerts)
	return alerts
}

func anything(*clustertraffic.Event) bool { return true }

// countBy counts events by some of their labels and fields.
func countBy(events []clustertraffic.Event, by []string, counts func(*clustertraffic.Event) bool) map[string]int {
	n := map[string]int{}
	for i := range events {
		if ev := &events[i]; counts(ev) {
			own := map[string]string{"cluster": ev.Cluster, "log_type": ev.LogType, "level": ev.Level}
			n[group(by, own, ev.Fields)]++
		}
	}
	return n
}

// group names the values of some labels, those that are not empty.
func group(by []string, from ...map[string]string) string {
	labels := map[string]string{}
	for _, name := range by {
		for _, m := range from {
			if m[name] != "" {
				labels[name] = m[name]
			}
		}
	}
	return fmt.Sprint(labels)
}

// requireAlerts waits until all rules have been evaluated, and demands that these
// alerts, and no others, are firing.
func (n *tenant) requireAlerts(t *testing.T, want []string) {
	t.Helper()
	since := time.Now()
	var got []string
	err := n.await(func() error {
		if err := n.evaluated(since); err != nil {
			return err
		}
		var err error
		got, err = n.alerts()
		if err == nil && !slices.Equal(got, want) {
			err = errors.New("other alerts are firing")
		}
		return err
	})
	if len(got) > 0 || len(want) > 0 {
		require.Equal(t, want, got, err)
	}
	require.NoError(t, err)
}

// evaluated returns an error until all rules have been evaluated since that time,
// without any.
func (n *tenant) evaluated(since time.Time) error {
	var answer struct {
		Data struct {
			Groups []struct {
				Name           string
				LastEvaluation time.Time
				Rules          []struct{ Name, Health, LastError string }
			}
		}
	}
	if err := n.get("/prometheus/api/v1/rules", &answer); err != nil {
		return err
	}
	rules := 0
	for _, g := range answer.Data.Groups {
		if !g.LastEvaluation.After(since) {
			return fmt.Errorf("group %s is not evaluated", g.Name)
		}
		for _, r := range g.Rules {
			rules++
			if r.Health != "ok" {
				return fmt.Errorf("rule %s is %s: %s", r.Name, r.Health, r.LastError)
			}
		}
	}
	if rules == 0 {
		return errors.New("there are no rules")
	}
	return nil
}

// alerts returns the alerts that are firing, by name and labels.
func (n *tenant) alerts() ([]string, error) {
	var answer struct {
		Data struct {
			Alerts []struct {
				Labels, Annotations map[string]string
				State               string
			}
		}
	}
	if err := n.get("/prometheus/api/v1/alerts", &answer); err != nil {
		return nil, err
	}
	var alerts []string
	for _, a := range answer.Data.Alerts {
		for _, text := range a.Annotations {
			if strings.Contains(text, "{{") || strings.Contains(text, "<no value>") || strings.Contains(text, "<error") {
				return nil, fmt.Errorf("cannot read the annotation %q", text)
			}
		}
		name := a.Labels["alertname"]
		maps.DeleteFunc(a.Labels, func(label, _ string) bool { return label == "alertname" || label == "severity" })
		if a.State == "firing" {
			alerts = append(alerts, fmt.Sprint(name, " ", a.Labels))
		}
	}
	slices.Sort(alerts)
	return alerts, nil
}

// get reads an answer of Loki's API.
func (n *tenant) get(path string, into any) error {
	return get(http.Header{"X-Scope-Orgid": {n.id}}, "http://"+n.address+path, into)
}

// rule is a rule in a file.
type rule struct {
	Record, Alert, Expr, For string
	Labels, Annotations      map[string]string
}

// rules returns all rules.
func rules(t *testing.T) []rule {
	t.Helper()
	var all []rule
	for _, path := range ruleFiles(t) {
		var file struct{ Groups []struct{ Rules []rule } }
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, yaml.Unmarshal(text, &file))
		for _, g := range file.Groups {
			all = append(all, g.Rules...)
		}
	}
	return all
}

// recorded are the truth of the recording rules: what is counted, and by which
// labels.
var recorded = map[string]cause{
	"cluster_log_type_level:eks_control_plane_lines:rate5m": {
		counts: anything, by: []string{"cluster", "log_type", "level"},
	},
	"cluster_log_type:eks_control_plane_errors:ratio_rate5m": {
		counts: isError, of: anything, by: []string{"cluster", "log_type"},
	},
	"cluster_user_kind:eks_denied_requests:rate5m": {
		counts: func(ev *clustertraffic.Event) bool { return ev.Denied }, by: []string{"cluster", "user_kind"},
	},
	"cluster_response_code:eks_requests:rate5m": {
		counts: func(ev *clustertraffic.Event) bool { return ev.Fields["stage"] == "ResponseComplete" },
		by:     []string{"cluster", "response_code"},
	},
	"cluster_outcome:eks_authentications:rate5m": {
		counts: func(ev *clustertraffic.Event) bool { return ev.Fields["outcome"] != "" },
		by:     []string{"cluster", "outcome"},
	},
}

// TestRules_Records asks Loki for the expressions of the recording rules, and
// compares its answers with the truth.
func TestRules_Records(t *testing.T) {
	t.Parallel()
	g := generateLogs(t, 500, clustertraffic.Options{Clusters: 3})
	loki := sharedLoki(t)
	startControlPlane(t, loki, "").deliverLogs(t, g, subscription.Gzip, byCount(recordsPerDelivery))
	events := g.all()
	for i := range events {
		if events[i].Denied {
			events[i].Fields["user_kind"] = userKind(events[i].Fields["user"])
		}
	}
	at := events[0].Time.Add(14 * time.Minute)
	for _, r := range rules(t) {
		if r.Record == "" {
			continue
		}
		require.Contains(t, recorded, r.Record)
		truth := recorded[r.Record]
		want := map[string]float64{}
		for labels, n := range countBy(events, truth.by, truth.counts) {
			want[labels] = float64(n) / (5 * time.Minute).Seconds()
			if truth.of != nil {
				want[labels] = float64(n) / float64(countBy(events, truth.by, truth.of)[labels])
			}
		}
		require.NotEmpty(t, want, r.Record)
		got := loki.vector(t, r.Expr, at)
		require.ElementsMatch(t, sortedKeys(want), sortedKeys(got), r.Record)
		require.InDeltaMapValues(t, want, got, 1e-9, r.Record)
	}
}

// TestRules_Documented checks that each rule is in the README with its severity, and
// says what it means.
func TestRules_Documented(t *testing.T) {
	page, err := os.ReadFile(rulesFolder + "/README.md")
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, r := range rules(t) {
		name := r.Alert + r.Record
		require.False(t, seen[name], "there are two rules %s", name)
		seen[name] = true
		row := fmt.Sprintf("| `%s` |", name)
		if r.Alert != "" {
			row += " " + r.Labels["severity"] + " |"
			require.Contains(t, causes, r.Alert)
			require.NotEmpty(t, r.For, name)
			require.NotEmpty(t, r.Annotations["summary"], name)
			require.NotEmpty(t, r.Annotations["description"], name)
		}
		require.Contains(t, string(page), row)
	}
	require.Len(t, seen, len(causes)+len(recorded))
}

func userKind(user string) string {
	switch {
	case user == "system:anonymous":
		return "anonymous"
	case strings.HasPrefix(user, "system:node:"):
		return "node"
	case strings.HasPrefix(user, "system:serviceaccount:"):
		return "serviceaccount"
	case strings.HasPrefix(user, "system:"), strings.HasPrefix(user, "eks:"):
		return "system"
	}
	return "iam"
}
