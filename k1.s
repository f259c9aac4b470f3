	.file	"<string>"
	.section	.ltext,"axl",@progbits
	.globl	_ZN8__main__2k1B2v1B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf
	.p2align	4
	.type	_ZN8__main__2k1B2v1B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf,@function
_ZN8__main__2k1B2v1B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf:
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
	subq	$136, %rsp
	.cfi_def_cfa_offset 192
	.cfi_offset %rbx, -56
	.cfi_offset %r12, -48
	.cfi_offset %r13, -40
	.cfi_offset %r14, -32
	.cfi_offset %r15, -24
	.cfi_offset %rbp, -16
	movq	456(%rsp), %r12
	movq	400(%rsp), %r13
	movq	328(%rsp), %r14
	movq	216(%rsp), %r15
	movabsq	$NRT_incref, %rbx
	movq	%rdi, 48(%rsp)
	movq	%rdx, %rdi
	vmovss	%xmm0, 20(%rsp)
	movq	%rdx, %rbp
	movq	%rsi, 96(%rsp)
	callq	*%rbx
	movq	%r15, %rdi
	callq	*%rbx
	movq	272(%rsp), %rdi
	callq	*%rbx
	movq	%r14, %rdi
	callq	*%rbx
	movq	%r13, %rdi
	callq	*%rbx
	movq	%r12, %rdi
	callq	*%rbx
	movq	%r15, %rdi
	callq	*%rbx
	movq	256(%rsp), %rcx
	movabsq	$-2305843009213693952, %rax
	addq	%rcx, %rax
	shrq	$62, %rax
	cmpl	$3, %eax
	jb	.LBB0_1
	leaq	(,%rcx,4), %rdi
	movabsq	$NRT_MemInfo_alloc_aligned, %rax
	movl	$32, %esi
	callq	*%rax
	testq	%rax, %rax
	je	.LBB0_4
	movq	376(%rsp), %r14
	movq	24(%rax), %r13
	movq	%rax, 32(%rsp)
	movabsq	$NRT_decref, %rax
	movq	%r15, %rdi
	movq	%rbp, 40(%rsp)
	callq	*%rax
	movq	256(%rsp), %r11
	testq	%r14, %r14
	movl	$0, %ecx
	cmovgq	%r14, %rcx
	jle	.LBB0_5
	movq	368(%rsp), %r10
	movq	192(%rsp), %rax
	xorl	%edx, %edx
	testq	%r10, %r10
	cmovgq	%r10, %rdx
	movq	%rdx, 64(%rsp)
	jle	.LBB0_59
	movq	%r13, %rcx
	subq	%rax, %rcx
	cmpq	$4, %r11
	movq	504(%rsp), %rbx
	movq	304(%rsp), %r12
	movq	248(%rsp), %rbp
	vxorps	%xmm8, %xmm8, %xmm8
	setb	%dl
	cmpq	$128, %rcx
	setb	%cl
	orb	%dl, %cl
	movq	%r11, %rdx
	movb	%cl, 15(%rsp)
	movabsq	$9223372036854775776, %rcx
	andq	%rcx, %rdx
	orq	$28, %rcx
	andq	%r11, %rcx
	movq	%rdx, 24(%rsp)
	movq	%rcx, 56(%rsp)
	xorl	%ecx, %ecx
	jmp	.LBB0_10
	.p2align	4
.LBB0_56:
	movq	72(%rsp), %rax
	movq	256(%rsp), %r11
	movq	%rax, %rcx
	cmpq	%rax, %r14
	movq	192(%rsp), %rax
	je	.LBB0_5
.LBB0_10:
	testq	%r11, %r11
	jle	.LBB0_26
	cmpb	$0, 15(%rsp)
	je	.LBB0_13
	xorl	%edx, %edx
	jmp	.LBB0_22
	.p2align	4
.LBB0_13:
	cmpq	$32, %r11
	jae	.LBB0_15
	xorl	%esi, %esi
	jmp	.LBB0_19
.LBB0_15:
	movq	24(%rsp), %rsi
	xorl	%edx, %edx
	.p2align	4
