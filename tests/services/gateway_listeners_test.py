"""headerroute-gateway with --map: several listeners of one Gateway, each at an address of its own."""
import base64
import os
import re
import socket
import ssl
import subprocess
import threading

import pytest
from certificates import Authority
from conftest import PATIENCE, wait_until
from gateway_api_test import API, named, service_of
from gateway_dns_test import pods
from harness import BUILD, Client, Server, free_port
from http2_wire import Http2
from mesh import routes, service, to, write
from name_server import NameServer
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


def test_only_ports_that_a_map_could_serve_are_asked_for(peers, tmp_path):
    path = write(tmp_path / "mesh.yaml", istio(istio_server(80, "*"), istio_server(8081, "*"), istio_server(9000, "*", protocol="TCP"),
                                               istio_server(9443, "a.test", protocol="TLS", tls={"mode": "PASSTHROUGH"})),
                 routes({"route": [to("svc.test")]}), service("svc.test", peers["one"]))
    with Mapped(path, 80) as gw:
        assert re.findall(r"port (\d+) is not served", gw.messages()) == ["8081"]


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
    # With one loop, an answer of the admin listener means that this loop has seen what was sent to it before.
    with Mapped(path, 80, f"8081=127.0.0.1:{port}", opens=1, args=["--threads", "1"]) as gw:
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


def test_an_address_in_use_keeps_the_configuration_until_it_is_free(peers, tmp_path):
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
            gw.wait_for("headerroute_gateway_config_good", 1)
            assert "an address is free by now: the configuration is loaded anew (generation 2)" in gw.messages()
            gw.wait_for('headerroute_gateway_reloads_total{result="failed"}', 1)
            wait_until(lambda: [call(p).header("x-who") for p in (gw.ports[0], port)] == ["two", "two"], "the new routes")


def test_a_refused_configuration_leaves_the_names_of_the_other_alone(tmp_path):
    """Its address is in use, and it has a name of its own; the name of the configuration that stays is still followed."""
    def resources(name, *more):
        where = {"hosts": ["pods.test"], "ports": [{"number": 80, "name": "http", "protocol": "HTTP", "targetPort": 80}],
                 "location": "MESH_INTERNAL", "resolution": "DNS", "endpoints": [{"address": name, "ports": {"http": before.port}}]}
        return [istio(istio_server(80, "*"), *more), routes({"route": [to("pods.test")]}),
                {"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": {"name": "pods"}, "spec": where}]

    with NameServer() as dns, socket.socket() as taken, pods("127.0.9.4", "127.0.9.5") as (before, _):
        for name in ("old.test", "new.test"):
            dns.set(name, ["127.0.9.4"])
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        path = write(tmp_path / "mesh.yaml", *resources("old.test"))
        with Mapped(path, 80, f"8081=127.0.0.1:{taken.getsockname()[1]}", opens=1, args=["--dns-server", dns.address]) as gw:
            assert call(gw.ports[0]).header("x-who") == "127.0.9.4"
            write(path, *resources("new.test", istio_server(8081, "*")))
            gw.wait_for('headerroute_gateway_reloads_total{result="failed"}', 1)
            assert [n["name"] for n in gw.admin("/dns").json()] == ["old.test"]
            dns.set("old.test", ["127.0.9.5"])
            wait_until(lambda: call(gw.ports[0]).header("x-who") == "127.0.9.5", "the address is followed")


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


def test_a_listener_without_hostname_takes_any_name(peers, tmp_path, authority):
    path = write(tmp_path / "mesh.yaml", CLASS, gateway_of(https("any", None, "any"), https("one", "one.test", "one")),
                 secret("any", authority.issue("any", "any.test")), secret("one", authority.issue("one", "one.test")),
                 route("r", "any", "two"), route("s", "one", "one"), *backends(peers))
    with Mapped(path, 443) as gw:
        for name, certificate, who in [("one.test", "one.test", "one"), ("else.test", "any.test", "two"), (None, "any.test", "two")]:
            names, got = ask(authority, gw.ports[0], name, "one.test")
            assert (names, got.header("x-who")) == ([certificate], who), name


