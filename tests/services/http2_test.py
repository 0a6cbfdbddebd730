"""HTTP/2 at the servers, over raw connections: messages, limits, hostile clients, time-outs and drain."""
import signal
import socket
import ssl
import threading
import time

import grpc
import h2.settings
import pictures
import pytest
from certificates import Authority
from conftest import PATIENCE, SANITIZE, wait_until
from harness import Client, Server, free_port
from hostile import charged, metric
from http2_wire import (CANCEL, ENHANCE_YOUR_CALM, NO_ERROR, PREFACE, PROTOCOL_ERROR, REFUSED_STREAM, Http2, goaways,
                        head, headers_frame, to_the_end)
from hyperframe.frame import (ContinuationFrame, DataFrame, PingFrame, PriorityFrame, RstStreamFrame, SettingsFrame,
                              WindowUpdateFrame)
from mesh import GATEWAY, gateway, routes, rule, service, to, write
from peers import Peer, answer, echo

WINDOW = h2.settings.SettingCodes.INITIAL_WINDOW_SIZE
PHOTO = pictures.encode(pictures.disc())


@pytest.fixture(scope="module")
def predict():
    with Server("headerroute-predict", "--threads", 2, "--iterations", 1, "--max-head-bytes", "16K",
                "--max-body-bytes", "1M") as server:
        yield server


@pytest.fixture(scope="module")
def echoing(tmp_path_factory):
    with Peer(echo) as peer:
        limits = ("--max-body-bytes", 32 << 20, "--max-upload-bytes", 48 << 20)
        with gateway(tmp_path_factory.mktemp("gw"), service("x.test", peer), routes({"route": [to("x.test")]}), args=limits) as gw:
            gw.peer = peer
            yield gw


def test_a_body_that_is_too_large_before_its_turn_goes_nowhere(tmp_path):
    """The third stream waits for a place, and its content with it: that is refused before an endpoint is tried."""
    gate, seen = threading.Event(), []

    def behave(connection, request):
        if request.target != "/":
            seen.append(request.target)
            gate.wait(PATIENCE)
        return echo(connection, request)

    limits = ("--max-connections", 2, "--threads", 1, "--max-body-bytes", 50)
    with Peer(behave, read_body=False) as peer, \
            gateway(tmp_path, service("x.test", peer), routes({"route": [to("x.test")]}), args=limits) as gw, connect(gw) as client:
        served = [client.open(head("GET", f"/{i}")) for i in (1, 2)]
        wait_until(lambda: len(seen) == 2, "two streams are served")
        third = client.open(head("POST", "/3"), end=False)
        client.send(third, b"b" * 100)
        gate.set()
        client.until(lambda: all(stream.over for stream in (*served, third)))
        assert [stream.status for stream in (*served, third)] == [200, 200, 413]
        assert sorted(seen) == ["/1", "/2"]


class EncryptedServer(Server):
    def __init__(self, *args, context, **kwargs):
        self.context = context
        super().__init__(*args, **kwargs)

    def client(self, **kwargs):
        self.context.set_alpn_protocols(["http/1.1"])
        client = Client(self.port, self.host, **kwargs)
        client.sock = self.context.wrap_socket(client.sock, server_hostname="gw.test")
        return client


def connect(server, **kwargs):
    return Http2(server.port, server.host, **kwargs)


# ---- TLS


def test_alpn_chooses_http2(tmp_path):
    authority = Authority(tmp_path)
    cert, key = authority.issue("a", "gw.test")
    context = ssl.create_default_context(cafile=str(authority.path))
    https = {**GATEWAY, "spec": {**GATEWAY["spec"], "servers": [
        {"port": {"number": 443, "name": "https", "protocol": "HTTPS"}, "hosts": ["*"],
         "tls": {"mode": "SIMPLE", "credentialName": "cert"}}]}}
    with Peer(echo) as peer:
        path = write(tmp_path / "mesh.yaml", https, service("x.test", peer), routes({"route": [to("x.test")]}))
        args = ("-f", path, "--tls-cert", cert, "--tls-key", key)
        with EncryptedServer("headerroute-gateway", *args, context=context, ready_path="/") as gw:
            for offered, chosen in ((["h2"], "h2"), (["http/1.1", "h2"], "h2"), (["http/1.1"], "http/1.1")):
                context.set_alpn_protocols(offered)
                if chosen == "http/1.1":
                    assert gw.call(target="/one").status == 200
                    continue
                with connect(gw, context=context, server_name="gw.test") as client:
                    assert client.sock.selected_alpn_protocol() == chosen
                    for size in (0, 5, 1_000_000):
                        got = client.call("POST", "/", body=b"x" * size, scheme="https")
                        assert got.status == 200 and got.body == b"x" * size
            context.set_alpn_protocols(["spdy/3"])
            with pytest.raises((ssl.SSLError, OSError)):
                connect(gw, context=context, server_name="gw.test")


