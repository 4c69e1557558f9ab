package lokipush

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/grafana/alloy/internal/component/common/loki"
)

// Refused is an entry that an endpoint takes in no form.
type Refused struct {
	// Entry is as it was given to NewBatch.
	Entry loki.Entry
	// Reason is why its last form was refused.
	Reason Reason
}

// maxForms is in how many forms an entry is pushed: its own, three that answer to
// what was said of the one before, and the plain one.
const maxForms = 5

// maxSearches is how many requests a call of Push may make to find out which
// entries are refused. Answers that can be read take one for each kind of refusal.
const maxSearches = 256

// Push pushes the entries of a batch. When it returns no error, the endpoint has
// all of them but those that it returns, which it takes in no form. When it
// returns an error, an *Error, the endpoint may have any of them; pushing them
// again does no harm, because Loki drops exact repetitions.
//
// Entries that Loki refuses are pushed in another form; see mend. Push ends when
// ctx does, and before that when the time left does not allow another attempt.
func (e *Endpoint) Push(ctx context.Context, b *Batch) ([]Refused, error) {
	if b.Len() == 0 {
		return nil, nil
	}
	r := run{e: e, origin: b.entries, proved: map[string]bool{}}
	r.left.Store(maxSearches)
	if err := r.push(ctx, b, 1); err != nil {
		return nil, err
	}
	e.state.accepted()
	return r.finish(), nil
}

// run is one call of Push.
type run struct {
	e      *Endpoint
	origin []loki.Entry
	left   atomic.Int32 // Of maxSearches.

	mut    sync.Mutex
	proved map[string]bool // Tenants of which something was accepted.
	hits   []hit           // Of the form at hand.
	bare   bool            // No structured metadata is allowed.

	// By the place in origin; nil while nothing is refused.
	mended, refused map[int32]Reason
}

// push pushes the batch, and what is refused of it in one form after the other.
func (r *run) push(ctx context.Context, b *Batch, round int) error {
	r.hits = nil
	if err := r.pushAll(ctx, b); err != nil || len(r.hits) == 0 {
		return err
	}
	if round == maxForms {
		r.refuse(b)
		return nil
	}
	now := time.Now()
	entries, forms := r.mend(b, round == maxForms-1, now)
	next := NewBatch(entries, nil, now)
	defer next.Release()
	next.forms = forms
	return r.push(ctx, next, round+1)
}

// refuse notes the entries whose last form was refused.
func (r *run) refuse(b *Batch) {
	r.refused = map[int32]Reason{}
	for _, h := range r.hits {
		r.refused[b.originOf(h.entry)] = h.reason
	}
}

// finish counts what has become of the entries, and returns the refused ones.
func (r *run) finish() []Refused {
	m := r.e.metrics
	m.accepted.Add(float64(len(r.origin) - len(r.refused)))
	m.refused.Add(float64(len(r.refused)))
	for i, reason := range r.mended {
		if _, ok := r.refused[i]; !ok {
			m.mendedBy[reason].Inc()
		}
	}
	var out []Refused
	for i, e := range r.origin {
		if reason, ok := r.refused[int32(i)]; ok {
			m.refusedBy[reason].Inc()
			out = append(out, Refused{Entry: e, Reason: reason})
		}
		if len(out) == len(r.refused) {
			break
		}
	}
	return out
}

// pushAll pushes a batch and collects what is refused of it.
func (r *run) pushAll(ctx context.Context, b *Batch) error {
	plans := r.e.plan(b, time.Now())
	if len(plans) == 1 {
		return r.pushEach(ctx, b, plans[0])
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(len(r.e.lanes))
	for _, plan := range plans {
		group.Go(func() error { return r.pushEach(ctx, b, plan) })
	}
	return group.Wait()
}

func (r *run) pushEach(ctx context.Context, b *Batch, requests []request) error {
	for i := range requests {
		p := &requests[i]
		if err := r.pushOne(ctx, b, p.tenant, p.segs); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) pushOne(ctx context.Context, b *Batch, tenant string, segs []segment) error {
	a, err := r.e.send(ctx, b, tenant, segs)
	if err != nil {
		return err
	}
	if a.result != Accepted {
		return r.sift(ctx, b, tenant, segs, &a)
	}
	r.mut.Lock()
	defer r.mut.Unlock()
	r.proved[tenant] = true
	return nil
}

// sift finds the entries of a push that were refused. What the answer says of them
// is a help. Where it is none, both halves are pushed again: what Loki has stored
// of them already it drops.
func (r *run) sift(ctx context.Context, b *Batch, tenant string, segs []segment, a *answer) error {
	refusals := readRefusals(a)
	if count(segs) == 1 {
		return r.siftOne(ctx, b, tenant, segs[0], a, refusals)
	}
	hits, rest := b.split(segs, refusals)
	r.hit(hits...)
	parts := [][]segment{rest}
	if len(hits) == 0 {
		head, tail := halve(segs)
		parts = [][]segment{head, tail}
	}
	for _, part := range parts {
		if len(part) == 0 {
			continue
		}
		if r.left.Add(-1) < 0 {
			return r.e.fail(a)
		}
		if err := r.pushOne(ctx, b, tenant, part); err != nil {
			return err
		}
	}
	return nil
}

// siftOne takes the entry of a push that was refused and has no other one.
func (r *run) siftOne(ctx context.Context, b *Batch, tenant string, s segment, a *answer, refusals []refusal) error {
	h := hit{entry: b.order[s.from], stream: s.stream, refusal: refusal{reason: Unknown}}
	if len(refusals) > 0 {
		h.refusal = refusals[0]
	}
	if h.reason == Unknown {
		if err := r.prove(ctx, b, tenant, h, a); err != nil {
			return err
		}
	}
	r.hit(h)
	return nil
}

// prove makes sure that a refusal which cannot be read is about the entry, and not
// about everything that is pushed, as it would be when the URL is that of another
// server. Otherwise every line would be taken for one that Loki does not want. What
// it pushes is the form that the entry gets next, so that Loki has it once.
func (r *run) prove(ctx context.Context, b *Batch, tenant string, h hit, a *answer) error {
	r.mut.Lock()
	proved := r.proved[tenant]
	r.mut.Unlock()
	if proved {
		return nil
	}
	now := time.Now()
	entries := b.mend(h, how{plain: true, bare: r.bare, now: now}, b.next(h).reasons)
	plain := NewBatch(entries, nil, now)
	defer plain.Release()
	for _, requests := range r.e.plan(plain, now) {
		for _, p := range requests {
			answered, err := r.e.send(ctx, plain, tenant, p.segs)
			if err != nil {
				return err
			}
			if answered.result != Accepted {
				return r.e.fail(a)
			}
		}
	}
	r.mut.Lock()
	defer r.mut.Unlock()
	r.proved[tenant] = true
	return nil
}

func (r *run) hit(hits ...hit) {
	r.mut.Lock()
	defer r.mut.Unlock()
	r.hits = append(r.hits, hits...)
}
