package appline

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/timestamp"
)

// describe writes a time as RFC 3339, without what it lacks.
func describe(f Facts) string {
	if !f.HasTime {
		return ""
	}
	at := time.Unix(0, f.Time.Nanos).UTC()
	frac := ""
	if f.Time.Digits > 0 {
		frac = "." + strings.Repeat("0", int(f.Time.Digits))
	}
	date, clock, zone := "2006-01-02", "T15:04:05", "Z"
	if f.Time.Lacks&timestamp.LackYear != 0 {
		date = "--01-02"
	}
	if f.Time.Lacks&timestamp.LackDate != 0 {
		date = ""
	}
	if f.Time.Lacks&timestamp.LackZone != 0 {
		zone = ""
	}
	if f.Time.Lacks&timestamp.LackOrder != 0 {
		zone = "?"
	}
	return at.Format(date + clock + frac + zone)
}

// check reads the line alone, with a line feed, and followed by another line.
func check(t *testing.T, in, wantTime, wantLevel string) {
	t.Helper()
	for _, more := range []string{"", "\n", "\r\n", "\n2001-01-01T00:00:00Z FATAL x level=fatal\n"} {
		f := Read([]byte(in + more))
		require.Equal(t, wantTime, describe(f), "%q", in+more)
		require.Equal(t, wantLevel, f.Level, "%q", in+more)
		require.False(t, f.Continuation, "%q", in+more)
	}
}

