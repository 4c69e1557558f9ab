package distribution

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/go-kit/log"
	"github.com/grafana/ckit/peer"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/grafana/alloy/internal/alloyseed"
	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/runtime"
	"github.com/grafana/alloy/internal/runtime/logging"
	"github.com/grafana/alloy/internal/runtime/logging/level"
	"github.com/grafana/alloy/internal/runtime/tracing"
	"github.com/grafana/alloy/internal/service"
	"github.com/grafana/alloy/internal/service/cluster"
	httpservice "github.com/grafana/alloy/internal/service/http"
	"github.com/grafana/alloy/internal/service/labelstore"
	"github.com/grafana/alloy/internal/service/livedebugging"
	otelservice "github.com/grafana/alloy/internal/service/otel"
	"github.com/grafana/alloy/internal/service/remotecfg"
	"github.com/grafana/alloy/internal/service/ui"
	"github.com/grafana/alloy/internal/static/config/instrumentation"
	"github.com/grafana/alloy/internal/usagestats"
)

// environment is what an engine takes from the process around it.
type environment struct {
	stderr     io.Writer             // Logs, and findings about the configuration.
	registerer prometheus.Registerer // Metrics of the services and components.
	gatherer   prometheus.Gatherer   // What /metrics shows.
	setFlags   []string              // name=value, for the support bundle.
}

// engine is a running configuration: Alloy's runtime with its services, and where the configuration comes from.
type engine struct {
	path   string
	flags  runFlags
	stderr io.Writer

	logger  *logging.Logger
	tracer  *tracing.Tracer
	runtime *runtime.Runtime
	cluster *cluster.Service
	http    *httpservice.Service

	// One load at a time: SIGHUP and /-/reload come from different goroutines.
	loading sync.Mutex
}

// newEngine puts the runtime and its services together, and prepares the storage directory. Nothing runs and no port is open before [engine.run].
func newEngine(path string, flags runFlags, env environment) (*engine, error) {
	// The configuration decides on the format of logs, so they are held back until it is loaded.
	logger, err := logging.NewDeferred(env.stderr)
	if err != nil {
		return nil, fmt.Errorf("cannot make the logger: %w", err)
	}
	tracer, err := tracing.New(tracing.DefaultOptions)
	if err != nil {
		return nil, fmt.Errorf("cannot make the tracer: %w", err)
	}
	if err := env.registerer.Register(newResources(logger)); err != nil {
		return nil, fmt.Errorf("cannot register metrics: %w", err)
	}

	e := &engine{path: path, flags: flags, stderr: env.stderr, logger: logger, tracer: tracer}
	services, err := e.newServices(env)
	if err != nil {
		return nil, err
	}
	// The identity of this instance, which is kept in its storage and sent along with requests. Without this call it would be kept in /tmp. The storage
	// directory exists now that the remotecfg service has been made.
	alloyseed.Init(flags.storagePath, logger)
	e.runtime, err = runtime.New(runtime.Options{
		Logger:               logger,
		Tracer:               tracer,
		DataPath:             flags.storagePath,
		Reg:                  env.registerer,
		MinStability:         flags.feature.minStability,
		EnableCommunityComps: flags.feature.community,
		Services:             services,
		TaskShutdownDeadline: flags.shutdownDeadline,
	})
	if err != nil {
		return nil, fmt.Errorf("cannot make the runtime: %w", err)
	}
	return e, nil
}

// newServices makes the services that [serviceDefinitions] declares, and sets those that the engine itself uses.
func (e *engine) newServices(env environment) ([]service.Service, error) {
	var err error
	e.cluster, err = newClusterService(e.flags.cluster, e.flags.http.listenAddr, e.serviceLogger("cluster"), e.tracer, env.registerer)
	if err != nil {
		return nil, err
	}
	e.http = e.newHTTPService(env)

	remoteConfig, err := remotecfg.New(remotecfg.Options{
		Logger:      e.serviceLogger("remotecfg"),
		ConfigPath:  e.path,
		StoragePath: e.flags.storagePath,
		Metrics:     env.registerer,
	})
	if err != nil {
		return nil, fmt.Errorf("cannot make the remotecfg service: %w", err)
	}
	otelService := otelservice.New(e.logger)
	if otelService == nil {
		return nil, errors.New("cannot make the otel service")
	}
	liveDebugging := livedebugging.New()
	pages, err := newUIService(ui.Options{
		UIPrefix:        e.flags.http.uiPrefix,
		CallbackManager: liveDebugging.Data().(livedebugging.CallbackManager),
		Logger:          e.serviceLogger("ui"),
	})
	if err != nil {
		return nil, err
	}
	return []service.Service{
		e.cluster,
		e.http,
		labelstore.New(e.logger, env.registerer, !e.flags.directFanout),
		liveDebugging,
		otelService,
		remoteConfig,
		pages,
	}, nil
}

