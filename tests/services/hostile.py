"""Clients that mean harm, by the hundred, and what they cost the server: its peak of memory, and its CPU time."""
import os
import pathlib
import resource
import selectors
import socket
import ssl
import threading
import time

import h2.config
import h2.connection
import hpack
import pytest
from cgroups import MemoryGroup
from conftest import PATIENCE, SANITIZE
from harness import Client, Server
from mesh import GATEWAY, routes, service, to, write
from peers import Peer, echo, wait_until

MIB = 1 << 20
HEAD = 57000  # below --max-head-bytes, whose default is 60 KiB
POD_LIMIT = 300 * MIB
CONNECTIONS = 24 if SANITIZE else 512  # the default of --max-connections; a sanitizer's memory is not compared
TICK = 1 / os.sysconf("SC_CLK_TCK")


def allow_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 8 * CONNECTIONS if hard == resource.RLIM_INFINITY else min(hard, 8 * CONNECTIONS)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def request(path, method="GET", fields="", body=b""):
    return f"{method} {path} HTTP/1.1\r\nHost: test\r\n{fields}\r\n".encode() + body


def large_head(path):
    return request(path, fields=f"x-large: {'v' * HEAD}\r\n")


def handshake(path, method="GET"):
    return request(path, method, "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + ("Content-Length: 0\r\n" if method == "POST" else ""))


def http2(path, method="GET", headers=(), body=b"", trailers=(), streams=100, window=65535):
    """The bytes of one HTTP/2 connection that opens all of its streams at once. `body` goes out as far as the server's first
    windows let it, and without it the `trailers`; a `window` of 0 takes no answer."""
    client = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding=False))
    client.local_settings.initial_window_size = window
    client.initiate_connection()
    for number in range(1, 2 * streams, 2):
        head = [(":method", method), (":scheme", "http"), (":authority", "test"), (":path", path), *headers]
        client.send_headers(number, head, end_stream=not body and not trailers)
        if trailers:
            client.send_headers(number, trailers, end_stream=True)
        take = min(len(body), client.local_flow_control_window(number), client.max_outbound_frame_size)
        if take > 0:
            client.send_data(number, body[:take])
    return client.data_to_send()


ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n"
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
VIAS = b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n" + (b"Via: " + b"v" * 500 + b"\r\n") * 110 + b"\r\n"


