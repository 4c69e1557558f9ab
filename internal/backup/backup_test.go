package backup

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/grafana/alloy/eks/internal/golden"
	"github.com/grafana/alloy/eks/internal/subscription"
)

// TestGolden reads testdata/objects.txtar: for each case a file name/form with an
// object, and a file name/want-form with its records.
func TestGolden(t *testing.T) {
	golden.Check(t, "testdata/objects.txtar", func(_ *testing.T, in txtar.File) []txtar.File {
		name, form, _ := strings.Cut(in.Name, "/")
		if form == "want" || strings.HasPrefix(form, "want-") {
			return nil
		}
		got := render(expand(strings.TrimSuffix(string(in.Data), "\n")), Form(form))
		return []txtar.File{{Name: name + "/want-" + form, Data: []byte(got)}}
	})
}

// expand puts what <gzip> and <base64> stand for in their place.
func expand(text string) string {
	for {
		// The innermost one is the last that begins before the first that ends.
		end := strings.Index(text, "</")
		if end < 0 {
			return text
		}
		name, _, _ := strings.Cut(text[end+2:], ">")
		begin := strings.LastIndex(text[:end], "<"+name+">")
		content := text[begin+len(name)+2 : end]
		if name == "gzip" {
			content = zip(content)
		} else {
			content = base64.StdEncoding.EncodeToString([]byte(content))
		}
		text = text[:begin] + content + text[end+len(name)+3:]
	}
}

