package traffic

import (
	"time"

	"github.com/grafana/alloy/eks/internal/subscription"
)

// piece is what one record or document holds: a whole line, or a fragment of
// one.
type piece struct {
	source *source
	stream string
	// tag is P for a fragment with more to come, and for a line that Fluent
	// Bit has joined; otherwise F.
	tag byte
	// final says that the piece completes its line; event is set then.
	final   bool
	time    int64
	text    []byte
	object  bool
	timeKey bool
	event   Event
}

// appendDocument appends the JSON document of the piece, without newline.
func (g *Generator) appendDocument(dst []byte, p *piece) []byte {
	switch g.opts.Shape {
	case FargateDefault:
		dst = append(dst, `{"log":"`...)
		dst = appendTime(dst, p.time)
		dst = append(dst, ' ')
		dst = append(dst, p.stream...)
		dst = append(dst, ' ', p.tag, ' ')
		dst = append(appendEscaped(dst, p.text), '"')
	case CRIOParser:
		dst = appendParsed(append(dst, '{'), p, "logtag")
		switch {
		case p.object:
			dst = appendLifted(dst, p.text)
		case len(p.text) > 0: // A parser leaves an empty group out.
			dst = appendLog(dst, p.text)
		}
	case DockerJSON:
		dst = appendDocker(append(dst, '{'), p)
	case LogKey:
		return appendEscaped(dst, p.text)
	case MergeLogKey:
		dst = appendJoined(append(dst, '{'), p, true)
		if p.object {
			dst = append(dst, `,"data":`...)
			dst = appendASCII(dst, p.text)
		}
	default:
		dst = appendJoined(append(dst, '{'), p, !p.timeKey)
		if p.object {
			dst = appendLifted(dst, p.text)
		}
	}
	dst = appendKubernetes(dst, p.source, g.detail)
	return append(dst, '}')
}

// appendParsed appends the members that a CRI parser makes, without time.
func appendParsed(dst []byte, p *piece, tagKey string) []byte {
	dst = append(dst, `"stream":"`...)
	dst = append(dst, p.stream...)
	dst = append(dst, `","`...)
	dst = append(dst, tagKey...)
	dst = append(dst, `":"`...)
	return append(dst, p.tag, '"')
}

// appendJoined appends the members that multiline.parser cri makes. The time is
// absent where a lifted key of that name replaces it.
func appendJoined(dst []byte, p *piece, withTime bool) []byte {
	if withTime {
		dst = append(dst, `"time":"`...)
		dst = appendTime(dst, p.time)
		dst = append(dst, `",`...)
	}
	dst = appendParsed(dst, p, "_p")
	return appendLog(dst, p.text)
}

// appendDocker appends the members of docker's json-file line. A fragment is
// recognised by the missing newline.
func appendDocker(dst []byte, p *piece) []byte {
	dst = append(dst, `"log":"`...)
	dst = appendEscaped(dst, p.text)
	if p.final {
		dst = append(dst, `\n`...)
	}
	dst = append(dst, `","stream":"`...)
	dst = append(dst, p.stream...)
	dst = append(dst, '"')
	if !p.timeKey {
		dst = append(dst, `,"time":"`...)
		dst = appendTime(dst, p.time)
		dst = append(dst, '"')
	}
	if p.object {
		dst = appendLifted(dst, p.text)
	}
	return dst
}

func appendLog(dst, text []byte) []byte {
	dst = append(dst, `,"log":"`...)
	return append(appendEscaped(dst, text), '"')
}

// appendLifted appends the members of a JSON object after a comma.
func appendLifted(dst, object []byte) []byte {
	return appendASCII(append(dst, ','), object[1:len(object)-1])
}

// appendTime appends the time as container runtimes write it: trailing zeros
// are cut.
func appendTime(dst []byte, nanoseconds int64) []byte {
	return time.Unix(0, nanoseconds).UTC().AppendFormat(dst, time.RFC3339Nano)
}

// appendRecord appends a record with the next piece alone.
func (g *Generator) appendRecord(dst []byte) []byte {
	dst = append(g.appendDocument(dst, g.peek()), '\n')
	g.drop()
	return dst
}

// appendAggregate appends a record with the documents of one run of a
// container, as many as a record may hold.
func (g *Generator) appendAggregate(dst []byte) []byte {
	start := len(dst)
	for first := true; first || g.midRun(); first = false {
		mark := len(dst)
		dst = append(g.appendDocument(dst, g.peek()), '\n')
		if !first && len(dst)-start >= MaxRecord {
			dst = dst[:mark] // It opens the next record.
			break
		}
		g.drop()
	}
	return append(dst, '\n')
}

// maxMessageText bounds the documents in a subscription message, so that
// neither escaping nor the envelope brings it near MaxRecord.
const maxMessageText = 256 << 10

// appendMessage appends a subscription message with the events of one run of a
// container.
func (g *Generator) appendMessage(dst []byte) []byte {
	m := subscription.Message{LogGroup: LogGroup, LogStream: logStream(g.peek().source), Events: g.message[:0]}
	size := 0
	for first := true; first || g.midRun(); first = false {
		p := g.peek()
		g.document = g.appendDocument(g.document[:0], p)
		if size += len(g.document); !first && size > maxMessageText {
			break
		}
		m.Events = append(m.Events, subscription.Event{Time: p.time / int64(time.Millisecond), Text: string(g.document)})
		g.drop()
	}
	g.message = m.Events
	dst, err := g.messages.AppendRecord(dst, m)
	if err != nil {
		panic("BUG: " + err.Error()) // Strings and integers have a JSON form.
	}
	return dst
}

// LogGroup is the CloudWatch log group of the CloudWatch shape.
const LogGroup = "/eks/prod/containers"

// logStream returns the log stream of a container as Fluent Bit names it with
// log_stream_prefix from-fluent-bit-.
func logStream(s *source) string {
	return "from-fluent-bit-kube.var.log.containers." + s.pod + "_" + s.namespace + "_" + s.container + "-" + s.dockerID + ".log"
}