def test_http2_goes_over_the_chosen_listener(peers, tmp_path, authority):
    path = write(tmp_path / "mesh.yaml", CLASS, gateway_of(https("a", "a.test", "a")), secret("a", authority.issue("a", "a.test")),
                 route("r", "a", "one"), *backends(peers))
    with Mapped(path, 443) as gw, handshake(authority, gw.ports[0], "a.test", alpn=("h2", "http/1.1")) as client:
        assert client.sock.selected_alpn_protocol() == "h2"


def test_two_certificates_of_one_listener(peers, tmp_path, authority):
    """One of each key type, as Istio allows: the client's signature algorithms decide."""
    elliptic = authority.issue("elliptic", "a.test")
    rsa = tmp_path / "rsa.crt", tmp_path / "rsa.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=rsa.test", "-days", "2", "-keyout", rsa[1],
                    "-out", rsa[0]], check=True, capture_output=True)
    path = write(tmp_path / "mesh.yaml", CLASS, gateway_of(https("a", "a.test", "elliptic", "rsa")), secret("elliptic", elliptic),
                 secret("rsa", rsa), route("r", "a", "one"), *backends(peers))
    with Mapped(path, 443) as gw:
        for algorithm, kind in (("RSA+SHA256", "RSA"), ("ECDSA+SHA256", "ECDSA")):
            out = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{gw.ports[0]}", "-servername", "a.test", "-tls1_2",
                                  "-sigalgs", algorithm], input="", capture_output=True, text=True, timeout=PATIENCE).stdout
            assert f"Peer signature type: {kind}" in out, out


def certificate_cases(authority):
    good, other = authority.issue("good", "a.test"), authority.issue("other", "a.test")
    plain = secret("a", good)
    return [
        ("missing", [], "default/a: no file has this Secret"),
        ("without a key", [{**plain, "data": {"tls.crt": plain["data"]["tls.crt"]}}], "default/a: the Secret has no tls.crt and tls.key"),
        ("not PEM", [{**plain, "data": {**plain["data"], "tls.crt": base64.b64encode(b"x" * 99).decode()}}],
         "default/a: the certificate is not a chain in PEM: no start line"),
        ("cut short", [{**plain, "data": {**plain["data"], "tls.crt": base64.b64encode(good[0].read_bytes()[:200]).decode()}}],
         "default/a: the certificate is not a chain in PEM: bad end line"),
        ("empty", [{**plain, "data": {**plain["data"], "tls.key": ""}}], "default/a: the Secret has no tls.crt and tls.key"),
        ("of another key", [secret("a", (good[0], other[1]))],
         "default/a: the private key is not one in PEM that matches the certificate: key values mismatch"),
        ("not base64", [{**plain, "data": {**plain["data"], "tls.key": "?"}}], "data[tls.key]: expected base64"),
        ("in another namespace", [secret("a", good, namespace="other")], "default/a: no file has this Secret"),
    ]


@pytest.mark.parametrize("case", range(8))
def test_certificates_that_cannot_be_used_are_named(peers, tmp_path, authority, case):
    name, secrets, sentence = certificate_cases(authority)[case]
    path = write(tmp_path / "mesh.yaml", CLASS, gateway_of(https("a", "a.test", "a")), route("r", "a", "one"), *backends(peers), *secrets)
    code, said = refused("-f", path, "--map", "443=127.0.0.1:0")
    assert code == 1 and sentence in said, (name, said)
    if "expected base64" not in sentence:
        assert re.search(r"mesh\.yaml:\d+: error: listener on port 443: ", said), said


