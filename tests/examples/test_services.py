"""The examples that serve HTTP: requests reach the model that the rules name, and the rules can be replaced."""
import collections
import importlib.util
import os
import re
import signal
import subprocess
import sys

import pytest
import requests
from fastapi.testclient import TestClient

STRICT = "CFLAGS=-std=gnu11 -O2 -Wall -Wextra -Wpedantic -Werror"


@pytest.fixture
def service(installed, examples):
    """The running C service and the URL where it listens."""
    folder = examples / "c-service"
    installed.run("make", "-C", folder, STRICT)
    process = subprocess.Popen([folder / "models", folder / "models.yaml", "0"], env=installed.environment, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    port = re.search(r"listening on port (\d+)", process.stdout.readline())[1]
    yield process, f"http://127.0.0.1:{port}", folder / "models.yaml"
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors


def model(url, path, **headers):
    answer = requests.post(url + path, data=b"x" * 100_000, headers=headers, timeout=30)
    return answer.json()["model"] if answer.status_code == 200 else answer.status_code


def test_c_service_routes_by_header_path_and_weight(service):
    _, url, _ = service
    assert model(url, "/v1/predict", domain="medical") == "medical"
    assert model(url, "/v2/predict") == "candidate"
    # Each is missing with a probability below 0.9^200.
    seen = collections.Counter(model(url, "/v1/predict") for _ in range(200))
    assert set(seen) == {"general", "candidate"} and seen["general"] > seen["candidate"]
    assert model(url, "/elsewhere") == 404
    assert model(url, "/v1/%00") == 400
    # Rules do not decide by a part of the headers.
    assert model(url, "/v1/predict", **{f"x{i}": "1" for i in range(120)}, domain="medical") == 431


@pytest.mark.parametrize("port", ["", "x", "80x", "-1", "65536"])
def test_c_service_takes_no_other_port_than_the_one_that_is_named(installed, examples, port):
    folder = examples / "c-service"
    installed.run("make", "-C", folder, STRICT)
    assert "usage: " in installed.run(folder / "models", folder / "models.yaml", port, status=2)


def test_c_service_reloads_its_rules_and_keeps_them_on_an_error(service):
    process, url, rules = service
    text = rules.read_text()

    def reload(new):
        rules.write_text(new)
        process.send_signal(signal.SIGHUP)
        return process.stdout.readline().strip()

    assert reload(text.replace("exact: medical", "exact: legal")) == "rules reloaded"
    assert model(url, "/v2/predict", domain="medical") == "candidate"
    assert model(url, "/v2/predict", domain="legal") == "medical"
    assert reload(text.replace("prefix: /v2/", "prefx: /v2/")) == "rules kept"
    assert "models.yaml:" in process.stderr.readline()
    assert model(url, "/v2/predict", domain="legal") == "medical"


@pytest.fixture
def app(examples, monkeypatch):
    monkeypatch.syspath_prepend(os.path.join(os.environ["HR_BUILD_DIR"], "python"))
    spec = importlib.util.spec_from_file_location("example_app", examples / "fastapi" / "app.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield TestClient(module.app)
    sys.modules.pop("example_app", None)


def test_fastapi_app_asks_the_rules(app):
    def ask(path, **headers):
        return app.post(path, content=b"12345", headers=headers)

    answer = ask("/v1/predict", domain="medical").json()
    assert answer["model"] == "medical" and answer["bytes"] == 5
    assert re.search(r"models\.yaml:\d+$", answer["rule"])
    assert ask("/v2/predict").json()["model"] == "candidate"
    assert {ask("/v1/predict").json()["model"] for _ in range(200)} == {"general", "candidate"}
    assert ask("/elsewhere").status_code == 404
    # The path is the one that was sent, as in a sidecar.
    assert ask("/v1/a%20b").json()["model"] in ("general", "candidate")
    assert ask("/v2%2Fpredict").status_code == 404
    assert ask("/v1/%00").status_code == 400


def test_fastapi_app_without_the_model_that_a_rule_names(app, examples):
    text = (examples / "fastapi" / "models.yaml").read_text()
    assert app.put("/admin/rules", content=text.replace("candidate", "newest")).status_code == 204
    assert app.post("/v2/predict").status_code == 503


def test_fastapi_app_replaces_its_rules(app, examples):
    text = (examples / "fastapi" / "models.yaml").read_text()
    assert app.put("/admin/rules", content=text.replace("exact: medical", "exact: legal")).status_code == 204
    assert app.post("/v2/x", headers={"domain": "legal"}).json()["model"] == "medical"
    refused = app.put("/admin/rules", content=text.replace("prefix: /v2/", "prefx: /v2/"))
    assert refused.status_code == 422 and "prefx" in str(refused.json()["detail"])
    assert app.post("/v2/x", headers={"domain": "legal"}).json()["model"] == "medical"
