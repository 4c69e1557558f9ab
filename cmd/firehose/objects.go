package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// object is one of a backup's objects.
type object struct {
	// Key names it within its bucket or folder.
	Key  string
	Size int64
	// Modified is when it was written.
	Modified time.Time
}

// keyTime is the time in the name of an object of Firehose's:
// stream-version-year-month-day-hour-minute-second-id.
//
// https://docs.aws.amazon.com/firehose/latest/dev/s3-object-name.html
var keyTime = regexp.MustCompile(`-(\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d)-[^/]*$`)

// time returns when Firehose got the oldest record of the object, to the second, by
// its name; of an object with another name, when it was written.
func (o object) time() time.Time {
	if m := keyTime.FindStringSubmatch(o.Key); m != nil {
		if t, err := time.Parse("2006-01-02-15-04-05", m[1]); err == nil {
			return t
		}
	}
	return o.Modified
}

// content is an object that is open.
type content interface {
	io.ReaderAt
	io.Closer
}

// bucket is where the objects of a backup are.
type bucket interface {
	// String names it: the same one by the same name.
	String() string
	// list returns its objects in a fixed order.
	list(ctx context.Context) ([]object, error)
	open(ctx context.Context, o object) (content, error)
}

// folder is a bucket on the disk: a folder with all that is in it, or one file.
type folder string

func openFolder(path string) (folder, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("cannot find backup: %w", err)
	}
	return folder(path), nil
}

func (f folder) String() string { return string(f) }

func (f folder) list(ctx context.Context) ([]object, error) {
	var objects []object
	err := filepath.WalkDir(string(f), func(path string, entry fs.DirEntry, err error) error {
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		// What begins with a dot is a download that has not ended, or the file
		// system's own.
		if path != string(f) && strings.HasPrefix(entry.Name(), ".") {
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		info, err := os.Stat(path) // Not entry.Info: the file behind a link.
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		key, err := filepath.Rel(string(f), path)
		if err != nil {
			return err
		}
		if key == "." {
			key = filepath.Base(path)
		}
		objects = append(objects, object{Key: filepath.ToSlash(key), Size: info.Size(), Modified: info.ModTime()})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot list backup: %w", err)
	}
	slices.SortFunc(objects, func(a, b object) int { return cmp.Compare(a.Key, b.Key) })
	return objects, nil
}

func (f folder) open(_ context.Context, o object) (content, error) {
	path := filepath.Join(string(f), filepath.FromSlash(o.Key))
	if info, err := os.Stat(string(f)); err == nil && !info.IsDir() {
		path = string(f)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read backup: %w", err)
	}
	return file, nil
}
