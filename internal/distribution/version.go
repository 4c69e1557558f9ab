package distribution

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grafana/alloy"
	"github.com/grafana/alloy/internal/build"
)

// A version of this distribution is that of the Alloy underneath, followed by -eks and our own count on top of it: v1.15.1-eks.1. It is given when linking,
// into the variables that Alloy reads wherever it shows a version:
//
//	-X github.com/grafana/alloy/internal/build.Version=v1.15.1-eks.1
//	-X github.com/grafana/alloy/internal/build.Revision=<commit>
//	-X github.com/grafana/alloy/internal/build.BuildDate=<RFC 3339>
//
// Variables of our own would come too late: Alloy's packages form their User-Agent headers while they are initialised, before this package is.

// noVersion is what package build calls a binary that was linked without a version.
const noVersion = "v0.0.0"

func init() {
	if build.Version == noVersion {
		build.Version = alloyVersion() + "-eks.devel"
	}
	build.Revision = cmp.Or(build.Revision, vcsRevision())
	prometheus.MustRegister(build.NewCollector("alloy"))
}

// alloyVersion is the version of the Alloy that is linked in, for example "v1.15.1".
func alloyVersion() string {
	return strings.TrimSuffix(alloy.FallbackVersion(), "-devel")
}

// vcsRevision is the commit that the go command has found the sources at, or the empty string.
func vcsRevision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return setting.Value
		}
	}
	return ""
}

// versionText is what `alloy --version` prints.
func versionText() string {
	return fmt.Sprintf(`alloy, version %s
  Grafana Alloy:  %s
  revision:       %s
  build date:     %s
  go version:     %s
  platform:       %s/%s
`, build.Version, alloyVersion(), cmp.Or(build.Revision, "unknown"), cmp.Or(build.BuildDate, "unknown"), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
