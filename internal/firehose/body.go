package firehose

import (
	"bytes"
	"encoding/binary"
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
	// of Firehose's default buffer, 5 MiB, with its base64 fits. Larger ones are not
	// in Go's heap; see newBuffer.
	maxRetainedBody = 8 << 20
	// maxRetainedPacked is the same for a compressed body, and packedShare the part of
	// its size after decompression that it may have then. Logs have a tenth or so.
	maxRetainedPacked = 1 << 20
	packedShare       = 8
	// maxRetainedSpans is how many records an envelope keeps room for, twice as many
	// as Firehose sends at most.
	maxRetainedSpans = 20_000
	// maxExpansion is how many times its size deflate can decompress to.
	maxExpansion = 1032
)

// errBodySize is returned when a body has more bytes than a limit allows.
var errBodySize = errors.New("body is over its size limit")

// intake is the memory that one delivery is read into.
type intake struct {
	body     []byte
	packed   []byte // The body as it came, if that was compressed.
	envelope Envelope
	source   bytes.Reader
	gzip     *gzip.Reader
}

// room returns how many bytes the buffers have.
func (in *intake) room() int64 { return int64(cap(in.body)) + int64(cap(in.packed)) }

// reset lets go of what the delivery was read from, and of unusually large
// buffers.
func (in *intake) reset() {
	in.envelope.body, in.envelope.data = nil, nil
	if cap(in.envelope.spans) > maxRetainedSpans {
		in.envelope.spans = nil
	}
	for _, buffer := range []*[]byte{&in.body, &in.packed} {
		if cap(*buffer) > maxRetainedBody {
			freeBuffer(*buffer)
			*buffer = nil
		}
	}
}

// ofRecords returns what the records of a body hold when their base64 is undone.
// Room for them is held before the body is there: of many large deliveries at once,
// those that are let in then come to their end, where otherwise each would take room
// from the others until none had enough.
func ofRecords(body int64) int64 { return body / 4 * 3 }

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
// known and not -1. It asks hold, with what the intake is going to need, before it
// allocates.
func (in *intake) readPlain(wire *wireReader, announced int64, hold func(int64) bool) error {
	in.packed = nil
	if !hold(int64(cap(in.body)) + ofRecords(max(announced, 0))) {
		in.body = nil // It is used again, and counts like one that is new.
	}
	return readAll(&in.body, wire, announcedRoom(wire, announced), wire.limit, hold)
}

// readGzip reads a body with Content-Encoding gzip that has no more than limit
// bytes when decompressed. It does not decompress before it has all of it: the end
// says how large it is going to be, so that it gets its room at once. It asks await
// for that, which may take a while, and hold for all else.
func (in *intake) readGzip(wire *wireReader, announced, limit int64, hold, await func(int64) bool) error {
	if !hold(in.room()) {
		in.body, in.packed = nil, nil // They are used again, and count like new ones.
	}
	err := readAll(&in.packed, wire, announcedRoom(wire, announced), wire.limit, func(size int64) bool {
		return hold(size + int64(cap(in.body)))
	})
	if err != nil {
		return err
	}
	rooms := room{most: limit + bodySlack, factor: 2}
	if size := unpackedSize(in.packed); size <= limit {
		rooms.first = size + bodySlack
		body := max(rooms.first, int64(cap(in.body)))
		if !await(body + max(ofRecords(rooms.first)+body/packedShare, int64(cap(in.packed)))) {
			return errBusy()
		}
	}
	return in.unpack(rooms, limit, hold)
}

// unpack decompresses the body.
func (in *intake) unpack(rooms room, limit int64, hold func(int64) bool) error {
	in.source.Reset(in.packed)
	defer in.source.Reset(nil)
	if in.gzip == nil {
		in.gzip = new(gzip.Reader)
	}
	if err := in.gzip.Reset(&in.source); err != nil {
		if errors.Is(err, io.EOF) { // There is no body at all.
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	err := readAll(&in.body, in.gzip, rooms, limit, func(size int64) bool {
		return hold(size + int64(cap(in.packed)))
	})
	if cap(in.packed) > min(maxRetainedPacked, cap(in.body)/packedShare) {
		freeBuffer(in.packed)
		in.packed = nil // Before the records need its room.
	}
	return err
}

// unpackedSize returns how large a body says that it becomes, or 0 when it is
// not to be believed. A lie costs no more than the truth would.
//
// https://www.rfc-editor.org/rfc/rfc1952#page-8
func unpackedSize(packed []byte) int64 {
	const trailer = 4
	if len(packed) < trailer {
		return 0
	}
	size := int64(binary.LittleEndian.Uint32(packed[len(packed)-trailer:]))
	if size > maxExpansion*int64(len(packed)) {
		return 0
	}
	return size
}

// room is how the room for a body grows: manifold, to no more than most bytes.
type room struct{ first, most, factor int64 }

// announcedRoom is that of a body as it comes over the wire.
func announcedRoom(wire *wireReader, announced int64) room {
	if announced < 0 {
		return room{most: wire.limit + bodySlack, factor: 2}
	}
	// An honest body grows twice up to its announced length, and what it leaves
	// behind is a fraction of that; a forged length costs eight times what arrives. A
	// large buffer has its whole length at once, of which the kernel provides what
	// arrives.
	r := room{most: announced + bodySlack, factor: 8}
	if r.most > maxRetainedBody {
		r.first = r.most
	}
	return r
}

func (r room) after(size int64) int64 {
	return max(min(r.factor*size, r.most), min(firstRoom, r.most), size+bodySlack, r.first)
}

// readAll reads r into a buffer, which grows with what has arrived. It asks grow,
// with the size that the buffer is going to have, before it allocates.
func readAll(into *[]byte, r io.Reader, room room, limit int64, grow func(int64) bool) error {
	body := (*into)[:0]
	defer func() { *into = body }()
	for {
		if len(body) == cap(body) || int64(cap(body)) < room.first {
			size := room.after(int64(cap(body)))
			if !grow(size) {
				return errBusy()
			}
			larger := newBuffer(size)[:len(body)]
			copy(larger, body)
			freeBuffer(body)
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
