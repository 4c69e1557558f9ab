package distribution

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/grafana/ckit/advertise"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/grafana/alloy/internal/featuregate"
)

// runFlags are the flags of `alloy run`. Names and defaults are upstream's, so that the arguments of a Deployment, a unit file or the Helm chart need no change.
type runFlags struct {
	http    httpFlags
	cluster clusterFlags
	config  configFlags
	feature featureFlags

	storagePath      string
	enableReporting  bool
	disableReporting bool
	shutdownDeadline time.Duration
	directFanout     bool
}

type httpFlags struct {
	listenAddr           string
	memoryAddr           string
	uiPrefix             string
	enablePprof          bool
	disableSupportBundle bool
}

type clusterFlags struct {
	enabled             bool
	name                string
	nodeName            string
	advertiseAddr       string
	advertiseInterfaces []string
	joinAddrs           string
	discoverPeers       string
	rejoinInterval      time.Duration
	maxJoinPeers        int
	waitForSize         int
	waitTimeout         time.Duration
	tls                 clusterTLSFlags
}

type clusterTLSFlags struct {
	enabled    bool
	caPath     string
	certPath   string
	keyPath    string
	serverName string
}

// nativeFormat is the one value that --config.format may have here.
const nativeFormat = "alloy"

// configFlags are common to `run` and `validate`.
type configFlags struct {
	format                 string
	bypassConversionErrors bool
	extraArgs              string
}

// featureFlags are common to `run` and `validate`: which of the compiled-in components a configuration may use.
type featureFlags struct {
	minStability featuregate.Stability
	community    bool
}

// register adds all flags of `run` to cmd and sets f to their defaults.
func (f *runFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	f.http.register(flags)
	f.cluster.register(flags)
	f.config.register(flags)
	f.feature.register(flags)

	flags.StringVar(&f.storagePath, "storage.path", "data-alloy/", "Directory that components keep their state in")
	flags.DurationVar(&f.shutdownDeadline, "feature.component-shutdown-deadline", 10*time.Minute,
		"How long a stopping component is waited for before it is given up and an error is logged")
	flags.BoolVar(&f.directFanout, "feature.prometheus.direct-fanout.enabled", false,
		"Forward metrics without the global label store; needs --stability.level=experimental")

	flags.BoolVar(&f.enableReporting, "enable-reporting", false,
		"Send the names of the components in use to Grafana Labs. This distribution reports nothing without this flag")
	flags.BoolVar(&f.disableReporting, "disable-reporting", false,
		"Accepted for command lines written for Grafana Alloy; reporting is off anyway")
	cmd.MarkFlagsMutuallyExclusive("enable-reporting", "disable-reporting")

	ignoreFlag(flags, "cluster.use-discovery-v1")
	ignoreFlag(flags, "feature.prometheus.metric-validation-scheme")
}

func (f *httpFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.listenAddr, "server.http.listen-addr", "127.0.0.1:12345", "Address of the HTTP server")
	flags.StringVar(&f.memoryAddr, "server.http.memory-addr", "alloy.internal:12345",
		"Name under which the HTTP server is reached inside the process; change it if it is the name of a real host")
	flags.StringVar(&f.uiPrefix, "server.http.ui-path-prefix", "/", "Path that the web UI and its API are served below")
	flags.BoolVar(&f.enablePprof, "server.http.enable-pprof", true, "Serve Go profiles below /debug/pprof")
	flags.BoolVar(&f.disableSupportBundle, "server.http.disable-support-bundle", false, "Refuse to make support bundles at /-/support")
}

func (f *clusterFlags) register(flags *pflag.FlagSet) {
	flags.BoolVar(&f.enabled, "cluster.enabled", false, "Share work with other instances")
	flags.StringVar(&f.name, "cluster.name", "", "Name of the cluster; instances with other names are refused")
	flags.StringVar(&f.nodeName, "cluster.node-name", "", "Name of this instance in the cluster (default: the host name)")
	flags.StringVar(&f.advertiseAddr, "cluster.advertise-address", "", "Address at which the other instances reach this one")
	flags.StringSliceVar(&f.advertiseInterfaces, "cluster.advertise-interfaces", advertise.DefaultInterfaces,
		"Network interfaces, or \"all\", to take the address from when --cluster.advertise-address is not set")
	flags.StringVar(&f.joinAddrs, "cluster.join-addresses", "", "Addresses of instances to join, separated by commas")
	flags.StringVar(&f.discoverPeers, "cluster.discover-peers", "", "How to find instances to join, as key=value pairs of go-discover")
	flags.DurationVar(&f.rejoinInterval, "cluster.rejoin-interval", 60*time.Second, "How often the list of instances to join is read again")
	flags.IntVar(&f.maxJoinPeers, "cluster.max-join-peers", 5, "How many of the instances found are joined")
	flags.IntVar(&f.waitForSize, "cluster.wait-for-size", 0,
		"Number of instances to wait for before components that share work start (0: do not wait)")
	flags.DurationVar(&f.waitTimeout, "cluster.wait-timeout", 0, "How long to wait for them (0: for ever)")
	flags.BoolVar(&f.tls.enabled, "cluster.enable-tls", false, "Use TLS between instances")
	flags.StringVar(&f.tls.caPath, "cluster.tls-ca-path", "", "File with the certificate authority of the instances")
	flags.StringVar(&f.tls.certPath, "cluster.tls-cert-path", "", "File with the certificate of this instance")
	flags.StringVar(&f.tls.keyPath, "cluster.tls-key-path", "", "File with the key of this instance's certificate")
	flags.StringVar(&f.tls.serverName, "cluster.tls-server-name", "", "Name to expect in the certificates of the other instances")
}

func (f *configFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.format, "config.format", nativeFormat, "Format of the configuration; this distribution reads alloy only")
	flags.BoolVar(&f.bypassConversionErrors, "config.bypass-conversion-errors", false, "Accepted for command lines written for Grafana Alloy; nothing is converted here")
	flags.StringVar(&f.extraArgs, "config.extra-args", "", "Accepted for command lines written for Grafana Alloy; nothing is converted here")
}

func (f *featureFlags) register(flags *pflag.FlagSet) {
	f.minStability = featuregate.StabilityGenerallyAvailable
	flags.Var(&f.minStability, "stability.level",
		fmt.Sprintf("Least stability that a component or feature must have to be used: %s", strings.Join(featuregate.AllowedValues(), ", ")))
	flags.BoolVar(&f.community, "feature.community-components.enabled", false, "Permit components that are maintained by the community")
}

// ignoreFlag accepts a flag that upstream has retired and still accepts.
func ignoreFlag(flags *pflag.FlagSet, name string) {
	flags.Bool(name, false, "")
	if err := flags.MarkDeprecated(name, "it has no effect any more."); err != nil {
		panic("BUG: " + err.Error())
	}
}

// check returns an error for a combination of flags that cannot work. Whatever concerns one flag alone is checked where it is used.
func (f *runFlags) check() error {
	if f.directFanout && !f.feature.minStability.Permits(featuregate.StabilityExperimental) {
		return errors.New("cannot use --feature.prometheus.direct-fanout.enabled without --stability.level=experimental")
	}
	return f.config.check()
}

// check returns an error for a configuration that would have to be converted. Alloy's converters import most of its components, so they are not linked.
func (f *configFlags) check() error {
	if f.format == nativeFormat {
		return nil
	}
	return fmt.Errorf("cannot read a configuration of format %q, this distribution has no converters: convert the file once with Grafana Alloy's own binary, "+
		"`alloy convert --source-format=%s --output=config.alloy FILE`, and use the result", f.format, f.format)
}
