package firehose

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestHandler_HandsOverTheDelivery(t *testing.T) {
	var got Delivery
	var records []string
	r := newRig(t, func(ctx context.Context, d *Delivery) error {
		got = *d
		deadline, ok := ctx.Deadline()
		require.True(t, ok)
		require.WithinDuration(t, time.Now().Add(50*time.Second), deadline, 10*time.Second)
		for records = nil; d.Records().Next(); {
			require.NoError(t, d.Records().Err())
			records = append(records, string(d.Records().Data()))
		}
		return nil
	}, nil)
	f := func(req *http.Request) {
		t.Helper()
		req.Header.Set("X-Scope-OrgID", "team-a")
		req.Header.Set(headerAttributes, `{"commonAttributes":{"lbl_env":"test","cluster":"c1"}}`)
		got, records = Delivery{}, nil
		a := r.send(t, req)
		require.Equal(t, http.StatusOK, a.status)
		require.Equal(t, testID, a.id)
		require.Equal(t, []string{"aGVsbG8=", "d29ybGQ="}, records)
		require.Equal(t, testID, got.RequestID)
		require.Equal(t, SourceARN{
			Raw: testARN, Partition: "aws", Region: "eu-west-1", Account: "123456789012", Stream: "containers",
		}, got.Source)
		require.Equal(t, "team-a", got.Tenant)
		require.Equal(t, []Attribute{{"cluster", "c1"}, {"lbl_env", "test"}}, got.Attributes)
		require.Equal(t, int64(1578090901599000000), got.Timestamp)
		require.Equal(t, len(testBody), got.Size)

		o := r.observed.last(t)
		if req.ContentLength >= 0 {
			require.Equal(t, req.ContentLength, o.WireBytes)
		}
		require.Positive(t, o.WireBytes)
		require.Positive(t, o.Duration)
		o.Duration, o.WireBytes = 0, 0
		require.Equal(t, Outcome{
			Status: 200, Reason: ReasonOK, BodyBytes: len(testBody), Records: 2, RequestID: testID, Source: testARN,
		}, o)
	}
	f(r.request(t, testBody))

	compressed := r.request(t, gzipped(t, testBody))
	compressed.Header.Set("Content-Encoding", "gzip")
	f(compressed)

	// Two members are one body.
	members := r.request(t, gzipped(t, testBody[:50])+gzipped(t, testBody[50:]))
	members.Header.Set("Content-Encoding", "GZIP")
	f(members)

	identity := r.request(t, testBody)
	identity.Header.Set("Content-Encoding", "identity")
	f(identity)

	chunked := r.request(t, testBody)
	chunked.ContentLength = -1
	f(chunked)

	root := r.request(t, testBody)
	root.URL.Path = "/"
	f(root)

	slash := r.request(t, testBody)
	slash.URL.Path += "/"
	slash.URL.RawQuery = "a=b"
	f(slash)

	// What a person with curl leaves out.
	bare := r.request(t, testBody)
	bare.Header.Del(headerProtocol)
	bare.Header.Del(headerRequestID)
	bare.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	f(bare)
}

