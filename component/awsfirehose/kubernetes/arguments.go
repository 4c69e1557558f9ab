package kubernetes

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/alecthomas/units"

	"github.com/grafana/alloy/syntax"

	"github.com/grafana/alloy/eks/internal/kubelog"
	"github.com/grafana/alloy/eks/internal/lokientry"
	"github.com/grafana/alloy/eks/internal/receiver"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

var (
	_ syntax.Defaulter = (*Arguments)(nil)
	_ syntax.Validator = (*Arguments)(nil)
)

// Arguments configure awsfirehose.kubernetes.
type Arguments struct {
	Receiver receiver.Arguments `alloy:",squash"`

	Cluster      string                `alloy:"cluster,attr,optional"`
	Timestamp    TimestampArguments    `alloy:"timestamp,block,optional"`
	PartialLines PartialLinesArguments `alloy:"partial_lines,block,optional"`
}

// TimestampArguments say which of a line's times its entry gets.
type TimestampArguments struct {
	Receiver receiver.TimestampArguments `alloy:",squash"`

	Zone string `alloy:"zone,attr,optional"`
}

// PartialLinesArguments say how lines that a container runtime cut are joined.
type PartialLinesArguments struct {
	MaxWait     time.Duration    `alloy:"max_wait,attr,optional"`
	MaxLineSize units.Base2Bytes `alloy:"max_line_size,attr,optional"`
	MaxHeldSize units.Base2Bytes `alloy:"max_held_size,attr,optional"`
}

const (
	// defaultMaxHeldSize is room for two thousand half lines of 16 KiB.
	defaultMaxHeldSize = 32 << 20

	// defaultRemembered is as many as the pods that Kubernetes supports in a
	// cluster. Only those that there are cost memory, some 2 KB each.
	// https://kubernetes.io/docs/setup/best-practices/cluster-large/
	defaultRemembered = 150_000
)

// sources are the times that a line of a container has, the best first.
var sources = []timestamp.Source{
	timestamp.CRI, timestamp.Record, timestamp.Line, timestamp.CloudWatch, timestamp.Firehose, timestamp.Now,
}

// SetToDefault implements syntax.Defaulter.
func (a *Arguments) SetToDefault() {
	*a = Arguments{
		Timestamp: TimestampArguments{Receiver: receiver.DefaultTimestamp(sources...)},
		PartialLines: PartialLinesArguments{
			MaxLineSize: kubelog.DefaultMaxLine,
			MaxHeldSize: defaultMaxHeldSize,
		},
	}
	a.Receiver.SetToDefault(defaultRemembered)
}

// Validate implements syntax.Validator.
func (a *Arguments) Validate() error {
	_, zone := a.Timestamp.location()
	return errors.Join(
		a.Receiver.Validate(lokientry.OwnMetadata()),
		a.Timestamp.Receiver.Validate(sources...),
		zone,
		a.PartialLines.validate(),
	)
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
