// Package kubernetes is the component awsfirehose.kubernetes: it receives
// container logs that a log shipper, AWS for Fluent Bit above all, sends through
// Amazon Data Firehose, and forwards Loki entries with the time, the text and the
// origin that the lines had when they were written. README.md beside this file is
// its documentation.
package kubernetes

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/component/common/relabel"
	"github.com/grafana/alloy/internal/featuregate"

	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/kubelog"
	"github.com/grafana/alloy/eks/internal/lokientry"
	"github.com/grafana/alloy/eks/internal/receiver"
	"github.com/grafana/alloy/eks/internal/record"
)

// Name is the component's name in configurations.
const Name = "awsfirehose.kubernetes"

// namespace begins the names of the component's metrics.
const namespace = "awsfirehose_kubernetes"

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
	_ component.LiveDebugging  = (*Component)(nil)
)

// Component is one awsfirehose.kubernetes block at work.
type Component struct {
	receiver *receiver.Receiver

	mut     sync.Mutex
	sources *event.Sources
	pods    int // The size that sources was made for.
	carry   *kubelog.Carry
	retired []*kubelog.Carry      // What updates replaced: deliveries under way may still use it.
	partial PartialLinesArguments // What carry was made for.
}

// New returns a component that listens. It fails when it cannot.
func New(opts component.Options, args Arguments) (*Component, error) {
	c := &Component{receiver: receiver.New(opts, namespace)}
	if err := c.Update(args); err != nil {
		return nil, err
	}
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

// config turns arguments into what the receiver does. What is remembered of pods
// and what is held of lines survives an update that does not concern it.
func (c *Component) config(args Arguments) (receiver.Config, error) {
	c.mut.Lock()
	defer c.mut.Unlock()
	if err := c.remember(&args); err != nil {
		return receiver.Config{}, err
	}
	streams, err := lokientry.NewStreams(lokientry.Options{
		DefaultLabels:   defaultLabels(args.Cluster),
		DefaultMetadata: defaultMetadata,
		Labels:          args.Labels,
		Metadata:        args.StructuredMetadata,
		Rules:           relabel.ComponentToPromRelabelConfigs(args.RelabelRules),
		Size:            2 * args.Limits.RememberedPods, // stdout and stderr.
	})
	if err != nil {
		return receiver.Config{}, err
	}
	zone, err := args.Timestamp.location()
	if err != nil {
		return receiver.Config{}, err
	}
	limits := args.Limits.limits()
	cfg := receiver.Config{
		Server:     args.Server,
		Firehose:   args.firehose(),
		Record:     record.Limits{RecordSize: int(limits.RecordSize), DeliverySize: int(limits.DeliverySize)},
		ForwardTo:  args.ForwardTo,
		Streams:    streams,
		Policy:     args.Timestamp.policy(),
		Remembered: c.sources.Len,
	}
	options := kubelog.Options{
		Sources:    c.sources,
		Zone:       zone,
		RecordKeys: args.recordKeys(),
		MaxLine:    int(args.PartialLines.MaxLineSize),
		Carry:      c.carry,
	}
	cfg.NewParser = func() receiver.Parser { return parser{kubelog.NewParser(options)} }
	if c.carry != nil || len(c.retired) > 0 {
		cfg.Leftovers = leftovers{current: c.carry, retired: c.retired}
	}
	return cfg, nil
}

// remember makes what outlives an update, where the arguments ask for another.
func (c *Component) remember(args *Arguments) error {
	if c.sources == nil || c.pods != args.Limits.RememberedPods {
		sources, err := event.NewSources(args.Limits.RememberedPods)
		if err != nil {
			return fmt.Errorf("cannot remember %d pods (argument limits.remembered_pods): %w", args.Limits.RememberedPods, err)
		}
		c.sources, c.pods = sources, args.Limits.RememberedPods
	}
	if c.partial != args.PartialLines {
		if c.carry != nil {
			c.retired = append(c.retired, c.carry)
		}
		c.carry, c.partial = nil, args.PartialLines
		if args.PartialLines.MaxWait > 0 {
			c.carry = kubelog.NewCarry(args.PartialLines.MaxWait, int(args.PartialLines.MaxHeldSize))
		}
	}
	return nil
}

// parser is a kubelog.Parser as the receiver wants one.
type parser struct{ *kubelog.Parser }

func (p parser) Counts() receiver.ParserCounts { return receiver.ParserCounts(p.Parser.Counts()) }

// leftovers are a component's kubelog.Carries as the receiver wants them.
type leftovers struct {
	current *kubelog.Carry
	retired []*kubelog.Carry
}

// Expired implements receiver.Leftovers.
func (l leftovers) Expired(now time.Time, all bool) []receiver.Leftover {
	var out []receiver.Leftover
	hand := func(list []kubelog.Leftover) {
		for _, left := range list {
			out = append(out, receiver.Leftover{Event: left.Event, Delivery: left.Context})
		}
	}
	if l.current != nil {
		hand(l.current.Expired(now, all))
	}
	for _, carry := range l.retired {
		hand(carry.Expired(now, true))
	}
	return out
}
