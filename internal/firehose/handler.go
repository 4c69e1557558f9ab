// Package firehose is the receiving end of Amazon Data Firehose's HTTP endpoint
// delivery, to the letter: it decides whom to let in, reads the body within
// limits, walks the records of the envelope, and gives the answer that Firehose
// understands.
//
// What it promises to the sender: 200 means that the Deliverer has taken every
// record. Nothing else is a 2xx. No answer is a redirect or 413, the one failure
// that Firehose does not retry or back up. Every answer has AWS's JSON form, and
// comes before Firehose gives up.
//
// Specification:
// https://docs.aws.amazon.com/firehose/latest/dev/httpdeliveryrequestresponse.html
package firehose

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The paths that take deliveries. A slash at their end makes no difference.
const (
	// PathPush is the path that loki.source.awsfirehose takes deliveries on.
	PathPush = "/awsfirehose/api/v1/push"
	// PathRoot is for a stream whose URL has no path. GET and HEAD on it answer the
	// health checks of load balancers.
	PathRoot = "/"
)

// The headers of a request.
const (
	headerProtocol   = "X-Amz-Firehose-Protocol-Version"
	headerRequestID  = "X-Amz-Firehose-Request-Id"
	headerSourceARN  = "X-Amz-Firehose-Source-Arn"
	headerAccessKey  = "X-Amz-Firehose-Access-Key"
	headerAttributes = "X-Amz-Firehose-Common-Attributes"
)

// Config is what can be changed while the handler runs.
type Config struct {
	// AccessKeys are the keys of which a request must bring one; none let every
	// request in. Several serve rotation: Firehose takes up a new key when it
	// retries. White space around a key is not part of it.
	AccessKeys []string
	// Keys are further keys, each with a name and with what it is good for. Their
	// secrets differ.
	Keys []Key
	// Limits bounds what deliveries cost.
	Limits Limits
	// BodyTimeout is how long a body may take to arrive.
	BodyTimeout time.Duration
	// DeliveryTimeout is how long the Deliverer may take.
	DeliveryTimeout time.Duration
}

// firehoseTimeout is how long Firehose waits for an answer, and answerMargin what
// the way there and back may take of it.
const (
	firehoseTimeout = 3 * time.Minute
	answerMargin    = 10 * time.Second
)

// DefaultConfig returns the configuration without access keys.
func DefaultConfig() Config {
	return Config{
		Limits: DefaultLimits(),
		// 96 MiB at 13 Mbit/s.
		BodyTimeout: time.Minute,
		// Nothing is sent while the Deliverer works, and an AWS load balancer closes a
		// connection on which nothing has been sent for 60 seconds.
		DeliveryTimeout: 50 * time.Second,
	}
}

// Validate returns an error that names the argument which is wrong, what it may
// be, and what to do. It never holds an access key.
func (c Config) Validate() error {
	_, err := newSnapshot(c)
	return err
}

// snapshot is the configuration that one request sees from beginning to end.
type snapshot struct {
	Config
	keys accessKeys
}

func newSnapshot(c Config) (*snapshot, error) {
	if err := c.Limits.Validate(); err != nil {
		return nil, err
	}
	if c.BodyTimeout < time.Second || c.DeliveryTimeout < time.Second {
		return nil, fmt.Errorf("body_timeout and delivery_timeout must be at least 1s, and are %s and %s", c.BodyTimeout, c.DeliveryTimeout)
	}
	if sum := c.BodyTimeout + c.DeliveryTimeout; sum > firehoseTimeout-answerMargin {
		return nil, fmt.Errorf("body_timeout and delivery_timeout must not exceed %s together, and are %s: "+
			"Firehose gives up after %s and sends the records again", firehoseTimeout-answerMargin, sum, firehoseTimeout)
	}
	keys, err := newAccessKeys(c.AccessKeys, c.Keys)
	if err != nil {
		return nil, err
	}
	c.AccessKeys, c.Keys = nil, nil // The digests are enough.
	return &snapshot{Config: c, keys: keys}, nil
}

