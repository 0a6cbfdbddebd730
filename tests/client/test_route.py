"""--config: the route that libheaderroute predicts against the pods that the answer names."""
import os

import pytest
from client_support import ROOT

CONFIG = ["--config", os.path.join(ROOT, "k8s", "base"), "--config", os.path.join(ROOT, "k8s", "local")]


def test_right_pod_counts_as_ok(client):
    done = client("--headers_target_value", "condition1", *CONFIG)
    assert done.stdout_text == "4 ok, 0 failed\n"
    assert "expected: proxy-server.default.svc.cluster.local, proxy-pod-subset1" in done.stderr_text
    assert "proxy-pod1" in done.stderr_text


def test_wrong_pod_counts_as_failed(client):
    done = client("--headers_target_value", "condition2", *CONFIG)
    assert (done.returncode, done.stdout_text) == (1, "0 ok, 4 failed\n")
    assert ("a.jpg: answered by predict-pod1, proxy-pod1, gateway, but the configuration routes it to proxy-pod2"
            in done.stderr_text)


def test_answer_without_via_counts_as_failed(server, client):
    server.via = []
    done = client("--headers_target_value", "condition1", *CONFIG)
    assert done.stdout_text == "0 ok, 4 failed\n"
    assert "answered by a server without a name in Via" in done.stderr_text


def test_mesh_view_does_not_know_the_address(client):
    # In the mesh an unknown Host passes through; nothing of ours is named, so nothing can be compared.
    done = client("--gateway", "mesh", *CONFIG)
    assert done.returncode == 0 and "expected: passthrough, no destination" in done.stderr_text


@pytest.mark.parametrize("flags, sentence", [
    (("--gateway", "default/none"), "there is no Gateway 'default/none'"),
    (("--config", "/nowhere.yaml"), "/nowhere.yaml"),
])
def test_bad_configuration_ends_the_run(server, client, flags, sentence):
    done = client(*CONFIG, *flags)
    assert done.returncode == 1 and sentence in done.stderr_text and "Traceback" not in done.stderr_text
    assert server.asked == []
