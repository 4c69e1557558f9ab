package clustertraffic

import (
	"math/rand/v2"
	"strings"
)

// user is somebody who calls the API server.
type user struct {
	name, uid string
	// groups are those of an audit event; mapped those that the authenticator
	// gives.
	groups, mapped []string
	// What the authenticator says of an IAM principal; empty for others.
	account, arn, canonicalARN, principalID, session, accessKey string
	// short is the name without what makes it unique.
	short string
	// agent is the user agent, ip the address.
	agent, ip string

	object     string // The user as an audit event holds it.
	groupsText string // The groups with commas between them.
}

// users are the users of a cluster.
type users struct {
	nodes                    []user
	eks                      []user
	controllers              []user // Of the controller manager.
	operators                []user // In-cluster controllers of others.
	apps                     []user
	people                   []user
	deployer                 user
	scheduler, kcm, ccm, api user
	anonymous, stranger      user
	probe                    user
	stsEndpoint              string
}

var controllerNames = []string{
	"replicaset-controller", "deployment-controller", "endpointslice-controller", "namespace-controller", "generic-garbage-collector",
	"resourcequota-controller", "horizontal-pod-autoscaler", "job-controller", "node-controller", "persistent-volume-binder",
}

var operatorNames = []string{"coredns", "aws-node", "ebs-csi-controller-sa", "metrics-server", "load-balancer-controller", "autoscaler"}

var peopleNames = []string{"ada", "bela", "cyrus", "dora", "emil"}

func (c *cluster) newUsers(rng *rand.Rand) users {
	u := users{stsEndpoint: "sts." + c.region + ".amazonaws.com"}
	agent := func(program string) string {
		return program + "/" + c.version.number + " (linux/amd64) kubernetes/" + c.version.commit
	}
	nodeRole := c.name + "-workers-NodeInstanceRole-" + randomText(rng, idLetters, 12)
	nodePrincipal := "AROA" + randomText(rng, idLetters, 17)
	for i := range c.nodes {
		n := &c.nodes[i]
		u.nodes = append(u.nodes, c.assumed(rng, user{
			name: "system:node:" + n.name, mapped: []string{"system:bootstrappers", "system:nodes"},
			session: n.instanceID, agent: agent("kubelet"), ip: n.ip, principalID: nodePrincipal,
		}, c.account, nodeRole))
	}
	for _, name := range []string{"node-manager", "addon-manager", "certificate-controller"} {
		u.eks = append(u.eks, c.assumed(rng, user{
			name: "eks:" + name, agent: "eks-" + name + "/v1", ip: "10.0.91.30", session: "EKSAuthTokenSession",
		}, c.account, "AWSServiceRoleForAmazonEKS-"+name))
	}
	for _, name := range peopleNames {
		u.people = append(u.people, c.assumed(rng, user{
			name: "staff:" + name, mapped: []string{"staff"}, session: name + "@example.com", short: name,
			agent: "kubectl/v1.33.0 (darwin/arm64) kubernetes/60a317e", ip: "203.0.113." + string('1'+byte(rng.IntN(9))),
		}, c.account, "AWSReservedSSO_Staff_"+randomHex(rng, 16)))
	}
	u.deployer = c.assumed(rng, user{
		name: "deployer", mapped: []string{"deployers"}, session: "pipeline-4711",
		agent: "helm/v3.18.2 Go-http-client/2.0", ip: "198.51.100.24",
	}, c.account, "Deployer")
	u.stranger = c.assumed(rng, user{name: "", session: "night-job", ip: "198.51.100.99"}, accounts[(len(c.name)+1)%len(accounts)], "Visitor")
	for _, name := range controllerNames {
		u.controllers = append(u.controllers, serviceAccount(rng, "kube-system", name, "", agent("kube-controller-manager")+"/system:serviceaccount:kube-system:"+name, "10.0.91.14"))
	}
	for _, name := range operatorNames {
		pod := name + "-" + randomText(rng, nameLetters, 10) + "-" + randomText(rng, nameLetters, 5)
		u.operators = append(u.operators, serviceAccount(rng, "kube-system", name, pod, name+"/v2.8.1 (linux/amd64) kubernetes/$Format", c.nodes[rng.IntN(len(c.nodes))].ip))
	}
	for i := range c.workloads {
		w := &c.workloads[i]
		u.apps = append(u.apps, serviceAccount(rng, w.namespace, w.account, w.pods[0], w.name+"/0.9 client-go/0.33", c.nodes[i%len(c.nodes)].ip))
	}
	plain := func(name, agent, ip string, groups ...string) user {
		x := user{name: name, groups: groups, agent: agent, ip: ip}
		return x.ready(nil)
	}
	u.scheduler = plain("system:kube-scheduler", agent("kube-scheduler")+"/scheduler", "10.0.91.14", "system:authenticated")
	u.kcm = plain("system:kube-controller-manager", agent("kube-controller-manager")+"/leader-election", "10.0.91.14", "system:authenticated")
	u.ccm = plain("system:cloud-controller-manager", agent("aws-cloud-controller-manager"), "10.0.91.14", "system:authenticated")
	u.api = plain("system:apiserver", agent("kube-apiserver"), "::1", "system:authenticated", "system:masters")
	u.probe = plain("eks:cluster-event-watcher", "kube-probe/1.33+", "10.0.91.2", "system:authenticated")
	u.anonymous = plain("system:anonymous", "Mozilla/5.0 zgrab/0.x", "192.0.2.66", "system:unauthenticated")
	return u
}