// Outcome is how one delivery ended. Requests that were refused before they were
// read count as deliveries too; health checks do not.
type Outcome struct {
	// Status is the HTTP status of the answer.
	Status int
	// Reason is ReasonOK when Status is 200.
	Reason Reason
	// WireBytes is how much of the body was read from the connection.
	WireBytes int64
	// BodyBytes is the length of the body, decompressed; 0 when it was not read
	// whole.
	BodyBytes int
	// Records is the number of records; 0 when the envelope was not read.
	Records int
	// Duration is the time from the end of the request's headers to its answer.
	Duration time.Duration
	// Key is the name of the key that the delivery brought; empty when it brought
	// none, or one without a name.
	Key string
	// RequestID and Source are what the sender said, or forged. They are for logs,
	// and no metric labels.
	RequestID string
	Source    string
	// Err is nil when Status is 200. It holds no access key and no log line, unless
	// the Deliverer has put one in.
	Err error
}

// Observer is told what happens, so that it can count and log. It is called from
// many goroutines at once.
type Observer interface {
	// DeliveryFinished is called once for each request but health checks, after
	// its answer was written.
	DeliveryFinished(o Outcome)
	// AttributesMalformed is called when common attributes were ignored, some or
	// all of a delivery.
	AttributesMalformed(err error)
	// DeliveryPanicked is called when a delivery met a bug, with what was thrown.
	DeliveryPanicked(value any, stack []byte)
}

// Handler takes deliveries over HTTP. It is an http.Handler that knows its own
// paths, so mount it on all of them; a router in front must not clean paths, since
// it would do that by a redirect.
//
// It sets its own deadlines on each connection, for the body and for the answer,
// in the place of the server's ReadTimeout and WriteTimeout, which then guard the
// headers only. Middleware must let http.ResponseController through (Unwrap).
type Handler struct {
	deliverer Deliverer
	observer  Observer
	config    atomic.Pointer[snapshot]
	admission admission
	wait      time.Duration // For room.
	intakes   sync.Pool
}

// NewHandler returns a handler that gives what it lets in to d and tells o about
// it. It returns the error of c.Validate.
func NewHandler(c Config, d Deliverer, o Observer) (*Handler, error) {
	h := &Handler{deliverer: d, observer: o, wait: maxWait}
	h.intakes.New = func() any { return new(intake) }
	return h, h.Update(c)
}

// Update changes the configuration for the requests that begin from now on; those
// in flight end under the one they began with. On an error, that of c.Validate,
// nothing changes.
func (h *Handler) Update(c Config) error {
	s, err := newSnapshot(c)
	if err != nil {
		return err
	}
	h.config.Store(s)
	return nil
}

// InFlight returns how many deliveries are being read or handed over, and how many
// bytes they hold.
func (h *Handler) InFlight() (deliveries int, bytes int64) { return h.admission.inFlight() }

// Limits returns the limits for the requests that begin from now on.
func (h *Handler) Limits() Limits { return h.config.Load().Limits }

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if isRoot(r.URL.Path) && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		answerHealthCheck(w)
		return
	}
	x := exchange{
		handler: h, config: h.config.Load(), r: r,
		control: http.NewResponseController(w),
		begin:   time.Now(),
		id:      cut(r.Header.Get(headerRequestID), maxRequestID),
		source:  cut(r.Header.Get(headerSourceARN), maxSourceARN),
	}
	failure := asError(x.run())
	if !x.bodyRead {
		// The server reads some of what is left before it lets the answer go.
		_ = x.control.SetReadDeadline(time.Now().Add(discardTimeout))
	}
	writeAnswer(w, x.id, time.Now(), failure)
	h.observer.DeliveryFinished(x.outcome(failure))
}

// discardTimeout is how long the rest of a refused body may take. Its sender has
// been refused and gains nothing by waiting.
const discardTimeout = 2 * time.Second

func isRoot(path string) bool { return path == "" || path == PathRoot }

func isPush(path string) bool { return strings.TrimSuffix(path, "/") == PathPush }

func answerHealthCheck(w http.ResponseWriter) {
	const body = "ok\n"
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Length", "3")
	_, _ = w.Write([]byte(body))
}

// exchange is one request on its way through the handler.
type exchange struct {
	handler *Handler
	config  *snapshot
	r       *http.Request
	control *http.ResponseController
	begin   time.Time
	id      string
	source  string

	key      *Key // Nil until the door is open.
	tenant   string
	gzip     bool
	wire     wireReader
	bodyRead bool
	size     int
	records  int
}

func (x *exchange) outcome(failure *Error) Outcome {
	o := Outcome{
		Status: http.StatusOK, Reason: ReasonOK,
		WireBytes: x.wire.read, BodyBytes: x.size, Records: x.records,
		Duration:  time.Since(x.begin),
		RequestID: x.id, Source: x.source,
	}
	if x.key != nil {
		o.Key = x.key.Name
	}
	if failure != nil {
		o.Status, o.Reason, o.Err = failure.status(), failure.Reason, failure
	}
	return o
}

