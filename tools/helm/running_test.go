package helm

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/grafana/loki/pkg/push"
	"github.com/stretchr/testify/require"
)

const (
	// patience is how long a test waits for something that takes a second.
	patience = 30 * time.Second
	tick     = 20 * time.Millisecond
)

// program returns the path of a binary that `make build` makes.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, "build", name))
	require.NoError(t, err)
	require.FileExists(t, path, "run make build")
	return path
}

// pod is a release's Alloy, run on this machine with the arguments and the environment that it would have in its container.
type pod struct {
	address string            // Of Alloy's own server.
	ports   map[string]string // Addresses by the ports of the configuration.
	keys    string            // Directory of the access keys.
	log     *output
}

// output collects what a process prints.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// run starts a release with a secret. What can't be the same on this machine is changed: ports, directories, and the address of Loki.
func run(t *testing.T, r *release, secret map[string]string, loki *lokiStub) *pod {
	t.Helper()
	dir := t.TempDir()
	p := &pod{address: freeAddress(t), ports: map[string]string{}, keys: filepath.Join(dir, "keys"), log: new(output)}
	p.mountKeys(t, r, secret)

	config := regexp.MustCompile(`listen_port *= *(\d+)`).ReplaceAllStringFunc(p.moved(r.text(t), loki), func(text string) string {
		number := text[strings.LastIndexByte(text, ' ')+1:]
		p.ports[number] = freeAddress(t)
		return fmt.Sprintf("listen_address = %q\nlisten_port = %s", "127.0.0.1", p.ports[number][len("127.0.0.1:"):])
	})
	path := filepath.Join(dir, "config.alloy")
	require.NoError(t, os.WriteFile(path, []byte(config), 0o600))

	var args []string
	for _, arg := range r.container(t).Args {
		switch {
		case strings.HasPrefix(arg, "--storage.path="):
			arg = "--storage.path=" + filepath.Join(dir, "data")
		case strings.HasPrefix(arg, "--server.http.listen-addr="):
			arg = "--server.http.listen-addr=" + p.address
		case arg == "/etc/alloy/config.alloy":
			arg = path
		}
		args = append(args, arg)
	}
	cmd := exec.Command(program(t, "alloy"), args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = environment(t, r, secret, loki), p.log, p.log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Signal(os.Interrupt))
		require.NoError(t, cmd.Wait(), "%s", p.log)
	})
	require.Eventually(t, p.ready, patience, tick, "Alloy does not get ready: %s", p.log)
	return p
}

// moved is a configuration with the access keys and Loki where they are on this machine, and without an address to listen on.
func (p *pod) moved(config string, loki *lokiStub) string {
	config = regexp.MustCompile(`(?m)^ *listen_address *=.*$`).ReplaceAllString(config, "")
	config = regexp.MustCompile(`"https?://[^"]*/loki/api/v1/push"`).ReplaceAllString(config, strconv.Quote(loki.url))
	return strings.ReplaceAll(config, "/etc/alloy-access-keys", p.keys)
}

func (p *pod) ready() bool {
	response, err := http.Get("http://" + p.address + "/-/ready")
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// mountKeys makes the files of the volumes that are made from the secret.
func (p *pod) mountKeys(t *testing.T, r *release, secret map[string]string) {
	t.Helper()
	require.NoError(t, os.Mkdir(p.keys, 0o700))
	for _, volume := range r.deployment.Spec.Template.Spec.Volumes {
		if volume.Secret == nil {
			continue
		}
		for _, item := range volume.Secret.Items {
			require.NoError(t, os.WriteFile(filepath.Join(p.keys, item.Path), []byte(secret[item.Key]), 0o600))
		}
	}
}

func environment(t *testing.T, r *release, secret map[string]string, loki *lokiStub) []string {
	t.Helper()
	var environment []string
	for _, env := range r.container(t).Env {
		value := env.Value
		if from := env.ValueFrom; env.Name == "LOKI_URL" {
			value = loki.url
		} else if from != nil && from.SecretKeyRef != nil {
			require.Contains(t, secret, from.SecretKeyRef.Key)
			value = secret[from.SecretKeyRef.Key]
		}
		environment = append(environment, env.Name+"="+value)
	}
	return environment
}

// deliver sends generated records with the stand-in for Firehose, once, and reports whether all were accepted.
func (p *pod) deliver(t *testing.T, port string, args ...string) bool {
	t.Helper()
	require.Contains(t, p.ports, port)
	args = append([]string{"send", "--quiet", "--retry-duration=0s", "--generate=20", "--url=http://" + p.ports[port]}, args...)
	return exec.CommandContext(t.Context(), program(t, "firehose"), args...).Run() == nil
}

// given are the addresses that freeAddress has returned.
var given sync.Map

// freeAddress returns an address of the loopback on which nobody listens, another one each time.
func freeAddress(t *testing.T) string {
	t.Helper()
	for {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, listener.Close())
		address := listener.Addr().String()
		if _, again := given.LoadOrStore(address, true); !again {
			return address
		}
	}
}

// lokiStub takes pushes and remembers the streams.
type lokiStub struct {
	url string

	mu      sync.Mutex
	streams map[string]int // Entries by labels.
	users   map[string]bool
	tenants map[string]bool
}

