/* supervisor - a service whose parts may fail, and what is done about it.
 *
 *	main supervises -+- feed      gives a reading now and then
 *	 (one for all)   +- average   panics at a reading it does not understand
 *
 * The parts hold state together, so when one fails both start afresh: one for
 * all.  Failing too often ends the supervision, since another start would not
 * help.
 */
#include <stdio.h>
#include <weft.h>

enum { READINGS = 12 };

struct service {
	weft_chan *readings;
	const int *data;                /* what the sensor will say */
	int at;
	int sum, count;
};

static int feed(void *arg)
{
	struct service *s = arg;
	int err = 0;

	while (s->at < READINGS && !err)
		err = weft_chan_send(s->readings, &s->data[s->at++]);
	if (!err)
		err = weft_chan_close(s->readings);
	return err;
}

static int average(void *arg)
{
	struct service *s = arg;
	int v, err;

	s->sum = s->count = 0;
	while ((err = weft_chan_recv(s->readings, &v)) == 0) {
		if (v < 0)
			weft_panic("a reading of %d", v);
		s->sum += v;
		s->count++;
	}
	return err == -EPIPE ? 0 : err;
}

static void report(void *context, const weft_supervised *who, int err)
{
	(void)context;
	printf("  %s failed (%s)\n", who->name, weft_strerror(err));
}

static int serve(const char *title, const int *data)
{
	struct service s = { .readings = weft_chan_new(sizeof(int), 0),
			     .data = data };
	weft_supervised parts[] = {
		{ .name = "feed", .fn = feed, .arg = &s },
		{ .name = "average", .fn = average, .arg = &s },
	};
	weft_supervision how = {
		.strategy = WEFT_ONE_FOR_ALL, .intensity = 2,
		.period = 1000 * WEFT_S, .report = report,
	};
	int err;

	if (!s.readings)
		return -ENOMEM;
	printf("%s\n", title);
	err = weft_supervise(parts, 2, &how);
	if (err)
		printf("  given up: %s\n", weft_strerror(err));
	else
		printf("  done, %d readings since the last start, sum %d\n",
		       s.count, s.sum);
	weft_chan_unref(s.readings);
	return 0;
}

static int app(void *arg)
{
	static const int good[READINGS] = { 3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8 };
	static const int odd[READINGS] = { 2, 7, 1, -8, 2, 8, 1, 8, 2, 8, 4, 5 };
	static const int bad[READINGS] = { 1, -6, 1, -8, 0, -3, 3, -9, 8, 8, 7, 4 };
	int err;

	(void)arg;
	err = serve("a good sensor", good);
	if (!err)
		err = serve("an odd one", odd);
	if (!err)
		err = serve("a bad one", bad);
	return err;
}

int main(void)
{
	return weft_run(app, NULL) != 0;
}