// run takes the request through all steps and turns a panic into an error.
func (x *exchange) run() (err error) {
	defer func() {
		if value := recover(); value != nil {
			x.handler.observer.DeliveryPanicked(value, debug.Stack())
			err = refuse(http.StatusInternalServerError, ReasonPanic, "internal error, try again")
		}
	}()
	if err := x.admit(); err != nil {
		return err
	}
	l := x.handler.admission.open(x.source)
	defer l.release()
	if !l.growSoon(max(x.expected(), minWeight), x.config.Limits.ConcurrentSize, x.handler.wait) {
		return errBusy()
	}
	in := x.handler.intakes.Get().(*intake)
	err = x.receive(in, l)
	if err != nil {
		in.body, in.packed = nil, nil // What is refused in a flood would fill the pool.
	}
	// Not deferred: after a panic, somebody may still hold this memory.
	x.handler.intakes.Put(in)
	return err
}

// admit looks at the headers. What tells nothing of how we are configured comes
// first, then the key; who has none learns nothing more.
func (x *exchange) admit() error {
	header := x.r.Header
	if path := x.r.URL.Path; !isRoot(path) && !isPush(path) {
		return refuse(http.StatusNotFound, ReasonNotFound, "no such path, deliveries are taken on "+PathPush+" and "+PathRoot)
	}
	if x.r.Method != http.MethodPost {
		return refuse(http.StatusMethodNotAllowed, ReasonMethod, "deliveries are taken by POST")
	}
	// Firehose always sends the version. A request without one is made by hand or
	// came through a proxy that dropped it, and cannot be of another version.
	if version := header.Get(headerProtocol); version != "" && version != "1.0" {
		return refuse(http.StatusBadRequest, ReasonProtocol, "the protocol version must be 1.0")
	}
	if x.key = x.config.keys.find(header.Get(headerAccessKey)); x.key == nil {
		return refuse(http.StatusUnauthorized, ReasonAccessKey, "the access key is absent or wrong")
	}
	if !x.key.allows(x.source) {
		return refuse(http.StatusForbidden, ReasonSourceARN, "the access key is not for this Firehose stream (source_arns)")
	}
	if len(header.Get(headerRequestID)) > maxRequestID {
		return refuse(http.StatusBadRequest, ReasonRequestID, fmt.Sprintf("the request id has more than %d bytes", maxRequestID))
	}
	var ok bool
	if x.tenant, ok = tenantOf(header); !ok && x.key.Tenant == "" {
		return refuse(http.StatusBadRequest, ReasonTenant, "X-Scope-OrgID must name one tenant")
	}
	if x.key.Tenant != "" {
		x.tenant = x.key.Tenant
	}
	if x.gzip, ok = contentEncoding(header); !ok {
		// Content-Type is not looked at: it is always JSON, and whether the body is
		// shows when it is read.
		return refuse(http.StatusBadRequest, ReasonEncoding, "the Content-Encoding must be gzip or absent")
	}
	if limit := x.config.Limits.BodySize; x.r.ContentLength > limit {
		return errTooLarge("limits.body_size", limit)
	}
	return nil
}

// contentEncoding tells whether the body is compressed by gzip. ok is false when
// it is encoded in another way.
func contentEncoding(header http.Header) (gzip, ok bool) {
	values := header.Values("Content-Encoding")
	if len(values) == 0 {
		return false, true
	}
	if len(values) > 1 {
		return false, false
	}
	switch strings.ToLower(strings.TrimSpace(values[0])) {
	case "", "identity":
		return false, true
	case "gzip", "x-gzip": // The same, by RFC 9110, section 8.4.1.3.
		return true, true
	}
	return false, false
}

// expected returns how much the delivery is going to hold, as far as its headers
// tell.
func (x *exchange) expected() int64 {
	announced := max(x.r.ContentLength, 0) + bodySlack
	if x.gzip {
		return announced // How much that becomes, its end tells.
	}
	return announced + ofRecords(announced)
}

