"""gRPC through gateway and proxy, with grpcio on both ends: all kinds of calls, deadlines, cancellation, statuses."""
import concurrent.futures
import queue
import threading
import time

import grpc
import mesh
import pytest
from conftest import PATIENCE, SANITIZE
from grpc_echo import EchoClient, EchoServer
from harness import Server
from http2_peer import Http2Peer
from http2_wire import Http2, head
from peers import wait_until

Code = grpc.StatusCode
GRPC = ("content-type", "application/grpc")
NO_RETRIES = {"retries": {"attempts": 0}}


def service(host, *peers):
    made = mesh.service(host, *peers)
    made["spec"]["ports"][0].update(name="grpc", protocol="GRPC")
    for endpoint in made["spec"]["endpoints"]:
        endpoint["ports"] = {"grpc": endpoint["ports"]["http"]}
    return made


PROBE = {"match": [{"uri": {"exact": "/probe"}}], "directResponse": {"status": 200}}


def routes(*http):
    return mesh.routes(PROBE, *http)


def gateway_of(tmp_path, *resources, args=()):
    path = mesh.write(tmp_path / "mesh.yaml", mesh.GATEWAY, *resources)
    return Server("headerroute-gateway", "-f", path, *args, ready_path="/probe")


def chain(tmp_path, *peers, route=None, policy=None, args=()):
    resources = [service("a.example", *peers), routes({"route": [mesh.to("a.example")], **(route or {})})]
    if policy:
        resources.append(mesh.rule("a.example", trafficPolicy=policy))
    return gateway_of(tmp_path, *resources, args=args)


@pytest.fixture(params=["gateway", "proxy"])
def through(request, tmp_path):
    """Both programs pass calls on; each test gets the echo server and a client."""
    with EchoServer("echo") as echo:
        if request.param == "gateway":
            server = chain(tmp_path, echo, route=NO_RETRIES)
        else:
            server = Server("headerroute-proxy", "--predict-server-url", echo.url)
        with server, EchoClient(server.port) as client:
            yield server, client, echo


def test_unary(through):
    server, client, echo = through
    for size in (0, 1, 1000, 100_000, 3_000_000):
        answer, call = client.unary.with_call(b"x" * size, metadata=[("x-small", "1"), ("y-bin", b"\x00\x01")])
        assert answer == b"echo:" + b"x" * size
        assert dict(call.initial_metadata())["served-by"] == "echo"
        assert dict(call.trailing_metadata())["length"] == str(size)
        assert dict(call.trailing_metadata())["sum-bin"] == b"\x00\xff"
        assert call.code() == Code.OK
    metadata = echo.calls[-1][1]
    assert metadata["x-small"] == "1" and metadata["y-bin"] == b"\x00\x01"
    line = server.wait_line(path="/echo.Echo/Unary")
    assert line["response_code"] == 200


def test_streams_of_all_kinds(through):
    _, client, _ = through
    assert list(client.expand(b"1000")) == [b"echo:%d" % n for n in range(1000)]
    assert client.collect(b"x" * n for n in range(2000)) == b"%d" % sum(range(2000))
    assert list(client.talk(b"%d" % n for n in range(1000))) == [b"echo:%d" % n for n in range(1000)]


def test_a_talk_goes_back_and_forth(through):
    _, client, _ = through
    said = queue.Queue()
    answers = client.talk(iter(said.get, None))
    for n in range(50):
        said.put(b"%d" % n)
        assert next(answers) == b"echo:%d" % n  # before the next one is sent
    said.put(None)
    assert list(answers) == []
    assert answers.code() == Code.OK


def test_statuses_and_messages(through):
    _, client, _ = through
    for code in Code:
        if code == Code.OK:
            continue
        with pytest.raises(grpc.RpcError) as raised:
            client.fail(b"%d" % code.value[0])
        assert raised.value.code() == code and raised.value.details() == "said so: 100 %, \u00e4"
    with pytest.raises(grpc.RpcError) as raised:
        client.none(b"")
    assert raised.value.code() == Code.UNIMPLEMENTED


def test_cancellation_reaches_the_server(through):
    server, client, echo = through
    call = client.sleep.future(b"300")
    assert wait_until(lambda: echo.asleep == 1, PATIENCE)
    call.cancel()
    assert wait_until(lambda: echo.asleep == 0, PATIENCE), "the server learns of it"
    assert client.unary(b"on") == b"echo:on"


def test_deadlines(through):
    server, client, echo = through
    with pytest.raises(grpc.RpcError) as raised:
        client.sleep(b"300", timeout=0.5)
    assert raised.value.code() == Code.DEADLINE_EXCEEDED
    assert wait_until(lambda: echo.asleep == 0, PATIENCE)
    assert client.unary(b"on", timeout=PATIENCE) == b"echo:on"


def test_many_calls_at_once(through):
    _, client, _ = through
    n = 200 if SANITIZE else 1000

    def call(i):
        message = b"%d" % i * (1 + i % 3000)
        return client.unary(message) == b"echo:" + message

    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        assert all(pool.map(call, range(n)))


