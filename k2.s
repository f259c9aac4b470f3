	.file	"<string>"
	.section	.ltext,"axl",@progbits
	.globl	_ZN8__main__2k2B2v5B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf
	.p2align	4
	.type	_ZN8__main__2k2B2v5B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf,@function
_ZN8__main__2k2B2v5B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf:
	.cfi_startproc
	pushq	%rbp
	.cfi_def_cfa_offset 16
	pushq	%r15
	.cfi_def_cfa_offset 24
	pushq	%r14
	.cfi_def_cfa_offset 32
	pushq	%r13
	.cfi_def_cfa_offset 40
	pushq	%r12
	.cfi_def_cfa_offset 48
	pushq	%rbx
	.cfi_def_cfa_offset 56
	subq	$72, %rsp
	.cfi_def_cfa_offset 128
	.cfi_offset %rbx, -56
	.cfi_offset %r12, -48
	.cfi_offset %r13, -40
	.cfi_offset %r14, -32
	.cfi_offset %r15, -24
	.cfi_offset %rbp, -16
	movq	392(%rsp), %r14
	movq	336(%rsp), %r15
	movq	264(%rsp), %r12
	movq	152(%rsp), %r13
	movabsq	$NRT_incref, %rbx
	movq	%rdi, 48(%rsp)
	movq	%rdx, %rdi
	vmovss	%xmm0, 20(%rsp)
	movq	%rdx, %rbp
	movq	%rsi, 8(%rsp)
	callq	*%rbx
	movq	%r13, %rdi
	callq	*%rbx
	movq	208(%rsp), %rdi
	callq	*%rbx
	movq	%r12, %rdi
	movq	192(%rsp), %r12
	callq	*%rbx
	movq	%r15, %rdi
	callq	*%rbx
	movq	%r14, %rdi
	callq	*%rbx
	movq	%r13, %rdi
	callq	*%rbx
	movq	%r13, %rdi
	callq	*%rbx
	movabsq	$-2305843009213693952, %rax
	addq	%r12, %rax
	shrq	$62, %rax
	cmpl	$3, %eax
	jb	.LBB0_1
	leaq	(,%r12,4), %r14
	movabsq	$NRT_MemInfo_alloc_aligned, %rax
	movl	$32, %esi
	movq	%r14, %rdi
	callq	*%rax
	testq	%rax, %rax
	je	.LBB0_4
	movq	24(%rax), %rbx
	movq	312(%rsp), %r15
	movq	%rax, 32(%rsp)
	movabsq	$memset, %rax
	movq	%rbp, 40(%rsp)
	xorl	%esi, %esi
	movq	%r14, %rdx
	movq	%rbx, %rdi
	callq	*%rax
	movabsq	$NRT_decref, %r14
	movq	%r13, %rdi
	callq	*%r14
	movq	%r13, %rdi
	callq	*%r14
	vmovss	20(%rsp), %xmm15
	testq	%r15, %r15
	movl	$0, %ecx
	cmovgq	%r15, %rcx
	jle	.LBB0_5
	movq	304(%rsp), %rdx
	movq	128(%rsp), %rax
	xorl	%esi, %esi
	testq	%rdx, %rdx
	cmovgq	%rdx, %rsi
	movq	%rsi, 64(%rsp)
	jle	.LBB0_50
	movq	%rbx, %rcx
	subq	%rax, %rcx
	cmpq	$4, %r12
	movq	240(%rsp), %r14
	movq	184(%rsp), %rbp
	movabsq	$9223372036854775776, %rsi
	leaq	28(%rbx), %r9
	vxorps	%xmm0, %xmm0, %xmm0
	setb	%dl
	cmpq	$128, %rcx
	setb	%cl
	orb	%dl, %cl
	movq	304(%rsp), %rdx
	movb	%cl, 7(%rsp)
	movq	%r12, %rcx
	andq	%rsi, %rcx
	movq	%rcx, 24(%rsp)
	leaq	28(%rsi), %rcx
	andq	%r12, %rcx
	movq	%rcx, 56(%rsp)
	xorl	%ecx, %ecx
	jmp	.LBB0_10
	.p2align	4
.LBB0_34:
	movq	8(%rsp), %rsi
	movq	192(%rsp), %r12
	movq	128(%rsp), %rax
	leaq	28(%rbx), %r9
	movq	%rsi, %rcx
	cmpq	%rsi, %r15
	je	.LBB0_5
.LBB0_10:
	testq	%r12, %r12
	jle	.LBB0_26
	cmpb	$0, 7(%rsp)
	je	.LBB0_13
	xorl	%esi, %esi
	jmp	.LBB0_22
	.p2align	4
.LBB0_13:
	cmpq	$32, %r12
	jae	.LBB0_15
	xorl	%edi, %edi
	jmp	.LBB0_19
.LBB0_15:
	movq	24(%rsp), %rdi
	xorl	%esi, %esi
	.p2align	4
.LBB0_16:
	vmovups	(%rax,%rsi,4), %ymm1
	vmovups	32(%rax,%rsi,4), %ymm2
	vmovups	64(%rax,%rsi,4), %ymm3
	vmovups	96(%rax,%rsi,4), %ymm4
	vmovups	%ymm1, (%rbx,%rsi,4)
	vmovups	%ymm2, 32(%rbx,%rsi,4)
	vmovups	%ymm3, 64(%rbx,%rsi,4)
	vmovups	%ymm4, 96(%rbx,%rsi,4)
	addq	$32, %rsi
	cmpq	%rsi, %rdi
	jne	.LBB0_16
	cmpq	%rdi, %r12
	je	.LBB0_26
	movq	24(%rsp), %rsi
	movq	%rsi, %rdi
	testb	$28, %r12b
	je	.LBB0_22
.LBB0_19:
	movq	56(%rsp), %rsi
	.p2align	4
.LBB0_20:
	vmovups	(%rax,%rdi,4), %xmm1
	vmovups	%xmm1, (%rbx,%rdi,4)
	addq	$4, %rdi
	cmpq	%rdi, %rsi
	jne	.LBB0_20
	cmpq	%rsi, %r12
	je	.LBB0_26
.LBB0_22:
	movl	%r12d, %r8d
	subl	%esi, %r8d
	movq	%rsi, %rdi
	andl	$7, %r8d
	je	.LBB0_25
	movq	%rsi, %rdi
	.p2align	4
.LBB0_24:
	vmovss	(%rax,%rdi,4), %xmm1
	decq	%r8
	vmovss	%xmm1, (%rbx,%rdi,4)
	leaq	1(%rdi), %rdi
	jne	.LBB0_24
.LBB0_25:
	subq	%r12, %rsi
	cmpq	$-8, %rsi
	ja	.LBB0_26
	.p2align	4
