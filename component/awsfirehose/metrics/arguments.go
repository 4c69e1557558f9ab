package metrics

import (
	"errors"
	"fmt"

	"github.com/prometheus/prometheus/storage"

	"github.com/grafana/alloy/syntax"

	"github.com/grafana/alloy/eks/internal/endpoint"
)

var (
	_ syntax.Defaulter = (*Arguments)(nil)
	_ syntax.Validator = (*Arguments)(nil)
)

// Arguments configure awsfirehose.metrics.
type Arguments struct {
	Endpoint endpoint.Arguments `alloy:",squash"`

	ForwardTo []storage.Appendable `alloy:"forward_to,attr"`
	Job       string               `alloy:"job,attr,optional"`

	Limits LimitsArguments `alloy:"limits,block,optional"`
}

// LimitsArguments bound what deliveries may cost, and what is remembered.
type LimitsArguments struct {
	Endpoint endpoint.LimitsArguments `alloy:",squash"`

	RememberedMetrics int `alloy:"remembered_metrics,attr,optional"`
}

const (
	// defaultJob is the job of the targets of prometheus.exporter.cloudwatch.
	defaultJob = "integrations/cloudwatch"

	// defaultRemembered is what a large account streams. Only those that there are
	// cost memory, some kilobyte each.
	defaultRemembered = 50_000
)

// SetToDefault implements syntax.Defaulter.
func (a *Arguments) SetToDefault() {
	*a = Arguments{
		Endpoint: endpoint.DefaultArguments(),
		Job:      defaultJob,
		Limits:   LimitsArguments{Endpoint: endpoint.DefaultLimits(), RememberedMetrics: defaultRemembered},
	}
}

// Validate implements syntax.Validator.
func (a *Arguments) Validate() error {
	return errors.Join(a.Endpoint.Validate(&a.Limits.Endpoint), a.validateKeys(), a.Limits.validate())
}

// validateKeys refuses tenants: samples have none, and those of one tenant must not
// come to be with those of another because nobody said so.
func (a *Arguments) validateKeys() error {
	for _, k := range a.Endpoint.Keys {
		if k.TenantID != "" {
			return fmt.Errorf("key %q: tenant_id cannot be given to metrics: use a component and a prometheus.remote_write for each tenant", k.Name)
		}
	}
	return nil
}

func (l *LimitsArguments) validate() error {
	if l.RememberedMetrics < 100 {
		return fmt.Errorf("limits.remembered_metrics must be at least 100, and is %d", l.RememberedMetrics)
	}
	return nil
}
