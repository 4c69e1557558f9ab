// Command replaces checks that our go.mod repeats the replace and exclude directives of the Alloy that it requires.
//
// Go ignores these directives in the go.mod of a dependency, so without the repetition this distribution would be linked from other code than Alloy is: from the
// originals of the forks that Alloy relies on. An upgrade of Alloy brings other directives along; this check says which.
//
//	go run ./internal/distribution/replaces
//
// It exits with a non-zero status and names each difference that is not one of the exceptions in exceptions.go.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/mod/modfile"
)

const alloyModule = "github.com/grafana/alloy"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	ours, alloy, err := readModFiles()
	if err != nil {
		return err
	}
	findings := compare(ours, alloy, exceptions)
	if len(findings) > 0 {
		return fmt.Errorf("go.mod has drifted from that of %s:\n  %s", alloyModule, strings.Join(findings, "\n  "))
	}
	fmt.Printf("go.mod repeats the %d replace and %d exclude directives of %s, with %d reasoned exceptions\n",
		len(alloy.Replace), len(alloy.Exclude), alloyModule, len(exceptions))
	return nil
}

// readModFiles reads our go.mod, found from the working directory, and that of the Alloy it requires, from the module cache.
func readModFiles() (ours, alloy *modfile.File, err error) {
	oursPath, err := goOutput("env", "GOMOD")
	if err != nil {
		return nil, nil, err
	}
	if ours, err = readModFile(oursPath); err != nil {
		return nil, nil, err
	}
	alloyPath, err := goOutput("list", "-m", "-f", "{{.GoMod}}", alloyModule)
	if err != nil {
		return nil, nil, err
	}
	if alloy, err = readModFile(alloyPath); err != nil {
		return nil, nil, err
	}
	return ours, alloy, nil
}

func goOutput(args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("cannot run go %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

func readModFile(path string) (*modfile.File, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read go.mod: %w", err)
	}
	file, err := modfile.Parse(path, content, nil)
	if err != nil {
		return nil, fmt.Errorf("cannot parse go.mod: %w", err)
	}
	return file, nil
}