.LBB0_49:
	vmovss	(%rax,%rdi,4), %xmm1
	vmovss	%xmm1, -28(%r9,%rdi,4)
	vmovss	4(%rax,%rdi,4), %xmm1
	vmovss	%xmm1, -24(%r9,%rdi,4)
	vmovss	8(%rax,%rdi,4), %xmm1
	vmovss	%xmm1, -20(%r9,%rdi,4)
	vmovss	12(%rax,%rdi,4), %xmm1
	vmovss	%xmm1, -16(%r9,%rdi,4)
	vmovss	16(%rax,%rdi,4), %xmm1
	vmovss	%xmm1, -12(%r9,%rdi,4)
	vmovss	20(%rax,%rdi,4), %xmm1
	vmovss	%xmm1, -8(%r9,%rdi,4)
	vmovss	24(%rax,%rdi,4), %xmm1
	vmovss	%xmm1, -4(%r9,%rdi,4)
	vmovss	28(%rax,%rdi,4), %xmm1
	vmovss	%xmm1, (%r9,%rdi,4)
	addq	$8, %rdi
	cmpq	%rdi, %r12
	jne	.LBB0_49
.LBB0_26:
	movq	424(%rsp), %rax
	movq	296(%rsp), %rdi
	movq	64(%rsp), %r13
	leaq	1(%rcx), %rsi
	movq	%r12, %r8
	vmovaps	%xmm15, %xmm1
	movq	%rdx, %r12
	movq	%rsi, 8(%rsp)
	leaq	(%rdi,%rcx,4), %r10
	leaq	(%rax,%rcx,4), %rax
	jmp	.LBB0_27
.LBB0_31:
	xorl	%r8d, %r8d
	vmovaps	%xmm3, %xmm1
	.p2align	4
.LBB0_32:
	vsubss	%xmm2, %xmm2, %xmm2
.LBB0_33:
	andq	432(%rsp), %rcx
	addq	%r12, %rcx
	imulq	440(%rsp), %rcx
	vmovss	%xmm2, (%rax,%rcx,4)
	cmpq	$1, %r13
	leaq	-1(%r13), %r13
	jle	.LBB0_34
.LBB0_27:
	movq	%r12, %rsi
	decq	%r12
	movq	368(%rsp), %r9
	movq	%r12, %rcx
	sarq	$63, %rcx
	movq	%rcx, %rdi
	andq	%rdx, %rdi
	leaq	-1(%rdi,%rsi), %rdi
	imulq	%r15, %rdi
	leaq	-4(%r9,%rsi,4), %rsi
	vmovss	(%r10,%rdi,4), %xmm3
	movq	%rcx, %rdi
	andq	376(%rsp), %rdi
	vmovss	(%rsi,%rdi,4), %xmm2
	vucomiss	%xmm1, %xmm3
	jbe	.LBB0_38
	testq	%r8, %r8
	jle	.LBB0_37
	vucomiss	-4(%rbp,%r8,4), %xmm3
	jbe	.LBB0_37
	.p2align	4
.LBB0_30:
	movl	$0, -4(%rbx,%r8,4)
	cmpq	$2, %r8
	jl	.LBB0_31
	vucomiss	-8(%rbp,%r8,4), %xmm3
	leaq	-1(%r8), %rsi
	movq	%rsi, %r8
	ja	.LBB0_30
	movq	%rsi, %r8
	.p2align	4
.LBB0_37:
	vmovaps	%xmm3, %xmm1
.LBB0_38:
	leaq	7(%r8), %rdi
	sarq	$3, %rdi
	testq	%rdi, %rdi
	jle	.LBB0_32
	movl	$28, %esi
	movq	%rdi, %r9
	.p2align	4
.LBB0_40:
	vmovss	-28(%rbp,%rsi), %xmm4
	vmovss	-28(%rbx,%rsi), %xmm5
	vsubss	%xmm3, %xmm4, %xmm4
	vmulss	%xmm4, %xmm4, %xmm4
	vmulss	%xmm2, %xmm4, %xmm4
	vmulss	-28(%r14,%rsi), %xmm4, %xmm4
	vminss	%xmm4, %xmm5, %xmm4
	vmovss	-24(%rbx,%rsi), %xmm5
	vmovss	%xmm4, -28(%rbx,%rsi)
	vmovss	-24(%rbp,%rsi), %xmm4
	vsubss	%xmm3, %xmm4, %xmm4
	vmulss	%xmm4, %xmm4, %xmm4
	vmulss	%xmm2, %xmm4, %xmm4
	vmulss	-24(%r14,%rsi), %xmm4, %xmm4
	vminss	%xmm4, %xmm5, %xmm4
	vmovss	%xmm4, -24(%rbx,%rsi)
	vmovss	-20(%rbp,%rsi), %xmm4
	vmovss	-20(%rbx,%rsi), %xmm5
	vsubss	%xmm3, %xmm4, %xmm4
	vmulss	%xmm4, %xmm4, %xmm4
	vmulss	%xmm2, %xmm4, %xmm4
	vmulss	-20(%r14,%rsi), %xmm4, %xmm4
	vminss	%xmm4, %xmm5, %xmm4
	vmovss	%xmm4, -20(%rbx,%rsi)
	vmovss	-16(%rbp,%rsi), %xmm4
	vmovss	-16(%rbx,%rsi), %xmm5
	vsubss	%xmm3, %xmm4, %xmm4
	vmulss	%xmm4, %xmm4, %xmm4
	vmulss	%xmm2, %xmm4, %xmm4
	vmulss	-16(%r14,%rsi), %xmm4, %xmm4
	vminss	%xmm4, %xmm5, %xmm4
	vmovss	%xmm4, -16(%rbx,%rsi)
	vmovss	-12(%rbp,%rsi), %xmm4
	vmovss	-12(%rbx,%rsi), %xmm5
	vsubss	%xmm3, %xmm4, %xmm4
	vmulss	%xmm4, %xmm4, %xmm4
	vmulss	%xmm2, %xmm4, %xmm4
	vmulss	-12(%r14,%rsi), %xmm4, %xmm4
	vminss	%xmm4, %xmm5, %xmm4
	vmovss	%xmm4, -12(%rbx,%rsi)
	vmovss	-8(%rbp,%rsi), %xmm4
	vmovss	-8(%rbx,%rsi), %xmm5
	vsubss	%xmm3, %xmm4, %xmm4
	vmulss	%xmm4, %xmm4, %xmm4
	vmulss	%xmm2, %xmm4, %xmm4
	vmulss	-8(%r14,%rsi), %xmm4, %xmm4
	vminss	%xmm4, %xmm5, %xmm4
	vmovss	%xmm4, -8(%rbx,%rsi)
	vmovss	-4(%rbp,%rsi), %xmm4
	vmovss	-4(%rbx,%rsi), %xmm5
	vsubss	%xmm3, %xmm4, %xmm4
	vmulss	%xmm4, %xmm4, %xmm4
	vmulss	%xmm2, %xmm4, %xmm4
	vmulss	-4(%r14,%rsi), %xmm4, %xmm4
	vminss	%xmm4, %xmm5, %xmm4
	vmovss	%xmm4, -4(%rbx,%rsi)
	vmovss	(%rbp,%rsi), %xmm4
	vmovss	(%rbx,%rsi), %xmm5
	vsubss	%xmm3, %xmm4, %xmm4
	vmulss	%xmm4, %xmm4, %xmm4
	vmulss	%xmm2, %xmm4, %xmm4
	vmulss	(%r14,%rsi), %xmm4, %xmm4
	vminss	%xmm4, %xmm5, %xmm4
	vmovss	%xmm4, (%rbx,%rsi)
	addq	$32, %rsi
	decq	%r9
	jne	.LBB0_40
	vsubss	%xmm2, %xmm2, %xmm2
	cmpq	$8, %rdi
	jae	.LBB0_43
	xorl	%r9d, %r9d
	jmp	.LBB0_46
	.p2align	4
