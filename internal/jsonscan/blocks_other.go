//go:build !amd64

package jsonscan

const hasBlocks = false

func classify([]classes, []byte) int { return 0 }

func compact(_, _ *[blockSize]byte, _ uint64) int { return 0 }
