package main

import (
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component"
)

// What the README promises of a binary without build tags.
var promised = []string{
	"discovery.dns",
	"discovery.file",
	"discovery.http",
	"discovery.kubelet",
	"discovery.kubernetes",
	"discovery.relabel",
	"local.file",
	"local.file_match",
	"loki.echo",
	"loki.enrich",
	"loki.process",
	"loki.relabel",
	"loki.rules.kubernetes",
	"loki.secretfilter",
	"loki.source.api",
	"loki.source.awsfirehose",
	"loki.source.azure_event_hubs",
	"loki.source.cloudflare",
	"loki.source.docker",
	"loki.source.file",
	"loki.source.gcplog",
	"loki.source.gelf",
	"loki.source.heroku",
	"loki.source.kafka",
	"loki.source.kubernetes",
	"loki.source.kubernetes_events",
	"loki.source.podlogs",
	"loki.source.syslog",
	"loki.write",
	"loki.write_sync",
	"otelcol.auth.basic",
	"otelcol.auth.bearer",
	"otelcol.auth.headers",
	"otelcol.auth.oauth2",
	"otelcol.auth.sigv4",
	"otelcol.exporter.awss3",
	"otelcol.exporter.debug",
	"otelcol.exporter.loki",
	"otelcol.exporter.otlp",
	"otelcol.exporter.otlphttp",
	"otelcol.processor.attributes",
	"otelcol.processor.batch",
	"otelcol.processor.memory_limiter",
	"otelcol.processor.transform",
	"otelcol.receiver.loki",
	"otelcol.receiver.otlp",
	"otelcol.storage.file",
	"prometheus.exporter.self",
	"prometheus.receive_http",
	"prometheus.relabel",
	"prometheus.remote_write",
	"prometheus.scrape",
	"remote.http",
	"remote.kubernetes.configmap",
	"remote.kubernetes.secret",
	"remote.s3",
	"remote.vault",
}

func TestComponents_Promised(t *testing.T) {
	for _, name := range promised {
		_, ok := component.Get(name)
		require.True(t, ok, name)
	}
}

// A stand-in that accepts a configuration and collects nothing must not come in unnoticed, through the import of another package.
func TestComponents_NoStandIns(t *testing.T) {
	for _, name := range []string{"loki.source.journal", "loki.source.windowsevent"} {
		_, ok := component.Get(name)
		require.False(t, ok, name)
	}
}

func TestComponents_CommentsAreTrue(t *testing.T) {
	requireTrueComments(t, "components.go")
}

// requireTrueComments checks that each import in a list of components is commented with the names that are in use.
func requireTrueComments(t *testing.T, file string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.ImportsOnly)
	require.NoError(t, err)
	require.NotEmpty(t, parsed.Imports)
	for _, spec := range parsed.Imports {
		require.NotNil(t, spec.Comment, "%s has no comment", spec.Path.Value)
		for name := range strings.SplitSeq(strings.TrimSpace(spec.Comment.Text()), ", ") {
			_, ok := component.Get(name)
			require.True(t, ok, "%s does not bring %q", spec.Path.Value, name)
		}
	}
}
