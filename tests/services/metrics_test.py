"""What /metrics says follows Prometheus' conventions, checked with promtool."""
import re
import subprocess

import pytest

import pictures
from conftest import ROOT, wait_until

PNG = {"content-type": "image/png"}


@pytest.mark.parametrize("program", ["headerroute-predict", "headerroute-proxy", "headerroute-gateway"])
def test_promtool_has_nothing_to_say(start, program):
    predict = start("headerroute-predict", "--iterations", 1)
    server = predict
    if program == "headerroute-proxy":
        server = start(program, env={"PREDICT_SERVER_URL": "http://%s:%d" % predict.address})
    if program == "headerroute-gateway":
        server = start(program, "-f", ROOT / "k8s/base", "-f", ROOT / "k8s/local", "--admin", "127.0.0.1:0", ready=False)
        text = admin_metrics(server)
    else:
        assert server.post("/predict", pictures.encode(pictures.disc()), PNG).status == 200
        text = server.get("/metrics").body
    assert b"# TYPE headerroute_http_requests_total counter" in text
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def admin_metrics(server):
    def listening():
        assert server.process.poll() is None, server.err
        found = [m for line in list(server.err) if (m := re.search(r" listens on (\S+):(\d+) ", line))]
        return len(found) == 2 and [(m[1], int(m[2])) for m in found]
    for address in wait_until(listening, "the gateway and its admin side listen"):
        server.addresses = [address]
        answer = server.get("/metrics")
        if answer.status == 200:
            return answer.body
    raise AssertionError("neither address answers /metrics")
