// Package sidebyside tests that a converted configuration does what the old one
// did: it runs both in build/alloy, delivers the same records to both, and compares
// what they push to Loki. It has nothing but tests.
package sidebyside
