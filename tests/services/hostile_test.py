"""Clients that try to make gateway and proxy hold memory, with default limits: 512 of them stay below the pod's limit,
and what they held is given back. Bounds are bytes, never times. Under a sanitizer, whose memory is not the server's, fewer
of them show that what they do is without errors."""
import json
import pathlib
import sys

import cgroups
import pytest
from certificates import Authority
from conftest import PATIENCE, SANITIZE
from harness import Client, Server, free_port
from hostile import (CONNECTIONS, MIB, Crowd, Peers, Pod, charged, frame, given_back, handshake, hpack_head, http2, http2_start, large_head,
                     request, rss, settled, start_gateway, unfinished_head)
from peers import wait_until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "grabcut" / "pictures"))
import bombs  # noqa: E402

RULES = [{"match": [{"headers": {"x-rule": {"exact": str(i)}}, "uri": {"exact": f"/rule{i}"}}]} for i in range(2000)]
MEGABYTE = b"x" * 1000000
INLINE = "".join(f"{name}: {'v' * 600}\r\n" for name in ["accept", "x-forwarded-for"] * 46)
EXTENSIONS = (b"1;" + b"e" * 4000 + b"\r\nx\r\n") * 250

UPLOADS = {
    "long": request("/hold", "POST", "Content-Length: 1000000\r\n", MEGABYTE[:900000]),
    "held whole": request("/hold", "POST", "Content-Length: 500000\r\n", MEGABYTE[:400000]),
    "mirrored": request("/mirror", "POST", "Content-Length: 500000\r\n", MEGABYTE[:500000]),
}
ATTACKS = {
    "large heads": large_head("/hold"),
    "repeated inline headers": request("/hold", fields=INLINE),
    "incomplete heads": large_head("/hold")[:-4],
    "slow readers": request("/pour"),
    "slow readers with large heads": large_head("/pour"),
    "answers with many Via lines": request("/vias"),
    "pipelining": request("/hold") * 10000,
    "one-byte chunks": request("/hold", "POST", "Transfer-Encoding: chunked\r\n", b"1\r\nx\r\n" * 50000),
    "chunk extensions": request("/hold", "POST", "Transfer-Encoding: chunked\r\n", EXTENSIONS),
    "tunnels full in both directions": handshake("/tunnel") + MEGABYTE * 8,
}
def upload(path):
    return request(path, "POST", "Content-Length: 1000000\r\n", MEGABYTE[:900000])


# Each connection of a crowd by its number. An endpoint behind /pour or /vias answers before it has read the request.
MIXES = {
    "uploads that are answered early": lambda i: upload("/pour"),
    "uploads that are answered early, with many Via lines": lambda i: upload("/vias"),
    "mirrored uploads, tunnels and answers": lambda i: [
        UPLOADS["mirrored"], UPLOADS["mirrored"], ATTACKS["tunnels full in both directions"],
        ATTACKS["answers with many Via lines"]][i % 4],
    "tunnels, held, mirrored and early answered uploads": lambda i: [
        ATTACKS["tunnels full in both directions"], UPLOADS["long"], UPLOADS["mirrored"], upload("/vias")][i % 4],
}
LARGE = [(f"x-large-{i}", "v" * 500) for i in range(100)]  # each differs, so that no table makes them shorter
# 55 KB, of which the header table makes 14 bytes from the second stream of a connection on.
TRAILERS = [("x-trailer", "v" * 3900)] * 14
OVER_HTTP2 = {
    "streams": {"path": "/hold"},
    "streams with large heads": {"path": "/hold", "headers": LARGE},
    "uploads": {"path": "/hold", "method": "POST", "body": MEGABYTE},
    "trailers": {"path": "/hold", "method": "POST", "trailers": TRAILERS},
    "windows that stay closed": {"path": "/pour", "window": 0},
    "answers that are not read": {"path": "/pour", "window": (1 << 31) - 1},
}
OF_TLS = ["incomplete heads", "slow readers", "pipelining", "one-byte chunks", "tunnels full in both directions"]
OF_THE_PROXY = ["large heads", "repeated inline headers", "incomplete heads", "slow readers", "answers with many Via lines",
                "uploads", "one-byte chunks"]
# What is left after an attack: the program, free blocks of each loop, and what the allocator keeps.
LEFT = 64 * MIB


@pytest.fixture(scope="module")
def peers():
    with Peers() as peers:
        yield peers


