"""HTTP/2 to endpoints, through the gateway: connections that are shared, and every way in which a peer can misbehave."""
import concurrent.futures
import socket
import threading
import time

import h2.errors
import h2.settings
import hpack
import mesh
import pytest
from certificates import Authority
from conftest import PATIENCE, SANITIZE
from http2_peer import Http2Peer, echo
from harness import Server, free_port
from hostile import charged, unfinished_head
from http2_wire import Http2, head
from peers import Peer, wait_until

Code = h2.errors.ErrorCodes
Setting = h2.settings.SettingCodes


def service(host, *peers, name="http2", protocol="HTTP2"):
    made = mesh.service(host, *peers)
    made["spec"]["ports"][0].update(name=name, protocol=protocol)
    for endpoint in made["spec"]["endpoints"]:
        endpoint["ports"] = {name: endpoint["ports"]["http"]}
    return made


def gateway_of(tmp_path, *peers, http=None, policy=None, route=None, args=(), name="http2", protocol="HTTP2"):
    """A gateway with one service of these peers, and the traffic policy."""
    resources = [mesh.GATEWAY, service("a.example", *peers, name=name, protocol=protocol),
                 mesh.routes({"match": [{"uri": {"exact": "/probe"}}], "directResponse": {"status": 200}},
                             {"route": [mesh.to("a.example")], **(route or {})})]
    policy = {**({"connectionPool": {"http": http}} if http else {}), **(policy or {})}
    if policy:
        resources.append(mesh.rule("a.example", trafficPolicy=policy))
    path = mesh.write(tmp_path / "mesh.yaml", *resources)
    return Server("headerroute-gateway", "-f", path, *args, ready_path="/probe")


NO_RETRIES = {"retries": {"attempts": 0}}


def test_a_request_of_http1_goes_over_http2_and_back(tmp_path):
    with Http2Peer() as peer, gateway_of(tmp_path, peer) as gw:
        got = gw.call("POST", "/p?q=1", [("X-Small", "1")], body=b"hello")
        assert (got.status, got.body, got.header("x-path")) == (200, b"hello", "/p?q=1")
        request = peer.requests[-1]
        assert request.header(":method") == "POST" and request.header(":authority") == "test"
        assert request.header(":scheme") == "http" and request.header("x-small") == "1"
        assert request.header("content-length") == "5" and request.header("connection") is None
        for status, body in ((204, b""), (304, b""), (404, b"no")):
            peer.behave = lambda c, r, status=status, body=body: c.answer(r, body, status)
            got = gw.call()
            assert (got.status, got.body) == (status, body)
        peer.behave = lambda c, r: c.head(r, 200, ("content-length", "77"), end=True)
        assert gw.call("HEAD").header("content-length") == "77"
        assert peer.connections <= 2, "one connection for each loop"


def test_requests_share_a_connection(tmp_path):
    gate = threading.Event()

    def behave(connection, request):
        gate.wait(PATIENCE)
        echo(connection, request)

    with Http2Peer() as peer, gateway_of(tmp_path, peer, args=["--threads", 1]) as gw, Http2(gw.port) as client:
        peer.behave = behave
        peer.requests.clear()
        streams = [client.open(head("GET", f"/{n}")) for n in range(50)]
        assert wait_until(lambda: len(peer.requests) == 50)
        gate.set()
        for n, stream in enumerate(streams):
            client.wait(stream)
            assert stream.status == 200 and stream.header("x-path") == f"/{n}"
        assert peer.connections == 1


def test_no_more_streams_than_the_peer_allows_at_a_time(tmp_path):
    gate = threading.Event()

    def behave(connection, request):
        gate.wait(PATIENCE)
        echo(connection, request)

    settings = {Setting.MAX_CONCURRENT_STREAMS: 4}
    with Http2Peer(settings=settings) as peer, gateway_of(tmp_path, peer, args=["--threads", 1]) as gw, Http2(gw.port) as client:
        client.call()  # from here on the gateway knows the peer's SETTINGS
        peer.requests.clear()
        peer.behave = behave
        streams = [client.open(head("GET", f"/{n}")) for n in range(20)]
        assert wait_until(lambda: len(peer.requests) == 20)
        used = [sum(r.connection is c for r in peer.requests) for c in peer.all]
        assert max(used) <= 4 and len(peer.all) >= 5
        gate.set()
        for stream in streams:
            assert client.wait(stream).status == 200


