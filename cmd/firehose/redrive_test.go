package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/standin"
)

const streamARN = "arn:aws:firehose:eu-west-3:111122223333:deliverystream/pods"

// redriveTo executes a redrive to the endpoint and returns its standard output and
// its error output.
func redriveTo(t *testing.T, e *endpoint, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, log bytes.Buffer
	cmd := newCommand()
	cmd.SetOut(&out)
	cmd.SetErr(&log)
	cmd.SetArgs(append([]string{"redrive", "--url", e.URL, "--source-arn", streamARN}, args...))
	err = cmd.ExecuteContext(t.Context())
	return out.String(), log.String(), err
}

// redriven is redriveTo for a redrive that succeeds, with its summary.
func redriven(t *testing.T, e *endpoint, args ...string) redriveSummary {
	t.Helper()
	out, log, err := redriveTo(t, e, append(args, "--json")...)
	require.NoError(t, err, log)
	var sum redriveSummary
	require.NoError(t, json.Unmarshal([]byte(out), &sum))
	return sum
}

// backedUp delivers generated records in vain, several deliveries of ten records
// each, and returns the folder of their backup and the deliveries.
func backedUp(t *testing.T, records int) (folder string, deliveries []delivery) {
	t.Helper()
	folder = t.TempDir()
	e := newEndpoint(t, slices.Repeat([]int{503}, records)...)
	_, err := run(t, "send", "--url", e.URL, "--generate", fmt.Sprint(records), "--buffer-records", "10", "--retry-duration", "0", "--backup", folder)
	require.ErrorContains(t, err, "not accepted")
	require.Len(t, e.deliveries, (records+9)/10)
	return folder, e.deliveries
}

// requireSameRecords checks that deliveries have the records of others, in any order
// of the deliveries.
func requireSameRecords(t *testing.T, want, got []delivery) {
	t.Helper()
	texts := func(all []delivery) []string {
		var out []string
		for _, d := range all {
			var sb strings.Builder
			for _, r := range d.Records {
				fmt.Fprintf(&sb, "%q\n", r.Data)
			}
			out = append(out, sb.String())
		}
		slices.Sort(out)
		return out
	}
	require.Equal(t, texts(want), texts(got))
}

// What was one delivery is one again, and the same one each time.
func TestRedrive_DeliversWhatFailed(t *testing.T) {
	folder, want := backedUp(t, 35)
	t.Setenv(accessKeyVariable, "of the environment")
	e := newEndpoint(t)
	sum := redriven(t, e, folder, "--tenant", "team-a", "--common-attribute", "lbl_cluster=blue", "--header", "X-Other: 1", "--gzip")
	requireSameRecords(t, want, e.deliveries)
	require.Equal(t, 4, sum.Deliveries)
	require.Equal(t, 35, sum.Records)
	require.Equal(t, 35, sum.DeliveredRecords)
	require.Equal(t, map[string]int{"HttpEndpoint.DestinationException": 35}, sum.Failures)
	for _, d := range e.deliveries {
		for name, value := range map[string]string{
			"X-Amz-Firehose-Source-Arn": streamARN, "X-Amz-Firehose-Access-Key": "of the environment", "X-Amz-Firehose-Request-Id": d.RequestID,
			"X-Scope-OrgID": "team-a", "X-Other": "1", "X-Amz-Firehose-Common-Attributes": `{"commonAttributes":{"lbl_cluster":"blue"}}`,
		} {
			require.Equal(t, value, d.header.Get(name), name)
		}
		require.WithinDuration(t, *sum.Newest, time.UnixMilli(d.Timestamp), sum.Newest.Sub(*sum.Oldest))
	}

	key := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(key, []byte("of the file\n"), 0o600))
	first := e.deliveries
	e.deliveries = nil
	redriven(t, e, folder, "--access-key-file", key)
	require.Len(t, e.deliveries, len(first))
	for i, d := range e.deliveries {
		require.Equal(t, "of the file", d.header.Get("X-Amz-Firehose-Access-Key"))
		require.Equal(t, first[i].RequestID, d.RequestID)
		require.Equal(t, first[i].Timestamp, d.Timestamp)
		require.Equal(t, first[i].Records, d.Records)
	}
}

