#!/usr/bin/env python3
"""servers.py DIR [SECONDS] - the example servers under a mixed load with faults.

DIR is a build directory.  Starts httpd, kv and proxy (in front of httpd), then for
SECONDS (600) lets good clients ask and check every answer, while hostile ones
send garbage, half requests and nothing, reset connections and do not read.  In
the end every server must still answer, have given back its descriptors, not
have grown without bound, and stop by itself at SIGTERM with status 0.

Prints one line per kind of client and "N answers, W wrong"; exits 1 if any was
wrong, late beyond LATE seconds, or a server did not come through.
"""
import hashlib
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

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


class Server:
    """A program that prints what it listens on in its first line."""

    all = []

    def __init__(self, *argv):
        self.name = os.path.basename(argv[0])
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        Server.all.append(self)
        line = self.process.stdout.readline()
        self.port = int(re.search(r":(\d+)", line).group(1))
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.process.pid))

    def rss(self):
        with open("/proc/%d/statm" % self.process.pid) as f:
            return int(f.read().split()[1]) * 4096

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "did not stop"


def connect(port):
    s = socket.create_connection(("127.0.0.1", port), LATE)
    s.settimeout(LATE)
    return s


def answer(f):
    """One HTTP answer: status and body."""
    status = f.readline().split()
    if len(status) < 2:
        raise ConnectionError("no answer")
    length = 0
    while True:
        line = f.readline().strip().lower()
        if not line:
            break
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    body = f.read(length)
    if len(body) != length:
        raise ConnectionError("cut short")
    return int(status[1]), body


def good_http(kind, port, sums, rng):
    while not done.is_set():
        with connect(port) as s, s.makefile("rb") as f:
            for _ in range(rng.randrange(1, 50)):
                names = [rng.choice(list(sums)) for _ in range(rng.randrange(1, 5))]
                s.sendall(b"".join(b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % n.encode()
                                   for n in names))
                for n in names:
                    began = time.monotonic()
                    status, body = answer(f)
                    if status != 200 or hashlib.sha256(body).digest() != sums[n]:
                        fail(kind, "%s: status %d, %d bytes" % (n, status, len(body)))
                    if time.monotonic() - began > LATE:
                        fail(kind, "%s took too long" % n)
                    count(kind)
                if done.is_set():
                    return


def reply(f):
    line = f.readline()
    if not line.endswith(b"\r\n"):
        raise ConnectionError("cut short")
    if line[:1] == b"$":
        n = int(line[1:])
        return None if n < 0 else f.read(n + 2)[:-2]
    return line[:-2]


