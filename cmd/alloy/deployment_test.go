package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/distribution"
)

// command runs the distribution's command line.
func command(args ...string) error {
	cmd := distribution.Command()
	cmd.SetArgs(args)
	return cmd.Execute()
}

// The configurations that this repository hands out are valid in the binary that
// it builds, and formatted. Those for Helm are tested in tools/helm.
func TestConfigurations_Success(t *testing.T) {
	f := func(path string) {
		t.Helper()
		require.NoError(t, command("validate", path), path)
		require.NoError(t, command("fmt", "--test", path), path)
	}
	f("../../operations/image/config.alloy")

	examples, err := filepath.Glob("../../example-configs/*.alloy")
	require.NoError(t, err)
	require.NotEmpty(t, examples)
	for _, path := range examples {
		f(path)
	}
}

// What the test above would say of a configuration that is not valid.
func TestConfigurations_Failure(t *testing.T) {
	f := func(text string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "config.alloy")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		require.Error(t, command("validate", path))
	}
	f(`awsfirehose.kubernetes "a" { }`)
	f(`awsfirehose.kubernetes "a" { forward_to = [loki.write.missing.receiver] }`)
	f("awsfirehose.kubernetes \"a\" {\n\tforward_to = []\n\tclusters = \"x\"\n}")
	f("awsfirehose.kubernets \"a\" {\n\tforward_to = []\n}")
}
