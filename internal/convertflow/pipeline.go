package convertflow

import (
	"slices"
	"strings"

	"github.com/grafana/river/ast"
)

// pipeline is what the stages of a loki.process make of an entry, found by running
// them on a record of which only the form is known: one JSON object with the line
// as the string log, as Fluent Bit writes it. Where a stage looks for something,
// the record has it. See OtherRecords for those that do not.
type pipeline struct {
	source *source

	form  recordForm
	line  lineOrigin
	time  timeOrigin
	waits bool // A stage waits for the ends of lines that the runtime cut.
	cuts  bool // The pieces of such lines are entries.

	extracted map[string]origin
	labels    []assignment
	dropped   []string
	metadata  []assignment
	ruled     []string // Labels that rules of the source may set.

	absorbed []*ast.BlockStmt // The stages that the component takes the place of,
	kept     []*ast.BlockStmt // and those that stay, in their order.
	notes    []note
}

// recordForm says what the stages take a record for.
type recordForm uint8

const (
	anyForm recordForm = iota
	jsonForm
	textForm // A line of a container runtime, with nothing around it.
)

// takeFor notes what a stage takes records for. No record is two things.
func (p *pipeline) takeFor(form recordForm, stage ast.Node) *refusal {
	if p.form != anyForm && p.form != form {
		return refuse(stage, "the stages before it take the record for JSON, and this one for a line of a container runtime, or the other way round")
	}
	p.form = form
	return nil
}

// lineOrigin says what the text of the entry is.
type lineOrigin uint8

const (
	wholeRecord lineOrigin = iota
	logText                // The record's log, with or without a runtime's prefix.
	bareText               // The line without that.
)

// timeOrigin says what the time of the entry is.
type timeOrigin uint8

const (
	arrivalTime timeOrigin = iota
	// memberTime is in the record's time, in the place of which Merge_Log puts what
	// the application calls so.
	memberTime
	prefixTime
)

// assignment gives a name to a value.
type assignment struct {
	name string
	origin
}

// note is something that the user wants to know of a place.
type note struct {
	at      ast.Node
	message string
}

// newPipeline runs the stages of a loki.process as far as the component can take
// their place. ruled are the labels that the source's rules may have set.
func newPipeline(src *source, process *ast.BlockStmt, ruled []string) (*pipeline, *refusal) {
	p := &pipeline{source: src, extracted: map[string]origin{}, ruled: ruled}
	var stages []*ast.BlockStmt
	for _, stmt := range process.Body {
		block, ok := stmt.(*ast.BlockStmt)
		switch {
		case ok && len(block.Name) == 2 && block.Name[0] == "stage":
			stages = append(stages, block)
		case ok || stmt.(*ast.AttributeStmt).Name.Name != "forward_to":
			return nil, refuse(stmt, "the conversion does not know what this does")
		}
	}
	if attribute(process.Body, "forward_to") == nil {
		return nil, refuse(process, "it forwards to nothing")
	}
	var stop *refusal
	for i, stage := range stages {
		why := p.absorb(stage)
		if why == nil {
			continue
		}
		if !defers(stage) {
			stop = why
			p.kept = append(p.kept, stages[i:]...)
			break
		}
		p.kept = append(p.kept, stage)
	}
	if p.line == wholeRecord {
		if stop != nil {
			return nil, stop
		}
		return nil, refuse(process, "no stage takes the line out of the record, so that entries hold whole records")
	}
	if !p.hasLabel() {
		return nil, refuse(process, "entries can be without labels, and the component gives those the label service_name")
	}
	for _, stage := range p.kept {
		if why := p.staysAsItIs(stage); why != nil {
			if stage.Name[1] == "cri" && stop != nil && spanOf(stage).holds(ast.StartPos(stop.at).Offset()) {
				return nil, stop // Why the component cannot do it tells more.
			}
			return nil, why
		}
	}
	return p, nil
}

// hasLabel reports whether there is a label that entries have for certain.
func (p *pipeline) hasLabel() bool {
	return slices.ContainsFunc(p.labels, func(a assignment) bool {
		return a.kind != fixed || strings.HasPrefix(a.origin.name, `"`) || strings.HasPrefix(a.origin.name, "`")
	})
}

