package metrics

import (
	"bytes"
	"testing"
	"time"

	"github.com/alecthomas/units"
	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/endpoint"
	"github.com/grafana/alloy/eks/internal/rig"
)

func gzipped(t *testing.T, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

func TestArguments_Success(t *testing.T) {
	args, err := rig.Decode[Arguments]("forward_to = []")
	require.NoError(t, err)
	var defaults Arguments
	defaults.SetToDefault()
	args.ForwardTo = nil
	require.Equal(t, defaults, args)

	args, err = rig.Decode[Arguments](`
		forward_to = []
		job = ""
		key {
			name = "a"
			access_key = "one"
			source_arns = ["arn:aws:firehose:*:111122223333:deliverystream/*"]
		}
		http { listen_port = 4711 }
		limits {
			record_size = "1MiB"
			remembered_metrics = 100
		}`)
	require.NoError(t, err)
	require.Empty(t, args.Job)
	require.Equal(t, 4711, args.Endpoint.Server.HTTP.ListenPort)
	require.Equal(t, 3*time.Minute, args.Endpoint.Server.HTTP.ServerWriteTimeout)
	require.Equal(t, 100, args.Limits.RememberedMetrics)
	want := endpoint.DefaultLimits()
	want.RecordSize = units.MiB
	require.Equal(t, want, args.Limits.Endpoint, "the others keep their defaults")
}

func TestArguments_Failure(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		_, err := rig.Decode[Arguments]("forward_to = []\n" + text)
		require.ErrorContains(t, err, want)
	}
	f(`access_key = ""`, "access key")
	f("key {\n name = \"a\"\n access_key = \"k\"\n tenant_id = \"t\"\n}", `key "a": tenant_id cannot be given to metrics`)
	f(`limits { remembered_metrics = 99 }`, "limits.remembered_metrics must be at least 100, and is 99")
	f(`limits { concurrent_size = "1MiB" }`, "limits.concurrent_size must be at least")
	f(`http { server_write_timeout = "10s" }`, "http.server_write_timeout must be longer")
	f(`relabel_rules = {}`, "relabel_rules")
	_, err := rig.Decode[Arguments]("")
	require.ErrorContains(t, err, "forward_to")
}
