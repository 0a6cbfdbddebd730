"""What a DestinationRule's trafficPolicy makes the gateway do, and what --admin and --ui show of it."""
import collections
import json
import re
import socket
import threading
import time

import pytest
from gateway_test import Nobody, named
from harness import Client, Server, free_port, run
from load import scaled
from mesh import GATEWAY, gateway, routes, rule, service, to, write
from peers import Peer, always, answer, echo, wait_until


def policy(**blocks):
    return rule("x.test", trafficPolicy=blocks)


# ---- connectionPool ----

class Gate:
    """Answers no request until it is opened; counts concurrent requests."""
    def __init__(self):
        self.opened, self.lock, self.inside, self.most = threading.Event(), threading.Lock(), 0, 0

    def __call__(self, connection, request):
        if request.target == "/":
            return echo(connection, request)
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.opened.wait(30)
        with self.lock:
            self.inside -= 1
        return echo(connection, request)


def ask_many(gw, n):
    clients = [gw.client() for _ in range(n)]
    for i, client in enumerate(clients):
        client.request("POST", f"/{i}", body=b"%d" % i)
    return clients


def test_max_connections_and_pending(tmp_path):
    gate = Gate()
    with Peer(gate) as peer:
        pool = {"tcp": {"maxConnections": 2}, "http": {"http1MaxPendingRequests": 3}}
        resources = [service("x.test", peer), policy(connectionPool=pool), routes({"route": [to("x.test")], "timeout": "30s"})]
        with gateway(tmp_path, *resources, args=("--threads", "1")) as gw:
            clients = ask_many(gw, 10)
            assert wait_until(lambda: len(gw.lines(response_flags="UO")) == 5), gw.log
            assert gate.inside == 2
            gate.opened.set()
            got = [client.answer() for client in clients]
            assert sorted(a.status for a in got) == [200] * 5 + [503] * 5
            assert all(a.body == b"%d" % i for i, a in enumerate(got) if a.status == 200)
            refused = next(a for a in got if a.status == 503)
            assert refused.header("x-envoy-overloaded") == "true"
            assert refused.body == b"upstream connect error or disconnect/reset before headers. reset reason: overflow"
            assert gate.most == 2
            [client.close() for client in clients]


def test_a_pending_request_times_out_and_one_that_leaves_makes_room(tmp_path):
    gate = Gate()
    with Peer(gate) as peer:
        resources = [service("x.test", peer), policy(connectionPool={"tcp": {"maxConnections": 1}}),
                     routes({"match": [{"uri": {"prefix": "/short"}}], "route": [to("x.test")], "timeout": "0.3s"},
                            {"route": [to("x.test")], "timeout": "30s"})]
        with gateway(tmp_path, *resources, args=("--threads", "1")) as gw:
            first = ask_many(gw, 1)[0]
            assert wait_until(lambda: gate.inside == 1)
            leaver, waiter = ask_many(gw, 2)
            got = gw.call(target="/short")
            assert (got.status, got.body) == (504, b"upstream request timeout")
            leaver.close()
            gate.opened.set()
            assert first.answer().status == 200 and waiter.answer().body == b"1"
            first.close(), waiter.close()


def test_max_requests(tmp_path):
    gate = Gate()
    with Peer(gate) as peer:
        resources = [service("x.test", peer), policy(connectionPool={"http": {"http2MaxRequests": 3}}), routes({"route": [to("x.test")]})]
        with gateway(tmp_path, *resources) as gw:
            clients = ask_many(gw, 6)
            assert wait_until(lambda: len(gw.lines(response_flags="UO")) == 3)
            gate.opened.set()
            assert sorted(c.answer().status for c in clients) == [200] * 3 + [503] * 3
            assert gw.call("POST", "/later", body=b"x").status == 200
            [client.close() for client in clients]


