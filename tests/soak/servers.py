#!/usr/bin/env python3
"""servers.py DIR [SECONDS] - the example servers under a mixed load with faults.

DIR is a build directory.  Over each poller (POLLERS) in turn httpd, the same over
TLS, kv and a proxy in front of each of the three run for their part of SECONDS
(600), and up to a minute longer until all is given back.  Good
clients ask and check every answer.  Meanwhile

	hostile ones  send garbage, half requests and nothing, break off
	              handshakes, reset connections and do not read;
	faults        are signal storms, servers and clients that are stopped
	              and go on, and times without descriptors.

Without descriptors a server may say so (503), and a proxy hang up; nothing else
but the right answer is right.  In the end every server must still answer, have
given back its descriptors, not have grown without bound, and stop by itself at
SIGTERM with status 0.

Prints one line per kind of client and "N answers, W wrong"; exits 1 if any was
wrong, late beyond LATE seconds, or a server did not come through.
"""
import hashlib
import os
import random
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "..", "examples"))
from serverlib import (Server, answer, command, get, reply, reset,  # noqa: E402
                       run_program, trusting, until)

LATE = 20.0
SIZES = [0, 1, 100, 4096, 65537, 1 << 20]

done = threading.Event()
lock = threading.Lock()
counts = {}
wrong = []


def count(kind, n=1):
    with lock:
        counts[kind] = counts.get(kind, 0) + n


def fail(kind, what):
    with lock:
        wrong.append((kind, what))
        if len(wrong) <= 20:
            print("WRONG", kind, what, flush=True)


class Shortage:
    """When servers were without descriptors, for those who ask meanwhile."""

    def __init__(self):
        self.turn = 0                   # odd: now
        self.over = 0.0

    def begin(self):
        self.turn += 1

    def end(self):
        self.over = time.monotonic()
        self.turn += 1

    def excuses(self, turn):
        """Was there one since that turn, or just before?"""
        return self.turn % 2 or self.turn != turn or time.monotonic() < self.over + 3


shortage = Shortage()


def http_requests(kind, server, sums, rng):
    """A connection of its own, and some batches of requests on it."""
    with server.connect(LATE) as s, s.makefile("rb") as f:
        for _ in range(rng.randrange(1, 50)):
            names = [rng.choice(list(sums)) for _ in range(rng.randrange(1, 5))]
            turn = shortage.turn
            began = time.monotonic()
            s.sendall(b"".join(get(n) for n in names))
            for n in names:
                status, body = answer(f)
                if status == 503 and shortage.excuses(turn):
                    count(kind + " told to come again")
                elif status != 200 or hashlib.sha256(body).digest() != sums[n]:
                    fail(kind, "%s: status %d, %d bytes" % (n, status, len(body)))
                if time.monotonic() - began > LATE:
                    fail(kind, "%s took too long" % n)
                count(kind)
            if done.is_set():
                return


def kv_commands(kind, server, me, rng, mine):
    """The same with commands: `mine` is what the store has of ours.  A batch
    whose answers were lost may or may not have been done: it asks again."""
    with server.connect(LATE) as s, s.makefile("rb") as f:
        for _ in range(rng.randrange(1, 50)):
            batch, wants = b"", []
            for _ in range(rng.randrange(1, 40)):
                key = b"k:%s:%d" % (me, rng.randrange(200))
                what = rng.randrange(4)
                if what == 0:
                    value = rng.randbytes(rng.choice([0, 1, 30, 5000]))
                    batch += command(b"SET", key, value)
                    mine[key] = value
                    wants.append(b"+OK")
                elif what == 1:
                    batch += command(b"DEL", key)
                    wants.append(b":1" if mine.pop(key, None) is not None else b":0")
                elif what == 2:
                    batch += command(b"INCR", b"n:%s" % me)
                    mine[b"n"] = mine.get(b"n", 0) + 1
                    wants.append(b":%d" % mine[b"n"])
                else:
                    batch += command(b"GET", key)
                    wants.append(mine.get(key))
            began = time.monotonic()
            s.sendall(batch)
            for want in wants:
                got = reply(f)
                if got != want:
                    fail(kind, "want %r, got %r" % (want, got))
                count(kind)
            if time.monotonic() - began > LATE:
                fail(kind, "a batch took too long")
            if done.is_set():
                return


def good_http(kind, server, sums, rng):
    repeat(kind, server, lambda: http_requests(kind, server, sums, rng))


def good_kv(kind, server, me, rng):
    generation = [0]
    mine = {}

    def once():
        try:
            kv_commands(kind, server, b"%s.%d" % (me, generation[0]), rng, mine)
        except OSError:
            generation[0] += 1          # what was done of it is not known
            mine.clear()
            raise
    repeat(kind, server, once)


