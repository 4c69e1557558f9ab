// Package metrics is the component awsfirehose.metrics: it receives CloudWatch
// metric streams through Amazon Data Firehose, and forwards samples with the names
// that Prometheus has for CloudWatch's metrics and with the times of the data.
// README.md beside this file is its documentation.
package metrics

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"

	"github.com/grafana/alloy/internal/component"
	alloyprom "github.com/grafana/alloy/internal/component/prometheus"
	"github.com/grafana/alloy/internal/featuregate"
	"github.com/grafana/alloy/internal/service/labelstore"

	"github.com/grafana/alloy/eks/internal/endpoint"
	"github.com/grafana/alloy/eks/internal/metricstream"
	"github.com/grafana/alloy/eks/internal/record"
)

// Name is the component's name in configurations.
const Name = "awsfirehose.metrics"

// namespace begins the names of the component's own metrics.
const namespace = "awsfirehose_metrics"

func init() {
	component.Register(component.Registration{
		Name:      Name,
		Stability: featuregate.StabilityGenerallyAvailable,
		Args:      Arguments{},
		Build: func(opts component.Options, args component.Arguments) (component.Component, error) {
			return New(opts, args.(Arguments))
		},
	})
}

var (
	_ component.Component      = (*Component)(nil)
	_ component.DebugComponent = (*Component)(nil)
)

// Component is one awsfirehose.metrics block at work.
type Component struct {
	logger   log.Logger
	endpoint *endpoint.Endpoint
	fanout   *alloyprom.Fanout
	counters *counters
	pipeline atomic.Pointer[pipeline]
	started  int64 // In milliseconds since the epoch.

	mut sync.Mutex // One Update at a time.
}

// pipeline is one configuration at work.
type pipeline struct {
	limits  record.Limits
	namer   *metricstream.Namer
	workers sync.Pool

	job  string // What namer was made for,
	size int    // as are the metrics that it remembers.
}

// New returns a component that listens. It fails when it cannot.
func New(opts component.Options, args Arguments) (*Component, error) {
	service, err := opts.GetServiceData(labelstore.ServiceName)
	if err != nil {
		return nil, fmt.Errorf("cannot get the service %s: %w", labelstore.ServiceName, err)
	}
	c := &Component{
		logger:  opts.Logger,
		started: time.Now().UnixMilli(),
		fanout:  alloyprom.NewFanout(nil, opts.ID, opts.Registerer, service.(labelstore.LabelStore)),
	}
	c.endpoint = endpoint.New(opts, namespace, c)
	c.counters = newCounters(opts.Registerer, c.remembered)
	if err := c.Update(args); err != nil {
		return nil, err
	}
	return c, nil
}

// Run implements component.Component.
func (c *Component) Run(ctx context.Context) error {
	defer c.fanout.Clear()
	<-ctx.Done()
	c.endpoint.Stop()
	return nil
}

// Update implements component.Component. Deliveries under way finish with the
// configuration that they began with.
func (c *Component) Update(args component.Arguments) error {
	c.mut.Lock()
	defer c.mut.Unlock()
	a := args.(Arguments)
	protocol := a.Endpoint.Firehose(&a.Limits.Endpoint)
	if err := protocol.Validate(); err != nil {
		return err
	}
	namer, err := c.namer(&a)
	if err != nil {
		return err
	}
	c.fanout.UpdateChildren(a.ForwardTo)
	p := &pipeline{limits: a.Limits.Endpoint.Record(), namer: namer, job: a.Job, size: a.Limits.RememberedMetrics}
	p.workers.New = func() any { return new(worker) }
	c.pipeline.Store(p) // Before the first delivery comes.
	return c.endpoint.Update(a.Endpoint.Server.Config(), protocol)
}

// namer returns the namer that the arguments ask for. What it remembers survives an
// update that does not concern it.
func (c *Component) namer(a *Arguments) (*metricstream.Namer, error) {
	if p := c.pipeline.Load(); p != nil && p.job == a.Job && p.size == a.Limits.RememberedMetrics {
		return p.namer, nil
	}
	namer, err := metricstream.NewNamer(a.Job, a.Limits.RememberedMetrics)
	if err != nil {
		return nil, fmt.Errorf("cannot remember %d metrics (argument limits.remembered_metrics): %w", a.Limits.RememberedMetrics, err)
	}
	return namer, nil
}

func (c *Component) remembered() float64 {
	p := c.pipeline.Load()
	if p == nil {
		return 0
	}
	return float64(p.namer.Len())
}

// DebugInfo is what the component's page in Alloy's UI shows.
type DebugInfo struct {
	Endpoint endpoint.Status `alloy:",squash"`
}

// DebugInfo implements component.DebugComponent.
func (c *Component) DebugInfo() any { return DebugInfo{Endpoint: c.endpoint.Status()} }