.LBB0_16:
	vmovups	(%rax,%rdx,4), %ymm1
	vmovups	32(%rax,%rdx,4), %ymm2
	vmovups	64(%rax,%rdx,4), %ymm3
	vmovups	96(%rax,%rdx,4), %ymm4
	vmovups	%ymm1, (%r13,%rdx,4)
	vmovups	%ymm2, 32(%r13,%rdx,4)
	vmovups	%ymm3, 64(%r13,%rdx,4)
	vmovups	%ymm4, 96(%r13,%rdx,4)
	addq	$32, %rdx
	cmpq	%rdx, %rsi
	jne	.LBB0_16
	cmpq	%rsi, %r11
	je	.LBB0_26
	movq	24(%rsp), %rdx
	movq	%rdx, %rsi
	testb	$28, %r11b
	je	.LBB0_22
.LBB0_19:
	movq	56(%rsp), %rdx
	.p2align	4
.LBB0_20:
	vmovups	(%rax,%rsi,4), %xmm1
	vmovups	%xmm1, (%r13,%rsi,4)
	addq	$4, %rsi
	cmpq	%rsi, %rdx
	jne	.LBB0_20
	cmpq	%rdx, %r11
	je	.LBB0_26
.LBB0_22:
	movl	%r11d, %edi
	subl	%edx, %edi
	movq	%rdx, %rsi
	andl	$7, %edi
	je	.LBB0_25
	movq	%rdx, %rsi
	.p2align	4
.LBB0_24:
	vmovss	(%rax,%rsi,4), %xmm1
	decq	%rdi
	vmovss	%xmm1, (%r13,%rsi,4)
	leaq	1(%rsi), %rsi
	jne	.LBB0_24
.LBB0_25:
	subq	%r11, %rdx
	cmpq	$-8, %rdx
	ja	.LBB0_26
	.p2align	4
.LBB0_58:
	vmovss	(%rax,%rsi,4), %xmm0
	vmovss	%xmm0, (%r13,%rsi,4)
	vmovss	4(%rax,%rsi,4), %xmm0
	vmovss	%xmm0, 4(%r13,%rsi,4)
	vmovss	8(%rax,%rsi,4), %xmm0
	vmovss	%xmm0, 8(%r13,%rsi,4)
	vmovss	12(%rax,%rsi,4), %xmm0
	vmovss	%xmm0, 12(%r13,%rsi,4)
	vmovss	16(%rax,%rsi,4), %xmm0
	vmovss	%xmm0, 16(%r13,%rsi,4)
	vmovss	20(%rax,%rsi,4), %xmm0
	vmovss	%xmm0, 20(%r13,%rsi,4)
	vmovss	24(%rax,%rsi,4), %xmm0
	vmovss	%xmm0, 24(%r13,%rsi,4)
	vmovss	28(%rax,%rsi,4), %xmm0
	vmovss	%xmm0, 28(%r13,%rsi,4)
	addq	$8, %rsi
	cmpq	%rsi, %r11
	jne	.LBB0_58
.LBB0_26:
	movq	360(%rsp), %rsi
	movq	488(%rsp), %rdx
	leaq	1(%rcx), %rax
	vmovss	20(%rsp), %xmm9
	movq	%r10, %r15
	movq	%rax, 72(%rsp)
	leaq	(%rsi,%rcx,4), %rax
	movq	%r11, %rsi
	movq	64(%rsp), %r11
	movq	%rax, 88(%rsp)
	leaq	(%rdx,%rcx,4), %rax
	movq	440(%rsp), %rdx
	movq	%rax, 80(%rsp)
	movq	496(%rsp), %rax
	jmp	.LBB0_27
.LBB0_32:
	xorl	%esi, %esi
.LBB0_33:
	vsubss	%xmm3, %xmm3, %xmm4
	vmovaps	%xmm2, %xmm9
.LBB0_55:
	andq	%rax, %rcx
	movq	80(%rsp), %rdi
	addq	%r15, %rcx
	imulq	%rbx, %rcx
	vmovss	%xmm4, (%rdi,%rcx,4)
	cmpq	$1, %r11
	leaq	-1(%r11), %r11
	jle	.LBB0_56
