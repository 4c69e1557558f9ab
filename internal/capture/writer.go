package capture

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
)

// Writer writes a capture file, one record after the other. Nothing but a
// buffer stays in memory. A Writer is not safe for concurrent use.
type Writer struct {
	out  *bufio.Writer
	gz   *gzip.Writer
	line []byte
}

// NewWriter returns a Writer to w, gzip-compressed or plain. The caller must
// Close it, and w after it.
func NewWriter(w io.Writer, compress bool) *Writer {
	c := &Writer{}
	if compress {
		c.gz = gzip.NewWriter(w)
		w = c.gz
	}
	c.out = bufio.NewWriterSize(w, 256<<10)
	return c
}

// Write appends one record. It does not keep it.
func (w *Writer) Write(record []byte) error {
	w.line = append(w.line[:0], `{"data_base64":"`...)
	w.line = base64.StdEncoding.AppendEncode(w.line, record)
	w.line = append(w.line, "\"}\n"...)
	if _, err := w.out.Write(w.line); err != nil {
		return fmt.Errorf("cannot write capture: %w", err)
	}
	return nil
}

// Close writes out what is buffered. It does not close the underlying writer.
func (w *Writer) Close() error {
	if err := w.out.Flush(); err != nil {
		return fmt.Errorf("cannot write capture: %w", err)
	}
	if w.gz == nil {
		return nil
	}
	if err := w.gz.Close(); err != nil {
		return fmt.Errorf("cannot write capture: %w", err)
	}
	return nil
}
