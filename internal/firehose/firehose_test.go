package firehose

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	testID  = "ed4acda5-034f-9f42-bba1-f29aea6d7d8f"
	testARN = "arn:aws:firehose:eu-west-1:123456789012:deliverystream/containers"
	testKey = "correct horse battery staple"
)

// testBody is a delivery of two records.
const testBody = `{"requestId":"` + testID + `","timestamp":1578090901599,"records":[{"data":"aGVsbG8="},{"data":"d29ybGQ="}]}`

func base64Of(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func gzipped(t testing.TB, s string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, s)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

// delivererFunc is a function that is a Deliverer.
type delivererFunc func(ctx context.Context, d *Delivery) error

func (f delivererFunc) Deliver(ctx context.Context, d *Delivery) error { return f(ctx, d) }

func accept(context.Context, *Delivery) error { return nil }

// patience bounds the wait for what takes milliseconds unless it is broken, on a
// machine that is busy with other things.
const patience = 30 * time.Second

// observed remembers what an Observer is told.
type observed struct {
	mu         sync.Mutex
	outcomes   []Outcome
	attributes []error
	panics     []any
	finished   chan Outcome
}

func (o *observed) DeliveryFinished(outcome Outcome) {
	o.mu.Lock()
	o.outcomes = append(o.outcomes, outcome)
	o.mu.Unlock()
	select {
	case o.finished <- outcome:
	default:
	}
}

func (o *observed) AttributesMalformed(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.attributes = append(o.attributes, err)
}

func (o *observed) DeliveryPanicked(value any, stack []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !bytes.Contains(stack, []byte("firehose")) {
		value = "a panic without its stack"
	}
	o.panics = append(o.panics, value)
}

// last waits for the next delivery to be finished, which is told after its answer
// was sent.
func (o *observed) last(t testing.TB) Outcome {
	t.Helper()
	select {
	case outcome := <-o.finished:
		return outcome
	case <-time.After(patience):
		t.Fatal("no delivery was finished")
		return Outcome{}
	}
}

// rig is a handler behind a real server.
type rig struct {
	*httptest.Server
	handler  *Handler
	observed *observed
}

func newRig(t testing.TB, d delivererFunc, change func(*Config)) *rig {
	t.Helper()
	c := DefaultConfig()
	if change != nil {
		change(&c)
	}
	o := &observed{finished: make(chan Outcome, 1_000)}
	h, err := NewHandler(c, d, o)
	require.NoError(t, err)
	server := httptest.NewServer(h)
	t.Cleanup(func() {
		server.Close()
		deliveries, bytes := h.InFlight()
		require.Zero(t, deliveries)
		require.Zero(t, bytes)
		require.Empty(t, h.admission.sources)
	})
	return &rig{Server: server, handler: h, observed: o}
}

// set changes the configuration without its checks, so that a test need not wait
// for as long as a sensible timeout takes.
func (r *rig) set(change func(*Config)) {
	s := *r.handler.config.Load()
	change(&s.Config)
	r.handler.config.Store(&s)
}

// request returns a delivery as Firehose sends it.
func (r *rig) request(t testing.TB, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, r.URL+PathPush, strings.NewReader(body))
	require.NoError(t, err)
	req.Header = http.Header{
		"Content-Type":   {"application/json"},
		headerProtocol:   {"1.0"},
		headerRequestID:  {testID},
		headerSourceARN:  {testARN},
		headerAccessKey:  {testKey},
		"User-Agent":     {"Amazon Kinesis Data Firehose Agent/1.0"},
		headerAttributes: {`{"commonAttributes":{"lbl_env":"test"}}`},
	}
	return req
}

// answered is an answer that has been found to be as AWS wants it.
type answered struct {
	status  int
	id      string
	message string
	header  http.Header
}

func (r *rig) send(t testing.TB, req *http.Request) answered {
	t.Helper()
	resp, err := r.Client().Do(req)
	require.NoError(t, err)
	return requireConforms(t, resp)
}

// requireConforms reads an answer by the letter of AWS's specification.
func requireConforms(t testing.TB, resp *http.Response) answered {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	switch {
	case resp.StatusCode == http.StatusRequestEntityTooLarge:
		t.Fatal("Firehose drops the records for 413")
	case resp.StatusCode != http.StatusOK && (resp.StatusCode < 400 || resp.StatusCode > 599):
		t.Fatalf("Firehose does not know what to do with %d", resp.StatusCode)
	}
	require.Equal(t, []string{"application/json"}, resp.Header["Content-Type"])
	require.Equal(t, []string{strconv.Itoa(len(body))}, resp.Header["Content-Length"])
	require.Empty(t, resp.Header["Content-Encoding"])
	require.Empty(t, resp.TransferEncoding)
	require.LessOrEqual(t, len(body), 1<<20-4<<10)

	var fields map[string]any
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&fields))
	require.Equal(t, int64(len(body)), decoder.InputOffset())
	id, ok := fields["requestId"].(string)
	require.True(t, ok, "%s", body)
	number, ok := fields["timestamp"].(json.Number)
	require.True(t, ok, "%s", body)
	millis, err := number.Int64()
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), time.UnixMilli(millis), time.Minute)
	message, failed := fields["errorMessage"].(string)
	require.Equal(t, resp.StatusCode != http.StatusOK, failed, "%s", body)
	require.LessOrEqual(t, len([]rune(message)), 8192)
	if failed {
		require.NotEmpty(t, message)
		require.Len(t, fields, 3)
	} else {
		require.Len(t, fields, 2)
	}
	require.Equal(t, resp.StatusCode == http.StatusServiceUnavailable, resp.Header.Get("Retry-After") != "")
	return answered{status: resp.StatusCode, id: id, message: message, header: resp.Header}
}

// dial opens a connection to write to by hand.
func (r *rig) dial(t testing.TB) (*net.TCPConn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", r.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	return conn.(*net.TCPConn), bufio.NewReader(conn)
}

func write(t testing.TB, w io.Writer, s string) {
	t.Helper()
	_, err := io.WriteString(w, s)
	require.NoError(t, err)
}

// head returns the head of a delivery with a body of length bytes.
func head(length int) string {
	return "POST / HTTP/1.1\r\nHost: localhost\r\n" + headerRequestID + ": " + testID + "\r\nContent-Length: " + strconv.Itoa(length) + "\r\n\r\n"
}
