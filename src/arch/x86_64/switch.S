/* arch/x86_64/switch.S - the switch, for the System V ABI.
 *
 * ABI: System V ABI, AMD64 Architecture Processor Supplement 1.0, 3.2.1
 * (figure 3.4: rbx, rbp, r12-r15 belong to the caller, and so do the control
 * bits of MXCSR and the x87 control word), 3.2.2 (rsp + 8 is a multiple of 16
 * at entry).  Status bits travel with MXCSR, those of the x87 do not.
 *
 * The saved frame, at the sp that *save receives:
 *
 *      +----------------+ 64  <- rsp after the resumed call returned
 *      | rip            | 56  pushed by the call
 *      | rbp            | 48
 *      | rbx            | 40
 *      | r12            | 32  new context: entry
 *      | r13            | 24
 *      | r14            | 16
 *      | r15            | 8
 *      | cw, mxcsr      | 0   two and four bytes, two of padding
 *      +----------------+
 *
 * Resumed by pop and jmp, or by ret: see arch.h.  The jump is notrack and every
 * entry has its endbr64, so IBT may be claimed; a shadow stack would notice
 * both the jump and the foreign ret, so SHSTK is not.
 *
 * FP control is stored and loaded always.  The price is that of one stmxcsr,
 * which is not pipelined but runs beside other work; reading back what it has
 * just stored, to skip the load, costs more than the load.
 *
 * CFI: both frames have the same layout, so the rules before and after rsp is
 * exchanged are the same.  A new context resumes behind the first instruction
 * of weft__arch_start, a nop, because unwinders look before a return address.
 */
#include "arch/x86_64/arch_cpu.h"

	.text

	.macro function name
	.globl	\name
	.hidden	\name
	.type	\name, @function
	.p2align 5
	.endm

/* Unwinding over the frame at rsp. */
	.macro cfi_frame
	.cfi_def_cfa rsp, FRAME_SIZE
	.cfi_offset r15, FRAME_R15 - FRAME_SIZE
	.cfi_offset r14, FRAME_R14 - FRAME_SIZE
	.cfi_offset r13, FRAME_R13 - FRAME_SIZE
	.cfi_offset r12, FRAME_R12 - FRAME_SIZE
	.cfi_offset rbx, FRAME_RBX - FRAME_SIZE
	.cfi_offset rbp, FRAME_RBP - FRAME_SIZE
	.cfi_offset rip, FRAME_RIP - FRAME_SIZE
	.endm

	.macro save reg
	pushq	%\reg
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset \reg, 0
	.endm

	.macro restore reg
	popq	%\reg
	.cfi_adjust_cfa_offset -8
	.cfi_restore \reg
	.endm

	.macro save_frame
	save	rbp
	save	rbx
	save	r12
	save	r13
	save	r14
	save	r15
	leaq	-FRAME_R15(%rsp), %rsp
	.cfi_adjust_cfa_offset FRAME_R15
	stmxcsr	FRAME_MXCSR(%rsp)
	fnstcw	FRAME_CW(%rsp)
	.endm

/* Save the running context in *rdi, go to the stack rsi; rax = rdx. */
	.macro leave_for
	save_frame
	movq	%rdx, %rax
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	.endm

/* Take over the frame at rsp, all but rip. */
	.macro take_over
	ldmxcsr	FRAME_MXCSR(%rsp)
	fldcw	FRAME_CW(%rsp)
	leaq	FRAME_R15(%rsp), %rsp
	.cfi_adjust_cfa_offset -FRAME_R15
	restore	r15
	restore	r14
	restore	r13
	restore	r12
	restore	rbx
	restore	rbp
	.endm

	.macro resume_by_jump
	popq	%rcx
	.cfi_adjust_cfa_offset -8
	.cfi_register rip, rcx
	notrack jmp *%rcx
	.endm

/* void *weft__arch_switch(void **save, void *to, void *pass)
 * rax                     rdi          rsi       rdx          */
	function weft__arch_switch
weft__arch_switch:
	.cfi_startproc
	endbr64
	leave_for
	take_over
	resume_by_jump
	.cfi_endproc
	.size	weft__arch_switch, . - weft__arch_switch

/* The same, for twins. */
	function weft__arch_switch_ret
weft__arch_switch_ret:
	.cfi_startproc
	endbr64
	leave_for
	take_over
	ret
	.cfi_endproc
	.size	weft__arch_switch_ret, . - weft__arch_switch_ret

/* void *weft__arch_switch_enter(void **save, void *to, void *pass,
 * rax                           rdi          rsi       rdx
 *                               void (*entry)(void *))
 *                               rcx                      */
	function weft__arch_switch_enter
weft__arch_switch_enter:
	.cfi_startproc
	endbr64
	leave_for
	testq	%rcx, %rcx
	jnz	1f
	.cfi_remember_state
	take_over
	ret
1:	.cfi_restore_state
	.cfi_undefined rip
	ldmxcsr	fp_default(%rip)
	fldcw	4 + fp_default(%rip)
	xorl	%ebp, %ebp
	leaq	outermost(%rip), %rdx
	pushq	%rdx
	movq	%rax, %rdi
	jmp	*%rcx
	.cfi_endproc
	.size	weft__arch_switch_enter, . - weft__arch_switch_enter