.LBB0_43:
	movabsq	$9223372036854775776, %rsi
	vmovss	%xmm2, %xmm0, %xmm10
	movq	%r15, %rdx
	movq	%rbx, %r15
	leaq	24(%rsi), %r9
	andq	%rdi, %r9
	movq	%r9, %rsi
	.p2align	4
.LBB0_44:
	vmovups	224(%r15), %ymm2
	vmovups	192(%r15), %ymm3
	vmovups	(%r15), %ymm5
	vmovups	32(%r15), %ymm8
	vmovups	64(%r15), %ymm6
	vmovups	96(%r15), %ymm9
	vmovups	128(%r15), %ymm4
	vmovups	160(%r15), %ymm7
	addq	$256, %r15
	addq	$-8, %rsi
	vmovlhps	%xmm3, %xmm2, %xmm13
	vmovlhps	%xmm6, %xmm9, %xmm11
	vunpcklps	%xmm8, %xmm5, %xmm12
	vinsertps	$76, %xmm4, %xmm7, %xmm14
	vshufps	$36, %xmm13, %xmm13, %xmm13
	vshufps	$36, %xmm11, %xmm12, %xmm11
	vunpcklps	%xmm7, %xmm4, %xmm12
	vinsertf128	$1, %xmm14, %ymm0, %ymm14
	vinsertf128	$1, %xmm12, %ymm0, %ymm12
	vinsertf128	$1, %xmm13, %ymm0, %ymm13
	vblendps	$192, %ymm13, %ymm12, %ymm12
	vunpcklps	%xmm9, %xmm6, %xmm13
	vblendps	$15, %ymm11, %ymm12, %ymm11
	vinsertps	$76, %xmm5, %xmm8, %xmm12
	vmovsd	%xmm12, %xmm13, %xmm12
	vunpcklps	%xmm2, %xmm3, %xmm13
	vinsertf128	$1, %xmm13, %ymm0, %ymm13
	vblendps	$192, %ymm13, %ymm14, %ymm13
	vunpckhps	%xmm7, %xmm4, %xmm14
	vblendps	$15, %ymm12, %ymm13, %ymm12
	vinsertps	$179, %xmm9, %xmm6, %xmm13
	vinsertf128	$1, %xmm14, %ymm0, %ymm14
	vaddps	%ymm12, %ymm10, %ymm10
	vunpckhps	%xmm8, %xmm5, %xmm12
	vmovsd	%xmm12, %xmm13, %xmm12
	vinsertps	$179, %xmm2, %xmm3, %xmm13
	vinsertf128	$1, %xmm13, %ymm0, %ymm13
	vblendps	$192, %ymm13, %ymm14, %ymm13
	vshufps	$51, %xmm4, %xmm7, %xmm14
	vblendps	$15, %ymm12, %ymm13, %ymm12
	vshufps	$51, %xmm5, %xmm8, %xmm13
	vshufps	$226, %xmm14, %xmm14, %xmm14
	vaddps	%ymm12, %ymm11, %ymm11
	vunpckhps	%xmm9, %xmm6, %xmm12
	vinsertf128	$1, %xmm14, %ymm0, %ymm14
	vshufps	$226, %xmm12, %xmm13, %xmm12
	vunpckhps	%xmm2, %xmm3, %xmm13
	vinsertf128	$1, %xmm13, %ymm0, %ymm13
	vblendps	$192, %ymm13, %ymm14, %ymm13
	vunpcklps	%ymm9, %ymm6, %ymm14
	vblendps	$15, %ymm12, %ymm13, %ymm12
	vunpcklps	%ymm7, %ymm4, %ymm13
	vpermpd	$170, %ymm14, %ymm14
	vaddps	%ymm12, %ymm10, %ymm10
	vunpcklpd	%ymm3, %ymm2, %ymm12
	vshufps	$36, %ymm12, %ymm13, %ymm12
	vunpcklps	%ymm8, %ymm5, %ymm13
	vextractf128	$1, %ymm13, %xmm13
	vmovsd	%xmm13, %xmm14, %xmm13
	vshufps	$17, %ymm6, %ymm9, %ymm14
	vblendps	$15, %ymm13, %ymm12, %ymm12
	vshufps	$226, %ymm14, %ymm14, %ymm14
	vshufps	$17, %ymm4, %ymm7, %ymm13
	vaddps	%ymm12, %ymm11, %ymm11
	vunpcklps	%ymm2, %ymm3, %ymm12
	vpermpd	$170, %ymm14, %ymm14
	vshufps	$226, %ymm12, %ymm13, %ymm12
	vshufps	$17, %ymm5, %ymm8, %ymm13
	vextractf128	$1, %ymm13, %xmm13
	vshufps	$226, %xmm14, %xmm13, %xmm13
	vunpckhps	%ymm9, %ymm6, %ymm14
	vblendps	$15, %ymm13, %ymm12, %ymm12
	vunpckhps	%ymm7, %ymm4, %ymm13
	vpermpd	$170, %ymm14, %ymm14
	vaddps	%ymm12, %ymm10, %ymm10
	vunpckhpd	%ymm3, %ymm2, %ymm12
	vunpckhps	%ymm2, %ymm3, %ymm2
	vshufps	$51, %ymm4, %ymm7, %ymm3
	vshufps	$51, %ymm6, %ymm9, %ymm4
	vshufps	$226, %ymm4, %ymm4, %ymm4
	vshufps	$36, %ymm12, %ymm13, %ymm12
	vunpckhps	%ymm8, %ymm5, %ymm13
	vshufps	$226, %ymm2, %ymm3, %ymm2
	vshufps	$51, %ymm5, %ymm8, %ymm3
	vpermpd	$170, %ymm4, %ymm4
	vextractf128	$1, %ymm13, %xmm13
	vextractf128	$1, %ymm3, %xmm3
	vmovsd	%xmm13, %xmm14, %xmm13
	vblendps	$15, %ymm13, %ymm12, %ymm12
	vshufps	$226, %xmm4, %xmm3, %xmm3
	vaddps	%ymm12, %ymm11, %ymm11
	vblendps	$15, %ymm3, %ymm2, %ymm2
	vaddps	%ymm2, %ymm10, %ymm2
	vaddps	%ymm2, %ymm11, %ymm10
	jne	.LBB0_44
	vextractf128	$1, %ymm10, %xmm2
	movq	%rdx, %r15
	movq	304(%rsp), %rdx
	vaddps	%xmm2, %xmm10, %xmm2
	vshufpd	$1, %xmm2, %xmm2, %xmm3
	vaddps	%xmm3, %xmm2, %xmm2
	vmovshdup	%xmm2, %xmm3
	vaddss	%xmm3, %xmm2, %xmm2
	cmpq	%r9, %rdi
	je	.LBB0_33
