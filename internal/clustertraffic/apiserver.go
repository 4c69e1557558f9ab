package clustertraffic

import "time"

// apiServerLines are what the API server writes beside its audit.
var apiServerLines = newChoices(
	choice[func(*Generator)]{30, apiHTTP},
	choice[func(*Generator)]{14, apiWatch},
	choice[func(*Generator)]{10, apiClusterIP},
	choice[func(*Generator)]{8, apiNodeDeny},
	choice[func(*Generator)]{8, apiEvaluator},
	choice[func(*Generator)]{6, apiTrace},
	choice[func(*Generator)]{6, apiWebhook},
	choice[func(*Generator)]{5, apiEtcd},
	choice[func(*Generator)]{4, apiTimeout},
	choice[func(*Generator)]{4, apiUnhandled},
	choice[func(*Generator)]{3, apiUnavailable},
	choice[func(*Generator)]{2, apiSeveralLines},
	choice[func(*Generator)]{1, apiPanic},
)

// aWorkload returns one of the cluster's.
func (g *Generator) aWorkload() *workload { return pickOf(g, g.stream.cluster.workloads) }

func (g *Generator) aNode() *node { return pickOf(g, g.stream.cluster.nodes) }

// address appends an address with a port.
func (g *Generator) address() {
	g.lines.str(g.aNode().ip, ":")
	g.lines.int(int64(g.between(1024, 65_535)))
}

func apiHTTP(g *Generator) {
	w := g.aWorkload()
	g.structured('I', "httplog.go", "132", "HTTP")
	g.pair("verb", pick(g, []string{"GET", "LIST", "PUT", "PATCH", "WATCH"}))
	g.pair("URI", "/api/v1/namespaces/", w.namespace, "/pods?labelSelector=app%3D", w.name, "&limit=500")
	g.pairText("latency", func() { g.latency(900_000) })
	g.pair("userAgent", pickOf(g, g.users().controllers).agent)
	g.pairText("audit-ID", g.uuid)
	g.pairText("srcIP", g.address)
	g.pair("apf_pl", "workload-low")
	g.pair("apf_fs", "service-accounts")
	g.bare("apf_iseats", 1)
	g.bare("apf_fseats", 0)
	g.pair("apf_additionalLatency", "0s")
	g.pairText("apf_execution_time", func() { g.latency(800_000) })
	g.bare("resp", pick(g, []int{200, 200, 200, 201, 404, 409}))
	g.lines.end()
}

func apiWatch(g *Generator) {
	g.structured('I', "get.go", "269", "Starting watch")
	g.pair("path", "/api/v1/", pick(g, watched).resource)
	g.pairText("resourceVersion", func() { g.lines.int(int64(g.between(10_000_000, 99_999_999))) })
	g.pair("labels", "")
	g.pair("fields", "status.phase!=Failed,status.phase!=Succeeded")
	g.pair("timeout", "7m31s")
	g.lines.end()
}

func apiClusterIP(g *Generator) {
	w := g.aWorkload()
	g.structured('I', "alloc.go", "330", "allocated clusterIPs")
	g.pair("service", w.namespace, "/", w.name)
	if g.oneIn(2) {
		g.lines.str(` clusterIPs={"IPv4":"`, w.clusterIP, `"}`)
	} else {
		g.lines.str(` clusterIPs=map[IPv4:`, w.clusterIP, ` IPv6:]`)
	}
	g.lines.end()
}

// apiNodeDeny is bad news at the level I.
func apiNodeDeny(g *Generator) {
	n := g.aNode()
	g.structured('I', "node_authorizer.go", "298", "NODE DENY")
	g.pair("err", "node '", n.name, "' cannot get unknown pv /", g.aNode().volumeID)
	g.lines.end()
}

func apiEvaluator(g *Generator) {
	g.plain('I', "controller.go", "667", "quota admission added evaluator for: ", pick(g, watched).resource, ".", pick(g, []string{"apps", leases, discovery, "batch"}))
}

// apiTrace is a request that took long: the steps are lines without a header.
func apiTrace(g *Generator) {
	l, w := &g.lines, g.aWorkload()
	g.klog('I', "trace.go", "236")
	at := l.last().time
	from := len(l.text)
	l.str("Trace[")
	l.int(int64(g.between(100_000_000, 2_147_483_647)))
	l.str("]")
	label := string(l.text[from:])
	l.str(`: "Create" accept:application/json, */*,audit-id:`)
	g.uuid()
	l.str(`,client:`, g.aNode().ip, `,protocol:HTTP/2.0,resource:pods,scope:resource,url:/api/v1/namespaces/`, w.namespace, `/pods,user-agent:`, g.users().controllers[0].agent, `,verb:POST (`)
	took := g.between(500, 4000)
	l.text = time.Unix(0, at).UTC().Add(-time.Duration(took)*time.Millisecond).AppendFormat(l.text, "02-Jan-2006 15:04:05.000")
	l.str(`) (total time: `)
	l.int(int64(took))
	l.str(`ms):`)
	l.end()
	for _, step := range []string{`---"Write to database call succeeded" len:1853`, `---"Writing http response done"`} {
		g.openFollower()
		l.str(label, ": ", step, " ")
		l.int(int64(g.between(1, took)))
		l.str("ms (")
		l.text = time.Unix(0, at).UTC().AppendFormat(l.text, "15:04:05.000")
		l.str(")]")
		l.end()
	}
	g.openFollower()
	l.str(label, ": [")
	l.int(int64(took))
	l.str(".")
	l.int(int64(g.between(101, 999)))
	l.str("ms] [")
	l.int(int64(took))
	l.str(".101ms] END")
	l.end()
}

