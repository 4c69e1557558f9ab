package endpoint

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/grafana/alloy/internal/component"
	fnet "github.com/grafana/alloy/internal/component/common/net"
	"github.com/grafana/alloy/syntax/encoding/alloyjson"

	"github.com/grafana/alloy/eks/internal/firehose"
	"github.com/grafana/alloy/eks/internal/record"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// patience bounds the wait for what takes milliseconds unless it is broken, on a
// machine that is busy with other things.
const patience = 30 * time.Second

// delivererFunc is a firehose.Deliverer.
type delivererFunc func(context.Context, *firehose.Delivery) error

func (f delivererFunc) Deliver(ctx context.Context, d *firehose.Delivery) error { return f(ctx, d) }

func loopback() *fnet.ServerConfig {
	server := fnet.DefaultServerConfig()
	server.HTTP.ListenAddress, server.HTTP.ListenPort = "127.0.0.1", 0
	server.GRPC.ListenAddress = "127.0.0.1"
	return server
}

// start returns an endpoint that listens until the test ends.
func start(t *testing.T, d firehose.Deliverer) (*Endpoint, *prometheus.Registry) {
	t.Helper()
	registry := prometheus.NewRegistry()
	e := New(component.Options{Logger: log.NewNopLogger(), Registerer: registry}, "test", d)
	t.Cleanup(e.Stop)
	require.NoError(t, e.Update(loopback(), firehose.DefaultConfig()))
	return e, registry
}

// post makes a delivery of records, which are the JSON of envelopes' records, and
// returns the status and the message of the answer.
func post(t *testing.T, e *Endpoint, records ...string) (int, string) {
	t.Helper()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	body := fmt.Sprintf(`{"requestId":"request","timestamp":1,"records":[%s]}`, strings.Join(records, ","))
	resp, err := client.Post("http://"+e.Address()+"/", "application/json", strings.NewReader(body))
	require.NoError(t, err)
	defer resp.Body.Close()
	var answer struct{ ErrorMessage string }
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
	return resp.StatusCode, answer.ErrorMessage
}

func encoded(text string) string {
	return `{"data":"` + base64.StdEncoding.EncodeToString([]byte(text)) + `"}`
}

// What a stop cuts short is kept by Firehose, and nothing listens afterwards.
func TestEndpoint_Stop(t *testing.T) {
	under := make(chan struct{})
	e, registry := start(t, delivererFunc(func(ctx context.Context, _ *firehose.Delivery) error {
		close(under)
		<-ctx.Done()
		return ctx.Err()
	}))
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-under
		e.Stop()
	}()
	status, message := post(t, e, encoded("one"))
	require.Equal(t, 503, status)
	require.Equal(t, "the receiver is stopping, try again", message)
	<-stopped
	require.EqualValues(t, 1, testutil.ToFloat64(e.metrics.deliveries.WithLabelValues("503", "shutdown")))
	require.Empty(t, e.Address())
	require.NoError(t, e.Update(loopback(), firehose.DefaultConfig()))
	require.Empty(t, e.Address(), "it was for good")
	_, err := registry.Gather()
	require.NoError(t, err)
}

// A deliverer's own word about a refusal is what the sender hears.
func TestEndpoint_Refusal(t *testing.T) {
	f := func(failure error, want int, message string) {
		t.Helper()
		e, _ := start(t, delivererFunc(func(context.Context, *firehose.Delivery) error { return failure }))
		status, got := post(t, e, encoded("one"))
		require.Equal(t, want, status)
		require.Equal(t, message, got)
		require.Eventually(t, func() bool {
			return strings.Contains(e.Status().LastRefusal, fmt.Sprint(want))
		}, patience, 5*time.Millisecond, "a delivery is counted when it has been answered")
	}
	f(errors.New("no room"), 503, "the records could not be handed over, try again")
	f(&firehose.Error{Status: 400, Reason: firehose.ReasonDeliverySize, Message: "too much"}, 400, "too much")
}

// What the UI shows is a copy, and stands beside what the component shows itself.
func TestStatus(t *testing.T) {
	e, _ := start(t, delivererFunc(func(context.Context, *firehose.Delivery) error { return nil }))
	status, _ := post(t, e, encoded("one"))
	require.Equal(t, 200, status)
	require.Eventually(t, func() bool { return e.Status().Deliveries["200"] == 1 }, patience, 5*time.Millisecond)
	info := e.Status()
	info.Deliveries["200"] = 99
	require.Equal(t, 1, e.Status().Deliveries["200"])

	text, err := alloyjson.MarshalBody(struct {
		Endpoint Status `alloy:",squash"`
		Own      int    `alloy:"own,attr"`
	}{Endpoint: Status{Address: "127.0.0.1:8080"}, Own: 7})
	require.NoError(t, err)
	require.Contains(t, string(text), `"name":"address"`)
	require.Contains(t, string(text), `"name":"own"`)
}

func TestRecords(t *testing.T) {
	var got []string
	var flaws []error
	e, _ := start(t, delivererFunc(func(_ context.Context, d *firehose.Delivery) error {
		var r Records
		r.Reset(d, record.Limits{RecordSize: 10, DeliverySize: 20})
		got, flaws = nil, nil
		for r.Next() {
			text := string(r.Data())
			if r.Flaw() != nil {
				text = "raw " + string(r.Raw())
			}
			got, flaws = append(got, text), append(flaws, r.Flaw())
		}
		err := r.Err()
		require.False(t, r.Next(), "it has ended")
		r.Reset(nil, record.Limits{RecordSize: 10, DeliverySize: 20})
		return err
	}))
	status, _ := post(t, e, encoded("one"), `{"data":"*"}`, `{}`, encoded(strings.Repeat("x", 11)), encoded("two"))
	require.Equal(t, 200, status)
	require.Equal(t, []string{"one", "raw *", "raw {}", "raw eHh4eHh4eHh4eHg=", "two"}, got)
	require.NoError(t, flaws[0])
	require.ErrorIs(t, flaws[1], record.ErrBase64)
	require.ErrorIs(t, flaws[2], firehose.ErrNoData)
	require.ErrorIs(t, flaws[3], record.ErrTooLarge)

	status, message := post(t, e, encoded("0123456789"), encoded("0123456789"), encoded("x"))
	require.Equal(t, 400, status)
	require.Contains(t, message, "limits.delivery_size, 20 bytes")
	require.Equal(t, []string{"0123456789", "0123456789"}, got, "what came before the limit")
}
