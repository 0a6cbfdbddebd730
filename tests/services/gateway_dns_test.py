"""Endpoints that are names: every address used, changes followed without losing a request."""
import contextlib
import re
import signal
import threading
import time

import pytest

from gateway_test import named
from harness import PATIENCE, Client, free_port, run
from mesh import GATEWAY, gateway, routes, rule, service, to, write
from name_server import NXDOMAIN, SERVFAIL, SILENT, NameServer
from peers import Peer, wait_until


@contextlib.contextmanager
def pods(*hosts):
    """Peers on one port of several addresses; each answers with its address."""
    with contextlib.ExitStack() as stack:
        while True:
            first = Peer(named(hosts[0]), host=hosts[0])
            try:
                rest = [Peer(named(h), host=h, port=first.port) for h in hosts[1:]]
                break
            except OSError:  # that port is in use on another address
                first.close()
        for peer in (first, *rest):
            stack.enter_context(peer)
        yield [first, *rest]


def entry(host, port, *endpoints, resolution="DNS"):
    """endpoints: names, or (name, labels)."""
    items = [{"address": e[0], "labels": e[1]} if isinstance(e, tuple) else {"address": e} for e in endpoints]
    return {"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": {"name": host.replace(".", "-")},
            "spec": {"hosts": [host], "ports": [{"number": 80, "name": "http", "protocol": "HTTP", "targetPort": port}],
                     "location": "MESH_INTERNAL", "resolution": resolution, **({"endpoints": items} if items else {})}}


def kube_service(name, port, selector, headless=True, **port_fields):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"selector": selector, "ports": [{"port": port, "name": "http", **port_fields}],
                     **({"clusterIP": "None"} if headless else {})}}


def who(gw, headers=()):
    return gw.call(headers=headers).header("x-who")


def everyone(gw, n=12):
    return {who(gw) for _ in range(n)}


ONE, TWO, THREE = "127.0.9.1", "127.0.9.2", "127.0.9.3"


@pytest.fixture
def dns():
    with NameServer() as server:
        yield server


def using(dns, *more):
    return ("--dns-server", dns.address, "--threads", "2", *more)


def test_every_address_is_used_and_changes_are_followed(tmp_path, dns):
    dns.set("pods.test", [ONE, TWO])
    with pods(ONE, TWO, THREE) as (one, two, three):
        resources = [entry("x.test", one.port, "pods.test"), rule("x.test", trafficPolicy={"loadBalancer": {"simple": "ROUND_ROBIN"}}),
                     routes({"route": [to("x.test")]})]
        with gateway(tmp_path, *resources, args=using(dns)) as gw:
            assert everyone(gw) == {ONE, TWO}, "known before the first request"
            dns.set("pods.test", [THREE, TWO])
            assert wait_until(lambda: everyone(gw) == {TWO, THREE}, 30)
            dns.set("pods.test", SERVFAIL)
            assert wait_until(lambda: "cannot be looked up" in gw.messages(), 30)
            assert everyone(gw) == {TWO, THREE}, "the last addresses stay in use"
            dns.set("pods.test", NXDOMAIN)
            assert wait_until(lambda: gw.call().status == 503, 30)
            assert gw.call(target="/gone").body == b"no healthy upstream"
            assert gw.wait_line(path="/gone")["response_flags"] == "UH"
            dns.set("pods.test", [ONE])
            assert wait_until(lambda: gw.call().status == 200, 30) and everyone(gw) == {ONE}
            assert "generation" not in gw.messages(), "the files are not read again for it"


def test_labels_of_names_make_subsets(tmp_path, dns):
    dns.set("v1.test", [ONE])
    dns.set("v2.test", [TWO, THREE])
    with pods(ONE, TWO, THREE) as (one, *_):
        resources = [
            entry("x.test", one.port, ("v1.test", {"version": "1"}), ("v2.test", {"version": "2"})),
            rule("x.test", subsets=[{"name": "one", "labels": {"version": "1"}}, {"name": "two", "labels": {"version": "2"}}]),
            routes({"match": [{"headers": {"target": {"exact": "condition1"}}}], "route": [to("x.test", "one")]},
                   {"route": [to("x.test", "two")]})]
        with gateway(tmp_path, *resources, args=using(dns)) as gw:
            assert {who(gw, [("target", "condition1")]) for _ in range(6)} == {ONE}
            assert wait_until(lambda: everyone(gw, 20) == {TWO, THREE})


