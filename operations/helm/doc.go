// Package helm holds the values with which Grafana's chart runs this distribution, and the tests that they fit the chart.
package helm