# ---- messages


def test_every_server_answers_over_http2(predict):
    with Server("headerroute-proxy", "--predict-server-url", f"http://127.0.0.1:{predict.port}") as proxy:
        for server in (predict, proxy):
            with connect(server) as client:
                assert client.call(path="/ready").body == b'{"ready":"ok"}'
                got = client.call("POST", "/predict?job_id=a", ("content-type", "image/png"), ("accept", "image/png"), body=PHOTO)
                assert got.status == 200 and got.body.startswith(b"\x89PNG"), got.body
                assert got.header("content-length") == str(len(got.body)) and got.header("date")
                assert not {"connection", "transfer-encoding", "keep-alive"} & {n for n, _ in got.headers}
            assert server.wait_line(path="/predict?job_id=a")["protocol"] == "HTTP/2"


def test_the_header_chooses_the_model(tmp_path):
    def named(name):
        return lambda connection, request: connection.send(answer(name)) or True

    with Peer(named(b"one")) as one, Peer(named(b"two")) as two:
        mesh = (service("x.test", (one, {"version": "1"}), (two, {"version": "2"})),
                rule("x.test", subsets=[{"name": "s1", "labels": {"version": "1"}}, {"name": "s2", "labels": {"version": "2"}}]),
                routes({"match": [{"headers": {"target": {"exact": "condition1"}}}], "route": [to("x.test", "s1")]},
                       {"route": [to("x.test", "s2")]}))
        with gateway(tmp_path, *mesh) as gw, connect(gw) as client:
            streams = [client.open(head("GET", "/", ("target", f"condition{i % 2 + 1}"))) for i in range(20)]
            bodies = [client.wait(s).body for s in streams]
            assert bodies == [b"one", b"two"] * 10


def test_a_request_reaches_the_endpoint_as_http1(echoing):
    with connect(echoing) as client:
        got = client.call("POST", "/as-http1?q", ("cookie", "a=1"), ("cookie", "b=2"), ("te", "trailers"), ("x", "1"),
                          body=b"hello", authority="x.test")
        assert (got.status, got.body) == (200, b"hello")
    request = next(r for r in echoing.peer.requests if r.target == "/as-http1?q")
    assert (request.version, request.all("host")) == ("HTTP/1.1", ["x.test"])
    assert request.all("cookie") == ["a=1; b=2"] and request.header("x") == "1"
    line = echoing.wait_line(path="/as-http1?q")
    assert (line["protocol"], line["bytes_received"], line["bytes_sent"]) == ("HTTP/2", 5, 5)


