package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const flow = `loki.source.awsfirehose "in" {
	forward_to = [loki.process.in.receiver]
}

loki.process "in" {
	forward_to = [loki.echo.out.receiver]

	stage.json {
		expressions = {log = ""}
	}

	stage.static_labels {
		values = {job = "eks"}
	}

	stage.output {
		source = "log"
	}
}

loki.source.awsfirehose "raw" {
	http {
		listen_port = 8081
	}
	forward_to = [loki.echo.out.receiver]
}

loki.echo "out" { }
`

// runConvertFlow runs the command as main does.
func runConvertFlow(t *testing.T, stdin string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := convertFlowCommand()
	cmd.SetArgs(args)
	cmd.SetIn(strings.NewReader(stdin))
	cmd.SetOut(&out)
	cmd.SetErr(&errs)
	if err := cmd.Execute(); err != nil {
		status = exitStatus(err)
	}
	return out.String(), errs.String(), status
}

func TestConvertFlow_Success(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "old.river"), filepath.Join(dir, "new.alloy")
	require.NoError(t, os.WriteFile(in, []byte(flow), 0o600))

	stdout, stderr, status := runConvertFlow(t, "", in)
	require.Zero(t, status, stderr)
	require.Contains(t, stdout, `awsfirehose.kubernetes "in" {`)
	require.NotContains(t, stdout, `loki.process`)
	require.Contains(t, stderr, in+`:1:1: converted: loki.source.awsfirehose "in" is awsfirehose.kubernetes now`)
	require.Contains(t, stderr, in+`:1:1: differs (true_time): `)
	require.Contains(t, stderr, `Warning: `+in+`:25:15: loki.source.awsfirehose "raw" stays as it is: `)
	require.Contains(t, stderr, `25 |     forward_to = [loki.echo.out.receiver]`)

	printed := stdout
	stdout, _, status = runConvertFlow(t, flow, "-")
	require.Zero(t, status)
	require.Equal(t, printed, stdout)

	stdout, _, status = runConvertFlow(t, "", "-o", out, in)
	require.Zero(t, status)
	require.Empty(t, stdout)
	written, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Equal(t, printed, string(written))

	stdout, _, _ = runConvertFlow(t, flow, "--comments", "-")
	require.Contains(t, stdout, "// convert-flow left this alone: it forwards to loki.echo.out")

	stdout, _, _ = runConvertFlow(t, flow, "--refuse", "true_time,fragments", "-")
	require.Equal(t, flow, stdout)
}

func TestConvertFlow_Failure(t *testing.T) {
	f := func(wantStatus int, want, stdin string, args ...string) {
		t.Helper()
		_, stderr, status := runConvertFlow(t, stdin, args...)
		require.Equal(t, wantStatus, status)
		require.Contains(t, stderr, want)
	}
	f(2, "something is left alone", flow, "--strict", "-")
	f(1, "-:1:6: string literal not terminated", "loki \"", "-")
	f(1, `cannot convert "-": it is not a configuration`, "a = [", "-")
	f(1, "cannot read configuration", "", filepath.Join(t.TempDir(), "missing.river"))
	f(1, "cannot write configuration", flow, "-o", t.TempDir(), "-")
	f(1, `--refuse: "time" is no difference: use one of true_time, `, flow, "--refuse", "time", "-")
}