@pytest.fixture
def pod(request):
    pod = Pod(f"hostile-{abs(hash(request.node.name)) % 100000}")
    yield pod
    pod.remove()


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority")).issue("gw", "test")


def attack(server, pod, data, metrics, tls=False, end=None):
    """`metrics` is the port that shows them; `end` ends what the clients leave behind."""
    with Crowd(server.port, CONNECTIONS, tls=tls) as crowd:
        crowd.send(data)
        settled(server.process.pid)
        peak = pod.check(server)
    if end is not None:
        end()
    left = given_back(server, LEFT)
    assert wait_until(lambda: charged(metrics) == 0, PATIENCE / 2), f"{charged(metrics)} bytes are still charged"
    print(f"peak {peak / MIB:.0f} MiB, {left / MIB:.0f} MiB afterwards", end=" ")


@pytest.mark.parametrize("name", UPLOADS)
def test_uploads_that_no_endpoint_takes(tmp_path, pod, name):
    """Behind bytes that are not read the end of a connection stays unseen: what is held goes with the endpoint."""
    metrics = free_port()
    with Peers() as peers, start_gateway(tmp_path, peers, "--status", f"127.0.0.1:{metrics}", command=pod.command) as gw:
        attack(gw, pod, UPLOADS[name], metrics, end=peers.silent.close)
        assert gw.call(target="/after").status == 200


@pytest.mark.parametrize("name", ATTACKS)
def test_memory_of_the_gateway(tmp_path, peers, pod, name):
    metrics = free_port()
    with start_gateway(tmp_path, peers, "--status", f"127.0.0.1:{metrics}", command=pod.command) as gw:
        attack(gw, pod, ATTACKS[name], metrics)
        assert gw.call(target="/after").status == 200


@pytest.mark.parametrize("name", OVER_HTTP2)
def test_memory_of_the_gateway_over_http2(tmp_path, peers, pod, name):
    """A hundred streams on each of 512 connections."""
    metrics = free_port()
    with start_gateway(tmp_path, peers, "--status", f"127.0.0.1:{metrics}", command=pod.command) as gw:
        attack(gw, pod, http2(**OVER_HTTP2[name]), metrics)
        assert gw.call(target="/after").status == 200


LARGE_BLOCK = hpack_head(*LARGE)


def test_memory_of_unfinished_heads_over_http2(tmp_path, peers, pod):
    metrics = free_port()
    with start_gateway(tmp_path, peers, "--status", f"127.0.0.1:{metrics}", command=pod.command) as gw:
        with Crowd(gw.port) as crowd:
            crowd.send(http2_start(unfinished_head(LARGE_BLOCK)))
            settled(gw.process.pid)
            held = charged(metrics)
            assert min(CONNECTIONS * len(LARGE_BLOCK), 63 * MIB) < held <= 64 * MIB
        attack(gw, pod, http2_start(unfinished_head(LARGE_BLOCK)), metrics)
        assert gw.call(target="/after").status == 200


def frame_from_server(client, kind):
    """The payload of the next frame of that kind."""
    got = b""
    while True:
        while len(got) >= 9 and len(got) >= 9 + int.from_bytes(got[:3], "big"):
            end = 9 + int.from_bytes(got[:3], "big")
            if got[3] == kind:
                return got[9:end]
            got = got[end:]
        more = client.sock.recv(65536)
        assert more, f"closed without a frame of kind {kind}"
        got += more


def test_an_unfinished_head_over_http2_is_charged_until_it_ends(tmp_path, peers):
    metrics = free_port()
    with start_gateway(tmp_path, peers, "--status", f"127.0.0.1:{metrics}", "--max-upload-bytes", 250000) as gw:
        head = unfinished_head(LARGE_BLOCK)
        with gw.client() as first, gw.client() as second:
            first.send(http2_start(head))
            assert wait_until(lambda: charged(metrics) > 2 * len(LARGE_BLOCK), PATIENCE)
            second.send(http2_start(head))  # for which no bytes are left
            goaway = frame_from_server(second, 7)
            assert int.from_bytes(goaway[4:8], "big") == 11  # ENHANCE_YOUR_CALM
            first.send(frame(9, 4, 1) + frame(0, 1, 1))
            assert frame_from_server(first, 1)
        assert wait_until(lambda: charged(metrics) == 0, PATIENCE)


