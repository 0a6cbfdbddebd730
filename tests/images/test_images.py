"""The images, built from their Dockerfiles and run: the servers under the pods' limits, with the client's photos through
all of them, then by docker-compose.yml; the commands as a CI job runs them. scripts/test-images.sh prepares the builder and the
base image and runs this."""
import json
import os
import pathlib
import subprocess
import time
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = pathlib.Path(os.environ["HR_IMAGES_DIR"])
BASE = os.environ.get("HR_IMAGES_BASE", "docker.io/library/debian:bookworm-slim")
VERSION = "0.2.0"
COMPOSE = pathlib.Path(os.environ.get("HR_COMPOSE", "/nonexistent"))
CLI = f"headerroute:{VERSION}"
SERVICES = ["gateway", "predict", "proxy"]
LIMIT_MB = 45
# As in k8s/base: half a CPU, 300 MiB, nothing writable but /tmp, no capability, no privilege.
POD = ["--memory", "300m", "--memory-swap", "300m", "--cpus", "0.5", "--read-only", "--cap-drop", "ALL",
       "--security-opt", "no-new-privileges", "--network", "host"]
PODS = {
    "predict-pod1": ("predict", "127.0.0.21:5010", {"GRAB_CUT_ITERS": "1"}, []),
    "predict-pod2": ("predict", "127.0.0.22:5011", {"GRAB_CUT_ITERS": "10"}, []),
    "proxy-pod1": ("proxy", "127.0.0.11:5000", {"PREDICT_SERVER_URL": "http://127.0.0.21:5010"}, []),
    "proxy-pod2": ("proxy", "127.0.0.12:5000", {"PREDICT_SERVER_URL": "http://127.0.0.22:5011"}, []),
    "gateway": ("gateway", "127.0.0.1:5000", {}, ["-f", "/etc/headerroute/base", "-f", "/etc/headerroute/local"]),
}


def podman(*args, check=True, tool="podman"):
    done = subprocess.run([tool, "--root", WORK / "storage", "--runroot", WORK / "run", "--storage-driver", "overlay",
                           *map(str, args)], capture_output=True, text=True, timeout=1500)
    assert not check or done.returncode == 0, f"{tool} {' '.join(map(str, args))}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done


def image(service):
    return f"headerroute-{service}:{VERSION}"


def build(service, *args, file=None):
    return podman("build", "--format", "docker", "-q", "-f", ROOT / (file or f"services/{service}/Dockerfile"), *args, ROOT)


def inspect(what):
    return json.loads(podman("image", "inspect", what).stdout)[0]


def inside(service, *command):
    return podman("run", "--rm", "--network", "none", "--entrypoint", command[0], image(service), *command[1:], check=False)


@pytest.fixture(scope="module", params=SERVICES)
def service(request):
    build(request.param, "-t", image(request.param))
    return request.param


def test_configuration(service):
    # podman's own inspect leaves the health check out.
    config = json.loads(podman("inspect", "--type", "image", image(service), tool="buildah").stdout)["Docker"]["config"]
    assert config["User"] == "65532:65532"
    assert config["StopSignal"] == "SIGTERM"
    assert config["Entrypoint"] == [f"/usr/local/bin/headerroute-{service}"]
    assert config["Healthcheck"]["Test"] == ["CMD", f"/usr/local/bin/headerroute-{service}", "--check"]
    labels = config["Labels"]
    assert labels["org.opencontainers.image.title"] == f"headerroute-{service}"
    assert labels["org.opencontainers.image.version"] == VERSION
    assert labels["org.opencontainers.image.description"] and labels["org.opencontainers.image.licenses"] == "MIT"


def test_size(service, capsys):
    added = (inspect(image(service))["Size"] - inspect(BASE)["Size"]) / 1e6
    with capsys.disabled():
        print(f"\n{image(service)}: {added:.1f} MB above its base")
    assert added <= LIMIT_MB


