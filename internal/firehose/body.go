package firehose

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/klauspost/compress/gzip"
)

const (
	// bodySlack is how much room a body gets beyond its announced length, so that
	// its end is seen without growing.
	bodySlack = 512
	// firstRoom is the room that a body gets on its own word. A forged
	// Content-Length costs no more than that before its bytes arrive.
	firstRoom = 256 << 10
	// maxRetainedBody is the largest buffer that goes back to the pool: a delivery
	// of Firehose's default buffer, 5 MiB, with its base64 fits.
	maxRetainedBody = 8 << 20
	// maxRetainedSpans is how many records an envelope keeps room for, twice as many
	// as Firehose sends at most.
	maxRetainedSpans = 20_000
	// gzipReadSize is how much is read from the connection at a time.
	gzipReadSize = 32 << 10
)

// errBodySize is returned when a body has more bytes than a limit allows.
var errBodySize = errors.New("body is over its size limit")

// intake is the memory that one delivery is read into.
type intake struct {
	body     []byte
	envelope Envelope
	buffered *bufio.Reader
	gzip     *gzip.Reader
}

// reset lets go of what the delivery was read from, and of an unusually large
// body.
func (in *intake) reset() {
	in.envelope.body, in.envelope.data = nil, nil
	if cap(in.envelope.spans) > maxRetainedSpans {
		in.envelope.spans = nil
	}
	if cap(in.body) > maxRetainedBody {
		in.body = nil
	}
	if in.buffered != nil {
		in.buffered.Reset(nil)
	}
}

// wireReader counts the bytes of a body as they come over the wire, and ends it
// when there are too many. It remembers whether it was the connection that failed.
type wireReader struct {
	from  io.Reader
	limit int64
	read  int64
	err   error
}

// Read implements io.Reader.
func (w *wireReader) Read(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.from.Read(p)
	if w.read += int64(n); w.read > w.limit {
		err = errBodySize
	}
	w.err = err
	return n, err
}

// readPlain reads a body that is not compressed, of announced bytes if that is
// known and not -1.
func (in *intake) readPlain(wire *wireReader, announced int64, grow func(int64) bool) error {
	if announced < 0 {
		return in.readAll(wire, room{most: wire.limit + bodySlack, factor: 2}, wire.limit, grow)
	}
	// An honest body grows thrice up to its announced length, and what it leaves
	// behind is a fraction of that; a forged length costs eight times what arrives.
	return in.readAll(wire, room{most: announced + bodySlack, factor: 8}, wire.limit, grow)
}

// room is how the room for a body grows: manifold, to no more than most bytes.
type room struct{ most, factor int64 }

func (r room) after(size int64) int64 {
	return max(min(r.factor*size, r.most), min(firstRoom, r.most), size+bodySlack)
}

// readGzip reads a body with Content-Encoding gzip that has no more than limit
// bytes when decompressed.
func (in *intake) readGzip(wire *wireReader, limit int64, grow func(int64) bool) error {
	if in.buffered == nil {
		in.buffered = bufio.NewReaderSize(nil, gzipReadSize)
		in.gzip = new(gzip.Reader)
	}
	in.buffered.Reset(wire)
	if err := in.gzip.Reset(in.buffered); err != nil {
		if errors.Is(err, io.EOF) { // There is no body at all.
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	return in.readAll(in.gzip, room{most: limit + bodySlack, factor: 2}, limit, grow)
}

// readAll reads r into in.body, which grows with what has arrived. It asks grow,
// with the size that the body is going to need, before it allocates.
func (in *intake) readAll(r io.Reader, room room, limit int64, grow func(int64) bool) error {
	body := in.body[:0]
	defer func() { in.body = body }()
	for {
		if len(body) == cap(body) {
			size := room.after(int64(cap(body)))
			if !grow(size) {
				return errBusy()
			}
			larger := make([]byte, len(body), size)
			copy(larger, body)
			body = larger
		}
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > limit:
			return errBodySize
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// bodyError returns the refusal for an error of readPlain or readGzip.
func bodyError(err error, wire *wireReader, limits Limits) error {
	var busy *Error
	switch {
	case errors.As(err, &busy):
		return busy
	case errors.Is(err, errBodySize) && wire.read > limits.BodySize:
		return errTooLarge("limits.body_size", limits.BodySize)
	case errors.Is(err, errBodySize):
		return errTooLarge("limits.decompressed_body_size", limits.DecompressedBodySize)
	case errors.Is(wire.err, os.ErrDeadlineExceeded):
		return &Error{
			Status: http.StatusServiceUnavailable, Reason: ReasonBodyTimeout,
			Message: "the body did not arrive in time", Err: err,
		}
	case wire.err != nil && !errors.Is(wire.err, io.EOF):
		return &Error{
			Status: http.StatusBadRequest, Reason: ReasonBodyIncomplete,
			Message: "the body ended before its length", Err: err,
		}
	}
	return &Error{
		Status: http.StatusBadRequest, Reason: ReasonBodyGzip,
		Message: "the body is not the gzip that its Content-Encoding says", Err: err,
	}
}

// errTooLarge returns the refusal of a body over a limit. The status is 400 and
// never 413, which would make Firehose drop the records.
func errTooLarge(argument string, limit int64) *Error {
	return refuse(http.StatusBadRequest, ReasonBodySize, fmt.Sprintf(
		"the body is larger than %s, %d bytes: raise it, or lower the buffer size of the Firehose stream (BufferingHints.SizeInMBs)",
		argument, limit))
}
