package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/process"
	"github.com/grafana/alloy/eks/internal/standin"
)

// TestKubernetesExample runs the configuration that people copy: the access key
// from a file, the password from the environment, labels of their own.
func TestKubernetesExample(t *testing.T) {
	var out pushes
	loki := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "eks" || password != "hidden" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		out.ServeHTTP(w, r)
	}))
	defer loki.Close()
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	require.NoError(t, os.WriteFile(key, []byte("first key\n"), 0o600))
	options := alloyOptions{
		root: root, dir: dir, config: example("kubernetes.alloy"),
		env: []string{"CLUSTER=blue", "LOKI_URL=" + loki.URL, "LOKI_USER=eks", "LOKI_PASSWORD=hidden", "FIREHOSE_ACCESS_KEY_FILE=" + key},
	}
	a := options.start(t)

	record := []byte(`{"log":"2026-08-20T09:58:00.253967093Z stdout F hello","kubernetes":{"pod_name":"web-0","namespace_name":"shop",` +
		`"container_name":"web","labels":{"team":"sales","app.kubernetes.io/version":"1.2.3"}}}`)
	send := func(accessKey string) int {
		t.Helper()
		sender, err := standin.NewSender(standin.Options{URL: a.endpoint, AccessKey: accessKey})
		require.NoError(t, err)
		attempts := sender.Send(t.Context(), [][]byte{record}).Attempts
		return attempts[len(attempts)-1].Status
	}
	require.Equal(t, http.StatusUnauthorized, send("another key"))
	require.Equal(t, http.StatusOK, send("first key"))
	require.NoError(t, a.flushed(t.Context()))
	entries, err := out.ofCapture(t.Context(), "")
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.Equal(t, "hello", entries[0].Line)
	require.Equal(t, map[string]string{
		"cluster": "blue", "namespace": "shop", "container": "web", "service_name": "web", "stream": "stdout", "team": "sales",
	}, entries[0].Labels)
	require.Equal(t, "1.2.3", entries[0].Metadata["version"])
	require.Equal(t, "2026-08-20T09:58:00.253967093Z", entries[0].Metadata["true_timestamp"])

	// The new key is let in as soon as the file has it.
	require.NoError(t, os.WriteFile(key, []byte("second key"), 0o600))
	require.NoError(t, a.Await(t.Context(), func() error {
		if send("second key") != http.StatusOK {
			return process.ErrNotReady
		}
		return nil
	}))
	require.Equal(t, http.StatusUnauthorized, send("first key"))

	// A file without a key opens nothing.
	a.End()
	require.NoError(t, os.WriteFile(key, []byte("\n"), 0o600))
	_, err = startAlloy(t.Context(), options)
	require.ErrorContains(t, err, "access key 0 is empty")
}