def test_only_what_runs(service):
    tools = inside(service, "sh", "-c", "command -v gcc cc c++ cmake ninja ld make; "
                   "dpkg-query -W -f '${db:Status-Status} ${Package}\\n' | grep '^installed .*-dev$'; echo looked")
    assert tools.stdout == "looked\n"
    linked = inside(service, "ldd", f"/usr/local/bin/headerroute-{service}")
    assert linked.returncode == 0 and "not found" not in linked.stdout and "libh2o" in linked.stdout
    assert "opencv" not in linked.stdout and inside(service, "sh", "-c", "find / -xdev -name '*opencv*'").stdout == ""


def test_writes_nothing_and_tells_its_version(service):
    done = podman("run", "--rm", "--read-only", "--read-only-tmpfs=false", "--cap-drop", "ALL", image(service), "--version")
    assert VERSION in done.stdout


def test_two_builds_give_the_same_bytes():
    """The compilation, repeated at another time in the image of the first stage."""
    build("proxy", "-t", image("proxy"))
    build("proxy", "--target", "build", "-t", "headerroute-proxy-build")
    recipe = next(step for step in inspect("headerroute-proxy-build")["History"][::-1] if "cmake -S" in step["created_by"])
    command = recipe["created_by"].split("/bin/sh -c", 1)[1].split("#(nop)")[0].strip()
    again = podman("run", "--rm", "--network", "none", "headerroute-proxy-build", "sh", "-c",
                   f"rm -rf /build && ({command}) >/dev/null && sha256sum </build/bin/headerroute-proxy")
    first = inside("proxy", "sh", "-c", "sha256sum </usr/local/bin/headerroute-proxy")
    assert again.stdout == first.stdout and len(first.stdout) > 60


# ---- the commands, for CI ----

@pytest.fixture(scope="module")
def commands():
    build("cli", "-t", CLI, file="cli/Dockerfile")


def in_ci(folder, *command):
    """As a job does that mounts its checkout, without a network."""
    return podman("run", "--rm", "--network", "none", "-v", f"{folder}:/work:ro", CLI, *command, check=False)


def test_commands_run_in_the_checkout_of_a_job(commands, tmp_path):
    assert in_ci(ROOT, "headerroute", "validate", "k8s/base", "k8s/local").returncode == 0
    tested = in_ci(ROOT, "sh", "-c", "headerroute test -f tests/headerroute/routing/mesh tests/headerroute/routing | tail -n 1")
    assert tested.returncode == 0 and tested.stdout.endswith(" passed, 0 failed\n"), tested.stdout + tested.stderr
    rules = (ROOT / "k8s/base/virtual-service.yaml").read_text()
    (tmp_path / "rules.yaml").write_text(rules.replace("exact:", "exakt:", 1))
    wrong = in_ci(tmp_path, "headerroute", "validate", "--format", "github", "rules.yaml")
    assert wrong.returncode == 1 and wrong.stdout.startswith("::error file=rules.yaml,line=")
    cut = in_ci(ROOT, "sh", "-c", "grabcut --iterations 1 -o /tmp/cut.png photos/portrait.jpg && head -c 4 /tmp/cut.png | tail -c 3")
    assert (cut.returncode, cut.stdout) == (0, "PNG"), cut.stderr


def test_image_of_the_commands(commands, capsys):
    config = inspect(CLI)["Config"]
    assert "Entrypoint" not in config and config.get("User", "") == "" and config["WorkingDir"] == "/work"
    assert config["Labels"]["org.opencontainers.image.version"] == VERSION
    assert podman("run", "--rm", CLI).stdout.startswith("usage: headerroute COMMAND")
    added = (inspect(CLI)["Size"] - inspect(BASE)["Size"]) / 1e6
    with capsys.disabled():
        print(f"\n{CLI}: {added:.1f} MB above its base")
    assert added <= LIMIT_MB


# ---- the servers together ----

