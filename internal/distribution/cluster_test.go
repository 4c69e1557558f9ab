package distribution

import (
	"testing"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace/noop"
)

func TestAdvertisedAddr_Success(t *testing.T) {
	f := func(flags clusterFlags, want string) {
		t.Helper()
		got, err := advertisedAddr(flags, 12345, log.NewNopLogger())
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	f(clusterFlags{}, "127.0.0.1:12345")
	f(clusterFlags{advertiseAddr: "10.1.2.3"}, "10.1.2.3:12345")
	f(clusterFlags{advertiseAddr: "10.1.2.3:80"}, "10.1.2.3:80")
	f(clusterFlags{advertiseAddr: "fd00::1"}, "[fd00::1]:12345")
	f(clusterFlags{advertiseAddr: "[fd00::1]:80"}, "[fd00::1]:80")
	f(clusterFlags{enabled: true, advertiseAddr: "alloy-0.alloy-cluster"}, "alloy-0.alloy-cluster:12345")
	// No such interface: better alone than not at all.
	f(clusterFlags{enabled: true, advertiseInterfaces: []string{"nosuch0"}}, "127.0.0.1:12345")
}

func TestPortOf(t *testing.T) {
	f := func(addr string, want int) {
		t.Helper()
		require.Equal(t, want, portOf(addr, fallbackClusterPort))
	}
	f("0.0.0.0:12345", 12345)
	f(":12345", 12345)
	f("[::]:12345", 12345)
	f("0.0.0.0", 80)
	f("0.0.0.0:http", 80)
	f("127.0.0.1:0", 80)
	f("", 80)
}

func TestSplitAddrs(t *testing.T) {
	f := func(list string, want ...string) {
		t.Helper()
		require.Equal(t, want, splitAddrs(list))
	}
	f("")
	f("a", "a")
	f("a:1,b:2", "a:1", "b:2")
}

func TestNewClusterService_Failure(t *testing.T) {
	f := func(flags clusterFlags, want string) {
		t.Helper()
		_, err := newClusterService(flags, "127.0.0.1:0", log.NewNopLogger(), noop.NewTracerProvider(), prometheus.NewRegistry())
		require.ErrorContains(t, err, want)
	}
	f(clusterFlags{joinAddrs: "a", discoverPeers: "provider=k8s"}, "cannot find instances to join")
	f(clusterFlags{tls: clusterTLSFlags{enabled: true, caPath: "missing.pem"}}, "missing.pem")
}
