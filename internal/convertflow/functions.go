package convertflow

import (
	"github.com/grafana/river/ast"
	"github.com/grafana/river/parser"
)

// functions maps those of River's standard library that Alloy has under another
// name. The old names still work, and will not for ever.
// https://grafana.com/docs/alloy/latest/reference/stdlib/
var functions = map[string]string{
	"base64_decode": "encoding.from_base64",
	"concat":        "array.concat",
	"env":           "sys.env",
	"format":        "string.format",
	"join":          "string.join",
	"json_decode":   "encoding.from_json",
	"nonsensitive":  "convert.nonsensitive",
	"replace":       "string.replace",
	"split":         "string.split",
	"to_lower":      "string.to_lower",
	"to_upper":      "string.to_upper",
	"trim":          "string.trim",
	"trim_prefix":   "string.trim_prefix",
	"trim_space":    "string.trim_space",
	"trim_suffix":   "string.trim_suffix",
	"yaml_decode":   "encoding.from_yaml",
}

// renameFunctions gives functions the names that Alloy has for them. text is what
// the edits have made of the configuration, in which moved expressions are renamed
// like those that stayed.
func (c *conversion) renameFunctions(name string, text []byte) ([]byte, error) {
	file, err := parser.ParseFile(name, text)
	if err != nil {
		return nil, alloyDiagnostics(err)
	}
	var renames edits
	for _, stmt := range file.Body {
		inspect(stmt, func(e ast.Expr) bool {
			call, ok := e.(*ast.CallExpr)
			if !ok {
				return true
			}
			if called, ok := call.Value.(*ast.IdentifierExpr); ok && functions[called.Ident.Name] != "" {
				renames.replace(spanOf(called), functions[called.Ident.Name])
			}
			return true
		})
	}
	return renames.apply(text), nil
}

// removed maps blocks that Alloy does not have to what took their place.
// https://grafana.com/docs/alloy/latest/set-up/migrate/from-flow/
var removed = map[string]string{
	"module.file":                 "import.file and a declare block",
	"module.git":                  "import.git and a declare block",
	"module.http":                 "import.http and a declare block",
	"module.string":               "import.string and a declare block",
	"otelcol.exporter.logging":    "otelcol.exporter.debug",
	"prometheus.exporter.vsphere": "otelcol.receiver.vcenter",
}

// findRemoved reports the blocks that Alloy does not have any more. Their
// arguments have no counterpart that could be written without the user.
func (c *conversion) findRemoved(body ast.Body) {
	for _, stmt := range body {
		block, ok := stmt.(*ast.BlockStmt)
		if !ok {
			continue
		}
		name := block.GetBlockName()
		if instead := removed[name]; instead != "" {
			c.leave(block, refuse(nil, "Alloy has %s in its place", instead))
		}
		if name == declareBlock {
			c.findRemoved(block.Body)
		}
	}
}
