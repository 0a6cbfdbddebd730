"""Upstream servers that fail under load. Every request has an id: the servers write down which they saw, and the
clients check that each answer is their own. Nothing may be lost, duplicated or answered with another's body."""
import os
import random
import signal

import pytest
from conftest import PATIENCE
from load import Load, Replica, scaled, times_seen
from mesh import GATEWAY, gateway, routes, rule, service, to, write


@pytest.fixture
def a(tmp_path):
    with Replica(tmp_path, "a") as replica:
        yield replica


@pytest.fixture
def b(tmp_path):
    with Replica(tmp_path, "b") as replica:
        yield replica


def get_and_post(number):
    return {"method": ["GET", "POST", "GET", "PUT"][number % 4], "ms": number % 5 * 3}


# ---- killed, frozen ----

@pytest.mark.parametrize("policy", [
    pytest.param({"loadBalancer": {"simple": "ROUND_ROBIN"}}, id="kept connections"),
    pytest.param({"connectionPool": {"http": {"maxRequestsPerConnection": 1}}}, id="fresh connections"),
])
def test_killing_replicas_loses_no_idempotent_request(tmp_path, a, b, policy):
    """Istio's default retries. What a killed replica had taken and not answered goes to the other one, if the method
    allows it; a POST that it may have acted on is answered 503 and never sent twice."""
    def ask(number):
        return {"method": "POST" if number % 4 == 0 else "GET", "ms": number % 7 * 4}

    with gateway(tmp_path, service("x.test", a, b), rule("x.test", trafficPolicy=policy), routes({"route": [to("x.test")]})) as gw:
        with Load(gw.port, ask) as load:
            for turn in range(scaled(4, 2)):
                victim = (a, b)[turn % 2]
                load.more(scaled(200, 50))
                victim.kill()
                load.more(scaled(200, 50))
                victim.start()
                before = len(victim.seen())
                load.wait(lambda: len(victim.seen()) > before, "the replica is back")
        seen = times_seen(a, b)
        assert set(load.outcomes("GET")) == {200}, load.outcomes("GET")
        assert set(load.outcomes("POST")) <= {200, 503}, load.outcomes("POST")
        for ident, (method, outcome, _) in load.done.items():
            assert outcome != 200 or seen[ident] >= 1, f"{ident} was answered by nobody"
            assert method != "POST" or seen[ident] <= 1, f"POST {ident} was sent {seen[ident]} times"
        assert set(load.done) | {"0"} >= set(seen)


def test_a_frozen_replica_holds_up_nobody_for_longer_than_a_try(tmp_path, a, b):
    retries = {"attempts": 2, "perTryTimeout": "0.25s", "retryOn": "connect-failure,reset"}
    detection = {"consecutive5xxErrors": 3, "interval": "0.2s", "baseEjectionTime": "30s", "maxEjectionPercent": 50}
    with gateway(tmp_path, service("x.test", a, b), rule("x.test", trafficPolicy={"outlierDetection": detection}),
                 routes({"route": [to("x.test")], "timeout": "60s", "retries": retries})) as gw:
        with Load(gw.port, get_and_post) as load:
            load.more(scaled(200, 40))
            a.signal(signal.SIGSTOP)
            load.more(scaled(1000, 100))
            a.signal(signal.SIGCONT)
            load.more(scaled(100, 40))
        assert set(load.outcomes()) == {200}, load.outcomes()
        seen = times_seen(a, b)
        assert all(1 <= seen[ident] <= 3 for ident in load.done), "once, and once more for each try that timed out"


def test_a_frozen_only_server_is_a_504_and_others_are_served(tmp_path, a, b):
    with gateway(tmp_path, service("x.test", a), service("y.test", b),
                 routes({"match": [{"headers": {"to": {"exact": "a"}}}], "route": [to("x.test")], "timeout": "0.3s"},
                        {"route": [to("y.test")]})) as gw:
        a.signal(signal.SIGSTOP)
        with Load(gw.port, lambda n: {"headers": [("to", "a")]}, clients=4, name="frozen") as frozen, Load(gw.port) as served:
            frozen.more(4)
            served.more(scaled(300, 50))
        assert set(frozen.outcomes()) == {504} and set(served.outcomes()) == {200}
        assert {line["response_flags"] for line in gw.lines(response_code=504)} == {"UT"}
        assert set(times_seen(b)) == set(served.done) | {"0"}
        a.signal(signal.SIGCONT)


# ---- answers that go wrong ----

def every(n, do, **other):
    return lambda number: {"do": do if number % n == n - 1 else "chunked" if number % n == 1 else "ok", **other}


@pytest.mark.parametrize("do,outcome,flag", [("reset", "cut", "UC"), ("malformed", 502, "UPE")])
def test_bad_answers_among_good_ones(tmp_path, a, b, do, outcome, flag):
    """Just the bad ones fail, each was sent once (bytes that a client has seen are never sent again), and what is
    wrong with one answer never shows in another."""
    retries = {"attempts": 5, "retryOn": "connect-failure,503,cancelled"} if do == "malformed" else \
        {"attempts": 5, "retryOn": "5xx,reset,connect-failure"}
    with gateway(tmp_path, service("x.test", a, b), routes({"route": [to("x.test")], "retries": retries})) as gw:
        with Load(gw.port, every(4, do)) as load:
            load.more(scaled(1500, 200))
        bad = {ident for ident, (_, _, q) in load.done.items() if q["do"] == do}
        assert bad and load.ids(outcome) == bad and load.ids(200) == set(load.done) - bad, load.outcomes()
        seen = times_seen(a, b)
        assert {seen[ident] for ident in load.done} == {1}
        gw.wait_line(response_flags=flag)


