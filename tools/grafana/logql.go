package main

import (
	"fmt"
	"strings"
)

// Loki gives up on a query with more than 500 series, and whoever can send a
// request to the API server chooses its path, its user agent and, before a proxy,
// its address. So numbers are only ever grouped by what has few values, whatever
// comes; what has many is shown as lines, of which there is a limit.

// auditEvents are those that the variables of the dashboard leave.
const auditEvents = `{cluster=~"$cluster", log_type="audit"} | user=~"$user" | user!~"$hidden" | namespace=~"$namespace"`

// answered are the events of requests that have been answered, one for each.
const answered = auditEvents + ` | stage="ResponseComplete"`

// byKind makes the label kind of a user: there are five.
const byKind = " | label_format kind=`" +
	`{{ if eq .user "system:anonymous" }}anonymous` +
	`{{ else if hasPrefix "system:node:" .user }}nodes` +
	`{{ else if hasPrefix "system:serviceaccount:" .user }}service accounts` +
	`{{ else if or (hasPrefix "system:" .user) (hasPrefix "eks:" .user) }}components` +
	"{{ else }}people{{ end }}`"

// byWho makes the label who of a user. All nodes are one, and so are all sessions
// of an assumed role, which are new ones with each job of a pipeline.
const byWho = " | label_format who=`" +
	`{{ if hasPrefix "system:node:" .user }}all nodes` +
	`{{ else }}{{ regexReplaceAll "(assumed-role/[^/]+)/.*" .user "${1}" }}` +
	"{{ end }}`"

// byRole makes the label role of an IAM principal, without the session.
const byRole = ` | principal_arn!="" | label_format role=` +
	"`{{ regexReplaceAll \"(assumed-role/[^/]+)/.*\" .principal_arn \"${1}\" }}`"

// clients are the user agents that are known, as they begin.
var clients = []string{
	"kubectl", "kubelet", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kube-probe", "kube-state-metrics",
	"aws-", "eks-", "amazon-", "coredns", "metrics-server", "cluster-autoscaler", "karpenter", "cert-manager", "external-dns", "ingress",
	"helm", "Helm", "argocd", "flux", "kustomize", "Terraform", "terraform", "HashiCorp", "vault", "istio", "prometheus", "Prometheus", "alloy", "otelcol",
	"fluent-bit", "Go-http-client", "python", "OpenAPI-Generator", "Java", "curl", "Mozilla", "rest-client", "elb-", "ELB-",
}

// knownClient matches a user agent that is known.
func knownClient() string { return "(" + strings.Join(clients, "|") + ").*" }

// byClient makes the label client of a user agent: its first word as far as that is
// known, and otherwise other.
func byClient() string {
	return fmt.Sprintf(" | label_format client=`{{ if regexReplaceAll %q .user_agent \"\" }}other{{ else }}{{ regexReplaceAll %q .user_agent \"${1}\" }}{{ end }}`",
		"^"+knownClient()+"$", "^"+knownClient()+"$")
}

// verbs are those of Kubernetes, and the methods of requests for no resource. A
// client can make up others.
const verbs = ` | verb=~"get|list|watch|create|update|patch|delete|deletecollection|post|put|head|options|connect"`

// Healthchecks are no business of anybody's.
const noHealthChecks = ` | request_uri!~"/(healthz|livez|readyz|version)([/?].*)?"`

// perSecond is how many lines there are in a second.
func perSecond(logQL string, by ...string) string {
	return grouped("rate", logQL, "$__auto", by)
}

// count is how many lines there are in the span of a bar.
func count(logQL string, by ...string) string {
	return grouped("count_over_time", logQL, "$__auto", by)
}

// total is how many there are in the whole time range.
func total(logQL string, by ...string) string {
	return grouped("count_over_time", logQL, "$__range", by)
}

func grouped(function, logQL, span string, by []string) string {
	return sum(fmt.Sprintf("%s(%s [%s])", function, logQL, span), by...)
}

// top are the largest, the largest first.
func top(n int, expr string) string { return fmt.Sprintf("sort_desc(topk(%d, %s))", n, expr) }
