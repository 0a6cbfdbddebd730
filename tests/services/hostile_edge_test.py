"""What else hostile clients, web pages and stuck readers of the log must not achieve with gateway, proxy and predict."""
import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest
from conftest import PATIENCE, SANITIZER_ENV
from harness import BUILD, Client, Server, free_port
from hostile import Crowd, Peers, handshake, request, settled, start_gateway
from http2_wire import Http2, head
from mesh import GATEWAY, gateway, routes, service, to, write
from peers import Peer, answer, wait_until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "grabcut" / "pictures"))
import bombs  # noqa: E402


@pytest.fixture(scope="module")
def peers():
    with Peers() as peers:
        yield peers


@pytest.fixture(params=["gateway", "proxy", "predict"])
def any_server(request, tmp_path, peers):
    """Answers 200 to GET /v2."""
    if request.param == "gateway":
        server = start_gateway(tmp_path, peers)
    else:
        args = ("--predict-server-url", peers.echo.url) if request.param == "proxy" else ()
        server = Server(f"headerroute-{request.param}", *args)
    with server:
        yield server


def test_ten_names_in_connection_are_refused(any_server):
    for n, status in [(8, 200), (9, 400), (10000, 400)]:  # the helper's own close is one more
        names = ",".join(f"t{i}" for i in range(n))
        assert any_server.call(target="/v2", headers=[("Connection", names)]).status == status, n


def test_header_lines_of_a_request(any_server):
    for n, status in [(98, 200), (99, 431)]:  # Host, and the helper's Connection, are two more
        assert any_server.call(target="/v2", headers=[(f"h{i}", "1") for i in range(n)]).status == status, n


def test_streams_leave_places_to_connections(tmp_path, peers):
    """gRPC requests that do not end, which may take their time."""
    with start_gateway(tmp_path, peers, "--max-connections", 40, "--threads", 1) as gw:
        clients = [Http2(gw.port, gw.host) for _ in range(3)]
        for client in clients:
            for _ in range(99):
                client.open(head("POST", "/hold", ("content-type", "application/grpc")), end=False)
        for _ in range(4):
            with gw.client() as client:
                client.request(target="/echo")
                assert client.answer().status == 200
        for client in clients:
            client.close()


@pytest.mark.parametrize("program", ["predict", "proxy"])
def test_bytes_that_are_only_announced_take_nothing_from_others(peers, program):
    args = ("--predict-server-url", peers.echo.url) if program == "proxy" else ()
    announced = b"POST /predict HTTP/1.1\r\nHost: test\r\nContent-Type: image/png\r\nContent-Length: 16000000\r\n\r\n"
    with Server(f"headerroute-{program}", *args) as server, Crowd(server.port, 8) as crowd:
        crowd.send(announced, settle=0.2)
        got = server.call("POST", "/predict", [("Content-Type", "image/png")], b"x" * 40000)
        assert got.status == (200 if program == "proxy" else 422), got.body


def test_the_loop_does_not_wait_while_a_worker_decodes_for_a_client_that_left(peers):
    """Otherwise its CPU time would be that of the worker."""
    def cpu_ns():
        loops = workers = 0
        for task in pathlib.Path(f"/proc/{server.process.pid}/task").iterdir():
            spent = int((task / "schedstat").read_text().split()[0])
            if (task / "comm").read_text().startswith("worker"):
                workers += spent
            else:
                loops += spent
        return loops, workers

    picture = bombs.jpeg_of_scans(3400, 3400)
    with Server("headerroute-predict", "--threads", 1, "--workers", 1) as server:
        before = cpu_ns()
        for _ in range(15):
            with Http2(server.port, server.host) as client:
                fields = [("content-type", "image/jpeg"), ("content-length", str(len(picture)))]
                stream = client.open(head("POST", "/predict?rect=0,0,9,9", *fields), end=False)
                client.send(stream, picture, end=True)
                wait_until(lambda: server.metric("headerroute_jobs_running") == 1 or stream.over)
                client.reset(stream)
            wait_until(lambda: server.metric("headerroute_jobs_running") == 0)
        loops, workers = (b - a for a, b in zip(before, cpu_ns()))
        print(f"{loops / 1e6:.0f} ms beside {workers / 1e6:.0f} ms of decoding", end=" ")
        assert loops < workers / 2


