"""WebSockets over HTTP/2 (RFC 8441): an extended CONNECT becomes an upgrade towards the endpoint, and its stream a tunnel."""
import hashlib
import os
import signal
import socket
import struct
import threading

import h2.settings
import pytest
from certificates import Authority
from conftest import PATIENCE, SANITIZE, wait_until
from gateway_tls_test import HOST, encrypted, trusting
from gateway_websocket_test import MIB, accept_of, agree, frame, mesh, raw, read_frame, taker, websocket
from harness import Server
from http2_wire import CANCEL, NO_ERROR, PROTOCOL_ERROR, Http2
from mesh import gateway, routes, service, to
from peers import Peer, answer, echo

ENABLE_CONNECT_PROTOCOL = h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL


def connect_head(path="/ws", *more, protocol="websocket"):
    return [(":method", "CONNECT"), (":protocol", protocol), (":scheme", "http"), (":authority", "test"), (":path", path),
            ("sec-websocket-version", "13"), *more]


def opened(client, path="/ws", *more):
    """The stream of a WebSocket, once it is open."""
    client.until(lambda: ENABLE_CONNECT_PROTOCOL in client.h2.remote_settings)
    stream = client.open(connect_head(path, *more), end=False)
    client.until(lambda: stream.status is not None or stream.over)
    assert stream.status == 200
    return stream


class Reader:
    """What came on a stream, for read_frame."""

    def __init__(self, client, stream):
        self.client, self.stream = client, stream

    def __call__(self, n):
        self.client.until(lambda: len(self.stream.body) >= n)
        data, self.stream.body = self.stream.body[:n], self.stream.body[n:]
        return data


@pytest.fixture
def plain(tmp_path):
    with Peer(websocket) as peer, mesh(tmp_path, peer) as gw, Http2(gw.port) as client:
        yield peer, gw, client


def test_messages_go_both_ways_and_are_counted(plain):
    peer, gw, client = plain
    stream = opened(client)
    take = Reader(client, stream)
    for payload in (b"hello", b"", b"x" * 70000):
        client.send(stream, frame(payload, mask=b"abcd"))
        assert read_frame(take) == (2, payload)
    client.send(stream, frame(b"\x03\xe8", 8, b"abcd"))
    assert read_frame(take) == (8, b"\x03\xe8")
    client.until(lambda: stream.ended)  # the server has closed its connection
    line = gw.wait_line(path="/ws")
    sent = sum(len(frame(p)) for p in (b"hello", b"", b"x" * 70000)) + 4
    assert (line["method"], line["protocol"], line["response_code"], line["response_flags"]) == ("GET", "HTTP/2", 200, "-")
    assert line["bytes_received"] == sent + 4 * 4 and line["bytes_sent"] == sent
    assert client.call().status == 200  # on the same connection


def test_the_endpoint_sees_the_handshake_of_rfc_6455(plain):
    peer, _, client = plain
    stream = opened(client, "/chat?a=1", ("sec-websocket-protocol", "mqtt"), ("origin", "http://test"))
    request = next(r for r in peer.requests if r.target == "/chat?a=1")
    assert request.method == "GET" and request.header("host") == "test"
    assert request.header("upgrade") == "websocket" and request.header("connection").lower() == "upgrade"
    assert request.header("sec-websocket-version") == "13" and request.header("sec-websocket-protocol") == "mqtt"
    assert len(request.header("sec-websocket-key")) == 24
    assert request.header("content-length") is None and request.header("transfer-encoding") is None
    # RFC 8441 section 5: no key, and so no proof of it.
    assert stream.header("sec-websocket-accept") is None and stream.header("upgrade") is None
    assert stream.header("connection") is None and stream.header("x-peer") == "ws"
    other = opened(client)
    keys = {r.header("sec-websocket-key") for r in peer.requests if r.target != "/"}  # which asked whether all is ready
    assert len(keys) == 2 and other.status == 200


