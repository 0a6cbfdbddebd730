"""headerroute-proxy before upstream servers that behave in every way there is: what it passes on, and what it answers itself."""
import re
import socket
import threading
import time

import pytest
from harness import Server, free_port, run
from peers import Peer, always, answer, echo, refused_port, wait_until

FAILURE_KEYS = {"status", "img_none_bg_base64", "detail"}


def proxy_of(peer_or_url, *args, **kwargs):
    url = peer_or_url if isinstance(peer_or_url, str) else peer_or_url.url
    return Server("headerroute-proxy", "--predict-server-url", url, *args, **kwargs)


def is_failure(got, status, *words):
    assert got.status == status, got.body
    failure = got.json()
    assert set(failure) == FAILURE_KEYS and failure["status"] == "ng" and failure["img_none_bg_base64"] is None
    assert all(word in failure["detail"] for word in words), failure["detail"]
    return True


def predict_like(connection, request):
    path = request.target.split("?")[0]
    if path == "/health":
        connection.send(answer(b'{"health":"ok"}', headers=[("Content-Type", "application/json")]))
    elif path == "/metadata":
        connection.send(answer(b'{"iterations":5}', headers=[("Content-Type", "application/json")]))
    else:
        connection.send(answer(request.body, headers=[("X-Target", request.target), ("Via", "1.1 predict")]))
    return True


@pytest.fixture(scope="module")
def peer():
    with Peer(predict_like) as peer:
        yield peer


@pytest.fixture(scope="module")
def proxy(peer):
    with proxy_of(peer) as proxy:
        yield proxy


def test_hello(proxy):
    got = proxy.call()
    assert got.status == 200 and got.json() == "Hello Proxy Server!\n"
    assert got.header("content-type") == "application/json"


def test_health_of_both(proxy):
    got = proxy.call(target="/health")
    assert got.status == 200
    assert got.json() == {"proxy_server": {"health": "ok"}, "predict_server": {"health": "ok"}}


@pytest.mark.parametrize("behave", [
    always(answer(b"", status="503 Busy")),
    always(b"nonsense"),
    lambda connection, request: time.sleep(30),
    lambda connection, request: connection.reset(),
], ids=["503", "malformed", "silent", "reset"])
def test_health_is_ng_where_predict_is_not_well(behave):
    with Peer(behave) as peer, proxy_of(peer, "--health-timeout", "0.3") as proxy:
        got = proxy.call(target="/health")
        assert got.status == 200
        assert got.json() == {"proxy_server": {"health": "ok"}, "predict_server": {"health": "ng"}}


def test_health_is_ng_where_nobody_listens():
    with proxy_of(f"http://127.0.0.1:{refused_port()}") as proxy:
        assert proxy.call(target="/health").json()["predict_server"] == {"health": "ng"}
        assert proxy.call(target="/ready").status == 200, "ready, whatever predict does"


def test_metadata_is_passed_on(proxy):
    got = proxy.call(target="/metadata")
    assert got.json() == {"iterations": 5}


def test_job_id_is_added_unless_given(proxy, peer):
    seen = set()
    for target, pattern in [
        ("/predict", r"/predict\?job_id=[0-9a-f]{6}"),
        ("/predict?", r"/predict\?job_id=[0-9a-f]{6}"),
        ("/predict?rect=1,2,3,4", r"/predict\?rect=1,2,3,4&job_id=[0-9a-f]{6}"),
        ("/predict?job_id=My.job-1_x", r"/predict\?job_id=My\.job-1_x"),
        ("/predict?output=mask&job_id=" + "a" * 64, r"/predict\?output=mask&job_id=a{64}"),
    ]:
        got = proxy.call("POST", target, body=b"{}")
        assert got.status == 200 and re.fullmatch(pattern, got.header("x-target")), got.header("x-target")
        seen.add(got.header("x-target"))
    assert len(seen) == 5, "job ids differ"


@pytest.mark.parametrize("query", ["job_id=", "job_id", "job_id=a%20b", "job_id=a/b", "job_id=" + "a" * 65,
                                   "job_id=a&job_id=b", "job_id=%zz", "job_id=%00"])
def test_bad_job_id(proxy, query):
    assert is_failure(proxy.call("POST", "/predict?" + query, body=b"{}"), 400, "job_id")


