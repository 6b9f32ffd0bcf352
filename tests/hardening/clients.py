"""Clients that misbehave. Each maker returns `act(address, deadline)`, which does so until then and
says in a few words what came of it."""

import collections
import gzip
import random
import selectors
import socket
import threading
import time

GET = b"GET /metrics HTTP/1.1\r\nHost: exporter\r\n"
SEED = 23


def connect(address, seconds=5.0, room=None):
    """A connection; `room` bytes at most wait on this side to be read."""
    sock = socket.socket()
    if room:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    sock.settimeout(seconds)
    sock.connect(address)
    return sock


def on_threads(number, work):
    """Does `work()` on each of some threads, to the end."""
    threads = [threading.Thread(target=work) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def ended(sockets):
    """How many of them the other side has closed."""
    with selectors.DefaultSelector() as selector:
        for sock in sockets:
            sock.setblocking(False)
            selector.register(sock, selectors.EVENT_READ)
        closed = 0
        for key, _ in selector.select(0):
            try:
                closed += not key.fileobj.recv(1)
            except OSError:
                closed += 1
        return closed


def idle(number):
    """Connects and says nothing."""

    def act(address, deadline):
        sockets = []

        def work():
            while len(sockets) < number and time.monotonic() < deadline:
                try:
                    sockets.append(connect(address))
                except OSError:
                    time.sleep(0.01)

        on_threads(100, work)
        time.sleep(max(0.0, deadline - time.monotonic()))
        said = f"{len(sockets):,} connected, {ended(sockets):,} sent away"
        for sock in sockets:
            sock.close()
        return said

    return act


def slow_heads(number):
    """Sends the head of a request a byte at a time, and connects again when cut off."""

    def act(address, deadline):
        sockets = [connect(address) for _ in range(number)]
        at, cut = 0, 0
        while time.monotonic() < deadline:
            for place, sock in enumerate(sockets):
                try:
                    sock.send(GET[at % len(GET):][:1])
                except OSError:
                    cut += 1
                    sock.close()
                    sockets[place] = connect(address)
            at += 1
            time.sleep(0.3)
        for sock in sockets:
            sock.close()
        return f"{cut:,} cut off"

    return act


def slow_readers(number):
    """Asks for the metrics and reads a few bytes of them now and then."""

    def act(address, deadline):
        sockets = [connect(address, room=4096) for _ in range(number)]
        for sock in sockets:
            sock.sendall(GET + b"\r\n")
        read = 0
        while time.monotonic() < deadline:
            for sock in sockets:
                try:
                    read += len(sock.recv(64))
                except OSError:
                    pass
            time.sleep(0.3)
        for sock in sockets:
            sock.close()
        return f"{read / 1e3:,.0f} kB read by all"

    return act


def many(number, once):
    """Does `once(address, random, counts)` over and over on some threads; tells the counts."""

    def act(address, deadline):
        counts = collections.Counter()

        def work(seed):
            draw = random.Random(seed)
            while time.monotonic() < deadline:
                try:
                    counts[once(address, draw)] += 1
                except OSError:
                    counts["cut off"] += 1

        seeds = iter(range(SEED, SEED + number))
        on_threads(number, lambda: work(next(seeds)))
        return ", ".join(f"{count:,} x {what}" for what, count in counts.most_common(4))

    return act


def answer(sock):
    """The status that comes back, if any does."""
    head = sock.recv(64)
    return head.split(b" ")[1].decode() if head.startswith(b"HTTP/1.") else "closed"


def endless_heads(number):
    def once(address, draw):
        with connect(address) as sock:
            sock.sendall(GET)
            for at in range(10_000):
                sock.sendall(b"X-%d: %s\r\n" % (at, b"a" * draw.randrange(1, 4_000)))
        return "taken to the end"

    return many(number, once)


def long_addresses(number):
    def once(address, draw):
        with connect(address) as sock:
            try:
                sock.sendall(b"GET /" + b"a" * draw.randrange(10_000, 1_000_000) + b" HTTP/1.1\r\n\r\n")
            except OSError:
                pass
            return answer(sock)

    return many(number, once)


def malformed(number):
    """What is no HTTP, or two kinds of it at once."""
    kinds = [
        lambda draw: draw.randbytes(draw.randrange(1, 4_000)),
        lambda _: b"GET /metrics HTTP/1.1\nHost: a\n\n",
        lambda _: b"GET /metrics HTTP/9.9\r\n\r\n",
        lambda _: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 100,
        lambda _: b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        lambda _: b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        lambda _: b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        lambda _: b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        lambda _: b"GET /metrics HTTP/1.1\r\nHost: a\r\nA: b\0c\r\n\r\n",
        lambda _: b"GET /%00%ff%zz HTTP/1.1\r\nHost: a\r\n : x\r\n\r\n",
        lambda _: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200,
        lambda draw: GET + b"Accept: " + b",".join(
            b"text/plain;version=0.0.%d;q=0.%d" % (at, draw.randrange(10)) for at in range(300)
        ) + b"\r\n\r\n",
    ]

    def once(address, draw):
        with connect(address, seconds=0.5) as sock:
            sock.sendall(draw.choice(kinds)(draw))
            try:
                return answer(sock)
            except TimeoutError:
                return "waits"

    return many(number, once)


def storm(number):
    """Whole scrapes in every format, as fast as they come."""
    accepts = [
        b"text/plain;version=0.0.4",
        b"application/openmetrics-text;version=1.0.0",
        b"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
    ]

    def once(address, draw):
        with connect(address, seconds=20) as sock:
            packed = draw.random() < 0.7
            head = GET + b"Connection: close\r\nAccept: " + draw.choice(accepts) + b"\r\n"
            sock.sendall(head + (b"Accept-Encoding: gzip\r\n\r\n" if packed else b"\r\n"))
            whole = bytearray()
            while part := sock.recv(1 << 18):
                whole += part
        head, _, body = bytes(whole).partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
        if len(body) != int(length or -1):
            return "cut short"
        if packed:
            gzip.decompress(body)
        return head.split(b" ")[1].decode()

    return many(number, once)
