package kubernetes

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/firehose"
	"github.com/grafana/alloy/eks/internal/rig"
)

// wire is a connection that is written to by hand.
type wire struct {
	t testing.TB
	net.Conn
	answers *bufio.Reader
}

func dial(r *testRig) *wire {
	r.T.Helper()
	conn, err := net.Dial("tcp", r.Info().Address)
	require.NoError(r.T, err)
	r.T.Cleanup(func() { conn.Close() })
	require.NoError(r.T, conn.SetDeadline(time.Now().Add(rig.Patience)))
	return &wire{r.T, conn, bufio.NewReader(conn)}
}

func (w *wire) send(text string) {
	w.t.Helper()
	_, err := io.WriteString(w, text)
	require.NoError(w.t, err)
}

// answer reads an answer in Firehose's form.
func (w *wire) answer() (status int, message string) {
	w.t.Helper()
	resp, err := http.ReadResponse(w.answers, nil)
	require.NoError(w.t, err)
	defer resp.Body.Close()
	var body struct {
		RequestID    *string `json:"requestId"`
		Timestamp    int64   `json:"timestamp"`
		ErrorMessage string  `json:"errorMessage"`
	}
	require.Equal(w.t, "application/json", resp.Header.Get("Content-Type"))
	require.NoError(w.t, json.NewDecoder(resp.Body).Decode(&body))
	require.NotNil(w.t, body.RequestID)
	require.NotZero(w.t, body.Timestamp)
	return resp.StatusCode, body.ErrorMessage
}

// closed demands that the server answers nothing, or refuses in its own words what
// is no HTTP, and ends the connection.
func (w *wire) closed() {
	w.t.Helper()
	rest, err := io.ReadAll(w.answers)
	require.NotErrorIs(w.t, err, os.ErrDeadlineExceeded, "the server holds the connection")
	if len(rest) > 0 {
		require.Regexp(w.t, `^HTTP/1\.1 (400 Bad Request|431 Request Header Fields Too Large|501 Not Implemented|505 HTTP Version Not Supported)`, string(rest))
	}
}

func requestHead(path string, headers ...string) string {
	return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nX-Amz-Firehose-Access-Key: key\r\nX-Amz-Firehose-Request-Id: " + rig.RequestID + "\r\n" +
		strings.Join(append(headers, "\r\n"), "\r\n")
}

var goodBody = rig.Envelope(rig.Encode(containerLine("web-1", goodLine)))

func length(n int) string { return fmt.Sprintf("Content-Length: %d", n) }

// Senders that trickle are cut off, and hold up nobody meanwhile.
func TestHostile_Slowloris(t *testing.T) {
	r := newRig(t, hostileLimits[:strings.LastIndex(hostileLimits, "}")]+`
			body_timeout = "1s"
		}
		http {
			server_read_timeout = "1s"
			server_idle_timeout = "1s"
		}
	`, nil)
	trickle := func(w *wire, text string) {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for i := range text {
			if _, err := w.Write([]byte{text[i]}); err != nil {
				return
			}
			<-tick.C
		}
	}
	const many = 50
	ended := make(chan *wire, 3*many)
	begin := time.Now()
	for range many {
		headers, body, idle := dial(r), dial(r), dial(r)
		go func() {
			trickle(headers, requestHead("/", length(len(goodBody))))
			ended <- headers
		}()
		go func() {
			_, _ = io.WriteString(body, requestHead("/", length(len(goodBody))))
			trickle(body, goodBody)
			ended <- body
		}()
		go func() { ended <- idle }()
	}
	beside(r, func() {
		for range 3 * many {
			w := <-ended
			_, err := io.Copy(io.Discard, w.answers)
			require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the server holds the connection")
		}
	})
	require.Less(t, time.Since(begin), rig.Patience)
	require.EqualValues(t, many, r.Metric("deliveries_total", "status", "503", "reason", "body_timeout"))
	require.EqualValues(t, 3, r.Metric("deliveries_total", "status", "200"))
	require.EqualValues(t, many+3, r.Metric("deliveries_total"), "what has no whole headers is no delivery")
	r.Entries(3)
}

