"""Balancers, connection limits, outlier detection and warm-up beyond what gateway_policy_test.py has: each setting of a
DestinationRule by what it does."""
import collections
import contextlib
import os
import pathlib
import socket
import threading
import time

import pytest
from gateway_policy_test import Gate, ask_many, hashing, policy
from gateway_test import Nobody, named
from harness import Client, free_port, run
from mesh import GATEWAY, gateway, routes, service, to, write
from peers import Peer, always, answer, echo, wait_until


def clusters_of(admin):
    with Client(admin) as client:
        client.request(target="/clusters")
        return client.answer().json()


def whos(gw, n, **kwargs):
    return collections.Counter(gw.call(**kwargs).header("x-who") for _ in range(n))


# ---- balancers ----

def test_random(tmp_path):
    with Peer(named("a")) as a, Peer(named("b")) as b:
        resources = [service("x.test", a, b), policy(loadBalancer={"simple": "RANDOM"}), routes({"route": [to("x.test")]})]
        with gateway(tmp_path, *resources, args=("--threads", "1")) as gw:
            turns = [gw.call().header("x-who") for _ in range(100)]
            assert 20 < turns.count("a") < 80 and any(x == y for x, y in zip(turns, turns[1:])), "not by turns"


def test_consistent_hash_by_source_address(tmp_path):
    with Peer(named("a")) as a, Peer(named("b")) as b, Peer(named("c")) as c:
        with gateway(tmp_path, service("x.test", a, b, c), *hashing({"useSourceIp": True})) as gw:
            chosen = {}
            for i in range(60):
                sock = socket.socket()
                sock.bind((f"127.0.3.{i % 20}", 0))
                sock.settimeout(30)
                sock.connect((gw.host, gw.port))
                sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                who = sock.recv(4096).split(b"x-who: ")[1][:1]
                assert chosen.setdefault(i % 20, who) == who
                sock.close()
            assert len(set(chosen.values())) == 3


def test_consistent_hash_by_query_parameter(tmp_path):
    with Peer(named("a")) as a, Peer(named("b")) as b, Peer(named("c")) as c:
        with gateway(tmp_path, service("x.test", a, b, c), *hashing({"httpQueryParameterName": "user"})) as gw:
            chosen = {}
            for i in range(60):
                who = gw.call(target=f"/?n={i}&user={i % 20}").header("x-who")
                assert chosen.setdefault(i % 20, who) == who
            assert len(set(chosen.values())) == 3


# ---- connectionPool ----

def test_waiting_requests_are_served_in_their_order(tmp_path):
    """One connection: requests keep their order, also if others arrive when it becomes free."""
    gate = Gate()
    with Peer(gate) as peer:
        resources = [service("x.test", peer), policy(connectionPool={"tcp": {"maxConnections": 1}}), routes({"route": [to("x.test")]})]
        with gateway(tmp_path, *resources, args=("--threads", "1", "--admin", f"127.0.0.1:{(admin := free_port())}")) as gw:
            clients = []
            for i in range(20):  # one after the other, so that their order is known
                client = gw.client()
                client.request(target=f"/{i}")
                clients.append(client)
                assert wait_until(lambda: clusters_of(admin)[0]["pending"] == i and gate.inside == 1)
            leaver = clients.pop(7)
            leaver.close()
            assert wait_until(lambda: clusters_of(admin)[0]["pending"] == 18)
            stop = threading.Event()

            def newcomer():
                with gw.client() as client:
                    while not stop.is_set():
                        client.request(target="/new")
                        client.answer()
            late = [threading.Thread(target=newcomer) for _ in range(4)]
            [thread.start() for thread in late]
            assert wait_until(lambda: clusters_of(admin)[0]["pending"] == 22)
            gate.opened.set()
            assert [client.answer().status for client in clients] == [200] * 19
            stop.set()
            [thread.join() for thread in late]
            order = [r.target for r in peer.requests if r.target != "/"]
            assert order[:19] == [f"/{i}" for i in range(20) if i != 7]
            assert peer.connections == 1
            [client.close() for client in clients]


def test_a_pipelined_request_overtakes_nobody(tmp_path):
    """It comes in the very turn in which the connection gets free."""
    gate = Gate()
    with Peer(gate) as peer:
        resources = [service("x.test", peer), policy(connectionPool={"tcp": {"maxConnections": 1}}), routes({"route": [to("x.test")]})]
        with gateway(tmp_path, *resources, args=("--threads", "1", "--admin", f"127.0.0.1:{(admin := free_port())}")) as gw:
            for turn in range(10):
                gate.opened.clear()
                with gw.client() as holder, gw.client() as waiter:
                    holder.send(b"GET /%d/held HTTP/1.1\r\nHost: x\r\n\r\nGET /%d/next HTTP/1.1\r\nHost: x\r\n\r\n" % (turn, turn))
                    assert wait_until(lambda: gate.inside == 1)
                    waiter.request(target=f"/{turn}/waits")
                    assert wait_until(lambda: clusters_of(admin)[0]["pending"] == 1)
                    gate.opened.set()
                    assert [c.answer().status for c in (holder, holder, waiter)] == [200] * 3
                order = [r.target for r in peer.requests if r.target.startswith(f"/{turn}/")]
                assert order == [f"/{turn}/{what}" for what in ("held", "waits", "next")]


