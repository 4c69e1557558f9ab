package hostile

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/go-kit/log"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component"

	"github.com/grafana/alloy/eks/internal/lokientry"
	"github.com/grafana/alloy/eks/internal/rig"
)

// KeyGuessing tries keys that are nearly right, and many that are not: none gets
// anything in, hears how near it came, or is written down.
func (s Suite[A]) KeyGuessing(t *testing.T) {
	const key = "0123456789abcdefghijklmnopqrstuv"
	var logged lockedBuffer
	r := s.Start(t, listen("", rig.AnyAge+`
		access_key = "`+key+`"
		key {
			name       = "shop"
			access_key = "the-key-of-the-shop"
			tenant_id  = "shop"
		}
	`), func(_ *rig.Rig[A], opts *component.Options) { opts.Logger = log.NewLogfmtLogger(&logged) })
	table := s.newTable("keys", "Tried", "Answer", "The sender is told", "Entries", "Reason")
	goodBody := s.goodBody(t)
	f := func(name, header string) {
		t.Helper()
		w := dial(r)
		w.send("POST / HTTP/1.1\r\nHost: localhost\r\n" + header + length(len(goodBody)) + "\r\n\r\n" + goodBody)
		status, message := w.answer()
		require.Equal(t, 401, status, name)
		require.Empty(t, r.AllEntries(), name)
		table.add(name, fmt.Sprint(status), message, "0", "`access_key`")
	}
	of := func(key string) string { return "X-Amz-Firehose-Access-Key: " + key + "\r\n" }
	f("no key", "")
	f("an empty key", of(""))
	f("all but the last character", of(key[:len(key)-1]))
	f("one character more", of(key+"x"))
	f("the last character wrong", of(key[:len(key)-1]+"x"))
	f("capitals", of(strings.ToUpper(key)))
	f("two keys in one header", of(key+", the-key-of-the-shop"))
	f("a wrong key before the right one", of("x")+of(key))
	f("in quotes", of(`"`+key+`"`))
	f("as a bearer token", "Authorization: Bearer "+key+"\r\n")
	f("in another header", "X-Api-Key: "+key+"\r\n")
	f("the name of a key", of("shop"))
	f("a key of 64 KiB", of(strings.Repeat(key, 2048)))
	f("`*`", of("*"))
	f("a NUL in it", of(key[:5]+"%00"+key[5:]))
	s.guess(r)
	table.add("2,000 of them at once, on 8 connections, beside good deliveries", "401", "", "0", "`access_key`")
	s.keyOfATenant(r, "the-key-of-the-shop")
	table.add("the key of tenant `shop`, with the header of another tenant", "200", "", "1, of tenant `shop`", "`ok`")
	require.NotContains(t, logged.String(), key[:8])
	require.NotContains(t, logged.String(), "the-key")
	table.check(t)
}

// guess tries two thousand keys.
func (s Suite[A]) guess(r *rig.Rig[A]) {
	r.T.Helper()
	const connections, guesses = 8, 2_000
	before := r.Metric("deliveries_total", "status", "401", "reason", "access_key")
	record := s.Record(r.T)
	var all sync.WaitGroup
	for c := range connections {
		all.Go(func() {
			for i := range guesses / connections {
				a, err := r.TryPost(strings.NewReader("x"), "X-Amz-Firehose-Access-Key", fmt.Sprintf("%d-%d", c, i))
				if err != nil || a.Status != 401 {
					r.T.Errorf("a guess is answered %+v, %v", a, err)
					return
				}
			}
		})
	}
	for range 20 {
		a, err := r.TryPost(rig.Body(record), "X-Amz-Firehose-Access-Key", "0123456789abcdefghijklmnopqrstuv")
		require.NoError(r.T, err)
		require.Equal(r.T, 200, a.Status)
	}
	all.Wait()
	require.EqualValues(r.T, guesses, r.Metric("deliveries_total", "status", "401", "reason", "access_key")-before)
	r.Entries(20)
}

