"""headerroute-predict with its default limits in a control group of 300 MiB, while clients send images that are small
and valid and whose decoders take far more memory than their pixels do. It survives, stays below the limit, refuses what
it has no memory for, and serves an honest client afterwards."""
import base64
import io
import json
import math
import pathlib
import struct
import sys
import threading
import zlib

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


# ---- CPU time, for the pixels ----
#
# The size of an image is its pixels: a plain request of the same size is a photo of as many. All have about SIDE * SIDE,
# except for those that are only decoded.

MOST = 20
SIDE = 512
LONG = SIDE * SIDE // 12


def photo(width, height, name="astronaut.jpg"):
    """A photo of this repository, mirrored to the size: it keeps the grain that a scaled one would lose."""
    array = numpy.asarray(Image.open(pictures.PHOTOS / name).convert("RGB"))
    array = numpy.concatenate([array, array[:, ::-1]], 1)
    array = numpy.concatenate([array, array[::-1]], 0)
    return numpy.tile(array, (height // array.shape[0] + 1, width // array.shape[1] + 1, 1))[:height, :width].copy()


def noise(*shape, low=0, high=256):
    return numpy.random.RandomState(1).randint(low, high, shape).astype(numpy.uint8)


def png_chunks(data):
    """The same PNG with a byte in each IDAT."""
    out, at = [data[:8]], 8
    while at < len(data):
        size, kind = struct.unpack(">I", data[at:at + 4])[0], data[at + 4:at + 8]
        body = data[at + 8:at + 8 + size]
        parts = [body[i:i + 1] for i in range(size)] if kind == b"IDAT" else [body]
        out += [struct.pack(">I", len(part)) + kind + part + struct.pack(">I", zlib.crc32(kind + part)) for part in parts]
        at += 12 + size
    return b"".join(out)


def interlaced(array):
    """A PNG with Adam7, which Pillow does not write."""
    rows = []
    for x, y, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):
        rows += [b"\0" + row.tobytes() for row in array[y::dy, x::dx] if row.size]
    height, width = array.shape[:2]
    parts = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1)), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts)


def palette(array):
    out = io.BytesIO()
    Image.fromarray(array).convert("P").save(out, "PNG")
    return out.getvalue()


def grid(side=SIDE):
    return numpy.mgrid[0:side, 0:side]


