package endtoend

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/grafana/alloy/eks/internal/process"
)

// update rewrites the files in testdata that tests compare with.
var update = flag.Bool("update", false, "rewrite testdata")

// patience bounds the wait for what takes seconds at most unless it is broken,
// on a machine that is busy with other things.
const patience = process.Patience

const (
	root     = "../.."
	captures = root + "/testdata/fluentbit"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := stopSharedLoki(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// program returns the path of a program. The first call builds all of them.
func program(name string) (string, error) {
	dir, err := programs()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	// Looking at the file lets `go test` know that another one makes another result.
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("cannot find program: %w", err)
	}
	return path, nil
}

var programs = sync.OnceValues(func() (string, error) {
	if dir := os.Getenv("ENDTOEND_PROGRAMS"); dir != "" {
		return dir, nil
	}
	path, err := process.Make(root, "alloy", "build", "build/loki")
	return filepath.Dir(path), err
})
