package convertflow

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/grafana/alloy/syntax/parser"
	"github.com/grafana/alloy/syntax/vm"

	"github.com/grafana/alloy/eks/internal/golden"
)

const docs = "../../docs"

// The page tells all differences as the command does, and all blocks and functions
// that Alloy has under other names or not at all.
func TestPage(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(docs, "convert-flow.md"))
	require.NoError(t, err)
	page := strings.ReplaceAll(string(text), "\n", " ")
	for _, d := range Differences() {
		_, row, ok := strings.Cut(page, fmt.Sprintf("| `%s` | ", d))
		require.True(t, ok, d)
		want := strings.Split(explanations[d], ";")[0]
		require.Contains(t, strings.ToLower(row[:len(want)]), strings.ToLower(want), d)
	}
	for name := range removed {
		require.Contains(t, page, "`"+name+"`")
	}
	for old, now := range functions {
		if !strings.HasPrefix(now, "string.") {
			require.Contains(t, page, "`"+old+"`")
			require.Contains(t, page, "`"+now+"`")
		}
	}
	variants, err := txtar.ParseFile("sidebyside/testdata/variants.txtar")
	require.NoError(t, err)
	require.Len(t, variants.Files, 19, "twenty with that of the blog")
}

// Alloy has every function under its new name.
func TestFunctions_Exist(t *testing.T) {
	for old, now := range functions {
		for _, name := range []string{old, now} {
			expr, err := parser.ParseExpression(name)
			require.NoError(t, err)
			var function any
			require.NoError(t, vm.New(expr).Evaluate(nil, &function), name)
			require.NotNil(t, function, name)
		}
	}
}

// The recipe's converted pipeline is what the command makes of the old one, and it
// is as much shorter as the page says.
func TestBlogPipeline(t *testing.T) {
	recipe := filepath.Join(docs, "recipes", "blog-pipeline")
	in, err := os.ReadFile(recipe + ".river")
	require.NoError(t, err)
	got, err := Convert("blog-pipeline.river", in, Options{})
	require.NoError(t, err)
	if *golden.Update {
		require.NoError(t, os.WriteFile(recipe+".alloy", got.Text, 0o644))
	}
	want, err := os.ReadFile(recipe + ".alloy")
	require.NoError(t, err)
	require.Equal(t, string(want), string(got.Text))

	page, err := os.ReadFile(recipe + ".md")
	require.NoError(t, err)
	before, after := strings.Count(string(in), "\n"), strings.Count(string(want), "\n")
	require.Contains(t, string(page), fmt.Sprintf("%d lines become %d", before, after))
	told := render(got.Findings)
	for _, d := range []Difference{TrueTime, RuntimePrefix, Metadata, OtherRecords} {
		require.Contains(t, told, "("+string(d)+")")
		require.Contains(t, string(page), "`"+string(d)+"`")
	}
	require.Equal(t, 3, strings.Count(told, "was never set"))
}
