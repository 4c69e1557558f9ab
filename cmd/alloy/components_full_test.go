//go:build full

package main

import "testing"

func TestComponentsFull_CommentsAreTrue(t *testing.T) {
	requireTrueComments(t, "components_full.go")
}
