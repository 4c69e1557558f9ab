package cwlogs

import (
	"encoding/json"
	"fmt"
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
	f.Fuzz(func(t *testing.T, doc string) {
		env, ok := Parse([]byte(doc))
		if !ok {
			return
		}
		require.True(t, json.Valid([]byte(doc[:])) || json.NewDecoder(strings.NewReader(doc)).Decode(new(any)) == nil)
		n := 0
		for e := env.Events(); e.Next(); n++ {
			_ = e.Event().Message.AppendText(nil)
		}
		var elements []json.RawMessage
		require.NoError(t, json.Unmarshal(env.events, &elements))
		require.Len(t, elements, n)
	})
}