def test_waiting_requests_that_leave_all_at_once_leave_the_line_going(tmp_path):
    gate = Gate()
    with Peer(gate) as peer:
        resources = [service("x.test", peer), policy(connectionPool={"tcp": {"maxConnections": 1}}), routes({"route": [to("x.test")]})]
        with gateway(tmp_path, *resources, args=("--admin", f"127.0.0.1:{(admin := free_port())}")) as gw:
            for _ in range(5):
                gate.opened.clear()
                clients = ask_many(gw, 30)
                assert wait_until(lambda: clusters_of(admin)[0]["pending"] >= 28)
                leaving = threading.Thread(target=lambda: [client.close() for client in clients[::2]])
                leaving.start()
                gate.opened.set()
                assert [client.answer().status for client in clients[1::2]] == [200] * 15
                leaving.join()
                [client.close() for client in clients]
                assert wait_until(lambda: clusters_of(admin)[0]["pending"] == 0 and clusters_of(admin)[0]["requests"] == 0)
            assert gate.most <= 2


def test_max_retries(tmp_path):
    """While one request is being retried, another may not be: the answer of the first try is passed on."""
    second = threading.Event()

    def behave(connection, request):
        if request.target == "/":
            return echo(connection, request)
        if request.target == "/first" and request.header("x-envoy-attempt-count") == "2":
            second.wait(30)
            return echo(connection, request)
        connection.send(answer(b"bad", status="503 X"))
        return True

    with Peer(behave) as peer:
        resources = [service("x.test", peer), policy(connectionPool={"http": {"maxRetries": 1}}),
                     routes({"route": [to("x.test")], "retries": {"attempts": 3, "retryOn": "5xx", "backoff": "1ms"}})]
        with gateway(tmp_path, *resources) as gw, gw.client() as first:
            first.request("POST", "/first", body=b"first")
            assert wait_until(lambda: any(r.header("x-envoy-attempt-count") == "2" for r in peer.requests))
            got = gw.call(target="/other")
            assert (got.status, got.body) == (503, b"bad") and gw.wait_line(path="/other")["response_flags"] == "UO"
            assert len([r for r in peer.requests if r.target == "/other"]) == 1
            second.set()
            assert first.answer().body == b"first"
            gw.call(target="/later")
            assert gw.wait_line(path="/later")["response_flags"] == "URX", "there is room again"


@pytest.mark.parametrize("budget,allowed", [
    ({"percent": 50, "minRetryConcurrency": 1}, 2),  # of four active requests
    ({"percent": 49.9, "minRetryConcurrency": 1}, 1),  # 1.996 is rounded down
    ({"percent": 0, "minRetryConcurrency": 1}, 1),
    ({}, 3),  # 20 % of four is less than the three that are always allowed
])
def test_retry_budget(tmp_path, budget, allowed):
    """Four requests are held by the endpoint and fail one after the other: so many are sent again as Envoy's budget allows,
    whatever maxRetries is, and the others get the answer of their first try."""
    fail = {f"/{i}": threading.Event() for i in range(4)}
    last = threading.Event()

    def behave(connection, request):
        if request.target == "/":
            return echo(connection, request)
        if request.header("x-envoy-attempt-count") == "2":
            last.wait(60)
            return echo(connection, request)
        fail[request.target].wait(60)
        connection.send(answer(b"bad", status="503 X"))
        return True

    with Peer(behave) as peer:
        def came():
            return len([r for r in peer.requests if r.target != "/"])

        resources = [service("x.test", peer), policy(retryBudget=budget, connectionPool={"http": {"maxRetries": 1}}),
                     routes({"route": [to("x.test")], "retries": {"attempts": 1, "retryOn": "5xx", "backoff": "1ms"}})]
        with gateway(tmp_path, *resources) as gw, contextlib.ExitStack() as stack:
            clients = [stack.enter_context(gw.client()) for _ in fail]
            for client, target in zip(clients, fail):
                client.request(target=target)
            assert wait_until(lambda: came() == 4)
            for i, (client, target) in enumerate(zip(clients, fail)):
                fail[target].set()
                if i < allowed:
                    assert wait_until(lambda: came() == 5 + i)
                else:
                    got = client.answer()
                    assert (got.status, got.body) == (503, b"bad") and gw.wait_line(path=target)["response_flags"] == "UO"
            assert came() == 4 + allowed
            last.set()
            assert [client.answer().status for client in clients[:allowed]] == [200] * allowed