// writeObject writes an object of failed deliveries, whose records are "0", "1" and
// so on; attempts says of each which attempt it failed in.
func writeObject(t *testing.T, path string, attempts ...int) {
	t.Helper()
	var text bytes.Buffer
	for i, attempt := range attempts {
		require.NoError(t, json.NewEncoder(&text).Encode(standin.ErrorRecord{
			AttemptsMade: 3, ArrivalTimestamp: 1787220000000 + int64(i), ErrorCode: standin.RequestTimeout,
			AttemptEndingTimestamp: 1787220300000 + int64(attempt), RawData: inBase64(fmt.Sprint(i)),
		}))
	}
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, text.Bytes(), 0o600))
}

// inBase64 returns text in base64.
func inBase64(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// shape is the records of each delivery, and its time in milliseconds since that of
// writeObject's first record.
func shape(deliveries []delivery) []string {
	var out []string
	for _, d := range deliveries {
		var records []string
		for _, r := range d.Records {
			records = append(records, string(r.Data))
		}
		out = append(out, fmt.Sprintf("%s at %d", strings.Join(records, " "), d.Timestamp-1787220000000))
	}
	return out
}

func TestRedrive_PutsDeliveriesTogether(t *testing.T) {
	f := func(attempts []int, want []string, args ...string) {
		t.Helper()
		folder := t.TempDir()
		writeObject(t, filepath.Join(folder, "object"), attempts...)
		e := newEndpoint(t)
		redriven(t, e, append(args, folder)...)
		require.Equal(t, want, shape(e.deliveries))
		e.deliveries = nil
		redriven(t, e, append(args, filepath.Join(folder, "object"))...) // One file does as well.
		require.Equal(t, want, shape(e.deliveries))
	}
	f([]int{1, 1, 1}, []string{"0 1 2 at 2"})
	f([]int{1, 1, 2, 2, 2, 1}, []string{"0 1 at 1", "2 3 4 at 4", "5 at 5"})
}

func TestRedrive_BufferSize(t *testing.T) {
	folder := t.TempDir()
	var text bytes.Buffer
	for range 10 {
		fmt.Fprintf(&text, `{"attemptsMade":1,"errorCode":"e","arrivalTimestamp":1,"rawData":%q}`+"\n", inBase64(strings.Repeat("x", 300<<10)))
	}
	require.NoError(t, os.WriteFile(filepath.Join(folder, "object"), text.Bytes(), 0o600))
	e := newEndpoint(t)
	redriven(t, e, folder)
	require.Len(t, e.deliveries, 1)
	e.deliveries = nil
	redriven(t, e, folder, "--buffer-size", "1")
	require.Len(t, e.deliveries, 4)
}

// A delivery never has more than Firehose's own.
func TestRedrive_LimitsOfADelivery(t *testing.T) {
	name := filepath.Join(t.TempDir(), "object")
	const line = `{"attemptsMade":1,"errorCode":"e","arrivalTimestamp":1,"rawData":""}` + "\n"
	require.NoError(t, os.WriteFile(name, []byte(strings.Repeat(line, 10_001)), 0o600))
	e := newEndpoint(t)
	redriven(t, e, name)
	require.Len(t, e.deliveries, 2)
	require.Len(t, e.deliveries[0].Records, 10_000)
	require.Len(t, e.deliveries[1].Records, 1)
}

// A redrive that ended goes on where it was, whatever has come in between.
func TestRedrive_Resume(t *testing.T) {
	folder, state := t.TempDir(), filepath.Join(t.TempDir(), "state")
	writeObject(t, filepath.Join(folder, "2026/a"), 1, 1, 2, 2, 3)
	writeObject(t, filepath.Join(folder, "2026/b"), 1)
	e := newEndpoint(t, 200, 401)
	_, _, err := redriveTo(t, e, folder, "--state", state)
	require.ErrorContains(t, err, `records 2 to 3 of "2026/a" were not accepted`)
	require.ErrorContains(t, err, "401")
	require.Equal(t, 1, exitCode(err))
	require.Len(t, e.deliveries, 2, "a wrong key is not tried again")

	// Firehose writes an object whose name sorts first, and the machine stops in the
	// middle of a line.
	writeObject(t, filepath.Join(folder, "2026/0"), 7)
	appendTo(t, state, `{"object":"2026/a","from":2,"to"`)
	e.answer()
	sum := redriven(t, e, folder, "--state", state)
	require.Equal(t, []string{"0 at 0", "2 3 at 3", "4 at 4", "0 at 0"}, shape(e.deliveries))
	require.Equal(t, 2, sum.SkippedRecords)
	require.Equal(t, 5, sum.DeliveredRecords)

	e.answer()
	sum = redriven(t, e, folder, "--state", state)
	require.Empty(t, e.deliveries)
	require.Equal(t, 3, sum.SkippedObjects)
	text, err := os.ReadFile(state)
	require.NoError(t, err)
	require.Len(t, strings.Split(strings.TrimSpace(string(text)), "\n"), 4, "%s", text)
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	_, err = f.WriteString(text)
	require.NoError(t, errors.Join(err, f.Close()))
}

// A redrive that is killed at any moment loses nothing: what the next one sends is
// all that the first has not heard to be accepted.
func TestRedrive_EndsAnywhere(t *testing.T) {
	folder, want := backedUp(t, 100)
	state := filepath.Join(t.TempDir(), "state")
	var delivered []delivery
	e := newEndpoint(t)
	for runs := 0; ; runs++ {
		require.Less(t, runs, 20)
		e.answer()
		ctx, cancel := context.WithCancel(t.Context())
		e.mu.Lock()
		e.handled = func(n int) {
			if n == runs%3+1 {
				cancel()
			}
		}
		e.mu.Unlock()
		cmd := newCommand()
		cmd.SetArgs([]string{"redrive", "--url", e.URL, "--source-arn", streamARN, "--state", state, "--quiet", folder})
		err := cmd.ExecuteContext(ctx)
		cancel()
		e.mu.Lock()                      // It may have the last one in its hands still.
		for _, d := range e.deliveries { // The one at the end may come again, as it was.
			if !slices.ContainsFunc(delivered, func(x delivery) bool { return x.RequestID == d.RequestID }) {
				delivered = append(delivered, d)
			}
		}
		e.mu.Unlock()
		if err == nil {
			break
		}
		require.ErrorIs(t, err, context.Canceled)
	}
	requireSameRecords(t, want, delivered)
}

func TestRedrive_KeepGoing(t *testing.T) {
	folder, state := t.TempDir(), filepath.Join(t.TempDir(), "state")
	writeObject(t, filepath.Join(folder, "a"), 1, 2, 3)
	e := newEndpoint(t, 200, 400)
	_, log, err := redriveTo(t, e, folder, "--state", state, "--keep-going")
	require.ErrorIs(t, err, errIncomplete)
	require.Equal(t, 2, exitCode(err))
	require.Contains(t, log, `records 1 to 1 of "a" were not accepted`)
	require.Len(t, e.deliveries, 3)

	e.answer()
	redriven(t, e, folder, "--state", state)
	require.Equal(t, []string{"1 at 1"}, shape(e.deliveries))
}

// What passes is waited for, what does not is not.
func TestRedrive_Retries(t *testing.T) {
	folder := t.TempDir()
	writeObject(t, filepath.Join(folder, "a"), 1)
	f := func(accepted bool, statuses ...int) {
		t.Helper()
		e := newEndpoint(t, statuses...)
		_, _, err := redriveTo(t, e, folder, "--retry-unit", "1ms")
		require.Equal(t, accepted, err == nil, err)
		want := len(statuses)
		if accepted {
			want++
		}
		require.Len(t, e.deliveries, want)
		for _, d := range e.deliveries {
			require.Equal(t, e.deliveries[0].RequestID, d.RequestID)
		}
	}
	f(true, 503, 500, 429, 408, 502)
	for _, status := range []int{301, 400, 401, 403, 404, 413} {
		f(false, status)
	}
}

// A state with labels is found to be of the same redrive again.
func TestRedrive_ResumeWithLabels(t *testing.T) {
	folder, state := t.TempDir(), filepath.Join(t.TempDir(), "state")
	writeObject(t, filepath.Join(folder, "a"), 1)
	args := []string{folder, "--state", state, "--tenant", "shop", "--common-attribute", "lbl_a=1", "--common-attribute", "lbl_b=2"}
	e := newEndpoint(t)
	redriven(t, e, args...)
	require.Equal(t, 1, redriven(t, e, args...).SkippedObjects)
	require.Len(t, e.deliveries, 1)
}

func TestRedrive_DryRun(t *testing.T) {
	folder, state := t.TempDir(), filepath.Join(t.TempDir(), "state")
	writeObject(t, filepath.Join(folder, "a"), 1, 1, 2)
	e := newEndpoint(t)
	out, _, err := redriveTo(t, e, folder, "--dry-run", "--state", state)
	require.NoError(t, err)
	require.Empty(t, e.deliveries)
	require.NoFileExists(t, state)
	require.Regexp(t, `(?m)^to deliver +2 +3$`, out)
	require.Regexp(t, `(?m)^  RequestTimeout +3$`, out)
	require.Regexp(t, `(?m)^  oldest +2026-08-20T10:00:00Z$`, out)
}

func TestRedrive_Unreadable(t *testing.T) {
	folder, state := t.TempDir(), filepath.Join(t.TempDir(), "state")
	writeObject(t, filepath.Join(folder, "a"), 1, 1)
	appendTo(t, filepath.Join(folder, "a"), "{\"a secret\": broken\n")
	writeObject(t, filepath.Join(folder, "b"), 1)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "c"), []byte("a secret line\n"), 0o600))
	e := newEndpoint(t)
	for _, deliveries := range []int{2, 0} { // What was read is accepted; the rest stays unread.
		e.answer()
		_, log, err := redriveTo(t, e, folder, "--state", state)
		require.ErrorIs(t, err, errIncomplete)
		require.ErrorContains(t, err, "2 places")
		require.Contains(t, log, `record 2 of "a" cannot be read`)
		require.Contains(t, log, `"c" cannot be read to its end`)
		require.NotContains(t, log, "secret")
		require.Len(t, e.deliveries, deliveries)
	}
}