def repeat(kind, server, once):
    """Until the end.  Only a proxy without descriptors may lose a connection."""
    while not done.is_set():
        turn = shortage.turn
        try:
            once()
        except (ConnectionError, ssl.SSLEOFError, socket.timeout) as e:
            if server.name != "proxy" or isinstance(e, socket.timeout) or \
                    not shortage.excuses(turn):
                raise
            count(kind + " hung up on")


def hostile(kind, servers, rng):
    """Nothing that is answered here is looked at: only that the others are."""
    held = []
    while not done.is_set():
        server = rng.choice(servers)
        try:
            s = socket.create_connection(("127.0.0.1", server.port), LATE)
            held.append(s)
            what = rng.randrange(10)
            if server.tls and rng.random() < 0.5:
                held.pop()
                s = server.tls.wrap_socket(s)
                held.append(s)
            if what == 0:               # garbage
                s.sendall(rng.randbytes(rng.randrange(1, 3000)))
            elif what == 1:             # half a request, then a reset
                s.sendall(b"GET /1 HTTP/1.1\r\nHo")
                reset(held.pop())
            elif what == 2:             # a head without end
                s.sendall(b"GET / HTTP/1.1\r\n" + b"x: " + b"y" * 20000)
            elif what == 3:             # asks for much and does not read
                s.sendall(get("1048576") * 20)
            elif what == 4:             # a command of absurd size
                s.sendall(b"*1000000000\r\n$1000000000\r\n")
            elif what == 5:             # says nothing, half-closed
                socket.socket.shutdown(s, socket.SHUT_WR)
            elif what == 6:             # half a command
                s.sendall(b"*2\r\n$3\r\nGET\r\n$5\r\nab")
            elif what == 7:             # the same as 3, to a store
                s.sendall(command(b"SETNX", b"much", b"m" * (1 << 20)) +
                          command(b"GET", b"much") * 20)
            elif what == 8:             # half of a handshake
                s.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
            else:                       # a byte at a time, never to the end
                for c in b"GET /1 HTTP/1.1\r\n"[:rng.randrange(17)]:
                    s.sendall(bytes([c]))
            count(kind)
        except OSError:
            count(kind + " refused")
        while len(held) > 60:
            s = held.pop(rng.randrange(len(held)))
            (reset if rng.random() < 0.5 else socket.socket.close)(s)
    for s in held:
        s.close()


def storm(server, rng):
    """Signals that are ignored or handled, and it is stopped now and then."""
    for _ in range(2000):
        os.kill(server.pid, rng.choice((signal.SIGWINCH, signal.SIGCHLD,
                                        signal.SIGURG, signal.SIGCONT)))


def stopped_server(server, rng):
    os.kill(server.pid, signal.SIGSTOP)
    time.sleep(rng.random() / 4)
    os.kill(server.pid, signal.SIGCONT)


def stopped_client(server, sums, rng):
    """A curl that stands still in the middle of its answer."""
    turn = shortage.turn
    p = subprocess.Popen(["curl", "-skf", "%s://127.0.0.1:%d/1048576" % (
        "https" if server.tls else "http", server.port)], stdout=subprocess.PIPE)
    head = p.stdout.read(1000)
    p.send_signal(signal.SIGSTOP)
    time.sleep(rng.random())
    p.send_signal(signal.SIGCONT)
    body = head + p.stdout.read()
    status = p.wait()
    if shortage.excuses(turn) and status:
        count("curl told to come again")
    elif status or hashlib.sha256(body).digest() != sums["1048576"]:
        fail("curl", "status %d, %d bytes" % (status, len(body)))
    count("curl")


def faults(servers, sums, rng):
    """One after the other; how many there were."""
    while not done.wait(rng.random() / 2):
        server = rng.choice(servers)
        what = rng.randrange(8)
        if what < 3:
            storm(server, rng)
            count("fault: storm of signals")
        elif what < 5:
            stopped_server(server, rng)
            count("fault: server stopped")
        elif what < 7:
            stopped_client(rng.choice([s for s in servers if s.web]), sums, rng)
            count("fault: client stopped")
        else:
            shortage.begin()
            before = server.limit()
            server.limit(server.descriptors() + rng.randrange(5))
            done.wait(rng.random() * 2)
            server.limit(before)
            shortage.end()
            count("fault: no descriptors")


def start(fn, *args):
    """A client that is lost has found something wrong."""
    def run():
        try:
            fn(*args)
        except Exception as e:          # whatever it is, it is not an answer
            fail(str(args[0]), "%s: %s" % (type(e).__name__, e))
    t = threading.Thread(target=run, daemon=True)
    t.start()
    return t


