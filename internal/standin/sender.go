// Package standin stands in for the delivery side of Amazon Data Firehose: it
// posts records to an HTTP endpoint with Firehose's headers and body, judges the
// answer by Firehose's rules, retries with its backoff and backs up what could
// not be delivered in its error-record form.
//
// A Sender delivers batches that the caller puts together; a Stream buffers
// records as a Firehose stream does and delivers them over several connections.
//
// https://docs.aws.amazon.com/firehose/latest/dev/httpdeliveryrequestresponse.html
package standin

import (
	"context"
	crand "crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"
)

const (
	// DefaultSourceARN names a stream of an account that belongs to nobody.
	DefaultSourceARN = "arn:aws:firehose:us-east-1:111122223333:deliverystream/eks-logs"
	// DefaultResponseTimeout is how long Firehose waits for an answer.
	DefaultResponseTimeout = 3 * time.Minute
	// DefaultRetryDuration is Firehose's default for HTTP endpoints.
	DefaultRetryDuration = 300 * time.Second
	// MaxRetryDuration is the most that can be configured.
	MaxRetryDuration = 7200 * time.Second
	// DefaultRetryUnit is Firehose's initial backoff.
	DefaultRetryUnit = time.Second
	// MaxAccessKey is the longest access key that Firehose takes, in bytes.
	MaxAccessKey = 4096

	userAgent       = "Amazon Kinesis Data Firehose Agent/1.0"
	protocolVersion = "1.0"
)

// Options say where and how a Sender delivers. Only URL must be set.
type Options struct {
	// URL is the endpoint. Firehose itself takes https on port 443 only; this
	// takes any http or https URL.
	URL string
	// AccessKey is sent as X-Amz-Firehose-Access-Key unless it is empty.
	AccessKey string
	// SourceARN is the stream's. The default is DefaultSourceARN.
	SourceARN string
	// CommonAttributes are sent with each delivery unless there are none: at
	// most 50, names of 1 to 256 characters, values of at most 1,024.
	CommonAttributes map[string]string
	// Header is added to each request, as a proxy in front of the endpoint
	// would. Firehose has no headers of the user's own.
	Header http.Header
	// Gzip compresses bodies.
	Gzip bool
	// Timestamp is the request timestamp of all deliveries. The default is the
	// time at which each is put together.
	Timestamp time.Time
	// RetryDuration is how long a failed delivery is retried after its first
	// failure, up to MaxRetryDuration. Zero means that nothing is retried.
	RetryDuration time.Duration
	// RetryUnit is the initial backoff; the longest is 120 times as long. The
	// default is DefaultRetryUnit.
	RetryUnit time.Duration
	// Hopeless tells of attempts after which no other is made; the delivery has
	// then failed. Firehose knows only 413, which is one in any case.
	Hopeless func(Attempt) bool
	// ResponseTimeout bounds each attempt. The default is
	// DefaultResponseTimeout.
	ResponseTimeout time.Duration
	// BackupDir is the folder for the records of failed deliveries, in place of
	// Firehose's S3 bucket. Without it they are only counted.
	BackupDir string
	// Seed makes request ids and jitter reproducible. Zero stands for a random
	// one.
	Seed uint64
	// Connections is how many idle connections are kept. The default is 1.
	Connections int
	// Transport replaces the Sender's own HTTP transport.
	Transport http.RoundTripper
	// Clock replaces the wall clock.
	Clock Clock
}

// Sender delivers batches of records to an endpoint. It is safe for concurrent
// use.
type Sender struct {
	opts       Options
	header     http.Header
	streamName string
	numbers    atomic.Uint64
	gzips      sync.Pool
}

