package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the folder of the repository.
const root = "../.."

// TestMain builds the programs that the tests run. It is also this program where a
// test starts that.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		main()
		return
	}
	build := exec.Command("make", "-s", "build")
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

// run runs a command and returns what it prints, and the file it writes.
func run(t *testing.T, args ...string) (printed string, saved report, err error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bench.json")
	var out, progress bytes.Buffer
	cmd := newCommand()
	cmd.SetOut(&out)
	cmd.SetErr(&progress)
	cmd.SetArgs(append(args, "--root", root, "--output", file))
	err = cmd.ExecuteContext(t.Context())
	if err == nil {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, &saved))
	}
	return out.String(), saved, err
}

func TestMeasure(t *testing.T) {
	printed, saved, err := run(t, "measure", "--deliveries", "3", "--records", "100", "--passes", "2", "--rounds", "2", "--idle", "100ms")
	require.NoError(t, err)
	require.Len(t, saved.Results, len(workloads))
	for i, r := range saved.Results {
		require.Contains(t, printed, workloads[i].about)
		require.Len(t, r.Rows, len(workloads[i].pipelines))
		for j, at := range r.Rows {
			require.Equal(t, workloads[i].pipelines[j].name, at.Pipeline)
			require.Len(t, at.Samples, 2)
			for _, s := range at.Samples {
				require.Equal(t, r.Entries*2, s.Entries)
				require.Positive(t, s.Bytes)
				require.Positive(t, s.Wall)
				require.Positive(t, s.Allocated)
				require.Positive(t, s.PeakRSS)
			}
			require.Regexp(t, `(?m)^ +`+at.Pipeline+` +[0-9.]+ +[0-9.]+-[0-9.]+ `, printed)
		}
	}
	require.Contains(t, printed, "all pipelines stored the same 300 entries first")
}

func TestMeasure_Failure(t *testing.T) {
	f := func(want string, args ...string) {
		t.Helper()
		_, _, err := run(t, append([]string{"measure"}, args...)...)
		require.ErrorContains(t, err, want)
	}
	f(`unknown workload "none"`, "--workload", "none")
	f("must be positive", "--rounds", "0")
	f("must be positive", "--passes", "0")
	f("record size 1 is not", "--record-size", "1")
}
