/* arch/switch.c - the switch keeps what the ABI gives to the caller. */
#include "base/base.h"
#include "routine/sanitize.h"
#include "support/crit.h"

#include "cpu.h"

#include <fenv.h>

/* The bare switch tells the sanitizers nothing. */
TestSuite(arch, .disabled = WEFT_SANITIZED, .timeout = 120);

enum { STACK = 32768 };

static _Alignas(64) char stack_a[STACK], stack_b[STACK];
static void *main_sp, *a_sp;

/* --- registers ------------------------------------------------------------ */

enum { ROUNDS = 500 };
static unsigned a_bad, a_rounds, main_bad;

static void compare(const struct regs *in, const struct regs *out,
		    unsigned *bad)
{
	for (unsigned i = 0; i < REGS; i++)
		*bad += in->reg[i] != out->reg[i];
	*bad += in->control != out->control;
}

static void regs_entry(void *pass)
{
	struct regs in, out;
	uint64_t seed = (uintptr_t)pass;

	for (;;) {
		regs_fill(&in, &seed);
		memset(&out, 0, sizeof out);
		regs_switch(&a_sp, main_sp, &in, &out);
		compare(&in, &out, &a_bad);
		a_rounds++;
	}
}

Test(arch, callee_saved_registers_and_fp_control_survive)
{
	struct regs in, out;
	uint64_t seed = 1;

	a_sp = weft__arch_prepare(stack_a + STACK, regs_entry);
	for (int i = 0; i <= ROUNDS; i++) {
		regs_fill(&in, &seed);
		memset(&out, 0, sizeof out);
		regs_switch(&main_sp, a_sp, &in, &out);
		compare(&in, &out, &main_bad);
	}
	regs_control_reset();
	cr_expect_eq(a_rounds, ROUNDS);
	cr_expect_eq(main_bad, 0);
	cr_expect_eq(a_bad, 0);
}

/* --- FP control ----------------------------------------------------------- */

static uint64_t control_at_entry;
static int a_round;

static void fenv_entry(void *pass)
{
	(void)pass;
	control_at_entry = regs_control_now();
	fesetround(FE_UPWARD);
	weft__arch_switch(&a_sp, main_sp, NULL);
	a_round = fegetround();
	weft__arch_jump(main_sp, NULL);
}

Test(arch, rounding_mode_belongs_to_the_context)
{
	fesetround(FE_DOWNWARD);
	a_sp = weft__arch_prepare(stack_a + STACK, fenv_entry);
	weft__arch_switch(&main_sp, a_sp, NULL);
	cr_expect_eq(fegetround(), FE_DOWNWARD);
	weft__arch_switch(&main_sp, a_sp, NULL);
	cr_expect_eq(fegetround(), FE_DOWNWARD);
	cr_expect_eq(a_round, FE_UPWARD);
	cr_expect_eq(control_at_entry, regs_control_default(),
		     "a context starts with default FP control");
	regs_control_reset();
}

/* --- catch ---------------------------------------------------------------- */

static void *caught_sp;

/* The registers of their arguments are the same. */
#define catch_as_switch \
	((switch_form *)(void (*)(void))weft__arch_catch)

static unsigned depth;

/* Jumps with other values in all registers, out of a second catch. */
static void *throws(void *arg)
{
	struct regs in, out;
	uint64_t seed = 7;

	(void)arg;
	if (depth++)
		weft__arch_jump(caught_sp, &depth);
	regs_fill(&in, &seed);
	return regs_switch_by(&a_sp, (void *)(uintptr_t)throws, &in, &out,
			      catch_as_switch);
}

static void *returns(void *arg)
{
	fesetround(FE_UPWARD);
	return (char *)arg + 1;
}

Test(arch, catch_is_a_call)
{
	char mark[4];

	cr_expect(weft__arch_catch(&caught_sp, returns, mark) == mark + 1);
	cr_expect_eq(fegetround(), FE_UPWARD);
	regs_control_reset();
}

Test(arch, a_jump_to_a_catch_restores_registers_and_fp_control)
{
	struct regs in, out;
	uint64_t seed = 3;
	unsigned bad = 0;

	for (int i = 0; i < ROUNDS; i++) {
		regs_fill(&in, &seed);
		memset(&out, 0, sizeof out);
		depth = 0;
		cr_expect(regs_switch_by(&caught_sp,
			(void *)(uintptr_t)throws, &in, &out,
			catch_as_switch) == &depth);
		compare(&in, &out, &bad);
	}
	regs_control_reset();
	cr_expect_eq(depth, 2);
	cr_expect_eq(bad, 0);
}

