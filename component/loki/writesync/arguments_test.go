package writesync

import (
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/component/loki/write"
	"github.com/grafana/alloy/internal/featuregate"
	"github.com/grafana/alloy/syntax"

	"github.com/grafana/alloy/eks/internal/lokipush"
)

// A block of loki.write is one of loki.write_sync.
func TestArguments_OfLokiWrite(t *testing.T) {
	f := func(text string) {
		t.Helper()
		var theirs write.Arguments
		require.NoError(t, syntax.Unmarshal([]byte(text), &theirs))
		ours, err := decodeArguments(text)
		require.NoError(t, err)
		var endpoints []write.EndpointOptions
		for _, e := range ours.Endpoints {
			endpoints = append(endpoints, write.EndpointOptions(e))
		}
		require.Equal(t, theirs.Endpoints, endpoints)
		require.Equal(t, theirs.ExternalLabels, ours.ExternalLabels)
		require.Equal(t, theirs.MaxStreams, ours.MaxStreams)
	}
	f(`endpoint { url = "http://loki/push" }`)
	f(`
		endpoint {
			name                = "a"
			url                 = "https://user:pass@loki/loki/api/v1/push"
			batch_wait          = "2s"
			batch_size          = "2MiB"
			remote_timeout      = "3s"
			headers             = {a = "b"}
			min_backoff_period  = "1s"
			max_backoff_period  = "2s"
			max_backoff_retries = 3
			tenant_id           = "t"
			retry_on_http_429   = false
			bearer_token        = "s3cret"
			proxy_url           = "http://proxy:3128"
			follow_redirects    = false
			enable_http2        = false
			tls_config { insecure_skip_verify = true }
			queue_config { capacity = "1MiB" }
		}
		endpoint {
			url = "http://loki/push"
			basic_auth {
				username = "u"
				password = "p"
			}
		}
		external_labels = {cluster = "c"}
		max_streams     = 7
		wal { enabled = false }
	`)
}

func TestArguments_Failure(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		_, err := decodeArguments(text)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "s3cret")
	}
	const good = `endpoint { url = "http://loki/push" }` + "\n"
	f(``, `missing required block "endpoint"`)
	f(`endpoint { }`, `missing required attribute "url"`)
	f(`endpoint { url = "http://user:s3cret%zz@loki" }`, "url is not that of a push endpoint")
	f(`endpoint { url = "loki:3100" }`, "url is not that of a push endpoint")
	f(`endpoint { url = "ftp://user:s3cret@loki" }`, "url is not that of a push endpoint")
	f(`endpoint { url = "" }`, "url is not that of a push endpoint")
	f("endpoint {\n url = \"http://loki\"\n batch_size = \"0B\"\n}", "batch_size must be positive")
	f("endpoint {\n url = \"http://loki\"\n remote_timeout = \"0s\"\n}", "remote_timeout must be positive")
	f("endpoint {\n url = \"http://loki\"\n bearer_token = \"s3cret\"\n bearer_token_file = \"x\"\n}", "at most one of")
	f(good+good+"endpoint {\n url = \"http://loki\"\n name = \"1\"\n}", `two endpoints have the name "1"`)
	f(good+`max_concurrent_pushes = 0`, "max_concurrent_pushes must be between 1 and 64")
	f(good+`max_concurrent_pushes = 65`, "max_concurrent_pushes must be between 1 and 64")
	f(good+`wal { enabled = true }`, "nothing to log ahead")
}

func TestArguments_QueueConfigIsExperimental(t *testing.T) {
	f := func(stability featuregate.Stability, text, want string) {
		t.Helper()
		args, err := decodeArguments(text)
		require.NoError(t, err)
		_, err = New(component.Options{
			ID: Name, Logger: log.NewNopLogger(), Registerer: prometheus.NewRegistry(), MinStability: stability, OnStateChange: func(component.Exports) {},
		}, args)
		if want == "" {
			require.NoError(t, err)
			return
		}
		require.ErrorContains(t, err, want)
	}
	const changed = "endpoint {\n url = \"http://loki\"\n queue_config {\n capacity = \"1MiB\"\n}\n}"
	f(featuregate.StabilityGenerallyAvailable, `endpoint { url = "http://loki" }`, "")
	f(featuregate.StabilityGenerallyAvailable, changed, "queue_config requires")
	f(featuregate.StabilityExperimental, changed, "")
}

func TestArguments_Endpoints(t *testing.T) {
	args, err := decodeArguments(`
		endpoint {
			url            = "https://loki/push"
			batch_size     = "2KiB"
			remote_timeout = "3s"
			tenant_id      = "t"
			headers        = {a = "b"}
		}
		endpoint {
			url               = "https://other/push"
			name              = "second"
			retry_on_http_429 = false
		}
		max_streams           = 7
		max_concurrent_pushes = 3
	`)
	require.NoError(t, err)
	configs := args.endpoints()
	require.Len(t, configs, 2)
	first, second := configs[0], configs[1]
	require.Equal(t, "0", first.Name)
	require.Equal(t, "https://loki/push", first.URL.String())
	require.Equal(t, 2048, first.BatchSize)
	require.Equal(t, 3*time.Second, first.Timeout)
	require.Equal(t, "t", first.TenantID)
	require.Equal(t, "b", first.Headers["a"])
	require.NotEmpty(t, first.Headers["X-Alloy-Id"])
	require.Equal(t, first.Headers["X-Agent-Id"], first.Headers["X-Alloy-Id"])
	require.Equal(t, map[string]string{"a": "b"}, args.Endpoints[0].Headers, "arguments are not changed")
	require.True(t, first.RetryRateLimited)
	require.Equal(t, 10, first.Backoff.MaxRetries)
	for _, c := range []lokipush.Config{first, second} {
		require.Equal(t, 7, c.MaxStreams)
		require.Equal(t, 3, c.Concurrency)
	}
	require.Equal(t, "second", second.Name)
	require.False(t, second.RetryRateLimited)
}

func TestArguments_Shape(t *testing.T) {
	args, err := decodeArguments(`
		endpoint {
			url        = "http://a"
			batch_wait = "3s"
			batch_size = "2MiB"
		}
		endpoint {
			url        = "http://b"
			batch_wait = "2s"
			queue_config {
				capacity          = "7MiB"
				min_shards        = 3
				drain_timeout     = "1m"
				block_on_overflow = false
			}
		}
	`)
	require.NoError(t, err)
	require.Equal(t, shape{wait: 2 * time.Second, size: 2 << 20, capacity: 7, shards: 3, drain: time.Minute}, args.shape())
}