func TestRedrive_AllData(t *testing.T) {
	folder := t.TempDir()
	name := filepath.Join(folder, "pods-1-2026-08-20-10-00-05-0a1b2c3d-0000-4000-8000-000000000000.gz")
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := w.Write([]byte(strings.Repeat("{\"log\":\"x\"}\n", 12_000)))
	require.NoError(t, errors.Join(err, w.Close()))
	require.NoError(t, os.WriteFile(name, packed.Bytes(), 0o600))

	e := newEndpoint(t)
	_, _, err = redriveTo(t, e, folder)
	require.ErrorIs(t, err, errIncomplete, "it is not taken for something else")
	require.Empty(t, e.deliveries)
	sum := redriven(t, e, folder, "--all-data")
	require.Equal(t, 12_000, sum.DeliveredRecords)
	require.Len(t, e.deliveries, 2)
	for _, d := range e.deliveries {
		require.Equal(t, time.Date(2026, 8, 20, 10, 0, 5, 0, time.UTC).UnixMilli(), d.Timestamp)
		require.Equal(t, "{\"log\":\"x\"}\n", string(d.Records[0].Data))
	}

	// Nothing tells what was one delivery, so it is as much as Firehose buffers.
	require.NoError(t, os.WriteFile(name, []byte(strings.Repeat(strings.Repeat("x", 1_000_000)+"\n", 6)), 0o600))
	e.answer()
	redriven(t, e, folder, "--all-data")
	require.Len(t, e.deliveries, 2)
	require.Len(t, e.deliveries[0].Records, 5)
}

