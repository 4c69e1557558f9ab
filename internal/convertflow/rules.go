package convertflow

import (
	"slices"
	"strings"

	"github.com/grafana/river/ast"
)

// deliveryLabels are the internal labels that the component has under the names,
// and with the values, of loki.source.awsfirehose.
var deliveryLabels = []string{
	"__aws_cw_log_group", "__aws_cw_log_stream", "__aws_cw_matched_filters", "__aws_cw_msg_type", "__aws_firehose_request_id",
	"__aws_firehose_source_arn", "__aws_owner", "__tenant_id__",
}

// ruleActions are those of rules that give one label a value made of others.
var ruleActions = []string{"", "replace", "lowercase", "uppercase", "hashmod"}

// ruledLabels returns the labels that the rules of a source may set. It refuses
// rules that would do something else in the component, which applies them after
// all other labels are there, and drops what they drop.
func (s *scope) ruledLabels(block *ast.BlockStmt) ([]string, *refusal) {
	attr := attribute(block.Body, "relabel_rules")
	if attr == nil {
		return nil, nil
	}
	name, ok := strings.CutSuffix(reference(attr.Value), ".rules")
	if !ok || len(s.blocks[name]) != 1 || s.blocks[name][0].GetBlockName() != relabelBlock {
		return nil, refuse(attr, "its rules are not those of a loki.relabel beside it")
	}
	var set []string
	for _, stmt := range s.blocks[name][0].Body {
		rule, ok := stmt.(*ast.BlockStmt)
		if !ok {
			continue // forward_to and max_cache_size do not concern the rules.
		}
		target, why := ruledLabel(rule, set)
		if why != nil {
			return nil, why
		}
		set = append(set, target)
	}
	return set, nil
}

// ruledLabel returns the label that one rule sets. set are those that rules before
// it do.
func ruledLabel(rule *ast.BlockStmt, set []string) (target string, why *refusal) {
	args, why := readArguments(rule)
	if why != nil {
		return "", why
	}
	action, why := args.text("action")
	if why != nil {
		return "", why
	}
	if !slices.Contains(ruleActions, action) || rule.GetBlockName() != "rule" {
		return "", refuse(rule, "a rule with the action %q does not do the same in the component, which has more labels when it applies rules, and drops what they drop", action)
	}
	if e := args.expr("source_labels"); e != nil {
		names, ok := texts(e)
		if !ok {
			return "", refuse(e, "its value is known only when Alloy runs")
		}
		for _, name := range names {
			if !slices.Contains(deliveryLabels, name) && !slices.Contains(set, name) {
				return "", refuse(e, "the component may have another value for the label %q", name)
			}
		}
	}
	target, why = args.text("target_label")
	if why != nil {
		return "", why
	}
	if !labelName.MatchString(target) || slices.Contains(deliveryLabels, target) && target != "__tenant_id__" || strings.HasPrefix(target, "__meta_") {
		return "", refuse(rule, "it does not set one label by its name")
	}
	return target, nil
}
