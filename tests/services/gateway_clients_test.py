"""Clients that misbehave in great numbers: readers that stall, connections that only stand there, requests that never
end, bytes that are no requests. The gateway serves the others meanwhile, in bounded memory."""
import os
import random
import re
import resource
import select
import socket
import threading
import time
import urllib.parse

import pytest
from conftest import PATIENCE, SANITIZE
from gateway_test import named
from harness import free_port
from load import Load, Replica, scaled, times_seen
from mesh import gateway, routes, service, to
from peers import Connection, Peer, answer, wait_until
from reference import requests_of

ROUTE = routes({"route": [to("x.test")]})


# ---- readers that stall ----

@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_stalled_reader_of_300_mb_costs_less_than_1_mib(tmp_path, chunked):
    piece = bytes(range(256)) * 4096
    pieces, sent = 300, [0]

    def behave(connection, request):
        if request.target == "/":
            connection.send(answer(b"up"))
            return True
        connection.send(b"HTTP/1.1 200 OK\r\n" + (b"Transfer-Encoding: chunked\r\n\r\n" if chunked else b"Content-Length: %d\r\n\r\n" % (pieces << 20)))
        for _ in range(pieces):
            connection.send(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
            sent[0] += 1
        if chunked:
            connection.send(b"0\r\n\r\n")
        return True

    with Peer(behave) as peer, gateway(tmp_path, service("x.test", peer), ROUTE, args=("--threads", "1", "--stall-timeout", "600")) as gw:
        before = gw.rss_kib()
        with gw.client(receive_buffer=65536) as client:
            client.request(target="/large")
            client.head()
            still = [-1]

            def stalled():
                moved, still[0] = sent[0] != still[0], sent[0]
                time.sleep(0.3)
                return not moved
            assert wait_until(stalled, PATIENCE) and 0 < sent[0] < pieces // 4, "it was read although the client reads nothing"
            grown = gw.rss_kib() - before
            limit = 6 * 1024 if "thread" in SANITIZE else 1024  # ThreadSanitizer keeps some five bytes of its own for each
            assert grown < limit, f"{grown} KiB for one stalled reader"
            assert gw.call(target="/").status == 200, "others are served"
            got = 0
            while got < pieces << 20:
                n = int(client._line(), 16) if chunked else min(len(piece), (pieces << 20) - got)
                data = client._take(n)
                offset = got % 256
                assert data == (piece[offset:] + piece)[:n], f"another byte than expected after {got}"
                got += n
                assert not chunked or client._line() == b""
        assert gw.rss_kib() - before < 2 * limit


def test_many_stalled_readers_are_cut_off_and_others_are_served(tmp_path):
    body = b"x" * (8 << 20)

    def behave(connection, request):
        connection.send(answer(body if request.target == "/large" else b"small"))
        return True

    n = scaled(100, 20)
    with Peer(behave) as peer, gateway(tmp_path, service("x.test", peer), ROUTE, args=("--stall-timeout", "0.5")) as gw:
        before = gw.rss_kib()
        readers = [gw.client(receive_buffer=4096) for _ in range(n)]
        for reader in readers:
            reader.request(target="/large")
        for _ in range(20):
            assert gw.call(target="/small").body == b"small"
        assert SANITIZE or gw.rss_kib() - before < 1024 * n
        # What is announced is given 32 KiB a second after the stall time: the kernel's time-out cuts them off sooner.
        assert wait_until(lambda: len(gw.lines(path="/large")) == n, PATIENCE)
        assert {line["response_flags"] for line in gw.lines(path="/large")} == {"DC"}
        [reader.close() for reader in readers]


# ---- connections that only stand there ----

def raise_files(n):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < n and hard >= n:
        resource.setrlimit(resource.RLIMIT_NOFILE, (n, hard))
    return min(n, hard)


def stand(gw, n):
    """So many connections; from several addresses, as one has not enough ports for them and those of other tests."""
    sockets = []
    for i in range(n):
        sock = socket.socket()
        sock.settimeout(PATIENCE)
        sock.bind(("127.0.0.%d" % (2 + i % 8), 0))
        sock.connect((gw.host, gw.port))
        sockets.append(sock)
    return sockets


def get(sock, path):
    sock.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path)
    assert sock.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")


