package endtoend

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/standin"
	"github.com/grafana/alloy/eks/internal/traffic"
)

// full makes TestFaults try everything for long, and write what comes of it into
// docs/reliability.md.
var full = flag.Bool("full", false, "all faults, in all pipelines, for long; into docs/reliability.md")

// fault is something that goes wrong while deliveries come in.
type fault struct {
	// name and about are the fault as the table calls it, and what it is.
	name, about string
	// limits are those of its Loki. A fault that has none shares a Loki.
	limits string
	// direct is whether Alloy pushes to Loki itself, and not to a proxy.
	direct bool
	// replicas are how many there are behind a load balancer; 0 is one without.
	replicas int
	// late is how many lines in a thousand are older than Loki takes.
	late int
	// lokiDisk and alloyDisk are the sizes of their disks; 0 for the machine's.
	lokiDisk, alloyDisk int
	// beyond says why nobody but Loki can help that lines are lost. Such a fault is
	// measured with the others, and promised nothing.
	beyond string
	// cause lets it go wrong, and ends when everything is sound again.
	cause func(r *trial)
}

// span is how long what lasts a while lasts: longer than loki.write tries, which
// is a second here.
const span = 3 * time.Second

// during spoils pushes for a while.
func during(d time.Duration, s spoiling) func(*trial) {
	return func(r *trial) { r.spoiled(d, s) }
}

