package endpoint

import (
	"net/http"

	fnet "github.com/grafana/alloy/internal/component/common/net"
)

// speakHTTP2 lets a server speak HTTP/2 without TLS, if that is asked for, to
// clients that begin with it. It is the HTTP/2 of the server itself, which closes
// the connections when it stops. A request of HTTP/1.1 that asks to go on in HTTP/2
// stays one of HTTP/1.1: to change, its whole body would have to be held first,
// whatever its size and before anybody has looked at its key. RFC 9113 knows no such
// change any more.
//
// https://www.rfc-editor.org/rfc/rfc9113.html#section-3.1
func speakHTTP2(server *http.Server, c *fnet.HTTP2Config) {
	if c == nil || !c.Enabled {
		return
	}
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetHTTP2(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	server.HTTP2 = &http.HTTP2Config{
		MaxConcurrentStreams:          int(c.MaxConcurrentStreams),
		MaxDecoderHeaderTableSize:     int(c.MaxDecoderHeaderTableSize),
		MaxEncoderHeaderTableSize:     int(c.MaxEncoderHeaderTableSize),
		MaxReadFrameSize:              int(c.MaxReadFrameSize),
		MaxReceiveBufferPerConnection: int(c.MaxUploadBufferPerConnection),
		MaxReceiveBufferPerStream:     int(c.MaxUploadBufferPerStream),
		SendPingTimeout:               c.ReadIdleTimeout,
		PingTimeout:                   c.PingTimeout,
		WriteByteTimeout:              c.WriteByteTimeout,
		PermitProhibitedCipherSuites:  c.PermitProhibitedCipherSuites,
	}
}
