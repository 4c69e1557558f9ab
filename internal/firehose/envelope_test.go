package firehose

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/jsonscan"
)

const manyRecords = 1_000_000

// walked is what a walk over an envelope gives.
type walked struct {
	requestID string
	hasID     bool
	records   []walkedRecord
}

type walkedRecord struct {
	data   string
	broken bool
}

func walk(t testing.TB, body string) walked {
	t.Helper()
	var e Envelope
	require.NoError(t, e.Reset([]byte(body), manyRecords), body)
	return walkOn(t, &e)
}

func walkOn(t testing.TB, e *Envelope) walked {
	t.Helper()
	id, ok := e.RequestID()
	w := walked{requestID: string(id), hasID: ok}
	require.Equal(t, -1, e.Index())
	for e.Next() {
		require.Equal(t, len(w.records), e.Index())
		if err := e.Err(); err != nil {
			require.ErrorIs(t, err, ErrNoData)
			require.ErrorContains(t, err, fmt.Sprintf("record %d:", e.Index()))
		}
		w.records = append(w.records, walkedRecord{data: string(e.Data()), broken: e.Err() != nil})
	}
	require.Len(t, w.records, e.Len())
	require.False(t, e.Next())
	require.Nil(t, e.Data())
	require.NoError(t, e.Err())
	return w
}

func TestEnvelope_Success(t *testing.T) {
	f := func(body, wantID string, want ...string) {
		t.Helper()
		w := walk(t, body)
		require.True(t, w.hasID)
		require.Equal(t, wantID, w.requestID)
		var got []string
		for _, record := range w.records {
			require.False(t, record.broken, record.data)
			got = append(got, record.data)
		}
		require.Equal(t, want, got, body)
	}
	f(`{"requestId":"a","timestamp":1,"records":[]}`, "a")
	f(`{"requestId":"a","timestamp":1,"records":[{"data":"aGVsbG8="}]}`, "a", "aGVsbG8=")
	f(`{"requestId":"a","records":[{"data":""},{"data":"eA=="},{"data":""}]}`, "a", "", "eA==", "")

	// Any order, any white space, members that nobody knows.
	f(`{"records":[{"data":"eA=="}],"requestId":"a"}`, "a", "eA==")
	f("\r\n\t { \"records\" : [ { \"data\" : \"eA==\" } , {\"data\":\"eQ==\"}\n] , \"requestId\" : \"a\" } \n", "a", "eA==", "eQ==")
	f(`{"x":{"records":[1,2,{}],"requestId":5},"requestId":"a","records":[{"y":[[]],"data":"eA==","z":null}],"w":1e9}`, "a", "eA==")

	// Of two the last one counts.
	f(`{"requestId":"a","records":[{"data":"eA=="}],"records":[{"data":"eQ=="}],"requestId":"b"}`, "b", "eQ==")
	f(`{"records":"","requestId":"a","records":[{"data":"eQ=="}]}`, "a", "eQ==")
	f(`{"requestId":5,"records":[{"data":5,"data":"eA=="},{"data":"eA==","data":"eQ=="}],"requestId":"a"}`, "a", "eA==", "eQ==")

	// Escapes, in data, in keys, in the id.
	f(`{"requestId":"a\/\u0062\"","records":[{"data":"\/\/\/\/"},{"data":"eA\u003d\u003d"},{"data":"\u0065A=="}]}`, `a/b"`, "////", "eA==", "eA==")
	f(`{"request\u0049d":"a","\u0072ecords":[{"d\u0061ta":"eA=="}]}`, "a", "eA==")
	f(`{"requestId":"","records":[]}`, "")
}

func TestEnvelope_BrokenRecords(t *testing.T) {
	f := func(record string) {
		t.Helper()
		w := walk(t, `{"requestId":"a","records":[{"data":"eA=="},`+record+`,{"data":"eQ=="}]}`)
		require.Equal(t, []walkedRecord{{data: "eA=="}, {data: record, broken: true}, {data: "eQ=="}}, w.records)
	}
	f(`{}`)
	f(`{"Data":"eA=="}`)
	f(`{"data":null}`)
	f(`{"data":5}`)
	f(`{"data":{"messageType":"DATA_MESSAGE"}}`)
	f(`{"data":"eA==","data":[]}`)
	f(`{"other":"\""}`)
	f(`"eA=="`)
	f(`null`)
	f(`[ {"data":"eA=="} ]`)
	f(`-1.5e3`)
}

