/* SPDX-License-Identifier: MIT */
/* limit.h - the least that a switch between two stacks can be.
 *
 * Saves the callee-saved integer registers, swaps the stack pointer, resumes
 * with pop and an indirect jump: no floating-point control, no checks, no
 * value carried along.  It is the yardstick of the rows `switch` and
 * `switch-ring-1000`, and exists on one CPU only; elsewhere the yardstick
 * is missing and the runner says so.
 */
#ifndef BENCH_LIMIT_H
#define BENCH_LIMIT_H

#if defined(__x86_64__)
#define BENCH_LIMIT 1

/* Saves the caller's stack pointer in *from and resumes the stack at to. */
void bench_limit_switch(void **from, void *to);

__asm__(
	".text\n"
	".p2align 5\n"
	".type bench_limit_switch, @function\n"
	"bench_limit_switch:\n"
	"	push %rbp\n"
	"	push %rbx\n"
	"	push %r12\n"
	"	push %r13\n"
	"	push %r14\n"
	"	push %r15\n"
	"	mov %rsp, (%rdi)\n"
	"	mov %rsi, %rsp\n"
	"	pop %r15\n"
	"	pop %r14\n"
	"	pop %r13\n"
	"	pop %r12\n"
	"	pop %rbx\n"
	"	pop %rbp\n"
	"	pop %rcx\n"
	"	jmp *%rcx\n"
	".size bench_limit_switch, . - bench_limit_switch\n"
);

/* A first frame below top that enters fn, which must not return. */
static inline void *bench_limit_frame(void *top, void (*fn)(void))
{
	void **sp = (void **)((uintptr_t)top & ~(uintptr_t)15);

	*--sp = NULL;           /* fn's return address */
	*--sp = (void *)fn;
	for (int i = 0; i < 6; i++)
		*--sp = NULL;
	return sp;
}
#else
#define BENCH_LIMIT 0
#endif

#endif
