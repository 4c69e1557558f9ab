package endpoint

import (
	"crypto/tls"
	"errors"
	"net/http"
	"slices"

	fnet "github.com/grafana/alloy/internal/component/common/net"
)

// validateTLS refuses what the server would answer by plain HTTP without a word,
// could not serve, or would let the wrong clients in with.
func validateTLS(c *fnet.TLSConfig) error {
	if c == nil || *c == (fnet.TLSConfig{}) {
		return nil
	}
	if (c.Cert == "" && c.CertFile == "") || (c.Key == "" && c.KeyFile == "") {
		return errors.New("http.tls needs a certificate, cert_pem or cert_file, and a key, key_pem or key_file: without both the server would speak plain HTTP")
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		return errors.New("http.tls takes a certificate and its key from one kind of place: use cert_file with key_file, or cert_pem with key_pem")
	}
	// Without an authority of its own, Go's server asks those of the system, which
	// vouch for half of the Internet.
	verifies := []string{tls.VerifyClientCertIfGiven.String(), tls.RequireAndVerifyClientCert.String()}
	if slices.Contains(verifies, c.ClientAuth) && c.ClientCA == "" && c.ClientCAFile == "" {
		return errors.New("http.tls: client_auth_type " + c.ClientAuth + " needs the authority of the clients: set client_ca or client_ca_file")
	}
	return nil
}

// readCertificates lets a server with TLS read its certificate anew for each
// connection. By itself it keeps the first one for clients that do not say which
// name they want, as the health checks of load balancers do not.
func readCertificates(server *http.Server) {
	if server.TLSConfig == nil {
		return
	}
	config := server.TLSConfig.Clone()
	config.NextProtos = []string{"h2", "http/1.1"}
	server.TLSConfig.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return config, nil }
}
