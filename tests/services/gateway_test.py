"""headerroute-gateway with two rules that a header chooses between, and what a data plane answers itself: unknown hosts, missing
clusters, redirects, faults, CORS."""
import collections
import re
import time

import pytest
from harness import ROOT, Server, run
from mesh import GATEWAY, gateway, routes, rule, service, to, write
from peers import Peer, always, answer, echo, refused_port, wait_until

DISCONNECT = b"upstream connect error or disconnect/reset before headers. reset reason: "


def named(name):
    def behave(connection, request):
        connection.send(answer(request.body, headers=[("X-Who", name), ("X-Target", request.target), ("Via", "1.1 " + name)]))
        return True
    return behave


class Nobody:
    """An endpoint without a listener."""
    def __init__(self):
        self.host, self.port = "127.0.0.1", refused_port()


@pytest.fixture
def two(tmp_path):
    with Peer(named("one")) as one, Peer(named("two")) as two_:
        yield one, two_


TWO_RULES = [{"match": [{"headers": {"target": {"exact": "condition1"}}}], "route": [to("proxy.test", "one")], "timeout": "10s"},
              {"route": [to("proxy.test", "two")], "timeout": "10s"}]
TWO_SUBSETS = rule("proxy.test", trafficPolicy={"loadBalancer": {"simple": "ROUND_ROBIN"}},
                    subsets=[{"name": "one", "labels": {"version": "v1"}}, {"name": "two", "labels": {"version": "v2"}}])


def two_rules(one, two_):
    return [service("proxy.test", (one, {"version": "v1"}), (two_, {"version": "v2"})), TWO_SUBSETS, routes(*TWO_RULES)]


def test_the_header_chooses_the_subset(two, tmp_path):
    with gateway(tmp_path, *two_rules(*two)) as gw, gw.client() as client:
        for i in range(50):
            value, who = [("condition1", "one"), ("condition2", "two"), ("Condition1", "two"), (None, "two")][i % 4]
            client.request("POST", f"/predict?n={i}", [("target", value)] if value else [], b"body %d" % i)
            got = client.answer()
            assert (got.status, got.header("x-who"), got.body) == (200, who, b"body %d" % i)
            assert got.header("x-target") == f"/predict?n={i}"
            assert got.header("via") == f"1.1 {who}, 1.1 gateway"
        line = gw.wait_line(path="/predict?n=49")
        assert line["upstream_cluster"] == "outbound|80|two|proxy.test" and line["response_flags"] == "-"
        assert line["upstream_host"] == f"127.0.0.1:{two[1].port}"


def test_the_manifests_of_the_project_load():
    with Server("headerroute-gateway", "-f", ROOT / "k8s/base", "-f", ROOT / "k8s/local", ready_path="/") as gw:
        got = gw.call("POST", "/predict", [("target", "condition1")], b"{}")
        assert got.status != 404 and gw.wait_line(method="POST")["upstream_host"] == "127.0.0.11:5000"
        gw.call("POST", "/predict", [("target", "other")], b"{}")
        assert gw.wait_line(upstream_host="127.0.0.12:5000")["upstream_cluster"] == \
            "outbound|5000|proxy-pod-subset2|proxy-server.default.svc.cluster.local"


def test_headers_to_the_upstream(two, tmp_path):
    one, _ = two
    with gateway(tmp_path, *two_rules(*two)) as gw:
        gw.call("POST", "/p", [("target", "condition1"), ("X-Request-Id", "abc"), ("Traceparent", "00-1"), ("X-Forwarded-For", "9.9.9.9"),
                               ("X-Forwarded-Proto", "https"), ("x-envoy-retry-on", "5xx"), ("x-envoy-max-retries", "9"),
                               ("x-envoy-upstream-rq-timeout-ms", "1"), ("x-envoy-peer", "kept"), ("Connection", "x-hop"),
                               ("X-Hop", "1"), ("TE", "trailers"), ("Host", "some.host:81")], b"x")
        request = one.requests[-1]
        got = dict(request.headers)
        assert got["host"] == "some.host:81" and got["x-request-id"] != "abc" and len(got["x-request-id"]) == 36 and got["traceparent"] == "00-1"
        assert got["x-forwarded-for"].replace(" ", "") == "9.9.9.9,127.0.0.1" and got["x-forwarded-proto"] == "http"
        assert got["x-envoy-expected-rq-timeout-ms"] == "10000" and got["x-envoy-attempt-count"] == "1"
        assert got["via"] == "1.1 gateway" and got["x-envoy-peer"] == "kept"
        assert not {"x-envoy-retry-on", "x-envoy-max-retries", "x-envoy-upstream-rq-timeout-ms", "x-hop", "te", "connection"} & set(got)


