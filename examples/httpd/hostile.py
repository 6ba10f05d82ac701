#!/usr/bin/env python3
"""hostile.py PORT IMPATIENT - clients that httpd must survive, and what it answers;
the second one waits for a second only."""
import os
import socket
import sys
import time

PORT, IMPATIENT = int(sys.argv[1]), int(sys.argv[2])
failed = []


def talk(data, pieces=None, end=False, port=PORT):
    """Send, perhaps in pieces, and read to the end."""
    s = socket.create_connection(("127.0.0.1", port), 60)
    try:
        step = pieces or len(data) or 1
        for i in range(0, len(data), step):
            s.sendall(data[i:i + step])
        if end:
            s.shutdown(socket.SHUT_WR)
        answer = b""
        while True:
            part = s.recv(65536)
            if not part:
                return answer
            answer += part
    except OSError as e:
        return str(e).encode()
    finally:
        s.close()


def check(what, answer, begin):
    if not answer.startswith(begin):
        failed.append("%s: got %r" % (what, answer[:60]))


def get(path=b"/small", more=b"", close=True, version=b"1.1"):
    return (b"GET " + path + b" HTTP/" + version + b"\r\nHost: a\r\n" + more +
            (b"Connection: close\r\n" if close else b"") + b"\r\n")


OK = b"HTTP/1.1 200 "

check("plain", talk(get()), OK)
check("byte by byte", talk(get(), 1), OK)
check("old", talk(b"GET /small HTTP/1.0\r\n\r\n"), OK)
check("half-closed", talk(get(close=False), end=True), OK)
check("absolute", talk(get(b"http://a/small")), OK)
check("encoded", talk(get(b"/sm%61ll?query")), OK)
check("a body", talk(get(more=b"Content-Length: 3\r\n") + b"abc"), OK)
check("chunks", talk(get(more=b"Transfer-Encoding: chunked\r\n") +
                     b"3\r\nabc\r\n0\r\n\r\n"), OK)
many = talk(get(close=False) * 50 + get())
if many.count(OK) != 51:
    failed.append("pipelining: %d answers" % many.count(OK))

check("garbage", talk(os.urandom(4000) + b"\r\n\r\n"), b"HTTP/1.1 ")
check("no host", talk(b"GET / HTTP/1.1\r\n\r\n"), b"HTTP/1.1 400 ")
check("post", talk(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n"), b"HTTP/1.1 405 ")
check("long target", talk(get(b"/" + b"a" * 5000)), b"HTTP/1.1 414 ")
check("long header", talk(get(more=b"A: b\r\n" * 9000)), b"HTTP/1.1 431 ")
check("big body", talk(get(more=b"Content-Length: 99999999\r\n")),
      b"HTTP/1.1 413 ")
check("length twice", talk(get(more=b"Content-Length: 3\r\n"
                               b"Transfer-Encoding: chunked\r\n") +
                           b"0\r\n\r\n"), b"HTTP/1.1 400 ")
check("bad escape", talk(get(b"/%zz")), b"HTTP/1.1 400 ")
check("zero byte", talk(get(b"/small%00.html")), b"HTTP/1.1 400 ")
for path in (b"/../../etc/passwd", b"/%2e%2e/%2e%2e/etc/passwd",
             b"/..//..//etc/passwd", b"/sub/../../x", b"/outside"):
    check(path.decode(), talk(get(path)), b"HTTP/1.1 40")

# Connections that promise and do not keep; some leave in the middle.
slow = [socket.create_connection(("127.0.0.1", IMPATIENT)) for _ in range(50)]
for i, s in enumerate(slow):
    s.sendall(b"GET /small HT"[:i % 13])
for s in slow[::5]:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    s.close()
deaf = socket.create_connection(("127.0.0.1", IMPATIENT))
deaf.sendall(get(b"/big", close=False) * 20)
check("among slow ones", talk(get(), port=IMPATIENT), OK)
begun = time.monotonic()
slow[12].settimeout(60)
check("slow", slow[12].recv(65536), b"HTTP/1.1 408 ")
if time.monotonic() - begun > 30:
    failed.append("slow: it took %d s" % (time.monotonic() - begun))

for f in failed:
    print(f)
sys.exit(bool(failed))
