/* arch/aarch64/switch.S - the switch, for the AAPCS64.
 *
 * ABI: Procedure Call Standard for the Arm 64-bit Architecture 2022Q3, 6.1.1
 * (x19-x28, the frame pointer x29 and sp belong to the caller), 6.1.2 (the low
 * halves of v8-v15 as well; the exception bits of FPSR are nobody's), 6.4.5.1
 * (sp is a multiple of 16).  FPCR is preserved, FPSR is not.  SVE registers
 * are covered by d8-d15; a context that left SME's ZA active may not switch.
 *
 * The saved frame, at the sp that *save receives:
 *
 *      +----------------+ 176 <- sp after the resumed call returned
 *      | padding        | 168
 *      | fpcr           | 160
 *      | d8 ... d15     | 96
 *      | x19 ... x28    | 16  new context: x19 is entry
 *      | x30 (lr)       | 8   where to resume, signed with sp + 176
 *      | x29 (fp)       | 0
 *      +----------------+
 *
 * Resumed by br, or by ret: see arch.h.  Under BTI a br would need a landing
 * pad after every call of the switch, so a build with BTI (-mbranch-protection)
 * always uses ret, and only that build carries the BTI property note.  A
 * guarded control stack (GCS) is not supported.
 *
 * With pointer authentication lr is signed on save and authenticated on resume
 * with the sp of the caller as modifier: a frame that was copied to another
 * place or forged does not resume.
 *
 * Reading FPCR costs little, writing it drains the pipeline on many cores, so
 * it is written only if it differs; both sides of the comparison are registers
 * of the moment, nothing is remembered.
 *
 * CFI: both frames have the same layout, so the rules before and after sp is
 * exchanged are the same.  A new context resumes behind the first instruction
 * of weft__arch_start, a nop, because unwinders look before a return address.
 */
#include "arch/aarch64/arch_cpu.h"

#if defined(__ARM_FEATURE_BTI_DEFAULT) && __ARM_FEATURE_BTI_DEFAULT
#define HAVE_BTI 1
#define BTI_C	hint	34
#define RESUME	ret
#else
#define HAVE_BTI 0
#define BTI_C
#define RESUME	br	x30
#endif

/* 1: key A, 2: key B */
#ifdef __ARM_FEATURE_PAC_DEFAULT
#define HAVE_PAC 1
#define NEGATE	.cfi_negate_ra_state
#if __ARM_FEATURE_PAC_DEFAULT & 2
#define B_KEY	.cfi_b_key_frame
#define PAC_SP	hint	27
#define AUT_SP	hint	31
#else
#define B_KEY
#define PAC_SP	hint	25
#define AUT_SP	hint	29
#endif
#else
#define HAVE_PAC 0
#define NEGATE
#define B_KEY
#define PAC_SP
#define AUT_SP
#endif

	.text

	.macro function name
	.globl	\name
	.hidden	\name
	.type	\name, %function
	.p2align 4
	.endm

/* Unwinding over the frame at sp. */
	.macro cfi_frame
	.cfi_def_cfa sp, FRAME_SIZE
	.cfi_offset x29, FRAME_FP - FRAME_SIZE
	.cfi_offset x30, FRAME_LR - FRAME_SIZE
	.cfi_offset x19, FRAME_X19 - FRAME_SIZE
	.cfi_offset x20, FRAME_X19 + 8 - FRAME_SIZE
	.cfi_offset x21, FRAME_X19 + 16 - FRAME_SIZE
	.cfi_offset x22, FRAME_X19 + 24 - FRAME_SIZE
	.cfi_offset x23, FRAME_X19 + 32 - FRAME_SIZE
	.cfi_offset x24, FRAME_X19 + 40 - FRAME_SIZE
	.cfi_offset x25, FRAME_X19 + 48 - FRAME_SIZE
	.cfi_offset x26, FRAME_X19 + 56 - FRAME_SIZE
	.cfi_offset x27, FRAME_X19 + 64 - FRAME_SIZE
	.cfi_offset x28, FRAME_X19 + 72 - FRAME_SIZE
	.cfi_offset d8, FRAME_D8 - FRAME_SIZE
	.cfi_offset d9, FRAME_D8 + 8 - FRAME_SIZE
	.cfi_offset d10, FRAME_D8 + 16 - FRAME_SIZE
	.cfi_offset d11, FRAME_D8 + 24 - FRAME_SIZE
	.cfi_offset d12, FRAME_D8 + 32 - FRAME_SIZE
	.cfi_offset d13, FRAME_D8 + 40 - FRAME_SIZE
	.cfi_offset d14, FRAME_D8 + 48 - FRAME_SIZE
	.cfi_offset d15, FRAME_D8 + 56 - FRAME_SIZE
	.endm

	.macro save a, b, at
	stp	\a, \b, [sp, \at]
	.cfi_rel_offset \a, \at
	.cfi_rel_offset \b, \at + 8
	.endm

	.macro restore a, b, at
	ldp	\a, \b, [sp, \at]
	.cfi_restore \a
	.cfi_restore \b
	.endm

