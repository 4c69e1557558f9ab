package kubernetes

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/units"
	"github.com/stretchr/testify/require"

	fnet "github.com/grafana/alloy/internal/component/common/net"
	"github.com/grafana/alloy/internal/component/common/relabel"
	"github.com/grafana/alloy/internal/component/loki/source/aws_firehose"
	"github.com/grafana/alloy/syntax"
	"github.com/grafana/alloy/syntax/alloytypes"

	"github.com/grafana/alloy/eks/internal/docpage"
	"github.com/grafana/alloy/eks/internal/endpoint"
	"github.com/grafana/alloy/eks/internal/lokientry"
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

	require.Equal(t, 8080, args.Receiver.Endpoint.Server.HTTP.ListenPort)
	require.Equal(t, "127.0.0.1", args.Receiver.Endpoint.Server.GRPC.ListenAddress)
	require.Empty(t, args.Receiver.Config().Firehose.AccessKeys, "without access keys the door is open")
	zone, err := args.Timestamp.location()
	require.NoError(t, err)
	require.Nil(t, zone)
}

func TestArguments_All(t *testing.T) {
	args, err := rig.Decode[Arguments](`
		forward_to             = []
		access_key             = "old"
		access_keys            = ["new", "newer"]
		cluster                = "prod"
		labels                 = {pod = "__meta_kubernetes_pod_name", team = "search"}
		structured_metadata    = {request = "__aws_firehose_request_id"}
		use_incoming_timestamp = true
		graceful_shutdown_timeout = "7s"

		http {
			listen_address       = "127.0.0.1"
			listen_port          = 4711
			conn_limit           = 12
			server_read_timeout  = "2m"
			server_write_timeout = "150s"
			server_idle_timeout  = "3m"
			tls {
				cert_pem = "cert"
				key_pem  = "key"
			}
			http2 {
				enabled = true
			}
		}
		grpc {
			listen_port = 4712
		}
		timestamp {
			sources    = ["line", "cri"]
			zone       = "Europe/Paris"
			max_age    = "0s"
			max_future = "1h"
		}
		partial_lines {
			max_wait      = "2s"
			max_line_size = "2MiB"
			max_held_size = "4MiB"
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
			remembered_sources        = 1000
		}
	`)
	require.NoError(t, err)

	require.Equal(t, []string{"old", "new", "newer"}, args.Receiver.Config().Firehose.AccessKeys)
	require.Equal(t, "prod", args.Cluster)
	require.Equal(t, map[string]string{"pod": "__meta_kubernetes_pod_name", "team": "search"}, args.Receiver.Labels)
	require.Equal(t, map[string]string{"request": "__aws_firehose_request_id"}, args.Receiver.StructuredMetadata)
	require.True(t, args.Receiver.UseIncomingTimestamp)
	require.Equal(t, 7*time.Second, args.Receiver.Endpoint.Server.GracefulShutdownTimeout)

	http := args.Receiver.Endpoint.Server.HTTP
	require.Equal(t, "127.0.0.1", http.ListenAddress)
	require.Equal(t, 4711, http.ListenPort)
	require.Equal(t, 12, http.ConnLimit)
	require.Equal(t, 2*time.Minute, http.ServerReadTimeout)
	require.Equal(t, 150*time.Second, http.ServerWriteTimeout)
	require.Equal(t, 3*time.Minute, http.ServerIdleTimeout)
	require.Equal(t, &fnet.TLSConfig{Cert: "cert", Key: "key"}, http.TLSConfig)
	require.True(t, http.HTTP2.Enabled)
	require.EqualValues(t, 100, http.HTTP2.MaxConcurrentStreams, "a block changes nothing but what it names")
	require.Equal(t, 4712, args.Receiver.Endpoint.Server.GRPC.ListenPort)
	require.Equal(t, "127.0.0.1", args.Receiver.Endpoint.Server.GRPC.ListenAddress)

	require.Equal(t, TimestampArguments{
		Receiver: receiver.TimestampArguments{Sources: []string{"line", "cri"}, MaxFuture: time.Hour}, Zone: "Europe/Paris",
	}, args.Timestamp)
	require.Equal(t, &timestamp.Policy{
		Order: []timestamp.Source{timestamp.Line, timestamp.CRI}, MaxFuture: time.Hour,
	}, args.Timestamp.Receiver.Policy())
	zone, err := args.Timestamp.location()
	require.NoError(t, err)
	require.Equal(t, "Europe/Paris", zone.String())

	require.Equal(t, PartialLinesArguments{
		MaxWait: 2 * time.Second, MaxLineSize: 2 * units.MiB, MaxHeldSize: 4 * units.MiB,
	}, args.PartialLines)
	require.Equal(t, receiver.LimitsArguments{Endpoint: endpoint.LimitsArguments{
		BodySize: 10 * units.MiB, DecompressedBodySize: 20 * units.MiB, Records: 500, RecordSize: 3 * units.MiB,
		DeliverySize: 30 * units.MiB, ConcurrentSize: 100 * units.MiB,
		BodyTimeout: 20 * time.Second, DeliveryTimeout: 30 * time.Second,
	}, RememberedSources: 1000}, args.Receiver.Limits)
	require.EqualValues(t, 30*units.MiB, args.Receiver.Config().Firehose.Limits.DeliverySize)
	require.Equal(t, 30*time.Second, args.Receiver.Config().Firehose.DeliveryTimeout)
}

