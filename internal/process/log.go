package process

import (
	"bytes"
	"io"
	"strings"
	"sync"
)

// Log takes what a process prints. It is safe for concurrent use.
type Log interface {
	io.Writer
	// Tail returns the end of what was printed, for errors.
	Tail() string
}

// Output is a Log that keeps everything. The zero value is empty.
type Output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

// String returns everything.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// Tail returns the last hundred lines.
func (o *Output) Tail() string {
	const most = 100
	lines := strings.SplitAfter(o.String(), "\n")
	return strings.Join(lines[max(0, len(lines)-most):], "")
}