/* --- values, alignment, bounds -------------------------------------------- */

static uintptr_t sp_at_entry, frame_at_entry;
static void *got_at_entry;

static bool aligned(const void *p)
{
	return (uintptr_t)p % 16 == 0;
}

/* Needs an aligned frame: the compiler trusts the ABI for these. */
static NOINLINE bool aligned_vector(void)
{
	_Alignas(16) volatile char v[16] = { 0 };

	return aligned((const void *)v);
}

static bool vector_ok;

static void align_entry(void *pass)
{
	got_at_entry = pass;
	sp_at_entry = (uintptr_t)WEFT_ARCH_SP;
	frame_at_entry = (uintptr_t)__builtin_frame_address(0);
	vector_ok = aligned_vector();
	for (uintptr_t n = 1;; n++)
		pass = weft__arch_switch(&a_sp, main_sp, (char *)pass + n);
}

Test(arch, values_pass_both_ways_and_the_stack_is_aligned)
{
	char mark[100];

	for (int colour = 0; colour < 512; colour += 16) {
		char *top = stack_a + STACK - colour;

		a_sp = weft__arch_prepare(top - 5, align_entry);
		top -= 16;
		cr_assert(aligned(a_sp));
		cr_expect((char *)a_sp + sizeof(struct arch_frame) == top);
		void *got = weft__arch_switch(&main_sp, a_sp, mark);

		cr_expect(got_at_entry == mark);
		cr_expect(got == mark + 1);
		got = weft__arch_switch(&main_sp, a_sp, mark + 10);
		cr_expect(got == mark + 12);
		cr_expect(vector_ok);
		cr_expect_lt(sp_at_entry, (uintptr_t)top);
		cr_expect_geq(sp_at_entry, (uintptr_t)top - 512);
		cr_expect_leq(frame_at_entry, (uintptr_t)top);
		cr_expect(aligned((void *)frame_at_entry));
	}
}

Test(arch, nothing_outside_the_stack_is_written)
{
	memset(stack_b, 0x5a, sizeof stack_b);
	a_sp = weft__arch_prepare(stack_b + STACK / 2, align_entry);
	for (int i = 0; i < 10; i++)
		weft__arch_switch(&main_sp, a_sp, NULL);
	for (int i = STACK / 2; i < STACK; i++)
		cr_assert_eq(stack_b[i], 0x5a, "byte %d", i);
	for (int i = 0; i < STACK / 4; i++)
		cr_assert_eq(stack_b[i], 0x5a, "byte %d", i);
}

Test(arch, saved_frame_tells_where_the_context_is)
{
	const struct arch_frame *f;

	a_sp = weft__arch_prepare(stack_a + STACK, align_entry);
	f = a_sp;
	cr_expect_eq(weft__arch_frame_pc(f),
		     (uintptr_t)weft__arch_start + FRAME_START);
	cr_expect_eq(weft__arch_frame_fp(f), 0);
	weft__arch_switch(&main_sp, a_sp, NULL);
	f = a_sp;
	cr_expect_geq(weft__arch_frame_pc(f), (uintptr_t)align_entry);
	cr_expect_lt(weft__arch_frame_pc(f), (uintptr_t)align_entry + 4096);
}

/* --- jump and enter ------------------------------------------------------- */

static unsigned entered;
static uintptr_t first_sp, last_sp;

static void enter_again(void *pass)
{
	last_sp = (uintptr_t)WEFT_ARCH_SP;
	if (!entered)
		first_sp = last_sp;
	control_at_entry |= regs_control_now() ^ regs_control_default();
	fesetround(FE_TOWARDZERO);
	if (++entered == 100000)
		weft__arch_jump(main_sp, pass);
	weft__arch_enter(stack_a + STACK, enter_again,
			 (void *)((uintptr_t)pass + 1));
}

Test(arch, enter_starts_over_on_the_same_stack)
{
	control_at_entry = 0;
	a_sp = weft__arch_prepare(stack_a + STACK, enter_again);
	void *got = weft__arch_switch(&main_sp, a_sp, (void *)1);

	cr_expect_eq((uintptr_t)got, 100000u);
	cr_expect_eq(entered, 100000);
	cr_expect_eq(first_sp, last_sp);
	cr_expect_eq(control_at_entry, 0, "default FP control after enter");
}

/* --- a context without a first frame --------------------------------------- */

