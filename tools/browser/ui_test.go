package browser

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

const (
	root        = "../.."
	screenshots = root + "/build/screenshots"
	// patience is how long a test waits for something that takes a second.
	patience = 60 * time.Second
)

// configuration is small enough that all of it fits on a screenshot.
const configuration = `
livedebugging {
	enabled = true
}

awsfirehose.kubernetes "containers" {
	http {
		listen_address = "127.0.0.1"
		listen_port    = %d
	}

	access_keys = ["let me in"]
	cluster     = "orchard"
	forward_to  = [loki.process.lines.receiver]
}

cloudwatch.eks_controlplane "clusters" {
	http {
		listen_address = "127.0.0.1"
		listen_port    = 0
	}

	forward_to = [loki.echo.lines.receiver]
}

loki.process "lines" {
	stage.static_labels {
		values = {from = "ui"}
	}
	forward_to = [loki.echo.lines.receiver]
}

loki.echo "lines" { }
`

// alloy is the distribution at work.
type alloy struct {
	url      string // Of the UI, with a slash at its end.
	endpoint string // Where deliveries go.
}

// output collects what a process prints.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// program returns the path of a binary that `make build` makes.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, "build", name))
	require.NoError(t, err)
	require.FileExists(t, path, "run make build")
	return path
}

// freePorts returns two ports of the loopback on which nobody listens.
func freePorts(t *testing.T) (one, other int) {
	t.Helper()
	for _, port := range []*int{&one, &other} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer listener.Close() // Both at the end, so that they differ.
		*port = listener.Addr().(*net.TCPAddr).Port
	}
	return one, other
}

// start runs build/alloy with the UI below prefix.
func start(t *testing.T, prefix string) *alloy {
	t.Helper()
	dir := t.TempDir()
	own, delivery := freePorts(t)
	config := filepath.Join(dir, "config.alloy")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, configuration, delivery), 0o600))
	printed := new(output)
	cmd := exec.Command(program(t, "alloy"), "run", config, "--storage.path="+dir,
		fmt.Sprintf("--server.http.listen-addr=127.0.0.1:%d", own), "--server.http.ui-path-prefix="+prefix)
	cmd.Stdout, cmd.Stderr = printed, printed
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Signal(os.Interrupt))
		require.NoError(t, cmd.Wait(), "%s", printed)
	})
	host := fmt.Sprintf("http://127.0.0.1:%d", own)
	require.Eventually(t, func() bool { return status(host+"/-/ready") == http.StatusOK }, patience, 20*time.Millisecond, "%s", printed)
	require.Equal(t, http.StatusOK, status(host+prefix), "build/alloy has no web UI: run make ui build")
	return &alloy{url: host + prefix, endpoint: fmt.Sprintf("http://127.0.0.1:%d", delivery)}
}

// status is that of a GET request, or 0.
func status(url string) int {
	response, err := http.Get(url)
	if err != nil {
		return 0
	}
	response.Body.Close()
	return response.StatusCode
}

// deliver sends generated records with the stand-in for Firehose.
func (a *alloy) deliver(t *testing.T) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program(t, "firehose"), "send", "--quiet", "--retry-duration=0s", "--generate=5",
		"--access-key=let me in", "--url="+a.endpoint).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// browse opens a tab of a new browser. At the end of the test nothing may have gone wrong in it: no exception, and no line in its log, where refused files
// and scripts are told.
func browse(t *testing.T) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.WindowSize(1400, 900),
		chromedp.NoSandbox, // As root there is none.
		chromedp.DisableGPU,
		// Nothing but this machine is asked for anything.
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(allocator)
	t.Cleanup(closeTab)
	ctx, cancel := context.WithTimeout(ctx, patience)
	t.Cleanup(cancel)

	var mu sync.Mutex
	var complaints []string
	require.NoError(t, chromedp.Listen(ctx, func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			complaints = append(complaints, e.ExceptionDetails.Text)
		case *log.EventEntryAdded:
			if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
				complaints = append(complaints, e.Entry.Text+" "+e.Entry.URL)
			}
		}
	}))
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		require.Empty(t, complaints)
	})
	return ctx
}

// do carries out actions in the tab.
func do(t *testing.T, ctx context.Context, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	require.NoError(t, chromedp.Do(ctx, actions...))
}

// ask carries out an action in the tab that has a result.
func ask[T any](t *testing.T, ctx context.Context, action chromedp.Action[T]) T {
	t.Helper()
	answer, err := chromedp.Run(ctx, action)
	require.NoError(t, err)
	return answer
}

