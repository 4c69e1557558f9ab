package endpoint

import (
	"errors"

	"github.com/grafana/alloy/syntax/alloytypes"

	"github.com/grafana/alloy/eks/internal/firehose"
)

// Arguments are those of every component that has an endpoint; it squashes them
// into its own. Those of loki.source.awsfirehose keep their names.
//
// The block limits is the component's to declare, because it has more to say in
// it: see LimitsArguments.
type Arguments struct {
	Server ServerArguments `alloy:",squash"`

	AccessKey  *alloytypes.Secret  `alloy:"access_key,attr,optional"`
	AccessKeys []alloytypes.Secret `alloy:"access_keys,attr,optional"`
	Keys       []KeyArguments      `alloy:"key,block,optional"`
}

// KeyArguments are an access key that is good for something particular. See
// firehose.Key.
type KeyArguments struct {
	Name       string            `alloy:"name,attr"`
	AccessKey  alloytypes.Secret `alloy:"access_key,attr"`
	TenantID   string            `alloy:"tenant_id,attr,optional"`
	SourceARNs []string          `alloy:"source_arns,attr,optional"`
}

// DefaultArguments returns the defaults: a server that listens, whose answers can
// wait as long as Firehose does, and no access key.
func DefaultArguments() Arguments { return Arguments{Server: defaultServer()} }

// Validate checks the arguments together with the limits.
func (a *Arguments) Validate(limits *LimitsArguments) error {
	return errors.Join(a.Server.validate(limits.DeliveryTimeout), a.Firehose(limits).Validate())
}

// Firehose returns what the protocol's handler is configured with.
func (a *Arguments) Firehose(limits *LimitsArguments) firehose.Config {
	return firehose.Config{
		AccessKeys:      a.accessKeys(),
		Keys:            a.keys(),
		Limits:          limits.firehose(),
		BodyTimeout:     limits.BodyTimeout,
		DeliveryTimeout: limits.DeliveryTimeout,
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