def test_max_requests_per_connection(tmp_path):
    with Peer(echo) as peer:
        resources = [service("x.test", peer), policy(connectionPool={"http": {"maxRequestsPerConnection": 5}}), routes({"route": [to("x.test")]})]
        with gateway(tmp_path, *resources, args=("--threads", "1")) as gw, gw.client() as client:
            for _ in range(19):  # and one of the start
                client.request()
                assert client.answer().status == 200
            assert collections.Counter(r.connection_number for r in peer.requests) == {1: 5, 2: 5, 3: 5, 4: 5}


# ---- outlierDetection ----

def test_ejection_and_return(tmp_path):
    sick = threading.Event()
    sick.set()

    def behave(connection, request):
        connection.send(answer(b"sick", status="503 X") if sick.is_set() else answer(b"well", headers=[("X-Who", "a")]))
        return True

    detection = {"consecutive5xxErrors": 3, "interval": "0.1s", "baseEjectionTime": "1s", "maxEjectionPercent": 100}
    with Peer(behave) as a, Peer(named("b")) as b:
        resources = [service("x.test", a, b), policy(loadBalancer={"simple": "ROUND_ROBIN"}, outlierDetection=detection),
                     routes({"route": [to("x.test")]})]
        admin = free_port()
        with gateway(tmp_path, *resources, args=("--threads", "1", "--admin", f"127.0.0.1:{admin}")) as gw, gw.client() as client:
            def statuses(n):
                got = []
                for _ in range(n):
                    client.request()
                    got.append(client.answer().status)
                return got
            assert statuses(12).count(503) <= 3, "three failures in a row eject"
            assert statuses(20) == [200] * 20
            with Client(admin) as other:
                other.request(target="/clusters")
                cluster = other.answer().json()[0]
                assert [e["ejected"] for e in cluster["endpoints"]] == [True, False] and cluster["ejections"] == 1
            sick.clear()

            def returned():
                client.request()
                return client.answer().header("x-who") == "a"
            assert wait_until(returned), "it comes back when its time is up"


def test_all_ejected_is_no_healthy_upstream(tmp_path):
    detection = {"consecutive5xxErrors": 1, "interval": "60s", "baseEjectionTime": "60s", "maxEjectionPercent": 100}
    with Peer(always(answer(b"sick", status="500 X"), keep=True)) as a:
        resources = [service("x.test", a), policy(outlierDetection=detection), routes({"route": [to("x.test")]})]
        with gateway(tmp_path, *resources) as gw:
            got = gw.call(target="/after")
            assert (got.status, got.body) == (503, b"no healthy upstream")
            assert gw.wait_line(path="/after")["response_flags"] == "UH"


def test_max_ejection_percent_keeps_the_rest(tmp_path):
    detection = {"consecutive5xxErrors": 1, "interval": "60s", "baseEjectionTime": "60s", "maxEjectionPercent": 50}
    with Peer(always(answer(b"1", status="500 X"), keep=True)) as a, Peer(always(answer(b"2", status="500 X"), keep=True)) as b:
        resources = [service("x.test", a, b), policy(outlierDetection=detection), routes({"route": [to("x.test")]})]
        with gateway(tmp_path, *resources) as gw:
            assert {gw.call().status for _ in range(10)} == {500}


def sick_of(n_sick, tmp_path, least):
    """Answers of 60 requests after `n_sick` of four endpoints answered nothing but 503."""
    detection = {"consecutive5xxErrors": 1, "interval": "60s", "baseEjectionTime": "60s", "maxEjectionPercent": 100,
                 "minHealthPercent": least}
    peers = [Peer(always(answer(b"x", status="503 X"), keep=True) if i < n_sick else named("well")) for i in range(4)]
    with peers[0], peers[1], peers[2], peers[3]:
        resources = [service("x.test", *peers), policy(loadBalancer={"simple": "ROUND_ROBIN"}, outlierDetection=detection),
                     routes({"route": [to("x.test")], "retries": {"attempts": 0}})]
        with gateway(tmp_path, *resources, args=("--threads", "1")) as gw:
            for _ in range(12):
                gw.call()
            return [gw.call().status for _ in range(60)]


