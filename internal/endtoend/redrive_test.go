package endtoend

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/clustertraffic"
	"github.com/grafana/alloy/eks/internal/standin"
	"github.com/grafana/alloy/eks/internal/subscription"
	"github.com/grafana/alloy/eks/internal/traffic"
)

// redriving is what a redrive needs to know.
type redriving struct {
	t        *testing.T
	alloy    *alloy
	loki     *tenant
	endpoint string
}

// command returns a redrive into the tenant.
func (r redriving) command(to *tenant, args ...string) *exec.Cmd {
	r.t.Helper()
	path, err := program("firehose")
	require.NoError(r.t, err)
	cmd := exec.Command(path, append([]string{
		"redrive", "--url", r.endpoint, "--source-arn", standin.DefaultSourceARN, "--tenant", to.id, "--json", "--gzip",
	}, args...)...)
	cmd.Env = append(os.Environ(), "FIREHOSE_ACCESS_KEY=key")
	return cmd
}

// run redrives into the tenant and returns how many records were delivered, and
// what Loki has then.
func (r redriving) run(to *tenant, selector string, args ...string) (records int, entries []entry) {
	r.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := r.command(to, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(r.t, cmd.Run(), stderr.String())
	var sum struct {
		DeliveredRecords int `json:"delivered_records"`
	}
	require.NoError(r.t, json.Unmarshal(stdout.Bytes(), &sum))
	return sum.DeliveredRecords, to.entries(r.t, selector)
}

// deliverTo delivers records to a tenant at once, a hundred at a time.
func (r redriving) deliverTo(to *tenant, src standin.Source) {
	r.t.Helper()
	r.alloy.mustDeliver(r.t, src, delivering{
		Options:       standin.Options{URL: r.endpoint, AccessKey: "key", Header: http.Header{"X-Scope-Orgid": {to.id}}},
		StreamOptions: standin.StreamOptions{BufferRecords: 100},
	})
}

// failed delivers records in vain and returns the backup of that.
func (r redriving) failed(src standin.Source) string {
	r.t.Helper()
	dir := r.t.TempDir()
	sum := r.alloy.deliver(r.t, src, delivering{
		Options:       standin.Options{URL: r.endpoint, AccessKey: "another", BackupDir: dir},
		StreamOptions: standin.StreamOptions{BufferRecords: 100},
	})
	require.Equal(r.t, map[standin.Outcome]int{standin.BackedUp: sum.Deliveries}, sum.Outcomes)
	return dir
}

// allData returns the backup of a stream that keeps all data, with the records one
// behind the other.
func (r redriving) allData(src standin.Source) string {
	r.t.Helper()
	var all []byte
	for src.Next() {
		all = append(all, src.Record()...)
	}
	require.NoError(r.t, src.Err())
	dir := r.t.TempDir()
	name := filepath.Join(dir, requestTime.Format("2006/01/02/15"), "eks-logs-1-"+requestTime.Format("2006-01-02-15-04-05")+"-0a1b2c3d")
	require.NoError(r.t, os.MkdirAll(filepath.Dir(name), 0o755))
	require.NoError(r.t, os.WriteFile(name, all, 0o600))
	return dir
}

// messages are records with the logs of control planes.
type messages struct {
	generator *clustertraffic.Generator
	encoder   *subscription.Encoder
	left      int
	record    []byte
	err       error
}

func (m *messages) Next() bool {
	if m.left == 0 || m.err != nil {
		return false
	}
	m.left--
	m.record, m.err = m.encoder.AppendRecord(m.record[:0], m.generator.Next())
	return m.err == nil
}

func (m *messages) Record() []byte { return m.record }

func (m *messages) Err() error { return m.err }

// unmoved returns the entries without the nanoseconds by which equal lines of one
// time are moved, each once.
func unmoved(entries []entry) []entry {
	var out []entry
	seen := map[string]bool{}
	for _, e := range entries {
		e.Nanos -= e.Nanos % 1000
		if text := fmt.Sprint(e); !seen[text] {
			seen[text] = true
			out = append(out, e)
		}
	}
	return out
}

// What is redriven becomes the entries that it would have become at once, and
// changes nothing when it is redriven again: from the records of deliveries that
// failed, some of which Loki has for all that, from a redrive that is killed, and
// from a backup of all data.
func TestRedrive(t *testing.T) {
	f := func(component, selector string, records int, source func(records int) standin.Source) {
		t.Run(component, func(t *testing.T) {
			loki := sharedLoki(t)
			a := startAlloy(t, settings{Loki: loki, Component: component, Writer: "loki.write_sync", Arguments: anyAge + `access_key = "key"`})
			r := redriving{t, a, loki, a.endpoint()}
			straight, redriven, kept := loki.named("straight"), loki.named("redriven"), loki.named("kept")
			r.deliverTo(straight, source(records))
			want := straight.entries(t, selector)
			require.Greater(t, len(want), records/2)

			backup := r.failed(source(records))
			r.deliverTo(redriven, source(records/3))
			require.Less(t, len(redriven.entries(t, selector)), len(want))
			state := filepath.Join(t.TempDir(), "state")
			r.killed(redriven, backup, state, records)
			n, got := r.run(redriven, selector, "--state", state, backup)
			require.Less(t, n, records, "it goes on where the first one was killed")
			require.Empty(t, difference(want, got))
			n, got = r.run(redriven, selector, backup)
			require.Equal(t, records, n)
			require.Empty(t, difference(want, got), "a repetition has changed something")

			// Where one delivery ended and the next began, a backup of all data does not
			// tell, and lines that are equal are told apart within one.
			want = unmoved(want)
			_, got = r.run(kept, selector, "--all-data", r.allData(source(records)))
			require.Empty(t, difference(want, unmoved(got)))
			_, got = r.run(redriven, selector, "--all-data", r.allData(source(records)))
			require.Empty(t, difference(want, unmoved(got)), "another backup of the same has changed something")
			t.Logf("%d records, %d entries", records, len(want))
		})
	}
	f("awsfirehose.kubernetes", everything, 2_000, func(records int) standin.Source {
		return generate(t, records, traffic.Options{Pods: 20, Partial: 0.01})
	})
	f("cloudwatch.eks_controlplane", `{log_type=~".+"}`, 300, func(records int) standin.Source {
		generator, err := clustertraffic.New(clustertraffic.Options{Clusters: 2})
		require.NoError(t, err)
		return &messages{generator: generator, encoder: subscription.NewEncoder(subscription.Gzip), left: records}
	})
}

// killed kills a redrive when Loki has some of its records.
func (r redriving) killed(to *tenant, backup, state string, records int) {
	r.t.Helper()
	cmd := r.command(to, "--state", state, "--rate", fmt.Sprint(records/10), backup)
	require.NoError(r.t, cmd.Start())
	require.Eventually(r.t, func() bool {
		text, _ := os.ReadFile(state)
		return bytes.Count(text, []byte("\n")) > 3
	}, patience, 10*time.Millisecond)
	require.NoError(r.t, cmd.Process.Kill())
	require.Error(r.t, cmd.Wait())
}

// Lines of more than two hours ago, in streams that have newer ones: a Loki with its
// default limits takes them in streams of their own only, which a common attribute
// makes. Else loki.write_sync moves them, and they are not lost.
func TestRedrive_IntoLiveStreams(t *testing.T) {
	const records = 300
	loki := ownLoki(t, byDefault)
	a := startAlloy(t, settings{Loki: loki, Writer: "loki.write_sync", Arguments: `access_key = "key"`})
	r := redriving{t, a, loki, a.endpoint()}
	now := time.Now()
	old := func() *generated {
		return generate(t, records, traffic.Options{Pods: 5, Start: now.Add(-150 * time.Minute)})
	}
	backup, written := r.failed(old()), old()
	for written.Next() { // For what it has written.
	}

	apart := loki.named("apart")
	r.deliverTo(apart, generate(t, records, traffic.Options{Pods: 5, Start: now.Add(-time.Minute), FirstSequence: records}))
	_, first := r.run(apart, `{redriven="1"}`, "--common-attribute", "lbl_redriven=1", backup)
	require.Empty(t, written.differences(t, first))
	_, second := r.run(apart, `{redriven="1"}`, "--common-attribute", "lbl_redriven=1", backup)
	require.Empty(t, difference(first, second))

	among := loki.named("among")
	r.deliverTo(among, generate(t, records, traffic.Options{Pods: 5, Start: now.Add(-time.Minute), FirstSequence: records}))
	_, all := r.run(among, everything, backup)
	lost, _ := written.lostAndDoubled(t, all)
	require.Zero(t, lost)
	moved := 0
	for _, e := range all {
		if e.Metadata["true_timestamp"] != "" {
			require.Equal(t, "too_far_behind", e.Metadata["mended"])
			moved++
		}
	}
	require.Equal(t, len(written.written), moved)
}