@pytest.mark.parametrize("limit, connections", [("maxConcurrentStreams", 5), ("maxRequestsPerConnection", 5)])
def test_limits_of_a_connection(tmp_path, limit, connections):
    gate = threading.Event()
    gate.set()

    def behave(connection, request):
        gate.wait(PATIENCE)
        echo(connection, request)

    with Http2Peer() as peer, gateway_of(tmp_path, peer, http={limit: 4, "h2UpgradePolicy": "UPGRADE"}, name="http", protocol="HTTP",
                                         args=["--threads", 1]) as gw, Http2(gw.port) as client:
        peer.behave = behave
        before, numbers = peer.connections, []
        if limit == "maxConcurrentStreams":
            gate.clear()
        else:
            before = 0
        streams = [client.open(head("GET", f"/{n}")) for n in range(20)]
        if limit == "maxConcurrentStreams":
            assert wait_until(lambda: len(peer.requests) >= 20)
            gate.set()
        for stream in streams:
            numbers.append(client.wait(stream).header("x-connection"))
        assert max(numbers.count(n) for n in numbers) <= 4
        assert connections <= len(set(numbers)) <= connections + 1


def test_http2_max_requests_overflows(tmp_path):
    gate = threading.Event()

    def behave(connection, request):
        gate.wait(PATIENCE)
        echo(connection, request)

    with Http2Peer() as peer, gateway_of(tmp_path, peer, http={"http2MaxRequests": 3}) as gw, Http2(gw.port) as client:
        peer.requests.clear()
        peer.behave = behave
        streams = [client.open(head("GET", f"/{n}")) for n in range(3)]
        assert wait_until(lambda: len(peer.requests) == 3)
        got = client.call()
        assert got.status == 503 and got.header("x-envoy-overloaded") == "true"
        gate.set()
        for stream in streams:
            assert client.wait(stream).status == 200
        assert client.call().status == 200


def test_bodies_and_trailers_go_both_ways(tmp_path):
    def behave(connection, request):
        connection.head(request, 200, ("trailer", "x-sum"))
        connection.send(request, request.body)
        connection.trailers(request, ("x-sum", str(len(request.body))), ("x-got", dict(request.trailers).get("x-sent", "-")))

    body = bytes(range(256)) * 4096  # 1 MiB: eight windows
    with Http2Peer(behave) as peer, gateway_of(tmp_path, peer) as gw, Http2(gw.port) as client:
        stream = client.open(head("POST", "/", ("te", "trailers")), end=False)
        client.send(stream, body)
        client.h2.send_headers(stream.number, [("x-sent", "yes")], end_stream=True)
        client.flush()
        client.wait(stream)
        assert stream.body == body
        assert stream.trailer("x-sum") == str(len(body)) and stream.trailer("x-got") == "yes"
        assert peer.requests[-1].header("te") == "trailers"


def test_informational_answers_are_passed_on(tmp_path):
    def behave(connection, request):
        connection.head(request, 103, ("link", "</style.css>; rel=preload"))
        connection.answer(request, b"done")

    with Http2Peer(behave) as peer, gateway_of(tmp_path, peer) as gw:
        with gw.client() as client:
            client.request()
            early = client.head()
            assert early.status == 103 and early.header("link").startswith("</style.css>")
            assert client.answer().body == b"done"


# ---- the peer goes away ----------------------------------------------------------------------


