package recipes

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A device's message, and what becomes of it.
type message struct {
	bytes string
	at    time.Time // Zero when it tells none.
	line  string
	// rfc is the component of syslog-rfc.alloy that takes it, if one does.
	rfc string
	// labels are host and service_name.
	labels   [2]string
	metadata map[string]string
}

// messages are of the forms that devices send.
func messages(now time.Time) []message {
	day := now.UTC().Truncate(time.Second)
	return []message{
		{
			bytes: "<6>2022-05-12T16:22:01-04:00  random-workload[3966]: step 7 of 12 done",
			at:    time.Date(2022, time.May, 12, 20, 22, 1, 0, time.UTC), line: "step 7 of 12 done",
			labels:   [2]string{"127.0.0.1", "random-workload"},
			metadata: map[string]string{"level": "info", "severity": "informational", "facility": "kern", "pid": "3966", "peer": "127.0.0.1"},
		},
		{
			bytes: "<27>2022-05-12T16:22:02.5-04:00 edge-4 watcher: cannot read: [Errno 5]",
			at:    time.Date(2022, time.May, 12, 20, 22, 2, 5e8, time.UTC), line: "cannot read: [Errno 5]",
			labels:   [2]string{"edge-4", "watcher"},
			metadata: map[string]string{"level": "error", "severity": "error", "facility": "daemon", "peer": "127.0.0.1"},
		},
		{
			rfc:   "rfc3164",
			bytes: "<30>" + day.Format("Jan _2 15:04:05") + " gate dhcpd[12]: lease 10.1.2.3 for aa:bb",
			at:    day, line: "lease 10.1.2.3 for aa:bb",
			labels:   [2]string{"gate", "dhcpd"},
			metadata: map[string]string{"level": "info", "severity": "informational", "facility": "daemon", "pid": "12", "peer": "127.0.0.1"},
		},
		{
			rfc:   "rfc5424",
			bytes: `<165>1 2026-10-11T22:14:15.003124Z meter.example.com reader 4711 ID47 [a@32473 k="x\]\"y"][b@32473 l="z"] kWh 17.3`,
			at:    time.Date(2026, time.October, 11, 22, 14, 15, 3124e3, time.UTC), line: "kWh 17.3",
			labels: [2]string{"meter.example.com", "reader"},
			metadata: map[string]string{
				"level": "info", "severity": "notice", "facility": "local4", "pid": "4711", "message_id": "ID47", "peer": "127.0.0.1",
				"data": `[a@32473 k="x\]\"y"][b@32473 l="z"]`,
			},
		},
		{
			rfc:      "rfc5424",
			bytes:    "<12>1 - - - - - - nothing is known",
			line:     "nothing is known",
			labels:   [2]string{"127.0.0.1", "syslog"},
			metadata: map[string]string{"level": "warn", "severity": "warning", "facility": "user", "peer": "127.0.0.1"},
		},
		{
			bytes:    "<2>out of memory",
			line:     "out of memory",
			labels:   [2]string{"127.0.0.1", "syslog"},
			metadata: map[string]string{"level": "fatal", "severity": "critical", "facility": "kern", "peer": "127.0.0.1"},
		},
	}
}

func TestSyslog(t *testing.T) {
	t.Parallel()
	loki := startLoki(t)
	certFile, keyFile, trust := certificate(t)
	config := replace(t, recipe(t, "syslog.alloy"), `"0.0.0.0:1514"`, `"127.0.0.1:0"`, `"0.0.0.0:6514"`, `"127.0.0.1:0"`, "/etc/alloy/tls/tls.crt", certFile, "/etc/alloy/tls/tls.key", keyFile)
	begin := time.Now()
	a := startAlloy(t, config, []string{"--stability.level=experimental"}, "LOKI_URL="+loki.url)

	dials := []func() (net.Conn, error){
		func() (net.Conn, error) { return net.Dial("tcp", a.logged(`address=(\S+) protocol=tcp tls=false`)[0]) },
		func() (net.Conn, error) { return net.Dial("udp", a.logged(`address=(\S+) protocol=udp`)[0]) },
		func() (net.Conn, error) {
			return tls.Dial("tcp", a.logged(`address=(\S+) protocol=tcp tls=true`)[0], trust)
		},
	}
	want := messages(begin)
	slices.SortFunc(want, func(a, b message) int { return a.at.Compare(b.at) })
	for n, dial := range dials {
		before := len(loki.Entries())
		send(t, dial, want, lineFeed)
		a.await(loki.has(before + len(want)))
		requireMessages(t, begin, want, loki.Entries()[before:], n)
	}

	// Octets counted before each message, as RFC 6587 has it too.
	before := len(loki.Entries())
	send(t, dials[0], want, func(text string) string { return fmt.Sprintf("%d %s", len(text), text) })
	a.await(loki.has(before + len(want)))
	requireMessages(t, begin, want, loki.Entries()[before:], len(dials))
}