func TestArguments_Failure(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		_, err := rig.Decode[Arguments]("forward_to = []\n" + text)
		require.ErrorContains(t, err, want, text)
		require.NotContains(t, err.Error(), "s3cret", text)
	}
	// The server.
	f(`http { listen_port = 65536 }`, `http.listen_port must be between 0 and 65535, and is 65536`)
	f(`http { listen_port = -1 }`, `http.listen_port must be between 0 and 65535, and is -1`)
	f(`http { server_write_timeout = "50s" }`,
		`http.server_write_timeout must be longer than limits.delivery_timeout, 50s, and is 50s: the connection would be cut before the answer`)

	const halfTLS = `http.tls needs a certificate, cert_pem or cert_file, and a key, key_pem or key_file: without both the server would speak plain HTTP`
	f("http {\ntls {\ncert_file = \"/tls/cert\"\n}\n}", halfTLS)
	f("http {\ntls {\nkey_pem = \"s3cret\"\n}\n}", halfTLS)
	f("http {\ntls {\nmin_version = \"VersionTLS13\"\n}\n}", halfTLS)

	// Access keys, which no error tells.
	f(`access_key = ""`, `access key 0 is empty: set one, or remove it from the list`)
	f(`access_keys = ["s3cret", " "]`, `access key 1 is empty: set one, or remove it from the list`)
	f(`access_key = "s3cret\u0007"`, `access key 0 holds a control character, which no HTTP header can carry`)
	f(`access_key = "`+strings.Repeat("s3cret", 700)+`"`, `access key 0 has 4200 bytes and Firehose sends 4096 at most: set a shorter one`)

	f("key {\nname = \"a\"\naccess_key = \"\"\n}", `the access key of key "a" is empty: set one, or remove it from the list`)
	f("key {\nname = \"\"\naccess_key = \"s3cret\"\n}", `a key needs a name of 1 to 128 bytes of UTF-8`)
	f("access_key = \"s3cret\"\nkey {\nname = \"a\"\naccess_key = \"s3cret\"\n}", `the access key of key "a" is the same as access key 0`)

	// Labels and structured metadata.
	f(`labels = {"app.kubernetes.io/name" = "x"}`, `labels: "app.kubernetes.io/name" is no label name`)
	f(`labels = {__tenant_id__ = "x"}`, `labels: "__tenant_id__" is no label name`)
	f(`structured_metadata = {level = ""}`, `structured_metadata: entries have "level" by themselves: use another name`)
	f(`structured_metadata = {"1st" = "x"}`, `structured_metadata: "1st" is no label name`)

	// Times.
	f(`timestamp { sources = [] }`, `timestamp.sources must name at least one source: leave it out for the default`)
	f(`timestamp { sources = ["cri", "clock"] }`, `timestamp.sources: "clock" is no source: use cri, record, line, cloudwatch, firehose, now`)
	f(`timestamp { sources = ["none"] }`, `timestamp.sources: "none" is no source`)
	f(`timestamp { sources = ["line", "cri", "line"] }`, `timestamp.sources: "line" is listed twice`)
	f(`timestamp { zone = "Mars/Olympus" }`, `timestamp.zone: "Mars/Olympus" is not in the IANA time zone database: use a name such as "UTC" or "Europe/Paris"`)
	f(`timestamp { zone = "local" }`, `timestamp.zone must be a name of the IANA time zone database`)
	f(`timestamp { max_age = "-1s" }`, `timestamp.max_age and timestamp.max_future must not be negative: use "0s" for no bound`)
	f(`timestamp { max_future = "-1s" }`, `timestamp.max_age and timestamp.max_future must not be negative: use "0s" for no bound`)

	// Lines in pieces.
	f(`partial_lines { max_wait = "61s" }`, `partial_lines.max_wait must be between 0s and 1m0s, and is 1m1s`)
	f(`partial_lines { max_wait = "-1s" }`, `partial_lines.max_wait must be between 0s and 1m0s, and is -1s`)
	f(`partial_lines { max_line_size = "1023B" }`, `partial_lines.max_line_size must be between 1KiB and 256MiB, and is 1023B`)
	f(`partial_lines { max_line_size = "257MiB" }`, `partial_lines.max_line_size must be between 1KiB and 256MiB, and is 257MiB`)
	f(`partial_lines { max_held_size = "512KiB" }`, `partial_lines.max_held_size must be at least partial_lines.max_line_size, 1MiB, and is 512KiB`)

	// Limits.
	f(`limits { body_size = "1KiB" }`, `limits.body_size must be between 65536 and 1073741824, and is 1024`)
	f(`limits { decompressed_body_size = "2GiB" }`, `limits.decompressed_body_size must be between 65536 and 1073741824, and is 2147483648`)
	f(`limits { records = 0 }`, `limits.records must be between 1 and 1000000, and is 0`)
	f(`limits { record_size = "1B" }`, `limits.record_size must be between 1024 and 1073741824, and is 1`)
	f(`limits { delivery_size = "1KiB" }`, `limits.delivery_size must be between 65536 and`)
	f(`limits { concurrent_size = "1KiB" }`, `limits.concurrent_size must be between 65536 and`)
	f(`limits { delivery_size = "16MiB" }`, `limits.delivery_size must be at least limits.record_size, 33554432 bytes, and is 16777216`)
	f(`limits { concurrent_size = "200MiB" }`, `limits.concurrent_size must be at least 293601280 bytes`)
	f(`limits { body_timeout = "999ms" }`, `body_timeout and delivery_timeout must be at least 1s, and are 999ms and 50s`)
	f(`limits { delivery_timeout = "0s" }`, `body_timeout and delivery_timeout must be at least 1s, and are 1m0s and 0s`)
	f(`limits { delivery_timeout = "111s" }`, `body_timeout and delivery_timeout must not exceed 2m50s together, and are 2m51s`)
	f(`limits { remembered_sources = 99 }`, `limits.remembered_sources must be at least 100, and is 99`)
}

