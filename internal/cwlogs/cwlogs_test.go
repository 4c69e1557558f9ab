package cwlogs

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// show renders an envelope the way the cases below expect it.
func show(doc string) string {
	env, ok := Parse([]byte(doc))
	if !ok {
		return "no envelope"
	}
	var sb strings.Builder
	fmt.Fprintf(&sb, "type=%d owner=%s group=%s stream=%s filters=%s", env.Type, env.Owner, env.LogGroup, env.LogStream, env.Filters)
	for e := env.Events(); e.Next(); {
		ev := e.Event()
		fmt.Fprintf(&sb, "\nid=%s time=%d/%t account=%s region=%s message=%s", ev.ID, ev.Nanos, ev.HasTime, ev.Account, ev.Region, ev.Message)
	}
	return sb.String()
}

func TestParse(t *testing.T) {
	f := func(doc string, want ...string) {
		t.Helper()
		require.Equal(t, strings.Join(want, "\n"), show(doc))
	}
	f(`{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"/aws/eks/prod/cluster","logStream":"kube-scheduler-0a1b","subscriptionFilters":["all"],"logEvents":[{"id":"38","timestamp":1787220000123,"message":"one\ntwo"},{"id":"39","timestamp":1787220000124,"message":""}]}`,
		`type=1 owner=111122223333 group=/aws/eks/prod/cluster stream=kube-scheduler-0a1b filters=["all"]`,
		`id=38 time=1787220000123000000/true account= region= message="one\ntwo"`,
		`id=39 time=1787220000124000000/true account= region= message=""`)
	// AWS's own pages print the keys in other orders.
	f(`{"logEvents":[],"owner":"1","messageType":"DATA_MESSAGE","policyLevel":"ACCOUNT_LEVEL_POLICY"}`,
		`type=1 owner=1 group= stream= filters=`)
	f(`{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"","subscriptionFilters":[],"logEvents":[{"id":"","timestamp":1684423980083,"message":"probe"}]}`,
		`type=2 owner=CloudwatchLogs group= stream= filters=[]`,
		`id= time=1684423980083000000/true account= region= message="probe"`)
	// Centralised logs say where they truly come from.
	f(`{"messageType":"DATA_MESSAGE","logGroup":"a\/b","logEvents":[{"message":"m","extractedFields":{"@aws.account":"444455556666","@aws.region":"eu-west-1","1":"x"}}]}`,
		`type=1 owner= group=a/b stream= filters=`,
		`id= time=0/false account=444455556666 region=eu-west-1 message="m"`)
	// A time that is a string is read; one that is nonsense is missing.
	f(`{"messageType":"DATA_MESSAGE","logEvents":[{"timestamp":"1787220000123"},{"timestamp":1.5},{"timestamp":99999999999999999999},{"timestamp":-1},7]}`,
		`type=1 owner= group= stream= filters=`,
		`id= time=1787220000123000000/true account= region= message=`,
		`id= time=0/false account= region= message=`,
		`id= time=0/false account= region= message=`,
		`id= time=0/false account= region= message=`,
		`id= time=0/false account= region= message=`)
}

func TestParse_NoEnvelope(t *testing.T) {
	f := func(doc string) {
		t.Helper()
		require.Equal(t, "no envelope", show(doc))
		env, _ := Parse([]byte(doc))
		require.Equal(t, strings.Contains(doc, `"logEvents"`), env.HasEvents())
	}
	f(`{}`)
	f(`{"log":"x"}`)
	f(`{"messageType":"DATA_MESSAGE"}`)
	f(`{"logEvents":[]}`)
	f(`{"messageType":"OTHER","logEvents":[]}`)
	f(`{"messageType":"DATA_MESSAGE","logEvents":{}}`)
}

// TestParse_AnyOrder shuffles the members.
func TestParse_AnyOrder(t *testing.T) {
	members := []string{
		`"messageType":"DATA_MESSAGE"`, `"owner":"111122223333"`, `"logGroup":"g"`, `"logStream":"s"`, `"subscriptionFilters":["f"]`,
		`"policyLevel":"ACCOUNT_LEVEL_POLICY"`, `"logEvents" : [ {"message":"m","timestamp":1,"id":"i"} , {"id":"j","message":"n"} ]`,
	}
	want := "type=1 owner=111122223333 group=g stream=s filters=[\"f\"]\n" +
		"id=i time=1000000/true account= region= message=\"m\"\nid=j time=0/false account= region= message=\"n\""
	for range 5040 {
		rand.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		doc := "{ " + strings.Join(members, " , ") + " }"
		require.Equal(t, want, show(doc), doc)
		env, _ := Parse([]byte(doc + `{"next":1}`))
		events := env.Events()
		for events.Next() {
		}
		end, whole := events.End()
		require.True(t, whole)
		require.Equal(t, len(doc), end, doc)
	}
}

