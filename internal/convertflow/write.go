package convertflow

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/grafana/river/ast"
	"github.com/grafana/river/token"
)

const (
	clusterLabel = "cluster"
	streamLabel  = "stream"
)

// defaultLabels are those that entries of the component have by themselves, but
// for cluster, which is an argument of its own, and where their values are from.
var defaultLabels = []assignment{
	{"namespace", origin{fromRecord, "kubernetes" + pathSign + "namespace_name"}},
	{"container", origin{fromRecord, "kubernetes" + pathSign + "container_name"}},
	{"app", origin{}}, // Of several labels of the pod.
	{"service_name", origin{}},
	{streamLabel, origin{fromPrefix, partStream}},
}

// defaultMetadata is the structured metadata that they have by themselves and that
// can be taken away.
var defaultMetadata = []string{"pod", "node", "image"}

// rewrite is one component in the place of a source and its stages.
type rewrite struct {
	source   *ast.BlockStmt
	pipeline *pipeline
	lines    []string // What is added to the source's arguments, unindented.
	remove   []ast.Stmt
	moved    []string // Comments of what goes away.
}

// convertPipeline rewrites the sources of a loki.process, or leaves all of them
// alone.
func (c *conversion) convertPipeline(s *scope, sources []*ast.BlockStmt, process *ast.BlockStmt) {
	var list []*rewrite
	var why *refusal
	for _, block := range sources {
		var r *rewrite
		if r, why = c.plan(s, block, process); why != nil {
			break
		}
		list = append(list, r)
	}
	if why == nil && slices.ContainsFunc(list, func(r *rewrite) bool { return !slices.Equal(r.pipeline.kept, list[0].pipeline.kept) }) {
		why = refuse(process, "because of their relabel_rules, its sources would need different stages behind them")
	}
	if why != nil {
		for _, block := range sources {
			c.leave(block, why)
		}
		return
	}
	p := list[0].pipeline // The same stages stay for all of them.
	c.removeStages(process, p, list[0])
	for _, r := range list {
		c.write(r, process)
		c.tell(r, process)
	}
	for _, n := range p.notes {
		c.report(Noted, n.at, "%s", n.message)
	}
}

// plan finds out what a source with its stages becomes.
func (c *conversion) plan(s *scope, block, process *ast.BlockStmt) (*rewrite, *refusal) {
	ruled, why := s.ruledLabels(block)
	if why != nil {
		return nil, why
	}
	p, why := newPipeline(&c.source, process, ruled)
	if why != nil {
		return nil, why
	}
	for _, d := range p.differences() {
		if slices.Contains(c.opts.Refuse, d) {
			return nil, refuse(nil, "the result would differ in %s", d)
		}
	}
	r := &rewrite{source: block, pipeline: p}
	if why := r.checkArguments(); why != nil {
		return nil, why
	}
	r.lines = p.arguments()
	return r, nil
}

// differences lists the ways in which the result differs.
func (p *pipeline) differences() []Difference {
	list := []Difference{Metadata, OtherRecords}
	if p.time != prefixTime {
		list = append(list, TrueTime)
	}
	if p.line == logText {
		list = append(list, RuntimePrefix)
	}
	if p.waits || p.cuts {
		list = append(list, Fragments)
	}
	return list
}

// sourceArguments are the arguments of loki.source.awsfirehose that the component
// takes as they are.
var sourceArguments = []string{"forward_to", "access_key", "relabel_rules", "graceful_shutdown_timeout", "http", "grpc"}

// deliveryTimeout is the component's default for how long receivers may take: its
// server must not give up before.
const deliveryTimeout = 50 * time.Second

// checkArguments finds those of the source's arguments that go away.
func (r *rewrite) checkArguments() *refusal {
	for _, stmt := range r.source.Body {
		if attr, ok := stmt.(*ast.AttributeStmt); ok {
			value, literal := text(attr.Value)
			switch name := attr.Name.Name; {
			case name == "use_incoming_timestamp", name == "access_key" && literal && value == "":
				r.remove = append(r.remove, stmt)
			case !slices.Contains(sourceArguments, name):
				return refuse(stmt, "the conversion does not know what this does")
			}
			continue
		}
		block := stmt.(*ast.BlockStmt)
		if name := block.GetBlockName(); name != "http" && name != "grpc" {
			return refuse(stmt, "the conversion does not know what this does")
		}
		if attr := attribute(block.Body, "server_write_timeout"); attr != nil && block.GetBlockName() == "http" {
			value, _ := text(attr.Value)
			if d, err := time.ParseDuration(value); err != nil || d <= deliveryTimeout {
				r.remove = append(r.remove, attr)
			}
		}
	}
	return nil
}

