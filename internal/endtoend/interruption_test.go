package endtoend

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/standin"
)

// breaking is a connection that breaks: after so many bytes of the request, or at
// the answer.
type breaking struct {
	net.Conn
	room int64 // Bytes that may still be sent; negative for the answer.
}

func (c *breaking) Write(p []byte) (int, error) {
	if c.room < 0 {
		return c.Conn.Write(p)
	}
	if size := int64(len(p)); size <= c.room {
		c.room -= size
		return c.Conn.Write(p)
	}
	n, err := c.Conn.Write(p[:c.room])
	if err == nil {
		err = io.ErrClosedPipe
	}
	_ = c.Conn.Close()
	return n, err
}

func (c *breaking) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.room >= 0 || err != nil {
		return n, err
	}
	// Now the endpoint has answered, and nobody gets to know.
	_ = c.Conn.Close()
	return 0, io.ErrUnexpectedEOF
}

// breakingTransport breaks the first connection of each transport; those that
// follow are sound.
func breakingTransport(room int64) http.RoundTripper {
	var dialled atomic.Int32
	return &http.Transport{
		DisableCompression: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			if err != nil || dialled.Add(1) > 1 {
				return conn, err
			}
			return &breaking{Conn: conn, room: room}, nil
		},
	}
}

// TestInterruption breaks connections in the middle of deliveries, which Firehose
// then makes again.
func TestInterruption(t *testing.T) {
	loki := sharedLoki(t)
	a := startAlloy(t, settings{Loki: loki, Arguments: anyAge})
	found := func(way string) []entry {
		entries := loki.entries(t, fmt.Sprintf(`{way=%q}`, way))
		for _, e := range entries {
			delete(e.Labels, "way")
		}
		return entries
	}
	deliver := func(way string, o standin.Options) standin.Summary {
		t.Helper()
		o.CommonAttributes = map[string]string{"lbl_way": way}
		summary := a.deliver(t, openCapture(t, "cri-parser"), delivering{Options: o})
		require.Equal(t, map[standin.Outcome]int{standin.Accepted: 1}, summary.Outcomes, summary.LastError)
		a.flush()
		return summary
	}
	size := deliver("undisturbed", standin.Options{}).WireBytes
	want := found("undisturbed")
	require.NotEmpty(t, want)

	f := func(way string, room int64, gzip bool) {
		t.Helper()
		summary := deliver(way, standin.Options{
			Transport: breakingTransport(room), RetryDuration: patience, RetryUnit: time.Millisecond, Gzip: gzip,
		})
		require.Equal(t, 2, summary.Attempts)
		require.Equal(t, map[standin.ErrorCode]int{standin.ConnectionReset: 1}, summary.Errors)
		require.Empty(t, difference(want, found(way)))
	}
	f("only the headers", 500, false)
	f("half of the body", size/2, false)
	f("all but the end", size, false) // The headers come on top.
	f("the beginning, compressed", size/10, true)
	f("all, but the answer is lost", -1, false)
}
