// Package subscription writes CloudWatch Logs subscription messages in the
// forms in which Amazon Data Firehose hands them to an HTTP endpoint. It is the
// sending side: captures and generated log lines become the records which a
// receiver would get from a log group with a subscription filter.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
package subscription

import (
	"bytes"
	"fmt"

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
	// Owner is the account id of messages that name none. AWS's documentation
	// uses it as an example, so it belongs to nobody.
	Owner = "111122223333"
	// Filter is the name of the subscription filter that every message carries.
	Filter = "to-firehose"
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
	// Owner is the account id of the log group; Owner if it is empty.
	Owner     string
	LogGroup  string
	LogStream string
	Events    []Event
	// Account and Region are where logs arose that were copied to a log group of
	// another account. Where either is set, both are told with each event, as a
	// subscription filter does that emits system fields.
	// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_SubscriptionFilter.html
	Account, Region string
}

// Encoder writes messages as Firehose records. Event ids depend only on the
// messages encoded so far, so the same input gives the same bytes. An Encoder is
// not safe for concurrent use.
type Encoder struct {
	form   Form
	count  uint64
	plain  []byte
	unique []byte
	out    bytes.Buffer
	gz     *gzip.Writer
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
	if e.form == Decompressed {
		return e.appendEnvelope(dst, m), nil
	}
	e.plain = e.appendEnvelope(e.plain[:0], m)
	e.out.Reset()
	e.gz.Reset(&e.out)
	if _, err := e.gz.Write(e.plain); err != nil {
		return dst, fmt.Errorf("cannot compress subscription message: %w", err)
	}
	if err := e.gz.Close(); err != nil {
		return dst, fmt.Errorf("cannot compress subscription message: %w", err)
	}
	return append(dst, e.out.Bytes()...), nil
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
