package distribution

import (
	"github.com/grafana/alloy/syntax/ast"
)

// secretLists are the attributes whose literals are secrets though Alloy does not
// see it: it knows values that are one secret, not an optional one or a list.
var secretLists = map[string]bool{"access_key": true, "access_keys": true}

// redact marks such literals, so that the support bundle shows the configuration
// without them.
func redact(files map[string]*ast.File) {
	for _, file := range files {
		ast.Walk(redactor{}, file)
	}
}

// redactor is a visitor of what may hold such an attribute, or of its value.
type redactor struct{ inside bool }

// Visit implements ast.Visitor.
func (r redactor) Visit(node ast.Node) ast.Visitor {
	switch n := node.(type) {
	case *ast.AttributeStmt:
		return redactor{inside: secretLists[n.Name.Name]}
	case *ast.LiteralExpr:
		if r.inside {
			n.SetSecret(true)
		}
	}
	return r
}
