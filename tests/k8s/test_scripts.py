"""The GKE scripts against fakes of gcloud, kubectl and istioctl that record every call."""
import os
import pathlib
import stat
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONTEXT = "gke_my-project_us-central1-b_headerroute"

FAKE = r"""#!/usr/bin/env bash
# Records the call, then answers as the real tool would.
printf '%s' "${0##*/}" >>"$CALLS"
printf ' %q' "$@" >>"$CALLS"
echo >>"$CALLS"
case "${0##*/} $*" in
"gcloud config get-value project"*) echo "${FAKE_PROJECT-my-project}" ;;
"gcloud container clusters list"*) printf '%s' "${FAKE_CLUSTER:-}" ;;
"gcloud artifacts repositories describe"*) exit "${FAKE_REPOSITORY_MISSING:-1}" ;;
"kubectl kustomize"*) cat "${@: -1}/kustomization.yaml" ;;
"kubectl"*"get service"*) echo "${FAKE_ADDRESS:-}" ;;
esac
exit 0
"""


@pytest.fixture
def tools(tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("gcloud", "kubectl", "istioctl"):
        path = folder / name
        path.write_text(FAKE)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    calls = tmp_path / "calls"
    calls.touch()

    def run(script, *arguments, answer="", **environment):
        calls.write_text("")
        result = subprocess.run(
            [ROOT / "k8s" / script, *arguments], capture_output=True, text=True, input=answer, timeout=60,
            env={"PATH": f"{folder}:{os.environ['PATH']}", "HOME": str(tmp_path), "CALLS": str(calls),
                 "TAG": "1.2.3", "WAIT_SECONDS": "0", **environment})
        return result, calls.read_text().splitlines()

    return run


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
        "gcloud builds submit", f"istioctl install --context {CONTEXT}", f"kubectl --context {CONTEXT} apply",
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


def test_a_second_run_creates_nothing_twice(tools):
    result, calls = tools("run_gke.sh", FAKE_CLUSTER="headerroute made-by=headerroute-run-gke", FAKE_REPOSITORY_MISSING="0")
    assert result.returncode == 0, result.stderr
    assert starts(calls, "gcloud container clusters create", "gcloud artifacts repositories create") == [None, None]
    assert None not in starts(calls, "gcloud builds submit", f"kubectl --context {CONTEXT} apply")


def test_a_cluster_of_the_same_name_that_is_not_ours_stops_the_run(tools):
    result, calls = tools("run_gke.sh", "--yes", FAKE_CLUSTER="headerroute team=other")
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
    result, calls = tools("delete_gke.sh", "--yes", FAKE_CLUSTER="headerroute made-by=headerroute-run-gke")
    assert result.returncode == 0, result.stderr
    services, cluster = starts(calls, f"kubectl --context {CONTEXT} delete service", "gcloud container clusters delete headerroute")
    assert services is not None and cluster is not None and services < cluster


@pytest.mark.parametrize("cluster,status", [("", 0), ("headerroute team=other", 1)])
def test_delete_leaves_alone_what_it_did_not_make(tools, cluster, status):
    result, calls = tools("delete_gke.sh", "--yes", FAKE_CLUSTER=cluster)
    assert result.returncode == status
    assert changing(calls) == []


def test_delete_asks_first(tools):
    result, calls = tools("delete_gke.sh", answer="no\n", FAKE_CLUSTER="headerroute made-by=headerroute-run-gke")
    assert result.returncode == 1 and "nothing was deleted" in result.stderr
    assert changing(calls) == []


def test_delete_dry_run(tools):
    result, calls = tools("delete_gke.sh", "--dry-run", FAKE_CLUSTER="headerroute made-by=headerroute-run-gke")
    assert result.returncode == 0 and "clusters delete headerroute" in result.stdout
    assert changing(calls) == []