// assumed completes a user that stands for an assumed role.
func (c *cluster) assumed(rng *rand.Rand, u user, account, role string) user {
	if u.principalID == "" {
		u.principalID = "AROA" + randomText(rng, idLetters, 17)
	}
	u.account = account
	u.accessKey = "ASIA" + randomText(rng, idLetters, 16)
	u.arn = "arn:aws:sts::" + account + ":assumed-role/" + role + "/" + u.session
	u.canonicalARN = "arn:aws:iam::" + account + ":role/" + role
	u.uid = c.era.uidPrefix + account + ":" + u.principalID
	u.groups = append(append([]string(nil), u.mapped...), "system:authenticated")
	return u.ready([]string{
		"accessKeyId", u.accessKey, "arn", u.arn, "canonicalArn", u.canonicalARN, "principalId", u.principalID, "sessionName", u.session,
		"sigs.k8s.io/aws-iam-authenticator/principalId", u.principalID,
	})
}

// serviceAccount returns the user of a pod, or of a controller if pod is empty.
func serviceAccount(rng *rand.Rand, namespace, name, pod, agent, ip string) user {
	u := user{
		name: "system:serviceaccount:" + namespace + ":" + name, uid: randomUUID(rng), agent: agent, ip: ip,
		groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"},
	}
	extra := []string{"authentication.kubernetes.io/credential-id", "JTI=" + randomUUID(rng)}
	if pod != "" {
		extra = append(extra, "authentication.kubernetes.io/pod-name", pod, "authentication.kubernetes.io/pod-uid", randomUUID(rng))
	}
	return u.ready(extra)
}

// ready writes the object. extra are names and values.
func (u user) ready(extra []string) user {
	var b []byte
	member := func(name, value string) {
		if value == "" {
			return
		}
		if len(b) > 0 && b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), name...), `":`...)
		b = append(b, value...)
	}
	quote := func(s string) string { return `"` + string(appendEscaped(nil, s)) + `"` }
	b = append(b, '{')
	member("username", quote(u.name))
	if u.uid != "" {
		member("uid", quote(u.uid))
	}
	member("groups", `["`+strings.Join(u.groups, `","`)+`"]`)
	if len(extra) > 0 {
		var e strings.Builder
		for i := 0; i < len(extra); i += 2 {
			if i > 0 {
				e.WriteByte(',')
			}
			e.WriteString(quote(extra[i]) + `:[` + quote(extra[i+1]) + `]`)
		}
		member("extra", "{"+e.String()+"}")
	}
	u.object = string(append(b, '}'))
	u.groupsText = strings.Join(u.groups, ",")
	return u
}
