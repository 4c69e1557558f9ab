// Package recipes runs the configurations of docs/recipes in build/alloy: bytes
// go in as the neighbouring system sends them, and what comes out is compared
// with what the pages promise. It has nothing but tests.
package recipes
