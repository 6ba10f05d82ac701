/* arch/arch.h - the CPU contract: contexts, and nothing else.
 *
 * A context is a stack with a saved frame on it; its handle is the sp of that
 * frame.  It is resumed once: after that the handle is stale until the context
 * saves itself again.  The frame is drawn in each port's switch.S.
 *
 * What a context keeps   every register that the ABI gives to the caller,
 *                        floating-point ones included, and the FP control:
 *                        rounding, flushing and trap bits (MXCSR and the x87
 *                        control word, FPCR, frm).
 * What it does not keep  FP exception flags: after a switch they are anything.
 *
 * A context may be resumed by another OS thread than the one that saved it.
 * So no code that can switch may hold an address of thread-local storage
 * across it, and compilers do (any optimisation level, noinline or not); the
 * resumed side learns where it is from `pass`, never from TLS.
 *
 * A new context starts with the FP control of a new process, whatever that of
 * its creator is, and its outermost frame ends every unwind: the return
 * address is undefined in the CFI, the saved frame pointer is zero.
 *
 * This and m4/weft_arch.m4 are the only places that ask which CPU it is.
 */
#ifndef WEFT_ARCH_ARCH_H
#define WEFT_ARCH_ARCH_H

#include "base/base.h"

#define WEFT_ARCH_HIDDEN __attribute__((visibility("hidden")))

/**
 * Save the running context on its own stack, store its handle in *save, and
 * resume `to`, whose own call of switch or whose entry gets `pass`.  Returns
 * what the one who resumes this context passes.  Anybody may resume it as soon
 * as *save is stored and this stack left: publish *save from the other side.
 */
void *weft__arch_switch(void **save, void *to, void *pass) WEFT_ARCH_HIDDEN;

/**
 * The same switch, told from the other by the CPU's return predictor only; a
 * context saved by one may be resumed by the other.
 *
 * The predictor remembers the calls of the context that is left.  The first
 * form ends in a plain jump: never mispredicted itself, but the call that led
 * here stays in the predictor, so every return that follows, out of the caller
 * and further up, mispredicts.  This form ends in a return: when the two
 * contexts are twins, switching at the same place and called from the same
 * places, it and all returns above it are predicted; else all of them that
 * differ are not.  So: the first where a tail call or nothing follows, this
 * one from within a few levels of C.
 */
void *weft__arch_switch_ret(void **save, void *to, void *pass) WEFT_ARCH_HIDDEN;

/**
 * The same again for who may begin a new context: with an entry, `to` is the
 * top of an empty stack, 16-aligned, and entry(pass) is called on it as a new
 * context would.  Nothing is taken from the return predictor then, and what
 * the entry calls is balanced: who leaves it by weft__arch_leave from the same
 * function returns as predicted to the one who began it.
 */
void *weft__arch_switch_enter(void **save, void *to, void *pass,
			      void (*entry)(void *pass)) WEFT_ARCH_HIDDEN;

/* Resume `to` without saving: the running context ends here. */
_Noreturn void weft__arch_jump(void *to, void *pass) WEFT_ARCH_HIDDEN;

/**
 * Discard every frame of a stack, usually the running one, and call
 * entry(pass) on it as a new context would; entry must not return.
 */
_Noreturn void weft__arch_enter(void *top, void (*entry)(void *pass),
				void *pass) WEFT_ARCH_HIDDEN;

/**
 * Call fn(arg) on another stack and come back.  Part of the running context:
 * fn may switch away and be resumed on any thread, and unwinds go through.
 * Costs 16 bytes of the running stack, all of the other below `top`.
 */
void weft__arch_call_on(void *top, void (*fn)(void *), void *arg)
	WEFT_ARCH_HIDDEN;

/**
 * Call fn(arg) and return what it does.  Meanwhile *save is a context as of
 * this call: weft__arch_jump(*save, pass), from deeper down on the same stack,
 * discards the frames between and makes this call return `pass`.
 */
void *weft__arch_catch(void **save, void *(*fn)(void *), void *arg)
	WEFT_ARCH_HIDDEN;

/* Reached by weft__arch_leave only. */
_Noreturn void weft__arch_jump_ret(void *to, void *pass) WEFT_ARCH_HIDDEN;

/* Where a new context starts: the outermost frame.  Never called from C. */
void weft__arch_start(void) WEFT_ARCH_HIDDEN;

/* Gives WEFT_ARCH_NAME, struct arch_frame, and
 *
 *   weft__arch_frame_init(f, entry)  make f the first frame of a context
 *   weft__arch_frame_pc(f), _fp(f)   where a suspended context is, for walks
 *   weft__arch_sp()                  the stack pointer
 *   weft__arch_pause()               what to do in a spin loop
 *   weft__arch_leave(to, pass)       weft__arch_jump, told from it by the return
 *                                    predictor: no call leads there, a return
 *                                    leads away
 *
 *   WEFT_ARCH_TLS_LOAD(symbol)          the VALUE of a thread-local pointer
 *   WEFT_ARCH_TLS_STORE(symbol, value)  set it
 *
 * of this thread, now: volatile and in one piece, so no compiler can keep the
 * address or the thread pointer from an earlier one.  The variable must be
 *
 *   _Thread_local T *symbol __attribute__((used, visibility("hidden"),
 *                                          tls_model("initial-exec")));
 *
 * and be touched by these macros only; `used` because link-time optimisation
 * does not see them.
 */
#if defined(__x86_64__) && !defined(__ILP32__)
#include "arch/x86_64/arch_cpu.h"
#elif defined(__aarch64__) && !defined(__ILP32__) && !defined(__AARCH64EB__)
#include "arch/aarch64/arch_cpu.h"
#elif defined(__riscv) && __riscv_xlen == 64
#include "arch/riscv64/arch_cpu.h"
#else
#error "weft: no port for this CPU, see src/arch/README"
#endif

/**
 * For functions between a switch and the user that return often after one.  The
 * return predictor then holds the addresses of the context that was left.  One's
 * own are the same if the two are twins, and a return is predicted.  Else a jump
 * is better: it has a predictor of its own, which learns who follows whom.
 *
 * So a function defined as WEFT_ARCH_RETURNS first notes where it will return
 * to: WEFT_ARCH_LEAVES(outer) the one that returns to the user, (inner) the one
 * below it.  It leaves by a return if it finds its own address noted by whoever
 * was last on this thread, else by a jump.  A wrong note costs a few ns.  Where
 * the compiler cannot do it, both are nothing.
 */
#ifndef WEFT_ARCH_RETURNS
#define WEFT_ARCH_RETURNS
#define WEFT_ARCH_LEAVES(which) ((void)0)
#endif

#define WEFT_ARCH_SP weft__arch_sp()

/**
 * Build the first frame of a context on the stack that ends at `top` (rounded
 * down to 16); the handle is returned.  The first resume calls entry(pass) with
 * the ABI's alignment and default FP control; entry must not return.
 */
static inline void *weft__arch_prepare(void *top, void (*entry)(void *pass))
{
	struct arch_frame *f = (struct arch_frame *)
		((uintptr_t)top & ~(uintptr_t)15) - 1;

	weft__arch_frame_init(f, entry);
	return f;
}

#endif
