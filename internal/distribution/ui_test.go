package distribution

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/webui"
)

// uiStatus is how pages of the UI are answered: a binary that was built without them says so in their place.
func uiStatus() int {
	if webui.Built() {
		return http.StatusOK
	}
	return http.StatusNotFound
}

// The pages and the API are below the prefix, and everything else is where it was.
func TestUI_Prefix(t *testing.T) {
	te := start(t, write(t, "c.alloy", goodConfiguration)+"/c.alloy", "--server.http.ui-path-prefix=/alloy")
	f := func(path string, wantStatus int, wantBody string) {
		t.Helper()
		status, body := te.request(http.MethodGet, path)
		require.Equal(t, wantStatus, status, path)
		require.Contains(t, body, wantBody)
	}
	f("/alloy", uiStatus(), `"/alloy/`) // By way of /alloy/.
	f("/alloy/", uiStatus(), `"/alloy/`)
	f("/alloy/component/loki.echo.out", uiStatus(), `"/alloy/`)
	f("/alloy/assets/index-0.js", http.StatusNotFound, "404")
	f("/metrics", http.StatusOK, "alloy_build_info{")
	f("/", http.StatusNotFound, "404")
	require.ElementsMatch(t, []string{"loki.echo.out", "loki.relabel.names"}, te.components("/alloy"))
}
