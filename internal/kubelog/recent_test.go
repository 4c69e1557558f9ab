package kubelog

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/jsonscan"
)

// podObject is a kubernetes object in which containers of a pod differ late, as
// in Fluent Bit's.
func podObject(pod, container string) string {
	return fmt.Sprintf(`{"pod_name":"%s","namespace_name":"shop","pod_id":"%s","labels":{"app":"web"},"container_name":"%s"}`,
		pod, strings.Repeat("5", 80), container)
}

func TestRecent(t *testing.T) {
	r := newRecent()
	one, two := podObject("web-1", "app"), podObject("web-1", "proxy")
	src := &event.Source{}

	require.Nil(t, r.find([]byte(one)))
	slot := r.keep(jsonscan.Value(one))
	slot.source = src
	require.Same(t, src, r.find([]byte(one+`}`)).source)
	require.Same(t, src, r.find([]byte(one+`,"log":"x"}`)).source, "whatever follows")
	require.Nil(t, r.find([]byte(one[:len(one)-1])), "a part of it")
	require.Nil(t, r.find([]byte(two)), "another container of the pod")

	require.Same(t, slot, r.keep(jsonscan.Value(two)), "which takes the same place")
	require.Nil(t, slot.source)
	require.Nil(t, r.find([]byte(one)))
	require.NotNil(t, r.find([]byte(two)))

	require.Nil(t, r.keep(jsonscan.Value(`{"pod_name":"web-1"}`)), "too short")
	require.Nil(t, r.keep(jsonscan.Value(podObject(strings.Repeat("w", maxRecent), "app"))), "too long")
	require.Nil(t, r.find(nil))
}

// Whatever is remembered, events have the sources of their own records.
func TestParser_RecentObjects(t *testing.T) {
	known, err := event.NewSources(10)
	require.NoError(t, err)
	p := NewParser(Options{Sources: known})
	p.Reset(firehoseTime, nil)
	f := func(rec string, want ...string) {
		t.Helper()
		events := p.Parse(nil, []byte(rec))
		var got []string
		for i := range events {
			src := events[i].Source
			got = append(got, strings.Trim(src.Get(LabelPodName)+" "+src.Get(LabelContainerName)+" "+src.Get(PrefixPodLabel+"tier")+src.Get(PrefixNamespaceLabel+"tier"), " "))
		}
		require.Equal(t, want, got)
	}
	record := func(object string) string { return `{"log":"x","kubernetes":` + object + `}` }
	one, two := podObject("web-1", "app"), podObject("web-1", "proxy")
	for range 2 {
		f(record(one), "web-1 app")
		f(record(one)+"\n"+record(two)+record(one), "web-1 app", "web-1 proxy", "web-1 app")
		// The same object with other metadata beside it is another source.
		f(`{"log":"x","kubernetes":`+one+`,"kubernetes_namespace":{"labels":{"tier":"front"}}}`, "web-1 app front")
		f(record(one), "web-1 app")
		// The last of several counts.
		f(`{"log":"x","kubernetes":`+one+`,"kubernetes":`+two+`}`, "web-1 proxy")
		f(`{"log":"x","kubernetes":`+two+`,"kubernetes":{"pod_name":"web-2"}}`, "web-2")
		// A record that is cut after the object is no record.
		f(`{"log":"x","kubernetes":`+one, "")
		// The object is no value where none may stand.
		f(`{"log":"x","kubernetes":`+one+`"}`, "")
		// An application that logs the object as its own does not become the pod.
		f(`{"log":"{\"kubernetes\":`+strings.ReplaceAll(one, `"`, `\"`)+`}","kubernetes":`+one+`,"a":1}`, "")
		f(`{"log":"{\"kubernetes\":`+strings.ReplaceAll(one, `"`, `\"`)+`}","kubernetes":`+one+`}`, "")
		// Nor does it add to what the pod is.
		f(`{"log":"x","kubernetes":`+one+`,"kubernetes_labels":{"tier":"front"}}`, "web-1 app")
		f(`{"log":"x","kubernetes_labels":{"tier":"front"},"kubernetes":`+one+`}`, "web-1 app")
		f(`{"log":"x","kubernetes_namespace":{"labels":{"tier":"front"}},"kubernetes":`+one+`}`, "web-1 app")
	}
	f(record(one), "web-1 app")
}
