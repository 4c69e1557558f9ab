package distribution

import (
	"os"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/shirou/gopsutil/v4/net"
	"github.com/shirou/gopsutil/v4/process"

	"github.com/grafana/alloy/internal/runtime/logging/level"
)

// resources is a collector for what the process uses, under the names that Alloy's dashboards and alerts ask for.
type resources struct {
	logger log.Logger

	startTime, cpu           *prometheus.Desc
	residentMemory           *prometheus.Desc
	virtualMemory            *prometheus.Desc
	receivedBytes, sentBytes *prometheus.Desc
}

var _ prometheus.Collector = (*resources)(nil)

func newResources(logger log.Logger) *resources {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("alloy_resources_"+name, help, nil, nil)
	}
	return &resources{
		logger:         logger,
		startTime:      desc("process_start_time_seconds", "When the process started, in seconds since 1970."),
		cpu:            desc("process_cpu_seconds_total", "CPU time that the process has used, in seconds."),
		residentMemory: desc("process_resident_memory_bytes", "Memory of the process that is in RAM."),
		virtualMemory:  desc("process_virtual_memory_bytes", "Address space of the process."),
		receivedBytes:  desc("machine_rx_bytes_total", "Bytes that the network interfaces visible to the process have received."),
		sentBytes:      desc("machine_tx_bytes_total", "Bytes that the network interfaces visible to the process have sent."),
	}
}

// Describe implements [prometheus.Collector].
func (r *resources) Describe(ch chan<- *prometheus.Desc) {
	ch <- r.startTime
	ch <- r.cpu
	ch <- r.residentMemory
	ch <- r.virtualMemory
	ch <- r.receivedBytes
	ch <- r.sentBytes
}

// Collect implements [prometheus.Collector]. What cannot be read is logged and left out.
func (r *resources) Collect(ch chan<- prometheus.Metric) {
	self, err := process.NewProcess(int32(os.Getpid()))
	if err != nil {
		r.failed(err)
		return
	}
	if milliseconds, err := self.CreateTime(); err != nil {
		r.failed(err)
	} else {
		ch <- prometheus.MustNewConstMetric(r.startTime, prometheus.GaugeValue, float64(milliseconds)/1000)
	}
	if times, err := self.Times(); err != nil {
		r.failed(err)
	} else {
		ch <- prometheus.MustNewConstMetric(r.cpu, prometheus.CounterValue, times.User+times.System)
	}
	if memory, err := self.MemoryInfo(); err != nil {
		r.failed(err)
	} else {
		ch <- prometheus.MustNewConstMetric(r.residentMemory, prometheus.GaugeValue, float64(memory.RSS))
		ch <- prometheus.MustNewConstMetric(r.virtualMemory, prometheus.GaugeValue, float64(memory.VMS))
	}
	r.collectNetwork(ch)
}

func (r *resources) collectNetwork(ch chan<- prometheus.Metric) {
	const perInterface = true
	counters, err := net.IOCounters(perInterface)
	if err != nil {
		r.failed(err)
		return
	}
	var received, sent uint64
	for _, c := range counters {
		received += c.BytesRecv
		sent += c.BytesSent
	}
	ch <- prometheus.MustNewConstMetric(r.receivedBytes, prometheus.CounterValue, float64(received))
	ch <- prometheus.MustNewConstMetric(r.sentBytes, prometheus.CounterValue, float64(sent))
}

func (r *resources) failed(err error) {
	level.Error(r.logger).Log("msg", "cannot read what the process uses", "err", err)
}