// Every request that is refused, how it is refused, and that nothing of it is
// handed over.
func TestHandler_Refuses(t *testing.T) {
	delivered := false
	r := newRig(t, func(context.Context, *Delivery) error {
		delivered = true
		return nil
	}, func(c *Config) {
		c.AccessKeys = []string{"old key", testKey}
		c.Limits.BodySize = 1 << 20
		c.Limits.DecompressedBodySize = 2 << 20
		c.Limits.Records = 3
	})
	f := func(name string, change func(*http.Request), status int, reason Reason, message string) {
		t.Helper()
		req := r.request(t, testBody)
		change(req)
		wantID := req.Header.Get(headerRequestID)
		a := r.send(t, req)
		require.Equal(t, status, a.status, name)
		require.Contains(t, a.message, message, name)
		// JSON has no place for bytes that are not UTF-8.
		require.Equal(t, string([]rune(cut(wantID, maxRequestID))), a.id, name)
		o := r.observed.last(t)
		require.Equal(t, status, o.Status, name)
		require.Equal(t, reason, o.Reason, name)
		require.Error(t, o.Err, name)
		require.NotContains(t, o.Err.Error(), "horse", name)
		require.False(t, delivered, name)
	}
	header := func(key string, values ...string) func(*http.Request) {
		return func(req *http.Request) { req.Header[http.CanonicalHeaderKey(key)] = values }
	}
	body := func(s string) func(*http.Request) {
		return func(req *http.Request) {
			req.Body, req.ContentLength = io.NopCloser(strings.NewReader(s)), int64(len(s))
		}
	}
	both := func(fs ...func(*http.Request)) func(*http.Request) {
		return func(req *http.Request) {
			for _, f := range fs {
				f(req)
			}
		}
	}
	path := func(p string) func(*http.Request) { return func(req *http.Request) { req.URL.Path = p } }
	method := func(m string) func(*http.Request) { return func(req *http.Request) { req.Method = m } }

	f("path", path("/other"), 404, ReasonNotFound, PathPush)
	f("path below", path(PathPush+"/x"), 404, ReasonNotFound, PathPush)
	f("path that a router would clean", path("/"+PathPush), 404, ReasonNotFound, PathPush)
	f("path before method", both(path("/other"), method("PUT")), 404, ReasonNotFound, PathPush)
	f("put", method("PUT"), 405, ReasonMethod, "POST")
	f("get on the push path", both(method("GET"), body("")), 405, ReasonMethod, "POST")
	f("delete on the root", both(method("DELETE"), path("/")), 405, ReasonMethod, "POST")

	f("version", header(headerProtocol, "2.0"), 400, ReasonProtocol, "1.0")
	f("version with more", header(headerProtocol, "1.0.0"), 400, ReasonProtocol, "1.0")

	f("no key", header(headerAccessKey), 401, ReasonAccessKey, "access key")
	f("empty key", header(headerAccessKey, ""), 401, ReasonAccessKey, "access key")
	f("wrong key", header(headerAccessKey, "wrong"), 401, ReasonAccessKey, "access key")
	f("key's prefix", header(headerAccessKey, testKey[:len(testKey)-1]), 401, ReasonAccessKey, "access key")
	f("key's suffix", header(headerAccessKey, testKey[1:]), 401, ReasonAccessKey, "access key")
	f("key and more", header(headerAccessKey, testKey+"x"), 401, ReasonAccessKey, "access key")
	f("key in capitals", header(headerAccessKey, strings.ToUpper(testKey)), 401, ReasonAccessKey, "access key")
	f("keys in one", header(headerAccessKey, "old key,"+testKey), 401, ReasonAccessKey, "access key")
	f("long key", header(headerAccessKey, strings.Repeat("k", 100_000)), 401, ReasonAccessKey, "access key")
	f("key before body", both(header(headerAccessKey, "wrong"), body(strings.Repeat("x", 2<<20))), 401, ReasonAccessKey, "access key")
	f("key before encoding", both(header(headerAccessKey, "wrong"), header("Content-Encoding", "br")), 401, ReasonAccessKey, "access key")

	f("tenants", header("X-Scope-OrgID", "a|b"), 400, ReasonTenant, "tenant")
	f("tenant twice", header("X-Scope-OrgID", "a", "b"), 400, ReasonTenant, "tenant")
	f("tenant that is a path", header("X-Scope-OrgID", ".."), 400, ReasonTenant, "tenant")
	f("tenant with a space", header("X-Scope-OrgID", "a b"), 400, ReasonTenant, "tenant")
	f("long tenant", header("X-Scope-OrgID", strings.Repeat("a", 151)), 400, ReasonTenant, "tenant")

	f("brotli", header("Content-Encoding", "br"), 400, ReasonEncoding, "gzip")
	f("gzip twice", header("Content-Encoding", "gzip, gzip"), 400, ReasonEncoding, "gzip")
	f("gzip in two headers", header("Content-Encoding", "gzip", "gzip"), 400, ReasonEncoding, "gzip")
	f("no gzip", header("Content-Encoding", "gzip"), 400, ReasonBodyGzip, "gzip")
	f("no gzip, no body", both(header("Content-Encoding", "gzip"), body("")), 400, ReasonBodyGzip, "gzip")
	zipped := gzipped(t, testBody)
	f("truncated gzip", both(header("Content-Encoding", "gzip"), body(zipped[:len(zipped)-1])), 400, ReasonBodyGzip, "gzip")
	f("gzip with a tail", both(header("Content-Encoding", "gzip"), body(zipped+"tail")), 400, ReasonBodyGzip, "gzip")
	flipped := []byte(zipped)
	flipped[len(flipped)-5] ^= 1
	f("gzip with a wrong checksum", both(header("Content-Encoding", "gzip"), body(string(flipped))), 400, ReasonBodyGzip, "gzip")
	f("gzip not announced", body(zipped), 400, ReasonEnvelope, "byte 0")

	large := strings.Repeat(" ", 1<<20+1)
	f("large body", body(large), 400, ReasonBodySize, "limits.body_size, 1048576 bytes: raise it, or lower the buffer size of the Firehose stream")
	f("large body, chunked", both(body(large), func(req *http.Request) { req.ContentLength = -1 }), 400, ReasonBodySize, "limits.body_size")
	f("large gzip body, chunked",
		both(header("Content-Encoding", "gzip"), body(gzipped(t, "x")+strings.Repeat(gzipped(t, ""), 50_000)), func(req *http.Request) { req.ContentLength = -1 }),
		400, ReasonBodySize, "limits.body_size")
	f("bomb", both(header("Content-Encoding", "gzip"), body(gzipped(t, strings.Repeat(" ", 4<<20)))),
		400, ReasonBodySize, "limits.decompressed_body_size, 2097152 bytes: raise it, or lower the buffer size")

	f("no body", body(""), 400, ReasonEnvelope, "byte 0")
	f("no JSON", body("hello"), 400, ReasonEnvelope, "byte 0")
	f("cut JSON", body(testBody[:len(testBody)-1]), 400, ReasonEnvelope, "byte")
	f("two envelopes", body(testBody+testBody), 400, ReasonEnvelope, "byte")
	f("no records", body(`{"requestId":"`+testID+`"}`), 400, ReasonEnvelope, "no array called records")
	f("brackets", body(strings.Repeat("[", 1<<10)), 400, ReasonEnvelope, "byte 0")
	f("many records", body(`{"requestId":"`+testID+`","records":[{},{},{},{}]}`), 400, ReasonRecords, "limits.records, 3: raise it")

	f("no id in the body", body(`{"records":[]}`), 400, ReasonRequestID, "requestId")
	f("no id at all", both(body(`{"records":[]}`), header(headerRequestID)), 400, ReasonRequestID, "requestId")
	f("id is a number", body(`{"requestId":5,"records":[]}`), 400, ReasonRequestID, "requestId")
	f("another id", header(headerRequestID, "another"), 400, ReasonRequestID, "requestId")
	f("id's prefix", header(headerRequestID, testID[:35]), 400, ReasonRequestID, "requestId")
	f("long id", header(headerRequestID, strings.Repeat("i", 10_000)), 400, ReasonRequestID, "256")
	f("long id in the body", both(header(headerRequestID), body(`{"requestId":"`+strings.Repeat("i", 300)+`","records":[]}`)),
		400, ReasonRequestID, "256")
	f("hostile id", header(headerRequestID, "\"}\\u0000\xff\xfe<script>é"), 400, ReasonRequestID, "requestId")
}

