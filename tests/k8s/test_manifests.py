"""Every overlay: built by kustomize, valid by Kubernetes' and Istio's schemas, and it routes by the header."""
import copy
import json
import os
import pathlib
import subprocess

import pytest
import yaml

import peers

ROOT = peers.ROOT
BUILD = pathlib.Path(os.environ.get("HR_BUILD_DIR", ROOT / "build/release"))
HEADERROUTE = BUILD / "bin/headerroute"
OVERLAYS = sorted(p.name for p in (ROOT / "k8s/overlays").iterdir())
VERSIONS = [("condition1", 1), ("condition2", 2), (None, 2)]
GATEWAY_API = "gateway.networking.k8s.io"
ROUTING = ("VirtualService", "DestinationRule", "Gateway", "ServiceEntry")


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """Overlay -> (path of the built manifests, their documents)."""
    cache = {}

    def build(overlay):
        if overlay not in cache:
            text = subprocess.run(
                [peers.kustomize(), "build", "--load-restrictor", "LoadRestrictionsNone", ROOT / "k8s/overlays" / overlay],
                check=True, capture_output=True, text=True).stdout
            path = tmp_path_factory.mktemp(overlay) / "manifests.yaml"
            path.write_text(text)
            cache[overlay] = path, [d for d in yaml.safe_load_all(text) if d]
        return cache[overlay]

    return build


def outside(overlay):
    """The view of the ingress gateway. Istio requires a Gateway in the namespace of the Service that its address names."""
    return "--gateway", f"{'istio-ingress' if overlay == 'gateway-api' else 'default'}/proxy-gateway", "--port", "80"