def test_a_server_that_dies_is_unavailable(through):
    _, client, echo = through
    assert client.unary(b"x") == b"echo:x"
    call = client.sleep.future(b"300")
    assert wait_until(lambda: any(method.endswith("Sleep") for method, _ in echo.calls))
    echo.stop()
    with pytest.raises(grpc.RpcError) as raised:
        call.result()
    assert raised.value.code() in (Code.UNAVAILABLE, Code.CANCELLED)
    with pytest.raises(grpc.RpcError) as raised:
        client.unary(b"x")
    assert raised.value.code() == Code.UNAVAILABLE


def test_an_answer_of_the_proxy_has_a_status(tmp_path):
    with EchoServer() as echo:
        pass
    with Server("headerroute-proxy", "--predict-server-url", echo.url) as proxy, Http2(proxy.port) as client:
        got = client.call("POST", "/echo.Echo/Unary", GRPC, ("te", "trailers"), body=b"")
        assert got.status == 200 and got.header("grpc-status") == "14" and got.trailers is None
        assert "is unreachable" in got.header("grpc-message")


# ---- the whole chain ---------------------------------------------------------------------------


def test_metadata_chooses_the_pod_through_gateway_and_proxies(tmp_path):
    with EchoServer("one") as one, EchoServer("two") as two, \
            Server("headerroute-proxy", "--predict-server-url", one.url) as proxy1, \
            Server("headerroute-proxy", "--predict-server-url", two.url) as proxy2:
        resources = [service("proxy.example", (proxy1, {"version": "v1"}), (proxy2, {"version": "v2"})),
                     mesh.rule("proxy.example", subsets=[{"name": "s1", "labels": {"version": "v1"}}, {"name": "s2", "labels": {"version": "v2"}}]),
                     routes({"match": [{"headers": {"target": {"exact": "condition1"}}}], "route": [mesh.to("proxy.example", "s1")]},
                                 {"route": [mesh.to("proxy.example", "s2")]})]
        with gateway_of(tmp_path, *resources) as gw, EchoClient(gw.port) as client:
            for target, name in (("condition1", b"one"), ("condition2", b"two"), (None, b"two")):
                metadata = [("target", target)] if target else []
                assert client.unary(b"x", metadata=metadata) == name + b":x"
                assert list(client.expand(b"3", metadata=metadata)) == [name + b":%d" % n for n in range(3)]
                assert client.collect(iter([b"ab", b"c"]), metadata=metadata) == b"3"
                assert list(client.talk(iter([b"a", b"b"]), metadata=metadata)) == [name + b":a", name + b":b"]
            call = client.sleep.future(b"300", metadata=[("target", "condition1")])
            assert wait_until(lambda: one.asleep == 1, PATIENCE)
            call.cancel()
            assert wait_until(lambda: one.asleep == 0, PATIENCE), "the last server of the chain learns of it"
            with pytest.raises(grpc.RpcError) as raised:
                client.sleep(b"300", timeout=0.3)
            assert raised.value.code() == Code.DEADLINE_EXCEEDED
            assert wait_until(lambda: two.asleep == 0, PATIENCE)


# ---- policies of the gateway -------------------------------------------------------------------


def trailers_only(status, n=1):
    """Answers the first n calls with this gRPC status in the head, then well."""
    calls = []

    def behave(connection, request):
        calls.append(1)
        failing = len(calls) <= n
        connection.head(request, 200, GRPC, ("grpc-status", str(status if failing else 0)), end=True)

    return behave


@pytest.mark.parametrize("condition, status", [
    ("cancelled", 1), ("deadline-exceeded", 4), ("internal", 13), ("resource-exhausted", 8), ("unavailable", 14)])
def test_retries_on_a_status(tmp_path, condition, status):
    route = {"retries": {"attempts": 2, "retryOn": condition}}
    with Http2Peer(trailers_only(status)) as peer, chain(tmp_path, peer, route=route) as gw, Http2(gw.port) as client:
        got = client.call("POST", "/s/M", GRPC, body=b"\0\0\0\0\0")
        assert got.header("grpc-status") == "0" and len(peer.requests) == 2
        peer.behave = trailers_only(2)
        got = client.call("POST", "/s/M", GRPC, body=b"\0\0\0\0\0")
        assert got.header("grpc-status") == "2" and len(peer.requests) == 3, "another status is not retried"


def test_a_status_in_trailers_is_not_retried(tmp_path):
    def behave(connection, request):
        connection.head(request, 200, GRPC)
        connection.trailers(request, ("grpc-status", "14"))

    with Http2Peer(behave) as peer, chain(tmp_path, peer, route={"retries": {"attempts": 2, "retryOn": "unavailable"}}) as gw, \
            Http2(gw.port) as client:
        got = client.call("POST", "/s/M", GRPC, body=b"\0\0\0\0\0")
        assert got.trailer("grpc-status") == "14" and len(peer.requests) == 1