// shoot keeps a picture of what is on the screen.
func shoot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(screenshots, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(screenshots, name+".png"), ask(t, ctx, chromedp.CaptureScreenshot()), 0o600))
}

// text is all that the page shows.
func text(t *testing.T, ctx context.Context) string {
	t.Helper()
	return ask(t, ctx, chromedp.Text(chromedp.CSS("body")))
}

// await waits until the page shows all of want, and does what is given in between.
func await(t *testing.T, ctx context.Context, between func(), want ...string) {
	t.Helper()
	require.Eventually(t, func() bool {
		if between != nil {
			between()
		}
		shown := text(t, ctx)
		for _, w := range want {
			if !bytes.Contains([]byte(shown), []byte(w)) {
				return false
			}
		}
		return true
	}, patience, 100*time.Millisecond, "%q is not shown", want)
}

func TestComponents(t *testing.T) {
	a, ctx := start(t, "/"), browse(t)
	do(t, ctx, chromedp.Navigate(a.url))
	await(t, ctx, nil, "awsfirehose.kubernetes.containers", "cloudwatch.eks_controlplane.clusters", "loki.process.lines", "loki.echo.lines", "Healthy")
	require.NotContains(t, text(t, ctx), "Unhealthy")
	shoot(t, ctx, "components")
}

// The page of a component is reached by a click, shows its arguments and what it did, and no access key.
func TestComponent(t *testing.T) {
	a, ctx := start(t, "/"), browse(t)
	a.deliver(t)
	do(t, ctx, chromedp.Navigate(a.url))
	await(t, ctx, nil, "awsfirehose.kubernetes.containers")
	do(t, ctx, chromedp.Click(chromedp.CSS(`a[href$="component/awsfirehose.kubernetes.containers"]`)))
	await(t, ctx, nil, "Arguments", "cluster", `"orchard"`, "access_keys", "(secret)", "Debug info", "address", "127.0.0.1", "Live debugging", "loki.process.lines")
	require.NotContains(t, text(t, ctx), "let me in")
	shoot(t, ctx, "component")
	do(t, ctx, chromedp.Evaluate[chromedp.Void](`[...document.querySelectorAll("h2")].find(h => h.textContent == "Debug info").scrollIntoView()`))
	shoot(t, ctx, "component-debug-info")
}

func TestGraph(t *testing.T) {
	a, ctx := start(t, "/"), browse(t)
	do(t, ctx, chromedp.Navigate(a.url+"graph"), chromedp.WaitVisible(chromedp.CSS(".react-flow__node")))
	await(t, ctx, nil, "awsfirehose.kubernetes", "containers", "cloudwatch.eks_controlplane", "loki.process", "loki.echo")
	count := func(selector string) int {
		return ask(t, ctx, chromedp.Evaluate[int](fmt.Sprintf("document.querySelectorAll(%q).length", selector)))
	}
	require.Eventually(t, func() bool { return count(".react-flow__node") == 4 && count(".react-flow__edge") == 3 }, patience, 100*time.Millisecond)
	// How many entries flow in a second is written at the edges that they flow on.
	require.Eventually(t, func() bool {
		a.deliver(t)
		return count(".react-flow__edge-text") == 2
	}, patience, 100*time.Millisecond)
	shoot(t, ctx, "graph")
}

// An entry is shown as soon as its delivery has come.
func TestLiveDebugging(t *testing.T) {
	a, ctx := start(t, "/"), browse(t)
	do(t, ctx, chromedp.Navigate(a.url+"component/awsfirehose.kubernetes.containers"))
	await(t, ctx, nil, "Live debugging")
	do(t, ctx, chromedp.Click(chromedp.CSS(`a[href$="debug/awsfirehose.kubernetes.containers"]`)))
	await(t, ctx, nil, "Listening for incoming data")
	require.NotContains(t, text(t, ctx), "orchard")
	await(t, ctx, func() { a.deliver(t) }, `cluster="orchard"`, "timestamp_source")
	shoot(t, ctx, "live-debugging")
}

// The pages work below a path, as an ingress may want it.
func TestPrefix(t *testing.T) {
	a, ctx := start(t, "/tools/alloy/"), browse(t)
	do(t, ctx, chromedp.Navigate(a.url+"component/loki.echo.lines"))
	await(t, ctx, nil, "loki.echo.lines", "Healthy")
	do(t, ctx, chromedp.Click(chromedp.CSS(`a[href$="/tools/alloy/graph"]`)), chromedp.WaitVisible(chromedp.CSS(".react-flow__node")))
	require.Equal(t, a.url+"graph", ask(t, ctx, chromedp.Location()))
}
