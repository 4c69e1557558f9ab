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
	log   tail
	ended chan struct{} // Closed when it has ended.
	err   error         // How it has ended.
}

// start starts a program with variables added to the environment. It is asked to
// end when ctx does.
func start(ctx context.Context, env []string, program string, args ...string) (*process, error) {
	p := &process{name: program, cmd: exec.CommandContext(ctx, program, args...), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = 10 * time.Second
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
			return fmt.Errorf("%s has ended: %w\n%s", p.name, p.err, p.log.String())
		case <-deadline:
			return fmt.Errorf("%w, after %s; %s says:\n%s", err, patience, p.name, p.log.String())
		case <-tick.C:
		}
	}
}

// tail keeps the end of what a process prints. It is safe for concurrent use.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// tailSize is some twenty lines of Alloy's log.
const tailSize = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if excess := len(t.text) - tailSize; excess > 0 {
		t.text = append(t.text[:0], t.text[excess:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := t.text
	if len(text) == tailSize {
		_, text, _ = bytes.Cut(text, []byte("\n")) // The first line is not whole.
	}
	return string(text)
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
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s %w: %s", url, errNotReady, resp.Status)
		}
		return nil
	}
}