def test_a_budget_over_time_is_refused(tmp_path):
    with Peer(echo) as peer:
        path = write(tmp_path / "mesh.yaml", GATEWAY, service("x.test", peer), policy(retryBudget={"budgetInterval": "10s"}),
                     routes({"route": [to("x.test")]}))
        code, _, err = run("headerroute-gateway", "-f", path)
        assert code == 1 and "retryBudget.budgetInterval: this gateway counts" in err


def test_connections_have_an_age_and_an_idle_time(tmp_path):
    with Peer(echo) as peer:
        resources = [service("x.test", peer), policy(connectionPool={"tcp": {"maxConnectionDuration": "0.2s"}}), routes({"route": [to("x.test")]})]
        with gateway(tmp_path, *resources, args=("--threads", "1")) as gw:
            assert wait_until(lambda: gw.call().status == 200 and peer.connections >= 4)
    with Peer(echo) as peer:
        resources = [service("x.test", peer), policy(connectionPool={"http": {"idleTimeout": "0.2s"}}), routes({"route": [to("x.test")]})]
        with gateway(tmp_path, *resources, args=("--threads", "1")) as gw:
            gw.call(target="/once")
            assert wait_until(lambda: not peer.open, 3), "long before the 4 s of the default"
            assert gw.call(target="/again").status == 200


def test_connect_timeout(tmp_path):
    """A listener whose queue is full answers no SYN."""
    with socket.socket() as listener, Peer(echo) as other:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        full = Nobody()
        full.port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for sock in fillers:
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        resources = [service("x.test", full), policy(connectionPool={"tcp": {"connectTimeout": "0.3s"}}), service("y.test", other),
                     routes({"match": [{"uri": {"prefix": "/full"}}], "route": [to("x.test")], "retries": {"attempts": 0}}, {"route": [to("y.test")]})]
        with gateway(tmp_path, *resources) as gw:
            got = gw.call(target="/full")
            line = gw.wait_line(path="/full")
            assert (got.status, line["response_flags"]) == (503, "UF")
            assert line["response_code_details"] == "upstream_reset_before_response_started{connection_timeout}"
        [sock.close() for sock in fillers]


# ---- outlierDetection ----

FOREVER = {"interval": "60s", "baseEjectionTime": "60s", "maxEjectionPercent": 100}


def ejected(admin):
    return [endpoint["ejected"] for endpoint in clusters_of(admin)[0]["endpoints"]]


def judged(tmp_path, detection, behave, retries=None):
    """A gateway with one endpoint under judgement beside a good one."""
    bad, good, admin = Peer(behave) if callable(behave) else behave, Peer(named("good")), free_port()
    resources = [service("x.test", bad, good), policy(loadBalancer={"simple": "ROUND_ROBIN"}, outlierDetection=detection),
                 routes({"route": [to("x.test")], "retries": retries or {"attempts": 0}})]
    return bad, good, admin, gateway(tmp_path, *resources, args=("--threads", "1", "--admin", f"127.0.0.1:{admin}"))


@pytest.mark.parametrize("status,detection,out", [
    ("502 X", {"consecutiveGatewayErrors": 3, "consecutive5xxErrors": 0}, True),
    ("500 X", {"consecutiveGatewayErrors": 3, "consecutive5xxErrors": 0}, False),
    ("500 X", {"consecutive5xxErrors": 3}, True),
    ("404 X", {"consecutive5xxErrors": 3}, False),
])
def test_what_counts_as_an_error(tmp_path, status, detection, out):
    bad, good, admin, server = judged(tmp_path, {**FOREVER, **detection}, always(answer(b"bad", status=status), keep=True))
    with bad, good, server as gw:
        for _ in range(20):
            gw.call()
        assert ejected(admin) == [out, False]


def test_errors_must_follow_each_other(tmp_path):
    turn = [0]

    def behave(connection, request):
        turn[0] += 1
        connection.send(answer(b"x", status="200 OK" if turn[0] % 3 == 0 else "500 X"))
        return True

    bad, good, admin, server = judged(tmp_path, {**FOREVER, "consecutive5xxErrors": 3}, behave)
    with bad, good, server as gw:
        for _ in range(40):
            gw.call()
        assert ejected(admin) == [False, False]