def test_services_without_pods_are_looked_up(tmp_path, dns):
    dns.set("pods.default.svc.cluster.local", [ONE, TWO])
    dns.set("virtual.default.svc.cluster.local", [THREE])
    with pods(ONE, TWO, THREE) as (one, *_):
        resources = [
            kube_service("pods", 80, {"app": "pods", "version": "1"}, targetPort=one.port),
            kube_service("virtual", one.port, {"app": "virtual"}, headless=False, targetPort=1),
            rule("pods", subsets=[{"name": "one", "labels": {"version": "1"}}, {"name": "other", "labels": {"version": "2"}}]),
            routes({"match": [{"uri": {"prefix": "/virtual"}}], "route": [to("virtual")]},
                   {"match": [{"uri": {"prefix": "/other"}}], "route": [to("pods", "other")]},
                   {"match": [{"uri": {"prefix": "/one"}}], "route": [to("pods", "one")]},
                   {"route": [to("pods")]})]
        with gateway(tmp_path, *resources, args=using(dns)) as gw:
            assert everyone(gw, 20) == {ONE, TWO}, "the pods' port is the Service's targetPort"
            assert gw.call(target="/virtual").header("x-who") == THREE, "the virtual address has the Service's own port"
            assert gw.call(target="/one").header("x-who") in (ONE, TWO), "the selector's labels are the pods'"
            assert gw.call(target="/other").status == 503


def test_named_pods_are_not_looked_up(tmp_path, dns):
    with pods(ONE) as (one,):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"app": "x"}},
               "spec": {"containers": [{"name": "c", "image": "i:1"}]}, "status": {"phase": "Running", "podIP": ONE}}
        resources = [kube_service("pods", 80, {"app": "x"}, headless=False, targetPort=one.port), pod, routes({"route": [to("pods")]})]
        with gateway(tmp_path, *resources, args=using(dns)) as gw:
            assert everyone(gw) == {ONE} and dns.asked == []


def test_a_silent_server_does_not_hold_the_start_up(tmp_path, dns):
    dns.set("pods.test", SILENT)
    with pods(ONE) as (one,):
        resources = [entry("x.test", one.port, "pods.test"), service("y.test", one),
                     routes({"match": [{"uri": {"prefix": "/y"}}], "route": [to("y.test")]}, {"route": [to("x.test")]})]
        with gateway(tmp_path, *resources, args=using(dns)) as gw:
            assert gw.call(target="/y").status == 200 and gw.call().status == 503
            dns.set("pods.test", [ONE])
            assert wait_until(lambda: gw.call().status == 200, 60)


def test_logical_dns_goes_to_one_address(tmp_path, dns):
    dns.set("pods.test", [ONE, TWO])
    with pods(ONE, TWO) as (one, two):
        with gateway(tmp_path, entry("pods.test", one.port, resolution="DNS_ROUND_ROBIN"), routes({"route": [to("pods.test")]}),
                     args=using(dns)) as gw:
            assert len(everyone(gw)) == 1
            dns.set("pods.test", [TWO])
            assert wait_until(lambda: everyone(gw) == {TWO}, 30)


def test_ipv6_where_there_is_no_ipv4(tmp_path, dns):
    dns.set("six.test", ["::1"])
    dns.set("both.test", ["::1", ONE])
    with Peer(named("six"), host="::1") as six, pods(ONE) as (one,):
        resources = [entry("x.test", six.port, "six.test"), entry("y.test", one.port, "both.test"),
                     routes({"match": [{"uri": {"prefix": "/y"}}], "route": [to("y.test")]}, {"route": [to("x.test")]})]
        with gateway(tmp_path, *resources, args=using(dns)) as gw:
            assert everyone(gw, 4) == {"six"}
            assert {gw.call(target="/y").header("x-who") for _ in range(4)} == {ONE}


def test_names_that_no_file_has_any_more_are_forgotten(tmp_path, dns):
    dns.set("old.test", [ONE])
    dns.set("new.test", [TWO])
    with pods(ONE, TWO) as (one, two):
        with gateway(tmp_path, entry("x.test", one.port, "old.test"), routes({"route": [to("x.test")]}), args=using(dns)) as gw:
            assert everyone(gw, 4) == {ONE}
            write(tmp_path / "mesh.yaml", GATEWAY, entry("x.test", one.port, "new.test"), routes({"route": [to("x.test")]}))
            assert wait_until(lambda: who(gw) == TWO, 30)
            old, new = dns.times_asked("old.test"), dns.times_asked("new.test")
            assert wait_until(lambda: dns.times_asked("new.test") >= new + 4, 60), "asked again and again"
            assert dns.times_asked("old.test") <= old + 2, "but for one look-up that was under way"


