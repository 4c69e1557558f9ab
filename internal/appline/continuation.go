package appline

import "bytes"

// isContinuation reports whether a line that begins without blanks, and has
// neither time nor level, is a part of what the line before began: the lines of
// a stack trace that stand at the margin.
func isContinuation(b []byte) bool {
	switch b[0] {
	case 'C':
		return bytes.HasPrefix(b, []byte("Caused by: "))
	case 'D':
		return bytes.HasPrefix(b, []byte("During handling of the above exception, another exception occurred:"))
	case 'S':
		return bytes.HasPrefix(b, []byte("Suppressed: "))
	case 'T':
		return bytes.HasPrefix(b, []byte("The above exception was the direct cause of")) ||
			bytes.HasPrefix(b, []byte("Traceback (most recent call last)")) ||
			bytes.HasPrefix(b, []byte("Trace["))
	case '.':
		return bytes.HasPrefix(b, []byte("... ")) && bytes.HasSuffix(bytes.TrimRight(b, " "), []byte(" more"))
	case '[':
		return bytes.HasPrefix(b, []byte("[signal SIG"))
	case 'a':
		if bytes.HasPrefix(b, []byte("at ")) {
			return bytes.IndexByte(b, '(') > 0
		}
	case 'c':
		if bytes.HasPrefix(b, []byte("created by ")) {
			return true
		}
	case 'g':
		if bytes.HasPrefix(b, []byte("goroutine ")) {
			return bytes.HasSuffix(bytes.TrimRight(b, " "), []byte("]:"))
		}
	}
	return isGoFrame(b)
}

// isGoFrame reports whether a line is the call of a Go stack frame, with its
// arguments: "net/http.(*conn).serve(0xc000, 0x1)", "main.main()", "panic(0x1,
// 0x2)".
func isGoFrame(b []byte) bool {
	for len(b) > 0 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	if len(b) < 3 || b[len(b)-1] != ')' || !isLetter(b[0]) {
		return false
	}
	open := bytes.LastIndexByte(b, '(')
	if open < 1 {
		return false
	}
	name, args := b[:open], b[open+1:len(b)-1]
	if bytes.IndexByte(name, ' ') >= 0 {
		return false
	}
	hex := bytes.HasPrefix(args, []byte("0x")) || bytes.HasPrefix(args, []byte("{0x")) || bytes.HasPrefix(args, []byte("..."))
	if string(name) == "panic" {
		return hex
	}
	return bytes.IndexByte(name, '.') > 0 && (hex || len(args) == 0)
}