@pytest.mark.parametrize("name", OF_TLS)
def test_memory_of_the_gateway_behind_tls(tmp_path, peers, pod, pair, name):
    metrics = free_port()
    with start_gateway(tmp_path, peers, "--status", f"127.0.0.1:{metrics}", pair=pair, command=pod.command) as gw:
        attack(gw, pod, ATTACKS[name], metrics, tls=True)
        assert gw.call(target="/after").status == 200


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("name", MIXES)
def test_memory_of_mixed_crowds(tmp_path, pod, pair, name, tls):
    metrics = free_port()
    with Peers() as peers, start_gateway(tmp_path, peers, "--status", f"127.0.0.1:{metrics}", pair=pair if tls else None,
                                         command=pod.command) as gw:
        attack(gw, pod, MIXES[name], metrics, tls=tls, end=peers.silent.close)
        assert gw.call(target="/after").status == 200


@pytest.mark.parametrize("name", OF_THE_PROXY)
def test_memory_of_the_proxy(peers, pod, name):
    behind = peers.vias if "Via" in name else peers.endless if "slow" in name else peers.silent
    data = UPLOADS["long"] if name == "uploads" else ATTACKS[name]
    for path in (b"/hold", b"/pour", b"/vias"):
        data = data.replace(path, b"/v2/a")
    with Server("headerroute-proxy", "--predict-server-url", behind.url, command=pod.command) as proxy:
        attack(proxy, pod, data, proxy.port)
        assert proxy.call(target="/after").status == 404


@pytest.mark.parametrize("name", OVER_HTTP2)
def test_memory_of_the_proxy_over_http2(peers, pod, name):
    behind = peers.endless if OVER_HTTP2[name]["path"] == "/pour" else peers.silent
    with Server("headerroute-proxy", "--predict-server-url", behind.url, command=pod.command) as proxy:
        attack(proxy, pod, http2(**{**OVER_HTTP2[name], "path": "/v2/a"}), proxy.port)
        assert proxy.call(target="/after").status == 404


@pytest.mark.parametrize("attacked", [
    {"path": "/v2/a", "headers": LARGE}, {"path": "/predict", "method": "POST", "headers": [("content-type", "image/jpeg")], "body": MEGABYTE},
    {"path": "/predict", "method": "POST", "headers": [("content-type", "image/jpeg")], "trailers": TRAILERS},
    {"path": "/docs", "window": 0}], ids=["large heads", "uploads", "trailers", "windows that stay closed"])
def test_memory_of_predict_over_http2(pod, attacked):
    with Server("headerroute-predict", "--iterations", 1, command=pod.command) as predict:
        attack(predict, pod, http2(**attacked), predict.port)
        assert predict.call(target="/health").status == 200


PREDICT = {
    "heads": request("/predict", fields="x-large: " + "v" * 57000)[:-4],
    "uploads": request("/predict", "POST", "Content-Type: image/png\r\nContent-Length: 1000000\r\n", MEGABYTE[:900000]),
    "one-byte chunks": request("/predict", "POST", "Content-Type: image/png\r\nTransfer-Encoding: chunked\r\n", b"1\r\nx\r\n" * 50000),
    "answers that are not read": request("/docs") * 2000,
}


@pytest.mark.parametrize("name", PREDICT)
def test_memory_of_predict(pod, name):
    with Server("headerroute-predict", "--iterations", 1, command=pod.command) as predict:
        attack(predict, pod, PREDICT[name], predict.port)
        assert predict.call(target="/health").status == 200


def test_memory_of_predict_while_all_send_bombs(pod):
    pictures = [bombs.webp_of_groups(512, 512, groups=8192), bombs.jpeg_padded(), bombs.webp_of_groups(), bombs.jpeg_padded()]
    posts = [request("/predict?rect=0,0,9,9", "POST", f"Content-Type: image/png\r\nContent-Length: {len(p)}\r\n", p) for p in pictures]
    with Server("headerroute-predict", "--iterations", 1, command=pod.command) as predict:
        attack(predict, pod, lambda i: posts[i % 4], predict.port)
        assert predict.call(target="/health").status == 200


def test_memory_of_crowds_that_leave_at_once(peers, pod):
    """They come and leave between two looks of the server at its load."""
    with Server("headerroute-proxy", "--predict-server-url", peers.vias.url, command=pod.command) as proxy:
        for _ in range(4):
            with Crowd(proxy.port, 200) as crowd:
                crowd.send(request("/v2/a"), settle=0.1)
                wait_until(lambda: rss(proxy.process.pid) > 32 * MIB, 1)
            left = given_back(proxy, 32 * MIB)
        print(f"{left / MIB:.0f} MiB afterwards", end=" ")