def test_a_secret_of_another_namespace_needs_a_grant(peers, tmp_path, authority):
    grant = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "ReferenceGrant", "metadata": {"name": "g", "namespace": "other"},
             "spec": {"from": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": "default"}],
                      "to": [{"group": "", "kind": "Secret", "name": "a"}]}}
    resources = [CLASS, gateway_of(https("a", "a.test", {"name": "a", "namespace": "other"}), listener("b", 80)),
                 secret("a", authority.issue("a", "a.test"), namespace="other"), route("r", "a", "one"), *backends(peers)]
    path = write(tmp_path / "mesh.yaml", *resources)
    with Mapped(path, 443, 80, opens=1) as gw:
        assert "--map 443=127.0.0.1:0: Gateway default/edge has no HTTP or HTTPS listener on port 443" in gw.messages()
        write(path, *resources, grant)
        wait_until(lambda: len(gw.ports) == 3, "the listener opens")
        assert ask(authority, gw.ports[-1], "a.test", "a.test")[1].header("x-who") == "one"


def of_all_namespaces(gateway):
    gateway["spec"]["allowedListeners"] = {"namespaces": {"from": "All"}}
    return gateway


def listener_set(name, namespace, *listeners):
    return {"apiVersion": API, "kind": "ListenerSet", "metadata": {"name": name, "namespace": namespace},
            "spec": {"parentRef": {"name": "edge", "namespace": "default"}, "listeners": list(listeners)}}


def set_route(name, owner, namespace, section, backend, kind="ListenerSet"):
    made = route(name, section, backend)
    made["spec"]["parentRefs"] = [{"group": "gateway.networking.k8s.io", "kind": kind, "name": owner, "namespace": namespace, "sectionName": section}]
    return made


def test_secrets_of_a_listener_set_are_those_of_its_namespace(peers, tmp_path, authority):
    """A team names the Secrets of its own namespace, not those beside the Gateway: these need a ReferenceGrant for ListenerSets."""
    theirs, ours = authority.issue("theirs", "theirs.test"), authority.issue("ours", "ours.test")
    common = [CLASS, of_all_namespaces(gateway_of(listener("plain", 80))), set_route("r", "team", "team", "web", "one"),
              secret("cert", ours), *backends(peers)]
    everyone = {"namespaces": {"from": "All"}}

    def resources(*secrets):
        return [*common, listener_set("team", "team", {**https("web", "team.test", *secrets), "allowedRoutes": everyone})]
    path = write(tmp_path / "mesh.yaml", *resources("cert"), secret("cert", theirs, namespace="team"))
    with Mapped(path, 443) as gw:
        names, got = ask(authority, gw.ports[0], "team.test", "team.test")
        assert (names, got.header("x-who")) == (["theirs.test"], "one")
    path = write(tmp_path / "mesh.yaml", *resources("cert"))
    code, said = refused("-f", path, "--map", "443=127.0.0.1:0")
    assert code == 1 and "team/cert: no file has this Secret" in said, said
    over = {"name": "cert", "namespace": "default"}
    for kind, permitted in (("Gateway", False), ("ListenerSet", True)):
        grant = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "ReferenceGrant", "metadata": {"name": "g"},
                 "spec": {"from": [{"group": "gateway.networking.k8s.io", "kind": kind, "namespace": "team"}],
                          "to": [{"group": "", "kind": "Secret"}]}}
        path = write(tmp_path / "mesh.yaml", *resources(over), grant)
        with Mapped(path, 443, 80, opens=2 if permitted else 1) as gw:
            assert ("has no HTTP or HTTPS listener on port 443" in gw.messages()) != permitted
            if permitted:
                assert ask(authority, gw.ports[0], "team.test", "team.test")[0] == ["ours.test"]


