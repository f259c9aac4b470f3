	.file	"<string>"
	.section	.ltext,"axl",@progbits
	.globl	_ZN8__main__2k3B2v9B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf
	.p2align	4
	.type	_ZN8__main__2k3B2v9B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf,@function
_ZN8__main__2k3B2v9B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf:
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
	subq	$152, %rsp
	.cfi_def_cfa_offset 208
	.cfi_offset %rbx, -56
	.cfi_offset %r12, -48
	.cfi_offset %r13, -40
	.cfi_offset %r14, -32
	.cfi_offset %r15, -24
	.cfi_offset %rbp, -16
	movq	472(%rsp), %r13
	movq	416(%rsp), %r15
	movq	344(%rsp), %r14
	movq	232(%rsp), %r12
	movabsq	$NRT_incref, %rbx
	movq	%rdi, 96(%rsp)
	movq	%rdx, %rdi
	vmovss	%xmm0, 44(%rsp)
	movq	%rdx, %rbp
	movq	%rsi, 24(%rsp)
	callq	*%rbx
	movq	%r12, %rdi
	callq	*%rbx
	movq	288(%rsp), %rdi
	callq	*%rbx
	movq	%r14, %rdi
	movq	272(%rsp), %r14
	callq	*%rbx
	movq	%r15, %rdi
	callq	*%rbx
	movq	%r13, %rdi
	callq	*%rbx
	movq	%r12, %rdi
	callq	*%rbx
	movq	%r12, %rdi
	callq	*%rbx
	movabsq	$-2305843009213693952, %rax
	addq	%r14, %rax
	shrq	$62, %rax
	cmpl	$3, %eax
	jb	.LBB0_60
	leaq	(,%r14,4), %rbx
	movabsq	$NRT_MemInfo_alloc_aligned, %rax
	movl	$32, %esi
	movq	%rbx, %rdi
	callq	*%rax
	testq	%rax, %rax
	je	.LBB0_61
	movq	24(%rax), %r15
	movq	392(%rsp), %r13
	movq	%rax, 80(%rsp)
	movabsq	$memset, %rax
	movq	%rbp, 88(%rsp)
	xorl	%esi, %esi
	movq	%rbx, %rdx
	movq	%r15, %rdi
	callq	*%rax
	movabsq	$NRT_decref, %rbx
	movq	%r12, %rdi
	callq	*%rbx
	movq	%r12, %rdi
	callq	*%rbx
	testq	%r13, %r13
	movl	$0, %ecx
	cmovgq	%r13, %rcx
	jle	.LBB0_58
	movq	384(%rsp), %rdx
	movq	208(%rsp), %r10
	xorl	%eax, %eax
	testq	%rdx, %rdx
	cmovgq	%rdx, %rax
	movq	%rax, 112(%rsp)
	jle	.LBB0_42
	movq	264(%rsp), %rbx
	movq	%r15, %rax
	subq	%r10, %rax
	cmpq	$4, %r14
	movq	520(%rsp), %r8
	movq	512(%rsp), %r11
	movq	456(%rsp), %r12
	movq	448(%rsp), %r13
	setb	%cl
	cmpq	$128, %rax
	setb	%al
	orb	%cl, %al
	movq	%r14, %rcx
	movb	%al, 15(%rsp)
	movabsq	$9223372036854775776, %rax
	vmovss	(%rbx), %xmm0
	andq	%rax, %rcx
	orq	$28, %rax
	andq	%r14, %rax
	movq	%rcx, 64(%rsp)
	xorl	%ecx, %ecx
	movq	%rax, 104(%rsp)
	vsubss	%xmm0, %xmm0, %xmm4
	vmovss	%xmm4, 48(%rsp)
	jmp	.LBB0_6
	.p2align	4
.LBB0_5:
	movq	120(%rsp), %rax
	movq	%rax, %rcx
	cmpq	%rax, 392(%rsp)
	je	.LBB0_58
.LBB0_6:
	testq	%r14, %r14
	jle	.LBB0_23
	cmpb	$0, 15(%rsp)
	je	.LBB0_9
	xorl	%eax, %eax
	jmp	.LBB0_18
	.p2align	4
.LBB0_9:
	cmpq	$32, %r14
	jae	.LBB0_11
	xorl	%edx, %edx
	jmp	.LBB0_15
.LBB0_11:
	movq	64(%rsp), %rdx
	xorl	%eax, %eax
	.p2align	4