def open_files(gw):
    return len(os.listdir(f"/proc/{gw.process.pid}/fd"))


def test_10000_idle_connections(tmp_path):
    """Served once, then silent; a tenth has begun another request. The gateway goes on answering."""
    n = min(scaled(10_000), raise_files(11_000) - 1000)
    with Replica(tmp_path, "a") as a, gateway(tmp_path, service("x.test", a), ROUTE, args=(
            "--max-connections", n + 100, "--idle-timeout", "600", "--log-level", "warn"), port=free_port()) as gw:
        before, files = gw.rss_kib(), open_files(gw)
        sockets = stand(gw, n)
        for sock in sockets:
            get(sock, b"/w/idle")
        for sock in sockets[::10]:
            sock.sendall(b"GET /w/begun HTTP/1.1\r\nHo")
        for i in range(50):
            assert gw.call(target=f"/w/{i}/100").header("x-id") == str(i)
        each = (gw.rss_kib() - before) / n
        print(f"{n} idle connections: {each:.2f} KiB each, {gw.rss_kib()} KiB in all")
        assert SANITIZE or each < 5
        for sock in sockets[1::200]:
            get(sock, b"/w/again")
        [sock.close() for sock in sockets]
        assert wait_until(lambda: open_files(gw) < files + 50, PATIENCE), "closed ones are given back"


@pytest.mark.skipif(bool(SANITIZE), reason="a sanitizer's own memory")
def test_1000_idle_connections_are_less_than_20_mib(tmp_path):
    """With the defaults except for their number, and one loop for each processor."""
    raise_files(2000)
    with Replica(tmp_path, "a") as a, gateway(tmp_path, service("x.test", a), ROUTE, args=("--max-connections", "1100")) as gw:
        sockets = stand(gw, 1000)
        for sock in sockets:
            get(sock, b"/w/idle/3000")
        print(f"RSS with 1,000 idle connections: {gw.rss_kib() / 1024:.1f} MiB")
        assert gw.rss_kib() < 20 << 10
        [sock.close() for sock in sockets]


def test_connections_beyond_the_files_of_the_process_wait(tmp_path):
    """More clients than descriptors: those that are in are served, the others wait, and nothing spins."""
    with Peer(named("a")) as a, gateway(tmp_path, service("x.test", a), ROUTE, args=(
            "--threads", "1", "--max-connections", "5000", "--idle-timeout", "600", "--log-level", "warn"), port=free_port()) as gw:
        with gw.client() as first:
            get(first.sock, b"/first")
            most = open_files(gw) + 40
            resource.prlimit(gw.process.pid, resource.RLIMIT_NOFILE, (most, most))
            sockets = stand(gw, 100)

            def ticks():
                fields = open(f"/proc/{gw.process.pid}/stat").read().rsplit(")", 1)[1].split()
                return int(fields[11]) + int(fields[12])

            assert wait_until(lambda: open_files(gw) == most, PATIENCE)
            assert wait_until(lambda: "connections have to wait" in gw.messages(), PATIENCE)
            used, begun = ticks(), time.monotonic()
            time.sleep(1)
            # A loop that spins takes the processor whole; one that tries once a second, next to nothing of it.
            assert ticks() - used < 20 * (time.monotonic() - begun), "a loop spins on what it cannot accept"
            get(first.sock, b"/first")
            for sock in sockets[:60]:
                sock.close()
            get(sockets[-1], b"/last")
            [sock.close() for sock in sockets]


# ---- requests that never end ----