.LBB0_46:
	movq	%r9, %rsi
	movq	%r10, %r11
	shlq	$5, %rsi
	leaq	28(%rbx), %r10
	subq	%rdi, %r9
	addq	%r10, %rsi
	.p2align	4
.LBB0_47:
	vaddss	-28(%rsi), %xmm2, %xmm2
	vaddss	-24(%rsi), %xmm2, %xmm2
	vaddss	-20(%rsi), %xmm2, %xmm2
	vaddss	-16(%rsi), %xmm2, %xmm2
	vaddss	-12(%rsi), %xmm2, %xmm2
	vaddss	-8(%rsi), %xmm2, %xmm2
	vaddss	-4(%rsi), %xmm2, %xmm2
	vaddss	(%rsi), %xmm2, %xmm2
	addq	$32, %rsi
	incq	%r9
	jne	.LBB0_47
	movq	%r11, %r10
	jmp	.LBB0_33
.LBB0_50:
	testq	%r12, %r12
	jle	.LBB0_5
	movq	%rbx, %rdx
	subq	%rax, %rdx
	cmpq	$4, %r12
	movq	%r12, %rdi
	setb	%sil
	cmpq	$128, %rdx
	setb	%dl
	orb	%sil, %dl
	movabsq	$9223372036854775776, %rsi
	andq	%rsi, %rdi
	orq	$28, %rsi
	andq	%r12, %rsi
	jmp	.LBB0_52
	.p2align	4
.LBB0_65:
	decq	%rcx
	jle	.LBB0_5
.LBB0_52:
	testb	%dl, %dl
	je	.LBB0_54
	xorl	%r9d, %r9d
	jmp	.LBB0_60
	.p2align	4
.LBB0_54:
	xorl	%r8d, %r8d
	cmpq	$32, %r12
	jb	.LBB0_58
	.p2align	4
.LBB0_55:
	vmovups	(%rax,%r8,4), %ymm0
	vmovups	32(%rax,%r8,4), %ymm1
	vmovups	64(%rax,%r8,4), %ymm2
	vmovups	96(%rax,%r8,4), %ymm3
	vmovups	%ymm0, (%rbx,%r8,4)
	vmovups	%ymm1, 32(%rbx,%r8,4)
	vmovups	%ymm2, 64(%rbx,%r8,4)
	vmovups	%ymm3, 96(%rbx,%r8,4)
	addq	$32, %r8
	cmpq	%r8, %rdi
	jne	.LBB0_55
	cmpq	%rdi, %r12
	je	.LBB0_65
	movq	%rdi, %r8
	movq	%rdi, %r9
	testb	$28, %r12b
	je	.LBB0_60
	.p2align	4
.LBB0_58:
	vmovups	(%rax,%r8,4), %xmm0
	vmovups	%xmm0, (%rbx,%r8,4)
	addq	$4, %r8
	cmpq	%r8, %rsi
	jne	.LBB0_58
	movq	%rsi, %r9
	cmpq	%rsi, %r12
	je	.LBB0_65
.LBB0_60:
	movl	%r12d, %r10d
	subl	%r9d, %r10d
	movq	%r9, %r8
	andl	$7, %r10d
	je	.LBB0_63
	movq	%r9, %r8
	.p2align	4
.LBB0_62:
	vmovss	(%rax,%r8,4), %xmm0
	decq	%r10
	vmovss	%xmm0, (%rbx,%r8,4)
	leaq	1(%r8), %r8
	jne	.LBB0_62
.LBB0_63:
	subq	%r12, %r9
	cmpq	$-8, %r9
	ja	.LBB0_65
	.p2align	4
.LBB0_64:
	vmovss	(%rax,%r8,4), %xmm0
	vmovss	%xmm0, (%rbx,%r8,4)
	vmovss	4(%rax,%r8,4), %xmm0
	vmovss	%xmm0, 4(%rbx,%r8,4)
	vmovss	8(%rax,%r8,4), %xmm0
	vmovss	%xmm0, 8(%rbx,%r8,4)
	vmovss	12(%rax,%r8,4), %xmm0
	vmovss	%xmm0, 12(%rbx,%r8,4)
	vmovss	16(%rax,%r8,4), %xmm0
	vmovss	%xmm0, 16(%rbx,%r8,4)
	vmovss	20(%rax,%r8,4), %xmm0
	vmovss	%xmm0, 20(%rbx,%r8,4)
	vmovss	24(%rax,%r8,4), %xmm0
	vmovss	%xmm0, 24(%rbx,%r8,4)
	vmovss	28(%rax,%r8,4), %xmm0
	vmovss	%xmm0, 28(%rbx,%r8,4)
	addq	$8, %r8
	cmpq	%r8, %r12
	jne	.LBB0_64
	jmp	.LBB0_65
.LBB0_5:
	movq	264(%rsp), %rdi
	movabsq	$NRT_decref, %rbx
	vzeroupper
	callq	*%rbx
	movq	392(%rsp), %rdi
	callq	*%rbx
	movq	336(%rsp), %rdi
	callq	*%rbx
	movq	40(%rsp), %rdi
	callq	*%rbx
	movq	32(%rsp), %rdi
	callq	*%rbx
	movq	208(%rsp), %rdi
	callq	*%rbx
	movq	152(%rsp), %rdi
	callq	*%rbx
	movq	48(%rsp), %rax
	movq	$0, (%rax)
	xorl	%eax, %eax
.LBB0_6:
	addq	$72, %rsp
	.cfi_def_cfa_offset 56
	popq	%rbx
	.cfi_def_cfa_offset 48
	popq	%r12
	.cfi_def_cfa_offset 40
	popq	%r13
	.cfi_def_cfa_offset 32
	popq	%r14
	.cfi_def_cfa_offset 24
	popq	%r15
	.cfi_def_cfa_offset 16
	popq	%rbp
	.cfi_def_cfa_offset 8
	retq
.LBB0_1:
	.cfi_def_cfa_offset 128
	movabsq	$.const.picklebuf.58e14eccb507b1e0206981740223e685cb8c3c57, %rax
	jmp	.LBB0_2
.LBB0_4:
	movabsq	$.const.picklebuf.ba289d81f05c7020f3477c15734804df65abe209, %rax
.LBB0_2:
	movq	8(%rsp), %rcx
	movq	%rax, (%rcx)
	movl	$1, %eax
	jmp	.LBB0_6
.Lfunc_end0:
	.size	_ZN8__main__2k2B2v5B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf, .Lfunc_end0-_ZN8__main__2k2B2v5B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf
	.cfi_endproc

	.globl	_ZN7cpython8__main__2k2B2v5B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf
	.p2align	4
	.type	_ZN7cpython8__main__2k2B2v5B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf,@function