.LBB0_12:
	vmovups	(%r10,%rax,4), %ymm0
	vmovups	32(%r10,%rax,4), %ymm1
	vmovups	64(%r10,%rax,4), %ymm2
	vmovups	96(%r10,%rax,4), %ymm3
	vmovups	%ymm0, (%r15,%rax,4)
	vmovups	%ymm1, 32(%r15,%rax,4)
	vmovups	%ymm2, 64(%r15,%rax,4)
	vmovups	%ymm3, 96(%r15,%rax,4)
	addq	$32, %rax
	cmpq	%rax, %rdx
	jne	.LBB0_12
	cmpq	%rdx, %r14
	je	.LBB0_23
	movq	64(%rsp), %rax
	movq	%rax, %rdx
	testb	$28, %r14b
	je	.LBB0_18
.LBB0_15:
	movq	104(%rsp), %rax
	.p2align	4
.LBB0_16:
	vmovups	(%r10,%rdx,4), %xmm0
	vmovups	%xmm0, (%r15,%rdx,4)
	addq	$4, %rdx
	cmpq	%rdx, %rax
	jne	.LBB0_16
	cmpq	%rax, %r14
	je	.LBB0_23
.LBB0_18:
	movl	%r14d, %esi
	subl	%eax, %esi
	movq	%rax, %rdx
	andl	$7, %esi
	je	.LBB0_21
	movq	%rax, %rdx
	.p2align	4
.LBB0_20:
	vmovss	(%r10,%rdx,4), %xmm0
	decq	%rsi
	vmovss	%xmm0, (%r15,%rdx,4)
	leaq	1(%rdx), %rdx
	jne	.LBB0_20
.LBB0_21:
	subq	%r14, %rax
	cmpq	$-8, %rax
	ja	.LBB0_23
	.p2align	4
.LBB0_22:
	vmovss	(%r10,%rdx,4), %xmm0
	vmovss	%xmm0, (%r15,%rdx,4)
	vmovss	4(%r10,%rdx,4), %xmm0
	vmovss	%xmm0, 4(%r15,%rdx,4)
	vmovss	8(%r10,%rdx,4), %xmm0
	vmovss	%xmm0, 8(%r15,%rdx,4)
	vmovss	12(%r10,%rdx,4), %xmm0
	vmovss	%xmm0, 12(%r15,%rdx,4)
	vmovss	16(%r10,%rdx,4), %xmm0
	vmovss	%xmm0, 16(%r15,%rdx,4)
	vmovss	20(%r10,%rdx,4), %xmm0
	vmovss	%xmm0, 20(%r15,%rdx,4)
	vmovss	24(%r10,%rdx,4), %xmm0
	vmovss	%xmm0, 24(%r15,%rdx,4)
	vmovss	28(%r10,%rdx,4), %xmm0
	vmovss	%xmm0, 28(%r15,%rdx,4)
	addq	$8, %rdx
	cmpq	%rdx, %r14
	jne	.LBB0_22
.LBB0_23:
	vmovss	44(%rsp), %xmm0
	movq	376(%rsp), %rdx
	movq	504(%rsp), %rsi
	leaq	1(%rcx), %rax
	movq	112(%rsp), %rbp
	movq	%r14, %r9
	movq	%rax, 120(%rsp)
	movq	384(%rsp), %rax
	leaq	(%rdx,%rcx,4), %rdx
	leaq	(%rsi,%rcx,4), %rsi
	movq	%rdx, 136(%rsp)
	movq	%rsi, 128(%rsp)
	jmp	.LBB0_27
	.p2align	4
.LBB0_24:
	vmovaps	%xmm0, %xmm1
	vmovaps	%xmm4, %xmm13
	vmovaps	%xmm4, %xmm7
	vmovaps	%xmm4, %xmm6
	vmovaps	%xmm4, %xmm5
	vmovaps	%xmm4, %xmm0
	vmovaps	%xmm4, %xmm11
	vmovaps	%xmm4, %xmm9
	vmovaps	%xmm4, %xmm8
.LBB0_25:
	movq	32(%rsp), %rbp
	movq	72(%rsp), %r9
