package endtoend

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/process"
)

// A configuration that cannot work ends Alloy when it starts, with the name of
// what is wrong, and not later, when logs come.
func TestStartup_FailsAtOnce(t *testing.T) {
	f := func(want, endpoint string) {
		t.Helper()
		config := filepath.Join(t.TempDir(), "config.alloy")
		text := fmt.Sprintf(`
			awsfirehose.kubernetes "in" {
				forward_to = [loki.write_sync.out.receiver]
				http {
					listen_address = "127.0.0.1"
					listen_port    = 0
				}
			}
			loki.write_sync "out" {
				endpoint {
					%s
				}
			}
		`, endpoint)
		require.NoError(t, os.WriteFile(config, []byte(text), 0o600))
		p, err := launch(nil, new(process.Output), "alloy", "run", config, "--server.http.listen-addr=127.0.0.1:0", "--storage.path="+filepath.Dir(config))
		require.NoError(t, err)
		defer p.Kill()
		require.ErrorContains(t, p.Await(t.Context(), func() error { return errors.New("it runs") }), "has ended, exit status")
		require.Contains(t, p.log.String(), want)
	}
	f("url is not that of a push endpoint", `url = "loki:3100"`)
	f("remote_timeout must be positive", "url = \"http://127.0.0.1:1\"\nremote_timeout = \"0s\"")
	f("unable to read CA cert", "url = \"http://127.0.0.1:1\"\ntls_config {\nca_file = \"/nonexistent\"\n}")
}
