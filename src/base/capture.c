/* SPDX-License-Identifier: MIT */
/* base/capture.c - the argument words of a routine, as the compiler made them.
 *
 * Place in the life of a routine:  go() -> [ capture ] -> spawn
 *
 * go() of weft/go.h calls weft_go_capture through a pointer of the type of
 * the function to be run.  So the caller's compiler converts and extends each
 * argument as the ABI wants it for that function, and what arrives here as
 * six integers are the register words to call it with later.  Registers that
 * the function has no parameter for arrive with garbage, and go on with it.
 *
 * The words wait in thread-local storage until weft_go_words copies them.
 * Nothing parks between the two, so the thread is the same.
 */
#include "base/base.h"

#include <weft/go.h>

static _Thread_local uintptr_t words[6]
	__attribute__((tls_model("initial-exec")));

void weft_go_capture(uintptr_t w0, uintptr_t w1, uintptr_t w2, uintptr_t w3,
		     uintptr_t w4, uintptr_t w5)
{
	words[0] = w0;
	words[1] = w1;
	words[2] = w2;
	words[3] = w3;
	words[4] = w4;
	words[5] = w5;
}

NOINLINE const uintptr_t *weft_go_captured(void)
{
	const uintptr_t *p = words;

	/* Else a compiler that sees both may take the address for constant
	 * and keep it while the caller moves to another thread. */
	__asm__ volatile("" : "+r"(p) : : "memory");
	return p;
}
