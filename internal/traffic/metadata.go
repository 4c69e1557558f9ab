package traffic

// detail is how much of a pod's metadata the kubernetes filter adds.
type detail int

const (
	// noDetail leaves `kubernetes` out: the filter is off, or does not know the pod.
	noDetail detail = iota
	// fewDetails is the pod, its namespace, one label, container and host.
	fewDetails
	// allDetails is everything that the filter writes, with eight labels and
	// two annotations.
	allDetails
)

// detailFor returns as much metadata as leaves room for a line in a record of
// that size.
func detailFor(recordSize int) detail {
	switch {
	case recordSize >= 1000:
		return allDetails
	case recordSize >= 500:
		return fewDetails
	default:
		return noDetail
	}
}

// appendKubernetes appends `,"kubernetes":{...}` as the kubernetes filter of
// Fluent Bit 5 writes it: its key order, labels sorted as the API server sorts
// them. None of the values needs escaping.
func appendKubernetes(dst []byte, s *source, d detail) []byte {
	if d == noDetail {
		return dst
	}
	dst = append(dst, `,"kubernetes":{`...)
	dst = appendMember(dst, "pod_name", s.pod)
	dst = appendMember(dst, "namespace_name", s.namespace)
	dst = appendMember(dst, "pod_id", s.podID)
	dst = append(dst, `"labels":{`...)
	if d == allDetails {
		dst = appendMember(dst, "app.kubernetes.io/component", s.name)
		dst = appendMember(dst, "app.kubernetes.io/instance", s.app, "-prod")
	}
	dst = appendMember(dst, "app.kubernetes.io/name", s.app)
	if d == allDetails {
		dst = appendMember(dst, "app.kubernetes.io/part-of", s.team)
		dst = appendMember(dst, "app.kubernetes.io/version", s.version)
		dst = appendMember(dst, "eks.amazonaws.com/fargate-profile", "fp-", s.team)
		dst = appendMember(dst, "environment", "prod")
		dst = appendMember(dst, "pod-template-hash", s.hash)
	}
	dst = append(closeObject(dst), ',')
	if d == allDetails {
		dst = append(dst, `"annotations":{"CapacityProvisioned":"0.25vCPU 0.5GB","Logging":"LoggingEnabled"},`...)
	}
	dst = appendMember(dst, "host", s.host)
	if d == allDetails {
		dst = appendMember(dst, "pod_ip", s.podIP)
	}
	dst = appendMember(dst, "container_name", s.container)
	if d == allDetails {
		dst = appendMember(dst, "docker_id", s.dockerID)
		dst = appendMember(dst, "container_hash", s.image, "@sha256:", s.imageID)
		dst = appendMember(dst, "container_image", s.image, ":", s.version)
	}
	return closeObject(dst)
}

// appendMember appends `"key":"value",`, the value in parts.
func appendMember(dst []byte, key string, value ...string) []byte {
	dst = append(dst, '"')
	dst = append(dst, key...)
	dst = append(dst, `":"`...)
	for _, v := range value {
		dst = append(dst, v...)
	}
	return append(dst, `",`...)
}

// closeObject puts a brace in place of the comma after the last member.
func closeObject(dst []byte) []byte {
	dst[len(dst)-1] = '}'
	return dst
}