// arguments returns the arguments of the component that do what the stages did.
func (p *pipeline) arguments() []string {
	var lines, labels, metadata []string
	for _, a := range p.labels {
		if a.name == clusterLabel && a.kind == fixed {
			lines = append(lines, "cluster = "+a.origin.name)
		} else if !slices.Contains(defaultLabels, a) && !(a.name == streamLabel && a.isStream()) {
			labels = append(labels, a.name, a.value())
		}
	}
	for _, d := range defaultLabels {
		if _, ok := p.label(d.name); !ok && !slices.Contains(p.dropped, d.name) {
			labels = append(labels, d.name, `""`)
		}
	}
	for _, name := range p.dropped {
		labels = append(labels, name, `""`)
	}
	for _, name := range defaultMetadata {
		_, isLabel := p.label(name)
		if _, ok := find(p.metadata, name); isLabel && !ok {
			metadata = append(metadata, name, `""`) // One of the name is enough.
		}
	}
	for _, a := range p.metadata {
		metadata = append(metadata, a.name, a.value())
	}
	lines = append(lines, object("labels", labels)...)
	lines = append(lines, object("structured_metadata", metadata)...)
	if p.waits {
		lines = append(lines, "", "partial_lines {", "\t"+`max_wait = "1m"`, "}")
	}
	if p.time != arrivalTime {
		// The pipeline had no bounds for times.
		lines = append(lines, "", "timestamp {", "\t"+`max_age    = "0s"`, "\t"+`max_future = "0s"`, "}")
	}
	return lines
}

// value returns what the arguments labels and structured_metadata have for it.
func (a assignment) value() string {
	if a.kind == fixed {
		return a.origin.name
	}
	name, _ := a.internalLabel()
	return strconv.Quote(name)
}

// member returns the name of an object's member as it is written.
func member(name string) string {
	if token.Lookup(name) != token.IDENT {
		return strconv.Quote(name)
	}
	return name
}

// object writes an argument that is an object of names and values.
func object(name string, members []string) []string {
	if len(members) == 0 {
		return nil
	}
	for i := 0; i < len(members); i += 2 {
		members[i] = member(members[i])
	}
	if len(members) == 2 {
		return []string{fmt.Sprintf("%s = {%s = %s}", name, members[0], members[1])}
	}
	width := 0
	for i := 0; i < len(members); i += 2 {
		width = max(width, len(members[i]))
	}
	lines := []string{name + " = {"}
	for i := 0; i < len(members); i += 2 {
		lines = append(lines, fmt.Sprintf("\t%-*s = %s,", width, members[i], members[i+1]))
	}
	return append(lines, "}")
}

// removeStages takes the stages out of a loki.process, all of it when none stays.
// Their comments go to the first component.
func (c *conversion) removeStages(process *ast.BlockStmt, p *pipeline, first *rewrite) {
	if len(p.kept) > 0 {
		for _, stage := range p.absorbed {
			c.remove(stage, first)
		}
		return
	}
	at := c.statement(process)
	forwardTo := spanOf(attribute(process.Body, "forward_to").Value)
	for _, comment := range c.comments {
		if offset := comment.StartPos.Offset(); at.holds(offset) && !forwardTo.holds(offset) {
			first.moved = append(first.moved, comment.Text)
		}
	}
	c.removed = append(c.removed, at)
}

// remove takes a statement out, and keeps its comments for the component.
func (c *conversion) remove(stmt ast.Stmt, r *rewrite) {
	at := c.statement(stmt)
	r.moved = append(r.moved, c.within(at)...)
	c.removed = append(c.removed, at)
}