def test_what_comes_behind_an_answer_is_nobodys(tmp_path, a):
    with gateway(tmp_path, service("x.test", a), routes({"route": [to("x.test")]})) as gw:
        with Load(gw.port, every(3, "surplus")) as load:
            load.more(scaled(1000, 200))
        seen = times_seen(a)
        assert set(load.outcomes()) == {200} and {seen[ident] for ident in load.done} == {1}


def test_slow_answers_hold_up_no_others(tmp_path, a):
    with gateway(tmp_path, service("x.test", a), routes({"route": [to("x.test")]}), args=("--threads", "1")) as gw:
        with Load(gw.port, lambda n: {"do": "drip", "size": 120}, clients=16, name="slow") as slow, Load(gw.port) as quick:
            slow.more(32)
            quick.more(scaled(300, 50))
        seen = times_seen(a)
        assert set(slow.outcomes()) == set(quick.outcomes()) == {200}
        assert {seen[ident] for ident in [*slow.done, *quick.done]} == {1}


def test_an_endpoint_that_refuses_costs_nothing(tmp_path, a, b):
    b.kill()
    with gateway(tmp_path, service("x.test", a, b), routes({"route": [to("x.test")]})) as gw:
        with Load(gw.port, get_and_post) as load:
            load.more(scaled(1000, 200))
        seen = times_seen(a)
        assert set(load.outcomes()) == {200} and {seen[ident] for ident in load.done} == {1}


# ---- the configuration under load ----

def test_the_list_of_endpoints_changes_under_load(tmp_path, a, b):
    """Endpoints come and go; requests in progress on a removed one finish, and no new request reaches it."""
    with Replica(tmp_path, "c") as c:
        one = routes({"route": [to("x.test")]})
        with gateway(tmp_path, service("x.test", a, b), one) as gw:
            def use(*replicas):
                loaded = gw.messages().count("loaded anew")
                write(tmp_path / "new", GATEWAY, service("x.test", *replicas), one)
                os.rename(tmp_path / "new", tmp_path / "mesh.yaml")
                load.wait(lambda: gw.messages().count("loaded anew") > loaded, "the new list")

            with Load(gw.port, get_and_post) as load:
                load.more(scaled(200, 50))
                for present, removed in [((a, c), b), ((c,), a), ((b, c), a), ((a,), b), ((a, b, c), None)]:
                    use(*present)
                    load.rounds(2)
                    quiet = removed and len(removed.seen())
                    load.more(scaled(200, 50))
                    assert removed is None or len(removed.seen()) == quiet, "a new request went to an endpoint that is gone"
            seen = times_seen(a, b, c)
            assert set(load.outcomes()) == {200}, load.outcomes()
            assert {seen[ident] for ident in load.done} == {1}


def config_map(folder, *resources):
    """Writes the volume as the kubelet does, or swaps its link."""
    folder.mkdir(exist_ok=True)
    version = folder / f"..{len(list(folder.iterdir()))}"
    version.mkdir()
    write(version / "mesh.yaml", *resources)
    os.symlink(version.name, folder / "..data_tmp")
    os.rename(folder / "..data_tmp", folder / "..data")
    if not (folder / "mesh.yaml").is_symlink():
        os.symlink("..data/mesh.yaml", folder / "mesh.yaml")


def test_1000_reloads_under_load(tmp_path, a, b):
    """By SIGHUP, and by swaps of a ConfigMap's link between two configurations."""
    from harness import Server

    def rules(n):
        hosts = ["x.test", "y.test"]
        return [GATEWAY, service("x.test", a), service("y.test", b), routes({"route": [to(hosts[n % 2])]})]

    folder = tmp_path / "volume"
    config_map(folder, *rules(0))
    with Server("headerroute-gateway", "-f", folder, ready_path="/") as gw:
        done = 0

        def loaded():
            return gw.messages().count("is loaded anew")

        with Load(gw.port, get_and_post) as load:
            for n in range(1, scaled(1000) + 1):
                if n % 50 == 0:
                    before = {who: len(who.seen()) for who in (a, b)}
                    config_map(folder, *rules(n // 50))
                    target = (a, b)[n // 50 % 2]
                    load.wait(lambda: len(target.seen()) > before[target] + 8, "the new rules act")
                else:
                    gw.process.send_signal(signal.SIGHUP)
                    load.wait(lambda: loaded() > done, f"reload {n}")
                done = loaded()
            middle = gw.rss_kib()
        assert set(load.outcomes()) == {200}, load.outcomes()
        seen = times_seen(a, b)
        assert {seen[ident] for ident in load.done} == {1}
        print(f"{done} reloads, {len(load.done)} requests, RSS {middle} KiB")


# ---- the gateway's own end ----

def test_drain_under_load_loses_nothing(tmp_path, a, b):
    """A request without an answer from a draining gateway was not served: it may be sent again."""
    with gateway(tmp_path, service("x.test", a, b), routes({"route": [to("x.test")]})) as gw:
        with Load(gw.port, lambda n: {"method": random.choice(["GET", "POST"]), "ms": n % 10 * 5}, clients=16, leaves=True) as load:
            load.more(scaled(500, 100))
            gw.process.send_signal(signal.SIGTERM)
            assert gw.process.wait(PATIENCE) == 0
        seen = times_seen(a, b)
        unanswered = {ident for ident, (_, outcome, _) in load.done.items() if outcome != 200}
        assert set(load.outcomes()) <= {200, "closed"}, load.outcomes()
        assert {seen[ident] for ident in load.ids(200)} == {1}
        assert not [ident for ident in unanswered if seen[ident]], "served, but the answer was lost"
        assert set(seen) - set(load.done) - {"0"} == set(), "a request that no client waits for"