_ZN7cpython8__main__2k2B2v5B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf:
	.cfi_startproc
	pushq	%rbp
	.cfi_def_cfa_offset 16
	pushq	%r15
	.cfi_def_cfa_offset 24
	pushq	%r14
	.cfi_def_cfa_offset 32
	pushq	%r13
	.cfi_def_cfa_offset 40
	pushq	%r12
	.cfi_def_cfa_offset 48
	pushq	%rbx
	.cfi_def_cfa_offset 56
	subq	$600, %rsp
	.cfi_def_cfa_offset 656
	.cfi_offset %rbx, -56
	.cfi_offset %r12, -48
	.cfi_offset %r13, -40
	.cfi_offset %r14, -32
	.cfi_offset %r15, -24
	.cfi_offset %rbp, -16
	movq	%rsi, %rdi
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	leaq	144(%rsp), %r10
	xorl	%ebx, %ebx
	leaq	152(%rsp), %r11
	leaq	160(%rsp), %r14
	leaq	168(%rsp), %r15
	leaq	176(%rsp), %r12
	movabsq	$.const.k2, %rsi
	movabsq	$PyArg_UnpackTuple, %r13
	leaq	192(%rsp), %r8
	leaq	184(%rsp), %r9
	movl	$7, %edx
	movl	$7, %ecx
	xorl	%eax, %eax
	pushq	%r10
	.cfi_adjust_cfa_offset 8
	pushq	%r11
	.cfi_adjust_cfa_offset 8
	pushq	%r14
	.cfi_adjust_cfa_offset 8
	pushq	%r15
	.cfi_adjust_cfa_offset 8
	pushq	%r12
	.cfi_adjust_cfa_offset 8
	callq	*%r13
	addq	$48, %rsp
	.cfi_adjust_cfa_offset -48
	movq	$0, 64(%rsp)
	testl	%eax, %eax
	je	.LBB1_17
	movabsq	$_ZN08NumbaEnv8__main__2k2B2v5B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf, %rax
	cmpq	$0, (%rax)
	je	.LBB1_21
	movq	184(%rsp), %rdi
	movabsq	$NRT_adapt_ndarray_from_python, %rbx
	leaq	544(%rsp), %rsi
	vxorps	%xmm0, %xmm0, %xmm0
	vmovups	%ymm0, 544(%rsp)
	vmovups	%ymm0, 568(%rsp)
	vzeroupper
	callq	*%rbx
	testl	%eax, %eax
	jne	.LBB1_22
	cmpq	$4, 568(%rsp)
	jne	.LBB1_22
	movq	176(%rsp), %rdi
	movq	544(%rsp), %r14
	movq	576(%rsp), %r15
	leaq	416(%rsp), %rsi
	vxorps	%xmm0, %xmm0, %xmm0
	vmovups	%ymm0, 416(%rsp)
	vmovups	%ymm0, 440(%rsp)
	vzeroupper
	callq	*%rbx
	testl	%eax, %eax
	jne	.LBB1_24
	cmpq	$4, 440(%rsp)
	jne	.LBB1_24
	movq	168(%rsp), %rdi
	movq	416(%rsp), %r13
	movq	448(%rsp), %r12
	movq	456(%rsp), %rbp
	leaq	480(%rsp), %rsi
	vxorps	%xmm0, %xmm0, %xmm0
	vmovups	%ymm0, 480(%rsp)
	vmovups	%ymm0, 504(%rsp)
	vzeroupper
	callq	*%rbx
	testl	%eax, %eax
	jne	.LBB1_25
	cmpq	$4, 504(%rsp)
	jne	.LBB1_25
	movq	512(%rsp), %rax
	movq	160(%rsp), %rdi
	movq	%r12, 16(%rsp)
	movq	480(%rsp), %r12
	leaq	336(%rsp), %rsi
	vxorps	%xmm0, %xmm0, %xmm0
	movq	%rbp, 8(%rsp)
	vmovups	%ymm0, 336(%rsp)
	vmovups	%ymm0, 368(%rsp)
	movq	$0, 400(%rsp)
	movq	%rax, 128(%rsp)
	vzeroupper
	callq	*%rbx
	cmpq	$4, 360(%rsp)
	setne	%cl
	testl	%eax, %eax
	setne	%bpl
	orb	%cl, %bpl
	jne	.LBB1_26
	testb	%bpl, %bpl
	jne	.LBB1_32
.LBB1_10:
	movq	368(%rsp), %rax
	movq	376(%rsp), %rcx
	movq	152(%rsp), %rdi
	movq	336(%rsp), %rbp
	leaq	272(%rsp), %rsi
	vxorps	%xmm0, %xmm0, %xmm0
	vmovups	%ymm0, 272(%rsp)
	vmovups	%ymm0, 296(%rsp)
	movq	%rax, 120(%rsp)
	movq	384(%rsp), %rax
	movq	%rcx, 112(%rsp)
	movq	%rax, 104(%rsp)
	vzeroupper
	callq	*%rbx
	testl	%eax, %eax
	jne	.LBB1_27
	cmpq	$4, 296(%rsp)
	jne	.LBB1_27
	movq	272(%rsp), %rax
	movq	304(%rsp), %rcx
	movq	144(%rsp), %rdi
	leaq	192(%rsp), %rsi
	vxorps	%xmm0, %xmm0, %xmm0
	vmovups	%ymm0, 192(%rsp)
	vmovups	%ymm0, 224(%rsp)
	movq	$0, 256(%rsp)
	movq	%rax, 56(%rsp)
	movq	312(%rsp), %rax
	movq	%rcx, 96(%rsp)
	movq	%rax, 88(%rsp)
	vzeroupper
	callq	*%rbx
	cmpq	$4, 216(%rsp)
	setne	%cl
	testl	%eax, %eax
	setne	%bl
	orb	%cl, %bl
	jne	.LBB1_28
	testb	%bl, %bl
	jne	.LBB1_30
