"""--body-header: requests are routed by what their bodies and paths say, and by nothing that a client says instead."""
import json
import pathlib
import time

import pytest
import yaml
from harness import Server, run
from mesh import GATEWAY, gateway, routes, service, to, write
from peers import Peer, answer, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "body-routing"
FLAGS = ("--body-header", "x-model=$.model", "--body-header", "x-model=model_name", "--body-header", "X-User=$.user.id")


def tell(connection, request):
    """Answers which of the headers of interest arrived."""
    connection.send(answer(json.dumps({n: v for n, v in request.headers if n in ("x-model", "x-user")}).encode()))
    return True


@pytest.fixture(scope="module")
def telling(tmp_path_factory):
    rules = routes({"match": [{"headers": {"x-model": {"exact": "none"}}}], "directResponse": {"status": 418}}, {"route": [to("x.test")]})
    with Peer(tell) as peer:
        with gateway(tmp_path_factory.mktemp("gw"), service("x.test", peer), rules, args=FLAGS) as gw:
            gw.peer = peer
            yield gw


def headers_of(gw, body, target="/v1/chat/completions", headers=()):
    got = gw.call("POST", target, headers=headers, body=body)
    assert got.status == 200, got.body
    return json.loads(got.body)


LONG = [{"role": "user", "content": "word " * 50_000}]


@pytest.mark.parametrize("body,expected", [
    (b'{"model": "a"}', {"x-model": "a"}),
    (b'{"model": "a", "user": {"id": 7}}', {"x-model": "a", "x-user": "7"}),
    (json.dumps({"model": "a", "messages": LONG}).encode(), {"x-model": "a"}),
    (json.dumps({"messages": LONG, "model": "a"}).encode(), {}),
    (b'{"model": "a", "model": "b"}', {}),
    (b'{"model": "a\\r\\nx-user: 1"}', {}),
    (b'{"model": null}', {}),
    (b'{"model": "a"', {}),
    (b"[]", {}),
    (b"", {}),
    (b"\x89PNG" + b"x" * 300_000, {}),
], ids=range(11))
def test_members(telling, body, expected):
    assert headers_of(telling, body) == expected


def test_a_clients_own_headers_are_removed(telling):
    own = [("X-Model", "none"), ("x-user", "root"), ("x-model", "none")]
    assert headers_of(telling, b"{}", headers=own) == {}
    assert headers_of(telling, b'{"model": "b"}', headers=own) == {"x-model": "b"}
    assert telling.call(target="/", headers=own).body == b"{}"


def test_models_in_paths(telling):
    assert headers_of(telling, b"{}", "/v2/models/grabcut/infer") == {"x-model": "grabcut"}
    assert headers_of(telling, b'{"model": "first"}', "/v2/models/grabcut/infer") == {"x-model": "first"}
    assert json.loads(telling.call(target="/v2/models/grab%63ut/ready").body) == {"x-model": "grabcut"}


def test_a_rule_takes_what_the_body_says(telling):
    assert telling.call("POST", "/", body=b'{"model": "none"}').status == 418


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_pieces(telling, chunked):
    """The object comes byte by byte, then a long rest of the body; nothing of it is lost."""
    text = b'{"model": "in pieces", "x": "' + b"y" * 100_000 + b'"}'
    head = b"Transfer-Encoding: chunked\r\n\r\n" if chunked else b"Content-Length: %d\r\n\r\n" % len(text)
    before = len(telling.peer.requests)
    with telling.client() as client:
        client.send(b"POST /pieces HTTP/1.1\r\nHost: x\r\n" + head)
        for i in range(30):
            client.send(b"1\r\n%c\r\n" % text[i] if chunked else text[i:i + 1])
            time.sleep(0.002)
        client.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(text) - 30, text[30:]) if chunked else text[30:])
        assert json.loads(client.answer().body) == {"x-model": "in pieces"}
    assert telling.peer.requests[before].body == text


def test_the_request_goes_on_as_soon_as_the_object_is_complete(telling):
    with telling.client() as client:
        client.send(b"POST /early HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")
        assert client.answer().status == 100
        client.send(b"f\r\n{\"model\":\"none\"\r\n1\r\n}\r\n")
        assert client.answer().status == 418, "the last chunk has not been sent"


def test_the_limit_of_the_look_ahead(tmp_path):
    body = json.dumps({"messages": LONG, "model": "a"}).encode()
    with Peer(tell) as peer, gateway(tmp_path, service("x.test", peer), routes({"route": [to("x.test")]}),
                                     args=("--body-header", "x-model=$.model", "--body-look-ahead", "1M")) as gw:
        assert headers_of(gw, body) == {"x-model": "a"}


def test_retries_send_the_body_and_the_header_again(tmp_path):
    seen = []

    def fail_first(connection, request):
        seen.append((request.header("x-model"), len(request.body)))
        connection.send(answer(b"", "503 Service Unavailable") if len(seen) == 1 and request.body else answer(b"up"))
        return True

    body = json.dumps({"model": "a", "messages": LONG}).encode()
    rules = routes({"route": [to("x.test")], "retries": {"attempts": 2, "retryOn": "503"}})
    with Peer(fail_first) as peer, gateway(tmp_path, service("x.test", peer), rules, args=FLAGS) as gw:
        seen.clear()
        assert gw.call("POST", "/", body=body).status == 200
        assert seen == [("a", len(body)), ("a", len(body))]


def test_the_example(tmp_path):
    """Two LLM backends and one GrabCut, as docs/body-routing.md has them; only the addresses are others."""
    def named(name):
        return lambda connection, request: connection.send(answer(name.encode())) or True

    resources = list(yaml.safe_load_all((EXAMPLE / "mesh.yaml").read_text()))
    names = ["llm-small", "llm-large", "grabcut"]
    peers = {name: Peer(named(name)) for name in names}
    for entry in (r for r in resources if r["kind"] == "ServiceEntry"):
        peer = peers[entry["metadata"]["name"]]
        entry["spec"]["endpoints"] = [{"address": peer.host, "ports": {"http": peer.port}}]
    path = write(tmp_path / "mesh.yaml", *resources)
    with Server("headerroute-gateway", "-f", path, *FLAGS, ready_path="/") as gw:
        def ask(target, body):
            return gw.call("POST", target, body=body).body.decode()
        assert ask("/v1/chat/completions", b'{"model": "gpt-oss-20b", "messages": []}') == "llm-small"
        assert ask("/v1/chat/completions", (EXAMPLE / "chat.json").read_bytes()) == "llm-large"
        assert ask("/v2/models/grabcut/infer", b'{"inputs": []}') == "grabcut"
        assert gw.call(headers=[("x-model", "grabcut")]).status == 404
    for peer in peers.values():
        peer.close()


@pytest.mark.parametrize("value,said", [("x-model", "expected NAME=PATH"), ("x-model=model", "expected $.MEMBER"), ("host=$.a", "must not")])
def test_flags_that_are_wrong(tmp_path, value, said):
    path = write(tmp_path / "mesh.yaml", GATEWAY)
    code, _, err = run("headerroute-gateway", "-f", path, "--body-header", value)
    assert code == 2 and said in err and value in err and err.count("\n") == 1


def test_waiting_for_a_body_ends_with_the_client(telling):
    with telling.client() as client:
        client.send(b"POST /leaves HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n{\"model\": ")
    assert wait_until(lambda: telling.lines(path="/leaves"))
    assert telling.lines(path="/leaves")[0]["response_flags"] == "DC"
