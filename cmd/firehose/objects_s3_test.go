package main

import (
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// s3Server has what S3 has of a bucket named "backup": its list, in pages, and its
// objects.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
type s3Server struct {
	*httptest.Server
	t       *testing.T
	objects map[string]string
	// fail may answer a request in the server's place.
	fail func(w http.ResponseWriter, r *http.Request) bool

	mu       sync.Mutex
	requests []string
	regions  []string
}

// pageSize is how many objects the server lists at once.
const pageSize = 2

func newS3Server(t *testing.T, objects map[string]string) *s3Server {
	t.Helper()
	s := &s3Server{t: t, objects: objects}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
		"AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_MAX_ATTEMPTS": "2",
		"TMPDIR": t.TempDir(),
	} {
		t.Setenv(name, value)
	}
	return s
}

func (s *s3Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r.Method+" "+r.URL.Path)
	// Credential=id/20261121/eu-west-3/s3/aws4_request
	scope := strings.Split(r.Header.Get("Authorization"), "/")
	if len(scope) > 2 {
		s.regions = append(s.regions, scope[2])
	}
	s.mu.Unlock()
	switch {
	case s.fail != nil && s.fail(w, r):
	case !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=id/"):
		s3Error(w, http.StatusForbidden, "AccessDenied")
	case r.URL.Path == "/backup" && r.URL.Query().Get("list-type") == "2":
		s.list(w, r.URL.Query().Get("prefix"), r.URL.Query().Get("continuation-token"))
	case s.objects[strings.TrimPrefix(r.URL.Path, "/backup/")] != "":
		text := s.objects[strings.TrimPrefix(r.URL.Path, "/backup/")]
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		_, _ = w.Write([]byte(text))
	default:
		s3Error(w, http.StatusNotFound, "NoSuchBucket")
	}
}