@pytest.mark.parametrize("size", [1, 16384, 100_000, 9_000_000])
def test_bodies_of_any_size_pass_both_ways(echoing, size):
    body = bytes(i * 7 % 251 for i in range(997)) * (size // 997 + 1)
    body = body[:size]
    with connect(echoing) as client:
        got = client.call("POST", "/echo", body=body)
        assert got.status == 200 and got.body == body
        got = client.call("POST", "/echo", ("content-length", str(size)), body=body)
        assert got.status == 200 and got.body == body


def test_streams_share_a_connection(echoing):
    with connect(echoing) as client:
        streams = [client.open(head("POST", f"/shared/{i}"), end=False) for i in range(100)]
        for i, stream in enumerate(streams):
            client.send(stream, b"%d" % i * 100, end=True)
        for i, stream in enumerate(streams):
            assert client.wait(stream).body == b"%d" % i * 100
        client.h2.remote_settings.max_concurrent_streams = 1000  # more than the server allows
        client.h2.remote_settings.acknowledge()
        beyond = [client.open(head("POST", "/many"), end=False) for _ in range(101)]
        client.until(lambda: client.goaways)
        assert client.goaways == [PROTOCOL_ERROR] and not any(s.over for s in beyond)
        client.wait_closed()


TRAILERS = [("x-checksum", "abc"), ("grpc-status", "0")]


def test_trailers_and_informational_answers_pass(tmp_path):
    def behave(connection, request):
        if request.target == "/":
            return echo(connection, request)
        section = b"".join(b"%s: %s\r\n" % (n.encode(), v.encode()) for n, v in [*TRAILERS, ("host", "other")])
        connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n" + section + b"\r\n")
        return True

    with Peer(behave) as peer, gateway(tmp_path, service("x.test", peer), routes({"route": [to("x.test")]})) as gw:
        with connect(gw) as client:
            for length in ((), (("content-length", "3"),)):
                stream = client.open(head("POST", "/trailers", *length), end=False)
                client.send(stream, b"abc")
                client.h2.send_headers(stream.number, [*TRAILERS, ("authorization", "secret")], end_stream=True)
                client.flush()
                client.wait(stream)
                assert (stream.status, stream.body, stream.trailers) == (200, b"hello", TRAILERS)
                assert [dict(fields)[":status"] for fields in stream.informed] == ["103"]
                assert dict(stream.informed[0])["link"] == "</a>"
        unknown, known = [r for r in peer.requests if r.target == "/trailers"]
        assert unknown.body == known.body == b"abc" and unknown.trailers == TRAILERS


@pytest.mark.parametrize("peers,route,code", [(0, True, grpc.StatusCode.UNAVAILABLE), (1, False, grpc.StatusCode.UNIMPLEMENTED)])
def test_a_grpc_client_reads_the_gateways_own_answers(tmp_path, peers, route, code):
    with Peer(echo) as peer:
        mesh = (service("x.test", *[peer][:peers]), routes({"match": [] if route else [{"uri": {"exact": "/"}}], "route": [to("x.test")]}))
        with gateway(tmp_path, *mesh) as gw, grpc.insecure_channel(f"127.0.0.1:{gw.port}") as channel:
            with pytest.raises(grpc.RpcError) as failed:
                channel.unary_unary("/package.Service/Call")(b"request", timeout=PATIENCE)
            assert failed.value.code() == code


def test_a_thousand_idle_connections_hold_little_memory():
    clients = []
    try:
        with Server("headerroute-predict", "--max-connections", 2000) as server:
            before = resident(server)
            for _ in range(1000):
                client = connect(server)
                clients.append(client)
                assert client.call(path="/health").status == 200
            grown = resident(server) - before
            print(f"1,000 idle HTTP/2 connections: {grown} KiB more, {resident(server)} KiB in all")
            assert SANITIZE or resident(server) < 24 << 10
    finally:
        for client in clients:
            client.close()


def test_head_and_answers_without_content(predict):
    with connect(predict) as client:
        got = client.call("HEAD", "/health")
        assert (got.status, got.body, got.header("content-length")) == (200, b"", "15")
        assert client.call("OPTIONS", "*").status in (404, 405)
        assert client.call("DELETE", "/health").status == 405


def test_a_client_that_expects_100_gets_it_before_its_body(echoing):
    with connect(echoing) as client:
        stream = client.open(head("POST", "/expects", ("expect", "100-continue"), ("content-length", "5")), end=False)
        client.until(lambda: stream.informed)
        client.send(stream, b"hello", end=True)
        assert client.wait(stream).body == b"hello"


def test_http1_is_served_on_the_same_port(predict):
    with Client(predict.port) as client:
        for _ in range(2):
            client.request(target="/health")
            assert client.answer().status == 200
        client.send(PREFACE)  # not at the beginning of a connection
        assert client.answer().status == 400


def test_a_preface_may_come_byte_by_byte(predict):
    with connect(predict) as client:
        assert client.call(path="/health").status == 200
    with socket.create_connection((predict.host, predict.port)) as sock:
        for byte in PREFACE + SettingsFrame(0).serialize() + headers_frame(1, head("GET", "/health")).serialize():
            sock.sendall(bytes([byte]))
        data = b""
        while b'{"health":"ok"}' not in data:
            more = sock.recv(65536)
            assert more
            data += more


# ---- refusals


@pytest.mark.parametrize("headers,status", [
    (head("CONNECT", "/"), None), (head("GET", "/", ("host", "other")), 400), (head("GET", "/", authority="u@a"), 400),
    (head("GET", "/", scheme="ftp"), 400), (head("GET", "/\N{LATIN SMALL LETTER E WITH ACUTE}"), 400),
    (head("GET", "/", ("x y", "1")), 400), (head("GET", "/", ("x", "a\nb")), 400),
    (head("GET", "/", ("expect", "miracle")), 417), (head("GET", "/", *[("x", "1")] * 101), 431),
    (head("GET", "/", ("x", "1" * 16000), ("y", "1" * 16000)), 431),
    (head("POST", "/predict", ("content-length", "1048577")), 413)])
def test_requests_that_are_refused(predict, headers, status):
    with connect(predict) as client:
        got = client.wait(client.open(headers, end=status != 413))
        assert got.status == status
        if status is None:
            assert got.reset == PROTOCOL_ERROR
        else:
            assert got.body.startswith(b'{"status":"ng"')
        assert client.call(path="/health").status == 200  # on the same connection


@pytest.mark.parametrize("more", [("connection", "close"), ("transfer-encoding", "chunked"), ("te", "gzip"), ("X-A", "1"), (":x", "1")])
def test_malformed_heads_reset_their_stream(predict, more):
    with connect(predict) as client:
        assert client.wait(client.open(head("GET", "/", more))).reset == PROTOCOL_ERROR
        assert client.call(path="/health").status == 200


def test_a_body_that_grows_too_large_is_413_and_stops(predict):
    with connect(predict) as client:
        stream = client.open(head("POST", "/predict", ("content-type", "image/png")), end=False)
        client.send(stream, b"x" * (2 << 20), end=True)
        client.wait(stream)
        assert stream.status == 413
        assert client.call(path="/health").status == 200


def test_bodies_of_a_connection_share_the_upload_budget():
    with Server("headerroute-predict", "--max-upload-bytes", "2M", "--max-body-bytes", "1M") as server, connect(server) as client:
        streams = [client.open(head("POST", "/predict", ("content-length", str(1 << 20))), end=False) for _ in range(4)]
        for stream in streams:
            client.send(stream, b"x" * ((1 << 20) - 1))
        refused = lambda: [s for s in streams if s.status == 503 or s.reset == REFUSED_STREAM]
        client.until(lambda: len(refused()) >= 2)
        for stream in streams:
            if not stream.over:
                client.reset(stream)
        assert client.call(path="/health").status == 200
        wait_until(lambda: server.metric("headerroute_upload_memory_bytes") == 0, "the budget is free again")


def test_streams_beyond_the_limit_of_connections_wait_for_their_turn(tmp_path):
    lock, running, most = threading.Lock(), 0, 0

    def behave(connection, request):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)  # so that others come meanwhile
        with lock:
            running -= 1
        connection.send(answer(request.target.encode()))
        return True

    limits = ("--max-connections", 8, "--threads", 1)
    with Peer(behave) as peer, gateway(tmp_path, service("x.test", peer), routes({"route": [to("x.test")]}), args=limits) as gw:
        clients = [connect(gw) for _ in range(3)]
        streams = [(client, client.open(head("GET", f"/turn/{i}"))) for i in range(60) for client in clients]
        streams += [(client, client.open(head("POST", "/turn/post"), end=False)) for client in clients]
        for client, stream in streams[-3:]:
            client.send(stream, b"x" * 100_000, end=True)
        for client, stream in streams:
            assert client.wait(stream).status == 200
        assert most <= 8
        for client in clients:
            client.close()
        wait_until(lambda: gw.call(target="/").status == 200, "a connection is accepted again")


