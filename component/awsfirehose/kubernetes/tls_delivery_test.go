package kubernetes

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/rig"
	"github.com/grafana/alloy/eks/internal/standin"
)

// withTLS returns arguments whose server has the block tls.
func withTLS(block string, args ...any) string {
	return rig.AnyAge + "http {\ntls {\n" + fmt.Sprintf(block, args...) + "\n}\n}\n"
}

// deliverTLS delivers one record by a connection of its own and returns the serial
// number of the server's certificate. The server is asked for by the host's name or
// address.
func deliverTLS(r *testRig, host string, client *tls.Config, http2 bool) (serial *big.Int, err error) {
	r.T.Helper()
	_, port, err := net.SplitHostPort(r.Info().Endpoint.Address)
	require.NoError(r.T, err)
	transport := &http.Transport{
		ForceAttemptHTTP2: http2, DisableKeepAlives: true,
		TLSClientConfig: client.Clone(),
	}
	defer transport.CloseIdleConnections()
	transport.TLSClientConfig.VerifyConnection = func(state tls.ConnectionState) error {
		serial = state.PeerCertificates[0].SerialNumber
		return nil
	}
	sender, err := standin.NewSender(standin.Options{URL: "https://" + net.JoinHostPort(host, port), Transport: transport})
	require.NoError(r.T, err)
	result := sender.Send(r.T.Context(), [][]byte{[]byte("hello")})
	if result.Outcome != standin.Accepted {
		return serial, fmt.Errorf("%s: %+v", result.Outcome, result.Attempts)
	}
	require.Equal(r.T, "hello", r.Entries(1)[0].Line)
	return serial, nil
}

// A certificate that is replaced on the disk is there for the next connection,
// whether the client says the server's name or not, and connections that are open
// go on.
func TestTLS_Rotation(t *testing.T) {
	ours := newAuthority(t, "ours")
	files := newPairFiles(t, ours.server())
	r := newRig(t, withTLS("cert_file = %q\nkey_file = %q", files.cert, files.key), nil)
	client := &tls.Config{RootCAs: ours.pool()}

	_, port, err := net.SplitHostPort(r.Info().Endpoint.Address)
	require.NoError(t, err)
	open := &http.Transport{TLSClientConfig: client.Clone(), MaxConnsPerHost: 1}
	handshakes := 0
	open.TLSClientConfig.VerifyConnection = func(tls.ConnectionState) error { handshakes++; return nil }
	defer open.CloseIdleConnections()
	lasting, err := standin.NewSender(standin.Options{URL: "https://localhost:" + port, Transport: open})
	require.NoError(t, err)

	for round := int64(2); round < 5; round++ {
		require.Equal(t, standin.Accepted, lasting.Send(t.Context(), [][]byte{[]byte("lasting")}).Outcome)
		r.Entries(1)
		for _, host := range []string{"localhost", "127.0.0.1"} {
			for _, http2 := range []bool{false, true} {
				serial, err := deliverTLS(r, host, client, http2)
				require.NoError(t, err)
				require.Equal(t, round, serial.Int64(), host)
			}
		}
		files.replace(t, ours.server())
	}
	require.Equal(t, 1, handshakes)

	// Files that do not fit together, as in the middle of a replacement, cost the
	// connections of that moment and nothing else.
	fitting := ours.server()
	files.replace(t, pair{cert: fitting.cert, key: ours.server().key})
	_, err = deliverTLS(r, "localhost", client, false)
	require.Error(t, err)
	files.replace(t, fitting)
	_, err = deliverTLS(r, "localhost", client, false)
	require.NoError(t, err)
}

// Who delivers must have a certificate of the right authority, for the right use and
// of these days; the access key is asked for on top of that.
func TestTLS_ClientCertificates(t *testing.T) {
	ours, clients, others := newAuthority(t, "ours"), newAuthority(t, "clients"), newAuthority(t, "clients")
	files := newPairFiles(t, clients.client())
	server := ours.server()
	f := func(block string, args ...any) {
		t.Helper()
		r := newRig(t, withTLS("cert_pem = %q\nkey_pem = %q\nclient_auth_type = \"RequireAndVerifyClientCert\"\n"+block,
			append([]any{server.cert, server.key}, args...)...), nil)
		try := func(name string, certs []tls.Certificate, accepted bool) {
			t.Helper()
			for _, http2 := range []bool{false, true} {
				_, err := deliverTLS(r, "localhost", &tls.Config{RootCAs: ours.pool(), Certificates: certs}, http2)
				require.Equal(t, accepted, err == nil, "%s: %v", name, err)
			}
		}
		try("good", clients.client().load(t), true)
		try("none", nil, false)
		try("another authority of the same name", others.client().load(t), false)
		try("the server's own", server.load(t), false)
		try("for a server", clients.server().load(t), false)
		try("expired", clients.issue(x509.ExtKeyUsageClientAuth, time.Minute).load(t), false)
		try("good again", clients.client().load(t), true)
		require.EqualValues(t, 4, r.Metric("deliveries_total"), "nobody else gets as far as a delivery")
	}
	f("client_ca = %q", clients.pem())
	files.replace(t, pair{cert: clients.pem()})
	f("client_ca_file = %q", files.cert)

	// An authority file without one lets nobody in.
	files.replace(t, pair{cert: "not a certificate"})
	r := newRig(t, withTLS("cert_pem = %q\nkey_pem = %q\nclient_auth_type = \"RequireAndVerifyClientCert\"\nclient_ca_file = %q",
		server.cert, server.key, files.cert), nil)
	_, err := deliverTLS(r, "localhost", &tls.Config{RootCAs: ours.pool(), Certificates: clients.client().load(t)}, false)
	require.Error(t, err)
}