// keyOfATenant checks that who has a key of one tenant gets into no other.
func (s Suite[A]) keyOfATenant(r *rig.Rig[A], key string) {
	r.T.Helper()
	a := r.Deliver([]string{s.Record(r.T)}, "X-Amz-Firehose-Access-Key", key, "X-Scope-OrgID", "bank",
		"X-Amz-Firehose-Common-Attributes", `{"commonAttributes":{"lbl___tenant_id__":"bank","__tenant_id__":"bank"}}`)
	require.Equal(r.T, 200, a.Status, a.Error)
	require.EqualValues(r.T, "shop", r.Entries(1)[0].Labels[lokientry.LabelTenant])
}

// OwnLog tries what a sender says of itself: it stands in our own log between
// quotes, makes no line there, and nothing that a terminal would take for a
// command.
func (s Suite[A]) OwnLog(t *testing.T) {
	var logged lockedBuffer
	r := s.Start(t, listen("", Limits("")), func(_ *rig.Rig[A], opts *component.Options) { opts.Logger = log.NewLogfmtLogger(&logged) })
	const forged = `level=error msg=forged`
	lines := 0
	f := func(body string, headers ...string) {
		t.Helper()
		logged.reset()
		before := r.Metric("deliveries_total")
		a, err := r.TryPost(strings.NewReader(body), append([]string{"X-Amz-Firehose-Access-Key", "key"}, headers...)...)
		require.NoError(t, err)
		require.NotZero(t, a.Status)
		r.Eventually(func() bool { return r.Metric("deliveries_total") > before }, "the delivery is counted")
		for line := range strings.Lines(logged.String()) {
			lines++
			require.False(t, strings.HasPrefix(line, forged), "%q", logged.String())
			require.NotContains(t, strings.TrimSuffix(line, "\n"), "\x1b", "%q", line)
			require.Contains(t, line, "msg=", "%q", line)
			require.Less(t, len(line), 2_000, "%q", line)
		}
	}
	const id = "X-Amz-Firehose-Request-Id"
	f(`{"requestId":"a\n`+forged+`\r\n\u001b[2Jb","records":[`+strings.Repeat(`{},`, 10_000)+`{}]}`, id, "")
	f(`{"requestId":"\n`+forged+`","records":[]}`, id, "x")
	f(`{"requestId":"\n`+forged+`","records":[]`, id, "")
	f(rig.Envelope(), id, `" `+forged)
	f(rig.Envelope(), id, strings.Repeat("a", 100_000))
	f(rig.Envelope(), "X-Amz-Firehose-Source-Arn", strings.Repeat(`" `+forged+" ", 1000), "X-Amz-Firehose-Access-Key", "x")
	f(rig.Envelope(), "X-Amz-Firehose-Common-Attributes", `{"commonAttributes":{"a\n`+forged+`\u001b":5,"`+strings.Repeat("b", 10_000)+`":5}}`)
	f(rig.Envelope(), "X-Scope-OrgID", `a b" `+forged)
	require.Positive(t, lines, "nothing is logged at all")

	table := s.newTable("own log", "Tried", "In our log")
	table.add("line feeds, quotes and commands for a terminal in the request id, of the header and of the body", "in quotes, escaped, up to 256 bytes, at level debug")
	table.add("the same in the ARN, the tenant and the names of common attributes", "in quotes, escaped, cut, at level debug")
	table.check(t)
}

// lockedBuffer is a buffer for many goroutines.
type lockedBuffer struct {
	mut sync.Mutex
	buf strings.Builder
}

var _ io.Writer = (*lockedBuffer)(nil)

// Write implements io.Writer.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mut.Lock()
	defer b.mut.Unlock()
	return b.buf.Write(p)
}

// String returns what was written since the last reset.
func (b *lockedBuffer) String() string {
	b.mut.Lock()
	defer b.mut.Unlock()
	return b.buf.String()
}

func (b *lockedBuffer) reset() {
	b.mut.Lock()
	defer b.mut.Unlock()
	b.buf.Reset()
}
