package main

import (
	"fmt"
	"maps"
	"slices"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// compare returns a sentence for each directive in which ours differs from alloy without an exception, and for each exception that does not describe the two
// files any more. The order is that of the module paths, replace before exclude.
func compare(ours, alloy *modfile.File, exceptions []exception) []string {
	return append(compareReplaces(replacesOf(ours), replacesOf(alloy), exceptions), compareExcludes(excludesOf(ours), excludesOf(alloy))...)
}

func compareReplaces(ours, alloy map[string]string, exceptions []exception) []string {
	excepted := make(map[string]exception, len(exceptions))
	modules := make(map[string]bool)
	for _, e := range exceptions {
		excepted[e.module] = e
		modules[e.module] = true
	}
	for path := range ours {
		modules[path] = true
	}
	for path := range alloy {
		modules[path] = true
	}

	var findings []string
	for _, path := range slices.Sorted(maps.Keys(modules)) {
		e, isException := excepted[path]
		switch {
		case !isException && ours[path] != alloy[path]:
			findings = append(findings, fmt.Sprintf("replace %s: ours is %s, Alloy's is %s", path, orNone(ours[path]), orNone(alloy[path])))
		case isException && alloy[path] != e.alloy:
			findings = append(findings, fmt.Sprintf("replace %s: Alloy's is now %s, the exception was made for %s: see whether its reason still holds (%s)",
				path, orNone(alloy[path]), orNone(e.alloy), e.reason))
		case isException && ours[path] != e.ours:
			findings = append(findings, fmt.Sprintf("replace %s: ours is %s, the exception says %s (%s)", path, orNone(ours[path]), orNone(e.ours), e.reason))
		}
	}
	return findings
}

func compareExcludes(ours, alloy map[string]bool) []string {
	var findings []string
	for _, excluded := range slices.Sorted(maps.Keys(alloy)) {
		if !ours[excluded] {
			findings = append(findings, fmt.Sprintf("exclude %s: missing in ours", excluded))
		}
	}
	for _, excluded := range slices.Sorted(maps.Keys(ours)) {
		if !alloy[excluded] {
			findings = append(findings, fmt.Sprintf("exclude %s: not in Alloy's", excluded))
		}
	}
	return findings
}

// replacesOf maps what is replaced to its replacement, as they are written on both sides of the arrow.
func replacesOf(file *modfile.File) map[string]string {
	replaces := make(map[string]string, len(file.Replace))
	for _, r := range file.Replace {
		replaces[written(r.Old)] = written(r.New)
	}
	return replaces
}

func excludesOf(file *modfile.File) map[string]bool {
	excludes := make(map[string]bool, len(file.Exclude))
	for _, e := range file.Exclude {
		excludes[written(e.Mod)] = true
	}
	return excludes
}

func written(v module.Version) string {
	if v.Version == "" {
		return v.Path
	}
	return v.Path + " " + v.Version
}

func orNone(replacement string) string {
	if replacement == none {
		return "not there"
	}
	return replacement
}
