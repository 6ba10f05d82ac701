/* arch/riscv64/arch_cpu.h - the saved frame of switch.S, as C sees it. */
#ifndef WEFT_ARCH_CPU_H
#define WEFT_ARCH_CPU_H

#if !defined(__riscv_float_abi_double)
#error "weft: this port is for the lp64d ABI (fs0-fs11 are doubles)"
#endif

/* Offsets in a saved frame, shared with switch.S. */
#define FRAME_S0      0
#define FRAME_FS0    96
#define FRAME_RA    192
#define FRAME_FRM   200
#define FRAME_SIZE  208

/* A new context resumes so far behind weft__arch_start. */
#define FRAME_START  4

#ifndef __ASSEMBLER__

#define WEFT_ARCH_NAME "riscv64"

struct arch_frame {
	uintptr_t s0_11[12];    /* of a new context, s1: what to call */
	uint64_t fs0_11[12];
	uintptr_t ra;           /* where to resume */
	uint64_t frm;
};
_Static_assert(offsetof(struct arch_frame, s0_11) == FRAME_S0, "s0");
_Static_assert(offsetof(struct arch_frame, fs0_11) == FRAME_FS0, "fs0");
_Static_assert(offsetof(struct arch_frame, ra) == FRAME_RA, "ra");
_Static_assert(offsetof(struct arch_frame, frm) == FRAME_FRM, "frm");
_Static_assert(sizeof(struct arch_frame) == FRAME_SIZE, "frame");

/* All zero is the default frm: nearest. */
static inline void weft__arch_frame_init(struct arch_frame *f,
					 void (*entry)(void *))
{
	*f = (struct arch_frame){
		.s0_11 = { 0, (uintptr_t)entry },
		.ra = (uintptr_t)weft__arch_start + FRAME_START,
	};
}

static inline uintptr_t weft__arch_frame_pc(const struct arch_frame *f)
{
	return f->ra;
}

static inline uintptr_t weft__arch_frame_fp(const struct arch_frame *f)
{
	return f->s0_11[0];
}

static inline void *weft__arch_sp(void)
{
	void *sp;

	__asm__ volatile("mv %0, sp" : "=r"(sp));
	return sp;
}

/* The pause of Zihintpause, a fence without effect where it is missing. */
static inline void weft__arch_pause(void)
{
	__asm__ volatile(".4byte 0x0100000f");
}

static inline _Noreturn void weft__arch_leave(void *to, void *pass)
{
	register void *a0 __asm__("a0") = to;
	register void *a1 __asm__("a1") = pass;

	__asm__ volatile("tail weft__arch_jump_ret"
			 : : "r"(a0), "r"(a1) : "memory", "t1");
	__builtin_unreachable();
}

#define WEFT_ARCH_TLS_LOAD(symbol) __extension__ ({ \
	void *weft__tls_value; \
	__asm__ volatile("la.tls.ie %0, " #symbol "\n\t" \
			 "add %0, %0, tp\n\t" \
			 "ld %0, 0(%0)" \
			 : "=r"(weft__tls_value)); \
	weft__tls_value; })

#define WEFT_ARCH_TLS_STORE(symbol, value) __extension__ ({ \
	uintptr_t weft__tls_at; \
	__asm__ volatile("la.tls.ie %0, " #symbol "\n\t" \
			 "add %0, %0, tp\n\t" \
			 "sd %1, 0(%0)" \
			 : "=&r"(weft__tls_at) : "r"((void *)(value)) \
			 : "memory"); \
	(void)weft__tls_at; })

#endif
#endif