func apiWebhook(g *Generator) {
	w := g.aWorkload()
	g.plain('W', "dispatcher.go", "225", `Failed calling webhook, failing open `, w.name, `.example.com: failed calling webhook "`, w.name,
		`.example.com": failed to call webhook: Post "https://`, w.name, `.`, w.namespace, `.svc:443/mutate?timeout=10s": context deadline exceeded`)
}

// apiEtcd is a line of the etcd client, which has a logger of its own.
func apiEtcd(g *Generator) {
	l := &g.lines
	layout, unit := "2006-01-02T15:04:05.000Z07:00", time.Millisecond
	if g.oneIn(2) {
		layout, unit = "2006-01-02T15:04:05.000000Z07:00", time.Microsecond
	}
	at := time.Unix(0, g.tick()).UTC().Truncate(unit)
	d := l.begin(at.UnixNano(), g.stamp(at.UnixNano()))
	d.level = "warn"
	l.str(`{"level":"warn","ts":"`)
	l.text = at.AppendFormat(l.text, layout)
	l.str(`","logger":"etcd-client","caller":"v3@v3.5.21/retry_interceptor.go:63","msg":"retrying of unary invoker failed","target":"etcd-endpoints://0xc00`)
	g.hex(7)
	l.str(`/10.0.91.20:2379","attempt":`)
	l.int(int64(g.rng.IntN(3)))
	cause := pick(g, etcdErrors)
	l.str(`,"error":`)
	l.quoted(cause)
	l.str(`}`)
	l.fact("msg", "retrying of unary invoker failed")
	l.fact("error", cause)
	l.fact("source_file", "retry_interceptor.go")
	l.fact("source_line", "63")
	l.end()
}

var etcdErrors = []string{
	"rpc error: code = Unavailable desc = etcdserver: leader changed",
	`rpc error: code = DeadlineExceeded desc = latest balancer error: last connection error: desc = "transport: Error while dialing: dial tcp 10.0.91.20:2379: i/o timeout"`,
}

func apiTimeout(g *Generator) {
	g.klog('E', "wrap.go", "53")
	g.lines.str(`Timeout or abort while handling: method=GET URI="/api/v1/namespaces/`, g.aWorkload().namespace, `/pods" audit-ID="`)
	g.uuid()
	g.lines.str(`"`)
	g.lines.end()
}

func apiUnhandled(g *Generator) {
	g.structured('E', "panic.go", "262", "Unhandled Error")
	g.pair("err", `apiserver was unable to write a JSON response: http2: stream closed by "`, g.aNode().ip, `"`)
	g.pair("logger", "UnhandledError")
	g.lines.end()
}

func apiUnavailable(g *Generator) {
	g.plain('E', "available_controller.go", "460", `v1beta1.metrics.k8s.io failed with: failing or missing response from https://`, g.aNode().ip,
		`:10250/apis/metrics.k8s.io/v1beta1: bad status from https://`, g.aNode().ip, `:10250: 503`)
}

// apiSeveralLines is klog's form of a value with several lines: each becomes an
// event by itself.
func apiSeveralLines(g *Generator) {
	g.structured('E', "controller.go", "146", "Error updating APIService")
	g.pair("APIService", "v1beta1.", g.aWorkload().name, ".example.com")
	g.lines.str(" err=<")
	g.lines.end()
	g.follow("\tfailed to download its schema: a response of 503,")
	g.follow("\tBody: the service has no endpoints in ", g.aWorkload().namespace)
	g.follow(" >")
}

// apiPanic is a panic that was caught: the lines of its stack have no header.
func apiPanic(g *Generator) {
	g.plain('E', "runtime.go", "142", `Observed a panic: "assignment to entry in nil map" (recipes of `, g.aWorkload().namespace, `)`)
	g.stack([]frame{
		{"k8s.io/apiserver/pkg/server/filters.(*timeoutHandler).ServeHTTP.func1", "k8s.io/apiserver/pkg/server/filters/timeout.go:115"},
		{"panic", "runtime/panic.go:792"},
		{"example.com/recipes/pkg/registry.(*store).index", "example.com/recipes/pkg/registry/store.go:88"},
		{"net/http.(*conn).serve", "net/http/server.go:2092"},
	})
}

// frame is a call in a goroutine's stack.
type frame struct{ function, place string }

func (g *Generator) stack(frames []frame) {
	l := &g.lines
	g.openFollower()
	l.str("goroutine ")
	l.int(int64(g.between(1000, 999_999_999)))
	l.str(" [running]:")
	l.end()
	for _, f := range frames {
		g.openFollower()
		l.str(f.function, "({0x")
		g.hex(7)
		l.str(", 0xc0")
		g.hex(8)
		l.str("})")
		l.end()
		g.openFollower()
		l.str("\t/src/", f.place, " +0x")
		g.hex(3)
		l.end()
	}
	g.openFollower()
	l.str("created by net/http.(*Server).Serve in goroutine ")
	l.int(int64(g.between(1, 999)))
	l.end()
}
