"""serverlib.py - what the clients of the example servers share: starting one,
speaking its protocol, and looking at what it holds.

A server prints its first line when it listens.  TEST_WRAPPER, a command with
arguments, runs it.
"""
import os
import re
import resource
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

PATIENCE = 60.0
TICK = 1.0 / os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Server:
    """A running example: its port, and what /proc tells of it."""

    all = []

    def __init__(self, *argv, limit=0, env=None):
        def limited():
            if limit:
                resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

        self.name = os.path.basename(argv[0])
        self.tls = None
        self.last = ""
        self.process = subprocess.Popen(
            os.environ.get("TEST_WRAPPER", "").split() + list(argv),
            stdout=subprocess.PIPE, text=True, preexec_fn=limited,
            env=dict(os.environ, **(env or {})))
        Server.all.append(self)
        line = self.process.stdout.readline()
        self.port = int(re.search(r":(\d+)", line).group(1))
        self.reader = threading.Thread(target=self.listen, daemon=True)
        self.reader.start()
        self.pid = self.process.pid

    def listen(self):
        self.last = self.process.stdout.read()

    def connect(self, timeout=PATIENCE):
        s = socket.create_connection(("127.0.0.1", self.port), timeout)
        return self.tls.wrap_socket(s) if self.tls else s

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.pid))

    def rss(self):
        with open("/proc/%d/statm" % self.pid) as f:
            return int(f.read().split()[1]) * PAGE

    def cpu(self):
        """Seconds that it has run."""
        with open("/proc/%d/stat" % self.pid) as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * TICK

    def limit(self, n=0):
        """How many descriptors it may have; n from now on."""
        soft, hard = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)
        if n:
            resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (n, hard))
        return soft

    def stop(self):
        """The gentle way; its status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "did not stop"
        self.reader.join()
        return status


def trusting():
    """A context for clients that take any certificate."""
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    return c


def until(what, patience=PATIENCE):
    """Wait for a condition; false if it did not come true."""
    limit = time.monotonic() + patience
    while not what():
        if time.monotonic() > limit:
            return False
        time.sleep(0.01)
    return True


def reset(s):
    """Close with RST instead of FIN."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def get(name, more=b""):
    return b"GET /" + name.encode() + b" HTTP/1.1\r\nHost: x\r\n" + more + b"\r\n"


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


def command(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


def reply(f):
    """One reply of a store: a string, None, or the line with its type."""
    line = f.readline()
    if not line.endswith(b"\r\n"):
        raise ConnectionError("cut short")
    if line[:1] == b"$":
        n = int(line[1:])
        return None if n < 0 else f.read(n + 2)[:-2]
    return line[:-2]


def run_program(main):
    """The whole program: whatever happens, no server is left."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        sys.exit(main())
    finally:
        for left in Server.all:
            left.process.kill()
