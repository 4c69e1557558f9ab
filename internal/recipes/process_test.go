package recipes

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/process"
)

const root = "../.."

// program returns the path of build/alloy. The first call builds it.
var program = sync.OnceValues(func() (string, error) { return process.Make(root, "alloy", "build") })

// recipe returns a file of docs/recipes.
func recipe(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", "recipes", name))
	require.NoError(t, err)
	return string(text)
}

// replace replaces pairs of old and new, each of which occurs.
func replace(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		require.Contains(t, text, pairs[i])
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}

// onLoopback lets the source of a recipe listen on a free port of the loopback.
// More blocks of the source go behind the one for that.
func onLoopback(t *testing.T, config, more string) string {
	t.Helper()
	return replace(t, config,
		"\t\tlisten_port = 8080\n\t}\n",
		"\t\tlisten_address = \"127.0.0.1\"\n\t\tlisten_port = 0\n\t}\n"+more)
}

// alloy is build/alloy at work. It ends with its test.
type alloy struct {
	*process.Process
	t    *testing.T
	log  *process.Output
	url  string // Of its own HTTP server.
	args []string
	env  []string
}

// startAlloy runs a configuration with flags, and with variables in its
// environment.
func startAlloy(t *testing.T, config string, flags []string, env ...string) *alloy {
	t.Helper()
	return startAlloyIn(t, t.TempDir(), config, flags, env...)
}

// startAlloyIn is startAlloy with a folder for what Alloy stores, which another
// one may have left.
func startAlloyIn(t *testing.T, dir, config string, flags []string, env ...string) *alloy {
	t.Helper()
	path, err := program()
	require.NoError(t, err)
	file := filepath.Join(dir, "config.alloy")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	out, err := process.Command(t.Context(), env, path, append([]string{"validate", file}, flags...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)

	a := &alloy{t: t, env: env}
	require.NoError(t, process.OnFreeAddresses(1, func(addresses []string) error { // Alloy does not tell which port its own server got.
		a.url = "http://" + addresses[0]
		a.args = append([]string{"run", file, "--server.http.listen-addr=" + addresses[0], "--storage.path=" + dir}, flags...)
		a.start()
		err := a.Await(t.Context(), process.Ready(t.Context(), a.url+"/-/ready"))
		if err != nil {
			a.End()
		}
		return err
	}))
	t.Cleanup(func() {
		a.End()
		if t.Failed() {
			t.Logf("the log of Alloy:\n%s", a.log.String())
		}
	})
	return a
}

// start starts it, for the first time or with what it has on disk.
func (a *alloy) start() {
	a.t.Helper()
	path, err := program()
	require.NoError(a.t, err)
	a.log = new(process.Output)
	a.Process, err = process.Start("Alloy", process.Command(a.t.Context(), a.env, path, a.args...), a.log)
	require.NoError(a.t, err)
}

// logged returns what the groups of an expression match, once the log has it.
func (a *alloy) logged(expression string) []string {
	a.t.Helper()
	var found []string
	a.await(func() error {
		if found = regexp.MustCompile(expression).FindStringSubmatch(a.log.String()); found == nil {
			return fmt.Errorf("the log has no %s", expression)
		}
		return nil
	})
	return found[1:]
}

// endpoint returns the URL for Firehose, once the source listens.
func (a *alloy) endpoint() string {
	a.t.Helper()
	return "http://" + a.logged(`component_id=(?:awsfirehose|cloudwatch)\.\S+ .*http=(\S+)`)[0] + "/awsfirehose/api/v1/push"
}

// await waits until ready returns no error. The test fails when Alloy ends before.
func (a *alloy) await(ready func() error) {
	a.t.Helper()
	require.NoError(a.t, a.Await(a.t.Context(), ready))
}

var errTooFew = errors.New("not all of it has come")
