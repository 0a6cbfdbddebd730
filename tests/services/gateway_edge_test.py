"""Headers that the gateway sets before it looks at routes, and header values with formatter commands."""
import json
import re
import subprocess

import pytest
from harness import BUILD, run
from mesh import GATEWAY, gateway, routes, service, to, write
from peers import Peer

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
CLIENT = [("X-Forwarded-For", "1.1.1.1"), ("x-forwarded-for", "6.6.6.6"), ("X-Forwarded-Proto", "https"), ("X-Request-Id", "mine"),
          ("X-Forwarded-Client-Cert", "By=x"), ("x-envoy-external-address", "9.9.9.9"), ("x-envoy-internal", "true"),
          ("x-envoy-decorator-operation", "op")]


def seen(peer, *names):
    return [peer.requests[-1].header(n) for n in names]


def test_a_gateway_does_not_believe_its_client(tmp_path):
    with Peer() as peer, gateway(tmp_path, service("a.test", peer), routes({"route": [to("a.test")]})) as gw:
        gw.call(headers=CLIENT)
        assert peer.requests[-1].all("x-forwarded-for") == ["1.1.1.1,6.6.6.6,127.0.0.1"]
        assert seen(peer, "x-forwarded-proto", "x-envoy-external-address") == ["http", "127.0.0.1"]
        assert seen(peer, "x-forwarded-client-cert", "x-envoy-internal", "x-envoy-decorator-operation") == [None] * 3
        fresh, = peer.requests[-1].all("x-request-id")
        assert UUID.match(fresh) and gw.wait_line(request_id=fresh)


def test_trusted_proxies_are_believed(tmp_path):
    with Peer() as peer, gateway(tmp_path, service("a.test", peer), routes({"route": [to("a.test")]}),
                                 args=["--trusted-proxies", "2"]) as gw:
        gw.call(headers=CLIENT)
        assert seen(peer, "x-forwarded-proto", "x-envoy-external-address") == ["https", "1.1.1.1"]
        assert peer.requests[-1].all("x-forwarded-for") == ["1.1.1.1,6.6.6.6,127.0.0.1"]


def test_a_sidecar_keeps_what_its_application_says(tmp_path):
    with Peer() as peer, gateway(tmp_path, service("a.test", peer), routes({"route": [to("a.test")]}, hosts=["a.test"], gateways=["mesh"]),
                                 args=["--gateway", "mesh"]) as gw:
        gw.call(headers=[*CLIENT, ("Host", "a.test")])
        assert seen(peer, "x-request-id", "x-forwarded-proto", "x-envoy-external-address") == ["mine", "https", "9.9.9.9"]
        assert ",".join(peer.requests[-1].all("x-forwarded-for")) == "1.1.1.1,6.6.6.6"
        assert seen(peer, "x-forwarded-client-cert", "x-envoy-internal") == [None, None]
        gw.call(headers=[("Host", "a.test")])
        assert UUID.match(peer.requests[-1].header("x-request-id"))


def test_rules_see_what_the_gateway_has_set(tmp_path):
    rules = [{"match": [{"headers": {"x-forwarded-proto": {"exact": "http"}, "x-envoy-external-address": {"exact": "127.0.0.1"},
                                     "x-request-id": {"regex": ".{36}"}}}], "directResponse": {"status": 201}},
             {"directResponse": {"status": 202}}]
    with gateway(tmp_path, routes(*rules)) as gw:
        assert gw.call(headers=CLIENT).status == 201
        assert gw.call().status == 201
        asked = run("headerroute", "route", "-f", tmp_path / "mesh.yaml", "--gateway", "default/gw", "--peer-address", "127.0.0.1",
                    "-H", "X-Forwarded-Proto: https", "--json", "http://x/")
        assert json.loads(asked[1])["direct_response"]["status"] == 201


@pytest.mark.parametrize("value", [b"condition1 ", b"condition1\t", b" \tcondition1 \t "])
def test_blanks_around_values_are_not_part_of_them(tmp_path, value):
    rules = [{"match": [{"headers": {"target": {"exact": "condition1"}}}], "directResponse": {"status": 201}}, {"directResponse": {"status": 202}}]
    with gateway(tmp_path, routes(*rules)) as gw:
        for framing in (b"Content-Length: 3 \t\r\n\r\nabc", b"Transfer-Encoding: chunked \r\n\r\n3\r\nabc\r\n0\r\n\r\n"):
            with gw.client() as client:
                client.send(b"POST / HTTP/1.1\r\nHost: a.test \t\r\ntarget:" + value + b"\r\n" + framing)
                assert client.answer("POST").status == 201


@pytest.mark.parametrize("headers, body, status", [
    ([("te", "trailers")], None, 201), ([("te", "gzip, trailers")], None, 201), ([("te", "gzip")], None, 204),
    ([("TE", "gzip"), ("te", "trailers")], None, 201), ([("content-length", "3")], b"abc", 202),
    ([("cookie", "a=1"), ("cookie", "b=2")], None, 203), ([("cookie", "b=2"), ("cookie", "a=1")], None, 203),
    ([("cookie", "a=1; b=2")], None, 204)])
