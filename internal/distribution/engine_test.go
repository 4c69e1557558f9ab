package distribution

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	httpservice "github.com/grafana/alloy/internal/service/http"
)

// How long to wait for something that happens in milliseconds unless it is broken.
const patience = 30 * time.Second

// logBuffer collects what is written from several goroutines.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *logBuffer) awaits(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return bytes.Contains([]byte(b.String()), []byte(text)) }, patience, time.Millisecond, "no %q in:\n%s", text, b)
}

// testEngine is a running engine. Its HTTP server listens on a free port; requests of the test take the way inside the process.
type testEngine struct {
	t      *testing.T
	client *http.Client
	log    *logBuffer
}

// parseRunFlags reads a command line of `alloy run`, on top of what keeps tests apart.
func parseRunFlags(t *testing.T, args ...string) runFlags {
	t.Helper()
	var (
		flags runFlags
		cmd   cobra.Command
	)
	flags.register(&cmd)
	require.NoError(t, cmd.ParseFlags(append([]string{
		"--server.http.listen-addr=127.0.0.1:0",
		"--storage.path=" + t.TempDir(),
	}, args...)))
	return flags
}

// testEnvironment has a registry of its own, because the services of every engine register the same metrics.
func testEnvironment(log *logBuffer) environment {
	registry := prometheus.NewRegistry()
	return environment{
		stderr:     log,
		registerer: registry,
		// Some metrics are always in the default one.
		gatherer: prometheus.Gatherers{registry, prometheus.DefaultGatherer},
		setFlags: []string{"storage.path=data"},
	}
}

// start runs an engine until the test ends, and returns when it is ready.
func start(t *testing.T, path string, args ...string) *testEngine {
	t.Helper()
	log := new(logBuffer)
	e, err := newEngine(path, parseRunFlags(t, args...), testEnvironment(log))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- e.run(ctx, nil) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-result)
	})

	transport := &http.Transport{DialContext: e.http.Data().(httpservice.Data).DialFunc}
	t.Cleanup(transport.CloseIdleConnections)
	te := &testEngine{t: t, client: &http.Client{Transport: transport, Timeout: patience}, log: log}
	require.Eventually(t, func() bool {
		response, err := te.client.Get("http://alloy.internal:12345/-/ready")
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	}, patience, time.Millisecond)
	return te
}

