package rig

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/firehose"
	"github.com/grafana/alloy/eks/internal/standin"
)

// RequestID is that of the deliveries that a rig makes.
const RequestID = "3f2b6f5e-7a0c-4a51-9d0e-5b8c6a1d2e3f"

// RequestTime is the timestamp of the deliveries that a rig makes.
var RequestTime = time.Date(2026, time.August, 20, 10, 5, 0, 123e6, time.UTC)

// Answer is what Firehose reads.
type Answer struct {
	Status  int
	Request string `json:"requestId"`
	Time    int64  `json:"timestamp"`
	Error   string `json:"errorMessage"`
}

// Encode returns a record as it stands in an envelope.
func Encode(record string) string {
	return `{"data":"` + base64.StdEncoding.EncodeToString([]byte(record)) + `"}`
}

// Envelope returns the body of a delivery of records as they are written.
func Envelope(records ...string) string {
	return fmt.Sprintf(`{"requestId":%q,"timestamp":%d,"records":[%s]}`,
		RequestID, RequestTime.UnixMilli(), strings.Join(records, ","))
}

// Body returns the body of a delivery of the records.
func Body(records ...string) io.Reader {
	var encoded []string
	for _, record := range records {
		encoded = append(encoded, Encode(record))
	}
	return strings.NewReader(Envelope(encoded...))
}

// URL returns where deliveries go.
func (r *Rig[A]) URL() string {
	r.T.Helper()
	address := r.Info().Endpoint.Address
	require.NotEmpty(r.T, address)
	return "http://" + address + firehose.PathPush
}

// Deliver posts records as one delivery, with headers as name, value, name, value.
func (r *Rig[A]) Deliver(records []string, headers ...string) Answer {
	r.T.Helper()
	a, err := r.TryPost(Body(records...), headers...)
	require.NoError(r.T, err)
	return a
}

// Post posts a body.
func (r *Rig[A]) Post(body string, headers ...string) Answer {
	r.T.Helper()
	a, err := r.TryPost(strings.NewReader(body), headers...)
	require.NoError(r.T, err)
	return a
}

// TryPost posts a body and returns an error when that is not answered. It is
// good for other goroutines than the test's.
func (r *Rig[A]) TryPost(body io.Reader, headers ...string) (Answer, error) {
	req, err := http.NewRequest(http.MethodPost, r.URL(), body)
	if err != nil {
		return Answer{}, err
	}
	req.Header.Set("X-Amz-Firehose-Request-Id", RequestID)
	req.Header.Set("X-Amz-Firehose-Protocol-Version", "1.0")
	req.Header.Set("X-Amz-Firehose-Source-Arn", standin.DefaultSourceARN)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := r.Client.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	a := Answer{Status: resp.StatusCode}
	return a, json.NewDecoder(resp.Body).Decode(&a)
}

// Sender returns a Firehose for the rig.
func (r *Rig[A]) Sender(o standin.Options) *standin.Sender {
	r.T.Helper()
	o.URL, o.Seed = r.URL(), 1
	if o.Transport == nil {
		o.Transport = r.Client.Transport
	}
	s, err := standin.NewSender(o)
	require.NoError(r.T, err)
	return s
}
