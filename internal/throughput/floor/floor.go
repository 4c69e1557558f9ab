// Package floor does what must be done to bring the log lines of Firehose deliveries
// into Loki, and nothing else: read the body, decode base64, pass once over each
// record, encode a push request, compress and send it. It is what pipelines are
// measured against. It reads the records that the measurements send, and no others:
// it checks nothing, and what it cannot read makes it fail.
package floor

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"

	"github.com/grafana/loki/pkg/push"
)

// Kind is a kind of records.
type Kind string

const (
	// Containers are records as the log router of EKS Fargate writes them.
	Containers Kind = "containers"
	// ControlPlane are subscription messages with the logs of EKS control planes.
	ControlPlane Kind = "controlplane"
)

// Handler answers Firehose's requests when Loki has answered. It is safe for
// concurrent use.
type Handler struct {
	pushURL string
	client  *http.Client
	workers sync.Pool
}

// New returns a Handler that sends entries to a push URL of Loki.
func New(kind Kind, pushURL string) (*Handler, error) {
	if kind != Containers && kind != ControlPlane {
		return nil, fmt.Errorf("unknown kind of records %.64q", kind)
	}
	h := &Handler{pushURL: pushURL, client: &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 64, DisableCompression: true,
	}}}
	h.workers.New = func() any {
		w := &worker{streams: map[string]*stream{}}
		w.parse = w.container
		if kind == ControlPlane {
			w.parse = w.message
		}
		return w
	}
	return h, nil
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w := h.workers.Get().(*worker)
	defer h.workers.Put(w)
	packed, err := w.work(r)
	if err == nil {
		err = h.push(r, packed)
	}
	status, message := http.StatusOK, ""
	if err != nil {
		status, message = http.StatusBadRequest, fmt.Sprintf(`,"errorMessage":%q`, err)
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	fmt.Fprintf(rw, `{"requestId":%q,"timestamp":%d%s}`, r.Header.Get("X-Amz-Firehose-Request-Id"), time.Now().UnixMilli(), message)
}

func (h *Handler) push(r *http.Request, packed []byte) error {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, h.pushURL, bytes.NewReader(packed))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	resp, err := h.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("cannot push: %s", resp.Status)
	}
	return nil
}

// worker is what one delivery needs. Its memory is used again.
type worker struct {
	parse func(record []byte) error

	body    []byte
	gzip    *gzip.Reader
	records []byte // Decoded; lines of containers stand in it.
	// inflated are subscription messages; lines of control planes stand in it.
	inflated      []byte
	inflater      *gzip.Reader
	packedMessage bytes.Reader
	// streams are all that were met, by what in a record says which. There is no
	// bound to them.
	streams map[string]*stream
	// open are those with entries of this delivery.
	open    []*stream
	request push.PushRequest
	encoded []byte
	packed  []byte
}

// stream is a set of labels with the entries of this delivery.
type stream struct {
	labels string
	// time reads the time that a line of a control plane states. CloudWatch's own is
	// in milliseconds.
	time    func(line []byte, millis int64) (time.Time, bool)
	entries []push.Entry
}

// add adds an entry to a stream.
func (w *worker) add(s *stream, at time.Time, line string) {
	if len(s.entries) == 0 {
		w.open = append(w.open, s)
	}
	s.entries = append(s.entries, push.Entry{Timestamp: at, Line: line})
}

var errBody = errors.New("cannot read body")

// work makes a push request of a delivery.
func (w *worker) work(r *http.Request) ([]byte, error) {
	if err := w.read(r); err != nil {
		return nil, err
	}
	defer func() {
		for _, s := range w.open {
			s.entries = s.entries[:0]
		}
		w.open = w.open[:0]
	}()
	w.records, w.inflated = w.records[:0], w.inflated[:0]
	if need := base64.StdEncoding.DecodedLen(len(w.body)); cap(w.records) < need {
		w.records = make([]byte, 0, need) // Nothing moves while lines point into it.
	}
	const data = `"data":"`
	for rest := w.body; ; {
		i := bytes.Index(rest, []byte(data))
		if i < 0 {
			break
		}
		rest = rest[i+len(data):]
		end := bytes.IndexByte(rest, '"')
		if end < 0 {
			return nil, errBody
		}
		start := len(w.records)
		var err error
		if w.records, err = base64.StdEncoding.AppendDecode(w.records, rest[:end]); err != nil {
			return nil, err
		}
		if err := w.parse(w.records[start:]); err != nil {
			return nil, err
		}
		rest = rest[end:]
	}
	return w.encode()
}

// read reads the body.
func (w *worker) read(r *http.Request) error {
	if r.Header.Get("Content-Encoding") == "gzip" {
		var err error
		if w.gzip == nil {
			w.gzip, err = gzip.NewReader(r.Body)
		} else {
			err = w.gzip.Reset(r.Body)
		}
		if err != nil {
			return err
		}
		w.body, err = appendAll(w.body[:0], w.gzip)
		return err
	}
	n := int(r.ContentLength)
	if n < 0 {
		return errBody
	}
	if cap(w.body) < n {
		w.body = make([]byte, n)
	}
	w.body = w.body[:n]
	_, err := io.ReadFull(r.Body, w.body)
	return err
}

// appendAll appends what a reader has.
func appendAll(dst []byte, r io.Reader) ([]byte, error) {
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if errors.Is(err, io.EOF) {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
}

// encode makes the push request.
func (w *worker) encode() ([]byte, error) {
	w.request.Streams = w.request.Streams[:0]
	for _, s := range w.open {
		w.request.Streams = append(w.request.Streams, push.Stream{Labels: s.labels, Entries: s.entries})
	}
	n := w.request.Size()
	if cap(w.encoded) < n {
		w.encoded = make([]byte, n)
	}
	if _, err := w.request.MarshalToSizedBuffer(w.encoded[:n]); err != nil {
		return nil, err
	}
	w.packed = snappy.Encode(w.packed[:cap(w.packed)], w.encoded[:n])
	return w.packed, nil
}
