package lokipush

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Result is what has become of a push.
type Result string

// All results.
const (
	// Accepted: Loki has what was pushed.
	Accepted Result = "accepted"
	// EntriesRefused: 400 or 422. Loki may have stored all but some entries.
	EntriesRefused Result = "entries_refused"
	// TooLarge: 413. Nothing is stored, less would have been.
	TooLarge Result = "too_large"
	// RateLimited: 429. Some of it may be stored.
	RateLimited Result = "rate_limited"
	// ServerError: 5xx.
	ServerError Result = "server_error"
	// TimedOut: no answer within remote_timeout, or 408.
	TimedOut Result = "timeout"
	// Unreachable: no connection, or none that lasted.
	Unreachable Result = "unreachable"
	// Unauthorized: 401.
	Unauthorized Result = "unauthorized"
	// Forbidden: 403.
	Forbidden Result = "forbidden"
	// NotFound: 404.
	NotFound Result = "not_found"
	// ClientError: another 4xx.
	ClientError Result = "client_error"
	// Redirected: a 3xx that is not followed.
	Redirected Result = "redirected"
	// Blocked: another 2xx. Loki answers 260 when the ingestion of a tenant is
	// blocked, and stores nothing.
	Blocked Result = "blocked"
	// Canceled: whoever asked for the push does not wait for it any more.
	Canceled Result = "canceled"
)

// Results returns all of them.
func Results() []Result {
	return []Result{
		Accepted, EntriesRefused, TooLarge, RateLimited, ServerError, TimedOut, Unreachable,
		Unauthorized, Forbidden, NotFound, ClientError, Redirected, Blocked, Canceled,
	}
}

// transient reports whether the same push may be accepted soon.
func (r Result) transient() bool {
	return r == RateLimited || r == ServerError || r == TimedOut || r == Unreachable
}

// resultOf returns what a status says.
func resultOf(status int) Result {
	switch status {
	case http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent:
		return Accepted
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return EntriesRefused
	case http.StatusRequestEntityTooLarge:
		return TooLarge
	case http.StatusTooManyRequests:
		return RateLimited
	case http.StatusRequestTimeout:
		return TimedOut
	case http.StatusUnauthorized:
		return Unauthorized
	case http.StatusForbidden:
		return Forbidden
	case http.StatusNotFound:
		return NotFound
	}
	switch status / 100 {
	case 2:
		return Blocked
	case 3:
		return Redirected
	case 4:
		return ClientError
	}
	return ServerError
}

// Error is returned for a push that was not accepted.
type Error struct {
	// Endpoint is the name of the endpoint.
	Endpoint string
	Result   Result
	// Status is that of the answer, 0 when there was none.
	Status int
	// Message is what the endpoint said, or why it could not be asked.
	Message string
}

// maxMessage is how much of an answer an Error shows.
const maxMessage = 256

// Error implements error.
func (e *Error) Error() string {
	if e.Status == 0 {
		return fmt.Sprintf("cannot push to endpoint %s: %s: %s", e.Endpoint, e.Result, e.Message)
	}
	return fmt.Sprintf("endpoint %s answers %d, %s: %q", e.Endpoint, e.Status, e.Result, e.Message)
}

// answer is what came back for a push.
type answer struct {
	result     Result
	status     int
	text       string
	retryAfter time.Duration
}

func (a *answer) error(endpoint string) *Error {
	return &Error{Endpoint: endpoint, Result: a.result, Status: a.status, Message: cut(firstLine(a.text), maxMessage)}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// cut returns the beginning of a text, n bytes at most.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// maxAnswer is how much of an answer is read: a refusal names every entry.
const maxAnswer = 1 << 20

// maxDrained is how much more is read so that the connection can be used again.
const maxDrained = 1 << 20

// readAnswer reads and closes the answer.
func readAnswer(resp *http.Response, now time.Time) answer {
	defer func() {
		_, _ = io.CopyN(io.Discard, resp.Body, maxDrained)
		_ = resp.Body.Close()
	}()
	a := answer{result: resultOf(resp.StatusCode), status: resp.StatusCode}
	if a.result == Accepted {
		return a
	}
	a.retryAfter = retryAfter(resp.Header.Get("Retry-After"), now)
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // What was read tells something.
	a.text = strings.TrimSpace(string(text))
	return a
}

// retryAfter reads the header of that name, a number of seconds or a time.
// https://www.rfc-editor.org/rfc/rfc9110#name-retry-after
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return max(at.Sub(now), 0)
}

// failure returns the answer that stands for no answer. The text names neither
// the URL, which may hold a password, nor what was sent.
func failure(ctx context.Context, err error) answer {
	var wrapped *url.Error
	for errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	a := answer{result: Unreachable, text: err.Error()}
	var timeout net.Error
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		a.result, a.text = Canceled, context.Cause(ctx).Error()
	case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		a.result = TimedOut
	}
	return a
}
