package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
	"github.com/CycloneDX/cyclonedx-gomod/pkg/generate/bin"
	"github.com/rs/zerolog"
)

// materials lists what a binary was made of, as CycloneDX JSON: the Go modules that the go command has written into it, the Go standard library, and the npm
// packages of the web UI. The same binary gives the same bytes.
func (s *spec) materials(binary string) ([]byte, error) {
	generator, err := bin.NewGenerator(binary, bin.WithIncludeStdlib(true), bin.WithVersionOverride(s.Version), bin.WithLogger(zerolog.Nop()))
	if err != nil {
		return nil, fmt.Errorf("cannot list the modules: %w", err)
	}
	bom, err := generator.Generate()
	if err != nil {
		return nil, fmt.Errorf("cannot list the modules: %w", err)
	}
	bom.Metadata.Timestamp = s.Created.Format(time.RFC3339)
	if s.PackageLock != "" {
		packages, err := npmPackages(s.PackageLock)
		if err != nil {
			return nil, err
		}
		*bom.Components = append(*bom.Components, packages...)
	}
	var out bytes.Buffer
	if err := cyclonedx.NewBOMEncoder(&out, cyclonedx.BOMFileFormatJSON).Encode(bom); err != nil {
		return nil, fmt.Errorf("cannot write the list of modules: %w", err)
	}
	return out.Bytes(), nil
}

// npmPackages lists the packages of a package-lock.json that end in the web UI; those that only build or test it are left out.
// https://docs.npmjs.com/cli/v10/configuring-npm/package-lock-json#packages
func npmPackages(path string) ([]cyclonedx.Component, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the packages of the web UI: %w", err)
	}
	var lock struct {
		Packages map[string]struct {
			Version   string `json:"version"`
			Integrity string `json:"integrity"`
			License   string `json:"license"`
			Dev       bool   `json:"dev"`
			Optional  bool   `json:"optional"`
		} `json:"packages"`
	}
	if err := json.Unmarshal(content, &lock); err != nil {
		return nil, fmt.Errorf("cannot read the packages of the web UI: %w", err)
	}
	seen := map[string]bool{}
	var components []cyclonedx.Component
	for _, place := range slices.Sorted(maps.Keys(lock.Packages)) {
		p := lock.Packages[place]
		_, name, ok := cutLast(place, "node_modules/")
		if !ok || p.Dev || p.Optional || p.Version == "" {
			continue
		}
		// A scope's @ is escaped. https://github.com/package-url/purl-spec/blob/main/types-doc/npm-definition.md
		purl := "pkg:npm/" + strings.Replace(name, "@", "%40", 1) + "@" + p.Version
		if seen[purl] {
			continue
		}
		seen[purl] = true
		components = append(components, cyclonedx.Component{
			BOMRef: purl, Type: cyclonedx.ComponentTypeLibrary, Name: name, Version: p.Version, PackageURL: purl, Scope: cyclonedx.ScopeRequired,
			Licenses: licenses(p.License),
		})
	}
	return components, nil
}

func licenses(expression string) *cyclonedx.Licenses {
	if expression == "" {
		return nil
	}
	return &cyclonedx.Licenses{{Expression: expression}}
}

// cutLast is strings.Cut around the last separator.
func cutLast(s, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(s, separator); i >= 0 {
		return s[:i], s[i+len(separator):], true
	}
	return s, "", false
}