.LBB0_26:
	vaddss	%xmm0, %xmm11, %xmm0
	vaddss	%xmm5, %xmm6, %xmm2
	vaddss	%xmm7, %xmm13, %xmm3
	movq	144(%rsp), %rdi
	movq	16(%rsp), %rax
	vaddss	%xmm0, %xmm9, %xmm0
	vaddss	%xmm2, %xmm3, %xmm2
	andq	%r11, %rdi
	vaddss	%xmm0, %xmm2, %xmm0
	addq	%rax, %rdi
	movq	16(%rsp), %rax
	imulq	%r8, %rdi
	vaddss	%xmm0, %xmm8, %xmm0
	vmovss	%xmm0, (%rsi,%rdi,4)
	vmovaps	%xmm1, %xmm0
	cmpq	$1, %rbp
	leaq	-1(%rbp), %rbp
	jle	.LBB0_5
.LBB0_27:
	leaq	-1(%rax), %rdi
	movq	%rdi, 16(%rsp)
	sarq	$63, %rdi
	movq	%rdi, %rcx
	andq	384(%rsp), %rcx
	movq	%rdi, 144(%rsp)
	andq	%r12, %rdi
	leaq	-1(%rcx,%rax), %rcx
	imulq	392(%rsp), %rcx
	leaq	-4(%r13,%rax,4), %rax
	vmovss	(%rax,%rdi,4), %xmm10
	vmovss	(%rdx,%rcx,4), %xmm1
	vucomiss	%xmm0, %xmm1
	jbe	.LBB0_33
	testq	%r9, %r9
	jle	.LBB0_41
	vucomiss	-4(%rbx,%r9,4), %xmm1
	jbe	.LBB0_34
	.p2align	4
.LBB0_30:
	movl	$0, -4(%r15,%r9,4)
	cmpq	$2, %r9
	jl	.LBB0_40
	vucomiss	-8(%rbx,%r9,4), %xmm1
	leaq	-1(%r9), %rax
	movq	%rax, %r9
	ja	.LBB0_30
	movq	%rax, %r9
.LBB0_34:
	movq	%rbp, 32(%rsp)
	vmovaps	%xmm1, %xmm0
	jmp	.LBB0_36
	.p2align	4
.LBB0_33:
	movq	%rbp, 32(%rsp)
.LBB0_36:
	leaq	7(%r9), %rbp
	movq	%r9, 72(%rsp)
	shrq	$3, %rbp
	testq	%r9, %r9
	setle	%al
	testq	%rbp, %rbp
	sete	%cl
	orb	%al, %cl
	jne	.LBB0_24
	movq	328(%rsp), %r12
	incq	%rbp
	vmovss	%xmm0, 52(%rsp)
	movq	%r15, %r9
	vmovaps	%xmm4, %xmm8
	vmovaps	%xmm4, %xmm9
	vmovaps	%xmm4, %xmm11
	vmovaps	%xmm4, %xmm0
	vmovaps	%xmm4, %xmm5
	vmovaps	%xmm4, %xmm6
	vmovaps	%xmm4, %xmm7
	vmovaps	%xmm4, %xmm13
	xorl	%r10d, %r10d
	movq	%rbx, %r15
	.p2align	4
