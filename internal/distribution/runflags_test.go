package distribution

import (
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

// The flags of upstream's `alloy run` v1.15.1 on Linux, with their defaults.
var upstreamRunFlags = map[string]string{
	"cluster.advertise-address":                   "",
	"cluster.advertise-interfaces":                "[eth0,en0]",
	"cluster.discover-peers":                      "",
	"cluster.enable-tls":                          "false",
	"cluster.enabled":                             "false",
	"cluster.join-addresses":                      "",
	"cluster.max-join-peers":                      "5",
	"cluster.name":                                "",
	"cluster.node-name":                           "",
	"cluster.rejoin-interval":                     "1m0s",
	"cluster.tls-ca-path":                         "",
	"cluster.tls-cert-path":                       "",
	"cluster.tls-key-path":                        "",
	"cluster.tls-server-name":                     "",
	"cluster.use-discovery-v1":                    "false",
	"cluster.wait-for-size":                       "0",
	"cluster.wait-timeout":                        "0s",
	"config.bypass-conversion-errors":             "false",
	"config.extra-args":                           "",
	"config.format":                               "alloy",
	"disable-reporting":                           "false",
	"feature.community-components.enabled":        "false",
	"feature.component-shutdown-deadline":         "10m0s",
	"feature.prometheus.direct-fanout.enabled":    "false",
	"feature.prometheus.metric-validation-scheme": "false",
	"server.http.disable-support-bundle":          "false",
	"server.http.enable-pprof":                    "true",
	"server.http.listen-addr":                     "127.0.0.1:12345",
	"server.http.memory-addr":                     "alloy.internal:12345",
	"server.http.ui-path-prefix":                  "/",
	"stability.level":                             `"generally-available"`,
	"storage.path":                                "data-alloy/",
}

// Those of upstream's `alloy validate`.
var upstreamValidateFlags = map[string]string{
	"config.bypass-conversion-errors":      "false",
	"config.extra-args":                    "",
	"config.format":                        "alloy",
	"feature.community-components.enabled": "false",
	"stability.level":                      `"generally-available"`,
}

// Those of upstream's `alloy fmt`.
var upstreamFormatFlags = map[string]string{
	"test":  "false",
	"write": "false",
}

func TestFlags_AreUpstreams(t *testing.T) {
	f := func(cmd *cobra.Command, want map[string]string, ownFlags ...string) {
		t.Helper()
		got := make(map[string]string)
		cmd.Flags().VisitAll(func(f *pflag.Flag) { got[f.Name] = f.DefValue })
		for _, name := range ownFlags {
			require.Contains(t, got, name)
			delete(got, name)
		}
		require.Equal(t, want, got)
	}
	f(runCommand(), upstreamRunFlags, "enable-reporting")
	f(validateCommand(), upstreamValidateFlags)
	f(formatCommand(), upstreamFormatFlags)
}

// What the chart grafana/alloy passes to its container with all of its switches on, and what users of it commonly add.
func TestRunFlags_OfTheChart(t *testing.T) {
	cmd := runCommand()
	require.NoError(t, cmd.ParseFlags([]string{
		"--storage.path=/tmp/alloy",
		"--server.http.listen-addr=0.0.0.0:12345",
		"--server.http.ui-path-prefix=/",
		"--disable-reporting",
		"--cluster.enabled=true",
		"--cluster.join-addresses=alloy-cluster",
		"--cluster.name=logs",
		"--stability.level=public-preview",
		"--feature.community-components.enabled",
		"--feature.prometheus.metric-validation-scheme=true",
		"--cluster.use-discovery-v1",
	}))
	require.NoError(t, cmd.ValidateFlagGroups())
}

func TestRunFlags_Failure(t *testing.T) {
	f := func(want string, args ...string) {
		t.Helper()
		_, _, err := execute(t, nil, append([]string{"run", "no-such-file.alloy"}, args...)...)
		require.ErrorContains(t, err, want)
	}
	f(`invalid stability level "golden"`, "--stability.level=golden")
	f("needs", "--server.http.listen-addr")
	f("unknown flag: --server.http.listen-address", "--server.http.listen-address=:80")
	f("[disable-reporting enable-reporting] were all set", "--enable-reporting", "--disable-reporting")
	f("without --stability.level=experimental", "--feature.prometheus.direct-fanout.enabled")
	f("without --stability.level=experimental", "--feature.prometheus.direct-fanout.enabled", "--stability.level=public-preview")
	f("alloy convert --source-format=promtail", "--config.format=promtail")
}
