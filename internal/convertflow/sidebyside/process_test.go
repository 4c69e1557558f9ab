package sidebyside

import (
	"fmt"
	"regexp"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/process"
)

const root = "../../.."

// program returns the path of build/alloy. The first call builds it.
var program = sync.OnceValues(func() (string, error) { return process.Make(root, "alloy", "build") })

// alloy is build/alloy at work. It ends with its test.
type alloy struct {
	*process.Process
	t   *testing.T
	log *process.Output
}

// startAlloy runs a configuration, the files of a folder or one of any name, until
// the test ends. Its log tells the ports that it listens on.
func startAlloy(t *testing.T, config string, env ...string) *alloy {
	t.Helper()
	path, err := program()
	require.NoError(t, err)
	a := &alloy{t: t, log: new(process.Output)}
	cmd := process.Command(t.Context(), env, path, "run", config, "--server.http.listen-addr=127.0.0.1:0", "--storage.path="+t.TempDir())
	a.Process, err = process.Start("Alloy", cmd, a.log)
	require.NoError(t, err)
	t.Cleanup(func() {
		a.End()
		if t.Failed() {
			t.Logf("the log of Alloy:\n%s", a.log.String())
		}
	})
	return a
}

// endpoint returns the URL for Firehose of a component with that label, once it
// listens.
func (a *alloy) endpoint(label string) string {
	a.t.Helper()
	listening := regexp.MustCompile(`component_id=\S*awsfirehose\S*\.` + label + ` .*http=(\S+)`)
	var address string
	a.await(func() error {
		found := listening.FindStringSubmatch(a.log.String())
		if found == nil {
			return fmt.Errorf("%s does not listen", label)
		}
		address = found[1]
		return nil
	})
	return "http://" + address + "/awsfirehose/api/v1/push"
}

// await waits until ready returns no error. The test fails when Alloy ends before.
func (a *alloy) await(ready func() error) {
	a.t.Helper()
	require.NoError(a.t, a.Await(a.t.Context(), ready))
}
