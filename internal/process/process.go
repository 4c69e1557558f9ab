// Package process runs other programs, Alloy and Loki above all, for tests, for the
// demo and for measurements: it starts them, waits until they are ready, and ends
// them.
package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Patience bounds every wait for another process. Whatever takes that long is
// broken, even on a machine that is busy with other things.
const Patience = time.Minute

// Process is a program that has been started.
type Process struct {
	name  string
	cmd   *exec.Cmd
	log   Log
	ended chan struct{} // Closed when it has ended.
	err   error         // How it has ended.
}

// Command returns a command with variables, as name=value, added to the
// environment. It is asked to end when ctx does.
func Command(ctx context.Context, env []string, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = Patience
	return cmd
}

// Start starts a command that prints to log. name is what errors call it.
func Start(name string, cmd *exec.Cmd, log Log) (*Process, error) {
	p := &Process{name: name, cmd: cmd, log: log, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", name, err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// Await waits until ready returns no error. It fails when the process or ctx ends
// before, and after Patience; the error tells the end of the log.
func (p *Process) Await(ctx context.Context, ready func() error) error {
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-p.ended:
			return p.hasEnded()
		case <-deadline.C:
			return p.says(fmt.Sprintf("is not ready after %s, %s", Patience, err))
		case <-tick.C:
		}
	}
}

// Name returns what errors call the process.
func (p *Process) Name() string { return p.name }

// Tail returns the end of what the process has printed.
func (p *Process) Tail() string { return p.log.Tail() }

// ID returns the process id.
func (p *Process) ID() int { return p.cmd.Process.Pid }

// Running tells whether the process has not ended.
func (p *Process) Running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

func (p *Process) hasEnded() error {
	return p.says("has ended, " + p.cmd.ProcessState.String())
}

// ErrAddressTaken says that a process could not listen, as another one was faster.
var ErrAddressTaken = errors.New("address is taken")

// says returns what is wrong with the process, with the end of its log.
func (p *Process) says(what string) error {
	tail := p.log.Tail()
	err := fmt.Errorf("%s %s:\n%s", p.name, what, tail)
	if strings.Contains(tail, "address already in use") {
		return fmt.Errorf("%w: %w", ErrAddressTaken, err)
	}
	return err
}

// Signal sends a signal to a process that runs.
func (p *Process) Signal(s syscall.Signal) error {
	if !p.Running() {
		return p.hasEnded()
	}
	return p.cmd.Process.Signal(s)
}

// Stop asks a process that runs to end, waits for it, and returns how it ended, as
// exec.Cmd.Wait does. A process that does not end within Patience is killed.
func (p *Process) Stop() error {
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	timer := time.NewTimer(Patience)
	defer timer.Stop()
	select {
	case <-p.ended:
		return p.err
	case <-timer.C:
		p.Kill()
		return p.says(fmt.Sprintf("has not ended %s after SIGTERM", Patience))
	}
}

// End is Stop for who does not care how the process ends, or has ended already.
func (p *Process) End() { _ = p.Stop() }

// Kill ends the process at once and waits until it has ended.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // Fails when it has ended already.
	<-p.ended
}

// FreeAddresses returns loopback addresses on which nothing listens, all different.
// Another process may be faster to listen there.
func FreeAddresses(n int) ([]string, error) {
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

// OnFreeAddresses calls try with n of them, and again with others when it fails with
// ErrAddressTaken: some programs have to be told where they listen.
func OnFreeAddresses(n int, try func(addresses []string) error) error {
	const tries = 5
	var err error
	for range tries {
		var addresses []string
		if addresses, err = FreeAddresses(n); err != nil {
			return err
		}
		if err = try(addresses); !errors.Is(err, ErrAddressTaken) {
			return err
		}
	}
	return err
}

// ErrNotReady says that a process runs and does not do its work yet.
var ErrNotReady = errors.New("is not ready")

// Ready returns a function for Await that asks a URL, which is to be answered 200.
func Ready(ctx context.Context, url string) func() error {
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
			return fmt.Errorf("%s %w: %s", url, ErrNotReady, resp.Status)
		}
		return nil
	}
}