func TestRead_JSON(t *testing.T) {
	f := func(in, wantTime, wantLevel string) {
		t.Helper()
		check(t, in, wantTime, wantLevel)
		if strings.HasSuffix(in, "}") {
			facts, end, ok := ReadObject([]byte("x"+in+"x"), 1)
			require.True(t, ok, in)
			require.Equal(t, len(in)+1, end, in)
			require.Equal(t, wantTime, describe(facts), in)
			require.Equal(t, wantLevel, facts.Level, in)
		}
	}
	// Go: slog, zap, zerolog, logrus; Kubernetes' JSON.
	f(`{"time":"2026-03-04T05:06:07.123456789Z","level":"INFO","msg":"x"}`, "2026-03-04T05:06:07.123456789Z", Info)
	f(`{"time":"2026-03-04T05:06:07.1+02:00","level":"DEBUG-4","msg":"x"}`, "2026-03-04T03:06:07.1Z", "")
	f(`{"level":"warn","ts":1786000001.2345678,"caller":"x.go:1","msg":"x"}`, "2026-08-06T07:06:41.2345678Z", Warn)
	f(`{"level":"dpanic","ts":"2026-03-04T05:06:07.123+0800","msg":"x"}`, "2026-03-03T21:06:07.123Z", Fatal)
	f(`{"level":"error","time":1786000001,"message":"x"}`, "2026-08-06T07:06:41Z", Error)
	f(`{"cart":"x","level":"warning","msg":"x","time":"2026-03-04T05:06:07-07:00"}`, "2026-03-04T12:06:07Z", Warn)
	f(`{"ts":1786000001234.567,"logger":"x","v":0,"msg":"x"}`, "2026-08-06T07:06:41.234567Z", "")
	f(`{"ts":1786000001234567891,"level":"INFO"}`, "2026-08-06T07:06:41.234567891Z", Info)
	f(`{"ts":"1786000001","level":"info"}`, "2026-08-06T07:06:41Z", Info)
	f(`{"ts":1.7860000015e9}`, "2026-08-06T07:06:41.5Z", "")

	// Node: pino, bunyan, winston, NestJS.
	f(`{"level":30,"time":1786000001234,"pid":1,"msg":"x"}`, "2026-08-06T07:06:41.234Z", Info)
	f(`{"level":10,"time":1786000001234}`, "2026-08-06T07:06:41.234Z", Trace)
	f(`{"level":65,"time":1786000001234}`, "2026-08-06T07:06:41.234Z", Fatal)
	f(`{"name":"x","level":50,"msg":"x","time":"2026-03-04T05:06:07.123Z","v":0}`, "2026-03-04T05:06:07.123Z", Error)
	f(`{"level":"http","message":"x","timestamp":"2026-03-04 05:06:07"}`, "2026-03-04T05:06:07", Info)
	f(`{"level":"log","pid":1,"timestamp":1786000001234,"message":"x"}`, "2026-08-06T07:06:41.234Z", Info)

	// Java: logstash, log4j2, GELF.
	f(`{"@timestamp":"2026-03-04T05:06:07.123Z","@version":"1","level":"WARN","level_value":30000}`, "2026-03-04T05:06:07.123Z", Warn)
	f(`{"@timestamp":"2026-03-04T05:06:07.123Z","level_value":40000}`, "2026-03-04T05:06:07.123Z", Error)
	f(`{"instant":{"epochSecond":1786000001,"nanoOfSecond":234567891},"level":"INFO"}`, "2026-08-06T07:06:41.234567891Z", Info)
	f(`{"level":"INFO","time":1786000001234,"instant":{"epochSecond":1786000001,"nanoOfSecond":234567891}}`, "2026-08-06T07:06:41.234567891Z", Info)
	f(`{"timeMillis":1786000001234,"thread":"main","level":"FATAL"}`, "2026-08-06T07:06:41.234Z", Fatal)
	f(`{"version":"1.1","host":"x","timestamp":1786000001.234567891,"level":3}`, "2026-08-06T07:06:41.234567891Z", Error)
	f(`{"timestamp":1786000001.5,"level":6}`, "2026-08-06T07:06:41.5Z", Info)

	// .NET: Serilog, the JSON console.
	f(`{"@t":"2026-03-04T05:06:07.1234567Z","@m":"x","@i":"1"}`, "2026-03-04T05:06:07.1234567Z", Info)
	f(`{"@t":"2026-03-04T05:06:07.1234567Z","@m":"x","@l":"Verbose"}`, "2026-03-04T05:06:07.1234567Z", Trace)
	f(`{"Timestamp":"2026-03-04T05:06:07.1234567\u002B01:00","LogLevel":"Critical"}`, "2026-03-04T04:06:07.1234567Z", Fatal)
	f(`{"EventId":0,"LogLevel":"Information","Category":"x"}`, "", Info)

	// Python, PHP, MongoDB, ECS, OpenTelemetry, Google, journald.
	f(`{"asctime":"2026-03-04 05:06:07,123","levelname":"CRITICAL","levelno":50}`, "2026-03-04T05:06:07.123", Fatal)
	f(`{"levelno":20,"message":"x"}`, "", Info)
	f(`{"datetime":"04\/Mar\/2026:05:06:07 -0700","level_name":"NOTICE"}`, "2026-03-04T12:06:07Z", Info)
	f(`{"time":"[04/Mar/2026:05:06:07 +0000]","status":200}`, "2026-03-04T05:06:07Z", "")
	f(`{"t":{"$date":"2026-03-04T05:06:07.123+04:30"},"s":"W",  "c":"NETWORK"}`, "2026-03-04T00:36:07.123Z", Warn)
	f(`{"t":{"$date":{"$numberLong":"1786000001234"}},"s":"D2"}`, "2026-08-06T07:06:41.234Z", Debug)
	f(`{"@timestamp":"2026-03-04T05:06:07.123Z","log.level":"error"}`, "2026-03-04T05:06:07.123Z", Error)
	f(`{"@timestamp":"2026-03-04T05:06:07.123Z","log":{"logger":"x","level":"debug"}}`, "2026-03-04T05:06:07.123Z", Debug)
	f(`{"severity_text":"WARN","severity_number":9}`, "", Warn)
	f(`{"severityNumber":17}`, "", Error)
	f(`{"severity":"DEFAULT","timestamp":{"seconds":1786000001,"nanos":5}}`, "2026-08-06T07:06:41.000000005Z", Info)
	f(`{"PRIORITY":"4","MESSAGE":"x"}`, "", Warn)
	f(`{"priority":"Warning","rule":"x","time":"2026-03-04T05:06:07.123456789Z"}`, "2026-03-04T05:06:07.123456789Z", Warn)
	f(`{"lvl":"eror","t":"2026-03-04T05:06:07Z"}`, "2026-03-04T05:06:07Z", Error)
	f(`{"@level":"trace","@message":"x","@timestamp":"2026-03-04T05:06:07.123456Z"}`, "2026-03-04T05:06:07.123456Z", Trace)
	f(`{"level":"W","msg":"x"}`, "", Warn)
	f(`{"date":1786000001.368004,"log":"level=error x"}`, "2026-08-06T07:06:41.368004Z", "")
	f(`{"Timestamp":"1786000001234","Type":"Pod"}`, "2026-08-06T07:06:41.234Z", "")
	f(`{"eventTime":"2026-03-04T05:06:07Z","eventName":"x"}`, "2026-03-04T05:06:07Z", "")
	f(`{"event_timestamp":"2026-03-04T05:06:07Z","level":"info"}`, "2026-03-04T05:06:07Z", Info)

	// An audit event: its level is no severity.
	f(`{"kind":"Event","level":"Metadata","requestReceivedTimestamp":"2026-03-04T05:06:00.000001Z","stageTimestamp":"2026-03-04T05:06:07.123456Z"}`,
		"2026-03-04T05:06:07.123456Z", "")

	// Of two the first, but a whole one before one that lacks a zone.
	f(`{"time":"2026-03-04T05:06:07Z","time":"2026-03-04T09:00:00Z","level":"info","level":"error"}`, "2026-03-04T05:06:07Z", Info)
	f(`{"time":"2026-03-04 05:06:07","ts":"2026-03-04T09:00:00Z"}`, "2026-03-04T09:00:00Z", "")
	f(`{"date":"2026-03-04T05:06:07Z","ts":"2026-03-04T09:00:00Z"}`, "2026-03-04T09:00:00Z", "")
	f(`{"priority":"high","level_value":20000,"severity":"error"}`, "", Error)

	// What is not a time, not a level, or not at the top.
	f(`{"time":12345,"ts":0.25,"t":-1786000001,"timestamp":"yesterday","date":"2026-03-04"}`, "", "")
	f(`{"time":null,"level":null,"ts":true,"lvl":[],"severity":{},"instant":{"epochSecond":1}}`, "", "")
	f(`{"level":8,"severity":"minor","lvl":70,"log_level":99999999999999999999,"levelno":60}`, "", "")
	f(`{"msg":"level=error ERROR","at":"2026-03-04T05:06:07Z","nested":{"level":"error","time":"2026-03-04T05:06:07Z"}}`, "", "")
	f(`{"instant":{"epochSecond":1786000001,"nanoOfSecond":1234567891}}`, "", "")
	f(`{"s":"E","t":"x"}`, "", "")
	f(`{"s":"E","c":"x","t":{"x":1}}`, "", "")
	f(`{"t":{"$date":{"$x":"1786000001234"}}}`, "", "")
	f(`{}`, "", "")
	f(`{"time":"`+strings.Repeat(" ", 60)+`","level":"`+strings.Repeat(`\u0041`, 60)+`"}`, "", "")

	// Damage: what stands whole before it counts.
	f(`{"level":"warn","msg":"half a li`, "", Warn)
	f(`{"time":"2026-03-04T05:06:07Z","level":"info","msg":"x[Truncated...]`, "2026-03-04T05:06:07Z", Info)
	f(`{"level":30,"time":17860000`, "", Info)
	f(`{"level":"info"`, "", "")
	f(`{"level`, "", "")
	f(`{`, "", "")
}

