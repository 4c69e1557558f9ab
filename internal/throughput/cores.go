package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
)

// cores are the processors that a process may use. Empty stands for all of them.
type cores []uint64

// divide gives the last n of the processors that this process may use to the
// receiver, and the others to sender and sink. Both are empty, and nobody is kept
// from disturbing anybody, when there are too few or when there is no taskset.
func divide(n int) (receiver, others cores, err error) {
	proc, err := procfs.Self()
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read own status: %w", err)
	}
	status, err := proc.NewStatus()
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read own status: %w", err)
	}
	_, err = exec.LookPath("taskset")
	allowed := cores(status.CpusAllowedList)
	if n < 1 || n >= len(allowed) || err != nil {
		return nil, nil, nil
	}
	return allowed[len(allowed)-n:], allowed[:len(allowed)-n], nil
}

// String lists the processors as taskset wants them.
func (c cores) String() string {
	var list []string
	for _, n := range c {
		list = append(list, strconv.FormatUint(n, 10))
	}
	return strings.Join(list, ",")
}

// pin returns the command that runs a command on these cores.
func (c cores) pin(command []string) []string {
	if len(c) == 0 {
		return command
	}
	return append([]string{"taskset", "-c", c.String()}, command...)
}

// env is what the Go runtime of a process on these cores needs to know: it would
// look at the quota of a control group too.
func (c cores) env() []string {
	if len(c) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("GOMAXPROCS=%d", len(c))}
}

// occupy moves all threads of this process to the cores.
func (c cores) occupy() error {
	if len(c) == 0 {
		return nil
	}
	out, err := exec.Command("taskset", "-a", "-p", "-c", c.String(), strconv.Itoa(os.Getpid())).CombinedOutput()
	if err != nil {
		return fmt.Errorf("cannot move to cores %s: %w: %.64s", c, err, out)
	}
	return nil
}
