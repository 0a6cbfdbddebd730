"""Upstream servers that do as a test says: well-behaved, slow, malformed, gone.

A Peer listens on a loopback address. For every request it calls `behave(connection, request)`, which may
write whatever it likes to the raw socket; returning True keeps the connection for the next request.
"""
import collections
import re
import socket
import struct
import threading
import time

from buffered import Buffered


class Request:
    def __init__(self, head, body, connection_number):
        self.head = head
        self.body = body
        self.trailers = []
        self.connection_number = connection_number
        lines = head.split(b"\r\n")
        self.method, self.target, self.version = lines[0].decode().split(" ", 2)
        self.headers = []
        for line in lines[1:]:
            if line:
                name, _, value = line.partition(b":")
                self.headers.append((name.decode("latin-1").lower(), value.strip().decode("latin-1")))

    def header(self, name):
        return next((v for n, v in self.headers if n == name), None)

    def all(self, name):
        return [v for n, v in self.headers if n == name]


class Connection(Buffered):
    def __init__(self, sock, number):
        super().__init__(sock)
        self.number = number

    def read_request(self, read_body=True):
        request = Request(self._until(b"\r\n\r\n"), b"", self.number)
        if not read_body:
            return request
        if request.header("transfer-encoding") is not None:
            self._read_chunks(request)
        else:
            request.body = self._take(int(request.header("content-length") or 0))
        return request

    def read_chunk(self):
        """The next chunk of a request that was read without its body; b"" is the last one, and trailers follow."""
        size = self._line()
        if not re.fullmatch(b"[0-9a-f]+", size):
            raise EOFError(f"no chunk size: {size}")
        data = self._take(int(size, 16))
        if data and self._take(2) != b"\r\n":
            raise EOFError("a chunk does not end where it should")
        return data

    def _read_chunks(self, request):
        if request.header("transfer-encoding") != "chunked" or request.header("content-length") is not None:
            raise EOFError("not the framing of a proxy")
        while data := self.read_chunk():
            request.body += data
        while line := self._line():
            name, _, value = line.decode("latin-1").partition(":")
            request.trailers.append((name, value.strip()))

    def reset(self):
        """Closes with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


def answer(body=b"", status="200 OK", headers=(), version="HTTP/1.1"):
    head = [f"{version} {status}".encode(), b"Content-Length: %d" % len(body)]
    head += [f"{n}: {v}".encode("latin-1") for n, v in headers]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def always(raw, keep=False):
    """A behaviour: the same bytes for every request, then the connection is closed unless `keep`."""

    def behave(connection, request):
        connection.send(raw)
        return keep

    return behave


def echo(connection, request):
    """Answers the request's body; counts as a well-behaved server."""
    connection.send(answer(request.body, headers=[("X-Method", request.method), ("X-Target", request.target)]))
    return True


class Peer:
    def __init__(self, behave=echo, host="127.0.0.1", port=0, read_body=True, kept=None):
        self.behave, self.read_body = behave, read_body
        self.requests = [] if kept is None else collections.deque(maxlen=kept)  # all, or the newest
        self.connections, self.lock = 0, threading.Lock()
        self.open, self.closing = set(), False
        self.listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((host, port))
        self.listener.listen(512)
        self.host, self.port = host, self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                if self.closing:
                    sock.close()
                    return
                self.connections += 1
                number = self.connections
                self.open.add(sock)
            threading.Thread(target=self._serve, args=(Connection(sock, number),), daemon=True).start()

    def _serve(self, connection):
        try:
            while True:
                request = connection.read_request(self.read_body)
                with self.lock:
                    self.requests.append(request)
                if not self.behave(connection, request):
                    break
        except (EOFError, OSError, ValueError):
            pass
        finally:
            with self.lock:
                self.open.discard(connection.sock)
            connection.sock.close()

    def drop_connections(self):
        with self.lock:
            for sock in self.open:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def close(self):
        with self.lock:
            self.closing = True
        # close() alone would leave a thread in accept() holding the port.
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.drop_connections()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def wait_until(condition, seconds=10):
    """True once condition() is, within a generous bound: for what a process does by itself."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return bool(condition())


def refused_port(host="127.0.0.1"):
    """A port without a listener."""
    with socket.socket() as sock:
        sock.bind((host, 0))
        return sock.getsockname()[1]
