package distribution

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const goodConfiguration = `
logging {
	level = "debug"
}

loki.echo "out" { }

loki.relabel "names" {
	forward_to = [loki.echo.out.receiver]

	rule {
		target_label = "cluster"
		replacement  = "production"
	}
}
`

func TestValidate_Success(t *testing.T) {
	f := func(dir, name string, args ...string) {
		t.Helper()
		stdout, stderr, err := execute(t, nil, append([]string{"validate", dir + name}, args...)...)
		require.NoError(t, err)
		require.Empty(t, stdout)
		require.Empty(t, stderr)
	}
	f(write(t, "config.alloy", goodConfiguration), "/config.alloy")
	// A file may have any name when it is named.
	f(write(t, "config.txt", goodConfiguration), "/config.txt")
	// Two files of one directory refer to each other; what does not belong to the configuration does not disturb it.
	f(write(t,
		"a.alloy", `loki.echo "out" { }`,
		"b.alloy", `loki.relabel "b" { forward_to = [loki.echo.out.receiver] }`,
		"notes.txt", `nonsense {`,
		"sub/c.alloy", `nonsense {`,
	), "")
	// Components that are not for everybody.
	f(write(t, "c.alloy", `test.experimental "x" { }`), "/c.alloy", "--stability.level=experimental")
	f(write(t, "c.alloy", `test.community "x" { }`), "/c.alloy", "--feature.community-components.enabled")
}

func TestValidate_Failure(t *testing.T) {
	f := func(content string, want ...string) {
		t.Helper()
		name := write(t, "config.alloy", content) + "/config.alloy"
		_, stderr, err := execute(t, nil, "validate", name)
		require.EqualError(t, err, "the configuration is not valid")
		for _, w := range want {
			require.Contains(t, stderr, w)
		}
	}
	f("loki.echo {", "config.alloy:1:12: expected }", "1 | loki.echo {")
	f("\n\nnosuch.component \"x\" { }", `config.alloy:3:1: cannot find the definition of component name "nosuch.component"`, "3 | nosuch.component", "  | ^^^^")
	f(`loki.echo "x" { unknown = 1 }`, `config.alloy:1:17: unrecognized attribute name "unknown"`)
	f(`loki.relabel "x" { }`, `missing required attribute "forward_to"`)
	f(`loki.relabel "x" { forward_to = [loki.echo.y.receiver] }`, `component "loki.echo.y.receiver" does not exist`)
	f(`http { nonsense = 1 }`, `unrecognized attribute name "nonsense"`)
	f(`stray = 1`, "config.alloy:1:1: unrecognized attribute stray")
	f(`test.experimental "x" { }`, "below the minimum allowed stability level")
	f(`test.community "x" { }`, "--feature.community-components.enabled")
}

func TestValidate_Unreadable(t *testing.T) {
	_, _, err := execute(t, nil, "validate", t.TempDir()+"/missing.alloy")
	require.ErrorContains(t, err, "cannot read configuration: stat ")

	_, _, err = execute(t, nil, "validate", "--config.format=static", write(t, "agent.yaml", "server: {}")+"/agent.yaml")
	require.ErrorContains(t, err, "alloy convert --source-format=static")
}
