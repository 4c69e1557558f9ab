package hostile

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/component/common/loki"

	"github.com/grafana/alloy/eks/internal/rig"
)

// withoutTLS is a block of a server that speaks HTTP/2 without TLS.
const withoutTLS = `http2 {
	enabled = true
}`

// overHTTP2 returns a client that speaks nothing else.
func overHTTP2(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// HTTP2 tries what HTTP/1.1 was tried with: a request that ends is no end of the
// connection, nor of others on it.
func (s Suite[A]) HTTP2(t *testing.T) {
	r := s.Start(t, listen(withoutTLS, rig.AnyAge+`access_key = "key"
		limits {
			body_size              = "1MiB"
			decompressed_body_size = "1MiB"
			body_timeout           = "1s"
		}
	`), nil)
	one := r.Client
	r.Client = overHTTP2(t)
	record := s.Record(t)
	table := s.newTable("http2", "Tried over HTTP/2", "Answer", "The sender is told", "Entries")
	f := func(name string, body io.Reader, key string, status int, headers ...string) {
		t.Helper()
		a, err := r.TryPost(body, append(headers, "X-Amz-Firehose-Access-Key", key)...)
		require.NoError(t, err)
		require.Equal(t, status, a.Status, a.Error)
		table.add(name, fmt.Sprint(status), told(a.Error), fmt.Sprint(map[int]int{200: 1}[status]))
	}
	f("a good delivery", rig.Body(record), "key", 200)
	f("a wrong key", rig.Body(record), "kex", 401)
	f("no key", rig.Body(record), "", 401)
	f("2 MiB of `[`", strings.NewReader(strings.Repeat("[", 2<<20)), "key", 400)
	f("a gzip bomb of 16 MiB", strings.NewReader(Bomb(t, 16<<20)), "key", 400, "Content-Encoding", "gzip")
	slow, writer := io.Pipe()
	defer func() { _ = writer.Close() }()
	var others sync.WaitGroup
	others.Go(func() {
		if a, err := r.TryPost(slow, "X-Amz-Firehose-Access-Key", "key"); err != nil || a.Status != 503 {
			t.Errorf("a body that does not arrive is answered %+v, %v", a, err)
		}
	})
	for range 20 {
		others.Go(func() {
			if a, err := r.TryPost(rig.Body(record), "X-Amz-Firehose-Access-Key", "key"); err != nil || a.Status != 200 {
				t.Errorf("a good delivery is answered %+v, %v", a, err)
			}
		})
	}
	others.Wait()
	for _, e := range r.Entries(21) {
		require.Equal(t, s.Line, e.Line)
	}
	table.add("a body that does not arrive, and 20 good deliveries on its connection", "503, and 200 for the others", "", "20")
	r.Client = one
	f("HTTP/1.1 on the same port", rig.Body(record), "key", 200)
	table.check(t)
}

// UpgradeToHTTP2 tries a request that asks to go on in HTTP/2: it stays one of
// HTTP/1.1. To change, the server would have to hold the whole body, before it has
// looked at the key.
func (s Suite[A]) UpgradeToHTTP2(t *testing.T) {
	const size = 64 << 20
	r := s.Start(t, listen(withoutTLS, `access_key = "key"`), nil)
	w := dial(r)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	w.send("POST / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n" +
		"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n" + length(size) + "\r\n\r\n")
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		piece := make([]byte, 64<<10)
		for range size / len(piece) {
			if _, err := w.Write(piece); err != nil {
				return // The server does not want the rest.
			}
		}
	}()
	status, _ := w.answer()
	require.Equal(t, http.StatusUnauthorized, status)
	<-sent
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(size/4))
}

// StopOverHTTP2 stops a component, which answers what is under way over HTTP/2 too.
func (s Suite[A]) StopOverHTTP2(t *testing.T) {
	r := s.Start(t, listen(withoutTLS, rig.AnyAge), func(r *rig.Rig[A], _ *component.Options) { r.Receiver = loki.NewLogsReceiver() })
	r.Client = overHTTP2(t)
	record := s.Record(t)
	answered := make(chan rig.Answer, 1)
	go func() {
		a, err := r.TryPost(rig.Body(record, record))
		if err != nil {
			t.Error(err)
		}
		answered <- a
	}()
	<-r.Receiver.Chan()
	r.Stop()
	require.Equal(t, 503, (<-answered).Status)
}
