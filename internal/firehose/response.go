package firehose

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// Reason says, in one word of a closed set, how a delivery ended. It is a metric
// label.
type Reason string

// The reasons. A Deliverer may use those of the last group in its Errors.
const (
	// ReasonOK is a delivery that was handed over.
	ReasonOK Reason = "ok"

	// ReasonNotFound is a request for a path that does not exist.
	ReasonNotFound Reason = "not_found"
	// ReasonMethod is a request that is no POST.
	ReasonMethod Reason = "method"
	// ReasonProtocol is a protocol version that is not 1.0.
	ReasonProtocol Reason = "protocol_version"
	// ReasonAccessKey is an access key that is absent or wrong.
	ReasonAccessKey Reason = "access_key"
	// ReasonSourceARN is a Firehose stream that the access key is not for.
	ReasonSourceARN Reason = "source_arn"
	// ReasonRequestID is a request id that is too long, missing from the body, or
	// not the same in header and body.
	ReasonRequestID Reason = "request_id"
	// ReasonTenant is an X-Scope-OrgID that names no one tenant.
	ReasonTenant Reason = "tenant"
	// ReasonEncoding is a Content-Encoding other than gzip.
	ReasonEncoding Reason = "content_encoding"
	// ReasonBodySize is a body with more bytes than a limit allows.
	ReasonBodySize Reason = "body_size"
	// ReasonBodyIncomplete is a body that ended before its announced length.
	ReasonBodyIncomplete Reason = "body_incomplete"
	// ReasonBodyTimeout is a body that did not arrive in time.
	ReasonBodyTimeout Reason = "body_timeout"
	// ReasonBodyGzip is a body that is not the gzip that its header says.
	ReasonBodyGzip Reason = "body_gzip"
	// ReasonEnvelope is a body that is no Firehose envelope.
	ReasonEnvelope Reason = "envelope"
	// ReasonRecords is an envelope with more records than the limit allows.
	ReasonRecords Reason = "records"
	// ReasonConcurrentSize is a delivery that came when too many bytes were in
	// flight already.
	ReasonConcurrentSize Reason = "concurrent_size"
	// ReasonClientGone is a delivery whose sender did not wait for the answer.
	ReasonClientGone Reason = "client_gone"
	// ReasonPanic is a delivery that met a bug.
	ReasonPanic Reason = "panic"

	// ReasonDeliveryTimeout is a delivery that could not be handed over in time.
	ReasonDeliveryTimeout Reason = "delivery_timeout"
	// ReasonDeliverySize is a delivery that decompresses to more than the limit.
	ReasonDeliverySize Reason = "delivery_size"
	// ReasonDownstream is a delivery that the next stage did not take.
	ReasonDownstream Reason = "downstream"
	// ReasonShutdown is a delivery that met a stopping component.
	ReasonShutdown Reason = "shutdown"
)

// Reasons returns all reasons, so that a metric can have them all from the
// start.
func Reasons() []Reason {
	return []Reason{
		ReasonOK, ReasonNotFound, ReasonMethod, ReasonProtocol, ReasonAccessKey, ReasonSourceARN, ReasonRequestID, ReasonTenant, ReasonEncoding,
		ReasonBodySize, ReasonBodyIncomplete, ReasonBodyTimeout, ReasonBodyGzip, ReasonEnvelope, ReasonRecords,
		ReasonConcurrentSize, ReasonClientGone, ReasonPanic, ReasonDeliveryTimeout, ReasonDeliverySize, ReasonDownstream, ReasonShutdown,
	}
}

// Error is a delivery that is not accepted: what the sender is told, what the
// metrics say, and why.
//
// Firehose takes 200 alone for success, keeps the failures that it may retry,
// and treats 413 as permanent: it drops the records without even the S3 backup.
// Status is therefore 4xx but 413, or 5xx; the handler answers 503 for all else.
//
// https://docs.aws.amazon.com/firehose/latest/dev/httpdeliveryrequestresponse.html#responseformat
type Error struct {
	Status int
	Reason Reason
	// Message is for the sender. Firehose copies the last one to its error output,
	// so it names what to change, and no secret and no log line.
	Message string
	// Err is the cause; nil when there is no more to say. It is never sent.
	Err error
}

