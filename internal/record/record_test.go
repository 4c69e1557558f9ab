package record

import (
	"bufio"
	"bytes"
	stdgzip "compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
)

var testLimits = Limits{RecordSize: 1 << 20, DeliverySize: 16 << 20}

const testText = `{"log":"2026-08-20T09:58:00.253967093Z stdout F order accepted","kubernetes":{"pod_name":"checkout-6d4b8f7c9d-x2v5k"}}` + "\n"

func encode(data []byte) []byte {
	return []byte(base64.StdEncoding.EncodeToString(data))
}

func gzipped(t testing.TB, data string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := stdgzip.NewWriter(&b)
	_, err := io.WriteString(w, data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func zstded(t testing.TB, data string, opts ...zstd.EOption) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil, opts...)
	require.NoError(t, err)
	return w.EncodeAll([]byte(data), nil)
}

// zstdStreamed is a frame that does not state its size.
func zstdStreamed(t testing.TB, data string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b)
	require.NoError(t, err)
	_, err = io.WriteString(w, data)
	require.NoError(t, err)
	require.NoError(t, w.Flush())
	require.NoError(t, w.Close())
	var header zstd.Header
	require.NoError(t, header.Decode(b.Bytes()))
	require.False(t, header.HasFCS)
	return b.Bytes()
}

func snapped(data string) []byte {
	return snappy.Encode(nil, []byte(data))
}

func TestDecode_Success(t *testing.T) {
	var d Decoder
	f := func(record []byte, want string) {
		t.Helper()
		d.Reset(testLimits)
		text := encode(record)
		before := bytes.Clone(text)
		got, err := d.Decode(text)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
		require.Equal(t, before, text, "the input must stay as it is")
	}
	long := strings.Repeat(testText, 3_000)

	// Nothing, and too little to be anything.
	f(nil, "")
	f([]byte("a"), "a")
	f([]byte("\x1f"), "\x1f")
	f([]byte("ab"), "ab")
	f([]byte("{}"), "{}")
	f([]byte("\x28\xb5\x2f"), "\x28\xb5\x2f")

	// Uncompressed.
	f([]byte(testText), testText)
	f([]byte(long), long)
	f([]byte("plain text"), "plain text")
	f([]byte("\x1b[31mred\x1b[0m"), "\x1b[31mred\x1b[0m")

	// Compressed, once and twice, in any order.
	f(gzipped(t, testText), testText)
	f(gzipped(t, ""), "")
	f(gzipped(t, long), long)
	f(zstded(t, testText), testText)
	f(zstded(t, long), long)
	f(zstdStreamed(t, long), long)
	f(snapped(testText), testText)
	f(snapped(long), long)
	f(gzipped(t, string(gzipped(t, testText))), testText)
	f(gzipped(t, string(zstded(t, testText))), testText)
	f(zstded(t, string(gzipped(t, testText))), testText)
	f(gzipped(t, string(snapped(testText))), testText)
	f(gzipped(t, string(gzipped(t, long))), long)

	// Several members and frames, and padding after the last.
	f(append(gzipped(t, "one\n"), gzipped(t, "two\n")...), "one\ntwo\n")
	f(append(gzipped(t, testText), make([]byte, 100)...), testText)
	f(append(zstded(t, "one\n"), zstded(t, "two\n")...), "one\ntwo\n")
	f(gzipped(t, string(gzipped(t, "one\n"))+string(gzipped(t, "two\n"))), "one\ntwo\n")
	skippable := "\x50\x2a\x4d\x18\x04\x00\x00\x00skip"
	f(append(zstded(t, "one\n"), skippable+string(zstded(t, "two\n"))...), "one\ntwo\n")
}

