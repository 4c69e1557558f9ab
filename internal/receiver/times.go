package receiver

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/grafana/alloy/eks/internal/timestamp"
)

// TimestampArguments say which of a line's times its entry gets.
type TimestampArguments struct {
	Sources   []string      `alloy:"sources,attr,optional"`
	MaxAge    time.Duration `alloy:"max_age,attr,optional"`
	MaxFuture time.Duration `alloy:"max_future,attr,optional"`
}

// The defaults are Loki's own, reject_old_samples_max_age and
// creation_grace_period.
// https://grafana.com/docs/loki/latest/configure/#limits_config
const (
	defaultMaxAge    = 7 * 24 * time.Hour
	defaultMaxFuture = 10 * time.Minute
)

// DefaultTimestamp returns the defaults of a component whose lines have these
// times, the best first.
func DefaultTimestamp(sources ...timestamp.Source) TimestampArguments {
	return TimestampArguments{Sources: sourceNames(sources), MaxAge: defaultMaxAge, MaxFuture: defaultMaxFuture}
}

func sourceNames(sources []timestamp.Source) []string {
	var names []string
	for _, s := range sources {
		names = append(names, s.String())
	}
	return names
}

// Validate checks the arguments of a component whose lines have these times.
func (t *TimestampArguments) Validate(sources ...timestamp.Source) error {
	if len(t.Sources) == 0 {
		return errors.New(`timestamp.sources must name at least one source: leave it out for the default`)
	}
	known := sourceNames(sources)
	for i, name := range t.Sources {
		if !slices.Contains(known, name) {
			return fmt.Errorf("timestamp.sources: %q is no source: use %s", name, strings.Join(known, ", "))
		}
		if slices.Contains(t.Sources[:i], name) {
			return fmt.Errorf("timestamp.sources: %q is listed twice", name)
		}
	}
	if t.MaxAge < 0 || t.MaxFuture < 0 {
		return errors.New(`timestamp.max_age and timestamp.max_future must not be negative: use "0s" for no bound`)
	}
	return nil
}

// Policy returns the policy that the arguments describe.
func (t *TimestampArguments) Policy() *timestamp.Policy {
	p := &timestamp.Policy{MaxAge: t.MaxAge, MaxFuture: t.MaxFuture}
	for _, name := range t.Sources {
		source, _ := timestamp.ParseSource(name)
		p.Order = append(p.Order, source)
	}
	return p
}
