package endtoend

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a program that has been started.
type process struct {
	name  string
	cmd   *exec.Cmd
	log   *output
	ended chan struct{} // Closed when it has ended.
	err   error         // How it has ended.
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

// launch starts the program of that name, which prints to log.
func launch(log *output, name string, args ...string) (*process, error) {
	return launchOn(nil, log, name, args...)
}

// launchOn starts it on a disk that nobody else has, unless that is nil.
func launchOn(d *disk, log *output, name string, args ...string) (*process, error) {
	path, err := program(name)
	if err != nil {
		return nil, err
	}
	p := &process{name: name, cmd: d.on(path, args...), log: log, ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// await waits until ready returns no error. It fails when the process ends
// before.
func (p *process) await(ready func() error) error {
	deadline := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return p.hasEnded()
		case <-deadline:
			return fmt.Errorf("%s is not ready after %s: %w\n%s", p.name, patience, err, p.lastLines())
		case <-tick.C:
		}
	}
}

func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

func (p *process) hasEnded() error {
	return fmt.Errorf("%s has ended, %s:\n%s", p.name, p.cmd.ProcessState, p.lastLines())
}

// signal sends a signal to a process that runs.
func (p *process) signal(s syscall.Signal) error {
	if !p.running() {
		return p.hasEnded()
	}
	return p.cmd.Process.Signal(s)
}

// stop asks a process that runs to end, waits for it, and returns how it ended. A
// process that does not end is killed.
func (p *process) stop() error {
	if err := p.signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.ended:
		return p.err
	case <-time.After(patience):
		p.kill()
		return fmt.Errorf("%s has not ended %s after SIGTERM:\n%s", p.name, patience, p.lastLines())
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // Fails when it has ended already.
	<-p.ended
}

// lastLines returns the end of the log.
func (p *process) lastLines() string {
	const most = 100
	lines := strings.SplitAfter(p.log.String(), "\n")
	return strings.Join(lines[max(0, len(lines)-most):], "")
}

// errPortTaken tells a process that found its port taken from one that is broken.
var errPortTaken = errors.New("port is taken")

// onFreePorts calls try with ports that were free just now, again with others
// when it fails with errPortTaken: some programs need to know their own ports, and
// any other process may be faster.
func onFreePorts(n int, try func(ports []int) error) error {
	const tries = 5
	var err error
	for range tries {
		var ports []int
		if ports, err = freePorts(n); err != nil {
			return err
		}
		if err = try(ports); !errors.Is(err, errPortTaken) {
			return err
		}
	}
	return err
}

func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer listener.Close() // Together, so that all are different.
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// portError marks the error of a process that could not listen.
func (p *process) portError(err error) error {
	if err != nil && strings.Contains(p.log.String(), "address already in use") {
		return fmt.Errorf("%w: %w", errPortTaken, err)
	}
	return err
}
