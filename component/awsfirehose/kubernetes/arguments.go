package kubernetes

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/alecthomas/units"

	"github.com/grafana/alloy/internal/component/common/loki"
	fnet "github.com/grafana/alloy/internal/component/common/net"
	"github.com/grafana/alloy/internal/component/common/relabel"
	"github.com/grafana/alloy/syntax"
	"github.com/grafana/alloy/syntax/alloytypes"

	"github.com/grafana/alloy/eks/internal/firehose"
	"github.com/grafana/alloy/eks/internal/kubelog"
	"github.com/grafana/alloy/eks/internal/lokientry"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

var (
	_ syntax.Defaulter = (*Arguments)(nil)
	_ syntax.Validator = (*Arguments)(nil)
)

// Arguments configure awsfirehose.kubernetes. Those of loki.source.awsfirehose
// keep their names, so that a block moves over by a change of its own name.
type Arguments struct {
	Server *fnet.ServerConfig `alloy:",squash"`

	ForwardTo            []loki.LogsReceiver `alloy:"forward_to,attr"`
	AccessKey            *alloytypes.Secret  `alloy:"access_key,attr,optional"`
	AccessKeys           []alloytypes.Secret `alloy:"access_keys,attr,optional"`
	Cluster              string              `alloy:"cluster,attr,optional"`
	Labels               map[string]string   `alloy:"labels,attr,optional"`
	StructuredMetadata   map[string]string   `alloy:"structured_metadata,attr,optional"`
	RelabelRules         relabel.Rules       `alloy:"relabel_rules,attr,optional"`
	UseIncomingTimestamp bool                `alloy:"use_incoming_timestamp,attr,optional"`

	Timestamp    TimestampArguments    `alloy:"timestamp,block,optional"`
	PartialLines PartialLinesArguments `alloy:"partial_lines,block,optional"`
	Limits       LimitsArguments       `alloy:"limits,block,optional"`
}

// TimestampArguments say which of a line's times its entry gets.
type TimestampArguments struct {
	Sources   []string      `alloy:"sources,attr,optional"`
	Zone      string        `alloy:"zone,attr,optional"`
	MaxAge    time.Duration `alloy:"max_age,attr,optional"`
	MaxFuture time.Duration `alloy:"max_future,attr,optional"`
}

// PartialLinesArguments say how lines that a container runtime cut are joined.
type PartialLinesArguments struct {
	MaxWait     time.Duration    `alloy:"max_wait,attr,optional"`
	MaxLineSize units.Base2Bytes `alloy:"max_line_size,attr,optional"`
	MaxHeldSize units.Base2Bytes `alloy:"max_held_size,attr,optional"`
}

// LimitsArguments bound what deliveries may cost. See firehose.Limits.
type LimitsArguments struct {
	BodySize             units.Base2Bytes `alloy:"body_size,attr,optional"`
	DecompressedBodySize units.Base2Bytes `alloy:"decompressed_body_size,attr,optional"`
	Records              int              `alloy:"records,attr,optional"`
	RecordSize           units.Base2Bytes `alloy:"record_size,attr,optional"`
	DeliverySize         units.Base2Bytes `alloy:"delivery_size,attr,optional"`
	ConcurrentSize       units.Base2Bytes `alloy:"concurrent_size,attr,optional"`
	BodyTimeout          time.Duration    `alloy:"body_timeout,attr,optional"`
	DeliveryTimeout      time.Duration    `alloy:"delivery_timeout,attr,optional"`
	RememberedPods       int              `alloy:"remembered_pods,attr,optional"`
}

const (
	// defaultWriteTimeout lets the answer wait for limits.delivery_timeout, as long
	// as Firehose itself waits for it. The deadlines of body and answer are the
	// handler's own; this one and server_read_timeout bound what comes before.
	// https://docs.aws.amazon.com/firehose/latest/dev/httpdeliveryrequestresponse.html
	defaultWriteTimeout = 3 * time.Minute

	// defaultMaxAge and defaultMaxFuture are Loki's own defaults,
	// reject_old_samples_max_age and creation_grace_period.
	// https://grafana.com/docs/loki/latest/configure/#limits_config
	defaultMaxAge    = 7 * 24 * time.Hour
	defaultMaxFuture = 10 * time.Minute

	// defaultMaxHeldSize is room for two thousand half lines of 16 KiB.
	defaultMaxHeldSize = 32 << 20

	// defaultRememberedPods is more containers than a cluster of the largest size
	// that Kubernetes supports has on a quarter of its nodes, for some 50 MB.
	defaultRememberedPods = 50_000
)