func (te *testEngine) request(method, path string) (status int, body string) {
	te.t.Helper()
	request, err := http.NewRequestWithContext(te.t.Context(), method, "http://alloy.internal:12345"+path, nil)
	require.NoError(te.t, err)
	response, err := te.client.Do(request)
	require.NoError(te.t, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(te.t, err)
	return response.StatusCode, string(content)
}

// freeAddr returns an address that was free just now. It is for what must know its own port; everything else listens on port 0.
func freeAddr(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

// components lists the components that run, as the web UI sees them below prefix.
func (te *testEngine) components(prefix string) []string {
	te.t.Helper()
	status, body := te.request(http.MethodGet, prefix+"/api/v0/web/components")
	require.Equal(te.t, http.StatusOK, status)
	var list []struct {
		LocalID string `json:"localID"`
	}
	require.NoError(te.t, json.Unmarshal([]byte(body), &list))
	ids := make([]string, len(list))
	for i, c := range list {
		ids[i] = c.LocalID
	}
	return ids
}

func TestEngine_Endpoints(t *testing.T) {
	te := start(t, write(t, "c.alloy", goodConfiguration)+"/c.alloy", "--server.http.listen-addr="+freeAddr(t))
	f := func(path string, wantStatus int, wantBody string) {
		t.Helper()
		status, body := te.request(http.MethodGet, path)
		require.Equal(t, wantStatus, status, body)
		require.Contains(t, body, wantBody)
	}
	f("/-/ready", 200, "ready")
	f("/-/healthy", 200, "healthy")
	f("/metrics", 200, "alloy_build_info{")
	f("/metrics", 200, `alloy_config_last_load_successful 1`)
	f("/metrics", 200, "alloy_resources_process_resident_memory_bytes ")
	f("/metrics", 200, `alloy_component_controller_running_components{controller_id="",controller_path="/",health_type="healthy"} 2`)
	f("/debug/pprof/", 200, "goroutine")
	f("/debug/pprof/mutex?debug=1", 200, "cycles/second")
	// It collects the metrics from the address that it listens on.
	f("/-/support?duration=1", 200, "alloy-runtime-flags.txt")
	f("/", uiStatus(), "<title>")
	f("/graph", uiStatus(), "<title>")

	require.ElementsMatch(t, []string{"loki.echo.out", "loki.relabel.names"}, te.components(""))
}

func TestEngine_EndpointsSwitchedOff(t *testing.T) {
	te := start(t, write(t, "c.alloy", goodConfiguration)+"/c.alloy",
		"--server.http.enable-pprof=false", "--server.http.disable-support-bundle", "--server.http.ui-path-prefix=/alloy")
	f := func(path string, want int) {
		t.Helper()
		status, _ := te.request(http.MethodGet, path)
		require.Equal(t, want, status)
	}
	f("/debug/pprof/", 404)
	f("/-/support", 403)
	f("/api/v0/web/components", 404)
	require.Len(t, te.components("/alloy"), 2)
}

func TestEngine_Reload(t *testing.T) {
	dir := write(t, "a.alloy", `loki.echo "a" { }`)
	te := start(t, dir)
	require.ElementsMatch(t, []string{"loki.echo.a"}, te.components(""))

	f := func(method, name, content string, wantStatus int, wantBody string, wantComponents ...string) {
		t.Helper()
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
		status, body := te.request(method, "/-/reload")
		require.Equal(t, wantStatus, status, body)
		require.Contains(t, body, wantBody)
		require.ElementsMatch(t, wantComponents, te.components(""))

		success := map[bool]string{true: "1", false: "0"}[wantStatus == 200]
		_, metrics := te.request(http.MethodGet, "/metrics")
		require.Contains(t, metrics, "\nalloy_config_last_load_successful "+success+"\n")
		status, _ = te.request(http.MethodGet, "/-/ready")
		require.Equal(t, 200, status)
	}
	// A file more in the directory.
	f(http.MethodPost, "b.alloy", `loki.relabel "b" { forward_to = [loki.echo.a.receiver] }`, 200, "config reloaded", "loki.echo.a", "loki.relabel.b")
	// Neither what cannot be parsed nor what cannot be loaded changes what runs.
	f(http.MethodPost, "b.alloy", `loki.relabel "b" {`, 400, "b.alloy:1:19", "loki.echo.a", "loki.relabel.b")
	f(http.MethodPost, "b.alloy", `nosuch.component "b" { }`, 400, "nosuch.component", "loki.echo.a", "loki.relabel.b")
	f(http.MethodGet, "b.alloy", `loki.echo "b" { }`, 200, "config reloaded", "loki.echo.a", "loki.echo.b")
}

// A component that cannot do its work does not stop the others, and /-/healthy tells.
func TestEngine_UnhealthyComponent(t *testing.T) {
	dir := write(t, "c.alloy", "", "watched", "content")
	content := `local.file "f" { filename = "` + dir + `/watched" }` + "\n" + `loki.echo "out" { }`
	require.NoError(t, os.WriteFile(dir+"/c.alloy", []byte(content), 0o644))
	te := start(t, dir+"/c.alloy")
	status, _ := te.request(http.MethodGet, "/-/healthy")
	require.Equal(t, 200, status)

	require.NoError(t, os.Remove(dir+"/watched"))
	require.Eventually(t, func() bool {
		status, body := te.request(http.MethodGet, "/-/healthy")
		return status == 500 && bytes.Contains([]byte(body), []byte("local.file"))
	}, patience, 10*time.Millisecond)
	status, _ = te.request(http.MethodGet, "/-/ready")
	require.Equal(t, 200, status)
}

func TestEngine_BadConfiguration(t *testing.T) {
	f := func(content, wantLog string) {
		t.Helper()
		var log logBuffer
		e, err := newEngine(write(t, "c.alloy", content)+"/c.alloy", parseRunFlags(t), testEnvironment(&log))
		require.NoError(t, err)
		require.ErrorIs(t, e.run(t.Context(), nil), errNotLoaded)
		require.Contains(t, log.String(), wantLog)
	}
	f("loki.echo {", "1 | loki.echo {")
	f("\n"+`nosuch.component "x" { }`, `2 | nosuch.component "x" { }`)
	f(`loki.relabel "x" { forward_to = [loki.echo.missing.receiver] }`, `component "loki.echo.missing.receiver" does not exist`)
	f(`test.experimental "x" { }`, "below the minimum allowed stability level")

	e, err := newEngine(t.TempDir()+"/missing.alloy", parseRunFlags(t), testEnvironment(new(logBuffer)))
	require.NoError(t, err)
	require.ErrorIs(t, e.run(t.Context(), nil), os.ErrNotExist)
}

func TestEngine_Reporting(t *testing.T) {
	const started = "running usage stats reporter"
	path := write(t, "c.alloy", goodConfiguration) + "/c.alloy"

	require.NotContains(t, start(t, path).log.String(), started)
	require.NotContains(t, start(t, path, "--disable-reporting").log.String(), started)
	// It sends nothing within the first minute, and the test does not last as long.
	start(t, path, "--enable-reporting").log.awaits(t, started)
}

// Signals from outside.
func TestRun_Signals(t *testing.T) {
	dir := write(t, "c.alloy", `loki.echo "first" { }`)
	var log logBuffer
	flags := parseRunFlags(t)
	result := make(chan error, 1)
	go func() { result <- run(t.Context(), dir+"/c.alloy", flags, testEnvironment(&log)) }()
	log.awaits(t, "now listening for http traffic")
	log.awaits(t, "node_id=loki.echo.first")

	// Handlers for both signals are set before anything is logged, so the test process survives them.
	require.NoError(t, os.WriteFile(dir+"/c.alloy", []byte(`loki.echo "second" { }`), 0o644))
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGHUP))
	log.awaits(t, `msg="configuration reloaded"`)
	require.Contains(t, log.String(), "node_id=loki.echo.second")

	require.NoError(t, os.WriteFile(dir+"/c.alloy", []byte(`loki.echo {`), 0o644))
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGHUP))
	log.awaits(t, "the former one stays in force")
	require.Empty(t, result)

	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGTERM))
	require.NoError(t, <-result)
	log.awaits(t, `node=loki.echo.second`)
}
