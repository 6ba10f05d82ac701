/* server.c - see server.h */
#include "server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum { BACKLOG = 4096 };

struct connection {
	struct server *server;
	int fd;
	weft_id id;
	struct connection *next, **at;
};

static void enlist(struct connection *c)
{
	struct server *s = c->server;

	weft_mutex_lock(&s->lock);
	c->at = &s->first;
	c->next = s->first;
	if (c->next)
		c->next->at = &c->next;
	s->first = c;
	weft_mutex_unlock(&s->lock);
	if (s->stopping)                /* too late to be told by drain */
		weft_shutdown(c->fd, SHUT_RD);
}

static void delist(struct connection *c)
{
	struct server *s = c->server;

	weft_mutex_lock(&s->lock);
	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
	weft_mutex_unlock(&s->lock);
}

static void connection(void *arg)
{
	struct connection *c = arg;
	struct server *s = c->server;

	c->id = weft_self();
	enlist(c);
	s->serve(s, c->fd);
	delist(c);
	weft_close(c->fd);
	weft_sem_release(&s->slots, 1);
	weft_waitgroup_done(&s->open);
}

static int start(struct server *s, int fd)
{
	struct connection c = { .server = s, .fd = fd };
	int err;

	weft_waitgroup_add(&s->open, 1);
	err = weft_go_copy(NULL, connection, &c, sizeof c);
	if (err) {
		weft_waitgroup_done(&s->open);
		weft_close(fd);
	}
	return err;
}

/* Until the listener is closed.  To have no descriptor left costs a pause, not
 * the server. */
static void accept_all(struct server *s)
{
	weft_time pause = 0;
	int fd, err;

	while (!s->stopping) {
		if (weft_sem_acquire(&s->slots, 1))
			return;
		fd = weft_accept(s->fd, NULL, NULL, WEFT_FOREVER);
		err = fd < 0 ? fd : start(s, fd);
		if (!err) {
			s->accepted++;
			pause = 0;
			continue;
		}
		weft_sem_release(&s->slots, 1);
		s->failed += !s->stopping;
		if (weft_accept_pause(err, &pause))
			return;
	}
}

static void drain(struct server *s)
{
	struct connection *c;

	weft_mutex_lock(&s->lock);
	for (c = s->first; c; c = c->next)
		weft_shutdown(c->fd, SHUT_RD);
	weft_mutex_unlock(&s->lock);
	if (!weft_waitgroup_wait_until(&s->open, weft_in(s->grace)))
		return;
	weft_mutex_lock(&s->lock);
	for (c = s->first; c; c = c->next)
		weft_cancel(c->id);
	weft_mutex_unlock(&s->lock);
	weft_waitgroup_wait(&s->open);
}

void server_stop(struct server *s)
{
	if (atomic_exchange(&s->stopping, true))
		return;
	weft_close(s->fd);
	weft_sem_release(&s->slots, 1);         /* the acceptor may be there */
}

struct watch {
	struct server *server;
	weft_chan *signals;
};

static int stop_at_signal(void *arg)
{
	struct watch *w = arg;

	if (!weft_chan_recv(w->signals, NULL))
		server_stop(w->server);
	return 0;
}

/* For how many connections there are descriptors, less some for all else. */
static int room(const struct server *s)
{
	struct rlimit l;
	int n = 1024;

	if (!getrlimit(RLIMIT_NOFILE, &l)) {
		l.rlim_cur = l.rlim_max;
		setrlimit(RLIMIT_NOFILE, &l);
		getrlimit(RLIMIT_NOFILE, &l);
		n = l.rlim_cur < 1000000 ? (int)l.rlim_cur : 1000000;
	}
	n -= n < 128 ? n / 2 : 64;
	return s->each > 1 ? n / s->each : n;
}

static int listen_and_serve(struct server *s)
{
	s->fd = weft_tcp_listen(s->host, s->port, BACKLOG);
	if (s->fd < 0)
		return s->fd;
	s->ready(s, weft_sockport(s->fd));
	fflush(stdout);
	accept_all(s);
	server_stop(s);
	drain(s);
	return 0;
}

int server_run(struct server *s)
{
	struct watch watch = { .server = s };
	int most = room(s), err;
	weft_id watcher;
	sigset_t set;

	if (!s->max_connections || s->max_connections > most)
		s->max_connections = most;
	s->slots = (weft_sem)WEFT_SEM_INIT(s->max_connections);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	watch.signals = weft_signal_chan(&set);
	if (!watch.signals)
		return -ENOMEM;
	err = weft_spawn(&watcher, NULL, stop_at_signal, &watch);
	if (!err) {
		err = listen_and_serve(s);
		weft_cancel(watcher);
		weft_join(watcher, NULL);
	}
	weft_chan_unref(watch.signals);
	return err;
}

bool server_option(struct server *s, int opt, const char *value)
{
	switch (opt) {
	case 'a':
		s->host = value;
		return true;
	case 'p':
		s->port = atoi(value);
		return true;
	case 'm':
		s->max_connections = atoi(value);
		return true;
	case 'i':
		s->idle = atoi(value) * WEFT_S;
		return true;
	case 'g':
		s->grace = atoi(value) * WEFT_S;
		return true;
	default:
		return false;
	}
}

int server_main(struct server *s, int (*app)(void *))
{
	int err = weft_run(app, s);

	if (err)
		fprintf(stderr, "%s: %s\n", s->name, weft_strerror(err));
	return err != 0;
}