def test_subjects_of_a_match(tmp_path, headers, body, status):
    rules = [{"match": [{"headers": {name: {"exact": value}}}], "directResponse": {"status": code}}
             for name, value, code in (("te", "trailers", 201), ("content-length", "3", 202), ("cookie", "a=1", 203))]
    with gateway(tmp_path, routes(*rules, {"directResponse": {"status": 204}})) as gw:
        assert gw.call("POST" if body else "GET", "/", headers, body).status == status


@pytest.mark.parametrize("args, env, status", [([], {}, 201), (["--repeated-headers", "joined"], {}, 202), ([], {"HR_REPEATED_HEADERS": "joined"}, 202)])
def test_repeated_headers(tmp_path, args, env, status):
    rules = [{"match": [{"headers": {"x": {"exact": "a"}}}], "directResponse": {"status": 201}},
             {"match": [{"headers": {"x": {"exact": "a,b"}}}], "directResponse": {"status": 202}}]
    with gateway(tmp_path, routes(*rules), args=args, env=env) as gw:
        assert gw.call(headers=[("x", "a"), ("x", "b")]).status == status


@pytest.mark.parametrize("method, status", [("PROPFIND", 200), ("MSEARCH", 200), ("QUERY", 400), ("get", 400), ("M-SEARCH", 400)])
def test_methods_are_those_of_envoy(tmp_path, method, status):
    with gateway(tmp_path, routes({"directResponse": {"status": 200}})) as gw:
        assert gw.call(method).status == status


COMMANDS = {"x-real-ip": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "x-peer": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%", "x-here": "%DOWNSTREAM_LOCAL_ADDRESS%",
            "x-when": "%START_TIME(%Y-%m-%d)%", "x-node": "%HOSTNAME%", "x-code": "%RESPONSE_CODE% %RESPONSE_FLAGS%", "x-up": "[%UPSTREAM_HOST%]",
            "x-cluster": "%UPSTREAM_CLUSTER%", "x-size": "%BYTES_RECEIVED%", "x-proto": "%PROTOCOL%"}


def test_commands_in_header_values(tmp_path):
    rule = {"name": "r", "headers": {"request": {"set": COMMANDS}, "response": {"set": {**COMMANDS, "x-details": "%RESPONSE_CODE_DETAILS%",
            "x-sent": "%REQ(x-node)%", "x-time": "%DURATION%"}}}}
    with Peer() as peer, gateway(tmp_path, service("a.test", peer), routes({**rule, "route": [to("a.test")]}), args=["--name", "gw-7"]) as gw:
        got = gw.call("POST", "/", [("x-real-ip", "6.6.6.6")], b"abcde")
        cluster = "outbound|80||a.test"
        assert seen(peer, "x-real-ip", "x-node", "x-code", "x-up", "x-cluster", "x-size", "x-proto") == \
            ["127.0.0.1", "gw-7", "0 -", "[]", cluster, "5", "HTTP/1.1"]
        assert re.fullmatch(r"127\.0\.0\.1:\d+", peer.requests[-1].header("x-peer"))
        assert peer.requests[-1].header("x-here") == f"127.0.0.1:{gw.port}"
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", peer.requests[-1].header("x-when"))
        assert [got.header(n) for n in ("x-real-ip", "x-code", "x-up", "x-cluster", "x-details", "x-sent")] == \
            ["127.0.0.1", "200 -", f"[127.0.0.1:{peer.port}]", cluster, "via_upstream", "gw-7"]
        assert got.header("x-time").isdigit()


def test_commands_in_answers_of_its_own(tmp_path):
    rule = {"headers": {"response": {"set": {"x-code": "%RESPONSE_CODE%", "x-details": "%RESPONSE_CODE_DETAILS%", "x-up": "[%UPSTREAM_HOST%]"}}}}
    with gateway(tmp_path, routes({**rule, "directResponse": {"status": 404}})) as gw:
        got = gw.call()
        assert [got.header(n) for n in ("x-code", "x-details", "x-up")] == ["0", "direct_response", "[]"]


@pytest.mark.parametrize("value, sentence", [
    ("%INVALID%", 'is not a command that Envoy has'), ("%req(x)%", "is not a command such as"), ("%CEL(request.path)%", "cannot be evaluated"),
    ("%ENVIRONMENT(X)%", "cannot be evaluated")])
def test_commands_that_it_refuses(tmp_path, value, sentence):
    path = write(tmp_path / "mesh.yaml", GATEWAY, routes({"headers": {"request": {"set": {"a": value}}}, "directResponse": {"status": 200}}))
    got = subprocess.run([BUILD / "bin" / "headerroute-gateway", "-f", path, "--listen", "127.0.0.1:0"], capture_output=True, text=True, timeout=60)
    assert got.returncode == 1 and "headers.request.set[a]" in got.stderr and sentence in got.stderr
