package distribution

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/service"
	"github.com/grafana/alloy/internal/service/cluster"
	httpservice "github.com/grafana/alloy/internal/service/http"
	"github.com/grafana/alloy/internal/service/labelstore"
	"github.com/grafana/alloy/internal/service/livedebugging"
	otelservice "github.com/grafana/alloy/internal/service/otel"
	"github.com/grafana/alloy/internal/service/remotecfg"
	"github.com/grafana/alloy/internal/service/ui"
	"github.com/grafana/alloy/internal/validator"
)

func validateCommand() *cobra.Command {
	var (
		config  configFlags
		feature featureFlags
	)
	cmd := &cobra.Command{
		Use:   "validate [flags] path",
		Short: "Check a configuration without running it",
		Long: `Check a configuration, a file or a directory of *.alloy files, without running it: its syntax, that all components exist in this distribution and
are stable enough, their arguments, and the references between them. Nothing is started and no network is used.

Exits with a non-zero status, and shows the lines concerned, if the configuration is not valid.`,
		Args:         cobra.ExactArgs(1),
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			return validate(args[0], config, feature, cmd.ErrOrStderr())
		},
	}
	config.register(cmd.Flags())
	feature.register(cmd.Flags())
	return cmd
}

func validate(path string, config configFlags, feature featureFlags, stderr io.Writer) error {
	if err := config.check(); err != nil {
		return err
	}
	files, err := readSources(path)
	if err != nil {
		return err
	}
	err = validator.Validate(validator.Options{
		Sources:            files,
		ServiceDefinitions: serviceDefinitions(),
		ComponentRegistry:  component.NewDefaultRegistry(feature.minStability, feature.community),
		MinStability:       feature.minStability,
	})
	if err == nil {
		return nil
	}
	if files.explain(stderr, err) {
		return errors.New("the configuration is not valid")
	}
	return fmt.Errorf("the configuration is not valid: %w", err)
}

// serviceDefinitions says which blocks besides components a configuration may have: those of the services that `run` starts.
func serviceDefinitions() []service.Definition {
	services := []service.Service{
		&cluster.Service{},
		&httpservice.Service{},
		&labelstore.Service{},
		&livedebugging.Service{},
		&otelservice.Service{},
		&remotecfg.Service{},
		&ui.Service{},
	}
	definitions := make([]service.Definition, len(services))
	for i, s := range services {
		definitions[i] = s.Definition()
	}
	return definitions
}