static void leaving_entry(void *pass)
{
	void *local[1] = { pass };

	last_sp = (uintptr_t)local;
	control_at_entry = fegetround() != FE_TONEAREST;
	if (*(int *)pass == 1)
		pass = weft__arch_switch_enter(&a_sp, main_sp, pass, NULL);
	(*(int *)pass)++;
	weft__arch_leave(main_sp, pass);
}

Test(arch, begun_by_a_switch_and_left_by_a_jump)
{
	int n = 0;
	void *got;

	fesetround(FE_UPWARD);
	got = weft__arch_switch_enter(&main_sp, stack_a + STACK, &n,
				      leaving_entry);
	cr_expect(got == &n);
	cr_expect_eq(n, 1);
	got = weft__arch_switch_enter(&main_sp, stack_a + STACK, &n,
				      leaving_entry);
	cr_expect(got == &n);
	cr_expect_eq(n, 1);
	got = weft__arch_switch_ret(&main_sp, a_sp, &n);
	cr_expect(got == &n);
	cr_expect_eq(n, 2);
	cr_expect_eq(control_at_entry, 0, "default FP control");
	cr_expect_eq(fegetround(), FE_UPWARD);
	cr_expect(last_sp < (uintptr_t)stack_a + STACK &&
		  last_sp > (uintptr_t)stack_a);
	fesetround(FE_TONEAREST);
}

/* --- call_on -------------------------------------------------------------- */

static char big[2][65536];
static int depth_seen;

__attribute__((constructor)) static void tell_valgrind(void)
{
	(void)WEFT_VALGRIND_REGISTER(stack_a, stack_a + STACK);
	(void)WEFT_VALGRIND_REGISTER(stack_b, stack_b + STACK);
	(void)WEFT_VALGRIND_REGISTER(big[0], big[0] + sizeof big[0]);
	(void)WEFT_VALGRIND_REGISTER(big[1], big[1] + sizeof big[1]);
}

static bool on_big[2];

static void on_second(void *arg)
{
	char *here = weft__arch_sp();

	on_big[1] = here >= big[1] && here < big[1] + sizeof big[1];
	*(void **)arg = weft__arch_switch(&a_sp, main_sp, arg);
	depth_seen++;
}

static void on_first(void *arg)
{
	char *here = weft__arch_sp();

	on_big[0] = here >= big[0] && here < big[0] + sizeof big[0];
	weft__arch_call_on(big[1] + sizeof big[1] - 8, on_second, arg);
	depth_seen++;
}

static void call_on_entry(void *pass)
{
	void *answer = NULL;

	(void)pass;
	weft__arch_call_on(big[0] + sizeof big[0], on_first, &answer);
	depth_seen++;
	weft__arch_jump(main_sp, answer);
}

Test(arch, call_on_nests_and_may_switch)
{
	char mark;

	a_sp = weft__arch_prepare(stack_a + STACK, call_on_entry);
	weft__arch_switch(&main_sp, a_sp, NULL);
	cr_expect(on_big[0] && on_big[1]);
	cr_expect_eq(depth_seen, 0);
	/* both big stacks now hold live frames of a suspended context */
	void *got = weft__arch_switch(&main_sp, a_sp, &mark);

	cr_expect(got == &mark);
	cr_expect_eq(depth_seen, 3);
}

/* --- returns that choose -------------------------------------------------------- */

struct two {
	uintptr_t a, b;
};

WEFT_ARCH_RETURNS
static NOINLINE struct two outermost(uintptr_t v, bool note)
{
	if (note)
		WEFT_ARCH_LEAVES(outer);
	__asm__ volatile("" ::: "memory");
	return (struct two){ v, ~v };
}

WEFT_ARCH_RETURNS
static NOINLINE struct two below(uintptr_t v, bool note, bool note_outer)
{
	struct two t;

	if (note)
		WEFT_ARCH_LEAVES(inner);
	t = outermost(v + 1, note_outer);
	__asm__ volatile("" ::: "memory");
	return (struct two){ t.a + 1, t.b - 1 };
}

/* By a return or a jump, with its own address noted or another's, both words of
 * a result arrive and the stack is where it was. */
Test(arch, returns_that_choose_are_returns)
{
	void *sp = weft__arch_sp();

	for (uintptr_t i = 0; i < 1000; i++) {
		struct two t = i % 3 ? below(i, i % 2, i % 5) :
				       below(i, i % 7, i % 2);
		struct two u = outermost(i, i % 4);

		cr_assert(t.a == i + 2 && t.b == ~(i + 2));
		cr_assert(u.a == i && u.b == ~i);
	}
	cr_assert(sp == weft__arch_sp());
}
