"""Hostile clients against gateway and proxy with default limits: memory below the pod's limit with 512 of them, and
no request that costs twenty times the CPU of a plain one of its size. Bounds are bytes and ratios, never times."""
import json
import os
import signal
import subprocess

import pytest
from conftest import PATIENCE, SANITIZE
from harness import BUILD, Client, Server, free_port
from hostile import (CONNECTIONS, MIB, Crowd, Pod, Pouring, Silent, allow_files, cost, rss, settled)
from mesh import GATEWAY, routes, service, to, write
from peers import Peer, echo

RULES = 2000
HEAD = 57000
ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n"
ECHO_PATH = "/echo"


def request(path, method="GET", fields="", body=b""):
    return f"{method} {path} HTTP/1.1\r\nHost: test\r\n{fields}\r\n".encode() + body


def large_head(path="/hold"):
    return request(path, fields=f"x-large: {'v' * HEAD}\r\n")


ATTACKS = {
    "large heads": large_head(),
    "incomplete heads": large_head()[:-4],
    "slow readers": request("/pour"),
    "slow readers with large heads": large_head("/pour"),
    "pipelining": request("/hold") * 10000,
    "uploads": request("/hold", "POST", "Content-Length: 1000000\r\n", b"x" * 900000),
    "one-byte chunks": request("/hold", "POST", "Transfer-Encoding: chunked\r\n", b"1\r\nx\r\n" * 50000),
}


@pytest.fixture(scope="module")
def peers():
    allow_files()
    with Silent() as silent, Pouring(ENDLESS) as pouring, Peer(echo) as echoing:
        yield silent, pouring, echoing


@pytest.fixture
def pod(request):
    pod = Pod(f"hostile-{abs(hash(request.node.name)) % 100000}")
    yield pod
    pod.remove()


def enter(pod, server):
    if pod.group:
        (pod.group.path / "cgroup.procs").write_text(str(server.process.pid))


def start_gateway(tmp_path, peers, *args, rules=1):
    silent, pouring, echoing = peers
    http = [{"match": [{"uri": {"prefix": "/hold"}}], "route": [to("hold.test")], "timeout": "10s"},
            {"match": [{"uri": {"prefix": "/pour"}}], "route": [to("pour.test")]}]
    http += [{"match": [{"headers": {"x-rule": {"exact": str(i)}}, "uri": {"exact": f"/rule{i}"}}],
              "route": [to("echo.test")]} for i in range(rules)]
    path = write(tmp_path / "mesh.yaml", GATEWAY, service("hold.test", silent), service("pour.test", pouring),
                 service("echo.test", echoing), routes(*http, {"route": [to("echo.test")]}))
    return Server("headerroute-gateway", "-f", path, "--admin-host", "test", *args, ready_path="/")


def attack(server, pod, data, n=CONNECTIONS):
    with Crowd(server.port, n) as crowd:
        crowd.send(data)
        settled(server.process.pid)
        peak = pod.check(server)
    print(f"peak {peak / MIB:.0f} MiB", end=" ")
    # It serves as before, once the crowd has gone.
    assert server.call(target="/after").status in (200, 404)


@pytest.mark.parametrize("name", ATTACKS)
def test_memory_of_the_gateway(tmp_path, peers, pod, name):
    with start_gateway(tmp_path, peers) as gw:
        enter(pod, gw)
        attack(gw, pod, ATTACKS[name])


@pytest.mark.parametrize("name", ["large heads", "incomplete heads", "slow readers", "uploads", "one-byte chunks"])
def test_memory_of_the_proxy(peers, pod, name):
    silent, pouring, _ = peers
    data = ATTACKS[name].replace(b"/hold", b"/v2/a").replace(b"/pour", b"/v2/a")
    with Server("headerroute-proxy", "--predict-server-url", (pouring if "slow" in name else silent).url) as proxy:
        enter(pod, proxy)
        attack(proxy, pod, data)


def test_explanations_that_nobody_reads(tmp_path, peers, pod):
    body = json.dumps({"authority": "test", "path": "/" + "p" * 60000}).encode()
    question = request("/ui/explain", "POST", f"Content-Length: {len(body)}\r\n", body)
    admin = free_port()
    with start_gateway(tmp_path, peers, "--ui", "/ui", "--admin", f"127.0.0.1:{admin}", rules=RULES) as gw:
        enter(pod, gw)
        before = rss(gw.process.pid)
        with Crowd(gw.port, 64) as crowd:
            crowd.send(question)
            settled(gw.process.pid)
            assert SANITIZE or rss(gw.process.pid) - before < 64 * MIB
            pod.check(gw)
            with gw.client() as late:  # all places are taken, until the last byte is sent
                late.send(question)
                got = late.answer()
                assert got.status == 503 and got.header("retry-after") == "1"
            with Client(admin) as administrator:  # who has places of its own
                administrator.request(target="/explain?authority=test&path=/")
                assert administrator.answer().status == 200