def test_min_health_percent_takes_the_ejected_back_but_not_while_enough_are_there(tmp_path):
    assert sick_of(2, tmp_path, 60).count(503) == 30
    assert sick_of(2, tmp_path, 50).count(503) == 0
    assert sick_of(1, tmp_path, 90).count(503) == 0, "three of four, times 1.4, are enough: as Envoy has it"


# ---- balancers ----

def hashing(*keys):
    return [rule("x.test", trafficPolicy={"loadBalancer": {"consistentHash": keys[0]}}), routes({"route": [to("x.test")]})]


def test_consistent_hash_by_header(tmp_path):
    with Peer(named("a")) as a, Peer(named("b")) as b, Peer(named("c")) as c:
        with gateway(tmp_path, service("x.test", a, b, c), *hashing({"httpHeaderName": "x-user"})) as gw:
            chosen = {}
            for i in range(120):
                user = f"user{i % 30}"
                who = gw.call(headers=[("x-user", user)]).header("x-who")
                assert chosen.setdefault(user, who) == who, "the same user goes to the same endpoint, whatever the loop"
            assert len(set(chosen.values())) == 3


@pytest.mark.parametrize("more", [{}, {"maglev": {"tableSize": 211}}], ids=["ring", "maglev"])
def test_keys_land_as_if_an_ejected_endpoint_had_never_been(tmp_path, more):
    hashed = {"loadBalancer": {"consistentHash": {"httpHeaderName": "x-user", **more}}}
    detection = {"consecutive5xxErrors": 1, "interval": "60s", "baseEjectionTime": "60s", "maxEjectionPercent": 100}

    def landings(gw):
        return [gw.call(headers=[("x-user", f"user{i}")]).header("x-who") for i in range(80)]

    with Peer(always(answer(b"sick", status="503 X"), keep=True)) as a, Peer(named("b")) as b, Peer(named("c")) as c, Peer(named("d")) as d:
        with gateway(tmp_path, service("x.test", b, c, d), policy(**hashed), routes({"route": [to("x.test")]})) as gw:
            without = landings(gw)
        assert set(without) == {"b", "c", "d"}
        resources = [service("x.test", a, b, c, d), policy(**hashed, outlierDetection=detection),
                     routes({"route": [to("x.test")], "retries": {"attempts": 0}})]
        with gateway(tmp_path, *resources) as gw:
            landings(gw)  # meets the sick one, which is ejected
            assert landings(gw) == without


def test_consistent_hash_by_a_cookie_made_here(tmp_path):
    with Peer(named("a")) as a, Peer(named("b")) as b, Peer(named("c")) as c:
        cookie = {"httpCookie": {"name": "session", "ttl": "60s", "path": "/p"}}
        with gateway(tmp_path, service("x.test", a, b, c), *hashing(cookie)) as gw:
            seen = set()
            for _ in range(25):
                first = gw.call()
                made = first.header("set-cookie")
                assert made.startswith('session="') and made.endswith('; Max-Age=60; Path=/p; HttpOnly')
                value = made.split(";")[0]
                for _ in range(3):
                    again = gw.call(headers=[("Cookie", value)])
                    assert again.header("x-who") == first.header("x-who") and again.header("set-cookie") is None
                seen.add(first.header("x-who"))
            assert len(seen) > 1


def test_least_request_goes_round_a_busy_endpoint(tmp_path):
    gate = Gate()
    with Peer(gate) as slow, Peer(named("quick")) as quick:
        resources = [service("x.test", slow, quick), policy(loadBalancer={"simple": "LEAST_REQUEST"}), routes({"route": [to("x.test")]})]
        with gateway(tmp_path, *resources, args=("--threads", "1")) as gw:
            clients = []
            for n in range(60):
                clients += ask_many(gw, 1)
                assert wait_until(lambda: gate.inside + len(quick.requests) > n)
            # Two choices, which may be the same endpoint: a quarter meets the busy one. By turns it were a half.
            assert gate.inside < 30
            gate.opened.set()
            [c.answer() for c in clients]
            [c.close() for c in clients]


# ---- what is refused at load ----