func (s *s3Server) list(w http.ResponseWriter, prefix, token string) {
	type contents struct {
		Key          string
		LastModified string
		Size         int
	}
	var page struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
		Contents              []contents
	}
	var keys []string
	for key := range s.objects {
		if strings.HasPrefix(key, prefix) && key > token {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	if len(keys) > pageSize {
		keys = keys[:pageSize]
		page.IsTruncated, page.NextContinuationToken = true, keys[pageSize-1]
	}
	for _, key := range keys {
		page.Contents = append(page.Contents, contents{key, "2026-08-20T10:00:00.000Z", len(s.objects[key])})
	}
	w.Header().Set("Content-Type", "application/xml")
	require.NoError(s.t, xml.NewEncoder(w).Encode(page))
}

func s3Error(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = w.Write([]byte("<Error><Code>" + code + "</Code><Message>in the words of the server</Message></Error>"))
}

// s3Objects returns the objects of a backup by their keys.
func s3Objects(t *testing.T, records int) (objects map[string]string, deliveries []delivery) {
	t.Helper()
	folder, deliveries := backedUp(t, records)
	f, err := openFolder(folder)
	require.NoError(t, err)
	list, err := f.list(t.Context())
	require.NoError(t, err)
	objects = map[string]string{}
	for _, o := range list {
		text, err := os.ReadFile(filepath.Join(folder, o.Key))
		require.NoError(t, err)
		objects[o.Key] = string(text)
	}
	return objects, deliveries
}

func TestRedrive_S3(t *testing.T) {
	objects, want := s3Objects(t, 65)
	objects["other/object"], objects["http-endpoint-failed/folder/"] = "not asked for", "x"
	s := newS3Server(t, objects)
	e := newEndpoint(t)
	sum := redriven(t, e, "--endpoint-url", s.URL, "s3://backup/http-endpoint-failed/")
	requireSameRecords(t, want, e.deliveries)
	require.Equal(t, 7, sum.Objects)
	require.Len(t, s.requests, 7+4, "%v", s.requests)
	for _, region := range s.regions {
		require.Equal(t, "eu-west-3", region, "that of the stream")
	}
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	require.NoError(t, err)
	require.Empty(t, left)

	s.regions, e.deliveries = nil, nil
	// A server with a name has not one for each bucket.
	named := strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	redriven(t, e, "--endpoint-url", named, "--region", "eu-south-2", "--dry-run", "s3://backup/http-endpoint-failed/")
	require.Equal(t, "eu-south-2", s.regions[0])
	t.Setenv("AWS_REGION", "eu-north-1")
	t.Setenv("AWS_ENDPOINT_URL_S3", s.URL)
	s.regions = nil
	_, _, err = redriveTo(t, e, "--dry-run", "s3://backup")
	require.Error(t, err)
	require.NotContains(t, s.regions, "eu-west-3")
	require.Empty(t, e.deliveries)
}

// A prefix is the beginning of a key, and no path of a URL.
func TestOpenS3_Address(t *testing.T) {
	f := func(address, wantName, wantPrefix string) {
		t.Helper()
		b, err := openS3(t.Context(), address, s3Options{})
		require.NoError(t, err)
		require.Equal(t, []string{wantName, wantPrefix}, []string{b.name, b.prefix})
	}
	newS3Server(t, nil) // For its environment.
	f("s3://backup", "backup", "")
	f("s3://backup/", "backup", "")
	f("s3://backup/failed/", "backup", "failed/")
	f("s3://backup//failed", "backup", "/failed")
	f("s3://backup/100%/a%2fb?c#d", "backup", "100%/a%2fb?c#d")
}

func TestRedrive_S3Failure(t *testing.T) {
	objects, want := s3Objects(t, 30)
	s := newS3Server(t, objects)
	e := newEndpoint(t)
	state := filepath.Join(t.TempDir(), "state")
	f := func(message string, fail func(w http.ResponseWriter, r *http.Request) bool, args ...string) {
		t.Helper()
		s.fail = fail
		_, _, err := redriveTo(t, e, append([]string{"--endpoint-url", s.URL, "--state", state}, args...)...)
		require.ErrorContains(t, err, message)
		require.Equal(t, 1, exitCode(err))
		left, err := os.ReadDir(os.Getenv("TMPDIR"))
		require.NoError(t, err)
		require.Empty(t, left)
	}
	f("NoSuchBucket", nil, "--state", "", "s3://other/")
	f("there is nothing in s3://backup/x", nil, "--state", "", "s3://backup/x")
	f("AccessDenied", func(w http.ResponseWriter, _ *http.Request) bool {
		s3Error(w, http.StatusForbidden, "AccessDenied")
		return true
	}, "s3://backup/")
	getting := func(good int, act func(w http.ResponseWriter)) func(w http.ResponseWriter, r *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/backup" {
				return false
			}
			if good--; good >= 0 {
				return false
			}
			act(w)
			return true
		}
	}
	f("InvalidObjectState", getting(1, func(w http.ResponseWriter) { s3Error(w, http.StatusForbidden, "InvalidObjectState") }), "s3://backup/")
	require.Len(t, e.deliveries, 1)
	f("unexpected EOF", getting(0, func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte("the beginning"))
	}), "s3://backup/")
	f("has 5 bytes where", getting(0, func(w http.ResponseWriter) { _, _ = w.Write([]byte("other")) }), "s3://backup/")

	// What S3 does not say the first time, it is asked for again. The rest is delivered.
	failed := false
	s.fail = func(w http.ResponseWriter, _ *http.Request) bool {
		if failed {
			return false
		}
		failed = true
		s3Error(w, http.StatusServiceUnavailable, "SlowDown")
		return true
	}
	redriven(t, e, "--endpoint-url", s.URL, "--state", state, "s3://backup/")
	requireSameRecords(t, want, e.deliveries)
}

// Without credentials nothing hangs for long.
func TestRedrive_S3NoCredentials(t *testing.T) {
	s := newS3Server(t, nil)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	begin := time.Now()
	_, _, err := redriveTo(t, newEndpoint(t), "--endpoint-url", s.URL, "s3://backup/")
	require.ErrorContains(t, err, "cannot list backup")
	require.ErrorContains(t, err, "credentials")
	require.Less(t, time.Since(begin), 20*time.Second)
}
