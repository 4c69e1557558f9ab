// Package helm holds the tests of operations/helm: that its values make of Grafana's chart, in the version that belongs to the Alloy in go.mod, what they say.
//
// The chart is rendered by Helm's own library. What it gives is decoded strictly into the types of Kubernetes and of the Prometheus Operator, and put through the
// steps that an API server takes when an object is created. The configuration within is checked and run by build/alloy.
//
// It is a module of its own because Helm needs a later Kubernetes than Alloy does.
package helm