def local_reply_rules():
    return routes(
        {"match": [{"uri": {"prefix": "/refused"}}], "route": [to("refused.test")], "retries": {"attempts": 0}},
        {"match": [{"uri": {"prefix": "/retried"}}], "route": [to("refused.test")],
         "retries": {"attempts": 2, "retryOn": "connect-failure", "backoff": "1ms"}},
        {"match": [{"uri": {"prefix": "/closes"}}], "route": [to("closes.test")]},
        {"match": [{"uri": {"prefix": "/resets"}}], "route": [to("resets.test")]},
        {"match": [{"uri": {"prefix": "/malformed"}}], "route": [to("malformed.test")]},
        {"match": [{"uri": {"prefix": "/slow"}}], "route": [to("slow.test")], "timeout": "0.2s"},
        {"match": [{"uri": {"prefix": "/empty"}}], "route": [to("empty.test", "none")]},
        {"match": [{"uri": {"prefix": "/missing"}}], "route": [to("missing.test")]},
        {"match": [{"uri": {"prefix": "/direct"}}], "directResponse": {"status": 418, "body": {"string": "short and stout"}},
         "headers": {"response": {"set": {"x-set": "yes"}}}},
        {"match": [{"uri": {"prefix": "/redirect"}}], "redirect": {"uri": "/new", "redirectCode": 302}},
        {"match": [{"uri": {"prefix": "/abort"}}], "fault": {"abort": {"httpStatus": 418, "percentage": {"value": 100}}},
         "route": [to("slow.test")]},
    )


LOCAL_REPLIES = {
    "/nothing": (404, "NR", b"", "route_not_found"),
    "/refused": (503, "UF", DISCONNECT + b"remote connection failure", "upstream_reset_before_response_started{remote_connection_failure}"),
    "/closes": (503, "UC", DISCONNECT + b"connection termination", "upstream_reset_before_response_started{connection_termination}"),
    "/resets": (503, "UC", DISCONNECT + b"connection termination", "upstream_reset_before_response_started{connection_termination}"),
    "/malformed": (502, "UPE", DISCONNECT + b"protocol error", "upstream_reset_before_response_started{protocol_error}"),
    "/slow": (504, "UT", b"upstream request timeout", "response_timeout"),
    "/empty": (503, "UH", b"no healthy upstream", "no_healthy_upstream"),
    "/missing": (503, "NC", b"", "cluster_not_found"),
    "/direct": (418, "-", b"short and stout", "direct_response"),
    "/redirect": (302, "-", b"", "direct_response"),
    "/abort": (418, "FI", b"fault filter abort", "fault_filter_abort"),
}


@pytest.fixture(scope="module")
def replying(tmp_path_factory):
    with Peer(lambda c, r: False) as closes, Peer(lambda c, r: c.reset()) as resets, \
            Peer(always(b"HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n")) as malformed, \
            Peer(lambda c, r: time.sleep(30)) as slow:
        resources = [service("refused.test", Nobody()), service("closes.test", closes), service("resets.test", resets),
                     service("malformed.test", malformed), service("slow.test", slow), service("empty.test", slow),
                     rule("empty.test", subsets=[{"name": "none", "labels": {"no": "such"}}]), local_reply_rules()]
        with gateway(tmp_path_factory.mktemp("gw"), *resources) as gw:
            yield gw


@pytest.mark.parametrize("path", LOCAL_REPLIES)
def test_local_replies_are_envoys(replying, path):
    status, flag, body, details = LOCAL_REPLIES[path]
    got = replying.call(target=path)
    assert (got.status, got.body) == (status, body)
    assert got.header("content-type") == ("text/plain" if body else None)
    assert got.header("x-request-id") and got.header("via") == "1.1 gateway" and got.header("server-timing")
    line = replying.wait_line(path=path)
    assert (line["response_flags"], line["response_code_details"]) == (flag, details)
    if path == "/redirect":
        assert got.header("location") == "http://test/new"
    if path == "/direct":
        assert got.header("x-set") == "yes"


def test_retries_that_run_out(replying):
    got = replying.call(target="/retried")
    assert got.body == b"upstream connect error or disconnect/reset before headers. " \
                       b"retried and the latest reset reason: remote connection failure"
    assert set(replying.wait_line(path="/retried")["response_flags"].split(",")) == {"URX", "UF"}


