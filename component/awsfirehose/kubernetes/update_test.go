package kubernetes

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/component/common/loki"
	fnet "github.com/grafana/alloy/internal/component/common/net"
	"github.com/grafana/alloy/syntax/alloytypes"

	"github.com/grafana/alloy/eks/internal/rig"
	"github.com/grafana/alloy/eks/internal/standin"
	"github.com/grafana/alloy/eks/internal/traffic"
)

// generated is a source of n generated records.
type generated struct {
	*traffic.Generator
	n      int
	record []byte
	events int
}

func newGenerated(t testing.TB, n int) *generated {
	t.Helper()
	return &generated{Generator: newTraffic(t, 20), n: n}
}

func newTraffic(t testing.TB, pods int) *traffic.Generator {
	t.Helper()
	g, err := traffic.New(traffic.Options{Seed: 1, Pods: pods})
	require.NoError(t, err)
	return g
}

func (g *generated) Next() bool {
	if g.n--; g.n < 0 {
		return false
	}
	var events []traffic.Event
	g.record, events = g.Generator.Next(g.record[:0])
	g.events += len(events)
	return true
}
func (g *generated) Record() []byte { return g.record }
func (g *generated) Err() error     { return nil }

// watchedConn counts when the other side ends the connection.
type watchedConn struct {
	net.Conn
	cut *atomic.Int64
}

// Read implements io.Reader.
func (c watchedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil && !errors.Is(err, net.ErrClosed) {
		c.cut.Add(1)
	}
	return n, err
}

