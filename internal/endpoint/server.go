package endpoint

import (
	"fmt"
	"reflect"
	"runtime"
	"time"

	dskit "github.com/grafana/dskit/server"
	"github.com/prometheus/client_golang/prometheus"

	fnet "github.com/grafana/alloy/internal/component/common/net"
	"github.com/grafana/alloy/internal/runtime/logging/level"
	"github.com/grafana/alloy/syntax"
)

// ServerArguments are those of Alloy's own HTTP server, fnet.ServerConfig, but
// for one thing: without a block http, nothing listens.
type ServerArguments struct {
	HTTP                    *HTTPArguments   `alloy:"http,block,optional"`
	GRPC                    *fnet.GRPCConfig `alloy:"grpc,block,optional"`
	GracefulShutdownTimeout time.Duration    `alloy:"graceful_shutdown_timeout,attr,optional"`
}

// HTTPArguments are fnet.HTTPConfig with the defaults of a receiver.
type HTTPArguments fnet.HTTPConfig

var _ syntax.Defaulter = (*HTTPArguments)(nil)

// defaultWriteTimeout lets the answer wait for limits.delivery_timeout, as long
// as Firehose itself waits for it. The deadlines of body and answer are the
// handler's own; this one and server_read_timeout bound what comes before.
// https://docs.aws.amazon.com/firehose/latest/dev/httpdeliveryrequestresponse.html
const defaultWriteTimeout = 3 * time.Minute

// SetToDefault implements syntax.Defaulter.
func (h *HTTPArguments) SetToDefault() {
	*h = HTTPArguments(*fnet.DefaultServerConfig().HTTP)
	h.ServerWriteTimeout = defaultWriteTimeout
}

func defaultServer() ServerArguments {
	defaults := fnet.DefaultServerConfig()
	s := ServerArguments{HTTP: &HTTPArguments{}, GRPC: defaults.GRPC, GracefulShutdownTimeout: defaults.GracefulShutdownTimeout}
	s.HTTP.SetToDefault()
	// Alloy's server always opens a gRPC port too, which nothing here uses.
	s.GRPC.ListenAddress = "127.0.0.1"
	return s
}

// Config returns what Alloy's server is configured with, nil when none is to
// listen.
func (s *ServerArguments) Config() *fnet.ServerConfig {
	if s.HTTP == nil {
		return nil
	}
	return &fnet.ServerConfig{
		HTTP: (*fnet.HTTPConfig)(s.HTTP), GRPC: s.GRPC, GracefulShutdownTimeout: s.GracefulShutdownTimeout,
	}
}

func (s *ServerArguments) validate(deliveryTimeout time.Duration) error {
	if s.HTTP == nil {
		return nil
	}
	if port := s.HTTP.ListenPort; port < 0 || port > 65535 {
		return fmt.Errorf("http.listen_port must be between 0 and 65535, and is %d", port)
	}
	if s.HTTP.ServerWriteTimeout <= deliveryTimeout {
		return fmt.Errorf("http.server_write_timeout must be longer than limits.delivery_timeout, %s, and is %s: the connection would be cut before the answer",
			deliveryTimeout, s.HTTP.ServerWriteTimeout)
	}
	return validateTLS(s.HTTP.TLSConfig)
}

// updateServer makes the server that the configuration asks for. One that runs
// as it asks is left alone.
func (e *Endpoint) updateServer(cfg *fnet.ServerConfig) error {
	if e.server != nil && reflect.DeepEqual(e.serverConfig, cfg) {
		return nil
	}
	e.stopServer()
	if cfg == nil || e.stopped.Err() != nil {
		return nil
	}
	return e.startServer(cfg)
}

// startServer listens. Only a server that runs is remembered.
func (e *Endpoint) startServer(cfg *fnet.ServerConfig) error {
	registry := prometheus.NewRegistry()
	target, err := fnet.NewTargetServer(e.logger, e.namespace, registry, cfg)
	if err != nil {
		return fmt.Errorf("cannot set up the server: %w", err)
	}
	server, err := dskit.New(target.Config()) // Which listens.
	if err != nil {
		// When it fails after it has bound a port, the server leaves that to the
		// garbage collector, and the next attempt would find it taken.
		runtime.GC()
		return fmt.Errorf("cannot listen on %s:%d (argument http): %w", cfg.HTTP.ListenAddress, cfg.HTTP.ListenPort, err)
	}
	server.HTTP.SkipClean(true) // The handler knows its paths; cleaning one redirects.
	server.HTTP.PathPrefix("/").Handler(e.handler)
	speakHTTP2(server.HTTPServer, cfg.HTTP.HTTP2)
	readCertificates(server.HTTPServer)
	go e.runServer(server)
	// The registry is the server's own: its metrics are named anew with each
	// server, which the component's registerer would refuse.
	e.serverMetrics.SetCollector(registry)
	e.server, e.serverConfig = server, cfg
	e.status.listening(server.HTTPListenAddr().String())
	return nil
}

func (e *Endpoint) runServer(server *dskit.Server) {
	if err := server.Run(); err != nil {
		level.Error(e.logger).Log("msg", "the server ended", "err", err)
	}
}

// stopServer lets requests under way finish, as long as
// graceful_shutdown_timeout allows.
func (e *Endpoint) stopServer() {
	if e.server == nil {
		return
	}
	e.server.Stop()
	e.server.Shutdown()
	e.server, e.serverConfig = nil, nil
	e.status.listening("")
}
