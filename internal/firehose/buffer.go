package firehose

// newBuffer returns a buffer of size bytes. A large one, of more than
// maxRetainedBody, is no part of Go's heap: there it would count twice, because as
// much garbage as there is memory in use may gather before it is collected, and stay
// for a while when it is not needed any more. It must be given to freeBuffer.
func newBuffer(size int64) []byte {
	if size > maxRetainedBody {
		if b, err := mapMemory(size); err == nil {
			return b
		}
	}
	return make([]byte, size)
}

// freeBuffer takes back what newBuffer returned. Nobody may read a large one after
// that: the process would crash.
func freeBuffer(b []byte) {
	if cap(b) > maxRetainedBody {
		unmapMemory(b[:cap(b)])
	}
}
