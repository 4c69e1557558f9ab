package main

import (
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	// tenant is whose logs the dashboards show.
	tenant = "orchard-team"
	// accessKey opens all doors.
	accessKey = "let me in"
	// scrapeInterval is short, so that rates are there after seconds.
	scrapeInterval = "500ms"
)

// lokiConfig makes a Loki with its own limits of what a query may cost. It takes
// what is sent as fast as it comes. Other tenants have a limit that no line keeps, and one that some do.
const lokiConfig = `
auth_enabled: true
analytics: {reporting_enabled: false}
server: {http_listen_address: 127.0.0.1, http_listen_port: $HTTP, grpc_listen_address: 127.0.0.1, grpc_listen_port: $GRPC, log_level: error}
frontend: {address: 127.0.0.1, scheduler_dns_lookup_period: 50ms}
frontend_worker: {dns_lookup_duration: 50ms}
query_scheduler: {use_scheduler_ring: false}
common: {ring: {instance_addr: 127.0.0.1, kvstore: {store: inmemory}}, replication_factor: 1, path_prefix: $DIR/loki}
schema_config:
  configs: [{from: 2020-01-01, store: tsdb, object_store: filesystem, schema: v13, index: {prefix: index_, period: 24h}}]
storage_config: {filesystem: {directory: $DIR/loki/chunks}}
ingester: {lifecycler: {min_ready_duration: 0s, join_after: 0s, final_sleep: 0s}}
limits_config: {ingestion_rate_mb: 1000, ingestion_burst_size_mb: 1000, per_stream_rate_limit: 1GB, per_stream_rate_limit_burst: 1GB}
runtime_config: {file: $DIR/overrides.yaml}
`

const lokiOverrides = `
overrides:
  strict: {max_line_size: 1}
  narrow: {max_line_size: 100}
`

const prometheusConfig = `
global: {scrape_interval: ` + scrapeInterval + `, evaluation_interval: ` + scrapeInterval + `}
rule_files: [$DIR/alerts.yaml]
scrape_configs:
  - job_name: logging/alloy-eks
    static_configs:
      - targets: ["$ALLOY"]
        labels: {cluster: orchard, namespace: logging, pod: alloy-eks-0}
`

// alloyConfig has the two sources with a loki.write_sync, with which all is well,
// and others with everything that goes wrong: a Loki that refuses lines, one that is
// gone, one that does not answer, and little room.
const alloyConfig = `
logging { level = "error" }

awsfirehose.kubernetes "default" {
	http {
		listen_address = "127.0.0.1"
		listen_port    = $DEFAULT
	}
	key {
		name       = "containers"
		access_key = "` + accessKey + `"
	}
	cluster       = "orchard"
	relabel_rules = loki.relabel.unwanted.rules
	forward_to    = [loki.write_sync.default.receiver, loki.write.copy.receiver]
}

loki.relabel "unwanted" {
	forward_to = []
	rule {
		source_labels = ["stream"]
		regex         = "stderr"
		action        = "drop"
	}
}

cloudwatch.eks_controlplane "default" {
	http {
		listen_address = "127.0.0.1"
		listen_port    = $CONTROLPLANE
	}
	key {
		name       = "control-plane"
		access_key = "` + accessKey + `"
	}
	drop { user_agents = ["unwanted"] }
	forward_to = [loki.write_sync.default.receiver]
}

loki.write_sync "default" {
	endpoint {
		name      = "central"
		url       = "http://$LOKI/loki/api/v1/push"
		tenant_id = "` + tenant + `"
	}
}

loki.write "copy" {
	endpoint {
		url        = "http://$LOKI/loki/api/v1/push"
		tenant_id  = "copy"
		batch_wait = "50ms"
	}
}

awsfirehose.kubernetes "strict" {
	http {
		listen_address = "127.0.0.1"
		listen_port    = $STRICT
	}
	timestamp { max_age = "1h" }
	forward_to = [loki.write_sync.strict.receiver, loki.write_sync.narrow.receiver, loki.write.strict.receiver]
}

loki.write_sync "strict" {
	endpoint {
		url       = "http://$LOKI/loki/api/v1/push"
		tenant_id = "strict"
	}
	dead_letter = [loki.echo.refused.receiver]
}

loki.echo "refused" { }

loki.write_sync "narrow" {
	endpoint {
		url       = "http://$LOKI/loki/api/v1/push"
		tenant_id = "narrow"
	}
}

loki.write "strict" {
	endpoint {
		url        = "http://$LOKI/loki/api/v1/push"
		tenant_id  = "strict"
		batch_wait = "50ms"
	}
}

awsfirehose.kubernetes "waiting" {
	http {
		listen_address = "127.0.0.1"
		listen_port    = $WAITING
	}
	limits { delivery_timeout = "1s" }
	forward_to = [loki.write_sync.gone.receiver]
}

awsfirehose.kubernetes "forwarding" {
	http {
		listen_address = "127.0.0.1"
		listen_port    = $FORWARDING
	}
	forward_to = [loki.process.lines.receiver]
}

loki.process "lines" {
	forward_to = [loki.write_sync.gone.receiver, loki.write_sync.silent.receiver]
}

loki.write_sync "gone" {
	endpoint {
		url                 = "http://$NOBODY/loki/api/v1/push"
		batch_wait          = "50ms"
		min_backoff_period  = "10ms"
		max_backoff_retries = 2
	}
}

awsfirehose.kubernetes "full" {
	http {
		listen_address = "127.0.0.1"
		listen_port    = $FULL
		conn_limit     = $CONNECTIONS
	}
	limits {
		body_size              = "64KiB"
		decompressed_body_size = "64KiB"
		record_size            = "64KiB"
		delivery_size          = "64KiB"
		concurrent_size        = "2MiB"
	}
	forward_to = [loki.write_sync.silent.receiver]
}

loki.write_sync "silent" {
	endpoint {
		url            = "http://$SILENT/loki/api/v1/push"
		remote_timeout = "1m"
	}
}
`

