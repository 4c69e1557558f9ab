package clustertraffic

import (
	"strconv"
	"time"
)

// writers are what the components with klog write.
var writers = [components]choices[func(*Generator)]{
	apiServer:         apiServerLines,
	controllerManager: controllerManagerLines,
	scheduler:         schedulerLines,
	cloudController:   cloudControllerLines,
}

// klog opens a line with klog's header:
//
//	I0102 15:04:05.123456      11 httplog.go:132] text
//
// https://pkg.go.dev/k8s.io/klog/v2#hdr-Log_line_format
func (g *Generator) klog(letter byte, file, number string) {
	l := &g.lines
	nanos := g.tick()
	d := l.begin(nanos, g.stamp(nanos))
	d.level = klogLevel(letter)
	l.text = append(l.text, letter)
	l.text = time.Unix(0, nanos).UTC().AppendFormat(l.text, "0102 15:04:05.000000")
	l.str("        "[:8-len(g.stream.pid)], g.stream.pid, " ", file, ":", number, "] ")
	l.fact("source_file", file)
	l.fact("source_line", number)
	l.fact("thread_id", g.stream.pid)
}

func klogLevel(letter byte) string {
	switch letter {
	case 'W':
		return "warn"
	case 'E':
		return "error"
	case 'F':
		return "fatal"
	}
	return "info"
}

// structured opens a line with a message in klog's structured form.
func (g *Generator) structured(letter byte, file, number, msg string) {
	g.klog(letter, file, number)
	g.lines.fact("msg", msg)
	g.lines.text = strconv.AppendQuote(g.lines.text, msg)
}

// pair appends a pair whose value klog quotes.
func (g *Generator) pair(key string, value ...string) {
	l := &g.lines
	l.str(" ", key, `="`)
	for _, v := range value {
		l.text = appendGoEscaped(l.text, v)
	}
	l.text = append(l.text, '"')
}

// bare appends a pair whose value klog does not quote.
func (g *Generator) bare(key string, value int) {
	g.lines.str(" ", key, "=")
	g.lines.int(int64(value))
}

// pairText appends a pair whose value f appends; it needs no escapes.
func (g *Generator) pairText(key string, f func()) {
	g.lines.str(" ", key, `="`)
	f()
	g.lines.text = append(g.lines.text, '"')
}

// appendGoEscaped appends text as the inside of a Go string. It knows what
// the generated text holds.
func appendGoEscaped(dst []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// text completes a line of plain text.
func (g *Generator) plain(letter byte, file, number string, text ...string) {
	g.klog(letter, file, number)
	g.lines.str(text...)
	g.lines.end()
}

// follow makes a line without a header, which belongs to the one before.
func (g *Generator) follow(text ...string) {
	g.openFollower()
	g.lines.str(text...)
	g.lines.end()
}

func (g *Generator) openFollower() {
	l := &g.lines
	before := *l.last()
	d := l.begin(before.time, before.millis)
	d.level = before.level
	d.marks = headless
}

// latency appends a duration of up to so many microseconds as Go prints it.
func (g *Generator) latency(micros int) {
	l := &g.lines
	n := g.between(200, micros)
	value, unit := n, "µs"
	if n >= 1000 {
		value, unit = n/1000, "ms"
	}
	l.int(int64(value))
	l.str(".")
	l.int(int64(g.between(100, 998)/10*10 + 1)) // Go cuts zeros at the end.
	l.str(unit)
}

// writeStart makes what a component writes at its start: its flags above all.
func (g *Generator) writeStart() {
	s := g.stream
	for _, flag := range flags[s.component] {
		g.klog('I', "flags.go", "64")
		g.lines.str("FLAG: --", flag.name, `="`, flag.value, `"`)
		g.lines.end()
	}
	g.structured('I', "server.go", "160", "Starting the component")
	g.pair("version", s.cluster.version.number, "-eks-", s.cluster.version.commit)
	g.lines.end()
	g.structured('I', "tlsconfig.go", "203", "Loaded serving cert")
	g.pair("certName", "Generated self signed cert")
	g.pair("certDetail", `"localhost@1787219000" [serving] validServingFor=[127.0.0.1,localhost] issuer="localhost-ca@1787219000" (2026-08-20 09:03:20 +0000 UTC to 2027-08-20 09:03:20 +0000 UTC)`)
	g.lines.end()
	g.plain('I', "secure_serving.go", "213", "Serving securely on [::]:", []string{apiServer: "443", controllerManager: "10257", scheduler: "10259", cloudController: "10258"}[s.component])
	if s.component != apiServer {
		g.plain('I', "leaderelection.go", "257", "attempting to acquire leader lease kube-system/", streamPrefixes[s.component][:len(streamPrefixes[s.component])-1], "...")
	}
}

type flag struct{ name, value string }

// flags are some of those that the components print, all of them at verbosity 2.
var flags = [components][]flag{
	apiServer: {
		{"admission-control-config-file", ""},
		{"advertise-address", "10.0.91.14"},
		{"allow-privileged", "true"},
		{"anonymous-auth", "true"},
		{"api-audiences", "[https://kubernetes.default.svc]"},
		{"audit-log-maxage", "1"},
		{"audit-log-path", "/var/log/kubernetes/audit.log"},
		{"authorization-mode", "[Node,RBAC]"},
		{"bind-address", "0.0.0.0"},
		{"client-ca-file", "/etc/kubernetes/pki/ca.crt"},
		{"default-not-ready-toleration-seconds", "300"},
		{"enable-admission-plugins", "[NodeRestriction,ResourceQuota]"},
		{"etcd-servers", "[https://10.0.91.20:2379]"},
		{"event-ttl", "1h0m0s"},
		{"feature-gates", ""},
		{"goaway-chance", "0.001"},
		{"max-requests-inflight", "400"},
		{"profiling", "false"},
		{"request-timeout", "1m0s"},
		{"service-cluster-ip-range", "172.20.0.0/16"},
		{"v", "2"},
	},
	controllerManager: {
		{"allocate-node-cidrs", "false"},
		{"cloud-provider", "external"},
		{"concurrent-deployment-syncs", "5"},
		{"controllers", "[*,-csrsigning]"},
		{"kube-api-burst", "30"},
		{"leader-elect", "true"},
		{"node-monitor-grace-period", "40s"},
		{"use-service-account-credentials", "true"},
		{"v", "2"},
	},
	scheduler: {
		{"authentication-kubeconfig", "/etc/kubernetes/scheduler.conf"},
		{"config", ""},
		{"leader-elect", "true"},
		{"leader-elect-lease-duration", "15s"},
		{"profiling", "false"},
		{"v", "2"},
	},
	cloudController: {
		{"allocate-node-cidrs", "false"}, {"cloud-provider", "aws"}, {"configure-cloud-routes", "false"}, {"controllers", "[*,-route]"}, {"v", "2"},
	},
}
