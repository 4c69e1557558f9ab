// Command alloy is Grafana Alloy for logs of Amazon EKS: Alloy's runtime and services, a choice of its components, and the components of this repository.
//
// # Build
//
//	CGO_ENABLED=0 go build -o build/alloy ./cmd/alloy
//
// gives a static binary; `make build` adds the version. With -tags full all other components of Alloy are compiled in too, as far as they can be built
// from this module (components_full.go names those that cannot).
//
// # Add a component
//
// Components register themselves when their package is imported. So a component is added by one line in components.go: the import, and its name as the comment.
// Then `go mod tidy`: if it lacks a checksum, that is in the go.sum of the module github.com/grafana/alloy, in the version that go.mod names.
// `alloy components` lists what a binary has.
package main

import (
	"errors"
	"os"

	"github.com/grafana/alloy/eks/internal/distribution"
	"github.com/grafana/alloy/internal/component/prometheus/remotewrite"

	// A static binary is at home on any image: if the image has no root certificates or time zones, these are used.
	_ "time/tzdata"

	_ "golang.org/x/crypto/x509roots/fallback"
)

func main() {
	command := distribution.Command(
		distribution.Tool{Component: "prometheus.remote_write", Install: remotewrite.InstallTools},
	)
	command.AddCommand(convertFlowCommand())
	if err := command.Execute(); err != nil {
		os.Exit(exitStatus(err))
	}
}

// exitStatus tells what a script would want to know of an error from all others.
func exitStatus(err error) int {
	if errors.Is(err, errLeftAlone) {
		return 2
	}
	return 1
}
