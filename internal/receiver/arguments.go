package receiver

import (
	"errors"
	"fmt"

	"github.com/grafana/alloy/internal/component/common/loki"
	"github.com/grafana/alloy/internal/component/common/relabel"
	"github.com/grafana/alloy/syntax/alloytypes"

	"github.com/grafana/alloy/eks/internal/firehose"
	"github.com/grafana/alloy/eks/internal/lokientry"
	"github.com/grafana/alloy/eks/internal/record"
)

// Arguments are those that every component which receives deliveries has; a
// component squashes them into its own. Those of loki.source.awsfirehose keep
// their names, so that a block moves over by a change of its own name.
//
// The blocks limits and timestamp are the component's to declare, because it has
// more to say in them: see LimitsArguments and TimestampArguments.
type Arguments struct {
	Server ServerArguments `alloy:",squash"`

	ForwardTo            []loki.LogsReceiver `alloy:"forward_to,attr"`
	AccessKey            *alloytypes.Secret  `alloy:"access_key,attr,optional"`
	AccessKeys           []alloytypes.Secret `alloy:"access_keys,attr,optional"`
	Labels               map[string]string   `alloy:"labels,attr,optional"`
	StructuredMetadata   map[string]string   `alloy:"structured_metadata,attr,optional"`
	RelabelRules         relabel.Rules       `alloy:"relabel_rules,attr,optional"`
	UseIncomingTimestamp bool                `alloy:"use_incoming_timestamp,attr,optional"`

	Keys   []KeyArguments  `alloy:"key,block,optional"`
	Limits LimitsArguments `alloy:"limits,block,optional"`
}

// KeyArguments are an access key that is good for something particular. See
// firehose.Key.
type KeyArguments struct {
	Name       string            `alloy:"name,attr"`
	AccessKey  alloytypes.Secret `alloy:"access_key,attr"`
	TenantID   string            `alloy:"tenant_id,attr,optional"`
	SourceARNs []string          `alloy:"source_arns,attr,optional"`
}

// SetToDefault sets the defaults of all components: a server that listens, whose
// answers can wait as long as Firehose does, and no access key. remembered is
// how many sources of lines are remembered.
func (a *Arguments) SetToDefault(remembered int) {
	*a = Arguments{Server: defaultServer(), Limits: defaultLimits(remembered)}
}

// Validate checks everything, and its error names all that is wrong. own are the
// names of the structured metadata that the component's entries have by
// themselves: the user's would stand beside them a second time.
func (a *Arguments) Validate(own []string) error {
	return errors.Join(
		a.Server.validate(a.Limits.DeliveryTimeout),
		a.firehose().Validate(),
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
	limits := a.Limits.firehose()
	return Config{
		Server:    a.Server.config(),
		Firehose:  a.firehose(),
		Record:    record.Limits{RecordSize: int(limits.RecordSize), DeliverySize: int(limits.DeliverySize)},
		ForwardTo: a.ForwardTo,
	}
}

// StreamOptions adds to options what the arguments say: outputs is how many
// streams one source of lines writes to.
func (a *Arguments) StreamOptions(opts lokientry.Options, outputs int) lokientry.Options {
	opts.Labels, opts.Metadata = a.Labels, a.StructuredMetadata
	opts.Rules = relabel.ComponentToPromRelabelConfigs(a.RelabelRules)
	opts.Size = outputs * a.Limits.RememberedSources
	return opts
}

// firehose returns what the protocol's handler is configured with.
func (a *Arguments) firehose() firehose.Config {
	return firehose.Config{
		AccessKeys:      a.accessKeys(),
		Keys:            a.keys(),
		Limits:          a.Limits.firehose(),
		BodyTimeout:     a.Limits.BodyTimeout,
		DeliveryTimeout: a.Limits.DeliveryTimeout,
	}
}

// accessKeys returns the access keys without a name. A key that is given and empty is one of them, so
// that an unset variable, or a secret that is not there yet, is an error and not
// an open door.
func (a *Arguments) accessKeys() []string {
	var keys []string
	if a.AccessKey != nil {
		keys = append(keys, string(*a.AccessKey))
	}
	for _, key := range a.AccessKeys {
		keys = append(keys, string(key))
	}
	return keys
}

func (a *Arguments) keys() []firehose.Key {
	var keys []firehose.Key
	for _, k := range a.Keys {
		keys = append(keys, firehose.Key{Name: k.Name, Secret: string(k.AccessKey), Tenant: k.TenantID, SourceARNs: k.SourceARNs})
	}
	return keys
}
