// Package webui serves the pages of Alloy's web UI.
//
// Alloy's own package for it cannot have the pages compiled in when it is a dependency: they are not in its module, but the result of a build by npm, and nothing
// can be added to a module. So `make ui` builds them from the module's sources into the folder dist of this package, which is compiled in as it is. A binary that
// was built without them says how to get them.
package webui

import (
	"embed"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// built holds what `make ui` has built, and .gitignore.
//
//go:embed all:dist
var built embed.FS

//go:embed missing.html
var missing string

const (
	// index is the page that all others are made from, in the browser.
	index = "index.html"
	// assets is the folder of files whose names change with their content.
	assets = "assets/"
	// publicURL stands in pages where the path belongs that they are served below.
	publicURL = "{{! .PublicURL !}}"
)

// Built reports whether the pages are compiled in.
func Built() bool {
	_, err := fs.Stat(built, "dist/"+index)
	return err == nil
}

// Handler returns a handler that serves the pages below prefix, which begins with a slash, for example "/" or "/alloy". Requests come with the prefix in their
// paths. Whatever is no file is a page of the UI, which the browser makes from its address; so this handler comes after all others.
func Handler(prefix string) (http.Handler, error) {
	dist, err := fs.Sub(built, "dist")
	if err != nil {
		return nil, fmt.Errorf("cannot read the web UI: %w", err)
	}
	return newHandler(dist, prefix)
}

type handler struct {
	files  fs.FS
	server http.Handler
	prefix string // Without a slash at its end.
	page   string // Every page of the UI.
	status int    // 200, or 404 when there is no UI.
}

func newHandler(files fs.FS, prefix string) (*handler, error) {
	h := &handler{files: files, server: http.FileServerFS(files), prefix: strings.TrimRight(prefix, "/"), status: http.StatusOK}
	page, err := fs.ReadFile(files, index)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		page, h.status = []byte(missing), http.StatusNotFound
	case err != nil:
		return nil, fmt.Errorf("cannot read the web UI: %w", err)
	}
	h.page = strings.ReplaceAll(string(page), publicURL, html.EscapeString(h.prefix))
	return h, nil
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "405 method not allowed", http.StatusMethodNotAllowed)
		return
	}
	// The page's addresses are relative to its own, so it has to end in a slash.
	if r.URL.Path == h.prefix {
		http.Redirect(w, r, h.prefix+"/", http.StatusFound)
		return
	}
	name := strings.TrimPrefix(path.Clean("/"+strings.TrimPrefix(r.URL.Path, h.prefix)), "/")
	switch {
	case h.isFile(name):
		h.serveFile(w, r, name)
	case strings.HasPrefix(name, assets):
		// The page of another version asks for it. A page in the place of a script would only be harder to understand.
		http.NotFound(w, r)
	default:
		h.servePage(w, r)
	}
}

func (h *handler) isFile(name string) bool {
	if name == index || strings.HasPrefix(path.Base(name), ".") {
		return false
	}
	info, err := fs.Stat(h.files, name)
	return err == nil && info.Mode().IsRegular()
}

func (h *handler) serveFile(w http.ResponseWriter, r *http.Request, name string) {
	caching := "no-cache"
	if strings.HasPrefix(name, assets) {
		caching = "public, max-age=31536000, immutable"
	}
	w.Header().Set("Cache-Control", caching)
	served := r.Clone(r.Context())
	served.URL.Path = "/" + name
	h.server.ServeHTTP(w, served)
}

func (h *handler) servePage(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(h.status)
	if r.Method == http.MethodGet {
		_, _ = w.Write([]byte(h.page)) // The browser has gone away.
	}
}