@pytest.mark.parametrize("blocks,words", [
    ({"loadBalancer": {"simple": "PASSTHROUGH"}}, "PASSTHROUGH"),
    ({"tls": {"mode": "ISTIO_MUTUAL"}}, "tls"),
])
def test_policies_that_are_not_acted_on_are_refused_with_their_place(tmp_path, blocks, words):
    path = write(tmp_path / "mesh.yaml", GATEWAY, service("x.test", Nobody()), policy(**blocks), routes({"route": [to("x.test")]}))
    code, _, err = run("headerroute-gateway", "-f", path)
    assert code == 1 and words in err and "mesh.yaml:" in err and "error" in err, err


class FirstBytes:
    """An endpoint that keeps what it is sent first, and closes each connection."""
    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self.listener.getsockname()
        self.bytes = b""
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            connection, _ = self.listener.accept()
            self.bytes = self.bytes or connection.recv(16)
            connection.close()


def kubernetes_service(peer, **port):
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x-1", "labels": {"app": "x"}},
           "status": {"podIP": peer.host, "phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    return [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"},
             "spec": {"selector": {"app": "x"}, "ports": [{"port": 80, "targetPort": peer.port, **port}]}}, pod]


def entry_of_protocol(peer, protocol):
    entry = service("x.test", peer)
    entry["spec"]["ports"][0]["protocol"] = protocol
    return [entry]


@pytest.mark.parametrize("declared,is_http2", [
    ("GRPC", True), ("HTTP2", True), ("GRPC-Web", True), ("HTTP", False),
    ({"name": "grpc"}, True), ({"name": "grpc-predict"}, True), ({"name": "grpc-web-predict"}, True), ({"name": "http2"}, True),
    ({"name": "web", "appProtocol": "kubernetes.io/h2c"}, True), ({"name": "grpc", "appProtocol": "http"}, False),
    ({"name": "http-grpc"}, False), ({"name": "grpcs"}, False)], ids=str)
def test_the_declaration_of_the_port_says_what_endpoints_are_spoken_to_in(tmp_path, declared, is_http2):
    peer = FirstBytes()
    host = "x.test" if isinstance(declared, str) else "x"
    resources = entry_of_protocol(peer, declared) if host == "x.test" else kubernetes_service(peer, **declared)
    with gateway(tmp_path, *resources, routes({"route": [to(host)]})) as gw:
        assert gw.call().status == 503
        assert peer.bytes.startswith(b"PRI * HTTP/2.0" if is_http2 else b"GET / HTTP/1.1")


# ---- --admin and --ui ----