def question(path):
    body = json.dumps({"authority": "test", "path": "/" + "p" * 60000}).encode()
    return request(path, "POST", f"Content-Length: {len(body)}\r\n", body)


def test_explanations_that_nobody_reads(tmp_path, peers, pod):
    admin = free_port()
    with start_gateway(tmp_path, peers, "--ui", "/ui", "--admin", f"127.0.0.1:{admin}", rules=RULES, command=pod.command) as gw:
        before = rss(gw.process.pid)
        with Crowd(gw.port, 64) as crowd, Crowd(admin, 64) as administrators:
            crowd.send(question("/ui/explain"))
            settled(gw.process.pid)
            assert SANITIZE or rss(gw.process.pid) - before < 16 * MIB
            with gw.client() as late:  # all places are taken, until the last byte is sent
                late.send(question("/ui/explain"))
                got = late.answer()
                assert got.status == 503 and got.header("retry-after") == "1"
            with Client(admin) as administrator:  # who has places of its own
                administrator.request(target="/explain?authority=test&path=/")
                assert administrator.answer().status == 200
            administrators.send(lambda i: question("/explain") if i % 2 else request("/config"))
            settled(gw.process.pid)
            assert SANITIZE or rss(gw.process.pid) - before < 64 * MIB
        with Crowd(gw.port) as crowd:
            crowd.send(question("/ui/explain"))
            settled(gw.process.pid)
            peak = pod.check(gw)
        print(f"peak {peak / MIB:.0f} MiB", end=" ")


def test_lists_of_rules_for_many_clients(tmp_path, peers, pod):
    rules = [{"match": [{"headers": {"x-rule": {"regex": f"r{i}(a|b)*[0-9]{{4}}"}}}]} for i in range(900)]
    with start_gateway(tmp_path, peers, "--ui", "/ui", rules=rules, command=pod.command) as gw:
        before = rss(gw.process.pid)
        with Crowd(gw.port, 64) as crowd:
            crowd.send(request("/ui/rules"))
            settled(gw.process.pid)
            assert SANITIZE or rss(gw.process.pid) - before < 16 * MIB
        peak = pod.check(gw)
        print(f"peak {peak / MIB:.0f} MiB", end=" ")


def test_a_long_trace_is_cut(tmp_path, peers):
    with start_gateway(tmp_path, peers, "--ui", "/ui", rules=RULES) as gw:
        asked = {"authority": "test", "path": "/" + "p" * 60000, "headers": [["x-rule", "r" * 1000]]}
        got = gw.call("POST", "/ui/explain", body=json.dumps(asked).encode())
        assert got.status == 200 and len(got.body) < 2 * MIB and got.json()["left_out"] > 0


def test_samples_are_shared(tmp_path, peers, pod):
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "a.jpg").write_bytes(b"x" * 15 * MIB)
    with start_gateway(tmp_path, peers, "--ui", "/ui", "--ui-samples", tmp_path / "samples", command=pod.command) as gw:
        before = rss(gw.process.pid)
        with Crowd(gw.port) as crowd:
            crowd.send(request("/ui/samples/a.jpg"))
            settled(gw.process.pid)
            assert SANITIZE or rss(gw.process.pid) - before < 32 * MIB
            pod.check(gw)


def test_control_groups_v2(tmp_path, monkeypatch):
    """The files of version 2, which counts the buffers of sockets in the group's memory, in a folder like the kernel's."""
    monkeypatch.setattr(cgroups, "V1", tmp_path / "memory")
    monkeypatch.setattr(cgroups, "V2", tmp_path)
    group = cgroups.MemoryGroup("v2", 300 * MIB)
    files = {"memory.peak": "5000\n", "memory.current": "4000\n", "memory.events": "low 0\nhigh 0\nmax 7\noom 3\noom_kill 2\n"}
    for name, text in files.items():
        (group.path / name).write_text(text)
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+memory"
    assert (group.path / "memory.max").read_text() == str(300 * MIB)
    assert (group.path / "memory.swap.max").read_text() == "0"
    assert (group.peak(), group.used(), group.socket_peak(), group.oom_kills()) == (5000, 4000, 0, 2)
    (group.path / "memory.peak").unlink()  # kernels before 5.19
    assert group.peak() is None
    assert str(group.path / "cgroup.procs") in " ".join(group.command)
