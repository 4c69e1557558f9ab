package lokipush

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestResultOf(t *testing.T) {
	f := func(want Result, statuses ...int) {
		t.Helper()
		for _, status := range statuses {
			require.Equal(t, want, resultOf(status), status)
		}
	}
	f(Accepted, 200, 201, 202, 204)
	f(Blocked, 260, 206, 299)
	f(EntriesRefused, 400, 422)
	f(TooLarge, 413)
	f(RateLimited, 429)
	f(TimedOut, 408)
	f(Unauthorized, 401)
	f(Forbidden, 403)
	f(NotFound, 404)
	f(ClientError, 402, 405, 418, 499)
	f(Redirected, 301, 302, 304, 307)
	f(ServerError, 500, 502, 503, 504, 599)
}

func TestRetryAfter(t *testing.T) {
	f := func(value string, want time.Duration) {
		t.Helper()
		require.Equal(t, want, retryAfter(value, noon))
	}
	f("", 0)
	f("0", 0)
	f("7", 7*time.Second)
	f("-7", 0)
	f("soon", 0)
	f("99999999999999999999", 0)
	f(noon.Add(time.Minute).Format(http.TimeFormat), time.Minute)
	f(noon.Add(-time.Minute).Format(http.TimeFormat), 0)
}

func TestFailure(t *testing.T) {
	f := func(ctx context.Context, err error, want Result) string {
		t.Helper()
		a := failure(ctx, &url.Error{Op: "Post", URL: "http://user:s3cret@loki/push?token=s3cret", Err: err})
		require.Equal(t, want, a.result)
		require.NotContains(t, a.error("0").Error(), "s3cret")
		return a.text
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	require.Equal(t, "connection refused", f(ctx, errors.New("connection refused"), Unreachable))
	f(ctx, context.DeadlineExceeded, TimedOut)
	f(ctx, &url.Error{URL: "http://proxy:s3cret@x", Err: errors.New("no")}, Unreachable)
	cancel(errors.New("stopping"))
	require.Equal(t, "stopping", f(ctx, context.Canceled, Canceled))
	late, stop := context.WithDeadline(context.Background(), time.Unix(0, 0))
	defer stop()
	f(late, context.DeadlineExceeded, TimedOut)
}

func TestError(t *testing.T) {
	a := answer{result: ServerError, status: 500, text: strings.Repeat("é", 300) + "\nsecond line"}
	e := a.error("main")
	require.Equal(t, strings.Repeat("é", maxMessage/2), e.Message)
	require.Equal(t, `endpoint main answers 500, server_error: "`+e.Message+`"`, e.Error())
	e = (&answer{result: Unreachable, text: "refused"}).error("0")
	require.Equal(t, "cannot push to endpoint 0: unreachable: refused", e.Error())
}
