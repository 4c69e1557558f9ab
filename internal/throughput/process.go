package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"sync"

	"github.com/grafana/alloy/eks/internal/process"
)

// child is a process that is measured, on cores of its own.
type child struct {
	*process.Process
	log *output
}

// start starts a program on the cores, with variables added to the environment. It
// is asked to end when ctx does.
func start(ctx context.Context, on cores, env []string, program string, args ...string) (*child, error) {
	// Taskset would report this in words that tell nobody what to do.
	if _, err := exec.LookPath(program); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", program, err)
	}
	command := on.pin(append([]string{program}, args...))
	log := new(output)
	p, err := process.Start(program, process.Command(ctx, append(on.env(), env...), command[0], command[1:]...), log)
	if err != nil {
		return nil, err
	}
	return &child{p, log}, nil
}

// output takes what a process prints. It keeps the end of it, and sums up the
// traces of the garbage collector. It is safe for concurrent use.
type output struct {
	mu   sync.Mutex
	text []byte
	line []byte // The last line, while it is not whole.
	gc   collections
}

// tailSize is some twenty lines of Alloy's log.
const tailSize = 4 << 10

// Write implements process.Log.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.line = append(o.line, p...)
	for {
		line, rest, whole := bytes.Cut(o.line, []byte("\n"))
		if !whole {
			break
		}
		o.take(line)
		o.line = append(o.line[:0], rest...)
	}
	return len(p), nil
}

func (o *output) take(line []byte) {
	if cpu, ok := parseCollection(line); ok {
		o.gc.cycles++
		o.gc.cpu += cpu
		return
	}
	o.text = append(append(o.text, line...), '\n')
	if excess := len(o.text) - tailSize; excess > 0 {
		o.text = append(o.text[:0], o.text[excess:]...)
	}
}

// Tail implements process.Log: the traces are not in it.
func (o *output) Tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text) + string(o.line)
}

// collected returns what the garbage collector has done so far.
func (o *output) collected() collections {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.gc
}

// request makes a request that must be answered 200.
func request(ctx context.Context, method, url string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("%s %w: %s", url, process.ErrNotReady, resp.Status)
	}
	return resp, nil
}