// An update that leaves the server's own part alone keeps every connection and
// refuses no delivery, however often it comes.
func TestUpdate_UnderLoad(t *testing.T) {
	r := newRig(t, rig.AnyAge+`access_key = "key"`, nil)
	var cut atomic.Int64
	transport := &http.Transport{
		MaxIdleConnsPerHost: 4,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			return watchedConn{conn, &cut}, err
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	before := r.Info().Endpoint.Address
	stream, err := standin.NewStream(
		r.Sender(standin.Options{AccessKey: "key", Transport: transport, Connections: 4}),
		standin.StreamOptions{BufferRecords: 10, Connections: 4})
	require.NoError(t, err)

	const records = 3000
	src := newGenerated(t, records)
	ended := make(chan error, 1)
	go func() { ended <- stream.Run(t.Context(), src) }()

	updates := 0
	variants := []string{
		`access_key = "key"`,
		`access_keys = ["other", "key"]`,
		`cluster = "prod"`,
		`labels = {pod = "__meta_kubernetes_pod_name"}`,
		`limits { remembered_sources = 500 }`,
		`partial_lines { max_wait = "1s" }`,
	}
	for running := true; running; updates++ {
		r.Configure(rig.AnyAge + variants[updates%len(variants)])
		select {
		case err := <-ended:
			require.NoError(t, err)
			running = false
		default:
		}
	}
	require.Greater(t, updates, len(variants))

	sum := stream.Summary()
	require.True(t, sum.AllAccepted(), sum)
	require.Equal(t, records, sum.RecordOutcomes[standin.Accepted])
	require.Equal(t, sum.Deliveries, sum.Attempts, "nothing was refused: %+v", sum)
	require.Equal(t, before, r.Info().Endpoint.Address)
	require.Zero(t, cut.Load(), "the server has kept every connection")

	seen := map[uint64]int{}
	for _, e := range r.Entries(src.events) {
		n, ok := traffic.Sequence(e.Line)
		require.True(t, ok, e.Line)
		seen[n]++
	}
	require.Len(t, seen, src.events, "every line came, and came once")
}

func TestUpdate_NewPort(t *testing.T) {
	r := newRig(t, ``, nil)
	require.Equal(t, 200, r.Deliver([]string{"one"}).Status)
	before := r.Info().Endpoint.Address
	// A port that is free, for a moment at least.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	require.NoError(t, listener.Close())

	r.Configure(`http { listen_port = ` + port + ` }`)
	require.Equal(t, "127.0.0.1:"+port, r.Info().Endpoint.Address)
	require.Equal(t, 200, r.Deliver([]string{"two"}).Status)
	_, err = net.Dial("tcp", before)
	require.Error(t, err, "the old port is closed")
	r.Entries(2)

	// The server's metrics are the new server's, and registered once.
	require.EqualValues(t, 1, r.Metric("request_duration_seconds", "method", "POST"))
}

func TestNew_CannotListen(t *testing.T) {
	port, _ := rig.OccupiedPort(t)
	args, err := rig.Decode[Arguments]("forward_to = []\nhttp {\nlisten_address = \"127.0.0.1\"\nlisten_port = " + strconv.Itoa(port) + "\n}")
	require.NoError(t, err)
	_, err = New(component.Options{Logger: log.NewNopLogger(), Registerer: prometheus.NewRegistry()}, args)
	require.ErrorContains(t, err, "cannot listen on 127.0.0.1:"+strconv.Itoa(port)+" (argument http): ")
	require.ErrorContains(t, err, "address already in use")
}

func TestUpdate_CannotListen(t *testing.T) {
	r := newRig(t, ``, nil)
	port, free := rig.OccupiedPort(t)
	args := r.Arguments(`http { listen_port = ` + strconv.Itoa(port) + ` }`)

	require.ErrorContains(t, r.Update(args), "cannot listen on 127.0.0.1:"+strconv.Itoa(port)+" (argument http): ")
	require.Empty(t, r.Info().Endpoint.Address)
	require.ErrorContains(t, r.Update(args), "address already in use", "it is tried again")

	// The same arguments do once the port is free.
	free()
	require.NoError(t, r.Update(args))
	require.Equal(t, 200, r.Deliver([]string{"one"}).Status)
	r.Entries(1)
}

// What keeps the server from starting, though its port is free, leaves the port
// free.
func TestUpdate_MendsOtherParts(t *testing.T) {
	f := func(spoil func(*Arguments), want string) {
		t.Helper()
		r := newRig(t, ``, nil)
		port, free := rig.OccupiedPort(t)
		free()
		good := `http { listen_port = ` + strconv.Itoa(port) + ` }`
		args := r.Arguments(good)
		spoil(&args)
		require.ErrorContains(t, r.Update(args), want)
		r.Eventually(func() bool { return r.Update(r.Arguments(good)) == nil }, "the port is free")
		require.Equal(t, 200, r.Deliver([]string{"one"}).Status)
	}
	taken, _ := rig.OccupiedPort(t)
	f(func(a *Arguments) { a.Receiver.Endpoint.Server.GRPC.ListenPort = taken }, "address already in use")
	f(func(a *Arguments) {
		a.Receiver.Endpoint.Server.HTTP.TLSConfig = &fnet.TLSConfig{Cert: "no certificate", Key: "no key"}
	}, "error generating http tls config")
}

// Entries go to the receivers of the configuration that is in force.
func TestUpdate_ForwardTo(t *testing.T) {
	r := newRig(t, ``, nil)
	other := loki.NewCollectingHandler()
	t.Cleanup(other.Stop)
	args := r.Arguments(``)
	args.Receiver.ForwardTo = []loki.LogsReceiver{other.Receiver()}
	require.NoError(t, r.Update(args))
	require.Equal(t, 200, r.Deliver([]string{"one"}).Status)
	require.Empty(t, r.Sink.Received())
	r.Eventually(func() bool { return len(other.Received()) == 1 }, "the entry")

	// To both, and to none.
	args.Receiver.ForwardTo = append(args.Receiver.ForwardTo, r.Sink.Receiver())
	require.NoError(t, r.Update(args))
	require.Equal(t, 200, r.Deliver([]string{"two"}).Status)
	r.Entries(1)
	r.Eventually(func() bool { return len(other.Received()) == 2 }, "the entry")
	args.Receiver.ForwardTo = nil
	require.NoError(t, r.Update(args))
	require.Equal(t, 200, r.Deliver([]string{"three"}).Status)
}

// An update that is refused leaves what is in force as it is.
func TestUpdate_Refused(t *testing.T) {
	r := newRig(t, `access_key = "key"`, nil)
	args := r.Arguments(``)
	args.Receiver.Limits.RememberedSources = -1
	require.ErrorContains(t, r.Update(args), "limits.remembered_sources")
	args = r.Arguments(``)
	args.Receiver.Endpoint.AccessKeys = []alloytypes.Secret{" "}
	require.ErrorContains(t, r.Update(args), "access key 0 is empty")
	require.Equal(t, 401, r.Deliver([]string{"x"}).Status)
	require.Equal(t, 200, r.Deliver([]string{"x"}, "X-Amz-Firehose-Access-Key", "key").Status)
}

// A delivery that is under way when the receivers change ends with those that it
// began with.
func TestUpdate_WaitsForDeliveries(t *testing.T) {
	r := newRig(t, ``, func(r *testRig, _ *component.Options) { r.Receiver = loki.NewLogsReceiver() })
	slow := r.Receiver.Chan()
	answered := make(chan rig.Answer, 1)
	go func() {
		a, _ := r.TryPost(rig.Body("one", "two"))
		answered <- a
	}()
	require.Equal(t, "one", (<-slow).Line)

	r.Receiver = r.Sink.Receiver()
	updated := make(chan error, 1)
	args := r.Arguments(``)
	go func() { updated <- r.Update(args) }()
	select {
	case <-updated:
		t.Fatal("the update did not wait")
	case e := <-slow:
		require.Equal(t, "two", e.Line)
	case <-time.After(rig.Patience):
		t.Fatal("the delivery did not go on")
	}
	require.Equal(t, 200, (<-answered).Status)
	require.NoError(t, <-updated)
	require.Equal(t, 200, r.Deliver([]string{"three"}).Status)
	require.Equal(t, "three", r.Entries(1)[0].Line)
}
