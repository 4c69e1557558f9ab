package firehose

import "net/http"

// maxTenant is the longest tenant id that Loki takes.
const maxTenant = 150

// tenantOf returns the tenant that the request's header X-Scope-OrgID names; empty
// when there is none. ok is false when it does not name exactly one: records that
// cannot be filed for certain are not filed at all. Two headers are what a sender
// makes who gives its own to a proxy that adds another.
//
// https://grafana.com/docs/mimir/latest/configure/about-tenant-ids/
func tenantOf(header http.Header) (tenant string, ok bool) {
	values := header.Values("X-Scope-OrgID")
	switch {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return "", true
	case len(values) > 1:
		return "", false
	}
	return values[0], isTenant(values[0])
}

// isTenant tells whether Loki takes tenant for the name of one.
func isTenant(tenant string) bool {
	return len(tenant) <= maxTenant && tenant != "." && tenant != ".." && isName(tenant, "!-_.*'()")
}