/* x9 and x10 are used. */
	.macro save_frame
#if HAVE_PAC
	PAC_SP
	NEGATE
#endif
	sub	sp, sp, FRAME_SIZE
	.cfi_def_cfa_offset FRAME_SIZE
	mrs	x9, fpcr
	save	x29, x30, FRAME_FP
	save	x19, x20, FRAME_X19
	save	x21, x22, FRAME_X19 + 16
	save	x23, x24, FRAME_X19 + 32
	save	x25, x26, FRAME_X19 + 48
	save	x27, x28, FRAME_X19 + 64
	save	d8, d9, FRAME_D8
	save	d10, d11, FRAME_D8 + 16
	save	d12, d13, FRAME_D8 + 32
	save	d14, d15, FRAME_D8 + 48
	str	x9, [sp, FRAME_FPCR]
	mov	x10, sp
	str	x10, [x0]
	.endm

/* Save the running context in *x0, go to the stack x1; x0 = x2. */
	.macro leave_for
	save_frame
	mov	x0, x2
	mov	sp, x1
	.endm

/* Take over the frame at sp, x9 being the FPCR of now; to resume is left. */
	.macro take_over
	ldr	x10, [sp, FRAME_FPCR]
	cmp	x9, x10
	b.eq	1f
	msr	fpcr, x10
1:
	restore	d8, d9, FRAME_D8
	restore	d10, d11, FRAME_D8 + 16
	restore	d12, d13, FRAME_D8 + 32
	restore	d14, d15, FRAME_D8 + 48
	restore	x19, x20, FRAME_X19
	restore	x21, x22, FRAME_X19 + 16
	restore	x23, x24, FRAME_X19 + 32
	restore	x25, x26, FRAME_X19 + 48
	restore	x27, x28, FRAME_X19 + 64
	restore	x29, x30, FRAME_FP
	add	sp, sp, FRAME_SIZE
	.cfi_def_cfa_offset 0
#if HAVE_PAC
	AUT_SP
	NEGATE
#endif
	.endm

/* void *weft__arch_switch(void **save, void *to, void *pass)
 * x0                      x0           x1        x2          */
	function weft__arch_switch
weft__arch_switch:
	.cfi_startproc
	B_KEY
	BTI_C
	leave_for
	take_over
	RESUME
	.cfi_endproc
	.size	weft__arch_switch, . - weft__arch_switch

/* The same, for twins. */
	function weft__arch_switch_ret
weft__arch_switch_ret:
	.cfi_startproc
	B_KEY
	BTI_C
	leave_for
	take_over
	ret
	.cfi_endproc
	.size	weft__arch_switch_ret, . - weft__arch_switch_ret

/* void *weft__arch_switch_enter(void **save, void *to, void *pass,
 * x0                            x0           x1        x2
 *                               void (*entry)(void *))
 *                               x3                       */
	function weft__arch_switch_enter
weft__arch_switch_enter:
	.cfi_startproc
	B_KEY
	BTI_C
	leave_for
	cbnz	x3, 2f
	.cfi_remember_state
	take_over
	ret
2:	.cfi_restore_state
	.cfi_undefined x30
	cbz	x9, 3f
	msr	fpcr, xzr
3:
	mov	x29, xzr
	mov	x16, x3
	adr	x30, outermost
	br	x16
	.cfi_endproc
	.size	weft__arch_switch_enter, . - weft__arch_switch_enter

/* _Noreturn void weft__arch_jump(void *to, void *pass)
 *                                x0        x1           */
	function weft__arch_jump
