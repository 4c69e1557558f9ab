package s3

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every command of the page is run, but for the one that says where things are; the
// copy that it makes with another tool is one that was made before.
func TestPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/redrive.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```(sh|text)\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	require.Len(t, blocks, 5)
	require.NotContains(t, blocks[0][2], "firehose redrive")
	server, want := backup(t, 80)
	e := newEndpoint(t, http.StatusOK)
	dir := t.TempDir()
	path, err := filepath.Abs(filepath.Dir(firehose))
	require.NoError(t, err)
	run := func(script string) string {
		t.Helper()
		cmd := exec.Command("sh", "-euc", script)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+path+":"+os.Getenv("PATH"), "BACKUP=s3://backup/"+prefix, "URL="+e.URL, "ARN="+sourceARN, "FIREHOSE_ACCESS_KEY=key",
			"AWS_ENDPOINT_URL_S3="+server, "AWS_ACCESS_KEY_ID=id", "AWS_SECRET_ACCESS_KEY=secret", "AWS_CONFIG_FILE="+os.DevNull, "AWS_EC2_METADATA_DISABLED=true")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	names := func(summary string) []string {
		var out []string
		for line := range strings.Lines(summary) {
			name, _, _ := strings.Cut(strings.TrimSpace(line), "  ")
			out = append(out, name)
		}
		return out
	}
	require.Equal(t, names(blocks[2][2]), names(run(blocks[1][2])))
	require.Empty(t, e.records)
	run(blocks[3][2])
	require.Equal(t, want, e.records)

	copied, ok := strings.CutPrefix(blocks[4][2], "aws s3 sync $BACKUP copy\n")
	require.True(t, ok)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "copy"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "copy", "object"), []byte(`{"attemptsMade":1,"errorCode":"e","rawData":"YQ=="}`), 0o600))
	run(copied)
	require.Equal(t, 1, e.records["a"])
}
