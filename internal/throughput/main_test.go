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
	printed, saved, err := run(t, "measure", "--deliveries", "3", "--records", "100", "--passes", "2", "--rounds", "1", "--idle", "50ms", "--pipeline", "ours,ours-sync,ours-default,floor")
	require.NoError(t, err)
	require.Len(t, saved.Results, 2)
	for i, pipelines := range [][]string{{upstreamName, "ours", "ours-sync", floorName}, {upstreamName, "ours", "ours-sync", "ours-default", floorName}} {
		r := saved.Results[i]
		require.Contains(t, printed, workloads[i].about)
		require.Len(t, r.Rows, len(pipelines))
		for j, name := range pipelines {
			at := &r.Rows[j]
			require.Equal(t, name, at.Pipeline)
			require.Len(t, at.Samples, 1)
			s := &at.Samples[0]
			require.Equal(t, r.Entries*2, s.Entries)
			require.Positive(t, s.Bytes)
			require.Positive(t, s.Wall)
			require.Positive(t, s.PeakRSS)
			require.Zero(t, s.Retries)
			if name != floorName { // Which allocates too little to be seen here.
				require.Positive(t, s.Allocated)
			}
			require.Regexp(t, `(?m)^ +`+name+` +-?[0-9.]+ +-?[0-9.]+--?[0-9.]+ `, printed)
		}
	}
	require.Equal(t, 300, saved.Results[0].Rows[1].Stored.Entries)
	require.Equal(t, saved.Results[0].Rows[0].Stored.Sum, saved.Results[0].Rows[1].Stored.Sum)
	require.NotEmpty(t, saved.Results[1].Rows[1].Differences)
	require.Contains(t, printed, "all pipelines stored the same 300 entries first")
	require.Contains(t, printed, "but ours-default: not compared: the label level")
}

func TestMeasure_Failure(t *testing.T) {
	f := func(want string, args ...string) {
		t.Helper()
		_, _, err := run(t, append([]string{"measure"}, args...)...)
		require.ErrorContains(t, err, want)
	}
	f(`unknown workload "none"`, "--workload", "none")
	f("must be positive", "--rounds", "0")
	f("must be positive", "--passes", "-1")
	f("record size 1 is not", "--record-size", "1")
}