def drip(sockets, stop):
    """Feeds all of them a byte now and then, until each is closed; returns when none is left."""
    poll, left = select.poll(), {sock.fileno(): sock for sock in sockets}
    for number in left:
        poll.register(number, select.POLLIN)
    while left and not stop.is_set():
        closed = set()
        for number, _ in poll.poll(50):
            try:
                if left[number].recv(4096):
                    continue
            except OSError:
                pass
            closed.add(number)
        for number, sock in left.items():
            try:
                sock.send(b"a")
            except OSError:
                closed.add(number)
        for number in closed:
            poll.unregister(number)
            del left[number]


def test_slow_loris(tmp_path):
    """Heads and bodies that come byte by byte, as many as connections are allowed less some: they go when their time
    is up, although they never pause, and the others are served all the time."""
    with Replica(tmp_path, "a") as a:
        with gateway(tmp_path, service("x.test", a), ROUTE, args=(
                "--max-connections", "300", "--idle-timeout", "1", "--request-timeout", "1.5")) as gw:
            heads, bodies = [socket.create_connection((gw.host, gw.port)) for _ in range(130)], \
                            [socket.create_connection((gw.host, gw.port)) for _ in range(130)]
            for sock in heads:
                sock.sendall(b"GET /loris HTTP/1.1\r\nHost: x\r\nX-A: ")
            for i, sock in enumerate(bodies):
                sock.sendall(b"POST /loris HTTP/1.1\r\nHost: x\r\n" +
                             (b"Content-Length: 100000\r\n\r\n" if i % 2 else b"Transfer-Encoding: chunked\r\n\r\nfff\r\n"))
            stop = threading.Event()
            with Load(gw.port) as load:
                load.more(20)
                begun = len(load.done)
                feeder = threading.Thread(target=drip, args=(heads + bodies, stop))
                feeder.start()
                load.wait(lambda: not feeder.is_alive(), "all of them are closed")
                stop.set()
                feeder.join()
                load.more(20)
            assert set(load.outcomes()) == {200} and len(load.done) > begun + 20
            assert not [row for row in a.seen() if row[0] not in load.done and row[0] != "0"], "half a request went upstream"
            [sock.close() for sock in heads + bodies]


# ---- bytes that are no requests ----

SEED = int(os.environ.get("HR_SEED", "20261123"))


