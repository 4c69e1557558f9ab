// Package convertflow turns configurations of Grafana Agent in flow mode, which
// are written in River, into configurations of Alloy, and in them pipelines of
// loki.source.awsfirehose into awsfirehose.kubernetes.
//
// River and Alloy's syntax are one grammar, so that a configuration stays what it
// is but for functions that have other names now (functions.go). A pipeline is
// rewritten when its stages, run on a record of which nothing is known but its
// form (pipeline.go), give an entry that the component gives too: the same line
// and the same labels, and a time that is as exact or more so. What is the same
// otherwise, and by which name the output may be better, is said in
// docs/convert-flow.md and at [Difference].
//
// Nothing else of the text is touched: the layout and all comments stay.
package convertflow

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/grafana/river/ast"
	riverdiag "github.com/grafana/river/diag"
	"github.com/grafana/river/parser"
	rivertoken "github.com/grafana/river/token"

	"github.com/grafana/alloy/syntax/diag"
	alloyparser "github.com/grafana/alloy/syntax/parser"
	"github.com/grafana/alloy/syntax/token"
)

// Difference names a way in which the entries of awsfirehose.kubernetes are
// better than those of the pipeline that it replaces.
type Difference string

const (
	// TrueTime is a line with the time at which it was written, where the pipeline
	// gave it that of its arrival, of Firehose's request or of the line before it.
	TrueTime Difference = "true_time"
	// RuntimePrefix is a line without the prefix of the container runtime, which
	// the pipeline left in it. Pieces of a line that have one are joined.
	RuntimePrefix Difference = "runtime_prefix"
	// Fragments are pieces of lines, joined by container and for a minute at most,
	// where the pipeline joined them by their labels, or did not. A joined line has
	// the time of its first piece, and not of its last.
	Fragments Difference = "fragments"
	// Metadata is the structured metadata that entries have beside their labels.
	Metadata Difference = "structured_metadata"
	// OtherRecords are records of a form that the pipeline has no stages for. It
	// stored them as they came; the component finds their lines.
	OtherRecords Difference = "other_records"
)

// Differences lists every Difference.
func Differences() []Difference {
	return []Difference{TrueTime, RuntimePrefix, Fragments, Metadata, OtherRecords}
}

// Kind says what a Finding tells.
type Kind string

const (
	// Converted tells what was rewritten.
	Converted Kind = "converted"
	// Differs tells in which way the result differs; see Finding.Difference.
	Differs Kind = "differs"
	// Noted tells what is worth to know of what was rewritten.
	Noted Kind = "noted"
	// Left tells what was left alone, and why.
	Left Kind = "left alone"
)

// Finding is something to tell the user about a place in the configuration.
type Finding struct {
	Kind       Kind
	Difference Difference // Of a Finding that Differs, otherwise empty.
	// Start and End are the first and the last character of the place, in the
	// configuration that was read.
	Start, End token.Position
	Message    string
}

// Options say how to convert. The zero value is good.
type Options struct {
	// Refuse lists differences that must not be: a pipeline whose result would
	// differ so is left alone.
	Refuse []Difference
	// Comments writes above what was left alone a comment that says why.
	Comments bool
}

// Result is a converted configuration.
type Result struct {
	// Text is the configuration. It is good for Alloy's parser.
	Text []byte
	// Findings are ordered by where they are.
	Findings []Finding
}

// errLoneReturn is returned for text in which positions cannot be trusted: River's
// scanner takes carriage returns out of comments and raw strings.
var errLoneReturn = errors.New("cannot convert: a carriage return stands in the middle of a line")

