package main

import (
	"debug/buildinfo"
	"fmt"
	"path/filepath"
	"runtime"
	"time"

	"github.com/prometheus/procfs"
)

// environment is where and with what it was measured.
type environment struct {
	CPU   string `json:"cpu"`
	Cores int    `json:"cores"`
	// Busy is the share of a core that other processes used before the first
	// measurement.
	Busy float64 `json:"busy"`
	// ReceiverCores and OtherCores are lists of processors, empty when nothing is
	// pinned.
	ReceiverCores string `json:"receiver_cores"`
	OtherCores    string `json:"other_cores"`
	// Alloy says how build/alloy was built.
	Alloy string `json:"alloy"`
}

func (b *bench) environment() (*environment, error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return nil, fmt.Errorf("cannot read /proc: %w", err)
	}
	cpus, err := fs.CPUInfo()
	if err != nil {
		return nil, fmt.Errorf("cannot read the kind of CPU: %w", err)
	}
	alloy, err := built(b.root, "alloy")
	if err != nil {
		return nil, err
	}
	e := &environment{
		Cores: runtime.NumCPU(), Alloy: alloy,
		ReceiverCores: b.receiver.String(), OtherCores: b.others.String(),
	}
	if len(cpus) > 0 {
		e.CPU = cpus[0].ModelName
	}
	before, err := others()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	time.Sleep(b.idle)
	after, err := others()
	e.Busy = float64(after-before) / float64(time.Since(begin))
	return e, err
}

// String describes the environment in a few lines.
func (e *environment) String() string {
	text := fmt.Sprintf("%d x %s\nbuild/alloy: %s\n", e.Cores, e.CPU, e.Alloy)
	if e.ReceiverCores == "" {
		text += "nothing is pinned: sender, sink and receiver share all cores\n"
	} else {
		text += fmt.Sprintf("receiver on core %s, sender and sink on core %s\n", e.ReceiverCores, e.OtherCores)
	}
	if e.Busy > disturbing {
		text += fmt.Sprintf("THE MACHINE IS NOT QUIET: others use %.0f %% of a core\n", 100*e.Busy)
	}
	return text
}

// built says how a Go program was built.
func built(root, program string) (string, error) {
	info, err := buildinfo.ReadFile(filepath.Join(root, "build", program))
	if err != nil {
		return "", fmt.Errorf("cannot read how %s was built: %w", program, err)
	}
	text := info.GoVersion
	for _, s := range info.Settings {
		switch s.Key {
		case "CGO_ENABLED", "GOEXPERIMENT", "GOAMD64", "-tags", "-race":
			text += " " + s.Key + "=" + s.Value
		case "vcs.revision":
			text += " " + s.Value[:min(len(s.Value), 12)]
		case "vcs.modified":
			if s.Value == "true" {
				text += "+"
			}
		}
	}
	return text, nil
}