var faults = []fault{
	{name: "none", about: "Nothing goes wrong.", cause: func(r *trial) { r.last(span) }},
	{
		name: "Loki stopped", about: "Loki ends, and is back after 3 s.", limits: lenient, direct: true,
		cause: func(r *trial) {
			require.NoError(r.t, r.loki.Stop())
			r.last(span)
			require.NoError(r.t, r.loki.start())
		},
	},
	{
		name: "Loki killed", about: "Loki gets SIGKILL at random moments, 5 times, and comes back at once.", limits: lenient, direct: true,
		cause: func(r *trial) {
			for range r.times(5, 1) {
				r.moment(500 * time.Millisecond)
				r.loki.Kill()
				require.NoError(r.t, r.loki.start())
			}
		},
	},
	{name: "429", about: "Loki answers 429 for 3 s.", cause: during(span, answering(http.StatusTooManyRequests))},
	{name: "500 for a moment", about: "Loki answers 500 for 0.3 s.", cause: during(300*time.Millisecond, answering(http.StatusInternalServerError))},
	{name: "500", about: "Loki answers 500 for 3 s.", cause: during(span, answering(http.StatusInternalServerError))},
	{name: "500 though stored", about: "Loki stores and answers 500 all the same, for 3 s.", cause: during(span, storing(http.StatusInternalServerError))},
	{
		name: "400 for lines", about: "Every twentieth line is older than Loki takes.", late: 50,
		limits: strings.Replace(lenient, "reject_old_samples: false", "reject_old_samples_max_age: 1h", 1),
		cause:  func(r *trial) { r.last(span) },
	},
	{name: "slow answers", about: "Loki's answers come after the writer has given up, for 3 s.", cause: during(span, lateAnswers(1500*time.Millisecond))},
	{name: "slow requests", about: "Requests reach Loki after the writer has given up, for 3 s.", cause: during(span, lateRequests(1500*time.Millisecond))},
	{
		name: "slow requests while Loki is killed", about: "The same, while Loki is killed, 5 times, and comes back at once.", limits: lenient,
		cause: func(r *trial) {
			r.proxy.spoil(lateRequests(1100 * time.Millisecond))
			for range r.times(5, 1) {
				r.moment(3 * time.Second)
				r.loki.Kill()
				require.NoError(r.t, r.loki.start())
			}
			r.proxy.spoil(nil)
		},
	},
	{
		name: "half-open", about: "Connections are accepted and nothing is ever answered, for 15 s.",
		cause: func(r *trial) { r.spoiled(time.Duration(r.times(15, 3))*time.Second, silent) },
	},
	{
		name: "reset", about: "Two of three connections are reset, before Loki has the push or after it, for 3 s.",
		cause: during(span, resetting()),
	},
	{
		name: "Loki's disk full", about: "The disk of Loki is full for 15 s.", limits: lenient, direct: true, lokiDisk: 64 << 20,
		cause: func(r *trial) {
			require.NoError(r.t, r.disk.fill())
			r.last(time.Duration(r.times(15, 2)) * time.Second)
			require.NoError(r.t, r.disk.free())
		},
	},
	{
		name: "Alloy's disk full", about: "The disk under Alloy's storage path is full, at the start and all the time.", alloyDisk: 64 << 10,
		cause: func(r *trial) { r.last(span) },
	},
	{
		name: "Alloy killed", about: "Alloy gets SIGKILL at random moments, 50 times, and comes back at once.",
		cause: func(r *trial) {
			for range r.times(50, 3) {
				r.moment(600 * time.Millisecond)
				require.NoError(r.t, r.replicas[0].crash())
			}
		},
	},
	{
		name: "Alloy and Loki killed", about: "Both get SIGKILL at about the same moments, 20 times, and come back at once.", limits: lenient, direct: true,
		cause: func(r *trial) {
			for range r.times(20, 1) {
				r.moment(400 * time.Millisecond)
				require.NoError(r.t, r.replicas[0].crash())
				r.moment(30 * time.Millisecond) // Firehose comes again.
				r.loki.Kill()
				require.NoError(r.t, r.loki.start())
			}
		},
	},
	{
		name: "Alloy restarted", about: "Alloy gets SIGTERM at random moments, 5 times, and comes back at once.",
		cause: func(r *trial) {
			for range r.times(5, 2) {
				r.moment(600 * time.Millisecond)
				require.NoError(r.t, r.replicas[0].restart())
			}
		},
	},
	{
		name: "reload", about: "Alloy loads another configuration of its writer, 50 times.",
		cause: func(r *trial) {
			for i := range r.times(50, 5) {
				r.moment(100 * time.Millisecond)
				r.replicas[0].rewrite(r.loki, r.pushURL, fmt.Sprintf("headers = {turn = \"%d\"}", i))
				require.NoError(r.t, r.replicas[0].reload())
			}
		},
	},
	{
		name: "rolling restart", about: "Two replicas behind a load balancer get SIGTERM in turn, 5 times.", replicas: 2,
		cause: func(r *trial) {
			for range r.times(5, 1) {
				for _, replica := range r.replicas {
					r.moment(300 * time.Millisecond)
					require.NoError(r.t, replica.restart())
				}
			}
		},
	},
	{
		name: "replica killed", about: "Four replicas behind a load balancer share a Firehose stream, and get SIGKILL in turn.", replicas: 4,
		cause: func(r *trial) {
			for _, replica := range r.replicas[:r.times(4, 1)] {
				r.moment(300 * time.Millisecond)
				require.NoError(r.t, replica.crash())
			}
		},
	},
	{
		name: "Loki killed while its disk is full", about: "The disk of Loki is full for 5 s; then Loki gets SIGKILL, has room again, and comes back.", limits: lenient, direct: true, lokiDisk: 64 << 20,
		beyond: "Loki has answered for lines that it could write to its memory only",
		cause: func(r *trial) {
			require.NoError(r.t, r.disk.fill())
			r.last(5 * time.Second)
			r.loki.Kill()
			require.NoError(r.t, r.disk.free())
			require.NoError(r.t, r.loki.start())
		},
	},
	{
		name: "two replicas while Loki is killed", about: "Two replicas write the same streams, and Loki is killed 8 times.", limits: lenient, direct: true, replicas: 2,
		beyond: "Loki forgets lines that it has accepted when two requests of one stream overlap",
		cause: func(r *trial) {
			for range r.times(8, 1) {
				r.moment(1500 * time.Millisecond)
				r.loki.Kill()
				require.NoError(r.t, r.loki.start())
			}
		},
	},
}

// load is what is delivered while something goes wrong.
const (
	loadRate    = 2000 // Lines per second.
	loadRecords = 100  // Of a delivery.
	loadSenders = 4    // Deliveries at the same time.
	loadPods    = 50
)

// trial is one fault in one pipeline.
type trial struct {
	t        *testing.T
	random   *rand.Rand
	loki     *tenant
	disk     *disk // Of Loki.
	proxy    *faultyProxy
	pushURL  string
	replicas []*replica
	stream   *standin.Stream
	lines    *lines
}

// times is how often something happens: in full, or when every test is run.
func (r *trial) times(inFull, usually int) int {
	if *full {
		return inFull
	}
	return usually
}

