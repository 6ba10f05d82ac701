/* arch/unwind.c - unwinding ends at the entry frame, from anywhere.
 *
 * Where the CPU can trap after every instruction the switch itself is walked
 * through like that, with an unwind from the signal handler at each stop: so
 * its CFI is right before, between and after the exchange of sp.
 */
#include "base/base.h"
#include "routine/sanitize.h"
#include "support/crit.h"

#include "cpu.h"

#include <signal.h>
#include <unwind.h>

/* The bare switch tells the sanitizers nothing. */
TestSuite(arch_unwind, .disabled = WEFT_SANITIZED, .timeout = 120);

enum { STACK = 131072, DEPTH = 64 };

static _Alignas(64) char stack_a[STACK], stack_b[STACK];
static void *main_sp, *a_sp;

__attribute__((constructor)) static void tell_valgrind(void)
{
	(void)WEFT_VALGRIND_REGISTER(stack_a, stack_a + STACK);
	(void)WEFT_VALGRIND_REGISTER(stack_b, stack_b + STACK);
}

struct trace {
	unsigned count;
	uintptr_t pc[DEPTH];            /* inside the call, not after it */
};

static _Unwind_Reason_Code one_frame(struct _Unwind_Context *c, void *arg)
{
	struct trace *t = arg;
	int before = 0;
	uintptr_t pc = _Unwind_GetIPInfo(c, &before);

	if (pc && t->count < DEPTH)
		t->pc[t->count++] = before ? pc : pc - 1;
	return t->count == DEPTH ? _URC_NORMAL_STOP : _URC_NO_REASON;
}

static NOINLINE void trace(struct trace *t)
{
	t->count = 0;
	_Unwind_Backtrace(one_frame, t);
}

/* It looks for a return address, one byte further than the call. */
static uintptr_t function_at(uintptr_t pc)
{
	return (uintptr_t)_Unwind_FindEnclosingFunction((void *)(pc + 1));
}
#define INSIDE(pc, fn) (function_at(pc) == (uintptr_t)(fn))

static bool ends_at_start(const struct trace *t)
{
	return t->count > 1 && t->count < DEPTH &&
	       INSIDE(t->pc[t->count - 1], weft__arch_start);
}

/* --- from inside a context ------------------------------------------------ */

static struct trace seen;

static NOINLINE void deeper(int n)
{
	if (n)
		deeper(n - 1);
	else
		trace(&seen);
	__asm__ volatile("");
}

static void deep_entry(void *pass)
{
	deeper((int)(uintptr_t)pass);
	weft__arch_jump(main_sp, NULL);
}

Test(arch_unwind, ends_at_the_entry_frame)
{
	for (uintptr_t n = 0; n < 5; n++) {
		a_sp = weft__arch_prepare(stack_a + STACK, deep_entry);
		weft__arch_switch(&main_sp, a_sp, (void *)n);
		cr_expect(ends_at_start(&seen), "%u frames", seen.count);
		cr_expect_geq(seen.count, 3u);
	}
}

static void reenter_entry(void *pass)
{
	weft__arch_enter(stack_a + STACK, deep_entry, pass);
}

Test(arch_unwind, ends_at_the_entry_frame_after_enter)
{
	a_sp = weft__arch_prepare(stack_a + STACK, reenter_entry);
	weft__arch_switch(&main_sp, a_sp, (void *)2);
	cr_expect(ends_at_start(&seen), "%u frames", seen.count);
}

Test(arch_unwind, ends_at_the_entry_frame_without_a_first_frame)
{
	weft__arch_switch_enter(&main_sp, stack_a + STACK, (void *)2,
				deep_entry);
	cr_expect(ends_at_start(&seen), "%u frames", seen.count);
}

static void traced_on_other_stack(void *arg)
{
	deeper((int)(uintptr_t)arg);
	__asm__ volatile("");
}

static void call_on_entry(void *pass)
{
	weft__arch_call_on(stack_b + STACK, traced_on_other_stack, pass);
	weft__arch_jump(main_sp, NULL);
}

Test(arch_unwind, goes_through_call_on)
{
	bool through = false, caller = false;

	a_sp = weft__arch_prepare(stack_a + STACK, call_on_entry);
	weft__arch_switch(&main_sp, a_sp, (void *)1);
	cr_expect(ends_at_start(&seen), "%u frames", seen.count);
	for (unsigned i = 0; i < seen.count; i++) {
		through |= INSIDE(seen.pc[i], weft__arch_call_on);
		caller |= INSIDE(seen.pc[i], call_on_entry);
	}
	cr_expect(through && caller);
}

