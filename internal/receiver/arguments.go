package receiver

import (
	"errors"
	"fmt"

	"github.com/grafana/alloy/internal/component/common/loki"
	"github.com/grafana/alloy/internal/component/common/relabel"

	"github.com/grafana/alloy/eks/internal/endpoint"
	"github.com/grafana/alloy/eks/internal/lokientry"
)

// Arguments are those that every component which receives deliveries has; a
// component squashes them into its own. Those of loki.source.awsfirehose keep
// their names, so that a block moves over by a change of its own name.
//
// The blocks limits and timestamp are the component's to declare, because it has
// more to say in them: see LimitsArguments and TimestampArguments.
type Arguments struct {
	Endpoint endpoint.Arguments `alloy:",squash"`

	ForwardTo            []loki.LogsReceiver `alloy:"forward_to,attr"`
	Labels               map[string]string   `alloy:"labels,attr,optional"`
	StructuredMetadata   map[string]string   `alloy:"structured_metadata,attr,optional"`
	RelabelRules         relabel.Rules       `alloy:"relabel_rules,attr,optional"`
	UseIncomingTimestamp bool                `alloy:"use_incoming_timestamp,attr,optional"`

	Limits LimitsArguments `alloy:"limits,block,optional"`
}

// SetToDefault sets the defaults of all components: a server that listens, whose
// answers can wait as long as Firehose does, and no access key. remembered is
// how many sources of lines are remembered.
func (a *Arguments) SetToDefault(remembered int) {
	*a = Arguments{
		Endpoint: endpoint.DefaultArguments(),
		Limits:   LimitsArguments{Endpoint: endpoint.DefaultLimits(), RememberedSources: remembered},
	}
}

// Validate checks everything, and its error names all that is wrong. own are the
// names of the structured metadata that the component's entries have by
// themselves: the user's would stand beside them a second time.
func (a *Arguments) Validate(own []string) error {
	return errors.Join(
		a.Endpoint.Validate(&a.Limits.Endpoint),
		a.Limits.validate(),
		lokientry.Mapping(a.Labels).Validate("labels"),
		lokientry.Mapping(a.StructuredMetadata).Validate("structured_metadata"),
		a.validateMetadata(own),
	)
}

func (a *Arguments) validateMetadata(own []string) error {
	for _, name := range own {
		if _, ok := a.StructuredMetadata[name]; ok {
			return fmt.Errorf("structured_metadata: entries have %q by themselves: use another name", name)
		}
	}
	return nil
}

// Config returns what the arguments say of a Receiver. The component adds its
// parsers, its streams and its policy.
func (a *Arguments) Config() Config {
	return Config{
		Server:    a.Endpoint.Server.Config(),
		Firehose:  a.Endpoint.Firehose(&a.Limits.Endpoint),
		Record:    a.Limits.Endpoint.Record(),
		ForwardTo: a.ForwardTo,
	}
}

// StreamOptions adds to options what the arguments say.
func (a *Arguments) StreamOptions(opts lokientry.Options) lokientry.Options {
	opts.Labels, opts.Metadata = a.Labels, a.StructuredMetadata
	opts.Rules = relabel.ComponentToPromRelabelConfigs(a.RelabelRules)
	return opts
}