func (e *engine) newHTTPService(env environment) *httpservice.Service {
	bundle := httpservice.SupportBundleContext{DisableSupportBundle: e.flags.http.disableSupportBundle}
	if !bundle.DisableSupportBundle {
		bundle.RuntimeFlags = env.setFlags
	}
	return httpservice.New(httpservice.Options{
		Logger:   e.logger,
		Tracer:   e.tracer,
		Gatherer: env.gatherer,

		// The service runs in the runtime that is made from it. It asks only once it runs, and by then the runtime is set.
		ReadyFunc:  func() bool { return e.runtime.Ready() },
		ReloadFunc: func() error { _, err := e.load(); return err },

		HTTPListenAddr:   e.flags.http.listenAddr,
		MemoryListenAddr: e.flags.http.memoryAddr,
		EnablePProf:      e.flags.http.enablePprof,
		MinStability:     e.flags.feature.minStability,
		BundleContext:    bundle,
	})
}

func (e *engine) serviceLogger(name string) log.Logger {
	return log.With(e.logger, "service", name)
}

// run runs the engine until ctx is done, and returns when all components have stopped. Each value received from reload makes it load the configuration again.
// It returns an error if the configuration cannot be loaded at the start.
func (e *engine) run(ctx context.Context, reload <-chan os.Signal) error {
	var background sync.WaitGroup
	defer background.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	// The runtime runs before the first load, so that a slow load can be watched through metrics and profiles.
	background.Go(func() { e.runtime.Run(ctx) })
	background.Go(func() {
		if err := e.tracer.Run(ctx); err != nil {
			level.Error(e.logger).Log("msg", "tracing has stopped", "err", err)
		}
	})
	if e.flags.enableReporting {
		if err := e.startReporting(ctx, &background); err != nil {
			return err
		}
	}

	if files, err := e.load(); err != nil {
		if files.explain(e.stderr, err) {
			return errNotLoaded
		}
		return err
	}
	// Until here the cluster gives this instance no work.
	if err := e.cluster.ChangeState(ctx, peer.StateParticipant); err != nil {
		return fmt.Errorf("cannot take part in the cluster: %w", err)
	}
	e.reloadUntilDone(ctx, reload)
	return nil
}

func (e *engine) reloadUntilDone(ctx context.Context, reload <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			level.Info(e.logger).Log("msg", "stopping")
			return
		case <-reload:
			if _, err := e.load(); err != nil {
				level.Error(e.logger).Log("msg", "cannot reload the configuration, the former one stays in force", "err", err)
				continue
			}
			level.Info(e.logger).Log("msg", "configuration reloaded")
		}
	}
}

// load reads the configuration and brings the runtime to it. If it fails, the runtime keeps what it has. The files that were read are returned also
// with an error, so that it can be explained.
func (e *engine) load() (sources, error) {
	e.loading.Lock()
	defer e.loading.Unlock()

	files, err := readSources(e.path)
	if err == nil {
		err = e.apply(files)
	}
	instrumentation.InstrumentConfig(err == nil, files.hash(), e.flags.cluster.name)
	return files, err
}

func (e *engine) apply(files sources) error {
	source, err := runtime.ParseSources(files)
	if err != nil {
		return fmt.Errorf("cannot read configuration %q: %w", e.path, err)
	}
	redact(source.SourceFiles())
	e.http.SetSources(source.SourceFiles())
	if err := e.runtime.LoadSource(source, nil, e.path); err != nil {
		return fmt.Errorf("cannot load configuration %q: %w", e.path, err)
	}
	return nil
}

// startReporting sends, every few hours, the names of the components in use to Grafana Labs.
func (e *engine) startReporting(ctx context.Context, background *sync.WaitGroup) error {
	reporter, err := usagestats.NewReporter(e.logger)
	if err != nil {
		return fmt.Errorf("cannot start reporting: %w", err)
	}
	background.Go(func() {
		if err := reporter.Start(ctx, e.componentsInUse); err != nil && !errors.Is(err, context.Canceled) {
			level.Error(e.logger).Log("msg", "reporting has stopped", "err", err)
		}
	})
	return nil
}

func (e *engine) componentsInUse() map[string]any {
	running := component.GetAllComponents(e.runtime, component.InfoOptions{})
	if remote, err := remotecfg.GetHost(e.runtime); err == nil {
		running = append(running, component.GetAllComponents(remote, component.InfoOptions{})...)
	}
	seen := make(map[string]bool, len(running))
	var names []string
	for _, c := range running {
		if c.Type == component.TypeBuiltin && !seen[c.ComponentName] {
			seen[c.ComponentName] = true
			names = append(names, c.ComponentName)
		}
	}
	return map[string]any{"enabled-components": names}
}