@pytest.mark.parametrize("split,out", [(True, False), (False, True)])
def test_failures_to_connect_count_apart_where_told(tmp_path, split, out):
    """Split, eight of them in a row eject by their own count; together, they are gateway errors."""
    apart = {"splitExternalLocalOriginErrors": True, "consecutiveLocalOriginFailures": 8}
    bad, good, admin, server = judged(tmp_path, {**FOREVER, "consecutive5xxErrors": 3, **(apart if split else {})}, Nobody())
    with good, server as gw:
        for _ in range(10):
            gw.call()
        assert ejected(admin) == [out, False]
        for _ in range(10):
            gw.call()
        assert ejected(admin) == [True, False]


def test_with_too_few_left_ejections_do_not_count(tmp_path):
    detection = {**FOREVER, "consecutive5xxErrors": 1, "minHealthPercent": 60}
    bad, good, admin, server = judged(tmp_path, detection, always(answer(b"bad", status="500 X"), keep=True))
    with bad, good, server as gw:
        statuses = [gw.call().status for _ in range(20)]
        assert ejected(admin) == [True, False] and statuses.count(500) >= 9, "half is fewer than 60 %: all are asked"


def test_ejections_grow_longer(tmp_path):
    """Ejected again at once after its return, an endpoint stays away for twice the time."""
    detection = {"consecutive5xxErrors": 1, "interval": "0.05s", "baseEjectionTime": "0.4s", "maxEjectionPercent": 100}
    bad, good, admin, server = judged(tmp_path, detection, always(answer(b"bad", status="500 X"), keep=True))
    with bad, good, server as gw, gw.client() as client:
        times = []
        while len(times) < 3:  # the moments at which it was asked
            client.request()
            if client.answer().status == 500:
                times.append(time.monotonic())
        gaps = [b - a for a, b in zip(times, times[1:])]
        assert gaps[0] >= 0.35 and gaps[1] >= 0.75, gaps


# ---- warm-up ----

def test_a_new_endpoint_is_warmed_up(tmp_path):
    """It gets little at first and its full share when its time is over; what was there is not warmed up again."""
    with Peer(named("old")) as old, Peer(named("new")) as new:
        def resources(*peers):
            return [service("x.test", *peers), routes({"route": [to("x.test")]}), policy(loadBalancer={
                "simple": "ROUND_ROBIN", "warmup": {"duration": "2s", "minimumPercent": 1, "aggression": 1}})]
        with gateway(tmp_path, *resources(old), args=("--threads", "1")) as gw:
            time.sleep(2)  # until the old one is warm
            write(tmp_path / "next", GATEWAY, *resources(old, new))
            os.rename(tmp_path / "next", tmp_path / "mesh.yaml")
            assert wait_until(lambda: "generation 2" in gw.messages())
            begun = time.monotonic()
            early = whos(gw, 100)
            took = time.monotonic() - begun
            share = (took / 2 + 0.3) / 2 + 0.02  # of what it gets of the old one's, at the most
            assert early["new"] <= 100 * share + 15, (early, took)
            assert wait_until(lambda: (late := whos(gw, 40))["new"] >= 17 and late["old"] >= 17, 30)


# ---- tcpKeepalive ----

def timers_to(pid, port):
    """Ticks until the keepalive timers of a process's connections to a port expire; None for those without one."""
    inodes = set()
    for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            inodes.add(os.readlink(fd))
        except OSError:
            pass
    found = []
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[2].endswith(f":{port:04X}") and f"socket:[{fields[9]}]" in inodes:
            timer, when = fields[5].split(":")
            found.append(int(when, 16) if timer == "02" else None)
    return found


@pytest.mark.parametrize("http2", [False, True])
def test_tcp_keepalive_is_set_on_connections_to_endpoints(tmp_path, http2):
    """The kernel shows the timer of each socket: 7 minutes are Istio's field, Linux alone would wait two hours."""
    from http2_peer import Http2Peer
    with (Http2Peer() if http2 else Peer(echo)) as peer:
        made = service("x.test", peer)
        if http2:
            made["spec"]["ports"][0]["protocol"] = "HTTP2"
        tcp = {"tcpKeepalive": {"time": "420s", "interval": "20s", "probes": 4}}
        for pool, lowest, highest in (({"tcp": tcp}, 1, 420), ({"tcp": {}}, None, None)):
            with gateway(tmp_path, made, policy(connectionPool=pool), routes({"route": [to("x.test")]})) as gw:
                assert gw.call().status == 200
                ticks = timers_to(gw.process.pid, peer.port)
                assert ticks, "no connection to the endpoint"
                if highest is None:
                    assert all(t is None for t in ticks)
                else:
                    hertz = os.sysconf("SC_CLK_TCK")
                    assert all(lowest * hertz <= (t or 0) <= highest * hertz for t in ticks), ticks
