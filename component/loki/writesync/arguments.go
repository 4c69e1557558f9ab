package writesync

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strconv"

	"github.com/grafana/dskit/backoff"
	"github.com/prometheus/common/model"

	"github.com/grafana/alloy/internal/alloyseed"
	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/component/common/loki"
	"github.com/grafana/alloy/internal/component/loki/write"
	"github.com/grafana/alloy/internal/featuregate"
	"github.com/grafana/alloy/syntax"

	"github.com/grafana/alloy/eks/internal/lokipush"
)

var (
	_ syntax.Defaulter = (*Arguments)(nil)
	_ syntax.Validator = (*Arguments)(nil)
)

// Arguments configure loki.write_sync. Those of loki.write are there with its own
// types, so that a block moves over by a change of its name.
type Arguments struct {
	Endpoints      []EndpointArguments `alloy:"endpoint,block"`
	ExternalLabels map[string]string   `alloy:"external_labels,attr,optional"`
	MaxStreams     int                 `alloy:"max_streams,attr,optional"`
	WAL            write.WalArguments  `alloy:"wal,block,optional"`

	DeadLetter []loki.LogsReceiver `alloy:"dead_letter,attr,optional"`
	// MaxConcurrentPushes is how many requests to one endpoint are under way at
	// the same time.
	MaxConcurrentPushes int `alloy:"max_concurrent_pushes,attr,optional"`
}

// EndpointArguments are those of loki.write's endpoint. They are validated here,
// because an error of loki.write's shows the URL, which may hold a password.
type EndpointArguments write.EndpointOptions

var (
	_ syntax.Defaulter = (*EndpointArguments)(nil)
	_ syntax.Validator = (*EndpointArguments)(nil)
)

// SetToDefault implements syntax.Defaulter.
func (e *EndpointArguments) SetToDefault() { *e = EndpointArguments(write.GetDefaultEndpointOptions()) }

// Validate implements syntax.Validator.
func (e *EndpointArguments) Validate() error {
	u, err := url.Parse(e.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("url is not that of a push endpoint, such as https://loki.example.com/loki/api/v1/push")
	}
	if e.BatchSize < 1 {
		return fmt.Errorf("batch_size must be positive, and is %s", e.BatchSize)
	}
	if e.RemoteTimeout <= 0 {
		return fmt.Errorf("remote_timeout must be positive, and is %s", e.RemoteTimeout)
	}
	return e.HTTPClientConfig.Validate() // It is squashed, and so nobody else does.
}

// defaultConcurrentPushes let a Loki that takes 50 ms for a push of 1 MiB store 300
// MiB a second, if there are streams enough, for some 40 MB of memory.
const defaultConcurrentPushes = 16

// SetToDefault implements syntax.Defaulter.
func (a *Arguments) SetToDefault() {
	*a = Arguments{MaxConcurrentPushes: defaultConcurrentPushes}
	a.WAL.SetToDefault()
}

// Validate implements syntax.Validator.
func (a *Arguments) Validate() error {
	var errs []error
	if a.WAL.Enabled {
		errs = append(errs, errors.New("wal: there is nothing to log ahead, because no sender is answered before Loki has its entries: remove the block, or use loki.write"))
	}
	if n := a.MaxConcurrentPushes; n < 1 || n > lokipush.MaxLanes {
		errs = append(errs, fmt.Errorf("max_concurrent_pushes must be between 1 and %d, and is %d", lokipush.MaxLanes, n))
	}
	names := map[string]bool{}
	for i := range a.Endpoints {
		name := a.endpointName(i)
		if names[name] {
			errs = append(errs, fmt.Errorf("two endpoints have the name %q", name))
		}
		names[name] = true
	}
	return errors.Join(errs...)
}

// checkStability holds queue_config to the stability level that loki.write wants
// for it.
func (a *Arguments) checkStability(o *component.Options) error {
	usual := write.GetDefaultEndpointOptions().QueueConfig
	for i := range a.Endpoints {
		if a.Endpoints[i].QueueConfig != usual && !o.MinStability.Permits(featuregate.StabilityExperimental) {
			return errors.New("changing queue_config requires stability.level flag to be experimental")
		}
	}
	return nil
}

// endpointName returns how an endpoint is called: as the user calls it, or by its
// place.
func (a *Arguments) endpointName(i int) string {
	if name := a.Endpoints[i].Name; name != "" {
		return name
	}
	return strconv.Itoa(i)
}

// endpoints returns the configurations of the endpoints.
func (a *Arguments) endpoints() []lokipush.Config {
	uid := alloyseed.Get().UID
	configs := make([]lokipush.Config, len(a.Endpoints))
	for i := range a.Endpoints {
		o := &a.Endpoints[i]
		u, _ := url.Parse(o.URL) // Validated.
		headers := map[string]string{}
		maps.Copy(headers, o.Headers)
		headers[alloyseed.LegacyHeaderName], headers[alloyseed.HeaderName] = uid, uid
		configs[i] = lokipush.Config{
			Name: a.endpointName(i), URL: u, Client: *o.HTTPClientConfig.Convert(), Headers: headers,
			TenantID: o.TenantID, BatchSize: int(o.BatchSize), MaxStreams: a.MaxStreams, Timeout: o.RemoteTimeout,
			Backoff:          backoff.Config{MinBackoff: o.MinBackoff, MaxBackoff: o.MaxBackoff, MaxRetries: o.MaxBackoffRetries},
			RetryRateLimited: o.RetryOnHTTP429,
			Concurrency:      a.MaxConcurrentPushes,
		}
	}
	return configs
}

// externalLabels returns those that all entries get.
func (a *Arguments) externalLabels() model.LabelSet {
	set := make(model.LabelSet, len(a.ExternalLabels))
	for name, value := range a.ExternalLabels {
		set[model.LabelName(name)] = model.LabelValue(value)
	}
	return set
}
