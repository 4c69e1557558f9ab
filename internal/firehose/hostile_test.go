package firehose

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Who has no key costs the same little, whatever comes along: nothing is held, and
// the body stays where it is.
func TestHostile_WrongKeyIsCheap(t *testing.T) {
	c := DefaultConfig()
	c.AccessKeys = []string{testKey}
	h, err := NewHandler(c, delivererFunc(accept), silent{})
	require.NoError(t, err)
	f := func(key, body string) {
		t.Helper()
		reader := strings.NewReader(body)
		req := httptest.NewRequest(http.MethodPost, "/", reader)
		req.Header.Set(headerAccessKey, key)
		w := httptest.NewRecorder()
		require.LessOrEqual(t, testing.AllocsPerRun(100, func() {
			w.Body.Reset()
			clear(w.Header())
			h.ServeHTTP(w, req)
		}), 20.0)
		require.Equal(t, http.StatusUnauthorized, w.Code)
		require.Equal(t, len(body), reader.Len())
	}
	large := strings.Repeat("[", 64<<20)
	f("", large)
	f("wrong", large)
	f(testKey[:len(testKey)-1]+"x", large)
	f(strings.Repeat("k", maxAccessKey), large)
	f(strings.Repeat("k", 1<<20), large)
}