def smooth(side):
    return (grid(side)[1] * 255 // (side - 1)).astype(numpy.uint8)


def blocks():
    return noise(SIDE // 8, SIDE // 8, 3).repeat(8, 0).repeat(8, 1)


HOSTILE_IMAGES = {
    "WebP of 8,192 groups": lambda: bombs.webp_of_groups(SIDE, SIDE, groups=8192),
    "lossless WebP": lambda: pictures.encode(photo(SIDE, SIDE), "WEBP", lossless=True, quality=100),
    "progressive JPEG": lambda: pictures.encode(photo(SIDE, SIDE), "JPEG", quality=95, progressive=True),
    "JPEG of 95 scans": lambda: bombs.jpeg_of_scans(SIDE, SIDE),
    "PNG of one-byte chunks": lambda: png_chunks(pictures.encode(photo(SIDE, SIDE))),
    "interlaced PNG of one-byte chunks": lambda: png_chunks(interlaced(photo(SIDE, SIDE))),
    "palette": lambda: palette(noise(SIDE, SIDE, 3)),
    "noise": lambda: pictures.encode(noise(SIDE, SIDE, 3)),
    "faint noise": lambda: pictures.encode(noise(SIDE, SIDE, 3, low=100, high=104)),
    "blocks of noise": lambda: pictures.encode(blocks()),
    "checkers of one pixel": lambda: pictures.encode((grid().sum(0) % 2 * 255).astype(numpy.uint8)),
    "faint checkers of one pixel": lambda: pictures.encode((grid().sum(0) % 2 * 8 + 100).astype(numpy.uint8)),
    "stripes of one pixel": lambda: pictures.encode((grid()[1] % 2 * 255).astype(numpy.uint8)),
    "rings": lambda: pictures.encode((numpy.hypot(*(grid() - SIDE / 2)).astype(int) % 2 * 255).astype(numpy.uint8)),
    "a gradient": lambda: pictures.encode(smooth(SIDE)),
    "a gradient of 724 x 724": lambda: pictures.encode(smooth(724)),
    "one colour": lambda: pictures.encode(numpy.full((SIDE, SIDE, 3), 77, numpy.uint8)),
}
MANY_PIXELS = (2000, 2000)
DECODED = {
    "one colour": lambda: pictures.encode(numpy.full((*MANY_PIXELS, 3), 77, numpy.uint8)),
    "JPEG of 95 scans": lambda: bombs.jpeg_of_scans(*MANY_PIXELS),
    "interlaced PNG": lambda: interlaced(numpy.full((*MANY_PIXELS, 3), 77, numpy.uint8)),
    "lossless WebP of one colour": lambda: pictures.encode(numpy.full((*MANY_PIXELS, 3), 77, numpy.uint8), "WEBP", lossless=True),
}


def size_of(data):
    return Image.open(io.BytesIO(data)).size


def cpu_ns(pid):
    """The CPU time of all threads, finer than the ticks of proc(5)'s stat."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in pathlib.Path(f"/proc/{pid}/task").iterdir())


def cpu_of(server, body, kind="application/octet-stream", path="/predict", repeats=3):
    """The status, and the least CPU time of these requests in milliseconds."""
    least = None
    for _ in range(repeats):
        before = cpu_ns(server.process.pid)
        status = post(server, path, body, kind)
        spent = (cpu_ns(server.process.pid) - before) / 1e6
        least = spent if least is None or spent < least else least
    return status, least


@pytest.fixture
def one_worker(start):
    return start("headerroute-predict", "--threads", 1, "--workers", 1, "--deadline", 300)


def compare(server, hostile, plain, accepted=(200,), **options):
    """The hostile request (body, content type) against a photo."""
    status, costs = cpu_of(server, *hostile, **options)
    assert status in accepted
    plain_status, ordinary = cpu_of(server, plain, **options)
    assert plain_status == 200
    print(f"{costs:.0f} ms, {costs / ordinary:.1f} times a photo of the same size", end=" ")
    assert costs < MOST * ordinary


@pytest.mark.parametrize("name", HOSTILE_IMAGES)
def test_cpu_of_hostile_images(one_worker, name):
    data = HOSTILE_IMAGES[name]()
    compare(one_worker, (data,), pictures.encode(photo(*size_of(data)), "JPEG", quality=90))


@pytest.mark.parametrize("name", DECODED)
def test_cpu_of_decoding(one_worker, name):
    data = DECODED[name]()
    compare(one_worker, (data,), pictures.encode(photo(*size_of(data)), "JPEG", quality=90), path=PREDICT, repeats=1)


def test_cpu_of_decoding_the_largest_image(one_worker):
    """As large as the default limits take; one row more is refused from the header."""
    most = one_worker.get("/metadata").json()["limits"]["max_pixels"]
    side = math.isqrt(most)
    data = pictures.encode(numpy.full((side, side), 77, numpy.uint8))
    compare(one_worker, (data,), pictures.encode(photo(side, side), "JPEG", quality=90), path=PREDICT, repeats=1)
    larger = pictures.encode(numpy.full((most // side + 1, side), 77, numpy.uint8))
    assert post(one_worker, PREDICT, larger, "image/png") == 413


@pytest.mark.parametrize("name", ["limits.md", "operating.md"])
def test_the_most_pixels_are_documented(one_worker, name):
    limits = one_worker.get("/metadata").json()["limits"]
    text = (pathlib.Path(__file__).resolve().parents[2] / "docs" / name).read_text()
    assert f"{limits['max_pixels']:,}" in text


def json_with(data, **members):
    return json.dumps({"image": base64.b64encode(data).decode(), **members}).encode()


def zigzag(width, height, n=20000, radius=1):
    return [{"label": "foreground", "points": [[0, 0], [width - 1, height - 1]] * (n // 2), "radius": radius}]


def scribble():
    points = numpy.random.RandomState(1).randint(0, SIDE, (1000, 20, 2)).tolist()
    return [{"label": "background" if i % 2 else "foreground", "points": of, "radius": 1} for i, of in enumerate(points)]


def checkered():
    return pictures.encode((grid().sum(0) % 2 + 2).astype(numpy.uint8))


MARKS = {
    "a mask of checkers": ((SIDE, SIDE), lambda: {"mask": base64.b64encode(checkered()).decode()}, 200),
    "a thousand strokes": ((SIDE, SIDE), lambda: {"strokes": scribble()}, 200),
    "20,000 points": ((SIDE, SIDE), lambda: {"strokes": zigzag(SIDE, SIDE, radius=500)}, 400),
    "20,000 points on a tall image": ((12, LONG), lambda: {"strokes": zigzag(12, LONG)}, 400),
    "one stroke on a wide image": ((LONG, 12), lambda: {"strokes": zigzag(LONG, 12, n=2)}, 200),
    "20,000 points on a wide image": ((LONG, 12), lambda: {"strokes": zigzag(LONG, 12)}, 200),
    "20,000 points far away": ((SIDE, SIDE), lambda: {"strokes": zigzag(1000000, 1000000)}, 400),
}


@pytest.mark.parametrize("name", MARKS)
def test_cpu_of_masks_and_strokes(one_worker, name):
    size, members, status = MARKS[name]
    plain = pictures.encode(photo(*size), "JPEG", quality=90)
    compare(one_worker, (json_with(plain, **members()), "application/json"), plain, accepted=(status,))


def test_cpu_of_the_bytes_of_strokes(one_worker):
    """On a small image, where the plain request has as many bytes."""
    small = pictures.encode(photo(64, 64), "JPEG")
    body = json_with(small, strokes=zigzag(64, 64, radius=2))
    plain = pictures.encode(photo(400, 400))
    assert len(plain) < 1.5 * len(body)
    compare(one_worker, (body, "application/json"), plain)
