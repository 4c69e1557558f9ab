package clustertraffic

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// cluster is one EKS cluster with all that its control plane talks about.
type cluster struct {
	name, account, region string
	// owner is the account of the log group that the messages come from.
	owner       string
	centralised bool
	logGroup    string
	logStreams  [instances][components]*stream
	// version is that of Kubernetes, era that of the authenticator.
	version version
	era     era
	domain  string

	nodes     []node
	workloads []workload
	users     users
}

// version is a version of Kubernetes with its components' build.
type version struct{ number, commit string }

var versions = []version{{"v1.33.1", "7d0fb2c"}, {"v1.31.9", "4ab9e6d"}, {"v1.29.14", "90c5e1f"}}

// era is how the authenticator of a cluster writes its lines.
type era struct{ uidPrefix, stsKey string }

var eras = []era{
	{"aws-iam-authenticator:", "stsendpoint"},
	{"aws-iam-authenticator:", "sts"},
	{"heptio-authenticator-aws:", ""},
}

// The accounts are those of AWS's documentation, which belong to nobody.
var accounts = []string{"111122223333", "444455556666", "123456789012"}

// archiveAccount is the one to which logs are centralised.
const archiveAccount = "777788889999"

// foreignRegions are those of centralised clusters.
var foreignRegions = []string{"eu-central-1", "ap-southeast-2", "us-west-2"}

var (
	clusterNames = []string{"harbour", "meadow", "quarry", "orchard", "lantern", "glacier", "foundry", "pasture", "granary", "estuary"}
	environments = []string{"prod", "stage", "test"}
)

// node is a worker of a cluster.
type node struct{ name, instanceID, volumeID, ip string }

const nodesPerCluster = 12

// workload is a Deployment with its pods.
type workload struct {
	namespace, name string
	// replicaSet is the name of the current one, pods those of its pods.
	replicaSet     string
	pods           []string
	account        string // The name of its service account.
	image          string
	imageID, uid   string
	clusterIP      string
	configMap      string
	secret, token  string
	managedFields  string
	lastDeployment string
}

// The words that workloads are made of.
var (
	namespaces = []string{"bakery", "cellar", "dairy", "market", "stables"}
	apps       = []string{"counter", "oven", "scales", "courier", "pantry", "invoice", "tasting", "bottler", "churn", "delivery"}
)

const podsPerWorkload = 3

func (g *Generator) newCluster(i int) *cluster {
	rng := g.rng
	c := &cluster{
		name:    clusterNames[i%len(clusterNames)] + "-" + environments[i/len(clusterNames)%len(environments)],
		account: accounts[i%len(accounts)],
		region:  g.opts.Region,
		version: versions[i%len(versions)],
		era:     eras[i%len(eras)],
	}
	if round := i / (len(clusterNames) * len(environments)); round > 0 {
		c.name = fmt.Sprintf("%s-%d", c.name, round+1)
	}
	c.owner = c.account
	if i >= g.opts.Clusters-g.opts.Centralised {
		c.centralised, c.owner = true, archiveAccount
		c.region = foreignRegions[i%len(foreignRegions)]
	}
	c.logGroup = "/aws/eks/" + c.name + "/cluster"
	c.domain = "." + c.region + ".compute.internal"
	if c.region == "us-east-1" {
		c.domain = ".ec2.internal"
	}
	for range nodesPerCluster {
		a, b := 1+rng.IntN(250), 1+rng.IntN(250)
		c.nodes = append(c.nodes, node{
			name: fmt.Sprintf("ip-10-%d-%d-%d%s", i%250, a, b, c.domain), ip: fmt.Sprintf("10.%d.%d.%d", i%250, a, b),
			instanceID: "i-0" + randomHex(rng, 16), volumeID: "vol-0" + randomHex(rng, 16),
		})
	}
	for n, app := range apps {
		c.workloads = append(c.workloads, newWorkload(rng, c, namespaces[n%len(namespaces)], app))
	}
	c.users = c.newUsers(rng)
	for n := range instances {
		c.start(rng, n)
	}
	return c
}

func newWorkload(rng *rand.Rand, c *cluster, namespace, name string) workload {
	w := workload{
		namespace: namespace, name: name, account: name,
		replicaSet: name + "-" + randomText(rng, nameLetters, 10),
		image:      c.account + ".dkr.ecr." + c.region + ".amazonaws.com/" + namespace + "/" + name,
		imageID:    randomHex(rng, 64), uid: randomUUID(rng),
		clusterIP: fmt.Sprintf("172.20.%d.%d", rng.IntN(250), 1+rng.IntN(250)),
		configMap: name + "-settings", secret: name + "-credentials", token: name + "-token-" + randomText(rng, nameLetters, 5),
	}
	for range podsPerWorkload {
		w.pods = append(w.pods, w.replicaSet+"-"+randomText(rng, nameLetters, 5))
	}
	w.managedFields = managedFields(name)
	w.lastDeployment = string(appendEscaped(nil, `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"annotations":{},"name":"`+name+
		`","namespace":"`+namespace+`"},"spec":{"replicas":3,"template":{"spec":{"containers":[{"image":"`+w.image+`:live","name":"`+name+
		`"}],"serviceAccountName":"`+name+`"}}}}`+"\n"))
	return w
}

// managedFields returns what an object holds of who has written its fields.
func managedFields(container string) string {
	var b strings.Builder
	for i, manager := range []string{"kubectl-client-side-apply", "kube-controller-manager"} {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"manager":%q,"operation":"Update","apiVersion":"apps/v1","time":"2026-03-02T08:1%d:44Z","fieldsType":"FieldsV1","fieldsV1":`, manager, i)
		fmt.Fprintf(&b, `{"f:metadata":{"f:annotations":{".":{},"f:kubectl.kubernetes.io/last-applied-configuration":{}},"f:labels":{".":{},"f:app":{},"f:team":{}}},`+
			`"f:spec":{"f:replicas":{},"f:selector":{},"f:strategy":{"f:type":{}},"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"%s\"}":`+
			`{".":{},"f:env":{".":{},"k:{\"name\":\"LISTEN\"}":{".":{},"f:name":{},"f:value":{}}},"f:image":{},"f:imagePullPolicy":{},"f:name":{},`+
			`"f:ports":{".":{},"k:{\"containerPort\":8080,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{},"f:protocol":{}}},"f:resources":{}}},`+
			`"f:dnsPolicy":{},"f:restartPolicy":{},"f:serviceAccountName":{},"f:terminationGracePeriodSeconds":{}}}}}}`, container)
	}
	return b.String()
}