// stack is everything at work.
type stack struct {
	prometheus, loki, alloy string            // Addresses.
	sources                 map[string]string // Addresses of the components that take deliveries, by their names in the configuration.
}

func startStack(t *testing.T) *stack {
	t.Helper()
	dir := t.TempDir()
	s := &stack{prometheus: freeAddress(t), loki: freeAddress(t), alloy: freeAddress(t), sources: map[string]string{}}
	values := []string{
		"$DIR", dir, "$HTTP", port(s.loki), "$GRPC", port(freeAddress(t)), "$ALLOY", s.alloy, "$LOKI", s.loki,
		"$NOBODY", freeAddress(t), "$SILENT", silence(t), "$CONNECTIONS", strconv.Itoa(connections),
	}
	for _, name := range []string{"DEFAULT", "CONTROLPLANE", "STRICT", "WAITING", "FORWARDING", "FULL"} {
		s.sources[name] = freeAddress(t)
		values = append(values, "$"+name, port(s.sources[name]))
	}
	fill := strings.NewReplacer(values...).Replace
	write(t, dir, "overrides.yaml", lokiOverrides)
	write(t, dir, "alerts.yaml", impatient(t))
	start(t, "http://"+s.loki+"/ready", "loki", "-config.file="+write(t, dir, "loki.yaml", fill(lokiConfig)))
	start(t, "http://"+s.alloy+"/-/ready", "alloy", "run", write(t, dir, "config.alloy", fill(alloyConfig)),
		"--server.http.listen-addr="+s.alloy, "--storage.path="+dir+"/alloy")
	start(t, "http://"+s.prometheus+"/-/ready", "prometheus", "--config.file="+write(t, dir, "prometheus.yaml", fill(prometheusConfig)),
		"--storage.tsdb.path="+dir+"/prometheus", "--web.listen-address="+s.prometheus, "--log.level=error")
	return s
}

// silence returns the address of a server that takes connections and says nothing.
func silence(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	return listener.Addr().String()
}

// impatient are the alerts with nothing to wait for.
func impatient(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(alertsFile)
	require.NoError(t, err)
	return regexp.MustCompile(`(?m)^( +)for: .+$`).ReplaceAllString(string(text), "${1}for: 0s")
}