@pytest.mark.parametrize("fields", [[(f"h{i}", "1") for i in range(128)], [("x-large", "v" * 64500)],
                                    [("Connection", "a,b,c,d,e,f,g,h,i,j")]], ids=["lines", "bytes", "Connection"])
def test_heads_of_upstream_answers(tmp_path, fields):
    with Peer(lambda connection, _: connection.send(answer(headers=fields))) as peer, \
            gateway(tmp_path, service("a.test", peer), routes({"route": [to("a.test")]})) as gw:
        assert gw.call().status == 502


def test_bytes_that_regexes_are_run_on(tmp_path, peers):
    rules = [{"match": [{"headers": {"x": {"regex": f"(?i)[a-z]+{i}"}}}]} for i in range(300)]
    for args, status in [((), 431), (("--max-regex-bytes", "1000000"), 200)]:
        with start_gateway(tmp_path, peers, "--ui", "/ui", *args, rules=rules) as gw:
            assert gw.call(headers=[("X", "v" * 512)]).status == 200  # short values count half
            assert gw.call(target="/long", headers=[("X", "v" * 3000)]).status == status
            assert status == 200 or gw.wait_line(path="/long")["response_code_details"] == "regex_limit"
            question = {"authority": "test", "path": "/", "headers": [["x", "v" * 3000]]}
            assert gw.call("POST", "/ui/explain", body=json.dumps(question).encode()).status == status


@pytest.mark.parametrize("text", [
    '{"authority":"a\\"","path":' + "[" * 30000,
    '{/*"*/"authority":' + "[" * 30000,
    '{"authority":' + '{"a":' * 20 + "1" + "}" * 20 + "}"], ids=["escaped quote", "comment", "objects"])
def test_explain_refuses_deep_questions(tmp_path, peers, text):
    with start_gateway(tmp_path, peers, "--ui", "/ui") as gw:
        got = gw.call("POST", "/ui/explain", body=text.encode())
        assert got.status == 400 and "deep" in got.json()["error"]


def test_websockets_leave_connections_to_others(tmp_path, peers):
    with start_gateway(tmp_path, peers, "--threads", "1", "--max-connections", "40") as gw:
        with Crowd(gw.port, 10) as crowd:  # a quarter of all
            crowd.send(handshake("/hold"))
            settled(gw.process.pid)
            with gw.client() as late:
                late.send(handshake("/hold"))
                got = late.answer()
                assert got.status == 503 and got.header("retry-after") == "1"
            assert gw.call().status == 200
        # A POST is not a handshake (RFC 6455 section 4.1); the gateway forwards it as an ordinary request.
        with gw.client() as client:
            client.send(handshake("/post", "POST"))
            assert client.answer().status == 200
        assert next(r for r in peers.echo.requests if r.target == "/post").header("upgrade") is None


def test_the_administrator_answers_to_its_own_names_only(tmp_path, peers):
    admin, status = free_port(), free_port()
    with start_gateway(tmp_path, peers, "--admin", f"127.0.0.1:{admin}", "--status", f"127.0.0.1:{status}"):
        for host, expected in [("localhost", 200), (f"127.0.0.1:{admin}", 200), ("[::1]:9", 200), ("test", 200),
                               ("evil.example", 421), ("127.0.0.1.evil.example", 421), ("", 421)]:
            with Client(admin) as client:
                client.request(target="/metrics", headers=[("Host", host)])
                assert client.answer().status == expected, host
        for path, expected in [("/ready", 200), ("/metrics", 200), ("/config", 404), ("/explain", 404)]:
            with Client(status) as client:
                client.request(target=path)
                assert client.answer().status == expected, path


@pytest.mark.parametrize("http", [{"redirect": {"uri": "/elsewhere"}}, {"directResponse": {"status": 200}},
                                  {"route": [to("echo.test")]}], ids=["redirect", "directResponse", "route"])
