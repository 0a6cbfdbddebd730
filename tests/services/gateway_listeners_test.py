"""headerroute-gateway with --map: several listeners of one Gateway, each at an address of its own."""
import base64
import os
import re
import signal
import socket
import ssl
import subprocess
import threading

import pytest
from certificates import Authority
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


def test_flags_that_do_not_fit(peers, tmp_path):
    path = write(tmp_path / "mesh.yaml", *two_listeners(peers))
    for flags, sentence in [
            (["--map", "80"], "--map: '80' is not a port of a listener and an address such as 80=127.0.0.1:8080"),
            (["--map", "0=127.0.0.1:1"], "--map: '0=127.0.0.1:1' is not a port of a listener and an address such as 80=127.0.0.1:8080"),
            (["--map", "80=here:1"], "--map: 'here:1' is not an address and port such as 127.0.0.1:5000 or [::1]:5000"),
            (["--map", "80=127.0.0.1:0", "--map", "80=127.0.0.2:0"], "--map: port 80 is given twice"),
            (["--map", "80=127.0.0.1:0", "--listen", "127.0.0.1:0"], "--listen and --map cannot be combined: --map names the addresses"),
            (["--map", "80=127.0.0.1:0", "--gateway-port", "80"], "--gateway-port and --map cannot be combined: --map names the ports"),
            (["--map", "80=127.0.0.1:0", "--tls-cert", path, "--tls-key", path],
             "--tls-cert and --map cannot be combined: the listeners name their certificates"),
            (["--map", "80=127.0.0.1:0", "--check"], "--check with --map needs --status or --admin")]:
        assert refused("-f", path, *flags) == (2, f"headerroute-gateway: {sentence}\n")


def test_ports_that_do_not_meet(peers, tmp_path):
    path = write(tmp_path / "mesh.yaml", *two_listeners(peers))
    code, said = refused("-f", path, "--map", "443=127.0.0.1:0")
    assert code == 1 and "there is no Gateway default/edge with an HTTP or HTTPS listener on a port of --map" in said
    code, said = refused("-f", path, "--map", "80=127.0.0.1:0", "--gateway", "mesh")
    assert code == 1 and "--map is for the listeners of a Gateway, not for the mesh" in said
    with Mapped(path, 80, 443, opens=1) as gw:
        assert call(gw.ports[0]).header("x-who") == "one"
        assert "warning: --map 443=127.0.0.1:0: Gateway default/edge has no HTTP or HTTPS listener on port 443" in gw.messages()
        assert "warning: Gateway default/edge: port 8081 is not served: give --map 8081=ADDR:PORT" in gw.messages()
        gw.wait_for('headerroute_gateway_listener_open{port="443",address="127.0.0.1:0"}', 0)


def test_an_address_in_use_ends_the_start(peers, tmp_path):
    path = write(tmp_path / "mesh.yaml", *two_listeners(peers))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, said = refused("-f", path, "--map", "80=127.0.0.1:0", "--map", f"8081=127.0.0.1:{port}")
    assert code == 1 and f"cannot listen on 127.0.0.1:{port}: Address already in use" in said


# ---- reload ----

def test_listeners_come_and_go_with_the_files(peers, tmp_path):
    both, one = two_listeners(peers), [CLASS, gateway_of(listener("a", 80)), route("first", "a", "one"), *backends(peers)]
    path = write(tmp_path / "mesh.yaml", *one)
    port = free_port()
    with Mapped(path, 80, f"8081=127.0.0.1:{port}", opens=1) as gw:
        assert call(gw.ports[0]).header("x-who") == "one"
        write(path, *both)
        gw.wait_for("headerroute_gateway_config_generation", 2)
        assert call(port).header("x-who") == "two"
        with Client(port) as idle, Client(port) as busy:
            idle.request()
            assert idle.answer().header("x-who") == "two"
            write(path, *one)
            gw.wait_for("headerroute_gateway_config_generation", 3)
            gw.wait_for(f'headerroute_gateway_listener_open{{port="8081",address="127.0.0.1:{port}"}}', 0)
            busy.request()
            got = busy.answer()
            assert (got.status, got.header("connection")) == (404, "close")
            assert idle.at_eof()  # closed before --idle-timeout
        with pytest.raises(ConnectionRefusedError):
            Client(port)
        assert call(gw.ports[0]).header("x-who") == "one"
        write(path, *both)
        gw.wait_for("headerroute_gateway_config_generation", 4)
        assert call(port).header("x-who") == "two"


def test_an_address_in_use_keeps_the_configuration(peers, tmp_path):
    both = two_listeners(peers)
    path = write(tmp_path / "mesh.yaml", CLASS, gateway_of(listener("a", 80)), route("first", "a", "one"), *backends(peers))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with Mapped(path, 80, f"8081=127.0.0.1:{port}", opens=1) as gw:
            write(path, *both[:2], route("first", "a", "two"), *both[3:])
            gw.wait_for('headerroute_gateway_reloads_total{result="failed"}', 1)
            assert f"the configuration of before stays in force: cannot listen on 127.0.0.1:{port}: Address already in use" in gw.messages()
            assert call(gw.ports[0]).header("x-who") == "one"
            gw.wait_for("headerroute_gateway_config_good", 0)
            taken.close()
            os.kill(gw.process.pid, signal.SIGHUP)
            gw.wait_for("headerroute_gateway_config_good", 1)
            assert [call(p).header("x-who") for p in (gw.ports[0], port)] == ["two", "two"]