func TestHandler_EchoesAHostileRequestID(t *testing.T) {
	r := newRig(t, accept, nil)
	req := r.request(t, `{"requestId":"\"},{\\<&>\u00e9","records":[]}`)
	req.Header.Set(headerRequestID, `"},{\<&>é`)
	a := r.send(t, req)
	require.Equal(t, http.StatusOK, a.status)
	require.Equal(t, `"},{\<&>é`, a.id)
}

// Firehose never sends an empty list. Refusing one would make whoever does send
// it come back with nothing again and again.
func TestHandler_AcceptsNoRecords(t *testing.T) {
	delivered := 0
	r := newRig(t, func(_ context.Context, d *Delivery) error {
		delivered++
		require.Zero(t, d.Records().Len())
		return nil
	}, nil)
	require.Equal(t, http.StatusOK, r.send(t, r.request(t, `{"requestId":"`+testID+`","records":[]}`)).status)
	require.Equal(t, 1, delivered)
}

func TestHandler_AnswersHealthChecks(t *testing.T) {
	r := newRig(t, accept, func(c *Config) { c.AccessKeys = []string{testKey} })
	f := func(method, want string) {
		t.Helper()
		req, err := http.NewRequest(method, r.URL, nil)
		require.NoError(t, err)
		resp, err := r.Client().Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.Equal(t, want, string(body))
	}
	f(http.MethodGet, "ok\n")
	f(http.MethodHead, "")
	r.Close()
	require.Empty(t, r.observed.outcomes)

	w, req := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() {
		clear(w.Header())
		w.Body.Reset()
		r.handler.ServeHTTP(w, req)
	}), 3.0)
}

