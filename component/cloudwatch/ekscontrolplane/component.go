// Package ekscontrolplane is the component cloudwatch.eks_controlplane: it
// receives the logs of EKS control planes, which CloudWatch Logs sends through
// Amazon Data Firehose, or entries of other components that hold such lines, and
// forwards Loki entries with the time, the severity and the fields that the lines
// state. README.md beside this file is its documentation.
package ekscontrolplane

import (
	"context"
	"fmt"
	"sync"

	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/component/common/loki"
	"github.com/grafana/alloy/internal/featuregate"

	"github.com/grafana/alloy/eks/internal/controlplane"
	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/lokientry"
	"github.com/grafana/alloy/eks/internal/receiver"
)

// Name is the component's name in configurations.
const Name = "cloudwatch.eks_controlplane"

// kind is what sets the component's receiver apart.
var kind = receiver.Kind{
	Namespace: "cloudwatch_eks_controlplane",
	Counters: []receiver.Counter{
		receiver.ControlMessages,
		{Name: "dropped_audit_events_total", Help: "Audit events that a drop rule dropped."},
		{Name: "truncated_audit_events_total", Help: "Audit events of which CloudWatch Logs has cut a part off."},
		{Name: "redacted_audit_events_total", Help: "Audit events out of which an object was cut."},
	},
}

func init() {
	component.Register(component.Registration{
		Name:      Name,
		Stability: featuregate.StabilityGenerallyAvailable,
		Args:      Arguments{},
		Exports:   Exports{},
		Build: func(opts component.Options, args component.Arguments) (component.Component, error) {
			return New(opts, args.(Arguments))
		},
	})
}

var (
	_ component.Component      = (*Component)(nil)
	_ component.DebugComponent = (*Component)(nil)
	_ component.LiveDebugging  = (*Component)(nil)
)

// Exports are what other components can refer to.
type Exports struct {
	// Receiver takes entries whose lines are those of a control plane.
	Receiver loki.LogsReceiver `alloy:"receiver,attr"`
}

// Component is one cloudwatch.eks_controlplane block at work.
type Component struct {
	receiver *receiver.Receiver

	mut     sync.Mutex
	sources *event.Sources
	size    int    // What sources was made for,
	pattern string // as are the clusters that it remembers.
}

// New returns a component that listens, if it is to. It fails when it cannot.
func New(opts component.Options, args Arguments) (*Component, error) {
	c := &Component{receiver: receiver.New(opts, kind)}
	if err := c.Update(args); err != nil {
		return nil, err
	}
	opts.OnStateChange(Exports{Receiver: c.receiver.Entries()})
	return c, nil
}

// Run implements component.Component.
func (c *Component) Run(ctx context.Context) error { return c.receiver.Run(ctx) }

// Update implements component.Component.
func (c *Component) Update(args component.Arguments) error {
	cfg, err := c.config(args.(Arguments))
	if err != nil {
		return err
	}
	return c.receiver.Update(cfg)
}

// DebugInfo implements component.DebugComponent.
func (c *Component) DebugInfo() any { return c.receiver.DebugInfo() }

// LiveDebugging implements component.LiveDebugging.
func (c *Component) LiveDebugging() {}

// config turns arguments into what the receiver does. What is remembered of log
// streams survives an update that does not concern it.
func (c *Component) config(args Arguments) (receiver.Config, error) {
	c.mut.Lock()
	defer c.mut.Unlock()
	if err := c.remember(&args); err != nil {
		return receiver.Config{}, err
	}
	pattern, err := args.clusterPattern()
	if err != nil {
		return receiver.Config{}, err
	}
	streams := lokientry.NewStreams(args.Receiver.StreamOptions(lokientry.Options{
		DefaultLabels:   defaultLabels(args.Cluster),
		DefaultMetadata: defaultMetadata,
		LevelLabel:      true,
	}))
	options := controlplane.Options{
		Sources:        c.sources,
		MaxEvents:      args.Receiver.Limits.MaxEvents(),
		ClusterPattern: pattern,
		LineFormat:     args.lineFormat(),
		Fields:         args.Fields,
		Redact:         args.Redact,
		Drop:           args.rules(),
	}
	cfg := args.Receiver.Config()
	cfg.Streams, cfg.Policy, cfg.Remembered = streams, args.Timestamp.Policy(), c.sources.Len
	cfg.NewParser = func() receiver.Parser { return &parser{Parser: controlplane.NewParser(options)} }
	cfg.Intake = &receiver.Intake{
		NewParser: func() receiver.EntryParser { return &parser{Parser: controlplane.NewParser(options)} },
		Describe:  describe,
	}
	return cfg, nil
}

// remember makes what outlives an update, where the arguments ask for another.
func (c *Component) remember(args *Arguments) error {
	size := args.Receiver.Limits.RememberedSources
	if c.sources != nil && c.size == size && c.pattern == args.ClusterPattern {
		return nil
	}
	sources, err := event.NewSources(size)
	if err != nil {
		return fmt.Errorf("cannot remember %d sources (argument limits.remembered_sources): %w", size, err)
	}
	c.sources, c.size, c.pattern = sources, size, args.ClusterPattern
	return nil
}

// parser is a controlplane.Parser as the receiver wants one.
type parser struct {
	*controlplane.Parser
	line []byte // Of the entry at hand.
}

// ParseEntry implements receiver.EntryParser.
func (p *parser) ParseEntry(dst []event.Event, e *loki.Entry) []event.Event {
	p.line = append(p.line[:0], e.Line...)
	return p.ParseLine(dst, p.line, origin(e))
}

// AppendCounts implements receiver.Parser, in the order of kind.
func (p *parser) AppendCounts(dst []int) []int {
	c := p.Counts()
	return append(dst, c.Control, c.Dropped, c.Truncated, c.Redacted)
}