func TestReadObject_Failure(t *testing.T) {
	for _, in := range []string{"", "x", `"x"`, `[1]`, `{`, `{"level":"info"`, `{"level":"info",}`, `{level:"info"}`} {
		f, _, ok := ReadObject([]byte(in), 0)
		require.False(t, ok, in)
		require.Equal(t, Facts{}, f, in)
	}
	_, _, ok := ReadObject([]byte("{}"), 2)
	require.False(t, ok)
}

func TestRead_Logfmt(t *testing.T) {
	f := func(in, wantTime, wantLevel string) {
		t.Helper()
		check(t, in, wantTime, wantLevel)
	}
	f(`time="2026-03-04T05:06:07Z" level=warning msg="x y" cart=1`, "2026-03-04T05:06:07Z", Warn)
	f(`level=info ts=2026-03-04T05:06:07.123456789Z caller=x.go:1`, "2026-03-04T05:06:07.123456789Z", Info)
	f(`logger=cart t=2026-03-04T05:06:07.5Z lvl=eror msg=x`, "2026-03-04T05:06:07.5Z", Error)
	f(`ts=1786000001.25 severity=debug`, "2026-08-06T07:06:41.25Z", Debug)
	f(`msg="level=error \"time=x\" y" log.level=debug`, "", Debug)
	f(`msg="never closed level=error`, "", "")
	f(`time= level= msg=x`, "", "")
	f(`session= level=info`, "", Info)
	f(`key="v" (not a pair) "level=error" level=info`, "", Info)
	f(`key1="value with \"quotes\"" key2=normal`, "", "")
	f(`level=info `+strings.Repeat("k=v ", 300)+`time=2026-03-04T05:06:07Z`, "", Info)
	f("\x1b[36mlevel\x1b[0m=warn \x1b[36mts\x1b[0m=2026-03-04T05:06:07Z", "2026-03-04T05:06:07Z", Warn)
	f(`2026-03-04T05:06:07.5Z" level=error msg="the start is lost"`, "2026-03-04T05:06:07.5Z", Error)
	f(`2026-03-04T05:06:07.5Z level=error msg=x`, "2026-03-04T05:06:07.5Z", Error)
	f(`a=b s=E log=x`, "", "")
}

func TestRead_Klog(t *testing.T) {
	f := func(in, wantTime, wantLevel string) {
		t.Helper()
		check(t, in, wantTime, wantLevel)
	}
	f(`I0304 05:06:07.123456       1 cart.go:12] "Emptied" level="error"`, "--03-04T05:06:07.123456", Info)
	f(`W0304 05:06:07.123456 1 cart.go:12] memberlist 2026/03/04 05:06:07 [DEBUG] x`, "--03-04T05:06:07.123456", Warn)
	f(`E1231 23:59:59.999999    12 cart.go:12] x`, "--12-31T23:59:59.999999", Error)
	f(`F0229 00:00:00.000000    12 cart.go:12] x`, "--02-29T00:00:00.000000", Fatal)
	f(`F0304 050607 cart.cc:22] x`, "--03-04T05:06:07", Fatal)
	f(`I20260304 05:06:07.123456 15 cart.cc:22] x`, "2026-03-04T05:06:07.123456", Info)
	f(`I0304 05:06:07 bananas`, "", "")
	f(`WHAT1 a message`, "", "")
	f(`11002 a message`, "", "")
	f(`E2 is no header`, "", "")
	f(`2026-03-04T05:06:07.000Z W0304 05:06:07.946516      12 x.go:2] exported`, "2026-03-04T05:06:07.946516Z", Warn)
	f(`2026-03-04T05:06:07.000Z W0304 09:17:07.946516      12 x.go:2] another time`, "2026-03-04T05:06:07.000Z", Warn)
}