def test_a_key_of_the_clients_own_is_passed_on(plain):
    peer, _, client = plain
    stream = opened(client, "/ws", ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="))
    assert peer.requests[-1].header("sec-websocket-key") == "dGhlIHNhbXBsZSBub25jZQ=="
    assert stream.header("sec-websocket-accept") == accept_of("dGhlIHNhbXBsZSBub25jZQ==")


def test_what_a_client_says_before_the_answer_is_not_lost(plain):
    _, _, client = plain
    client.until(lambda: ENABLE_CONNECT_PROTOCOL in client.h2.remote_settings)
    stream = client.open(connect_head(), end=False)
    early = [os.urandom(30000) for _ in range(3)]  # less than the window
    for payload in early:
        client.send(stream, frame(payload, mask=b"abcd"))
    take = Reader(client, stream)
    for payload in early:
        assert read_frame(take) == (2, payload)


def test_what_the_server_says_with_its_answer_is_not_lost(tmp_path):
    with Peer(raw(lambda connection: connection.send(b"at once"))) as peer, mesh(tmp_path, peer) as gw, Http2(gw.port) as client:
        stream = opened(client)
        client.until(lambda: stream.ended)
        assert stream.body == b"at once"


@pytest.mark.parametrize("protocol, status", [("connect-udp", 501), ("h2c", 501), ("WebSocket", 200), ("web socket", 400)])
def test_other_protocols_are_refused(plain, protocol, status):
    peer, gw, client = plain
    client.until(lambda: ENABLE_CONNECT_PROTOCOL in client.h2.remote_settings)
    stream = client.open(connect_head("/other", protocol=protocol), end=False)
    client.until(lambda: stream.status is not None)
    assert stream.status == status
    if status != 200:
        client.wait(stream)
        assert not any(r.target == "/other" for r in peer.requests)
        assert gw.wait_line(path="/other")["response_code"] == status
    assert client.call().status == 200


@pytest.mark.parametrize("missing", [":scheme", ":path", ":authority"])
def test_a_connect_without_one_of_its_fields_is_reset(plain, missing):
    peer, _, client = plain
    fields = [f for f in connect_head("/without") if f[0] != missing]
    stream = client.open(fields, end=False)
    assert client.wait(stream).reset == PROTOCOL_ERROR and stream.status is None
    assert client.call().status == 200 and not any(r.target == "/without" for r in peer.requests)


def test_protocol_with_another_method_or_a_length_is_refused(plain):
    _, _, client = plain
    fields = [(":method", "GET") if n == ":method" else (n, v) for n, v in connect_head()]
    assert client.wait(client.open(fields)).reset == PROTOCOL_ERROR
    stream = client.open(connect_head("/ws", ("content-length", "5")), end=False)
    client.until(lambda: stream.status is not None or stream.over)
    assert stream.status == 400
    assert client.wait(client.open([(":method", "CONNECT"), (":authority", "test")], end=False)).status == 405
    assert client.call().status == 200


@pytest.mark.parametrize("program, flags", [("headerroute-proxy", ("--predict-server-url", "http://127.0.0.1:1")),
                                            ("headerroute-predict", ())])
def test_servers_without_websockets_do_not_announce_them(program, flags):
    with Server(program, *flags) as server, Http2(server.port) as client:
        assert client.call(path="/health").status == 200
        assert client.h2.remote_settings.get(ENABLE_CONNECT_PROTOCOL, 0) == 0
        assert client.wait(client.open(connect_head(), end=False)).reset == PROTOCOL_ERROR
        assert client.call(path="/health").status == 200


def switching(accept, protocol="websocket"):
    def behave(connection, request):
        if request.header("upgrade") is None:
            return echo(connection, request)
        value = accept(request.header("sec-websocket-key"))
        connection.send(f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: {protocol}\r\nConnection: Upgrade\r\n".encode()
                        + (f"Sec-WebSocket-Accept: {value}\r\n".encode() if value else b"") + b"\r\n")
        return False
    return behave


@pytest.mark.parametrize("behave", [
    switching(lambda key: accept_of("another key")), switching(lambda key: None), switching(accept_of, "chat"),
    lambda connection, request: bool(connection.send(answer(b"no WebSocket"))) or True])
def test_an_endpoint_that_does_not_switch_to_it_is_a_bad_gateway(tmp_path, behave):
    """A 200 would open the WebSocket for the client."""
    with Peer(behave) as peer, mesh(tmp_path, peer) as gw, Http2(gw.port) as client:
        client.until(lambda: ENABLE_CONNECT_PROTOCOL in client.h2.remote_settings)
        stream = client.open(connect_head(), end=False)
        assert client.wait(stream).status == 502
        assert gw.wait_line(path="/ws")["response_flags"] == "UPE"


def test_a_server_that_declines_is_passed_on(tmp_path):
    with Peer(lambda connection, request: bool(connection.send(answer(b"no", "426 Upgrade Required"))) or True) as peer, \
            mesh(tmp_path, peer) as gw, Http2(gw.port) as client:
        for _ in range(2):
            stream = client.open(connect_head(), end=False)
            client.wait(stream)
            assert (stream.status, stream.body) == (426, b"no")


def test_a_half_that_the_client_closes_leaves_the_other_open(tmp_path):
    def answer_after_the_end(connection):
        got = connection.buffer
        while data := connection.sock.recv(65536):
            got += data
        connection.send(b"all of " + got)

    with Peer(raw(answer_after_the_end)) as peer, mesh(tmp_path, peer) as gw, Http2(gw.port) as client:
        stream = opened(client)
        client.send(stream, b"it", end=True)
        client.until(lambda: stream.ended)
        assert stream.body == b"all of it" and stream.reset is None
        # END_STREAM with the request itself
        stream = client.open(connect_head(), end=True)
        client.until(lambda: stream.ended)
        assert (stream.status, stream.body) == (200, b"all of ")
        assert gw.wait_line(path="/ws")["response_flags"] == "-"


def test_abrupt_ends_end_the_other_side(tmp_path):
    ended = threading.Event()

    def listen(connection):
        try:
            while connection.sock.recv(65536):
                pass
        except OSError:
            pass
        ended.set()

    with Peer(raw(listen)) as peer, mesh(tmp_path, peer) as gw, Http2(gw.port) as client:
        client.reset(opened(client))
        assert ended.wait(PATIENCE)
        assert gw.wait_line(path="/ws")["response_flags"] == "DC"
        ended.clear()
        other = Http2(gw.port)
        opened(other, "/gone")
        other.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        other.close()
        assert ended.wait(PATIENCE)
        assert gw.wait_line(path="/gone")["response_flags"] == "DC"
        assert client.call().status == 200
    with Peer(raw(lambda connection: connection.reset())) as peer, mesh(tmp_path, peer) as gw, Http2(gw.port) as client:
        stream = opened(client)
        assert client.wait(stream).reset == CANCEL  # RFC 8441 section 5
        assert gw.wait_line(path="/ws")["response_flags"] == "UC"


def test_a_server_that_ends_first_ends_the_stream(tmp_path):
    with Peer(raw(lambda connection: connection.send(b"bye"))) as peer, mesh(tmp_path, peer) as gw, Http2(gw.port) as client:
        stream = opened(client)
        client.until(lambda: stream.ended and stream.reset is not None)
        assert (stream.body, stream.reset) == (b"bye", NO_ERROR)
        assert gw.wait_line(path="/ws")["response_flags"] == "-"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.mark.parametrize("tls", [False, True])
def test_megabytes_each_way_on_two_streams(tmp_path, authority, tls):
    pair = authority.issue("svc", "svc.test", HOST)
    with Peer(websocket) as peer:
        resources = [routes({"route": [to("svc.test")]}), service("svc.test", peer)]
        started = encrypted(tmp_path, authority, pair, *resources) if tls else gateway(tmp_path, *resources)
        with started as gw:
            context = trusting(authority) if tls else None
            if tls:
                context.set_alpn_protocols(["h2"])
            with Http2(gw.port, context=context, server_name=HOST) as client:
                streams = [opened(client), opened(client)]
                messages = [os.urandom(MIB) for _ in range(3)]
                for message in messages:
                    for stream in streams:
                        client.send(stream, frame(message, mask=b"wxyz"))
                for stream in streams:
                    for message in messages:
                        assert read_frame(Reader(client, stream)) == (2, message)


def steady_rss(gw):
    last, steady = -1, 0
    while steady < 5:
        now = gw.rss_kib()
        steady = steady + 1 if now == last else 0
        last = now
        threading.Event().wait(0.1)
    return last


def test_a_client_that_keeps_its_window_closed_holds_the_server_back(tmp_path):
    total, done = 24 * MIB, threading.Event()
    block = os.urandom(MIB)

    def pour(connection):
        for _ in range(total // MIB):
            connection.send(block)
        done.set()

    with Peer(raw(pour)) as peer, mesh(tmp_path, peer) as gw, Http2(gw.port, takes=False) as client:
        before = gw.rss_kib()
        stream = opened(client)
        client.until(lambda: len(stream.body) == 65535)
        assert SANITIZE or steady_rss(gw) - before < 4096
        assert not done.is_set()
        assert client.call("HEAD", "/else").status == 200  # another stream of the connection
        client.takes = True
        client.h2.increment_flow_control_window(1 << 30)
        client.h2.increment_flow_control_window(1 << 30, stream.number)
        client.flush()
        digest = hashlib.sha256()
        while not stream.ended:
            client.until(lambda: stream.body or stream.over)
            assert stream.reset in (None, NO_ERROR)
            digest.update(stream.body)
            stream.body = b""
        assert digest.digest() == hashlib.sha256(block * (total // MIB)).digest()


def test_a_server_that_does_not_read_closes_the_window_of_its_stream(tmp_path):
    release = threading.Event()
    with Peer(raw(lambda connection: release.wait(PATIENCE))) as peer, mesh(tmp_path, peer) as gw, Http2(gw.port) as client:
        stream = opened(client)
        before, sent = gw.rss_kib(), 0
        client.sock.settimeout(1)
        with pytest.raises(TimeoutError):
            while sent < 64 * MIB:
                room = min(client.h2.local_flow_control_window(stream.number), client.h2.max_outbound_frame_size)
                if room <= 0:
                    client.read()
                    continue
                client.send(stream, b"z" * room)
                sent += room
        client.sock.settimeout(PATIENCE)
        assert SANITIZE or gw.rss_kib() - before < 4096
        assert client.call("HEAD", "/else").status == 200
        release.set()


class Sluggish:
    """An endpoint of WebSockets that reads nothing before `gate` opens, and then all there is."""

    def __init__(self):
        self.gate, self.got = threading.Event(), {}

    def __call__(self, connection, request):
        if request.header("upgrade") != "websocket":
            return echo(connection, request)
        agree(connection, request)
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
        self.gate.wait(PATIENCE)
        digest = hashlib.sha256(connection.buffer)
        while data := connection.sock.recv(MIB):
            digest.update(data)
        self.got[request.target] = digest.digest()
        return False


def push(client, streams, left):
    """Sends what the windows allow. Returns the number of bytes."""
    sent = 0
    for stream in streams:
        data = left[stream.number]
        while data and (room := min(client.h2.local_flow_control_window(stream.number), client.h2.max_outbound_frame_size)) > 0:
            client.h2.send_data(stream.number, data[:room], end_stream=len(data) <= room)
            sent += len(data[:room])
            data = left[stream.number] = data[room:]
    client.flush()
    return sent


def until_it_stands(client, streams, left):
    """Sends until the server has taken nothing for a second."""
    client.sock.settimeout(1)
    with pytest.raises(TimeoutError):
        while any(left.values()):
            push(client, streams, left)
            client.read()
            assert not any(stream.over for stream in streams), "a stream was reset"
    client.sock.settimeout(PATIENCE)


def test_open_websockets_are_slowed_down_where_the_budget_is_used_up(tmp_path):
    """24 WebSockets of two MB each, while the budget holds what three of them would take."""
    n, size, endpoint = 24, 2 * MIB, Sluggish()
    with Peer(endpoint) as peer, mesh(tmp_path, peer, "--max-upload-bytes", "3M", "--threads", "1") as gw, Http2(gw.port) as client:
        data = os.urandom(size)
        streams = [opened(client, f"/{i}") for i in range(n)]
        before, left = gw.rss_kib(), {stream.number: memoryview(data) for stream in streams}
        until_it_stands(client, streams, left)
        grown = gw.rss_kib() - before
        assert SANITIZE or grown < 8192, f"{grown} KiB"
        assert client.call("HEAD", "/else").status == 200
        endpoint.gate.set()
        while any(left.values()):
            if push(client, streams, left) == 0:
                client.read()
            assert not any(stream.reset for stream in streams)
        wait_until(lambda: len(endpoint.got) == n, "all has come")
        assert set(endpoint.got.values()) == {hashlib.sha256(data).digest()}


def test_more_than_a_body_may_have_goes_through(tmp_path):
    got = []

    def count(connection):
        n = len(connection.buffer)
        while data := connection.sock.recv(MIB):
            n += len(data)
        got.append(n)

    with Peer(raw(count)) as peer, mesh(tmp_path, peer, "--max-body-bytes", "100000", "--request-timeout", "1",
                                        "--stall-timeout", "1") as gw, Http2(gw.port) as client:
        stream = opened(client)
        client.send(stream, b"y" * 300000)
        threading.Event().wait(2.5)  # nothing of these limits is about a WebSocket
        client.send(stream, b"y" * 300000, end=True)
        wait_until(lambda: got == [600000], "all has come")


def test_a_client_that_keeps_its_window_closed_for_too_long_loses_the_stream(tmp_path):
    with Peer(raw(lambda connection: connection.send(b"z" * MIB))) as peer, \
            mesh(tmp_path, peer, "--stall-timeout", "1") as gw, Http2(gw.port, takes=False) as client:
        stream = opened(client)
        assert client.wait(stream).reset == CANCEL
        assert gw.wait_line(path="/ws")["response_flags"] == "DC"
        assert client.call("HEAD", "/else").status == 200


def test_limits_of_tunnels_hold(tmp_path):
    with Peer(websocket) as peer, mesh(tmp_path, peer, "--max-tunnels", "2", "--threads", "1") as gw, Http2(gw.port) as client:
        first, _ = opened(client, "/1"), opened(client, "/2")
        third = client.wait(client.open(connect_head("/3"), end=False))
        assert third.status == 503 and third.header("retry-after") == "1"
        assert gw.wait_line(path="/3")["response_flags"] == "UO"
        client.reset(first)
        gw.wait_line(path="/1")
        opened(client, "/4")


def test_a_tunnel_without_traffic_is_ended(tmp_path):
    with Peer(websocket) as peer, mesh(tmp_path, peer, "--tunnel-idle-timeout", "0.4") as gw, Http2(gw.port) as client:
        stream = opened(client)
        assert client.wait(stream).reset == CANCEL
        assert gw.wait_line(path="/ws")["response_flags"] == "SI"
        assert client.call().status == 200


def test_drain_gives_tunnels_their_time_and_then_ends_them(tmp_path):
    with Peer(websocket) as peer, mesh(tmp_path, peer, "--drain-seconds", "2") as gw, Http2(gw.port) as client:
        busy, _ = opened(client), opened(client, "/stays")
        gw.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "draining" in gw.messages(), "the drain begins")
        client.send(busy, frame(b"in time", mask=b"abcd"))
        assert read_frame(Reader(client, busy)) == (2, b"in time")
        client.wait_closed()
        assert gw.process.wait(PATIENCE) == 0


def test_a_routes_timeout_and_retries_are_for_the_answer_only(tmp_path):
    tried = []

    def second(connection, request):
        if request.target == "/ws":
            tried.append(request.target)
        if len(tried) == 1:
            connection.reset()
            return False
        return websocket(connection, request)

    http = {"route": [to("svc.test")], "timeout": "0.7s", "retries": {"attempts": 2, "retryOn": "reset", "perTryTimeout": "0.5s"}}
    with Peer(second) as peer, mesh(tmp_path, peer, http=http) as gw, Http2(gw.port) as client:
        stream = opened(client)
        assert tried == ["/ws", "/ws"]
        threading.Event().wait(1.2)
        client.send(stream, frame(b"still here", mask=b"abcd"))
        assert read_frame(Reader(client, stream)) == (2, b"still here")


def test_rules_may_match_on_upgrade_and_body_routing_leaves_it_alone(tmp_path):
    http = [{"match": [{"headers": {"upgrade": {"exact": "websocket"}}, "method": {"exact": "GET"}}], "route": [to("svc.test")]},
            {"directResponse": {"status": 418}}]
    with Peer(websocket) as peer, gateway(tmp_path, routes(*http), service("svc.test", peer),
                                          args=("--body-header", "x-model=$.model")) as gw, Http2(gw.port) as client:
        stream = opened(client)
        client.send(stream, frame(b'{"model": "a"}', mask=b"abcd"))
        assert read_frame(Reader(client, stream)) == (2, b'{"model": "a"}')
        assert client.call().status == 418
