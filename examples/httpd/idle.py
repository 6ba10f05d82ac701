#!/usr/bin/env python3
"""idle.py PORT [CERTIFICATE] - clients with nothing under way: served before, new,
silent.  Says so, and ends when the server has closed all of them."""
import socket
import ssl
import sys

PORT, EACH = int(sys.argv[1]), 8
CONTEXT = None
if len(sys.argv) > 2:
    CONTEXT = ssl.create_default_context(cafile=sys.argv[2])


def connect(secure=True):
    s = socket.create_connection(("127.0.0.1", PORT), 100)
    if CONTEXT and secure:
        s = CONTEXT.wrap_socket(s, server_hostname="127.0.0.1")
    return s


def served():
    s, answer = connect(), b""
    s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    while not answer.endswith(b"</a>\n"):
        part = s.recv(65536)
        if not part:
            sys.exit("not served: %r" % answer[:60])
        answer += part
    return s


clients = [make() for _ in range(EACH)
           for make in (served, connect, lambda: connect(False))]
print("idle", flush=True)
for c in clients:
    try:
        while c.recv(65536):
            pass
    except OSError:
        pass                    # closed without a word
    c.close()
