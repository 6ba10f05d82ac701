/* arch/cpu.h - what the conformance tests must say in the CPU's own words.
 *
 * regs_switch(save, to, in, out) is a call of weft__arch_switch with every
 * register that the ABI gives to the caller, and the FP control, set from *in
 * before it and stored to *out after it; it returns what the resumer passed.
 * The caller's own registers survive, its FP control does not.  Which of the
 * two forms of the switch it takes depends on *in.
 */
#ifndef WEFT_TESTS_ARCH_CPU_H
#define WEFT_TESTS_ARCH_CPU_H

#include "arch/arch.h"

#include <fenv.h>

#if defined(__x86_64__)

#define REGS 6
#define CPU_CAN_STEP 1

/* rbx rbp r12-r15, then mxcsr and the x87 control word */
struct regs { uint64_t reg[REGS]; uint64_t control; };
_Static_assert(offsetof(struct regs, control) == 48, "used below");

__asm__(".text\n"
	".type regs_switch_by, @function\n"
	"regs_switch_by:\n"
	"	pushq %rbp\n	pushq %rbx\n"
	"	pushq %r12\n	pushq %r13\n	pushq %r14\n	pushq %r15\n"
	"	pushq %rcx\n"
	"	movq (%rdx), %rbx\n	movq 8(%rdx), %rbp\n"
	"	movq 16(%rdx), %r12\n	movq 24(%rdx), %r13\n"
	"	movq 32(%rdx), %r14\n	movq 40(%rdx), %r15\n"
	"	ldmxcsr 48(%rdx)\n	fldcw 52(%rdx)\n"
	"	xorl %edx, %edx\n"
	"	call *%r8\n"
	"	popq %rcx\n"
	"	movq %rbx, (%rcx)\n	movq %rbp, 8(%rcx)\n"
	"	movq %r12, 16(%rcx)\n	movq %r13, 24(%rcx)\n"
	"	movq %r14, 32(%rcx)\n	movq %r15, 40(%rcx)\n"
	"	movq $0, 48(%rcx)\n"
	"	stmxcsr 48(%rcx)\n	fnstcw 52(%rcx)\n"
	"	popq %r15\n	popq %r14\n	popq %r13\n	popq %r12\n"
	"	popq %rbx\n	popq %rbp\n"
	"	ret\n"
	".size regs_switch_by, . - regs_switch_by\n");

/* Rounding, flush and denormals-are-zero, precision, trap masks. */
static inline uint64_t regs_control(uint64_t n)
{
	uint32_t mxcsr = 0x1f80, cw = 0x037f;

	if (WEFT_ON_VALGRIND())         /* it knows the rounding only */
		n &= UINT64_C(3) << 12 | UINT64_C(3) << 16;
	mxcsr &= ~(uint32_t)(n << 7 & 0x1f80);
	cw &= ~(uint32_t)(n >> 6 & 0x3f);
	mxcsr |= (n >> 12 & 7) << 13 | (n >> 15 & 1) << 6;
	cw |= (n >> 16 & 3) << 10;
	if (n >> 18 & 1)
		cw &= ~0x0100u;
	return mxcsr | (uint64_t)cw << 32;
}

static inline uint64_t regs_control_default(void)
{
	return 0x1f80 | UINT64_C(0x037f) << 32;
}

static inline uint64_t regs_control_now(void)
{
	uint32_t mxcsr;
	uint16_t cw;

	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
	__asm__ volatile("fnstcw %0" : "=m"(cw));
	return mxcsr | (uint64_t)cw << 32;
}

static inline void cpu_step_on(void)
{
	__asm__ volatile("pushfq\n\torl $0x100, (%%rsp)\n\tpopfq"
			 : : : "cc", "memory");
}

static inline void cpu_step_off(void)
{
	__asm__ volatile("pushfq\n\tandl $~0x100, (%%rsp)\n\tpopfq"
			 : : : "cc", "memory");
}

#elif defined(__aarch64__)

#define REGS 19
#define CPU_CAN_STEP 0

/* x19-x28 x29 d8-d15, then fpcr */
struct regs { uint64_t reg[REGS]; uint64_t control; };
_Static_assert(offsetof(struct regs, control) == 152, "used below");

