"""The overlay without Istio, run: the gateway reads the built ConfigMap, and a DNS server on loopback answers
for the headless Services as a cluster's does, with the addresses of pods."""
import contextlib
import http.server
import pathlib
import random
import sys
import threading
import time

import pytest

from test_manifests import INTERNAL, built, routing_files  # noqa: F401 (a fixture)

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "services"))
from harness import PATIENCE, Server  # noqa: E402
from name_server import NXDOMAIN, NameServer  # noqa: E402

FIRST, SECOND = (f"proxy-pod{n}.default.svc.cluster.local" for n in (1, 2))


class Pod(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.server.server_address[0].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def pods(*addresses):
    """Servers on the port that the Services name, which answer with their own address."""
    servers = [http.server.ThreadingHTTPServer((address, 5000), Pod) for address in addresses]
    for server in servers:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


@pytest.fixture
def addresses():
    """Of this run alone: the port is given, and tests may run beside each other."""
    network = f"127.{random.randrange(100, 250)}.{random.randrange(256)}"
    return [f"{network}.{n}" for n in (1, 2, 3, 4)]


def gateway(built, folder, dns):  # noqa: F811
    """The gateway with the flags of its Deployment, on loopback."""
    config = routing_files("no-istio", built, folder)
    deployment = next(d for d in built("no-istio")[1]
                      if d["kind"] == "Deployment" and d["metadata"]["name"] == "headerroute-gateway")
    args = iter(deployment["spec"]["template"]["spec"]["containers"][0]["args"])
    flags = []
    for flag in args:
        value = next(args)
        if flag not in ("--listen", "--admin", "--status"):
            flags += [flag, config[0] if value == "/etc/headerroute" else value]
    return Server("headerroute-gateway", *flags, "--dns-server", dns.address, ready_path="/")


def served_by(gw, value, times=8):
    got = [gw.call(target="/predict", headers=[("target", value)] if value else []) for _ in range(times)]
    return {answer.body.decode() if answer.status == 200 else answer.status for answer in got}


def becomes(condition):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_each_header_value_reaches_the_pods_of_its_model(built, tmp_path, addresses):  # noqa: F811
    one, another, two, late = addresses
    with NameServer() as dns, pods(*addresses):
        dns.set(FIRST, [one, another])
        dns.set(SECOND, [two])
        with gateway(built, tmp_path, dns) as gw:
            assert served_by(gw, "condition1") == {one, another}
            assert served_by(gw, "condition2") == {two}
            assert served_by(gw, None) == {two}
            assert {gw.call(target=path, headers=[("target", "condition1")]).status for path in INTERNAL} == {404}

            dns.set(SECOND, [late, two])  # scaled up
            assert becomes(lambda: served_by(gw, "condition2") == {late, two})
            dns.set(SECOND, [late])
            assert becomes(lambda: served_by(gw, "condition2") == {late})
            dns.set(FIRST, NXDOMAIN)  # no pod of it is ready: never another model's
            assert becomes(lambda: served_by(gw, "condition1") == {503})
            assert served_by(gw, "condition2") == {late}
            dns.set(FIRST, [one])
            assert becomes(lambda: served_by(gw, "condition1") == {one})


def test_no_probe_of_the_gateway_depends_on_a_pod_behind_it(built):  # noqa: F811
    """What comes in at the open port is routed, probes too."""
    deployment = next(d for d in built("no-istio")[1]
                      if d["kind"] == "Deployment" and d["metadata"]["name"] == "headerroute-gateway")
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["port"] == "http-status"


def test_the_administrators_listener_does_not_rest_on_the_network_policy(built):  # noqa: F811
    documents = {d["kind"]: d for d in built("no-istio")[1] if d["metadata"]["name"] == "headerroute-gateway"}
    args = documents["Deployment"]["spec"]["template"]["spec"]["containers"][0]["args"]
    assert dict(zip(args[::2], args[1::2]))["--admin"].startswith("127.0.0.1:")
    assert documents["NetworkPolicy"]["spec"]["ingress"] == [{"ports": [{"port": 5000}]}]
