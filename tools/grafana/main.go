// Command grafana writes the dashboards of operations/grafana, and the alerts beside
// them in the form of the Prometheus Operator. Its tests ask every query in them of a
// real Prometheus and a real Loki.
//
// It is a module of its own so that nothing of the distribution depends on Grafana's
// types.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	dir := flag.String("output", "../../operations/grafana", "folder to write to")
	flag.Parse()
	if err := writeAll(*dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// writeAll writes everything that is made here into the folder, which has the
// alerts.
func writeAll(dir string) error {
	files, err := generated(dir)
	if err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return fmt.Errorf("cannot write %s: %w", name, err)
		}
	}
	return nil
}

// generated are the files that are made here, by their names in the folder.
func generated(dir string) (map[string]string, error) {
	files := map[string]string{}
	for _, b := range boards() {
		text, err := b.json()
		if err != nil {
			return nil, err
		}
		files["dashboards/"+b.file()] = string(text)
	}
	rules, err := os.ReadFile(filepath.Join(dir, "alerts.yaml"))
	if err != nil {
		return nil, fmt.Errorf("cannot read alerts: %w", err)
	}
	files["prometheus-rule.yaml"] = prometheusRule(string(rules))
	return files, nil
}

// boards are all dashboards.
func boards() []board { return []board{deliveries(), audit(), controlPlane()} }

// file is the name of the dashboard's file.
func (b board) file() string { return b.uid + ".json" }

// ruleHead is what the Prometheus Operator wants to see before rules.
const ruleHead = `# Made of alerts.yaml by make dashboards.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: alloy-eks
  labels:
    # Yours: what your Prometheus selects rules by.
    release: kube-prometheus-stack
spec:
`

// prometheusRule is a file of rules, comments and all, as a resource of Kubernetes.
func prometheusRule(rules string) string {
	var out strings.Builder
	out.WriteString(ruleHead)
	for line := range strings.Lines(rules) {
		if line != "\n" {
			out.WriteString("  ")
		}
		out.WriteString(line)
	}
	return out.String()
}