def test_samples_are_shared(tmp_path, peers, pod):
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "a.jpg").write_bytes(b"x" * 15 * MIB)
    with start_gateway(tmp_path, peers, "--ui", "/ui", "--ui-samples", tmp_path / "samples") as gw:
        enter(pod, gw)
        before = rss(gw.process.pid)
        with Crowd(gw.port) as crowd:
            crowd.send(request("/ui/samples/a.jpg"))
            settled(gw.process.pid)
            assert SANITIZE or rss(gw.process.pid) - before < 32 * MIB
            pod.check(gw)


def test_cpu_of_many_names_in_connection(tmp_path, peers):
    tokens = ",".join(f"t{i}" for i in range(20000))[:HEAD]
    blanks = "," * HEAD  # an empty list, as long
    fields = "".join(f"h{i}: 1\r\n" for i in range(90))
    with start_gateway(tmp_path, peers) as gw:
        plain = cost(gw, large_head(ECHO_PATH))
        ratio = cost(gw, request(ECHO_PATH, fields=f"Connection: {blanks}\r\n{fields}")) / plain
        print(f"{ratio:.1f} times a plain request", end=" ")
        assert ratio < 20
        assert gw.call(target=ECHO_PATH, headers=[("Connection", tokens)]).status == 400
        nine = ",".join(f"t{i}" for i in range(8))  # the helper's own close is the ninth
        assert gw.call(target=ECHO_PATH, headers=[("Connection", nine)]).status == 200
        assert gw.call(target=ECHO_PATH, headers=[("Connection", nine + ",t8")]).status == 400


@pytest.mark.parametrize("text", [
    '{"authority":"a\\"","path":' + "[" * 30000,
    '{/*"*/"authority":' + "[" * 30000,
    '{"authority":' + '{"a":' * 20 + "1" + "}" * 20 + "}"])
def test_explain_refuses_deep_questions(tmp_path, peers, text):
    with start_gateway(tmp_path, peers, "--ui", "/ui") as gw:
        got = gw.call("POST", "/ui/explain", body=text.encode())
        assert got.status == 400 and "deep" in got.json()["error"]


def handshake(method="GET"):
    return request("/hold", method, "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + ("Content-Length: 0\r\n" if method == "POST" else ""))


def test_websockets_leave_connections_to_others(tmp_path, peers):
    with start_gateway(tmp_path, peers, "--threads", "1", "--max-connections", "40") as gw:
        with Crowd(gw.port, 10) as crowd:  # a quarter of all
            crowd.send(handshake())
            settled(gw.process.pid)
            with gw.client() as late:
                late.send(handshake())
                got = late.answer()
                assert got.status == 503 and got.header("retry-after") == "1"
            assert gw.call(target=ECHO_PATH).status == 200
        # A POST is not a handshake (RFC 6455 section 4.1), and is forwarded as a POST.
        silent, _, echoing = peers
        with gw.client() as client:
            client.send(handshake("POST").replace(b"/hold", b"/post"))
            assert client.answer().status == 200
        assert next(r for r in echoing.requests if r.target == "/post").header("upgrade") is None


def test_the_administrator_answers_to_its_own_names_only(tmp_path, peers):
    admin, status = free_port(), free_port()
    with start_gateway(tmp_path, peers, "--admin", f"127.0.0.1:{admin}", "--status", f"127.0.0.1:{status}") as gw:
        for host, expected in [("localhost", 200), (f"127.0.0.1:{admin}", 200), ("[::1]:9", 200), ("test", 200),
                               ("evil.example", 421), ("127.0.0.1.evil.example", 421), ("", 421)]:
            with Client(admin) as client:
                client.request(target="/metrics", headers=[("Host", host)])
                assert client.answer().status == expected, host
        for path, expected in [("/ready", 200), ("/metrics", 200), ("/config", 404), ("/explain", 404)]:
            with Client(status) as client:
                client.request(target=path)
                assert client.answer().status == expected, path
        with gw.client() as client:  # nothing of the configuration's inside is shown
            client.send(b"GET / HTTP/1.0\r\n\r\n")
            got = client.answer()
            assert got.status == 400 and b"listener" not in got.raw_head


def test_a_log_that_nobody_reads_does_not_hold_up_the_end(tmp_path, peers):
    silent, _, echoing = peers
    path = write(tmp_path / "mesh.yaml", GATEWAY, service("echo.test", echoing), routes({"route": [to("echo.test")]}))
    port = free_port()
    with subprocess.Popen([BUILD / "bin/headerroute-gateway", "-f", path, "--listen", f"127.0.0.1:{port}", "--drain-seconds", "1"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={k: v for k, v in os.environ.items()}) as process:
        assert b"listens" in process.stderr.readline()
        with Client(port) as client:
            for _ in range(60):  # each line is 50 KB of path: far more than a pipe holds
                client.send(request("/" + "p" * 50000))
                assert client.answer().status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
