package hostile

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

func dial[A any](r *rig.Rig[A]) *wire {
	r.T.Helper()
	conn, err := net.Dial("tcp", r.Info().Endpoint.Address)
	require.NoError(r.T, err)
	r.T.Cleanup(func() { _ = conn.Close() })
	require.NoError(r.T, conn.SetDeadline(time.Now().Add(rig.Patience)))
	return &wire{r.T, conn, bufio.NewReader(conn)}
}

func (w *wire) send(text string) {
	w.t.Helper()
	_, err := io.WriteString(w, text)
	require.NoError(w.t, err)
}

// closeWrite says that nothing more is sent.
func (w *wire) closeWrite() {
	w.t.Helper()
	require.NoError(w.t, w.Conn.(*net.TCPConn).CloseWrite())
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

// closes is what a table has for a connection that ends without an answer of
// Firehose's form.
const closes = "the connection ends"

func requestHead(path string, headers ...string) string {
	return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nX-Amz-Firehose-Access-Key: key\r\nX-Amz-Firehose-Request-Id: " + rig.RequestID + "\r\n" +
		strings.Join(append(headers, "\r\n"), "\r\n")
}

func length(n int) string { return fmt.Sprintf("Content-Length: %d", n) }

// goodBody is the body of a good delivery.
func (s Suite[A]) goodBody(t testing.TB) string {
	t.Helper()
	return rig.Envelope(rig.Encode(s.Record(t)))
}

// trickle writes a byte now and then, until nobody wants any.
func (w *wire) trickle(text string) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for i := range text {
		if _, err := w.Write([]byte{text[i]}); err != nil {
			return
		}
		<-tick.C
	}
}

// Slowloris tries senders that trickle: they are cut off, and hold up nobody
// meanwhile.
func (s Suite[A]) Slowloris(t *testing.T) {
	r := s.Start(t, listen("server_read_timeout = \"1s\"\nserver_idle_timeout = \"1s\"", Limits(`body_timeout = "1s"`)), nil)
	goodBody := s.goodBody(t)
	const many = 50
	ended := make(chan *wire, 3*many)
	begin := time.Now()
	for range many {
		headers, body, idle := dial(r), dial(r), dial(r)
		go func() {
			headers.trickle(requestHead("/", length(len(goodBody))))
			ended <- headers
		}()
		go func() {
			_, _ = io.WriteString(body, requestHead("/", length(len(goodBody))))
			body.trickle(goodBody)
			ended <- body
		}()
		go func() { ended <- idle }()
	}
	s.beside(r, func() {
		for range 3 * many {
			w := <-ended
			_, err := io.Copy(io.Discard, w.answers)
			require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the server holds the connection")
		}
	})
	require.Less(t, time.Since(begin), rig.Patience)
	require.EqualValues(t, many, r.Metric("deliveries_total", "status", "503", "reason", "body_timeout"))
	require.EqualValues(t, goodDeliveries, r.Metric("deliveries_total", "status", "200"))
	require.EqualValues(t, many+goodDeliveries, r.Metric("deliveries_total"), "what has no whole headers is no delivery")
	r.Entries(goodDeliveries)

	table := s.newTable("slow senders", "Tried", "Answer", "Reason")
	table.add("50 connections with a byte of the headers every 20 ms, for longer than `http.server_read_timeout`", closes, "")
	table.add("50 with a byte of the body, for longer than `limits.body_timeout`", "503", "`body_timeout`")
	table.add("50 on which nothing comes, for longer than `http.server_read_timeout`", closes, "")
	table.check(t)
}