class Peers:
    """What a gateway under attack has behind it: servers that say nothing, answer without end, or echo."""

    def __init__(self):
        allow_files()
        self.silent, self.echo = Silent(), Peer(echo, kept=1000)
        self.endless, self.tunnel, self.vias = Pouring(ENDLESS), Pouring(SWITCHED), Pouring(VIAS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for peer in (self.silent, self.echo, self.endless, self.tunnel, self.vias):
            peer.close()


def any_certificate():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class TlsServer(Server):
    def client(self, **kwargs):
        client = super().client(**kwargs)
        client.sock = any_certificate().wrap_socket(client.sock)
        return client


HTTPS = {**GATEWAY, "spec": {"selector": {"istio": "ingressgateway"}, "servers": [
    {"port": {"number": 443, "name": "https", "protocol": "HTTPS"}, "hosts": ["*"],
     "tls": {"mode": "SIMPLE", "credentialName": "cert"}}]}}


def start_gateway(tmp_path, peers, *args, rules=(), pair=None, command=()):
    """Routes of one prefix for each kind of peer; then `rules`; then everything else to the echo."""
    http = [{"match": [{"uri": {"prefix": "/hold"}}], "route": [to("hold.test")], "timeout": "10s"},
            {"match": [{"uri": {"prefix": "/mirror"}}], "route": [to("hold.test")], "timeout": "10s",
             "mirrors": [{"destination": {"host": "hold.test"}}, {"destination": {"host": "pour.test"}}]},
            {"match": [{"uri": {"prefix": "/pour"}}], "route": [to("pour.test")]},
            {"match": [{"uri": {"prefix": "/vias"}}], "route": [to("vias.test")]},
            {"match": [{"uri": {"prefix": "/tunnel"}}], "route": [to("tunnel.test")]}]
    http += [{**rule, "route": [to("echo.test")]} for rule in rules]
    path = write(tmp_path / "mesh.yaml", HTTPS if pair else GATEWAY, service("hold.test", peers.silent), service("pour.test", peers.endless),
                 service("vias.test", peers.vias), service("tunnel.test", peers.tunnel), service("echo.test", peers.echo),
                 routes(*http, {"route": [to("echo.test")]}))
    if pair:
        args += ("--tls-cert", pair[0], "--tls-key", pair[1])
    kind = TlsServer if pair else Server
    return kind("headerroute-gateway", "-f", path, "--admin-host", "test", *args, ready_path="/", command=command)


class Pod:
    """The limit that a server runs under: a control group where one can be made, its resident memory otherwise."""

    def __init__(self, name):
        self.group = None
        if SANITIZE:
            print("1 limit not enforced: a sanitizer's own memory does not fit into it", end=" ")
            return
        try:
            self.group = MemoryGroup(name, POD_LIMIT)
        except pytest.skip.Exception as reason:
            print(f"1 limit not enforced: {reason}; resident memory is compared instead", end=" ")

    @property
    def command(self):
        return self.group.command if self.group else ()

    def check(self, server):
        """The server lives, and has never held more than the pod may, buffers of its sockets included where a control
        group counts them. Its peak in bytes."""
        assert server.process.poll() is None, f"the server ended with {server.process.returncode}"
        peak = peak_rss(server.process.pid)
        if self.group:
            assert self.group.oom_kills() == 0
            peak, sockets = max(peak, self.group.peak() or self.group.used()), self.group.socket_peak()
            print(f"{peak / MIB:.0f} + {sockets / MIB:.0f}:", end=" ")
            peak += sockets
        assert peak < POD_LIMIT or SANITIZE, f"{peak / MIB:.0f} MiB of {POD_LIMIT // MIB}"
        return peak

    def remove(self):
        if self.group:
            self.group.remove()


def status_field(pid, field):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no {field}")


def rss(pid):
    return status_field(pid, "VmRSS")


def peak_rss(pid):
    return status_field(pid, "VmHWM")


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK


class Crowd:
    """Many connections that send given bytes and read nothing by default."""

    def __init__(self, port, n=CONNECTIONS, host="127.0.0.1", receive_buffer=4096, tls=False):
        context = any_certificate()
        self.socks = []
        for _ in range(n):
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            sock.connect((host, port))
            sock = context.wrap_socket(sock) if tls else sock
            sock.setblocking(False)
            self.socks.append(sock)

    def send(self, data, seconds=20, settle=2.0):
        """Each sends as much of `data` as the server takes; ends when all is sent, or nothing has moved for a while."""
        left = {sock: memoryview(data(i) if callable(data) else data) for i, sock in enumerate(self.socks)}
        selector = selectors.DefaultSelector()
        for sock in left:
            selector.register(sock, selectors.EVENT_WRITE)
        end = time.monotonic() + seconds
        while left and time.monotonic() < end:
            events = selector.select(settle)
            if not events:
                break
            for key, _ in events:
                sock = key.fileobj
                try:
                    left[sock] = left[sock][sock.send(left[sock][:65536]):]
                except (BlockingIOError, ssl.SSLWantWriteError):
                    continue
                except OSError:
                    left[sock] = b""
                if not left[sock]:
                    selector.unregister(sock)
                    del left[sock]
        selector.close()
        return self

    def statuses(self, seconds=10):
        """How many got which status; None for those without an answer so far."""
        counts, heads = {}, {sock: b"" for sock in self.socks}
        selector = selectors.DefaultSelector()
        for sock in self.socks:
            selector.register(sock, selectors.EVENT_READ)
        end, waiting = time.monotonic() + seconds, len(self.socks)
        while waiting and time.monotonic() < end:
            for key, _ in selector.select(0.2):
                try:
                    data = key.fileobj.recv(4096)
                except OSError:
                    data = b""
                heads[key.fileobj] += data
                if not data or len(heads[key.fileobj]) >= 12:
                    selector.unregister(key.fileobj)
                    waiting -= 1
        selector.close()
        for head in heads.values():
            status = int(head[9:12]) if len(head) >= 12 else None
            counts[status] = counts.get(status, 0) + 1
        return counts

    def close(self):
        for sock in self.socks:
            sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Silent:
    """An upstream server that takes connections and says nothing."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(4096)
        self.host, self.port = self.listener.getsockname()

    @property
    def url(self):
        return f"http://{self.host}:{self.port}"

    def close(self):
        self.listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Pouring(Silent):
    """An upstream server that answers every connection with `head` and then bytes without end. One thread."""

    def __init__(self, head):
        super().__init__()
        self.head, self.stop = head, False
        self.listener.setblocking(False)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        selector = selectors.DefaultSelector()
        selector.register(self.listener, selectors.EVENT_READ, None)
        block = b"x" * 262144
        while not self.stop:
            for key, events in selector.select(0.1):
                try:
                    if key.data is None:
                        sock, _ = self.listener.accept()
                        sock.setblocking(False)
                        selector.register(sock, selectors.EVENT_READ, [b""])
                    elif events & selectors.EVENT_READ:
                        data = key.fileobj.recv(65536)
                        if not data:
                            raise OSError
                        key.data[0] = (key.data[0] + data)[-65536:]
                        if b"\r\n\r\n" in key.data[0]:
                            key.fileobj.send(self.head)
                            selector.modify(key.fileobj, selectors.EVENT_WRITE, key.data)
                    else:
                        key.fileobj.send(block)
                except BlockingIOError:
                    pass
                except OSError:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
        for key in list(selector.get_map().values()):
            key.fileobj.close()
        selector.close()

    def close(self):
        self.stop = True
        self.thread.join(PATIENCE)


def given_back(server, most):
    """Waits until the server holds less than `most` bytes of resident memory; what it holds in the end."""
    if not SANITIZE:
        wait_until(lambda: rss(server.process.pid) < most, PATIENCE / 2)
    held = rss(server.process.pid)
    assert held < most or SANITIZE, f"{held // MIB} MiB of {most // MIB} are still held"
    return held


def metric(port, name):
    with Client(port) as client:
        client.request(target="/metrics", headers=[("Host", "localhost")])
        lines = client.answer().body.decode().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + " "))


def charged(port):
    """The bytes that requests still hold of --max-upload-bytes, by the metrics on that port."""
    return metric(port, "headerroute_upload_memory_bytes")


def settled(pid, seconds=4):
    """Waits until the server rests: it has used no CPU time for a moment, or is at work without end."""
    last, end = cpu_seconds(pid), time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.3)
        now = cpu_seconds(pid)
        if now == last:
            return
        last = now


def frame(kind, flags, number, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + number.to_bytes(4, "big") + payload


def head_frames(block, end=True):
    """HEADERS and CONTINUATION of stream 1."""
    pieces = [block[i:i + 16384] for i in range(0, len(block), 16384)]
    return b"".join(frame(1 if i == 0 else 9, (end if i == 0 else 0) | (4 if i == len(pieces) - 1 else 0), 1, piece)
                    for i, piece in enumerate(pieces))


def http2_start(*frames):
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0) + b"".join(frames)


def unfinished_head(block):
    """HEADERS and CONTINUATION of stream 1 without END_HEADERS."""
    frames = [frame(1 if i == 0 else 9, 0, 1, block[i:i + 16384]) for i in range(0, len(block), 16384)]
    return b"".join(frames)


def hpack_head(*fields, method="GET", path="/echo"):
    """A header block that changes no compression state."""
    head = [(":method", method), (":scheme", "http"), (":authority", "test"), (":path", path), *fields]
    return hpack.Encoder().encode([hpack.NeverIndexedHeaderTuple(n, v) for n, v in head], huffman=False)


# SETTINGS and WINDOW_UPDATE: the client takes an answer of a MiB without another word.
WIDE = frame(4, 0, 0, (4).to_bytes(2, "big") + MIB.to_bytes(4, "big")) + frame(8, 0, 0, MIB.to_bytes(4, "big"))


def http2_cost(server, data, least=0.3):
    """The CPU seconds of one connection that sends these frames and reads to the end of stream 1, or its own end."""
    start = http2_start(WIDE, data)

    def once():
        got = b""
        with socket.create_connection((server.host, server.port)) as sock:
            sock.settimeout(PATIENCE)
            try:
                sock.sendall(start)
                while True:
                    while len(got) >= 9 and len(got) >= 9 + int.from_bytes(got[:3], "big"):
                        kind, flags, number = got[3], got[4], int.from_bytes(got[5:9], "big")
                        if kind == 7 or (number == 1 and (kind == 3 or (kind in (0, 1) and flags & 1))):
                            return
                        got = got[9 + int.from_bytes(got[:3], "big"):]
                    more = sock.recv(65536)
                    if not more:
                        return
                    got += more
            except ConnectionError:
                return
    once()
    began, n = cpu_seconds(server.process.pid), 0
    while n < 4000 and (n % 10 or cpu_seconds(server.process.pid) - began < least):
        once()
        n += 1
    return (cpu_seconds(server.process.pid) - began) / n


def cost(server, request, least=0.4, most=4000):
    """The status of one such request, and its CPU seconds, over as many as it takes to measure them."""
    client = server.client()

    def once():
        nonlocal client
        client.send(request)
        got = client.answer()
        if got.header("connection") == "close":
            client.close()
            client = server.client()
        return got.status
    status = once()
    began, n = cpu_seconds(server.process.pid), 0
    while n < most and (n % 10 or cpu_seconds(server.process.pid) - began < least):
        once()
        n += 1
    client.close()
    return status, (cpu_seconds(server.process.pid) - began) / n