func TestRead_Text(t *testing.T) {
	f := func(in, wantTime, wantLevel string) {
		t.Helper()
		check(t, in, wantTime, wantLevel)
	}
	// A time, a level, a text.
	f("2026-03-04T05:06:07.123Z\tINFO\tcart\temptied\t{\"n\": 1}", "2026-03-04T05:06:07.123Z", Info)
	f("2026-03-04T05:06:07.123Z\twarn\tcart\temptied", "2026-03-04T05:06:07.123Z", Warn)
	f("2026-03-04T05:06:07.123456Z  INFO cart::web: emptied", "2026-03-04T05:06:07.123456Z", Info)
	f("2026-03-04T05:06:07.123Z [WARN]  agent.cart: emptied", "2026-03-04T05:06:07.123Z", Warn)
	f("2026-03-04T05:06:07Z ERR cart is empty", "2026-03-04T05:06:07Z", Error)
	f("2026-03-04T05:06:07Z error: cart is empty", "2026-03-04T05:06:07Z", Error)
	f("2026-03-04T05:06:07Z I! cart is empty", "2026-03-04T05:06:07Z", Info)
	f("I! cart is empty", "", Info)
	f("E! ", "", Error)
	f("2026-03-04 05:06:07 +0000 [warn]: #0 cart is empty", "2026-03-04T05:06:07Z", Warn)
	f("2026-03-04 05:06:07.123456 W | cartserver: cart is empty", "2026-03-04T05:06:07.123456", Warn)
	f("2026-03-04T05:06:07.123+0000 I NETWORK  [listener] connection accepted", "2026-03-04T05:06:07.123Z", Info)
	f("2026-03-04T05:06:07.123+0000 I am only a sentence", "2026-03-04T05:06:07.123Z", "")
	f("26/03/04 05:06:07 INFO cart.Executor: emptied", "2026-03-04T05:06:07", Info)
	f("260304 050607 148 WARN cart.Executor: emptied", "2026-03-04T05:06:07", Warn)

	// Java.
	f("2026-03-04T05:06:07.123Z  INFO 1 --- [nio-8080-exec-7] c.a.Cart : emptied", "2026-03-04T05:06:07.123Z", Info)
	f("2026-03-04 05:06:07.123 \x1b[1;31mERROR\x1b[0;39m \x1b[35m1\x1b[0;39m --- [main] c.a.Cart : x", "2026-03-04T05:06:07.123", Error)
	f("2026-03-04 05:06:07,123 - INFO  [Peer[myid=1]/0:0:2181:Cart@774] - Notification", "2026-03-04T05:06:07.123", Info)
	f("2026-03-04 05:06:07.123 [http-nio-exec-8] DEBUG com.acme.Cart [id=1] emptied", "2026-03-04T05:06:07.123", Debug)
	f("[2026-03-04 05:06:07,123][TRACE][com.acme.Cart      ] [srv] x", "2026-03-04T05:06:07.123", Trace)
	f("[2026-03-04 05:06:07,123] WARN Cart is empty (com.acme.Cart)", "2026-03-04T05:06:07.123", Warn)
	f("ERROR [event-loop-3] 2026-03-04 05:06:07,123 2025-01-01 cart is empty", "2026-03-04T05:06:07.123", Error)
	f("INFO  [main] 2026-03-04 05:06:07,123 Cart.java:12 - emptied", "2026-03-04T05:06:07.123", Info)
	f("05:06:07.123 [main] INFO  com.acme.Cart -- emptied", "T05:06:07.123", Info)
	f("5030 [main] INFO  com.acme.Cart -- emptied", "", Info)
	f("04-Mar-2026 05:06:07.249 SEVERE [main] org.acme.Cart.run x", "2026-03-04T05:06:07.249", Error)
	f("Mar 04, 2026 5:06:07 PM com.acme.Cart run", "2026-03-04T17:06:07", "")
	f("SEVERE: cart is empty", "", Error)
	f("FINE: cart is empty", "", Debug)
	f(`Exception in thread "main" java.lang.IllegalStateException: empty`, "", Error)
	f("2026.03.04 05:06:07.168802 [ 847 ] {} <Warning> Cart: empty", "2026-03-04T05:06:07.168802", Warn)

	// Python.
	f("2026-03-04 05:06:07,123 - acme.cart - WARNING - empty", "2026-03-04T05:06:07.123", Warn)
	f("2026-03-04 05:06:07.123 | SUCCESS  | acme.cart:run:12 - empty", "2026-03-04T05:06:07.123", "")
	f("2026-03-04 05:06:07.123 | INFO     | acme.cart:run:12 - ERROR", "2026-03-04T05:06:07.123", Info)
	f("2026-03-04 05:06:07,123 - acme.cart - info - empty", "2026-03-04T05:06:07.123", Info)
	f("2026-03-04 05:06:07,123 ERROR [acme.cart:222] log 46 1404 x", "2026-03-04T05:06:07.123", Error)
	f("2026-03-04 05:06:07,123 ERROR:__main__:Traceback (most recent call last):", "2026-03-04T05:06:07.123", Error)
	f("[2026-03-04 05:06:07 +0000] [12] [INFO] Booting worker", "2026-03-04T05:06:07Z", Info)
	f("[2026-03-04 05:06:07,123: WARNING/MainProcess] x", "2026-03-04T05:06:07.123", Warn)
	f("[2026-03-04T05:06:07.123+0000] {cart.py:12} INFO - x", "2026-03-04T05:06:07.123Z", Info)
	f("[I 260304 05:06:07 web:2271] 200 GET /", "2026-03-04T05:06:07", Info)
	f("[E 2026-03-04 05:06:07.123 CartApp] x", "2026-03-04T05:06:07.123", Error)
	f("INFO:     10.0.31.7:56338 - \"POST /cart HTTP/1.1\" 200 OK", "", Info)
	f("WARNING:root:cart is empty", "", Warn)
	f("cart-api.log.1.2026-03-04_13:53:08 2026-03-04 05:06:07.008 25746 INFO cart [req-1] x", "2026-03-04T05:06:07.008", Info)

	// Go, Ruby, Rust, Node, .NET, PHP.
	f(`2026/03/04 05:06:07 "GET http://cart/ HTTP/1.1" from 10.0.31.7:61582 - 200`, "2026-03-04T05:06:07", "")
	f("2026/03/04 05:06:07 http: panic serving 127.0.0.1:56889: nil", "2026-03-04T05:06:07", Error)
	f("2026/03/04 05:06:07 [INFO] linux/amd64, go1.26", "2026-03-04T05:06:07", Info)
	f("[GIN] 2026/03/04 - 05:06:07 | 200 |    1.2ms | 10.0.31.7 | GET      \"/cart\"", "2026-03-04T05:06:07", "")
	f("[GIN-debug] [WARNING] Running in debug mode", "", Warn)
	f("[0.005s][info][gc] Using G1", "", Info)
	f("[2026-03-04 05:06:07.123][17][warning][main] [source/cart.cc:1] x", "2026-03-04T05:06:07.123", Warn)
	f("2026-03-04 05:06:07 UTC | CART | INFO | (cart.go:12 in run) | x", "2026-03-04T05:06:07Z", Info)
	f("panic: runtime error: index out of range", "", Fatal)
	f("fatal error: all goroutines are asleep - deadlock!", "", Fatal)
	f("INFO[0000] cart emptied                 cart=1", "", Info)
	f("\x1b[33mWARN\x1b[0m[0012] cart emptied", "", Warn)
	f("ERRO[0012] cart emptied", "", Error)
	f("3:04PM INF cart emptied", "", Info)
	f("I, [2026-03-04T05:06:07.123456 #1]  INFO -- : emptied", "2026-03-04T05:06:07.123456", Info)
	f("[2026-03-04T05:06:07Z WARN  cart::web] emptied", "2026-03-04T05:06:07Z", Warn)
	f("[06:23:18 FTL] cart is empty", "T06:23:18", Fatal)
	f("[14:30:30.123] ERROR: cart is empty", "T14:30:30.123", Error)
	f("[14:30:30.123] ERROR (17): cart is empty", "T14:30:30.123", Error)
	f("\x1b[32m[Nest] 17  - \x1b[39m03/04/2026, 5:06:07 PM \x1b[32m    LOG\x1b[39m \x1b[33m[Cart] \x1b[39mx", "2026-03-04T17:06:07?", Info)
	f("[Nest] 17  - 03/14/2026, 5:06:07 PM   ERROR [Cart] x", "2026-03-14T17:06:07", Error)
	f("info: Acme.Cart[0]", "", Info)
	f("fail: Acme.Cart[0]", "", Error)
	f("crit: Acme.Cart[0]", "", Fatal)
	f("Unhandled exception. System.InvalidOperationException: x", "", Error)
	f("Error: Cannot find module 'cart'", "", Error)
	f("[2026-03-04 05:06:07] production.ERROR: cart is empty {\"x\":1}", "2026-03-04T05:06:07", Error)
	f("[04-Mar-2026 05:06:07 UTC] PHP Warning:  cart is empty in /cart.php", "2026-03-04T05:06:07Z", Warn)
	f("PHP Fatal error:  Uncaught Error", "", Fatal)
	f("[info:2026-03-04T05:06:07.93-08:00] x", "2026-03-04T13:06:07.93Z", Info)

	// Servers.
	f("2026/03/04 05:06:07 [crit] 6689#6689: *1672 SSL_do_handshake() failed", "2026-03-04T05:06:07", Fatal)
	f("2026/03/04 05:06:07 [error]  29874#0: *98 open() failed", "2026-03-04T05:06:07", Error)
	f("nginx: [alert] could not open error log file", "", Fatal)
	f("[04/Mar/2026:05:06:07 +0000] [proxy:error] [pid 23964] x", "2026-03-04T05:06:07Z", Error)
	f("[2026-03-04 05:06:07.138633] [php7:emerg] [pid 4803] x", "2026-03-04T05:06:07.138633", Fatal)
	f("[Wed Mar 04 05:06:07.123456 2026] [core:notice] [pid 1] x", "2026-03-04T05:06:07.123456", Info)
	f("[2026/03/04 05:06:07] [ info] [storage] in-memory, error 0", "2026-03-04T05:06:07", Info)
	f("[2026/03/04 05:06:07] [ warn] [engine] chunk '1-1786000001.283.flb'", "2026-03-04T05:06:07", Warn)
	f("2026-03-04 05:06:07.689 UTC [27] LOG:  checkpoint starting: time", "2026-03-04T05:06:07.689Z", Info)
	f("2026-03-04 05:06:07.689 UTC [27] cart@shop FATAL:  no pg_hba.conf entry", "2026-03-04T05:06:07.689Z", Fatal)
	f("2026-03-04 05:06:07.689 UTC [27] DETAIL:  parameters: $1 = ERROR", "2026-03-04T05:06:07.689Z", "")
	f("2026-03-04T05:06:07.123456Z 0 [Note] [MY-010116] [Server] x", "2026-03-04T05:06:07.123456Z", Info)
	f("[4018] 04 Mar 05:06:07.119 * Background saving", "--03-04T05:06:07.119", Info)
	f("1:S 04 Mar 2026 05:06:07.999 . verbose", "2026-03-04T05:06:07.999", Debug)
	f("17:M 04 Mar 2026 05:06:07.999 # overcommit_memory", "2026-03-04T05:06:07.999", Warn)
	f("17:M 04 Mar 2026 05:06:07.999 - 1 clients", "2026-03-04T05:06:07.999", Debug)
	f("[17] 2026-03-04 05:06:07.999 - ERROR - x", "2026-03-04T05:06:07.999", Error)
	f("[17] 2026-03-04 05:06:07.999 - x", "2026-03-04T05:06:07.999", "")
	f("17:M 04 Mar 2026 05:06:07.999 ? 1 clients", "2026-03-04T05:06:07.999", "")
	f("[INFO] plugin/reload: Running configuration", "", Info)
	f("[WARNING] 063/050607 (1) : cart", "", Warn)
	f("Log file created at: 2026/03/04 05:06:07", "2026-03-04T05:06:07", "")
	f(" 2026/03/04 05:06:07 [ERR] x", "2026-03-04T05:06:07", Error)
	f("    2026/03/04 05:06:07 [ERR] x", "2026-03-04T05:06:07", Error)
	f(" ERROR x", "", Error)
	f(`2026-03-04T05:06:07Z {"level":"warn","time":"2026-03-04T05:06:06.5Z","msg":"x"}`, "2026-03-04T05:06:06.5Z", Warn)
	f(`2026-03-04T05:06:07Z {"time":"2026-01-01T00:00:00Z","event":"x"}`, "2026-03-04T05:06:07Z", "")
	f(`2026-03-04 05:06:07 {"time":"2026-03-04T04:06:07Z","event":"x"}`, "2026-03-04T04:06:07Z", "")
	f(`2026-03-04T05:06:07Z cart=1 time=2026-01-01T00:00:00Z`, "2026-03-04T05:06:07Z", "")
	f(`2026-03-04T05:06:07Z response: ERROR 500`, "2026-03-04T05:06:07Z", "")
	f(`2026-03-04T05:06:07Z got response: ERROR 500`, "2026-03-04T05:06:07Z", "")
	f(`2026-03-04 05:06:07 deadline: 2026-05-01T00:00:00Z`, "2026-03-04T05:06:07", "")
	f("2026-03-04T05:06:07Z [config] reading the file", "2026-03-04T05:06:07Z", "")
	f("2026-03-04T05:06:07Z [Note] x", "2026-03-04T05:06:07Z", Info)
	f(`2026-03-04T05:06:07Z INFO {"level":"warn"}`, "2026-03-04T05:06:07Z", Info)
}

