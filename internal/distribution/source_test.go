package distribution

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/syntax/diag"
	"github.com/grafana/alloy/syntax/token"
)

// A ConfigMap is mounted as links to a directory, whose name begins with two dots, that is a link itself.
func TestReadSources_ConfigMap(t *testing.T) {
	dir := write(t, "..2026_01_01/config.alloy", "one", "..2026_01_01/more.alloy", "two")
	require.NoError(t, os.Symlink("..2026_01_01", filepath.Join(dir, "..data")))
	for _, name := range []string{"config.alloy", "more.alloy"} {
		require.NoError(t, os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)))
	}

	got, err := readSources(dir)
	require.NoError(t, err)
	require.Equal(t, sources{
		filepath.Join(dir, "config.alloy"): []byte("one"),
		filepath.Join(dir, "more.alloy"):   []byte("two"),
	}, got)
}

func TestReadSources_EmptyDirectory(t *testing.T) {
	got, err := readSources(t.TempDir())
	require.NoError(t, err)
	require.Empty(t, got)
}

func TestReadSources_BrokenLink(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Symlink("nowhere", filepath.Join(dir, "config.alloy")))
	_, err := readSources(dir)
	require.ErrorIs(t, err, os.ErrNotExist)
}

// The hash is that of the contents in the order of the names, so that it is the same on every instance.
func TestSources_Hash(t *testing.T) {
	f := func(s sources, want string) {
		t.Helper()
		got := s.hash()
		require.Equal(t, want, hex.EncodeToString(got[:]))
	}
	// printf 'onetwo' | sha256sum
	const onetwo = "25b6746d5172ed6352966a013d93ac846e1110d5a25e8f183b5931f4688842a1"
	f(sources{"a": []byte("one"), "b": []byte("two")}, onetwo)
	f(sources{"b": []byte("two"), "a": []byte("one")}, onetwo)
	f(sources{"x": []byte("onetwo")}, onetwo)
	f(nil, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
}

func TestSources_Explain(t *testing.T) {
	files := sources{"c.alloy": []byte("first\nsecond\nthird\n")}
	position := token.Position{Filename: "c.alloy", Line: 2, Column: 1}
	finding := diag.Diagnostic{Severity: diag.SeverityLevelError, StartPos: position, EndPos: position, Message: "it is wrong"}

	f := func(err error) {
		t.Helper()
		var out bytes.Buffer
		require.True(t, files.explain(&out, err))
		require.Contains(t, out.String(), "Error: c.alloy:2:1: it is wrong")
		require.Contains(t, out.String(), "1 | first\n2 | second\n")
	}
	f(finding)
	f(diag.Diagnostics{finding})
	f(errors.Join(errors.New("cannot load"), diag.Diagnostics{finding}))

	var out bytes.Buffer
	require.False(t, files.explain(&out, os.ErrNotExist))
	require.Empty(t, out.String())
}
