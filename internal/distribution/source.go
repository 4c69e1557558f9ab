package distribution

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/fatih/color"

	"github.com/grafana/alloy/syntax/diag"
)

const sourceExtension = ".alloy"

// sources holds the files of one configuration by their names. Several files make one configuration, as if they were written one after the other.
type sources map[string][]byte

// readSources reads the configuration at path: a file of any name, or all *.alloy files that lie directly in a directory.
func readSources(path string) (sources, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read configuration: %w", err)
	}

	names := []string{path}
	if info.IsDir() {
		if names, err = sourceNames(path); err != nil {
			return nil, err
		}
	}
	files := make(sources, len(names))
	for _, name := range names {
		if files[name], err = os.ReadFile(name); err != nil {
			return nil, fmt.Errorf("cannot read configuration: %w", err)
		}
	}
	return files, nil
}

func sourceNames(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot read configuration: %w", err)
	}
	var names []string
	for _, entry := range entries {
		// An entry that is no regular file is not ruled out: a mounted ConfigMap consists of symbolic links.
		if !entry.IsDir() && filepath.Ext(entry.Name()) == sourceExtension {
			names = append(names, filepath.Join(dir, entry.Name()))
		}
	}
	return names, nil
}

// hash identifies the configuration. It is what upstream computes, because instances of one cluster are compared by it.
func (s sources) hash() [sha256.Size]byte {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(s)) {
		h.Write(s[name])
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// explain writes err to w as findings with the lines of the configuration that they are about. It reports whether err is made of such findings.
func (s sources) explain(w io.Writer, err error) bool {
	var (
		findings diag.Diagnostics
		finding  diag.Diagnostic
	)
	switch {
	case errors.As(err, &findings):
	case errors.As(err, &finding):
		findings = diag.Diagnostics{finding}
	default:
		return false
	}
	printer := diag.NewPrinter(diag.PrinterConfig{
		Color:              !color.NoColor,
		ContextLinesBefore: 1,
		ContextLinesAfter:  1,
	})
	// A terminal that cannot be written to cannot be told about it either.
	_ = printer.Fprint(w, s, findings)
	fmt.Fprintln(w)
	return true
}
