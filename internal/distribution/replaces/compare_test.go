package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"
)

const alloyGoMod = `
module github.com/grafana/alloy
replace example.com/local => ./local
replace example.com/forked => example.com/fork v1.2.3
replace example.com/old v1.0.0 => example.com/old v1.0.1
exclude example.com/broken v8.0.0+incompatible
`

const ourGoMod = `
module example.com/ours
replace example.com/forked => example.com/fork v1.2.3
replace example.com/old v1.0.0 => example.com/old v1.0.1
replace example.com/extra => example.com/extra v0.2.0
exclude example.com/broken v8.0.0+incompatible
`

var testExceptions = []exception{
	{module: "example.com/local", alloy: "./local", ours: none, reason: "a directory"},
	{module: "example.com/extra", alloy: none, ours: "example.com/extra v0.2.0", reason: "a test"},
}

func TestCompare_Success(t *testing.T) {
	require.Empty(t, compareText(t, ourGoMod, alloyGoMod))
}

func TestCompare_Drift(t *testing.T) {
	// Each case makes one change to one of the files.
	f := func(file, before, after, want string) {
		t.Helper()
		ours, alloy := ourGoMod, alloyGoMod
		changed := &ours
		if file == "alloy" {
			changed = &alloy
		}
		require.Contains(t, *changed, before)
		*changed = strings.ReplaceAll(*changed, before, after)
		require.Equal(t, []string{want}, compareText(t, ours, alloy))
	}

	// A pin that one side has moved.
	f("ours", "fork v1.2.3", "fork v1.2.4",
		"replace example.com/forked: ours is example.com/fork v1.2.4, Alloy's is example.com/fork v1.2.3")
	f("alloy", "fork v1.2.3", "fork v2.0.0",
		"replace example.com/forked: ours is example.com/fork v1.2.3, Alloy's is example.com/fork v2.0.0")
	// A line that one side has not.
	f("ours", "replace example.com/forked => example.com/fork v1.2.3", "",
		"replace example.com/forked: ours is not there, Alloy's is example.com/fork v1.2.3")
	f("alloy", "replace example.com/old v1.0.0 => example.com/old v1.0.1", "",
		"replace example.com/old v1.0.0: ours is example.com/old v1.0.1, Alloy's is not there")
	f("alloy", "module github.com/grafana/alloy", "module github.com/grafana/alloy\nreplace example.com/new => example.com/new v0.1.0",
		"replace example.com/new: ours is not there, Alloy's is example.com/new v0.1.0")
	// An exception that has become stale on either side.
	f("alloy", "=> ./local", "=> ./elsewhere",
		"replace example.com/local: Alloy's is now ./elsewhere, the exception was made for ./local: see whether its reason still holds (a directory)")
	f("alloy", "replace example.com/local => ./local", "",
		"replace example.com/local: Alloy's is now not there, the exception was made for ./local: see whether its reason still holds (a directory)")
	f("ours", "extra v0.2.0", "extra v0.3.0",
		"replace example.com/extra: ours is example.com/extra v0.3.0, the exception says example.com/extra v0.2.0 (a test)")
	f("ours", "replace example.com/extra => example.com/extra v0.2.0", "",
		"replace example.com/extra: ours is not there, the exception says example.com/extra v0.2.0 (a test)")
	// Excludes.
	f("ours", "exclude example.com/broken v8.0.0+incompatible", "",
		"exclude example.com/broken v8.0.0+incompatible: missing in ours")
	f("alloy", "exclude example.com/broken v8.0.0+incompatible", "",
		"exclude example.com/broken v8.0.0+incompatible: not in Alloy's")
}

// The repository itself, as `make check-replaces` looks at it.
func TestRepository(t *testing.T) {
	ours, alloy, err := readModFiles()
	require.NoError(t, err)
	require.NotEmpty(t, alloy.Replace)
	require.Empty(t, compare(ours, alloy, exceptions))
}

func compareText(t *testing.T, ours, alloy string) []string {
	t.Helper()
	parse := func(content string) *modfile.File {
		file, err := modfile.Parse("go.mod", []byte(content), nil)
		require.NoError(t, err)
		return file
	}
	return compare(parse(ours), parse(alloy), testExceptions)
}
