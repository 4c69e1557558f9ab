package timestamp

// The container's output streams, as TryCRIPrefix returns them.
const (
	Stdout = "stdout"
	Stderr = "stderr"
)

// criMinLen is the length of the shortest prefix: "2006-01-02T15:04:05Z stdout F".
const criMinLen = dateTimeLen + len("Z stdout F")

// TryCRIPrefix splits a line of the Container Runtime Interface's log format,
// "<time> <stdout|stderr> <tags> <content>".
//
// The time must have a zone. stream is Stdout or Stderr. tag is P for a fragment
// of a line and F for its end, possibly with more tags after colons; it is never
// empty. text is the content, to the end of line, and may be empty; the blank
// before it may then be missing. tag and text point into line.
//
// Specification:
// https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md
func TryCRIPrefix(line []byte) (nanos int64, stream string, tag, text []byte, ok bool) {
	if len(line) < criMinLen || line[10]|0x20 != 't' {
		return 0, "", nil, nil, false
	}
	sec, ok := dateTime(line, '-')
	if !ok {
		return 0, "", nil, nil, false
	}
	frac, _, i := fraction(line, dateTimeLen)
	if i >= len(line) || line[i] != 'Z' {
		offset, n := zoneOffset(line[i:])
		if n == 0 {
			return 0, "", nil, nil, false
		}
		sec -= offset
		i += n - 1
	}
	i++ // After the zone.
	const width = len(" stdout ")
	if len(line)-i <= width {
		return 0, "", nil, nil, false
	}
	switch string(line[i : i+width]) {
	case " stdout ":
		stream = Stdout
	case " stderr ":
		stream = Stderr
	default:
		return 0, "", nil, nil, false
	}
	tag, text, ok = criTag(line[i+width:])
	if !ok {
		return 0, "", nil, nil, false
	}
	return sec*second + frac, stream, tag, text, true
}

// criTag splits the tags from the content. b is not empty.
func criTag(b []byte) (tag, text []byte, ok bool) {
	if b[0] != 'F' && b[0] != 'P' {
		return nil, nil, false
	}
	i := 1
	if len(b) > i && b[i] == ':' {
		for i < len(b) && b[i] > ' ' {
			i++
		}
	}
	if i == len(b) {
		return b, b[i:], true
	}
	if b[i] != ' ' {
		return nil, nil, false
	}
	return b[:i], b[i+1:], true
}
