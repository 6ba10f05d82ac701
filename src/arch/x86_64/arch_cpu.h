/* arch/x86_64/arch_cpu.h - the saved frame of switch.S, as C sees it. */
#ifndef WEFT_ARCH_CPU_H
#define WEFT_ARCH_CPU_H

/* Offsets in a saved frame, shared with switch.S. */
#define FRAME_MXCSR  0
#define FRAME_CW     4
#define FRAME_R15    8
#define FRAME_R14   16
#define FRAME_R13   24
#define FRAME_R12   32
#define FRAME_RBX   40
#define FRAME_RBP   48
#define FRAME_RIP   56
#define FRAME_SIZE  64

/* A new context resumes so far behind weft__arch_start. */
#define FRAME_START  1

/* What the kernel gives a new process: nearest, every exception masked. */
#define FRAME_MXCSR_DEFAULT 0x1f80
#define FRAME_CW_DEFAULT    0x037f

#ifndef __ASSEMBLER__

#define WEFT_ARCH_NAME "x86_64"

struct arch_frame {
	uint32_t mxcsr;
	uint16_t cw;
	uint16_t pad;
	uintptr_t r15, r14, r13;
	uintptr_t r12;          /* of a new context: what to call */
	uintptr_t rbx, rbp;
	uintptr_t rip;          /* where to resume */
};
_Static_assert(offsetof(struct arch_frame, mxcsr) == FRAME_MXCSR, "mxcsr");
_Static_assert(offsetof(struct arch_frame, cw) == FRAME_CW, "cw");
_Static_assert(offsetof(struct arch_frame, r15) == FRAME_R15, "r15");
_Static_assert(offsetof(struct arch_frame, r14) == FRAME_R14, "r14");
_Static_assert(offsetof(struct arch_frame, r13) == FRAME_R13, "r13");
_Static_assert(offsetof(struct arch_frame, r12) == FRAME_R12, "r12");
_Static_assert(offsetof(struct arch_frame, rbx) == FRAME_RBX, "rbx");
_Static_assert(offsetof(struct arch_frame, rbp) == FRAME_RBP, "rbp");
_Static_assert(offsetof(struct arch_frame, rip) == FRAME_RIP, "rip");
_Static_assert(sizeof(struct arch_frame) == FRAME_SIZE, "frame");

static inline void weft__arch_frame_init(struct arch_frame *f,
					 void (*entry)(void *))
{
	*f = (struct arch_frame){
		.mxcsr = FRAME_MXCSR_DEFAULT,
		.cw = FRAME_CW_DEFAULT,
		.r12 = (uintptr_t)entry,
		.rip = (uintptr_t)weft__arch_start + FRAME_START,
	};
}

static inline uintptr_t weft__arch_frame_pc(const struct arch_frame *f)
{
	return f->rip;
}

static inline uintptr_t weft__arch_frame_fp(const struct arch_frame *f)
{
	return f->rbp;
}

static inline void *weft__arch_sp(void)
{
	void *sp;

	__asm__ volatile("movq %%rsp, %0" : "=r"(sp));
	return sp;
}

static inline void weft__arch_pause(void)
{
	__asm__ volatile("pause");
}

static inline _Noreturn void weft__arch_leave(void *to, void *pass)
{
	__asm__ volatile("jmp weft__arch_jump_ret"
			 : : "D"(to), "S"(pass) : "memory");
	__builtin_unreachable();
}

#if defined(__has_attribute)
#if __has_attribute(function_return)
#define WEFT_ARCH_RETURNS __attribute__((function_return("thunk-extern")))
#define WEFT_ARCH_LEAVES(which) \
	WEFT_ARCH_TLS_STORE(weft__arch_left_##which, __builtin_return_address(0))
#endif
#endif

#define WEFT_ARCH_TLS_LOAD(symbol) __extension__ ({ \
	void *weft__tls_value; \
	__asm__ volatile("movq " #symbol "@gottpoff(%%rip), %0\n\t" \
			 "movq %%fs:(%0), %0" \
			 : "=r"(weft__tls_value)); \
	weft__tls_value; })

#define WEFT_ARCH_TLS_STORE(symbol, value) __extension__ ({ \
	uintptr_t weft__tls_at; \
	__asm__ volatile("movq " #symbol "@gottpoff(%%rip), %0\n\t" \
			 "movq %1, %%fs:(%0)" \
			 : "=&r"(weft__tls_at) : "r"((void *)(value)) \
			 : "memory"); \
	(void)weft__tls_at; })

#endif
#endif