func TestHandler_RotatesKeys(t *testing.T) {
	r := newRig(t, accept, nil)
	f := func(keys []string, key string, status int) {
		t.Helper()
		c := DefaultConfig()
		c.AccessKeys = keys
		require.NoError(t, r.handler.Update(c))
		req := r.request(t, testBody)
		req.Header.Set(headerAccessKey, key)
		require.Equal(t, status, r.send(t, req).status)
	}
	f(nil, "anything", 200)
	f([]string{"new"}, "old", 401)
	f([]string{"new"}, "new", 200)
	f([]string{"new", "old"}, "old", 200)
	f([]string{"old", "new"}, "old", 200)
	f([]string{"from a file\n"}, "from a file", 200)
	f([]string{"{\"user\":\"a\"}"}, "{\"user\":\"a\"}", 200)
	f([]string{strings.Repeat("k", 4096)}, strings.Repeat("k", 4096), 200)

	c := DefaultConfig()
	c.AccessKeys = []string{""}
	require.Error(t, r.handler.Update(c), "an empty key must not open the door")
	req := r.request(t, testBody)
	req.Header.Set(headerAccessKey, strings.Repeat("k", 4096))
	require.Equal(t, 200, r.send(t, req).status, "a failed update must change nothing")
}

// A key with a name is good for what it says, and the metrics learn its name.
func TestHandler_NamedKeys(t *testing.T) {
	var tenant string
	r := newRig(t, func(_ context.Context, d *Delivery) error {
		tenant = d.Tenant
		return nil
	}, func(c *Config) {
		c.AccessKeys = []string{"plain"}
		c.Keys = []Key{
			{Name: "shop", Secret: "shop key\n", Tenant: "shop", SourceARNs: []string{
				"arn:aws:firehose:*:111122223333:deliverystream/*", "arn:aws:firehose:eu-west-1:444455556666:deliverystream/logs",
			}},
			{Name: "search", Secret: "search key"},
		}
	})
	const ours, other = "arn:aws:firehose:us-east-1:111122223333:deliverystream/a", "arn:aws:firehose:us-east-1:444455556666:deliverystream/logs"
	f := func(key, arn string, orgs []string, status int, wantName, wantTenant string) {
		t.Helper()
		tenant = ""
		req := r.request(t, testBody)
		req.Header.Set(headerAccessKey, key)
		req.Header.Set(headerSourceARN, arn)
		req.Header["X-Scope-Orgid"] = orgs
		a := r.send(t, req)
		require.Equal(t, status, a.status)
		require.Equal(t, wantTenant, tenant)
		o := r.observed.last(t)
		require.Equal(t, wantName, o.Key)
		if status == 403 {
			require.Equal(t, ReasonSourceARN, o.Reason)
			require.Equal(t, "the access key is not for this Firehose stream (source_arns)", a.message)
		}
	}
	f("plain", other, []string{"t"}, 200, "", "t")
	f("search key", other, []string{"t"}, 200, "search", "t")
	f("search key", "", nil, 200, "search", "")
	f("search key", "", []string{"a", "b"}, 400, "search", "")
	f("shop key", ours, nil, 200, "shop", "shop")
	f("shop key", ours, []string{"t"}, 200, "shop", "shop")
	f("shop key", ours, []string{"a", "b"}, 200, "shop", "shop")
	f("shop key", strings.Replace(other, "us-east", "eu-west", 1), nil, 200, "shop", "shop")
	f("shop key", other, nil, 403, "shop", "")
	f("shop key", "", nil, 403, "shop", "")
	f("shop key", ours+"/more", nil, 403, "shop", "")
	f("shop", ours, nil, 401, "", "")
}