func TestRead_Access(t *testing.T) {
	f := func(in, wantTime string) {
		t.Helper()
		check(t, in, wantTime, "")
	}
	f(`10.0.31.7 - - [04/Mar/2026:05:06:07 +0000] "GET / HTTP/1.1" 500 612 "-" "ERROR"`, "2026-03-04T05:06:07Z")
	f(`127.0.0.1 bob frank [04/Mar/2026:05:06:07 -0700] "GET / HTTP/1.0" 200 2326`, "2026-03-04T12:06:07Z")
	f(`shop.example:443 ::ffff:10.0.31.7 - - [04/Mar/2026:05:06:07 +0000] "" 400 0`, "2026-03-04T05:06:07Z")
	f(`::ffff:10.0.31.7 - - [Wed, 04 Mar 2026 05:06:07 GMT] "GET / HTTP/1.1" - -`, "2026-03-04T05:06:07Z")
	f(`10.0.31.7 - - [04/Mar/2026 05:06:07] "GET / HTTP/1.1" 200 -`, "2026-03-04T05:06:07")
	f(`10.0.31.7:33317 [04/Mar/2026:05:06:07.655] http-in static/srv1 10/0/30/69/109 200`, "2026-03-04T05:06:07.655")
	f(`10.0.31.7 - - "[04/Mar/2026:05:06:07 +0000]"`, "")
	f(`one two three four five six seven [04/Mar/2026:05:06:07 +0000]`, "")
	f(`10.0.31.7 - - [04/Mar/2026:05:06:07 +0000`, "")
	f(`10.0.31.7 - -[04/Mar/2026:05:06:07 +0000] x`, "")
	f(`GET /v1/user 404 31.7ms`, "")
}

