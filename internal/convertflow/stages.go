package convertflow

import (
	"fmt"
	"slices"
	"strings"

	"github.com/grafana/river/ast"
)

// The stages as they are in Alloy's internal/component/loki/process/stages.

func (p *pipeline) json(args *arguments) *refusal {
	base := ""
	if e := args.expr("source"); e != nil {
		from, why := p.extractedBy(e)
		if why != nil {
			return why
		}
		if from.kind != fromRecord || from.name == logMember {
			return refuse(e, "the stage reads the application's own line")
		}
		base = from.name + pathSign
	} else if p.line != wholeRecord {
		return refuse(args.stage, "the stage reads the application's own line")
	}
	if e := args.expr("drop_malformed"); e != nil && !isLiteral(e, "false") {
		return refuse(e, "the component keeps lines that are not JSON")
	}
	list, why := args.fields("expressions")
	if why != nil {
		return why
	}
	found := map[string]origin{}
	for _, f := range list {
		expression, why := fieldText(f)
		if why != nil {
			return why
		}
		path, ok := parsePath(expression)
		if !ok {
			return refuse(f.value, "the expression is more than a path of keys")
		}
		found[f.name] = origin{fromRecord, base + path}
	}
	if base == "" {
		if why := p.takeFor(jsonForm, args.stage); why != nil {
			return why
		}
	}
	for name, from := range found {
		p.extracted[name] = from
	}
	return nil
}

// extractedBy returns what a stage finds under the name that its argument gives.
func (p *pipeline) extractedBy(e ast.Expr) (origin, *refusal) {
	name, ok := text(e)
	if !ok {
		return origin{}, refuse(e, "its value is known only when Alloy runs")
	}
	from, ok := p.extracted[name]
	if !ok {
		return origin{}, refuse(e, "no stage before this one extracts %q", name)
	}
	return from, nil
}

func (p *pipeline) regex(args *arguments) *refusal {
	if e := args.expr("source"); e != nil {
		from, why := p.extractedBy(e)
		if why != nil {
			return why
		}
		if from != (origin{fromRecord, logMember}) {
			return refuse(e, "the component takes only the line apart")
		}
	} else if p.line == bareText {
		return refuse(args.stage, "the stage reads the application's own line")
	}
	if e := args.expr("labels_from_groups"); e != nil && !isLiteral(e, "false") {
		return refuse(e, "the conversion does not know which labels that makes")
	}
	expression, why := args.text("expression")
	if why != nil {
		return why
	}
	groups, ok := parsePrefix(expression)
	if !ok {
		return refuse(args.stage, "the expression is not one for the prefix of a container runtime, which is all that the component takes off")
	}
	if p.line == wholeRecord && args.expr("source") == nil {
		if why := p.takeFor(textForm, args.stage); why != nil {
			return why
		}
	}
	for name, part := range groups {
		p.extracted[name] = origin{fromPrefix, part}
	}
	return nil
}

func (p *pipeline) setLabels(args *arguments) *refusal {
	if kind, why := args.text("source_type"); why != nil || kind != "" && kind != "extracted" {
		return refuse(args.stage, "the component makes labels of the record only")
	}
	list, why := args.fields("values")
	if why != nil {
		return why
	}
	var found []assignment
	for _, f := range list {
		from, why := fieldText(f)
		if why != nil {
			return why
		}
		value, ok := p.extracted[from]
		if !ok {
			if from != f.name && labelName.MatchString(from) {
				return refuse(f.value, "no stage before this one extracts %q", from)
			}
			// A common attribute can have that name, and then is the label already. No
			// label has another one.
			p.notes = append(p.notes, note{f.value, p.neverSet(f.name, from)})
			continue
		}
		if why := p.mayLabel(f, value); why != nil {
			return why
		}
		found = append(found, assignment{f.name, value})
	}
	for _, a := range found {
		p.assign(a.name, a.origin)
	}
	return nil
}

// neverSet says that a label was never set, and how it could be where its name is
// one for the value.
func (p *pipeline) neverSet(name, from string) string {
	message := fmt.Sprintf("the label %q was never set: no stage extracts anything under the name %q", name, from)
	path, _ := parsePath(from)
	first, rest, _ := strings.Cut(path, pathSign)
	base, ok := p.extracted[first]
	if !ok || rest == "" {
		return message
	}
	label, ok := origin{base.kind, base.name + pathSign + rest}.internalLabel()
	if !ok {
		return message
	}
	return message + fmt.Sprintf("; to have it, add %s = %q to labels", name, label)
}

// mayLabel checks that the component can make a label of a value. A record can
// lack it, and then the label is not set: it must not have been set before.
func (p *pipeline) mayLabel(f field, value origin) *refusal {
	if why := p.mayAssign(f.value, f.name); why != nil {
		return why
	}
	if before, ok := p.label(f.name); ok && before != value {
		return refuse(f.value, "the label %q has another value already, which stays when the record lacks this one", f.name)
	}
	if f.name == "stream" && value.isStream() {
		return nil
	}
	if _, ok := value.internalLabel(); !ok {
		return refuse(f.value, "the component has nothing that holds this value")
	}
	return nil
}

