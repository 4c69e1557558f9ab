package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

const (
	alertsFile     = grafanaFolder + "/alerts.yaml"
	alertTestsFile = grafanaFolder + "/alerts-test.yaml"
	alertsPage     = grafanaFolder + "/README.md"
)

// alert is a rule in the file.
type alert struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

func alerts(t *testing.T) []alert {
	t.Helper()
	text, err := os.ReadFile(alertsFile)
	require.NoError(t, err)
	var file struct{ Groups []struct{ Rules []alert } }
	require.NoError(t, yaml.Unmarshal(text, &file))
	var all []alert
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	require.NotEmpty(t, all)
	return all
}

// notCaused are the alerts for what takes hours, or for what cannot be brought about
// from outside. promtool alone tests these.
var notCaused = []string{"FirehoseDefect", "FirehoseDelayGrowing", "FirehoseFragmentsLost", "FirehoseNoDeliveries"}

// caused are the alerts that the trouble of TestStack makes: all others.
func caused() []string {
	return []string{
		"FirehoseAccessRefused", "FirehoseConnectionsNearLimit", "FirehoseDeliveriesFailing", "FirehoseDeliveriesRefused", "FirehoseLogsLate",
		"FirehoseNothingAccepted", "FirehoseRecordsUnreadable", "FirehoseRoomNearLimit", "FirehoseRoomTaken", "FirehoseTimesOfArrival",
		"FirehoseTimesOutOfBounds", "LokiWriteEntriesDropped", "LokiWriteSyncEntriesDropped", "LokiWriteSyncEntriesMended",
		"LokiWriteSyncEntriesRefused", "LokiWriteSyncPushesFailing",
	}
}

// requireAlerts demands that these alerts, and no others, are firing, in the end.
func (s *stack) requireAlerts(t *testing.T, want ...string) {
	t.Helper()
	since := time.Now()
	var got []string
	require.Eventually(t, func() bool {
		if !s.evaluated(t, since) {
			return false
		}
		got = s.firing(t)
		return slices.Equal(want, got)
	}, patience/2, tick, "want %v, the last were %v", want, &got)
}

// evaluated tells whether all rules have been evaluated, twice, since then, so that
// what had been scraped before is in them.
func (s *stack) evaluated(t *testing.T, since time.Time) bool {
	t.Helper()
	var answer struct {
		Data struct {
			Groups []struct {
				LastEvaluation time.Time
				Rules          []struct{ Health, LastError string }
			}
		}
	}
	require.NoError(t, get("http://"+s.prometheus+"/api/v1/rules", nil, &answer))
	require.NotEmpty(t, answer.Data.Groups)
	for _, g := range answer.Data.Groups {
		if !g.LastEvaluation.After(since.Add(time.Second)) {
			return false
		}
		for _, r := range g.Rules {
			require.Equal(t, "ok", r.Health, r.LastError)
		}
	}
	return true
}

// firing are the names of alerts that fire. Their texts must be complete.
func (s *stack) firing(t *testing.T) []string {
	t.Helper()
	var answer struct {
		Data struct {
			Alerts []struct {
				Labels, Annotations map[string]string
				State               string
			}
		}
	}
	require.NoError(t, get("http://"+s.prometheus+"/api/v1/alerts", nil, &answer))
	names := []string{}
	for _, a := range answer.Data.Alerts {
		require.Equal(t, "firing", a.State)
		for _, text := range a.Annotations {
			require.NotContains(t, text, "<no value>")
			require.NotContains(t, text, "<error")
			require.NotContains(t, text, "  ")
		}
		require.Equal(t, "orchard", a.Labels["cluster"], a.Labels)
		require.Equal(t, "logging", a.Labels["namespace"], a.Labels)
		require.Regexp(t, `^(awsfirehose|cloudwatch|loki)\.`, a.Labels["component_id"], a.Labels)
		names = append(names, a.Labels["alertname"])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// promtool reads the rules as Prometheus does, and runs their tests.
func TestAlerts_Promtool(t *testing.T) {
	out, err := run(t, "promtool", "check", "rules", "--lint=all", "--lint-fatal", alertsFile)
	require.NoError(t, err, out)
	out, err = run(t, "promtool", "test", "rules", alertTestsFile)
	require.NoError(t, err, out)
}

// Each alert has a test in which it fires, and one in which it does not.
func TestAlerts_Tested(t *testing.T) {
	text, err := os.ReadFile(alertTestsFile)
	require.NoError(t, err)
	var file struct {
		Tests []struct {
			AlertRuleTest []struct {
				Alertname string
				ExpAlerts []any `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	require.NoError(t, yaml.Unmarshal(text, &file))
	fires, calm := map[string]bool{}, map[string]bool{}
	for _, test := range file.Tests {
		for _, a := range test.AlertRuleTest {
			if len(a.ExpAlerts) > 0 {
				fires[a.Alertname] = true
			} else {
				calm[a.Alertname] = true
			}
		}
	}
	var names []string
	for _, a := range alerts(t) {
		require.True(t, fires[a.Alert], a.Alert)
		require.True(t, calm[a.Alert], a.Alert)
		names = append(names, a.Alert)
	}
	require.ElementsMatch(t, names, append(caused(), notCaused...))
}

// Each alert is in the README with its severity, and says what it means.
func TestAlerts_Documented(t *testing.T) {
	page, err := os.ReadFile(alertsPage)
	require.NoError(t, err)
	rows := 0
	for _, a := range alerts(t) {
		require.Contains(t, string(page), fmt.Sprintf("| `%s` | %s |", a.Alert, a.Labels["severity"]))
		require.NotEmpty(t, a.Annotations["summary"], a.Alert)
		require.NotEmpty(t, a.Annotations["description"], a.Alert)
		require.NotEmpty(t, a.For, a.Alert)
		rows++
	}
	require.Equal(t, rows, strings.Count(string(page), "| `Firehose")+strings.Count(string(page), "| `LokiWrite"))
}