// Headers without end are refused before they are held.
func TestHostile_HeaderFlood(t *testing.T) {
	r := newRig(t, hostileLimits, nil)
	f := func(name, text string) {
		t.Helper()
		w := dial(r)
		beside(r, func() {
			_, _ = io.WriteString(w, text) // The server may not read it all.
			w.closed()
		})
		require.Len(t, r.AllEntries(), 3, name)
	}
	f("many headers", "POST / HTTP/1.1\r\nHost: localhost\r\n"+strings.Repeat("X-A: b\r\n", 1<<20)+"\r\n")
	f("a long header", "POST / HTTP/1.1\r\nHost: localhost\r\nX-A: "+strings.Repeat("b", 8<<20)+"\r\n\r\n")
	f("a long name", "POST / HTTP/1.1\r\nHost: localhost\r\n"+strings.Repeat("b", 8<<20)+": x\r\n\r\n")
	f("a long path", "POST /"+strings.Repeat("b", 8<<20)+" HTTP/1.1\r\nHost: localhost\r\n\r\n")
	f("a long method", strings.Repeat("b", 8<<20)+" / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	f("a line without end", strings.Repeat("b", 8<<20))

	// What fits is looked at, and bounded by what is made of it.
	w := dial(r)
	w.send(requestHead("/", append(strings.Split(strings.Repeat("X-A: b\n", 20_000), "\n")[:20_000], length(len(goodBody)))...) + goodBody)
	status, _ := w.answer()
	require.Equal(t, 200, status)
	r.Entries(1)
}

// A body that is not as long as it says: the server decides by one length, so that
// no two machines on the way can disagree on where a request ends.
func TestHostile_ContentLength(t *testing.T) {
	r := newRig(t, hostileLimits, nil)
	refused := func(name string, headers ...string) {
		t.Helper()
		w := dial(r)
		w.send(requestHead("/", headers...) + goodBody)
		require.NoError(t, w.Conn.(*net.TCPConn).CloseWrite())
		w.closed()
		require.Empty(t, r.AllEntries(), name)
		require.Zero(t, r.Metric("deliveries_total"), name)
	}
	n := length(len(goodBody))
	refused("negative", "Content-Length: -1")
	refused("with a sign", "Content-Length: +5")
	refused("hexadecimal", "Content-Length: 0x10")
	refused("too many digits", "Content-Length: 99999999999999999999")
	refused("no number", "Content-Length: many")
	refused("two that differ", n, length(len(goodBody)-1))
	refused("a list that differs", n+", 5")
	refused("chunked twice", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked")
	refused("another encoding", "Transfer-Encoding: gzip, chunked")
	refused("a name with a space", "Content-Length : 5")

	f := func(status int, reason firehose.Reason, body string, headers ...string) {
		t.Helper()
		before := r.Metric("deliveries_total", "reason", string(reason))
		w := dial(r)
		w.send(requestHead("/", headers...) + body)
		if status != 200 { // Who closes this half before the answer does not wait for it.
			require.NoError(t, w.Conn.(*net.TCPConn).CloseWrite())
		}
		got, message := w.answer()
		require.Equal(t, status, got, message)
		r.Eventually(func() bool { return r.Metric("deliveries_total", "reason", string(reason)) > before }, "the count")
	}
	f(200, firehose.ReasonOK, goodBody, n)
	f(200, firehose.ReasonOK, goodBody, n, n) // RFC 9110, section 8.6, lets a server take these for one.
	f(400, firehose.ReasonBodyIncomplete, goodBody, length(len(goodBody)+1))
	f(400, firehose.ReasonBodySize, goodBody, length(1<<40))
	f(400, firehose.ReasonBodySize, goodBody, "Content-Length: 9223372036854775807")
	f(400, firehose.ReasonBodyIncomplete, fmt.Sprintf("%x\r\n%s", len(goodBody)+5, goodBody), "Transfer-Encoding: chunked")
	f(400, firehose.ReasonBodyIncomplete, "zz\r\n"+goodBody, "Transfer-Encoding: chunked")
	f(400, firehose.ReasonBodyIncomplete, "fffffffffffffffff\r\n"+goodBody, "Transfer-Encoding: chunked")
	f(200, firehose.ReasonOK, fmt.Sprintf("%x\r\n%s\r\n0\r\nX-Scope-OrgID: theirs\r\n\r\n", len(goodBody), goodBody),
		"Transfer-Encoding: chunked", "Trailer: X-Scope-OrgID")
	for _, e := range r.Entries(3) {
		require.NotContains(t, e.Labels.String(), "theirs", "a trailer is no header")
	}
}

// A second request that hides in the body of a first one is not carried out.
func TestHostile_Smuggling(t *testing.T) {
	r := newRig(t, hostileLimits, nil)
	hidden := requestHead("/", length(len(goodBody))) + goodBody
	// Where there are both, the chunks count and not the length: RFC 9112, section 6.3.
	w := dial(r)
	w.send(requestHead("/", length(5), "Transfer-Encoding: chunked") + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(hidden), hidden))
	status, _ := w.answer()
	require.Equal(t, 400, status)
	require.NoError(t, w.Conn.(*net.TCPConn).CloseWrite())
	w.closed()
	require.Empty(t, r.AllEntries())

	// The hidden one is the body of a refused one, which is thrown away.
	w = dial(r)
	w.send(strings.Replace(requestHead("/", length(len(hidden))), ": key", ": no", 1) + hidden + hidden)
	status, _ = w.answer()
	require.Equal(t, 401, status)
	status, _ = w.answer()
	require.Equal(t, 200, status, "the one behind it")
	require.Len(t, r.AllEntries(), 1)
}

// Many requests at once on one connection: each is answered, in its order, whatever
// becomes of the others.
func TestHostile_Pipelining(t *testing.T) {
	r := newRig(t, hostileLimits, nil)
	const rounds = 50
	good := requestHead("/", length(len(goodBody))) + goodBody
	wrongKey := strings.Replace(good, ": key", ": no", 1)
	broken := requestHead("/", length(3)) + "[[["
	w := dial(r)
	go func() { _, _ = io.WriteString(w, strings.Repeat(good+wrongKey+broken+good, rounds)) }()
	for range rounds {
		for _, want := range []int{200, 401, 400, 200} {
			status, message := w.answer()
			require.Equal(t, want, status, message)
		}
	}
	r.Entries(2 * rounds)
}

// Paths and methods of all kinds: two paths and one method take deliveries, and
// nothing leads anywhere else.
func TestHostile_Paths(t *testing.T) {
	r := newRig(t, hostileLimits, nil)
	f := func(request string, want int) {
		t.Helper()
		w := dial(r)
		rest := strings.SplitN(requestHead("/", length(len(goodBody))), "\r\n", 2)[1]
		w.send(request + " HTTP/1.1\r\n" + rest + goodBody)
		status, message := w.answer()
		require.Equal(t, want, status, "%s: %s", request, message)
		require.NotContains(t, message, "root:")
		entries := 0
		if want == 200 {
			entries = 1
		}
		require.Len(t, r.AllEntries(), entries, request)
	}
	f("POST "+firehose.PathPush, 200)
	f("POST http://elsewhere"+firehose.PathPush, 200)
	f("POST /?x=/../../etc/passwd", 200)
	f("POST /%61wsfirehose/api/v1/push", 200)
	for _, path := range []string{
		"/../../../../etc/passwd", "/..%2f..%2fetc%2fpasswd", "/awsfirehose/api/v1/push/../../../../metrics", "/awsfirehose/api/v1/push%00", "/%2e%2e/metrics",
		"/metrics", "/-/ready", "/-/support", "/debug/pprof/heap", "/api/v0/web/components", "/component/x/", "//", "/.", "/%ff", `/\..\..`,
		"/awsfirehose/api/v1/push;a=b", "/AWSFIREHOSE/API/V1/PUSH",
	} {
		f("POST "+path, 404)
		f("GET "+path, 404)
	}
	for _, method := range []string{"PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "post", "PRI", "A"} {
		f(method+" /", 405)
		f(method+" "+firehose.PathPush, 405)
	}
	f("GET "+firehose.PathPush, 405)
	f("CONNECT "+firehose.PathPush, 405)
}
