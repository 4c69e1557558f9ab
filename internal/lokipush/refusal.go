package lokipush

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Reason is why Loki refuses an entry.
type Reason string

// All reasons.
const (
	// TooFarBehind: the line is older than the newest one of its stream by more
	// than half of max_chunk_age.
	TooFarBehind Reason = "too_far_behind"
	// TooOld: reject_old_samples_max_age.
	TooOld Reason = "too_old"
	// TooNew: creation_grace_period.
	TooNew Reason = "too_new"
	// LineTooLong: max_line_size.
	LineTooLong Reason = "line_too_long"
	// TooManyLabels: max_label_names_per_series.
	TooManyLabels Reason = "too_many_labels"
	// LabelNameTooLong: max_label_name_length.
	LabelNameTooLong Reason = "label_name_too_long"
	// LabelValueTooLong: max_label_value_length.
	LabelValueTooLong Reason = "label_value_too_long"
	// LabelsInvalid: labels that Loki cannot read.
	LabelsInvalid Reason = "labels_invalid"
	// LabelsMissing: no labels, or not those of enforced_labels.
	LabelsMissing Reason = "labels_missing"
	// MetadataDisallowed: allow_structured_metadata.
	MetadataDisallowed Reason = "metadata_disallowed"
	// MetadataTooLarge: max_structured_metadata_size.
	MetadataTooLarge Reason = "metadata_too_large"
	// MetadataTooMany: max_structured_metadata_entries_count.
	MetadataTooMany Reason = "metadata_too_many"
	// EntryTooLarge: alone, the entry is more than a request may have.
	EntryTooLarge Reason = "entry_too_large"
	// Unknown: the answer says nothing that is known.
	Unknown Reason = "unknown"
)

// Reasons returns all of them.
func Reasons() []Reason {
	return []Reason{
		TooFarBehind, TooOld, TooNew, LineTooLong, TooManyLabels, LabelNameTooLong, LabelValueTooLong, LabelsInvalid,
		LabelsMissing, MetadataDisallowed, MetadataTooLarge, MetadataTooMany, EntryTooLarge, Unknown,
	}
}

// refusal is what an answer says of some entries.
type refusal struct {
	reason Reason
	// limit is what Loki allows: bytes, a number, or the oldest time, cut to
	// seconds. 0 when the answer does not tell.
	limit int64
	// names are the labels that are missing.
	names []string
	// seconds counts, for TooNew, the refused entries by the second of their time.
	seconds map[int64]int
	// ignored of all entries of the last stream are TooFarBehind, when it tells.
	ignored, all int
}

// The messages of Loki without what stands between quotation marks, which are the
// values of labels. They are in pkg/validation/validate.go, pkg/chunkenc/interface.go
// and pkg/ingester/stream.go of Loki.
var (
	quoted       = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	lineLimit    = regexp.MustCompile(`max entry size '(\d+)' bytes exceeded`)
	oldLimit     = regexp.MustCompile(`has timestamp too old: [^,]*, oldest acceptable timestamp is: ([0-9TZ:+-]+)`)
	newTime      = regexp.MustCompile(`(?:(\d+) errors like: )?entry for stream '[^']*' has timestamp too new: ([0-9TZ:+-]+)`)
	labelLimit   = regexp.MustCompile(`has \d+ label names; limit (\d+)`)
	sizeLimit    = regexp.MustCompile(`has structured metadata too large: '\d+' bytes, limit: '(\d+)' bytes`)
	countLimit   = regexp.MustCompile(`has too many structured metadata labels: '\d+', limit: '(\d+)'`)
	missing      = regexp.MustCompile(`missing required labels '([^']*)' for user`)
	behindLimit  = regexp.MustCompile(`entry too far behind, entry timestamp is: [^,]*, oldest acceptable timestamp is: ([0-9TZ:+-]+)`)
	totalIgnored = regexp.MustCompile(`total ignored: (\d+) out of (\d+) for stream`)
)

const (
	nameTooLong  = "has label name too long: '"
	valueTooLong = "has label value too long: '"
	disallowed   = "includes structured metadata, but this feature is disallowed"
	noLabels     = "at least one label pair is required per stream"
	rateLimit    = "Per stream rate limit exceeded"
)

// readRefusals returns what an answer says about entries, nothing when it says
// nothing that is known. It only helps to find the refused entries fast and to
// mend them well: which ones they are is found out by pushing.
func readRefusals(a *answer) []refusal {
	if a.result == TooLarge {
		return []refusal{{reason: EntryTooLarge}}
	}
	text := quoted.ReplaceAllLiteralString(a.text, `""`)
	switch {
	// These show the name or the value as it is, and so anything may follow.
	case strings.Contains(text, nameTooLong):
		return []refusal{{reason: LabelNameTooLong}}
	case strings.Contains(text, valueTooLong):
		return []refusal{{reason: LabelValueTooLong}}
	case strings.HasPrefix(text, "couldn't parse labels"), strings.Contains(text, "error parsing labels"):
		return []refusal{{reason: LabelsInvalid}}
	}
	var all []refusal
	number := func(reason Reason, re *regexp.Regexp) {
		if m := re.FindStringSubmatch(text); m != nil {
			limit, _ := strconv.ParseInt(m[1], 10, 64)
			all = append(all, refusal{reason: reason, limit: limit})
		}
	}
	number(LineTooLong, lineLimit)
	number(TooManyLabels, labelLimit)
	number(MetadataTooLarge, sizeLimit)
	number(MetadataTooMany, countLimit)
	if strings.Contains(text, disallowed) {
		all = append(all, refusal{reason: MetadataDisallowed})
	}
	all = append(all, readTimes(text)...)
	return append(all, readMissing(text)...)
}

func readTimes(text string) []refusal {
	var all []refusal
	if m := oldLimit.FindStringSubmatch(text); m != nil {
		all = append(all, refusal{reason: TooOld, limit: nanosIn(m[1])})
	}
	if found := newTime.FindAllStringSubmatch(text, -1); found != nil {
		r := refusal{reason: TooNew, seconds: map[int64]int{}}
		for _, m := range found {
			n, _ := strconv.Atoi(m[1])
			r.seconds[nanosIn(m[2])/int64(time.Second)] += max(n, 1)
		}
		all = append(all, r)
	}
	if m := behindLimit.FindStringSubmatch(text); m != nil {
		r := refusal{reason: TooFarBehind, limit: nanosIn(m[1])}
		if total := totalIgnored.FindStringSubmatch(text); total != nil && !strings.Contains(text, rateLimit) {
			r.ignored, _ = strconv.Atoi(total[1])
			r.all, _ = strconv.Atoi(total[2])
		}
		all = append(all, r)
	}
	return all
}

func readMissing(text string) []refusal {
	r := refusal{reason: LabelsMissing}
	found := missing.FindAllStringSubmatch(text, -1)
	for _, m := range found {
		for name := range strings.SplitSeq(m[1], ",") {
			if name != "" && !slices.Contains(r.names, name) {
				r.names = append(r.names, name)
			}
		}
	}
	if found == nil && !strings.Contains(text, noLabels) {
		return nil
	}
	return []refusal{r}
}

// nanosIn returns a time of Loki's messages, 0 for what is none.
func nanosIn(text string) int64 {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return 0
	}
	return nanosOf(at)
}