# ---- hostile clients


def resident(server):
    return 0 if SANITIZE else server.rss_kib()


def flood(server, frames, count, before=()):
    """Sends them, then reads to the end of the connection, which must come. Returns the codes of GOAWAY."""
    with socket.create_connection((server.host, server.port)) as sock:
        sock.settimeout(PATIENCE)
        try:
            sock.sendall(PREFACE + b"".join(f.serialize() for f in (SettingsFrame(0), *before)))
            for i in range(count):
                sock.sendall(b"".join(f if isinstance(f, bytes) else f.serialize() for f in frames(i)))
        except OSError:
            pass
        return goaways(to_the_end(sock))


def rapid_reset(i):
    return headers_frame(2 * i + 1, head("GET", "/health")), RstStreamFrame(2 * i + 1, error_code=CANCEL)


def reset_without_error(i):
    return headers_frame(2 * i + 1, head("GET", "/health")), RstStreamFrame(2 * i + 1, error_code=NO_ERROR)


FLOODS = {
    "rapid reset (CVE-2023-44487)": rapid_reset,
    "rapid reset without an error": reset_without_error,
    "provoked resets (CVE-2025-8671)": lambda i: (
        headers_frame(2 * i + 1, head("POST", "/", ("content-length", "1")), "END_HEADERS"),
        DataFrame(2 * i + 1, data=b"xyz", flags=["END_STREAM"])),
    "streams beyond the limit that SETTINGS not yet acknowledged have": lambda i: (
        headers_frame(2 * i + 1, head("POST", "/predict"), "END_HEADERS"),),
    "PING": lambda i: (PingFrame(0, b"12345678"),) * 20,
    "SETTINGS": lambda i: (SettingsFrame(0),) * 20,
    "PRIORITY": lambda i: (PriorityFrame(2 * i + 1, depends_on=0, stream_weight=1),) * 20,
    "WINDOW_UPDATE": lambda i: (WindowUpdateFrame(0, window_increment=1),) * 20,
    "unknown frames": lambda i: (b"\0\0\0\xee\0\0\0\0\0",) * 20,
}