def headerroute(*arguments):
    answer = subprocess.run([HEADERROUTE, *map(str, arguments)], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


def route(config, url, value, *view):
    header = [] if value is None else ["-H", f"target: {value}"]
    return json.loads(headerroute("route", "--json", *sum((["-f", f] for f in config), []), *header, *view, url))


def routing_files(overlay, built, folder):
    """What the data plane of this overlay reads: the cluster's resources, or the gateway's ConfigMap."""
    path, documents = built(overlay)
    maps = [d for d in documents if d["kind"] == "ConfigMap"]
    if not maps:
        return [path]
    for name, text in maps[0]["data"].items():
        (folder / name).write_text(text)
    return [folder]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kubernetes_accepts_every_resource(overlay, built):
    path, documents = built(overlay)
    answer = subprocess.run([peers.kubernetes_validate(), "--strict", "--no-warn", path], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    core = [d for d in documents if "istio.io" not in d["apiVersion"] and GATEWAY_API not in d["apiVersion"]]
    passed = (answer.stdout + answer.stderr).count(" passed ")
    assert passed == len(core)


def assert_valid(schemas, documents):
    from jsonschema import Draft202012Validator

    for document in documents:
        group, _, version = document["apiVersion"].rpartition("/")
        found = list(Draft202012Validator(schemas[group, version, document["kind"]]).iter_errors(document))
        assert not found, f"{document['kind']} {document['metadata']['name']}: {found[0].json_path}: {found[0].message}"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_istio_accepts_every_resource(overlay, built):
    documents = built(overlay)[1]
    for generated in [d for d in documents if d["kind"] == "ConfigMap"]:
        documents = documents + [d for text in generated["data"].values() for d in yaml.safe_load_all(text) if d]
    judged = [d for d in documents if "istio.io" in d["apiVersion"]]
    assert len(judged) >= 3
    assert_valid(peers.istio_schemas(), judged)


def test_the_gateway_api_accepts_every_resource(built):
    judged = [d for d in built("gateway-api")[1] if GATEWAY_API in d["apiVersion"]]
    assert sorted(d["kind"] for d in judged) == ["Gateway", "HTTPRoute", "HTTPRoute"]
    assert_valid(peers.gateway_api_schemas(), judged)


@pytest.mark.parametrize("overlay, kind, rules, schemas", [
    ("gke", "VirtualService", "http", peers.istio_schemas),
    ("gateway-api", "HTTPRoute", "rules", peers.gateway_api_schemas)])
def test_the_sealed_schemas_refuse_an_unknown_field(overlay, kind, rules, schemas, built):
    route = copy.deepcopy(next(d for d in built(overlay)[1] if d["kind"] == kind))
    route["spec"][rules][0]["tiemout"] = "10s"
    with pytest.raises(AssertionError, match="tiemout"):
        assert_valid(schemas(), [route])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_headerroute_accepts_every_file(overlay, built, tmp_path):
    headerroute("validate", *routing_files(overlay, built, tmp_path))


def assert_version(overlay, decision, version):
    """The version is a subset of proxy-server, or a Service of its own where HTTPRoutes decide."""
    host, subset = ("proxy-server", f"proxy-pod-subset{version}") if overlay != "gateway-api" else (f"proxy-server{version}", None)
    assert decision["destination"] == {"host": f"{host}.default.svc.cluster.local", "subset": subset, "port": 5000}
    assert decision["timeout_ms"] == 10000


@pytest.mark.parametrize("value,version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_outside_traffic_reaches_the_version_its_header_names(overlay, value, version, built, tmp_path):
    config = routing_files(overlay, built, tmp_path)
    d = route(config, "http://203.0.113.7/predict", value, *outside(overlay))
    assert_version(overlay, d, version)


INTERNAL = ["/metrics", "/metrics?a=b", "/a/../metrics", "/%6detrics", "/v2/%2e%2e/metrics", "/metadata",
            "/openapi.json", "/docs", "/docs/", "/docs/style.css"]


@pytest.mark.parametrize("path", INTERNAL)
def test_outside_traffic_does_not_reach_what_describes_the_pods(path):
    config = [ROOT / "k8s/base", ROOT / "k8s/local"]
    d = route(config, f"http://203.0.113.7{path}", "condition1", *outside("base"))
    assert (d["action"], d["direct_response"]["status"]) == ("direct_response", 404)


@pytest.mark.parametrize("value,version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_mesh_traffic_reaches_the_version_its_header_names(overlay, value, version, built, tmp_path):
    config = routing_files(overlay, built, tmp_path)
    d = route(config, "http://proxy-server:5000/predict", value)
    assert_version(overlay, d, version)


@pytest.mark.parametrize("overlay", [o for o in OVERLAYS if o != "no-istio"])
def test_requests_keep_their_protocol_on_every_hop(overlay, built):
    """Istio sends HTTP/1.1 to ports named "http-" otherwise, and gRPC needs HTTP/2."""
    rules = {d["spec"]["host"]: d["spec"] for d in built(overlay)[1] if d["kind"] == "DestinationRule"}
    services = {d["metadata"]["name"] for d in built(overlay)[1] if d["kind"] == "Service"}
    assert {"proxy-server", "predict-server1", "predict-server2"} <= services
    proxies = {"proxy-server1", "proxy-server2"} if overlay == "gateway-api" else {"proxy-server"}
    assert proxies <= services
    for host in {"predict-server1", "predict-server2"} | proxies:
        assert rules[host]["trafficPolicy"]["connectionPool"]["http"]["useClientProtocol"] is True


ORIGINAL = """
apiVersion: v1
kind: Service
metadata: {name: proxy-server}
spec:
  type: LoadBalancer
  ports: [{port: 5000, targetPort: 5000, protocol: TCP}]
  selector: {app: proxy-pod}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: proxy-server}
spec:
  host: proxy-server
  subsets:
  - {name: proxy-pod-subset1, labels: {version: proxy-pod-version1}}
  - {name: proxy-pod-subset2, labels: {version: proxy-pod-version2}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: proxy-server}
spec:
  hosts: [proxy-server]
  http:
  - match: [{headers: {target: {exact: condition1}}}]
    route: [{destination: {host: proxy-server, subset: proxy-pod-subset1}}]
    timeout: 10s
  - route: [{destination: {host: proxy-server, subset: proxy-pod-subset2}}]
    timeout: 10s
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: ingress}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]
"""


@pytest.mark.parametrize("value", ["condition1", "condition2"])
def test_the_original_arrangement_does_not_route_outside_traffic(value, tmp_path):
    """Its VirtualService is bound to `mesh` alone, and its Service lets outside clients in past every proxy."""
    config = tmp_path / "original.yaml"
    config.write_text(ORIGINAL)
    assert route([config], "http://proxy-server:5000/predict", "condition1")["destination"]["subset"] == "proxy-pod-subset1"
    d = route([config], "http://203.0.113.7/predict", value, "--gateway", "default/ingress", "--port", "80")
    assert d["destination"] is None
    assert (d["local_reply"]["status"], d["local_reply"]["flag"]) == (404, "NR")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_image_is_latest_or_somebody_elses(overlay, built):
    for document in built(overlay)[1]:
        if document["kind"] == "Deployment":
            for container in document["spec"]["template"]["spec"]["containers"]:
                name, _, tag = container["image"].rpartition(":")
                assert name.startswith("headerroute-") and tag not in ("", "latest")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_server_is_probed_bounded_and_unprivileged(overlay, built):
    deployments = [d for d in built(overlay)[1] if d["kind"] == "Deployment"]
    assert len(deployments) >= 4
    for deployment in deployments:
        pod = deployment["spec"]["template"]["spec"]
        container = pod["containers"][0]
        assert {"startupProbe", "readinessProbe", "livenessProbe", "lifecycle"} <= set(container)
        assert container["resources"]["limits"] == {"cpu": "500m", "memory": "300Mi"}
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert pod["securityContext"]["runAsNonRoot"] is True and pod["enableServiceLinks"] is False
        # preStop and the drain must fit before Kubernetes kills.
        drain = 10
        assert pod["terminationGracePeriodSeconds"] > container["lifecycle"]["preStop"]["sleep"]["seconds"] + drain


@pytest.mark.parametrize("overlay", [o for o in OVERLAYS if o != "no-istio"])
def test_a_classical_sidecar_outlives_the_drain_of_its_server(overlay, built):
    """On nodes before Kubernetes 1.33 the sidecar drains together with the server, for 5 s by default."""
    for deployment in [d for d in built(overlay)[1] if d["kind"] == "Deployment"]:
        template = deployment["spec"]["template"]
        config = yaml.safe_load(template["metadata"]["annotations"]["proxy.istio.io/config"])
        sidecar = int(config["terminationDrainDuration"].removesuffix("s"))
        server = template["spec"]["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"] + 10
        assert server <= sidecar < template["spec"]["terminationGracePeriodSeconds"]
