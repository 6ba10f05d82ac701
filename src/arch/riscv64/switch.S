/* arch/riscv64/switch.S - the switch, for lp64d.
 *
 * ABI: RISC-V ABIs Specification 1.0, 1.1 (s0-s11 and sp belong to the
 * caller), 1.2 (fs0-fs11 as well, as doubles), 2.1 (sp is a multiple of 16);
 * vector state does not survive a call.  frm, the rounding mode, is
 * preserved; fflags, the accrued exceptions, are not.
 *
 * The saved frame, at the sp that *save receives:
 *
 *      +----------------+ 208 <- sp after the resumed call returned
 *      | frm            | 200
 *      | ra             | 192 where to resume
 *      | fs0 ... fs11   | 96
 *      | s0 ... s11     | 0   new context: s0 = 0, s1 is entry
 *      +----------------+
 *
 * Resumed by a jump through t1, or by ret: see arch.h.  The hints of the ISA
 * (Unprivileged 2.5.1) make a jump through ra or t0 a return, which pops the
 * return stack of the CPU, and one through t1 a plain jump.  Neither shadow stack (Zicfiss) nor landing pads (Zicfilp) are supported.
 *
 * Reading frm costs little, writing it may drain the pipeline, so it is
 * written only if it differs; both sides of the comparison are registers of
 * the moment, nothing is remembered.
 *
 * CFI: both frames have the same layout, so the rules before and after sp is
 * exchanged are the same.  A new context resumes behind the first instruction
 * of weft__arch_start, a nop, because unwinders look before a return address.
 */
#include "arch/riscv64/arch_cpu.h"

	.text

	.macro function name
	.globl	\name
	.hidden	\name
	.type	\name, @function
	.p2align 2
	.endm

	.macro save reg, at
	sd	\reg, \at(sp)
	.cfi_rel_offset \reg, \at
	.endm

	.macro fsave reg, at
	fsd	\reg, \at(sp)
	.cfi_rel_offset \reg, \at
	.endm

	.macro restore reg, at
	ld	\reg, \at(sp)
	.cfi_restore \reg
	.endm

	.macro frestore reg, at
	fld	\reg, \at(sp)
	.cfi_restore \reg
	.endm

/* Do `op reg, offset` for every saved register but ra. */
	.macro each_integer op
	\op	s0, FRAME_S0
	\op	s1, FRAME_S0 + 8
	\op	s2, FRAME_S0 + 16
	\op	s3, FRAME_S0 + 24
	\op	s4, FRAME_S0 + 32
	\op	s5, FRAME_S0 + 40
	\op	s6, FRAME_S0 + 48
	\op	s7, FRAME_S0 + 56
	\op	s8, FRAME_S0 + 64
	\op	s9, FRAME_S0 + 72
	\op	s10, FRAME_S0 + 80
	\op	s11, FRAME_S0 + 88
	.endm

	.macro each_float op
	\op	fs0, FRAME_FS0
	\op	fs1, FRAME_FS0 + 8
	\op	fs2, FRAME_FS0 + 16
	\op	fs3, FRAME_FS0 + 24
	\op	fs4, FRAME_FS0 + 32
	\op	fs5, FRAME_FS0 + 40
	\op	fs6, FRAME_FS0 + 48
	\op	fs7, FRAME_FS0 + 56
	\op	fs8, FRAME_FS0 + 64
	\op	fs9, FRAME_FS0 + 72
	\op	fs10, FRAME_FS0 + 80
	\op	fs11, FRAME_FS0 + 88
	.endm

	.macro cfi_at reg, at
	.cfi_offset \reg, \at - FRAME_SIZE
	.endm

/* t0 is used. */
	.macro save_frame
	addi	sp, sp, -FRAME_SIZE
	.cfi_def_cfa_offset FRAME_SIZE
	save	ra, FRAME_RA
	each_integer save
	each_float fsave
	frrm	t0
	sd	t0, FRAME_FRM(sp)
	sd	sp, 0(a0)
	.endm

/* Save the running context in *a0, go to the stack a1; a0 = a2. */
	.macro leave_for
	save_frame
	mv	a0, a2
	mv	sp, a1
	.endm

/* Take over the frame at sp, t0 being the frm of now: all but ra. */
	.macro take_over
	ld	t2, FRAME_FRM(sp)
	beq	t0, t2, 1f
	fsrm	t2
1:
	each_float frestore
	each_integer restore
	.endm

	.macro resume_by_jump
	ld	t1, FRAME_RA(sp)
	.cfi_register ra, t1
	addi	sp, sp, FRAME_SIZE
	.cfi_def_cfa_offset 0
	jr	t1
	.endm

/* void *weft__arch_switch(void **save, void *to, void *pass)
 * a0                      a0           a1        a2          */
	function weft__arch_switch
weft__arch_switch:
	.cfi_startproc
	leave_for
	take_over
	resume_by_jump
	.cfi_endproc
	.size	weft__arch_switch, . - weft__arch_switch

