package recipes

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The first page lists every configuration and every other page.
func TestPages(t *testing.T) {
	index := recipe(t, "README.md")
	files, err := os.ReadDir(filepath.Join(root, "docs", "recipes"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		if file.Name() != "README.md" {
			require.Contains(t, index, "("+file.Name())
		}
		if filepath.Ext(file.Name()) == ".md" {
			require.Less(t, strings.Count(recipe(t, file.Name()), "\n"), 75, "%s is longer than a screen", file.Name())
		}
	}
}