@pytest.mark.parametrize("path,grpc_status", [("/nothing", "12"), ("/empty", "14"), ("/slow", "4"), ("/refused", "14")])
def test_grpc_callers_get_a_grpc_status(replying, path, grpc_status):
    got = replying.call("POST", path, [("Content-Type", "application/grpc")], b"")
    assert got.status == 200 and got.header("grpc-status") == grpc_status and got.body == b""
    assert got.header("content-type") == "application/grpc"


@pytest.mark.parametrize("path", ["/%00", "/a\x7fb"])
def test_malformed_targets_are_400(replying, path):
    with replying.client() as client:
        client.send(b"GET " + path.encode("latin-1") + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert client.answer().status == 400


def test_an_unknown_host_is_502_and_never_connected_to(tmp_path):
    with Peer(named("secret")) as secret, Peer(named("known")) as known:
        path = write(tmp_path / "mesh.yaml", service("known.test", known))
        with Server("headerroute-gateway", "-f", path, "--gateway", "mesh", ready_path="/") as gw:
            assert gw.call(headers=[("Host", "known.test")]).header("x-who") == "known"
            for host in [f"127.0.0.1:{secret.port}", f"localhost:{secret.port}", "unknown.test", f"[::1]:{secret.port}"]:
                assert gw.call(headers=[("Host", host)]).status == 502, host
            with gw.client() as client:
                client.send(f"GET http://127.0.0.1:{secret.port}/ HTTP/1.1\r\nHost: known.test\r\nConnection: close\r\n\r\n".encode())
                assert client.answer().status in (400, 502)
            assert secret.connections == 0


def test_weights_and_round_robin(tmp_path):
    with Peer(named("a")) as a, Peer(named("b")) as b, Peer(named("c")) as c:
        resources = [service("x.test", a, b), service("y.test", c), rule("x.test", trafficPolicy={"loadBalancer": {"simple": "ROUND_ROBIN"}}),
                     routes({"route": [to("x.test", weight=50), to("y.test", weight=50)]})]
        with gateway(tmp_path, *resources, args=("--threads", "1")) as gw, gw.client() as client:
            count = collections.Counter()
            for _ in range(600):
                client.request()
                count[client.answer().header("x-who")] += 1
            assert abs(count["a"] - count["b"]) <= 1
            assert 200 < count["c"] < 400, "a fair coin does this with a probability of 1 - 1e-15"


def test_rewrite_and_header_operations(two, tmp_path):
    one, two_ = two
    resources = [service("x.test", one), routes(
        {"match": [{"uri": {"prefix": "/old"}}], "rewrite": {"uri": "/new", "authority": "other.test"},
         "headers": {"request": {"set": {"x-set": "%REQ(x-in)%"}, "add": {"x-add": "more"}, "remove": ["x-gone"]},
                     "response": {"set": {"x-out": "1"}, "remove": ["x-who"]}},
         "route": [to("x.test")]})]
    with gateway(tmp_path, *resources) as gw:
        got = gw.call(target="/old/a?b=c", headers=[("x-in", "in"), ("x-gone", "1"), ("x-add", "first")])
        request = one.requests[-1]
        assert request.target == "/new/a?b=c" and request.header("host") == "other.test"
        assert request.header("x-set") == "in" and request.all("x-add") == ["first", "more"] and request.header("x-gone") is None
        assert request.header("x-envoy-original-path") == "/old/a?b=c"
        assert got.header("x-out") == "1" and got.header("x-who") is None


def test_fault_delay(two, tmp_path):
    one, _ = two
    resources = [service("x.test", one), routes({"fault": {"delay": {"fixedDelay": "0.3s", "percentage": {"value": 100}}},
                                                 "route": [to("x.test")]})]
    with gateway(tmp_path, *resources) as gw:
        before = time.monotonic()
        assert gw.call(target="/slowed").status == 200
        assert time.monotonic() - before >= 0.29
        assert gw.wait_line(path="/slowed")["response_flags"] == "DI"


def test_cors(two, tmp_path):
    one, _ = two
    cors = {"allowOrigins": [{"exact": "http://a"}], "allowMethods": ["GET", "POST"], "allowHeaders": ["x-a"],
            "exposeHeaders": ["x-e"], "maxAge": "60s", "allowCredentials": True}
    resources = [service("x.test", one), routes({"corsPolicy": cors, "route": [to("x.test")]})]
    asks = [("Origin", "http://a"), ("Access-Control-Request-Method", "GET")]
    with gateway(tmp_path, *resources) as gw:
        before = len(one.requests)
        got = gw.call("OPTIONS", "/", asks)
        assert got.status == 200 and len(one.requests) == before, "a preflight is answered here"
        assert got.header("access-control-allow-origin") == "http://a"
        assert got.header("access-control-allow-methods") == "GET,POST" and got.header("access-control-allow-headers") == "x-a"
        assert got.header("access-control-max-age") == "60" and got.header("access-control-allow-credentials") == "true"
        got = gw.call("GET", "/", asks[:1])
        assert got.header("access-control-allow-origin") == "http://a" and got.header("access-control-expose-headers") == "x-e"
        assert gw.call("GET", "/", [("Origin", "http://b")]).header("access-control-allow-origin") is None


@pytest.mark.parametrize("allowed,asked,answered", [
    (["*"], "x-b, x-c", "x-b, x-c"), (["*"], None, ""),  # as recorded of Envoy 1.40
    (["x-a", "*"], "x-b", "x-a,*"), (["x-a"], "x-b", "x-a"), ([], "x-b", None),
])
def test_a_star_of_cors_admits_what_is_asked_only_if_it_is_alone(two, tmp_path, allowed, asked, answered):
    one, _ = two
    cors = {"allowOrigins": [{"exact": "http://a"}], "allowMethods": ["*"], "allowHeaders": allowed, "allowCredentials": True}
    resources = [service("x.test", one), routes({"corsPolicy": cors, "route": [to("x.test")]})]
    asks = [("Origin", "http://a"), ("Access-Control-Request-Method", "PUT")]
    asks += [("Access-Control-Request-Headers", asked)] if asked else []
    with gateway(tmp_path, *resources) as gw:
        got = gw.call("OPTIONS", "/", asks)
        assert got.header("access-control-allow-methods") == "PUT"
        assert got.header("access-control-allow-headers") == answered


def test_mirrors_never_slow_the_request(tmp_path):
    with Peer(named("main")) as main, Peer(lambda c, r: time.sleep(30)) as frozen, Peer(named("shadow")) as shadow:
        resources = [service("x.test", main), service("f.test", frozen), service("s.test", shadow),
                     routes({"route": [to("x.test")], "mirrors": [{"destination": {"host": "f.test"}}, {"destination": {"host": "s.test"}}]})]
        with gateway(tmp_path, *resources) as gw, gw.client() as client:
            for i in range(20):
                client.request("POST", f"/m{i}", body=b"body %d" % i)
                got = client.answer()
                assert got.header("x-who") == "main" and got.body == b"body %d" % i
            assert wait_until(lambda: len(shadow.requests) == 21 and len(frozen.requests) == 21)  # with the one of the start
            assert sorted(r.body for r in shadow.requests[1:]) == sorted(b"body %d" % i for i in range(20))


RETRY_CASES = [
    ("5xx", "503 X", True), ("5xx", "500 X", True), ("5xx", "404 X", False), ("gateway-error", "502 X", True),
    ("gateway-error", "500 X", False), ("retriable-4xx", "409 X", True), ("503", "503 X", True), ("503", "500 X", False),
    ("connect-failure", "503 X", False),
]


@pytest.mark.parametrize("retry_on,status,retried", RETRY_CASES)
def test_retries_by_answer(tmp_path, retry_on, status, retried):
    with Peer(always(answer(b"bad", status=status), keep=True)) as bad, Peer(named("good")) as good:
        resources = [service("x.test", bad, good), rule("x.test", trafficPolicy={"loadBalancer": {"simple": "ROUND_ROBIN"}}),
                     routes({"route": [to("x.test")], "retries": {"attempts": 1, "retryOn": retry_on, "backoff": "1ms"}})]
        with gateway(tmp_path, *resources, args=("--threads", "1")) as gw, gw.client() as client:
            answers = []
            for i in range(10):
                client.request("POST", "/", body=b"body %d" % i)
                got = client.answer()
                answers.append(got.status)
                if got.status == 200:
                    assert got.body == b"body %d" % i
            assert (set(answers) == {200}) == retried, answers
            if retried:
                assert any(r.header("x-envoy-attempt-count") == "2" for r in good.requests)


def test_default_retries_go_to_another_host(tmp_path):
    with Peer(named("good")) as good:
        resources = [service("x.test", Nobody(), good), rule("x.test", trafficPolicy={"loadBalancer": {"simple": "ROUND_ROBIN"}}),
                     routes({"route": [to("x.test")]})]
        with gateway(tmp_path, *resources) as gw:
            for i in range(12):
                assert gw.call("POST", "/", body=b"%d" % i).body == b"%d" % i


def test_per_try_timeout(tmp_path):
    calls = []

    def slow_once(connection, request):
        calls.append(request.target)
        if len(calls) == 2:  # the first is that of the start
            time.sleep(20)
        return echo(connection, request)

    with Peer(slow_once) as peer:
        resources = [service("x.test", peer), routes({"route": [to("x.test")], "timeout": "15s",
                                                      "retries": {"attempts": 1, "perTryTimeout": "0.3s", "retryOn": "5xx"}})]
        with gateway(tmp_path, *resources) as gw:
            got = gw.call("POST", "/try", body=b"again")
            assert (got.status, got.body) == (200, b"again")


def test_a_started_answer_is_never_retried(tmp_path):
    def cut(connection, request):
        if request.target != "/cut":
            return echo(connection, request)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        time.sleep(0.1)
        return False

    with Peer(cut) as peer:
        resources = [service("x.test", peer), routes({"route": [to("x.test")], "retries": {"attempts": 5, "retryOn": "5xx,reset"}})]
        with gateway(tmp_path, *resources) as gw, gw.client() as client:
            client.request(target="/cut")
            assert client.head().status == 200
            with pytest.raises(EOFError):
                client._take(100)
            assert len([r for r in peer.requests if r.target == "/cut"]) == 1


# ---- configuration ----

@pytest.mark.parametrize("text,place", [
    ("kind: [", r"broken\.yaml:\d+:\d+: error: "),
    ("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: x}\nspec:\n  hosts: [a]\n  http:\n  - rout: []\n",
     r"broken\.yaml:7:5: error: .*rout"),
])
def test_errors_of_the_configuration_name_their_place(tmp_path, text, place):
    (tmp_path / "broken.yaml").write_text(text)
    code, out, err = run("headerroute-gateway", "-f", tmp_path / "broken.yaml")
    assert code == 1 and re.search(place, err), err


def test_missing_paths_and_flags(tmp_path):
    code, _, err = run("headerroute-gateway")
    assert code == 2 and "-f" in err
    code, _, err = run("headerroute-gateway", "-f", tmp_path / "no-such-folder")
    assert code == 1 and "no-such-folder" in err


def test_of_several_gateways_none_is_taken(two, tmp_path):
    """The default is the only Gateway loaded, else mesh."""
    other = {**GATEWAY, "metadata": {"name": "gw2"}}
    path = write(tmp_path / "mesh.yaml", GATEWAY, other, service("x.test", two[0]), service("y.test", two[1]),
                 routes({"route": [to("x.test")]}, hosts=["x.test"], gateways=["mesh"], name="inside"),
                 routes({"route": [to("y.test")]}, hosts=["x.test"], gateways=["gw"], name="outside"))
    with Server("headerroute-gateway", "-f", path, ready_path="/") as gw:
        assert gw.call(target="/", headers=[("Host", "x.test")]).header("x-who") == "one"
        assert "the routes are mesh's" in gw.messages() and "default/gw default/gw2" in gw.messages()
    with Server("headerroute-gateway", "-f", path, "--gateway", "default/gw", ready_path="/") as gw:
        assert gw.call(target="/", headers=[("Host", "x.test")]).header("x-who") == "two"
        assert gw.messages().count("\n") == 1


def test_a_gateway_that_is_not_there(tmp_path):
    path = write(tmp_path / "mesh.yaml", GATEWAY)
    code, _, err = run("headerroute-gateway", "-f", path, "--gateway", "default/none")
    assert code == 1 and "there is no Gateway default/none with an HTTP server\n" in err
    code, _, err = run("headerroute-gateway", "-f", path, "--gateway", "default/gw", "--gateway-port", "81")
    assert code == 1 and "there is no Gateway default/gw with an HTTP server on port 81\n" in err


@pytest.mark.parametrize("flag, value, says", [
    ("--gateway", "bogus", "must be mesh or NS/NAME"), ("--gateway", "a/b/c", "must be mesh or NS/NAME"),
    ("--gateway", "/b", "must be mesh or NS/NAME"), ("--namespace", "A B", "is not a valid namespace name"),
    ("--admin", "zz", "is not an address"), ("--ui-samples", "/no/such/folder", "is not a folder")])
def test_bad_values_are_one_line_and_exit_2(tmp_path, flag, value, says):
    path = write(tmp_path / "mesh.yaml", GATEWAY)
    code, _, err = run("headerroute-gateway", "-f", path, flag, value)
    assert code == 2 and err.startswith(f"headerroute-gateway: {flag}: ") and says in err and err.count("\n") == 1
    variable = "HR_" + flag[2:].upper().replace("-", "_")
    code, _, err = run("headerroute-gateway", "-f", path, env={variable: value})
    assert code == 2 and variable in err and says in err and err.count("\n") == 1


def test_what_it_cannot_act_on_is_refused(two, tmp_path):
    """Settings of connections that `headerroute validate` only warns about, since no decision hangs on them."""
    pool = {"proxyProtocol": {"version": "V2"}}
    path = write(tmp_path / "mesh.yaml", GATEWAY, service("x.test", two[0]), rule("x.test", trafficPolicy=pool))
    code, _, err = run("headerroute-gateway", "-f", path)
    assert code == 1
    assert re.search(r"mesh\.yaml:\d+:\d+: error: .*proxyProtocol: is not supported", err), err
    assert run("headerroute", "validate", path)[0] == 0


SELECTING = {
    "EnvoyFilter": ("networking.istio.io/v1alpha3", lambda labels: {"workloadSelector": {"labels": labels}}),
    "WasmPlugin": ("extensions.istio.io/v1alpha1", lambda labels: {"selector": {"matchLabels": labels}}),
    "AuthorizationPolicy": ("security.istio.io/v1", lambda labels: {"selector": {"matchLabels": labels}}),
    "RequestAuthentication": ("security.istio.io/v1", lambda labels: {"selector": {"matchLabels": labels}}),
}
INGRESS = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "ingress", "labels": {"istio": "ingressgateway", "app": "edge"}}}
SHOP = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "shop", "labels": {"app": "shop"}}}


