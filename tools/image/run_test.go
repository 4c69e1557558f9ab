package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	// patience is how long a test waits for something that takes a second.
	patience = 30 * time.Second
	tick     = 20 * time.Millisecond
)

// container is the image's root directory, and how a program is started in it.
type container struct {
	root     string
	config   string // Directory that is mounted at /etc/alloy, as the chart does.
	storage  string // Where the storage directory is.
	writable bool   // Whether the root can be written; otherwise something writable is mounted at storage.
}

// unpack makes the root directory of the image for this machine. Like a container runtime, it adds the directories that something is mounted on.
func unpack(t *testing.T) *container {
	t.Helper()
	dir := t.TempDir()
	c := &container{root: filepath.Join(dir, "root"), config: filepath.Join(dir, "config"), storage: "/" + dataPath}
	require.NoError(t, os.MkdirAll(filepath.Join(c.root, "proc"), 0o755))
	require.NoError(t, os.Mkdir(c.config, 0o755))
	for path, f := range files(t, images(t)["linux/"+runtime.GOARCH]) {
		path = filepath.Join(c.root, path)
		if len(f.content) == 0 {
			require.NoError(t, os.MkdirAll(path, 0o755))
			require.NoError(t, os.Chmod(path, directoryMode(f.mode)))
			continue
		}
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, f.content, os.FileMode(f.mode)))
	}
	// The temporary directory of a test is its owner's only; user 473 has to come through.
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		require.NoError(t, os.Chmod(d, 0o755))
	}
	return c
}

// directoryMode turns the mode in an archive into Go's.
func directoryMode(mode int64) os.FileMode {
	const sticky = 0o1000
	m := os.FileMode(mode).Perm()
	if mode&sticky != 0 {
		m |= os.ModeSticky
	}
	return m
}

// script mounts what a pod has with the values of operations/helm: a root that cannot be written, with a configuration and an empty directory for the storage. Then
// it gives up all rights, becomes user 473, and starts the entry point.
const script = `set -e
mount --bind "$ROOT" "$ROOT"
mount --rbind /proc "$ROOT/proc"
mount --bind "$CONFIG" "$ROOT/etc/alloy"
mount -o remount,bind,ro "$ROOT/etc/alloy"
if [ -z "$WRITABLE" ]; then
	mount -t tmpfs -o mode=1777 storage "$ROOT$STORAGE"
	mount -o remount,bind,ro "$ROOT"
fi
cd "$ROOT"
exec %s chroot %s "$ROOT" /bin/alloy "$@"
`

// command starts the entry point of the image with args, as isolated as this machine permits.
func (c *container) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	var cmd *exec.Cmd
	switch {
	case os.Getuid() == 0 && works("unshare", "--mount", "true"):
		drop := fmt.Sprintf(script, "setpriv --no-new-privs --bounding-set=-all,+setuid,+setgid,+sys_chroot --inh-caps=-all", "--userspec=473:473 --groups=")
		cmd = exec.Command("unshare", append([]string{"--mount", "sh", "-c", drop, "alloy"}, args...)...)
	case works("unshare", "--user", "--map-root-user", "--mount", "true"):
		cmd = exec.Command("unshare", append([]string{"--user", "--map-root-user", "--mount", "sh", "-c", fmt.Sprintf(script, "", ""), "alloy"}, args...)...)
	default:
		t.Log("no namespaces here: the binary runs on the machine's own files")
		for i, arg := range args {
			arg = strings.ReplaceAll(arg, "/etc/alloy", c.config)
			args[i] = strings.ReplaceAll(arg, c.storage, filepath.Join(c.root, c.storage))
		}
		cmd = exec.Command(filepath.Join(c.root, binaryPath), args...)
	}
	// Nothing of this machine's environment, but for what starts the program.
	cmd.Env = []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "ROOT=" + c.root, "CONFIG=" + c.config, "STORAGE=" + c.storage,
		"ALLOY_DEPLOY_MODE=docker",
	}
	if c.writable {
		cmd.Env = append(cmd.Env, "WRITABLE=1")
	}
	return cmd
}

func works(name string, args ...string) bool { return exec.Command(name, args...).Run() == nil }

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

// configuration takes deliveries and prints the entries. It names a time zone, which nothing but the binary itself can know in the image.
const configuration = `
awsfirehose.kubernetes "default" {
	http {
		listen_address = "127.0.0.1"
		listen_port    = %d
	}
	forward_to = [loki.process.zone.receiver]
}

loki.process "zone" {
	stage.timestamp {
		source   = "nothing"
		format   = "2006-01-02 15:04:05"
		location = "Pacific/Auckland"
	}
	forward_to = [loki.echo.default.receiver]
}

loki.echo "default" { }
`

// The image's binary runs in the image's files and on nothing else: no shell, no libraries, a root that can't be written, a user without rights.
func TestImage_Runs(t *testing.T) {
	c := unpack(t)
	out, err := c.command(t, "--version").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "alloy, version v1.15.1-eks.")
	c.requireDelivery(t)
}

// With nothing but the chart's defaults the storage is below /tmp, which belongs to everybody.
func TestImage_RunsWithTheChartsDefaults(t *testing.T) {
	c := unpack(t)
	c.storage, c.writable = "/tmp/alloy", true
	c.requireDelivery(t)
	require.FileExists(t, filepath.Join(c.root, c.storage, "alloy_seed.json"))
}

// requireDelivery runs the image until it has taken a delivery, and looks at what else it answers.
func (c *container) requireDelivery(t *testing.T) {
	t.Helper()
	delivery, own := freePorts(t)
	require.NoError(t, os.WriteFile(filepath.Join(c.config, "config.alloy"), fmt.Appendf(nil, configuration, delivery), 0o644))
	log := new(output)
	cmd := c.command(t, "run", "/etc/alloy/config.alloy", "--storage.path="+c.storage, fmt.Sprintf("--server.http.listen-addr=127.0.0.1:%d", own))
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Signal(os.Interrupt))
		require.NoError(t, cmd.Wait(), "%s", log)
		for _, complaint := range []string{"read-only file system", "permission denied"} {
			require.NotContains(t, log.String(), complaint)
		}
	})
	ready := fmt.Sprintf("http://127.0.0.1:%d/-/ready", own)
	require.Eventually(t, func() bool { return status(ready) == http.StatusOK }, patience, tick, "it does not get ready: %s", log)

	page := http.StatusNotFound
	if hasUI(t, "linux/"+runtime.GOARCH) {
		page = http.StatusOK
	}
	require.Equal(t, page, status(fmt.Sprintf("http://127.0.0.1:%d/", own)))

	url := fmt.Sprintf("http://127.0.0.1:%d", delivery)
	require.Equal(t, http.StatusOK, status(url), "the health check of a load balancer")
	send := exec.CommandContext(t.Context(), filepath.Join(repository, "build", "firehose"), "send", "--quiet", "--retry-duration=0s", "--generate=10", "--url="+url)
	out, err := send.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "timestamp_source") }, patience, tick, "no entry in %s", log)
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

// The configuration in the image is valid there.
func TestImage_DefaultConfiguration(t *testing.T) {
	c := unpack(t)
	config, err := os.ReadFile(filepath.Join(c.root, configPath))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(c.config, "config.alloy"), config, 0o644))
	out, err := c.command(t, "validate", "/etc/alloy/config.alloy").CombinedOutput()
	require.NoError(t, err, "%s", out)
}