@pytest.mark.parametrize("status, out", [(14, True), (13, True), (2, True), (12, True), (5, False), (3, False), (0, False)])
def test_outlier_detection_counts_statuses_as_http_does(tmp_path, status, out):
    policy = {"outlierDetection": {"consecutive5xxErrors": 3, "baseEjectionTime": "60s", "maxEjectionPercent": 100}}
    with Http2Peer(trailers_only(status, 1000)) as peer, chain(tmp_path, peer, policy=policy, route=NO_RETRIES) as gw, \
            Http2(gw.port) as client:
        for _ in range(3):
            client.call("POST", "/s/M", GRPC, body=b"\0\0\0\0\0")
        got = client.call("POST", "/s/M", GRPC, body=b"\0\0\0\0\0")
        assert (got.header("grpc-status") == "14" and got.header("grpc-message") == "no healthy upstream") == out
        assert len(peer.requests) == (3 if out else 4)


@pytest.mark.parametrize("route, status, message", [
    ({"directResponse": {"status": 404, "body": {"string": "100 % no"}}}, "12", "100 %25 no"),
    ({"redirect": {"uri": "/other"}}, "2", None),
    ({"fault": {"abort": {"httpStatus": 503, "percentage": {"value": 100}}}, "route": [mesh.to("a.example")]}, "14", "fault filter abort"),
    ({"fault": {"abort": {"grpcStatus": "NOT_FOUND", "percentage": {"value": 100}}}, "route": [mesh.to("a.example")]}, "5", "fault filter abort"),
    ({"route": [mesh.to("unknown.example")]}, "14", None)])
def test_answers_of_the_gateway_are_statuses(tmp_path, route, status, message):
    with Http2Peer() as peer, gateway_of(tmp_path, service("a.example", peer), routes(route)) as gw, Http2(gw.port) as client:
        got = client.call("POST", "/s/M", GRPC, body=b"\0\0\0\0\0")
        assert got.status == 200 and got.header("content-type") == "application/grpc"
        assert got.header("grpc-status") == status and got.body == b"" and got.trailers is None
        assert got.header("content-length") is None
        assert message is None or got.header("grpc-message") == message


def test_the_timeout_of_a_route_caps_that_of_the_call(tmp_path):
    with EchoServer() as echo, chain(tmp_path, echo, route={**NO_RETRIES, "timeout": "0.4s"}) as gw, EchoClient(gw.port) as client:
        start = time.monotonic()
        with pytest.raises(grpc.RpcError) as raised:
            client.sleep(b"300", timeout=PATIENCE)
        assert raised.value.code() == Code.DEADLINE_EXCEEDED
        assert time.monotonic() - start < 20
        assert wait_until(lambda: echo.asleep == 0, PATIENCE)


def test_the_timeout_of_a_call_is_the_gateways_too(tmp_path):
    """A client that does not watch its own deadline."""
    gate = threading.Event()
    with Http2Peer(lambda c, r: gate.wait(PATIENCE)) as peer, chain(tmp_path, peer, route=NO_RETRIES) as gw, Http2(gw.port) as client:
        got = client.call("POST", "/s/M", GRPC, ("grpc-timeout", "300m"), body=b"\0\0\0\0\0")
        assert got.header("grpc-status") == "4" and got.header("grpc-message") == "upstream request timeout"
        assert wait_until(lambda: peer.requests[-1].reset == 8)
        gate.set()


def test_reload_and_drain_with_a_talk_open(tmp_path):
    with EchoServer("a") as a, EchoServer("b") as b:
        gw = chain(tmp_path, a, route=NO_RETRIES, args=["--drain-seconds", 30])
        with EchoClient(gw.port) as client:
            said = queue.Queue()
            answers = client.talk(iter(said.get, None))
            said.put(b"1")
            assert next(answers) == b"a:1"
            mesh.write(tmp_path / "mesh.yaml", mesh.GATEWAY, service("a.example", b), routes({"route": [mesh.to("a.example")]}))
            assert wait_until(lambda: client.unary(b"x") == b"b:x")
            said.put(b"2")
            assert next(answers) == b"a:2", "a stream keeps its endpoint"
            gw.process.terminate()
            time.sleep(0.5)
            said.put(b"3")
            assert next(answers) == b"a:3"
            said.put(None)
            assert list(answers) == []
            gw.stop()


def test_a_slow_reader_holds_the_server_back(tmp_path):
    """100,000 messages of 1 KB: what is not read is not held here."""
    with EchoServer("x" * 1000) as big, chain(tmp_path, big, route=NO_RETRIES, args=["--threads", 1]) as gw:
        with EchoClient(gw.port) as warm:
            warm.unary(b"")
        before = gw.rss_kib()
        with Http2(gw.port, takes=False) as client:
            client.open(head("POST", "/echo.Echo/Expand", GRPC, ("te", "trailers")), end=False)
            stream = list(client.streams.values())[0]
            client.send(stream, b"\0\0\0\0\x06100000", end=True)
            time.sleep(1)
            assert gw.rss_kib() - before < (100 << 10 if SANITIZE else 2 << 10)
            with EchoClient(gw.port) as other:
                assert other.unary(b"y").endswith(b":y")