@pytest.mark.parametrize("kind", SELECTING)
@pytest.mark.parametrize("labels,namespace,beside,says", [
    ({}, "default", [], "selects this proxy"),
    ({}, "istio-system", [], "selects this proxy"),
    ({}, "other", [], None),
    ({"istio": "ingressgateway"}, "default", [], "selects this proxy"),
    ({"istio": "other"}, "default", [], None),
    ({"app": "edge"}, "default", [], "may select this proxy"),  # its pods may have the label
    ({"app": "edge"}, "default", [INGRESS], "selects this proxy"),
    ({"app": "shop"}, "default", [INGRESS], None),
    ({"app": "shop"}, "default", [SHOP], None),  # it selects another workload
    ({"app": "shop"}, "istio-system", [SHOP], None),
])
def test_what_selects_the_gateway_is_refused(two, tmp_path, kind, labels, namespace, beside, says):
    version, spec = SELECTING[kind]
    resource = {"apiVersion": version, "kind": kind, "metadata": {"name": "x", "namespace": namespace}, "spec": spec(labels) if labels else {}}
    path = write(tmp_path / "mesh.yaml", GATEWAY, service("x.test", two[0]), routes({"route": [to("x.test")]}), *beside, resource)
    if says:
        code, _, err = run("headerroute-gateway", "-f", path)
        assert code == 1
        assert re.search(rf"mesh\.yaml:\d+:\d+: error: {kind} {namespace}/x {says} and is not supported: ", err), err
        return
    assert run("headerroute", "validate", path)[0] == 0
    with gateway(tmp_path, service("x.test", two[0]), routes({"route": [to("x.test")]}), *beside, resource) as gw:
        assert gw.call().status == 200


@pytest.mark.parametrize("target,refused", [
    ({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge"}, True),
    ({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "other"}, False),
    ({"group": "", "kind": "Service", "name": "shop"}, False),
])
@pytest.mark.parametrize("field", ["targetRef", "targetRefs"])
def test_a_policy_with_targets_is_refused_for_its_gateway(two, tmp_path, target, refused, field):
    edge = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "edge"},
            "spec": {"gatewayClassName": "istio", "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}]}}
    policy = {"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": {"name": "x"},
              "spec": {field: target if field == "targetRef" else [target]}}
    path = write(tmp_path / "mesh.yaml", edge, policy)
    if refused:
        code, _, err = run("headerroute-gateway", "-f", path)
        assert code == 1 and "AuthorizationPolicy default/x selects this proxy" in err
        return
    with gateway(tmp_path, edge, policy, args=("--gateway", "default/edge")) as gw:
        assert gw.call().status == 404