class Mutator:
    """Requests, well-formed and not: fields that quarrel about the body's length, bodies that look like requests,
    bytes changed, taken out, doubled, cut."""
    METHODS = [b"GET", b"POST", b"PUT", b"HEAD", b"get", b"G ET", b"OPTIONS", b"CONNECT", b"PRI", b"", b"GET\t", b"DELETE"]
    VERSIONS = [b"HTTP/1.1"] * 12 + [b"HTTP/1.0", b"HTTP/2.0", b"HTTP/1.2", b"http/1.1", b"HTTP/1.1 ", b"HTTP/11", b"", b"HTTP/0.9"]
    ENDS = [b"\r\n"] * 20 + [b"\n", b"\r", b"\r\r\n", b" \r\n", b"\r\n "]
    FRAMING = [b"Content-Length: %d", b"Content-Length: %d", b"Content-Length: +%d", b"Content-Length: 0%d", b"Content-Length: %d, %d",
               b"Content-Length: -%d", b"Content-Length: %dx", b"content-length:%d", b"Content-Length : %d", b" Content-Length: %d",
               b"Content-Length: 0x%x", b"Content-Length:\x0b%d", b"Content_Length: %d", b"Content-Length: %d\0",
               b"Content-Length: 99999999999999999999"]
    CODINGS = [b"chunked", b"Chunked", b"chunked, chunked", b"gzip, chunked", b"chunked, identity", b"identity", b"xchunked", b"chunked;q=1",
               b"\x0bchunked", b"chunked\t", b"\"chunked\"", b"chunke\xc4\x8f", b"", b"chunked\r\n x"]
    FIELDS = [b"X-A: b", b"X-A:\t b ", b"X-\xff: a", b"X-A: \xff\xfe", b": a", b"X A: b", b"X-A", b"X-A: a\0b", b"X-A: a\rb", b"\tX-A: b",
              b"Connection: close", b"Connection: keep-alive, x-a", b"Expect: 100-continue", b"Expect: else", b"Upgrade: websocket",
              b"Connection: upgrade", b"Host: other", b"Host:", b"Host: a b", b"Host: a/b", b"Transfer-Encoding : chunked", b"Trailer: x",
              b"TE: trailers", b"Keep-Alive: timeout=1", b"Proxy-Connection: keep-alive", b"X: " + b"y" * 9000, b"HTTP2-Settings: AAMAAABk"]

    def __init__(self, seed):
        self.random = random.Random(seed)

    def token(self):
        return b"%016x" % self.random.getrandbits(64)

    def chunked(self, body):
        r, out = self.random, b""
        cut = r.randrange(len(body) + 1)
        for part in filter(None, (body[:cut], body[cut:])):
            size = r.choice([b"%x", b"%x", b"%X", b"0%x", b"%x;a=b", b" %x", b"%x ", b"0x%x", b"-%x", b"+%x", b"%x;\n", b"1%016x"] if r.random() < 0.4
                            else [b"%x"]) % len(part)
            out += size + r.choice(self.ENDS) + part + r.choice(self.ENDS)
        return out + r.choice([b"0", b"0", b"0", b"00", b"0;x", b"", b"0\0"]) + r.choice(self.ENDS) + \
            r.choice([b"", b"", b"", b"X-T: 1\r\n", b"Bad Trailer\r\n"]) + r.choice(self.ENDS)

    def request(self):
        r = self.random
        end = b"\r\n" if r.random() < 0.7 else r.choice(self.ENDS)
        method = b"POST" if r.random() < 0.6 else r.choice(self.METHODS)
        target = r.choice([b"/", b"/", b"/", b"/", b"*", b"", b"//", b"http://x/", b"http://", b"/%00", b"/\xff", b"/ ", b"/#", b"x:80"]) + self.token()
        body = r.choice([b"", b"x" * r.randrange(40), b"GET /" + self.token() + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"0\r\n\r\nGET /" + self.token() + b" HTTP/1.1\r\nHost: x\r\n\r\n"])
        fields = [b"Host: x"] if r.random() < 0.95 else []
        kind = r.random()
        chunked = kind < 0.4
        if chunked:
            fields.append(b"Transfer-Encoding: " + (b"chunked" if r.random() < 0.6 else r.choice(self.CODINGS)))
        if kind > 0.3 and (body or r.random() < 0.5):
            length = len(body) + (0 if r.random() < 0.8 else r.choice([-1, 1, 5, -5]))
            form = self.FRAMING[0] if r.random() < 0.7 else r.choice(self.FRAMING)
            fields.append(form % ((max(length, 0),) * (form.count(b"%d") + form.count(b"%x"))))
        for _ in range(r.choice([0, 0, 1, 2])):
            fields.append(r.choice(self.FIELDS) if r.random() < 0.5 else b"X-B: c")
        r.shuffle(fields)
        head = method + b" " + target + b" " + (b"HTTP/1.1" if r.random() < 0.85 else r.choice(self.VERSIONS)) + end
        raw = head + b"".join(f + (b"\r\n" if r.random() < 0.97 else r.choice(self.ENDS)) for f in fields) + end
        return raw + (self.chunked(body) if chunked else body)

    def stream(self):
        """What one connection sends."""
        r = self.random
        raw = bytearray(b"".join(self.request() for _ in range(r.choice([1, 1, 1, 2]))))
        for _ in range(r.choice([0, 0, 0, 1, 3])):
            at, what = r.randrange(len(raw)), r.randrange(5)
            if what == 0:
                raw[at] = r.randrange(256)
            elif what == 1:
                del raw[at:at + r.randrange(1, 9)]
            elif what == 2:
                raw[at:at] = raw[at:at + r.randrange(1, 30)]
            elif what == 3:
                raw[at:at] = r.choice([b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b"\xff" * 5])
            else:
                del raw[at:]
            raw = raw or bytearray(b"\r")
        return bytes(raw)


