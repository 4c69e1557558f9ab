package convertflow

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/grafana/alloy/syntax/ast"
	"github.com/grafana/alloy/syntax/parser"
)

// FuzzConvert checks what holds of any configuration: what comes out is one too,
// has all comments and all that is no pipeline, and is left alone the second time.
func FuzzConvert(f *testing.F) {
	for _, file := range goldenFiles(f) {
		archive, err := txtar.ParseFile(file)
		require.NoError(f, err)
		for _, in := range archive.Files {
			if strings.HasSuffix(in.Name, ".river") {
				f.Add(in.Data, false)
				f.Add(in.Data, true)
			}
		}
	}
	f.Fuzz(func(t *testing.T, text []byte, comments bool) {
		before, errBefore := parser.ParseFile("in", text)
		got, err := Convert("in", text, Options{Comments: comments})
		if errBefore != nil || bytes.ContainsRune(bytes.ReplaceAll(text, []byte("\r\n"), nil), '\r') {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		after, err := parser.ParseFile("out", got.Text)
		require.NoError(t, err)
		requireComments(t, before, after)
		require.LessOrEqual(t, len(got.Findings), 10*(1+bytes.Count(text, []byte("="))+bytes.Count(text, []byte("{"))))
		for _, finding := range got.Findings {
			require.True(t, finding.Start.Valid())
			require.LessOrEqual(t, finding.Start.Offset, finding.End.Offset)
		}
		again, err := Convert("out", got.Text, Options{Comments: comments})
		require.NoError(t, err)
		require.Equal(t, string(got.Text), string(again.Text))
		require.False(t, slices.ContainsFunc(again.Findings, func(f Finding) bool { return f.Kind == Converted }))
	})
}

// requireComments checks that every comment is still there.
func requireComments(t *testing.T, before, after *ast.File) {
	t.Helper()
	have := map[string]int{}
	for _, group := range after.Comments {
		for _, c := range group {
			have[c.Text]++
		}
	}
	for _, group := range before.Comments {
		for _, c := range group {
			have[c.Text]--
			require.GreaterOrEqual(t, have[c.Text], 0, c.Text)
		}
	}
}