func TestEvents_End(t *testing.T) {
	const head = `{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logStream":"s","subscriptionFilters":[],"logEvents":[`
	f := func(rest string, wantEvents int, wantEnd string, wantWhole bool) {
		t.Helper()
		for _, text := range []bool{false, true} {
			env, ok := Parse([]byte(head + rest))
			require.True(t, ok)
			n := 0
			events := env.Events()
			for more := true; more; n++ {
				if text {
					_, more = events.NextText(nil)
				} else {
					more = events.Next()
				}
			}
			require.False(t, events.Next())
			end, whole := events.End()
			require.Equal(t, wantEvents, n-1, rest)
			require.Equal(t, wantWhole, whole, rest)
			require.Equal(t, wantEnd, (head + rest)[end:], rest)
		}
	}
	f(`]}`, 0, ``, true)
	f(` ] , "more" : [1] } {`, 0, ` {`, true)
	f(`{"message":"a\tb"},{},7,"x"]}`, 4, ``, true)
	f(``, 0, ``, false)
	f(`{"id":"1","message":"a"`, 0, `{"id":"1","message":"a"`, false)
	f(`{"message":"a"},{"message":"b`, 1, `,{"message":"b`, false)
	f(`{"message":"a"},{"message":"b\x"},{}]}`, 1, `,{"message":"b\x"},{}]}`, false)
	f(`{"message":"a"}{}`, 1, `{}`, false)
	f(`{"message":"a"},]}`, 1, `,]}`, false)
	f(`{"message":"a"}]`, 1, ``, false)
	f(`{"message":"a"}],"more"`, 1, `,"more"`, false)
	f(`{"message":"a"}]]`, 1, `]`, false)
}

func TestEvents_NextText(t *testing.T) {
	doc := []byte(`{"messageType":"DATA_MESSAGE","logEvents":[{"message":"plain"},{"message":"an \"escape\"\n"},{"message":5},{"message":""}]}`)
	env, ok := Parse(doc)
	require.True(t, ok)
	arena, got := []byte("kept"), []string{}
	for events := env.Events(); ; {
		if arena, ok = events.NextText(arena); !ok {
			break
		}
		got = append(got, fmt.Sprintf("%s=%q", events.Event().Message, events.Event().Text))
	}
	require.Equal(t, []string{`"plain"="plain"`, `"an \"escape\"\n"="an \"escape\"\n"`, `5=""`, `""=""`}, got)
	require.Equal(t, "keptan \"escape\"\n", string(arena))
}

func TestEvents_AllocateNothing(t *testing.T) {
	doc := []byte(`{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logStream":"s","logEvents":[` +
		strings.Repeat(`{"id":"38","timestamp":1787220000123,"message":"one"},`, 20) + `{"id":"40"}]}`)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		env, _ := Parse(doc)
		for e := env.Events(); e.Next(); {
			_ = e.Event()
		}
	}))
}

func FuzzParse(f *testing.F) {
	f.Add(`{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logStream":"s","subscriptionFilters":["f"],"logEvents":[{"id":"a","timestamp":1,"message":"m"}]}`)
	f.Add(`{"logEvents":[{"message":"\"m\"\n","extractedFields":{"@aws.region":"x"}},7],"messageType":"DATA_MESSAGE","policyLevel":"ACCOUNT_LEVEL_POLICY"}{}`)
	f.Fuzz(func(t *testing.T, doc string) {
		env, ok := Parse([]byte(doc))
		var want struct {
			MessageType string            `json:"messageType"`
			LogEvents   []json.RawMessage `json:"logEvents"`
		}
		if !ok {
			return
		}
		n := 0
		events, texts := env.Events(), env.Events()
		var arena []byte
		for ; events.Next(); n++ {
			arena, ok = texts.NextText(arena)
			require.True(t, ok)
			ev := events.Event()
			require.Equal(t, ev.Raw, texts.Event().Raw)
			require.True(t, json.Valid(ev.Raw))
			if ev.Message.IsString() {
				require.Equal(t, string(ev.Message.AppendText(nil)), string(texts.Event().Text))
			}
		}
		end, whole := events.End()
		if !whole {
			return
		}
		require.True(t, json.Valid([]byte(doc[:end])), doc[:end])
		require.NoError(t, json.Unmarshal([]byte(doc[:end]), &want))
		// Of members with one name encoding/json takes the last.
		if strings.Count(doc, "ogEvents") == 1 {
			require.Len(t, want.LogEvents, n)
		}
	})
}