// SetToDefault implements syntax.Defaulter.
func (a *Arguments) SetToDefault() {
	server := fnet.DefaultServerConfig()
	server.HTTP.ServerWriteTimeout = defaultWriteTimeout
	// Alloy's server always opens a gRPC port too, which nothing here uses.
	server.GRPC.ListenAddress = "127.0.0.1"
	defaults := firehose.DefaultConfig()
	limits := defaults.Limits
	*a = Arguments{
		Server: server,
		Timestamp: TimestampArguments{
			Sources: []string{
				timestamp.CRI.String(), timestamp.Record.String(), timestamp.Line.String(),
				timestamp.CloudWatch.String(), timestamp.Firehose.String(), timestamp.Now.String(),
			},
			MaxAge:    defaultMaxAge,
			MaxFuture: defaultMaxFuture,
		},
		PartialLines: PartialLinesArguments{
			MaxLineSize: kubelog.DefaultMaxLine,
			MaxHeldSize: defaultMaxHeldSize,
		},
		Limits: LimitsArguments{
			BodySize:             units.Base2Bytes(limits.BodySize),
			DecompressedBodySize: units.Base2Bytes(limits.DecompressedBodySize),
			Records:              limits.Records,
			RecordSize:           units.Base2Bytes(limits.RecordSize),
			DeliverySize:         units.Base2Bytes(limits.DeliverySize),
			ConcurrentSize:       units.Base2Bytes(limits.ConcurrentSize),
			BodyTimeout:          defaults.BodyTimeout,
			DeliveryTimeout:      defaults.DeliveryTimeout,
			RememberedPods:       defaultRememberedPods,
		},
	}
}

// Validate implements syntax.Validator.
func (a *Arguments) Validate() error {
	return errors.Join(
		a.validateServer(),
		a.firehose().Validate(),
		lokientry.Mapping(a.Labels).Validate("labels"),
		lokientry.Mapping(a.StructuredMetadata).Validate("structured_metadata"),
		a.validateMetadata(),
		a.Timestamp.validate(),
		a.PartialLines.validate(),
		a.Limits.validate(),
	)
}

func (a *Arguments) validateServer() error {
	if a.Server.HTTP == nil {
		return nil
	}
	if port := a.Server.HTTP.ListenPort; port < 0 || port > 65535 {
		return fmt.Errorf("http.listen_port must be between 0 and 65535, and is %d", port)
	}
	if a.Server.HTTP.ServerWriteTimeout <= a.Limits.DeliveryTimeout {
		return fmt.Errorf("http.server_write_timeout must be longer than limits.delivery_timeout, %s, and is %s: the connection would be cut before the answer",
			a.Limits.DeliveryTimeout, a.Server.HTTP.ServerWriteTimeout)
	}
	return validateTLS(a.Server.HTTP.TLSConfig)
}

// validateTLS refuses what the server would answer by plain HTTP, without a word.
func validateTLS(c *fnet.TLSConfig) error {
	if c == nil || *c == (fnet.TLSConfig{}) {
		return nil
	}
	if (c.Cert == "" && c.CertFile == "") || (c.Key == "" && c.KeyFile == "") {
		return errors.New("http.tls needs a certificate, cert_pem or cert_file, and a key, key_pem or key_file: without both the server would speak plain HTTP")
	}
	return nil
}

// validateMetadata refuses names that entries carry by themselves: they would
// carry them twice.
func (a *Arguments) validateMetadata() error {
	for _, name := range ownMetadata {
		if _, ok := a.StructuredMetadata[name]; ok {
			return fmt.Errorf("structured_metadata: entries have %q by themselves: use another name", name)
		}
	}
	return nil
}

