package webui

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// site is a small UI in the form that the real one has.
var site = fstest.MapFS{
	".gitignore":          {Data: []byte("*")},
	"index.html":          {Data: []byte(`<base href="{{! .PublicURL !}}/"><script src="./assets/index-1.js">`)},
	"robots.txt":          {Data: []byte("User-agent: *")},
	"assets/index-1.js":   {Data: []byte("render()")},
	"assets/index-1.css":  {Data: []byte("body {}")},
	"assets/font-1.woff2": {Data: []byte("font")},
}

// get asks a handler for a path, as it stands on the wire.
func get(t *testing.T, h http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
	return answer
}

func TestHandler_Files(t *testing.T) {
	f := func(prefix, path, want, kind, caching string) {
		t.Helper()
		h, err := newHandler(site, prefix)
		require.NoError(t, err)
		answer := get(t, h, path)
		require.Equal(t, http.StatusOK, answer.Code)
		require.Equal(t, want, answer.Body.String())
		require.Contains(t, answer.Header().Get("Content-Type"), kind)
		require.Equal(t, caching, answer.Header().Get("Cache-Control"))
	}
	const forever, never = "public, max-age=31536000, immutable", "no-cache"
	f("/", "/assets/index-1.js", "render()", "text/javascript", forever)
	f("/", "/assets/index-1.css", "body {}", "text/css", forever)
	f("/", "/robots.txt", "User-agent: *", "text/plain", never)
	f("/alloy", "/alloy/assets/index-1.js", "render()", "text/javascript", forever)
	f("/alloy/", "/alloy/assets/index-1.js", "render()", "text/javascript", forever)
}

// Every other path is a page that the browser makes.
func TestHandler_Pages(t *testing.T) {
	f := func(prefix, path, base string) {
		t.Helper()
		h, err := newHandler(site, prefix)
		require.NoError(t, err)
		answer := get(t, h, path)
		require.Equal(t, http.StatusOK, answer.Code)
		require.Equal(t, `<base href="`+base+`/"><script src="./assets/index-1.js">`, answer.Body.String())
		require.Equal(t, "text/html; charset=utf-8", answer.Header().Get("Content-Type"))
		require.Equal(t, "no-cache", answer.Header().Get("Cache-Control"))
	}
	f("/", "/", "")
	f("/", "/index.html", "")
	f("/", "/graph", "")
	f("/", "/component/awsfirehose.kubernetes.default", "")
	f("/", "/component/module.file/local.file.a", "")
	f("/", "/assets", "")
	f("/", "/.gitignore", "")
	f("/", "/../../etc/passwd", "")
	f("/", "/..%2f..%2fetc/passwd", "")
	f("/alloy", "/alloy/", "/alloy")
	f("/alloy/", "/alloy/graph", "/alloy")
	f(`/a"b`, `/a%22b/`, "/a&#34;b")
}

func TestHandler_Refused(t *testing.T) {
	h, err := newHandler(site, "/alloy")
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, get(t, h, "/alloy/assets/index-0.js").Code)

	answer := get(t, h, "/alloy")
	require.Equal(t, http.StatusFound, answer.Code)
	require.Equal(t, "/alloy/", answer.Header().Get("Location"))

	answer = httptest.NewRecorder()
	h.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/alloy/", nil))
	require.Equal(t, http.StatusMethodNotAllowed, answer.Code)
	require.Equal(t, "GET, HEAD", answer.Header().Get("Allow"))

	answer = httptest.NewRecorder()
	h.ServeHTTP(answer, httptest.NewRequest(http.MethodHead, "/alloy/", nil))
	require.Equal(t, http.StatusOK, answer.Code)
	require.Empty(t, answer.Body.String())
}

// Without the UI a page says how to get it.
func TestHandler_Missing(t *testing.T) {
	h, err := newHandler(fstest.MapFS{".gitignore": site[".gitignore"]}, "/alloy")
	require.NoError(t, err)
	answer := get(t, h, "/alloy/graph")
	require.Equal(t, http.StatusNotFound, answer.Code)
	require.Contains(t, answer.Body.String(), "make ui build")
	require.Contains(t, answer.Body.String(), `href="/alloy/api/v0/web/components"`)
	require.NotContains(t, answer.Body.String(), "{{!")
}

var scriptPath = regexp.MustCompile(`src="\./(assets/[^"]+\.js)"`)

// What is compiled into this test is either the whole UI or none of it.
func TestHandler_Built(t *testing.T) {
	h, err := Handler("/")
	require.NoError(t, err)
	page := get(t, h, "/")
	require.NotContains(t, page.Body.String(), "{{!")
	if !Built() {
		require.Equal(t, http.StatusNotFound, page.Code)
		return
	}
	require.Equal(t, http.StatusOK, page.Code)
	scripts := scriptPath.FindStringSubmatch(page.Body.String())
	require.NotNil(t, scripts)
	script := get(t, h, "/"+scripts[1])
	require.Equal(t, http.StatusOK, script.Code)
	require.NotContains(t, script.Body.String(), "{{!", "no file but the page is a template")
}
