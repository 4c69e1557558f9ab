package controlplane

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/golden"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

// firehoseTime is when Firehose made the delivery of every golden case.
var firehoseTime = time.Date(2026, 8, 20, 10, 5, 0, 0, time.UTC).UnixNano()

// TestGolden reads testdata/*.txtar. A case is a file name/in with what one
// delivery brings and a file name/want with the events, each with its JSON form
// behind it. See readCase for the form of name/in.
func TestGolden(t *testing.T) {
	golden.Check(t, "testdata/*.txtar", func(t *testing.T, in txtar.File) []txtar.File {
		name, ok := strings.CutSuffix(in.Name, "/in")
		if !ok {
			return nil
		}
		return []txtar.File{{Name: name + "/want", Data: []byte(renderDelivery(t, readCase(t, string(in.Data))))}}
	})
}

// readCase returns the records of a case. A line that begins with a colon changes
// what holds for the messages behind it:
//
//	:stream <log stream>   one envelope of all messages up to the next :stream
//	:group <log group>     of the envelopes that follow
//	:time <RFC 3339>       CloudWatch's event time of the messages that follow
//	:record                everything up to the next one is a record as it is
//
// Every other line is one message, in which ⏎ stands for a line feed.
func readCase(t testing.TB, text string) (records []string) {
	t.Helper()
	env := testEnvelope{LogGroup: "/aws/eks/shop/cluster"}
	var at time.Time
	raw, inRaw := "", false
	flush := func() {
		if len(env.LogEvents) > 0 {
			records = append(records, env.String())
		}
		if inRaw {
			records = append(records, strings.TrimSuffix(raw, "\n"))
		}
		env.LogEvents, raw, inRaw = nil, "", false
	}
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case ":stream":
			flush()
			env.LogStream = rest
		case ":group":
			flush()
			env.LogGroup = rest
		case ":time":
			var err error
			at, err = time.Parse(time.RFC3339Nano, rest)
			require.NoError(t, err)
		case ":record":
			flush()
			inRaw = true
		default:
			if inRaw {
				raw += line + "\n"
				continue
			}
			env.add(at, strings.ReplaceAll(line, "⏎", "\n"))
		}
	}
	flush()
	return records
}

// testEnvelope is a subscription envelope as CloudWatch Logs writes it.
type testEnvelope struct {
	MessageType         string         `json:"messageType"`
	Owner               string         `json:"owner"`
	LogGroup            string         `json:"logGroup"`
	LogStream           string         `json:"logStream"`
	SubscriptionFilters []string       `json:"subscriptionFilters"`
	LogEvents           []testLogEvent `json:"logEvents"`
}

type testLogEvent struct {
	ID        string `json:"id"`
	Timestamp int64  `json:"timestamp"`
	Message   string `json:"message"`
}

func (e *testEnvelope) add(at time.Time, message string) {
	id := fmt.Sprintf("%056d", 38_000+len(e.LogEvents))
	e.LogEvents = append(e.LogEvents, testLogEvent{ID: id, Timestamp: at.UnixMilli(), Message: message})
}

func (e *testEnvelope) String() string {
	e.MessageType, e.Owner, e.SubscriptionFilters = "DATA_MESSAGE", "111122223333", []string{"to-firehose"}
	b, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func newTestParser(t testing.TB, opts Options) *Parser {
	t.Helper()
	if opts.Sources == nil {
		var err error
		opts.Sources, err = event.NewSources(100)
		require.NoError(t, err)
	}
	p := NewParser(opts)
	p.Reset(firehoseTime, nil)
	return p
}

// renderDelivery returns the events of records, a paragraph each.
func renderDelivery(t testing.TB, records []string) string {
	t.Helper()
	opts := Options{Redact: DefaultRedact(), Drop: SafeProfile()}
	raw := newTestParser(t, opts)
	opts.LineFormat = JSON
	inJSON := newTestParser(t, opts)
	var sb strings.Builder
	var last *event.Source
	for _, rec := range records {
		events := raw.Parse(nil, []byte(rec))
		lines := inJSON.Parse(nil, []byte(rec))
		require.Len(t, lines, len(events))
		for i := range events {
			if events[i].Source != last {
				last = events[i].Source
				for _, l := range last.Labels {
					fmt.Fprintf(&sb, "%s=%q\n", l.Name, l.Value)
				}
			}
			renderEvent(&sb, &events[i])
			require.True(t, json.Valid(lines[i].Line), "%s", lines[i].Line)
			require.Equal(t, events[i].Times, lines[i].Times)
			require.Equal(t, events[i].Fields, lines[i].Fields)
			fmt.Fprintf(&sb, "  %s\n", lines[i].Line)
		}
	}
	require.Empty(t, raw.Flush(nil, time.Time{}))
	if c := raw.Counts(); c != (Counts{}) {
		fmt.Fprintf(&sb, "%+v\n", c)
	}
	return sb.String()
}

func renderEvent(sb *strings.Builder, ev *event.Event) {
	fmt.Fprintf(sb, "- %q\n ", ev.Line)
	for s := timestamp.CRI; s < timestamp.Firehose; s++ {
		if nanos, ok := ev.Times.Get(s); ok {
			fmt.Fprintf(sb, " %s=%s", s, time.Unix(0, nanos).UTC().Format(time.RFC3339Nano))
		}
	}
	show := func(name, value string) {
		if value != "" {
			fmt.Fprintf(sb, " %s=%s", name, value)
		}
	}
	show("level", ev.Level)
	show("flaw", string(ev.Flaw))
	show("id", strings.TrimLeft(string(ev.ID), "0"))
	sb.WriteByte('\n')
	for _, f := range ev.Fields {
		fmt.Fprintf(sb, "    %s=%q\n", f.Name, f.Value)
	}
}
