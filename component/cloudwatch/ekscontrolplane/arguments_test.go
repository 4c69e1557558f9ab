package ekscontrolplane

import (
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/units"
	"github.com/stretchr/testify/require"

	fnet "github.com/grafana/alloy/internal/component/common/net"

	"github.com/grafana/alloy/eks/internal/controlplane"
	"github.com/grafana/alloy/eks/internal/endpoint"
	"github.com/grafana/alloy/eks/internal/receiver"
	"github.com/grafana/alloy/eks/internal/rig"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

func TestArguments_Minimal(t *testing.T) {
	args, err := rig.Decode[Arguments](`forward_to = []`)
	require.NoError(t, err)

	var want Arguments
	want.SetToDefault()
	want.Receiver.ForwardTo = args.Receiver.ForwardTo
	require.Equal(t, want, args)

	require.Nil(t, args.Receiver.Config().Server, "nothing listens")
	require.Equal(t, controlplane.FieldNames(), args.Fields)
	require.Equal(t, controlplane.DefaultRedact(), args.Redact)
	require.Empty(t, args.rules(), "nothing is dropped")
	require.Equal(t, &timestamp.Policy{
		Order:  []timestamp.Source{timestamp.Line, timestamp.CloudWatch, timestamp.Firehose, timestamp.Now},
		MaxAge: 7 * 24 * time.Hour, MaxFuture: 10 * time.Minute,
	}, args.Timestamp.Policy())
}

func TestArguments_All(t *testing.T) {
	args, err := rig.Decode[Arguments](`
		forward_to                = []
		access_key                = "old"
		access_keys               = ["new"]
		cluster                   = "prod"
		cluster_pattern           = "^/copies/(.+)$"
		line_format               = "json"
		fields                    = ["user", "verb"]
		redact                    = ["configmaps", "serviceaccounts/token"]
		drop_profile              = "safe"
		labels                    = {account = "__aws_owner"}
		structured_metadata       = {stream = "__aws_cw_log_stream"}
		use_incoming_timestamp    = true
		graceful_shutdown_timeout = "7s"

		http {
			listen_address = "127.0.0.1"
			listen_port    = 4711
			tls {
				cert_pem = "cert"
				key_pem  = "key"
			}
		}
		grpc {
			listen_port = 4712
		}
		timestamp {
			sources    = ["cloudwatch", "line"]
			max_age    = "0s"
			max_future = "1h"
		}
		drop {
			verbs            = ["get", "list"]
			users            = ["system:*"]
			stages           = ["ResponseStarted"]
			resources        = ["pods*"]
			except_resources = ["pods/exec"]
			api_groups       = ["apps"]
			namespaces       = ["kube-system"]
			names            = ["web-*"]
			request_uris     = ["/api/*"]
			user_agents      = ["kubectl/*"]
			response_codes   = ["200"]
			levels           = ["info"]
		}
		drop {
			verbs = ["watch"]
		}
		limits {
			body_size              = "10MiB"
			decompressed_body_size = "20MiB"
			records                = 500
			record_size            = "3MiB"
			delivery_size          = "30MiB"
			concurrent_size        = "100MiB"
			body_timeout           = "20s"
			delivery_timeout       = "30s"
			remembered_sources     = 1000
		}
	`)
	require.NoError(t, err)

	cfg := args.Receiver.Config()
	require.Equal(t, []string{"old", "new"}, cfg.Firehose.AccessKeys)
	require.Equal(t, 4711, cfg.Server.HTTP.ListenPort)
	require.Equal(t, 3*time.Minute, cfg.Server.HTTP.ServerWriteTimeout)
	require.Equal(t, &fnet.TLSConfig{Cert: "cert", Key: "key"}, cfg.Server.HTTP.TLSConfig)
	require.Equal(t, 4712, cfg.Server.GRPC.ListenPort)
	require.Equal(t, "127.0.0.1", cfg.Server.GRPC.ListenAddress)
	require.Equal(t, 7*time.Second, cfg.Server.GracefulShutdownTimeout)
	require.Equal(t, map[string]string{"account": "__aws_owner"}, args.Receiver.Labels)
	require.Equal(t, map[string]string{"stream": "__aws_cw_log_stream"}, args.Receiver.StructuredMetadata)
	require.True(t, args.Receiver.UseIncomingTimestamp)

	require.Equal(t, "prod", args.Cluster)
	pattern, err := args.clusterPattern()
	require.NoError(t, err)
	require.Equal(t, "^/copies/(.+)$", pattern.String())
	require.Equal(t, controlplane.JSON, args.lineFormat())
	require.Equal(t, []string{"user", "verb"}, args.Fields)
	require.Equal(t, []string{"configmaps", "serviceaccounts/token"}, args.Redact)

	own := []controlplane.Rule{{
		Verbs: []string{"get", "list"}, Users: []string{"system:*"}, Stages: []string{"ResponseStarted"},
		Resources: []string{"pods*"}, ExceptResources: []string{"pods/exec"}, APIGroups: []string{"apps"},
		Namespaces: []string{"kube-system"}, Names: []string{"web-*"}, RequestURIs: []string{"/api/*"},
		UserAgents: []string{"kubectl/*"}, ResponseCodes: []string{"200"}, Levels: []string{"info"},
	}, {Verbs: []string{"watch"}}}
	require.Equal(t, append(controlplane.SafeProfile(), own...), args.rules())

	require.Equal(t, &timestamp.Policy{
		Order: []timestamp.Source{timestamp.CloudWatch, timestamp.Line}, MaxFuture: time.Hour,
	}, args.Timestamp.Policy())
	require.Equal(t, receiver.LimitsArguments{Endpoint: endpoint.LimitsArguments{
		BodySize: 10 * units.MiB, DecompressedBodySize: 20 * units.MiB, Records: 500, RecordSize: 3 * units.MiB,
		DeliverySize: 30 * units.MiB, ConcurrentSize: 100 * units.MiB,
		BodyTimeout: 20 * time.Second, DeliveryTimeout: 30 * time.Second,
	}, RememberedSources: 1000}, args.Receiver.Limits)
}

// A block http has the defaults of a receiver, wherever it stands.
func TestArguments_Listening(t *testing.T) {
	args, err := rig.Decode[Arguments]("forward_to = []\nhttp { }")
	require.NoError(t, err)
	server := args.Receiver.Config().Server
	require.Equal(t, 8080, server.HTTP.ListenPort)
	require.Equal(t, 3*time.Minute, server.HTTP.ServerWriteTimeout)
	require.Equal(t, "127.0.0.1", server.GRPC.ListenAddress)

	args, err = rig.Decode[Arguments]("forward_to = []\ngrpc { }\nlimits { delivery_timeout = \"100s\" }")
	require.NoError(t, err, "without a server its timeouts do not matter")
	require.Nil(t, args.Receiver.Config().Server)
}

func TestArguments_Failure(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		_, err := rig.Decode[Arguments]("forward_to = []\n" + text)
		require.ErrorContains(t, err, want, text)
		require.NotContains(t, err.Error(), "s3cret", text)
	}
	f(`cluster_pattern = "("`, `cluster_pattern must be a regular expression in RE2 syntax, and "(" is not: error parsing regexp: missing closing )`)
	f(`cluster_pattern = "/aws/eks/.*"`, `cluster_pattern must have a group around the name of the cluster, such as (?P<cluster>[^/]+), and "/aws/eks/.*" has none`)
	f(`cluster_pattern = ""`, `cluster_pattern must have a group around the name of the cluster, such as (?P<cluster>[^/]+), and "" has none`)
	f(`line_format = "logfmt"`, `line_format must be "raw" or "json", and is "logfmt"`)
	f(`line_format = ""`, `line_format must be "raw" or "json", and is ""`)
	f(`drop_profile = "all"`, `drop_profile must be "" or "safe", and is "all"`)
	f(`fields = ["user", "usr"]`, `fields: "usr" is no field: use msg, truncated, source_file, `+strings.Join(controlplane.FieldNames()[3:], ", "))
	f(`fields = ["level"]`, `fields: "level" is no field: use `)
	f(`redact = ["secrets", "Secret"]`, `redact: "Secret" is no resource: use its plural name such as "configmaps", or one with a subresource such as "serviceaccounts/token"`)
	f(`redact = [""]`, `redact: "" is no resource`)
	f(`redact = ["a/b/c"]`, `redact: "a/b/c" is no resource`)
	f(`redact = ["*"]`, `redact: "*" is no resource`)
	f(`drop { }`, `drop block 0: a rule without conditions would drop every audit event`)
	f("drop { verbs = [\"get\"] }\ndrop { except_resources = [\"pods\"] }", `drop block 1: a rule without conditions would drop every audit event`)
	f(`drop { user_agents = ["curl", ""] }`, `drop block 0: user_agents: an empty pattern matches nothing`)

	// What all receiving components have.
	f(`access_key = ""`, `access key 0 is empty: set one, or remove it from the list`)
	f(`access_keys = ["s3cret", " "]`, `access key 1 is empty: set one, or remove it from the list`)
	f(`labels = {"a.b" = "x"}`, `labels: "a.b" is no label name`)
	f(`structured_metadata = {"1st" = "x"}`, `structured_metadata: "1st" is no label name`)
	f(`http { listen_port = 65536 }`, `http.listen_port must be between 0 and 65535, and is 65536`)
	f(`http { server_write_timeout = "50s" }`, `http.server_write_timeout must be longer than limits.delivery_timeout`)
	f("http {\ntls {\ncert_file = \"/tls/cert\"\n}\n}", `http.tls needs a certificate, cert_pem or cert_file, and a key, key_pem or key_file`)
	f(`limits { remembered_sources = 99 }`, `limits.remembered_sources must be at least 100, and is 99`)
	f(`limits { records = 0 }`, `limits.records must be between 1 and 1000000, and is 0`)
	f(`timestamp { sources = [] }`, `timestamp.sources must name at least one source: leave it out for the default`)
	f(`timestamp { sources = ["cri"] }`, `timestamp.sources: "cri" is no source: use line, cloudwatch, firehose, now`)
	f(`timestamp { sources = ["line", "line"] }`, `timestamp.sources: "line" is listed twice`)
	f(`timestamp { max_age = "-1s" }`, `timestamp.max_age and timestamp.max_future must not be negative: use "0s" for no bound`)
}