@pytest.mark.parametrize("kind", FLOODS)
def test_floods_end_the_connection_and_leave_nothing_behind(predict, kind):
    before = resident(predict)
    assert flood(predict, FLOODS[kind], 1000) == [ENHANCE_YOUR_CALM]
    wait_until(lambda: predict.metric("headerroute_http_requests_active") == 1, "no request of it is left")
    assert resident(predict) - before < 8192
    with connect(predict) as client:
        assert client.call(path="/health").status == 200


def test_a_flood_of_continuations_ends_the_connection(predict):
    first = headers_frame(1, head(), "END_STREAM")
    assert flood(predict, lambda i: (ContinuationFrame(1),), 100, before=(first,))


def test_empty_data_frames_end_the_connection(predict):
    first = headers_frame(1, head("POST", "/predict"), "END_HEADERS")
    assert flood(predict, lambda i: (DataFrame(1),) * 20, 1000, before=(first,)) == [ENHANCE_YOUR_CALM]


def test_pings_of_a_client_that_does_not_read_are_not_answered_for_ever(predict):
    before = resident(predict)
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(PATIENCE)
        sock.connect((predict.host, predict.port))
        pings = PingFrame(0, b"12345678").serialize() * 100
        try:
            sock.sendall(PREFACE + SettingsFrame(0).serialize())
            for _ in range(10_000):
                sock.sendall(pings)
        except OSError:
            pass
        assert resident(predict) - before < 8192
        assert to_the_end(sock).count(b"12345678") < 10_000


def unfolding(times):
    """An HPACK bomb: 4 KB in the dynamic table, named by one byte each time."""
    frame = headers_frame(1, head())
    frame.data += b"\x40\x01x" + b"\x7f\xbd\x1d" + b"y" * 3900 + bytes([0x80 | 62]) * times
    return PREFACE + SettingsFrame(0).serialize() + frame.serialize()


def test_a_head_that_unfolds_is_431(predict):
    before = resident(predict)
    with socket.create_connection((predict.host, predict.port)) as sock:
        sock.sendall(unfolding(10))
        data = b""
        while b"the head is too large" not in data:
            more = sock.recv(65536)
            assert more
            data += more
    assert resident(predict) - before < 4096


def test_a_head_that_unfolds_further_ends_the_connection(predict):
    with socket.create_connection((predict.host, predict.port)) as sock:
        sock.settimeout(PATIENCE)
        sock.sendall(unfolding(12_000))
        assert goaways(to_the_end(sock)) == [ENHANCE_YOUR_CALM]


# ---- clients that do not read, or do not write


def test_a_window_that_stays_closed_ends_the_stream_only(tmp_path):
    large = b"x" * 3_000_000

    def behave(connection, request):
        connection.send(answer(large if request.target == "/large" else b"small"))
        return True

    with Peer(behave) as peer:
        mesh = (service("x.test", peer), routes({"route": [to("x.test")]}))
        with gateway(tmp_path, *mesh, args=("--stall-timeout", 1)) as gw, connect(gw, takes=False) as client:
            stalled = client.open(head("GET", "/large"))
            client.until(lambda: len(stalled.body) > 60_000)
            # The connection's window is closed as well: only what has no content passes.
            client.h2.increment_flow_control_window(1 << 20)
            client.flush()
            assert client.call(path="/small").body == b"small"
            client.h2.ping(b"12345678")
            client.wait(stalled)
            assert stalled.reset == CANCEL and len(stalled.body) < len(large)
            assert gw.wait_line(path="/large")["response_flags"] == "DC"
            assert client.call(path="/small").body == b"small"


