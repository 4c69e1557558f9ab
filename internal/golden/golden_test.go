package golden

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"
)

// upper is the outcome of files whose names end in /in.
func upper(_ *testing.T, in txtar.File) []txtar.File {
	name, ok := strings.CutSuffix(in.Name, "/in")
	if !ok {
		return nil
	}
	return []txtar.File{{Name: name + "/want", Data: []byte(strings.ToUpper(string(in.Data)))}}
}

func TestCheck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cases.txtar")
	require.NoError(t, os.WriteFile(path, []byte("about them\n-- a/in --\none\n-- b/in --\ntwo\n-- c/want --\nof no case\n"), 0o600))
	was := *Update
	defer func() { *Update = was }()
	*Update = true
	Check(t, path, upper)
	written, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "about them\n-- a/in --\none\n-- a/want --\nONE\n-- b/in --\ntwo\n-- b/want --\nTWO\n", string(written))
	*Update = false
	Check(t, path, upper)
}

func TestFirstDifference(t *testing.T) {
	f := func(want, got string, i int) {
		t.Helper()
		w, g := txtar.Parse([]byte(want)).Files, txtar.Parse([]byte(got)).Files
		require.Equal(t, i, firstDifference(w, g))
		if i >= 0 {
			require.NotEqual(t, text(w, i), text(g, i))
		}
	}
	f("", "", -1)
	f("-- a --\none\n-- b --\ntwo\n", "-- a --\none\n-- b --\ntwo\n", -1)
	f("-- a --\none\n-- b --\ntwo\n", "-- a --\none\n-- b --\nthree\n", 1)
	f("-- a --\none\n", "-- b --\none\n", 0)
	f("-- a --\none\n", "-- a --\none\n-- b --\n", 1)
	f("-- a --\none\n-- b --\ntwo\n", "-- a --\none\n", 1)
}
