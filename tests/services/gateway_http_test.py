"""HTTP/1.1 through the gateway: bodies and heads in every form both ways, limits, time-outs, and what the log says."""
import os
import signal
import threading
import time

import pytest
from gateway_test import Nobody, named
from harness import Client, free_port
from load import Load, Replica, scaled, times_seen
from mesh import GATEWAY, gateway, routes, rule, service, to, write
from peers import Peer, answer, echo, wait_until


@pytest.fixture(scope="module")
def echoing(tmp_path_factory):
    with Peer(echo) as peer:
        limits = ("--max-body-bytes", 3 << 20, "--max-upload-bytes", 4 << 20)
        with gateway(tmp_path_factory.mktemp("gw"), service("x.test", peer), routes({"route": [to("x.test")]}), args=limits) as gw:
            gw.peer = peer
            yield gw


def test_100_continue_is_answered_here_and_not_sent_on(echoing):
    with echoing.client() as client:
        client.send(b"POST /expects HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert client.answer().status == 100
        client.send(b"hello")
        assert client.answer().body == b"hello"
    request = next(r for r in echoing.peer.requests if r.target == "/expects")
    assert request.header("expect") is None and request.header("content-length") == "5"


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(echoing):
    seen = len(echoing.peer.requests)
    with echoing.client() as client:
        client.send(b"POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: 3145729\r\nExpect: 100-continue\r\n\r\n")
        got = client.answer()
        assert got.status == 413 and client.at_eof()
    with echoing.client() as client:
        client.send(b"POST /large HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n300001\r\n")
        try:
            client.send(b"x" * (3 << 20) + b"x")
        except OSError:
            pass
        assert client.answer().status == 413 and client.at_eof()
    assert echoing.call("POST", "/fits", body=b"y" * (3 << 20)).body == b"y" * (3 << 20)
    assert len(echoing.peer.requests) == seen + 1


def test_bodies_that_are_too_large_together_are_streamed(echoing):
    """Each holds 512 KiB, until that does not fit any more; then 32 KiB."""
    head = (b"POST /holder HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3000000\r\n"
            b"Expect: 100-continue\r\n\r\n")
    holders = [echoing.client() for _ in range(20)]
    for holder in holders:
        holder.send(head)
        assert holder.answer().status == 100
    for holder in holders[:1] + holders[-1:]:
        holder.send(b"a" * 3_000_000)
        assert holder.answer().body == b"a" * 3_000_000 and holder.at_eof()
    for holder in holders:
        holder.close()


def test_a_short_chunked_request_is_sent_whole(echoing):
    with echoing.client() as client:
        client.send(b"POST /chunked HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                    b"5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
        assert client.answer().body == b"hello world"
    request = next(r for r in echoing.peer.requests if r.target == "/chunked")
    assert request.header("content-length") == "11" and request.header("transfer-encoding") is None
    assert echoing.wait_line(path="/chunked")["bytes_received"] == 11


@pytest.mark.parametrize("method,body,length", [("GET", None, None), ("DELETE", None, None), ("POST", b"", "0"), ("PUT", b"", "0"),
                                                ("GET", b"odd", "3"), ("REPORT", b"q", "1")])
def test_lengths_that_are_sent(echoing, method, body, length):
    got = echoing.call(method, f"/length/{method}/{length}", body=body)
    request = next(r for r in echoing.peer.requests if r.target == f"/length/{method}/{length}")
    assert (request.method, request.header("content-length"), got.body) == (method, length, body or b"")


def raw(server, data):
    with server.client() as client:
        client.send(data)
        return client.answer(data.split(b" ")[0].decode())


GOOD = {
    "absolute target without a path": (b"GET http://a.test?c1=1 HTTP/1.1\r\nHost: x\r\n\r\n", "/?c1=1", "a.test"),
    "two empty lines before it": (b"\r\n\r\nGET /c2 HTTP/1.1\r\nHost: x\r\n\r\n", "/c2", "x"),
    "a method of WebDAV": (b"PROPFIND /c3 HTTP/1.1\r\nHost: x\r\n\r\n", "/c3", "x"),
    "blanks before a chunk extension": (b"POST /c5 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                                        b"1 \t;a=b\r\nx\r\n0 ;c\r\n\r\n", "/c5", "x"),
    "a port in brackets' company": (b"GET /c6 HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "/c6", "[::1]:80"),
}


@pytest.mark.parametrize("name", GOOD, ids=lambda s: s.replace(" ", "-"))
def test_corners_that_are_accepted(echoing, name):
    data, target, host = GOOD[name]
    assert raw(echoing, data).status == 200
    request = next(r for r in echoing.peer.requests if r.target == target)
    assert request.header("host") == host


REFUSED = {
    "Host [::1": (b"GET /r HTTP/1.1\r\nHost: [::1\r\n\r\n", 400), "Host a:b": (b"GET /r HTTP/1.1\r\nHost: a:b\r\n\r\n", 400),
    "CONNECT": (b"CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n", 405),
    "raw bytes": (b"GET /r\xe3\x81\x82 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "an unknown method": (b"BREW /r HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a method in lower case": (b"get /r HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "OPTIONS *": (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 404), "an end of line alone": (b"GET / \n\n", 400),
    "folded": (b"GET /r HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400),
    "bare LF": (b"GET /r HTTP/1.1\nHost: x\n\n", 400),
    "a blank after a chunk size": (b"POST /r HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\nx\r\n0\r\n\r\n", 400),
}


@pytest.mark.parametrize("name", REFUSED, ids=lambda s: s.replace(" ", "-"))
def test_corners_that_never_reach_an_upstream(echoing, name):
    data, status = REFUSED[name]
    seen = len(echoing.peer.requests)
    assert raw(echoing, data).status == status
    assert len(echoing.peer.requests) == seen


def test_blanks_around_a_value_do_not_route(tmp_path):
    """Leading and trailing whitespace does not belong to a value (RFC 9110 section 5.5): rules do not see it."""
    with Peer(named("one")) as one, Peer(named("two")) as two:
        rules = routes({"match": [{"headers": {"target": {"exact": "condition1"}}}], "route": [to("one.test")]},
                       {"route": [to("two.test")]})
        with gateway(tmp_path, service("one.test", one), service("two.test", two), rules) as gw:
            for value in (b"condition1", b" condition1\t", b"condition1   "):
                got = raw(gw, b"GET / HTTP/1.1\r\nHost: x\r\ntarget:" + value + b"\r\n\r\n")
                assert got.header("x-who") == "one", value


def serve(tmp_path, behave, **route):
    peer = Peer(behave)
    return peer, gateway(tmp_path, service("x.test", peer), routes({"route": [to("x.test")], **route}), args=("--threads", "1"))


HEADS = {"length": b"Content-Length: 5\r\n", "chunked": b"Transfer-Encoding: chunked\r\n", "neither": b""}


@pytest.mark.parametrize("form", HEADS)
def test_head_has_no_body_and_keeps_the_connection(tmp_path, form):
    def behave(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\n" + HEADS[form] + b"\r\n" if request.method == "HEAD" else answer(b"hello"))
        return True

    peer, server = serve(tmp_path, behave)
    with peer, server as gw, gw.client() as client:
        for _ in range(3):
            client.request("HEAD", "/head")
            got = client.answer("HEAD")
            assert got.status == 200 and got.header("content-length") == ("5" if form == "length" else None)
            client.request("GET", "/get")
            assert client.answer().body == b"hello"
        assert peer.connections == 1 and gw.wait_line(path="/head")["bytes_sent"] == 0


def test_answers_in_chunks_stream(tmp_path):
    step = threading.Event()

    def behave(connection, request):
        if request.target == "/":
            return echo(connection, request)
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-t\r\n\r\n5\r\nfirst\r\n")
        step.wait(30)
        connection.send(b"6\r\nsecond\r\n0\r\nX-T: 1\r\n\r\n")
        return True

    peer, server = serve(tmp_path, behave)
    with peer, server as gw, gw.client() as client:
        client.request(target="/stream")
        head = client.head()
        assert head.header("transfer-encoding") == "chunked" and head.header("trailer") is None
        assert client._line() == b"5" and client._take(7) == b"first\r\n", "the beginning comes before the end is there"
        step.set()
        rest = b"6\r\nsecond\r\n0\r\nx-t: 1\r\n\r\n"
        assert client._take(len(rest)) == rest
        client.request(target="/other")
        assert client.head().status == 200
        assert peer.connections == 1
        line = gw.wait_line(path="/stream")
        assert line["bytes_sent"] == 11, "the content, without the chunks' sizes"


# ---- time-outs ----

def test_the_timeout_of_a_route_ends_an_answer_that_has_begun(tmp_path):
    def behave(connection, request):
        if request.target == "/":
            return echo(connection, request)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        time.sleep(20)

    peer, server = serve(tmp_path, behave, timeout="0.3s", retries={"attempts": 5, "retryOn": "5xx,reset"})
    with peer, server as gw, gw.client() as client:
        client.request(target="/half")
        assert client.head().status == 200 and client._take(4) == b"half"
        with pytest.raises((EOFError, ConnectionResetError)):
            client._take(1)
        line = gw.wait_line(path="/half")
        assert (line["response_flags"], line["response_code_details"]) == ("UT", "response_timeout")
        assert len([r for r in peer.requests if r.target == "/half"]) == 1


def test_the_timeout_of_a_route_bounds_all_tries(tmp_path):
    def behave(connection, request):
        if request.target == "/":
            return echo(connection, request)
        time.sleep(20)

    peer, server = serve(tmp_path, behave, timeout="0.7s", retries={"attempts": 50, "perTryTimeout": "0.1s", "retryOn": "5xx", "backoff": "1ms"})
    with peer, server as gw:
        got = gw.call(target="/never")
        assert (got.status, got.body) == (504, b"upstream request timeout")
        tries = len([r for r in peer.requests if r.target == "/never"])
        assert 1 < tries <= 7, "a try is given its 100 ms"
        assert "UT" in gw.wait_line(path="/never")["response_flags"]


def test_a_try_that_times_out_for_good(tmp_path):
    def behave(connection, request):
        if request.target == "/":
            return echo(connection, request)
        time.sleep(20)

    peer, server = serve(tmp_path, behave, retries={"attempts": 1, "perTryTimeout": "0.1s", "retryOn": "5xx", "backoff": "1ms"})
    with peer, server as gw:
        assert gw.call("POST", "/never", body=b"x").status == 504
        line = gw.wait_line(path="/never")
        assert set(line["response_flags"].split(",")) == {"UT", "URX"} and line["response_code_details"] == "upstream_per_try_timeout"
        assert [r.header("x-envoy-attempt-count") for r in peer.requests if r.target == "/never"] == ["1", "2"]


def test_back_off_waits_between_tries(tmp_path):
    """A random share of an interval that doubles, ten times the base at most: 20 times three waits of 0 to 50, 100 and 200 ms
    are together shorter than 500 ms with a probability below 1e-20."""
    at, lock = {}, threading.Lock()

    def behave(connection, request):
        with lock:
            at.setdefault(request.target, []).append(time.monotonic())
        connection.send(answer(b"up", status="200 OK" if request.target == "/" else "503 X"))
        return True

    peer, server = serve(tmp_path, behave, retries={"attempts": 3, "retryOn": "5xx", "backoff": "50ms"})
    with peer, server as gw:
        callers = [threading.Thread(target=gw.call, kwargs={"target": f"/{i}"}) for i in range(20)]
        [caller.start() for caller in callers]
        [caller.join() for caller in callers]
        tries = [at[f"/{i}"] for i in range(20)]
        assert {len(t) for t in tries} == {4}
        assert sum(t[-1] - t[0] for t in tries) > 0.5


def test_a_large_body_is_sent_again_whole(tmp_path):
    body = os.urandom(8 << 20)
    with Peer(named("good")) as good:
        resources = [service("x.test", Nobody(), good), rule("x.test", trafficPolicy={"loadBalancer": {"simple": "ROUND_ROBIN"}}),
                     routes({"route": [to("x.test")], "retries": {"attempts": 3, "retryOn": "connect-failure", "backoff": "1ms"}})]
        with gateway(tmp_path, *resources, args=("--threads", "1")) as gw:
            for _ in range(2):
                assert gw.call("POST", "/again", body=body).body == body
            assert {r.header("x-envoy-attempt-count") for r in good.requests if r.target == "/again"} >= {"2"}


def test_a_post_is_never_sent_twice_unless_asked_for(tmp_path):
    """Not even where a kept connection turns out to be closed and the fresh one breaks, too."""
    def behave(connection, request):
        if len([r for r in peer.requests if r.connection_number == connection.number]) == 1 and request.target == "/":
            return echo(connection, request)
        return False

    with Peer(behave) as peer, Peer(behave) as other:
        with gateway(tmp_path, service("x.test", peer, other), routes({"route": [to("x.test")]}), args=("--threads", "1")) as gw:
            for i in range(6):
                gw.call(target="/")
                assert gw.call("POST", f"/{i}", body=b"x").status == 503
                sent = [r for r in peer.requests + other.requests if r.target == f"/{i}"]
                assert len(sent) == 1, f"{len(sent)} times"


# ---- mirrors, faults ----

def test_a_frozen_mirror_costs_nothing_but_its_budget(tmp_path):
    """More copies than are allowed at a time: the rest is dropped and counted, the requests go on, and so does the drain."""
    admin = free_port()
    with Replica(tmp_path, "main") as main, Replica(tmp_path, "shadow") as shadow:
        resources = [service("x.test", main), service("s.test", shadow),
                     routes({"route": [to("x.test")], "mirrors": [{"destination": {"host": "s.test"}}]})]
        with gateway(tmp_path, *resources, args=("--threads", "1", "--admin", f"127.0.0.1:{admin}")) as gw:
            assert wait_until(lambda: len(shadow.seen()) == 1), "that of the start has ended"
            shadow.signal(signal.SIGSTOP)
            with Load(gw.port, lambda n: {"method": "POST"}) as load:
                load.more(scaled(1000, 400))
            assert set(load.outcomes()) == {200}
            seen = times_seen(main)
            assert {seen[ident] for ident in load.done} == {1}
            with Client(admin) as client:
                client.request(target="/metrics")
                metrics = dict(line.rsplit(b" ", 1) for line in client.answer().body.splitlines() if not line.startswith(b"#"))
            sent, dropped = (int(metrics[b"headerroute_gateway_mirrors_%stotal" % name]) for name in (b"", b"dropped_"))
            assert sent == 257 and sent + dropped == len(load.done) + 1, "with that of the start"
            shadow.signal(signal.SIGCONT)
            assert wait_until(lambda: len(shadow.seen()) == 257, 30)
            shadow.signal(signal.SIGSTOP)
            gw.call(target="/w/last")
        shadow.signal(signal.SIGCONT)


@pytest.mark.parametrize("abort,status,grpc,body", [
    ({"grpcStatus": "NOT_FOUND"}, 200, "5", b""), ({"httpStatus": 451}, 200, "2", b"")])
def test_aborts_for_grpc_callers(tmp_path, abort, status, grpc, body):
    fault = {"abort": {**abort, "percentage": {"value": 100}}}
    with gateway(tmp_path, service("x.test", Nobody()), routes({"fault": fault, "route": [to("x.test")]})) as gw:
        got = gw.call("POST", "/f", [("Content-Type", "application/grpc")], b"")
        assert (got.status, got.header("grpc-status"), got.body) == (status, grpc, body)
        assert gw.wait_line(path="/f")["response_flags"] == "FI"


# ---- the log ----

def test_durations_are_envoys(tmp_path):
    """duration: from the request's head to the answer's last byte. upstream_service_time: from the whole request,
    past a fault's delay, to the answer's head, whatever tries that took; the client sees it as a header, too."""
    def behave(connection, request):
        if request.target == "/":
            return echo(connection, request)
        time.sleep(0.2)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        time.sleep(0.2)
        connection.send(b"cd")
        return True

    with Peer(behave) as peer:
        resources = [service("x.test", peer), routes({"match": [{"method": {"exact": "PUT"}}], "route": [to("x.test")], "fault": {
            "delay": {"fixedDelay": "0.4s", "percentage": {"value": 100}}}}, {"route": [to("x.test")]})]
        with gateway(tmp_path, *resources) as gw:
            for method, before in (("POST", 300), ("PUT", 700)):
                with gw.client() as client:
                    client.send(b"%s /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n" % method.encode())
                    time.sleep(0.3)
                    client.send(b"xy")
                    told = int(client.answer().header("x-envoy-upstream-service-time"))
                line = gw.wait_line(path="/slow", method=method)
                assert line["upstream_service_time"] >= 199 and int(line["upstream_service_time"]) == told
                assert line["duration"] >= line["upstream_service_time"] + before - 5 + 195
                assert (line["bytes_received"], line["bytes_sent"]) == (2, 4)


def test_a_client_that_leaves_is_in_the_log(tmp_path):
    gate = threading.Event()

    def behave(connection, request):
        if request.target == "/leaves":
            gate.wait(30)
        return echo(connection, request)

    peer, server = serve(tmp_path, behave)
    with peer, server as gw:
        client = gw.client()
        client.request(target="/leaves")
        assert wait_until(lambda: any(r.target == "/leaves" for r in peer.requests))
        client.close()
        line = gw.wait_line(path="/leaves")
        assert (line["response_code"], line["response_flags"]) == (0, "DC") or line["response_flags"] == "DC"
        assert line["response_code_details"] == "downstream_remote_disconnect"
        gate.set()


# ---- endpoints that go away ----

def test_what_runs_on_an_endpoint_that_goes_ends_in_peace_and_its_connections_are_closed(tmp_path):
    gate = threading.Event()

    def behave(connection, request):
        if request.target == "/long":
            gate.wait(30)
        connection.send(answer(b"old"))
        return True

    with Peer(behave) as old, Peer(named("new")) as new:
        one = routes({"route": [to("x.test")]})
        with gateway(tmp_path, service("x.test", old), one, args=("--threads", "1")) as gw, gw.client() as long:
            long.request(target="/long")
            assert wait_until(lambda: any(r.target == "/long" for r in old.requests))
            gw.call(target="/idle")  # leaves an idle connection
            assert len(old.open) == 2
            write(tmp_path / "next", GATEWAY, service("x.test", new), one)
            os.rename(tmp_path / "next", tmp_path / "mesh.yaml")
            assert wait_until(lambda: gw.call().header("x-who") == "new")
            gate.set()
            assert long.answer().body == b"old"
            assert wait_until(lambda: not old.open, 4), "sooner than the idle timeout closes them"
            assert all(r.target in ("/", "/long", "/idle") for r in old.requests)