.LBB0_38:
	movq	%r10, %rax
	sarq	$63, %rax
	vmovss	%xmm0, 24(%rsp)
	movq	320(%rsp), %rbx
	movl	$0, %edx
	vmovss	%xmm8, 60(%rsp)
	movl	$0, %r8d
	movl	$0, %esi
	movl	$0, %r13d
	vmovaps	%xmm1, %xmm3
	movq	%rax, %rdi
	andq	%r14, %rdi
	andq	%r12, %rax
	cmpq	$-1, %r10
	leaq	(%r15,%rdi,4), %rcx
	cmovlq	%r14, %rdx
	leaq	(%r9,%rdi,4), %rdi
	vmovss	(%rcx,%r10,4), %xmm0
	leaq	(%r15,%rdx,4), %rcx
	leaq	(%r9,%rdx,4), %rdx
	leaq	(%rbx,%rax,4), %rax
	vsubss	%xmm1, %xmm0, %xmm0
	vmulss	%xmm0, %xmm0, %xmm0
	vmulss	%xmm0, %xmm10, %xmm0
	vmulss	(%rax,%r10,4), %xmm0, %xmm8
	vmovss	4(%rcx,%r10,4), %xmm0
	movl	$0, %eax
	cmovlq	%r12, %rax
	cmpq	$-2, %r10
	leaq	(%rbx,%rax,4), %rax
	cmovlq	%r14, %r8
	vsubss	%xmm1, %xmm0, %xmm0
	vmulss	%xmm0, %xmm0, %xmm0
	vmulss	%xmm0, %xmm10, %xmm0
	vmulss	4(%rax,%r10,4), %xmm0, %xmm14
	leaq	(%r15,%r8,4), %rax
	leaq	(%r9,%r8,4), %r8
	vmovss	8(%rax,%r10,4), %xmm0
	movl	$0, %eax
	cmovlq	%r12, %rax
	cmpq	$-3, %r10
	vminss	4(%rdx,%r10,4), %xmm14, %xmm14
	leaq	(%rbx,%rax,4), %rax
	vsubss	%xmm1, %xmm0, %xmm0
	vmulss	%xmm0, %xmm0, %xmm0
	vmulss	%xmm0, %xmm10, %xmm0
	vmulss	8(%rax,%r10,4), %xmm0, %xmm15
	movl	$0, %eax
	cmovlq	%r14, %rax
	leaq	(%r15,%rax,4), %rcx
	leaq	(%r9,%rax,4), %rax
	vminss	8(%r8,%r10,4), %xmm15, %xmm15
	vmovss	12(%rcx,%r10,4), %xmm0
	movl	$0, %ecx
	cmovlq	%r12, %rcx
	cmpq	$-4, %r10
	leaq	(%rbx,%rcx,4), %rcx
	cmovlq	%r14, %rsi
	leaq	(%r15,%rsi,4), %r11
	leaq	(%r9,%rsi,4), %rsi
	vsubss	%xmm1, %xmm0, %xmm0
	vmulss	%xmm0, %xmm0, %xmm0
	vmulss	%xmm0, %xmm10, %xmm0
	vmulss	12(%rcx,%r10,4), %xmm0, %xmm0
	movl	$0, %ecx
	cmovlq	%r12, %rcx
	cmpq	$-5, %r10
	leaq	(%rbx,%rcx,4), %rcx
	vmovss	%xmm0, 56(%rsp)
	vmovss	16(%r11,%r10,4), %xmm0
	movl	$0, %r11d
	cmovlq	%r14, %r11
	vsubss	%xmm1, %xmm0, %xmm0
	vmulss	%xmm0, %xmm0, %xmm0
	vmulss	%xmm0, %xmm10, %xmm0
	vmulss	16(%rcx,%r10,4), %xmm0, %xmm0
	leaq	(%r15,%r11,4), %rcx
	leaq	(%r9,%r11,4), %r11
	vmovss	20(%rcx,%r10,4), %xmm2
	movl	$0, %ecx
	cmovlq	%r12, %rcx
	cmpq	$-6, %r10
	vminss	16(%rsi,%r10,4), %xmm0, %xmm0
	leaq	(%rbx,%rcx,4), %rcx
	vsubss	%xmm1, %xmm2, %xmm2
	vmulss	%xmm2, %xmm2, %xmm2
	vmulss	%xmm2, %xmm10, %xmm2
	vmulss	20(%rcx,%r10,4), %xmm2, %xmm2
	movl	$0, %ecx
	cmovlq	%r14, %rcx
	leaq	(%r15,%rcx,4), %r12
	leaq	(%r9,%rcx,4), %rcx
	vminss	20(%r11,%r10,4), %xmm2, %xmm2
	vmovss	24(%r12,%r10,4), %xmm12
	movl	$0, %r12d
	cmovlq	328(%rsp), %r12
	cmpq	$-7, %r10
	cmovlq	%r14, %r13
	leaq	(%r15,%r13,4), %r14
	vmovss	28(%r14,%r10,4), %xmm4
	movl	$0, %r14d
	leaq	(%rbx,%r12,4), %r12
	vaddss	%xmm2, %xmm11, %xmm11
	vsubss	%xmm1, %xmm12, %xmm12
	vmulss	%xmm12, %xmm12, %xmm12
	vsubss	%xmm1, %xmm4, %xmm4
	vmovaps	%xmm9, %xmm1
	vmovaps	%xmm7, %xmm9
	vmovaps	%xmm6, %xmm7
	vminss	(%rdi,%r10,4), %xmm8, %xmm6
	vmovss	56(%rsp), %xmm8
	vminss	12(%rax,%r10,4), %xmm8, %xmm8
	vmulss	%xmm10, %xmm12, %xmm12
	vmulss	24(%r12,%r10,4), %xmm12, %xmm12
	movq	328(%rsp), %r12
	vmulss	%xmm4, %xmm4, %xmm4
	vminss	24(%rcx,%r10,4), %xmm12, %xmm12
	vmulss	%xmm4, %xmm10, %xmm4
	cmovlq	%r12, %r14
	decq	%rbp
	leaq	(%rbx,%r14,4), %r14
	vaddss	%xmm6, %xmm13, %xmm13
	vaddss	%xmm5, %xmm8, %xmm5
	vmulss	28(%r14,%r10,4), %xmm4, %xmm4
	leaq	(%r9,%r13,4), %r14
	vminss	28(%r14,%r10,4), %xmm4, %xmm4
	vmovss	%xmm6, (%rdi,%r10,4)
	vmovss	%xmm14, 4(%rdx,%r10,4)
	vmovss	%xmm15, 8(%r8,%r10,4)
	vmovss	%xmm8, 12(%rax,%r10,4)
	vmovss	24(%rsp), %xmm8
	vmovss	%xmm0, 16(%rsi,%r10,4)
	vmovss	%xmm2, 20(%r11,%r10,4)
	vmovss	%xmm12, 24(%rcx,%r10,4)
	vmovaps	%xmm7, %xmm6
	vmovaps	%xmm9, %xmm7
	vmovaps	%xmm1, %xmm9
	vaddss	%xmm7, %xmm14, %xmm7
	vaddss	%xmm6, %xmm15, %xmm6
	vaddss	%xmm9, %xmm12, %xmm9
	vmovaps	%xmm3, %xmm1
	vaddss	%xmm0, %xmm8, %xmm8
	vmovss	%xmm4, 28(%r14,%r10,4)
	movq	272(%rsp), %r14
	addq	$8, %r10
	vmovss	%xmm8, 24(%rsp)
	vmovss	60(%rsp), %xmm8
	vmovss	24(%rsp), %xmm0
	vaddss	%xmm4, %xmm8, %xmm8
	cmpq	$1, %rbp
	ja	.LBB0_38
	vmovss	52(%rsp), %xmm1
	vmovss	48(%rsp), %xmm4
	movq	208(%rsp), %r10
	movq	520(%rsp), %r8
	movq	512(%rsp), %r11
	movq	456(%rsp), %r12
	movq	448(%rsp), %r13
	movq	136(%rsp), %rdx
	movq	128(%rsp), %rsi
	movq	%r15, %rbx
	movq	%r9, %r15
	jmp	.LBB0_25
