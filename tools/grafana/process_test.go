package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	root = "../.."
	// patience is how long a test waits for something that takes seconds.
	patience = time.Minute
	tick     = 50 * time.Millisecond
)

// program returns the path of a binary that `make test-grafana` makes.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, "build", name))
	require.NoError(t, err)
	require.FileExists(t, path, "run make test-grafana")
	return path
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

// start runs a program until the test ends. It is ready when the address answers
// 200.
func start(t *testing.T, ready, name string, args ...string) {
	t.Helper()
	printed := new(output)
	cmd := exec.Command(program(t, name), args...)
	cmd.Stdout, cmd.Stderr = printed, printed
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // What it has is in a folder of the test.
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the end of the log of %s:\n%s", name, end(printed.String()))
		}
	})
	require.Eventually(t, func() bool { return get(ready, nil, nil) == nil }, patience, tick, "%s does not get ready: %s", name, printed)
}

func end(log string) string {
	const most = 10_000
	return log[max(0, len(log)-most):]
}

// run runs a program to its end, and returns what it has printed.
func run(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(t, name), args...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// given are the addresses that freeAddress has returned.
var given sync.Map

// freeAddress returns an address of the loopback on which nobody listens, another one each time.
func freeAddress(t *testing.T) string {
	t.Helper()
	for {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, listener.Close())
		address := listener.Addr().String()
		if _, again := given.LoadOrStore(address, true); !again {
			return address
		}
	}
}

func port(address string) string {
	_, p, _ := net.SplitHostPort(address)
	return p
}

// get reads an answer of status 200 into the value, unless that is nil. The values
// become the URL's query.
func get(address string, values url.Values, into any) error {
	request, err := http.NewRequest(http.MethodGet, address+"?"+values.Encode(), nil)
	if err != nil {
		return err
	}
	request.Header.Set("X-Scope-OrgID", tenant)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d: %s", response.StatusCode, body)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(body, into)
}

// write writes a file of a test and returns its path.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}
