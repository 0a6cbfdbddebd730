"""headerroute-predict with its default limits in a control group of 300 MiB, while clients send images that are small
and valid and whose decoders take far more memory than their pixels do. It survives, stays below the limit, refuses what
it has no memory for, and serves an honest client afterwards."""
import base64
import io
import json
import pathlib
import sys
import threading

import numpy
import pytest
from PIL import Image

import pictures
import wire
from cgroups import MemoryGroup
from conftest import PATIENCE, SANITIZE, wait_until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "grabcut" / "pictures"))
import bombs  # noqa: E402

pytestmark = pytest.mark.skipif(bool(SANITIZE), reason="a sanitizer's own memory does not fit into the limit")

LIMIT = 300 << 20
PREDICT = "/predict?rect=0,0,9,9"
INFER = "/v2/models/grabcut/infer"


class Resident:
    """Where no control group can be had: the high-water mark of the process's resident memory (proc(5), VmHWM)."""

    command = ()

    def __init__(self):
        self.pid = None

    def peak(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM:"))

    def oom_kills(self):
        return 0

    def remove(self):
        pass


without_groups = []


def group_or_resident():
    try:
        return MemoryGroup("hostile-images", LIMIT)
    except pytest.skip.Exception as problem:
        without_groups.append(str(problem))
        print(f"{len(without_groups)} tests without a control group, by resident memory instead: {problem}")
        return Resident()


@pytest.fixture
def limited(start):
    group = group_or_resident()
    server = start("headerroute-predict", "--iterations", 1, "--deadline", 120, "--workers", 4, command=group.command)
    group.pid = server.process.pid
    yield server
    try:
        assert server.process.poll() is None, f"the server ended: {server.process.returncode} {server.err}"
        array = pictures.disc()
        answer = wait_until(lambda: (lambda a: a if a.status == 200 else None)(
            server.post("/predict", pictures.encode(array), {"content-type": "image/png"})), "it serves as before", PATIENCE * 3)
        assert numpy.array_equal(pictures.from_answer(answer), pictures.reference(array, 1)[0])
        wait_until(lambda: server.metrics()["headerroute_work_memory_bytes"] == 0, "all work is over")
        peak = group.peak()
        assert group.oom_kills() == 0 and (peak is None or peak < LIMIT)
        print(f"peak {(peak or 0) >> 20} MiB of {LIMIT >> 20}, then {server.rss() >> 20} MiB resident", end=" ")
    finally:
        server.stop()
        group.remove()


def post(server, path, body, kind):
    """The status of a request whose answer may take long on a busy machine."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return wire.send_raw(server, head.encode() + body, PATIENCE * 6)[0]


def at_once(server, requests):
    """The statuses of all requests (path, body, content type), sent on a connection and a thread each."""
    statuses = [None] * len(requests)

    def client(i):
        statuses[i] = post(server, *requests[i])
    threads = [threading.Thread(target=client, args=(i,)) for i in range(len(requests))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def lossy(width, height):
    out = io.BytesIO()
    Image.fromarray(pictures.disc(width, height)).save(out, "WEBP", quality=50)
    return out.getvalue()


def forms(data):
    """The three ways in which a file comes; with a small rect, so that decoding takes the most memory and time."""
    encoded = base64.b64encode(data).decode()
    infer = {"inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "data": [encoded]}],
             "parameters": {"rect": "0,0,9,9"}}
    return [(PREDICT, data, "image/webp"), (PREDICT, json.dumps({"image": encoded}).encode(), "application/json"),
            (INFER, json.dumps(infer).encode(), "application/json")]


@pytest.mark.parametrize("make", [bombs.webp_of_groups, bombs.webp_extended, bombs.webp_animated],
                         ids=["simple", "extended", "animated"])
def test_prefix_codes_beyond_all_memory_are_refused(limited, make):
    """295 KB for which libwebp would take 777 MiB, on 24 connections."""
    assert set(at_once(limited, forms(make()) * 8)) == {413}


@pytest.mark.parametrize("tiles", [128, 144], ids=["104-MiB", "217-MiB"])
def test_prefix_codes_that_fit_are_decoded_one_after_the_other(limited, tiles):
    """As many as the budget for images allows at a time; the others wait for it."""
    side, cache = tiles * 4, 11 if tiles == 144 else 0
    bomb = bombs.webp_of_groups(side, side, groups=8192 if tiles == 128 else 11000, cache_bits=cache)
    assert set(at_once(limited, forms(bomb) * 4)) == {200}


def test_alpha_that_would_take_much_is_not_decoded(limited):
    bomb = bombs.webp_of_alpha_groups(lossy(512, 512), 512, 512)
    assert set(at_once(limited, forms(bomb) * 4)) == {200}


@pytest.mark.parametrize("options", [
    dict(width=9, height=65500), dict(width=3, height=65500, sampling=((4, 4),) * 4),
    dict(width=9, height=65500, progressive=False), dict(width=65500, height=9, sampling=((1, 4), (4, 1), (2, 2)))],
    ids=["progressive", "narrow", "scans", "wide"])
def test_padded_jpegs(limited, options):
    """Coefficients that are padded to whole MCUs, on 48 connections: 17 to 30 MB each for files of some KB."""
    bomb = bombs.jpeg_padded(**options)
    assert set(at_once(limited, [(PREDICT, bomb, "image/jpeg")] * 48)) <= {200, 503}


def test_everything_together(limited):
    """Bombs of every kind beside the largest honest image."""
    pixels = limited.get("/metadata").json()["limits"]["max_pixels"]
    height = int((pixels * 3 / 4) ** 0.5)
    large = pictures.disc(200, 150).repeat(24, axis=0).repeat(24, axis=1)[:height, :pixels // height]
    requests = forms(bombs.webp_of_groups()) * 4 + forms(bombs.webp_of_groups(512, 512, groups=8192)) * 4
    requests += [(PREDICT, bombs.jpeg_padded(), "image/jpeg")] * 12
    requests += [(PREDICT, bombs.webp_of_alpha_groups(lossy(512, 512), 512, 512), "image/webp")] * 4
    requests += [("/predict", pictures.encode(large, "JPEG", quality=80), "image/jpeg")]
    statuses = at_once(limited, requests)
    assert set(statuses) <= {200, 413, 503}, statuses
    assert statuses[:12] == [413] * 12 or set(statuses[:12]) == {413, 503}, statuses