.LBB0_40:
	xorl	%r9d, %r9d
.LBB0_41:
	vmovaps	%xmm4, %xmm13
	vmovaps	%xmm4, %xmm7
	vmovaps	%xmm4, %xmm6
	vmovaps	%xmm4, %xmm5
	vmovaps	%xmm4, %xmm0
	vmovaps	%xmm4, %xmm11
	vmovaps	%xmm4, %xmm9
	vmovaps	%xmm4, %xmm8
	jmp	.LBB0_26
.LBB0_42:
	testq	%r14, %r14
	jle	.LBB0_58
	movq	%r15, %rax
	subq	%r10, %rax
	cmpq	$4, %r14
	movq	%r14, %rdi
	setb	%sil
	cmpq	$128, %rax
	setb	%dl
	orb	%sil, %dl
	movabsq	$9223372036854775776, %rsi
	andq	%rsi, %rdi
	orq	$28, %rsi
	andq	%r14, %rsi
	jmp	.LBB0_45
	.p2align	4
.LBB0_44:
	decq	%rcx
	jle	.LBB0_58
.LBB0_45:
	testb	%dl, %dl
	je	.LBB0_47
	xorl	%r8d, %r8d
	jmp	.LBB0_53
	.p2align	4
.LBB0_47:
	xorl	%eax, %eax
	cmpq	$32, %r14
	jb	.LBB0_51
	.p2align	4
.LBB0_48:
	vmovups	(%r10,%rax,4), %ymm0
	vmovups	32(%r10,%rax,4), %ymm1
	vmovups	64(%r10,%rax,4), %ymm2
	vmovups	96(%r10,%rax,4), %ymm3
	vmovups	%ymm0, (%r15,%rax,4)
	vmovups	%ymm1, 32(%r15,%rax,4)
	vmovups	%ymm2, 64(%r15,%rax,4)
	vmovups	%ymm3, 96(%r15,%rax,4)
	addq	$32, %rax
	cmpq	%rax, %rdi
	jne	.LBB0_48
	cmpq	%rdi, %r14
	je	.LBB0_44
	movq	%rdi, %rax
	movq	%rdi, %r8
	testb	$28, %r14b
	je	.LBB0_53
	.p2align	4
