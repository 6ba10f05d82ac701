/* pingpong - two routines and a ball: what one unbuffered round trip costs.
 *
 *	pingpong [ROUNDS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <weft/go.h>

static void player(chan(long) mine, chan(long) yours)
{
	long hits;

	while (chan_recv(mine, &hits) == 0)
		if (chan_send(yours, hits + 1) != 0)
			break;
	chan_close(yours);
}

static int game(void *arg)
{
	long rounds = *(long *)arg, hits = 0;
	chan(long) ping = chan_make(long), pong = chan_make(long);
	weft_time start = weft_now();

	if (!ping || !pong || go(player, ping, pong) != 0)
		return 1;
	for (long i = 0; i < rounds; i++)
		if (chan_send(ping, hits + 1) != 0 || chan_recv(pong, &hits) != 0)
			return 1;
	printf("%ld rounds, %ld hits: %.0f ns a round trip\n", rounds, hits,
	       (double)(weft_now() - start) / (double)rounds);

	chan_close(ping);		/* game over: the player closes pong */
	while (chan_recv(pong, &hits) == 0)
		;
	chan_free(ping);
	chan_free(pong);
	return 0;
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 1000000;

	if (rounds < 1) {
		fprintf(stderr, "usage: pingpong [ROUNDS]\n");
		return 2;
	}
	return weft_run(game, &rounds) != 0;
}
