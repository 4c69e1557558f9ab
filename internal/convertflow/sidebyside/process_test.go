package sidebyside

import (
	"bytes"
	"fmt"
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

const root = "../../.."

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
	log   output
	ended chan struct{}
}

// startAlloy runs a configuration, the files of a folder or one of any name, until
// the test ends. Its log tells the ports that it listens on.
func startAlloy(t *testing.T, config string, env ...string) *alloy {
	t.Helper()
	path, err := program()
	require.NoError(t, err)
	a := &alloy{t: t, ended: make(chan struct{})}
	cmd := exec.Command(path, "run", config, "--server.http.listen-addr=127.0.0.1:0", "--storage.path="+t.TempDir())
	cmd.Env = append(os.Environ(), env...)
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

// endpoint returns the URL for Firehose of a component with that label, once it
// listens.
func (a *alloy) endpoint(label string) string {
	a.t.Helper()
	listening := regexp.MustCompile(`component_id=\S*awsfirehose\S*\.` + label + ` .*http=(\S+)`)
	var address string
	a.await(func() error {
		found := listening.FindStringSubmatch(a.log.String())
		if found == nil {
			return fmt.Errorf("%s does not listen", label)
		}
		address = found[1]
		return nil
	})
	return "http://" + address + "/awsfirehose/api/v1/push"
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
