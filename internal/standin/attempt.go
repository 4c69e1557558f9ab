package standin

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
)

// ErrorCode is how Firehose names the reason of a failed attempt in its logs and
// error records.
//
// https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-logs.html
type ErrorCode string

const (
	// DestinationException stands for a proper answer other than 200.
	DestinationException ErrorCode = "HttpEndpoint.DestinationException"
	// InvalidResponse stands for an answer that is not in Firehose's format.
	// Firehose treats it like a 500 without body, whatever its status is.
	InvalidResponse ErrorCode = "HttpEndpoint.InvalidResponseFromDestination"
	// InvalidStatusCode stands for a status outside of 2xx, 4xx and 5xx:
	// redirects are not followed.
	InvalidStatusCode ErrorCode = "HttpEndpoint.InvalidStatusCode"
	// ResponseTooLarge stands for an answer of more than 1 MiB.
	ResponseTooLarge ErrorCode = "HttpEndpoint.ResponseTooLarge"
	// RequestTimeout stands for no answer within the response timeout.
	RequestTimeout ErrorCode = "HttpEndpoint.RequestTimeout"
	// ConnectionFailed stands for an endpoint that cannot be reached.
	ConnectionFailed ErrorCode = "HttpEndpoint.ConnectionFailed"
	// ConnectionReset stands for a connection that broke.
	ConnectionReset ErrorCode = "HttpEndpoint.ConnectionReset"
	// TLSHandshakeFailure stands for a certificate that is not trusted, or no
	// TLS at all.
	TLSHandshakeFailure ErrorCode = "HttpEndpoint.SSLHandshakeFailure"
)

// maxMessage bounds the error message of an attempt, as Firehose bounds the
// errorMessage of an answer.
const maxMessage = 8192

// permanent tells whether Firehose gives up at once.
func (a Attempt) permanent() bool {
	return a.Status == http.StatusRequestEntityTooLarge && a.Code == DestinationException
}

// attempt posts the delivery once.
func (s *Sender) attempt(ctx context.Context, d *Delivery) Attempt {
	start := s.opts.Clock.Now()
	ctx, cancel := context.WithTimeout(ctx, s.opts.ResponseTimeout)
	defer cancel()
	a := s.post(ctx, d)
	a.Latency = s.opts.Clock.Now().Sub(start)
	if len(a.Message) > maxMessage {
		a.Message = a.Message[:maxMessage]
	}
	return a
}

func (s *Sender) post(ctx context.Context, d *Delivery) Attempt {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.opts.URL, bytes.NewReader(d.wire))
	if err != nil {
		return Attempt{Code: ConnectionFailed, Message: err.Error()}
	}
	req.Header = s.header.Clone()
	req.Header.Set("X-Amz-Firehose-Request-Id", d.id)
	// A transport does not follow redirects, unlike a client.
	resp, err := s.opts.Transport.RoundTrip(req)
	if err != nil {
		return transportFailure(ctx, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	if err != nil {
		a := transportFailure(ctx, err)
		a.Status = resp.StatusCode
		return a
	}
	return judge(resp, body, d.id)
}

// transportFailure classes an attempt that got no whole answer.
func transportFailure(ctx context.Context, err error) Attempt {
	a := Attempt{Code: ConnectionReset, Message: err.Error()}
	var op *net.OpError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var hostname x509.HostnameError
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		a.Code = RequestTimeout
	case errors.As(err, &certificate), errors.As(err, &record), errors.As(err, &alert), errors.As(err, &hostname):
		a.Code = TLSHandshakeFailure
	case errors.As(err, &op) && op.Op == "dial":
		a.Code = ConnectionFailed
	}
	return a
}

// judge decides by Firehose's rules whether an answer is a success.
func judge(resp *http.Response, body []byte, requestID string) Attempt {
	a := Attempt{Status: resp.StatusCode}
	if headerSize(resp.Header)+len(body) > maxResponse {
		a.Code, a.Message = ResponseTooLarge, fmt.Sprintf("The answer is larger than %d bytes.", maxResponse)
		return a
	}
	if class := resp.StatusCode / 100; class != 2 && class != 4 && class != 5 {
		a.Code, a.Message = InvalidStatusCode, fmt.Sprintf("The answer has status %d; redirects are not followed.", resp.StatusCode)
		return a
	}
	if err := checkResponse(resp, body, requestID); err != nil {
		a.Code, a.Message = InvalidResponse, fmt.Sprintf("The answer with status %d is invalid: %v.", resp.StatusCode, err)
		return a
	}
	if resp.StatusCode != http.StatusOK {
		a.Code = DestinationException
		// AWS's own words: people search their buckets for them.
		a.Message = "The following response was received from the endpoint destination. " +
			strconv.Itoa(resp.StatusCode) + ": " + string(body)
	}
	return a
}

func headerSize(h http.Header) int {
	size := 0
	for name, values := range h {
		for _, value := range values {
			size += len(name) + len(": ") + len(value) + len("\r\n")
		}
	}
	return size
}