func (p *pipeline) staticLabels(args *arguments) *refusal {
	list, why := args.fields("values")
	if why != nil {
		return why
	}
	var found []assignment
	for _, f := range list {
		value, literal := text(f.value)
		if isLiteral(f.value, "null") || literal && value == "" {
			continue // Sets nothing.
		}
		if why := p.mayAssign(f.value, f.name); why != nil {
			return why
		}
		if f.name != clusterLabel && (!literal || strings.HasPrefix(value, internalPrefix)) {
			return refuse(f.value, "the component takes a value that begins with two underscores for the name of another label")
		}
		if len(p.source.within(spanOf(f.value))) > 0 {
			return refuse(f.value, "there is a comment in it")
		}
		found = append(found, assignment{f.name, origin{fixed, p.source.of(f.value)}})
	}
	for _, a := range found {
		p.assign(a.name, a.origin)
	}
	return nil
}

func (p *pipeline) dropLabels(args *arguments) *refusal {
	e := args.expr("values")
	names, ok := texts(e)
	if !ok {
		return refuse(args.at(e), "its value is known only when Alloy runs")
	}
	for _, name := range names {
		if why := p.mayAssign(e, name); why != nil {
			return why
		}
	}
	for _, name := range names {
		p.labels = slices.DeleteFunc(p.labels, func(a assignment) bool { return a.name == name })
		if !slices.Contains(p.dropped, name) {
			p.dropped = append(p.dropped, name)
		}
	}
	return nil
}

// ownMetadata are the names that the component does not let others use.
var ownMetadata = []string{"level", "parse_error", "partial", "timestamp_source", "true_timestamp"}

func (p *pipeline) setMetadata(args *arguments) *refusal {
	list, why := args.fields("values")
	if why != nil {
		return why
	}
	var found []assignment
	for _, f := range list {
		from, why := fieldText(f)
		if why != nil {
			return why
		}
		value, ok := p.extracted[from]
		if !ok {
			return refuse(f.value, "no stage before this one extracts %q", from)
		}
		if _, isLabel := p.label(from); isLabel || slices.Contains(p.ruled, from) {
			return refuse(f.value, "the stage moves the label %q as well", from)
		}
		for _, stage := range p.kept {
			if touches(stage, from) {
				return refuse(f.value, "the stage moves the label %q as well, which a stage that stays has to do with", from)
			}
		}
		if _, ok := value.internalLabel(); !ok || !isLabelName(f.name) || slices.Contains(ownMetadata, f.name) {
			return refuse(f.value, "the component cannot make this structured metadata")
		}
		found = append(found, assignment{f.name, value})
	}
	for _, a := range found {
		if _, twice := find(p.metadata, a.name); twice {
			return refuse(args.stage, "it sets %q a second time", a.name)
		}
	}
	p.metadata = append(p.metadata, found...)
	return nil
}

// runtimeLayouts are layouts of times as container runtimes write them, which
// read any such time.
var runtimeLayouts = []string{"RFC3339", "RFC3339Nano", "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05.999999999Z07:00"}

func (p *pipeline) timestamp(args *arguments) *refusal {
	e := args.expr("source")
	if e == nil {
		return refuse(args.stage, "it has no source")
	}
	from, why := p.extractedBy(e)
	if why != nil {
		return why
	}
	layout, why := args.text("format")
	if why != nil {
		return why
	}
	if !from.isRuntimeTime() || !slices.Contains(runtimeLayouts, layout) {
		return refuse(args.stage, "the time is not that of the container runtime, which the component prefers to others")
	}
	// For times that cannot be read with the format, which no runtime writes, and
	// for layouts without zone.
	for _, name := range []string{"action_on_failure", "fallback_formats", "location"} {
		args.expr(name)
	}
	p.time = prefixTime
	if from.kind == fromRecord {
		p.time = memberTime
	}
	return nil
}

func (p *pipeline) output(args *arguments) *refusal {
	e := args.expr("source")
	if e == nil {
		return refuse(args.stage, "it has no source")
	}
	from, why := p.extractedBy(e)
	if why != nil {
		return why
	}
	switch from {
	case origin{fromRecord, logMember}:
		p.line = logText
	case origin{fromPrefix, partContent}:
		p.line, p.cuts = bareText, true
	default:
		return refuse(e, "the component takes the line from the record's log")
	}
	return nil
}

func (p *pipeline) cri(args *arguments) *refusal {
	if p.line == bareText {
		return refuse(args.stage, "the prefix of the runtime has been taken off already")
	}
	if e := args.expr("max_partial_line_size_truncate"); e != nil && !isLiteral(e, "false") {
		return refuse(e, "the component does not cut lines")
	}
	if why := p.mayAssign(args.stage, streamLabel); why != nil {
		return why
	}
	if before, ok := p.label(streamLabel); ok && !before.isStream() {
		return refuse(args.stage, "it sets the label stream, which has another value already")
	}
	if p.line == wholeRecord {
		if why := p.takeFor(textForm, args.stage); why != nil {
			return why
		}
	}
	args.expr("max_partial_lines") // How many lines wait at once. The component bounds their size.
	args.expr("max_partial_line_size")
	for name, part := range map[string]string{"flags": partTag, "stream": partStream, "content": partContent, "time": partTime} {
		p.extracted[name] = origin{fromPrefix, part}
	}
	p.assign(streamLabel, origin{fromPrefix, partStream})
	p.line, p.time, p.waits = bareText, prefixTime, true
	return nil
}