func TestRedrive_Failure(t *testing.T) {
	folder := t.TempDir()
	writeObject(t, filepath.Join(folder, "a"), 1)
	state := filepath.Join(t.TempDir(), "state")
	e := newEndpoint(t)
	redriven(t, e, folder, "--state", state)
	other := filepath.Join(t.TempDir(), "other")
	require.NoError(t, os.WriteFile(other, []byte("no state\n"), 0o600))
	damaged := filepath.Join(t.TempDir(), "damaged")
	text, err := os.ReadFile(state)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(damaged, append(text, "{]\n"...), 0o600))
	f := func(want string, args ...string) {
		t.Helper()
		_, _, err := redriveTo(t, e, args...)
		require.ErrorContains(t, err, want)
		require.Equal(t, 1, exitCode(err))
	}
	e.deliveries = nil
	f("cannot list backup", filepath.Join(folder, "absent"))
	f("there is nothing in", t.TempDir())
	f("accepts 1 arg", folder, folder)
	f("--buffer-size 65", folder, "--buffer-size", "65")
	f("--buffer-size -1", folder, "--buffer-size", "-1")
	f("--rate -1", folder, "--rate", "-1")
	f("--rate NaN", folder, "--rate", "NaN")
	f("--byte-rate", folder, "--byte-rate", "many")
	f("--byte-rate", folder, "--byte-rate", "-5MiB")
	f("cannot read access key", folder, "--access-key-file", filepath.Join(folder, "absent"))
	f("Name: value", folder, "--header", "x")
	f("--endpoint-url", folder, "--endpoint-url", e.URL)
	f("is not s3://bucket/prefix", "s3:///prefix")
	f("it is not the state of a redrive", folder, "--state", other)
	f("it is of another redrive", folder, "--state", state, "--all-data")
	f("it is of another redrive", filepath.Join(folder, "a"), "--state", state)
	f("it is of another redrive", folder, "--state", state, "--tenant", "other")
	f("it is of another redrive", folder, "--state", state, "--common-attribute", "lbl_redriven=yes")
	f("line 4", folder, "--state", damaged)
	f("cannot write state", folder, "--state", filepath.Join(folder, "absent", "state"))
	f("not an http or https URL", folder, "--url", "ftp://x")
	require.Empty(t, e.deliveries)
	unchanged, err := os.ReadFile(other)
	require.NoError(t, err)
	require.Equal(t, "no state\n", string(unchanged))

	for _, required := range []string{"url", "source-arn"} {
		cmd := newCommand()
		args := map[string]string{"url": e.URL, "source-arn": streamARN}
		delete(args, required)
		for _, name := range slices.Collect(maps.Keys(args)) {
			cmd.SetArgs([]string{"redrive", "--" + name, args[name], folder})
		}
		require.ErrorContains(t, cmd.Execute(), required)
	}
}