func zip(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

// unzip returns what a record holds, with a word for each compression.
func unzip(data string) string {
	if !strings.HasPrefix(data, magic) {
		return fmt.Sprintf("%q", data)
	}
	r, err := gzip.NewReader(strings.NewReader(data))
	if err != nil {
		return err.Error()
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return err.Error()
	}
	return "gzip " + unzip(string(text))
}

func render(object string, form Form) string {
	var b strings.Builder
	r := NewReader(strings.NewReader(object), int64(len(object)), form)
	for r.Next() {
		rec := r.Record()
		fmt.Fprintf(&b, "%d", rec.Index)
		if !rec.Arrived.IsZero() {
			fmt.Fprintf(&b, " %s", rec.Arrived.Format("2006-01-02T15:04:05.000Z07:00"))
		}
		if a := rec.Attempt; a != (Attempt{}) {
			fmt.Fprintf(&b, " attempts=%d ended=%d code=%s message=%q", a.Made, a.Ended, a.Code, a.Message)
		}
		if rec.Err != nil {
			fmt.Fprintf(&b, " error: %v\n", rec.Err)
			continue
		}
		fmt.Fprintf(&b, " %s\n", unzip(string(rec.Data)))
	}
	if err := r.Err(); err != nil {
		fmt.Fprintf(&b, "error: %v\n", err)
	}
	return b.String()
}

// read returns the records of an object, and how many places cannot be read.
func read(t testing.TB, object string, form Form) (records []string, unreadable int, err error) {
	t.Helper()
	r := NewReader(strings.NewReader(object), int64(len(object)), form)
	for index := 0; r.Next(); index++ {
		rec := r.Record()
		require.Equal(t, index, rec.Index)
		if rec.Err != nil {
			require.Nil(t, rec.Data)
			unreadable++
			continue
		}
		require.LessOrEqual(t, len(rec.Data), MaxRecord)
		records = append(records, string(rec.Data))
	}
	require.False(t, r.Next(), "the end is the end")
	return records, unreadable, r.Err()
}

func TestReader_UnknownForm(t *testing.T) {
	_, _, err := read(t, "x", "other")
	require.ErrorContains(t, err, `"other"`)
}

// What CloudWatch Logs sends comes back byte for byte, however many messages there
// are and wherever their compressed bytes look like something else.
func TestReader_MembersAsTheyWere(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	encoder := subscription.NewEncoder(subscription.Gzip)
	var want []string
	for i := range 100 {
		noise := make([]byte, random.IntN(2000))
		for j := range noise {
			noise[j] = byte(random.Uint32())
		}
		rec, err := encoder.AppendRecord(nil, subscription.Message{
			LogGroup: "/aws/eks/prod/cluster", LogStream: fmt.Sprint(i), Events: []subscription.Event{{Time: 1, Text: string(noise) + magic}},
		})
		require.NoError(t, err)
		want = append(want, string(rec))
	}
	for _, between := range []string{"", "\n"} {
		got, unreadable, err := read(t, strings.Join(want, between)+between, AllData)
		require.NoError(t, err)
		require.Zero(t, unreadable)
		require.Equal(t, want, got)
		got, unreadable, err = read(t, zip(strings.Join(want, between)), AllData)
		require.NoError(t, err)
		require.Zero(t, unreadable)
		require.Equal(t, want, got)
	}
}

// A member that is damaged costs itself.
func TestReader_DamagedMembers(t *testing.T) {
	member := zip(`{"messageType":"DATA_MESSAGE","logEvents":"` + strings.Repeat("a line of a log, ", 200) + `"}`)
	f := func(object string, records, unreadable int) {
		t.Helper()
		got, bad, err := read(t, object, AllData)
		require.NoError(t, err)
		require.Equal(t, strings.Repeat(member, records), strings.Join(got, ""))
		require.Equal(t, unreadable, bad)
	}
	broken := member[:20] + "\xff\xff\xff\xff" + member[24:]
	badSum := member[:len(member)-8] + "\x00\x00\x00\x00" + member[len(member)-4:]
	f(member+member[:len(member)/2], 1, 1)
	f(member[:len(member)/2], 0, 1)
	f(magic, 0, 1)
	f(member[:12], 0, 1)
	f(member+broken+member, 2, 1)
	f(member+badSum+member+member, 3, 1)
	f(member+member[:30]+member, 2, 1)
	f(member+magic+magic+magic+member, 2, 1)
	f(broken+broken+member, 1, 1) // Nobody can tell how many these were.
	f(member+broken+member+broken, 2, 2)
}

// Damage in what is compressed as a whole ends where the next whole begins.
func TestReader_DamageInside(t *testing.T) {
	member := zip("line\n")
	got, unreadable, err := read(t, zip(member+member[:12]+member)+member, AllData)
	require.NoError(t, err)
	require.Equal(t, 1, unreadable)
	require.Equal(t, []string{member, member}, got)

	lines := zip(strings.Repeat("line\n", 100))
	got, unreadable, err = read(t, lines[:len(lines)-8]+"\x00\x00\x00\x00"+lines[len(lines)-4:]+member, AllData)
	require.NoError(t, err)
	require.Equal(t, 1, unreadable)
	require.Len(t, got, 101)
}

// What is longer than a record cannot have been one.
func TestReader_TooLong(t *testing.T) {
	f := func(form Form, object string, records, unreadable int) {
		t.Helper()
		got, bad, err := read(t, object, form)
		require.NoError(t, err)
		require.Len(t, got, records)
		require.Equal(t, unreadable, bad)
	}
	long := strings.Repeat("x", MaxRecord)
	f(AllData, long, 1, 0)
	f(AllData, long+"\n", 0, 1)
	f(AllData, "a\n"+long+"yz\nb\n", 2, 1)
	f(AllData, `{"a":"`+long+`"}{"b":1}`, 1, 1)
	f(AllData, zip("a\n"+long+"yz\nb\n"), 2, 1)
	f(AllData, zip(`{"a":"`+long+`"}`), 1, 0)
	noise := make([]byte, MaxRecord)
	random := rand.New(rand.NewPCG(3, 4))
	for i := range noise {
		noise[i] = '!' + byte(random.Uint32()%64)
	}
	f(AllData, zip(string(noise)), 1, 0)
	packed := zip(strings.Repeat(string(noise), 2)) // One line, and more than a record even so.
	require.Greater(t, len(packed), MaxRecord)
	f(AllData, packed, 0, 1)
	f(AllData, zip(zip("a")+packed+zip("b")), 2, 1)

	record := func(size int) string {
		return `{"attemptsMade":1,"errorCode":"e","rawData":"` + base64.StdEncoding.EncodeToString(make([]byte, size)) + `"}` + "\n"
	}
	f(FailedData, record(MaxRecord)+record(MaxRecord+1)+record(maxErrorRecord)+record(1), 2, 2)
}

// An object of one byte after the other costs no more than one of records.
func TestReader_HoldsOneRecord(t *testing.T) {
	f := func(form Form, object string) {
		t.Helper()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_ = drain(object, form)
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8*maxErrorRecord))
	}
	f(AllData, strings.Repeat("x", 4<<20))
	f(AllData, zip(strings.Repeat("\x00", 8<<20)))
	f(FailedData, `{"attemptsMade":1,"errorCode":"e","rawData":""}`+"\n"+strings.Repeat("{", 5<<20))
}