class Witness:
    """An upstream server that keeps what it reads to the letter."""

    def __init__(self):
        self.seen, self.broken = [], []

    def __call__(self, connection, request):
        if request.target == "/":
            connection.send(answer(b"up"))
            return True
        body = request.body
        framings = [n for n, _ in request.headers if n in ("content-length", "transfer-encoding")]
        names = [n for n, _ in request.headers]
        if len(framings) > 1 or names.count("host") != 1 or connection.buffer:
            self.broken.append((request.head, body, connection.buffer))
        self.seen.append((request.method, request.target, body))
        connection.send(answer(b"" if request.method == "HEAD" else b"served"))
        return True


def send_all(gw, streams):
    """Sends each on a connection of its own, all at once, then closes the sending half. What each got back, whole."""
    got = {}
    for raw in streams:
        sock = socket.create_connection((gw.host, gw.port), PATIENCE)
        got[sock] = b""
        try:
            sock.sendall(raw)
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
    for sock in got:
        try:
            while data := sock.recv(65536):
                got[sock] += data
        except ConnectionError:
            pass
        sock.close()
    return list(got.values())


def statuses_of(data):
    """Of the answers that a connection got back; None if that is not a sequence of whole answers. An answer to HEAD has
    no body: the next answer, or nothing, stands in its place."""
    found = []
    while data:
        head, end, data = data.partition(b"\r\n\r\n")
        if not end or not re.match(rb"HTTP/1.[01] [1-5][0-9][0-9] ", head):
            return None
        found.append(int(head[9:12]))
        length = re.search(rb"(?i)content-length: ([0-9]+)", head)
        if length and data and not data.startswith((b"HTTP/1.1 ", b"HTTP/1.0 ")):
            if len(data) < int(length[1]):
                return None
            data = data[int(length[1]):]
    return found


def essence(method, target, body):
    """A request but for what normalising its path may change."""
    path = urllib.parse.unquote_to_bytes(target.split("#")[0].encode("latin-1"))
    return method, re.sub(rb"[^0-9a-zA-Z?]", b"", path), body


def test_50000_malformed_requests(tmp_path):
    """What reaches the upstream server is only what a strict reader finds in what was sent, too; the rest is answered
    400 or another refusal, or the connection is closed. After each batch a good request is served."""
    total, size = scaled(50_000), 500
    mutator, witness = Mutator(SEED), Witness()
    print(f"seed {SEED} (HR_SEED)")
    refusals, served = 0, 0
    with Peer(witness) as peer, gateway(tmp_path, service("x.test", peer), ROUTE, args=(
            "--log-level", "warn", "--max-connections", "2000"), port=free_port()) as gw:
        for batch in range(total // size):
            streams = [mutator.stream() for _ in range(size)]
            allowed = {essence(*request) for raw in streams for request in requests_of(raw)}
            del witness.seen[:]
            for raw, back in zip(streams, send_all(gw, streams)):
                statuses = statuses_of(back)
                assert statuses is not None, f"seed {SEED}, batch {batch}: {raw!r} got {back!r}"
                refusals += any(status >= 400 for status in statuses)
                served += 200 in statuses
            for request in witness.seen:
                assert essence(*request) in allowed, \
                    f"seed {SEED}, batch {batch}: the upstream saw {request} of {[x for x in streams if essence(*request)[1][-16:] in x]}"
            assert not witness.broken, f"seed {SEED}, batch {batch}: {witness.broken[0]}"
            assert gw.call(target="/").body == b"up", f"seed {SEED}, after batch {batch}"
    print(f"{total} connections: {refusals} refused, {served} served")
    assert refusals > total // 4 and served > total // 10, "the generator makes both kinds"