def test_http_1_0_without_host_is_refused(tmp_path, peers, http):
    """As in Envoy; a redirect would otherwise name a host of the server's inside."""
    path = write(tmp_path / "mesh.yaml", GATEWAY, service("echo.test", peers.echo), routes(http))
    port = free_port()
    with Started("headerroute-gateway", "-f", path, "--listen", f"127.0.0.1:{port}"), Client(port) as client:
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        got = client.answer()
        assert got.status == 400 and got.header("location") is None and b"listener" not in got.raw_head + got.body


def test_http_1_0_without_host_is_served_by_the_proxy(peers):
    """It has no rules that depend on it, and says nothing of its inside."""
    port = free_port()
    with Started("headerroute-proxy", "--listen", f"127.0.0.1:{port}", "--predict-server-url", peers.echo.url), \
            Client(port) as client:
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        got = client.answer()
        assert got.status == 200 and b"listener" not in got.raw_head + got.body


def keepalive_ticks(port, peer):
    """Ticks until the keepalive timer of a server's connection expires, as /proc/net/tcp shows it; None: no such timer."""
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(f":{port:04X}") and fields[2].endswith(f":{peer:04X}"):
            timer, when = fields[5].split(":")
            return int(when, 16) if timer == "02" else None
    return None


def test_clients_that_have_vanished_are_noticed(tmp_path, peers):
    """While a silent upstream server is waited for, and however much the client has sent before."""
    with start_gateway(tmp_path, peers) as gw, gw.client() as client:
        client.send(request("/hold") * 3)
        ticks = os.sysconf("SC_CLK_TCK")
        assert wait_until(lambda: 0 < (keepalive_ticks(gw.port, client.sock.getsockname()[1]) or 0) <= 60 * ticks)


class Started:
    """A server whose two outputs are pipes that only a test reads, or does not."""

    def __init__(self, program, *args):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("HR_")}
        environment.update(SANITIZER_ENV)
        self.process = subprocess.Popen([BUILD / "bin" / program, *map(str, args)], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=environment)

    def __enter__(self):
        assert b"listens" in self.process.stderr.readline()
        return self

    def fill(self, pipe):
        """Makes the pipe full: with bytes of the test's, written by its other end."""
        fd = os.open(f"/proc/{self.process.pid}/fd/{pipe}", os.O_WRONLY | os.O_NONBLOCK)
        try:
            while True:
                os.write(fd, b"x" * 4096)
        except BlockingIOError:
            os.close(fd)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        self.process.stdout.close()
        self.process.stderr.close()


@pytest.mark.parametrize("program", ["headerroute-gateway", "headerroute-proxy", "headerroute-predict"])
def test_a_log_that_is_not_read_does_not_delay_the_end(tmp_path, peers, program):
    path = write(tmp_path / "mesh.yaml", GATEWAY, service("echo.test", peers.echo), routes({"route": [to("echo.test")]}))
    port = free_port()
    args = ("-f", path) if program == "headerroute-gateway" else ()
    with Started(program, *args, "--listen", f"127.0.0.1:{port}", "--drain-seconds", "1") as server:
        server.fill(1)
        server.fill(2)
        with Client(port) as client:
            for _ in range(60):  # each line is 50 KB of path: more than the queue of the log holds
                client.send(request("/" + "p" * 50000))
                assert client.answer().status in (200, 404)
        assert server.end() == 0


def test_a_reload_that_nobody_reads_about_does_not_delay_the_end(tmp_path, peers):
    good = [GATEWAY, service("echo.test", peers.echo), routes({"route": [to("echo.test")]})]
    path = write(tmp_path / "mesh.yaml", *good)
    port, admin = free_port(), free_port()
    with Started("headerroute-gateway", "-f", path, "--listen", f"127.0.0.1:{port}", "--admin", f"127.0.0.1:{admin}",
                 "--drain-seconds", "1") as server:
        server.fill(2)
        write(path, *good, *[routes({"rout": []}, name=f"bad{i}") for i in range(1000)])

        def failures():
            with Client(admin) as client:
                client.request(target="/metrics", headers=[("Host", "localhost")])
                return b'reloads_total{result="failed"} 1\n' in client.answer().body
        assert wait_until(failures)
        assert server.end() == 0
