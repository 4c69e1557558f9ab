// Package record turns the data of one Firehose record into the bytes that its
// sender put in: it undoes the base64 of the delivery's envelope and whatever
// compression the sender applied.
//
// A record carries no word on its compression, so that is told from its first
// bytes: gzip (RFC 1952, any number of members), zstd (RFC 8878), or a snappy
// raw block, which has no magic number and is recognised by what it decodes to.
// Compression is undone twice at most: CloudWatch Logs compresses what it sends
// to a Firehose stream, and the agent before it may have done so already.
//
// Everything is capped, for one record and for a whole delivery, so that a
// record which inflates without end costs no more than an honest one.
package record

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// The errors that Decode returns, each wrapped with its cause and position.
var (
	// ErrBase64 is returned when the data is not base64 in the standard alphabet.
	ErrBase64 = errors.New("record is not base64")
	// ErrCompression is returned when the record begins as a compression format
	// and cannot be decompressed to its end.
	ErrCompression = errors.New("record cannot be decompressed")
	// ErrTooLarge is returned when the record has more bytes than
	// Limits.RecordSize.
	ErrTooLarge = errors.New("record is over the size limit")
	// ErrDeliveryTooLarge is returned when the records of one delivery have, all
	// together, more bytes than Limits.DeliverySize. errors.Is tells it is
	// ErrTooLarge too. Every later record of the delivery meets it as well, so the
	// delivery is better refused as a whole.
	ErrDeliveryTooLarge = fmt.Errorf("%w of its delivery", ErrTooLarge)
)

// Limits bounds what Decode produces and what it may hold. Sizes are in bytes
// and must be positive.
type Limits struct {
	// RecordSize bounds one record after decompression.
	RecordSize int
	// DeliverySize bounds the sum over all records between two calls of Reset.
	// Every byte that decompression writes counts, also that of a record which
	// then turns out to be damaged or too large: the sum bounds the work.
	DeliverySize int
	// Reserve, when set, is asked for the memory that the decoder is going to
	// hold, before it holds it. What it has granted is given back with the next
	// Reset, without a word. Decode wraps its error.
	Reserve func(bytes int) error
}

const (
	// maxLayers is how many compressions a record can be wrapped in.
	maxLayers = 2

	// maxRetained is the largest buffer that Reset keeps. A Firehose record has
	// 1,000 KiB at most, so that a stream of such records reuses its buffers, and
	// what a freak has needed does not stay.
	maxRetained = 2 << 20

	// minRoom is the least room that a record is given.
	minRoom = 16 << 10

	// unreserved is what a decoder may hold without asking for it. Reserve is
	// then called for large records only.
	unreserved = 64 << 10

	// zstdWindow is the largest distance over which a zstd frame may copy, which
	// is memory that its header asks for. RFC 8878, section 3.1.1.1.2, recommends
	// 8 MB; a frame of Fluent Bit needs 2 at most.
	zstdWindow = 8 << 20
)

// Decoder decodes records one after the other and reuses its memory from one to
// the next. The zero value is ready after a call of Reset. It is not safe for
// concurrent use.
type Decoder struct {
	limits   Limits
	spent    int
	reserved int

	// A layer is decompressed from one of the buffers into the other.
	buffers [2][]byte
	source  bytes.Reader
	gzip    *gzip.Reader
	zstd    *zstd.Decoder
	window  int // What zstd holds besides its output.
}

// Reset starts a new delivery. Memory that an unusually large record has left
// behind is let go, so a decoder that goes back to a pool is better Reset first.
func (d *Decoder) Reset(limits Limits) {
	d.limits = limits
	d.spent = 0
	d.reserved = unreserved
	for i := range d.buffers {
		if cap(d.buffers[i]) > maxRetained {
			d.buffers[i] = nil
		}
	}
	if d.window > maxRetained {
		d.zstd, d.window = nil, 0
	}
}

// Decode returns the bytes of the record whose base64 text is b64.
//
// The result is valid until the next call of Decode or Reset. It never aliases
// b64, which is left as it is: a caller that meets an error still has the whole
// record.
//
// On an error that Is ErrCompression or ErrTooLarge the result holds what could
// be decompressed beyond doubt, the gzip members or zstd frames that came whole
// before the damage; it is empty in all other cases. What was damaged exists in
// b64 alone.
func (d *Decoder) Decode(b64 []byte) ([]byte, error) {
	data, err := d.decodeText(b64)
	if err != nil {
		return nil, err
	}
	var damage error
	for layer := range maxLayers {
		out, err := d.decompress(data, 1-layer%2)
		switch {
		case errors.Is(err, errNotCompressed) && layer == 0:
			return d.accept(data)
		case errors.Is(err, errNotCompressed):
			return data, damage
		case errors.Is(err, errRefused):
			return nil, err
		case damage == nil:
			damage = err
		}
		data = out
	}
	if hasMagic(data) {
		return nil, fmt.Errorf("%w: it is compressed more than %d times", ErrCompression, maxLayers)
	}
	return data, damage
}