.LBB1_14:
	movq	136(%rsp), %rdi
	movq	%rbp, 24(%rsp)
	movq	%r12, 32(%rsp)
	movq	%r13, 40(%rsp)
	movq	%r14, 48(%rsp)
	movq	192(%rsp), %rbp
	movq	224(%rsp), %r14
	movq	232(%rsp), %r13
	movq	240(%rsp), %r12
	movabsq	$PyNumber_Float, %rax
	callq	*%rax
	movq	%rax, %rbx
	movabsq	$PyFloat_AsDouble, %rax
	movq	%rbx, %rdi
	callq	*%rax
	movabsq	$Py_DecRef, %rax
	movq	%rbx, %rdi
	vmovsd	%xmm0, 80(%rsp)
	callq	*%rax
	movabsq	$PyErr_Occurred, %rax
	callq	*%rax
	testq	%rax, %rax
	jne	.LBB1_29
	vmovsd	80(%rsp), %xmm0
	vcvtsd2ss	%xmm0, %xmm0, %xmm0
	subq	$336, %rsp
	.cfi_adjust_cfa_offset 336
	movq	432(%rsp), %rdx
	movq	440(%rsp), %rsi
	movq	424(%rsp), %rax
	movq	%r12, 312(%rsp)
	movq	%r13, 304(%rsp)
	movq	392(%rsp), %rbx
	movq	368(%rsp), %r13
	movq	376(%rsp), %r12
	movq	%r15, (%rsp)
	movq	%rbp, 408(%rsp)
	movq	%rbp, 264(%rsp)
	movq	360(%rsp), %rbp
	movq	384(%rsp), %r15
	leaq	808(%rsp), %rdi
	movq	%r14, 296(%rsp)
	movq	%rdx, 240(%rsp)
	movq	448(%rsp), %rdx
	movq	%rsi, 184(%rsp)
	movq	456(%rsp), %rsi
	movq	%rax, 248(%rsp)
	movabsq	$_ZN8__main__2k2B2v5B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf, %rax
	movq	%rbx, 208(%rsp)
	movq	%rbp, 136(%rsp)
	movq	%r13, 80(%rsp)
	movq	%r12, 24(%rsp)
	movq	%rdx, 176(%rsp)
	movq	464(%rsp), %rdx
	movq	%rsi, 168(%rsp)
	movq	344(%rsp), %rsi
	movq	%rdx, 112(%rsp)
	movq	352(%rsp), %rdx
	movq	%rsi, 64(%rsp)
	leaq	400(%rsp), %rsi
	movq	%rdx, 56(%rsp)
	movq	%r15, %rdx
	callq	*%rax
	addq	$336, %rsp
	.cfi_adjust_cfa_offset -336
	movq	64(%rsp), %rcx
	movabsq	$NRT_decref, %r14
	movq	%r15, %rdi
	movl	%eax, 16(%rsp)
	movq	%rcx, 8(%rsp)
	callq	*%r14
	movq	%r12, %rdi
	callq	*%r14
	movq	%r13, %rdi
	callq	*%r14
	movq	%rbp, %rdi
	callq	*%r14
	movq	%rbx, %rdi
	callq	*%r14
	movq	72(%rsp), %rdi
	callq	*%r14
	cmpl	$0, 16(%rsp)
	jne	.LBB1_18
	movabsq	$_Py_NoneStruct, %rbx
	movabsq	$Py_IncRef, %rax
	movq	%rbx, %rdi
	callq	*%rax
.LBB1_17:
	movq	%rbx, %rax
	addq	$600, %rsp
	.cfi_def_cfa_offset 56
	popq	%rbx
	.cfi_def_cfa_offset 48
	popq	%r12
	.cfi_def_cfa_offset 40
	popq	%r13
	.cfi_def_cfa_offset 32
	popq	%r14
	.cfi_def_cfa_offset 24
	popq	%r15
	.cfi_def_cfa_offset 16
	popq	%rbp
	.cfi_def_cfa_offset 8
	retq
.LBB1_18:
	.cfi_def_cfa_offset 656
	movabsq	$PyErr_Clear, %rax
	callq	*%rax
	movq	8(%rsp), %rbx
	movl	8(%rbx), %esi
	movq	(%rbx), %rdi
	cmpl	$0, 32(%rbx)
	jle	.LBB1_35
	movslq	%esi, %rsi
	movabsq	$PyBytes_FromStringAndSize, %rax
	callq	*%rax
	movq	16(%rbx), %rdi
	movq	%rax, %r14
	callq	*24(%rbx)
	testq	%rax, %rax
	je	.LBB1_40
	movabsq	$numba_runtime_build_excinfo_struct, %rcx
	movq	%r14, %rdi
	movq	%rax, %rsi
	callq	*%rcx
	movabsq	$NRT_Free, %r15
	movq	%rbx, %rdi
	movq	%rax, %r14
	callq	*%r15
	jmp	.LBB1_36
.LBB1_21:
	movabsq	$PyExc_RuntimeError, %rdi
	movabsq	$".const.missing Environment: _ZN08NumbaEnv8__main__2k2B2v5B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf", %rsi
	jmp	.LBB1_23
.LBB1_22:
	movabsq	$PyExc_TypeError, %rdi
	movabsq	$".const.can't unbox array from PyObject into native value.  The object maybe of a different type", %rsi
.LBB1_23:
	movabsq	$PyErr_SetString, %rax
	callq	*%rax
	xorl	%ebx, %ebx
	jmp	.LBB1_17
.LBB1_24:
	movabsq	$PyExc_TypeError, %rdi
	movabsq	$".const.can't unbox array from PyObject into native value.  The object maybe of a different type", %rsi
	movabsq	$PyErr_SetString, %rax
	callq	*%rax
	jmp	.LBB1_34
.LBB1_25:
	movabsq	$PyExc_TypeError, %rdi
	movabsq	$".const.can't unbox array from PyObject into native value.  The object maybe of a different type", %rsi
	movabsq	$PyErr_SetString, %rax
	callq	*%rax
	jmp	.LBB1_33
.LBB1_26:
	movabsq	$PyExc_TypeError, %rdi
	movabsq	$".const.can't unbox array from PyObject into native value.  The object maybe of a different type", %rsi
	movabsq	$PyErr_SetString, %rax
	callq	*%rax
	testb	%bpl, %bpl
	je	.LBB1_10
	jmp	.LBB1_32
.LBB1_27:
	movabsq	$PyExc_TypeError, %rdi
	movabsq	$".const.can't unbox array from PyObject into native value.  The object maybe of a different type", %rsi
	movabsq	$PyErr_SetString, %rax
	callq	*%rax
	jmp	.LBB1_31
.LBB1_28:
	movabsq	$PyExc_TypeError, %rdi
	movabsq	$".const.can't unbox array from PyObject into native value.  The object maybe of a different type", %rsi
	movabsq	$PyErr_SetString, %rax
	callq	*%rax
	testb	%bl, %bl
	je	.LBB1_14
	jmp	.LBB1_30
.LBB1_29:
	movabsq	$NRT_decref, %rax
	movq	%rbp, %rdi
	callq	*%rax
	movq	48(%rsp), %r14
	movq	40(%rsp), %r13
	movq	32(%rsp), %r12
	movq	24(%rsp), %rbp
.LBB1_30:
	movq	56(%rsp), %rdi
	movabsq	$NRT_decref, %rax
	callq	*%rax
.LBB1_31:
	movabsq	$NRT_decref, %rax
	movq	%rbp, %rdi
	callq	*%rax
.LBB1_32:
	movabsq	$NRT_decref, %rax
	movq	%r12, %rdi
	callq	*%rax
.LBB1_33:
	movabsq	$NRT_decref, %rax
	movq	%r13, %rdi
	callq	*%rax
.LBB1_34:
	movabsq	$NRT_decref, %rax
	jmp	.LBB1_38
.LBB1_35:
	movq	16(%rbx), %rdx
	movabsq	$numba_unpickle, %rax
	callq	*%rax
	movq	%rax, %r14
.LBB1_36:
	testq	%r14, %r14
	je	.LBB1_39
	movabsq	$numba_do_raise, %rax
.LBB1_38:
	movq	%r14, %rdi
	callq	*%rax
.LBB1_39:
	xorl	%ebx, %ebx
	jmp	.LBB1_17
.LBB1_40:
	movabsq	$PyExc_RuntimeError, %rdi
	movabsq	$".const.Error creating Python tuple from runtime exception arguments", %rsi
	jmp	.LBB1_23
