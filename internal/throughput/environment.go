package main

import (
	"debug/buildinfo"
	"fmt"
	"path/filepath"
	"runtime"

	"github.com/prometheus/procfs"
)

// environment is where and with what it was measured.
type environment struct {
	CPU   string `json:"cpu"`
	Cores int    `json:"cores"`
	// Load is the machine's load average of the last minute before the first
	// measurement.
	Load float64 `json:"load"`
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
	load, err := fs.LoadAvg()
	if err != nil {
		return nil, fmt.Errorf("cannot read the load of the machine: %w", err)
	}
	alloy, err := built(b.root, "alloy")
	if err != nil {
		return nil, err
	}
	e := &environment{
		Cores: runtime.NumCPU(), Load: load.Load1, Alloy: alloy,
		ReceiverCores: b.receiver.String(), OtherCores: b.others.String(),
	}
	if len(cpus) > 0 {
		e.CPU = cpus[0].ModelName
	}
	return e, nil
}

// busy is a load average above which somebody else is at work on the machine.
const busy = 0.5

// String describes the environment in a few lines.
func (e *environment) String() string {
	text := fmt.Sprintf("%d x %s\nbuild/alloy: %s\n", e.Cores, e.CPU, e.Alloy)
	if e.ReceiverCores == "" {
		text += "nothing is pinned: sender, sink and receiver share all cores\n"
	} else {
		text += fmt.Sprintf("receiver on core %s, sender and sink on core %s\n", e.ReceiverCores, e.OtherCores)
	}
	if e.Load > busy {
		text += fmt.Sprintf("THE MACHINE IS NOT QUIET: its load was %.2f before the first measurement\n", e.Load)
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