// The access key is nowhere where others can see it.
func TestRedrive_KeyIsNoFlag(t *testing.T) {
	require.Nil(t, newRedriveCommand().Flags().Lookup("access-key"))
	folder := t.TempDir()
	writeObject(t, filepath.Join(folder, "a"), 1)
	t.Setenv(accessKeyVariable, "the secret key")
	out, log, err := redriveTo(t, newEndpoint(t, 401), folder, "--state", filepath.Join(folder, ".state"))
	require.NotContains(t, out+log+err.Error(), "the secret key")
	state, err := os.ReadFile(filepath.Join(folder, ".state"))
	require.NoError(t, err)
	require.NotContains(t, string(state), "the secret key")
}

// A redrive as a whole keeps to its pace.
func TestRedrive_Rate(t *testing.T) {
	folder := t.TempDir()
	writeObject(t, filepath.Join(folder, "a"), 1, 2, 3, 3)
	for _, pace := range [][]string{{"--rate", "20"}, {"--byte-rate", "20B"}} { // A record is a byte.
		begin := time.Now()
		redriven(t, newEndpoint(t), append(pace, folder)...)
		require.GreaterOrEqual(t, time.Since(begin), 100*time.Millisecond, pace)
	}
}

// A place that cannot be read is none that was accepted with what is around it.
func TestRedrive_UnreadableWithin(t *testing.T) {
	folder, state := t.TempDir(), filepath.Join(t.TempDir(), "state")
	name := filepath.Join(folder, "a")
	writeObject(t, name, 1, 1)
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	first, second, _ := strings.Cut(string(text), "\n")
	require.NoError(t, os.WriteFile(name, []byte(first+"\n{broken\n"+second), 0o600))
	e := newEndpoint(t)
	for _, want := range [][]string{{"0 at 0", "1 at 1"}, nil} {
		e.answer()
		_, _, err := redriveTo(t, e, folder, "--state", state)
		require.ErrorIs(t, err, errIncomplete)
		require.ErrorContains(t, err, "1 places")
		require.Equal(t, want, shape(e.deliveries))
	}
}

