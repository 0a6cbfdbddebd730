"""headerroute-gateway with --map: several listeners of one Gateway, each at an address of its own."""
import os
import re
import signal
import socket
import subprocess
import time

import pytest
from conftest import PATIENCE, wait_until
from gateway_api_test import API, named, service_of
from harness import BUILD, Client, Server, free_port
from mesh import routes, service, to, write
from peers import Peer

LISTENS = re.compile(r" listens on \S+?:(\d+) with")
CLASS = {"apiVersion": API, "kind": "GatewayClass", "metadata": {"name": "istio"},
         "spec": {"controllerName": "istio.io/gateway-controller"}}


@pytest.fixture(scope="module")
def peers():
    with Peer(named("one"), host="127.0.0.43") as one, Peer(named("two"), host="127.0.0.44") as two:
        yield {"one": one, "two": two}


def listener(name, port, protocol="HTTP", **more):
    return {"name": name, "port": port, "protocol": protocol, **more}


def gateway_of(*listeners, **meta):
    return {"apiVersion": API, "kind": "Gateway", "metadata": {"name": "edge", **meta},
            "spec": {"gatewayClassName": "istio", "listeners": list(listeners)}}


def route(name, section, backend, *rules, hostnames=(), kind="HTTPRoute"):
    spec = {"parentRefs": [{"name": "edge", "sectionName": section}],
            "rules": list(rules) or [{"backendRefs": [{"name": backend, "port": 80}]}]}
    if hostnames:
        spec["hostnames"] = list(hostnames)
    return {"apiVersion": API, "kind": kind, "metadata": {"name": name}, "spec": spec}


def backends(peers):
    return [resource for name, peer in peers.items() for resource in service_of(name, peer)]


class Mapped(Server):
    """`ports` are those that were bound, in the order of the --map flags, then --admin's."""

    def __init__(self, path, *maps, args=(), opens=None, **kwargs):
        """`opens`: how many of the maps have a listener at the start (default: all)."""
        self.n_maps = len(maps) if opens is None else opens
        flags = [part for m in maps for part in ("--map", m if "=" in str(m) else f"{m}=127.0.0.1:0")]
        super().__init__("headerroute-gateway", "-f", path, *flags, "--admin", "127.0.0.1:0", *args, listen=False, **kwargs)

    def _wait(self):
        def ready():
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.messages()}"
            return len(self.ports) > self.n_maps and self.admin("/ready").status == 200
        wait_until(ready, "the gateway is ready")

    @property
    def ports(self):
        return [int(port) for port in LISTENS.findall(self.messages())]

    def admin(self, target):
        return call(self.ports[self.n_maps], target, host="localhost")

    def wait_for(self, metric, value):
        def holds():
            text = self.admin("/metrics").body.decode()
            return any(line == f"{metric} {value}" for line in text.splitlines())
        wait_until(holds, f"{metric} is {value}: {self.messages()}")

    def wait_message(self, pattern):
        return wait_until(lambda: re.search(pattern, self.messages()), f"message {pattern}; there are {self.messages()}")


def call(port, target="/", host="test", method="GET", body=None, headers=()):
    with Client(port) as client:
        client.request(method, target, [("Host", host), ("Connection", "close"), *headers], body)
        return client.answer(method)


def refused(*args, timeout=PATIENCE):
    """Exit code and messages of a gateway that does not start."""
    done = subprocess.run([BUILD / "bin" / "headerroute-gateway", *map(str, args)], capture_output=True, text=True, timeout=timeout,
                          env={k: v for k, v in os.environ.items() if not k.startswith("HR_")})
    return done.returncode, done.stderr


def two_listeners(peers):
    return [CLASS, gateway_of(listener("a", 80), listener("b", 8081)), route("first", "a", "one"), route("second", "b", "two"),
            *backends(peers)]


# ---- plain HTTP ----

def test_each_listener_is_routed_by_its_own_view(peers, tmp_path):
    path = write(tmp_path / "mesh.yaml", *two_listeners(peers))
    with Mapped(path, 80, 8081) as gw:
        a, b = gw.ports[:2]
        assert [call(port).header("x-who") for port in (a, b, a)] == ["one", "two", "one"]
        config = gw.admin("/config").json()
        assert [(x["port"], x["listens"]) for x in config["listeners"]] == [(80, True), (8081, True)]
        for x, name in zip(config["listeners"], ("one", "two")):
            found = [t["cluster"] for table in x["route_tables"] for v in table["virtual_hosts"] for r in v["routes"]
                     for t in r["action"]["targets"]]
            assert found == [f"outbound|80||{name}.default.svc.cluster.local"]
        for port, name in ((80, "one"), (8081, "two")):
            got = gw.admin(f"/explain?authority=test&path=/&port={port}").json()
            assert got["decision"]["destination"]["host"] == f"{name}.default.svc.cluster.local"
        assert gw.admin("/explain?authority=test&path=/&port=9").status == 400
        clusters = [c["name"] for c in gw.admin("/clusters").json()]
        assert len(clusters) == len(set(clusters))


def test_a_cluster_of_two_listeners_is_one(peers, tmp_path):
    """Endpoints, counters and ejections are shared, as Envoy's clusters are."""
    path = write(tmp_path / "mesh.yaml", CLASS, gateway_of(listener("a", 80), listener("b", 8081)), route("first", "a", "one"),
                 route("second", "b", "one"), *backends(peers))
    with Mapped(path, 80, 8081) as gw:
        for port in gw.ports[:2]:
            assert call(port).header("x-who") == "one"
        found = [c for c in gw.admin("/clusters").json() if c["name"] == "outbound|80||one.default.svc.cluster.local"]
        assert [c["endpoints"][0]["requests"] for c in found] == [2]