def serve(build, site, poller):
    """Six servers over one poller: site has the certificate, too."""
    def program(name):
        return os.path.join(build, "examples", name, name)

    def server(*argv, front=None, tls=None):
        s = Server(*argv, env={"WEFT_POLLER": poller})
        s.tls = front.tls if front else tls
        s.web = front.web if front else s.name == "httpd"
        return s

    limits = ["-p", "0", "-i", "20", "-r", "5", "-w", "10"]
    http = server(program("httpd"), *limits, site)
    https = server(program("httpd"), *limits, "-c", os.path.join(site, "cert"),
                   "-k", os.path.join(site, "key"), site, tls=trusting())
    kv = server(program("kv"), "-p", "0", "-w", "10")
    return [http, https, kv] + [
        server(program("proxy"), "-p", "0", "-i", "20", "127.0.0.1", str(s.port),
               front=s) for s in (http, https, kv)]


def load(servers, sums, rng):
    def some(n):
        return [random.Random(rng.random()) for _ in range(n)]

    threads = []
    for s in servers:
        kind = ("proxied " if s.name == "proxy" else "") + (
            "https" if s.tls else "http" if s.web else "kv")
        for r in some(3 if s.name != "proxy" else 2):
            if s.web:
                threads.append(start(good_http, kind, s, sums, r))
            else:
                me = b"%d.%d" % (s.port, len(threads))
                threads.append(start(good_kv, kind, s, me, r))
    for r in some(3):
        threads.append(start(hostile, "hostile", servers, r))
    threads.append(start(faults, servers, sums, *some(1)))
    return threads


def survived(servers, before, half):
    """Nobody asks any more: what is left of it?"""
    if not until(lambda: all(s.process.poll() is not None or
                             s.descriptors() <= before[s] + 8 for s in servers), 60):
        for s in servers:
            if s.process.poll() is None and s.descriptors() > before[s] + 8:
                fail(s.name, "%d descriptors are left" % (s.descriptors() - before[s]))
    for s in servers:
        if s.process.poll() is None and s.rss() > 2 * half[s] + (64 << 20):
            fail(s.name, "grew from %d to %d MB" % (half[s] >> 20, s.rss() >> 20))
    for s in reversed(servers):
        status = s.stop()
        print("%s: %s" % (status, s.last.strip()))
        if status != 0:
            fail(s.name, "stopped with %s" % status)


def soak(build, site, poller, seconds, sums, rng):
    done.clear()
    servers = serve(build, site, poller)
    before = {s: s.descriptors() for s in servers}
    threads = load(servers, sums, rng)
    began = time.monotonic()
    half = {}
    while time.monotonic() < began + seconds:
        done.wait(min(10, max(0.1, began + seconds - time.monotonic())))
        if any(s.process.poll() is not None for s in servers):
            break
        if time.monotonic() > began + seconds / 2 and not half:
            half = {s: s.rss() for s in servers}
        with lock:
            print(poller, round(time.monotonic() - began), "s:",
                  sum(n for k, n in counts.items() if " " not in k or "proxied" in k),
                  "answers,", len(wrong), "wrong; descriptors and MB",
                  *("%s:%d,%d" % (s.name, s.descriptors(), s.rss() >> 20)
                    for s in servers), flush=True)
    for s in servers:
        if s.process.poll() is not None:
            fail(s.name, "ended with %s" % s.process.returncode)
    done.set()
    for t in threads:
        t.join(3 * LATE)
        if t.is_alive():
            fail("client", "never came back")
    survived(servers, before, half)


def main():
    build = sys.argv[1]
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 600.0
    seed = int(os.environ.pop("WEFT_SEED", "0")) or random.randrange(1 << 30)
    print("seed", seed, flush=True)
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as site:
        sums = {}
        for n in SIZES:
            data = rng.randbytes(n)
            with open(os.path.join(site, str(n)), "wb") as f:
                f.write(data)
            sums[str(n)] = hashlib.sha256(data).digest()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                        "-subj", "/CN=localhost", "-keyout",
                        os.path.join(site, "key"), "-out",
                        os.path.join(site, "cert")], check=True,
                       stderr=subprocess.DEVNULL)
        pollers = os.environ.get("POLLERS", "epoll uring poll").split()
        for poller in pollers:
            soak(build, site, poller, seconds / len(pollers), sums, rng)
    for kind in sorted(counts):
        print("%-30s %d" % (kind, counts[kind]))
    print("%d answers, %d wrong" % (
        sum(n for k, n in counts.items() if k.split()[-1] in ("http", "https", "kv", "curl")),
        len(wrong)))
    return 1 if wrong else 0


if __name__ == "__main__":
    run_program(main)