.LBB0_27:
	movq	%r15, %rdi
	decq	%r15
	movq	88(%rsp), %r9
	movq	%r15, %rcx
	sarq	$63, %rcx
	movq	%rcx, %r8
	andq	%r10, %r8
	leaq	-1(%r8,%rdi), %r8
	imulq	%r14, %r8
	vmovss	(%r9,%r8,4), %xmm2
	movq	432(%rsp), %r9
	movq	%rcx, %r8
	andq	%rdx, %r8
	leaq	-4(%r9,%rdi,4), %rdi
	vmovss	(%rdi,%r8,4), %xmm3
	vucomiss	%xmm9, %xmm2
	jbe	.LBB0_36
	testq	%rsi, %rsi
	jle	.LBB0_33
	vucomiss	-4(%rbp,%rsi,4), %xmm2
	jbe	.LBB0_30
	.p2align	4
.LBB0_31:
	cmpq	$2, %rsi
	jl	.LBB0_32
	vucomiss	-8(%rbp,%rsi,4), %xmm2
	leaq	-1(%rsi), %rdi
	movq	%rdi, %rsi
	ja	.LBB0_31
	jmp	.LBB0_35
	.p2align	4
.LBB0_36:
	vsubss	%xmm3, %xmm3, %xmm4
	testq	%rsi, %rsi
	jle	.LBB0_55
	cmpq	$4, %rsi
	jae	.LBB0_39
.LBB0_38:
	xorl	%r9d, %r9d
	jmp	.LBB0_52
.LBB0_30:
	movq	%rsi, %rdi
.LBB0_35:
	vsubss	%xmm3, %xmm3, %xmm4
	vmovaps	%xmm2, %xmm9
	movq	%rdi, %rsi
	cmpq	$4, %rsi
	jb	.LBB0_38
.LBB0_39:
	leaq	(%rbp,%rsi,4), %rdi
	leaq	(%r13,%rsi,4), %r8
	leaq	(%r12,%rsi,4), %r9
	movq	%rbx, %rax
	movq	%r10, %rbx
	movq	%r14, %rdx
	cmpq	%rdi, %r13
	setb	%r10b
	cmpq	%r8, %rbp
	setb	%r14b
	cmpq	%r9, %r13
	setb	%dil
	cmpq	%r8, %r12
	setb	%r8b
	testb	%r14b, %r10b
	jne	.LBB0_40
	andb	%r8b, %dil
	jne	.LBB0_40
	movq	%rdx, %r14
	movq	%rbx, %r10
	cmpq	$32, %rsi
	jae	.LBB0_44
	movq	%rax, %rbx
	movq	496(%rsp), %rax
	movq	440(%rsp), %rdx
	xorl	%r9d, %r9d
	jmp	.LBB0_49
.LBB0_40:
	movq	%rdx, %r14
	movq	%rbx, %r10
	movq	%rax, %rbx
	movq	496(%rsp), %rax
	movq	440(%rsp), %rdx
	xorl	%r9d, %r9d
	jmp	.LBB0_52
.LBB0_44:
	movq	440(%rsp), %rdx
	vbroadcastss	%xmm2, %ymm0
	vbroadcastss	%xmm3, %ymm7
	movq	%rsi, %r9
	vmovss	%xmm4, %xmm8, %xmm4
	andq	$-32, %r9
	vmovss	%xmm9, 16(%rsp)
	vxorps	%xmm6, %xmm6, %xmm6
	xorl	%edi, %edi
	vxorps	%xmm8, %xmm8, %xmm8
	vxorps	%xmm9, %xmm9, %xmm9
	movq	%rax, %rbx
	vmovups	%ymm0, 96(%rsp)
	.p2align	4