// Every part that is wrong is named, so that a configuration is mended in one go.
func TestArguments_AllErrorsAtOnce(t *testing.T) {
	_, err := rig.Decode[Arguments](`
		forward_to = []
		labels     = {"a-b" = "x"}
		timestamp {
			zone = "Nowhere"
		}
		limits {
			remembered_sources = 1
		}
	`)
	for _, part := range []string{"labels", "timestamp.zone", "limits.remembered_sources"} {
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
	f("forward_to = []\nlabel = {}", `unrecognized attribute name "label"`)
	f("forward_to = []\nlimit { }", `unrecognized block name "limit"`)
}

func TestArguments_DefaultsShareNothing(t *testing.T) {
	var a, b Arguments
	a.SetToDefault()
	b.SetToDefault()
	rig.RequireApart(t, &a, &b)
}

// A block of loki.source.awsfirehose moves over by a change of its name.
func TestArguments_OfLokiSource(t *testing.T) {
	const text = `
		forward_to             = []
		access_key             = "key"
		use_incoming_timestamp = true
		graceful_shutdown_timeout = "1m"
		http {
			listen_address = "127.0.0.1"
			listen_port    = 9999
			tls {
				cert_file = "/tls/cert"
				key_file  = "/tls/key"
			}
		}
		grpc {
			listen_port = 9998
		}
	`
	var theirs aws_firehose.Arguments
	require.NoError(t, syntax.Unmarshal([]byte(text), &theirs))
	ours, err := rig.Decode[Arguments](text)
	require.NoError(t, err)
	require.Equal(t, theirs.AccessKey, *ours.Receiver.Endpoint.AccessKey)
	require.Equal(t, theirs.UseIncomingTimestamp, ours.Receiver.UseIncomingTimestamp)
	server := ours.Receiver.Config().Server
	require.Equal(t, theirs.Server.HTTP.ListenPort, server.HTTP.ListenPort)
	require.Equal(t, theirs.Server.HTTP.TLSConfig, server.HTTP.TLSConfig)

	// Not only those above: whatever it takes, we take, by the same name and type.
	own := map[string]reflect.Type{}
	for _, a := range docpage.Arguments(reflect.TypeFor[Arguments]()) {
		own[a.Path()] = a.Type
	}
	for _, a := range docpage.Arguments(reflect.TypeFor[aws_firehose.Arguments]()) {
		of, path := a.Type, a.Path()
		if own[path] != nil && own[path].Kind() == reflect.Pointer && of.Kind() != reflect.Pointer {
			of = reflect.PointerTo(of) // Ours tells what is empty from what is absent.
		}
		require.Equal(t, of, own[path], path)
	}
}

func TestWantedLabels(t *testing.T) {
	var labelMap relabel.Config
	require.NoError(t, syntax.Unmarshal([]byte("action = \"labelmap\"\nregex = \"__meta_(.+)\""), &labelMap))
	f := func(rules relabel.Rules, wantAll bool) {
		t.Helper()
		var args Arguments
		args.Receiver = receiver.Arguments{
			Labels:             map[string]string{"unit": "__record_systemd_unit", "fixed": "x"},
			StructuredMetadata: map[string]string{"zone": "__record_az"},
			RelabelRules: append(relabel.Rules{
				{SourceLabels: []string{"__record_team", "__meta_kubernetes_pod_label_tier"}, TargetLabel: "team"},
			}, rules...),
			Endpoint: endpoint.Arguments{AccessKeys: []alloytypes.Secret{"__record_no"}},
		}
		opts := args.Receiver.StreamOptions(lokientry.Options{})
		require.Equal(t, map[string]bool{"systemd_unit": true, "az": true, "team": true}, recordKeys(&opts))
		wanted := wantedLabels(&opts)
		if wantAll {
			require.Nil(t, wanted)
			return
		}
		require.Contains(t, wanted, "__meta_kubernetes_pod_label_tier")
		require.Contains(t, wanted, "__meta_kubernetes_namespace", "for the default labels")
		require.NotContains(t, wanted, "__meta_kubernetes_pod_uid")
	}
	f(nil, false)
	f(relabel.Rules{&labelMap}, true)
}