func TestDecode_Base64(t *testing.T) {
	var d Decoder
	f := func(in, want string) {
		t.Helper()
		d.Reset(testLimits)
		got, err := d.Decode([]byte(in))
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
	f("aGVsbG8=", "hello")
	f("aGVsbG8", "hello") // No padding.
	f("aGVsbG8gd29ybGQ", "hello world")
	f("aGVs\nbG8g\r\nd29y\nbGQ=", "hello world") // Lines, as MIME has them.
	f("/+8=", "\xff\xef")
}

func TestDecode_Base64Failure(t *testing.T) {
	var d Decoder
	f := func(in string, position int) {
		t.Helper()
		d.Reset(testLimits)
		got, err := d.Decode([]byte(in))
		require.ErrorIs(t, err, ErrBase64)
		require.Empty(t, got)
		var corrupt base64.CorruptInputError
		require.ErrorAs(t, err, &corrupt)
		require.Equal(t, position, int(corrupt), in)
	}
	f("a", 0)
	f("=", 0)
	f("aGVsbG8gd29ybGQ{", 15)
	f("aGVsbG8gd29ybGQgaGVsbG8gd29y!GQg", 28)
	f("aGVsbG8_", 7) // The URL alphabet is another one.
	f("aGVs bG8=", 4)
	f("aGVsbG8==", 7)
}

func TestDecode_Damaged(t *testing.T) {
	var d Decoder
	f := func(record []byte, prefix, message string) {
		t.Helper()
		d.Reset(testLimits)
		got, err := d.Decode(encode(record))
		require.ErrorIs(t, err, ErrCompression)
		require.NotErrorIs(t, err, ErrTooLarge)
		require.ErrorContains(t, err, message)
		require.Equal(t, prefix, string(got))
	}
	one, two := gzipped(t, "one\n"), gzipped(t, testText)
	flipped := bytes.Clone(two)
	flipped[len(flipped)-6] ^= 1 // In the checksum.

	f(two[:2], "", "gzip member 0 at byte 0: unexpected EOF")
	f(two[:10], "", "gzip member 0 at byte 0: unexpected EOF")
	f(two[:len(two)-1], "", "gzip member 0 at byte 0: unexpected EOF")
	f(flipped, "", "checksum")
	f([]byte("\x1f\x8b\x07\x00\x00\x00\x00\x00\x00\x00"), "", "invalid header")

	// What came whole before the damage is kept.
	f(append(bytes.Clone(one), two[:len(two)-1]...), "one\n", "gzip member 1 at byte 28: unexpected EOF")
	f(append(bytes.Clone(one), flipped...), "one\n", "gzip member 1 at byte 28: gzip: invalid checksum")
	f(append(bytes.Clone(one), "tail that is no member"...), "one\n", "gzip member 1 at byte 28")
	f(gzipped(t, string(one)+string(flipped)), "one\n", "gzip member 1")
	f(append(gzipped(t, string(one)), flipped...), "one\n", "gzip member 1")

	frame := zstded(t, testText)
	for size := 4; size < len(frame); size++ {
		f(frame[:size], "", "zstd frame 0 at byte 0")
	}
	wrong := bytes.Clone(frame)
	wrong[len(wrong)-1] ^= 1
	f(wrong, "", "zstd frame 0 at byte 0: CRC check failed")
	short := zstded(t, "one\n")
	f(append(bytes.Clone(short), frame[:len(frame)-1]...), "one\n", "zstd frame 1 at byte 17: unexpected EOF")
	f(append(bytes.Clone(short), wrong...), "one\n", "zstd frame 1 at byte 17")
	f(append(bytes.Clone(short), "tail that is no frame"...), "one\n", "zstd frame 1 at byte 17: invalid input: magic number mismatch")

	thrice := gzipped(t, string(gzipped(t, string(gzipped(t, testText)))))
	f(thrice, "", "compressed more than 2 times")
}

func TestDecode_TooLarge(t *testing.T) {
	limits := Limits{RecordSize: 100_000, DeliverySize: 10_000_000}
	fits, over := strings.Repeat("a", limits.RecordSize), strings.Repeat("a", limits.RecordSize+1)
	var d Decoder
	f := func(pack func(string) []byte) {
		t.Helper()
		d.Reset(limits)
		got, err := d.Decode(encode(pack(fits)))
		require.NoError(t, err)
		require.Equal(t, fits, string(got))
		got, err = d.Decode(encode(pack(over)))
		require.ErrorIs(t, err, ErrTooLarge)
		require.NotErrorIs(t, err, ErrDeliveryTooLarge)
		require.Empty(t, got)
	}
	f(func(s string) []byte { return []byte(s) })
	f(func(s string) []byte { return gzipped(t, s) })
	f(func(s string) []byte { return zstded(t, s) })
	f(func(s string) []byte { return zstdStreamed(t, s) })
	f(func(s string) []byte { return snapped(s) })
	f(func(s string) []byte { return gzipped(t, string(zstded(t, s))) })

	// The members before the one that is too much are whole.
	d.Reset(limits)
	got, err := d.Decode(encode(append(gzipped(t, "one\n"), gzipped(t, fits)...)))
	require.ErrorIs(t, err, ErrTooLarge)
	require.Equal(t, "one\n", string(got))
}

// zstdBlock is how far the zstd decoder may run over its room before it looks.
const zstdBlock = 128 << 10

// A thousand bombs in one delivery must cost what the delivery's limit says,
// not a thousand times what the record's limit says.
func TestDecode_DeliveryTooLarge(t *testing.T) {
	limits := Limits{RecordSize: 1 << 20, DeliverySize: 4 << 20}
	var d Decoder
	f := func(bomb []byte, most int) {
		t.Helper()
		d.Reset(limits)
		text := encode(bomb)
		refused := 0
		for range 1_000 {
			_, err := d.Decode(text)
			require.ErrorIs(t, err, ErrTooLarge)
			if errors.Is(err, ErrDeliveryTooLarge) {
				refused++
			}
		}
		require.GreaterOrEqual(t, refused, 1_000-most)
		require.LessOrEqual(t, d.spent, limits.DeliverySize+zstdBlock)
	}
	f(gzipped(t, strings.Repeat("\x00", 4<<20)), 4)
	f(zstdStreamed(t, strings.Repeat("\x00", 4<<20)), 4)

	// Honest records share the limit too.
	d.Reset(limits)
	text := encode([]byte(strings.Repeat("a", 1<<20)))
	for range 4 {
		_, err := d.Decode(text)
		require.NoError(t, err)
	}
	_, err := d.Decode(encode([]byte("a")))
	require.ErrorIs(t, err, ErrDeliveryTooLarge)
	d.Reset(limits)
	_, err = d.Decode(text)
	require.NoError(t, err)
}

// What no format explains is handed on as it is, and text is never taken for
// a snappy block.
func TestDecode_NotSnappy(t *testing.T) {
	var d Decoder
	d.Reset(testLimits)
	f := func(record []byte) {
		t.Helper()
		got, err := d.Decode(encode(record))
		require.NoError(t, err)
		require.Equal(t, record, got)
	}
	f([]byte("\x04\x0cabcde"))                    // One byte too many.
	f([]byte("\x05\x0cabcd"))                     // One too few.
	f(snapped("\x00\x01\x02\x03 binary payload")) // Decodes, to no text.
	f(snapped(string(gzipped(t, testText))))
	f([]byte("\xff\xff\xff\xff\x0f\x00"))
	f([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00"))
	f([]byte{0x80})
	f([]byte{0, 0})
	f([]byte("\n$aaaaaaaaaa"))       // A block of ten letters, and a text.
	f([]byte("\r0{\"log\":\"ab\"}")) // One byte short of a block.
	for size := range 300 {
		f([]byte("{ \"log\":\"" + strings.Repeat("a", size) + "\"}"))
		f([]byte("2026-08-20T09:58:00Z stdout F " + strings.Repeat("é", size)))
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		record := make([]byte, rng.IntN(64))
		for i := range record {
			record[i] = byte(rng.Uint32())
		}
		if hasMagic(record) {
			continue
		}
		got, err := d.Decode(encode(record))
		require.NoError(t, err)
		if !bytes.Equal(record, got) {
			// A block it is then: it decodes to text, and is none itself.
			want, err := s2.Decode(nil, record)
			require.NoError(t, err)
			require.Equal(t, want, got)
			require.True(t, isSnappyText(record, want))
		}
		d.Reset(testLimits)
	}
}

// Every length of record that Fluent Bit may write as a snappy block.
func TestDecode_SnappySizes(t *testing.T) {
	var d Decoder
	for size := range 2_000 {
		d.Reset(testLimits)
		want := `{"log":"` + strings.Repeat("order accepted ", size/15) + strings.Repeat("x", size%15) + `"}` + "\n"
		got, err := d.Decode(encode(snapped(want)))
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
}

func TestIsText(t *testing.T) {
	f := func(in string, want bool) {
		t.Helper()
		require.Equal(t, want, isText([]byte(in)), "%q", in)
	}
	f("", true)
	f("{\"a\":\t1}\r\n", true)
	f("naïve 注文 🎉", true)
	f("\x00", false)
	f("\x7f\x01", false)
	f("caf\xe9 latin", false)
	f("ends in a piece \xe6\xb3", false)
	for cut := range 4 {
		f(strings.Repeat("a", textWindow-cut)+"🎉 and so on", true)
	}
	f(strings.Repeat("a", textWindow-1)+"\xff and so on", false)
	f(strings.Repeat("a", textWindow)+"\x00", true) // Beyond what is looked at.
}

func TestReset_DropsLargeBuffers(t *testing.T) {
	limits := Limits{RecordSize: 64 << 20, DeliverySize: 256 << 20}
	var d Decoder
	d.Reset(limits)
	_, err := d.Decode(encode(gzipped(t, strings.Repeat("a", maxRetained+1))))
	require.NoError(t, err)
	require.Greater(t, cap(d.buffers[1]), maxRetained)
	require.NotNil(t, d.buffers[0])
	d.Reset(limits)
	require.NotNil(t, d.buffers[0])
	require.Nil(t, d.buffers[1])
}

func TestDecode_Reserve(t *testing.T) {
	var granted, most int
	full := errors.New("full")
	limits := Limits{RecordSize: 64 << 20, DeliverySize: 1 << 30, Reserve: func(bytes int) error {
		require.Positive(t, bytes)
		if granted+bytes > most {
			return full
		}
		granted += bytes
		return nil
	}}
	var d Decoder
	f := func(record []byte, enough int) {
		t.Helper()
		text := encode(record)
		d = Decoder{}
		granted, most = 0, enough
		d.Reset(limits)
		_, err := d.Decode(text)
		require.NoError(t, err)
		require.GreaterOrEqual(t, granted+unreserved, d.held())

		// The same again needs no more, and what Reset keeps is asked for anew.
		held := granted
		_, err = d.Decode(text)
		require.NoError(t, err)
		require.Equal(t, held, granted)
		granted = 0
		d.Reset(limits)
		_, err = d.Decode(text)
		require.NoError(t, err)
		require.GreaterOrEqual(t, granted+unreserved, d.held())

		if granted == 0 {
			return
		}
		d = Decoder{}
		granted, most = 0, enough/8
		d.Reset(limits)
		got, err := d.Decode(text)
		require.ErrorIs(t, err, full)
		require.NotErrorIs(t, err, ErrCompression)
		require.NotErrorIs(t, err, ErrTooLarge)
		require.Nil(t, got)
		require.LessOrEqual(t, d.held(), unreserved+most+zstdWindow)
	}
	long := strings.Repeat("a", 4<<20)
	f([]byte(testText), 0)
	f(gzipped(t, testText), 0)
	f([]byte(long), 5<<20)
	f(gzipped(t, long), 9<<20)
	f(zstded(t, long), 9<<20+zstdWindow)
	f(snapped(long), 9<<20)
}

func TestReset_DropsLargeWindows(t *testing.T) {
	limits := Limits{RecordSize: 64 << 20, DeliverySize: 256 << 20}
	var d Decoder
	d.Reset(limits)
	_, err := d.Decode(encode(zstded(t, strings.Repeat(testText, 50_000), zstd.WithWindowSize(zstdWindow))))
	require.NoError(t, err)
	require.NotNil(t, d.zstd)
	d.Reset(limits)
	require.Nil(t, d.zstd)

	// A window beyond what RFC 8878 asks a decoder to support is refused.
	_, err = d.Decode(encode(zstded(t, strings.Repeat(testText, 100_000), zstd.WithWindowSize(2*zstdWindow))))
	require.ErrorIs(t, err, ErrCompression)
}

func TestDecode_Allocations(t *testing.T) {
	long := strings.Repeat(testText, 500)
	var d Decoder
	d.Reset(Limits{RecordSize: 1 << 20, DeliverySize: 1 << 30})
	f := func(record []byte) {
		t.Helper()
		text := encode(record)
		// The least of many: under the race detector, pools forget at random.
		least := math.Inf(1)
		for range 50 {
			least = min(least, testing.AllocsPerRun(1, func() {
				if _, err := d.Decode(text); err != nil {
					t.Fatal(err)
				}
			}))
		}
		require.Zero(t, least)
	}
	f([]byte(testText))
	f([]byte(long))
	f(gzipped(t, testText))
	f(gzipped(t, long))
	f(append(gzipped(t, testText), gzipped(t, testText)...))
	f(gzipped(t, string(gzipped(t, long))))
	f(zstded(t, testText))
	f(zstded(t, long))
	f(zstdStreamed(t, long))
	f(snapped(testText))
	f(snapped(long))
}

// capture returns the records of a capture of real Fluent Bit traffic.
func capture(t testing.TB, name string) []string {
	t.Helper()
	file, err := os.Open("../../testdata/fluentbit/" + name + ".jsonl.gz")
	require.NoError(t, err)
	defer file.Close()
	unzipped, err := stdgzip.NewReader(file)
	require.NoError(t, err)
	var records []string
	lines := bufio.NewScanner(unzipped)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var line struct {
			Data string `json:"data_base64"`
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &line))
		records = append(records, line.Data)
	}
	require.NoError(t, lines.Err())
	return records
}

func TestDecode_Captures(t *testing.T) {
	var d Decoder
	decodeAll := func(records []string) []string {
		t.Helper()
		d.Reset(Limits{RecordSize: 1 << 20, DeliverySize: 64 << 20})
		texts := make([]string, len(records))
		for i, record := range records {
			text, err := d.Decode([]byte(record))
			require.NoError(t, err)
			require.True(t, json.Valid(text))
			require.Equal(t, byte('\n'), text[len(text)-1])
			texts[i] = string(text)
		}
		return texts
	}
	gzipRecords := capture(t, "compression-gzip")
	require.Len(t, gzipRecords, 283)
	texts := decodeAll(gzipRecords)
	var snappyRecords, doubleRecords []string
	for i, record := range gzipRecords {
		raw, err := base64.StdEncoding.DecodeString(record)
		require.NoError(t, err)
		r, err := stdgzip.NewReader(bytes.NewReader(raw))
		require.NoError(t, err)
		want, err := io.ReadAll(r)
		require.NoError(t, err)
		require.Equal(t, string(want), texts[i])
		snappyRecords = append(snappyRecords, string(encode(snapped(texts[i]))))
		doubleRecords = append(doubleRecords, string(encode(gzipped(t, string(raw)))))
	}
	require.Equal(t, texts, decodeAll(snappyRecords))
	require.Equal(t, texts, decodeAll(doubleRecords))
	// The same input, in an order of its own.
	require.ElementsMatch(t, texts, decodeAll(capture(t, "compression-zstd")))
}

func FuzzBase64(f *testing.F) {
	f.Add([]byte(""))
	f.Add([]byte("aGVsbG8gd29ybGQgaGVsbG8gd29ybGQ="))
	f.Add([]byte("aGVsbG8gd29ybGQgaGVs\nbG8gd29ybGQ"))
	f.Add([]byte("00")) // One byte, whose padding is missing.
	f.Fuzz(func(t *testing.T, in []byte) {
		oracle := base64.StdEncoding
		if len(in)%4 != 0 {
			oracle = base64.RawStdEncoding
		}
		want := make([]byte, len(in))
		n, wantErr := oracle.Decode(want, in)
		got := make([]byte, decodedLen(len(in)))
		m, err := decodeBase64(got, in)
		require.Equal(t, wantErr, err)
		if err == nil {
			require.Equal(t, want[:n], got[:m])
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, seed := range [][]byte{
		nil,
		{0x1f},
		{0x1f, 0x8b},
		[]byte(testText),
		gzipped(f, testText), gzipped(f, string(gzipped(f, testText))),
		append(gzipped(f, "one\n"), gzipped(f, "two\n")...),
		append(gzipped(f, "one\n"), 0, 0, 0),
		gzipped(f, strings.Repeat("a", 2*fuzzLimits.RecordSize)),
		zstded(f, testText), zstdStreamed(f, testText), snapped(testText),
	} {
		f.Add(seed)
	}
	var d Decoder // One for all inputs: nothing of one may show in the next.
	f.Fuzz(func(t *testing.T, record []byte) {
		d.Reset(fuzzLimits)
		text := encode(record)
		got, err := d.Decode(text)
		require.Equal(t, encode(record), text)
		require.LessOrEqual(t, len(got), fuzzLimits.RecordSize)
		if err != nil {
			require.True(t, errors.Is(err, ErrCompression) || errors.Is(err, ErrTooLarge), "%v", err)
		}
		switch {
		case err == nil && bytes.HasPrefix(record, gzipMagic):
			requireGunzips(t, record, got)
		case bytes.HasPrefix(record, zstdMagic):
			requireUnzstds(t, record, got, err)
		}
	})
}

var fuzzLimits = Limits{RecordSize: 64 << 10, DeliverySize: 256 << 10}

// requireGunzips checks got against the standard library.
func requireGunzips(t *testing.T, record, got []byte) {
	t.Helper()
	// The standard library does not know padding.
	r, err := stdgzip.NewReader(bytes.NewReader(bytes.TrimRight(record, "\x00")))
	if err != nil {
		r, err = stdgzip.NewReader(bytes.NewReader(record))
	}
	require.NoError(t, err)
	want, err := io.ReadAll(r)
	if err != nil {
		// The zeros belonged to the last member's trailer, some or all of them.
		return
	}
	if hasMagic(want) || mayBeSnappy(want) {
		return // A second layer; TestDecode_Success has these.
	}
	require.Equal(t, string(want), string(got))
}

// requireUnzstds checks got against the decoder's other mode, which is another
// path through it.
func requireUnzstds(t *testing.T, record, got []byte, gotErr error) {
	t.Helper()
	want, err := fuzzZstd.DecodeAll(record, nil)
	if len(want) > fuzzLimits.RecordSize || errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		require.Error(t, gotErr)
		return
	}
	if hasMagic(want) || mayBeSnappy(want) {
		return // A second layer; TestDecode_Success has these.
	}
	if err == nil {
		require.NoError(t, gotErr)
		require.Equal(t, string(want), string(got))
		return
	}
	require.Error(t, gotErr)
	require.True(t, bytes.HasPrefix(want, got))
}

var fuzzZstd = func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(zstdWindow))
	if err != nil {
		panic(err)
	}
	return d
}()
