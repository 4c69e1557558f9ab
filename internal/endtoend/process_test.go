package endtoend

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/grafana/alloy/eks/internal/process"
)

// running is a program that has been started.
type running struct {
	*process.Process
	log *process.Output // Of the program, and of those before that had the same.
}

// launch starts the program of that name, which prints to log, on a disk that nobody
// else has, unless that is nil.
func launch(d *disk, log *process.Output, name string, args ...string) (running, error) {
	path, err := program(name)
	if err != nil {
		return running{}, err
	}
	p, err := process.Start(name, d.on(path, args...), log)
	return running{p, log}, err
}

// peak returns the most memory that the process has had, in bytes.
func (p running) peak() (int, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.ID()))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmHWM:" {
			kib, err := strconv.Atoi(fields[1])
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("%s has no VmHWM", p.Name())
}

// portOf returns the port of an address.
func portOf(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }
