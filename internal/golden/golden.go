// Package golden compares what comes out of tests with archives of plain text, in
// which the outcome of a case stands behind what goes in: a case can be read, and a
// change of its outcome shows in a diff.
//
// The archives are in the txtar format: https://pkg.go.dev/golang.org/x/tools/txtar
package golden

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"
)

// Update is the flag -update: outcomes are written, and not compared.
var Update = flag.Bool("update", false, "write what comes out into the golden files")

// Check compares the archives whose paths match a pattern. outcome is given each
// file of them in turn. It returns the files that are to stand behind that one, or
// nothing for a file that is an outcome itself. An archive without a case, and a file
// that belongs to none, fail the test.
func Check(t *testing.T, pattern string, outcome func(t *testing.T, in txtar.File) []txtar.File) {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, paths, pattern)
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			require.NoError(t, err)
			var got []txtar.File
			for _, in := range archive.Files {
				if out := outcome(t, in); len(out) > 0 {
					got = append(append(got, in), out...)
				}
			}
			require.NotEmpty(t, got)
			if *Update {
				require.NoError(t, os.WriteFile(path, txtar.Format(&txtar.Archive{Comment: archive.Comment, Files: got}), 0o644))
				return
			}
			if i := firstDifference(archive.Files, got); i >= 0 {
				require.Equal(t, text(archive.Files, i), text(got, i))
			}
		})
	}
}

// firstDifference returns the index of the first file that is not the same in both,
// or is in one only; -1 when there is none.
func firstDifference(want, got []txtar.File) int {
	for i := range max(len(want), len(got)) {
		if i >= len(want) || i >= len(got) || want[i].Name != got[i].Name || !bytes.Equal(want[i].Data, got[i].Data) {
			return i
		}
	}
	return -1
}

// text returns a file as it stands in an archive; nothing behind the last one.
func text(files []txtar.File, i int) string {
	if i >= len(files) {
		return ""
	}
	return string(txtar.Format(&txtar.Archive{Files: files[i : i+1]}))
}