.LBB0_51:
	vmovups	(%r10,%rax,4), %xmm0
	vmovups	%xmm0, (%r15,%rax,4)
	addq	$4, %rax
	cmpq	%rax, %rsi
	jne	.LBB0_51
	movq	%rsi, %r8
	cmpq	%rsi, %r14
	je	.LBB0_44
.LBB0_53:
	movl	%r14d, %r9d
	subl	%r8d, %r9d
	movq	%r8, %rax
	andl	$7, %r9d
	je	.LBB0_56
	movq	%r8, %rax
	.p2align	4
.LBB0_55:
	vmovss	(%r10,%rax,4), %xmm0
	decq	%r9
	vmovss	%xmm0, (%r15,%rax,4)
	leaq	1(%rax), %rax
	jne	.LBB0_55
.LBB0_56:
	subq	%r14, %r8
	cmpq	$-8, %r8
	ja	.LBB0_44
	.p2align	4
.LBB0_57:
	vmovss	(%r10,%rax,4), %xmm0
	vmovss	%xmm0, (%r15,%rax,4)
	vmovss	4(%r10,%rax,4), %xmm0
	vmovss	%xmm0, 4(%r15,%rax,4)
	vmovss	8(%r10,%rax,4), %xmm0
	vmovss	%xmm0, 8(%r15,%rax,4)
	vmovss	12(%r10,%rax,4), %xmm0
	vmovss	%xmm0, 12(%r15,%rax,4)
	vmovss	16(%r10,%rax,4), %xmm0
	vmovss	%xmm0, 16(%r15,%rax,4)
	vmovss	20(%r10,%rax,4), %xmm0
	vmovss	%xmm0, 20(%r15,%rax,4)
	vmovss	24(%r10,%rax,4), %xmm0
	vmovss	%xmm0, 24(%r15,%rax,4)
	vmovss	28(%r10,%rax,4), %xmm0
	vmovss	%xmm0, 28(%r15,%rax,4)
	addq	$8, %rax
	cmpq	%rax, %r14
	jne	.LBB0_57
	jmp	.LBB0_44
.LBB0_58:
	movq	344(%rsp), %rdi
	movabsq	$NRT_decref, %rbx
	vzeroupper
	callq	*%rbx
	movq	472(%rsp), %rdi
	callq	*%rbx
	movq	416(%rsp), %rdi
	callq	*%rbx
	movq	88(%rsp), %rdi
	callq	*%rbx
	movq	80(%rsp), %rdi
	callq	*%rbx
	movq	288(%rsp), %rdi
	callq	*%rbx
	movq	232(%rsp), %rdi
	callq	*%rbx
	movq	96(%rsp), %rax
	movq	$0, (%rax)
	xorl	%eax, %eax
.LBB0_59:
	addq	$152, %rsp
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
.LBB0_60:
	.cfi_def_cfa_offset 208
	movabsq	$.const.picklebuf.58e14eccb507b1e0206981740223e685cb8c3c57, %rax
	jmp	.LBB0_62
.LBB0_61:
	movabsq	$.const.picklebuf.ba289d81f05c7020f3477c15734804df65abe209, %rax
.LBB0_62:
	movq	24(%rsp), %rcx
	movq	%rax, (%rcx)
	movl	$1, %eax
	jmp	.LBB0_59
.Lfunc_end0:
	.size	_ZN8__main__2k3B2v9B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf, .Lfunc_end0-_ZN8__main__2k3B2v9B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf
	.cfi_endproc

	.globl	_ZN7cpython8__main__2k3B2v9B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf
	.p2align	4
	.type	_ZN7cpython8__main__2k3B2v9B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf,@function