// The oldest version that is spoken is the one of the configuration.
func TestTLS_MinVersion(t *testing.T) {
	ours := newAuthority(t, "ours")
	server := ours.server()
	f := func(text string, most uint16, accepted bool) {
		t.Helper()
		r := newRig(t, withTLS("cert_pem = %q\nkey_pem = %q\n"+text, server.cert, server.key), nil)
		_, err := deliverTLS(r, "localhost", &tls.Config{RootCAs: ours.pool(), MinVersion: tls.VersionTLS10, MaxVersion: most}, false)
		require.Equal(t, accepted, err == nil, "%s: %v", tls.VersionName(most), err)
	}
	f(``, tls.VersionTLS13, true)
	f(``, tls.VersionTLS12, true)
	f(``, tls.VersionTLS11, false)
	f(`min_version = "VersionTLS13"`, tls.VersionTLS13, true)
	f(`min_version = "VersionTLS13"`, tls.VersionTLS12, false)
	f(`min_version = "VersionTLS12"`, tls.VersionTLS12, true)
}

// With TLS there is nothing without it.
func TestTLS_PlainHTTP(t *testing.T) {
	ours := newAuthority(t, "ours")
	server := ours.server()
	r := newRig(t, withTLS("cert_pem = %q\nkey_pem = %q", server.cert, server.key), nil)
	resp, err := r.Client.Post(r.URL(), "application/json", rig.Body("hello"))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
	require.Zero(t, r.Metric("deliveries_total"))
	_, err = deliverTLS(r, "localhost", &tls.Config{RootCAs: newAuthority(t, "another").pool()}, false)
	require.Error(t, err, "a client that does not know the authority")
	_, err = deliverTLS(r, "localhost", &tls.Config{RootCAs: ours.pool()}, false)
	require.NoError(t, err)
}

// A new configuration changes the certificate, and takes TLS on and off.
func TestTLS_Update(t *testing.T) {
	ours, theirs := newAuthority(t, "ours"), newAuthority(t, "theirs")
	first, second := ours.server(), theirs.server()
	r := newRig(t, withTLS("cert_pem = %q\nkey_pem = %q", first.cert, first.key), nil)
	f := func(from *authority, accepted bool) {
		t.Helper()
		_, err := deliverTLS(r, "localhost", &tls.Config{RootCAs: from.pool()}, false)
		require.Equal(t, accepted, err == nil, err)
	}
	f(ours, true)
	r.Configure(withTLS("cert_pem = %q\nkey_pem = %q", second.cert, second.key))
	f(ours, false)
	f(theirs, true)
	r.Configure(``)
	f(theirs, false)
	require.Equal(t, 200, r.Deliver([]string{"x"}).Status)
}

// What the server could not serve, or would let the wrong clients in with, is an
// error of the configuration, which holds no key.
func TestTLS_Arguments(t *testing.T) {
	ours := newAuthority(t, "ours")
	p := ours.server()
	files := newPairFiles(t, p)
	f := func(want, block string, args ...any) {
		t.Helper()
		_, err := rig.Decode[Arguments]("forward_to = []\n" + withTLS(block, args...))
		if want == "" {
			require.NoError(t, err)
			return
		}
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "PRIVATE")
	}
	f("", "cert_pem = %q\nkey_pem = %q", p.cert, p.key)
	f("", "cert_file = %q\nkey_file = %q", files.cert, files.key)
	f("", "cert_pem = \"x\"\nkey_pem = \"x\"\ncert_file = %q\nkey_file = %q", files.cert, files.key)
	f("one kind of place", "cert_pem = %q\nkey_file = %q", p.cert, files.key)
	f("one kind of place", "cert_file = %q\nkey_pem = %q", files.cert, p.key)
	f("one kind of place", "cert_file = %q\nkey_pem = %q\ncert_pem = %q", files.cert, p.key, p.cert)
	f("plain HTTP", "cert_pem = %q", p.cert)
	for _, kind := range []string{"RequireAndVerifyClientCert", "VerifyClientCertIfGiven"} {
		f(kind+" needs the authority", "cert_pem = %q\nkey_pem = %q\nclient_auth_type = %q", p.cert, p.key, kind)
		f("", "cert_pem = %q\nkey_pem = %q\nclient_auth_type = %q\nclient_ca = %q", p.cert, p.key, kind, ours.pem())
	}

	// What only the server finds out.
	r := newRig(t, ``, nil)
	update := func(block string, args ...any) {
		t.Helper()
		err := r.Update(r.Arguments(withTLS(block, args...)))
		require.ErrorContains(t, err, "argument http")
		require.NotContains(t, err.Error(), "PRIVATE")
		r.Configure(``)
		require.Equal(t, 200, r.Deliver([]string{"x"}).Status)
	}
	update("cert_pem = %q\nkey_pem = %q", p.cert, ours.server().key)
	update("cert_pem = %q\nkey_pem = %q", p.key, p.cert)
	update("cert_file = %q\nkey_file = %q", files.cert+strconv.Itoa(1), files.key)
	update("cert_pem = %q\nkey_pem = %q\nmin_version = \"VersionTLS09\"", p.cert, p.key)
	update("cert_pem = %q\nkey_pem = %q\nclient_auth_type = \"Sometimes\"", p.cert, p.key)
	update("cert_pem = %q\nkey_pem = %q\nclient_ca = %q", p.cert, p.key, ours.pem())
}