@pytest.fixture
def administered(tmp_path):
    admin, samples = free_port(), tmp_path / "samples"
    samples.mkdir()
    (samples / "a.jpg").write_bytes(b"jpeg")
    (samples / "notes.txt").write_text("no picture")
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (samples / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    with Peer(named("a")) as a:
        resources = [service("x.test", a), routes(
            {"match": [{"headers": {"target": {"exact": "condition1"}}}], "route": [to("x.test")]}, {"directResponse": {"status": 418}})]
        with gateway(tmp_path, *resources, args=("--admin", f"127.0.0.1:{admin}", "--ui", "/ui", "--ui-samples", samples)) as gw:
            yield gw, admin


def ask(port, method, target, headers=(), body=None):
    with Client(port) as client:
        client.request(method, target, headers, body)
        return client.answer(method)


def test_admin(administered):
    gw, admin = administered
    assert gw.call(target="/clusters").status == 418, "the administrator's pages are not on the public listener"
    wait_until(lambda: ask(admin, "GET", "/ready").status == 200)  # 503 while the loops start
    assert b"headerroute_gateway_config_generation 1" in ask(admin, "GET", "/metrics").body
    config = ask(admin, "GET", "/config").json()
    assert config["generation"] == 1 and config["view"]["gateway"] == "default/gw" and config["virtual_services"] == 1
    gw.call(headers=[("target", "condition1")])
    cluster = ask(admin, "GET", "/clusters").json()[0]
    assert cluster["name"] == "outbound|80||x.test" and cluster["endpoints"][0]["requests"] == 1
    assert ask(admin, "DELETE", "/config").status == 405 and ask(admin, "GET", "/nope").status == 404


def test_the_compiled_routes_can_be_read(tmp_path):
    admin = free_port()
    with Peer(named("a")) as a, Peer(named("b")) as b:
        http = [
            {"name": "canary", "match": [{"uri": {"prefix": "/v1"}, "headers": {"target": {"exact": "condition1"}}, "ignoreUriCase": True},
                                         {"queryParams": {"v": {"regex": "[0-9]+"}}, "withoutHeaders": {"x-old": {}}}],
             "route": [to("a.test", weight=90), to("b.test", weight=10)], "timeout": "7s", "rewrite": {"uri": "/v2", "authority": "new.test"},
             "fault": {"abort": {"httpStatus": 418, "percentage": {"value": 2.5}}}, "mirror": {"host": "b.test"}, "mirrorPercentage": {"value": 10},
             "headers": {"request": {"set": {"x-set": "1"}}}},
            {"match": [{"uri": {"exact": "/old"}}], "redirect": {"uri": "/new", "authority": "else.test", "redirectCode": 308}},
            {"directResponse": {"status": 503, "body": {"string": "later"}}}]
        with gateway(tmp_path, service("a.test", a), service("b.test", b), routes(*http), args=("--admin", f"127.0.0.1:{admin}")):
            config = ask(admin, "GET", "/config").json()
    table, = config["route_tables"]
    host, = table["virtual_hosts"]
    assert table["sni_hosts"] == [] and host["domains"] == ["*"] and config["omitted"] == []
    first, second, third, last = host["routes"]
    assert [(r["route_index"], r["match_index"]) for r in host["routes"][:3]] == [(0, 0), (0, 1), (1, 0)]
    assert first["name"] and first["virtual_service"] == "default/routes"
    assert re.fullmatch(re.escape(str(tmp_path / "mesh.yaml")) + r":\d+", first["source"])
    assert first["match"] == [
        {"field": "uri", "name": None, "match": "prefix", "value": "/v1", "not": False, "ignore_case": True},
        {"field": "headers", "name": "target", "match": "exact", "value": "condition1", "not": False, "ignore_case": False}]
    assert sorted((m["field"], m["name"], m["match"], m["not"]) for m in second["match"]) == [
        ("headers", "x-old", "present", True), ("queryParams", "v", "regex", False)]
    action = first["action"]
    assert action["kind"] == "route" and action["timeout_ms"] == 7000 and action["rewrite"]["prefix"] == "/v2"
    assert [(t["cluster"], t["weight"], t["known"], t["authority"]) for t in action["targets"]] == [
        ("outbound|80||a.test", 90, True, "new.test"), ("outbound|80||b.test", 10, True, "new.test")]
    assert action["targets"][0]["request_headers"][-1]["set"] == [["x-set", "1"]]
    assert (action["fault"]["abort_status"], action["fault"]["abort_percentage"], action["fault"]["delay_ms"]) == (418, 2.5, None)
    assert action["mirrors"] == [{"cluster": "outbound|80||b.test", "known": True, "percentage": 10}]
    assert third["action"]["kind"] == "redirect" and third["action"]["targets"] == []
    assert (third["action"]["redirect"]["code"], third["action"]["redirect"]["host"], third["action"]["redirect"]["path"]) == (
        308, "else.test", "/new")
    assert last["match"] == [] and last["action"]["direct_response"] == {"status": 503, "body": "later"}
    assert {c["name"] for c in config["clusters"]} == {"outbound|80||a.test", "outbound|80||b.test"}


@pytest.mark.parametrize("page, parts", [
    ("/config", lambda answer: answer["route_tables"][0]["virtual_hosts"][0]["routes"]),
    ("/explain?authority=any&path=/", lambda answer: [event for event in answer["trace"] if event["kind"] == "rule"])],
    ids=["config", "explain"])
def test_long_answers_are_written_beside_the_loop(tmp_path, page, parts):
    """10,000 rules, one loop: requests are answered while the page is being written, and a client that leaves harms nothing."""
    admin, n = free_port(), scaled(10_000)
    with Peer(named("a")) as a:
        text = write(tmp_path / "rules.yaml", GATEWAY, service("x.test", a), routes({"route": [to("x.test")]})).read_text()
        rules = [f"  - match: [{{headers: {{target: {{exact: condition{i}}}}}}}]\n    route: [{{destination: {{host: x.test}}}}]\n" for i in range(n)]
        (tmp_path / "rules.yaml").write_text(text.replace("  http:\n", "  http:\n" + "".join(rules)))
        with Server("headerroute-gateway", "-f", tmp_path / "rules.yaml", "--threads", "1", "--admin", f"127.0.0.1:{admin}", "--admin-host", "test",
                    ready_path="/") as gw, gw.client() as client, Client(admin) as other:
            with Client(admin) as leaver:
                leaver.request(target=page)
            other.request(target=page)
            got, served = [], 0
            reader = threading.Thread(target=lambda: got.append(other.answer()))
            reader.start()
            while reader.is_alive():
                client.request(target=f"/{served}")
                assert client.answer().status == 200
                served += not other.buffer  # before the first byte of the answer
            reader.join()
            assert len(parts(got[0].json())) == n + 1
            assert served >= 3, f"{served} requests were served meanwhile"
            with Client(admin) as leaver:
                leaver.request(target=page)


@pytest.mark.parametrize("where", ["admin", "ui"])
def test_explain(administered, where):
    gw, admin = administered
    port, path = (admin, "/explain") if where == "admin" else (gw.port, "/ui/explain")
    question = {"method": "POST", "authority": "any", "path": "/predict", "headers": [["target", "condition1"]]}
    got = ask(port, "POST", path, body=json.dumps(question).encode()).json()
    assert got["decision"]["cluster"] == "outbound|80||x.test"
    kinds = [event["kind"] for event in got["trace"]]
    assert "virtual_host" in kinds and "rule" in kinds and "condition" in kinds
    condition = next(event for event in got["trace"] if event["kind"] == "condition")
    assert condition["ok"] is True and condition["actual"] == "condition1" and "target" in condition["field"]
    question["headers"] = [["target", "other"]]
    got = ask(port, "POST", path, body=json.dumps(question).encode()).json()
    assert got["decision"]["direct_response"]["status"] == 418
    for bad in [b"", b"[]", b"{", b'{"authority":"a"}', b'{"authority":"a","path":"/","headers":{}}', b"[" * 60000,
                b'{"authority":"a","path":"/","headers":[["a"]]}', b'{"authority":"a","path":"no slash"}']:
        got = ask(port, "POST", path, body=bad)
        assert got.status == 400 and "error" in got.json(), bad
    if where == "admin":
        got = ask(port, "GET", "/explain?authority=any&path=%2Fx%3Fy&header=target:%20condition1").json()
        assert got["decision"]["cluster"] == "outbound|80||x.test"
        for bad in ["%", "%4", "%g0", "%0g", "%%30"]:
            got = ask(port, "GET", "/explain?authority=any&path=/" + bad)
            assert got.status == 400 and "escape" in got.json()["error"], bad


def test_ui(administered):
    gw, _ = administered
    got = gw.call(target="/ui")
    assert got.status == 308 and got.header("location") == "/ui/"
    page = gw.call(target="/ui/")
    assert page.status == 200 and page.header("content-type") == "text/html; charset=utf-8" and b"<html" in page.body
    assert "default-src 'none'" in page.header("content-security-policy") and page.header("x-content-type-options") == "nosniff"
    assert gw.call(target="/ui/app.js").header("content-type") == "text/javascript; charset=utf-8"
    assert gw.call(target="/ui/samples").json() == ["a.jpg"]
    assert gw.call(target="/ui/samples/a.jpg").body == b"jpeg"
    for name in ["../secret.jpg", "..%2fsecret.jpg", "link.jpg", "notes.txt", ".a.jpg", "", "a.jpg/", "none.jpg"]:
        got = gw.call(target="/ui/samples/" + name)
        assert got.status in (404, 405) and b"secret" not in got.body, name
    assert gw.call("POST", "/ui/app.js", body=b"").status == 405
    assert gw.call(target="/uix").status == 418 and gw.call(target="/").status == 418


def test_the_page_learns_which_rules_its_requests_reach(tmp_path):
    x = lambda **match: {"match": [match], "route": [to("x.test")]}
    header = lambda **kinds: {"headers": {name.replace("_", "-"): kind for name, kind in kinds.items()}}
    with Peer(echo) as peer:
        resources = [service("x.test", peer), routes(
            x(uri={"exact": "/metrics"}), x(**header(target={"exact": "one"})), x(**header(target={"regex": "t[a-z]+[0-9]"}, x_b={"prefix": "b-"})),
            x(**header(target={"exact": "one"})), x(authority={"exact": "other.test"}), x(method={"exact": "GET"}),
            {"match": [{"uri": {"exact": "/none"}}, {"headers": {"target": {}}}], "route": [to("x.test")]},
            {"route": [to("x.test")]}), routes(x(uri={"prefix": "/"}), hosts=["else.test"], name="elsewhere")]
        with gateway(tmp_path, *resources, args=("--ui", "/ui")) as gw:
            got = gw.call(target="/ui/rules")
            assert got.status == 200 and got.json()["left_out"] == 0
            rules = [r for r in got.json()["rules"] if r["virtual_service"] == "default/routes"]
            assert [(r["route_index"], r["match_index"], r["state"]) for r in rules] == [
                (0, 0, "never"), (1, 0, "some"), (2, 0, "some"), (3, 0, "never"), (4, 0, "never"), (5, 0, "never"), (6, 0, "never"),
                (6, 1, "some"), (7, -1, "some")]
            assert {r["state"] for r in got.json()["rules"] if r not in rules} == {"never"}
            for r in rules:
                assert r["file"].endswith("mesh.yaml") and r["line"] > 0
                if r["state"] == "never":
                    assert r["headers"] is None and r["path"] is None
                    continue
                assert r["path"] == "/predict"
                question = {"method": "POST", "authority": "test", "path": r["path"], "headers": r["headers"]}
                decision = gw.call("POST", "/ui/explain", body=json.dumps(question).encode()).json()["decision"]
                assert decision["route_index"] == r["route_index"]
            assert rules[1]["headers"] == [["target", "one"]] and rules[8]["headers"] == []
            assert gw.call("POST", "/ui/rules", body=b"").status == 405
            assert gw.call("HEAD", "/ui/rules").status == 200


@pytest.mark.parametrize("n, matches, length, shown", [(900, 1, 800, range(100, 300)), (1000, 1, 10, [1000]), (1001, 1, 10, [0]), (100, 50, 10, [0])])
def test_the_page_learns_of_so_many_rules_and_how_many_more_there_are(tmp_path, n, matches, length, shown):
    many = [{"match": [{"headers": {"target": {"exact": f"{i}-{m}" + length * "x"}}} for m in range(matches)], "route": [to("x.test")]}
            for i in range(n)]
    with Peer(echo) as peer, gateway(tmp_path, service("x.test", peer), routes(*many), args=("--ui", "/ui")) as gw:
        got = gw.call(target="/ui/rules")
        assert got.status == 200 and len(got.body) < (256 << 10) + 2000
        answer = got.json()
        assert len(answer["rules"]) in shown and len(answer["rules"]) + answer["left_out"] == n
        assert all(r["state"] == "some" for r in answer["rules"])


def test_bad_ui_prefix(tmp_path):
    for prefix in ["ui", "/ui/", "/", "", "/a//b", "/a b"]:
        code, _, err = run("headerroute-gateway", "-f", tmp_path, "--ui", prefix)
        assert code == 2 and len(err.strip().splitlines()) == 1, (prefix, err)
