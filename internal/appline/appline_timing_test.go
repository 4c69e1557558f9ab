package appline

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// timed holds one line of each shape that is frequent.
var timed = []struct{ name, line string }{
	{"shape=json_slog", `{"time":"2026-03-04T05:06:07.123456789Z","level":"INFO","msg":"cart emptied","cart":"0815","customer":"c-4711","items":3,"took":"12.5ms","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7"}`},
	{"shape=json_zap", `{"level":"info","ts":1786000001.2345678,"caller":"cart/cart.go:12","msg":"cart emptied","cart":"0815","customer":"c-4711","items":3,"took":"12.5ms","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span":"00f067aa0ba902b7"}`},
	{"shape=json_pino", `{"level":30,"time":1786000001234,"pid":17,"hostname":"cart-5d9f7c8b6d-x2x7k","req":{"id":4711,"method":"GET","url":"/cart/0815","headers":{"host":"shop.example","accept":"*/*"}},"res":{"statusCode":200},"msg":"request completed"}`},
	{"shape=json_time_last", `{"cart":"0815","customer":"c-4711","items":3,"level":"info","msg":"cart emptied","took":"12.5ms","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","time":"2026-03-04T05:06:07Z"}`},
	{"shape=json_no_time", `{"cart":"0815","customer":"c-4711","items":3,"msg":"cart emptied","took":"12.5ms","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7"}`},
	{"shape=json_16k", `{"level":"info","msg":"` + strings.Repeat("cart emptied, ", 1170) + `","time":"2026-03-04T05:06:07Z"}`},
	{"shape=logfmt", `time="2026-03-04T05:06:07Z" level=info msg="cart emptied" cart=0815 customer=c-4711 items=3 took=12.5ms`},
	{"shape=logfmt_no_facts", `cart=0815 customer=c-4711 items=3 took=12.5ms msg="cart emptied"`},
	{"shape=klog", `I0304 05:06:07.123456       1 cart.go:12] "Cart emptied" cart="0815" customer="c-4711"`},
	{"shape=nginx_access", `10.0.31.7 - - [04/Mar/2026:05:06:07 +0000] "GET /cart/0815 HTTP/1.1" 200 612 "-" "curl/8.5.0" "-"`},
	{"shape=nginx_error", `2026/03/04 05:06:07 [error] 31#31: *271 connect() failed (111: Connection refused) while connecting to upstream`},
	{"shape=spring", `2026-03-04T05:06:07.123Z  INFO 1 --- [nio-8080-exec-7] com.acme.cart.web.CartController         : cart 0815 emptied`},
	{"shape=python", `2026-03-04 05:06:07,123 - acme.cart - WARNING - cart 0815 is empty already`},
	{"shape=rfc3164", `<134>Mar  4 05:06:07 cart-0 cart[17]: cart 0815 emptied for customer c-4711`},
	{"shape=text", `cart 0815 emptied for customer c-4711, 3 items, took 12.5ms`},
	{"shape=text_long", `cart 0815 emptied for customer c-4711: ` + strings.Repeat("item and ", 1800)},
	{"shape=frame", "\tat com.acme.cart.web.CartController.empty(CartController.java:118) ~[classes!/:2.14.0]"},
	{"shape=coloured", "2026-03-04 05:06:07.123 \x1b[32m INFO\x1b[0;39m \x1b[35m1\x1b[0;39m --- [main] c.a.c.Cart : emptied"},
}

// go test -bench Read -count 6 ./internal/appline
func BenchmarkRead(b *testing.B) {
	for _, c := range timed {
		b.Run(c.name, func(b *testing.B) {
			line := []byte(c.line)
			b.ReportAllocs()
			b.SetBytes(int64(len(line)))
			for b.Loop() {
				Read(line)
			}
		})
	}
}

func TestRead_Allocs(t *testing.T) {
	for _, c := range timed {
		line := []byte(c.line)
		require.Zero(t, testing.AllocsPerRun(100, func() { Read(line) }), c.name)
	}
	for _, in := range []string{
		`{"Timestamp":"2026-03-04T05:06:07.1234567\u002B01:00","LogLevel":"Critical"}`,
		`{"t":{"$date":{"$numberLong":"1786000001234"}},"s":"D2","log":{"level":"info"}}`,
		`Mar 14 15:16:01 host cart[1]: {"level":"warn","ts":1786000001.5}`,
		`2026-03-04T05:06:07+0000 host kubelet[1949]: W0304 05:06:07.070536    1949 flags.go:64] x`,
	} {
		line := []byte(in)
		require.Zero(t, testing.AllocsPerRun(100, func() { Read(line) }), in)
	}
	object := []byte(timed[0].line)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if _, _, ok := ReadObject(object, 0); !ok {
			t.Fatal("no object")
		}
	}))
}
