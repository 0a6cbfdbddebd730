"""headerroute-gateway on a Gateway and HTTPRoutes of the Kubernetes Gateway API: the same answers as Istio's data plane."""
import pytest
from harness import Server
from mesh import write
from peers import Peer, answer

API = "gateway.networking.k8s.io/v1"


def named(name):
    def behave(connection, request):
        connection.send(answer(request.body, headers=[("X-Who", name), ("X-Target", request.target)]))
        return True
    return behave


@pytest.fixture(scope="module")
def peers():
    with Peer(named("one"), host="127.0.0.41") as one, Peer(named("two"), host="127.0.0.42") as two:
        yield {"one": one, "two": two}


def service_of(name, peer):
    return [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
             "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": peer.port}]}},
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"{name}-1", "labels": {"app": name}},
             "status": {"podIP": peer.host, "phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}]


def http_route(*rules, **spec):
    return {"apiVersion": API, "kind": "HTTPRoute", "metadata": {"name": "models"},
            "spec": {"parentRefs": [{"name": "edge"}], "hostnames": ["api.example.com"], "rules": list(rules), **spec}}


def gateway_api(tmp_path, peers, *rules):
    resources = [{"apiVersion": API, "kind": "GatewayClass", "metadata": {"name": "istio"},
                  "spec": {"controllerName": "istio.io/gateway-controller"}},
                 {"apiVersion": API, "kind": "Gateway", "metadata": {"name": "edge"},
                  "spec": {"gatewayClassName": "istio",
                           "listeners": [{"name": "http", "port": 80, "protocol": "HTTP", "hostname": "*.example.com"}]}},
                 http_route(*rules)]
    for name, peer in peers.items():
        resources += service_of(name, peer)
    return Server("headerroute-gateway", "-f", write(tmp_path / "mesh.yaml", *resources), ready_path="/")


def test_a_header_chooses_the_backend(peers, tmp_path):
    chosen = {"matches": [{"path": {"type": "PathPrefix", "value": "/predict"}, "headers": [{"name": "target", "value": "condition1"}]}],
              "backendRefs": [{"name": "one", "port": 80}]}
    with gateway_api(tmp_path, peers, {"backendRefs": [{"name": "two", "port": 80}]}, chosen) as gw:
        host = ("Host", "api.example.com")
        # The more specific match wins, whatever the order of the rules.
        for headers, path, who in [([("target", "condition1")], "/predict", "one"), ([("target", "condition1")], "/predict/x", "one"),
                                   ([("target", "condition1")], "/predictions", "two"), ([], "/predict", "two")]:
            got = gw.call("POST", path, [host, *headers], b"body")
            assert (got.status, got.header("x-who"), got.body) == (200, who, b"body"), (headers, path)
        line = gw.wait_line(path="/predict/x")
        assert line["upstream_cluster"] == "outbound|80||one.default.svc.cluster.local"
        assert gw.call("GET", "/predict", [("Host", "other.test")]).status == 404


def test_filters_act_on_request_and_answer(peers, tmp_path):
    rewrite = {"matches": [{"path": {"type": "PathPrefix", "value": "/v1"}}], "backendRefs": [{"name": "one", "port": 80}],
               "filters": [{"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/v2"}}},
                           {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [{"name": "x-served", "value": "yes"}]}}]}
    away = {"matches": [{"path": {"type": "Exact", "value": "/old"}}],
            "filters": [{"type": "RequestRedirect", "requestRedirect": {"hostname": "new.example.com", "statusCode": 301}}]}
    with gateway_api(tmp_path, peers, rewrite, away) as gw:
        got = gw.call("GET", "/v1/models?x=1", [("Host", "api.example.com")])
        assert (got.status, got.header("x-target"), got.header("x-served")) == (200, "/v2/models?x=1", "yes")
        got = gw.call("GET", "/old", [("Host", "api.example.com")])
        assert (got.status, got.header("location")) == (301, "http://new.example.com/old")


def test_a_backend_that_does_not_exist_is_answered_500(peers, tmp_path):
    with gateway_api(tmp_path, peers, {"backendRefs": [{"name": "none", "port": 80}]}) as gw:
        assert gw.call("GET", "/", [("Host", "api.example.com")]).status == 500
