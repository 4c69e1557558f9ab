package main

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// root is the folder of the repository.
const root = "../.."

// TestMain builds the programs that the tests run.
func TestMain(m *testing.M) {
	build := exec.Command("make", "-s", "build", "build/loki")
	build.Dir = root
	// What a make passes on to these tests is not meant for this one, and how these
	// tests are built says nothing about the programs.
	build.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "MAKE") || strings.HasPrefix(v, "MFLAGS=") || strings.HasPrefix(v, "CGO_ENABLED=")
	})
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "cannot build the programs: %v\n%s", err, out)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
