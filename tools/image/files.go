package main

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// The layout is that of the image grafana/alloy, so that its Helm chart and compose files made for it can use this one.
const (
	binaryPath = "bin/alloy"
	configPath = "etc/alloy/config.alloy"
	dataPath   = "var/lib/alloy/data"
	rootsPath  = "etc/ssl/certs/ca-certificates.crt"
	// userID is the user alloy, and the group of that name.
	userID = 473
)

const (
	passwd = `root:x:0:0:root:/root:/sbin/nologin
alloy:x:473:473:alloy:/var/lib/alloy:/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
`
	group = `root:x:0:
alloy:x:473:
nobody:x:65534:
`
)

// baseFiles writes the files around the binary as a tar archive. They differ from version to version of this program only, and so a node that has one image has
// most of the next one's layers.
//
// There is no shell, no libc and no package manager: nothing to log in with, and nothing to keep up to date. Time zones are linked into the binary.
func baseFiles(w io.Writer, configFile string) error {
	config, err := os.ReadFile(configFile)
	if err != nil {
		return fmt.Errorf("cannot read the configuration: %w", err)
	}
	t := tar.NewWriter(w)
	for _, entry := range []struct {
		name    string // A directory if it ends in a slash.
		mode    int64
		owner   int
		content []byte
	}{
		{name: "bin/", mode: 0o755},
		{name: "etc/", mode: 0o755},
		{name: "etc/alloy/", mode: 0o755},
		{name: configPath, mode: 0o644, content: config},
		{name: "etc/group", mode: 0o644, content: []byte(group)},
		{name: "etc/passwd", mode: 0o644, content: []byte(passwd)},
		{name: "etc/ssl/", mode: 0o755},
		{name: "etc/ssl/certs/", mode: 0o755},
		{name: rootsPath, mode: 0o644, content: roots()},
		// The chart's default storage directory is below it.
		{name: "tmp/", mode: 0o1777},
		{name: "var/", mode: 0o755},
		{name: "var/lib/", mode: 0o755},
		{name: "var/lib/alloy/", mode: 0o755, owner: userID},
		{name: dataPath + "/", mode: 0o755, owner: userID},
	} {
		if err := addFile(t, entry.name, entry.mode, entry.owner, int64(len(entry.content)), bytes.NewReader(entry.content)); err != nil {
			return err
		}
	}
	return t.Close()
}

// binaryFile writes the binary as a tar archive.
func binaryFile(w io.Writer, binary string) error {
	f, err := os.Open(binary)
	if err != nil {
		return fmt.Errorf("cannot read the binary: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("cannot read the binary: %w", err)
	}
	t := tar.NewWriter(w)
	if err := addFile(t, binaryPath, 0o755, 0, info.Size(), f); err != nil {
		return err
	}
	return t.Close()
}

// addFile writes everything about a file that could differ between two machines as a constant.
func addFile(t *tar.Writer, name string, mode int64, owner int, size int64, content io.Reader) error {
	kind := byte(tar.TypeReg)
	if name[len(name)-1] == '/' {
		kind = tar.TypeDir
	}
	header := &tar.Header{Typeflag: kind, Name: name, Mode: mode, Uid: owner, Gid: owner, Size: size, ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
	if err := t.WriteHeader(header); err != nil {
		return fmt.Errorf("cannot write %q: %w", name, err)
	}
	if _, err := io.Copy(t, content); err != nil {
		return fmt.Errorf("cannot write %q: %w", name, err)
	}
	return nil
}

// roots are the certificates that Mozilla trusts, in PEM form. The binary has some linked in too, which Go uses only where there is no such file; with the file,
// authorities of one's own can be mounted in its place.
func roots() []byte {
	var all bytes.Buffer
	for root := range bundle.Roots() {
		// A bytes.Buffer takes everything.
		_ = pem.Encode(&all, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate})
	}
	return all.Bytes()
}