func TestHandler_TellsWhatTheDelivererSays(t *testing.T) {
	var next error
	r := newRig(t, func(context.Context, *Delivery) error { return next }, nil)
	f := func(err error, status int, reason Reason, message string) {
		t.Helper()
		next = err
		a := r.send(t, r.request(t, testBody))
		require.Equal(t, status, a.status)
		require.Equal(t, message, a.message)
		o := r.observed.last(t)
		require.Equal(t, status, o.Status)
		require.Equal(t, reason, o.Reason)
		require.ErrorIs(t, o.Err, err)
		require.Equal(t, 2, o.Records)
	}
	f(&Error{Status: 503, Reason: ReasonShutdown, Message: "stopping"}, 503, ReasonShutdown, "stopping")
	f(&Error{Status: 400, Reason: ReasonDeliverySize, Message: "too much"}, 400, ReasonDeliverySize, "too much")
	f(&Error{Status: 429, Reason: ReasonDownstream, Message: "slow down"}, 429, ReasonDownstream, "slow down")
	f(NewDeliverySizeError(5), 400, ReasonDeliverySize, "the records decompress to more than limits.delivery_size, 5 bytes: "+
		"raise it, or lower the buffer size of the Firehose stream (BufferingHints.SizeInMBs)")
	f(&Error{Status: 500, Reason: ReasonDownstream}, 500, ReasonDownstream, "Internal Server Error")

	// A cause is never told: it may quote a log line.
	secret := errors.New("secret")
	f(secret, 503, ReasonDownstream, "the records could not be handed over, try again")
	f(context.Canceled, 503, ReasonDownstream, "the records could not be handed over, try again")
	f(context.DeadlineExceeded, 503, ReasonDeliveryTimeout, "the records could not be handed over within 50s, try again")

	// Whatever a Deliverer comes up with, Firehose must be able to bear it.
	for _, status := range []int{0, 100, 200, 204, 301, 413, 600} {
		next = fmt.Errorf("wrapped: %w", &Error{Status: status, Reason: "made_up", Message: strings.Repeat("é", 9_000), Err: secret})
		a := r.send(t, r.request(t, testBody))
		require.Equal(t, 503, a.status)
		require.Equal(t, strings.Repeat("é", 4_096), a.message)
		o := r.observed.last(t)
		require.Equal(t, ReasonDownstream, o.Reason)
		require.ErrorIs(t, o.Err, secret)
	}
}

func TestHandler_SurvivesAPanic(t *testing.T) {
	r := newRig(t, func(context.Context, *Delivery) error { panic("a bug") }, nil)
	for range 3 {
		a := r.send(t, r.request(t, testBody))
		require.Equal(t, http.StatusInternalServerError, a.status)
		require.NotContains(t, a.message, "bug")
		require.Equal(t, ReasonPanic, r.observed.last(t).Reason)
	}
	require.Equal(t, []any{"a bug", "a bug", "a bug"}, r.observed.panics)
}

func TestHandler_GivesUpBeforeFirehose(t *testing.T) {
	r := newRig(t, func(ctx context.Context, _ *Delivery) error {
		<-ctx.Done()
		return fmt.Errorf("cannot send entries: %w", ctx.Err())
	}, nil)
	r.set(func(c *Config) { c.DeliveryTimeout = time.Millisecond })
	a := r.send(t, r.request(t, testBody))
	require.Equal(t, http.StatusServiceUnavailable, a.status)
	require.Equal(t, ReasonDeliveryTimeout, r.observed.last(t).Reason)
}

func TestHandler_NoticesThatTheSenderLeft(t *testing.T) {
	arrived := make(chan struct{})
	r := newRig(t, func(ctx context.Context, _ *Delivery) error {
		close(arrived)
		<-ctx.Done()
		return ctx.Err()
	}, nil)
	conn, _ := r.dial(t)
	write(t, conn, head(len(testBody))+testBody)
	<-arrived
	require.NoError(t, conn.Close())
	require.Equal(t, ReasonClientGone, r.observed.last(t).Reason)
}

