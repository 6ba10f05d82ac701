/* arch/aarch64/arch_cpu.h - the saved frame of switch.S, as C sees it. */
#ifndef WEFT_ARCH_CPU_H
#define WEFT_ARCH_CPU_H

/* Offsets in a saved frame, shared with switch.S. */
#define FRAME_FP      0
#define FRAME_LR      8
#define FRAME_X19    16
#define FRAME_D8     96
#define FRAME_FPCR  160
#define FRAME_SIZE  176

/* A new context resumes so far behind weft__arch_start. */
#define FRAME_START  4

#ifndef __ASSEMBLER__

#define WEFT_ARCH_NAME "aarch64"

struct arch_frame {
	uintptr_t fp;
	uintptr_t lr;           /* where to resume; signed if PAC is on */
	uintptr_t x19_28[10];   /* of a new context, x19: what to call */
	uint64_t d8_15[8];
	uint64_t fpcr;
	uint64_t pad;
};
_Static_assert(offsetof(struct arch_frame, fp) == FRAME_FP, "fp");
_Static_assert(offsetof(struct arch_frame, lr) == FRAME_LR, "lr");
_Static_assert(offsetof(struct arch_frame, x19_28) == FRAME_X19, "x19");
_Static_assert(offsetof(struct arch_frame, d8_15) == FRAME_D8, "d8");
_Static_assert(offsetof(struct arch_frame, fpcr) == FRAME_FPCR, "fpcr");
_Static_assert(sizeof(struct arch_frame) == FRAME_SIZE, "frame");

/* All zero is the default FPCR: nearest, nothing flushed, nothing trapped. */
static inline void weft__arch_frame_init(struct arch_frame *f,
					 void (*entry)(void *))
{
	uintptr_t lr = (uintptr_t)weft__arch_start + FRAME_START;

#ifdef __ARM_FEATURE_PAC_DEFAULT
	/* As weft__arch_switch signs it, with the sp after the return. */
	register uintptr_t x17 __asm__("x17") = lr;
	register uintptr_t x16 __asm__("x16") = (uintptr_t)(f + 1);

	__asm__("hint %2" : "+r"(x17)
		: "r"(x16), "i"(__ARM_FEATURE_PAC_DEFAULT & 2 ? 10 : 8));
	lr = x17;
#endif
	*f = (struct arch_frame){
		.lr = lr,
		.x19_28 = { (uintptr_t)entry },
	};
}

/* The signature sits above the 48 bits of a user address. */
static inline uintptr_t weft__arch_frame_pc(const struct arch_frame *f)
{
	return f->lr & ((UINT64_C(1) << 48) - 1);
}

static inline uintptr_t weft__arch_frame_fp(const struct arch_frame *f)
{
	return f->fp;
}

static inline void *weft__arch_sp(void)
{
	void *sp;

	__asm__ volatile("mov %0, sp" : "=r"(sp));
	return sp;
}

/* isb waits a few tens of cycles; yield is a nop on most cores. */
static inline void weft__arch_pause(void)
{
	__asm__ volatile("isb");
}

static inline _Noreturn void weft__arch_leave(void *to, void *pass)
{
	register void *x0 __asm__("x0") = to;
	register void *x1 __asm__("x1") = pass;

	__asm__ volatile("b weft__arch_jump_ret"
			 : : "r"(x0), "r"(x1) : "memory");
	__builtin_unreachable();
}

#define WEFT_ARCH_TLS_LOAD(symbol) __extension__ ({ \
	void *weft__tls_value; \
	uintptr_t weft__tls_at; \
	__asm__ volatile("adrp %1, :gottprel:" #symbol "\n\t" \
			 "mrs %0, tpidr_el0\n\t" \
			 "ldr %1, [%1, #:gottprel_lo12:" #symbol "]\n\t" \
			 "ldr %0, [%0, %1]" \
			 : "=&r"(weft__tls_value), "=&r"(weft__tls_at)); \
	weft__tls_value; })

#define WEFT_ARCH_TLS_STORE(symbol, value) __extension__ ({ \
	uintptr_t weft__tls_tp, weft__tls_at; \
	__asm__ volatile("adrp %1, :gottprel:" #symbol "\n\t" \
			 "mrs %0, tpidr_el0\n\t" \
			 "ldr %1, [%1, #:gottprel_lo12:" #symbol "]\n\t" \
			 "str %2, [%0, %1]" \
			 : "=&r"(weft__tls_tp), "=&r"(weft__tls_at) \
			 : "r"((void *)(value)) : "memory"); \
	(void)weft__tls_at; })

#endif
#endif