def test_a_listener_set_with_the_names_of_a_gateway(peers, tmp_path, authority):
    """Namespace, name and listener name of both are the same: each keeps its certificate and its routes."""
    pairs = {n: authority.issue(n, f"{n}.test") for n in ("a", "b")}
    path = write(tmp_path / "mesh.yaml", CLASS, of_all_namespaces(gateway_of(https("web", "a.test", "a"), listener("plain", 80))),
                 listener_set("edge", "default", https("web", "b.test", "b"), listener("plain", 8081)),
                 *(secret(n, pair) for n, pair in pairs.items()),
                 *(set_route(f"{section}-{kind.lower()}", "edge", "default", section, backend, kind)
                   for section in ("web", "plain") for kind, backend in (("Gateway", "one"), ("ListenerSet", "two"))), *backends(peers))
    with Mapped(path, 443, 80, 8081) as gw:
        for name, who in (("a", "one"), ("b", "two")):
            certificate, got = ask(authority, gw.ports[0], f"{name}.test", f"{name}.test")
            assert (certificate, got.header("x-who")) == ([f"{name}.test"], who)
        for _ in range(4):
            assert [call(port).header("x-who") for port in gw.ports[1:3]] == ["one", "two"]


def test_certificates_are_exchanged_and_a_broken_one_changes_nothing(peers, tmp_path, authority):
    def resources(pair, backend, **broken):
        return [CLASS, gateway_of(https("a", "a.test", "a")), secret("a", pair, **broken), route("r", "a", backend), *backends(peers)]
    first, second = authority.issue("first", "a.test"), authority.issue("second", "a.test")
    path = write(tmp_path / "mesh.yaml", *resources(first, "one"))

    def serial(client):
        return client.sock.getpeercert()["serialNumber"]
    with Mapped(path, 443) as gw, handshake(authority, gw.ports[0], "a.test") as kept:
        before = serial(kept)
        write(path, *resources(second, "two"))

        def exchanged():  # each loop has the configuration at its own time
            with handshake(authority, gw.ports[0], "a.test") as client:
                return serial(client) if serial(client) != before else None
        after = wait_until(exchanged, "another certificate")

        def rerouted():  # its certificate stays, its routes do not
            kept.request("GET", "/", [("Host", "a.test")])
            return kept.answer().header("x-who") == "two"
        wait_until(rerouted, "the other backend")
        write(path, *resources((first[0], second[1]), "one"))
        gw.wait_for('headerroute_gateway_reloads_total{result="failed"}', 1)
        with handshake(authority, gw.ports[0], "a.test") as client:
            assert serial(client) == after
            client.request("GET", "/", [("Host", "a.test")])
            assert client.answer().header("x-who") == "two"


def test_an_expired_certificate_is_served_with_a_warning(peers, tmp_path, authority):
    path = write(tmp_path / "mesh.yaml", CLASS, gateway_of(https("a", "a.test", "a")),
                 secret("a", authority.issue("old", "a.test", days=-1)), route("r", "a", "one"), *backends(peers))
    with Mapped(path, 443) as gw:
        assert re.search(r"mesh\.yaml:\d+: warning: listener on port 443: a: its certificate has expired", gw.messages())
        with pytest.raises(ssl.SSLError):
            handshake(authority, gw.ports[0], "a.test")


# ---- hostile handshakes ----

def client_hello(name):
    """A ClientHello of TLS 1.2 with this server name, of any length."""
    entry = b"\0" + len(name).to_bytes(2, "big") + name
    sni = len(entry).to_bytes(2, "big") + entry
    extensions = b"\0\0" + len(sni).to_bytes(2, "big") + sni
    body = b"\3\3" + os.urandom(32) + b"\0" + b"\0\2\xc0\x2b" + b"\1\0" + len(extensions).to_bytes(2, "big") + extensions
    message = b"\1" + len(body).to_bytes(3, "big") + body
    return b"\x16\3\1" + len(message).to_bytes(2, "big") + message