def test_a_client_that_reads_nothing_holds_little_memory(tmp_path):
    large = b"x" * 3_000_000

    def behave(connection, request):
        connection.send(answer(large))
        return True

    with Peer(behave) as peer, gateway(tmp_path, service("x.test", peer), routes({"route": [to("x.test")]})) as gw:
        assert gw.call(target="/").status == 200
        before = resident(gw)
        clients = [connect(gw, takes=False, settings={WINDOW: 0}) for _ in range(10)]
        streams = [[client.open(head()) for _ in range(10)] for client in clients]
        for client, mine in zip(clients, streams):
            client.until(lambda: all(s.status == 200 for s in mine))
        # A window and a block of the relay each.
        assert resident(gw) - before < 100 * 256
        for client in clients:
            client.close()
        wait_until(lambda: len(gw.lines(response_flags="DC")) == 100, "all of them have ended")


def test_a_request_that_does_not_come_is_ended_in_time(predict):
    with Server("headerroute-predict", "--request-timeout", 1) as server, connect(server) as client:
        slow = client.open(head("POST", "/predict", ("content-length", "10")), end=False)
        client.wait(slow)
        assert slow.reset == CANCEL
        assert client.call(path="/health").status == 200
        client.raw(headers_frame(99, head(), "END_STREAM"))  # the head never ends
        client.wait_closed()


def test_an_idle_connection_is_told_to_go():
    with Server("headerroute-predict", "--idle-timeout", 1) as server, connect(server) as client:
        assert client.call(path="/health").status == 200
        client.wait_closed()
        assert client.goaways == [NO_ERROR]


def test_a_delayed_request_is_mirrored_once(tmp_path):
    with Peer() as peer, Peer() as copy:
        rules = routes({"fault": {"delay": {"fixedDelay": "0.1s", "percentage": {"value": 100}}},
                        "route": [to("x.test")], "mirrors": [to("copy.test")]})
        with gateway(tmp_path, service("x.test", peer), service("copy.test", copy), rules) as gw, connect(gw) as client:
            for target in ("/first", "/second"):
                stream = client.open(head("POST", target), end=False)
                client.send(stream, b"hello", end=True)
                assert client.wait(stream).status == 200
                wait_until(lambda: any(r.target == target for r in copy.requests), "it is mirrored")
            assert [sum(r.target == target for r in copy.requests) for target in ("/first", "/second")] == [1, 1]


def test_a_client_that_resets_its_stream_ends_the_request(tmp_path):
    gone = threading.Event()

    def behave(connection, request):
        if request.target != "/waits":
            connection.send(answer(b"fine"))
            return True
        try:
            connection.sock.recv(1)  # the gateway closes
        except OSError:
            pass
        gone.set()
        return False

    with Peer(behave) as peer, gateway(tmp_path, service("x.test", peer), routes({"route": [to("x.test")]})) as gw:
        with connect(gw) as client:
            stream = client.open(head("GET", "/waits"))
            wait_until(lambda: any(r.target == "/waits" for r in peer.requests), "the endpoint has the request")
            client.reset(stream)
            assert gone.wait(40)
            line = gw.wait_line(path="/waits")
            assert (line["response_code"], line["response_flags"]) == (0, "DC")
            assert client.call(path="/fine").body == b"fine"


