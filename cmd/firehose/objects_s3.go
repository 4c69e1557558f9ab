package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// s3Scheme begins the name of a bucket in S3.
const s3Scheme = "s3://"

// s3Options say how to reach S3.
type s3Options struct {
	// EndpointURL is that of another server with S3's interface; empty for S3, or
	// what AWS_ENDPOINT_URL_S3 says.
	EndpointURL string
	// Region is the bucket's; empty for what the environment says.
	Region string
	// Fallback is the region if the environment says nothing.
	Fallback string
}

// s3Bucket is a bucket in S3, or what begins with a prefix in it.
type s3Bucket struct {
	client       *s3.Client
	name, prefix string
}

// openS3 returns the bucket of an address such as s3://bucket/prefix. Credentials are found as by any
// program of AWS.
//
// https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
func openS3(ctx context.Context, address string, o s3Options) (*s3Bucket, error) {
	// Not as a URL: a prefix may hold what looks like an escape.
	name, prefix, _ := strings.Cut(strings.TrimPrefix(address, s3Scheme), "/")
	if name == "" {
		return nil, fmt.Errorf("%.64q is not %sbucket/prefix", address, s3Scheme)
	}
	var load []func(*config.LoadOptions) error
	if o.Region != "" {
		load = append(load, config.WithRegion(o.Region))
	}
	cfg, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, fmt.Errorf("cannot configure S3: %w", err)
	}
	if cfg.Region == "" {
		cfg.Region = o.Fallback
	}
	client := s3.NewFromConfig(cfg, func(s *s3.Options) {
		if o.EndpointURL != "" {
			s.BaseEndpoint = aws.String(o.EndpointURL)
			s.UsePathStyle = true // A server of one's own has one name.
		}
		// Objects may have no checksum, of which there is a warning otherwise.
		s.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	})
	return &s3Bucket{client: client, name: name, prefix: prefix}, nil
}

func (b *s3Bucket) String() string { return s3Scheme + b.name + "/" + b.prefix }

// list returns objects in S3's order, which is that of their keys.
func (b *s3Bucket) list(ctx context.Context) ([]object, error) {
	var objects []object
	pages := s3.NewListObjectsV2Paginator(b.client, &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &b.prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("cannot list backup: %w", err)
		}
		for _, o := range page.Contents {
			if key := aws.ToString(o.Key); !strings.HasSuffix(key, "/") { // A folder that a console has made.
				objects = append(objects, object{Key: key, Size: aws.ToInt64(o.Size), Modified: aws.ToTime(o.LastModified)})
			}
		}
	}
	return objects, nil
}

// open brings the object to the disk: S3 does not keep a connection for as long as
// deliveries may take.
func (b *s3Bucket) open(ctx context.Context, o object) (content, error) {
	got, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &o.Key})
	if err != nil {
		return nil, fmt.Errorf("cannot read backup: %w", err)
	}
	defer got.Body.Close()
	file, err := os.CreateTemp("", "firehose-redrive-*")
	if err != nil {
		return nil, fmt.Errorf("cannot read backup: %w", err)
	}
	copied := temporary{file}
	n, err := io.Copy(file, got.Body)
	if err == nil && n != o.Size {
		err = fmt.Errorf("object %.256q has %d bytes where %d were announced", o.Key, n, o.Size)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot read backup: %w", err), copied.Close())
	}
	return copied, nil
}

// temporary is a file that goes when it is closed.
type temporary struct{ *os.File }

// Close implements io.Closer.
func (t temporary) Close() error { return errors.Join(t.File.Close(), os.Remove(t.Name())) }