def test_handshakes_that_are_hostile(peers, tmp_path, authority):
    path = write(tmp_path / "mesh.yaml", CLASS, gateway_of(https("a", "a.test", "a"), https("any", None, "a")),
                 secret("a", authority.issue("a", "a.test")), route("r", "a", "one"), *backends(peers))
    with Mapped(path, 443, args=["--tls-handshake-timeout", "0.5"]) as gw:
        for name in (b"x" * 300, b"x" * 16000, b"", b"a\0.test", b"\xff" * 255):
            with Client(gw.ports[0]) as client:
                client.send(client_hello(name))
                reply = b""
                with pytest.raises((EOFError, OSError)):
                    while True:
                        client._more()
                        reply, client.buffer = reply + client.buffer, b""
                if name != b"\xff" * 255:  # a name that no listener has goes to the listener of any name
                    assert reply[:1] in (b"", b"\x15"), (name[:9], reply)  # an alert, or the end
        for part in (b"\x16", client_hello(b"a.test")[:40], client_hello(b"a.test")):
            with Client(gw.ports[0]) as client:
                client.send(part)  # and leaves half-way
        assert ask(authority, gw.ports[0], "a.test", "a.test")[1].status == 200


def test_connections_of_another_protocol_end(peers, tmp_path, authority):
    """The port speaks TLS by now, its open connections do not: the page is not theirs any more, and HTTP/2 gets GOAWAY."""
    certificate = secret("a", authority.issue("a", "a.test"))
    path = write(tmp_path / "mesh.yaml", CLASS, gateway_of(listener("other", 80), listener("a", 443)), route("r", "a", "one"), *backends(peers))
    with Mapped(path, 80, 443, args=["--ui", "/ui", "--threads", "1", "--idle-timeout", "600"]) as gw:
        port = gw.ports[1]
        with Http2(port) as http2, Client(port) as http1, Client(port) as used:
            assert (http2.call().status, http2.call(path="/ui/rules").status) == (200, 200)
            http1.request("GET", "/ui/rules")
            assert http1.answer().status == 200
            used.request()
            assert used.answer().status == 200
            write(path, CLASS, gateway_of(listener("other", 80), https("a", "a.test", "a")), certificate, route("r", "a", "one"), *backends(peers))
            gw.wait_for("headerroute_gateway_config_generation", 2)
            gw.wait_for('headerroute_gateway_listener_open{port="443",address="127.0.0.1:0"}', 1)
            assert [http2.call(path=p).status for p in ("/ui/rules", "/ui/app.js", "/")] == [404, 404, 404]
            for client, target in ((http1, "/ui/rules"), (used, "/")):
                client.request("GET", target)
                got = client.answer()
                assert (got.status, got.header("connection")) == (404, "close")
            http2.wait_closed()
            assert http2.goaways and set(http2.goaways) == {0}
        assert ask(authority, port, "a.test", "a.test")[1].header("x-who") == "one"


def istio_server(port, *hosts, protocol="HTTP", tls=None):
    return {"port": {"number": port, "name": f"p{port}-{hosts[0].strip('*.').replace('.', '-')}", "protocol": protocol}, "hosts": list(hosts),
            **({"tls": tls} if tls else {})}


def istio(*servers):
    return {"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {"name": "gw"},
            "spec": {"selector": {"istio": "ingressgateway"}, "servers": list(servers)}}


def test_a_thousand_server_names(peers, tmp_path, authority):
    names = [f"n{i}.test" for i in range(1000)]
    odd, even = authority.issue("odd", "odd.test"), authority.issue("even", "even.test")
    path = write(tmp_path / "mesh.yaml", istio(*(istio_server(443, *names[i::100], protocol="HTTPS",
                                                              tls={"mode": "SIMPLE", "credentialName": "odd" if i % 2 else "even"})
                                                 for i in range(100))),
                 secret("odd", odd), secret("even", even), routes({"route": [to("svc.test")]}), service("svc.test", peers["one"]))
    with Mapped(path, 443) as gw:
        for i in (0, 1, 499, 998, 999):
            certificate, got = ask(authority, gw.ports[0], names[i], names[i])
            assert (certificate, got.status) == (["odd.test" if i % 2 else "even.test"], 200), i
        with pytest.raises((ssl.SSLError, OSError)):
            ask(authority, gw.ports[0], "n1000.test", "n1.test")