func TestRead_Syslog(t *testing.T) {
	f := func(in, wantTime, wantLevel string) {
		t.Helper()
		check(t, in, wantTime, wantLevel)
	}
	f("<6>2026-03-04T05:06:07-04:00  cart[3966]: 4711: New message at: Wed Mar 4 20:22:01 UTC 2026", "2026-03-04T09:06:07Z", Info)
	f(`<13>1 2026-03-04T05:06:07.119Z host cart 2426 ID931 [x@1 iut="3" eventSource= "y"] error`, "2026-03-04T05:06:07.119Z", Info)
	f("<165>1 2026-03-04T05:06:07.003Z host cart - ID47 - x", "2026-03-04T05:06:07.003Z", Info)
	f("<34>Mar  4 05:06:07 host su: 'su root' failed", "--03-04T05:06:07", Fatal)
	f("<131>Mar  4 05:06:07 host httpd[17]: [php7:emerg] x", "--03-04T05:06:07", Error)
	f("<30>Mar  4 05:06:07 host kubelet[17]: I0304 05:06:07.123456 17 x.go:1] x", "--03-04T05:06:07.123456", Info)
	f("<191>1 - - - - - - x", "", Debug)
	f("<4>text", "", Warn)
	f("Mar 13 16:33:35 haproxy[73411]: I am missing a priority.", "--03-13T16:33:35", "")
	f("Mar 14 15:16:01 combo sshd(pam_unix)[19939]: failure; logname= uid=0 level=x ", "--03-14T15:16:01", "")
	f("Mar 14 15:16:01 host cart[1]: level=warn msg=x", "--03-14T15:16:01", Warn)
	f("Mar 14 15:16:01 host cart[1]: 2026-03-14T15:16:01.5Z ERROR x", "2026-03-14T15:16:01.5Z", Error)
	f("Mar 14 15:16:01 host cart[1]: {\"level\":\"warn\",\"ts\":1786000001.5}", "2026-08-06T07:06:41.5Z", Warn)
	f("Mar 14 15:16:01 host kernel: [123.456] ERROR x", "--03-14T15:16:01", Error)
	f("Mar 14 13:47:15 host kubelet[24095]: I0314 13:47:15.916165   24095 flags.go:64] x", "--03-14T13:47:15.916165", Info)
	f("2026-03-04T05:06:07+0000 gke-x-0hgr kubelet[1949]: W0304 05:06:07.070536    1949 flags.go:64] x", "2026-03-04T05:06:07.070536Z", Warn)
	f("2026-03-04T05:06:07+0000 gke-x-0hgr kubelet[1949]: W0304 05:06:07    1949 flags.go:64] x", "2026-03-04T05:06:07Z", Warn)
	f("Mar 14 15:16:01 host cart[1]: 05:06:07 x", "--03-14T15:16:01", "")
	f("Mar 14 15:16:01 host cart[1]: <3>x", "--03-14T15:16:01", Error)
	f("Mar 14 15:16:01 host cart[1]: <3>Mar 14 15:16:02 x[1]: y", "--03-14T15:16:02", Error)

	// No priority.
	f("<192>x", "", "")
	f("<1234>x", "", "")
	f("<>x", "", "")
	f("<html>", "", "")
	f("<", "", "")
	f("<13", "", "")
}