// last lets time pass, less of it when every test is run.
func (r *trial) last(d time.Duration) {
	if !*full {
		d = d * 2 / 3
	}
	<-time.After(d)
}

// moment lets a random time pass, of up to d.
func (r *trial) moment(d time.Duration) { r.last(time.Duration(r.random.Int64N(int64(d)))) }

// spoiled spoils pushes for a while, and until there has been one.
func (r *trial) spoiled(d time.Duration, s spoiling) {
	r.t.Helper()
	r.proxy.spoil(s)
	r.last(d)
	require.NoError(r.t, r.replicas[0].await(func() error {
		if r.proxy.met.Load() == 0 {
			return errors.New("nothing has gone wrong")
		}
		return nil
	}))
	r.proxy.spoil(nil)
}

// accepted waits until so many more deliveries have been answered 200.
func (r *trial) accepted(more int) {
	r.t.Helper()
	before := r.stream.Summary().Outcomes[standin.Accepted]
	require.NoError(r.t, r.replicas[0].await(func() error {
		if n := r.stream.Summary().Outcomes[standin.Accepted] - before; n < more {
			return fmt.Errorf("%d of %d deliveries are accepted", n, more)
		}
		return nil
	}))
}

// lines are records without end of lines that are written as they are sent. It
// implements standin.Source, and knows what was sent.
type lines struct {
	recent, old *traffic.Generator
	late        int          // Lines in a thousand are old.
	most        atomic.Int64 // How many there are; 0 while that is open.
	record      []byte
	sent        []uint64
}

func newLines(t *testing.T, late int) *lines {
	t.Helper()
	l := &lines{late: late}
	o := traffic.Options{
		Shape: traffic.FargateDefault, Pods: loadPods, Start: time.Now().Add(-time.Minute), Interval: time.Microsecond,
	}
	var err error
	l.recent, err = traffic.New(o)
	require.NoError(t, err)
	o.Start, o.FirstSequence = o.Start.Add(-2*time.Hour), 1<<32
	l.old, err = traffic.New(o)
	require.NoError(t, err)
	return l
}

// Next implements standin.Source.
func (l *lines) Next() bool {
	if most := l.most.Load(); most > 0 && int64(len(l.sent)) >= most {
		return false
	}
	from := l.recent
	if l.late > 0 && len(l.sent)%(1000/l.late) == 0 {
		from = l.old
	}
	var events []traffic.Event
	l.record, events = from.Next(l.record[:0])
	for i := range events {
		l.sent = append(l.sent, events[i].Sequence)
	}
	return true
}

// Record implements standin.Source.
func (l *lines) Record() []byte { return l.record }

// Err implements standin.Source.
func (l *lines) Err() error { return nil }

// outcome is a row of the table.
type outcome struct {
	fault, pipeline string
	sent, accepted  int // Lines, and those that were answered 200.
	repeats         int // Deliveries that were made again.
	stored          int // Lines that are in Loki, each counted once.
	lost, doubled   int
	memory          int // The most that one Alloy has had, in bytes.
}

// try lets the fault happen in a pipeline.
func (f *fault) try(t *testing.T, p *pipeline) outcome {
	r := &trial{t: t, random: rand.New(rand.NewPCG(1, 2)), lines: newLines(t, f.late)}
	f.prepare(r, p)
	done := make(chan error, 1)
	go func() { done <- r.stream.Run(t.Context(), r.lines) }()
	began := time.Now()
	r.accepted(5)
	f.cause(r)
	// What Firehose has kept in the meantime comes too.
	r.lines.most.Store(int64(loadRate*time.Since(began).Seconds()) + 10*loadRecords)
	require.NoError(t, <-done)
	summary := r.stream.Summary()
	require.True(t, summary.AllAccepted(), "%+v", summary)
	o := outcome{
		fault: f.name, pipeline: p.name, sent: len(r.lines.sent), accepted: summary.RecordOutcomes[standin.Accepted],
		repeats: summary.Attempts - summary.Deliveries,
	}
	for _, replica := range r.replicas {
		require.NoError(t, replica.settled())
		replica.remember()
		o.memory = max(o.memory, replica.most)
	}
	r.count(&o)
	t.Logf("%+v, answers %v, failures %v", o, summary.Statuses, summary.Errors)
	return o
}

