// Package hostile does to a component that takes deliveries what somebody does who
// means it harm, with the access key or without: bodies that are bombs, senders
// that trickle, requests that are two, names that are commands. Each component that
// listens is put through it, and adds what is particular to its records.
//
// What must hold is always the same: an answer of Firehose's form or none, memory
// within bounds, no entry in another tenant, and the deliveries beside come through.
// What was tried and what came of it makes the tables of docs/bad-input.md.
package hostile

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/component/common/loki"

	"github.com/grafana/alloy/eks/internal/lokientry"
	"github.com/grafana/alloy/eks/internal/rig"
)

// Suite is one component's part in it. A is the type of its arguments.
type Suite[A any] struct {
	// Start returns a rig of the component with the arguments; the change may be
	// nil.
	Start func(t testing.TB, arguments string, change func(*rig.Rig[A], *component.Options)) *rig.Rig[A]
	// Record is a good one, of which comes one entry with the text Line.
	Record func(t testing.TB) string
	Line   string
	// Page is the file with the tables, and Update says to write them.
	Page   string
	Update *bool
}

// Limits are small ones, so that what is over them is made quickly, with the
// arguments that go beside them in the block.
func Limits(more string) string {
	return rig.AnyAge + `
	access_key = "key"
	limits {
		body_size              = "8MiB"
		decompressed_body_size = "8MiB"
		record_size            = "2MiB"
		delivery_size          = "8MiB"
		concurrent_size        = "64MiB"
		` + more + `
	}
`
}

// mayAllocate is what one delivery may allocate under Limits, the sender's part in
// it included: some times the largest body and delivery.
const mayAllocate = 160 << 20

// listen is a server with those arguments, beside which there are others.
func listen(server, others string) string { return "http {\n" + server + "\n}\n" + others }

// Zip returns the text in a gzip member.
func Zip(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

// Bomb returns gzip of a thousandth of the size of what it decompresses to, in
// bytes.
func Bomb(t testing.TB, size int) string {
	t.Helper()
	const member = 1 << 20
	return strings.Repeat(Zip(t, strings.Repeat("\x00", member)), size/member)
}

// goodDeliveries are made beside each hostile one.
const goodDeliveries = 3

// beside delivers good records while f goes on, and demands that they come
// through.
func (s Suite[A]) beside(r *rig.Rig[A], f func()) {
	r.T.Helper()
	record := s.Record(r.T)
	var good sync.WaitGroup
	for range goodDeliveries {
		good.Go(func() {
			a, err := r.TryPost(rig.Body(record), "X-Amz-Firehose-Access-Key", "key",
				"X-Amz-Firehose-Source-Arn", "arn:aws:firehose:eu-west-1:111122223333:deliverystream/good", "X-Scope-OrgID", "good")
			if err != nil || a.Status != 200 {
				r.T.Errorf("a good delivery is answered %+v, %v", a, err)
			}
		})
	}
	f()
	good.Wait()
	r.Eventually(func() bool {
		n := 0
		for _, e := range r.Sink.Received() {
			if e.Line == s.Line {
				n++
			}
		}
		return n >= goodDeliveries
	}, "the good entries")
}

// RequireSane checks what holds for every entry, whoever sent it: Loki takes its
// labels, and none of them is one that components use among themselves.
func RequireSane(t testing.TB, e loki.Entry, name string) {
	t.Helper()
	require.NoError(t, e.Labels.Validate(), name)
	for label, value := range e.Labels {
		require.True(t, model.LegacyValidation.IsValidLabelName(string(label)), "%s: %q", name, label)
		require.True(t, value.IsValid(), "%s: %q", name, label)
		require.False(t, strings.HasPrefix(string(label), "__") && label != lokientry.LabelTenant, "%s: %q", name, label)
	}
	for _, md := range e.StructuredMetadata {
		require.True(t, model.LegacyValidation.IsValidLabelName(md.Name), "%s: %q", name, md.Name)
	}
}