/* --- from every instruction ----------------------------------------------- */

#if CPU_CAN_STEP

static void *b_sp;
static volatile unsigned steps, in_arch, lost, strange;

static bool in_switch_code(uintptr_t pc)
{
	return INSIDE(pc, weft__arch_switch) || INSIDE(pc, weft__arch_jump) ||
	       INSIDE(pc, weft__arch_switch_ret) ||
	       INSIDE(pc, weft__arch_enter) ||
	       INSIDE(pc, weft__arch_call_on) ||
	       INSIDE(pc, weft__arch_catch) || INSIDE(pc, weft__arch_start);
}

static void a_entry(void *pass);
static void b_entry(void *pass);
static void b_called(void *pass);
static void *b_caught(void *pass);

static void on_step(int sig)
{
	struct trace t;
	unsigned i = 0;

	(void)sig;
	steps++;
	trace(&t);
	/* skip the handler and what the kernel put below it */
	while (i < t.count && !in_switch_code(t.pc[i]) &&
	       !INSIDE(t.pc[i], a_entry) && !INSIDE(t.pc[i], b_entry) &&
	       !INSIDE(t.pc[i], b_called) && !INSIDE(t.pc[i], b_caught))
		i++;
	/* the asm that sets the trap flag moves sp behind the CFI's back */
	if (i < t.count && INSIDE(t.pc[i], a_entry))
		return;
	if (i == t.count || !ends_at_start(&t)) {
		lost++;
		return;
	}
	if (!in_switch_code(t.pc[i]))
		return;
	in_arch++;
	if (i + 1 < t.count && !INSIDE(t.pc[i + 1], a_entry) &&
	    !INSIDE(t.pc[i + 1], b_entry) && !INSIDE(t.pc[i + 1], b_called) &&
	    !INSIDE(t.pc[i + 1], b_caught) &&
	    !in_switch_code(t.pc[i + 1]))
		strange++;
}

/* a steps; b runs stepped as well, since the flags are not switched. */
static void a_entry(void *pass)
{
	cpu_step_on();
	weft__arch_switch(&a_sp, b_sp, pass);
	weft__arch_switch_ret(&a_sp, b_sp, pass);
	weft__arch_switch(&a_sp, b_sp, pass);
	cpu_step_off();
	weft__arch_jump(main_sp, NULL);
}

static void b_called(void *pass)
{
	weft__arch_switch_ret(&b_sp, a_sp, pass);
	__asm__ volatile("");
}

static char stack_c[STACK];
static void *caught_sp;

__attribute__((constructor)) static void tell_valgrind_more(void)
{
	(void)WEFT_VALGRIND_REGISTER(stack_c, stack_c + STACK);
}

static void *b_caught(void *sp)
{
	if (*(void **)sp)
		return sp;
	*(void **)sp = sp;
	__asm__ volatile("");
	weft__arch_jump(caught_sp, sp);
}

static void b_entry(void *pass)
{
	void *jumped = NULL;

	weft__arch_switch(&b_sp, a_sp, pass);
	weft__arch_catch(&caught_sp, b_caught, &jumped);
	weft__arch_catch(&caught_sp, b_caught, &jumped);
	weft__arch_call_on(stack_c + STACK, b_called, pass);
	weft__arch_jump(a_sp, pass);
}

Test(arch_unwind, works_at_every_instruction_of_the_switch)
{
	struct sigaction sa, old;

	memset(&sa, 0, sizeof sa);
	sa.sa_handler = on_step;
	sigemptyset(&sa.sa_mask);
	cr_assert_eq(sigaction(SIGTRAP, &sa, &old), 0);
	a_sp = weft__arch_prepare(stack_a + STACK, a_entry);
	b_sp = weft__arch_prepare(stack_b + STACK, b_entry);
	weft__arch_switch(&main_sp, a_sp, NULL);
	sigaction(SIGTRAP, &old, NULL);
	if (!steps)
		cr_skip_test("no single steps here");
	cr_expect_geq(in_arch, 100u, "%u of %u steps", in_arch, steps);
	cr_expect_eq(lost, 0u, "%u of %u steps do not end at the entry", lost,
		     steps);
	cr_expect_eq(strange, 0u, "%u of %u steps have an unknown caller",
		     strange, steps);
}

#endif
