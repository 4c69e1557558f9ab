package main

import (
	"context"
	"fmt"
	"os"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/procfs"
)

// usage is what a process has used up to a moment.
type usage struct {
	at  time.Time
	cpu time.Duration // User and system.
	gc  collections
}

// usage reads it from /proc, in steps of 10 ms.
func (p *child) usage() (usage, error) {
	cpu, err := cpuOf(p.ID())
	if err != nil {
		return usage{}, fmt.Errorf("cannot read the CPU time of %s: %w", p.Name(), err)
	}
	return usage{at: time.Now(), cpu: cpu, gc: p.log.collected()}, nil
}

func cpuOf(pid int) (time.Duration, error) {
	proc, err := procfs.NewProc(pid)
	if err != nil {
		return 0, err
	}
	stat, err := proc.Stat()
	if err != nil {
		return 0, err
	}
	return time.Duration(stat.CPUTime() * float64(time.Second)), nil
}

// machine returns the time that all processes of the machine have used so far, and
// what its host has kept from it. What the kernel does for nobody in particular is
// not in it: that is mostly the network between sender, receiver and sink.
func machine() (time.Duration, error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return 0, fmt.Errorf("cannot read /proc: %w", err)
	}
	stat, err := fs.Stat()
	if err != nil {
		return 0, fmt.Errorf("cannot read the CPU time of the machine: %w", err)
	}
	t := stat.CPUTotal
	return time.Duration((t.User + t.Nice + t.System + t.Steal) * float64(time.Second)), nil
}

// others returns the time that other processes than these and this one have used so
// far.
func others(ours ...*child) (time.Duration, error) {
	used, err := machine()
	if err != nil {
		return 0, err
	}
	pids := []int{os.Getpid()}
	for _, p := range ours {
		pids = append(pids, p.ID())
	}
	for _, pid := range pids {
		cpu, err := cpuOf(pid)
		if err != nil {
			return 0, fmt.Errorf("cannot read the CPU time of our own processes: %w", err)
		}
		used -= cpu
	}
	return used, nil
}

// memory returns the resident memory of the process in bytes, at the moment and at
// its peak.
func (p *child) memory() (now, peak uint64, err error) {
	proc, err := procfs.NewProc(p.ID())
	if err != nil {
		return 0, 0, fmt.Errorf("cannot find %s: %w", p.Name(), err)
	}
	status, err := proc.NewStatus()
	if err != nil {
		return 0, 0, fmt.Errorf("cannot read the memory of %s: %w", p.Name(), err)
	}
	return status.VmRSS, status.VmHWM, nil
}

// families are what a process shows of itself for Prometheus.
type families map[string]*dto.MetricFamily

// scrape reads the metrics at a URL.
func scrape(ctx context.Context, url string) (families, error) {
	resp, err := request(ctx, "GET", url)
	if err != nil {
		return nil, fmt.Errorf("cannot read metrics: %w", err)
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	f, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("cannot read metrics: %w", err)
	}
	return f, nil
}

// value returns the sum of all series of a metric. A counter may have the suffix
// that OpenMetrics wants.
func (f families) value(name string) (float64, error) {
	family, ok := f[name]
	if !ok {
		family, ok = f[name+"_total"]
	}
	if !ok {
		return 0, fmt.Errorf("cannot find metric %q", name)
	}
	total := 0.0
	for _, m := range family.GetMetric() {
		total += m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetUntyped().GetValue()
	}
	return total, nil
}
