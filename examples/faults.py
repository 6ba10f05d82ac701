#!/usr/bin/env python3
"""faults.py httpd PROGRAM [ARGUMENT...] | kv PROGRAM | proxy PROGRAM KV

What happens to servers: descriptors run out, connections are reset in each
state, peers do not read or send noise, and signals rain.  Each phase begins
with a server of its own, and at its end that must answer as ever, hold what it
held before and end as it should.
"""
import os
import random
import signal
import socket
import sys
import tempfile
import threading
import time

from serverlib import (PATIENCE, Server, answer, command, get, reply, reset,
                       run_program, trusting, until)

BIG = 1 << 20
BOUND = 512 << 20               # deaf clients ask for four times as much
wrong = []


def check(ok, what):
    if not ok:
        wrong.append(what)
        print("WRONG", what, flush=True)


class Http:
    """A client that has asked; `good` and `busy` judge the answer."""

    small, big = b"s" * 700, bytes(range(256)) * (BIG // 256)
    half = b"GET /small HTTP/1.1\r\nHo"
    much = get("big") * 100
    unread = get("big")

    @staticmethod
    def ask(f, s, busy=False):
        s.sendall(get("small"))
        got = answer(f)
        return got == (200, Http.small) or busy and got[0] == 503

    @staticmethod
    def prepare(server):
        pass


class Store:
    big = Http.big
    half = b"*2\r\n$3\r\nGET\r\n$3\r\nb"
    much = command(b"GET", b"big") * 100
    unread = command(b"GET", b"big")

    @staticmethod
    def ask(f, s, busy=False):
        word = random.randbytes(20)
        s.sendall(command(b"ECHO", word) + command(b"PING"))
        return (reply(f), reply(f)) == (word, b"+PONG")

    @staticmethod
    def prepare(server):
        check(asks(server, Store.Big), "a big value")

    class Big:
        @staticmethod
        def ask(f, s, busy=False):
            s.sendall(command(b"SET", b"big", Store.big))
            return reply(f) == b"+OK"


def asks(server, kind, times=1, busy=False):
    """A client of its own: are all its answers good?  Whom a proxy cuts off
    after it had no CPU for that long comes again."""
    for _ in range(20):
        try:
            last = time.monotonic()
            with server.connect() as s, s.makefile("rb") as f:
                for _ in range(times):
                    now = time.monotonic()
                    if not kind.ask(f, s, busy):
                        return False
                    last = now
                return True
        except OSError as e:
            late = server.name == "proxy" and \
                time.monotonic() - last >= server.patience
            if isinstance(e, TimeoutError) or not busy and not late:
                print("a client got", repr(e), flush=True)
                return False
            if busy:
                return True
    return False


def each(n, fn):
    """fn in n threads at once: how many came true."""
    good = []
    threads = [threading.Thread(target=lambda: fn() and good.append(1))
               for _ in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return len(good)


def few_descriptors(server, kind):
    """It began with few: who comes has to wait, and nobody is lost."""
    n = 200
    got = each(n, lambda: asks(server, kind, busy=kind is Http))
    check(got == n, "%d of %d served with few descriptors" % (got, n))


def no_descriptors(server, kind):
    """They run out while it serves: it waits without spinning, goes on with
    those it has, and is well when there are some again."""
    few = server.descriptors() + 20
    before = server.limit(few)
    crowd = [socket.create_connection(("127.0.0.1", server.port), PATIENCE)
             for _ in range(200)]
    check(until(lambda: server.descriptors() >= few - 2), "descriptors are left")
    ran = 1.0
    for _ in range(10):                 # who spins does so each time
        if ran >= 0.3:
            began, ran = time.monotonic(), server.cpu()
            time.sleep(1)
            ran = (server.cpu() - ran) / (time.monotonic() - began)
    check(ran < 0.3, "without descriptors it runs for %d %%" % (100 * ran))
    served = 0
    for s in crowd:
        try:
            with (server.tls.wrap_socket(s) if server.tls else s) as s, \
                    s.makefile("rb") as f:
                served += kind.ask(f, s, True)
        except OSError:                 # a proxy cannot pass it on
            pass
    check(served >= (len(crowd) if server.name != "proxy" else 1),
          "%d of %d served without descriptors" % (served, len(crowd)))
    server.limit(before)


def resets(server, kind):
    """In each state a connection can be in."""
    def connected(s, f):
        pass

    def half(s, f):
        s.sendall(kind.half)

    def asked(s, f):
        s.sendall(kind.unread)

    def reading(s, f):
        s.sendall(kind.much)
        f.read(1000)

    def kept(s, f):
        check(kind.ask(f, s), "an answer before a reset")

    def half_closed(s, f):
        s.sendall(kind.half)
        socket.socket.shutdown(s, socket.SHUT_WR)

    def value(s, f):
        s.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$9000000\r\n" + b"x" * 100000)

    for state in (connected, half, asked, reading, kept, half_closed, value):
        for _ in range(10):
            s = server.connect()
            f = s.makefile("rb")
            try:
                state(s, f)
            except OSError:             # a refusal may come first
                check(state in (value, half), "%s before its reset" % state.__name__)
            f.close()
            reset(s)
    if server.tls:
        for n in (0, 1, 5, 100):        # a handshake that stops
            s = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
            s.sendall((b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"r" * 100)[:n])
            reset(s)


def deaf(server, kind):
    """They ask for much and read nothing: it holds little, and lets them go."""
    before, held = server.rss(), server.descriptors()
    crowd = []
    for _ in range(20):
        s = server.connect()
        s.settimeout(0.01)
        try:
            s.sendall(kind.much)
        except OSError:                 # what does not go in stays out
            pass
        crowd.append(s)
    check(each(4, lambda: asks(server, kind, 20)) == 4, "those beside the deaf")
    check(until(lambda: server.descriptors() <= held), "deaf ones are kept")
    grown = server.rss() - before
    check(grown < BOUND, "%d MB for the deaf" % (grown >> 20))
    for s in crowd:
        s.close()


def noise(server, kind):
    """Bytes that mean nothing, in place of a handshake, too."""
    for n in (1, 10, 100, 1000, 10000, 100000):
        for begin in (b"", b"GET ", b"*3\r\n$", b"\x16\x03\x01", b"*1000000000\r\n"):
            with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as s:
                try:
                    s.sendall(begin + random.randbytes(n) + b"\r\n\r\n")
                    s.shutdown(socket.SHUT_WR)
                    while s.recv(65536):
                        pass
                except TimeoutError:
                    check(False, "no end after noise")
                except OSError:
                    pass


def signals(server, kind):
    """As many as the kernel takes, and it is stopped now and then."""
    over = threading.Event()
    sent = [0]

    def storm():
        while not over.is_set():
            for sig in (signal.SIGWINCH, signal.SIGCHLD, signal.SIGURG,
                        signal.SIGCONT):
                os.kill(server.pid, sig)
            sent[0] += 4
            if sent[0] % 1000 == 0:
                os.kill(server.pid, signal.SIGSTOP)
                os.kill(server.pid, signal.SIGCONT)

    t = threading.Thread(target=storm)
    t.start()
    good = each(8, lambda: asks(server, kind, 100))
    until(lambda: sent[0] >= 10000)
    over.set()
    t.join()
    check(good == 8, "%d of 8 under %d signals" % (good, sent[0]))


def phase(fn, start, kind, **options):
    server = start(**options)
    kind.prepare(server)
    check(asks(server, kind, 2, fn is few_descriptors), "before " + fn.__name__)
    # What a worker opens at its first use stays open.
    each(8, lambda: asks(server, kind, 10, fn is few_descriptors))
    held = server.descriptors()
    began = time.monotonic()
    fn(server, kind)
    check(asks(server, kind, 10), "after " + fn.__name__)
    check(until(lambda: server.descriptors() <= held + 2),
          "%s leaves %d descriptors" % (fn.__name__, server.descriptors() - held))
    status = server.stop()
    check(status == 0, "after %s the end is %s" % (fn.__name__, status))
    print("%s %s: %.1f s" % (server.name, fn.__name__, time.monotonic() - began),
          flush=True)


def main():
    name, program, *more = sys.argv[1:]
    kind = Http if name == "httpd" else Store
    with tempfile.TemporaryDirectory() as site:
        for file in ("small", "big"):
            with open(os.path.join(site, file), "wb") as f:
                f.write(getattr(Http, file))

        def start(limit=0, patience=60):
            if name == "httpd":
                s = Server(program, "-p", "0", "-r", "60", "-w", str(patience),
                           *more, site, limit=limit)
                s.tls = trusting() if "-c" in more else None
            elif name == "kv":
                s = Server(program, "-p", "0", "-w", str(patience), limit=limit)
            else:
                s = Server(program, "-p", "0", "-i", str(patience), "127.0.0.1",
                           str(store.port), limit=limit)
            s.patience = patience
            return s

        if name == "proxy":
            store = Server(more[0], "-p", "0", "-w", "1")
        phase(few_descriptors, start, kind, limit=40)
        phase(no_descriptors, start, kind)
        phase(resets, start, kind)
        phase(deaf, start, kind, patience=3 if name == "proxy" else 1)
        phase(noise, start, kind)
        phase(signals, start, kind)
        if name == "proxy":
            check(store.stop() == 0, "the store behind the proxy")
    return 1 if wrong else 0


if __name__ == "__main__":
    run_program(main)
