#include "textflag.h"

DATA quotes<>+0(SB)/8, $0x2222222222222222
GLOBL quotes<>(SB), RODATA|NOPTR, $8
DATA slashes<>+0(SB)/8, $0x5c5c5c5c5c5c5c5c
GLOBL slashes<>(SB), RODATA|NOPTR, $8
DATA controls<>+0(SB)/8, $0x1f1f1f1f1f1f1f1f
GLOBL controls<>(SB), RODATA|NOPTR, $8

// func classifyAVX2(group *classes, b *byte, blocks int)
TEXT ·classifyAVX2(SB), NOSPLIT, $0-24
	MOVQ group+0(FP), DI
	MOVQ b+8(FP), SI
	MOVQ blocks+16(FP), CX
	VPBROADCASTQ quotes<>(SB), Y0
	VPBROADCASTQ slashes<>(SB), Y1
	VPBROADCASTQ controls<>(SB), Y2

block:
	VMOVDQU (SI), Y3
	VMOVDQU 32(SI), Y4
	VPCMPEQB Y3, Y0, Y5
	VPCMPEQB Y4, Y0, Y6
	VPMOVMSKB Y5, AX
	VPMOVMSKB Y6, BX
	SHLQ $32, BX
	ORQ BX, AX
	MOVQ AX, (DI)
	VPCMPEQB Y3, Y1, Y5
	VPCMPEQB Y4, Y1, Y6
	VPMOVMSKB Y5, AX
	VPMOVMSKB Y6, BX
	SHLQ $32, BX
	ORQ BX, AX
	MOVQ AX, 8(DI)
	// A control character is what the smaller of it and 0x1f equals.
	VPMINUB Y3, Y2, Y5
	VPMINUB Y4, Y2, Y6
	VPCMPEQB Y3, Y5, Y5
	VPCMPEQB Y4, Y6, Y6
	VPMOVMSKB Y5, AX
	VPMOVMSKB Y6, BX
	SHLQ $32, BX
	ORQ BX, AX
	MOVQ AX, 16(DI)
	VPMOVMSKB Y3, AX
	VPMOVMSKB Y4, BX
	SHLQ $32, BX
	ORQ BX, AX
	MOVQ AX, 24(DI)
	ADDQ $64, SI
	ADDQ $32, DI
	DECQ CX
	JNZ block
	VZEROUPPER
	RET

// func compactAVX2(dst, src *byte, keep uint64, shuffles *[256][8]byte) (n int)
TEXT ·compactAVX2(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ keep+16(FP), BX
	MOVQ shuffles+24(FP), R8
	MOVQ DI, R9
	MOVL $8, CX

eight:
	MOVBQZX BX, AX
	VMOVQ (SI), X0
	VMOVQ (R8)(AX*8), X1
	VPSHUFB X1, X0, X0
	VMOVQ X0, (DI)
	POPCNTL AX, AX
	ADDQ AX, DI
	ADDQ $8, SI
	SHRQ $8, BX
	DECL CX
	JNZ eight
	SUBQ R9, DI
	MOVQ DI, n+32(FP)
	RET
