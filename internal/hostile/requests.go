package hostile

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/firehose"
)

// Smuggling tries requests that hide in the body of another: they are not carried
// out.
func (s Suite[A]) Smuggling(t *testing.T) {
	r := s.Start(t, listen("", Limits("")), nil)
	goodBody := s.goodBody(t)
	hidden := requestHead("/", length(len(goodBody))) + goodBody
	// Where there are both, the chunks count and not the length: RFC 9112, section 6.3.
	w := dial(r)
	w.send(requestHead("/", length(5), "Transfer-Encoding: chunked") + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(hidden), hidden))
	status, _ := w.answer()
	require.Equal(t, 400, status)
	w.closeWrite()
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

	// What is behind a body that has no end belongs to it.
	w = dial(r)
	w.send(requestHead("/", "Connection: close", length(len(goodBody)+len(hidden))) + goodBody + hidden)
	status, _ = w.answer()
	require.Equal(t, 400, status)
	require.Empty(t, r.AllEntries())

	table := s.newTable("smuggling", "Tried", "Answer", "Entries")
	table.add("a request in a chunk, with a `Content-Length` that ends before it", "400, and the connection ends", "0")
	table.add("a request in a body without a key, and one behind it", "401, and 200 for the one behind", "1")
	table.add("a request behind an envelope, within its length", "400", "0")
	table.check(t)
}

// Pipelining tries many requests at once on one connection: each is answered, in its
// order, whatever becomes of the others.
func (s Suite[A]) Pipelining(t *testing.T) {
	r := s.Start(t, listen("", Limits("")), nil)
	const rounds = 50
	goodBody := s.goodBody(t)
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

	table := s.newTable("pipelining", "Tried", "Answer", "Entries")
	table.add("200 requests at once on one connection: a good one, one without a key, a broken one, a good one, and so on", "200, 401, 400, 200, and so on", fmt.Sprint(2*rounds))
	table.check(t)
}

// Paths tries paths and methods of all kinds: two paths and one method take
// deliveries, and nothing leads anywhere else.
func (s Suite[A]) Paths(t *testing.T) {
	r := s.Start(t, listen("", Limits("")), nil)
	goodBody := s.goodBody(t)
	table := s.newTable("paths", "Tried", "Answer")
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
	for _, path := range []string{firehose.PathPush, "http://elsewhere" + firehose.PathPush, "/?x=/../../etc/passwd", "/%61wsfirehose/api/v1/push"} {
		f("POST "+path, 200)
		table.add("`POST "+path+"`", "200")
	}
	for _, path := range []string{
		"/../../../../etc/passwd", "/..%2f..%2fetc%2fpasswd", "/awsfirehose/api/v1/push/../../../../metrics", "/awsfirehose/api/v1/push%00", "/%2e%2e/metrics",
		"/metrics", "/-/ready", "/-/support", "/debug/pprof/heap", "/api/v0/web/components", "/component/x/", "//", "/.", "/%ff", `/\..\..`,
		"/awsfirehose/api/v1/push;a=b", "/AWSFIREHOSE/API/V1/PUSH",
	} {
		f("POST "+path, 404)
		f("GET "+path, 404)
		table.add("`"+path+"`, by `POST` and by `GET`", "404")
	}
	for _, method := range []string{"PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "post", "PRI", "A"} {
		f(method+" /", 405)
		f(method+" "+firehose.PathPush, 405)
		table.add("`"+method+"` of either path", "405")
	}
	for _, method := range []string{"GET", "CONNECT"} {
		f(method+" "+firehose.PathPush, 405)
		table.add("`"+method+" "+firehose.PathPush+"`", "405")
	}
	table.check(t)
}