// TestRead_Words holds texts whose words are no levels and whose dates are not
// theirs.
func TestRead_Words(t *testing.T) {
	f := func(in string) {
		t.Helper()
		check(t, in, "", "")
	}
	f("")
	f("cart emptied")
	f("an ERROR in a text is no level")
	f("error reading the cart")
	f("warning lights are on")
	f("12 ERROR lines found")
	f("INFORMATION1 x")
	f("ERROR[x] is a name")
	f("INFO[")
	f("note: this is a note")
	f("LOG is a word")
	f("http: proxy error")
	f("fine by me: level")
	f("unknown error: x")
	f("config error: x")
	f("e 3s at column{\"level\":30,\"time\":1776732")
	f("\"level\":\"info\",\"msg\":\"x\"")
	f("Backup of 2026-03-04T05:06:07Z finished")
	f("File /var/log/containers/*.log not present, sleeping 1")
	f("Fluent Bit v5.1.1")
	f("====nodeFilter filter===")
	f("PostgreSQL Database directory appears to contain a database; Skipping initialization")
	f("{main} started")
	f("[ unclosed ERROR")
	f("[]")
	f("[main] text about an ERROR")
	f("[1] [2] [3] [4] [5] [6] [7] [8] [9] [10] ERROR: too deep")
	f("hello.log is a file")
	f("x: [y]")
	f("I")
	f("I am")
	f("D!")
	f("- ERROR x")
	f("   ")
	f("0")
	f("\x1b[31mtext\x1b[0m")
	f("\x1b[3")
}

func TestRead_Continuation(t *testing.T) {
	f := func(in string, want bool) {
		t.Helper()
		for _, more := range []string{"", "\n", "\r\n"} {
			got := Read([]byte(in + more))
			require.Equal(t, Facts{Continuation: want}, got, "%q", in+more)
		}
	}
	f("\tat com.acme.Cart.empty(Cart.java:10)", true)
	f("\t... 2 more", true)
	f("    at Cart.empty (/app/cart.js:10:5)", true)
	f("at com.acme.Cart.empty(Cart.java:10)", true)
	f("... 17 more", true)
	f("... and so on", false)
	f("Caused by: java.lang.IllegalStateException: empty", true)
	f("Suppressed: java.io.IOException: x", true)
	f("Traceback (most recent call last):", true)
	f(`  File "/app/cart.py", line 10, in <module>`, true)
	f("The above exception was the direct cause of the following exception:", true)
	f("During handling of the above exception, another exception occurred:", true)
	f("goroutine 17 [running]:", true)
	f("goroutine 17 is a nice one", false)
	f("panic(0x47345e0, 0xc420235060)", true)
	f("panic({0x47345e0?, 0xc420235060?})", true)
	f("panic(attack)", false)
	f("created by net/http.(*Server).Serve in goroutine 1", true)
	f("net/http.(*conn).serve(0xc000, {0x1, 0x2})", true)
	f("main.main()", true)
	f("acme.io/cart/web.(*Cart).Empty(...)", true)
	f("cart.empty(x)", false)
	f("call main.main()", false)
	f("empty()", false)
	f("a smile :)", false)
	f(")", false)
	f("[signal SIGSEGV: segmentation violation code=0x1]", true)
	f("Trace[900000000]: [652.3ms] [652.2ms] END", true)
	f("      Now listening on: http://localhost:7000/", true)
	f("  ERROR in the middle of a text", true)
	f("\tERROR", true)
	f("at once", false)
}

