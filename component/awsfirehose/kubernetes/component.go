// Package kubernetes is the component awsfirehose.kubernetes: it receives
// container logs that a log shipper, AWS for Fluent Bit above all, sends through
// Amazon Data Firehose, and forwards Loki entries with the time, the text and the
// origin that the lines had when they were written. README.md beside this file is
// its documentation.
package kubernetes

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/featuregate"

	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/kubelog"
	"github.com/grafana/alloy/eks/internal/lokientry"
	"github.com/grafana/alloy/eks/internal/receiver"
)

// Name is the component's name in configurations.
const Name = "awsfirehose.kubernetes"

// kind is what sets the component's receiver apart.
var kind = receiver.Kind{
	Namespace: "awsfirehose_kubernetes",
	Counters: []receiver.Counter{
		receiver.ControlMessages,
		{Name: "joined_lines_total", Help: "Lines that were put together from the fragments of a container runtime."},
	},
	Keeps: true,
}

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
	size    int      // What sources was made for,
	wanted  []string // as are the labels that it remembers.
	carry   *kubelog.Carry
	retired []*kubelog.Carry      // What updates replaced: deliveries under way may still use it.
	partial PartialLinesArguments // What carry was made for.
}

// New returns a component that listens. It fails when it cannot.
func New(opts component.Options, args Arguments) (*Component, error) {
	c := &Component{receiver: receiver.New(opts, kind)}
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
	streamOptions := args.Receiver.StreamOptions(lokientry.Options{
		DefaultLabels:   defaultLabels(args.Cluster),
		DefaultMetadata: defaultMetadata,
	})
	wanted := wantedLabels(&streamOptions)
	if err := c.remember(&args, wanted); err != nil {
		return receiver.Config{}, err
	}
	zone, err := args.Timestamp.location()
	if err != nil {
		return receiver.Config{}, err
	}
	cfg := args.Receiver.Config()
	cfg.Streams, cfg.Policy, cfg.Remembered = lokientry.NewStreams(streamOptions), args.Timestamp.Receiver.Policy(), c.sources.Len
	options := kubelog.Options{
		Sources:    c.sources,
		Zone:       zone,
		Wanted:     wanted,
		RecordKeys: recordKeys(&streamOptions),
		MaxEvents:  args.Receiver.Limits.MaxEvents(),
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
func (c *Component) remember(args *Arguments, wanted []string) error {
	if size := args.Receiver.Limits.RememberedSources; c.sources == nil || c.size != size || !slices.Equal(c.wanted, wanted) {
		sources, err := event.NewSources(size)
		if err != nil {
			return fmt.Errorf("cannot remember %d sources (argument limits.remembered_sources): %w", size, err)
		}
		c.sources, c.size, c.wanted = sources, size, wanted
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

// AppendCounts implements receiver.Parser, in the order of kind.
func (p parser) AppendCounts(dst []int) []int {
	c := p.Counts()
	return append(dst, c.Control, c.Joined)
}

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
