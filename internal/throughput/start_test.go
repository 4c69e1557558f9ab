package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/process"
)

func TestConfigure_Success(t *testing.T) {
	dir := t.TempDir()
	example := filepath.Join(dir, "example.alloy")
	require.NoError(t, os.WriteFile(example, []byte("a \"b\" {\n\thttp {\n\t\tlisten_port = 8080\n\t}\n\tc = 1\n}\n"), 0o600))
	path, err := configure(example, dir, "127.0.0.1:9", []edit{{regexp.MustCompile(`c = (\d)`), "c = 2"}})
	require.NoError(t, err)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "a \"b\" {\n\thttp {\nlisten_address = \"127.0.0.1\"\nlisten_port = 9\n\t}\n\tc = 2\n}\n\nlogging {\n\tlevel = \"warn\"\n}\n", string(text))
}

func TestConfigure_Failure(t *testing.T) {
	dir := t.TempDir()
	_, err := configure(filepath.Join(dir, "none.alloy"), dir, "127.0.0.1:9", nil)
	require.ErrorContains(t, err, "cannot read configuration")
	example := filepath.Join(root, "example-configs", "seed-pipeline.alloy")
	_, err = configure(example, dir, "127.0.0.1", nil)
	require.ErrorContains(t, err, "missing port")
	_, err = configure(example, dir, "127.0.0.1:9", []edit{{regexp.MustCompile("nothing of that kind"), ""}})
	require.ErrorContains(t, err, `cannot find "nothing of that kind" in seed-pipeline.alloy`)
}

func TestStart_Failure(t *testing.T) {
	_, err := start(t.Context(), nil, nil, filepath.Join(t.TempDir(), "none"))
	require.ErrorContains(t, err, "cannot start")
	// A process that ends by itself.
	p, err := start(t.Context(), nil, nil, "/bin/sh", "-c", "echo this is why; exit 3")
	require.NoError(t, err)
	err = p.Await(t.Context(), func() error { return process.ErrNotReady })
	require.ErrorContains(t, err, "exit status 3:\nthis is why")
}

func TestUsage(t *testing.T) {
	p, err := start(t.Context(), nil, nil, "/bin/sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done; exec sleep 60")
	require.NoError(t, err)
	defer p.End()
	require.NoError(t, p.Await(t.Context(), func() error {
		if p.log.Tail() != "done\n" {
			return process.ErrNotReady
		}
		return nil
	}))
	u, err := p.usage()
	require.NoError(t, err)
	require.Positive(t, u.cpu)
	now, peak, err := p.memory()
	require.NoError(t, err)
	require.Positive(t, now)
	require.GreaterOrEqual(t, peak, now)
}