// editRemoved takes out what goes away. What stands side by side goes as one, with
// the blank lines between.
func (c *conversion) editRemoved() {
	slices.SortFunc(c.removed, func(a, b span) int { return a.start - b.start })
	for i := 0; i < len(c.removed); {
		at := c.removed[i]
		for i++; i < len(c.removed); i++ {
			next := c.removed[i]
			if next.start > at.end && len(bytes.TrimSpace(c.source.text[at.end:next.start])) > 0 {
				break
			}
			at.end = max(at.end, next.end)
		}
		c.edits.replace(c.lines(at), "")
	}
}

// write makes the component of the source.
func (c *conversion) write(r *rewrite, process *ast.BlockStmt) {
	name := r.source.NamePos.Offset()
	c.edits.replace(span{name, name + len(sourceBlock)}, componentBlock)
	to := attribute(r.source.Body, "forward_to")
	for _, stmt := range r.remove {
		c.remove(stmt, r)
	}
	if len(r.pipeline.kept) == 0 {
		r.moved = append(c.within(spanOf(to.Value)), r.moved...)
		c.edits.replace(spanOf(to.Value), c.of(attribute(process.Body, "forward_to").Value))
	}
	c.insertBehind(to, slices.Concat(r.moved, r.lines))
}

// insertBehind adds lines behind a statement, in its indentation.
func (c *conversion) insertBehind(stmt ast.Stmt, lines []string) {
	at := spanOf(stmt)
	indent, ok := c.indent(at.start)
	if !ok {
		indent = "\t"
	}
	step := "\t"
	if strings.HasSuffix(indent, " ") {
		step = "  "
	}
	end := c.lineEnd(at.end)
	rest := strings.TrimSpace(string(c.source.text[at.end:end]))
	alone := rest == "" || strings.HasPrefix(rest, "//")
	if !alone {
		end = at.end
	}
	var out strings.Builder
	for _, line := range lines {
		out.WriteString("\n")
		if tabs := len(line) - len(strings.TrimLeft(line, "\t")); line != "" {
			out.WriteString(indent + strings.Repeat(step, tabs) + line[tabs:])
		}
	}
	if !alone {
		out.WriteString("\n")
	}
	c.edits.insert(end, out.String())
}

// tell reports what became of a source.
func (c *conversion) tell(r *rewrite, process *ast.BlockStmt) {
	what := "and takes the place of " + fullName(process)
	if len(r.pipeline.kept) > 0 {
		what = fmt.Sprintf("and takes the place of %d stages of %s", len(r.pipeline.absorbed), fullName(process))
	}
	c.reportName(Converted, r.source, "%s %q is %s now, %s", sourceBlock, r.source.Label, componentBlock, what)
	for _, d := range r.pipeline.differences() {
		c.reportName(Differs, r.source, "%s", explanations[d]).Difference = d
	}
	for _, stmt := range r.remove {
		name := stmt.(*ast.AttributeStmt).Name.Name
		c.report(Noted, stmt, "%s is gone: %s", name, removals[name])
	}
}

// explanations say what a difference means.
var explanations = map[Difference]string{
	TrueTime:      "an entry has the time at which its line was written, also where the stages did not find one",
	RuntimePrefix: "a line that begins with the prefix of a container runtime is stored without it, and its pieces as one line",
	Fragments:     "the pieces of a line that the container runtime cut are joined for each container, wait for a minute at most, and have the time of the first",
	Metadata:      "entries have structured metadata: pod, node, image, level, timestamp_source",
	OtherRecords:  "records that the stages could not read were stored as they came; the component looks for lines in them",
}

// removals say why an argument of the source goes away.
var removals = map[string]string{
	"access_key":             "it is empty, which is an error in the component; without it all deliveries are let in, as before",
	"server_write_timeout":   "the component's own is 3m, and it must be longer than limits.delivery_timeout",
	"use_incoming_timestamp": "it has no effect in the component",
}

// explain writes above a component why it was left alone, unless that is there
// already.
func (c *conversion) explain(block *ast.BlockStmt, why *refusal) {
	start := block.NamePos.Offset()
	indent, ok := c.indent(start)
	if !ok {
		return
	}
	line := indent + "// convert-flow left this alone: " + why.String() + ".\n"
	above := c.source.text[:c.lineStart(start)]
	if before, there := bytes.CutSuffix(above, []byte(line)); !there || len(before) > 0 && !bytes.HasSuffix(before, []byte("\n")) {
		c.edits.insert(len(above), line)
	}
}
