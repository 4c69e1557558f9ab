package main

// none stands for a module that is not replaced.
const none = ""

// exception is a module for which our replace directive differs from Alloy's on purpose.
type exception struct {
	module string
	// Both replacements, as they stand behind the arrow. They are written out so that an upgrade of Alloy that changes its side is noticed, and
	// the reason looked at again.
	alloy, ours string
	reason      string
}

var exceptions = []exception{
	{
		module: "github.com/grafana/alloy/syntax",
		alloy:  "./syntax",
		ours:   none,
		reason: "Alloy takes it from its own directory, which is not part of its module; we require the published version that has the same packages",
	},
	{
		module: "go.opentelemetry.io/ebpf-profiler",
		alloy:  "github.com/grafana/opentelemetry-ebpf-profiler v0.0.202602-0.20260326091923-bd31a19190b9",
		ours:   "github.com/grafana/opentelemetry-ebpf-profiler v0.0.202602-0.20260216144214-241376220646",
		reason: "Go's module proxy does not serve the commit that Alloy pins; ours is the pin of Alloy v1.14, which is enough for the two packages of it that are linked",
	},
	{
		module: "github.com/open-telemetry/opentelemetry-collector-contrib/pkg/xk8stest",
		alloy:  none,
		ours:   "github.com/open-telemetry/opentelemetry-collector-contrib/pkg/xk8stest v0.148.0",
		reason: "Go's module proxy does not serve v0.147.0, which only tests of a dependency import; go mod tidy wants to resolve it nevertheless",
	},
}
