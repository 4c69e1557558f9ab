package s3

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/require"
)

const (
	firehose  = "../../build/firehose"
	sourceARN = "arn:aws:firehose:eu-west-1:111122223333:deliverystream/pods"
	prefix    = "http-endpoint-failed/"
)

// endpoint counts what is delivered to it, by the text of the record.
type endpoint struct {
	*httptest.Server
	status  int
	mu      sync.Mutex
	records map[string]int
}

func newEndpoint(t *testing.T, status int) *endpoint {
	t.Helper()
	e := &endpoint{status: status, records: map[string]int{}}
	e.Server = httptest.NewServer(e)
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var envelope struct {
		RequestID string
		Records   []struct{ Data []byte }
	}
	if err := json.NewDecoder(r.Body).Decode(&envelope); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	e.mu.Lock()
	for _, rec := range envelope.Records {
		e.records[string(rec.Data)]++
	}
	e.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.status)
	fmt.Fprintf(w, `{"requestId":%q,"timestamp":1}`, envelope.RequestID)
}

// backup puts the backup of a stream whose deliveries all failed into a bucket, and
// returns the server and the records.
func backup(t *testing.T, records int) (url string, want map[string]int) {
	t.Helper()
	closed := newEndpoint(t, http.StatusServiceUnavailable)
	dir := t.TempDir()
	// It fails, as it is meant to.
	out, err := exec.Command(firehose, "send", "--url", closed.URL, "--generate", fmt.Sprint(records), "--buffer-records", "1",
		"--retry-duration", "0", "--backup", dir, "--quiet").CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, "%s", out)
	require.Len(t, closed.records, records)

	backend := s3mem.New()
	require.NoError(t, backend.CreateBucket("backup"))
	put := func(key string, text []byte) {
		_, err := backend.PutObject("backup", key, nil, bytes.NewReader(text), int64(len(text)), nil)
		require.NoError(t, err)
	}
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err == nil {
			var key string
			key, err = filepath.Rel(dir, path)
			put(filepath.ToSlash(key), text)
		}
		return err
	}))
	put("decompression-failed/another", []byte("none of these"))
	server := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(server.Close)
	return server.URL, closed.records
}

func redrive(t *testing.T, to *endpoint, args ...string) (summary map[string]any, err error) {
	t.Helper()
	cmd := exec.Command(firehose, append([]string{"redrive", "--url", to.URL, "--source-arn", sourceARN, "--json"}, args...)...)
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=id", "AWS_SECRET_ACCESS_KEY=secret", "AWS_CONFIG_FILE="+os.DevNull, "AWS_EC2_METADATA_DISABLED=true")
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, errors.New(stderr.String())
	}
	return summary, json.Unmarshal([]byte(stdout.String()), &summary)
}

// More objects than S3 lists at once are all delivered, each once.
func TestRedrive(t *testing.T) {
	const records = 1_050
	server, want := backup(t, records)
	e := newEndpoint(t, http.StatusOK)
	state := filepath.Join(t.TempDir(), "state")
	sum, err := redrive(t, e, "--endpoint-url", server, "--state", state, "s3://backup/"+prefix)
	require.NoError(t, err)
	require.EqualValues(t, records, sum["objects"])
	require.EqualValues(t, records, sum["deliveries"])
	require.Equal(t, want, e.records)

	sum, err = redrive(t, e, "--endpoint-url", server, "--state", state, "s3://backup/"+prefix)
	require.NoError(t, err)
	require.EqualValues(t, records, sum["skipped_objects"])
	require.Equal(t, want, e.records)
}

func TestRedrive_Failure(t *testing.T) {
	server, _ := backup(t, 1)
	e := newEndpoint(t, http.StatusOK)
	f := func(want string, args ...string) {
		t.Helper()
		_, err := redrive(t, e, append([]string{"--endpoint-url", server}, args...)...)
		require.ErrorContains(t, err, want)
		require.Empty(t, e.records)
	}
	f("NoSuchBucket", "s3://absent/")
	f("there is nothing in s3://backup/absent", "s3://backup/absent")
	f("object has another form", "s3://backup/decompression-failed/")
}
