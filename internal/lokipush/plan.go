package lokipush

import (
	"cmp"
	"slices"
	"time"
)

// request is what one request carries: entries of one tenant. Only the last of its
// streams may be one that Loki has to answer for; see book.
type request struct {
	tenant string
	segs   []segment
	size   int
	last   bool // No other stream may follow the last one.
}

func (r *request) add(s segment, size int) {
	r.segs = append(r.segs, s)
	r.size += size
}

// planner cuts a batch into pushes for one endpoint.
type planner struct {
	b          *Batch
	standings  []standing // Of the streams.
	tenant     string     // Of entries that name none.
	batchSize  int
	maxStreams int // 0 for any number.
	lanes      lanes

	full  []request // Those of the tenant at hand that are made of trusted streams.
	plans [][]request
}

// plan returns what is to be pushed. The pushes of one element follow each other,
// because their entries do; elements do not depend on each other.
func (p *planner) plan() [][]request {
	order := make([]int32, len(p.b.streams))
	several := false
	for i := range order {
		order[i] = int32(i)
		several = several || p.tenantOf(int32(i)) != p.tenantOf(0)
	}
	if several {
		slices.SortStableFunc(order, func(x, y int32) int { return cmp.Compare(p.tenantOf(x), p.tenantOf(y)) })
	}
	for len(order) > 0 {
		tenant := p.tenantOf(order[0])
		n := 1
		for n < len(order) && p.tenantOf(order[n]) == tenant {
			n++
		}
		p.planTenant(tenant, order[:n])
		order = order[n:]
	}
	return p.plans
}

func (p *planner) tenantOf(stream int32) string {
	if st := &p.b.streams[stream]; st.hasTenant {
		return st.tenant
	}
	return p.tenant
}

func (p *planner) planTenant(tenant string, streams []int32) {
	p.full = p.full[:0]
	p.packTrusted(tenant, streams)
	for i := range p.full {
		p.putFastestLast(&p.full[i])
	}
	for _, i := range streams {
		if p.standings[i].doubtful {
			p.packLast(tenant, i)
		}
	}
	for _, full := range p.full {
		p.plans = append(p.plans, []request{full})
	}
}

// packTrusted packs the streams that are not doubtful. When they need more than
// one request, each lane is in one of them, if it can be, so that they do not wait
// for each other.
func (p *planner) packTrusted(tenant string, streams []int32) {
	var trusted []int32
	total := 0
	sizes := make([]int, len(p.lanes))
	for _, i := range streams {
		if st := &p.b.streams[i]; !p.standings[i].doubtful {
			trusted = append(trusted, i)
			total += st.size
			sizes[p.lane(i)] += st.size
		}
	}
	if total > p.batchSize {
		slices.SortStableFunc(trusted, func(x, y int32) int { return cmp.Compare(p.lane(x), p.lane(y)) })
	}
	open := request{tenant: tenant}
	for k, i := range trusted {
		begins := k > 0 && p.lane(i) != p.lane(trusted[k-1])
		if begins && total > p.batchSize && open.size+sizes[p.lane(i)] > p.batchSize {
			p.close(&open)
		}
		p.pack(&open, i)
	}
	if len(open.segs) > 0 {
		p.full = append(p.full, open)
	}
}

func (p *planner) lane(stream int32) int { return p.lanes.of(p.b.streams[stream].hash) }

// pack adds a trusted stream to the open push, and to the next ones what does not
// fit.
func (p *planner) pack(open *request, stream int32) {
	for rest := p.whole(stream); rest.len() > 0; {
		if p.maxStreams > 0 && len(open.segs) >= p.maxStreams {
			p.close(open)
		}
		head, size := p.cut(rest, p.batchSize-open.size, len(open.segs) == 0)
		if head.len() > 0 {
			open.add(head, size)
		}
		rest.from = head.to
		if rest.len() > 0 {
			p.close(open)
		}
	}
}

func (p *planner) close(open *request) {
	if len(open.segs) == 0 {
		return
	}
	p.full = append(p.full, *open)
	*open = request{tenant: open.tenant}
}

// putFastestLast puts the stream at the end of a push that is most likely refused
// for its rate.
func (p *planner) putFastestLast(r *request) {
	last := len(r.segs) - 1
	fastest := last
	for i, s := range r.segs {
		if p.bytes(s) > p.bytes(r.segs[fastest]) {
			fastest = i
		}
	}
	r.segs[fastest], r.segs[last] = r.segs[last], r.segs[fastest]
	r.last = p.bytes(r.segs[last]) > fast // Nothing may follow it then.
}

func (p *planner) bytes(s segment) int { return p.standings[s.stream].bytes }

// packLast puts a stream that Loki has to answer for at the end of pushes: of one
// that has room, or of ones of its own, one after the other.
func (p *planner) packLast(tenant string, stream int32) {
	rest := p.whole(stream)
	size := p.b.streams[stream].size
	for i := range p.full {
		at := &p.full[i]
		if !at.last && at.size+size <= p.batchSize && (p.maxStreams <= 0 || len(at.segs) < p.maxStreams) {
			at.add(rest, size)
			at.last = true
			return
		}
	}
	var own []request
	for rest.len() > 0 {
		head, size := p.cut(rest, p.batchSize, true)
		own = append(own, request{tenant: tenant, segs: []segment{head}, size: size, last: true})
		rest.from = head.to
	}
	p.plans = append(p.plans, own)
}

func (p *planner) whole(stream int32) segment {
	st := &p.b.streams[stream]
	return segment{stream: stream, from: st.from, to: st.to}
}

// cut returns the beginning of a segment that fits into room, and its size. It has
// at least one entry if some is asked for, however large that is.
func (p *planner) cut(s segment, room int, some bool) (head segment, size int) {
	if st := &p.b.streams[s.stream]; s.len() == int(st.to-st.from) && st.size <= room {
		return s, st.size
	}
	head = segment{stream: s.stream, from: s.from, to: s.from}
	for head.to < s.to {
		next := int(p.b.sizes[p.b.order[head.to]])
		if size+next > room && (!some || head.len() > 0) {
			break
		}
		size += next
		head.to++
	}
	return head, size
}

// plan cuts a batch into pushes for the endpoint.
func (e *Endpoint) plan(b *Batch, now time.Time) [][]request {
	p := planner{
		b: b, standings: e.book.standings(make([]standing, 0, len(b.streams)), b, now),
		lanes: e.lanes, tenant: e.cfg.TenantID, batchSize: e.cfg.BatchSize, maxStreams: e.cfg.MaxStreams,
	}
	return p.plan()
}