/* The same, for twins. */
	function weft__arch_switch_ret
weft__arch_switch_ret:
	.cfi_startproc
	leave_for
	take_over
	restore	ra, FRAME_RA
	addi	sp, sp, FRAME_SIZE
	.cfi_def_cfa_offset 0
	ret
	.cfi_endproc
	.size	weft__arch_switch_ret, . - weft__arch_switch_ret

/* void *weft__arch_switch_enter(void **save, void *to, void *pass,
 * a0                            a0           a1        a2
 *                               void (*entry)(void *))
 *                               a3                       */
	function weft__arch_switch_enter
weft__arch_switch_enter:
	.cfi_startproc
	leave_for
	bnez	a3, 2f
	.cfi_remember_state
	take_over
	restore	ra, FRAME_RA
	addi	sp, sp, FRAME_SIZE
	.cfi_def_cfa_offset 0
	ret
2:	.cfi_restore_state
	.cfi_undefined ra
	beqz	t0, 3f
	fsrm	zero
3:
	li	s0, 0
	lla	ra, outermost
	jr	a3
	.cfi_endproc
	.size	weft__arch_switch_enter, . - weft__arch_switch_enter

/* _Noreturn void weft__arch_jump(void *to, void *pass)
 *                                a0        a1           */
	function weft__arch_jump
weft__arch_jump:
	.cfi_startproc
	frrm	t0
	mv	t2, a0
	mv	a0, a1
	mv	sp, t2
	.cfi_def_cfa sp, FRAME_SIZE
	cfi_at	ra, FRAME_RA
	each_integer cfi_at
	each_float cfi_at
	take_over
	resume_by_jump
	.cfi_endproc
	.size	weft__arch_jump, . - weft__arch_jump

/* The same for weft__arch_leave, which jumps here. */
	function weft__arch_jump_ret
weft__arch_jump_ret:
	.cfi_startproc
	frrm	t0
	mv	t2, a0
	mv	a0, a1
	mv	sp, t2
	.cfi_def_cfa sp, FRAME_SIZE
	cfi_at	ra, FRAME_RA
	each_integer cfi_at
	each_float cfi_at
	take_over
	restore	ra, FRAME_RA
	addi	sp, sp, FRAME_SIZE
	.cfi_def_cfa_offset 0
	ret
	.cfi_endproc
	.size	weft__arch_jump_ret, . - weft__arch_jump_ret

/* The outermost frame of a context: s1 is what to call, a0 its argument, s0,
 * the frame pointer, is zero.  Reached by a first resume, and by enter.  What it
 * calls never returns, so the jump is one that the return predictor does not
 * count. */
	function weft__arch_start
weft__arch_start:
	.cfi_startproc
	.cfi_undefined ra
	.option	push
	.option	norvc
	nop
	.option	pop
	lla	ra, outermost
	jr	s1
outermost:
	ebreak
	.cfi_endproc
	.size	weft__arch_start, . - weft__arch_start

/* _Noreturn void weft__arch_enter(void *top, void (*entry)(void *), void *pass)
 *                                 a0         a1                     a2    */
	function weft__arch_enter
weft__arch_enter:
	.cfi_startproc
	.cfi_undefined ra
	andi	sp, a0, -16
	frrm	t0
	beqz	t0, 1f
	fsrm	zero
1:
	li	s0, 0
	mv	s1, a1
	mv	a0, a2
	j	weft__arch_start
	.cfi_endproc
	.size	weft__arch_enter, . - weft__arch_enter

/* void weft__arch_call_on(void *top, void (*fn)(void *), void *arg)
 *                         a0         a1                  a2         */
	function weft__arch_call_on
weft__arch_call_on:
	.cfi_startproc
	addi	sp, sp, -16
	.cfi_def_cfa_offset 16
	save	ra, 8
	save	s0, 0
	addi	s0, sp, 16
	.cfi_def_cfa s0, 0
	andi	sp, a0, -16
	mv	a0, a2
	jalr	a1
	addi	sp, s0, -16
	.cfi_def_cfa sp, 16
	restore	ra, 8
	restore	s0, 0
	addi	sp, sp, 16
	.cfi_def_cfa_offset 0
	ret
	.cfi_endproc
	.size	weft__arch_call_on, . - weft__arch_call_on

/* void *weft__arch_catch(void **save, void *(*fn)(void *), void *arg)
 * a0                     a0           a1                   a2
 * The frame is only for a jump: fn leaves the other registers as they are. */
	function weft__arch_catch
weft__arch_catch:
	.cfi_startproc
	.cfi_remember_state
	save_frame
	mv	a0, a2
	jalr	a1
	restore	ra, FRAME_RA
	addi	sp, sp, FRAME_SIZE
	.cfi_restore_state
	ret
	.cfi_endproc
	.size	weft__arch_catch, . - weft__arch_catch

	.section .note.GNU-stack, "", @progbits
