package controlplane

import (
	"errors"
	"fmt"
	"slices"
)

// Rule says which audit events are dropped: those for which all of its conditions
// hold. A condition is a list of patterns, of which one must match; an empty list
// is no condition. In a pattern * stands for any text, the empty one included,
// and everything else for itself.
//
// A condition does not hold for an event that lacks what it asks for, so that
// what CloudWatch Logs has cut off is rather kept.
type Rule struct {
	// Verbs match FieldVerb.
	Verbs []string
	// Users match FieldUser and, if the request impersonates, both users.
	Users []string
	// Stages match FieldStage.
	Stages []string
	// Resources match resource or resource/subresource: pods does not match a
	// request for pods/exec, pods* does.
	Resources []string
	// ExceptResources must not match. They are no condition by themselves.
	ExceptResources []string
	// APIGroups match FieldAPIGroup.
	APIGroups []string
	// Namespaces match FieldNamespace, Names match FieldName.
	Namespaces, Names []string
	// RequestURIs match FieldRequestURI, UserAgents match FieldUserAgent.
	RequestURIs, UserAgents []string
	// ResponseCodes match FieldResponseCode.
	ResponseCodes []string
	// Levels match the derived severity: info, warn, error.
	Levels []string
}

// SafeProfile returns rules for the audit events that are most of a quiet
// cluster's and of no use to anybody who asks what happened: all of them are
// requests that succeeded.
//
//   - The renewal of leases by which nodes and controllers show that they live.
//   - Health checks.
//   - Watches by the components of Kubernetes and EKS, those of secrets aside.
func SafeProfile() []Rule {
	system := []string{
		"system:node:*", "system:serviceaccount:kube-system:*", "system:kube-controller-manager",
		"system:kube-scheduler", "system:cloud-controller-manager", "system:apiserver", "eks:*",
	}
	succeeded := []string{"info"}
	return []Rule{
		{Resources: []string{"leases"}, Verbs: []string{"get", "update", "patch"}, Users: system, Levels: succeeded},
		{RequestURIs: []string{"/healthz*", "/livez*", "/readyz*"}, Verbs: []string{"get"}, Levels: succeeded},
		{Verbs: []string{"watch"}, Users: system, ExceptResources: []string{"secrets*"}, Levels: succeeded},
	}
}

// Validate reports a rule that would drop everything, or that holds an empty
// pattern.
func (r *Rule) Validate() error {
	conditions := []struct {
		name     string
		patterns []string
	}{
		{"verbs", r.Verbs},
		{"users", r.Users},
		{"stages", r.Stages},
		{"resources", r.Resources},
		{"api_groups", r.APIGroups},
		{"namespaces", r.Namespaces},
		{"names", r.Names},
		{"request_uris", r.RequestURIs},
		{"user_agents", r.UserAgents},
		{"response_codes", r.ResponseCodes},
		{"levels", r.Levels},
	}
	empty := true
	for _, c := range conditions {
		empty = empty && len(c.patterns) == 0
		if slices.Contains(c.patterns, "") {
			return fmt.Errorf("%s: an empty pattern matches nothing", c.name)
		}
	}
	if empty {
		return errors.New("a rule without conditions would drop every audit event")
	}
	return nil
}

// dropped reports whether a rule drops the audit event that has been read.
func (p *Parser) dropped(level string) bool {
	if len(p.opts.Drop) == 0 {
		return false
	}
	path := p.resourcePath()
	for i := range p.opts.Drop {
		if p.opts.Drop[i].matches(&p.line, path, level) {
			return true
		}
	}
	return false
}

// resourcePath returns the resource and its subresource, with a slash between
// them.
func (p *Parser) resourcePath() []byte {
	l := &p.line
	if !l.has(subresource) {
		return l.value(resource)
	}
	start := len(p.arena)
	p.arena = append(p.arena, l.value(resource)...)
	p.arena = append(p.arena, '/')
	p.arena = append(p.arena, l.value(subresource)...)
	return p.arena[start:]
}

// validRules returns the rules that Validate lets pass.
func validRules(rules []Rule) []Rule {
	var valid []Rule
	for i := range rules {
		if rules[i].Validate() == nil {
			valid = append(valid, rules[i])
		}
	}
	return valid
}

// matches reports whether all conditions hold.
func (r *Rule) matches(l *line, path []byte, level string) bool {
	return holds(r.Verbs, l.value(verb)) &&
		holds(r.Stages, l.value(stage)) &&
		holds(r.Resources, path) &&
		(len(r.ExceptResources) == 0 || !holds(r.ExceptResources, path)) &&
		holds(r.APIGroups, l.value(apiGroup)) &&
		holds(r.Namespaces, l.value(namespace)) &&
		holds(r.Names, l.value(name)) &&
		holds(r.RequestURIs, l.value(requestURI)) &&
		holds(r.UserAgents, l.value(userAgent)) &&
		holds(r.ResponseCodes, l.value(responseCode)) &&
		holds(r.Users, l.value(user)) &&
		(!l.has(impersonatedUser) || holds(r.Users, l.value(impersonatedUser))) &&
		holds(r.Levels, []byte(level))
}

// holds reports whether a condition holds for a value.
func holds(patterns []string, value []byte) bool {
	if len(patterns) == 0 {
		return true
	}
	for _, p := range patterns {
		if len(value) > 0 && matchGlob(p, value) {
			return true
		}
	}
	return false
}

// matchGlob reports whether the whole of b matches the pattern. It takes time in
// proportion to both, multiplied, at most: only the last * is ever tried anew.
func matchGlob(pattern string, b []byte) bool {
	i, j := 0, 0
	star, from := -1, 0
	for j < len(b) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, from = i, j
			i++
		case i < len(pattern) && pattern[i] == b[j]:
			i++
			j++
		case star >= 0:
			from++
			i, j = star+1, from
		default:
			return false
		}
	}
	for i < len(pattern) && pattern[i] == '*' {
		i++
	}
	return i == len(pattern)
}
