package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/distribution"
	"github.com/grafana/alloy/eks/internal/docpage"
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

// What a user copies from the page of a component is valid in the binary, with the
// components that it is connected to. The first block of a page has placeholders
// that are no values.
func TestPages_Success(t *testing.T) {
	t.Setenv("FIREHOSE_ACCESS_KEY", "key")
	pages, err := filepath.Glob("../../component/*/*/README.md")
	require.NoError(t, err)
	require.NotEmpty(t, pages)
	for _, page := range pages {
		examples := docpage.ReadFile(t, page).Code
		require.Greater(t, len(examples), 1, page)
		for _, example := range examples[1:] {
			config := strings.ReplaceAll(example, "<LOKI_URL>", "http://loki/push")
			config = strings.ReplaceAll(config, "<PROMETHEUS_URL>", "http://prometheus/api/v1/write")
			if !strings.Contains(config, `loki.write "default"`) {
				config += "\nloki.write \"default\" { }\n"
			}
			path := filepath.Join(t.TempDir(), "config.alloy")
			require.NoError(t, os.WriteFile(path, []byte(config), 0o600))
			require.NoError(t, command("validate", path), "%s:\n%s", page, config)
		}
	}
}

// What the tests above would say of a configuration that is not valid.
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