def test_requests_are_answered_while_listeners_change(peers, tmp_path):
    """Reload under load: a listener that stays loses no request, whatever happens to the other."""
    both, one = two_listeners(peers), [CLASS, gateway_of(listener("a", 80)), route("first", "a", "one"), *backends(peers)]
    path = write(tmp_path / "mesh.yaml", *one)
    port = free_port()
    with Mapped(path, 80, f"8081=127.0.0.1:{port}", opens=1, args=["--threads", "2"]) as gw:
        stop, wrong, served = threading.Event(), [], []

        def load():
            with Client(gw.ports[0]) as kept:
                while not stop.is_set():
                    kept.request()
                    got = [kept.answer(), call(gw.ports[0])]
                    served.append(len(got))
                    wrong.extend(x.status for x in got if x.header("x-who") != "one")
        threads = [threading.Thread(target=load) for _ in range(3)]
        for thread in threads:
            thread.start()
        for generation in range(2, 8):
            write(path, *(both if generation % 2 == 0 else one))
            gw.wait_for("headerroute_gateway_config_generation", generation)
        stop.set()
        for thread in threads:
            thread.join(PATIENCE)
        assert served and wrong == []


# ---- TLS ----

@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


def secret(name, pair, namespace="default", encoded=True, **more):
    certificate, key = (path.read_text() for path in pair)
    values = {"tls.crt": certificate, "tls.key": key}
    made = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "type": "kubernetes.io/tls"}
    if encoded:
        made["data"] = {k: base64.b64encode(v.encode()).decode() for k, v in values.items()}
    else:
        made["stringData"] = values
    return {**made, **more}


def https(name, hostname, *secrets, port=443, **tls):
    refs = [{"name": s} if isinstance(s, str) else s for s in secrets]
    more = {"hostname": hostname} if hostname else {}
    return listener(name, port, "HTTPS", tls={"mode": "Terminate", "certificateRefs": refs, **tls}, **more)


def handshake(authority, port, name, alpn=("http/1.1",)):
    """A client that has shaken hands; its `sock` knows the certificate. `name` None: no SNI."""
    context = ssl.create_default_context(cafile=str(authority.path))
    context.set_alpn_protocols(list(alpn))
    context.check_hostname = False
    client = Client(port)
    try:
        client.sock = context.wrap_socket(client.sock, server_hostname=name)
    except (OSError, ssl.SSLError):
        client.close()
        raise
    return client


def names_of(client):
    return sorted(value for _, value in client.sock.getpeercert()["subjectAltName"])


def ask(authority, port, name, host):
    with handshake(authority, port, name) as client:
        client.request("GET", "/", [("Host", host), ("Connection", "close")])
        return names_of(client), client.answer()


def test_the_server_name_chooses_certificate_and_listener(peers, tmp_path, authority):
    """As Envoy's filter chains: exact name, longest wildcard, any; then only that listener's routes, whatever Host says."""
    pairs = {n: authority.issue(n.strip("*.").replace(".", "-"), n) for n in ("a.test", "*.test", "*.deep.test")}
    path = write(tmp_path / "mesh.yaml", CLASS,
                 gateway_of(https("exact", "a.test", "exact"), https("wild", "*.test", "wild"), https("deep", "*.deep.test", "deep"),
                            listener("plain", 80)),
                 secret("exact", pairs["a.test"]), secret("wild", pairs["*.test"], encoded=False), secret("deep", pairs["*.deep.test"]),
                 route("r-exact", "exact", "one"), route("r-wild", "wild", "two"), route("r-deep", "deep", "one"),
                 route("r-plain", "plain", "two"), *backends(peers))
    with Mapped(path, 443, 80) as gw:
        tls = gw.ports[0]
        for name, certificate, who in [("a.test", "a.test", "one"), ("A.TEST", "a.test", "one"), ("b.test", "*.test", "two"),
                                       ("x.b.test", "*.test", "two"), ("x.deep.test", "*.deep.test", "one")]:
            names, got = ask(authority, tls, name, name)
            assert (names, got.status, got.header("x-who")) == ([certificate], 200, who), name
        # Host of another listener, on the connection of this one: no virtual host of its own has it.
        names, got = ask(authority, tls, "a.test", "b.test")
        assert (names, got.status) == (["a.test"], 404)
        names, got = ask(authority, tls, "b.test", "a.test")
        assert (names, got.header("x-who")) == (["*.test"], "two")  # *.test has a.test among its hosts
        for unknown in ("other.example", None):
            with pytest.raises((ssl.SSLError, OSError)):
                ask(authority, tls, unknown, "a.test")
        assert call(gw.ports[1]).header("x-who") == "two"
        gw.wait_for(f'headerroute_gateway_listener_tls_connections_total{{port="443",address="127.0.0.1:0"}}', 9)
        gw.wait_for(f'headerroute_gateway_listener_tls_handshakes_total{{port="443",address="127.0.0.1:0"}}', 7)
        everything = gw.admin("/config").body + gw.admin("/metrics").body + gw.messages().encode() + \
            gw.admin("/explain?authority=a.test&path=/&port=443").body
        for pair in pairs.values():
            for line in pair[1].read_text().splitlines()[1:-1]:
                assert line.encode() not in everything
        assert gw.admin("/config").json()["listeners"][0]["certificates"] == ["default/deep", "default/exact", "default/wild"]