@pytest.mark.parametrize("program", ["gateway", "proxy", "predict"])
@pytest.mark.parametrize("code", [NO_ERROR, CANCEL])
def test_a_reset_ends_the_request_whatever_its_code(tmp_path, program, code):
    """Before its content, within it, without an answer so far, and within the answer."""
    def behave(connection, request):
        if request.target == "/large":
            connection.send(answer(b"x" * 5_000_000))
        elif request.target != "/waits":
            connection.send(answer(b""))
        return request.target != "/waits" or connection.sock.recv(1)

    with Peer(behave) as peer:
        if program == "gateway":
            path = write(tmp_path / "mesh.yaml", GATEWAY, service("x.test", peer), routes({"route": [to("x.test")]}))
            status = free_port()
            server = Server("headerroute-gateway", "-f", path, "--status", f"127.0.0.1:{status}", ready_path="/")
        elif program == "proxy":
            server = Server("headerroute-proxy", "--predict-server-url", f"http://127.0.0.1:{peer.port}")
        else:
            server = Server("headerroute-predict", "--threads", 1)
        with server, connect(server, settings={WINDOW: 1000}, takes=False) as client:
            long = ("content-length", "1000000")
            for path in ("/predict", "/v2/models/grabcut/infer"):
                client.reset(client.open(head("POST", path, ("content-length", "10"), ("content-type", "image/png")), end=False), code)
                client.reset(client.open(head("POST", path, ("content-type", "image/png")), end=False), code)
                stream = client.open(head("POST", path, long, ("content-type", "image/png")), end=False)
                client.send(stream, b"x" * 10_000)
                client.reset(stream, code)
            waits = client.open(head("GET", "/waits"))
            large = client.open(head("GET", "/docs" if program == "predict" else "/large"))
            if program == "gateway":
                client.until(lambda: large.body)
            client.reset(waits, code)
            client.reset(large, code)
            port = status if program == "gateway" else server.port
            assert client.call(path="/").status == 200  # the server has read all before it
            wait_until(lambda: metric(port, "headerroute_http_requests_active") <= 1, "only the question itself is active")
            wait_until(lambda: charged(port) == 0, "no memory is held")


def test_a_connection_that_breaks_ends_its_requests(tmp_path):
    def behave(connection, request):
        if request.target == "/":
            connection.send(answer(b""))
            return True
        try:
            connection.sock.recv(1)
        except OSError:
            pass
        return False

    with Peer(behave) as peer, gateway(tmp_path, service("x.test", peer), routes({"route": [to("x.test")]})) as gw:
        client, ready = connect(gw), len(peer.requests)
        for i in range(10):
            client.open(head("GET", f"/broken/{i}"))
        wait_until(lambda: len(peer.requests) == ready + 10, "the endpoint has all requests")
        client.close()
        for i in range(10):
            assert gw.wait_line(path=f"/broken/{i}")["response_flags"] == "DC"


# ---- drain and reload


@pytest.mark.parametrize("program", ["headerroute-gateway", "headerroute-predict"])
def test_a_drain_finishes_what_runs(tmp_path, program):
    release = threading.Event()

    def behave(connection, request):
        if request.target == "/late":
            release.wait(40)
        connection.send(answer(b"late"))
        return True

    with Peer(behave) as peer:
        mesh = (service("x.test", peer), routes({"route": [to("x.test")]}))
        with gateway(tmp_path, *mesh) if program == "headerroute-gateway" else Server(program) as server:
            with connect(server) as client:
                if program == "headerroute-gateway":
                    running = client.open(head("GET", "/late"))
                    wait_until(lambda: any(r.target == "/late" for r in peer.requests), "the endpoint has the request")
                else:
                    running = client.open(head("POST", "/predict", ("content-type", "image/png")), end=False)
                    client.call(path="/health")
                server.process.send_signal(signal.SIGTERM)
                client.until(lambda: client.goaways)
                release.set()
                if program == "headerroute-predict":
                    client.send(running, PHOTO, end=True)
                # predict takes no more work from the signal on
                assert client.wait(running).status == (200 if program == "headerroute-gateway" else 503)
                client.wait_closed()
                assert client.goaways == [NO_ERROR, NO_ERROR]
            assert server.process.wait(40) == 0


def test_requests_during_reloads_are_all_answered(echoing):
    with connect(echoing) as client:
        for i in range(50):
            if i % 10 == 0:
                echoing.process.send_signal(signal.SIGHUP)
            streams = [client.open(head("GET", f"/reload/{i}/{j}")) for j in range(10)]
            assert all(client.wait(s).status == 200 for s in streams)


def test_an_idle_connection_is_drained(predict):
    with Server("headerroute-predict") as server:
        clients = [connect(server) for _ in range(20)]
        for client in clients:
            assert client.call(path="/health").status == 200
        server.process.send_signal(signal.SIGTERM)
        for client in clients:
            client.wait_closed()
            assert client.goaways == [NO_ERROR, NO_ERROR]
            client.close()
        assert server.process.wait(40) == 0