// receive reads the body, hands the delivery over, and resets in.
func (x *exchange) receive(in *intake, l *lease) error {
	defer in.reset() // After a panic, too: no garbage collector frees large buffers.
	if err := x.readBody(in, l); err != nil {
		return err
	}
	x.size = len(in.body)
	if err := x.readEnvelope(&in.envelope, in.body); err != nil {
		return err
	}
	x.records = in.envelope.Len()
	attributes, err := x.attributes()
	if err != nil {
		x.handler.observer.AttributesMalformed(err)
	}
	return x.deliver(&Delivery{
		RequestID:  x.id,
		Source:     ParseSourceARN(x.source),
		Tenant:     x.tenant,
		Attributes: attributes,
		Timestamp:  in.envelope.Timestamp(),
		Size:       x.size,
		envelope:   &in.envelope,
		lease:      l,
		limit:      x.config.Limits.ConcurrentSize,
		credit:     l.held - max(in.room(), minWeight),
	})
}

// readBody reads the body into in. A sender that keeps us waiting is cut off by
// the connection's deadline, which is taken back when the body has been read: the
// server uses the connection's reading side to see a sender that has left.
func (x *exchange) readBody(in *intake, l *lease) error {
	limits := x.config.Limits
	// Where deadlines are not supported, the server's own are all there is.
	_ = x.control.SetReadDeadline(x.begin.Add(x.config.BodyTimeout))
	_ = x.control.SetWriteDeadline(x.begin.Add(x.config.BodyTimeout + x.config.DeliveryTimeout + answerMargin))
	x.wire = wireReader{from: x.r.Body, limit: limits.BodySize}
	hold := func(size int64) bool {
		return size <= l.held || l.grow(size-l.held, limits.ConcurrentSize)
	}
	var err error
	if x.gzip {
		err = in.readGzip(&x.wire, x.r.ContentLength, limits.DecompressedBodySize, hold, func(size int64) bool {
			return size <= l.held || l.growSoon(size-l.held, limits.ConcurrentSize, x.handler.wait)
		})
	} else {
		err = in.readPlain(&x.wire, x.r.ContentLength, hold)
	}
	if err != nil {
		return bodyError(err, &x.wire, limits)
	}
	x.bodyRead = true
	_ = x.control.SetReadDeadline(time.Time{})
	return nil
}

// readEnvelope reads the envelope in body and holds its request id against that
// of the header.
func (x *exchange) readEnvelope(e *Envelope, body []byte) error {
	err := e.Reset(body, x.config.Limits.Records)
	if errors.Is(err, ErrRecords) {
		return &Error{
			Status: http.StatusBadRequest, Reason: ReasonRecords, Err: err,
			Message: fmt.Sprintf("the delivery has more records than limits.records, %d: raise it, "+
				"or lower the buffer size of the Firehose stream (BufferingHints.SizeInMBs)", x.config.Limits.Records),
		}
	}
	if err != nil {
		return &Error{Status: http.StatusBadRequest, Reason: ReasonEnvelope, Message: err.Error()}
	}
	id, ok := e.RequestID()
	if !ok || len(id) > maxRequestID {
		return refuse(http.StatusBadRequest, ReasonRequestID, fmt.Sprintf("the body has no requestId of up to %d bytes", maxRequestID))
	}
	if x.id == "" {
		// Firehose sends it in both places. By hand, once is enough.
		x.id = string(id)
	}
	if x.id != string(id) {
		return refuse(http.StatusBadRequest, ReasonRequestID, "the requestId of the body is not that of the header "+headerRequestID)
	}
	return nil
}

func (x *exchange) attributes() ([]Attribute, error) {
	header := x.r.Header.Get(headerAttributes)
	if header == "" {
		return nil, nil
	}
	return parseAttributes(header)
}

// deliver hands the delivery over within the time that is left for it.
func (x *exchange) deliver(d *Delivery) error {
	ctx, cancel := context.WithTimeout(x.r.Context(), x.config.DeliveryTimeout)
	defer cancel()
	err := x.handler.deliverer.Deliver(ctx, d)
	var own *Error
	switch {
	case err == nil || errors.As(err, &own):
		return err
	case x.r.Context().Err() != nil:
		return &Error{
			Status: http.StatusServiceUnavailable, Reason: ReasonClientGone,
			Message: "the sender did not wait for the answer", Err: err,
		}
	case ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded):
		return &Error{
			Status: http.StatusServiceUnavailable, Reason: ReasonDeliveryTimeout,
			Message: fmt.Sprintf("the records could not be handed over within %s, try again", x.config.DeliveryTimeout), Err: err,
		}
	}
	return err
}
