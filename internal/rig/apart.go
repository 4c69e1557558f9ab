package rig

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

// RequireApart checks that two sets of arguments, by their addresses, have no
// pointer, map or slice in common, which would let the configuration of one
// component into that of another.
func RequireApart(t *testing.T, a, b any) {
	t.Helper()
	requireApart(t, "Arguments", reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem())
}

func requireApart(t *testing.T, path string, a, b reflect.Value) {
	t.Helper()
	switch a.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		if a.IsNil() || (a.Kind() == reflect.Slice && a.Cap() == 0) {
			return
		}
		require.NotEqual(t, a.Pointer(), b.Pointer(), path)
		if a.Kind() == reflect.Pointer {
			requireApart(t, path, a.Elem(), b.Elem())
		}
	case reflect.Struct:
		for i := range a.NumField() {
			requireApart(t, path+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i))
		}
	}
}
