// Package subscription writes CloudWatch Logs subscription messages in the
// forms in which Amazon Data Firehose hands them to an HTTP endpoint. It is the
// sending side: captures and generated log lines become the records which a
// receiver would get from a log group with a subscription filter.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
package subscription

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/big"

	"github.com/klauspost/compress/gzip"
)

// Form says what Firehose has done to a subscription message before it
// delivers it.
type Form string

const (
	// Gzip is the message as CloudWatch Logs sends it: one gzip member around
	// the JSON envelope.
	Gzip Form = "gzip"
	// Decompressed is the JSON envelope: the stream has decompression on.
	Decompressed Form = "decompressed"
	// Extracted is the text of the log events, one per line, without envelope:
	// the stream has decompression and message extraction on.
	Extracted Form = "extracted"
)

// Forms lists every Form.
func Forms() []Form { return []Form{Gzip, Decompressed, Extracted} }

// ParseForm returns the Form called s.
func ParseForm(s string) (Form, error) {
	for _, f := range Forms() {
		if s == string(f) {
			return f, nil
		}
	}
	return "", fmt.Errorf("unknown CloudWatch shape %q; want one of %v", s, Forms())
}

const (
	// Owner is the account id that every message carries. AWS's documentation
	// uses it as an example, so it belongs to nobody.
	Owner = "111122223333"
	// Filter is the name of the subscription filter that every message carries.
	Filter = "to-firehose"
	// uniqueBytes is the part of an event id below the time: real ids are the
	// event time in milliseconds, shifted left by 144 bits, plus that many bits
	// which make the id unique.
	uniqueBytes = 144 / 8
)

// Event is one log event of a CloudWatch Logs stream.
type Event struct {
	// Time is the event time in milliseconds since the epoch.
	Time int64
	// Text is the message of the event.
	Text string
}

// Message is what one log stream hands to its subscription at once.
type Message struct {
	LogGroup  string
	LogStream string
	Events    []Event
}

// Encoder writes messages as Firehose records. Event ids depend only on the
// messages encoded so far, so the same input gives the same bytes. An Encoder is
// not safe for concurrent use.
type Encoder struct {
	form  Form
	count uint64
	plain bytes.Buffer
	out   bytes.Buffer
	gz    *gzip.Writer
}

// NewEncoder returns an Encoder for the form.
func NewEncoder(form Form) *Encoder {
	// The level is that of CloudWatch Logs.
	gz, err := gzip.NewWriterLevel(nil, 6)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return &Encoder{form: form, gz: gz}
}

// AppendRecord appends the data of one Firehose record that carries m to dst
// and returns the extended slice. It keeps neither dst nor m.
func (e *Encoder) AppendRecord(dst []byte, m Message) ([]byte, error) {
	if e.form == Extracted {
		return appendExtracted(dst, m.Events), nil
	}
	e.plain.Reset()
	enc := json.NewEncoder(&e.plain)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e.envelope(m)); err != nil {
		return dst, fmt.Errorf("cannot write subscription message: %w", err)
	}
	envelope := bytes.TrimSuffix(e.plain.Bytes(), []byte("\n"))
	if e.form == Decompressed {
		return append(dst, envelope...), nil
	}
	e.out.Reset()
	e.gz.Reset(&e.out)
	if _, err := e.gz.Write(envelope); err != nil {
		return dst, fmt.Errorf("cannot compress subscription message: %w", err)
	}
	if err := e.gz.Close(); err != nil {
		return dst, fmt.Errorf("cannot compress subscription message: %w", err)
	}
	return append(dst, e.out.Bytes()...), nil
}

// envelope is the JSON form of a Message, with the keys in CloudWatch's order.
type envelope struct {
	MessageType         string     `json:"messageType"`
	Owner               string     `json:"owner"`
	LogGroup            string     `json:"logGroup"`
	LogStream           string     `json:"logStream"`
	SubscriptionFilters []string   `json:"subscriptionFilters"`
	LogEvents           []logEvent `json:"logEvents"`
}

type logEvent struct {
	ID        string `json:"id"`
	Timestamp int64  `json:"timestamp"`
	Message   string `json:"message"`
}

func (e *Encoder) envelope(m Message) envelope {
	events := make([]logEvent, 0, len(m.Events))
	for _, ev := range m.Events {
		events = append(events, logEvent{
			ID:        eventID(m, ev, e.count),
			Timestamp: ev.Time,
			Message:   ev.Text,
		})
		e.count++
	}
	return envelope{
		MessageType:         "DATA_MESSAGE",
		Owner:               Owner,
		LogGroup:            m.LogGroup,
		LogStream:           m.LogStream,
		SubscriptionFilters: []string{Filter},
		LogEvents:           events,
	}
}

// eventID returns the decimal id of the n-th event of an Encoder: its time,
// then bits which no other event has.
func eventID(m Message, ev Event, n uint64) string {
	h := sha256.New()
	var number [16]byte
	binary.BigEndian.PutUint64(number[:8], n)
	binary.BigEndian.PutUint64(number[8:], uint64(ev.Time))
	h.Write(number[:])
	h.Write([]byte(m.LogGroup + "\x00" + m.LogStream + "\x00" + ev.Text))
	id := new(big.Int).Lsh(big.NewInt(ev.Time), uniqueBytes*8)
	return id.Or(id, new(big.Int).SetBytes(h.Sum(nil)[:uniqueBytes])).String()
}

// appendExtracted appends the texts, each ended by exactly one newline.
func appendExtracted(dst []byte, events []Event) []byte {
	for _, ev := range events {
		dst = append(dst, ev.Text...)
		if n := len(ev.Text); n == 0 || ev.Text[n-1] != '\n' {
			dst = append(dst, '\n')
		}
	}
	return dst
}
