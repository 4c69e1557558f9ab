package distribution

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.opentelemetry.io/otel"
)

// errNotLoaded is returned when the configuration cannot be loaded at the start. The findings have been shown by then.
var errNotLoaded = errors.New("cannot load the configuration")

func runCommand() *cobra.Command {
	var flags runFlags
	cmd := &cobra.Command{
		Use:   "run [flags] path",
		Short: "Run a configuration",
		Long: `Run the configuration at path until the process is interrupted (SIGINT, SIGTERM). If path is a directory, its *.alloy files make one configuration together;
directories in it are not looked into.

A configuration that cannot be loaded at the start ends the process with a non-zero status, and the lines concerned are shown. Later, SIGHUP or a request to
/-/reload loads the configuration again; if that fails, the former one stays in force.

The HTTP server has, besides what components serve:

  /               the web UI
  /-/ready        200 when the configuration has been loaded
  /-/healthy      200 unless a component reports to be unhealthy
  /-/reload       loads the configuration again (GET or POST)
  /-/support      a support bundle: configuration, logs, profiles (GET)
  /metrics        metrics of this process
  /debug/pprof    Go profiles
  /api/v0/web     state of the components, as the web UI reads it, also in a binary that was built without its pages

Unlike Grafana Alloy, this distribution reports nothing about its use to Grafana Labs, unless --enable-reporting is given.

The environment variables GOMEMLIMIT and AUTOMEMLIMIT override the memory limit, which is otherwise taken from the container's control group;
` + mutexProfileEnv + ` and ` + blockProfileEnv + ` set how much is recorded for the mutex and block profiles.`,
		Args:         cobra.ExactArgs(1),
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), args[0], flags, environment{
				stderr:     cmd.ErrOrStderr(),
				registerer: prometheus.DefaultRegisterer,
				gatherer:   prometheus.DefaultGatherer,
				setFlags:   flagValues(cmd.Flags()),
			})
		},
	}
	flags.register(cmd)
	return cmd
}

// run runs the configuration at path until a signal or ctx ends it.
func run(ctx context.Context, path string, flags runFlags, env environment) error {
	if err := flags.check(); err != nil {
		return err
	}
	// Registered before the first load, which may take a while: an unexpected SIGHUP ends a process.
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)

	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	// Gives the signals their usual effect back, so that a second one ends a process that does not come to its end.
	defer context.AfterFunc(ctx, stop)()

	e, err := newEngine(path, flags, env)
	if err != nil {
		return err
	}
	logger := slog.New(e.logger.Handler())
	limitMemory(logger)
	setProfileRates(logger)
	// For libraries that know no other way. Components are given the tracer itself.
	otel.SetTracerProvider(e.tracer)
	return e.run(ctx, reload)
}

// flagValues lists all flags with their values, for the support bundle.
func flagValues(flags *pflag.FlagSet) []string {
	var values []string
	flags.VisitAll(func(f *pflag.Flag) {
		values = append(values, fmt.Sprintf("%s=%s", f.Name, f.Value))
	})
	return values
}