// firehose returns what the protocol's handler is configured with.
func (a *Arguments) firehose() firehose.Config {
	return firehose.Config{
		AccessKeys:      a.keys(),
		Limits:          a.Limits.limits(),
		BodyTimeout:     a.Limits.BodyTimeout,
		DeliveryTimeout: a.Limits.DeliveryTimeout,
	}
}

// keys returns all access keys. A key that is given and empty is one of them, so
// that an unset variable, or a secret that is not there yet, is an error and not
// an open door.
func (a *Arguments) keys() []string {
	var keys []string
	if a.AccessKey != nil {
		keys = append(keys, string(*a.AccessKey))
	}
	for _, key := range a.AccessKeys {
		keys = append(keys, string(key))
	}
	return keys
}

func (t *TimestampArguments) validate() error {
	if len(t.Sources) == 0 {
		return errors.New(`timestamp.sources must name at least one source: leave it out for the default`)
	}
	seen := map[string]bool{}
	for _, name := range t.Sources {
		if _, ok := timestamp.ParseSource(name); !ok {
			return fmt.Errorf("timestamp.sources: %q is no source: use cri, record, line, cloudwatch, firehose, now", name)
		}
		if seen[name] {
			return fmt.Errorf("timestamp.sources: %q is listed twice", name)
		}
		seen[name] = true
	}
	if _, err := t.location(); err != nil {
		return err
	}
	if t.MaxAge < 0 || t.MaxFuture < 0 {
		return errors.New(`timestamp.max_age and timestamp.max_future must not be negative: use "0s" for no bound`)
	}
	return nil
}

// location returns the zone of application times that state none; nil when the
// user named none.
func (t *TimestampArguments) location() (*time.Location, error) {
	if t.Zone == "" {
		return nil, nil
	}
	if strings.EqualFold(t.Zone, "local") {
		return nil, errors.New(`timestamp.zone must be a name of the IANA time zone database such as "UTC" or "Europe/Paris": a container's "Local" is not this process's`)
	}
	zone, err := time.LoadLocation(t.Zone)
	if err != nil {
		return nil, fmt.Errorf(`timestamp.zone: %q is not in the IANA time zone database: use a name such as "UTC" or "Europe/Paris"`, t.Zone)
	}
	return zone, nil
}

func (t *TimestampArguments) policy() *timestamp.Policy {
	p := &timestamp.Policy{MaxAge: t.MaxAge, MaxFuture: t.MaxFuture}
	for _, name := range t.Sources {
		source, _ := timestamp.ParseSource(name)
		p.Order = append(p.Order, source)
	}
	return p
}

// maxPartialWait keeps what is answered for in memory, and would be lost with it,
// within the time of a restart.
const maxPartialWait = time.Minute

func (p *PartialLinesArguments) validate() error {
	if p.MaxWait < 0 || p.MaxWait > maxPartialWait {
		return fmt.Errorf("partial_lines.max_wait must be between 0s and %s, and is %s", maxPartialWait, p.MaxWait)
	}
	if p.MaxLineSize < 1<<10 || p.MaxLineSize > 256<<20 {
		return fmt.Errorf("partial_lines.max_line_size must be between 1KiB and 256MiB, and is %s", p.MaxLineSize)
	}
	if p.MaxHeldSize < p.MaxLineSize {
		return fmt.Errorf("partial_lines.max_held_size must be at least partial_lines.max_line_size, %s, and is %s", p.MaxLineSize, p.MaxHeldSize)
	}
	return nil
}

func (l *LimitsArguments) validate() error {
	if l.RememberedPods < 100 {
		return fmt.Errorf("limits.remembered_pods must be at least 100, and is %d", l.RememberedPods)
	}
	return nil
}

func (l *LimitsArguments) limits() firehose.Limits {
	return firehose.Limits{
		BodySize:             int64(l.BodySize),
		DecompressedBodySize: int64(l.DecompressedBodySize),
		Records:              l.Records,
		RecordSize:           int64(l.RecordSize),
		DeliverySize:         int64(l.DeliverySize),
		ConcurrentSize:       int64(l.ConcurrentSize),
	}
}
