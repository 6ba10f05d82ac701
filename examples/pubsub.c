/* pubsub - one topic, some subscribers, each at its own pace.
 *
 * A subscriber is a channel.  The publisher never waits for a slow one: when its
 * channel is full the message is dropped for it, and counted.  A subscriber may
 * leave at any time; the mutex keeps the list together.
 */
#include <stdio.h>
#include <weft/go.h>

enum { ROOM = 4, MESSAGES = 12 };

struct subscriber {
	const char *name;
	chan(int) inbox;
	int got, missed;
	struct subscriber *next;
};

struct topic {
	weft_mutex lock;
	struct subscriber *first;
};

static int subscribe(struct topic *t, struct subscriber *s, const char *name)
{
	*s = (struct subscriber){ .name = name, .inbox = chan_make(int, ROOM) };
	if (!s->inbox)
		return -1;
	weft_mutex_lock(&t->lock);
	s->next = t->first;
	t->first = s;
	weft_mutex_unlock(&t->lock);
	return 0;
}

static void unsubscribe(struct topic *t, struct subscriber *s)
{
	weft_mutex_lock(&t->lock);
	for (struct subscriber **p = &t->first; *p; p = &(*p)->next)
		if (*p == s) {
			*p = s->next;
			break;
		}
	weft_mutex_unlock(&t->lock);
}

static void publish(struct topic *t, int message)
{
	weft_mutex_lock(&t->lock);
	for (struct subscriber *s = t->first; s; s = s->next)
		if (chan_try_send(s->inbox, message) != 0)
			s->missed++;
	weft_mutex_unlock(&t->lock);
}

/* Reads all that comes, or leaves after `patience` messages. */
static void read_topic(struct topic *t, struct subscriber *s, int patience,
		       weft_waitgroup *left)
{
	int v;

	while (s->got < patience && chan_recv(s->inbox, &v) == 0)
		s->got++;
	unsubscribe(t, s);
	weft_waitgroup_done(left);
}

static int app(void *arg)
{
	static struct topic news = { .lock = WEFT_MUTEX_INIT };
	static struct subscriber keen, brief, asleep;
	weft_waitgroup left = WEFT_WAITGROUP_INIT;

	(void)arg;
	if (subscribe(&news, &keen, "keen") || subscribe(&news, &brief, "brief") ||
	    subscribe(&news, &asleep, "asleep"))
		return 1;
	weft_waitgroup_add(&left, 2);
	if (go(read_topic, &news, &keen, MESSAGES, &left) != 0 ||
	    go(read_topic, &news, &brief, 3, &left) != 0)
		return 1;
	for (int i = 1; i <= MESSAGES; i++) {
		publish(&news, i);
		while (chan_len(keen.inbox))    /* it shall miss nothing */
			weft_yield();
	}
	weft_waitgroup_wait(&left);
	unsubscribe(&news, &asleep);

	printf("%s: %d read, %d missed\n", keen.name, keen.got, keen.missed);
	printf("%s: %d read, then left\n", brief.name, brief.got);
	printf("%s: %zu waiting, %d missed\n", asleep.name,
	       chan_len(asleep.inbox), asleep.missed);
	chan_free(keen.inbox);
	chan_free(brief.inbox);
	chan_free(asleep.inbox);
	return 0;
}

int main(void)
{
	return weft_run(app, NULL) != 0;
}
