package convertflow

import (
	"slices"
	"strings"

	"github.com/grafana/river/ast"
)

// reading is what a stage looks at.
type reading struct {
	extracted []string // Names among what stages before it have extracted.
	line      ast.Node // What reads the line.
	time      ast.Node // What reads the time.
	all       ast.Node // What can read anything.
}

func (r *reading) add(other reading) {
	r.extracted = append(r.extracted, other.extracted...)
	if r.line == nil {
		r.line = other.line
	}
	if r.time == nil {
		r.time = other.time
	}
	if r.all == nil {
		r.all = other.all
	}
}

// staysAsItIs checks that a stage behind the component does what it did before:
// there, all that it can look at is the entry, with its labels extracted.
func (p *pipeline) staysAsItIs(stage *ast.BlockStmt) *refusal {
	r := readingOf(stage)
	switch {
	case r.all != nil:
		return refuse(r.all, "the conversion does not know what this reads of what the stages before it have extracted")
	case r.line != nil && p.line == logText:
		return refuse(r.line, "it reads the line, which the component gives without the prefix of a container runtime: with a stage.cri before it, it is known to have none")
	case r.time != nil && p.time != prefixTime:
		return refuse(r.time, "it compares the time of the entry, which can be a better one now")
	}
	for _, name := range r.extracted {
		before, wasThere := p.extracted[name]
		now, isLabel := p.label(name)
		if wasThere != isLabel || before != now {
			return refuse(stage, "it reads %q, which stages before it have extracted or made a label", name)
		}
	}
	return nil
}

// readingOf returns what a stage looks at.
func readingOf(stage *ast.BlockStmt) reading {
	switch stage.Name[len(stage.Name)-1] {
	case "label_drop", "label_keep", "static_labels", "limit", "sampling", "structured_metadata_drop":
		return reading{}
	case "cri", "decolorize", "docker", "multiline", "pack", "truncate":
		return reading{line: stage}
	case "json", "logfmt", "regex", "replace", "luhn", "pattern":
		return readingOfSource(stage)
	case "output", "timestamp":
		return readingOfNames(stage, "source")
	case "tenant":
		if attribute(stage.Body, "source") == nil {
			return reading{}
		}
		return readingOfNames(stage, "source")
	case "labels":
		if attribute(stage.Body, "source_type") != nil {
			return reading{all: stage}
		}
		return readingOfValues(stage)
	case "structured_metadata":
		if attribute(stage.Body, "regex") != nil {
			return reading{all: stage}
		}
		return readingOfValues(stage)
	case "drop":
		return readingOfDrop(stage)
	case "match":
		return readingOfMatch(stage)
	case "metrics":
		return readingOfMetrics(stage)
	}
	return reading{all: stage}
}

// readingOfSource is that of a stage which reads its source, or else the line.
func readingOfSource(stage *ast.BlockStmt) reading {
	if attribute(stage.Body, "source") == nil {
		return reading{line: stage}
	}
	return readingOfNames(stage, "source")
}

// readingOfNames is that of a stage which reads what one argument names, a list
// with commas for stage.drop.
func readingOfNames(stage *ast.BlockStmt, argument string) reading {
	attr := attribute(stage.Body, argument)
	if attr == nil {
		return reading{all: stage}
	}
	names, ok := text(attr.Value)
	if !ok {
		return reading{all: attr}
	}
	return reading{extracted: strings.Split(names, ",")}
}

// readingOfValues is that of a stage which gives names to what was extracted.
func readingOfValues(stage *ast.BlockStmt) reading {
	attr := attribute(stage.Body, "values")
	if attr == nil {
		return reading{all: stage}
	}
	list, ok := fields(attr.Value)
	if !ok {
		return reading{all: attr}
	}
	var r reading
	for _, f := range list {
		from, why := fieldText(f)
		if why != nil {
			return reading{all: f.value}
		}
		r.extracted = append(r.extracted, from)
	}
	return r
}

func readingOfDrop(stage *ast.BlockStmt) reading {
	var r reading
	if attribute(stage.Body, "source") != nil {
		r = readingOfNames(stage, "source")
	} else if attribute(stage.Body, "expression") != nil || attribute(stage.Body, "value") != nil {
		r.line = stage
	}
	if attr := attribute(stage.Body, "longer_than"); attr != nil {
		r.line = attr
	}
	if attr := attribute(stage.Body, "older_than"); attr != nil {
		r.time = attr
	}
	return r
}

func readingOfMatch(stage *ast.BlockStmt) reading {
	var r reading
	for _, stmt := range stage.Body {
		switch stmt := stmt.(type) {
		case *ast.BlockStmt:
			r.add(readingOf(stmt))
		case *ast.AttributeStmt:
			if stmt.Name.Name != "selector" {
				continue
			}
			selector, ok := text(stmt.Value)
			if !ok {
				r.all = stmt
			}
			// Behind the labels come filters of the line. A brace in a label's value ends
			// nothing, and then this errs on the safe side.
			if !strings.HasSuffix(strings.TrimSpace(selector), "}") || strings.ContainsAny(selector, "|`") || strings.Contains(selector, "} !") {
				r.line = stmt
			}
		}
	}
	return r
}

func readingOfMetrics(stage *ast.BlockStmt) reading {
	var r reading
	for _, stmt := range stage.Body {
		metric, ok := stmt.(*ast.BlockStmt)
		if !ok {
			continue
		}
		argument := "source"
		if attribute(metric.Body, argument) == nil {
			argument = "name"
		}
		r.add(readingOfNames(metric, argument))
		if attr := attribute(metric.Body, "count_entry_bytes"); attr != nil {
			r.line = attr
		}
	}
	return r
}

// defers reports whether a stage does the same when it comes after stages that
// the component takes the place of, as long as none of them touches its labels.
func defers(stage *ast.BlockStmt) bool {
	switch stage.Name[1] {
	case "static_labels":
		attr := attribute(stage.Body, "values")
		if attr == nil {
			return false
		}
		_, ok := fields(attr.Value)
		return ok
	case "tenant":
		return len(stage.Body) == 1 && attribute(stage.Body, "source") == nil
	}
	return false
}

// touches reports whether a stage that defers sets or reads a label.
func touches(stage *ast.BlockStmt, label string) bool {
	if stage.Name[1] == "tenant" {
		attr := attribute(stage.Body, "label")
		return attr != nil && !isOtherText(attr.Value, label)
	}
	list, _ := fields(attribute(stage.Body, "values").Value)
	return slices.ContainsFunc(list, func(f field) bool { return f.name == label })
}

// isOtherText reports whether an expression is for certain not that text.
func isOtherText(e ast.Expr, not string) bool {
	value, ok := text(e)
	return ok && value != not
}