.LBB0_45:
	vmovups	(%rbp,%rdi,4), %ymm10
	vmovups	96(%rsp), %ymm0
	vmovups	32(%rbp,%rdi,4), %ymm11
	vmovups	64(%rbp,%rdi,4), %ymm12
	vmovups	96(%rbp,%rdi,4), %ymm13
	vmovups	(%r13,%rdi,4), %ymm14
	vmovups	32(%r13,%rdi,4), %ymm15
	vmovups	96(%r13,%rdi,4), %ymm1
	vsubps	%ymm0, %ymm10, %ymm10
	vsubps	%ymm0, %ymm11, %ymm11
	vsubps	%ymm0, %ymm12, %ymm12
	vsubps	%ymm0, %ymm13, %ymm13
	vmovups	64(%r13,%rdi,4), %ymm0
	vmulps	%ymm10, %ymm10, %ymm10
	vmulps	%ymm11, %ymm11, %ymm11
	vmulps	%ymm12, %ymm12, %ymm12
	vmulps	%ymm13, %ymm13, %ymm13
	vmulps	%ymm7, %ymm10, %ymm10
	vmulps	(%r12,%rdi,4), %ymm10, %ymm10
	vmulps	%ymm7, %ymm11, %ymm11
	vmulps	32(%r12,%rdi,4), %ymm11, %ymm11
	vmulps	%ymm7, %ymm12, %ymm12
	vmulps	64(%r12,%rdi,4), %ymm12, %ymm12
	vmulps	%ymm7, %ymm13, %ymm13
	vmulps	96(%r12,%rdi,4), %ymm13, %ymm13
	vcmpnltps	%ymm10, %ymm14, %ymm5
	vmaskmovps	%ymm10, %ymm5, (%r13,%rdi,4)
	vcmpnltps	%ymm11, %ymm15, %ymm5
	vmaskmovps	%ymm11, %ymm5, 32(%r13,%rdi,4)
	vcmpnltps	%ymm12, %ymm0, %ymm5
	vminps	%ymm12, %ymm0, %ymm0
	vmaskmovps	%ymm12, %ymm5, 64(%r13,%rdi,4)
	vminps	%ymm10, %ymm14, %ymm5
	vaddps	%ymm0, %ymm8, %ymm8
	vminps	%ymm13, %ymm1, %ymm0
	vaddps	%ymm4, %ymm5, %ymm4
	vminps	%ymm11, %ymm15, %ymm5
	vaddps	%ymm0, %ymm9, %ymm9
	vaddps	%ymm6, %ymm5, %ymm6
	vcmpnltps	%ymm13, %ymm1, %ymm5
	vmaskmovps	%ymm13, %ymm5, 96(%r13,%rdi,4)
	addq	$32, %rdi
	cmpq	%rdi, %r9
	jne	.LBB0_45
	vaddps	%ymm4, %ymm6, %ymm0
	movq	496(%rsp), %rax
	vaddps	%ymm0, %ymm8, %ymm0
	vaddps	%ymm0, %ymm9, %ymm0
	vextractf128	$1, %ymm0, %xmm1
	vaddps	%xmm1, %xmm0, %xmm0
	vshufpd	$1, %xmm0, %xmm0, %xmm1
	vaddps	%xmm1, %xmm0, %xmm0
	vmovshdup	%xmm0, %xmm1
	vaddss	%xmm1, %xmm0, %xmm4
	cmpq	%r9, %rsi
	jne	.LBB0_48
	vmovss	16(%rsp), %xmm9
	vxorps	%xmm8, %xmm8, %xmm8
	jmp	.LBB0_55
.LBB0_48:
	vmovss	16(%rsp), %xmm9
	vxorps	%xmm8, %xmm8, %xmm8
	testb	$28, %sil
	je	.LBB0_52
.LBB0_49:
	movq	%r9, %rdi
	movq	%rsi, %r9
	andq	$-4, %r9
	vmovss	%xmm4, %xmm8, %xmm4
	vbroadcastss	%xmm2, %xmm5
	vbroadcastss	%xmm3, %xmm6
	.p2align	4
