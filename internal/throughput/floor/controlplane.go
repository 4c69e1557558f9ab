package floor

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
)

// message takes a subscription message, which is gzip-compressed:
//
//	{"messageType":"DATA_MESSAGE",...,"logGroup":"","logStream":"",...,"logEvents":[{"id":"","timestamp":0,"message":""}]}
func (w *worker) message(record []byte) error {
	start := len(w.inflated)
	w.packedMessage.Reset(record)
	var err error
	if w.inflater == nil {
		w.inflater, err = gzip.NewReader(&w.packedMessage)
	} else {
		err = w.inflater.Reset(&w.packedMessage)
	}
	if err != nil {
		return err
	}
	// When it grows, lines stay where they are.
	if w.inflated, err = appendAll(w.inflated, w.inflater); err != nil {
		return err
	}
	b := w.inflated[start:]
	var group, name []byte
	for i := 0; ; {
		key, at, err := next(b, i)
		if err != nil || len(key) == 0 {
			return err
		}
		if string(key) == "logEvents" {
			i, err = w.events(b, at, group, name)
			if err != nil {
				return err
			}
			continue
		}
		if i = skipValue(b, at); i < 0 {
			return errJSON
		}
		switch string(key) {
		case "logGroup":
			group = b[at+1 : i-1]
		case "logStream":
			name = b[at+1 : i-1]
		}
	}
}

// events takes the log events in the array that begins at b[i], and returns its
// end.
func (w *worker) events(b []byte, i int, group, name []byte) (int, error) {
	s, ok := w.streams[string(name)] // It has an id that is the cluster's own.
	if !ok {
		var err error
		if s, err = newStream(string(group), string(name)); err != nil {
			return 0, err
		}
		w.streams[string(name)] = s
	}
	for i < len(b) && b[i] != ']' {
		var message []byte
		var millis int64
		i++
		for {
			key, at, err := next(b, i)
			if err != nil {
				return 0, err
			}
			if len(key) == 0 {
				i++
				break
			}
			if i = skipValue(b, at); i < 0 {
				return 0, errJSON
			}
			switch string(key) {
			case "timestamp":
				if millis, err = strconv.ParseInt(view(b[at:i]), 10, 64); err != nil {
					return 0, err
				}
			case "message":
				message = b[at:i]
			}
		}
		line, err := text(message)
		if err != nil {
			return 0, err
		}
		at, ok := s.time(line, millis)
		if !ok {
			at = time.UnixMilli(millis)
		}
		w.add(s, at, view(line))
	}
	return i + 1, nil
}

// logs are the logs of a control plane, by what the names of their streams begin
// with. The first that fits counts.
var logs = []struct {
	prefix, logType string
	time            func(line []byte, millis int64) (time.Time, bool)
}{
	{"kube-apiserver-audit-", "audit", auditTime},
	{"kube-apiserver-", "api", klogTime},
	{"authenticator-", "authenticator", authenticatorTime},
	{"kube-controller-manager-", "controllerManager", klogTime},
	{"kube-scheduler-", "scheduler", klogTime},
	{"cloud-controller-manager-", "cloudControllerManager", klogTime},
}

func newStream(group, name string) (*stream, error) {
	cluster, ok := strings.CutPrefix(group, "/aws/eks/")
	cluster, ok2 := strings.CutSuffix(cluster, "/cluster")
	for _, l := range logs {
		if ok && ok2 && strings.HasPrefix(name, l.prefix) {
			return &stream{labels: fmt.Sprintf("{cluster=%q, log_type=%q}", cluster, l.logType), time: l.time}, nil
		}
	}
	return nil, errLine
}

// auditTime reads the stageTimestamp of an audit event that is whole.
func auditTime(line []byte, _ int64) (time.Time, bool) {
	const key = `"stageTimestamp":"`
	if !bytes.HasPrefix(line, []byte{'{'}) || !bytes.HasSuffix(line, []byte{'}'}) {
		return time.Time{}, false
	}
	return quotedTime(line, bytes.LastIndex(line, []byte(key))+len(key), len(key))
}

// authenticatorTime reads a line that begins with time="2026-08-20T09:58:53Z".
func authenticatorTime(line []byte, _ int64) (time.Time, bool) {
	const key = `time="`
	return quotedTime(line, bytes.Index(line, []byte(key))+len(key), len(key))
}

// quotedTime reads a time that begins at line[i], which is less than least when
// there is none.
func quotedTime(line []byte, i, least int) (time.Time, bool) {
	if i < least {
		return time.Time{}, false
	}
	stamp, _, ok := bytes.Cut(line[i:], []byte{'"'})
	if !ok {
		return time.Time{}, false
	}
	at, err := readTime(stamp)
	return at, err == nil
}

// klogTime reads a line that begins with I0820 09:58:53.927142. Its year is that of
// CloudWatch's time.
func klogTime(line []byte, millis int64) (time.Time, bool) {
	const header = len("I0820 09:58:53.927142")
	if len(line) <= header || line[5] != ' ' || line[8] != ':' || line[14] != '.' || !strings.ContainsRune("IWEF", rune(line[0])) {
		return time.Time{}, false
	}
	micros := two(line[15:])*10000 + two(line[17:])*100 + two(line[19:])
	return time.Date(time.UnixMilli(millis).UTC().Year(), time.Month(two(line[1:])), two(line[3:]),
		two(line[6:]), two(line[9:]), two(line[12:]), micros*1000, time.UTC), true
}