// The deadline of the body must not reach into the time of the Deliverer, nor
// into the next delivery on the same connection.
func TestHandler_DeliversLongerThanTheBodyMayTake(t *testing.T) {
	const bodyTimeout = 50 * time.Millisecond
	r := newRig(t, func(ctx context.Context, _ *Delivery) error {
		select {
		case <-time.After(3 * bodyTimeout):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}, nil)
	r.set(func(c *Config) { c.BodyTimeout = bodyTimeout })
	conn, answers := r.dial(t)
	for range 2 {
		write(t, conn, head(len(testBody))+testBody)
		resp, err := http.ReadResponse(answers, nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, requireConforms(t, resp).status)
	}
}

func TestHandler_CutsOffASlowBody(t *testing.T) {
	r := newRig(t, accept, nil)
	r.set(func(c *Config) { c.BodyTimeout = 20 * time.Millisecond })
	f := func(length int, sent string) {
		t.Helper()
		conn, answers := r.dial(t)
		write(t, conn, head(length)+sent)
		resp, err := http.ReadResponse(answers, nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusServiceUnavailable, requireConforms(t, resp).status)
		require.Equal(t, ReasonBodyTimeout, r.observed.last(t).Reason)
		deliveries, bytes := r.handler.InFlight()
		require.Zero(t, deliveries)
		require.Zero(t, bytes)
	}
	f(1<<20, "")
	f(1<<20, testBody)
}

// A sender without the key must not be able to hold anything by not sending. The
// server waits for a short body before it lets the answer go, and not for long.
func TestHandler_RefusesBeforeTheBodyArrives(t *testing.T) {
	r := newRig(t, accept, func(c *Config) { c.AccessKeys = []string{testKey} })
	for _, length := range []int{1 << 20, 1 << 10} {
		conn, answers := r.dial(t)
		write(t, conn, head(length))
		resp, err := http.ReadResponse(answers, nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusUnauthorized, requireConforms(t, resp).status)
		require.Zero(t, r.observed.last(t).WireBytes)
	}
}

func TestHandler_RefusesAWrongContentLength(t *testing.T) {
	r := newRig(t, accept, nil)
	f := func(length int, sent string, status int, reason Reason) {
		t.Helper()
		conn, answers := r.dial(t)
		write(t, conn, head(length)+sent)
		require.NoError(t, conn.CloseWrite())
		resp, err := http.ReadResponse(answers, nil)
		require.NoError(t, err)
		require.Equal(t, status, requireConforms(t, resp).status)
		require.Equal(t, reason, r.observed.last(t).Reason)
	}
	f(len(testBody)+1, testBody, 400, ReasonBodyIncomplete)
	f(64<<20, testBody, 400, ReasonBodyIncomplete)
	f(len(testBody)-1, testBody, 400, ReasonEnvelope)
	f(0, testBody, 400, ReasonEnvelope)
}

func TestHandler_AnswersPipelinedDeliveries(t *testing.T) {
	delivered := 0
	r := newRig(t, func(context.Context, *Delivery) error {
		delivered++
		return nil
	}, nil)
	conn, answers := r.dial(t)
	write(t, conn, strings.Repeat(head(len(testBody))+testBody, 5))
	for range 5 {
		resp, err := http.ReadResponse(answers, nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, requireConforms(t, resp).status)
	}
	require.Equal(t, 5, delivered)
}

func TestHandler_SpeaksHTTP2(t *testing.T) {
	r := newRig(t, accept, func(c *Config) { c.AccessKeys = []string{testKey} })
	server := httptest.NewUnstartedServer(r.handler)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	f := func(key string, status int) {
		t.Helper()
		req := r.request(t, testBody)
		req.URL.Scheme, req.URL.Host = "https", server.Listener.Addr().String()
		req.Header.Set(headerAccessKey, key)
		resp, err := server.Client().Do(req)
		require.NoError(t, err)
		require.Equal(t, 2, resp.ProtoMajor)
		require.Equal(t, status, requireConforms(t, resp).status)
	}
	f(testKey, 200)
	f("wrong", 401)
}

func TestHandler_ReportsMalformedAttributes(t *testing.T) {
	var got []Attribute
	r := newRig(t, func(_ context.Context, d *Delivery) error {
		got = d.Attributes
		return nil
	}, nil)
	f := func(header string, reports int, want ...Attribute) {
		t.Helper()
		r.observed.attributes = nil
		req := r.request(t, testBody)
		req.Header.Set(headerAttributes, header)
		require.Equal(t, http.StatusOK, r.send(t, req).status)
		require.Equal(t, want, got)
		require.Len(t, r.observed.attributes, reports)
	}
	f("", 0)
	f(`{"commonAttributes":{"b":"2","a":"1"}}`, 0, Attribute{"a", "1"}, Attribute{"b", "2"})
	f(`{"commonAttributes":{"a":"1"`, 1)
	f(`{"commonAttributes":{"a":"1","b":2}}`, 1, Attribute{"a", "1"})
}

func TestHandler_RefusesWhenTooMuchIsInFlight(t *testing.T) {
	inside, release := make(chan struct{}), make(chan struct{})
	r := newRig(t, func(_ context.Context, d *Delivery) error {
		require.NoError(t, d.Reserve(1<<20))
		inside <- struct{}{}
		<-release
		return nil
	}, nil)
	r.set(func(c *Config) { c.Limits.ConcurrentSize = 4 << 20 })
	r.handler.wait = 0
	const held = minWeight + 1<<20
	room := 0
	for total := int64(0); total+held <= shareFactor*(4<<20-total-held); total += held {
		room++
	}
	require.Equal(t, 2, room)
	var wg sync.WaitGroup
	for range room {
		wg.Go(func() {
			if got := r.send(t, r.request(t, testBody)); got.status != http.StatusOK {
				t.Errorf("answered %d", got.status)
			}
		})
		<-inside
	}
	deliveries, bytes := r.handler.InFlight()
	require.Equal(t, room, deliveries)
	require.Equal(t, int64(room*held), bytes)

	// One whose body does not fit, one whose body grows too much, one that finds
	// no room in the Deliverer.
	f := func(req *http.Request) {
		t.Helper()
		a := r.send(t, req)
		require.Equal(t, http.StatusServiceUnavailable, a.status)
		require.Contains(t, a.message, "limits.concurrent_size")
		require.Equal(t, ReasonConcurrentSize, r.observed.last(t).Reason)
	}
	f(r.request(t, strings.Repeat(" ", 2<<20)))
	grows := r.request(t, gzipped(t, strings.Repeat(" ", 2<<20)))
	grows.Header.Set("Content-Encoding", "gzip")
	f(grows)
	chunked := r.request(t, strings.Repeat(" ", 2<<20))
	chunked.ContentLength = -1
	f(chunked)
	deliveries, bytes = r.handler.InFlight()
	require.Equal(t, room, deliveries)
	require.Equal(t, int64(room*held), bytes)
	close(release)
	wg.Wait()
}

// However many large bodies come at once, what they hold stays within the limit,
// some get through, and the others are told to come back.
func TestHandler_BoundsMemoryUnderAFlood(t *testing.T) {
	var r *rig
	var delivered, peak atomic.Int64
	r = newRig(t, func(_ context.Context, d *Delivery) error {
		delivered.Add(1)
		if err := d.Reserve(2 << 20); err != nil {
			return err
		}
		_, bytes := r.handler.InFlight()
		for old := peak.Load(); bytes > old && !peak.CompareAndSwap(old, bytes); old = peak.Load() {
		}
		return nil
	}, func(c *Config) {
		c.Limits.BodySize = 8 << 20
		c.Limits.DecompressedBodySize = 8 << 20
		c.Limits.DeliverySize = 4 << 20
		c.Limits.RecordSize = 4 << 20
		c.Limits.ConcurrentSize = c.Limits.minConcurrentSize()
	})
	body := gzipped(t, strings.TrimSuffix(testBody, "}")+strings.Repeat(" ", 7<<20)+"}")
	var ok, busy atomic.Int64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			req := r.request(t, body)
			req.Header.Set("Content-Encoding", "gzip")
			switch a := r.send(t, req); a.status {
			case http.StatusOK:
				ok.Add(1)
			case http.StatusServiceUnavailable:
				busy.Add(1)
			default:
				t.Errorf("answered %d: %s", a.status, a.message)
			}
		})
	}
	wg.Wait()
	require.Positive(t, ok.Load())
	require.Equal(t, int64(64), ok.Load()+busy.Load())
	require.LessOrEqual(t, peak.Load(), r.handler.config.Load().Limits.ConcurrentSize)

	// The largest delivery that the limits allow gets through when it comes alone.
	req := r.request(t, body)
	req.Header.Set("Content-Encoding", "gzip")
	require.Equal(t, http.StatusOK, r.send(t, req).status)
}

