"""headerroute-request against the real servers, on the real manifests with other addresses."""
import os
import sys

import pytest
from client_support import MODULES, ROOT, Client
from PIL import Image

sys.path[:0] = [os.path.join(ROOT, "tests", "services"), MODULES]

import grabcut  # noqa: E402
import numpy as np  # noqa: E402
from harness import Server, free_port  # noqa: E402

PHOTOS = os.path.join(ROOT, "photos")
ITERATIONS = {"condition1": 1, "condition2": 10}


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """k8s/base and k8s/local with the proxies on a free port of two addresses that the demo does not take."""
    folder = tmp_path_factory.mktemp("config")
    port = free_port("127.0.7.11")
    for room in ("base", "local"):
        (folder / room).mkdir()
        for name in os.listdir(os.path.join(ROOT, "k8s", room)):
            with open(os.path.join(ROOT, "k8s", room, name), encoding="utf-8") as f:
                text = f.read()
            text = text.replace("targetPort: 5000", f"targetPort: {port}").replace("podIP: 127.0.0.", "podIP: 127.0.7.")
            (folder / room / name).write_text(text, encoding="utf-8")
    return folder, port


@pytest.fixture(scope="module")
def gateway(config):
    folder, port = config
    servers = []

    def start(program, name, **options):
        servers.append(Server(program, *options.pop("args", ()), env={"POD_NAME": name, **options.pop("env", {})}, **options))
        return servers[-1]

    try:
        for i, iterations in ((1, 1), (2, 10)):
            predict = start("headerroute-predict", f"predict-pod{i}", args=["--name", f"predict-pod{i}"],
                            env={"GRAB_CUT_ITERS": str(iterations)})
            start("headerroute-proxy", f"proxy-pod{i}", args=["--name", f"proxy-pod{i}"], host=f"127.0.7.1{i}", port=port,
                  env={"PREDICT_SERVER_URL": f"http://127.0.0.1:{predict.port}"})
        yield start("headerroute-gateway", "gateway", args=["-f", folder / "base", "-f", folder / "local"])
    finally:
        for server in reversed(servers):
            server.stop()


@pytest.fixture
def photos():
    return PHOTOS


@pytest.fixture
def client(gateway, tmp_path):
    return Client(gateway.port, PHOTOS, tmp_path / "out")


def config_flags(config):
    return ["--config", str(config[0] / "base"), "--config", str(config[0] / "local")]


def expected_cutout(name, iterations, rect=None):
    with open(os.path.join(PHOTOS, name), "rb") as f:
        image = grabcut.decode(f.read())
    return grabcut.cutout(image, grabcut.segment(image, rect, iterations))


@pytest.mark.parametrize("value", ["condition1", "condition2"])
def test_each_value_gets_its_model(client, config, value):
    done = client("--headers_target_value", value, *config_flags(config))
    names = sorted(n for n in os.listdir(PHOTOS) if n != "README.md")
    assert (done.returncode, done.stdout_text) == (0, f"{len(names)} ok, 0 failed\n"), done.stderr_text
    assert sorted(os.listdir(client.out)) == names
    with Image.open(client.out / "chelsea.png") as saved:
        assert np.array_equal(np.asarray(saved)[:, :, ::-1], expected_cutout("chelsea.png", ITERATIONS[value]))


def test_without_the_header_the_second_model_answers(client, config):
    done = client(*config_flags(config))
    assert done.returncode == 0 and "proxy-pod2" in done.stderr_text


def test_raw_pictures_and_rect(client, config):
    done = client("--raw", "--rect", "30,20,200,150", "--headers_target_value", "condition1", *config_flags(config))
    assert done.returncode == 0, done.stderr_text
    with Image.open(client.out / "chelsea.png") as saved:
        assert np.array_equal(np.asarray(saved)[:, :, ::-1], expected_cutout("chelsea.png", 1, (30, 20, 200, 150)))


def test_concurrency(client, config):
    assert client("--concurrency", "4", "--headers_target_value", "condition1", *config_flags(config)).returncode == 0


def test_rect_outside_of_every_picture_is_told(client):
    done = client("--rect", "5000,5000,10,10")
    assert done.returncode == 1 and "answered 422" in done.stderr_text


def test_configuration_that_the_gateway_does_not_run_on_shows(client, config, tmp_path):
    """The client's files say the opposite of the gateway's."""
    swapped = tmp_path / "gateway.yaml"
    text = (config[0] / "base" / "gateway.yaml").read_text(encoding="utf-8")
    swapped.write_text(text.replace("exact: condition1", "exact: condition2"), encoding="utf-8")
    flags = []
    for path in sorted((config[0] / "base").iterdir()):
        if path.name not in ("gateway.yaml", "kustomization.yaml"):
            flags += ["--config", str(path)]
    done = client("--headers_target_value", "condition1", *flags, "--config", str(swapped),
                  "--config", str(config[0] / "local"))
    assert done.returncode == 1
    assert "but the configuration routes it to proxy-pod2" in done.stderr_text