// absorb runs one stage. It changes nothing when it returns a refusal: then the
// component cannot do what the stage does.
func (p *pipeline) absorb(stage *ast.BlockStmt) *refusal {
	run := map[string]func(*arguments) *refusal{
		"json":                p.json,
		"regex":               p.regex,
		"labels":              p.setLabels,
		"static_labels":       p.staticLabels,
		"label_drop":          p.dropLabels,
		"structured_metadata": p.setMetadata,
		"timestamp":           p.timestamp,
		"output":              p.output,
		"cri":                 p.cri,
	}[stage.Name[1]]
	if run == nil || stage.Label != "" {
		return refuse(stage, "the component has nothing that does what this stage does")
	}
	args, why := readArguments(stage)
	if why != nil {
		return why
	}
	before := len(p.notes)
	if why = run(args); why == nil {
		why = args.unread()
	}
	if why != nil {
		p.notes = p.notes[:before]
		return why
	}
	p.absorbed = append(p.absorbed, stage)
	return nil
}

// arguments are those of a stage, which is refused when one is left unread.
type arguments struct {
	stage *ast.BlockStmt
	read  map[string]bool
}

func readArguments(stage *ast.BlockStmt) (*arguments, *refusal) {
	for _, stmt := range stage.Body {
		if _, ok := stmt.(*ast.AttributeStmt); !ok {
			return nil, refuse(stmt, "the conversion does not know what this block does")
		}
	}
	return &arguments{stage, map[string]bool{}}, nil
}

// expr returns the value of an argument, nil when it is not given.
func (a *arguments) expr(name string) ast.Expr {
	a.read[name] = true
	if attr := attribute(a.stage.Body, name); attr != nil {
		return attr.Value
	}
	return nil
}

// text returns the value of an argument that is a string; empty when it is not
// given.
func (a *arguments) text(name string) (string, *refusal) {
	e := a.expr(name)
	if e == nil {
		return "", nil
	}
	value, ok := text(e)
	if !ok {
		return "", refuse(e, "its value is known only when Alloy runs")
	}
	return value, nil
}

// fields returns the members of an argument that is an object of strings: the
// value of one that is null is empty.
func (a *arguments) fields(name string) ([]field, *refusal) {
	e := a.expr(name)
	list, ok := fields(e)
	if !ok {
		return nil, refuse(a.at(e), "its value is known only when Alloy runs")
	}
	return list, nil
}

// at returns the place of an argument, that of the stage when it is not given.
func (a *arguments) at(e ast.Expr) ast.Node {
	if e == nil {
		return a.stage
	}
	return e
}

func (a *arguments) unread() *refusal {
	for _, stmt := range a.stage.Body {
		if attr := stmt.(*ast.AttributeStmt); !a.read[attr.Name.Name] {
			return refuse(attr, "the component has nothing that does what this argument does")
		}
	}
	return nil
}

// fieldText returns the value of an object's member, or its name in the place of
// null and of an empty one.
func fieldText(f field) (string, *refusal) {
	if isLiteral(f.value, "null") {
		return f.name, nil
	}
	value, ok := text(f.value)
	switch {
	case !ok:
		return "", refuse(f.value, "its value is known only when Alloy runs")
	case value == "":
		return f.name, nil
	}
	return value, nil
}

// label returns the value of a label, as far as stages have set it.
func (p *pipeline) label(name string) (origin, bool) { return find(p.labels, name) }

func find(list []assignment, name string) (origin, bool) {
	i := slices.IndexFunc(list, func(a assignment) bool { return a.name == name })
	if i < 0 {
		return origin{}, false
	}
	return list[i].origin, true
}

// assign gives a label a value that is there for every record.
func (p *pipeline) assign(name string, o origin) {
	p.labels = slices.DeleteFunc(p.labels, func(a assignment) bool { return a.name == name })
	p.dropped = slices.DeleteFunc(p.dropped, func(dropped string) bool { return dropped == name })
	p.labels = append(p.labels, assignment{name, o})
}

// mayAssign checks that a label can be set by the component, whose rules come
// after that.
func (p *pipeline) mayAssign(at ast.Node, name string) *refusal {
	if !isLabelName(name) {
		return refuse(at, "the component has no label %q", name)
	}
	if slices.Contains(p.ruled, name) {
		return refuse(at, "a rule of relabel_rules sets %q too, and the component applies rules last", name)
	}
	for _, stage := range p.kept {
		if touches(stage, name) {
			return refuse(at, "a stage that stays, stage.%s, has to do with %q before it", stage.Name[1], name)
		}
	}
	return nil
}