.Lfunc_end1:
	.size	_ZN7cpython8__main__2k2B2v5B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf, .Lfunc_end1-_ZN7cpython8__main__2k2B2v5B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf
	.cfi_endproc

	.globl	cfunc._ZN8__main__2k2B2v5B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf
	.p2align	4
	.type	cfunc._ZN8__main__2k2B2v5B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf,@function
cfunc._ZN8__main__2k2B2v5B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf:
	.cfi_startproc
	pushq	%r15
	.cfi_def_cfa_offset 16
	pushq	%r14
	.cfi_def_cfa_offset 24
	pushq	%rbx
	.cfi_def_cfa_offset 32
	subq	$368, %rsp
	.cfi_def_cfa_offset 400
	.cfi_offset %rbx, -32
	.cfi_offset %r14, -24
	.cfi_offset %r15, -16
	vmovups	440(%rsp), %xmm1
	vmovups	552(%rsp), %xmm2
	vmovaps	624(%rsp), %xmm3
	vmovups	680(%rsp), %xmm4
	movq	%rdi, %rdx
	movq	696(%rsp), %rbx
	movq	408(%rsp), %rax
	movq	464(%rsp), %rcx
	movq	496(%rsp), %rsi
	movq	520(%rsp), %rdi
	movq	568(%rsp), %r9
	movq	592(%rsp), %r10
	movq	648(%rsp), %r11
	movq	$0, 360(%rsp)
	movq	$0, 352(%rsp)
	movq	%rbx, 312(%rsp)
	vmovups	%xmm4, 296(%rsp)
	movq	%r11, 264(%rsp)
	vmovups	%xmm3, 240(%rsp)
	movq	%r10, 208(%rsp)
	movq	%r9, 184(%rsp)
	vmovups	%xmm2, 168(%rsp)
	movq	%rdi, 136(%rsp)
	movq	%rsi, 112(%rsp)
	movq	%rcx, 80(%rsp)
	vmovups	%xmm1, 56(%rsp)
	movq	%rax, 24(%rsp)
	movabsq	$_ZN8__main__2k2B2v5B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf, %rax
	leaq	360(%rsp), %rdi
	leaq	352(%rsp), %rsi
	movq	%r8, (%rsp)
	callq	*%rax
	movl	%eax, %ecx
	movq	352(%rsp), %rbx
	movq	360(%rsp), %rax
	movl	$0, 348(%rsp)
	testl	%ecx, %ecx
	jne	.LBB2_1
.LBB2_5:
	addq	$368, %rsp
	.cfi_def_cfa_offset 32
	popq	%rbx
	.cfi_def_cfa_offset 24
	popq	%r14
	.cfi_def_cfa_offset 16
	popq	%r15
	.cfi_def_cfa_offset 8
	retq
.LBB2_1:
	.cfi_def_cfa_offset 400
	movabsq	$numba_gil_ensure, %r14
	leaq	348(%rsp), %rdi
	movq	%rax, %r15
	callq	*%r14
	movabsq	$PyErr_Clear, %rax
	callq	*%rax
	movl	8(%rbx), %esi
	movq	(%rbx), %rdi
	cmpl	$0, 32(%rbx)
	jle	.LBB2_6
	movslq	%esi, %rsi
	movabsq	$PyBytes_FromStringAndSize, %rax
	callq	*%rax
	movq	16(%rbx), %rdi
	movq	%rax, %r14
	callq	*24(%rbx)
	testq	%rax, %rax
	je	.LBB2_3
	movabsq	$numba_runtime_build_excinfo_struct, %rcx
	movq	%r14, %rdi
	movq	%rax, %rsi
	callq	*%rcx
	movq	%rax, %r14
	movabsq	$NRT_Free, %rax
	movq	%rbx, %rdi
	callq	*%rax
	jmp	.LBB2_7
.LBB2_6:
	movq	16(%rbx), %rdx
	movabsq	$numba_unpickle, %rax
	callq	*%rax
	movq	%rax, %r14
.LBB2_7:
	testq	%r14, %r14
	je	.LBB2_4
	movabsq	$numba_do_raise, %rax
	movq	%r14, %rdi
	callq	*%rax
.LBB2_4:
	movabsq	$".const.<numba.core.cpu.CPUContext>", %rdi
	movabsq	$PyUnicode_FromString, %rax
	callq	*%rax
	movabsq	$PyErr_WriteUnraisable, %r14
	movq	%rax, %rbx
	movq	%rbx, %rdi
	callq	*%r14
	movabsq	$Py_DecRef, %rax
	movq	%rbx, %rdi
	callq	*%rax
	movabsq	$numba_gil_release, %rax
	leaq	348(%rsp), %rdi
	callq	*%rax
	movq	%r15, %rax
	jmp	.LBB2_5
.LBB2_3:
	movabsq	$PyExc_RuntimeError, %rdi
	movabsq	$".const.Error creating Python tuple from runtime exception arguments.1", %rsi
	movabsq	$PyErr_SetString, %rax
	callq	*%rax
	xorl	%eax, %eax
	jmp	.LBB2_5
.Lfunc_end2:
	.size	cfunc._ZN8__main__2k2B2v5B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf, .Lfunc_end2-cfunc._ZN8__main__2k2B2v5B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf
	.cfi_endproc

	.weak	NRT_incref
	.p2align	4
	.type	NRT_incref,@function
NRT_incref:
	testq	%rdi, %rdi
	je	.LBB3_2
	lock		incq	(%rdi)
.LBB3_2:
	retq
.Lfunc_end3:
	.size	NRT_incref, .Lfunc_end3-NRT_incref

	.weak	NRT_decref
	.p2align	4
	.type	NRT_decref,@function
NRT_decref:
	.cfi_startproc
	testq	%rdi, %rdi
	je	.LBB4_2
	#MEMBARRIER
	lock		decq	(%rdi)
	je	.LBB4_3
.LBB4_2:
	retq
.LBB4_3:
	movabsq	$NRT_MemInfo_call_dtor, %rax
	#MEMBARRIER
	jmpq	*%rax
.Lfunc_end4:
	.size	NRT_decref, .Lfunc_end4-NRT_decref
	.cfi_endproc

	.type	.const.k2,@object
	.section	.lrodata,"al",@progbits
.const.k2:
	.asciz	"k2"
	.size	.const.k2, 3

	.type	_ZN08NumbaEnv8__main__2k2B2v5B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf,@object
	.comm	_ZN08NumbaEnv8__main__2k2B2v5B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf,8,8
	.type	".const.missing Environment: _ZN08NumbaEnv8__main__2k2B2v5B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf",@object
	.p2align	4, 0x0
".const.missing Environment: _ZN08NumbaEnv8__main__2k2B2v5B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf":
	.asciz	"missing Environment: _ZN08NumbaEnv8__main__2k2B2v5B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf"
	.size	".const.missing Environment: _ZN08NumbaEnv8__main__2k2B2v5B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf", 336

	.type	".const.can't unbox array from PyObject into native value.  The object maybe of a different type",@object
	.p2align	4, 0x0
