package distribution

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/featuregate"

	// What the configurations in these tests are made of.
	_ "github.com/grafana/alloy/internal/component/local/file"
	_ "github.com/grafana/alloy/internal/component/loki/echo"
	_ "github.com/grafana/alloy/internal/component/loki/relabel"
)

// Components of stabilities that those above do not have. Nothing runs them.
func init() {
	type arguments struct{}
	component.Register(component.Registration{Name: "test.experimental", Stability: featuregate.StabilityExperimental, Args: arguments{}})
	component.Register(component.Registration{Name: "test.community", Community: true, Args: arguments{}})
}

// execute runs the command line that follows `alloy`.
func execute(t *testing.T, stdin io.Reader, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd := Command()
	cmd.SetArgs(args)
	cmd.SetIn(stdin)
	cmd.SetOut(&out)
	cmd.SetErr(&errOut)
	err = cmd.ExecuteContext(t.Context())
	return out.String(), errOut.String(), err
}

// write makes a file below a new directory for each pair of name and content, and returns the directory.
func write(t *testing.T, pairs ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(pairs); i += 2 {
		name := filepath.Join(dir, pairs[i])
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(pairs[i+1]), 0o644))
	}
	return dir
}

func TestCommand_Version(t *testing.T) {
	out, _, err := execute(t, nil, "--version")
	require.NoError(t, err)
	require.Regexp(t, `^alloy, version v\d+\.\d+\.\d+-eks\.`, out)
	require.Regexp(t, `\n  Grafana Alloy: +v[1-9]`, out)
}

func TestCommand_Unknown(t *testing.T) {
	_, stderr, err := execute(t, nil, "convert")
	require.ErrorContains(t, err, `unknown command "convert"`)
	require.Contains(t, stderr, `unknown command "convert"`)
}

func TestCommand_Tools(t *testing.T) {
	ran := false
	cmd := Command(Tool{Component: "test.experimental", Install: func(parent *cobra.Command) {
		parent.AddCommand(&cobra.Command{Use: "look", Run: func(*cobra.Command, []string) { ran = true }})
	}})
	cmd.SetArgs([]string{"tools", "test.experimental", "look"})
	require.NoError(t, cmd.Execute())
	require.True(t, ran)
}

func TestComponents_JSON(t *testing.T) {
	out, _, err := execute(t, nil, "components", "--json")
	require.NoError(t, err)
	var list []compiledComponent
	require.NoError(t, json.Unmarshal([]byte(out), &list))
	require.Equal(t, []compiledComponent{
		{Name: "local.file", Stability: "generally-available", Origin: "alloy"},
		{Name: "loki.echo", Stability: "generally-available", Origin: "alloy"},
		{Name: "loki.relabel", Stability: "generally-available", Origin: "alloy"},
		// A package that the runtime needs brings it along.
		{Name: "remote.http", Stability: "generally-available", Origin: "alloy"},
		{Name: "test.community", Stability: "community", Origin: "eks"},
		{Name: "test.experimental", Stability: "experimental", Origin: "eks"},
	}, list)
}

func TestComponents_Table(t *testing.T) {
	out, _, err := execute(t, nil, "components")
	require.NoError(t, err)
	rows := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	require.Len(t, rows, 1+6)
	require.Equal(t, []string{"NAME", "STABILITY", "ORIGIN"}, strings.Fields(rows[0]))
	require.Equal(t, []string{"loki.echo", "generally-available", "alloy"}, strings.Fields(rows[2]))
}
