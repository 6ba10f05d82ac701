/* sync/tokens.c - the rows of tokens.h, which all locks share.
 */
#include "sync/tokens.h"

struct token_row weft__token_rows[TOKEN_ROWS];

static _Atomic uint32_t tickets;        /* given out so far */

uint32_t weft__ticket_number(void)
{
	return add_rlx(&tickets, 1) + 1;
}

uint64_t weft__tokens_gather(uint32_t ticket)
{
	uint64_t n = 0;

	for (unsigned row = 0; row < TOKEN_ROWS; row++) {
		for (unsigned i = 0; i < TOKEN_PROBES; i++) {
			token_slot *slot = &weft__token_rows[row].slot
				[(ticket + i) % TOKEN_SLOTS];
			uint32_t found = load_seq(slot);            /* K1 K2 */

			if (found == ticket && cas_seq(slot, &found, 0)) /* K1 */
				n++;
		}
	}
	return n;
}