def test_streams_beyond_goaway_are_sent_again_whatever_their_method(tmp_path):
    first = threading.Event()

    def behave(connection, request):
        if connection.number == 1 and request.header(":path") == "/lost":
            served = next(r for r in peer.requests if r.header(":path") == "/kept")
            connection.go_away(served.stream)
            first.set()
            return
        if request.header(":path") == "/kept":
            first.wait(PATIENCE)
        echo(connection, request)

    with Http2Peer() as peer, gateway_of(tmp_path, peer, route=NO_RETRIES, args=["--threads", 1]) as gw, Http2(gw.port) as client:
        assert gw.call().status == 200 and peer.connections == 1
        peer.behave = behave
        kept = client.open(head("POST", "/kept"))
        assert wait_until(lambda: any(r.header(":path") == "/kept" for r in peer.requests))
        lost = client.open(head("POST", "/lost"), end=False)
        client.send(lost, b"again", end=True)
        client.wait(lost)
        client.wait(kept)
        assert (kept.status, kept.header("x-connection")) == (200, "1")
        assert (lost.status, lost.body, lost.header("x-connection")) == (200, b"again", "2")
        assert client.call().header("x-connection") == "2"
        assert wait_until(lambda: len(peer.open_connections()) == 1), "the old connection is closed once it has no streams"


def test_goaway_between_requests_is_never_seen(tmp_path):
    with Http2Peer() as peer, gateway_of(tmp_path, peer, args=["--threads", 1]) as gw:
        assert gw.call().status == 200
        for _ in range(5):
            peer.all[-1].go_away()
            assert gw.call("POST", body=b"x").status == 200
        assert peer.connections >= 5


@pytest.mark.parametrize("retry_on, status", [("refused-stream", 200), ("connect-failure", 503), ("reset", 200), ("5xx", 200)])
def test_refused_streams_are_up_to_the_retry_policy(tmp_path, retry_on, status):
    refusals = []

    def behave(connection, request):
        if request.header(":path") == "/r" and len(refusals) < 1:
            refusals.append(1)
            connection.reset_stream(request, Code.REFUSED_STREAM)
        else:
            echo(connection, request)

    with Http2Peer() as peer, gateway_of(tmp_path, peer, route={"retries": {"attempts": 2, "retryOn": retry_on}},
                                         args=["--threads", 1]) as gw:
        gw.call()  # the peer's SETTINGS have come
        peer.behave = behave
        got = gw.call("POST", "/r", body=b"x")
        assert got.status == status
        if status == 503:
            assert b"remote refused stream reset" in got.body
            line = gw.wait_line(path="/r")
            assert line["response_flags"] == "UR"
            assert line["response_code_details"] == "upstream_reset_before_response_started{remote_refused_stream_reset}"


@pytest.mark.parametrize("code", [Code.CANCEL, Code.INTERNAL_ERROR, Code.PROTOCOL_ERROR, Code.ENHANCE_YOUR_CALM, Code.NO_ERROR])
def test_a_reset_stream_is_503_and_the_connection_goes_on(tmp_path, code):
    with Http2Peer() as peer, gateway_of(tmp_path, peer, route=NO_RETRIES, args=["--threads", 1]) as gw:
        peer.behave = lambda c, r: c.reset_stream(r, code) if r.header(":path") == "/r" else echo(c, r)
        got = gw.call("GET", "/r")
        assert got.status == 503 and b"remote reset" in got.body
        assert gw.wait_line(path="/r")["response_flags"] == "UR"
        assert gw.call().status == 200 and peer.connections == 1


def test_a_stream_that_is_reset_within_the_answer_cuts_it(tmp_path):
    def behave(connection, request):
        connection.head(request, 200)
        connection.send(request, b"half")
        time.sleep(0.1)
        connection.reset_stream(request, Code.INTERNAL_ERROR)

    with Http2Peer(behave) as peer, gateway_of(tmp_path, peer) as gw, Http2(gw.port) as client:
        got = client.call()
        assert got.status == 200 and got.reset is not None and not got.ended
        with gw.client() as one:
            one.request()
            with pytest.raises((EOFError, ConnectionResetError)):
                one.answer()


@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
@pytest.mark.parametrize("when", ["before", "within"])
def test_a_connection_that_breaks_ends_its_streams(tmp_path, when, reset):
    def behave(connection, request):
        if request.header(":path") == "/":
            echo(connection, request)
            return
        if when == "within":
            connection.head(request, 200)
            connection.send(request, b"half")
            time.sleep(0.1)
        if reset:
            connection.cut()
        else:
            connection.close()

    with Http2Peer(behave) as peer, gateway_of(tmp_path, peer, route=NO_RETRIES, args=["--threads", 1]) as gw, Http2(gw.port) as client:
        streams = [client.open(head("POST", "/cut")) for _ in range(5)]
        for stream in streams:
            client.wait(stream)
            if when == "before":
                assert stream.status == 503
            else:
                assert stream.status in (200, 503) and (stream.status == 503 or stream.reset is not None)
        assert client.call().status == 200