# ---- servers of Istio's Gateways ----

def test_servers_of_an_istio_gateway(peers, tmp_path, authority):
    """A redirect on port 80, certificates from a Secret and from files, and reload of the files."""
    files = authority.issue("files", "files.test")
    tls = {"mode": "SIMPLE", "serverCertificate": str(files[0]), "privateKey": str(files[1])}
    path = write(tmp_path / "mesh.yaml", istio(istio_server(80, "*", tls={"httpsRedirect": True}),
                                               istio_server(443, "files.test", protocol="HTTPS", tls=tls),
                                               istio_server(443, "cred.test", protocol="HTTPS",
                                                            tls={"mode": "SIMPLE", "credentialName": "cred", "minProtocolVersion": "TLSV1_3"})),
                 secret("cred", authority.issue("cred", "cred.test")), routes({"route": [to("svc.test")]}),
                 service("svc.test", peers["one"]))
    with Mapped(path, 80, 443) as gw:
        got = call(gw.ports[0], "/x?y=1", host="files.test")
        assert (got.status, got.header("location")) == (301, "https://files.test/x?y=1")
        for name in ("files.test", "cred.test"):
            certificate, got = ask(authority, gw.ports[1], name, name)
            assert (certificate, got.header("x-who")) == ([name], "one")
        for name, version in (("files.test", "TLSv1.2"), ("cred.test", None)):
            context = ssl.create_default_context(cafile=str(authority.path))
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            with Client(gw.ports[1]) as client:
                if version is None:
                    with pytest.raises((ssl.SSLError, OSError)):
                        context.wrap_socket(client.sock, server_hostname=name)
                else:
                    client.sock = context.wrap_socket(client.sock, server_hostname=name)
                    assert client.sock.version() == version
        fresh = authority.issue("fresh", "fresh.test", "files.test")
        files[1].write_bytes(fresh[1].read_bytes())
        files[0].write_bytes(fresh[0].read_bytes())
        wait_until(lambda: ask(authority, gw.ports[1], "files.test", "files.test")[0] == ["files.test", "fresh.test"], "the new certificate")
        files[1].write_text("no key")
        gw.wait_for('headerroute_gateway_config_good', 0)
        assert ask(authority, gw.ports[1], "files.test", "files.test")[0] == ["files.test", "fresh.test"]
        assert "no key" not in gw.messages()


def test_files_that_come_after_the_rules_that_name_them(peers, tmp_path, authority):
    """A reload is refused while they, and their folder, are missing; the rules need not change again."""
    folder = tmp_path / "late"
    tls = {"mode": "SIMPLE", "serverCertificate": str(folder / "crt"), "privateKey": str(folder / "key")}
    rest = [routes({"route": [to("svc.test")]}), service("svc.test", peers["one"])]
    path = write(tmp_path / "mesh.yaml", istio(istio_server(80, "*")), *rest)
    with Mapped(path, 80, 443, opens=1) as gw:
        write(path, istio(istio_server(80, "*"), istio_server(443, "*", protocol="HTTPS", tls=tls)), *rest)
        gw.wait_for('headerroute_gateway_reloads_total{result="failed"}', 1)
        folder.mkdir()
        for name, made in zip(("crt", "key"), authority.issue("late", "late.test")):
            (tmp_path / name).write_bytes(made.read_bytes())
            os.rename(tmp_path / name, folder / name)
        gw.wait_for("headerroute_gateway_config_good", 1)
        port = wait_until(lambda: len(gw.ports) == 3 and gw.ports[-1], "the listener opens")
        assert ask(authority, port, "late.test", "late.test")[0] == ["late.test"]