.LBB0_50:
	vmovups	(%rbp,%rdi,4), %xmm0
	vmovups	(%r13,%rdi,4), %xmm1
	vsubps	%xmm5, %xmm0, %xmm0
	vmulps	%xmm0, %xmm0, %xmm0
	vmulps	%xmm6, %xmm0, %xmm0
	vmulps	(%r12,%rdi,4), %xmm0, %xmm0
	vcmpnltps	%xmm0, %xmm1, %xmm7
	vmaskmovps	%xmm0, %xmm7, (%r13,%rdi,4)
	vminps	%xmm0, %xmm1, %xmm0
	addq	$4, %rdi
	vaddps	%xmm4, %xmm0, %xmm4
	cmpq	%rdi, %r9
	jne	.LBB0_50
	vshufpd	$1, %xmm4, %xmm4, %xmm0
	vaddps	%xmm0, %xmm4, %xmm0
	vmovshdup	%xmm0, %xmm1
	vaddss	%xmm1, %xmm0, %xmm4
	cmpq	%r9, %rsi
	je	.LBB0_55
	.p2align	4
.LBB0_52:
	movq	%rsi, %r8
	andq	$3, %r8
	movq	%r9, %rdi
	je	.LBB0_54
	.p2align	4
.LBB0_53:
	vmovss	(%rbp,%rdi,4), %xmm0
	vmovss	(%r13,%rdi,4), %xmm1
	decq	%r8
	vsubss	%xmm2, %xmm0, %xmm0
	vmulss	%xmm0, %xmm0, %xmm0
	vmulss	%xmm3, %xmm0, %xmm0
	vmulss	(%r12,%rdi,4), %xmm0, %xmm0
	vminss	%xmm0, %xmm1, %xmm0
	vaddss	%xmm4, %xmm0, %xmm4
	vmovss	%xmm0, (%r13,%rdi,4)
	leaq	1(%rdi), %rdi
	jne	.LBB0_53
.LBB0_54:
	subq	%rsi, %r9
	cmpq	$-4, %r9
	ja	.LBB0_55
	.p2align	4
.LBB0_57:
	vmovss	(%rbp,%rdi,4), %xmm0
	vmovss	(%r13,%rdi,4), %xmm1
	vsubss	%xmm2, %xmm0, %xmm0
	vmulss	%xmm0, %xmm0, %xmm0
	vmulss	%xmm3, %xmm0, %xmm0
	vmulss	(%r12,%rdi,4), %xmm0, %xmm0
	vminss	%xmm0, %xmm1, %xmm0
	vmovss	4(%r13,%rdi,4), %xmm1
	vmovss	%xmm0, (%r13,%rdi,4)
	vaddss	%xmm4, %xmm0, %xmm0
	vmovss	4(%rbp,%rdi,4), %xmm4
	vsubss	%xmm2, %xmm4, %xmm4
	vmulss	%xmm4, %xmm4, %xmm4
	vmulss	%xmm3, %xmm4, %xmm4
	vmulss	4(%r12,%rdi,4), %xmm4, %xmm4
	vminss	%xmm4, %xmm1, %xmm1
	vmovss	%xmm1, 4(%r13,%rdi,4)
	vmovss	8(%rbp,%rdi,4), %xmm4
	vmovss	8(%r13,%rdi,4), %xmm5
	vsubss	%xmm2, %xmm4, %xmm4
	vmulss	%xmm4, %xmm4, %xmm4
	vmulss	%xmm3, %xmm4, %xmm4
	vmulss	8(%r12,%rdi,4), %xmm4, %xmm4
	vminss	%xmm4, %xmm5, %xmm4
	vaddss	%xmm1, %xmm4, %xmm1
	vmovss	%xmm4, 8(%r13,%rdi,4)
	vmovss	12(%r13,%rdi,4), %xmm4
	vaddss	%xmm0, %xmm1, %xmm0
	vmovss	12(%rbp,%rdi,4), %xmm1
	vsubss	%xmm2, %xmm1, %xmm1
	vmulss	%xmm1, %xmm1, %xmm1
	vmulss	%xmm3, %xmm1, %xmm1
	vmulss	12(%r12,%rdi,4), %xmm1, %xmm1
	vminss	%xmm1, %xmm4, %xmm1
	vaddss	%xmm0, %xmm1, %xmm4
	vmovss	%xmm1, 12(%r13,%rdi,4)
	addq	$4, %rdi
	cmpq	%rdi, %rsi
	jne	.LBB0_57
	jmp	.LBB0_55