@pytest.fixture(scope="module")
def system():
    for service in SERVICES:
        build(service, "-t", image(service))
    started = []
    try:
        for name, (service, address, env, args) in PODS.items():
            settings = [f for k, v in {"POD_NAME": name, "HR_LISTEN": address, **env}.items() for f in ("-e", f"{k}={v}")]
            files = [f for folder in ("base", "local") for f in ("-v", f"{ROOT}/k8s/{folder}:/etc/headerroute/{folder}:ro")]
            podman("run", "-d", "--name", name, "--no-healthcheck", *POD, *settings,
                   *(files if service == "gateway" else []), image(service), *args)
            started.append(name)
        for name, (service, address, _, _) in PODS.items():
            for _ in range(300):
                check = podman("exec", name, f"/usr/local/bin/headerroute-{service}", "--check", check=False)
                if check.returncode == 0:
                    break
                time.sleep(0.1)
            assert check.returncode == 0, podman("logs", name).stderr
        yield
    finally:
        for name in started:
            podman("rm", "-f", "-t", "1", name, check=False)


def send_photos(folder, value, pod):
    """All photos with the header `target`, and which pods served them."""
    report = folder / "report.json"
    done = subprocess.run(["/usr/bin/python3", ROOT / "services/request/headerroute-request", "--port", "5000", "--headers_target_value",
                           value, "--in_images_dir", ROOT / "photos", "--out_images_dir", folder / "out", "--no-progress",
                           "--report", report], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [json.loads(line) for line in report.read_text().splitlines()]
    photos = sorted(p.name for p in (ROOT / "photos").iterdir() if p.suffix in (".jpg", ".png"))
    assert len(rows) == len(photos) == len(list((folder / "out").iterdir())) > 0
    for row in rows:
        assert row["status"] == 200, row
        via = " ".join(row["via"])
        assert f"proxy-pod{pod}" in via and f"predict-pod{pod}" in via, row


CONDITIONS = [("condition1", "1"), ("another", "2")]


@pytest.mark.parametrize("value,pod", CONDITIONS)
def test_photos_through_all_of_them(system, tmp_path, value, pod):
    send_photos(tmp_path, value, pod)


def test_memory_stays_under_the_limit(system):
    """No process was killed for memory, and none was restarted."""
    for name in PODS:
        state = json.loads(podman("inspect", name).stdout)[0]["State"]
        assert state["Status"] == "running" and not state["OOMKilled"], (name, state)


def test_drains_and_leaves_with_0(system):
    for name in reversed(PODS):
        podman("stop", "-t", "15", name)
        assert json.loads(podman("inspect", name).stdout)[0]["State"]["ExitCode"] == 0, name


# ---- docker-compose.yml ----

def compose(*args):
    """podman-compose runs the first `podman` on the PATH: one that knows where the images are."""
    (WORK / "bin").mkdir(exist_ok=True)
    script = f"#!/bin/sh\nexec /usr/bin/podman --root {WORK}/storage --runroot {WORK}/run --storage-driver overlay \"$@\"\n"
    (WORK / "bin/podman").write_text(script)
    (WORK / "bin/podman").chmod(0o755)
    return subprocess.run([COMPOSE, *args], cwd=ROOT, capture_output=True, text=True, timeout=1500,
                          env={**os.environ, "PATH": f"{WORK}/bin:{os.environ['PATH']}", "BUILDAH_FORMAT": "docker"})


@pytest.mark.skipif(not COMPOSE.exists(), reason="podman-compose could not be installed")
def test_compose_brings_the_system_up(tmp_path):
    """After the containers of the pods are gone, whose ports it needs."""
    up = compose("up", "-d", "--build")
    try:
        assert up.returncode == 0, up.stdout[-2000:] + up.stderr[-4000:]
        names = podman("ps", "--format", "{{.Names}}").stdout.split()
        assert len(names) == 5, up.stdout[-2000:] + up.stderr[-4000:]
        for _ in range(300):
            try:
                with urllib.request.urlopen("http://127.0.0.1:5000/health", timeout=5) as answer:
                    if json.load(answer)["predict_server"]["health"] == "ok":
                        break
            except OSError:
                time.sleep(0.1)
        for value, pod in CONDITIONS:
            (tmp_path / value).mkdir()
            send_photos(tmp_path / value, value, pod)
    finally:
        compose("down", "-t", "15")
    assert podman("ps", "-q").stdout == ""