@pytest.mark.parametrize("tls, sentence", [
    ({"mode": "MUTUAL", "credentialName": "c"}, "this gateway serves TLS of mode SIMPLE only: it asks no certificate of its clients"),
    ({"mode": "OPTIONAL_MUTUAL", "credentialName": "c"}, "this gateway serves TLS of mode SIMPLE only"),
    ({"mode": "ISTIO_MUTUAL"}, "this gateway serves TLS of mode SIMPLE only"),
    ({"mode": "SIMPLE", "credentialName": "c", "cipherSuites": ["ECDHE-RSA-AES128-GCM-SHA256"]}, "tls.cipherSuites: the ciphers of this gateway are fixed"),
    ({"mode": "SIMPLE", "serverCertificate": "/none.crt", "privateKey": "/none.key"}, "/none.crt: No such file or directory"),
])
def test_what_a_server_asks_for_in_vain_is_an_error(peers, tmp_path, authority, tls, sentence):
    path = write(tmp_path / "mesh.yaml", istio(istio_server(443, "*", protocol="HTTPS", tls=tls)), secret("c", authority.issue("c", "a")),
                 routes({"route": [to("svc.test")]}), service("svc.test", peers["one"]))
    code, said = refused("-f", path, "--map", "443=127.0.0.1:0")
    assert code == 1 and sentence in said, said
    assert re.search(r"mesh\.yaml:\d+: error: ", said)


@pytest.mark.parametrize("change", ["option", "frontend"])
def test_certificates_of_clients_are_not_ignored(peers, tmp_path, authority, change):
    gateway = gateway_of(https("a", "a.test", "a", **({"options": {"gateway.istio.io/tls-terminate-mode": "MUTUAL"}} if change == "option" else {})))
    if change == "frontend":
        gateway["spec"]["tls"] = {"frontend": {"default": {"validation": {"caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "ca"}]}}}}
    pair = authority.issue("a", "a.test")
    path = write(tmp_path / "mesh.yaml", CLASS, gateway, secret("a", pair), route("r", "a", "one"), *backends(peers))
    for flags in (["--map", "443=127.0.0.1:0"], ["--listen", "127.0.0.1:0", "--tls-cert", pair[0], "--tls-key", pair[1]]):
        code, said = refused("-f", path, *flags)
        assert code == 1 and "asks no certificate of its clients" in said, said


# ---- redirects and gRPC ----

def test_a_listener_that_redirects_to_https(peers, tmp_path, authority):
    away = {"filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}]}
    path = write(tmp_path / "mesh.yaml", CLASS, gateway_of(listener("http", 80), https("tls", "a.test", "a")),
                 secret("a", authority.issue("a", "a.test")), route("away", "http", None, away), route("r", "tls", "one"), *backends(peers))
    with Mapped(path, 80, 443) as gw:
        got = call(gw.ports[0], "/x", host="a.test")
        assert (got.status, got.header("location")) == (301, "https://a.test/x")
        assert ask(authority, gw.ports[1], "a.test", "a.test")[1].header("x-who") == "one"


def test_connections_are_limited_over_all_listeners_together(peers, tmp_path):
    path = write(tmp_path / "mesh.yaml", *two_listeners(peers))
    with Mapped(path, 80, 8081, args=["--max-connections", "4", "--threads", "1"]) as gw:
        held = [Client(gw.ports[i % 2]) for i in range(4)]
        for client in held:
            client.request()
            assert client.answer().status == 200
        with Client(gw.ports[1]) as waiting:
            waiting.request()
            waiting.sock.settimeout(1)
            with pytest.raises(TimeoutError):
                waiting.answer()
            waiting.sock.settimeout(PATIENCE)
            held.pop().close()
            assert waiting.answer().header("x-who") == "two"
        for client in held:
            client.close()