// NewSender returns a Sender, or an error when an option is wrong.
func NewSender(o Options) (*Sender, error) {
	if err := checkURL(o.URL); err != nil {
		return nil, err
	}
	setDefault(&o.SourceARN, DefaultSourceARN)
	setDefault(&o.RetryUnit, DefaultRetryUnit)
	setDefault(&o.ResponseTimeout, DefaultResponseTimeout)
	setDefault(&o.Connections, 1)
	setDefault(&o.Clock, SystemClock)
	switch {
	case o.RetryDuration < 0 || o.RetryDuration > MaxRetryDuration:
		return nil, fmt.Errorf("retry duration %v is not between 0 and %v", o.RetryDuration, MaxRetryDuration)
	case o.RetryUnit < 0 || o.ResponseTimeout < 0 || o.Connections < 0:
		return nil, errors.New("retry unit, response timeout and connections cannot be negative")
	case len(o.AccessKey) > MaxAccessKey:
		return nil, fmt.Errorf("access key has %d bytes; Firehose takes at most %d", len(o.AccessKey), MaxAccessKey)
	case !o.Timestamp.IsZero() && o.Timestamp.UnixMilli() < 0:
		return nil, fmt.Errorf("timestamp %v is before 1970", o.Timestamp)
	}
	if o.Seed == 0 {
		o.Seed = randomSeed()
	}
	if o.Transport == nil {
		o.Transport = newTransport(o.Connections)
	}
	header, err := baseHeader(o)
	if err != nil {
		return nil, err
	}
	return &Sender{opts: o, header: header, streamName: streamName(o.SourceARN)}, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func checkURL(endpoint string) error {
	u, err := url.Parse(endpoint)
	if err != nil {
		return fmt.Errorf("cannot read URL: %w", err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return fmt.Errorf("URL %.64q is not an http or https URL", endpoint)
	}
	return nil
}

// baseHeader returns what all requests have in common.
func baseHeader(o Options) (http.Header, error) {
	h := o.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", userAgent)
	h.Set("X-Amz-Firehose-Protocol-Version", protocolVersion)
	h.Set("X-Amz-Firehose-Source-Arn", o.SourceARN)
	if o.AccessKey != "" {
		h.Set("X-Amz-Firehose-Access-Key", o.AccessKey)
	}
	if len(o.CommonAttributes) > 0 {
		attributes, err := commonAttributes(o.CommonAttributes)
		if err != nil {
			return nil, err
		}
		h.Set("X-Amz-Firehose-Common-Attributes", attributes)
	}
	if o.Gzip {
		h.Set("Content-Encoding", "gzip")
	}
	return h, nil
}

// newTransport returns a transport that keeps its connections, neither follows
// proxies of the environment nor asks for compressed answers, and speaks
// HTTP/1.1 as Firehose does.
func newTransport(connections int) *http.Transport {
	return &http.Transport{
		MaxIdleConns:        connections,
		MaxIdleConnsPerHost: connections,
		IdleConnTimeout:     90 * time.Second,
		DisableCompression:  true,
		WriteBufferSize:     64 << 10,
		TLSNextProto:        map[string]func(string, *tls.Conn) http.RoundTripper{},
	}
}

func randomSeed() uint64 {
	var b [8]byte
	// crypto/rand never fails: it ends the program instead.
	_, _ = crand.Read(b[:])
	return binary.LittleEndian.Uint64(b[:]) | 1
}

// random returns a source for one purpose of one delivery, so that nothing
// depends on the order in which concurrent deliveries proceed.
func (s *Sender) random(delivery, purpose uint64) *rand.Rand {
	return rand.New(rand.NewPCG(s.opts.Seed+purpose, delivery))
}

// getGzip returns a compressor with the level of most HTTP clients.
func (s *Sender) getGzip() *gzip.Writer {
	if w, ok := s.gzips.Get().(*gzip.Writer); ok {
		return w
	}
	return gzip.NewWriter(nil)
}

func (s *Sender) putGzip(w *gzip.Writer) { s.gzips.Put(w) }

// Send delivers the records as one batch, retrying until it is accepted or
// given up. It does not keep the records.
func (s *Sender) Send(ctx context.Context, records [][]byte) Result {
	d := s.NewDelivery()
	now := s.opts.Clock.Now()
	for _, record := range records {
		if err := d.Add(record, now); err != nil {
			return Result{RequestID: d.id, Outcome: Aborted, Records: len(records), Err: err}
		}
	}
	return s.Deliver(ctx, d)
}
