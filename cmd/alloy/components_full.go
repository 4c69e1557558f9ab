//go:build full

package main

// What -tags full adds: every other component of Alloy, except those that cannot be built or would do nothing.
//
//   - pyroscope.ebpf does not compile: the profiler that this Alloy pins is not served by Go's module proxy, and the one that is has another API.
//   - otelcol.exporter.file and otelcol.exporter.datadog compile, but `go mod tidy` fails with them, because tests of their modules import others
//     that the proxy does not serve.
//   - prometheus.exporter.oracledb needs cgo.
//   - loki.source.journal, loki.source.windowsevent and prometheus.exporter.windows are stand-ins in a static Linux binary; see components.go.
import (
	_ "github.com/grafana/alloy/internal/component/discovery/aws"          // discovery.ec2, discovery.lightsail
	_ "github.com/grafana/alloy/internal/component/discovery/azure"        // discovery.azure
	_ "github.com/grafana/alloy/internal/component/discovery/consul"       // discovery.consul
	_ "github.com/grafana/alloy/internal/component/discovery/consulagent"  // discovery.consulagent
	_ "github.com/grafana/alloy/internal/component/discovery/digitalocean" // discovery.digitalocean
	_ "github.com/grafana/alloy/internal/component/discovery/docker"       // discovery.docker
	_ "github.com/grafana/alloy/internal/component/discovery/dockerswarm"  // discovery.dockerswarm
	_ "github.com/grafana/alloy/internal/component/discovery/eureka"       // discovery.eureka
	_ "github.com/grafana/alloy/internal/component/discovery/gce"          // discovery.gce
	_ "github.com/grafana/alloy/internal/component/discovery/hetzner"      // discovery.hetzner
	_ "github.com/grafana/alloy/internal/component/discovery/ionos"        // discovery.ionos
	_ "github.com/grafana/alloy/internal/component/discovery/kuma"         // discovery.kuma
	_ "github.com/grafana/alloy/internal/component/discovery/linode"       // discovery.linode
	_ "github.com/grafana/alloy/internal/component/discovery/marathon"     // discovery.marathon
	_ "github.com/grafana/alloy/internal/component/discovery/nerve"        // discovery.nerve
	_ "github.com/grafana/alloy/internal/component/discovery/nomad"        // discovery.nomad
	_ "github.com/grafana/alloy/internal/component/discovery/openstack"    // discovery.openstack
	_ "github.com/grafana/alloy/internal/component/discovery/ovhcloud"     // discovery.ovhcloud
	_ "github.com/grafana/alloy/internal/component/discovery/process"      // discovery.process
	_ "github.com/grafana/alloy/internal/component/discovery/puppetdb"     // discovery.puppetdb
	_ "github.com/grafana/alloy/internal/component/discovery/scaleway"     // discovery.scaleway
	_ "github.com/grafana/alloy/internal/component/discovery/serverset"    // discovery.serverset
	_ "github.com/grafana/alloy/internal/component/discovery/triton"       // discovery.triton
	_ "github.com/grafana/alloy/internal/component/discovery/uyuni"        // discovery.uyuni

	_ "github.com/grafana/alloy/internal/component/prometheus/echo"                     // prometheus.echo
	_ "github.com/grafana/alloy/internal/component/prometheus/enrich"                   // prometheus.enrich
	_ "github.com/grafana/alloy/internal/component/prometheus/operator/podmonitors"     // prometheus.operator.podmonitors
	_ "github.com/grafana/alloy/internal/component/prometheus/operator/probes"          // prometheus.operator.probes
	_ "github.com/grafana/alloy/internal/component/prometheus/operator/scrapeconfigs"   // prometheus.operator.scrapeconfigs
	_ "github.com/grafana/alloy/internal/component/prometheus/operator/servicemonitors" // prometheus.operator.servicemonitors
	_ "github.com/grafana/alloy/internal/component/prometheus/write/queue"              // prometheus.write.queue

	_ "github.com/grafana/alloy/internal/component/prometheus/exporter/apache"        // prometheus.exporter.apache
	_ "github.com/grafana/alloy/internal/component/prometheus/exporter/azure"         // prometheus.exporter.azure
	_ "github.com/grafana/alloy/internal/component/prometheus/exporter/blackbox"      // prometheus.exporter.blackbox
	_ "github.com/grafana/alloy/internal/component/prometheus/exporter/cadvisor"      // prometheus.exporter.cadvisor
	_ "github.com/grafana/alloy/internal/component/prometheus/exporter/catchpoint"    // prometheus.exporter.catchpoint
	_ "github.com/grafana/alloy/internal/component/prometheus/exporter/cloudwatch"    // prometheus.exporter.cloudwatch
	_ "github.com/grafana/alloy/internal/component/prometheus/exporter/consul"        // prometheus.exporter.consul
	_ "github.com/grafana/alloy/internal/component/prometheus/exporter/databricks"    // prometheus.exporter.databricks
	_ "github.com/grafana/alloy/internal/component/prometheus/exporter/dnsmasq"       // prometheus.exporter.dnsmasq
	_ "github.com/grafana/alloy/internal/component/prometheus/exporter/elasticsearch" // prometheus.exporter.elasticsearch
	_ "github.com/grafana/alloy/internal/component/prometheus/exporter/gcp"           // prometheus.exporter.gcp
	_ "github.com/grafana/alloy/internal/component/prometheus/exporter/github"        // prometheus.exporter.github
	_ "github.com/grafana/alloy/internal/component/prometheus/exporter/kafka"         // prometheus.exporter.kafka
	_ "github.com/grafana/alloy/internal/component/prometheus/exporter/memcached"     // prometheus.exporter.memcached
	_ "github.com/grafana/alloy/internal/component/prometheus/exporter/mongodb"       // prometheus.exporter.mongodb
	_ "github.com/grafana/alloy/internal/component/prometheus/exporter/mssql"         // prometheus.exporter.mssql
	_ "github.com/grafana/alloy/internal/component/prometheus/exporter/mysql"         // prometheus.exporter.mysql
	_ "github.com/grafana/alloy/internal/component/prometheus/exporter/postgres"      // prometheus.exporter.postgres
	_ "github.com/grafana/alloy/internal/component/prometheus/exporter/process"       // prometheus.exporter.process
	_ "github.com/grafana/alloy/internal/component/prometheus/exporter/redis"         // prometheus.exporter.redis
	_ "github.com/grafana/alloy/internal/component/prometheus/exporter/snmp"          // prometheus.exporter.snmp
	_ "github.com/grafana/alloy/internal/component/prometheus/exporter/snowflake"     // prometheus.exporter.snowflake
	_ "github.com/grafana/alloy/internal/component/prometheus/exporter/squid"         // prometheus.exporter.squid
	_ "github.com/grafana/alloy/internal/component/prometheus/exporter/static"        // prometheus.exporter.static
	_ "github.com/grafana/alloy/internal/component/prometheus/exporter/statsd"        // prometheus.exporter.statsd
	_ "github.com/grafana/alloy/internal/component/prometheus/exporter/unix"          // prometheus.exporter.unix

	_ "github.com/grafana/alloy/internal/component/otelcol/receiver/awscloudwatch"          // otelcol.receiver.awscloudwatch
	_ "github.com/grafana/alloy/internal/component/otelcol/receiver/awsecscontainermetrics" // otelcol.receiver.awsecscontainermetrics
	_ "github.com/grafana/alloy/internal/component/otelcol/receiver/awss3"                  // otelcol.receiver.awss3
	_ "github.com/grafana/alloy/internal/component/otelcol/receiver/cloudflare"             // otelcol.receiver.cloudflare
	_ "github.com/grafana/alloy/internal/component/otelcol/receiver/datadog"                // otelcol.receiver.datadog
	_ "github.com/grafana/alloy/internal/component/otelcol/receiver/faro"                   // otelcol.receiver.faro
	_ "github.com/grafana/alloy/internal/component/otelcol/receiver/file_stats"             // otelcol.receiver.file_stats
	_ "github.com/grafana/alloy/internal/component/otelcol/receiver/filelog"                // otelcol.receiver.filelog
	_ "github.com/grafana/alloy/internal/component/otelcol/receiver/fluentforward"          // otelcol.receiver.fluentforward
	_ "github.com/grafana/alloy/internal/component/otelcol/receiver/googlecloudpubsub"      // otelcol.receiver.googlecloudpubsub
	_ "github.com/grafana/alloy/internal/component/otelcol/receiver/influxdb"               // otelcol.receiver.influxdb
	_ "github.com/grafana/alloy/internal/component/otelcol/receiver/jaeger"                 // otelcol.receiver.jaeger
	_ "github.com/grafana/alloy/internal/component/otelcol/receiver/kafka"                  // otelcol.receiver.kafka
	_ "github.com/grafana/alloy/internal/component/otelcol/receiver/prometheus"             // otelcol.receiver.prometheus
	_ "github.com/grafana/alloy/internal/component/otelcol/receiver/solace"                 // otelcol.receiver.solace
	_ "github.com/grafana/alloy/internal/component/otelcol/receiver/splunkhec"              // otelcol.receiver.splunkhec
	_ "github.com/grafana/alloy/internal/component/otelcol/receiver/syslog"                 // otelcol.receiver.syslog
	_ "github.com/grafana/alloy/internal/component/otelcol/receiver/tcplog"                 // otelcol.receiver.tcplog
	_ "github.com/grafana/alloy/internal/component/otelcol/receiver/vcenter"                // otelcol.receiver.vcenter
	_ "github.com/grafana/alloy/internal/component/otelcol/receiver/zipkin"                 // otelcol.receiver.zipkin

	_ "github.com/grafana/alloy/internal/component/otelcol/processor/cumulativetodelta"     // otelcol.processor.cumulativetodelta
	_ "github.com/grafana/alloy/internal/component/otelcol/processor/deltatocumulative"     // otelcol.processor.deltatocumulative
	_ "github.com/grafana/alloy/internal/component/otelcol/processor/discovery"             // otelcol.processor.discovery
	_ "github.com/grafana/alloy/internal/component/otelcol/processor/filter"                // otelcol.processor.filter
	_ "github.com/grafana/alloy/internal/component/otelcol/processor/groupbyattrs"          // otelcol.processor.groupbyattrs
	_ "github.com/grafana/alloy/internal/component/otelcol/processor/interval"              // otelcol.processor.interval
	_ "github.com/grafana/alloy/internal/component/otelcol/processor/k8sattributes"         // otelcol.processor.k8sattributes
	_ "github.com/grafana/alloy/internal/component/otelcol/processor/metricstarttime"       // otelcol.processor.metric_start_time
	_ "github.com/grafana/alloy/internal/component/otelcol/processor/probabilistic_sampler" // otelcol.processor.probabilistic_sampler
	_ "github.com/grafana/alloy/internal/component/otelcol/processor/resourcedetection"     // otelcol.processor.resourcedetection
	_ "github.com/grafana/alloy/internal/component/otelcol/processor/span"                  // otelcol.processor.span
	_ "github.com/grafana/alloy/internal/component/otelcol/processor/tail_sampling"         // otelcol.processor.tail_sampling

	_ "github.com/grafana/alloy/internal/component/otelcol/connector/count"        // otelcol.connector.count
	_ "github.com/grafana/alloy/internal/component/otelcol/connector/host_info"    // otelcol.connector.host_info
	_ "github.com/grafana/alloy/internal/component/otelcol/connector/servicegraph" // otelcol.connector.servicegraph
	_ "github.com/grafana/alloy/internal/component/otelcol/connector/spanlogs"     // otelcol.connector.spanlogs
	_ "github.com/grafana/alloy/internal/component/otelcol/connector/spanmetrics"  // otelcol.connector.spanmetrics

	_ "github.com/grafana/alloy/internal/component/otelcol/exporter/faro"              // otelcol.exporter.faro
	_ "github.com/grafana/alloy/internal/component/otelcol/exporter/googlecloud"       // otelcol.exporter.googlecloud
	_ "github.com/grafana/alloy/internal/component/otelcol/exporter/googlecloudpubsub" // otelcol.exporter.googlecloudpubsub
	_ "github.com/grafana/alloy/internal/component/otelcol/exporter/kafka"             // otelcol.exporter.kafka
	_ "github.com/grafana/alloy/internal/component/otelcol/exporter/loadbalancing"     // otelcol.exporter.loadbalancing
	_ "github.com/grafana/alloy/internal/component/otelcol/exporter/prometheus"        // otelcol.exporter.prometheus
	_ "github.com/grafana/alloy/internal/component/otelcol/exporter/splunkhec"         // otelcol.exporter.splunkhec
	_ "github.com/grafana/alloy/internal/component/otelcol/exporter/syslog"            // otelcol.exporter.syslog

	_ "github.com/grafana/alloy/internal/component/otelcol/extension/jaeger_remote_sampling" // otelcol.extension.jaeger_remote_sampling

	_ "github.com/grafana/alloy/internal/component/pyroscope/enrich"       // pyroscope.enrich
	_ "github.com/grafana/alloy/internal/component/pyroscope/java"         // pyroscope.java
	_ "github.com/grafana/alloy/internal/component/pyroscope/receive_http" // pyroscope.receive_http
	_ "github.com/grafana/alloy/internal/component/pyroscope/relabel"      // pyroscope.relabel
	_ "github.com/grafana/alloy/internal/component/pyroscope/scrape"       // pyroscope.scrape
	_ "github.com/grafana/alloy/internal/component/pyroscope/write/glue"   // pyroscope.write

	_ "github.com/grafana/alloy/internal/component/beyla/ebpf"                      // beyla.ebpf
	_ "github.com/grafana/alloy/internal/component/database_observability/mysql"    // database_observability.mysql
	_ "github.com/grafana/alloy/internal/component/database_observability/postgres" // database_observability.postgres
	_ "github.com/grafana/alloy/internal/component/faro/receiver"                   // faro.receiver
	_ "github.com/grafana/alloy/internal/component/mimir/alerts/kubernetes"         // mimir.alerts.kubernetes
	_ "github.com/grafana/alloy/internal/component/mimir/rules/kubernetes"          // mimir.rules.kubernetes
)