// decodeText undoes the base64 into the first buffer.
func (d *Decoder) decodeText(b64 []byte) ([]byte, error) {
	size := decodedLen(len(b64))
	// Two characters of the text may be padding, which counts in size.
	if size-2 > d.limits.RecordSize {
		return nil, fmt.Errorf("%w: %d characters of base64, limit %d bytes", ErrTooLarge, len(b64), d.limits.RecordSize)
	}
	dst, err := d.room(0, size)
	if err != nil {
		return nil, err
	}
	n, err := decodeBase64(dst[:cap(dst)], b64)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBase64, err)
	}
	return dst[:n], nil
}

// room returns d.buffers[i], emptied and with room for size bytes or more.
func (d *Decoder) room(i, size int) ([]byte, error) {
	if cap(d.buffers[i]) < size || d.held() > d.reserved {
		return d.grow(i, nil, max(size, minRoom, cap(d.buffers[i])))
	}
	return d.buffers[i][:0], nil
}

// grow makes d.buffers[i] hold size bytes, copies data to its beginning, and
// returns that.
func (d *Decoder) grow(i int, data []byte, size int) ([]byte, error) {
	if err := d.reserve(d.held() - cap(d.buffers[i]) + size); err != nil {
		return nil, err
	}
	if cap(d.buffers[i]) < size {
		larger := make([]byte, len(data), size)
		copy(larger, data)
		d.buffers[i] = larger
	}
	return d.buffers[i][:len(data)], nil
}

// held returns how many bytes the decoder holds.
func (d *Decoder) held() int {
	return cap(d.buffers[0]) + cap(d.buffers[1]) + d.window
}

// reserve asks for what total is more than has been granted.
func (d *Decoder) reserve(total int) error {
	if total <= d.reserved {
		return nil
	}
	if d.limits.Reserve != nil {
		if err := d.limits.Reserve(total - d.reserved); err != nil {
			return fmt.Errorf("%w: %w", errRefused, err)
		}
	}
	d.reserved = total
	return nil
}

// accept accounts for a record that came uncompressed; decompression accounts
// for its own.
func (d *Decoder) accept(data []byte) ([]byte, error) {
	allowed := d.allowed()
	d.spent += len(data)
	if len(data) > allowed {
		return nil, d.tooLarge(allowed)
	}
	return data, nil
}

// allowed returns how many bytes the current record may have.
func (d *Decoder) allowed() int {
	return max(0, min(d.limits.RecordSize, d.limits.DeliverySize-d.spent))
}

// tooLarge returns the error for a record that has more bytes than allowed.
func (d *Decoder) tooLarge(allowed int) error {
	if allowed < d.limits.RecordSize {
		return fmt.Errorf("%w: limit %d bytes", ErrDeliveryTooLarge, d.limits.DeliverySize)
	}
	return fmt.Errorf("%w: limit %d bytes", ErrTooLarge, d.limits.RecordSize)
}

// The errors that stay inside the package.
var (
	// errNotCompressed is returned when data has no compression that is known.
	errNotCompressed = errors.New("not compressed")
	// errOverAllowed is returned by the decompressors when the output would have
	// more bytes than they were allowed.
	errOverAllowed = errors.New("over the allowed size")
	// errRefused is returned, with its cause, when Limits.Reserve says no.
	errRefused = errors.New("no memory for the record")
)

// decompress undoes one layer into d.buffers[into], which data does not use.
func (d *Decoder) decompress(data []byte, into int) (out []byte, err error) {
	allowed := d.allowed()
	switch {
	case allowed == 0 && hasMagic(data):
		return nil, d.tooLarge(allowed)
	case bytes.HasPrefix(data, gzipMagic):
		out, err = d.gunzip(data, into, allowed)
	case bytes.HasPrefix(data, zstdMagic):
		out, err = d.unzstd(data, into, allowed)
	case mayBeSnappy(data):
		out, err = d.unsnappy(data, into, allowed)
	default:
		return nil, errNotCompressed
	}
	if errors.Is(err, errOverAllowed) {
		err = d.tooLarge(allowed)
	}
	return out, err
}

// gunzip decompresses the members of src. The result ends with the last member
// whose checksum was right; what a damaged one gave only counts.
//
// https://www.rfc-editor.org/rfc/rfc1952
func (d *Decoder) gunzip(src []byte, into, allowed int) ([]byte, error) {
	dst, err := d.room(into, minRoom)
	if err != nil {
		return nil, err
	}
	if d.gzip == nil {
		d.gzip = new(gzip.Reader)
	}
	d.source.Reset(src)
	defer d.source.Reset(nil)
	for member := 0; ; member++ {
		at, whole := len(src)-d.source.Len(), len(dst)
		err := d.gzip.Reset(&d.source)
		if err == nil {
			d.gzip.Multistream(false)
			dst, err = d.readAll(d.gzip, dst, into, allowed)
		}
		if err != nil {
			return dst[:whole], describe(err, "gzip member %d at byte %d", member, at)
		}
		// Zeros after the last member are padding, as gzip(1) has it.
		if rest := src[len(src)-d.source.Len():]; len(bytes.TrimLeft(rest, "\x00")) == 0 {
			return dst, nil
		}
	}
}