.LBB0_59:
	testq	%r11, %r11
	jle	.LBB0_5
	movq	%r13, %rdx
	subq	%rax, %rdx
	cmpq	$4, %r11
	movq	%r11, %rdi
	setb	%sil
	cmpq	$128, %rdx
	setb	%dl
	orb	%sil, %dl
	movabsq	$9223372036854775776, %rsi
	andq	%rsi, %rdi
	orq	$28, %rsi
	andq	%r11, %rsi
	jmp	.LBB0_61
	.p2align	4
.LBB0_74:
	decq	%rcx
	jle	.LBB0_5
.LBB0_61:
	testb	%dl, %dl
	je	.LBB0_63
	xorl	%r9d, %r9d
	jmp	.LBB0_69
	.p2align	4
.LBB0_63:
	xorl	%r8d, %r8d
	cmpq	$32, %r11
	jb	.LBB0_67
	.p2align	4
.LBB0_64:
	vmovups	(%rax,%r8,4), %ymm0
	vmovups	32(%rax,%r8,4), %ymm1
	vmovups	64(%rax,%r8,4), %ymm2
	vmovups	96(%rax,%r8,4), %ymm3
	vmovups	%ymm0, (%r13,%r8,4)
	vmovups	%ymm1, 32(%r13,%r8,4)
	vmovups	%ymm2, 64(%r13,%r8,4)
	vmovups	%ymm3, 96(%r13,%r8,4)
	addq	$32, %r8
	cmpq	%r8, %rdi
	jne	.LBB0_64
	cmpq	%rdi, %r11
	je	.LBB0_74
	movq	%rdi, %r8
	movq	%rdi, %r9
	testb	$28, %r11b
	je	.LBB0_69
	.p2align	4
.LBB0_67:
	vmovups	(%rax,%r8,4), %xmm0
	vmovups	%xmm0, (%r13,%r8,4)
	addq	$4, %r8
	cmpq	%r8, %rsi
	jne	.LBB0_67
	movq	%rsi, %r9
	cmpq	%rsi, %r11
	je	.LBB0_74
.LBB0_69:
	movl	%r11d, %r10d
	subl	%r9d, %r10d
	movq	%r9, %r8
	andl	$7, %r10d
	je	.LBB0_72
	movq	%r9, %r8
	.p2align	4
.LBB0_71:
	vmovss	(%rax,%r8,4), %xmm0
	decq	%r10
	vmovss	%xmm0, (%r13,%r8,4)
	leaq	1(%r8), %r8
	jne	.LBB0_71
.LBB0_72:
	subq	%r11, %r9
	cmpq	$-8, %r9
	ja	.LBB0_74
	.p2align	4
.LBB0_73:
	vmovss	(%rax,%r8,4), %xmm0
	vmovss	%xmm0, (%r13,%r8,4)
	vmovss	4(%rax,%r8,4), %xmm0
	vmovss	%xmm0, 4(%r13,%r8,4)
	vmovss	8(%rax,%r8,4), %xmm0
	vmovss	%xmm0, 8(%r13,%r8,4)
	vmovss	12(%rax,%r8,4), %xmm0
	vmovss	%xmm0, 12(%r13,%r8,4)
	vmovss	16(%rax,%r8,4), %xmm0
	vmovss	%xmm0, 16(%r13,%r8,4)
	vmovss	20(%rax,%r8,4), %xmm0
	vmovss	%xmm0, 20(%r13,%r8,4)
	vmovss	24(%rax,%r8,4), %xmm0
	vmovss	%xmm0, 24(%r13,%r8,4)
	vmovss	28(%rax,%r8,4), %xmm0
	vmovss	%xmm0, 28(%r13,%r8,4)
	addq	$8, %r8
	cmpq	%r8, %r11
	jne	.LBB0_73
	jmp	.LBB0_74
