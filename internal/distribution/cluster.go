package distribution

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/go-kit/log"
	"github.com/grafana/ckit/advertise"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"github.com/grafana/alloy/internal/runtime/logging/level"
	"github.com/grafana/alloy/internal/service/cluster"
	"github.com/grafana/alloy/internal/service/cluster/discovery"
)

// Port that is advertised when --server.http.listen-addr does not say which port it will be.
const fallbackClusterPort = 80

// newClusterService makes the service that shares work between instances. It is needed in any case: without --cluster.enabled it answers that
// this instance is alone.
func newClusterService(flags clusterFlags, listenAddr string, logger log.Logger, tracer trace.TracerProvider, registerer prometheus.Registerer) (*cluster.Service, error) {
	port := portOf(listenAddr, fallbackClusterPort)
	nodeName := flags.nodeName
	if nodeName == "" {
		var err error
		if nodeName, err = os.Hostname(); err != nil {
			return nil, fmt.Errorf("cannot name this instance, set --cluster.node-name: %w", err)
		}
	}
	advertised, err := advertisedAddr(flags, port, logger)
	if err != nil {
		return nil, err
	}
	discover, err := discovery.NewPeerDiscoveryFn(discovery.Options{
		JoinPeers:     splitAddrs(flags.joinAddrs),
		DiscoverPeers: flags.discoverPeers,
		DefaultPort:   port,
		Logger:        logger,
		Tracer:        tracer,
	})
	if err != nil {
		return nil, fmt.Errorf("cannot find instances to join: %w", err)
	}
	return cluster.New(cluster.Options{
		Log:                    logger,
		Metrics:                registerer,
		Tracer:                 tracer,
		EnableClustering:       flags.enabled,
		NodeName:               nodeName,
		AdvertiseAddress:       advertised,
		EnableTLS:              flags.tls.enabled,
		TLSCAPath:              flags.tls.caPath,
		TLSCertPath:            flags.tls.certPath,
		TLSKeyPath:             flags.tls.keyPath,
		TLSServerName:          flags.tls.serverName,
		RejoinInterval:         flags.rejoinInterval,
		ClusterMaxJoinPeers:    flags.maxJoinPeers,
		ClusterName:            flags.name,
		MinimumClusterSize:     flags.waitForSize,
		MinimumSizeWaitTimeout: flags.waitTimeout,
		DiscoverPeers:          discover,
	})
}

// advertisedAddr is the host and port at which other instances reach this one: as configured, else the first address of the configured network
// interfaces, else the loopback address.
func advertisedAddr(flags clusterFlags, port int, logger log.Logger) (string, error) {
	if flags.advertiseAddr != "" {
		return withPort(flags.advertiseAddr, port), nil
	}
	loopback := withPort("127.0.0.1", port)
	if !flags.enabled {
		return loopback, nil
	}
	interfaces := flags.advertiseInterfaces
	if len(interfaces) == 1 && interfaces[0] == "all" {
		// To FirstAddress, none means all.
		interfaces = nil
	}
	addr, err := advertise.FirstAddress(interfaces)
	if err != nil {
		level.Warn(logger).Log("msg", "no network interface to advertise to the cluster, using the loopback address", "interfaces", strings.Join(interfaces, ","), "err", err)
		return loopback, nil
	}
	if !addr.IsValid() {
		return "", fmt.Errorf("cannot find an address on network interfaces %q to advertise to the cluster: set --cluster.advertise-address", interfaces)
	}
	return withPort(addr.String(), port), nil
}

func splitAddrs(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

func portOf(addr string, fallback int) int {
	_, text, err := net.SplitHostPort(addr)
	if err != nil {
		return fallback
	}
	port, err := strconv.Atoi(text)
	if err != nil || port == 0 {
		return fallback
	}
	return port
}

// withPort adds the port to an address that has none.
func withPort(addr string, port int) string {
	if _, _, err := net.SplitHostPort(addr); err == nil {
		return addr
	}
	return net.JoinHostPort(addr, strconv.Itoa(port))
}