// Configurations are swapped under load: no delivery is lost, and none sees two of
// them.
func TestHandler_UpdatesUnderLoad(t *testing.T) {
	r := newRig(t, accept, nil)
	stop := make(chan struct{})
	var updates sync.WaitGroup
	updates.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			c := DefaultConfig()
			c.AccessKeys = []string{testKey, fmt.Sprintf("another key %d", i)}
			c.Limits.ConcurrentSize += int64(i % 7)
			if err := r.handler.Update(c); err != nil {
				t.Error(err)
			}
		}
	})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if a := r.send(t, r.request(t, testBody)); a.status != http.StatusOK {
					t.Errorf("answered %d: %s", a.status, a.message)
				}
			}
		})
	}
	wg.Wait()
	close(stop)
	updates.Wait()
	require.Len(t, r.observed.outcomes, 400)
}

// What a delivery allocates must not depend on how many records it has.
func TestHandler_Allocations(t *testing.T) {
	h, err := NewHandler(DefaultConfig(), delivererFunc(func(_ context.Context, d *Delivery) error {
		for d.Records().Next() {
			if d.Records().Err() != nil {
				return d.Records().Err()
			}
		}
		return nil
	}), silent{})
	require.NoError(t, err)
	f := func(records int) float64 {
		body := []byte(envelopeOf(records, 100))
		reader := bytes.NewReader(body)
		req := httptest.NewRequest(http.MethodPost, "/", nil)
		req.Header.Set(headerRequestID, testID)
		req.Header.Set(headerSourceARN, testARN)
		req.Body, req.ContentLength = io.NopCloser(reader), int64(len(body))
		w := httptest.NewRecorder()
		// The least of many: under the race detector, pools forget at random.
		least := math.Inf(1)
		for range 50 {
			least = min(least, testing.AllocsPerRun(1, func() {
				reader.Reset(body)
				w.Body.Reset()
				clear(w.Header())
				h.ServeHTTP(w, req)
				if w.Code != http.StatusOK {
					t.Fatal(w.Body)
				}
			}))
		}
		return least
	}
	one, many := f(1), f(10_000)
	require.LessOrEqual(t, one, 40.0)
	require.InDelta(t, one, many, 2)
}

