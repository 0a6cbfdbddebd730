"""demo.sh as a user runs it: from another folder, twice, kept running, with a port taken, interrupted."""
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest
from PIL import Image

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEMO = os.path.join(ROOT, "demo.sh")
ADDRESSES = [("127.0.0.1", 5000), ("127.0.0.11", 5000), ("127.0.0.12", 5000), ("127.0.0.21", 5010),
             ("127.0.0.22", 5011)]
PHOTOS = sorted(n for n in os.listdir(os.path.join(ROOT, "photos")) if n.endswith((".jpg", ".png")))
ROW = re.compile(r"(\S+) +target: (condition[12]) +(\S+) +(\S+) +(\d+) +(\d+)$", re.MULTILINE)


def listening(address):
    with socket.socket() as s:
        return s.connect_ex(address) == 0


def start(*flags, cwd="/"):
    # What the demo builds is what is under test, not what this test's own build says.
    environment = {k: v for k, v in os.environ.items() if k not in ("HR_BUILD_DIR", "HR_SANITIZE")}
    return subprocess.Popen([DEMO, *flags], cwd=cwd, env=environment, text=True, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)


def demo(*flags, cwd="/"):
    process = start(*flags, cwd=cwd)
    process.out, process.err = process.communicate(timeout=500)
    return process


@pytest.fixture(scope="module", autouse=True)
def addresses_are_free():
    subprocess.run([DEMO, "--stop"], check=True, capture_output=True, timeout=60)
    busy = [a for a in ADDRESSES if listening(a)]
    if busy:
        pytest.fail(f"something else listens on {busy}: the demo cannot be tried here")


@pytest.fixture(autouse=True)
def nothing_left_running(addresses_are_free):
    yield
    subprocess.run([DEMO, "--stop"], check=True, capture_output=True, timeout=60)
    assert not [a for a in ADDRESSES if listening(a)]


def check_table(out):
    rows = {(photo, header): rest for photo, header, *rest in ROW.findall(out)}
    assert sorted(rows) == sorted((p, h) for p in PHOTOS for h in ("condition1", "condition2"))
    for (_, header), (proxy, predict, status, _) in rows.items():
        assert (proxy, predict, status) == (f"proxy-pod{header[-1]}", f"predict-pod{header[-1]}", "200")


def clear_results():
    for folder in ("out_images1", "out_images2"):
        path = os.path.join(ROOT, folder)
        for name in os.listdir(path) if os.path.isdir(path) else ():
            os.unlink(os.path.join(path, name))


def check_results():
    for folder in ("out_images1", "out_images2"):
        assert sorted(os.listdir(os.path.join(ROOT, folder))) == sorted([*PHOTOS, "contact_sheet.png"])
        for name in PHOTOS:
            with Image.open(os.path.join(ROOT, folder, name)) as cut, Image.open(os.path.join(ROOT, "photos", name)) as photo:
                assert (cut.size, cut.format) == (photo.size, photo.format)
                black = sum(1 for p in cut.convert("RGB").getdata() if max(p) < 16)
                assert 0.05 < black / (cut.width * cut.height) < 0.98  # some of it was cut away, not all
    with Image.open(os.path.join(ROOT, "out_images1", "contact_sheet.png")) as sheet:
        assert sheet.width > 1000 and sheet.height > 1000


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory):
    """What two runs in a row printed, started in a folder of their own."""
    outs = []
    for i in range(2):
        clear_results()
        cwd = tmp_path_factory.mktemp("elsewhere")
        done = demo(cwd=str(cwd))
        assert done.returncode == 0, done.out + done.err
        assert os.listdir(cwd) == []
        assert not [a for a in ADDRESSES if listening(a)]
        outs.append(done.out)
    return outs


def test_both_runs_show_who_served_what(two_runs):
    for out in two_runs:
        check_table(out)
        assert out.count(f"{len(PHOTOS)} ok, 0 failed") == 2 and out.rstrip().endswith("stopped")


def test_results_and_contact_sheet_are_written(two_runs):
    check_results()


def test_more_iterations_give_another_cut_out(two_runs):
    def read(folder, name):
        with open(os.path.join(ROOT, folder, name), "rb") as f:
            return f.read()
    assert any(read("out_images1", name) != read("out_images2", name) for name in PHOTOS)


def test_reports_tell_what_the_table_shows(two_runs):
    with open(os.path.join(ROOT, "build", "demo", "condition1.jsonl"), encoding="utf-8") as f:
        lines = [json.loads(line) for line in f]
    assert sorted(line["file"] for line in lines) == PHOTOS
    assert all({"gateway", "proxy-pod1", "predict-pod1"} <= set(line["via"]) for line in lines)


def test_keep_leaves_it_running_and_starts_anew():
    for _ in range(2):
        done = demo("--keep")
        assert done.returncode == 0, done.out + done.err
        assert "http://127.0.0.1:5000" in done.out and "./demo.sh --stop" in done.out
        assert all(map(listening, ADDRESSES))
    assert demo("--stop").out.strip() == "stopped"
    assert not [a for a in ADDRESSES if listening(a)]


def taken(address):
    """Something else that listens there."""
    stranger = socket.socket()
    stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    stranger.bind(address)
    stranger.listen()
    return stranger