def test_unknown_paths_and_methods(proxy):
    assert is_failure(proxy.call(target="/nope"), 404)
    assert is_failure(proxy.call(target="/predict/"), 404)
    got = proxy.call(target="/predict")
    assert is_failure(got, 405) and got.header("allow") == "POST"
    assert is_failure(proxy.call("POST", "/health", body=b""), 405)
    assert is_failure(proxy.call("DELETE", "/"), 405)


@pytest.mark.parametrize("path", ["/", "/predict", "/v2/models/grabcut/infer", "/nothing"])
def test_websockets_are_refused_with_a_sentence(proxy, peer, path):
    before = len(peer.requests)
    with proxy.client() as client:
        client.request("GET", path, [("Connection", "keep-alive, Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
                                     ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")])
        got = client.answer()
    assert got.status == 403 and b"no WebSockets" in got.body and len(peer.requests) == before
    assert path.startswith("/v2/") or is_failure(got, 403, "POST /predict")
    assert proxy.wait_line(path=path, response_code=403)["response_code_details"] == "upgrade_failed"


def test_head_answers_as_get_without_a_body(proxy):
    for target in ["/", "/health", "/ready", "/metrics"]:
        got = proxy.call("HEAD", target)
        assert got.status == 200 and got.body == b"" and int(got.header("content-length")) > 0, target


def test_end_to_end_headers_pass_and_hop_by_hop_ones_do_not(proxy, peer):
    headers = [("target", "condition1"), ("traceparent", "00-abc-def-01"), ("X-Request-ID", "my-id"), ("X-Two", "1"),
               ("X-Two", "2"), ("Via", "1.1 before"), ("Keep-Alive", "timeout=5"), ("Proxy-Connection", "x"),
               ("TE", "trailers"), ("X-Private", "1"), ("Connection", "X-Private")]
    got = proxy.call("POST", "/predict?job_id=headers", headers, b"{}")
    request = next(r for r in peer.requests if "job_id=headers" in r.target)
    assert request.header("target") == "condition1"
    assert request.header("traceparent") == "00-abc-def-01"
    assert request.all("x-request-id") == ["my-id"]
    assert request.all("x-two") == ["1", "2"]
    assert ", ".join(request.all("via")) == "1.1 before, 1.1 proxy"
    assert request.header("host") == f"127.0.0.1:{peer.port}"
    assert not {"connection", "keep-alive", "proxy-connection", "te", "x-private"} & {n for n, _ in request.headers}
    assert got.header("x-request-id") == "my-id"
    assert got.header("via") == "1.1 predict, 1.1 proxy"
    assert "proxy;dur=" in got.header("server-timing")


def test_request_id_is_made_and_sent_on(proxy, peer):
    got = proxy.call("POST", "/predict?job_id=made-id", body=b"{}")
    request = next(r for r in peer.requests if "job_id=made-id" in r.target)
    assert len(got.header("x-request-id")) == 36
    assert request.all("x-request-id") == [got.header("x-request-id")]


def test_bodies_pass_both_ways_whole(proxy):
    for size in [0, 1, 20_000, 65_535, 65_536, 65_537, 300_000, 5_000_000]:
        body = bytes(i * 7 % 251 for i in range(1000)) * (size // 1000) + b"x" * (size % 1000)
        assert proxy.call("POST", "/predict", body=body).body == body, size


def test_chunked_request_is_reframed(proxy, peer):
    with proxy.client() as client:
        client.request("POST", "/predict?job_id=chunked", [("Transfer-Encoding", "chunked")])
        client.send(b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
        assert client.answer().body == b"hello world"
    request = next(r for r in peer.requests if "job_id=chunked" in r.target)
    assert request.header("content-length") == "11" and request.header("transfer-encoding") is None


def test_unreachable_is_502():
    with proxy_of(f"http://127.0.0.1:{refused_port()}") as proxy:
        assert is_failure(proxy.call("POST", "/predict", body=b"{}"), 502, "unreachable")
        line = proxy.wait_line(path="/predict")
        assert line["response_flags"] == "UF" and line["response_code"] == 502


def test_unknown_name_is_502():
    with proxy_of("http://no-such-host.invalid:5010", "--connect-timeout", "20") as proxy:
        assert is_failure(proxy.call("POST", "/predict", body=b"{}"), 502, "no-such-host.invalid")


def names_of_this_machine():
    """Returns names for 127.0.0.1: one that every resolver knows without a file, and localhost if it resolves.
    localhost often resolves to ::1 first, where no server listens. A bare root has no /etc/hosts."""
    try:
        socket.getaddrinfo("localhost", None)
    except OSError:
        return ["127.1"]
    return ["127.1", "localhost"]


@pytest.mark.parametrize("name", names_of_this_machine())
def test_names_are_looked_up(peer, name):
    with proxy_of(f"http://{name}:{peer.port}") as proxy:
        assert proxy.call("POST", "/predict", body=b"named").body == b"named"
        assert proxy.call("POST", "/predict", body=b"again").body == b"again"


def test_the_predict_server_may_have_an_ipv6_address():
    with Peer(predict_like, host="::1") as peer, proxy_of(peer) as proxy:
        assert proxy.call("POST", "/predict", body=b"six").body == b"six"
        assert peer.requests[-1].header("host") == f"[::1]:{peer.port}"


def test_base_path():
    with Peer(predict_like) as peer, proxy_of(peer.url + "/model/") as proxy:
        proxy.call("POST", "/predict?job_id=x", body=b"")
        assert peer.requests[-1].target == "/model/predict?job_id=x"


def test_deadline_is_504():
    with Peer(lambda connection, request: time.sleep(30)) as peer, proxy_of(peer, "--predict-timeout", "0.3") as proxy:
        assert is_failure(proxy.call("POST", "/predict", body=b"{}"), 504, "in time")
        assert proxy.wait_line(path="/predict")["response_flags"] == "UT"
        assert proxy.metric("headerroute_upstream_timeouts_total") == 1


def test_a_client_that_leaves_frees_the_upstream():
    gone = threading.Event()

    def behave(connection, request):
        try:
            connection.read_request()
        except (EOFError, OSError):
            gone.set()

    with Peer(behave) as peer, proxy_of(peer, "--predict-timeout", "600") as proxy:
        with proxy.client() as client:
            client.request("POST", "/predict", body=b"{}")
            assert wait_until(lambda: len(peer.requests) == 1)
        assert gone.wait(30), "the upstream connection was kept for a client that had gone"
        assert proxy.wait_line(path="/predict")["response_flags"] == "DC"


def test_drain_finishes_what_runs():
    release = threading.Event()

    def behave(connection, request):
        release.wait(30)
        connection.send(answer(b"late"))
        return True

    with Peer(behave) as peer, proxy_of(peer, "--drain-seconds", "30", "--predict-timeout", "30") as proxy:
        with proxy.client() as client:
            client.request("POST", "/predict", body=b"{}")
            assert wait_until(lambda: len(peer.requests) == 1)
            proxy.process.terminate()
            assert wait_until(lambda: "draining" in proxy.messages())
            release.set()
            assert client.answer().body == b"late"
        proxy.stop()


@pytest.mark.parametrize("url", ["https://predict:5010", "ftp://x", "predict:5010", "http://", "http://:80", "http://x:0",
                                 "http://x:65536", "http://x:8o", "http://[::1", "http://[::1]x", "http://a b",
                                 "http://user@host", "http://x/?q"])
def test_bad_predict_url(url):
    for args, env in [(["--predict-server-url", url], {}), ([], {"PREDICT_SERVER_URL": url})]:
        code, out, err = run("headerroute-proxy", *args, env=env)
        assert code == 2 and out == "" and len(err.strip().splitlines()) == 1, err
        assert "http" in err


def test_predict_server_url_from_the_environment(peer):
    with Server("headerroute-proxy", env={"PREDICT_SERVER_URL": peer.url}) as proxy:
        assert proxy.call("POST", "/predict", body=b"env").body == b"env"


def test_port_in_use():
    with Peer() as peer:
        code, out, err = run("headerroute-proxy", "--listen", f"127.0.0.1:{peer.port}")
        assert code == 1 and len(err.strip().splitlines()) == 1 and str(peer.port) in err


@pytest.mark.parametrize("program", ["headerroute-proxy", "headerroute-gateway", "headerroute-predict"])
def test_help_names_every_value(program):
    code, out, err = run(program, "--help")
    assert code == 0 and "(null)" not in out and "\n  --log-level LEVEL\n" in out
    assert program != "headerroute-gateway" or "\n  --repeated-headers joined|each\n" in out
    code, out, err = run("headerroute-gateway", "--repeated-headers")
    assert code == 2 and err == "headerroute-gateway: --repeated-headers needs a value: joined|each\n"


def test_help_names_every_environment_twin():
    code, out, err = run("headerroute-proxy", "--help")
    assert code == 0 and "HR_PREDICT_SERVER_URL" in out and "PREDICT_SERVER_URL" in out and "HR_LISTEN" in out