// HeaderFlood tries headers without end: they are refused before they are held.
func (s Suite[A]) HeaderFlood(t *testing.T) {
	r := s.Start(t, listen("", Limits("")), nil)
	table := s.newTable("headers", "Tried", "Answer", "Entries")
	f := func(name, text string) {
		t.Helper()
		w := dial(r)
		s.beside(r, func() {
			_, _ = io.WriteString(w, text) // The server may not read it all.
			w.closed()
		})
		require.Len(t, r.AllEntries(), goodDeliveries, name)
		table.add(name, closes, "0")
	}
	const begin = "POST / HTTP/1.1\r\nHost: localhost\r\n"
	f("1,048,576 headers", begin+strings.Repeat("X-A: b\r\n", 1<<20)+"\r\n")
	f("a header of 8 MiB", begin+"X-A: "+strings.Repeat("b", 8<<20)+"\r\n\r\n")
	f("a header with a name of 8 MiB", begin+strings.Repeat("b", 8<<20)+": x\r\n\r\n")
	f("a path of 8 MiB", "POST /"+strings.Repeat("b", 8<<20)+" HTTP/1.1\r\nHost: localhost\r\n\r\n")
	f("a method of 8 MiB", strings.Repeat("b", 8<<20)+" / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	f("8 MiB without a line feed", strings.Repeat("b", 8<<20))

	// What fits is looked at, and bounded by what is made of it.
	w, goodBody := dial(r), s.goodBody(t)
	w.send(requestHead("/", append(strings.Split(strings.Repeat("X-A: b\n", 20_000), "\n")[:20_000], length(len(goodBody)))...) + goodBody)
	status, _ := w.answer()
	require.Equal(t, 200, status)
	r.Entries(1)
	table.add("20,000 headers before a good delivery", "200", "1")
	table.check(t)
}

// ContentLength tries bodies that are not as long as they say: the server decides by
// one length, so that no two machines on the way can disagree on where a request
// ends.
func (s Suite[A]) ContentLength(t *testing.T) {
	r := s.Start(t, listen("", Limits("")), nil)
	goodBody := s.goodBody(t)
	table := s.newTable("lengths", "Tried", "Answer", "The sender is told", "Entries", "Reason")
	n := length(len(goodBody))
	for _, refused := range []struct {
		name    string
		headers []string
	}{
		{"a negative length", []string{"Content-Length: -1"}},
		{"a length with a sign", []string{"Content-Length: +5"}},
		{"a hexadecimal length", []string{"Content-Length: 0x10"}},
		{"a length of too many digits", []string{"Content-Length: 99999999999999999999"}},
		{"a length that is no number", []string{"Content-Length: many"}},
		{"two lengths that differ", []string{n, length(len(goodBody) - 1)}},
		{"a list of lengths that differ", []string{n + ", 5"}},
		{"chunked twice", []string{"Transfer-Encoding: chunked", "Transfer-Encoding: chunked"}},
		{"a transfer in gzip", []string{"Transfer-Encoding: gzip, chunked"}},
		{"a blank behind `Content-Length`", []string{"Content-Length : 5"}},
	} {
		w := dial(r)
		w.send(requestHead("/", refused.headers...) + goodBody)
		w.closeWrite()
		w.closed()
		require.Empty(t, r.AllEntries(), refused.name)
		require.Zero(t, r.Metric("deliveries_total"), refused.name)
		table.add(refused.name, closes, "", "0", "")
	}
	s.lengths(r, table)
	table.check(t)
}

// lengths tries lengths that are numbers.
func (s Suite[A]) lengths(r *rig.Rig[A], table *table) {
	goodBody := s.goodBody(r.T)
	n := length(len(goodBody))
	f := func(name string, status int, reason firehose.Reason, body string, headers ...string) {
		r.T.Helper()
		before := r.Metric("deliveries_total", "reason", string(reason))
		w := dial(r)
		w.send(requestHead("/", headers...) + body)
		if status != 200 { // Who closes this half before the answer does not wait for it.
			w.closeWrite()
		}
		got, message := w.answer()
		require.Equal(r.T, status, got, message)
		r.Eventually(func() bool { return r.Metric("deliveries_total", "reason", string(reason)) > before }, "the count")
		entries := r.AllEntries()
		require.Len(r.T, entries, map[int]int{200: 1}[status], name)
		for _, e := range entries {
			require.NotContains(r.T, e.Labels.String(), "theirs", "a trailer is no header")
		}
		table.add(name, fmt.Sprint(status), told(message), fmt.Sprint(len(entries)), code(string(reason)))
	}
	f("one length", 200, firehose.ReasonOK, goodBody, n)
	f("one length twice", 200, firehose.ReasonOK, goodBody, n, n) // RFC 9110, section 8.6, lets a server take these for one.
	f("a body that is shorter than it says", 400, firehose.ReasonBodyIncomplete, goodBody, length(len(goodBody)+1))
	f("a length of 1 TiB", 400, firehose.ReasonBodySize, goodBody, length(1<<40))
	f("the largest length", 400, firehose.ReasonBodySize, goodBody, "Content-Length: 9223372036854775807")
	f("a chunk that is shorter than it says", 400, firehose.ReasonBodyIncomplete, fmt.Sprintf("%x\r\n%s", len(goodBody)+5, goodBody), "Transfer-Encoding: chunked")
	f("a chunk without a length", 400, firehose.ReasonBodyIncomplete, "zz\r\n"+goodBody, "Transfer-Encoding: chunked")
	f("a chunk with too long a length", 400, firehose.ReasonBodyIncomplete, "fffffffffffffffff\r\n"+goodBody, "Transfer-Encoding: chunked")
	f("a tenant in a trailer", 200, firehose.ReasonOK, fmt.Sprintf("%x\r\n%s\r\n0\r\nX-Scope-OrgID: theirs\r\n\r\n", len(goodBody), goodBody),
		"Transfer-Encoding: chunked", "Trailer: X-Scope-OrgID")
}
