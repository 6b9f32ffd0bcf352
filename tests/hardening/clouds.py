"""Clouds that misbehave: servers on loopback that answer every request of an API in one bad way."""

import http.server
import itertools
import threading
import zlib

CHUNK = b"\0" * (1 << 16)


class Cloud:
    """A server whose every answer is what `answer(handler)` writes."""

    def __init__(self, answer):
        cloud = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.do_POST()

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                cloud.asked += 1
                try:
                    answer(self)
                except OSError:
                    cloud.left += 1
                self.close_connection = True

            def log_message(self, *_):
                pass

        self.asked = self.left = 0
        self.stopping = threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.stopping = self.stopping
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def told(self):
        return f"{self.asked} answers, {self.left} not taken to the end"

    def close(self):
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()


def head(handler, *headers):
    handler.send_response(200)
    for name, value in (("Content-Type", "application/json"), *headers):
        handler.send_header(name, value)
    handler.end_headers()


def huge():
    """Two gigabytes, as it says beforehand."""
    size = 2 << 30

    def answer(handler):
        head(handler, ("Content-Length", str(size)))
        for _ in range(size // len(CHUNK)):
            handler.wfile.write(CHUNK)

    return Cloud(answer)


def deep():
    """JSON that is nested 10,000 deep, where an answer and where a row should be."""
    nested = b"[" * 10_000 + b"]" * 10_000
    objects = b'{"a":' * 10_000 + b"1" + b"}" * 10_000
    bodies = [
        nested,
        b'{"Response":' + objects + b"}",
        b'{"code":0,"data":{"totalCount":1,"list":[' + objects + b"]}}",
        b'{"Response":{"Results":[{"LogJson":"' + objects.replace(b'"', b'\\"') + b'"}],"Data":'
        + nested + b',"ListOver":true,"RequestId":"x"}}',
    ]

    turns = itertools.cycle(bodies)

    def answer(handler):
        body = next(turns)
        head(handler, ("Content-Length", str(len(body))))
        handler.wfile.write(body)

    return Cloud(answer)


def endless():
    """A body that never ends, slowly."""

    def answer(handler):
        head(handler, ("Transfer-Encoding", "chunked"))
        while not handler.server.stopping.wait(0.05):
            handler.wfile.write(b"1\r\n \r\n")
            handler.wfile.flush()

    return Cloud(answer)


def bomb():
    """A few megabytes that unpack to ten gigabytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    megabyte = b" " * (1 << 20)
    packed = b"".join(packer.compress(megabyte) for _ in range(1_024)) + packer.flush()
    # Members may follow one another.
    whole = packed * 10

    def answer(handler):
        head(handler, ("Content-Encoding", "gzip"), ("Content-Length", str(len(whole))))
        handler.wfile.write(whole)

    return Cloud(answer)