@pytest.mark.parametrize("address, in_the_way, advice", [
    (("127.0.0.12", 5000), "127.0.0.12:5000 is in use", "k8s/local/endpoints.yaml"),
    (("127.0.0.1", 5000), "127.0.0.1:5000 is in use", "--port"),
    (("0.0.0.0", 5000), "127.0.0.1:5000, 127.0.0.11:5000, 127.0.0.12:5000 are in use", "--port"),
], ids=["a pod's", "the gateway's", "all addresses"])
def test_port_in_use_is_named_in_one_line_before_anything_is_built(address, in_the_way, advice):
    with taken(address):
        done = demo()
        assert done.returncode == 1
        assert in_the_way in done.err and advice in done.err and len(done.err.splitlines()) == 1
        assert "building" not in done.out and "starting" not in done.out
        assert not [a for a in ADDRESSES if a != address and address[0] != "0.0.0.0" and listening(a)]


def test_port_moves_the_gateway():
    with taken(ADDRESSES[0]) as stranger, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        done = demo("--keep", "--port", str(port))
        assert done.returncode == 0, done.out + done.err
        check_table(done.out)
        assert f"http://127.0.0.1:{port}" in done.out and listening(("127.0.0.1", port))
        assert demo("--stop").returncode == 0
        assert not listening(("127.0.0.1", port))
        stranger.close()


def test_the_command_line_tool_is_built(two_runs):
    tool = os.path.join(ROOT, "build", "release", "bin", "headerroute")
    assert all("build/release/bin/headerroute" in out for out in two_runs)
    assert subprocess.run([tool, "--version"], check=True, capture_output=True).stdout.startswith(b"headerroute ")


@pytest.mark.parametrize("until", [ADDRESSES[3], ADDRESSES[0]], ids=["first server", "gateway"])
def test_interrupt_stops_everything(until):
    """As a terminal does it: Ctrl-C reaches the script and whatever runs in its foreground."""
    process = start()
    deadline = time.monotonic() + 400
    while not listening(until) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert not [a for a in ADDRESSES if listening(a)]


def test_strangers_are_not_stopped():
    """A recorded pid that belongs to another process by now."""
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        with open(os.path.join(ROOT, "build", "demo", "pids"), "w", encoding="utf-8") as f:
            f.write(f"{stranger.pid}\n")
        assert demo("--stop").returncode == 0
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("flags, status, sentence", [
    (["--help"], 0, "usage: ./demo.sh"), (["--bogus"], 2, "'--bogus'"), (["--port"], 2, "a number from 1 to 65535"),
    (["--port", "0"], 2, "'0'"), (["--port", "65536"], 2, "'65536'"), (["--port=x"], 2, "'x'")])
def test_flags(flags, status, sentence):
    done = demo(*flags)
    assert done.returncode == status and sentence in (done.err if status else done.out)


# ---- the file that the demo is read from ----

PODS = os.path.join(ROOT, "k8s", "local", "endpoints.yaml")


def read_pods(path):
    return subprocess.run([sys.executable, os.path.join(ROOT, "scripts", "demo_pods.py"), str(path)], capture_output=True, text=True,
                          timeout=60)


def test_pods_become_servers_and_runs():
    assert [line.split("\t") for line in read_pods(PODS).stdout.splitlines()] == [
        ["server", "predict-pod1", "127.0.0.21", "5010", "headerroute-predict", "GRAB_CUT_ITERS=1"],
        ["server", "predict-pod2", "127.0.0.22", "5011", "headerroute-predict", "GRAB_CUT_ITERS=10"],
        ["server", "proxy-pod1", "127.0.0.11", "5000", "headerroute-proxy", "PREDICT_SERVER_URL=http://127.0.0.21:5010"],
        ["server", "proxy-pod2", "127.0.0.12", "5000", "headerroute-proxy", "PREDICT_SERVER_URL=http://127.0.0.22:5011"],
        ["run", "condition1", "1 iteration"], ["run", "condition2", "10 iterations"]]


@pytest.mark.parametrize("old, new, why", [
    ("podIP: 127.0.0.12", "podIP: 10.0.0.1", "expected a loopback address"),
    ("podIP: 127.0.0.12", "hostIP: 127.0.0.12", "status.podIP is missing"),
    ("image: headerroute-proxy:0.2.0", "image: nginx", "expected headerroute-predict or headerroute-proxy"),
    ('value: "10"', "value: 10", "in quotes"),
    ("name: proxy-pod2", "name: model2", "begins with 'proxy'"),
    ("demo-target: condition2", "demo-target: a b", "annotation demo-target"),
    ("kind: Pod", "kind: [", "endpoints.yaml"),
    ("demo-target", "target", "no Pod has the annotation demo-target"),
])
def test_a_mistake_in_the_file_is_one_line(tmp_path, old, new, why):
    with open(PODS, encoding="utf-8") as f:
        text = f.read()
    assert old in text
    (tmp_path / "endpoints.yaml").write_text(text.replace(old, new))
    done = read_pods(tmp_path / "endpoints.yaml")
    assert done.returncode == 1 and done.stdout == ""
    assert why in done.stderr and len(done.stderr.splitlines()) == 1