weft__arch_jump:
	.cfi_startproc
	B_KEY
	BTI_C
	mrs	x9, fpcr
	mov	x2, x0
	mov	x0, x1
	mov	sp, x2
	cfi_frame
	NEGATE
	take_over
	RESUME
	.cfi_endproc
	.size	weft__arch_jump, . - weft__arch_jump

/* The same for weft__arch_leave, which branches here. */
	function weft__arch_jump_ret
weft__arch_jump_ret:
	.cfi_startproc
	B_KEY
	BTI_C
	mrs	x9, fpcr
	mov	x2, x0
	mov	x0, x1
	mov	sp, x2
	cfi_frame
	NEGATE
	take_over
	ret
	.cfi_endproc
	.size	weft__arch_jump_ret, . - weft__arch_jump_ret

/* The outermost frame of a context: x19 is what to call, x0 its argument, x29
 * is zero.  Reached by a first resume, and by enter.  What it calls never
 * returns, so the branch is one that the return predictor does not count;
 * through x16, because a landing pad for calls admits that one, too. */
	function weft__arch_start
weft__arch_start:
	.cfi_startproc
	.cfi_undefined x30
	nop
	.if	. - weft__arch_start - FRAME_START
	.error	"FRAME_START"
	.endif
#if HAVE_BTI
	hint	38
#endif
	mov	x16, x19
	adr	x30, outermost
	br	x16
outermost:
	brk	#1000
	.cfi_endproc
	.size	weft__arch_start, . - weft__arch_start

/* _Noreturn void weft__arch_enter(void *top, void (*entry)(void *), void *pass)
 *                                 x0         x1                     x2    */
	function weft__arch_enter
weft__arch_enter:
	.cfi_startproc
	.cfi_undefined x30
	BTI_C
	and	x0, x0, #-16
	mov	sp, x0
	mrs	x9, fpcr
	cbz	x9, 1f
	msr	fpcr, xzr
1:
	mov	x29, xzr
	mov	x19, x1
	mov	x0, x2
	b	weft__arch_start
	.cfi_endproc
	.size	weft__arch_enter, . - weft__arch_enter

/* void weft__arch_call_on(void *top, void (*fn)(void *), void *arg)
 *                         x0         x1                  x2         */
	function weft__arch_call_on
weft__arch_call_on:
	.cfi_startproc
	B_KEY
	BTI_C
#if HAVE_PAC
	PAC_SP
	NEGATE
#endif
	stp	x29, x30, [sp, -16]!
	.cfi_def_cfa_offset 16
	.cfi_rel_offset x29, 0
	.cfi_rel_offset x30, 8
	mov	x29, sp
	.cfi_def_cfa_register x29
	and	x0, x0, #-16
	mov	sp, x0
	mov	x0, x2
	blr	x1
	mov	sp, x29
	.cfi_def_cfa_register sp
	ldp	x29, x30, [sp], 16
	.cfi_def_cfa_offset 0
	.cfi_restore x29
	.cfi_restore x30
#if HAVE_PAC
	AUT_SP
	NEGATE
#endif
	ret
	.cfi_endproc
	.size	weft__arch_call_on, . - weft__arch_call_on

/* void *weft__arch_catch(void **save, void *(*fn)(void *), void *arg)
 * x0                     x0           x1                   x2
 * The frame is only for a jump: fn leaves the other registers as they are. */
	function weft__arch_catch
weft__arch_catch:
	.cfi_startproc
	B_KEY
	BTI_C
	.cfi_remember_state
	save_frame
	mov	x0, x2
	blr	x1
	restore	x29, x30, FRAME_FP
	add	sp, sp, FRAME_SIZE
	.cfi_restore_state
#if HAVE_PAC
	NEGATE
	AUT_SP
	NEGATE
#endif
	ret
	.cfi_endproc
	.size	weft__arch_catch, . - weft__arch_catch

/* GNU_PROPERTY_AARCH64_FEATURE_1_AND = BTI | PAC */
#if HAVE_BTI || HAVE_PAC
	.section .note.gnu.property, "a", %note
	.p2align 3
	.long	4, 16, 5
	.string	"GNU"
	.long	0xc0000000, 4, HAVE_BTI | HAVE_PAC << 1, 0
#endif

	.section .note.GNU-stack, "", %progbits
