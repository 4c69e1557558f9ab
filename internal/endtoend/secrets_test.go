package endtoend

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// smallDelivery is a good delivery of one record.
var smallDelivery = []byte(`{"requestId":"small","timestamp":1787220000000,"records":[{"data":"aGVsbG8="}]}`)

// secretly is a configuration with secrets in all places that take one.
func secretly(file, more string) string {
	return fmt.Sprintf(`
logging {
	level = "debug"
}

local.file "key" {
	filename  = %q
	is_secret = true
}

awsfirehose.kubernetes "in" {
	forward_to = [loki.write_sync.out.receiver, loki.write.out.receiver]
	access_key  = "hush-attribute"
	access_keys = ["hush-list", "hush-" + "sum", local.file.key.content]
	key {
		name       = "named"
		access_key = "hush-named"
	}
	http {
		listen_address = "127.0.0.1"
		listen_port    = 0
	}
	limits {
		delivery_timeout = "1s"
	}
	%s
}

loki.write_sync "out" {
	endpoint {
		url = "http://127.0.0.1:1/loki/api/v1/push"
		basic_auth {
			username = "user"
			password = "hush-sync"
		}
		max_backoff_period = "100ms"
	}
}

loki.write "out" {
	endpoint {
		url          = "http://127.0.0.1:1/loki/api/v1/push"
		bearer_token = "hush-write"
	}
}
`, file, more)
}

// What is secret is nowhere to be seen: not in the log, not even at debug level and
// for configurations that are refused, nor in the metrics, the UI, or the support
// bundle.
func TestSecrets_AreNotShown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(file, []byte("hush-file\n"), 0o600))
	a := startText(t, secretly(file, ""))
	endpoint := a.endpoint()
	f := func(key string, status int) {
		t.Helper()
		got, err := post(endpoint, smallDelivery, map[string]string{"X-Amz-Firehose-Access-Key": key, "X-Amz-Firehose-Request-Id": "small"})
		require.NoError(t, err)
		require.Equal(t, status, got, key)
	}
	for _, key := range []string{"hush-attribute", "hush-list", "hush-file", "hush-named"} {
		f(key, 503) // There is no Loki: the key is good.
	}
	f("hush-wrong", 401)
	f("hush-named2", 401)

	// Configurations that are refused, and one that is not.
	broken := func(more string) {
		t.Helper()
		require.NoError(t, os.WriteFile(a.config, []byte(secretly(file, more)), 0o600))
		require.Error(t, a.reload(), more)
	}
	broken("key {\nname = \"named\"\naccess_key = \"hush-twice\"\n}")
	broken("key {\nname = \"other\"\naccess_key = \"hush-list\"\n}")
	broken("key {\nname = \"long\"\naccess_key = \"hush-" + strings.Repeat("x", 5000) + "\"\n}")
	broken("key {\nname = \"control\"\naccess_key = \"hush-\\u0001\"\n}")
	require.NoError(t, os.WriteFile(a.config, []byte(secretly(file, `cluster = "c"`)), 0o600))
	require.NoError(t, a.reload())

	shown := map[string]string{"log": a.log.String()}
	read := func(path string) []byte {
		t.Helper()
		resp, err := client.Get("http://" + a.address + path)
		require.NoError(t, err)
		defer resp.Body.Close()
		require.Equal(t, 200, resp.StatusCode, path)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		shown[path] = string(body)
		return body
	}
	for _, path := range []string{
		"/metrics", "/api/v0/web/components", "/api/v0/web/components/awsfirehose.kubernetes.in", "/api/v0/web/components/loki.write_sync.out",
		"/api/v0/web/components/loki.write.out", "/api/v0/web/components/local.file.key",
	} {
		read(path)
	}
	bundle := read("/-/support?duration=1")
	files, err := zip.NewReader(bytes.NewReader(bundle), int64(len(bundle)))
	require.NoError(t, err)
	for _, f := range files.File {
		content, err := f.Open()
		require.NoError(t, err)
		text, err := io.ReadAll(content)
		require.NoError(t, err)
		shown["bundle:"+f.Name] = string(text)
	}
	require.Contains(t, shown["/metrics"], `awsfirehose_kubernetes_key_deliveries_total{component_id="awsfirehose.kubernetes.in",component_path="/",key="named",status="503"} 1`)
	require.Contains(t, shown["/api/v0/web/components/awsfirehose.kubernetes.in"], "named")
	require.Greater(t, len(files.File), 5)
	hidden := []string{"hush-", base64.StdEncoding.EncodeToString([]byte("user:hush-sync"))}
	for place, text := range shown {
		for _, secret := range hidden {
			at := strings.Index(text, secret)
			if at >= 0 {
				t.Errorf("%s shows %q", place, text[max(0, at-150):min(len(text), at+100)])
			}
		}
	}
}

// TestSecrets_Rotation changes keys that come from elsewhere, without a word to
// Alloy and while deliveries come in. Nobody who has a good key is refused at any
// time, and from the moment at which the next key is good, the old one is not.
func TestSecrets_Rotation(t *testing.T) {
	f := func(name, source, content string, replace func(key string)) {
		t.Helper()
		replace("first")
		a := startText(t, source+taken("warn", "logfmt", fmt.Sprintf(`access_keys = ["constant", %s]`, content)))
		endpoint := a.endpoint()
		send := func(key string) int {
			status, err := post(endpoint, smallDelivery, map[string]string{"X-Amz-Firehose-Access-Key": key, "X-Amz-Firehose-Request-Id": "small"})
			if err != nil {
				t.Error(err)
			}
			return status
		}
		require.Equal(t, 200, send("first"))

		var delivered, rotations atomic.Int64
		stop := make(chan struct{})
		var senders sync.WaitGroup
		for range 4 {
			senders.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if status := send("constant"); status != 200 {
						t.Errorf("%s: a key that stays is answered %d", name, status)
						return
					}
					delivered.Add(1)
				}
			})
		}
		old := "first"
		for _, next := range []string{"second", "third", "fourth"} {
			replace(next)
			require.NoError(t, a.await(func() error {
				if status := send(next); status != 200 {
					return fmt.Errorf("the key %q is answered %d", next, status)
				}
				return nil
			}), name)
			for range 50 {
				require.Equal(t, 401, send(old), "%s: an old key", name)
				require.Equal(t, 200, send(next), "%s: a new key", name)
			}
			old = next
			rotations.Add(1)
		}
		close(stop)
		senders.Wait()
		t.Logf("%s: %d rotations, %d deliveries with a key that stays, all answered 200", name, rotations.Load(), delivered.Load())
		require.Greater(t, delivered.Load(), int64(100))
	}
	file := filepath.Join(t.TempDir(), "key")
	f("local.file", fmt.Sprintf("local.file \"key\" {\nfilename = %q\nis_secret = true\ndetector = \"poll\"\npoll_frequency = \"200ms\"\n}\n", file), "local.file.key.content", func(key string) {
		require.NoError(t, os.WriteFile(file+".new", []byte(key+"\n"), 0o600))
		require.NoError(t, os.Rename(file+".new", file)) // As Kubernetes replaces the files of a Secret.
	})

	var current atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, current.Load().(string))
	}))
	defer server.Close()
	f("remote.http", fmt.Sprintf("remote.http \"key\" {\nurl = %q\nis_secret = true\npoll_frequency = %q\npoll_timeout = %q\n}\n",
		server.URL, time.Second, 900*time.Millisecond), "remote.http.key.content", func(key string) { current.Store(key) })
}