def command(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


def good_kv(kind, port, me, rng):
    mine = {}
    with connect(port) as s, s.makefile("rb") as f:
        while not done.is_set():
            batch, wants = b"", []
            for _ in range(rng.randrange(1, 40)):
                key = b"k:%d:%d" % (me, rng.randrange(200))
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
                    batch += command(b"INCR", b"n:%d" % me)
                    mine[b"n"] = mine.get(b"n", 0) + 1
                    wants.append(b":%d" % mine[b"n"])
                else:
                    batch += command(b"GET", key)
                    wants.append(mine.get(key))
            s.sendall(batch)
            for want in wants:
                got = reply(f)
                if got != want:
                    fail(kind, "want %r, got %r" % (want, got))
                count(kind)


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def hostile(kind, ports, rng):
    """Nothing that is answered here is looked at: only that the others are."""
    held = []
    while not done.is_set():
        try:
            s = connect(rng.choice(ports))
            what = rng.randrange(7)
            if what == 0:               # garbage
                s.sendall(rng.randbytes(rng.randrange(1, 3000)))
            elif what == 1:             # half a request, then a reset
                s.sendall(b"GET /1 HTTP/1.1\r\nHo")
                reset(s)
                count(kind)
                continue
            elif what == 2:             # a head without end
                s.sendall(b"GET / HTTP/1.1\r\n" + b"x: " + b"y" * 20000)
            elif what == 3:             # asks for much and does not read
                s.sendall(b"GET /1048576 HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
            elif what == 4:             # a command of absurd size
                s.sendall(b"*1000000000\r\n$1000000000\r\n")
            elif what == 5:             # says nothing, half-closed
                s.shutdown(socket.SHUT_WR)
            else:                       # half a command
                s.sendall(b"*2\r\n$3\r\nGET\r\n$5\r\nab")
            held.append(s)
            count(kind)
        except OSError:
            count(kind + " refused")
        while len(held) > 60:
            s = held.pop(rng.randrange(len(held)))
            (reset if rng.random() < 0.5 else socket.socket.close)(s)
    for s in held:
        s.close()


def client(kind, fn, *args):
    """A good client whose connection is lost has found something wrong."""
    def run():
        try:
            fn(kind, *args)
        except Exception as e:          # whatever it is, it is not an answer
            fail(kind, "%s: %s" % (type(e).__name__, e))
    t = threading.Thread(target=run, daemon=True)
    t.start()
    return t


def main():
    build = sys.argv[1]
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 600.0
    seed = int(os.environ.get("WEFT_SEED", "0")) or random.randrange(1 << 30)
    print("seed", seed, flush=True)
    rng = random.Random(seed)

    with tempfile.TemporaryDirectory() as site:
        sums = {}
        for n in SIZES:
            data = rng.randbytes(n)
            with open(os.path.join(site, str(n)), "wb") as f:
                f.write(data)
            sums[str(n)] = hashlib.sha256(data).digest()
        examples = os.path.join(build, "examples")
        http = Server(os.path.join(examples, "httpd", "httpd"), "-p", "0",
                      "-i", "20", "-r", "5", site)
        kv = Server(os.path.join(examples, "kv", "kv"), "-p", "0")
        proxy = Server(os.path.join(examples, "proxy", "proxy"), "-p", "0",
                       "127.0.0.1", str(http.port))
        servers = [http, kv, proxy]

        def some(n):
            return [random.Random(rng.random()) for _ in range(n)]

        threads = [client("http", good_http, http.port, sums, r) for r in some(6)]
        threads += [client("proxied", good_http, proxy.port, sums, r) for r in some(3)]
        threads += [client("kv", good_kv, kv.port, i, r) for i, r in enumerate(some(4))]
        ports = [s.port for s in servers]
        for r in some(3):
            t = threading.Thread(target=hostile, args=("hostile", ports, r), daemon=True)
            t.start()
            threads.append(t)

        end = time.monotonic() + seconds
        half = {}
        while time.monotonic() < end:
            done.wait(min(10, max(0.1, end - time.monotonic())))
            if end - time.monotonic() < seconds / 2 and not half:
                half = {s.name: s.rss() for s in servers}
            with lock:
                print(dict(counts), len(wrong), "wrong",
                      {s.name: (s.descriptors(), s.rss() >> 20) for s in servers},
                      flush=True)
            for s in servers:
                if s.process.poll() is not None:
                    fail(s.name, "ended with %s" % s.process.returncode)
                    end = 0
        done.set()
        for t in threads:
            t.join(2 * LATE)
        # What hangs on without a word goes at the servers' own limits.
        limit = time.monotonic() + 45
        while time.monotonic() < limit and any(s.descriptors() > 40 for s in servers):
            time.sleep(1)
        for s in servers:
            if s.process.poll() is None and s.descriptors() > 40:
                fail(s.name, "%d descriptors are left" % s.descriptors())
            if s.rss() > 2 * half.get(s.name, s.rss()) + (64 << 20):
                fail(s.name, "grew from %d to %d MB" % (half[s.name] >> 20, s.rss() >> 20))
        for s in reversed(servers):
            status = s.stop()
            if status != 0:
                fail(s.name, "stopped with %s" % status)
    for kind in sorted(counts):
        print("%-16s %d" % (kind, counts[kind]))
    print("%d answers, %d wrong" % (sum(n for k, n in counts.items()
                                        if not k.startswith("hostile")), len(wrong)))
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        for server in Server.all:
            server.process.kill()
