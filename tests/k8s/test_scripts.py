"""The GKE scripts against fakes of gcloud, kubectl and istioctl that record every call and refuse what the real ones refuse."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

import fake_tools

ROOT = pathlib.Path(__file__).resolve().parents[2]
FAKE = pathlib.Path(__file__).with_name("fake_tools.py")
CONTEXT = "gke_my-project_us-central1-b_headerroute"

TOOLS = ("gcloud", "kubectl", "istioctl")
OURS = {"headerroute": "made-by=headerroute-run-gke"}


class Tools:
    """The scripts of k8s/ with fake_tools.py in the place of the cloud's tools."""

    def __init__(self, folder):
        self.home, self.bin, self.calls, self.cloud = folder, folder / "bin", folder / "calls", folder / "cloud.json"
        self.bin.mkdir()
        for name in TOOLS:
            # The interpreter of this test: another python3 on the PATH may lack yaml.
            (self.bin / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" "{FAKE}" {name} "$@"\n')
            (self.bin / name).chmod(0o755)

    def environment(self, **more):
        return {"PATH": f"{self.bin}:{os.environ['PATH']}", "HOME": str(self.home), "CALLS": str(self.calls),
                "CLOUD": str(self.cloud), "TAG": "1.2.3", "WAIT_SECONDS": "0", "PYTHONDONTWRITEBYTECODE": "1", **more}

    def start_with(self, **parts):
        self.cloud.write_text(json.dumps({**fake_tools.EMPTY, **parts}))

    def call(self, *words):
        """One call of a fake."""
        return subprocess.run([self.bin / words[0], *words[1:]], capture_output=True, text=True, timeout=60, cwd=ROOT,
                              env=self.environment())

    def __call__(self, script, *arguments, answer="", **environment):
        self.calls.write_text("")
        result = subprocess.run([ROOT / "k8s" / script, *arguments], capture_output=True, text=True, input=answer, timeout=60,
                                env=self.environment(**environment))
        return result, self.calls.read_text().splitlines()


@pytest.fixture
def tools(tmp_path):
    return Tools(tmp_path)


def changing(calls):
    """The calls that change something in the cloud."""
    reading = ("config get-value", "clusters list", "repositories describe", "kustomize", "get service")
    return [c for c in calls if not any(r in c for r in reading)]


def starts(calls, *beginnings):
    return [next((i for i, c in enumerate(calls) if c.startswith(b)), None) for b in beginnings]


def test_a_first_run_does_everything_in_order(tools):
    result, calls = tools("run_gke.sh", "--yes")
    assert result.returncode == 0, result.stderr
    order = starts(
        calls, "gcloud services enable", "gcloud container clusters create headerroute",
        "gcloud container clusters get-credentials", "gcloud artifacts repositories create headerroute",
        "gcloud builds submit", f"kubectl --context {CONTEXT} apply -f k8s/istio-namespace.yaml",
        f"istioctl install --context {CONTEXT}", f"kubectl --context {CONTEXT} apply -f build-gke.",
        f"kubectl --context {CONTEXT} rollout status deployment/predict-pod1")
    assert None not in order and order == sorted(order)
    create = calls[order[1]]
    assert "--labels made-by=headerroute-run-gke" in create and "--zone us-central1-b" in create
    assert "_REGISTRY=us-central1-docker.pkg.dev/my-project/headerroute" in calls[order[4]]
    assert not list(ROOT.glob("build-gke.*"))


def test_without_istio_nothing_of_it_is_installed_and_the_gateway_is_waited_for(tools):
    result, calls = tools("run_gke.sh", "--yes", OVERLAY="no-istio")
    assert result.returncode == 0, result.stderr
    assert not [c for c in calls if c.startswith("istioctl")]
    assert [c for c in calls if c.startswith("kubectl kustomize") and "LoadRestrictionsNone" in c]
    assert f"kubectl --context {CONTEXT} rollout status deployment/headerroute-gateway --timeout 300s" in calls
    result, calls = tools("run_gke_request.sh", "--dry-run", OVERLAY="no-istio")
    assert result.returncode == 0 and "get service headerroute-gateway" in result.stdout


def test_the_kinds_of_the_gateway_api_are_installed_once_and_before_they_are_used(tools):
    result, calls = tools("run_gke.sh", "--yes", OVERLAY="gateway-api")
    assert result.returncode == 0, result.stderr
    install = f"kubectl --context {CONTEXT} apply --server-side -f https://github.com/kubernetes-sigs/gateway-api/"
    order = starts(calls, install, f"kubectl --context {CONTEXT} apply -f build-gke.")
    assert None not in order and order == sorted(order)
    result, calls = tools("run_gke.sh", OVERLAY="gateway-api")
    assert result.returncode == 0 and starts(calls, install) == [None]
    result, calls = tools("run_gke_request.sh", "--dry-run", OVERLAY="gateway-api")
    assert result.returncode == 0 and "get service istio-ingressgateway" in result.stdout


def test_a_second_run_creates_nothing_twice(tools):
    assert tools("run_gke.sh", "--yes")[0].returncode == 0
    result, calls = tools("run_gke.sh")
    assert result.returncode == 0, result.stderr
    assert starts(calls, "gcloud container clusters create", "gcloud artifacts repositories create") == [None, None]
    assert None not in starts(calls, "gcloud builds submit", f"kubectl --context {CONTEXT} apply")


def test_a_cluster_of_the_same_name_that_is_not_ours_stops_the_run(tools):
    tools.start_with(clusters={"headerroute": "team=other"})
    result, calls = tools("run_gke.sh", "--yes")
    assert result.returncode == 1 and "did not make" in result.stderr
    assert changing(calls) == []


def test_without_a_yes_nothing_that_costs_money_is_made(tools):
    result, calls = tools("run_gke.sh", answer="n\n")
    assert result.returncode == 1 and "nothing was created" in result.stderr
    assert changing(calls) == []


def test_dry_run_prints_every_command_and_runs_none(tools):
    result, calls = tools("run_gke.sh", "--dry-run")
    assert result.returncode == 0, result.stderr
    assert changing(calls) == []
    for command in ("clusters create", "builds submit", "istioctl install", "apply -f", "rollout status"):
        assert command in result.stdout


@pytest.mark.parametrize("setting", [
    {"PROJECT": "Not A Project"}, {"REGION": "nowhere"}, {"ZONE": "europe-west1-b"}, {"CLUSTER": "Bad_Name"},
    {"NODES": "0"}, {"REPOSITORY": "x/y"}, {"OVERLAY": "missing"}, {"TAG": "latest"}, {"FAKE_PROJECT": ""}])
def test_a_wrong_setting_is_one_clear_line_and_changes_nothing(tools, setting):
    result, calls = tools("run_gke.sh", "--yes", **setting)
    assert result.returncode == 1
    assert len(result.stderr.strip().splitlines()) == 1 and result.stderr.startswith("run_gke.sh: ")
    assert changing(calls) == []


@pytest.mark.parametrize("script", ["run_gke.sh", "run_gke_request.sh", "delete_gke.sh"])
def test_help_and_unknown_flags(tools, script):
    result, calls = tools(script, "--help")
    assert result.returncode == 0 and "usage:" in result.stdout and calls == []
    result, calls = tools(script, "--nonsense")
    assert result.returncode == 2 and "--nonsense" in result.stderr and calls == []


def test_delete_removes_the_load_balancers_and_then_our_cluster(tools):
    tools.start_with(clusters=OURS)
    result, calls = tools("delete_gke.sh", "--yes")
    assert result.returncode == 0, result.stderr
    services, cluster = starts(calls, f"kubectl --context {CONTEXT} delete service", "gcloud container clusters delete headerroute")
    assert services is not None and cluster is not None and services < cluster


@pytest.mark.parametrize("clusters,status", [({}, 0), ({"headerroute": "team=other"}, 1)])
def test_delete_leaves_alone_what_it_did_not_make(tools, clusters, status):
    tools.start_with(clusters=clusters)
    result, calls = tools("delete_gke.sh", "--yes")
    assert result.returncode == status
    assert changing(calls) == []


def test_delete_asks_first(tools):
    tools.start_with(clusters=OURS)
    result, calls = tools("delete_gke.sh", answer="no\n")
    assert result.returncode == 1 and "nothing was deleted" in result.stderr
    assert changing(calls) == []


def test_delete_dry_run(tools):
    tools.start_with(clusters=OURS)
    result, calls = tools("delete_gke.sh", "--dry-run")
    assert result.returncode == 0 and "clusters delete headerroute" in result.stdout
    assert changing(calls) == []


# ---- the fakes themselves ----

READY = {"enabled": ["container.googleapis.com", "artifactregistry.googleapis.com", "cloudbuild.googleapis.com"],
         "clusters": OURS, "contexts": [CONTEXT]}
INSTALL = ("istioctl", "install", "--context", CONTEXT, "-f", "k8s/istio.yaml", "--skip-confirmation")
APPLY = ("kubectl", "--context", CONTEXT, "apply", "-f")
PLACE = ("--project", "my-project", "--zone", "us-central1-b")


@pytest.mark.parametrize("call, reason", [
    (INSTALL, 'namespaces "istio-ingress" not found'),
    (INSTALL[:-1], "Cancelled"),
    ((*APPLY, "k8s/base/gateway.yaml"), 'no matches for kind "Gateway"'),
    ((*APPLY, "k8s/missing.yaml"), "does not exist"),
    (("kubectl", "apply", "-f", "k8s/base/services.yaml"), "--context"),
    (("kubectl", "--context", "other", "apply", "-f", "k8s/base/services.yaml"), "does not exist"),
    (("kubectl", "--context", CONTEXT, "rollout", "status", "deployment/proxy-pod1"), "not found"),
    (("kubectl", "--context", CONTEXT, "-n", "istio-ingress", "get", "service", "istio-ingressgateway"), "not found"),
    (("kubectl", "--context", CONTEXT, "delete", "service"), "no name"),
    (("kubectl", "kustomize", "k8s/overlays/no-istio"), "security"),
    (("gcloud", "container", "clusters", "create", "headerroute", *PLACE), "Already exists"),
    (("gcloud", "container", "clusters", "get-credentials", "other", *PLACE), "Not found"),
    (("gcloud", "container", "clusters", "delete", "headerroute", *PLACE), "answer"),
    (("gcloud", "builds", "submit", ".", "--project", "my-project", "--config", "cloudbuild.yaml",
      "--substitutions", "_REGISTRY=x/headerroute,_TAG=1"), "not found"),
    (("gcloud", "artifacts", "repositories", "describe", "headerroute", "--project", "p", "--location", "l"), "NOT_FOUND"),
], ids=lambda value: " ".join(value[:4]) if isinstance(value, tuple) else value[:12])
def test_the_fakes_refuse_what_the_real_tools_refuse(tools, call, reason):
    tools.start_with(**READY)
    result = tools.call(*call)
    assert result.returncode == 1 and reason in result.stderr, result.stderr


def test_the_fakes_refuse_a_resource_in_a_missing_namespace(tools, tmp_path):
    tools.start_with(**READY)
    manifest = tmp_path / "service.yaml"
    manifest.write_text("{apiVersion: v1, kind: Service, metadata: {name: a, namespace: shop}}\n")
    assert 'namespaces "shop" not found' in tools.call(*APPLY, manifest).stderr
    namespace = tmp_path / "namespace.yaml"
    namespace.write_text("{apiVersion: v1, kind: Namespace, metadata: {name: shop}}\n")
    assert [tools.call(*APPLY, path).returncode for path in (namespace, manifest)] == [0, 0]


def test_the_fakes_refuse_an_api_that_is_not_enabled(tools):
    result = tools.call("gcloud", "container", "clusters", "create", "headerroute", *PLACE)
    assert result.returncode == 1 and "disabled" in result.stderr
