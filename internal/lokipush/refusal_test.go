package lokipush

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestReadRefusals(t *testing.T) {
	f := func(text string, want ...refusal) {
		t.Helper()
		require.Equal(t, want, readRefusals(&answer{result: EntriesRefused, status: 400, text: text}))
	}
	at := func(text string) int64 {
		v, err := time.Parse(time.RFC3339, text)
		require.NoError(t, err)
		return v.UnixNano()
	}
	f("")
	f("no org id")
	f(`max entry size '1000' bytes exceeded for stream '{a="2"}' while adding an entry with length '2000' bytes`,
		refusal{reason: LineTooLong, limit: 1000})
	f(`entry for stream '{a="1"}' has timestamp too old: 2026-10-18T22:40:49Z, oldest acceptable timestamp is: 2026-11-14T06:40:49Z`,
		refusal{reason: TooOld, limit: at("2026-11-14T06:40:49Z")})
	f(`3 errors like: entry for stream '{a="1"}' has timestamp too new: 2026-11-21T07:40:49Z; 1 errors like: entry for stream '{b="'x'"}' has timestamp too new: 2026-11-21T07:40:50+01:00`,
		refusal{reason: TooNew, seconds: map[int64]int{at("2026-11-21T07:40:49Z") / 1e9: 3, at("2026-11-21T07:40:50+01:00") / 1e9: 1}})
	f(`entry for stream '{a="1"}' has 17 label names; limit 15`, refusal{reason: TooManyLabels, limit: 15})
	f(`stream '{c="x"}' has structured metadata too large: '70001' bytes, limit: '65536' bytes. Please see`, refusal{reason: MetadataTooLarge, limit: 65536})
	f(`stream '{c="x"}' has too many structured metadata labels: '130', limit: '128'. Please see`, refusal{reason: MetadataTooMany, limit: 128})
	f("stream '{c=\"x\"}' includes structured metadata, but this feature is disallowed. Please see `x`", refusal{reason: MetadataDisallowed})
	f(`couldn't parse labels: 1:3: parse error: unexpected character inside braces: '.'`, refusal{reason: LabelsInvalid})
	f(`missing required labels 'a,b' for user 't' for stream '{c="x"}' (policy: '')`, refusal{reason: LabelsMissing, names: []string{"a", "b"}})
	f(`error at least one label pair is required per stream`, refusal{reason: LabelsMissing})
	behind := "entry with timestamp 2026-11-21 04:40:49.1 +0000 UTC ignored, reason: 'entry too far behind, entry timestamp is: 2026-11-21T04:40:49Z, oldest acceptable timestamp is: 2026-11-21T05:40:49Z',\n"
	f(behind+`user 't', total ignored: 2 out of 7 for stream: {a="1"}`,
		refusal{reason: TooFarBehind, limit: at("2026-11-21T05:40:49Z"), ignored: 2, all: 7})
	// The number counts lines that came too fast, too.
	f(behind+"entry with timestamp x ignored, reason: 'Per stream rate limit exceeded (limit',\nuser 't', total ignored: 2 out of 7 for stream: {a=\"1\"}",
		refusal{reason: TooFarBehind, limit: at("2026-11-21T05:40:49Z")})
	f(`1 errors like: max entry size '9' bytes exceeded for stream '{}' while; 2 errors like: entry for stream '{a="1"}' has 3 label names; limit 2`,
		refusal{reason: LineTooLong, limit: 9}, refusal{reason: TooManyLabels, limit: 2})

	// What a sender has put into the value of a label is not what Loki says.
	f(`max entry size '1000' bytes exceeded for stream '{a="max entry size '1' bytes exceeded \" has label value too long: '"}' while adding`,
		refusal{reason: LineTooLong, limit: 1000})
	// These show it as it is, and so nothing else in the answer is trusted.
	f(`stream '{a="x"}' has label value too long: 'max entry size '1' bytes exceeded; has 17 label names; limit 1'`, refusal{reason: LabelValueTooLong})
	f(`stream '{a="x"}' has label name too long: 'x'; max entry size '1' bytes exceeded`, refusal{reason: LabelNameTooLong})

	// Numbers that are none help no one.
	f(`max entry size '99999999999999999999' bytes exceeded`, refusal{reason: LineTooLong, limit: 1<<63 - 1})
	f(`has timestamp too old: x, oldest acceptable timestamp is: 2026-99-99T`, refusal{reason: TooOld})

	require.Equal(t, []refusal{{reason: EntryTooLarge}}, readRefusals(&answer{result: TooLarge, text: "max entry size '1' bytes exceeded"}))
}

// An answer may say anything.
func FuzzReadRefusals(f *testing.F) {
	f.Add(`max entry size '1000' bytes exceeded for stream '{a="2"}'`)
	f.Add(`3 errors like: entry for stream '{a="1"}' has timestamp too new: 2026-11-21T07:40:49Z`)
	f.Add(`missing required labels 'a,,b' for user`)
	f.Add("entry too far behind, entry timestamp is: x, oldest acceptable timestamp is: 2026-11-21T05:40:49Z total ignored: 99 out of 3 for stream")
	b := NewBatch(delivery(20, 3), nil, noon)
	f.Fuzz(func(t *testing.T, text string) {
		refusals := readRefusals(&answer{result: EntriesRefused, text: text})
		hits, rest := b.split(b.all(), refusals)
		require.Equal(t, b.Len(), len(hits)+count(rest))
		for _, h := range hits {
			require.NotEmpty(t, b.mend(h, how{now: noon}, []Reason{h.reason}))
		}
	})
}