/* _Noreturn void weft__arch_jump(void *to, void *pass)
 *                                rdi       rsi          */
	function weft__arch_jump
weft__arch_jump:
	.cfi_startproc
	endbr64
	movq	%rsi, %rax
	movq	%rdi, %rsp
	cfi_frame
	take_over
	resume_by_jump
	.cfi_endproc
	.size	weft__arch_jump, . - weft__arch_jump

/* The same for weft__arch_leave, which jumps here. */
	function weft__arch_jump_ret
weft__arch_jump_ret:
	.cfi_startproc
	endbr64
	movq	%rsi, %rax
	movq	%rdi, %rsp
	cfi_frame
	take_over
	ret
	.cfi_endproc
	.size	weft__arch_jump_ret, . - weft__arch_jump_ret

/* The outermost frame of a context: r12 is what to call, rax its argument,
 * rbp is zero.  Reached by a first resume, and by enter.  The call is a push
 * and a jump: it is never returned to, so the predictor is not to know it. */
	function weft__arch_start
weft__arch_start:
	.cfi_startproc
	.cfi_undefined rip
	nop
	.if	. - weft__arch_start - FRAME_START
	.error	"FRAME_START"
	.endif
	endbr64
	leaq	outermost(%rip), %rcx
	pushq	%rcx
	movq	%rax, %rdi
	jmp	*%r12
outermost:
	ud2
	.cfi_endproc
	.size	weft__arch_start, . - weft__arch_start

/* _Noreturn void weft__arch_enter(void *top, void (*entry)(void *), void *pass)
 *                                 rdi        rsi                    rdx   */
	function weft__arch_enter
weft__arch_enter:
	.cfi_startproc
	.cfi_undefined rip
	endbr64
	andq	$-16, %rdi
	movq	%rdi, %rsp
	ldmxcsr	fp_default(%rip)
	fldcw	4 + fp_default(%rip)
	xorl	%ebp, %ebp
	movq	%rsi, %r12
	movq	%rdx, %rax
	jmp	weft__arch_start
	.cfi_endproc
	.size	weft__arch_enter, . - weft__arch_enter

/* Where functions marked WEFT_ARCH_RETURNS end, by the compiler's name: a return
 * if theirs is one of the noted addresses, else a jump.  rax, rdx: result. */
	.weak	__x86_return_thunk
	.hidden	__x86_return_thunk
	.type	__x86_return_thunk, @function
	.p2align 5
__x86_return_thunk:
	.cfi_startproc
	movq	weft__arch_left_outer@gottpoff(%rip), %rsi
	movq	(%rsp), %rcx
	cmpq	%fs:(%rsi), %rcx
	je	1f
	cmpq	%fs:8(%rsi), %rcx
	je	1f
	leaq	8(%rsp), %rsp
	.cfi_adjust_cfa_offset -8
	.cfi_register rip, rcx
	notrack jmp *%rcx
	.cfi_adjust_cfa_offset 8
	.cfi_offset rip, -8
1:	ret
	.cfi_endproc
	.size	__x86_return_thunk, . - __x86_return_thunk

	.section .tbss, "awT", @nobits
	.p2align 4
	.globl	weft__arch_left_outer, weft__arch_left_inner
	.hidden	weft__arch_left_outer, weft__arch_left_inner
	.type	weft__arch_left_outer, @object
	.type	weft__arch_left_inner, @object
	.size	weft__arch_left_outer, 8
	.size	weft__arch_left_inner, 8
weft__arch_left_outer:
	.zero	8
weft__arch_left_inner:
	.zero	8
	.text

/* void weft__arch_call_on(void *top, void (*fn)(void *), void *arg)
 *                         rdi        rsi                 rdx        */
	function weft__arch_call_on
weft__arch_call_on:
	.cfi_startproc
	endbr64
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbp, 0
	movq	%rsp, %rbp
	.cfi_def_cfa_register rbp
	andq	$-16, %rdi
	movq	%rdi, %rsp
	movq	%rdx, %rdi
	call	*%rsi
	movq	%rbp, %rsp
	.cfi_def_cfa_register rsp
	popq	%rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore rbp
	ret
	.cfi_endproc
	.size	weft__arch_call_on, . - weft__arch_call_on

/* void *weft__arch_catch(void **save, void *(*fn)(void *), void *arg)
 * rax                    rdi          rsi                  rdx
 * The frame is only for a jump: fn leaves the registers as they are. */
	function weft__arch_catch
weft__arch_catch:
	.cfi_startproc
	endbr64
	.cfi_remember_state
	save_frame
	movq	%rsp, (%rdi)
	movq	%rdx, %rdi
	call	*%rsi
	leaq	FRAME_RIP(%rsp), %rsp
	.cfi_restore_state
	ret
	.cfi_endproc
	.size	weft__arch_catch, . - weft__arch_catch

	.section .rodata
	.p2align 3
fp_default:
	.long	FRAME_MXCSR_DEFAULT
	.value	FRAME_CW_DEFAULT, 0

/* GNU_PROPERTY_X86_FEATURE_1_AND = IBT */
	.section .note.gnu.property, "a", @note
	.p2align 3
	.long	4, 16, 5
	.string	"GNU"
	.long	0xc0000002, 4, 1, 0

	.section .note.GNU-stack, "", @progbits
