package docpage

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/syntax/ast"
	"github.com/grafana/alloy/syntax/parser"
	"github.com/grafana/alloy/syntax/printer"
	"github.com/grafana/alloy/syntax/vm"
)

// CheckMetrics checks that the table of metrics names those that have been
// gathered, and no others, in their order, with their types.
func (p *Page) CheckMetrics(t *testing.T, gatherer prometheus.Gatherer) {
	t.Helper()
	families, err := gatherer.Gather()
	require.NoError(t, err)
	var want, got []string
	for _, family := range families {
		want = append(want, fmt.Sprintf("%s %s", family.GetName(), strings.ToLower(family.GetType().String())))
	}
	for _, row := range p.Rows["Debug metrics"] {
		got = append(got, strings.Trim(row[0], "`")+" "+row[1])
	}
	require.Equal(t, want, got)
}

// CheckExamples checks what a user copies, n blocks of code after the first one,
// which has placeholders for values: they parse, they are formatted, and each has
// a block of the component, whose arguments are right. scope is what the examples
// refer to.
func CheckExamples[A any](t *testing.T, p *Page, component string, n int, scope map[string]any) {
	t.Helper()
	require.Len(t, p.Code, n+1)
	for _, code := range p.Code[1:] {
		file, err := parser.ParseFile("README.md", []byte(code))
		require.NoError(t, err)
		var formatted strings.Builder
		require.NoError(t, printer.Fprint(&formatted, file))
		require.Equal(t, strings.ReplaceAll(formatted.String(), "\t", "  ")+"\n", code)

		found := false
		for _, statement := range file.Body {
			block, ok := statement.(*ast.BlockStmt)
			if !ok || block.GetBlockName() != component {
				continue
			}
			var args A
			require.NoError(t, vm.New(block.Body).Evaluate(vm.NewScope(scope), &args))
			found = true
		}
		require.True(t, found)
	}
}