// Where nothing shows progress on one line, it is a line now and then.
func TestShowRedrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := newRedriveReport()
		shown := showRedrive(&log, r)
		r.listed([]object{{Key: "a", Size: 1000}, {Key: "b", Size: 1000}})
		r.read(object{Key: "a", Size: 1000})
		r.delivered(50)
		time.Sleep(logInterval + time.Second)
		r.refused(errors.New("it was not accepted"))
		shown.stop()
		require.Equal(t, "1 of 2 objects, 1.0 kB of 2.0 kB, 50 records in 1 deliveries, 5 records/s\nit was not accepted\n", log.String())
	})
}

// What was not used while an endpoint was slow is not made up for.
func TestLimit(t *testing.T) {
	sender, err := standin.NewSender(standin.Options{URL: "http://127.0.0.1:1"})
	require.NoError(t, err)
	delivery := func(records int) *standin.Delivery {
		d := sender.NewDelivery()
		for range records {
			require.NoError(t, d.Add(make([]byte, 20), time.Time{}))
		}
		return d
	}
	d, large := delivery(50), delivery(500)
	for _, flags := range []redriveFlags{{rate: 100}, {byteRate: "2000B"}} {
		limits, err := flags.limits()
		require.NoError(t, err)
		require.Len(t, limits, 1)
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			for range 10 {
				require.NoError(t, limits[0].wait(t.Context(), d))
			}
			require.InDelta(t, 5*time.Second, time.Since(begin), float64(50*time.Millisecond))
			require.NoError(t, limits[0].wait(t.Context(), large))
			time.Sleep(time.Hour)
			begin = time.Now()
			for range 10 {
				require.NoError(t, limits[0].wait(t.Context(), d))
			}
			require.GreaterOrEqual(t, time.Since(begin), 4*time.Second)
		})
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b/2", "b/1", "b.x", "a", ".hidden", ".git/x", "b/.unfinished-1", "empty/.keep"} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600))
	}
	require.NoError(t, os.Symlink(filepath.Join(dir, ".hidden"), filepath.Join(dir, "link")))
	f, err := openFolder(dir)
	require.NoError(t, err)
	objects, err := f.list(t.Context())
	require.NoError(t, err)
	var keys []string
	for _, o := range objects {
		keys = append(keys, o.Key)
		content, err := f.open(t.Context(), o)
		require.NoError(t, err)
		text := make([]byte, o.Size)
		_, err = content.ReadAt(text, 0)
		require.NoError(t, errors.Join(err, content.Close()))
		if o.Key != "link" {
			require.Equal(t, o.Key, string(text))
		}
	}
	require.Equal(t, []string{"a", "b.x", "b/1", "b/2", "link"}, keys)
}

func TestObject_Time(t *testing.T) {
	modified := time.UnixMilli(42)
	f := func(key string, want time.Time) {
		t.Helper()
		require.Equal(t, want, object{Key: key, Modified: modified}.time())
	}
	at := time.Date(2026, 8, 20, 10, 0, 5, 0, time.UTC)
	f("2026/08/20/10/pods-1-2026-08-20-10-00-05-0a1b2c3d-0000-4000-8000-000000000000", at)
	f("pods-1-2026-08-20-10-00-05-0a1b2c3d-0000-4000-8000-000000000000.gz", at)
	f("a-2020-01-01-00-00-00-b/pods-1-2026-08-20-10-00-05-0a1b", at)
	f("pods-1-2026-13-20-10-00-05-0a1b2c3d", modified)
	f("a-2020-01-01-00-00-00-b/pods", modified)
	f("", modified)
}

func TestJoin(t *testing.T) {
	f := func(in, want []span) {
		t.Helper()
		require.Equal(t, want, join(in))
	}
	f([]span{{0, 1}}, []span{{0, 1}})
	f([]span{{5, 7}, {0, 1}}, []span{{0, 1}, {5, 7}})
	f([]span{{1, 2}, {0, 1}, {2, 9}, {3, 4}}, []span{{0, 9}})
}
