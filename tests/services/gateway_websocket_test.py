"""WebSockets through the gateway: bytes both ways, whatever either side does to its connection."""
import base64
import hashlib
import os
import select
import signal
import socket
import ssl
import struct
import threading

import pytest
from certificates import Authority
from conftest import PATIENCE, wait_until
from gateway_tls_test import HOST, TlsPeer, encrypted
from mesh import gateway, routes, rule, service, to
from peers import Peer, answer, echo

MIB = 1 << 20
ROUTE = {"route": [to("svc.test")]}


def accept_of(key):
    return base64.b64encode(hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()


def frame(payload, opcode=2, mask=None):
    head = bytes([0x80 | opcode])
    flag = 0x80 if mask else 0
    if len(payload) < 126:
        head += bytes([flag | len(payload)])
    elif len(payload) < 65536:
        head += bytes([flag | 126]) + struct.pack(">H", len(payload))
    else:
        head += bytes([flag | 127]) + struct.pack(">Q", len(payload))
    if mask:
        whole = (mask * (len(payload) // 4 + 1))[:len(payload)]
        masked = int.from_bytes(payload, "big") ^ int.from_bytes(whole, "big")
        return head + mask + masked.to_bytes(len(payload), "big")
    return head + payload


def read_frame(take):
    first, second = take(2)
    length = second & 127
    if length > 125:
        length = struct.unpack(">H", take(2))[0] if length == 126 else struct.unpack(">Q", take(8))[0]
    mask = take(4) if second & 128 else None
    payload = take(length)
    if mask and payload:
        whole = (mask * (length // 4 + 1))[:length]
        payload = (int.from_bytes(payload, "big") ^ int.from_bytes(whole, "big")).to_bytes(length, "big")
    return first & 15, payload


def taker(connection):
    def take(n):
        while len(connection.buffer) < n:
            connection._more()
        data, connection.buffer = connection.buffer[:n], connection.buffer[n:]
        return data
    return take


def both_ways(client, data, n):
    """Sends while it receives n bytes into the client's buffer. One thread, since OpenSSL's connections are for one."""
    sock, left, got = client.sock, memoryview(data), [client.buffer]
    missing = n - len(client.buffer)
    sock.setblocking(False)
    while missing > 0 or left:
        moved = False
        try:
            while left:
                left, moved = left[sock.send(left[:MIB]):], True
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        try:
            while missing > 0:
                piece = sock.recv(MIB)
                if not piece:
                    raise EOFError(f"the connection ended {missing} bytes early")
                got.append(piece)
                missing, moved = missing - len(piece), True
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        if not moved:
            ready = select.select([sock], [sock] if left else [], [], PATIENCE)
            assert any(ready), "nothing moves"
    sock.settimeout(PATIENCE)
    client.buffer = b"".join(got)


def agree(connection, request, more=b""):
    assert request.header("connection").lower() == "upgrade"
    connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Peer: ws\r\n"
                    + f"Sec-WebSocket-Accept: {accept_of(request.header('sec-websocket-key'))}\r\n\r\n".encode() + more)


def websocket(connection, request):
    """Echoes messages until the test closes it."""
    if request.header("upgrade") != "websocket":
        return echo(connection, request)
    agree(connection, request)
    while True:
        opcode, payload = read_frame(taker(connection))
        connection.send(frame(payload, opcode))
        if opcode == 8:
            return False


def raw(after):
    """A behaviour: agrees, then does `after` to the bare connection."""
    def behave(connection, request):
        if request.header("upgrade") != "websocket":
            return echo(connection, request)
        agree(connection, request)
        after(connection)
        return False
    return behave


HEADERS = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"),
           ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]


def opened(gw, target="/ws", client=None, early=b""):
    client = client or gw.client()
    client.request("GET", target, HEADERS, body=None)
    if early:
        client.send(early)
    done = client.head()
    assert done.status == 101, done.status
    assert done.header("sec-websocket-accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert done.header("upgrade") == "websocket" and done.header("connection").lower() == "upgrade"
    return client


def mesh(tmp_path, peer, *args, http=ROUTE, **kwargs):
    return gateway(tmp_path, routes(http), service("svc.test", peer), args=args, **kwargs)


def test_messages_go_both_ways_and_are_counted(tmp_path):
    with Peer(websocket) as peer, mesh(tmp_path, peer) as gw:
        with opened(gw) as client:
            for payload in (b"hello", b"", b"x" * 70000):
                client.send(frame(payload, mask=b"abcd"))
                assert read_frame(taker(client)) == (2, payload)
            client.send(frame(b"\x03\xe8", 8, b"abcd"))
            assert read_frame(taker(client)) == (8, b"\x03\xe8")
            assert client.at_eof()
        line = gw.wait_line(path="/ws")
        sent = sum(len(frame(p)) for p in (b"hello", b"", b"x" * 70000)) + 4
        assert (line["response_code"], line["response_flags"]) == (101, "-")
        assert line["bytes_received"] == sent + 4 * 4 and line["bytes_sent"] == sent
        assert line["upstream_host"] == f"{peer.host}:{peer.port}"
        assert gw.call().status == 200


def test_what_a_client_says_before_the_answer_is_not_lost(tmp_path):
    with Peer(websocket) as peer, mesh(tmp_path, peer) as gw:
        with opened(gw, early=frame(b"early", mask=b"abcd")) as client:
            assert read_frame(taker(client)) == (2, b"early")


def test_what_the_server_says_with_its_answer_is_not_lost(tmp_path):
    def behave(connection, request):
        if request.header("upgrade") is None:
            return echo(connection, request)
        agree(connection, request, b"at once")
        return False
    with Peer(behave) as peer, mesh(tmp_path, peer) as gw, opened(gw) as client:
        assert taker(client)(7) == b"at once" and client.at_eof()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.mark.parametrize("downstream, upstream", [(False, False), (True, False), (False, True), (True, True)])
def test_ten_megabytes_each_way_at_the_same_time(tmp_path, authority, downstream, upstream):
    pair = authority.issue("svc", "svc.test", HOST)
    make = (lambda behave: TlsPeer(pair, behave)) if upstream else Peer
    tls = {"mode": "SIMPLE", "caCertificates": str(authority.path)} if upstream else {"mode": "DISABLE"}
    with make(websocket) as peer:
        resources = [routes(ROUTE), service("svc.test", peer), rule("svc.test", trafficPolicy={"tls": tls})]
        started = encrypted(tmp_path, authority, pair, *resources) if downstream else gateway(tmp_path, *resources)
        with started as gw, opened(gw) as client:
            messages = [os.urandom(MIB) for _ in range(10)]
            both_ways(client, b"".join(frame(m, mask=b"wxyz") for m in messages), sum(len(frame(m)) for m in messages))
            for message in messages:
                assert read_frame(taker(client)) == (2, message)


def test_a_slow_reader_costs_little_memory_and_loses_nothing(tmp_path):
    total, go = 24 * MIB, threading.Event()
    block = os.urandom(MIB)

    def pour(connection):
        for _ in range(total // MIB):
            connection.send(block)
        go.set()

    with Peer(raw(pour)) as peer, mesh(tmp_path, peer) as gw:
        before = gw.rss_kib()
        with opened(gw, client=gw.client(receive_buffer=1 << 19)) as client:
            last, steady = -1, 0
            while steady < 5:  # until nothing moves any more
                now = gw.rss_kib()
                steady = steady + 1 if now == last else 0
                last = now
                threading.Event().wait(0.1)
            assert not go.is_set()
            assert gw.rss_kib() - before < 4096
            digest, wanted = hashlib.sha256(client.buffer), hashlib.sha256()
            size = len(client.buffer)
            client.buffer = b""
            while size < total:
                data = client.sock.recv(MIB)
                assert data
                digest.update(data)
                size += len(data)
            for _ in range(total // MIB):
                wanted.update(block)
            assert digest.digest() == wanted.digest() and client.at_eof()


def test_a_server_that_does_not_read_holds_the_client_back(tmp_path):
    release = threading.Event()
    with Peer(raw(lambda connection: release.wait(PATIENCE))) as peer, mesh(tmp_path, peer) as gw, opened(gw) as client:
        before, sent = gw.rss_kib(), 0
        client.sock.settimeout(1)
        with pytest.raises(TimeoutError):
            while sent < 64 * MIB:
                sent += client.sock.send(b"z" * MIB)
        assert gw.rss_kib() - before < 4096
        release.set()


def test_a_half_that_is_closed_leaves_the_other_open(tmp_path):
    def answer_after_the_end(connection):
        got = connection.buffer
        while data := connection.sock.recv(65536):
            got += data
        connection.send(b"all of " + got)

    def end_and_listen(connection):
        connection.sock.shutdown(socket.SHUT_WR)
        heard.append(taker(connection)(4))

    heard = []
    with Peer(raw(answer_after_the_end)) as peer, mesh(tmp_path, peer) as gw, opened(gw) as client:
        client.send(b"it")
        client.sock.shutdown(socket.SHUT_WR)
        assert taker(client)(9) == b"all of it" and client.at_eof()
    with Peer(raw(end_and_listen)) as peer, mesh(tmp_path, peer) as gw, opened(gw) as client:
        assert client.at_eof()
        client.send(b"late")
        wait_until(lambda: heard == [b"late"], "the server hears what comes after its own end")


def test_abrupt_ends_end_the_other_side(tmp_path):
    ended = threading.Event()

    def listen(connection):
        try:
            while connection.sock.recv(65536):
                pass
        except OSError:
            pass
        ended.set()

    with Peer(raw(listen)) as peer, mesh(tmp_path, peer) as gw:
        client = opened(gw)
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()  # a reset
        assert ended.wait(PATIENCE)
        assert gw.wait_line(path="/ws")["response_flags"] == "DC"
    with Peer(raw(lambda connection: connection.reset())) as peer, mesh(tmp_path, peer) as gw, opened(gw) as client:
        assert client.at_eof()
        assert gw.wait_line(path="/ws")["response_flags"] == "UC"


def test_a_tunnel_without_traffic_is_ended(tmp_path):
    with Peer(websocket) as peer, mesh(tmp_path, peer, "--tunnel-idle-timeout", "0.4") as gw, opened(gw) as client:
        assert client.at_eof()
        assert gw.wait_line(path="/ws")["response_flags"] == "SI"


def test_a_routes_timeout_is_for_the_answer_only(tmp_path):
    release = threading.Event()

    def late(connection, request):
        if request.target == "/late":
            release.wait(PATIENCE)
        return websocket(connection, request)

    with Peer(late) as peer, mesh(tmp_path, peer, http={**ROUTE, "timeout": "0.5s"}) as gw:
        with gw.client() as client:
            client.request("GET", "/late", HEADERS)
            assert client.answer().status == 504
        release.set()
        with opened(gw) as client:
            threading.Event().wait(1.0)
            client.send(frame(b"still here", mask=b"abcd"))
            assert read_frame(taker(client)) == (2, b"still here")


def test_drain_gives_tunnels_their_time_and_then_ends_them(tmp_path):
    with Peer(websocket) as peer, mesh(tmp_path, peer, "--drain-seconds", "2") as gw, opened(gw) as busy, opened(gw, "/stays") as stays:
        gw.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "draining" in gw.messages(), "the drain begins")
        busy.send(frame(b"in time", mask=b"abcd"))
        assert read_frame(taker(busy)) == (2, b"in time")
        busy.send(frame(b"", 8, b"abcd"))
        assert read_frame(taker(busy)) == (8, b"")
        assert stays.at_eof()
        assert gw.process.wait(PATIENCE) == 0


def test_drain_ends_a_tunnel_whose_sides_have_stalled(tmp_path):
    release = threading.Event()
    with Peer(raw(lambda connection: release.wait(PATIENCE))) as peer, \
            mesh(tmp_path, peer, "--drain-seconds", "1") as gw, opened(gw) as client:
        client.sock.settimeout(0.5)
        with pytest.raises(TimeoutError):
            while True:
                client.sock.send(b"z" * MIB)
        gw.process.send_signal(signal.SIGTERM)
        assert gw.process.wait(PATIENCE) == 0
        release.set()


@pytest.mark.parametrize("protocol", ["tls/1.0", "websocket, foo", "spdy/3"])
def test_other_upgrades_are_ignored(tmp_path, protocol):
    """RFC 9110 section 7.8: a server may ignore Upgrade; the request is then an ordinary one."""
    with Peer(websocket) as peer, mesh(tmp_path, peer) as gw, gw.client() as client:
        for _ in range(2):
            client.request("GET", "/up", [("Upgrade", protocol), ("Connection", "Upgrade")])
            assert client.answer().status == 200
        sent = [r for r in peer.requests if r.target == "/up"]
        assert len(sent) == 2 and all(r.header("upgrade") is None and r.header("connection") is None for r in sent)


def test_a_handshake_that_announces_an_empty_body(tmp_path):
    """As the client of JDK 17 does."""
    with Peer(websocket) as peer, mesh(tmp_path, peer) as gw, gw.client() as client:
        client.request("GET", "/up", [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Content-Length", "0"),
                                      ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Version", "13")])
        assert client.head().status == 101


def test_an_upgrade_without_connection_or_to_h2c_is_an_ordinary_request(tmp_path):
    with Peer(websocket) as peer, mesh(tmp_path, peer) as gw:
        assert gw.call(headers=[("Upgrade", "websocket")]).status == 200
        with gw.client() as client:
            client.request("GET", "/", [("Upgrade", "h2c"), ("Connection", "Upgrade")])
            assert client.answer().status == 200
        assert all(request.header("upgrade") is None for request in peer.requests)


def test_a_server_that_declines_is_passed_on(tmp_path):
    with Peer(lambda connection, request: bool(connection.send(answer(b"no", "426 Upgrade Required"))) or True) as peer, \
            mesh(tmp_path, peer) as gw, gw.client() as client:
        for _ in range(2):  # and the connection stays
            client.request("GET", "/ws", HEADERS)
            done = client.answer()
            assert (done.status, done.body) == (426, b"no")


def test_rules_may_match_on_upgrade(tmp_path):
    http = [{"match": [{"headers": {"upgrade": {"exact": "websocket"}}}], "route": [to("svc.test")]},
            {"directResponse": {"status": 418}}]
    with Peer(websocket) as peer, gateway(tmp_path, routes(*http), service("svc.test", peer)) as gw:
        opened(gw).close()
        assert gw.call().status == 418


def test_a_reload_leaves_tunnels_alone(tmp_path):
    with Peer(websocket) as peer, mesh(tmp_path, peer) as gw, opened(gw) as client:
        gw.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "loaded anew" in gw.messages(), "the reload")
        client.send(frame(b"as before", mask=b"abcd"))
        assert read_frame(taker(client)) == (2, b"as before")
