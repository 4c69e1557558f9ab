package traffic

import (
	"fmt"
	"math/rand/v2"
	"strconv"
)

// podsPerWorkload is how many pods share a workload in a large cluster. It
// makes 100,000 pods about 5,000 workloads, hence about as many streams in Loki.
const podsPerWorkload = 20

// controller is the kind of object that owns a pod; it decides the pod's name.
type controller int

const (
	deployment controller = iota
	statefulSet
	daemonSet
	job
)

// component is one program that a team runs.
type component struct {
	name      string
	container string
	owner     controller
	format    format
	sidecar   bool
}

// components are the programs of every team, chosen so that neighbours in the
// list write different formats: ten pods already show them all.
var components = []component{
	{"api", "api", deployment, zapJSON, true},
	{"gateway", "nginx", deployment, accessLog, false},
	{"worker", "worker", deployment, logfmt, false},
	{"ledger", "ledger", deployment, logback, false},
	{"web", "web", deployment, pinoJSON, true},
	{"operator", "manager", deployment, klog, false},
	{"indexer", "indexer", statefulSet, slogJSON, false},
	{"report", "report", job, python, false},
	{"agent", "agent", daemonSet, logfmt, false},
	{"cache", "cache", statefulSet, slogJSON, false},
}

// teams own namespaces.
var teams = []string{
	"shop", "billing", "search", "media", "identity", "logistics", "analytics", "support", "inventory", "messaging", "pricing", "fraud",
}

// workload is a set of pods that run one component.
type workload struct {
	component
	app       string
	namespace string
	team      string
	version   string
	hash      string
	image     string
	imageID   string
}

// source is one container of one pod: what Fluent Bit tails as one file.
type source struct {
	*workload
	container string
	format    format
	pod       string
	podID     string
	podIP     string
	host      string
	dockerID  string
	// metadata is the length of the kubernetes object of its records.
	metadata int
	// last is the time of its newest line, in nanoseconds.
	last int64
}

// newSources invents the containers of a cluster with that many pods, in a
// random but fixed order.
func newSources(rng *rand.Rand, pods int, start int64, detail detail) []source {
	workloads := newWorkloads(rng, pods)
	sources := make([]source, 0, pods+pods/4)
	var scratch []byte
	for i := range pods {
		w := &workloads[i%len(workloads)]
		s := source{
			workload:  w,
			container: w.component.container,
			format:    w.component.format,
			pod:       podName(w, i, i/len(workloads)),
			podID:     uuid(rng),
			podIP:     address(i),
			host:      "fargate-ip-" + dashed(i) + ".ec2.internal",
			dockerID:  randomHex(rng, 64),
			last:      start,
		}
		scratch = appendKubernetes(scratch[:0], &s, detail)
		s.metadata = len(scratch)
		sources = append(sources, s)
		if w.sidecar {
			s.container, s.format, s.dockerID = "envoy", accessLog, randomHex(rng, 64)
			scratch = appendKubernetes(scratch[:0], &s, detail)
			s.metadata = len(scratch)
			sources = append(sources, s)
		}
	}
	rng.Shuffle(len(sources), func(i, j int) { sources[i], sources[j] = sources[j], sources[i] })
	return sources
}

func newWorkloads(rng *rand.Rand, pods int) []workload {
	n := min(max(len(components), pods/podsPerWorkload), pods)
	workloads := make([]workload, n)
	for i := range workloads {
		c := components[i%len(components)]
		round := i / len(components)
		team := teams[(i+round)%len(teams)]
		namespace := team
		// Every team has run each of its components once after that many.
		if tenant := round / len(teams); tenant > 0 {
			namespace = fmt.Sprintf("%s-t%d", team, tenant)
		}
		app := team + "-" + c.name
		workloads[i] = workload{
			component: c,
			app:       app,
			namespace: namespace,
			team:      team,
			version:   fmt.Sprintf("%d.%d.%d", 1+rng.IntN(4), rng.IntN(30), rng.IntN(10)),
			hash:      randomWord(rng, 10),
			image:     "111122223333.dkr.ecr.us-east-1.amazonaws.com/" + team + "/" + c.name,
			imageID:   randomHex(rng, 64),
		}
	}
	return workloads
}

// nameLetters are the letters of generated pod names: no vowels, hence no words.
const nameLetters = "bcdfghjklmnpqrstvwxz2456789"

// podName returns the name that the controller of w gives to its pod. The
// cluster-wide index makes it unique.
func podName(w *workload, index, replica int) string {
	switch w.owner {
	case statefulSet:
		return w.app + "-" + strconv.Itoa(replica)
	case daemonSet:
		return w.app + "-" + suffix(index)
	case job:
		return w.app + "-" + strconv.Itoa(29_780_000+replica) + "-" + suffix(index)
	default:
		return w.app + "-" + w.hash + "-" + suffix(index)
	}
}

// suffix returns five letters that differ for each index below 27^5.
func suffix(index int) string {
	const space = 27 * 27 * 27 * 27 * 27
	// The factor shares no divisor with 27, so no two indexes meet.
	n := (index*7_654_321 + 1_234_567) % space
	var b [5]byte
	for i := range b {
		b[i] = nameLetters[n%len(nameLetters)]
		n /= len(nameLetters)
	}
	return string(b[:])
}

func address(i int) string {
	return fmt.Sprintf("10.%d.%d.%d", i>>16&0xff, i>>8&0xff, i&0xff)
}

func dashed(i int) string {
	return fmt.Sprintf("10-%d-%d-%d", i>>16&0xff, i>>8&0xff, i&0xff)
}

func randomWord(rng *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = nameLetters[rng.IntN(len(nameLetters))]
	}
	return string(b)
}

func randomHex(rng *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "0123456789abcdef"[rng.IntN(16)]
	}
	return string(b)
}

func uuid(rng *rand.Rand) string {
	h := randomHex(rng, 32)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
}