".const.can't unbox array from PyObject into native value.  The object maybe of a different type":
	.asciz	"can't unbox array from PyObject into native value.  The object maybe of a different type"
	.size	".const.can't unbox array from PyObject into native value.  The object maybe of a different type", 89

	.type	".const.Error creating Python tuple from runtime exception arguments",@object
	.p2align	4, 0x0
".const.Error creating Python tuple from runtime exception arguments":
	.asciz	"Error creating Python tuple from runtime exception arguments"
	.size	".const.Error creating Python tuple from runtime exception arguments", 61

	.type	".const.Error creating Python tuple from runtime exception arguments.1",@object
	.p2align	4, 0x0
".const.Error creating Python tuple from runtime exception arguments.1":
	.asciz	"Error creating Python tuple from runtime exception arguments"
	.size	".const.Error creating Python tuple from runtime exception arguments.1", 61

	.type	".const.<numba.core.cpu.CPUContext>",@object
	.p2align	4, 0x0
".const.<numba.core.cpu.CPUContext>":
	.asciz	"<numba.core.cpu.CPUContext>"
	.size	".const.<numba.core.cpu.CPUContext>", 28

	.type	_ZN08NumbaEnv5numba2np8arrayobj16ol_np_zeros_like12_3clocals_3e4implB2v6B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDGyNBQG0BBiiYpQkAE5ArrayIfLi1E1C7mutable7alignedE27omitted_28default_3dNone_29,@object
	.comm	_ZN08NumbaEnv5numba2np8arrayobj16ol_np_zeros_like12_3clocals_3e4implB2v6B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDGyNBQG0BBiiYpQkAE5ArrayIfLi1E1C7mutable7alignedE27omitted_28default_3dNone_29,8,8
	.type	_ZN08NumbaEnv5numba2np8arrayobj16ol_np_empty_like12_3clocals_3e4implB2v7B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDGyNBQG0BBiiYpQkAE5ArrayIfLi1E1C7mutable7alignedEv,@object
	.comm	_ZN08NumbaEnv5numba2np8arrayobj16ol_np_empty_like12_3clocals_3e4implB2v7B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDGyNBQG0BBiiYpQkAE5ArrayIfLi1E1C7mutable7alignedEv,8,8
	.type	.const.pickledata.58e14eccb507b1e0206981740223e685cb8c3c57,@object
	.p2align	4, 0x0
.const.pickledata.58e14eccb507b1e0206981740223e685cb8c3c57:
	.ascii	"\200\004\225~\000\000\000\000\000\000\000\214\bbuiltins\224\214\nValueError\224\223\224\214[array is too big; `arr.size * arr.dtype.itemsize` is larger than the maximum possible size.\224\205\224N\207\224."
	.size	.const.pickledata.58e14eccb507b1e0206981740223e685cb8c3c57, 137

	.type	.const.pickledata.58e14eccb507b1e0206981740223e685cb8c3c57.sha1,@object
	.p2align	4, 0x0
.const.pickledata.58e14eccb507b1e0206981740223e685cb8c3c57.sha1:
	.ascii	"X\341N\314\265\007\261\340 i\201t\002#\346\205\313\214<W"
	.size	.const.pickledata.58e14eccb507b1e0206981740223e685cb8c3c57.sha1, 20

	.type	.const.picklebuf.58e14eccb507b1e0206981740223e685cb8c3c57,@object
	.p2align	4, 0x0
.const.picklebuf.58e14eccb507b1e0206981740223e685cb8c3c57:
	.quad	.const.pickledata.58e14eccb507b1e0206981740223e685cb8c3c57
	.long	137
	.zero	4
	.quad	.const.pickledata.58e14eccb507b1e0206981740223e685cb8c3c57.sha1
	.quad	0
	.long	0
	.zero	4
	.size	.const.picklebuf.58e14eccb507b1e0206981740223e685cb8c3c57, 40

	.type	_ZN08NumbaEnv5numba2np8arrayobj15_call_allocatorB2v3B42c8tJTC_2fWQA93W1AaAIYBPIqRBFCjDSZRVAJmaQIAEN29typeref_5b_3cclass_20_27numba4core5types8npytypes14Array_27_3e_5dExj,@object
	.comm	_ZN08NumbaEnv5numba2np8arrayobj15_call_allocatorB2v3B42c8tJTC_2fWQA93W1AaAIYBPIqRBFCjDSZRVAJmaQIAEN29typeref_5b_3cclass_20_27numba4core5types8npytypes14Array_27_3e_5dExj,8,8
	.type	_ZN08NumbaEnv5numba2np8arrayobj18_ol_array_allocate12_3clocals_3e4implB2v4B42c8tJTIeFIjxB2IKSgI4CrvQClcaMQ5hEEUSJJgA_3dEN29typeref_5b_3cclass_20_27numba4core5types8npytypes14Array_27_3e_5dExj,@object
	.comm	_ZN08NumbaEnv5numba2np8arrayobj18_ol_array_allocate12_3clocals_3e4implB2v4B42c8tJTIeFIjxB2IKSgI4CrvQClcaMQ5hEEUSJJgA_3dEN29typeref_5b_3cclass_20_27numba4core5types8npytypes14Array_27_3e_5dExj,8,8
	.type	.const.pickledata.ba289d81f05c7020f3477c15734804df65abe209,@object
	.p2align	4, 0x0
.const.pickledata.ba289d81f05c7020f3477c15734804df65abe209:
	.ascii	"\200\004\225K\000\000\000\000\000\000\000\214\bbuiltins\224\214\013MemoryError\224\223\224\214'Allocation failed (probably too large).\224\205\224N\207\224."
	.size	.const.pickledata.ba289d81f05c7020f3477c15734804df65abe209, 86

	.type	.const.pickledata.ba289d81f05c7020f3477c15734804df65abe209.sha1,@object
	.p2align	4, 0x0
.const.pickledata.ba289d81f05c7020f3477c15734804df65abe209.sha1:
	.ascii	"\272(\235\201\360\\p \363G|\025sH\004\337e\253\342\t"
	.size	.const.pickledata.ba289d81f05c7020f3477c15734804df65abe209.sha1, 20

	.type	.const.picklebuf.ba289d81f05c7020f3477c15734804df65abe209,@object
	.p2align	4, 0x0
.const.picklebuf.ba289d81f05c7020f3477c15734804df65abe209:
	.quad	.const.pickledata.ba289d81f05c7020f3477c15734804df65abe209
	.long	86
	.zero	4
	.quad	.const.pickledata.ba289d81f05c7020f3477c15734804df65abe209.sha1
	.quad	0
	.long	0
	.zero	4
	.size	.const.picklebuf.ba289d81f05c7020f3477c15734804df65abe209, 40

	.type	_ZN08NumbaEnv5numba2np8arrayobj18ol_array_zero_fill12_3clocals_3e4implB2v8B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDGyNBQG0BBiiYpQkAE5ArrayIfLi1E1C7mutable7alignedE,@object
	.comm	_ZN08NumbaEnv5numba2np8arrayobj18ol_array_zero_fill12_3clocals_3e4implB2v8B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDGyNBQG0BBiiYpQkAE5ArrayIfLi1E1C7mutable7alignedE,8,8
	.section	".note.GNU-stack","",@progbits