_ZN7cpython8__main__2k3B2v9B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf:
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
	movabsq	$.const.k3, %rsi
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
	movq	$0, 56(%rsp)
	testl	%eax, %eax
	je	.LBB1_17
	movabsq	$_ZN08NumbaEnv8__main__2k3B2v9B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf, %rax
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
	leaq	480(%rsp), %rsi
	vxorps	%xmm0, %xmm0, %xmm0
	vmovups	%ymm0, 480(%rsp)
	vmovups	%ymm0, 504(%rsp)
	vzeroupper
	callq	*%rbx
	testl	%eax, %eax
	jne	.LBB1_24
	cmpq	$4, 504(%rsp)
	jne	.LBB1_24
	movq	168(%rsp), %rdi
	movq	480(%rsp), %r13
	movq	512(%rsp), %r12
	movq	520(%rsp), %rbp
	leaq	416(%rsp), %rsi
	vxorps	%xmm0, %xmm0, %xmm0
	vmovups	%ymm0, 416(%rsp)
	vmovups	%ymm0, 440(%rsp)
	vzeroupper
	callq	*%rbx
	testl	%eax, %eax
	jne	.LBB1_25
	cmpq	$4, 440(%rsp)
	jne	.LBB1_25
	movq	448(%rsp), %rax
	movq	160(%rsp), %rdi
	movq	%r12, 8(%rsp)
	movq	416(%rsp), %r12
	leaq	336(%rsp), %rsi
	vxorps	%xmm0, %xmm0, %xmm0
	movq	%rbp, (%rsp)
	vmovups	%ymm0, 336(%rsp)
	vmovups	%ymm0, 368(%rsp)
	movq	$0, 400(%rsp)
	movq	%rax, 128(%rsp)
	movq	456(%rsp), %rax
	movq	%rax, 120(%rsp)
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
	movq	%rax, 112(%rsp)
	movq	384(%rsp), %rax
	movq	%rcx, 104(%rsp)
	movq	%rax, 96(%rsp)
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
	movq	%rax, 48(%rsp)
	movq	312(%rsp), %rax
	movq	%rcx, 88(%rsp)
	movq	%rax, 80(%rsp)
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
	movq	%rbp, 16(%rsp)
	movq	%r12, 24(%rsp)
	movq	%r13, 32(%rsp)
	movq	%r14, 40(%rsp)
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
	vmovsd	%xmm0, 72(%rsp)
	callq	*%rax
	movabsq	$PyErr_Occurred, %rax
	callq	*%rax
	testq	%rax, %rax
	jne	.LBB1_29
	vmovsd	72(%rsp), %xmm0
	vcvtsd2ss	%xmm0, %xmm0, %xmm0
	subq	$336, %rsp
	.cfi_adjust_cfa_offset 336
	movq	424(%rsp), %rsi
	movq	432(%rsp), %rdx
	movq	416(%rsp), %rax
	movq	%r12, 312(%rsp)
	movq	%r13, 304(%rsp)
	movq	384(%rsp), %rbx
	movq	360(%rsp), %r13
	movq	368(%rsp), %r12
	movq	%r15, (%rsp)
	movq	%rbp, 400(%rsp)
	movq	%rbp, 264(%rsp)
	movq	352(%rsp), %rbp
	movq	376(%rsp), %r15
	leaq	872(%rsp), %rdi
	movq	%r14, 296(%rsp)
	movq	%rsi, 240(%rsp)
	movq	440(%rsp), %rsi
	movq	%rdx, 184(%rsp)
	movq	448(%rsp), %rdx
	movq	%rax, 248(%rsp)
	movabsq	$_ZN8__main__2k3B2v9B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf, %rax
	movq	%rbx, 208(%rsp)
	movq	%rbp, 136(%rsp)
	movq	%r13, 80(%rsp)
	movq	%r12, 24(%rsp)
	movq	%rsi, 176(%rsp)
	movq	456(%rsp), %rsi
	movq	%rdx, 168(%rsp)
	movq	464(%rsp), %rdx
	movq	%rsi, 120(%rsp)
	movq	336(%rsp), %rsi
	movq	%rdx, 112(%rsp)
	movq	344(%rsp), %rdx
	movq	%rsi, 64(%rsp)
	leaq	392(%rsp), %rsi
	movq	%rdx, 56(%rsp)
	movq	%r15, %rdx
	callq	*%rax
	addq	$336, %rsp
	.cfi_adjust_cfa_offset -336
	movq	56(%rsp), %rcx
	movabsq	$NRT_decref, %r14
	movq	%r15, %rdi
	movl	%eax, 8(%rsp)
	movq	%rcx, (%rsp)
	callq	*%r14
	movq	%r12, %rdi
	callq	*%r14
	movq	%r13, %rdi
	callq	*%r14
	movq	%rbp, %rdi
	callq	*%r14
	movq	%rbx, %rdi
	callq	*%r14
	movq	64(%rsp), %rdi
	callq	*%r14
	cmpl	$0, 8(%rsp)
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
	movq	(%rsp), %rbx
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
	movabsq	$".const.missing Environment: _ZN08NumbaEnv8__main__2k3B2v9B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf", %rsi
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
	movq	40(%rsp), %r14
	movq	32(%rsp), %r13
	movq	24(%rsp), %r12
	movq	16(%rsp), %rbp