def test_a_stale_connection_costs_an_idempotent_request_nothing(tmp_path):
    with Http2Peer() as peer, gateway_of(tmp_path, peer, route=NO_RETRIES, args=["--threads", 1]) as gw:
        assert gw.call().status == 200
        peer.behave = lambda c, r: c.cut() if c.number == 1 else echo(c, r)
        assert gw.call().header("x-connection") == "2"


def test_nothing_listens(tmp_path):
    with Http2Peer() as peer:
        pass
    with gateway_of(tmp_path, peer) as gw, Http2(gw.port) as client:
        streams = [client.open(head()) for _ in range(10)]
        for stream in streams:
            assert client.wait(stream).status == 503
        assert gw.wait_line(path="/")["response_flags"] in ("UF", "UF,URX", "URX,UF")


def test_a_peer_of_http1_is_refused(tmp_path):
    def behave(connection, request):
        return False

    with Peer(behave) as peer, gateway_of(tmp_path, peer, route=NO_RETRIES) as gw:
        assert gw.call().status in (502, 503)


def test_a_connection_that_is_not_established_in_time(tmp_path):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        fill = [socket.socket() for _ in range(4)]
        for sock in fill:
            sock.setblocking(False)
            sock.connect_ex(silent.getsockname())
        peer = type("Silent", (), {"host": "127.0.0.1", "port": silent.getsockname()[1]})
        with gateway_of(tmp_path, peer, policy={"connectionPool": {"tcp": {"connectTimeout": "300ms"}}}, route=NO_RETRIES) as gw, \
                Http2(gw.port) as client:
            streams = [client.open(head()) for _ in range(5)]
            for stream in streams:
                assert client.wait(stream).status == 503
        for sock in fill:
            sock.close()


# ---- hostile peers -----------------------------------------------------------------------------