// Convert converts a configuration. The name is that of its file, for positions.
// src is not changed. The error is of type diag.Diagnostics when src is no
// configuration.
func Convert(name string, src []byte, opts Options) (Result, error) {
	text := bytes.ReplaceAll(src, []byte("\r\n"), []byte("\n"))
	if bytes.ContainsRune(text, '\r') {
		return Result{}, errLoneReturn
	}
	file, err := parser.ParseFile(name, text)
	if err != nil {
		return Result{}, alloyDiagnostics(err)
	}
	c := &conversion{source: source{text: text, comments: flatten(file.Comments)}, opts: opts}
	c.convertBody(file.Body)
	c.findRemoved(file.Body)
	c.editRemoved()
	out := c.edits.apply(text)
	if out, err = c.renameFunctions(name, out); err != nil {
		return Result{}, err
	}
	out = layOut(name, text, out)
	if _, err := alloyparser.ParseFile(name, out); err != nil {
		return Result{}, fmt.Errorf("cannot write what Alloy reads: %w", err)
	}
	if len(text) < len(src) {
		out = bytes.ReplaceAll(out, []byte("\n"), []byte("\r\n"))
	}
	slices.SortStableFunc(c.findings, func(a, b Finding) int { return a.Start.Offset - b.Start.Offset })
	return Result{Text: out, Findings: c.findings}, nil
}

// conversion is a configuration on its way.
type conversion struct {
	source
	opts     Options
	edits    edits
	removed  []span // Statements that go away.
	findings []Finding
}

// report adds a finding about a node.
func (c *conversion) report(kind Kind, at ast.Node, format string, args ...any) {
	c.findings = append(c.findings, Finding{
		Kind: kind, Start: position(ast.StartPos(at)), End: position(ast.EndPos(at)), Message: fmt.Sprintf(format, args...),
	})
}

// reportName adds a finding about a block, of which it shows the name only.
func (c *conversion) reportName(kind Kind, block *ast.BlockStmt, format string, args ...any) *Finding {
	end := block.NamePos.Add(len(block.GetBlockName()) - 1)
	if block.Label != "" {
		end = block.LabelPos.Add(len(block.Label) + 1)
	}
	c.findings = append(c.findings, Finding{
		Kind: kind, Start: position(block.NamePos), End: position(end), Message: fmt.Sprintf(format, args...),
	})
	return &c.findings[len(c.findings)-1]
}

// leave reports a component that stays as it is, because of what is at the place.
func (c *conversion) leave(component *ast.BlockStmt, why *refusal) {
	name := component.GetBlockName()
	if component.Label != "" {
		name += fmt.Sprintf(" %q", component.Label)
	}
	message := name + " stays as it is: " + why.String()
	switch at := why.at.(type) {
	case nil:
		c.reportName(Left, component, "%s", message)
	case *ast.BlockStmt:
		c.reportName(Left, at, "%s", message)
	default:
		c.report(Left, at, "%s", message)
	}
	if c.opts.Comments {
		c.explain(component, why)
	}
}

// refusal says why a component cannot be rewritten.
type refusal struct {
	at     ast.Node // What stands in the way; nil for the component itself.
	reason string
}

// String returns the reason, with the name of the block that it is about.
func (r *refusal) String() string {
	if block, ok := r.at.(*ast.BlockStmt); ok {
		return block.GetBlockName() + ": " + r.reason
	}
	return r.reason
}

func refuse(at ast.Node, format string, args ...any) *refusal {
	return &refusal{at: at, reason: fmt.Sprintf(format, args...)}
}

func position(p rivertoken.Pos) token.Position { return token.Position(p.Position()) }

// alloyDiagnostics returns the errors of River's parser as Alloy's, which they
// are to the letter, so that they are shown in the same way.
func alloyDiagnostics(err error) error {
	var list riverdiag.Diagnostics
	if !errors.As(err, &list) {
		return fmt.Errorf("cannot read configuration: %w", err)
	}
	var out diag.Diagnostics
	for _, d := range list {
		out.Add(diag.Diagnostic{
			Severity: diag.SeverityLevelError,
			StartPos: token.Position(d.StartPos), EndPos: token.Position(d.EndPos), Message: d.Message, Value: d.Value,
		})
	}
	return out
}
