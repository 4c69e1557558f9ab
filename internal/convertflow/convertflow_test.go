package convertflow

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/grafana/alloy/syntax/diag"

	"github.com/grafana/alloy/eks/internal/golden"
)

// TestGolden reads testdata/*.txtar: for each case a file name/in.river, and what
// comes of it in name/out.alloy and name/findings. The comment of an archive's
// case name, if it holds "comments" or "refuse <difference>", sets the options.
func TestGolden(t *testing.T) {
	golden.Check(t, "testdata/*.txtar", func(t *testing.T, in txtar.File) []txtar.File {
		name, ok := strings.CutSuffix(in.Name, "/in.river")
		if !ok {
			return nil
		}
		opts := optionsOf(name)
		got, err := Convert("in.river", in.Data, opts)
		require.NoError(t, err, name)
		again, err := Convert("out.alloy", got.Text, opts)
		require.NoError(t, err, name)
		require.Equal(t, string(got.Text), string(again.Text), "%s: converted twice", name)
		return []txtar.File{{Name: name + "/out.alloy", Data: got.Text}, {Name: name + "/findings", Data: []byte(render(got.Findings))}}
	})
}

func goldenFiles(t testing.TB) []string {
	t.Helper()
	entries, err := os.ReadDir("testdata")
	require.NoError(t, err)
	var files []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".txtar") {
			files = append(files, "testdata/"+e.Name())
		}
	}
	require.NotEmpty(t, files)
	return files
}

// optionsOf returns the options of a case, which stand in its name: a case
// name+comments writes comments, and name+true_time refuses that difference.
func optionsOf(name string) Options {
	var opts Options
	for _, option := range strings.Split(name, "+")[1:] {
		if option == "comments" {
			opts.Comments = true
		} else {
			opts.Refuse = append(opts.Refuse, Difference(option))
		}
	}
	return opts
}

func render(findings []Finding) string {
	var sb strings.Builder
	for _, f := range findings {
		kind := string(f.Kind)
		if f.Difference != "" {
			kind += " (" + string(f.Difference) + ")"
		}
		fmt.Fprintf(&sb, "%d:%d-%d:%d %s: %s\n", f.Start.Line, f.Start.Column, f.End.Line, f.End.Column, kind, f.Message)
	}
	return sb.String()
}

func TestConvert_Failure(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		_, err := Convert("in.river", []byte(text), Options{})
		require.ErrorContains(t, err, want)
	}
	f("a \"b\"\n", "in.river:1:6: expected block body")
	f("a = \"b\rc\"\n", "a carriage return stands in the middle of a line")

	_, err := Convert("in.river", []byte("a = ]\nb = ]\n"), Options{})
	var list diag.Diagnostics
	require.ErrorAs(t, err, &list)
	require.Len(t, list, 2)
	require.Equal(t, "in.river", list[0].StartPos.Filename)
}

// Files of Windows stay such.
func TestConvert_LineEnds(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/pipelines.txtar")
	require.NoError(t, err)
	in := archive.Files[0].Data
	want, err := Convert("in.river", in, Options{})
	require.NoError(t, err)
	got, err := Convert("in.river", []byte(strings.ReplaceAll(string(in), "\n", "\r\n")), Options{})
	require.NoError(t, err)
	require.Equal(t, strings.ReplaceAll(string(want.Text), "\n", "\r\n"), string(got.Text))
	require.Equal(t, want.Findings, got.Findings)
}

func TestDifferences_AreExplained(t *testing.T) {
	require.Len(t, explanations, len(Differences()))
	for _, d := range Differences() {
		require.NotEmpty(t, explanations[d], d)
	}
	sorted := slices.Sorted(slices.Values(Differences()))
	require.Len(t, slices.Compact(sorted), len(Differences()))
}
