package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/podlog"
	"github.com/grafana/alloy/eks/internal/process"
	"github.com/grafana/alloy/eks/internal/standin"
)

// runDemo runs the demo on a port of its own and returns what it prints.
func runDemo(t *testing.T, o options) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := process.OnFreeAddresses(1, func(addresses []string) error {
		out.Reset()
		o.root, o.receiver, o.width = root, addresses[0], 100
		return run(t.Context(), &out, o)
	})
	return out.String(), err
}

// start runs Alloy until the test ends. Its receiver gets a free address.
func (o *alloyOptions) start(t *testing.T) *alloy {
	t.Helper()
	var a *alloy
	require.NoError(t, process.OnFreeAddresses(1, func(addresses []string) (err error) {
		o.receiver = addresses[0]
		a, err = startAlloy(t.Context(), *o)
		return err
	}))
	t.Cleanup(a.End)
	return a
}

func TestRun_InLokisPlace(t *testing.T) {
	out, err := runDemo(t, options{})
	require.NoError(t, err)
	require.Contains(t, out, `
   line     2026-08-20 09:58:58.440  INFO 1 --- [nio-8080-exec-7] com.acme.checkout.web… (151 bytes)
   time     2026-08-20T09:58:00.253967093Z from cri
`)
	require.Regexp(t, `(?m)^ +319 +290 +7 +0 +287 +0 +1 +0 +2 +287 of 288 +\d+ days +fargate-default: `, out)
	require.Contains(t, out, "Every record was accepted")
	require.NotContains(t, out, "LogQL")
}

func TestRun_Loki(t *testing.T) {
	out, err := runDemo(t, options{loki: true})
	require.NoError(t, err)
	require.Contains(t, out, "\n        197  namespace=\"shop\"\n")
	require.Contains(t, out, "\n   2026-08-20T09:58:08.747395128Z  2026-08-20 09:58:53.927 ERROR")
	require.Regexp(t, `(\d+) entries in Loki before, (\d+) after`, out)
	numbers := regexp.MustCompile(`(\d+) entries in Loki before, (\d+) after`).FindStringSubmatch(out)
	require.Equal(t, numbers[1], numbers[2])
	require.Contains(t, out, "Every record was accepted")
}

func TestRun_Failure(t *testing.T) {
	empty := t.TempDir()
	f := func(want string, o options) {
		t.Helper()
		require.ErrorContains(t, run(t.Context(), new(bytes.Buffer), o), want)
	}
	f("`make build/loki` builds it", options{root: empty, loki: true})
	f("`make build` builds it", options{root: empty})
	_, err := startAlloy(t.Context(), alloyOptions{root: empty, dir: empty, config: "none.alloy", receiver: "127.0.0.1:1"})
	require.ErrorContains(t, err, "`make build` builds it", "also when the port of the example is taken")
	_, err = startAlloy(t.Context(), alloyOptions{root: root, dir: empty, config: "none.alloy", receiver: "127.0.0.1:1"})
	require.ErrorContains(t, err, "cannot read configuration")
	// What Alloy says of a port that it cannot have.
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	f("address already in use", options{root: root, receiver: taken.Addr().String()})
}

// TestQuickStart runs the configuration that people begin with, and reads its
// entries where people do.
func TestQuickStart(t *testing.T) {
	a := (&alloyOptions{root: root, dir: t.TempDir(), config: example("quickstart.alloy")}).start(t)
	d, err := build(t.Context(), root, captures[0], a.endpoint)
	require.NoError(t, err)
	o, err := d.post(t.Context(), a)
	require.NoError(t, err)
	require.Equal(t, 319, o.sent.RecordOutcomes[standin.Accepted])
	require.Equal(t, 290, o.counted.forwarded)
	require.NoError(t, a.Await(t.Context(), func() error {
		if text := a.log.String(); !regexp.MustCompile(`entry_timestamp=2026-08-20T\S+ labels="{app=`).MatchString(text) {
			return process.ErrNotReady
		}
		return nil
	}))
}

