package main

// The components of the default build, one import for each. The comment is the name in a configuration.
//
// Two of Alloy's loki.* components are left out on purpose. Both register here, but as a stand-in that accepts its arguments and then collects nothing,
// and a collector that silently collects nothing is worse than an error about an unknown name:
//   - loki.source.journal needs cgo and libsystemd, which a static binary cannot have;
//   - loki.source.windowsevent reads Windows' event log.
import (
	_ "github.com/grafana/alloy/eks/component/awsfirehose/kubernetes"     // awsfirehose.kubernetes
	_ "github.com/grafana/alloy/eks/component/awsfirehose/metrics"        // awsfirehose.metrics
	_ "github.com/grafana/alloy/eks/component/cloudwatch/ekscontrolplane" // cloudwatch.eks_controlplane
	_ "github.com/grafana/alloy/eks/component/loki/writesync"             // loki.write_sync

	_ "github.com/grafana/alloy/internal/component/local/file"       // local.file
	_ "github.com/grafana/alloy/internal/component/local/file_match" // local.file_match

	_ "github.com/grafana/alloy/internal/component/remote/http"                 // remote.http
	_ "github.com/grafana/alloy/internal/component/remote/kubernetes/configmap" // remote.kubernetes.configmap
	_ "github.com/grafana/alloy/internal/component/remote/kubernetes/secret"    // remote.kubernetes.secret
	_ "github.com/grafana/alloy/internal/component/remote/s3"                   // remote.s3
	_ "github.com/grafana/alloy/internal/component/remote/vault"                // remote.vault

	_ "github.com/grafana/alloy/internal/component/discovery/dns"        // discovery.dns
	_ "github.com/grafana/alloy/internal/component/discovery/file"       // discovery.file
	_ "github.com/grafana/alloy/internal/component/discovery/http"       // discovery.http
	_ "github.com/grafana/alloy/internal/component/discovery/kubelet"    // discovery.kubelet
	_ "github.com/grafana/alloy/internal/component/discovery/kubernetes" // discovery.kubernetes
	_ "github.com/grafana/alloy/internal/component/discovery/relabel"    // discovery.relabel

	_ "github.com/grafana/alloy/internal/component/loki/echo"                     // loki.echo
	_ "github.com/grafana/alloy/internal/component/loki/enrich"                   // loki.enrich
	_ "github.com/grafana/alloy/internal/component/loki/process"                  // loki.process
	_ "github.com/grafana/alloy/internal/component/loki/relabel"                  // loki.relabel
	_ "github.com/grafana/alloy/internal/component/loki/rules/kubernetes"         // loki.rules.kubernetes
	_ "github.com/grafana/alloy/internal/component/loki/secretfilter"             // loki.secretfilter
	_ "github.com/grafana/alloy/internal/component/loki/source/api"               // loki.source.api
	_ "github.com/grafana/alloy/internal/component/loki/source/aws_firehose"      // loki.source.awsfirehose
	_ "github.com/grafana/alloy/internal/component/loki/source/azure_event_hubs"  // loki.source.azure_event_hubs
	_ "github.com/grafana/alloy/internal/component/loki/source/cloudflare"        // loki.source.cloudflare
	_ "github.com/grafana/alloy/internal/component/loki/source/docker"            // loki.source.docker
	_ "github.com/grafana/alloy/internal/component/loki/source/file"              // loki.source.file
	_ "github.com/grafana/alloy/internal/component/loki/source/gcplog"            // loki.source.gcplog
	_ "github.com/grafana/alloy/internal/component/loki/source/gelf"              // loki.source.gelf
	_ "github.com/grafana/alloy/internal/component/loki/source/heroku"            // loki.source.heroku
	_ "github.com/grafana/alloy/internal/component/loki/source/kafka"             // loki.source.kafka
	_ "github.com/grafana/alloy/internal/component/loki/source/kubernetes"        // loki.source.kubernetes
	_ "github.com/grafana/alloy/internal/component/loki/source/kubernetes_events" // loki.source.kubernetes_events
	_ "github.com/grafana/alloy/internal/component/loki/source/podlogs"           // loki.source.podlogs
	_ "github.com/grafana/alloy/internal/component/loki/source/syslog"            // loki.source.syslog
	_ "github.com/grafana/alloy/internal/component/loki/write"                    // loki.write

	_ "github.com/grafana/alloy/internal/component/prometheus/exporter/self" // prometheus.exporter.self
	_ "github.com/grafana/alloy/internal/component/prometheus/receive_http"  // prometheus.receive_http
	_ "github.com/grafana/alloy/internal/component/prometheus/relabel"       // prometheus.relabel
	_ "github.com/grafana/alloy/internal/component/prometheus/remotewrite"   // prometheus.remote_write
	_ "github.com/grafana/alloy/internal/component/prometheus/scrape"        // prometheus.scrape

	_ "github.com/grafana/alloy/internal/component/otelcol/auth/basic"              // otelcol.auth.basic
	_ "github.com/grafana/alloy/internal/component/otelcol/auth/bearer"             // otelcol.auth.bearer
	_ "github.com/grafana/alloy/internal/component/otelcol/auth/headers"            // otelcol.auth.headers
	_ "github.com/grafana/alloy/internal/component/otelcol/auth/oauth2"             // otelcol.auth.oauth2
	_ "github.com/grafana/alloy/internal/component/otelcol/auth/sigv4"              // otelcol.auth.sigv4
	_ "github.com/grafana/alloy/internal/component/otelcol/exporter/awss3"          // otelcol.exporter.awss3
	_ "github.com/grafana/alloy/internal/component/otelcol/exporter/debug"          // otelcol.exporter.debug
	_ "github.com/grafana/alloy/internal/component/otelcol/exporter/loki"           // otelcol.exporter.loki
	_ "github.com/grafana/alloy/internal/component/otelcol/exporter/otlp"           // otelcol.exporter.otlp
	_ "github.com/grafana/alloy/internal/component/otelcol/exporter/otlphttp"       // otelcol.exporter.otlphttp
	_ "github.com/grafana/alloy/internal/component/otelcol/processor/attributes"    // otelcol.processor.attributes
	_ "github.com/grafana/alloy/internal/component/otelcol/processor/batch"         // otelcol.processor.batch
	_ "github.com/grafana/alloy/internal/component/otelcol/processor/memorylimiter" // otelcol.processor.memory_limiter
	_ "github.com/grafana/alloy/internal/component/otelcol/processor/transform"     // otelcol.processor.transform
	_ "github.com/grafana/alloy/internal/component/otelcol/receiver/loki"           // otelcol.receiver.loki
	_ "github.com/grafana/alloy/internal/component/otelcol/receiver/otlp"           // otelcol.receiver.otlp
	_ "github.com/grafana/alloy/internal/component/otelcol/storage/file"            // otelcol.storage.file
)
