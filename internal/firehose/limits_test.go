package firehose

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestConfig_Validate(t *testing.T) {
	require.NoError(t, DefaultConfig().Validate())
	f := func(change func(*Config), messages ...string) {
		t.Helper()
		c := DefaultConfig()
		change(&c)
		err := c.Validate()
		require.Error(t, err)
		for _, message := range messages {
			require.ErrorContains(t, err, message)
		}
	}
	f(func(c *Config) { c.Limits.BodySize = 0 },
		"limits.body_size must be between 65536 and 1073741824, and is 0: set one in that range, or leave it out for the default")
	f(func(c *Config) { c.Limits.BodySize = gib + 1 }, "limits.body_size")
	f(func(c *Config) { c.Limits.DecompressedBodySize = -1 }, "limits.decompressed_body_size")
	f(func(c *Config) { c.Limits.Records = 0 }, "limits.records")
	f(func(c *Config) { c.Limits.RecordSize = 0 }, "limits.record_size")
	f(func(c *Config) { c.Limits.DeliverySize = 0 }, "limits.delivery_size")
	f(func(c *Config) { c.Limits.ConcurrentSize = 0 }, "limits.concurrent_size")
	f(func(c *Config) { c.Limits = Limits{} }, "limits.body_size", "limits.decompressed_body_size", "limits.records",
		"limits.record_size", "limits.delivery_size", "limits.concurrent_size")
	f(func(c *Config) { c.Limits.RecordSize = c.Limits.DeliverySize + 1 }, "limits.delivery_size must be at least limits.record_size")
	f(func(c *Config) { c.Limits.ConcurrentSize = c.Limits.minConcurrentSize() - 1 }, "limits.concurrent_size must be at least 293601280 bytes")
	f(func(c *Config) { c.BodyTimeout = 0 }, "body_timeout")
	f(func(c *Config) { c.DeliveryTimeout = time.Millisecond }, "delivery_timeout")
	f(func(c *Config) { c.DeliveryTimeout = 2 * time.Minute }, "must not exceed 2m50s together, and are 3m0s")
	f(func(c *Config) { c.AccessKeys = []string{"a", " \n"} }, "access key 1 is empty")
	f(func(c *Config) { c.AccessKeys = []string{string(make([]byte, 4097))} }, "access key 0 has 4097 bytes")
	f(func(c *Config) { c.AccessKeys = []string{"a\nb"} }, "access key 0 holds a control character")
	key := func(k Key) func(c *Config) {
		return func(c *Config) {
			c.AccessKeys, c.Keys = []string{"one"}, []Key{{Name: "first", Secret: "two"}, k}
		}
	}
	f(key(Key{Secret: "x"}), "a key needs a name of 1 to 128 bytes of UTF-8")
	f(key(Key{Name: "\xff", Secret: "x"}), "a key needs a name of 1 to 128 bytes of UTF-8")
	f(key(Key{Name: "first", Secret: "x"}), `key "first": another key has the same name`)
	f(key(Key{Name: "k", Secret: " "}), `the access key of key "k" is empty`)
	f(key(Key{Name: "k", Secret: "one"}), `the access key of key "k" is the same as access key 0`)
	f(key(Key{Name: "k", Secret: "two\n"}), `the access key of key "k" is the same as the access key of key "first"`)
	f(key(Key{Name: "k", Secret: "x", Tenant: "a|b"}), `key "k": tenant_id "a|b" is no tenant of Loki`)
	f(key(Key{Name: "k", Secret: "x", SourceARNs: []string{"arn:["}}), `key "k": source_arns: "arn:[" is no pattern`)
	f(key(Key{Name: "k", Secret: "x", SourceARNs: []string{""}}), `key "k": source_arns: "" is no pattern`)
	c := DefaultConfig()
	c.AccessKeys = []string{"secret\x00"}
	require.NotContains(t, c.Validate().Error(), "secret")
	_, err := NewHandler(c, delivererFunc(accept), silent{})
	require.Error(t, err)
}