func TestLevelOf(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		for _, word := range []string{in, strings.ToUpper(in), strings.ToUpper(in[:1]) + in[1:]} {
			level, _ := levelOf([]byte(word))
			require.Equal(t, want, level, word)
		}
	}
	f("informational", Info)
	f("emergency", Fatal)
	f("alert", Fatal)
	f("notice", Info)
	f("verbose", Trace)
	f("finest", Trace)
	f("severe", Error)
	f("informationals", "")
	f("in", "")
	f("in4", "")
	f("level", "")
	f("err\x80", "")
}

func TestLevelScales(t *testing.T) {
	require.Equal(t, []string{Fatal, Fatal, Fatal, Error, Warn, Info, Info, Debug, "", ""}, scale(numberLevel, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9))
	require.Equal(t, []string{Trace, Debug, Info, Warn, Error, Fatal, "", ""}, scale(numberLevel, 10, 20, 30, 40, 50, 60, 70, -1))
	require.Equal(t, []string{Info, Trace, Debug, Info, Warn, Error, Fatal, "", ""},
		scale(numberLevel, 35, 5000, 10_000, 20_000, 30_000, 40_000, 50_000, 60_000, 30_001))
	require.Equal(t, []string{Trace, Debug, Info, Warn, Error, Fatal, "", ""}, scale(pythonLevel, 0, 10, 25, 30, 40, 50, 60, -1))
	require.Equal(t, []string{"", Trace, Debug, Info, Warn, Error, Fatal, ""}, scale(otelLevel, 0, 1, 8, 9, 13, 17, 24, 25))
	require.Equal(t, []string{Trace, Debug, Info, Info, Warn, Error, Fatal, Fatal, ""},
		[]string{letterLevel('V'), letterLevel('D'), letterLevel('I'), letterLevel('N'), letterLevel('W'), letterLevel('E'), letterLevel('F'), letterLevel('C'), letterLevel('x')})
}

func scale(level func(int64) string, numbers ...int64) []string {
	var levels []string
	for _, n := range numbers {
		levels = append(levels, level(n))
	}
	return levels
}

// TestRead_Short cuts every kind of line everywhere.
func TestRead_Short(t *testing.T) {
	for _, c := range timed {
		line := []byte(c.line[:min(len(c.line), 400)])
		for end := range len(line) + 1 {
			Read(line[:end:end])
		}
	}
}

// TestRead_Long tells that a text costs the same however long it is.
func TestRead_Long(t *testing.T) {
	for _, head := range []string{"cart emptied ", "2026-03-04T05:06:07Z ", "[", "((((", "a=b ", `a="`, "<13>", "\x1b[3", "x:", "I", "{", "- "} {
		for _, fill := range []string{" ", "[", "a", "\\", "\"", "1", "=", "-", "a=b ", "[1] ", "\x1b[1m"} {
			line := []byte(head + strings.Repeat(fill, 1<<20/len(fill)))
			want := Read(line[:4*logfmtLen])
			require.Equal(t, want, Read(line), "%.20q", line)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, c := range timed {
		f.Add([]byte(c.line[:min(len(c.line), 400)]))
	}
	for _, in := range []string{
		"Mar 14 15:16:01 host cart[1]: {\"level\":\"warn\",\"ts\":1786000001.5}", "ERROR [x] 2026-03-04 05:06:07,123 y",
		"[I 260304 05:06:07 web:2271] x", "17:M 04 Mar 2026 05:06:07.999 # x", "\x1b[33mWARN\x1b[0m[0012] x",
		`2026-03-04T05:06:07.5Z" level=error`, "[info:2026-03-04T05:06:07.93-08:00] x", "I, [2026-03-04T05:06:07 #1]  INFO -- : x",
	} {
		f.Add([]byte(in))
	}
	known := map[string]bool{"": true, Trace: true, Debug: true, Info: true, Warn: true, Error: true, Fatal: true}
	f.Fuzz(func(t *testing.T, line []byte) {
		was := string(line)
		facts := Read(line)
		require.Equal(t, was, string(line), "the line is not changed")
		require.True(t, known[facts.Level], facts.Level)
		if facts.Continuation {
			require.Equal(t, Facts{Continuation: true}, facts)
		}
		if !facts.HasTime {
			require.Zero(t, facts.Time)
		}
		require.LessOrEqual(t, facts.Time.Digits, uint8(9))
		require.Equal(t, facts, Read(append(line[:len(line):len(line)], "\nERROR more"...)[:len(line)]))

		// A whole object tells the walk through all of it what it tells Read.
		if object, end, ok := ReadObject(line, 0); ok && end == len(line) && !strings.Contains(was, "instant") && !strings.Contains(was, "stageTimestamp") {
			require.Equal(t, object, facts, strconv.Quote(was))
		}
	})
}
