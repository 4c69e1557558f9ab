package endtoend

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// pipeline is a way from Firehose to Loki that people choose, made of an example
// configuration. All of them store the same entries.
type pipeline struct {
	name    string
	about   string
	example string // In example-configs.
	// edits are pairs of texts to replace in the example.
	edits []string
	// sync is whether Firehose is answered when Loki has answered.
	sync bool
}

// bounded lets our source answer in time that is scaled like that of the writers.
const bounded = `cluster    = "shop-production"
	limits {
		delivery_timeout = "2s"
	}`

// pipelines are those that are compared. The first one is held to its promise.
var pipelines = []pipeline{
	{
		name: "loki.write_sync", about: "`awsfirehose.kubernetes` → `loki.write_sync`",
		example: "seed-pipeline.alloy", sync: true,
		edits: []string{`cluster    = "shop-production"`, bounded, `loki.write "`, `loki.write_sync "`, `loki.write.`, `loki.write_sync.`},
	},
	{
		name: "loki.write", about: "`awsfirehose.kubernetes` → `loki.write`",
		example: "seed-pipeline.alloy",
		edits:   []string{`cluster    = "shop-production"`, bounded},
	},
	{
		name: "upstream", about: "`loki.source.awsfirehose` → `loki.process` → `loki.write`",
		example: "seed-pipeline-upstream.alloy",
	},
}

// ofPipelines selects the entries that the pipelines make.
const ofPipelines = `{cluster="shop-production"}`

// faultAccessKey is what deliveries to pipelines bring.
const faultAccessKey = "key"

// writerTimes are the endpoint's times in all pipelines. The default of
// min_backoff_period is 500 times as long, so that loki.write gives up here after a
// second, and usually after eight minutes.
const writerTimes = `
		batch_wait         = "100ms"
		remote_timeout     = "1s"
		min_backoff_period = "1ms"
		max_backoff_period = "500ms"
`

// config returns the configuration that takes deliveries on an address.
func (p *pipeline) config(t *testing.T, address string, n *tenant, pushURL string, more string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "example-configs", p.example))
	require.NoError(t, err)
	edits := append([]string{
		`listen_port = 8080`, fmt.Sprintf("listen_address = %q\n\t\tlisten_port = %s", "127.0.0.1", portOf(address)),
		`sys.env("FIREHOSE_ACCESS_KEY")`, fmt.Sprintf("%q", faultAccessKey),
		`url = sys.env("LOKI_URL")`, fmt.Sprintf("url = %q\n\t\ttenant_id = %q\n%s\n%s", pushURL, n.id, writerTimes, more),
	}, p.edits...)
	for i := 0; i < len(edits); i += 2 {
		require.Contains(t, string(text), edits[i], p.example)
	}
	return strings.NewReplacer(edits...).Replace(string(text)) + "\nlogging {\n\tlevel = \"error\"\n}\n"
}

// replica is an Alloy with one of the pipelines.
type replica struct {
	*alloy
	pipeline *pipeline
	receiver string // The address of the pipeline.
	most     int    // The most memory of the processes that have ended, in bytes.
}

// startReplica starts one. Its storage is on the disk, unless that is nil.
func (p *pipeline) startReplica(t *testing.T, n *tenant, pushURL string, d *disk) *replica {
	t.Helper()
	r := &replica{pipeline: p, alloy: newAlloy(t, "awsfirehose.kubernetes")}
	if r.disk = d; d != nil {
		r.storage = d.dir
	}
	r.start(2, func(addresses []string) {
		r.receiver = addresses[1]
		r.rewrite(n, pushURL, "")
	})
	return r
}

// rewrite writes its configuration anew, with more arguments of the endpoint.
func (r *replica) rewrite(n *tenant, pushURL, more string) {
	r.t.Helper()
	r.write(r.pipeline.config(r.t, r.receiver, n, pushURL, more))
}

// endpoint returns the URL that Firehose would be given, whatever component it is of.
func (r *replica) endpoint() string {
	return "http://" + r.receiver + "/awsfirehose/api/v1/push"
}

// remember notes how much memory the process has had.
func (r *replica) remember() {
	if bytes, err := r.peak(); err == nil {
		r.most = max(r.most, bytes)
	}
}

// crash kills the process and starts another one.
func (r *replica) crash() error {
	r.remember()
	r.Kill()
	return r.launch()
}

// restart ends the process in good order and starts another one.
func (r *replica) restart() error {
	r.remember()
	if err := r.Stop(); err != nil {
		return err
	}
	return r.launch()
}

// settled waits until the writer has nothing left to do: it counts nothing more
// for longer than it waits between two attempts.
func (r *replica) settled() error {
	if r.pipeline.sync {
		return nil // What was answered is stored.
	}
	const polls = 100 // Of 20 ms or so.
	last, same := -1.0, 0
	return r.await(func() error {
		now := r.metric("loki_write_sent_entries_total") + r.metric("loki_write_dropped_entries_total")
		if now != last {
			last, same = now, 0
		}
		if same++; same < polls {
			return fmt.Errorf("loki.write has just counted %v entries", now)
		}
		return nil
	})
}
