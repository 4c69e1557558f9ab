package kubernetes

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component/common/loki"

	"github.com/grafana/alloy/eks/internal/rig"
)

// withoutTLS is a server that speaks HTTP/2 without TLS.
const withoutTLS = `
	http {
		http2 {
			enabled = true
		}
	}
`

// overHTTP2 returns a client that speaks nothing else.
func overHTTP2(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestHostile_HTTP2(t *testing.T) {
	r := newRig(t, withoutTLS+`access_key = "key"
		limits {
			body_size              = "1MiB"
			decompressed_body_size = "1MiB"
			body_timeout           = "1s"
		}
	`, nil)
	one := r.Client
	r.Client = overHTTP2(t)
	f := func(body io.Reader, key string, status int, headers ...string) {
		t.Helper()
		a, err := r.TryPost(body, append(headers, "X-Amz-Firehose-Access-Key", key)...)
		require.NoError(t, err)
		require.Equal(t, status, a.Status, a.Error)
	}
	f(rig.Body("good"), "key", 200)
	f(rig.Body("bad"), "kex", 401)
	f(rig.Body("bad"), "", 401)
	f(strings.NewReader(strings.Repeat("[", 2<<20)), "key", 400)
	f(strings.NewReader(bomb(t, 16<<20)), "key", 400, "Content-Encoding", "gzip")
	// A request that ends is no end of the connection, nor of others on it.
	slow, writer := io.Pipe()
	defer writer.Close()
	var others sync.WaitGroup
	others.Go(func() {
		if a, err := r.TryPost(slow, "X-Amz-Firehose-Access-Key", "key"); err != nil || a.Status != 503 {
			t.Errorf("a body that does not arrive is answered %+v, %v", a, err)
		}
	})
	for range 20 {
		others.Go(func() {
			if a, err := r.TryPost(rig.Body("good"), "X-Amz-Firehose-Access-Key", "key"); err != nil || a.Status != 200 {
				t.Errorf("a good delivery is answered %+v, %v", a, err)
			}
		})
	}
	others.Wait()
	for _, e := range r.Entries(21) {
		require.Equal(t, "good", e.Line)
	}
	r.Client = one
	f(rig.Body("good"), "key", 200)
}

// A request that asks to go on in HTTP/2 stays one of HTTP/1.1: to change, the
// server would have to hold the whole body, before it has looked at the key.
func TestHostile_UpgradeToHTTP2(t *testing.T) {
	const size = 64 << 20
	r := newRig(t, withoutTLS+`access_key = "key"`, nil)
	conn, err := net.Dial("tcp", r.Info().Address)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(rig.Patience)))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"+
		"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\nContent-Length: %d\r\n\r\n", size)
	require.NoError(t, err)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		piece := make([]byte, 64<<10)
		for range size / len(piece) {
			if _, err := conn.Write(piece); err != nil {
				return // The server does not want the rest.
			}
		}
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
	require.NoError(t, resp.Body.Close())
	<-sent
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(size/4))
}

// A component that stops answers what is under way over HTTP/2 too.
func TestHostile_StopOverHTTP2(t *testing.T) {
	r := newRig(t, withoutTLS, func(r *testRig, _ *componentOptions) { r.Receiver = loki.NewLogsReceiver() })
	r.Client = overHTTP2(t)
	answered := make(chan rig.Answer, 1)
	go func() {
		a, err := r.TryPost(rig.Body("one", "two"))
		if err != nil {
			t.Error(err)
		}
		answered <- a
	}()
	<-r.Receiver.Chan()
	r.Stop()
	require.Equal(t, 503, (<-answered).Status)
}
