package receiver

import (
	"fmt"

	"github.com/grafana/alloy/eks/internal/endpoint"
)

// LimitsArguments bound what deliveries may cost.
type LimitsArguments struct {
	Endpoint endpoint.LimitsArguments `alloy:",squash"`

	RememberedSources int `alloy:"remembered_sources,attr,optional"`
}

// validate checks what the endpoint does not.
func (l *LimitsArguments) validate() error {
	if l.RememberedSources < 100 {
		return fmt.Errorf("limits.remembered_sources must be at least 100, and is %d", l.RememberedSources)
	}
	return nil
}

// MaxEvents returns how many events a record may have: each counts for entrySize
// bytes of limits.record_size at least.
func (l *LimitsArguments) MaxEvents() int {
	return max(freeEntries, int(l.Endpoint.RecordSize)/entrySize)
}