// unzstd decompresses the frames of src. The result ends with the last frame
// that came whole, as that of gunzip does.
//
// https://www.rfc-editor.org/rfc/rfc8878
func (d *Decoder) unzstd(src []byte, into, allowed int) ([]byte, error) {
	if d.zstd == nil {
		// One that does its work when it is read, without goroutines.
		decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			return nil, describe(err, "zstd")
		}
		d.zstd = decoder
	}
	dst, err := d.room(into, minRoom)
	if err != nil {
		return nil, err
	}
	defer d.source.Reset(nil)
	for frame, at := 0, 0; at < len(src); frame++ {
		whole := len(dst)
		size, window, err := zstdFrame(src[at:])
		if err == nil {
			dst, err = d.unzstdFrame(src[at:at+size], window, dst, into, allowed)
		}
		if err != nil {
			return dst[:whole], describe(err, "zstd frame %d at byte %d", frame, at)
		}
		at += size
	}
	return dst, nil
}

// unzstdFrame appends the one frame in src to dst, as readAll does.
func (d *Decoder) unzstdFrame(src []byte, window int, dst []byte, into, allowed int) ([]byte, error) {
	// The decoder allocates the window that the header asks for.
	if window > d.window {
		if err := d.reserve(d.held() - d.window + window); err != nil {
			return dst, err
		}
		d.window = window
	}
	d.source.Reset(src)
	if err := d.zstd.Reset(&d.source); err != nil {
		return dst, err
	}
	return d.readAll(d.zstd, dst, into, allowed)
}

// zstdFrame returns the length of the frame that src begins with, and the size
// of the window that its decoder needs.
//
// https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1
func zstdFrame(src []byte) (size, window int, err error) {
	var header zstd.Header
	if err := header.Decode(src); err != nil {
		return 0, 0, err
	}
	if header.Skippable {
		if uint64(header.SkippableSize) > uint64(len(src)-header.HeaderSize) {
			return 0, 0, io.ErrUnexpectedEOF
		}
		return header.HeaderSize + int(header.SkippableSize), 0, nil
	}
	asked := header.WindowSize
	if header.SingleSegment {
		asked = header.FrameContentSize
	}
	if asked > zstdWindow {
		return 0, 0, zstd.ErrWindowSizeExceeded
	}
	size, err = zstdBlocks(src, header.HeaderSize)
	if header.HasCheckSum {
		size += 4
	}
	if err == nil && size > len(src) {
		err = io.ErrUnexpectedEOF
	}
	return size, int(asked), err
}

// zstdBlocks returns the position after the last of the blocks that begin at
// src[at].
//
// https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1.2
func zstdBlocks(src []byte, at int) (int, error) {
	const (
		headerSize = 3
		rle        = 1 // One byte, repeated.
	)
	for at+headerSize <= len(src) {
		header := int(src[at]) | int(src[at+1])<<8 | int(src[at+2])<<16
		last, kind, size := header&1 == 1, header>>1&3, header>>3
		if kind == rle {
			size = 1
		}
		at += headerSize + size
		if last {
			return at, nil
		}
	}
	return 0, io.ErrUnexpectedEOF
}

// readAll appends what r gives to dst, which is d.buffers[into] or a beginning
// of it, as long as that has no more than allowed bytes.
func (d *Decoder) readAll(r io.Reader, dst []byte, into, allowed int) ([]byte, error) {
	before := len(dst)
	for {
		if len(dst) == cap(dst) {
			// One byte over what is allowed shows that there is too much.
			larger, err := d.grow(into, dst, max(min(2*cap(dst), allowed+1), cap(dst)+1))
			if err != nil {
				return dst, err
			}
			dst = larger
		}
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if len(dst) > allowed && (err == nil || err == io.EOF) {
			err = errOverAllowed
		}
		if err == nil {
			continue
		}
		d.spent += len(dst) - before
		if err == io.EOF {
			return dst, nil
		}
		return dst, err
	}
}

// unsnappy decodes the snappy raw block src. What turns out to be no such block,
// or one that does not hold text, is not compressed: a record of bytes that
// nobody knows is not a damaged one.
func (d *Decoder) unsnappy(src []byte, into, allowed int) ([]byte, error) {
	size, err := s2.DecodedLen(src)
	if err != nil {
		return nil, errNotCompressed
	}
	if size > allowed {
		return nil, errOverAllowed
	}
	dst, err := d.room(into, size)
	if err != nil {
		return nil, err
	}
	out, err := s2.Decode(dst[:size], src)
	if err != nil || !isSnappyText(src, out) {
		return nil, errNotCompressed
	}
	d.spent += len(out)
	return out, nil
}

// describe makes the error of a decompressor an ErrCompression and says where it
// happened. An error that is not about the bytes is left as it is.
func describe(err error, format string, args ...any) error {
	if errors.Is(err, errOverAllowed) || errors.Is(err, errRefused) {
		return err
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%w: %s: %w", ErrCompression, fmt.Sprintf(format, args...), err)
}