func startLoki(t *testing.T) *lokiStub {
	t.Helper()
	s := &lokiStub{streams: map[string]int{}, users: map[string]bool{}, tenants: map[string]bool{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL + "/loki/api/v1/push"
	return s
}

func (s *lokiStub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request push.PushRequest
	if err := decodePush(r.Body, &request); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	user, password, _ := r.BasicAuth()
	s.users[user+":"+password] = true
	s.tenants[r.Header.Get("X-Scope-OrgID")] = true
	for _, stream := range request.Streams {
		s.streams[stream.Labels] += len(stream.Entries)
	}
	w.WriteHeader(http.StatusNoContent)
}

func decodePush(body io.Reader, request *push.PushRequest) error {
	compressed, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	plain, err := snappy.Decode(nil, compressed)
	if err != nil {
		return err
	}
	return request.Unmarshal(plain)
}

// await waits until a stream has come whose labels contain all of want.
func (s *lokiStub) await(t *testing.T, want ...string) {
	t.Helper()
	require.Eventually(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for stream := range s.streams {
			if containsAll(stream, want) {
				return true
			}
		}
		return false
	}, patience, tick, "no stream with %q", want)
}

// callers are the users, with their passwords, and the tenants that pushes came from.
func (s *lokiStub) callers() (users, tenants []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.users)), slices.Sorted(maps.Keys(s.tenants))
}

func containsAll(text string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

// The configurations are valid in the binary that this repository builds, and formatted but for the indentation, which YAML has by spaces.
func TestConfigurations_AreValid(t *testing.T) {
	for _, path := range all(t) {
		r := install(t, "alloy-eks", newest, readValues(t, path))
		config := filepath.Join(t.TempDir(), "config.alloy")
		tabs := regexp.MustCompile(`(?m)^( {2})+`).ReplaceAllStringFunc(r.text(t), func(indent string) string { return strings.Repeat("\t", len(indent)/2) })
		require.NoError(t, os.WriteFile(config, []byte(tabs+"\n"), 0o600))
		for _, command := range []string{"validate", "fmt"} {
			args := []string{command, config}
			if command == "fmt" {
				args = []string{command, "--test", config}
			}
			out, err := exec.CommandContext(t.Context(), program(t, "alloy"), args...).CombinedOutput()
			require.NoError(t, err, "%s: %s", path, out)
		}
	}
}

func TestQuickstart_Delivers(t *testing.T) {
	loki := startLoki(t)
	secret := map[string]string{"firehose-access-key": "good"}
	p := run(t, install(t, "alloy-eks", newest, readValues(t, quickstart)), secret, loki)

	require.False(t, p.deliver(t, "8080"))
	require.False(t, p.deliver(t, "8080", "--access-key=bad"))
	require.True(t, p.deliver(t, "8080", "--access-key=good"))
	loki.await(t, `cluster="production"`, `namespace=`, `container=`)
}

func TestProduction_Delivers(t *testing.T) {
	loki := startLoki(t)
	secret := map[string]string{
		"containers-access-keys": "of containers\n", "controlplane-access-keys": "of the control plane",
		"loki-user": "eks", "loki-password": "a secret",
	}
	p := run(t, install(t, "alloy-eks", newest, readValues(t, production)), secret, loki)

	require.False(t, p.deliver(t, "8080", "--access-key=of the control plane"))
	require.False(t, p.deliver(t, "8081", "--access-key=of containers"))
	require.True(t, p.deliver(t, "8080", "--access-key=of containers", "--gzip"))
	require.True(t, p.deliver(t, "8081", "--access-key=of the control plane", "--traffic=controlplane"))
	loki.await(t, `cluster="production"`, `namespace=`, `container=`)
	loki.await(t, `cluster=`, `log_type=`)
	users, _ := loki.callers()
	require.Equal(t, []string{"eks:a secret"}, users)

	// A second key is let in beside the first, without a restart.
	require.False(t, p.deliver(t, "8080", "--access-key=new"))
	require.NoError(t, os.WriteFile(filepath.Join(p.keys, "containers"), []byte("of containers\nnew\n"), 0o600))
	require.Eventually(t, func() bool { return p.deliver(t, "8080", "--access-key=new") }, patience, tick)
	require.True(t, p.deliver(t, "8080", "--access-key=of containers"))

	requireKeysHidden(t, p)
}

// requireKeysHidden checks that neither the web UI nor the log shows an access key.
func requireKeysHidden(t *testing.T, p *pod) {
	t.Helper()
	for _, id := range []string{"awsfirehose.kubernetes.default", "cloudwatch.eks_controlplane.default", "local.file.containers_keys"} {
		response, err := http.Get("http://" + p.address + "/api/v0/web/components/" + id)
		require.NoError(t, err)
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, response.StatusCode)
		require.Contains(t, string(body), "(secret)")
		require.NotContains(t, string(body), "of containers")
		require.NotContains(t, string(body), "of the control plane")
	}
	require.NotContains(t, p.log.String(), "of containers")
	require.NotContains(t, p.log.String(), "of the control plane")
}