func TestEnvelope_Failure(t *testing.T) {
	var e Envelope
	f := func(body, message string) {
		t.Helper()
		err := e.Reset([]byte(body), manyRecords)
		require.ErrorIs(t, err, ErrEnvelope, body)
		require.ErrorContains(t, err, message, body)
	}
	f(``, "byte 0")
	f(`   `, "byte 3")
	f(`null`, "byte 0")
	f(`[]`, "byte 0")
	f(`{`, "byte 1")
	f(`{"requestId"`, "byte 12")
	f(`{"requestId":`, "byte 13")
	f(`{"requestId":"a"`, "byte 16")
	f(`{"requestId":"a",}`, "byte 17")
	f(`{"requestId":"a";`, "byte 16")
	f(`{requestId:"a"}`, "byte 1")
	f(`{"requestId" "a"}`, "byte 13")
	f("{\"request\nId\":1}", "byte 9")
	f(`{"requestId":"a"}`, "no array called records")
	f(`{}`, "no array called records")
	f(`{"records":{}}`, "no array called records")
	f(`{"records":null}`, "no array called records")
	f(`{"records":"eA=="}`, "no array called records")
	f(`{"records":[],"records":null}`, "no array called records")
	f(`{"records":`, "byte 11")
	f(`{"records":[`, "byte 12")
	f(`{"records":[}`, "byte 12")
	f(`{"records":[,]}`, "byte 12")
	f(`{"records":[{"data":"eA=="}`, "byte 27")
	f(`{"records":[{"data":"eA=="},]}`, "byte 28")
	f(`{"records":[{"data":"eA=="}{"data":"eA=="}]}`, "byte 27")
	f(`{"records":[{"data":"eA==]}`, "byte 27")
	f(`{"records":[{"data":"eA==" "x":1}]}`, "byte 27")
	f(`{"records":[{"data":"e\A=="}]}`, "byte 22")
	f(`{"records":[]}{"records":[]}`, "byte 14")
	f(`{"records":[]} x`, "byte 15")
	f(strings.Repeat(`[`, 1<<20), "byte 0")
	f(`{"x":`+strings.Repeat(`[`, 1<<20), "byte")
	f(`{"records":`+strings.Repeat(`[`, 1<<20), "byte")
}

func TestEnvelope_TooManyRecords(t *testing.T) {
	var e Envelope
	body := func(n int) []byte {
		return []byte(`{"requestId":"a","records":[` + strings.TrimSuffix(strings.Repeat(`{},`, n), ",") + `]}`)
	}
	require.NoError(t, e.Reset(body(10), 10))
	require.Equal(t, 10, e.Len())
	require.ErrorIs(t, e.Reset(body(11), 10), ErrRecords)
	require.ErrorIs(t, e.Reset(body(1_000_000), 10), ErrRecords)
	require.Less(t, cap(e.spans), 100)
}

// A request id of the length of the body must not be copied.
func TestEnvelope_LongRequestID(t *testing.T) {
	var e Envelope
	require.NoError(t, e.Reset([]byte(`{"requestId":"`+strings.Repeat("a", 1<<20)+`","records":[]}`), 1))
	_, ok := e.RequestID()
	require.False(t, ok)
	require.Less(t, cap(e.requestID), 1<<10)
}

func TestParseMillis(t *testing.T) {
	f := func(in string, want int64) {
		t.Helper()
		var e Envelope
		require.NoError(t, e.Reset([]byte(`{"records":[],"timestamp":`+in+`}`), 1))
		require.Equal(t, want, e.Timestamp(), in)
	}
	f(`0`, 0)
	f(`1578090901599`, 1578090901599000000)
	f(`"1578090901599"`, 1578090901599000000)
	f(`1578090901599.0`, 1578090901599000000)
	f(`1578090901599.123456`, 1578090901599123456)
	f(`1578090901599.1234569999`, 1578090901599123456)
	f(`1.578090901599e12`, 1578090901599000000)
	f(`1.578090901599E+12`, 1578090901599000000)
	f(`1578090901599000e-3`, 1578090901599000000)
	f(`0.001`, 1000)
	f(`1e-9`, 0)
	f(`9223372036854`, 9223372036854000000)
	f(`9223372036855`, 0)
	f(`1e300`, 0)
	f(`0e999999999999`, 0)
	f(`1e-999999999999`, 0)
	f(`99999999999999999999999999`, 0)
	f(`-1578090901599`, 0)
	f(`null`, 0)
	f(`{}`, 0)
	f(`[1578090901599]`, 0)
	f(`""`, 0)
	f(`"."`, 0)
	f(`"2026-08-20T09:58:00Z"`, 0)
	f(`"1578090901599ms"`, 0)
	f(`"\u0031"`, 0)
	require.Zero(t, parseMillis(nil))
}

