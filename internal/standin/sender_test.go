package standin

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSender_RequestHasFirehosesForm(t *testing.T) {
	e := newEndpoint(t, answer(http.StatusOK))
	s := newSender(t, Options{
		URL:              e.URL + "/awsfirehose/api/v1/push?a=b",
		AccessKey:        "a key / with = signs",
		CommonAttributes: map[string]string{"lbl_team": "zürich <1>", "x": ""},
		Header:           http.Header{"X-Scope-Orgid": {"tenant-1"}},
		Clock:            newFakeClock(),
		Seed:             1,
	})
	res := s.Send(context.Background(), records("one\n", "", "\xff\x00"))
	require.Equal(t, Accepted, res.Outcome)
	require.NoError(t, res.Err)
	require.Len(t, res.Attempts, 1)
	require.Equal(t, http.StatusOK, res.Attempts[0].Status)
	require.Equal(t, 3, res.Records)
	require.EqualValues(t, 6, res.RawBytes)

	got := e.seen()[0]
	for name, want := range map[string]string{
		"X-Amz-Firehose-Protocol-Version":  "1.0",
		"X-Amz-Firehose-Request-Id":        res.RequestID,
		"X-Amz-Firehose-Source-Arn":        DefaultSourceARN,
		"X-Amz-Firehose-Access-Key":        "a key / with = signs",
		"X-Amz-Firehose-Common-Attributes": `{"commonAttributes":{"lbl_team":"z\u00fcrich \u003c1\u003e","x":""}}`,
		"Content-Type":                     "application/json",
		"User-Agent":                       "Amazon Kinesis Data Firehose Agent/1.0",
		"X-Scope-Orgid":                    "tenant-1",
		"Accept-Encoding":                  "",
		"Content-Encoding":                 "",
	} {
		require.Equal(t, want, got.header.Get(name), name)
	}
	require.Equal(t, `{"requestId":"`+res.RequestID+`","timestamp":1787270398007,"records":[{"data":"b25lCg=="},{"data":""},{"data":"/wA="}]}`,
		string(got.body))
	require.EqualValues(t, len(got.body), got.length)
	require.EqualValues(t, len(got.body), res.WireBytes)
	require.Regexp(t, regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`), res.RequestID)
}

func TestSender_OptionalHeadersAreAbsent(t *testing.T) {
	e := newEndpoint(t, answer(http.StatusOK))
	require.Equal(t, Accepted, newSender(t, Options{URL: e.URL}).Send(context.Background(), records("x")).Outcome)
	h := e.seen()[0].header
	require.NotContains(t, h, "X-Amz-Firehose-Access-Key")
	require.NotContains(t, h, "X-Amz-Firehose-Common-Attributes")
}

func TestSender_GzipBody(t *testing.T) {
	e := newEndpoint(t, answer(http.StatusOK))
	s := newSender(t, Options{URL: e.URL, Gzip: true})
	for range 2 { // The second one reuses the compressor.
		res := s.Send(context.Background(), records(strings.Repeat("line ", 1000)))
		require.Equal(t, Accepted, res.Outcome)
		require.Less(t, res.WireBytes, res.RawBytes)
	}
	for _, got := range e.seen() {
		require.Equal(t, "gzip", got.header.Get("Content-Encoding"))
		require.Equal(t, strings.Repeat("line ", 1000), string(got.Records[0].Data))
		require.Less(t, got.length, int64(5000))
	}
}

func TestSender_FixedTimestamp(t *testing.T) {
	e := newEndpoint(t, answer(http.StatusOK))
	s := newSender(t, Options{URL: e.URL, Timestamp: time.UnixMilli(42)})
	require.Equal(t, Accepted, s.Send(context.Background(), records("x")).Outcome)
	require.EqualValues(t, 42, e.seen()[0].Timestamp)
}

// TestSender_JudgesAnswers has one row for each rule of Firehose's response
// format.
func TestSender_JudgesAnswers(t *testing.T) {
	f := func(handler http.HandlerFunc, status int, want ErrorCode, message string) {
		t.Helper()
		e := newEndpoint(t, handler)
		s := newSender(t, Options{URL: e.URL})
		res := s.Send(context.Background(), records("x"))
		require.Len(t, res.Attempts, 1)
		require.Equal(t, want, res.Attempts[0].Code, res.Attempts[0].Message)
		require.Equal(t, status, res.Attempts[0].Status)
		require.Contains(t, res.Attempts[0].Message, message)
		require.Equal(t, want == "", res.Outcome == Accepted)
	}
	const js = "application/json"
	good := `{"requestId":"ID","timestamp":1}`

	// Only 200 with the right body is a success.
	f(text(200, js, good), 200, "", "")
	f(text(200, js, `{"timestamp":1787220000,"requestId":"ID","errorMessage":null}`), 200, "", "")
	f(text(200, "application/json; charset=utf-8", good), 200, "", "")
	f(text(200, js, `{"requestId":"ID","timestamp":1,"errorMessage":"`+strings.Repeat("é", 8192)+`"}`), 200, "", "")

	// Another status is an exception, with the answer in the message.
	f(text(202, js, good), 202, DestinationException, "202: {")
	f(text(201, js, good), 201, DestinationException, "201: {")
	f(text(400, js, good), 400, DestinationException, "400: {")
	f(text(401, js, good), 401, DestinationException, "401: {")
	f(text(413, js, good), 413, DestinationException, "413: {")
	f(answer(503), 503, DestinationException, `"errorMessage":"no room"`)
	f(text(301, js, good), 301, InvalidStatusCode, "301")
	f(text(204, "", ""), 204, InvalidResponse, "Content-Type")

	// The form of the answer matters whatever the status is.
	f(text(200, "text/plain", good), 200, InvalidResponse, "text/plain")
	f(text(200, "text/html", "<h1>ok</h1>"), 200, InvalidResponse, "text/html")
	f(text(502, "text/html", "<h1>bad gateway</h1>"), 502, InvalidResponse, "status 502")
	f(text(200, js, ""), 200, InvalidResponse, "not a JSON object")
	f(text(200, js, `[]`), 200, InvalidResponse, "not a JSON object")
	f(text(200, js, `null`), 200, InvalidResponse, "requestId is missing")
	f(text(200, js, good+"x"), 200, InvalidResponse, "not a JSON object")
	f(text(200, js, `{"timestamp":1}`), 200, InvalidResponse, "requestId is missing")
	f(text(200, js, `{"requestId":7,"timestamp":1}`), 200, InvalidResponse, "requestId is missing")
	f(text(200, js, `{"requestId":"other","timestamp":1}`), 200, InvalidResponse, `requestId is "other"`)
	f(text(200, js, `{"requestid":"ID","timestamp":1}`), 200, InvalidResponse, "unexpected field")
	f(text(200, js, `{"requestId":"ID"}`), 200, InvalidResponse, "timestamp")
	f(text(200, js, `{"requestId":"ID","timestamp":"1"}`), 200, InvalidResponse, "timestamp")
	f(text(200, js, `{"requestId":"ID","timestamp":1.5}`), 200, InvalidResponse, "timestamp")
	f(text(200, js, `{"requestId":"ID","timestamp":null}`), 200, InvalidResponse, "timestamp")
	f(text(200, js, `{"requestId":"ID","timestamp":1,"errorMessage":7}`), 200, InvalidResponse, "errorMessage")
	f(text(200, js, `{"requestId":"ID","timestamp":1,"errorMessage":"`+strings.Repeat("x", 8193)+`"}`), 200, InvalidResponse, "8192")
	f(text(200, js, `{"requestId":"ID","timestamp":1,"status":"ok"}`), 200, InvalidResponse, `unexpected field "status"`)
	f(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		text(200, js, good)(w, r)
	}, 200, InvalidResponse, "Content-Encoding")
	f(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", js)
		w.(http.Flusher).Flush() // Makes the answer a chunked one.
		text(200, "", good)(w, r)
	}, 200, InvalidResponse, "Content-Length is missing")
	f(text(200, js, `{"requestId":"ID","timestamp":1,"errorMessage":"`+strings.Repeat("x", 1<<20)+`"}`), 200, ResponseTooLarge, "larger")
}

func TestSender_RetriesTheSameRequest(t *testing.T) {
	e := newEndpoint(t, answer(503), answer(500), text(200, "text/plain", "ok"), answer(429), answer(200))
	clock := newFakeClock()
	s := newSender(t, Options{URL: e.URL, RetryDuration: time.Minute, RetryUnit: 100 * time.Millisecond, Clock: clock, Seed: 5})
	res := s.Send(context.Background(), records("x"))
	require.Equal(t, Accepted, res.Outcome)
	require.Len(t, res.Attempts, 5)

	seen := e.seen()
	require.Len(t, seen, 5)
	for _, got := range seen {
		require.Equal(t, res.RequestID, got.header.Get("X-Amz-Firehose-Request-Id"))
		require.Equal(t, seen[0].body, got.body)
	}
	require.Len(t, clock.slept, 4)
	for i, wait := range clock.slept {
		want := 100 * time.Millisecond << i
		require.InDelta(t, float64(want), float64(wait), 0.15*float64(want)+1)
		require.NotEqual(t, want, wait, "there is no jitter")
	}
}

// TestSender_RetryDurationBounds checks that the duration counts from the first
// failure and that no retry starts after it.
func TestSender_RetryDurationBounds(t *testing.T) {
	f := func(duration time.Duration, least, most int) {
		t.Helper()
		e := newEndpoint(t, answer(503))
		clock := newFakeClock()
		s := newSender(t, Options{URL: e.URL, RetryDuration: duration, Clock: clock, Seed: 2})
		res := s.Send(context.Background(), records("x"))
		require.Equal(t, Failed, res.Outcome)
		require.GreaterOrEqual(t, len(res.Attempts), least)
		require.LessOrEqual(t, len(res.Attempts), most)
		require.Len(t, clock.slept, len(res.Attempts)-1)
		require.True(t, duration == 0 || clock.Now().Sub(clockStart) < duration)
	}
	f(0, 1, 1)
	f(500*time.Millisecond, 1, 1)
	// Waits of 1, 2, 4, ... seconds with their jitter.
	f(10*time.Second, 3, 4)
	f(DefaultRetryDuration, 8, 9)
	// Beyond 2 minutes each.
	f(MaxRetryDuration, 60, 72)
}

func TestSender_BacksUpInFirehosesForm(t *testing.T) {
	e := newEndpoint(t, answer(500), answer(503))
	dir := t.TempDir()
	clock := newFakeClock()
	s := newSender(t, Options{
		URL: e.URL, BackupDir: dir, RetryDuration: 5 * time.Second, Clock: clock, Seed: 9,
		SourceARN: "arn:aws:firehose:eu-west-1:111122223333:deliverystream/blue",
	})
	want := []string{"first\n", "", "<&>\xff"}
	res := s.Send(context.Background(), records(want...))
	require.Equal(t, BackedUp, res.Outcome)
	require.NoError(t, res.Err)
	require.Len(t, res.Attempts, 3)

	// The retries have crossed midnight.
	relative, err := filepath.Rel(dir, res.BackupFile)
	require.NoError(t, err)
	require.Equal(t, "http-endpoint-failed/2026/08/21/00/blue-1-2026-08-21-00-00-"+clock.Now().Format("05-")+res.RequestID,
		filepath.ToSlash(relative))

	f, err := os.Open(res.BackupFile)
	require.NoError(t, err)
	defer f.Close()
	lines := bufio.NewScanner(f)
	for i, data := range want {
		require.True(t, lines.Scan())
		require.NotContains(t, lines.Text(), `\u0026`)
		var fields map[string]any
		require.NoError(t, json.Unmarshal(lines.Bytes(), &fields))
		require.Len(t, fields, 8)
		var got struct {
			ErrorRecord
			RawData []byte `json:"rawData"`
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &got))
		require.Equal(t, data, string(got.RawData))
		require.Equal(t, 3, got.AttemptsMade)
		require.Equal(t, clockStart.UnixMilli(), got.ArrivalTimestamp)
		require.Equal(t, clock.Now().UnixMilli(), got.AttemptEndingTimestamp)
		require.Equal(t, DestinationException, got.ErrorCode)
		require.Contains(t, got.ErrorMessage, `destination. 503: {"errorMessage":"no room"`)
		require.Equal(t, res.RequestID+"-00000"+strconv.Itoa(i), got.DataID)
	}
	require.False(t, lines.Scan())
	requireFiles(t, dir, 1)
}

func requireFiles(t *testing.T, dir string, want int) {
	t.Helper()
	count := 0
	require.NoError(t, filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			count++
		}
		return err
	}))
	require.Equal(t, want, count)
}

func TestSender_BackupFails(t *testing.T) {
	e := newEndpoint(t, answer(503))
	dir := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(dir, nil, 0o600))
	res := newSender(t, Options{URL: e.URL, BackupDir: dir}).Send(context.Background(), records("x"))
	require.Equal(t, Aborted, res.Outcome)
	require.ErrorContains(t, res.Err, "cannot back up delivery")
}

// TestSender_413IsPermanent is Firehose's trap: nothing is retried, nothing is
// backed up, the records are gone.
func TestSender_413IsPermanent(t *testing.T) {
	e := newEndpoint(t, answer(413))
	dir := t.TempDir()
	s := newSender(t, Options{URL: e.URL, BackupDir: dir, RetryDuration: time.Minute, Clock: newFakeClock()})
	res := s.Send(context.Background(), records("x"))
	require.Equal(t, Discarded, res.Outcome)
	require.Len(t, res.Attempts, 1)
	requireFiles(t, dir, 0)
}

// What is hopeless is not tried again, and backed up all the same.
func TestSender_Hopeless(t *testing.T) {
	e := newEndpoint(t, answer(503), answer(401))
	s := newSender(t, Options{
		URL: e.URL, RetryDuration: time.Minute, Clock: newFakeClock(), BackupDir: t.TempDir(),
		Hopeless: func(a Attempt) bool { return a.Status == 401 },
	})
	res := s.Send(context.Background(), records("x"))
	require.Equal(t, BackedUp, res.Outcome)
	require.Len(t, res.Attempts, 2)
	require.FileExists(t, res.BackupFile)
}

// TestSender_Malformed413IsRetried shows that a proxy's 413 is like a 500:
// Firehose does not look at the status of an answer that is not in its format.
func TestSender_Malformed413IsRetried(t *testing.T) {
	e := newEndpoint(t, text(413, "text/html", "<h1>too large</h1>"), answer(200))
	s := newSender(t, Options{URL: e.URL, RetryDuration: time.Minute, Clock: newFakeClock()})
	res := s.Send(context.Background(), records("x"))
	require.Equal(t, Accepted, res.Outcome)
	require.Len(t, res.Attempts, 2)
}

func TestSender_DoesNotFollowRedirects(t *testing.T) {
	other := newEndpoint(t, answer(200))
	e := newEndpoint(t, http.RedirectHandler(other.URL, http.StatusTemporaryRedirect).ServeHTTP)
	res := newSender(t, Options{URL: e.URL}).Send(context.Background(), records("x"))
	require.Equal(t, Failed, res.Outcome)
	require.Equal(t, InvalidStatusCode, res.Attempts[0].Code)
	require.Empty(t, other.seen())
}

func TestSender_StalledEndpointTimesOut(t *testing.T) {
	released := make(chan struct{})
	stall := func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-released:
		case <-r.Context().Done():
		}
	}
	stallAfterHeader := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "100")
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		stall(w, r)
	}
	e := newEndpoint(t, stall, stallAfterHeader, answer(200))
	defer close(released)
	s := newSender(t, Options{URL: e.URL, ResponseTimeout: 50 * time.Millisecond, RetryDuration: time.Minute, Clock: newFakeClock()})
	res := s.Send(context.Background(), records("x"))
	require.Equal(t, RequestTimeout, res.Attempts[0].Code)
	require.Equal(t, 0, res.Attempts[0].Status)
	require.Equal(t, RequestTimeout, res.Attempts[1].Code)
}

func TestSender_BrokenConnections(t *testing.T) {
	hijack := func(answer string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				panic(err)
			}
			_, _ = conn.Write([]byte(answer))
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		}
	}
	const header = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
	e := newEndpoint(t, hijack(""), hijack("garbage\r\n"), hijack(header), answer(200))
	s := newSender(t, Options{URL: e.URL, RetryDuration: time.Minute, Clock: newFakeClock()})
	res := s.Send(context.Background(), records("x"))
	require.Equal(t, Accepted, res.Outcome)
	require.Len(t, res.Attempts, 4)
	for _, a := range res.Attempts[:3] {
		require.Equal(t, ConnectionReset, a.Code, a.Message)
	}
}

func TestSender_UnreachableEndpoint(t *testing.T) {
	e := httptest.NewServer(http.NotFoundHandler())
	e.Close()
	res := newSender(t, Options{URL: e.URL}).Send(context.Background(), records("x"))
	require.Equal(t, ConnectionFailed, res.Attempts[0].Code)
	require.Equal(t, Failed, res.Outcome)
}

func TestSender_TLS(t *testing.T) {
	handler := &endpoint{script: []http.HandlerFunc{answer(200)}}
	e := httptest.NewUnstartedServer(handler)
	e.Config.ErrorLog = log.New(io.Discard, "", 0)
	e.StartTLS()
	defer e.Close()

	// The test server's certificate is trusted by its own client only.
	res := newSender(t, Options{URL: e.URL}).Send(context.Background(), records("x"))
	require.Equal(t, TLSHandshakeFailure, res.Attempts[0].Code, res.Attempts[0].Message)
	res = newSender(t, Options{URL: e.URL, Transport: e.Client().Transport}).Send(context.Background(), records("x"))
	require.Equal(t, Accepted, res.Outcome, res.Attempts[0].Message)

	plain := newEndpoint(t, answer(200))
	res = newSender(t, Options{URL: strings.Replace(plain.URL, "http", "https", 1)}).Send(context.Background(), records("x"))
	require.Equal(t, TLSHandshakeFailure, res.Attempts[0].Code, res.Attempts[0].Message)
}

func TestSender_ContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	e := newEndpoint(t, func(w http.ResponseWriter, r *http.Request) {
		cancel()
		answer(503)(w, r)
	})
	s := newSender(t, Options{URL: e.URL, RetryDuration: time.Minute, BackupDir: t.TempDir()})
	res := s.Send(ctx, records("x"))
	require.Equal(t, Aborted, res.Outcome)
	require.ErrorIs(t, res.Err, context.Canceled)
	require.Len(t, res.Attempts, 1)
}

func TestSender_SameSeedSameDeliveries(t *testing.T) {
	send := func(seed uint64) []string {
		e := newEndpoint(t, answer(200))
		s := newSender(t, Options{URL: e.URL, Seed: seed, Clock: newFakeClock()})
		for _, text := range []string{"a", "b", "c"} {
			require.Equal(t, Accepted, s.Send(context.Background(), records(text)).Outcome)
		}
		var bodies []string
		for _, got := range e.seen() {
			bodies = append(bodies, string(got.body))
		}
		require.NotEqual(t, bodies[0][:60], bodies[1][:60], "two deliveries share a request id")
		return bodies
	}
	require.Equal(t, send(7), send(7))
	require.NotEqual(t, send(7), send(8))
	require.NotEqual(t, send(0), send(0))
}

func TestSender_ReusesItsConnection(t *testing.T) {
	handler := &endpoint{script: []http.HandlerFunc{answer(503), answer(200), answer(400), answer(200)}}
	e := httptest.NewUnstartedServer(handler)
	opened := 0
	e.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened++
		}
	}
	e.Start()
	s := newSender(t, Options{URL: e.URL})
	for range 5 {
		s.Send(context.Background(), records("x"))
	}
	e.Close()
	require.Len(t, handler.seen(), 5)
	require.Equal(t, 1, opened)
}

func TestSender_NoRecords(t *testing.T) {
	res := newSender(t, Options{URL: "http://127.0.0.1:1"}).Send(context.Background(), nil)
	require.Equal(t, Aborted, res.Outcome)
	require.ErrorIs(t, res.Err, ErrNoRecords)
	require.Empty(t, res.Attempts)
}

func TestNewSender_Failure(t *testing.T) {
	f := func(change func(o *Options), want string) {
		t.Helper()
		o := Options{URL: "http://127.0.0.1:1/"}
		change(&o)
		_, err := NewSender(o)
		require.ErrorContains(t, err, want)
	}
	f(func(o *Options) { o.URL = "" }, "not an http or https URL")
	f(func(o *Options) { o.URL = "ftp://x/" }, "not an http or https URL")
	f(func(o *Options) { o.URL = "http://\x7f/" }, "cannot read URL")
	f(func(o *Options) { o.RetryDuration = 7201 * time.Second }, "retry duration")
	f(func(o *Options) { o.RetryDuration = -1 }, "retry duration")
	f(func(o *Options) { o.RetryUnit = -1 }, "cannot be negative")
	f(func(o *Options) { o.AccessKey = strings.Repeat("k", 4097) }, "4097 bytes")
	f(func(o *Options) { o.Timestamp = time.Unix(-1, 0) }, "before 1970")
	f(func(o *Options) { o.CommonAttributes = map[string]string{"": "x"} }, "common attribute")
	f(func(o *Options) { o.CommonAttributes = map[string]string{"x": strings.Repeat("x", 1025)} }, "common attribute")
	f(func(o *Options) {
		o.CommonAttributes = map[string]string{}
		for i := range 51 {
			o.CommonAttributes[strings.Repeat("x", i+1)] = ""
		}
	}, "51 common attributes")
}

func TestBackoff(t *testing.T) {
	f := func(retry int, unit time.Duration, jitter float64, want time.Duration) {
		t.Helper()
		require.Equal(t, want, Backoff(retry, unit, jitter))
	}
	f(1, time.Second, 0, time.Second)
	f(2, time.Second, 0, 2*time.Second)
	f(3, time.Second, 0, 4*time.Second)
	f(7, time.Second, 0, 64*time.Second)
	f(8, time.Second, 0, 2*time.Minute)
	f(1000, time.Second, 0, 2*time.Minute)
	// Jitter is 15 % to both sides, and never beyond two minutes.
	f(1, time.Second, 1, 1150*time.Millisecond)
	f(1, time.Second, -1, 850*time.Millisecond)
	f(3, time.Second, 0.5, 4300*time.Millisecond)
	f(9, time.Second, 1, 2*time.Minute)
	f(9, time.Second, -1, 102*time.Second)
	// The unit scales everything.
	f(4, time.Millisecond, 0, 8*time.Millisecond)
	f(9, time.Millisecond, 0, 120*time.Millisecond)
}

func TestBackupKey(t *testing.T) {
	at := time.Date(2026, 12, 31, 23, 5, 9, 0, time.FixedZone("", -3600))
	require.Equal(t, "http-endpoint-failed/2027/01/01/00/logs-1-2027-01-01-00-05-09-guid", backupKey("logs", "guid", at))
}

func TestStreamName(t *testing.T) {
	f := func(arn, want string) {
		t.Helper()
		require.Equal(t, want, streamName(arn))
	}
	f(DefaultSourceARN, "eks-logs")
	f("plain", "plain")
	f("arn:aws:firehose:x:y:deliverystream/a/../b.c", "b_c")
	f("arn/", "stream")
}

// FuzzCheckBody checks that nothing is let pass which encoding/json would not
// call a proper answer.
func FuzzCheckBody(f *testing.F) {
	f.Add([]byte(`{"requestId":"id","timestamp":1,"errorMessage":"x"}`))
	f.Add([]byte(`{"requestId":"id","timestamp":1e3}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if checkBody(body, "id") != nil {
			return
		}
		var got struct {
			RequestID    string      `json:"requestId"`
			Timestamp    json.Number `json:"timestamp"`
			ErrorMessage *string     `json:"errorMessage"`
		}
		require.NoError(t, json.Unmarshal(body, &got))
		_, err := got.Timestamp.Int64()
		require.NoError(t, err)
	})
}