// prepare starts Loki, the replicas and the stream.
func (f *fault) prepare(r *trial, p *pipeline) {
	r.loki = f.startLoki(r)
	r.pushURL = r.loki.pushURL()
	if !f.direct {
		r.proxy = newFaultyProxy(r.t, r.loki.address)
		r.pushURL = r.proxy.pushURL()
	}
	for range max(f.replicas, 1) {
		var d *disk
		if f.alloyDisk > 0 {
			d = newDisk(r.t, r.t.TempDir(), f.alloyDisk)
			require.NoError(r.t, d.fill())
		}
		r.replicas = append(r.replicas, p.startReplica(r.t, r.loki, r.pushURL, d))
	}
	endpoint := r.replicas[0].endpoint()
	if f.replicas > 0 {
		b := newBalancer(r.t)
		for _, replica := range r.replicas {
			b.add(r.t, replica.endpoint(), replica.address)
		}
		endpoint = b.URL
	}
	sender, err := standin.NewSender(standin.Options{
		URL: endpoint, AccessKey: faultAccessKey, Seed: 1, Connections: loadSenders,
		RetryDuration: 10 * patience, RetryUnit: 20 * time.Millisecond, ResponseTimeout: 10 * time.Second,
	})
	require.NoError(r.t, err)
	r.stream, err = standin.NewStream(sender, standin.StreamOptions{BufferRecords: loadRecords, Connections: loadSenders, Rate: loadRate})
	require.NoError(r.t, err)
}

func (f *fault) startLoki(r *trial) *tenant {
	if f.limits == "" {
		return sharedLoki(r.t)
	}
	dir := r.t.TempDir()
	storage := dir
	if f.lokiDisk > 0 {
		storage = filepath.Join(dir, "storage")
		require.NoError(r.t, os.Mkdir(storage, 0o700))
		r.disk = newDisk(r.t, storage, f.lokiDisk)
	}
	l, err := startLokiOn(r.disk, dir, storage, f.limits)
	require.NoError(r.t, err)
	r.t.Cleanup(func() { l.Kill() })
	return newTenant(r.t, l)
}

// count compares what was sent with what Loki has.
func (r *trial) count(o *outcome) {
	found := map[uint64]int{}
	from := time.Now().Add(-24 * time.Hour).UnixNano()
	for _, e := range r.loki.entriesBetween(r.t, ofPipelines, from, newest) {
		n, ok := traffic.Sequence(e.Line)
		require.True(r.t, ok, "%q has no number", e.Line)
		found[n]++
	}
	for _, n := range r.lines.sent {
		switch times := found[n]; times {
		case 0:
			o.lost++
		default:
			o.stored++
			o.doubled += times - 1
		}
		delete(found, n)
	}
	require.Empty(r.t, found, "lines that nobody has sent")
}

// TestFaults lets one thing after the other go wrong under load. With
// loki.write_sync nothing is lost and nothing doubled, whatever it is; what comes
// of it in the other pipelines is told.
func TestFaults(t *testing.T) {
	outcomes := make([][]outcome, len(faults)) // By fault and pipeline.
	t.Run("all", func(t *testing.T) {
		for i := range faults {
			f := &faults[i]
			outcomes[i] = make([]outcome, len(pipelines))
			for j := range pipelines {
				p := &pipelines[j]
				// The others are of interest once in a while.
				if !*full && (f.beyond != "" || j > 0 && f.name != "Alloy killed") {
					continue
				}
				t.Run(f.name+"/"+p.name, func(t *testing.T) {
					t.Parallel()
					o := f.try(t, p)
					outcomes[i][j] = o
					require.Positive(t, o.sent)
					require.Equal(t, o.sent, o.accepted)
					if p.sync && f.beyond == "" {
						require.Zero(t, o.lost, "%+v", o)
						require.Zero(t, o.doubled, "%+v", o)
					}
				})
			}
		}
	})
	if *full && !t.Failed() && complete(outcomes) {
		outcomeMarks.write(t, outcomeTables(outcomes))
	}
}

// complete reports whether every fault has happened in every pipeline, which is not
// so when only some of the tests are run.
func complete(outcomes [][]outcome) bool {
	return !slices.ContainsFunc(slices.Concat(outcomes...), func(o outcome) bool { return o.sent == 0 })
}
