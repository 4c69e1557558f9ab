package firehose

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestParseSourceARN_Success(t *testing.T) {
	f := func(in, partition, region, account, stream string) {
		t.Helper()
		require.Equal(t, SourceARN{Raw: in, Partition: partition, Region: region, Account: account, Stream: stream}, ParseSourceARN(in))
	}
	f("arn:aws:firehose:us-east-1:123456789:deliverystream/testStream", "aws", "us-east-1", "123456789", "testStream")
	f("arn:aws-cn:firehose:cn-north-1:123456789012:deliverystream/a_b-c.d", "aws-cn", "cn-north-1", "123456789012", "a_b-c.d")
	f("arn:aws-us-gov:firehose:us-gov-west-1:123456789012:deliverystream/x", "aws-us-gov", "us-gov-west-1", "123456789012", "x")
}

func TestParseSourceARN_Failure(t *testing.T) {
	f := func(in string) {
		t.Helper()
		require.Equal(t, SourceARN{Raw: in}, ParseSourceARN(in))
	}
	f("")
	f("arn")
	f("arn:aws:s3:us-east-1:123456789012:deliverystream/x")
	f("arn:aws:firehose:us-east-1:123456789012:deliverystream/")
	f("arn:aws:firehose:us-east-1:123456789012:deliverystream/x:y")
	f("arn:aws:firehose:us-east-1:123456789012:deliverystream/x/y")
	f("arn:aws:firehose:us-east-1:123456789012:stream/x")
	f("arn:aws:firehose:us-east-1::deliverystream/x")
	f("arn:aws:firehose:us-east-1:12345678901x:deliverystream/x")
	f("arn:aws:firehose::123456789012:deliverystream/x")
	f("arn::firehose:us-east-1:123456789012:deliverystream/x")
	f("arn:aws:firehose:../etc:123456789012:deliverystream/x")
	f("ARN:aws:firehose:us-east-1:123456789012:deliverystream/x")
	long := "arn:aws:firehose:us-east-1:123456789012:deliverystream/" + strings.Repeat("x", 1_000)
	require.Len(t, ParseSourceARN(long).Raw, maxSourceARN)
}

func TestParseAttributes_Success(t *testing.T) {
	f := func(in string, want ...Attribute) {
		t.Helper()
		got, err := parseAttributes(in)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	f(`{}`)
	f(`{"commonAttributes":{}}`)
	f(`{"commonAttributes":{"deployment -context":"pre-prod-gamma","device-types":""}}`,
		Attribute{"deployment -context", "pre-prod-gamma"}, Attribute{"device-types", ""})
	f(" { \"x\" : [1] , \"commonAttributes\" : { \"b\" : \"2\" , \"a\" : \"1\" , \"b\" : \"3\" } } ", Attribute{"a", "1"}, Attribute{"b", "3"})
	f(`{"commonAttributes":{"\u0061\/":"\"é\ud83c\udf89"}}`, Attribute{"a/", `"é🎉`})
	f(`{"commonAttributes":{"a":"1"},"commonAttributes":{"b":"2"}}`, Attribute{"b", "2"})
	f(`{"commonAttributes":{"`+strings.Repeat("é", 256)+`":"`+strings.Repeat("é", 1024)+`"}}`,
		Attribute{strings.Repeat("é", 256), strings.Repeat("é", 1024)})
}

func TestParseAttributes_Failure(t *testing.T) {
	f := func(in, message string, want ...Attribute) {
		t.Helper()
		got, err := parseAttributes(in)
		require.ErrorIs(t, err, errAttributes)
		require.ErrorContains(t, err, message)
		require.LessOrEqual(t, len(err.Error()), 300)
		require.Equal(t, want, got)
	}
	f(`null`, "not a JSON object")
	f(`[]`, "not a JSON object")
	f(`{`, "not a JSON object")
	f(`{"commonAttributes":{"a":"1"}`, "not a JSON object")
	f(`{"commonAttributes":{"a":"1"}} x`, "not a JSON object")
	f(`{"commonAttributes":null}`, "commonAttributes is not an object")
	f(`{"commonAttributes":"a=1"}`, "commonAttributes is not an object")
	f(`{"commonAttributes":{"a":1,"b":"2"}}`, `the value of "a" is not a string`, Attribute{"b", "2"})
	f(`{"commonAttributes":{"":"1","b":"2"}}`, "has not 1 to 256 characters", Attribute{"b", "2"})
	f(`{"commonAttributes":{"`+strings.Repeat("a", 257)+`":"1","b":"2"}}`, "has not 1 to 256 characters", Attribute{"b", "2"})
	f(`{"commonAttributes":{"a":"`+strings.Repeat("1", 1025)+`","b":"2"}}`, "more than 1024 characters", Attribute{"b", "2"})
	f("{\"commonAttributes\":{\"a\":\"\xff\",\"b\":\"2\"}}", "more than 1024 characters", Attribute{"b", "2"})

	var many []string
	var want []Attribute
	for i := range 1_000 {
		many = append(many, fmt.Sprintf(`"%03d":"x"`, i))
		if i < maxAttributes {
			want = append(want, Attribute{fmt.Sprintf("%03d", i), "x"})
		}
	}
	f(`{"commonAttributes":{`+strings.Join(many, ",")+`}}`, "more than 50", want...)
}

func FuzzParseAttributes(f *testing.F) {
	f.Add(`{"commonAttributes":{"a":"1","b":"\u00e9"}}`)
	f.Add(`{"commonAttributes":{"a":1}}`)
	f.Add(`{"commonAttributes":5}`)
	f.Fuzz(func(t *testing.T, header string) {
		got, err := parseAttributes(header)
		require.True(t, slices.IsSortedFunc(got, func(x, y Attribute) int { return strings.Compare(x.Name, y.Name) }))
		for _, a := range got {
			require.True(t, utf8.ValidString(a.Name) && utf8.ValidString(a.Value))
		}
		if err != nil || !utf8.ValidString(header) {
			return
		}
		var members map[string]json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(header), &members))
		var want map[string]string
		if raw, ok := members["commonAttributes"]; ok {
			require.NoError(t, json.Unmarshal(raw, &want))
		}
		require.Len(t, got, len(want))
		for _, a := range got {
			require.Equal(t, want[a.Name], a.Value)
		}
	})
}

func TestTenantOf(t *testing.T) {
	f := func(want string, wantOK bool, values ...string) {
		t.Helper()
		got, ok := tenantOf(map[string][]string{"X-Scope-Orgid": values})
		require.Equal(t, wantOK, ok)
		if ok {
			require.Equal(t, want, got)
		}
	}
	f("", true)
	f("", true, "")
	f("team-a_1.x!*'()", true, "team-a_1.x!*'()")
	f(strings.Repeat("a", 150), true, strings.Repeat("a", 150))
	f("...", true, "...")
	f("", false, "a", "a")
	f("", false, "", "")
	f("", false, ".")
	f("", false, "..")
	f("", false, "a/b")
	f("", false, "a|b")
	f("", false, "é")
	f("", false, " ")
	f("", false, strings.Repeat("a", 151))
}

func TestCut(t *testing.T) {
	f := func(in string, size int, want string) {
		t.Helper()
		require.Equal(t, want, cut(in, size))
	}
	f("", 0, "")
	f("abc", 3, "abc")
	f("abcd", 3, "abc")
	f("aéb", 2, "a")
	f("aéb", 3, "aé")
	f("🎉", 3, "")
	f("\x80\x80\x80\x80\x80\x80", 5, "\x80\x80\x80\x80\x80")
}