.LBB1_30:
	movq	48(%rsp), %rdi
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
	.size	_ZN7cpython8__main__2k3B2v9B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf, .Lfunc_end1-_ZN7cpython8__main__2k3B2v9B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf
	.cfi_endproc

	.globl	cfunc._ZN8__main__2k3B2v9B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf
	.p2align	4
	.type	cfunc._ZN8__main__2k3B2v9B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf,@function
cfunc._ZN8__main__2k3B2v9B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf:
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
	vmovaps	496(%rsp), %xmm2
	vmovups	552(%rsp), %xmm3
	vmovaps	624(%rsp), %xmm4
	vmovups	680(%rsp), %xmm5
	movq	%rdi, %rdx
	movq	696(%rsp), %r11
	movq	408(%rsp), %rax
	movq	464(%rsp), %rcx
	movq	520(%rsp), %rsi
	movq	568(%rsp), %rdi
	movq	592(%rsp), %r9
	movq	648(%rsp), %r10
	movq	$0, 360(%rsp)
	movq	$0, 352(%rsp)
	movq	%r11, 312(%rsp)
	vmovups	%xmm5, 296(%rsp)
	movq	%r10, 264(%rsp)
	vmovups	%xmm4, 240(%rsp)
	movq	%rdi, 184(%rsp)
	movq	%r9, 208(%rsp)
	vmovups	%xmm3, 168(%rsp)
	movq	%rsi, 136(%rsp)
	vmovups	%xmm2, 112(%rsp)
	movq	%rcx, 80(%rsp)
	vmovups	%xmm1, 56(%rsp)
	movq	%rax, 24(%rsp)
	movabsq	$_ZN8__main__2k3B2v9B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf, %rax
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
.LBB2_7:
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
	jle	.LBB2_4
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
	jmp	.LBB2_5
.LBB2_4:
	movq	16(%rbx), %rdx
	movabsq	$numba_unpickle, %rax
	callq	*%rax
	movq	%rax, %r14
.LBB2_5:
	testq	%r14, %r14
	je	.LBB2_6
	movabsq	$numba_do_raise, %rax
	movq	%r14, %rdi
	callq	*%rax
.LBB2_6:
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
	jmp	.LBB2_7
.LBB2_3:
	movabsq	$PyExc_RuntimeError, %rdi
	movabsq	$".const.Error creating Python tuple from runtime exception arguments.1", %rsi
	movabsq	$PyErr_SetString, %rax
	callq	*%rax
	xorl	%eax, %eax
	jmp	.LBB2_7
.Lfunc_end2:
	.size	cfunc._ZN8__main__2k3B2v9B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf, .Lfunc_end2-cfunc._ZN8__main__2k3B2v9B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf
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

	.type	.const.k3,@object
	.section	.lrodata,"al",@progbits
.const.k3:
	.asciz	"k3"
	.size	.const.k3, 3

	.type	_ZN08NumbaEnv8__main__2k3B2v9B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf,@object
	.comm	_ZN08NumbaEnv8__main__2k3B2v9B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf,8,8
	.type	".const.missing Environment: _ZN08NumbaEnv8__main__2k3B2v9B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf",@object
	.p2align	4, 0x0
".const.missing Environment: _ZN08NumbaEnv8__main__2k3B2v9B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf":
	.asciz	"missing Environment: _ZN08NumbaEnv8__main__2k3B2v9B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf"
	.size	".const.missing Environment: _ZN08NumbaEnv8__main__2k3B2v9B94c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDuwhirCYAE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedE5ArrayIfLi1E1C7mutable7alignedE5ArrayIfLi2E1C7mutable7alignedEf", 336

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
	.type	_ZN08NumbaEnv5numba7cpython8builtins6ol_min12_3clocals_3e4implB3v10B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDGyNBQG0BBiiYpQkAE15StarArgUniTupleIfLi2EE,@object
	.comm	_ZN08NumbaEnv5numba7cpython8builtins6ol_min12_3clocals_3e4implB3v10B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6CupFwIRUnJ8MYuYVV6nXagKDGyNBQG0BBiiYpQkAE15StarArgUniTupleIfLi2EE,8,8
	.section	".note.GNU-stack","",@progbits