func drain(object string, form Form) error {
	r := NewReader(strings.NewReader(object), int64(len(object)), form)
	for r.Next() {
		_ = r.Record()
	}
	return r.Err()
}

// What the disk does is no fault of the object's.
func TestReader_SourceFails(t *testing.T) {
	broken := errors.New("disk on fire")
	f := func(form Form, object string) {
		t.Helper()
		r := NewReader(failing{strings.NewReader(object), int64(len(object) / 2), broken}, int64(len(object)), form)
		for r.Next() {
			require.NoError(t, r.Record().Err)
		}
		require.ErrorIs(t, r.Err(), broken)
	}
	f(AllData, strings.Repeat("a line\n", 100_000))
	f(AllData, strings.Repeat(zip("a line\n"), 10_000))
	f(AllData, zip(strings.Repeat("a line\n", 100)+strings.Repeat("x", 100)))
	f(FailedData, strings.Repeat(`{"attemptsMade":1,"errorCode":"e","rawData":""}`+"\n", 10_000))
	f(FailedData, zip(strings.Repeat(`{"attemptsMade":1,"errorCode":"e","rawData":""}`+"\n", 10_000)))
}

// failing is an object of which only the beginning can be read.
type failing struct {
	io.ReaderAt
	good int64
	err  error
}

// ReadAt implements io.ReaderAt.
func (f failing) ReadAt(b []byte, off int64) (int, error) {
	if off+int64(len(b)) <= f.good {
		return f.ReaderAt.ReadAt(b, off)
	}
	n, _ := f.ReaderAt.ReadAt(b[:max(0, f.good-off)], off)
	return n, f.err
}

func TestSplitter_ReadsInPieces(t *testing.T) {
	const text = "one\n{\"a\":\"}\"}{\"b\":[1,{}]}\n\n two"
	for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text)), iotest.DataErrReader(strings.NewReader(text))} {
		s := newSplitter(r, 100)
		var got []string
		for {
			doc, err := s.next()
			if err != nil {
				require.ErrorIs(t, err, io.EOF)
				break
			}
			got = append(got, string(doc))
		}
		require.Equal(t, []string{"one\n", `{"a":"}"}`, "{\"b\":[1,{}]}\n", " two"}, got)
	}
}

// FuzzReader reads anything as either form: no record is too long, and what is no
// gzip is neither lost nor doubled.
func FuzzReader(f *testing.F) {
	archive, err := txtar.ParseFile("testdata/objects.txtar")
	require.NoError(f, err)
	for _, file := range archive.Files {
		if !strings.Contains(file.Name, "/want") {
			f.Add([]byte(expand(string(file.Data))))
		}
	}
	f.Fuzz(func(t *testing.T, object []byte) {
		if len(object) > 1<<20 {
			return
		}
		_, _, _ = read(t, string(object), FailedData)
		records, unreadable, err := read(t, string(object), AllData)
		if err != nil {
			require.ErrorIs(t, err, ErrForm)
			return
		}
		if bytes.Contains(object, []byte(magic)) {
			return
		}
		require.Zero(t, unreadable)
		require.Equal(t, strings.ReplaceAll(string(object), "\n", ""), strings.ReplaceAll(strings.Join(records, ""), "\n", ""))
		for i := range records {
			records[i] = strings.TrimSuffix(records[i], "\n")
		}
		again, _, err := read(t, strings.Join(records, "\n"), AllData)
		require.NoError(t, err)
		for i := range again {
			again[i] = strings.TrimSuffix(again[i], "\n")
		}
		require.Equal(t, records, again)
	})
}
