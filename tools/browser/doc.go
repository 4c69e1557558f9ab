// Package browser holds the tests of the web UI, which a real Chromium looks at: the list of components, the page of one, the graph, and live debugging while
// deliveries come in. What it saw is kept in build/screenshots.
//
// It is a module of its own, and no part of `make test`, because not every machine has a browser: `make test-ui` installs what is missing.
package browser