// silent is an Observer that looks away.
type silent struct{}

func (silent) DeliveryFinished(Outcome)     {}
func (silent) AttributesMalformed(error)    {}
func (silent) DeliveryPanicked(any, []byte) {}

func FuzzHandler(f *testing.F) {
	f.Add("POST", "/", "1.0", testID, testKey, "", "a", `{"commonAttributes":{"a":"1"}}`, []byte(testBody))
	f.Add("POST", PathPush, "", "", testKey, "gzip", "", "", []byte(gzipped(f, testBody)))
	f.Add("GET", "/", "", "", "", "", "", "", []byte(nil))
	f.Add("POST", "/", "1.0", testID, testKey, "gzip", "..", "{", []byte(gzipped(f, strings.Repeat(" ", 1<<20))))
	f.Add("POST", "/", "1.0", testID, "x", "identity", "a|b", "[]", []byte(`{"requestId":"a","records":[{},5,{"data":"\/"}]}`))
	c := DefaultConfig()
	c.AccessKeys = []string{testKey}
	c.Limits = Limits{
		BodySize: 64 << 10, DecompressedBodySize: 64 << 10, Records: 20, RecordSize: 64 << 10, DeliverySize: 64 << 10, ConcurrentSize: 1 << 20,
	}
	var o observed
	delivered := 0
	h, err := NewHandler(c, delivererFunc(func(_ context.Context, d *Delivery) error {
		delivered++
		for d.Records().Next() {
			if err := d.Reserve(len(d.Records().Data())); err != nil {
				return err
			}
		}
		return nil
	}), &o)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, method, path, version, id, key, encoding, tenant, attributes string, body []byte) {
		req := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		req.Method, req.URL.Path = method, path
		for name, value := range map[string]string{
			headerProtocol: version, headerRequestID: id, headerAccessKey: key, headerAttributes: attributes,
			"Content-Encoding": encoding, "X-Scope-OrgID": tenant,
		} {
			if value != "" {
				req.Header[http.CanonicalHeaderKey(name)] = []string{value}
			}
		}
		o.outcomes, delivered = nil, 0
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		deliveries, held := h.InFlight()
		require.Zero(t, deliveries)
		require.Zero(t, held)
		require.Empty(t, o.panics)
		if isRoot(path) && (method == http.MethodGet || method == http.MethodHead) {
			require.Empty(t, o.outcomes)
			return
		}
		require.Equal(t, w.Result().StatusCode, requireConforms(t, w.Result()).status)
		require.Len(t, o.outcomes, 1)
		require.Equal(t, w.Code, o.outcomes[0].Status)
		require.Contains(t, Reasons(), o.outcomes[0].Reason)
		if w.Code == http.StatusOK {
			require.Equal(t, testKey, key)
			require.Equal(t, 1, delivered)
		} else {
			require.Zero(t, delivered)
		}
	})
}
