package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// patience bounds every wait for another process, on a machine that is busy with
// other things too.
const patience = time.Minute

// process is a program that has been started, and is stopped by stop.
type process struct {
	name  string
	cmd   *exec.Cmd
	log   *output
	ended chan struct{} // Closed when it has ended.
	err   error         // How it has ended.
}

// start starts a program on the cores, with variables added to the environment. It
// is asked to end when ctx does.
func start(ctx context.Context, on cores, env []string, program string, args ...string) (*process, error) {
	command := on.pin(append([]string{program}, args...))
	p := &process{
		name: program, cmd: exec.CommandContext(ctx, command[0], command[1:]...),
		log: new(output), ended: make(chan struct{}),
	}
	p.cmd.Env = append(append(os.Environ(), on.env()...), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = 10 * time.Second
	// Taskset would report this in words that tell nobody what to do.
	if _, err := exec.LookPath(program); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", program, err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", program, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// stop asks the process to end and waits until it has.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // Fails when it has ended already.
	select {
	case <-p.ended:
	case <-time.After(p.cmd.WaitDelay):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// await waits until done returns no error. It fails when the process or ctx ends
// before.
func (p *process) await(ctx context.Context, done func() error) error {
	deadline := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := done()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-p.ended:
			return fmt.Errorf("%s has ended: %w\n%s", p.name, p.err, p.log.tail())
		case <-deadline:
			return fmt.Errorf("%w, after %s; %s says:\n%s", err, patience, p.name, p.log.tail())
		case <-tick.C:
		}
	}
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

// tail returns the end of what was printed, without the traces.
func (o *output) tail() string {
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

// freeAddresses returns loopback addresses on which nothing listens.
func freeAddresses(n int) ([]string, error) {
	var addresses []string
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("cannot find a free port: %w", err)
		}
		defer listener.Close() // All at the end, so that they are different.
		addresses = append(addresses, listener.Addr().String())
	}
	return addresses, nil
}

var errNotReady = errors.New("is not ready")

// ready returns a function that asks a URL whether a process is ready.
func ready(ctx context.Context, url string) func() error {
	return func() error {
		resp, err := request(ctx, http.MethodGet, url)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}
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
		return nil, fmt.Errorf("%s %w: %s", url, errNotReady, resp.Status)
	}
	return resp, nil
}