// An entry would have a name twice.
func TestArguments_OwnMetadata(t *testing.T) {
	for _, name := range append(controlplane.FieldNames(), "level", "parse_error", "partial", "timestamp_source", "true_timestamp") {
		_, err := rig.Decode[Arguments]("forward_to = []\nstructured_metadata = {" + name + ` = "x"}`)
		require.ErrorContains(t, err, `structured_metadata: entries have "`+name+`" by themselves: use another name`)
	}
	_, err := rig.Decode[Arguments]("forward_to = []\nstructured_metadata = {account = \"\", instance = \"x\", region = \"__aws_region\"}")
	require.NoError(t, err)
}

// Every part that is wrong is named, so that a configuration is mended in one go.
func TestArguments_AllErrorsAtOnce(t *testing.T) {
	_, err := rig.Decode[Arguments](`
		forward_to      = []
		labels          = {"a-b" = "x"}
		cluster_pattern = "x"
		line_format     = "x"
		drop_profile    = "x"
		fields          = ["x"]
		redact          = ["X"]
		drop { }
		timestamp { sources = ["x"] }
		limits { remembered_sources = 1 }
	`)
	for _, part := range []string{
		"labels", "cluster_pattern", "line_format", "drop_profile", "fields", "redact", "drop block 0", "timestamp.sources", "limits.remembered_sources",
	} {
		require.ErrorContains(t, err, part)
	}
}

func TestArguments_Unknown(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		_, err := rig.Decode[Arguments](text)
		require.ErrorContains(t, err, want)
	}
	f(``, `missing required attribute "forward_to"`)
	f("forward_to = []\npartial_lines { }", `unrecognized block name "partial_lines"`)
	f("forward_to = []\ntimestamp { zone = \"UTC\" }", `unrecognized attribute name "zone"`)
}

func TestArguments_DefaultsShareNothing(t *testing.T) {
	var a, b Arguments
	a.SetToDefault()
	b.SetToDefault()
	rig.RequireApart(t, &a, &b)
}
