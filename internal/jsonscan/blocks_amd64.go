package jsonscan

import "golang.org/x/sys/cpu"

// hasBlocks tells whether the processor has the instructions for blocks.
var hasBlocks = cpu.X86.HasAVX2 && cpu.X86.HasPOPCNT

// classify fills group with the classes of the blocks of b, of as many as group has room
// for and b has whole, and returns how many those are.
func classify(group []classes, b []byte) int {
	count := min(len(group), len(b)/blockSize)
	if count > 0 {
		classifyAVX2(&group[0], &b[0], count)
	}
	return count
}

// compact copies those bytes of a block that keep has a bit for to out, one behind the
// other, and returns how many they are. What stands behind them in out means nothing.
func compact(out, block *[blockSize]byte, keep uint64) int {
	return compactAVX2(&out[0], &block[0], keep, &shuffles)
}

// shuffles are the operands with which VPSHUFB brings together those of eight bytes
// that have a bit in the index.
var shuffles = func() (s [256][8]byte) {
	for keep := range s {
		n := 0
		for i := range byte(8) {
			if keep>>i&1 != 0 {
				s[keep][n] = i
				n++
			}
		}
	}
	return s
}()

// classifyAVX2 fills as many classes as blocks says, from 64 bytes of b each.
//
//go:noescape
func classifyAVX2(group *classes, b *byte, blocks int)

// compactAVX2 reads 64 bytes of src, and writes up to 64 to dst.
//
//go:noescape
func compactAVX2(dst, src *byte, keep uint64, shuffles *[256][8]byte) (n int)