func FuzzParseMillis(f *testing.F) {
	for _, seed := range []string{`0`, `1578090901599`, `"1578090901599"`, `1.578090901599e12`, `1578090901599.123456789`, `1e-7`, `9223372036854.775807`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		if len(in) > 40 {
			return // The oracle would compute any power of ten.
		}
		v := jsonscan.Value(in)
		if end, ok := jsonscan.SkipValue(v, 0); !ok || end != len(v) || !v.IsNumber() {
			return
		}
		if e := strings.IndexAny(in, "eE"); e >= 0 {
			if power, err := strconv.Atoi(in[e+1:]); err != nil || power < -50 || power > 50 {
				return
			}
		}
		rat, ok := new(big.Rat).SetString(in)
		require.True(t, ok)
		rat.Mul(rat, big.NewRat(1_000_000, 1))
		want := new(big.Int).Quo(rat.Num(), rat.Denom())
		got := parseMillis(v)
		// Nineteen digits are kept, and an int64 has no more.
		if rat.Sign() < 0 || !want.IsInt64() {
			require.Zero(t, got)
			return
		}
		if got != 0 || len(strings.TrimLeft(in, "0.")) < 19 {
			require.Equal(t, want.Int64(), got, in)
		}
	})
}

func TestEnvelope_Allocations(t *testing.T) {
	body := []byte(envelopeOf(1_000, 1_220))
	escaped := []byte(`{"requestId":"a\/b","records":[` + strings.TrimSuffix(strings.Repeat(`{"data":"\/\/\/\/"},`, 1_000), ",") + `]}`)
	var e Envelope
	f := func(body []byte) {
		t.Helper()
		require.Zero(t, testing.AllocsPerRun(20, func() {
			if err := e.Reset(body, 1_000); err != nil {
				t.Fatal(err)
			}
			n := 0
			for e.Next() {
				n += len(e.Data())
			}
			if n == 0 {
				t.Fatal("no data")
			}
		}))
	}
	f(body)
	f(escaped)
}

// envelopeOf returns an envelope of records of size bytes each.
func envelopeOf(records, size int) string {
	var b strings.Builder
	b.WriteString(`{"requestId":"ed4acda5-034f-9f42-bba1-f29aea6d7d8f","timestamp":1578090901599,"records":[`)
	for i := range records {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"data":"` + base64Of(strings.Repeat(string(rune('a'+i%26)), size)) + `"}`)
	}
	b.WriteString(`]}`)
	return b.String()
}

// FuzzEnvelope holds the envelope against encoding/json.
func FuzzEnvelope(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `{"requestId":"a","timestamp":1,"records":[]}`,
		`{"requestId":"a","timestamp":1,"records":[{"data":"aGVsbG8="},{"data":"\/\u003d"},{},5]}`,
		"{ \"records\" : [ { \"x\" : 1 , \"data\" : \"eA==\" } ] , \"requestId\" : \"\\u00e9\xff\" }",
		`{"records":[{"data":"a","data":5}],"records":[{"data":5,"data":"a"}],"requestId":null}`,
		"{\"records\":[{\"data\":\"a\nb\"}]}",
	} {
		f.Add([]byte(seed))
	}
	var e Envelope // One for all inputs: nothing of one may show in the next.
	f.Fuzz(func(t *testing.T, body []byte) {
		err := e.Reset(bytes.Clone(body), 1_000)
		want, valid := oracleEnvelope(body)
		if err != nil {
			require.False(t, valid, "refused: %v", err)
			return
		}
		got := walkOn(t, &e)
		if !json.Valid(body) {
			// The insides of plain data are not looked at. That must be all.
			require.True(t, json.Valid(withoutControls(body)))
			return
		}
		require.True(t, valid)
		if len(got.requestID) > maxRequestID {
			return
		}
		got.requestID = string([]rune(got.requestID)) // As encoding/json does with invalid UTF-8.
		for i := range got.records {
			if !got.records[i].broken {
				got.records[i].data = string([]rune(got.records[i].data))
			}
		}
		require.Equal(t, want, got)
	})
}

// withoutControls makes control characters harmless inside of strings, and
// outside of them what they were: white space, or an error.
func withoutControls(body []byte) []byte {
	return bytes.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case r >= 0 && r < ' ':
			return 'x'
		}
		return r
	}, body)
}

// oracleEnvelope reads an envelope the slow way. valid is false when it is none.
func oracleEnvelope(body []byte) (w walked, valid bool) {
	var members map[string]json.RawMessage
	var records []json.RawMessage
	if json.Unmarshal(body, &members) != nil || members == nil {
		return walked{}, false
	}
	if json.Unmarshal(members["records"], &records) != nil || records == nil || len(records) > 1_000 {
		return walked{}, false
	}
	id := string(members["requestId"])
	if strings.HasPrefix(id, `"`) && len(id) <= 6*maxRequestID+2 {
		w.hasID = json.Unmarshal([]byte(id), &w.requestID) == nil
	}
	for _, raw := range records {
		record := walkedRecord{data: string(raw), broken: true}
		var fields map[string]json.RawMessage
		if json.Unmarshal(raw, &fields) == nil && bytes.HasPrefix(fields["data"], []byte(`"`)) {
			record.broken = json.Unmarshal(fields["data"], &record.data) != nil
		}
		w.records = append(w.records, record)
	}
	return w, true
}
