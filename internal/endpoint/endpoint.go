// Package endpoint is an HTTP endpoint of Amazon Data Firehose within a component
// of Alloy: the server and its life, access keys and limits as arguments, what is
// counted of deliveries, and what Alloy's UI shows of them. What becomes of the
// records is for the firehose.Deliverer that the component brings.
package endpoint

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/go-kit/log"
	dskit "github.com/grafana/dskit/server"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/grafana/alloy/internal/component"
	fnet "github.com/grafana/alloy/internal/component/common/net"
	"github.com/grafana/alloy/internal/util"

	"github.com/grafana/alloy/eks/internal/firehose"
)

// Endpoint takes deliveries over HTTP and gives them to a firehose.Deliverer.
// Create it with New.
type Endpoint struct {
	namespace string
	logger    log.Logger
	metrics   *metrics
	status    *status
	handler   *firehose.Handler
	deliverer firehose.Deliverer

	serverMetrics *util.UncheckedCollector
	mut           sync.Mutex
	server        *dskit.Server // Nil while nothing listens.
	serverConfig  *fnet.ServerConfig

	stopped context.Context
	stop    context.CancelFunc
}

// New returns an Endpoint that listens nowhere yet: call Update, and Stop in the
// end. namespace begins the names of the metrics, which are registered with opts.
func New(opts component.Options, namespace string, d firehose.Deliverer) *Endpoint {
	e := &Endpoint{
		namespace:     namespace,
		logger:        opts.Logger,
		status:        newStatus(),
		deliverer:     d,
		serverMetrics: util.NewUncheckedCollector(nil),
	}
	handler, err := firehose.NewHandler(firehose.DefaultConfig(), deliverer{e}, observer{e})
	if err != nil {
		panic("BUG: the defaults of an endpoint must be valid")
	}
	e.handler = handler
	e.metrics = newMetrics(namespace, opts.Registerer, handler)
	opts.Registerer.MustRegister(e.serverMetrics)
	e.stopped, e.stop = context.WithCancel(context.Background())
	return e
}

// Update puts a configuration into force. Requests under way finish with the one
// they began with; the server restarts only if its own part, which is nil when
// nothing is to listen, has changed. An error of the protocol's part leaves
// everything as it was. When the server cannot listen, the error says so, and the
// next Update tries again.
func (e *Endpoint) Update(server *fnet.ServerConfig, protocol firehose.Config) error {
	e.mut.Lock()
	defer e.mut.Unlock()
	if err := e.handler.Update(protocol); err != nil {
		return err
	}
	return e.updateServer(server)
}

// Stop ends the server for good. Deliveries that are then under way are answered
// 503, so that Firehose keeps them.
func (e *Endpoint) Stop() {
	e.stop()
	e.mut.Lock()
	defer e.mut.Unlock()
	e.stopServer()
}

// Address returns where the endpoint listens; empty when it does not.
func (e *Endpoint) Address() string {
	e.mut.Lock()
	defer e.mut.Unlock()
	if e.server == nil {
		return ""
	}
	return e.server.HTTPListenAddr().String()
}

// InFlight returns how many deliveries are under way, and how many bytes they hold.
func (e *Endpoint) InFlight() (deliveries int, bytes int64) { return e.handler.InFlight() }

// Bytes returns the counter of bytes at a stage that comes after the body.
func (e *Endpoint) Bytes(stage string) prometheus.Counter {
	return e.metrics.bytes.WithLabelValues(stage)
}

// deliverer is what the protocol's handler gives deliveries to.
type deliverer struct{ *Endpoint }

// Deliver implements firehose.Deliverer: a delivery ends when the endpoint stops,
// and what fails because of that is said to have met a stop.
func (e deliverer) Deliver(ctx context.Context, d *firehose.Delivery) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.stopped, cancel)()

	err := e.deliverer.Deliver(ctx, d)
	var own *firehose.Error
	if err == nil || e.stopped.Err() == nil || errors.As(err, &own) {
		return err
	}
	return &firehose.Error{
		Status: http.StatusServiceUnavailable, Reason: firehose.ReasonShutdown, Err: err,
		Message: "the receiver is stopping, try again",
	}
}
