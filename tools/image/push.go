package main

import (
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// push writes the image of a layout to a registry under reference, and then the lists of what is in it, which a registry finds by what they refer to. It returns
// the image's name by its digest.
func push(dir, reference string, options ...remote.Option) (name.Digest, error) {
	tag, err := name.ParseReference(reference)
	if err != nil {
		return name.Digest{}, fmt.Errorf("cannot read the reference: %w", err)
	}
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return name.Digest{}, fmt.Errorf("cannot read the layout: %w", err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return name.Digest{}, fmt.Errorf("cannot read the layout: %w", err)
	}
	var pushed name.Digest
	for _, descriptor := range manifest.Manifests {
		if descriptor.MediaType.IsIndex() {
			pushed, err = pushIndex(index, descriptor, tag, options)
		} else {
			err = pushArtifact(index, descriptor, tag, options)
		}
		if err != nil {
			return name.Digest{}, fmt.Errorf("cannot push: %w", err)
		}
	}
	return pushed, nil
}

func pushIndex(layout v1.ImageIndex, descriptor v1.Descriptor, tag name.Reference, options []remote.Option) (name.Digest, error) {
	index, err := layout.ImageIndex(descriptor.Digest)
	if err != nil {
		return name.Digest{}, err
	}
	return tag.Context().Digest(descriptor.Digest.String()), remote.WriteIndex(tag, index, options...)
}

func pushArtifact(layout v1.ImageIndex, descriptor v1.Descriptor, tag name.Reference, options []remote.Option) error {
	artifact, err := layout.Image(descriptor.Digest)
	if err != nil {
		return err
	}
	return remote.Write(tag.Context().Digest(descriptor.Digest.String()), artifact, options...)
}