// Error implements error.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Message
	}
	return e.Message + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// status returns the status that is answered, which is Status if Firehose can
// bear it.
func (e *Error) status() int {
	if e.Status < 400 || e.Status > 599 || e.Status == http.StatusRequestEntityTooLarge {
		return http.StatusServiceUnavailable
	}
	return e.Status
}

// NewDeliverySizeError returns the refusal of a delivery whose records decompress
// to more than Limits.DeliverySize, which is limit.
func NewDeliverySizeError(limit int64) *Error {
	return refuse(http.StatusBadRequest, ReasonDeliverySize, fmt.Sprintf(
		"the records decompress to more than limits.delivery_size, %d bytes: raise it, "+
			"or lower the buffer size of the Firehose stream (BufferingHints.SizeInMBs)", limit))
}

func refuse(status int, reason Reason, message string) *Error {
	return &Error{Status: status, Reason: reason, Message: message}
}

const (
	// maxErrorMessage is the longest errorMessage that Firehose takes, in
	// characters. We count bytes, of which there are never fewer.
	maxErrorMessage = 8192

	// maxRequestID bounds what is echoed. Firehose sends a GUID of 36 characters.
	maxRequestID = 256

	// retryAfter is what a 503 suggests to whoever heeds it. Firehose has a backoff
	// of its own, which begins at one second.
	retryAfter = "5"
)

// answer is the body of every response: these fields and no others, since
// Firehose takes a response with unexpected fields for a failure.
type answer struct {
	RequestID    string `json:"requestId"`
	Timestamp    int64  `json:"timestamp"` // Milliseconds.
	ErrorMessage string `json:"errorMessage,omitempty"`
}

// writeAnswer answers the request: 200 when failure is nil. All answers but
// those to health checks come from here.
func writeAnswer(w http.ResponseWriter, requestID string, now time.Time, failure *Error) {
	a := answer{RequestID: cut(requestID, maxRequestID), Timestamp: now.UnixMilli()}
	status := http.StatusOK
	header := w.Header()
	if failure != nil {
		status = failure.status()
		a.ErrorMessage = cut(failure.Message, maxErrorMessage)
		if a.ErrorMessage == "" {
			a.ErrorMessage = http.StatusText(status)
		}
		if status == http.StatusServiceUnavailable {
			header.Set("Retry-After", retryAfter)
		}
		if status == http.StatusMethodNotAllowed {
			header.Set("Allow", http.MethodPost)
		}
	}
	// Marshal escapes whatever a hostile header holds.
	body, err := json.Marshal(a)
	if err != nil {
		panic("BUG: an answer of two strings and a number must have a JSON form")
	}
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // The sender is gone, and hears nothing anyway.
}

// cut returns s, or as many whole characters of it as fit into size bytes.
func cut(s string, size int) string {
	if len(s) <= size {
		return s
	}
	for back := range utf8.UTFMax {
		if utf8.RuneStart(s[size-back]) {
			return s[:size-back]
		}
	}
	return s[:size] // It is not UTF-8.
}

// asError returns err as an Error; one that is none becomes a 503. nil stays
// nil.
func asError(err error) *Error {
	if err == nil {
		return nil
	}
	var failure *Error
	if !errors.As(err, &failure) {
		return &Error{
			Status:  http.StatusServiceUnavailable,
			Reason:  ReasonDownstream,
			Message: "the records could not be handed over, try again",
			Err:     err,
		}
	}
	if !slices.Contains(Reasons(), failure.Reason) {
		closed := *failure
		closed.Reason = ReasonDownstream
		return &closed
	}
	return failure
}