// The demo runs what the quick start is.
func TestQuickStart_IsTheDemos(t *testing.T) {
	receiver := regexp.MustCompile(`(?ms)^awsfirehose\.kubernetes .*?^}`)
	comment := regexp.MustCompile(`(?m)^\s*//.*\n`)
	var blocks []string
	for _, name := range []string{"quickstart.alloy", filepath.Base(exampleConfig)} {
		text, err := os.ReadFile(example(name))
		require.NoError(t, err)
		blocks = append(blocks, comment.ReplaceAllString(receiver.FindString(string(text)), ""))
	}
	require.Contains(t, blocks[0], "loki.echo")
	require.Equal(t, regexp.MustCompile(`loki\.echo`).ReplaceAllString(blocks[0], "loki.write"), blocks[1])
}

func example(name string) string { return filepath.Join(root, "example-configs", name) }

func TestOutcome_Problems(t *testing.T) {
	good := func() *outcome {
		return &outcome{
			bundled: bundled{name: "capture", timed: 2},
			sent:    standin.Summary{Records: 3, RecordOutcomes: map[standin.Outcome]int{standin.Accepted: 3}},
			entries: make([]entry, 2),
			counted: counts{forwarded: 2},
			match:   podlog.Match{TimeExact: 2},
		}
	}
	require.Empty(t, good().problems())
	f := func(want string, change func(o *outcome)) {
		t.Helper()
		o := good()
		change(o)
		require.Equal(t, []string{"capture: " + want}, o.problems())
	}
	f("2 of 3 records were accepted: cut", func(o *outcome) {
		o.sent.RecordOutcomes[standin.Accepted] = 2
		o.sent.LastError = "cut"
	})
	f("0 of 0 records were accepted: ", func(o *outcome) { o.sent = standin.Summary{} })
	f("2 entries were forwarded and 1 are stored", func(o *outcome) { o.entries = o.entries[:1] })
	f("1 entries could not be read", func(o *outcome) { o.counted.flawed = 1 })
	f("4 entries were dropped", func(o *outcome) { o.counted.dropped = 4 })
	f("1 lines have their exact time, of 2", func(o *outcome) { o.match.TimeExact = 1 })
}

func TestReadCounts_Failure(t *testing.T) {
	_, err := readCounts(metrics{})
	require.ErrorContains(t, err, `cannot find metric "awsfirehose_kubernetes_`)
}

func TestOutcome_Delay(t *testing.T) {
	arrived := time.Unix(1000, 0)
	o := &outcome{arrived: arrived}
	require.Zero(t, o.delay())
	for _, ago := range []time.Duration{time.Hour, time.Second, time.Minute} {
		o.entries = append(o.entries, entry{Nanos: arrived.Add(-ago).UnixNano()})
	}
	require.Equal(t, time.Minute, o.delay())
}

func TestClip(t *testing.T) {
	f := func(text string, width int, want string) {
		t.Helper()
		require.Equal(t, want, clip(text, width))
	}
	f("", 10, "")
	f("ten digits", 10, "ten digits")
	f("a\tb\nc", 10, "a b c")
	f("abcdefghijklmnopqrstuvwxyz", 20, "abcdefgh… (26 bytes)")
	f("ééééééééééééééééééééé", 20, "éééééééé… (42 bytes)")
	f("abcdefghijklmnopqrstuvwxyz", 3, "… (26 bytes)")
}

func TestAge(t *testing.T) {
	f := func(d time.Duration, want string) {
		t.Helper()
		require.Equal(t, want, age(d))
	}
	f(0, "0.0 s")
	f(1234*time.Millisecond, "1.2 s")
	f(90*time.Minute, "5400.0 s")
	f(25*time.Hour, "25 hours")
	f(92*24*time.Hour+5*time.Hour, "92 days")
}

func TestMoveReceiver(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "in.alloy")
	require.NoError(t, os.WriteFile(file, []byte("a {\n\thttp {\n\t\tlisten_address = \"0.0.0.0\"\n\t\tlisten_port    = 8080\n\t}\n}\n"), 0o600))
	moved, err := moveReceiver(file, dir, "127.0.0.1:9")
	require.NoError(t, err)
	text, err := os.ReadFile(moved)
	require.NoError(t, err)
	require.Equal(t, "a {\n\thttp {\nlisten_address = \"127.0.0.1\"\nlisten_port = 9\n\t}\n}\n", string(text))
}

func TestNumber(t *testing.T) {
	f := func(value []any, want string) {
		t.Helper()
		require.Equal(t, want, result{Value: value}.number())
	}
	f([]any{1.0, "12"}, "12")
	f([]any{1.0, "0.036666666"}, "0.0367")
	f([]any{1.0, "NaN"}, "NaN")
	f(nil, "none")
}