__asm__(".text\n"
	".type regs_switch_by, %function\n"
	"regs_switch_by:\n"
	"	stp x29, x30, [sp, -176]!\n"
	"	stp x19, x20, [sp, 16]\n	stp x21, x22, [sp, 32]\n"
	"	stp x23, x24, [sp, 48]\n	stp x25, x26, [sp, 64]\n"
	"	stp x27, x28, [sp, 80]\n"
	"	stp d8, d9, [sp, 96]\n	stp d10, d11, [sp, 112]\n"
	"	stp d12, d13, [sp, 128]\n	stp d14, d15, [sp, 144]\n"
	"	str x3, [sp, 160]\n"
	"	ldp x19, x20, [x2]\n	ldp x21, x22, [x2, 16]\n"
	"	ldp x23, x24, [x2, 32]\n	ldp x25, x26, [x2, 48]\n"
	"	ldp x27, x28, [x2, 64]\n	ldr x29, [x2, 80]\n"
	"	ldp d8, d9, [x2, 88]\n	ldp d10, d11, [x2, 104]\n"
	"	ldp d12, d13, [x2, 120]\n	ldp d14, d15, [x2, 136]\n"
	"	ldr x9, [x2, 152]\n	msr fpcr, x9\n"
	"	mov x2, xzr\n"
	"	blr x4\n"
	"	ldr x3, [sp, 160]\n"
	"	stp x19, x20, [x3]\n	stp x21, x22, [x3, 16]\n"
	"	stp x23, x24, [x3, 32]\n	stp x25, x26, [x3, 48]\n"
	"	stp x27, x28, [x3, 64]\n	str x29, [x3, 80]\n"
	"	stp d8, d9, [x3, 88]\n	stp d10, d11, [x3, 104]\n"
	"	stp d12, d13, [x3, 120]\n	stp d14, d15, [x3, 136]\n"
	"	mrs x9, fpcr\n	str x9, [x3, 152]\n"
	"	ldp x19, x20, [sp, 16]\n	ldp x21, x22, [sp, 32]\n"
	"	ldp x23, x24, [sp, 48]\n	ldp x25, x26, [sp, 64]\n"
	"	ldp x27, x28, [sp, 80]\n"
	"	ldp d8, d9, [sp, 96]\n	ldp d10, d11, [sp, 112]\n"
	"	ldp d12, d13, [sp, 128]\n	ldp d14, d15, [sp, 144]\n"
	"	ldp x29, x30, [sp], 176\n"
	"	ret\n"
	".size regs_switch_by, . - regs_switch_by\n");

/* RMode, FZ, DN; traps are optional and read as zero on most cores. */
static inline uint64_t regs_control(uint64_t n)
{
	return (n & 15) << 22;
}

static inline uint64_t regs_control_default(void)
{
	return 0;
}

static inline uint64_t regs_control_now(void)
{
	uint64_t fpcr;

	__asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
	return fpcr;
}

#elif defined(__riscv)

#define REGS 24
#define CPU_CAN_STEP 0

/* s0-s11 fs0-fs11, then frm */
struct regs { uint64_t reg[REGS]; uint64_t control; };
_Static_assert(offsetof(struct regs, control) == 192, "used below");

#define EACH_PAIR(op, fop, base) \
	"	" op " s0, 0(" base ")\n	" op " s1, 8(" base ")\n" \
	"	" op " s2, 16(" base ")\n	" op " s3, 24(" base ")\n" \
	"	" op " s4, 32(" base ")\n	" op " s5, 40(" base ")\n" \
	"	" op " s6, 48(" base ")\n	" op " s7, 56(" base ")\n" \
	"	" op " s8, 64(" base ")\n	" op " s9, 72(" base ")\n" \
	"	" op " s10, 80(" base ")\n	" op " s11, 88(" base ")\n" \
	"	" fop " fs0, 96(" base ")\n	" fop " fs1, 104(" base ")\n" \
	"	" fop " fs2, 112(" base ")\n	" fop " fs3, 120(" base ")\n" \
	"	" fop " fs4, 128(" base ")\n	" fop " fs5, 136(" base ")\n" \
	"	" fop " fs6, 144(" base ")\n	" fop " fs7, 152(" base ")\n" \
	"	" fop " fs8, 160(" base ")\n	" fop " fs9, 168(" base ")\n" \
	"	" fop " fs10, 176(" base ")\n	" fop " fs11, 184(" base ")\n"

__asm__(".text\n"
	".type regs_switch_by, @function\n"
	"regs_switch_by:\n"
	"	addi sp, sp, -208\n"
	EACH_PAIR("sd", "fsd", "sp")
	"	sd ra, 192(sp)\n"
	"	sd a3, 200(sp)\n"
	"	ld t0, 192(a2)\n	fsrm t0\n"
	EACH_PAIR("ld", "fld", "a2")
	"	li a2, 0\n"
	"	jalr a4\n"
	"	ld a3, 200(sp)\n"
	"	frrm t0\n	sd t0, 192(a3)\n"
	EACH_PAIR("sd", "fsd", "a3")
	EACH_PAIR("ld", "fld", "sp")
	"	ld ra, 192(sp)\n"
	"	addi sp, sp, 208\n"
	"	ret\n"
	".size regs_switch_by, . - regs_switch_by\n");

static inline uint64_t regs_control(uint64_t n)
{
	return n % 5;
}

static inline uint64_t regs_control_default(void)
{
	return 0;
}

static inline uint64_t regs_control_now(void)
{
	uint64_t frm;

	__asm__ volatile("frrm %0" : "=r"(frm));
	return frm;
}

#endif

typedef void *switch_form(void **save, void *to, void *pass);

void *regs_switch_by(void **save, void *to, const struct regs *in,
		     struct regs *out, switch_form *form);

static inline void *regs_switch(void **save, void *to, const struct regs *in,
				struct regs *out)
{
	return regs_switch_by(save, to, in, out, in->reg[0] & 16 ?
			      weft__arch_switch : weft__arch_switch_ret);
}

static inline void regs_fill(struct regs *r, uint64_t *seed)
{
	for (unsigned i = 0; i <= REGS; i++) {
		*seed = *seed * UINT64_C(6364136223846793005) + 1;
		if (i < REGS)
			r->reg[i] = *seed ^ *seed >> 29;
		else
			r->control = regs_control(*seed >> 20);
	}
}

/* FP control of a compiled program, whatever a test left behind. */
static inline void regs_control_reset(void)
{
	fesetenv(FE_DFL_ENV);
}

#endif