// send sends messages, each framed, over a connection of their own.
func send(t *testing.T, dial func() (net.Conn, error), messages []message, frame func(string) string) {
	t.Helper()
	conn, err := dial()
	require.NoError(t, err)
	for _, m := range messages {
		_, err := io.WriteString(conn, frame(m.bytes))
		require.NoError(t, err)
	}
	require.NoError(t, conn.Close())
}

// lineFeed frames messages by ending each with one.
func lineFeed(text string) string { return text + "\n" }

func requireMessages(t *testing.T, begin time.Time, want []message, got []entry, n int) {
	t.Helper()
	require.Len(t, got, len(want))
	for _, m := range want {
		i := slices.IndexFunc(got, func(e entry) bool { return e.Line == m.line })
		require.NotEqual(t, -1, i, "%d: %q in %v", n, m.line, got)
		e := got[i]
		require.Equal(t, map[string]string{"host": m.labels[0], "service_name": m.labels[1]}, e.Labels, m.bytes)
		require.Equal(t, m.metadata, e.Metadata, m.bytes)
		if m.at.IsZero() {
			require.Less(t, begin.UnixNano(), e.Nanos, "the time of arrival")
			continue
		}
		require.Equal(t, m.at.UnixNano(), e.Nanos, m.bytes)
	}
}

// The listeners of the two RFCs take their own form, and count what is another.
func TestSyslog_RFC(t *testing.T) {
	t.Parallel()
	loki := startLoki(t)
	certFile, keyFile, trust := certificate(t)
	config := replace(t, recipe(t, "syslog-rfc.alloy"), `"0.0.0.0:1601"`, `"127.0.0.1:0"`, `"0.0.0.0:1514"`, `"127.0.0.1:0"`, `"0.0.0.0:6514"`, `"127.0.0.1:0"`,
		"/etc/alloy/tls/tls.crt", certFile, "/etc/alloy/tls/tls.key", keyFile)
	begin := time.Now()
	a := startAlloy(t, config, nil, "LOKI_URL="+loki.url)

	for _, rfc := range []string{"rfc5424", "rfc3164"} {
		listener := `component_id=loki\.source\.syslog\.` + rfc + ` address=(\S+) protocol=`
		dials := []func() (net.Conn, error){
			func() (net.Conn, error) { return net.Dial("tcp", a.logged(listener + `tcp tls=false`)[0]) },
			func() (net.Conn, error) { return net.Dial("udp", a.logged(listener + `udp`)[0]) },
		}
		if rfc == "rfc5424" {
			dials = append(dials, func() (net.Conn, error) { return tls.Dial("tcp", a.logged(listener + `tcp tls=true`)[0], trust) })
		}
		var want []message
		for _, m := range messages(begin) {
			if m.rfc == rfc {
				delete(m.metadata, "data")
				want = append(want, m)
			}
		}
		require.NotEmpty(t, want)
		for n, dial := range dials {
			before := len(loki.Entries())
			send(t, dial, want, lineFeed)
			a.await(loki.has(before + len(want)))
			requireMessages(t, begin, want, loki.Entries()[before:], n)
		}

		before := len(loki.Entries())
		send(t, dials[0], messages(begin)[:1], lineFeed)
		a.await(a.metric("loki_source_syslog_parsing_errors_total{", "loki.source.syslog."+rfc, "} 1"))
		require.Len(t, loki.Entries(), before)
	}
}

// certificate makes files of a server's certificate and its key, and returns what a
// client needs to trust it.
func certificate(t *testing.T) (certFile, keyFile string, trust *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	require.NoError(t, os.WriteFile(certFile, cert, 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(cert))
	return certFile, keyFile, &tls.Config{RootCAs: pool}
}
