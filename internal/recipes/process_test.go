package recipes

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds the wait for what takes seconds at most unless it is broken,
// on a machine that is busy with other things.
const patience = time.Minute

const root = "../.."

// program returns the path of build/alloy. The first call builds it.
var program = sync.OnceValues(func() (string, error) {
	cmd := exec.Command("make", "-s", "build")
	cmd.Dir = root
	// A make that runs these tests passes on flags that are not meant for this one.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "MAKE") || strings.HasPrefix(v, "MFLAGS=")
	})
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build programs: %w\n%s", err, out)
	}
	path, err := filepath.Abs(filepath.Join(root, "build", "alloy"))
	if err != nil {
		return "", err
	}
	// Looking at the file lets `go test` know that another one makes another result.
	_, err = os.Stat(path)
	return path, err
})

// recipe returns a file of docs/recipes.
func recipe(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", "recipes", name))
	require.NoError(t, err)
	return string(text)
}

// replace replaces pairs of old and new, each of which occurs.
func replace(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		require.Contains(t, text, pairs[i])
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}

// onLoopback lets the source of a recipe listen on a free port of the loopback.
// More blocks of the source go behind the one for that.
func onLoopback(t *testing.T, config, more string) string {
	t.Helper()
	return replace(t, config,
		"\t\tlisten_port = 8080\n\t}\n",
		"\t\tlisten_address = \"127.0.0.1\"\n\t\tlisten_port = 0\n\t}\n"+more)
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

// alloy is build/alloy at work. It ends with its test.
type alloy struct {
	t     *testing.T
	url   string // Of its own HTTP server.
	log   output
	ended chan struct{}
}

// startAlloy runs a configuration with flags, and with variables in its
// environment.
func startAlloy(t *testing.T, config string, flags []string, env ...string) *alloy {
	t.Helper()
	path, err := program()
	require.NoError(t, err)
	dir := t.TempDir()
	file := filepath.Join(dir, "config.alloy")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	env = append(os.Environ(), env...)

	validate := exec.Command(path, append([]string{"validate", file}, flags...)...)
	validate.Env = env
	out, err := validate.CombinedOutput()
	require.NoError(t, err, "%s", out)

	address := freeAddress(t)
	a := &alloy{t: t, url: "http://" + address, ended: make(chan struct{})}
	cmd := exec.Command(path, append([]string{"run", file, "--server.http.listen-addr=" + address, "--storage.path=" + dir}, flags...)...)
	cmd.Env = env
	cmd.Stdout, cmd.Stderr = &a.log, &a.log
	require.NoError(t, cmd.Start())
	go func() {
		_ = cmd.Wait() // It is ended by a signal.
		close(a.ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // Fails when it has ended already.
		select {
		case <-a.ended:
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			<-a.ended
		}
		if t.Failed() {
			t.Logf("the log of Alloy:\n%s", a.log.String())
		}
	})
	return a
}

// freeAddress returns one that nobody listens on. Alloy does not tell which port
// its own server got.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

// logged returns what the groups of an expression match, once the log has it.
func (a *alloy) logged(expression string) []string {
	a.t.Helper()
	var found []string
	a.await(func() error {
		if found = regexp.MustCompile(expression).FindStringSubmatch(a.log.String()); found == nil {
			return fmt.Errorf("the log has no %s", expression)
		}
		return nil
	})
	return found[1:]
}

// endpoint returns the URL for Firehose, once the source listens.
func (a *alloy) endpoint() string {
	a.t.Helper()
	return "http://" + a.logged(`component_id=awsfirehose\.kubernetes\S* .*http=(\S+)`)[0] + "/awsfirehose/api/v1/push"
}

// await waits until ready returns no error. The test fails when Alloy ends before.
func (a *alloy) await(ready func() error) {
	a.t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready()
		if err == nil {
			return
		}
		select {
		case <-a.ended:
			require.FailNow(a.t, "Alloy has ended", a.log.String())
		case <-deadline:
			require.NoError(a.t, err, "after %s", patience)
		case <-tick.C:
		}
	}
}

var errTooFew = errors.New("not all of it has come")