def frame(kind, flags=0, stream=0, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


PING, EMPTY_DATA, EMPTY_SETTINGS = frame(6, payload=b"12345678"), frame(0, stream=1), frame(4)
HOSTILE = {
    "pings": PING * 100000,
    "settings": EMPTY_SETTINGS * 100000,
    "window updates": frame(8, payload=(1).to_bytes(4, "big")) * 100000,
    "empty data": EMPTY_DATA * 100000,
    "unknown frames": frame(99) * 100000,
    "priorities": frame(2, stream=3, payload=b"\0\0\0\0\x10") * 100000,
    "continuations": frame(1, 0, 1, b"\x88") + frame(9, 0, 1, b"") * 100000,
    "a push": frame(5, 4, 1, b"\0\0\0\x02\x88"),
    "a frame too large": frame(0, 0, 1, b"x" * 70000),
    "rubbish": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" * 10,
    "a window of more than 2^31": frame(8, payload=(0x7fffffff).to_bytes(4, "big")) * 2,
    "a head of 1 MiB": frame(1, 0, 1, b"\x88" + b"\x00\x01a\x7f\xb8\x7f" + b"x" * 15000) + frame(9, 0, 1, b"\x00\x01b\x7f\x80\x75" + b"x" * 15000) * 60,
    "data without a head": frame(0, 1, 1, b"hello"),
    "two answers": frame(1, 4, 1, b"\x88") + frame(1, 4, 1, b"\x88"),
    "endless informational": (frame(1, 4, 1, b"\x08\x03103")) * 1000,
    "an upper-case name": frame(1, 5, 1, b"\x88\x00\x01A\x01b"),
    "no status": frame(1, 5, 1, b"\x00\x01a\x01b"),
    "a length that lies": frame(1, 4, 1, b"\x88\x0f\x0d\x015") + frame(0, 1, 1, b"abc"),
    "connection field": frame(1, 5, 1, b"\x88\x00\x0aconnection\x05close"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_peer_harms_no_other_request(tmp_path, name):
    def behave(connection, request):
        if request.header(":path") == "/evil":
            data = HOSTILE[name]
            if request.stream != 1:
                data = data.replace((1).to_bytes(4, "big"), request.stream.to_bytes(4, "big")) if name not in ("window updates",) else data
            connection.raw(data)
            time.sleep(0.2)
        echo(connection, request)

    with Http2Peer(behave) as peer, gateway_of(tmp_path, peer, route={**NO_RETRIES, "timeout": "5s"}, args=["--threads", 1]) as gw:
        for _ in range(3):
            with gw.client() as client:
                client.request("POST", "/evil", body=b"x")
                try:
                    while (got := client.answer()).status == 103:
                        pass
                    assert got.status in (200, 502, 503), got.status
                except (EOFError, ConnectionResetError, ValueError):
                    pass
            assert gw.call("GET", "/well").status == 200
        assert gw.rss_kib() < (900 << 10 if SANITIZE else 60 << 10)


def test_heads_that_an_endpoint_does_not_end_are_charged(tmp_path):
    """HEADERS and CONTINUATION without END_HEADERS, on a connection for each request."""
    block = hpack.Encoder().encode([(":status", "200"), *(hpack.NeverIndexedHeaderTuple(f"x-{n}", "v" * 2000) for n in range(27))], huffman=False)
    status = free_port()

    def behave(connection, request):
        if request.header(":path").startswith("/evil"):
            connection.raw(unfinished_head(block))
        else:
            echo(connection, request)

    with Http2Peer(behave) as peer, gateway_of(
            tmp_path, peer, route={"retries": {"attempts": 2, "retryOn": "5xx"}}, http={"maxRequestsPerConnection": 1},
            args=["--threads", 1, "--max-upload-bytes", 250000, "--status", f"127.0.0.1:{status}"]) as gw:
        with gw.client() as first, gw.client() as second:
            first.request("GET", "/evil/1")
            assert wait_until(lambda: charged(status) > len(block), PATIENCE)
            second.request("GET", "/evil/2")  # for whose answer no bytes are left
            refused = second.answer()
            assert (refused.status, refused.header("retry-after")) == (503, "1")
            line = gw.wait_line(path="/evil/2")
            assert (line["response_flags"], line["response_code_details"]) == ("UO", "overload")
            assert sum(r.header(":path") == "/evil/2" for r in peer.requests) == 1  # no endpoint can help
            assert gw.call("GET", "/well").status == 200
        assert wait_until(lambda: charged(status) == 0, PATIENCE)  # the clients have left


def test_an_unfinished_head_ends_its_connection_when_its_request_has_left(tmp_path):
    """Not at the end of the connection's idle time, a minute later."""
    block = hpack.Encoder().encode([(":status", "200"), *(hpack.NeverIndexedHeaderTuple(f"x-{n}", "v" * 2000) for n in range(20))], huffman=False)
    status = free_port()
    with Http2Peer(lambda connection, request: connection.raw(unfinished_head(block))) as peer, \
            gateway_of(tmp_path, peer, args=["--threads", 1, "--status", f"127.0.0.1:{status}"]) as gw:
        with gw.client() as client:
            client.request("GET", "/evil")
            assert wait_until(lambda: charged(status) > len(block), PATIENCE)
        assert wait_until(lambda: charged(status) == 0, PATIENCE)


def test_a_closed_window_stops_the_upload_and_no_more_is_read(tmp_path):
    with Http2Peer(takes=False) as peer, \
            gateway_of(tmp_path, peer, route={**NO_RETRIES}, args=["--max-body-bytes", 1 << 30, "--threads", 1]) as gw, gw.client() as client:
        before = gw.rss_kib()
        client.send(b"POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (1 << 28))
        client.sock.settimeout(2)
        sent = 0
        try:
            while True:
                sent += client.sock.send(b"x" * 65536)
        except socket.timeout:
            pass
        assert sent < 16 << 20
        assert gw.rss_kib() - before < (60 << 10 if SANITIZE else 2 << 10)


def test_a_client_that_takes_nothing_stops_the_peer_and_harms_no_other(tmp_path):
    sent = []

    def behave(connection, request):
        if request.header(":path") == "/":
            echo(connection, request)
            return
        connection.head(request)
        for _ in range(4096):
            connection.send(request, b"x" * 65536)
            sent.append(65536)
        connection.send(request, b"", end=True)

    with Http2Peer(behave) as peer, gateway_of(tmp_path, peer, args=["--threads", 1]) as gw:
        before = gw.rss_kib()
        stalled = [Http2(gw.port, takes=False) for _ in range(8)]
        streams = [client.open(head("GET", "/long")) for client in stalled]
        assert wait_until(lambda: len(peer.requests) >= 8)
        time.sleep(1)
        assert sum(sent) < 16 << 20
        for _ in range(10):
            assert gw.call().status == 200, "the window of the connection is not theirs"
        assert gw.rss_kib() - before < (200 << 10 if SANITIZE else 8 << 10)
        for client in stalled:
            client.close()
        assert wait_until(lambda: all(r.reset is not None for r in peer.requests if r.header(":path") == "/long"))
        del streams


# ---- life --------------------------------------------------------------------------------------


def test_a_client_that_leaves_resets_its_stream_alone(tmp_path):
    gate = threading.Event()

    def behave(connection, request):
        gate.wait(PATIENCE)
        echo(connection, request)

    with Http2Peer() as peer, gateway_of(tmp_path, peer, args=["--threads", 1]) as gw, Http2(gw.port) as client:
        peer.requests.clear()
        peer.behave = behave
        gone, stays = client.open(head("GET", "/gone")), client.open(head("GET", "/stays"))
        assert wait_until(lambda: len(peer.requests) == 2)
        client.reset(gone)
        request = next(r for r in peer.requests if r.header(":path") == "/gone")
        assert wait_until(lambda: request.reset == Code.CANCEL)
        gate.set()
        assert client.wait(stays).status == 200 and peer.connections == 1


def test_reload_and_drain_with_open_streams(tmp_path):
    gate = threading.Event()

    def behave(connection, request):
        if request.header(":path") == "/long":
            connection.head(request)
            connection.send(request, b"begun,")
            gate.wait(PATIENCE)
            connection.send(request, b"ended", end=True)
        else:
            echo(connection, request)

    with Http2Peer(behave) as peer, Http2Peer() as other, gateway_of(tmp_path, peer, args=["--threads", 1, "--drain-seconds", 30]) as gw:
        client = Http2(gw.port)
        streams = [client.open(head("GET", "/long")) for _ in range(20)]
        assert wait_until(lambda: sum(r.header(":path") == "/long" for r in peer.requests) == 20)
        mesh.write(tmp_path / "mesh.yaml", mesh.GATEWAY, service("a.example", other), mesh.routes({"route": [mesh.to("a.example")]}))
        assert wait_until(lambda: gw.call().status == 200 and other.requests)
        gw.process.terminate()
        time.sleep(0.3)
        gate.set()
        for stream in streams:
            client.wait(stream)
            assert stream.body == b"begun,ended"
        client.close()
        gw.stop()
        assert wait_until(lambda: not peer.open_connections())


def test_a_thousand_streams(tmp_path):
    n = 200 if SANITIZE else 1000
    gate = threading.Event()

    def behave(connection, request):
        connection.head(request)
        connection.send(request, b"begun,")

    with Http2Peer() as peer, gateway_of(tmp_path, peer, args=["--max-connections", 2 * n, "--threads", 1]) as gw:
        peer.behave, before = behave, gw.rss_kib()
        clients = [Http2(gw.port) for _ in range(n // 100)]
        streams = [(client, client.open(head("GET", f"/{i}"))) for client in clients for i in range(100)]
        for client, stream in streams:
            client.until(lambda stream=stream: stream.body == b"begun,")
        assert len(peer.open_connections()) <= n // 100 + 2
        assert gw.rss_kib() - before < (500 << 10 if SANITIZE else 60 << 10)
        for request in list(peer.requests):
            if request.header(":path") != "/":
                request.connection.send(request, b"ended", end=True)
        for client, stream in streams:
            client.wait(stream)
            assert stream.body == b"begun,ended"
        gate.set()


def test_keep_alive_pings_find_a_peer_that_is_gone(tmp_path):
    frozen = threading.Event()

    def behave(connection, request):
        if request.header(":path") == "/":
            echo(connection, request)
            return
        with connection.lock:  # the reader answers nothing any more
            frozen.wait(PATIENCE)

    http = {"http2KeepAlive": {"interval": "200ms", "timeout": "500ms"}}
    with Http2Peer(behave) as peer, gateway_of(tmp_path, peer, http=http, route=NO_RETRIES, args=["--threads", 1]) as gw:
        assert gw.call().status == 200 and wait_until(lambda: peer.pings > 0)
        got = gw.call("POST", "/frozen", body=b"x")
        assert got.status == 503
        frozen.set()


@pytest.mark.parametrize("given, http2", [
    ({"name": "grpc-x", "protocol": "GRPC"}, True), ({"name": "web", "protocol": "GRPC-WEB"}, True),
    ({"name": "http", "protocol": "HTTP"}, False),
    ({"name": "http", "protocol": "HTTP", "http": {"h2UpgradePolicy": "UPGRADE"}}, True),
    ({"name": "http", "protocol": "HTTP", "http": {"useClientProtocol": True}}, None),
    ({"name": "http2", "protocol": "HTTP2", "http": {"useClientProtocol": True}}, None),
    ({"name": "http2", "protocol": "HTTP2", "http": {"h2UpgradePolicy": "DO_NOT_UPGRADE"}}, True)])
def test_which_protocol_is_spoken(tmp_path, given, http2):
    with Http2Peer() as two, Peer() as one:
        for client_http2 in (False, True):
            with gateway_of(tmp_path, two if (client_http2 if http2 is None else http2) else one, **given, route=NO_RETRIES) as gw:
                if client_http2:
                    with Http2(gw.port) as client:
                        assert client.call().status == 200
                else:
                    assert gw.call().status == 200


def test_a_mirror_is_sent_what_its_own_cluster_speaks(tmp_path):
    with Http2Peer() as two, Peer() as one:
        copy = mesh.service("b.example", one)
        path = mesh.write(tmp_path / "mesh.yaml", mesh.GATEWAY, service("a.example", two), copy, mesh.routes(
            {"route": [mesh.to("a.example")], "mirror": {"host": "b.example"}}))
        with Server("headerroute-gateway", "-f", path, ready_path="/") as gw:
            assert gw.call("POST", "/copied", body=b"body").body == b"body"
            assert wait_until(lambda: any(r.target == "/copied" and r.body == b"body" for r in one.requests))


def test_a_websocket_goes_over_http1(tmp_path):
    def behave(connection, request):
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello")
        return False

    with Peer(behave) as peer, gateway_of(tmp_path, peer) as gw, gw.client() as client:
        client.request("GET", "/", [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "eA=="),
                                    ("Sec-WebSocket-Version", "13")])
        assert client.head().status == 101 and client._take(5) == b"hello"


def test_tls_offers_h2(tmp_path):
    import ssl
    authority = Authority(tmp_path)
    cert, key = authority.issue("server", "a.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.set_alpn_protocols(["h2", "http/1.1"])
    chosen = []
    tls = {"tls": {"mode": "SIMPLE", "caCertificates": str(authority.path)}}
    with Http2Peer(tls=context, on_connect=lambda c: chosen.append(c.sock.selected_alpn_protocol())) as peer, \
            gateway_of(tmp_path, peer, policy=tls) as gw, Http2(gw.port) as client:
        body = b"x" * (1 << 20)
        got = client.call("POST", "/", body=body)
        assert (got.status, got.body) == (200, body)
        assert set(chosen) == {"h2"} and peer.requests[-1].header(":scheme") == "https"


def test_requests_under_load_get_their_own_answers(tmp_path):
    def ask(n):
        with Http2(gw.port) as client:
            for i in range(20):
                body = f"{n}/{i}/".encode() * (1 + (n * i) % 5000)
                got = client.call("POST", f"/{n}/{i}", body=body)
                assert (got.status, got.body, got.header("x-path")) == (200, body, f"/{n}/{i}")

    with Http2Peer() as peer, gateway_of(tmp_path, peer) as gw, concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(16 if not SANITIZE else 8)))
        assert peer.connections <= 8
