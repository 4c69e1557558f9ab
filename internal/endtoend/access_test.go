package endtoend

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/standin"
)

// firehose runs the command `firehose send` with a bundled capture, once and
// without retries.
func (a *alloy) firehose(t *testing.T, args ...string) standin.Summary {
	t.Helper()
	path, err := program("firehose")
	require.NoError(t, err)
	args = append([]string{
		"send", "--json", "--retry-duration=0s", "--url=" + a.endpoint(), "--timestamp=" + requestTime.Format(time.RFC3339Nano),
	}, args...)
	cmd := exec.CommandContext(t.Context(), path, append(args, filepath.Join(captures, "docker-json.jsonl.gz"))...)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	err = cmd.Run() // Fails when anything was not accepted.
	var summary standin.Summary
	require.NoError(t, json.Unmarshal(out.Bytes(), &summary), "%s", &log)
	require.Equal(t, err == nil, summary.AllAccepted())
	return summary
}

// TestAccess checks who may deliver, and for which tenant of Loki.
func TestAccess(t *testing.T) {
	loki := sharedLoki(t)
	other := loki.named("other")
	keys := func(list string) settings {
		return settings{Loki: loki, Arguments: anyAge + "access_keys = " + list}
	}
	a := startAlloy(t, keys(`["first key", "second"]`))
	f := func(status int, args ...string) {
		t.Helper()
		require.Equal(t, map[int]int{status: 1}, a.firehose(t, args...).Statuses)
	}
	f(401)
	f(401, "--access-key=First key")
	f(401, "--access-key=secon")
	a.flush()
	require.Zero(t, loki.count(t, everything))

	f(200, "--access-key=first key")
	f(200, "--access-key=second", "--gzip")
	a.flush()
	require.Equal(t, 277, loki.count(t, everything))

	f(200, "--access-key=second", "--header=X-Scope-OrgID: "+other.id)
	a.flush()
	require.Equal(t, 277, other.count(t, everything))

	// A key goes, the other one stays.
	a.configure(keys(`["second"]`))
	require.NoError(t, a.reload())
	f(401, "--access-key=first key")
	f(200, "--access-key=second")
}
