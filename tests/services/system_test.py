"""The whole system under load: gateway, two proxies, two predict servers, 64 keep-alive clients."""
import contextlib
import io
import os
import random
import threading
import time

import pytest
from PIL import Image, ImageDraw

from harness import ROOT, Client, Server

SECONDS = float(os.environ.get("HR_LOAD_SECONDS", "30"))
CLIENTS = 64
ADDRESSES = {"127.0.0.11": "127.0.77.11", "127.0.0.12": "127.0.77.12"}  # beside a demo that may be running


def picture(seed):
    """A shape of its own on a ground of its own, so that no two clients' cut-outs are alike."""
    draw = random.Random(seed)
    image = Image.new("RGB", (64, 48), tuple(draw.randrange(0, 110) for _ in range(3)))
    x, y = draw.randrange(10, 24), draw.randrange(8, 16)
    ImageDraw.Draw(image).ellipse((x, y, x + draw.randrange(20, 28), y + draw.randrange(16, 22)),
                                  fill=tuple(draw.randrange(140, 255) for _ in range(3)))
    pixels = image.load()
    for _ in range(400):
        at = draw.randrange(64), draw.randrange(48)
        pixels[at] = tuple(min(255, c + draw.randrange(16)) for c in pixels[at])
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    endpoints = (ROOT / "k8s/local/endpoints.yaml").read_text()
    for theirs, ours in ADDRESSES.items():
        endpoints = endpoints.replace(theirs, ours)
    folder = tmp_path_factory.mktemp("endpoints")
    (folder / "endpoints.yaml").write_text(endpoints)
    with contextlib.ExitStack() as stack:  # which stops the others where one ends badly
        servers = {}

        def start(name, program, *args, **kwargs):
            servers[name] = stack.enter_context(Server(program, *args, "--name", name, **kwargs))
            return servers[name]
        for i, iterations in ((1, "1"), (2, "10")):
            predict = start(f"predict-pod{i}", "headerroute-predict", env={"GRAB_CUT_ITERS": iterations})
            start(f"proxy-pod{i}", "headerroute-proxy", host=f"127.0.77.1{i}", port=5000,
                  env={"PREDICT_SERVER_URL": f"http://127.0.0.1:{predict.port}"})
        start("gateway", "headerroute-gateway", "-f", ROOT / "k8s/base", "-f", folder, ready_path="/")
        yield servers


HEADERS = [("Content-Type", "image/png"), ("Accept", "image/png")]


class Caller(threading.Thread):
    """One client: sends its own picture again and again, alternating the header, and checks each answer."""

    def __init__(self, index, system, expected, end):
        super().__init__()
        self.index, self.system, self.expected, self.end = index, system, expected, end
        self.image = picture(index)
        self.ok, self.busy, self.wrong = 0, 0, []

    def run(self):
        try:
            gateway = self.system["gateway"]
            with Client(gateway.port, gateway.host) as client:
                while time.monotonic() < self.end and not self.wrong:
                    self.once(client, 1 + (self.ok + self.index) % 2)
        except (OSError, EOFError, AssertionError) as error:
            self.wrong.append(f"{type(error).__name__}: {error}")

    def once(self, client, model):
        value = "condition1" if model == 1 else "condition2"
        client.request("POST", "/predict", [*HEADERS, ("target", value)], self.image)
        answer = client.answer("POST")
        if answer.status == 503:
            assert answer.header("retry-after"), "503 without Retry-After"
            self.busy += 1
            time.sleep(0.05)
            return
        assert answer.status == 200, f"{answer.status}: {answer.body[:200]!r}"
        via = [hop.split()[1] for hop in ", ".join(answer.all("via")).split(", ")]
        assert via == [f"predict-pod{model}", f"proxy-pod{model}", "gateway"], via
        assert answer.body == self.expected[self.index, model], "another picture's answer"
        self.ok += 1


def test_64_clients_lose_nothing_mix_nothing_up_and_leak_nothing(system):
    expected = {}
    for index in range(CLIENTS):
        for model in (1, 2):
            answer = system[f"predict-pod{model}"].call("POST", "/predict", HEADERS, picture(index))
            assert answer.status == 200, answer.body
            expected[index, model] = answer.body
    assert len(set(expected.values())) > CLIENTS  # the check below can distinguish clients

    end = time.monotonic() + SECONDS
    callers = [Caller(i, system, expected, end) for i in range(CLIENTS)]
    for caller in callers:
        caller.start()
    time.sleep(SECONDS / 2)
    half = {name: server.rss_kib() for name, server in system.items()}
    for caller in callers:
        caller.join()
    wrong = [w for caller in callers for w in caller.wrong]
    served, busy = sum(c.ok for c in callers), sum(c.busy for c in callers)
    assert not wrong, f"{len(wrong)} of {served} answers: {wrong[:3]}"
    assert served >= CLIENTS
    if not os.environ.get("HR_SANITIZE"):  # a sanitizer's quarantine grows on purpose
        for name, server in system.items():
            grown = server.rss_kib() - half[name]
            assert grown < 4096, f"{name} grew by {grown} KiB in the second half"
    print(f"{served} pictures served, {busy} times busy, in {SECONDS:g} s")


def test_the_gateway_forwards_to_nobody_it_does_not_know(system):
    answer = system["predict-pod1"].call("GET", "/health")
    assert answer.status == 200
    target = f"http://127.0.0.1:{system['predict-pod1'].port}/health"
    got = system["gateway"].call("GET", target, [("Host", f"127.0.0.1:{system['predict-pod1'].port}")])
    via = ", ".join(got.all("via"))
    assert "proxy-pod2" in via  # the catch-all rule's subset, not the address that the client asked for
