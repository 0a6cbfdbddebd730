"""The overlay of the Gateway API decides as k8s/base does, and headerroute-gateway routes by it to running pods."""
import pathlib
import sys

import pytest
import yaml

import peers
from test_manifests import INTERNAL, ROOT, VERSIONS, built, outside, route  # noqa: F401 (a fixture)
from test_no_istio import addresses, pods, served_by  # noqa: F401 (a fixture)

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "services"))
from harness import Server  # noqa: E402

PODS = ROOT / "k8s/local/endpoints.yaml"
PUBLIC = ["/", "/health", "/predict", "/predict?rect=1,2,3,4", "/v2", "/v2/health/ready", "/v2/models/grabcut/infer",
          "/inference.GRPCInferenceService/ModelInfer", "/grpc.health.v1.Health/Check",
          "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
          "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"]
SAME = ("action", "endpoints", "timeout_ms", "retries", "upstream")


@pytest.fixture
def overlay(built):  # noqa: F811
    return built("gateway-api")


def test_no_rule_of_the_base_is_left(overlay):
    kinds = {(d["apiVersion"].rpartition("/")[0], d["kind"]) for d in overlay[1]}
    assert not kinds & {("networking.istio.io", "VirtualService"), ("networking.istio.io", "Gateway")}
    assert not [d for d in overlay[1] if d["kind"] == "DestinationRule" and "subsets" in d["spec"]]
    assert not [d["metadata"]["name"] for d in overlay[1]
                if d["metadata"]["labels"]["app.kubernetes.io/part-of"] != "headerroute"]


def test_the_gateway_is_beside_the_service_of_its_address(overlay):
    """Istio ignores the address otherwise (mergeGateways of pilot/pkg/model), and the port has no listener."""
    gateway = next(d for d in overlay[1] if d["kind"] == "Gateway")
    [address] = gateway["spec"]["addresses"]
    [installed] = yaml.safe_load((ROOT / "k8s/istio.yaml").read_text())["spec"]["components"]["ingressGateways"]
    assert gateway["metadata"]["namespace"] == installed["namespace"]
    assert address["value"] == f"{installed['name']}.{installed['namespace']}.svc.cluster.local"
    assert [listener["port"] for listener in gateway["spec"]["listeners"]] == [p["port"] for p in installed["k8s"]["service"]["ports"]]


@pytest.mark.parametrize("value,version", VERSIONS)
@pytest.mark.parametrize("path", PUBLIC)
def test_public_paths_are_decided_as_by_the_base(path, value, version, overlay):
    inside, entry = f"http://proxy-server:5000{path}", f"http://203.0.113.7{path}"
    for url, view, base_view in (entry, outside("gateway-api"), outside("base")), (inside, (), ()):
        ours = route([overlay[0], PODS], url, value, *view)
        base = route([ROOT / "k8s/base", PODS], url, value, *base_view)
        assert ours["rule"]["kind"] == "HTTPRoute" and base["rule"]["kind"] == "VirtualService"
        assert {key: ours[key] for key in SAME} == {key: base[key] for key in SAME}
        assert [e["address"] for e in ours["endpoints"]] == [f"127.0.0.1{version}"]


@pytest.mark.parametrize("value", ["condition1", None])
@pytest.mark.parametrize("path", [*INTERNAL, "/ready", "/predict/", "/v2x", "/unknown"])
def test_other_paths_are_not_routed_from_outside(path, value, overlay):
    d = route([overlay[0], PODS], f"http://203.0.113.7{path}", value, *outside("gateway-api"))
    assert (d["action"], d["local_reply"]["status"], d["local_reply"]["flag"]) == ("no_route", 404, "NR")


@pytest.mark.parametrize("value,version", VERSIONS)
def test_pods_of_the_mesh_reach_internal_paths(value, version, overlay):
    d = route([overlay[0], PODS], "http://proxy-server:5000/metrics", value)
    assert [e["address"] for e in d["endpoints"]] == [f"127.0.0.1{version}"]


def test_each_header_value_reaches_the_pods_of_its_version(overlay, tmp_path, addresses):  # noqa: F811
    one, two = addresses[:2]
    endpoints = tmp_path / "endpoints.yaml"
    endpoints.write_text(PODS.read_text().replace("127.0.0.11", one).replace("127.0.0.12", two))
    with pods(one, two), Server("headerroute-gateway", "-f", overlay[0], "-f", endpoints, "--gateway", "istio-ingress/proxy-gateway",
                                "--gateway-port", "80", ready_path="/") as gw:
        assert served_by(gw, "condition1") == {one}
        assert served_by(gw, "condition2") == {two}
        assert served_by(gw, None) == {two}
        assert {gw.call(target=path, headers=[("target", "condition1")]).status for path in INTERNAL} == {404}


@pytest.mark.parametrize("file", ["k8s/overlays/gateway-api/kustomization.yaml", "k8s/run_gke.sh", "docs/kubernetes.md"])
def test_the_crds_to_install_are_those_of_the_checked_version(file):
    text = (ROOT / file).read_text()
    assert f"gateway-api/releases/download/{peers.gateway_api_version()}/standard-install.yaml" in text
    assert text.count("gateway-api/releases/download/") == 1
