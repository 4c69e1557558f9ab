package distribution

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

const (
	untidy = "loki.echo   \"a\"  {  }\n\n\n\nloki.relabel \"b\" {\nforward_to=[]\n}"
	tidy   = "loki.echo \"a\" { }\n\nloki.relabel \"b\" {\n\tforward_to = []\n}\n"
)

func TestFormat_Success(t *testing.T) {
	f := func(content, wantOutput, wantFile string, args ...string) {
		t.Helper()
		name := filepath.Join(write(t, "c.alloy", content), "c.alloy")
		require.NoError(t, os.Chmod(name, 0o600))
		stdout, _, err := execute(t, nil, append([]string{"fmt", name}, args...)...)
		require.NoError(t, err)
		require.Equal(t, wantOutput, stdout)

		after, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, wantFile, string(after))
		info, err := os.Stat(name)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode())
	}
	f(untidy, tidy, untidy)
	f(tidy, tidy, tidy)
	f(untidy, "", tidy, "--write")
	f(untidy, "", tidy, "-w")
	f(tidy, "", tidy, "-w")
	f(tidy, "", tidy, "--test")
	f(tidy, "", tidy, "-t")
}

func TestFormat_StandardInput(t *testing.T) {
	for _, args := range [][]string{{"fmt"}, {"fmt", "-"}, {"format"}} {
		stdout, _, err := execute(t, strings.NewReader(untidy), args...)
		require.NoError(t, err)
		require.Equal(t, tidy, stdout)
	}
}

func TestFormat_Failure(t *testing.T) {
	dir := write(t, "bad.alloy", "loki.echo {", "untidy.alloy", untidy)
	f := func(stdin, want string, args ...string) {
		t.Helper()
		stdout, _, err := execute(t, strings.NewReader(stdin), append([]string{"fmt"}, args...)...)
		require.ErrorContains(t, err, want)
		require.Empty(t, stdout)
	}
	f("", "bad.alloy\": it is not a configuration", dir+"/bad.alloy")
	f("", "bad.alloy\": it is not a configuration", dir+"/bad.alloy", "-w")
	f("", "does not have the usual layout", dir+"/untidy.alloy", "-t")
	f("", "[test write] were all set", dir+"/untidy.alloy", "-t", "-w")
	f("", "is a directory", dir)
	f("", "no such file", dir+"/missing.alloy")
	f("loki.echo {", "it is not a configuration")
	f(untidy, "does not have the usual layout", "-t", "-")
	f(untidy, "--write needs a file", "-w")

	content, err := os.ReadFile(dir + "/bad.alloy")
	require.NoError(t, err)
	require.Equal(t, "loki.echo {", string(content))
}

func TestFormat_Explains(t *testing.T) {
	_, stderr, err := execute(t, strings.NewReader("loki.echo {"), "fmt")
	require.Error(t, err)
	require.Contains(t, stderr, "<stdin>:1:12: expected }")
	require.Contains(t, stderr, "1 | loki.echo {")
}

func TestFormat_UnreadableInput(t *testing.T) {
	broken := errors.New("broken pipe")
	_, _, err := execute(t, iotest.ErrReader(broken), "fmt")
	require.ErrorIs(t, err, broken)
}