def test_no_request_is_lost_while_addresses_change(tmp_path, dns):
    dns.set("pods.test", [ONE, TWO])
    with pods(ONE, TWO, THREE) as (one, *_):
        resources = [entry("x.test", one.port, "pods.test"), routes({"route": [to("x.test")]})]
        with gateway(tmp_path, *resources, args=using(dns)) as gw:
            stop, bad, good = threading.Event(), [], [0] * 4

            def client(number):
                with gw.client() as connection:
                    while not stop.is_set():
                        connection.request()
                        got = connection.answer()
                        good[number] += got.status == 200
                        if got.status != 200:
                            bad.append((got.status, got.body))

            clients = [threading.Thread(target=client, args=(i,)) for i in range(4)]
            for thread in clients:
                thread.start()
            for turn, addresses in enumerate([[THREE], [ONE, THREE], [TWO], [ONE, TWO, THREE]], 2):
                dns.set("pods.test", addresses)
                assert wait_until(lambda: gw.messages().count("pods.test has") == turn, 60)
            stop.set()
            for thread in clients:
                thread.join()
            assert bad == [] and min(good) > 0


def test_the_administrator_sees_names(tmp_path, dns):
    dns.set("pods.test", [TWO, ONE])
    dns.set("bad.test", SERVFAIL)
    admin = free_port()
    with pods(ONE, TWO) as (one, two):
        resources = [entry("x.test", one.port, "pods.test"), entry("y.test", one.port, "bad.test"),
                     routes({"match": [{"uri": {"prefix": "/y"}}], "route": [to("y.test")]}, {"route": [to("x.test")]})]
        with gateway(tmp_path, *resources, args=using(dns, "--admin", f"127.0.0.1:{admin}")) as gw:
            def ask(target):
                with Client(admin) as client:
                    client.request(target=target)
                    return client.answer()
            rows = {row["name"]: row for row in ask("/dns").json()}
            assert sorted(rows["pods.test"]["addresses"]) == [ONE, TWO] and rows["pods.test"]["error"] is None
            assert rows["pods.test"]["seconds_since_answer"] >= 0
            assert rows["bad.test"]["addresses"] == [] and rows["bad.test"]["failures"] >= 1 and rows["bad.test"]["error"]
            clusters = {c["name"]: c for c in ask("/clusters").json()}
            endpoints = clusters["outbound|80||x.test"]["endpoints"]
            assert sorted((e["address"], e["name"]) for e in endpoints) == [(f"{h}:{one.port}", "pods.test") for h in (ONE, TWO)]
            metrics = ask("/metrics").body.decode()
            for result in ("addresses", "failed"):
                assert float(re.search(r'dns_lookups_total{result="%s"} (\S+)' % result, metrics)[1]) >= 1


def test_a_wrong_name_server_is_refused(tmp_path):
    path = write(tmp_path / "mesh.yaml", GATEWAY)
    code, out, err = run("headerroute-gateway", "-f", path, "--listen", "127.0.0.1:0", "--dns-server", "not an address")
    assert code == 1 and len(err.strip().splitlines()) == 1 and "names cannot be looked up" in err


def test_who_connects_while_a_reload_holds_up_the_drain_is_served(tmp_path, dns):
    """A new name that is not answered holds the reload up, and SIGTERM comes meanwhile: a connection is served or refused."""
    dns.set("slow.test", SILENT)
    with Peer(named(ONE), host=ONE) as peer:
        resources = [service("x.test", peer), routes({"route": [to("x.test")]})]
        with gateway(tmp_path, *resources, args=("--dns-server", dns.address, "--threads", "1")) as gw:
            write(tmp_path / "mesh.yaml", GATEWAY, resources[0], entry("y.test", 80, "slow.test"),
                  routes({"match": [{"uri": {"exact": "/y"}}], "route": [to("y.test")]}, {"route": [to("x.test")]}))
            assert wait_until(lambda: dns.times_asked("slow.test") > 0)
            gw.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(ConnectionRefusedError):
                while True:
                    assert gw.call().status == 200
                    time.sleep(0.05)
            assert gw.process.wait(PATIENCE) == 0
