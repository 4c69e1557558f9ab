package ekscontrolplane

import (
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/component/common/loki"

	"github.com/grafana/alloy/eks/internal/rig"
)

// The server comes and goes with its block. Entries of other components are taken
// all the time, by the same receiver.
func TestUpdate_Server(t *testing.T) {
	exports := 0
	r := newRig(t, rig.AnyAge, func(r *testRig, opts *component.Options) {
		keep := opts.OnStateChange
		opts.OnStateChange = func(e component.Exports) {
			exports++
			keep(e)
		}
	})
	taken := func(listens bool) {
		t.Helper()
		give(r, entry(nil, schedulerLine))
		r.Entries(1)
		require.Equal(t, listens, r.Info().Endpoint.Address != "")
		if listens {
			require.Equal(t, 200, r.Deliver([]string{record(t, message("kube-scheduler-", schedulerLine))}).Status)
			r.Entries(1)
		}
	}
	receiver := exported(r)
	taken(false)
	r.Configure(listening)
	taken(true)
	before := r.Info().Endpoint.Address
	r.Configure(listening + `line_format = "json"`)
	require.Equal(t, before, r.Info().Endpoint.Address)
	taken(true)
	r.Configure(rig.AnyAge)
	taken(false)
	_, err := net.Dial("tcp", before)
	require.Error(t, err)
	r.Configure(listening)
	taken(true)
	require.Same(t, receiver, exported(r))
	require.Equal(t, 1, exports)
	// The server's own metrics are the new server's, and registered once.
	require.EqualValues(t, 1, r.Metric("request_duration_seconds", "method", "POST"))
}

// What is remembered of log streams outlives an update that does not concern it,
// and its bound follows the argument.
func TestUpdate_RememberedSources(t *testing.T) {
	r := newRig(t, listening, nil)
	f := func(text string, before int) {
		t.Helper()
		r.Configure(listening + text)
		require.EqualValues(t, before, r.Metric("remembered_sources"))
		require.Equal(t, 200, r.Deliver([]string{record(t, message("kube-scheduler-", schedulerLine))}).Status)
		r.Entries(1)
		require.EqualValues(t, 1, r.Metric("remembered_sources"))
	}
	f(``, 0)
	f(`line_format = "json"`, 1)
	f(`labels = {team = "x"}`, 1)
	f(`limits { remembered_sources = 500 }`, 0)
	f("limits { remembered_sources = 500 }\nfields = []", 1)
	// Another pattern finds other clusters for the same streams.
	f("limits { remembered_sources = 500 }\ncluster_pattern = \"^/aws/(.*)\"", 0)
	require.Equal(t, 200, r.Deliver([]string{record(t, message("kube-scheduler-", schedulerLine))}).Status)
	require.Equal(t, "eks/prod/cluster", rig.Labels(r.Entries(1)[0])["cluster"])
}

// An update that is refused leaves what is in force as it is.
func TestUpdate_Refused(t *testing.T) {
	r := newRig(t, listening+`access_key = "key"`, nil)
	f := func(spoil func(*Arguments), want string) {
		t.Helper()
		args := r.Arguments(listening)
		spoil(&args)
		require.ErrorContains(t, r.Update(args), want)
		lines := []string{record(t, message("kube-scheduler-", schedulerLine))}
		require.Equal(t, 401, r.Deliver(lines).Status)
		require.Equal(t, 200, r.Deliver(lines, "X-Amz-Firehose-Access-Key", "key").Status)
		r.Entries(1)
	}
	f(func(a *Arguments) { a.Receiver.Limits.RememberedSources = -1 }, "cannot remember -1 sources (argument limits.remembered_sources)")
	f(func(a *Arguments) { a.ClusterPattern = "(" }, "cluster_pattern must be a regular expression")
	f(func(a *Arguments) { a.Receiver.Limits.Endpoint.DeliveryTimeout = time.Hour }, "body_timeout and delivery_timeout")
}

func TestNew_CannotListen(t *testing.T) {
	port, _ := rig.OccupiedPort(t)
	args, err := rig.Decode[Arguments]("forward_to = []\nhttp {\nlisten_address = \"127.0.0.1\"\nlisten_port = " + strconv.Itoa(port) + "\n}")
	require.NoError(t, err)
	_, err = New(component.Options{Logger: log.NewNopLogger(), Registerer: prometheus.NewRegistry()}, args)
	require.ErrorContains(t, err, "cannot listen on 127.0.0.1:"+strconv.Itoa(port)+" (argument http): ")
}

// Entries go to the receivers of the configuration that is in force.
func TestUpdate_ForwardTo(t *testing.T) {
	r := newRig(t, rig.AnyAge, nil)
	other := loki.NewCollectingHandler()
	t.Cleanup(other.Stop)
	args := r.Arguments(rig.AnyAge)
	args.Receiver.ForwardTo = []loki.LogsReceiver{other.Receiver(), r.Receiver}
	require.NoError(t, r.Update(args))
	give(r, entry(nil, schedulerLine))
	r.Entries(1)
	r.Eventually(func() bool { return len(other.Received()) == 1 }, "the other receiver has it too")
}
