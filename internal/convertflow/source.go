package convertflow

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/grafana/river/ast"
	"github.com/grafana/river/token"
)

// source is the text of a configuration, and what its syntax tree leaves out.
type source struct {
	text     []byte
	comments []*ast.Comment // In their order.
}

// span is a piece of the text, from start up to end.
type span struct{ start, end int }

func (s span) holds(offset int) bool { return s.start <= offset && offset < s.end }

func spanOf(n ast.Node) span {
	return span{ast.StartPos(n).Offset(), ast.EndPos(n).Offset() + 1}
}

func commentSpan(c *ast.Comment) span {
	return span{c.StartPos.Offset(), c.StartPos.Offset() + len(c.Text)}
}

func flatten(groups []ast.CommentGroup) []*ast.Comment {
	var all []*ast.Comment
	for _, g := range groups {
		all = append(all, g...)
	}
	return all
}

func (s *source) of(n ast.Node) string {
	at := spanOf(n)
	return string(s.text[at.start:at.end])
}

// lineStart returns where the line of an offset begins.
func (s *source) lineStart(offset int) int {
	return bytes.LastIndexByte(s.text[:offset], '\n') + 1
}

// lineEnd returns where the line of an offset ends, before its line feed.
func (s *source) lineEnd(offset int) int {
	if i := bytes.IndexByte(s.text[offset:], '\n'); i >= 0 {
		return offset + i
	}
	return len(s.text)
}

// indent returns the white space before what stands at the offset; ok is false
// when something else stands on the line before it.
func (s *source) indent(offset int) (white string, ok bool) {
	before := s.text[s.lineStart(offset):offset]
	if len(bytes.Trim(before, " \t")) > 0 {
		return "", false
	}
	return string(before), true
}

// statement returns the span of a statement with the comments that belong to it:
// those right above it and the one behind it on its line.
func (s *source) statement(n ast.Stmt) span {
	at := spanOf(n)
	if _, first := s.indent(at.start); first {
		for i := len(s.comments) - 1; i >= 0; i-- {
			c := commentSpan(s.comments[i])
			if c.start >= at.start {
				continue
			}
			_, alone := s.indent(c.start)
			between := s.text[min(c.end, at.start):at.start]
			if !alone || len(bytes.TrimSpace(between)) > 0 || bytes.Count(between, []byte("\n")) != 1 {
				break
			}
			at.start = c.start
		}
	}
	end := s.lineEnd(at.end)
	for _, c := range s.comments {
		if c := commentSpan(c); c.start >= at.end && c.start <= end && len(bytes.TrimSpace(s.text[at.end:c.start])) == 0 {
			at.end = c.end
		}
	}
	return at
}

// lines widens a span to whole lines when nothing else stands on them, and to one
// of two blank lines that would meet.
func (s *source) lines(at span) span {
	indent, first := s.indent(at.start)
	end := s.lineEnd(at.end)
	if !first || len(bytes.TrimSpace(s.text[at.end:end])) > 0 {
		return at
	}
	at = span{at.start - len(indent), min(end+1, len(s.text))}
	before, after := s.text[:at.start], s.text[at.end:]
	blank := bytes.HasSuffix(before, []byte("\n\n"))
	next, _, _ := bytes.Cut(after, []byte("\n"))
	switch next = bytes.TrimSpace(next); {
	case len(after) > 0 && len(next) == 0 && (blank || len(before) == 0 || bytes.HasSuffix(before, []byte("{\n"))):
		at.end = min(s.lineEnd(at.end)+1, len(s.text))
	case blank && (len(after) == 0 || len(next) > 0 && next[0] == '}'):
		at.start--
	}
	return at
}

// within returns the text of the comments that begin in a span.
func (s *source) within(at span) []string {
	var list []string
	for _, c := range s.comments {
		if at.holds(c.StartPos.Offset()) {
			list = append(list, c.Text)
		}
	}
	return list
}

// attribute returns an attribute of a body, nil when there is none.
func attribute(body ast.Body, name string) *ast.AttributeStmt {
	for _, stmt := range body {
		if a, ok := stmt.(*ast.AttributeStmt); ok && a.Name.Name == name {
			return a
		}
	}
	return nil
}

// text returns the value of a string literal.
func text(e ast.Expr) (value string, ok bool) {
	literal, ok := e.(*ast.LiteralExpr)
	if !ok || literal.Kind != token.STRING {
		return "", false
	}
	value, err := strconv.Unquote(literal.Value)
	return value, err == nil
}

// isLiteral reports whether an expression is the literal with that text.
func isLiteral(e ast.Expr, value string) bool {
	literal, ok := e.(*ast.LiteralExpr)
	return ok && literal.Value == value
}

// field is a member of an object whose name is known.
type field struct {
	name  string
	value ast.Expr
}

// fields returns the members of an object literal.
func fields(e ast.Expr) (list []field, ok bool) {
	object, ok := e.(*ast.ObjectExpr)
	if !ok {
		return nil, false
	}
	for _, f := range object.Fields {
		if strings.Contains(f.Name.Name, `\`) {
			return nil, false
		}
		list = append(list, field{f.Name.Name, f.Value})
	}
	return list, true
}

// texts returns the values of a list of string literals.
func texts(e ast.Expr) (list []string, ok bool) {
	array, ok := e.(*ast.ArrayExpr)
	if !ok {
		return nil, false
	}
	for _, element := range array.Elements {
		value, ok := text(element)
		if !ok {
			return nil, false
		}
		list = append(list, value)
	}
	return list, true
}

// reference returns what an expression refers to, such as
// loki.process.default.receiver; empty when it is anything else.
func reference(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.IdentifierExpr:
		return e.Ident.Name
	case *ast.AccessExpr:
		if of := reference(e.Value); of != "" {
			return of + "." + e.Name.Name
		}
	}
	return ""
}

// inspect calls f for every expression in a statement, the outer ones first,
// until it returns false for one.
func inspect(stmt ast.Stmt, f func(ast.Expr) bool) {
	switch stmt := stmt.(type) {
	case *ast.AttributeStmt:
		inspectExpr(stmt.Value, f)
	case *ast.BlockStmt:
		for _, inner := range stmt.Body {
			inspect(inner, f)
		}
	}
}

func inspectExpr(e ast.Expr, f func(ast.Expr) bool) {
	if e == nil || !f(e) {
		return
	}
	switch e := e.(type) {
	case *ast.ArrayExpr:
		for _, element := range e.Elements {
			inspectExpr(element, f)
		}
	case *ast.ObjectExpr:
		for _, member := range e.Fields {
			inspectExpr(member.Value, f)
		}
	case *ast.AccessExpr:
		inspectExpr(e.Value, f)
	case *ast.IndexExpr:
		inspectExpr(e.Value, f)
		inspectExpr(e.Index, f)
	case *ast.CallExpr:
		inspectExpr(e.Value, f)
		for _, argument := range e.Args {
			inspectExpr(argument, f)
		}
	case *ast.UnaryExpr:
		inspectExpr(e.Value, f)
	case *ast.BinaryExpr:
		inspectExpr(e.Left, f)
		inspectExpr(e.Right, f)
	case *ast.ParenExpr:
		inspectExpr(e.Inner, f)
	}
}