.LBB0_5:
	movq	328(%rsp), %rdi
	movabsq	$NRT_decref, %rbx
	vzeroupper
	callq	*%rbx
	movq	456(%rsp), %rdi
	callq	*%rbx
	movq	400(%rsp), %rdi
	callq	*%rbx
	movq	40(%rsp), %rdi
	callq	*%rbx
	movq	32(%rsp), %rdi
	callq	*%rbx
	movq	272(%rsp), %rdi
	callq	*%rbx
	movq	216(%rsp), %rdi
	callq	*%rbx
	movq	48(%rsp), %rax
	movq	$0, (%rax)
	xorl	%eax, %eax
.LBB0_6:
	addq	$136, %rsp
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
	.cfi_def_cfa_offset 192
	movabsq	$.const.picklebuf.58e14eccb507b1e0206981740223e685cb8c3c57, %rax
	jmp	.LBB0_2
.LBB0_4:
	movabsq	$.const.picklebuf.ba289d81f05c7020f3477c15734804df65abe209, %rax
.LBB0_2:
	movq	96(%rsp), %rcx
	movq	%rax, (%rcx)
	movl	$1, %eax
	jmp	.LBB0_6
.Lfunc_end0:
	.size	_ZN8__main__2k1B2v1B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf, .Lfunc_end0-_ZN8__main__2k1B2v1B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf
	.cfi_endproc

	.globl	_ZN7cpython8__main__2k1B2v1B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf
	.p2align	4
	.type	_ZN7cpython8__main__2k1B2v1B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf,@function
_ZN7cpython8__main__2k1B2v1B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf:
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
	movabsq	$.const.k1, %rsi
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
	movabsq	$_ZN08NumbaEnv8__main__2k1B2v1B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf, %rax
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
	movabsq	$_ZN8__main__2k1B2v1B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf, %rax
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
	movabsq	$".const.missing Environment: _ZN08NumbaEnv8__main__2k1B2v1B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf", %rsi
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
	.size	_ZN7cpython8__main__2k1B2v1B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf, .Lfunc_end1-_ZN7cpython8__main__2k1B2v1B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf
	.cfi_endproc

	.globl	cfunc._ZN8__main__2k1B2v1B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf
	.p2align	4
	.type	cfunc._ZN8__main__2k1B2v1B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf,@function
cfunc._ZN8__main__2k1B2v1B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf:
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
	movabsq	$_ZN8__main__2k1B2v1B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf, %rax
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
	.size	cfunc._ZN8__main__2k1B2v1B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf, .Lfunc_end2-cfunc._ZN8__main__2k1B2v1B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf
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

	.type	.const.k1,@object
	.section	.lrodata,"al",@progbits
.const.k1:
	.asciz	"k1"
	.size	.const.k1, 3

	.type	_ZN08NumbaEnv8__main__2k1B2v1B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf,@object
	.comm	_ZN08NumbaEnv8__main__2k1B2v1B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf,8,8
	.type	".const.missing Environment: _ZN08NumbaEnv8__main__2k1B2v1B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf",@object
	.p2align	4, 0x0
".const.missing Environment: _ZN08NumbaEnv8__main__2k1B2v1B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf":
	.asciz	"missing Environment: _ZN08NumbaEnv8__main__2k1B2v1B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf"
	.size	".const.missing Environment: _ZN08NumbaEnv8__main__2k1B2v1B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf", 336

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

	.type	_ZN08NumbaEnv5numba2np8arrayobj16ol_np_empty_like12_3clocals_3e4implB2v2B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDGyNBQG0BBiiYpQkAE5ArrayIfLi1E1C7mutable7alignedE27omitted_28default_3dNone_29,@object
	.comm	_ZN08NumbaEnv5numba2np8arrayobj16ol_np_empty_like12_3clocals_3e4implB2v2B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDGyNBQG0BBiiYpQkAE5ArrayIfLi1E1C7mutable7alignedE27omitted_28default_3dNone_29,8,8
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

	.section	".note.GNU-stack","",@progbits
