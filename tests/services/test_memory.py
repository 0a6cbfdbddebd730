"""headerroute-predict under the pod's limit of 300 MiB, with its default limits, whatever it is sent."""
import base64
import json
import pathlib
import random
import socket
import threading
import time

import numpy
import pytest
from PIL import Image

import pictures
import wire
from cgroups import MemoryGroup
from conftest import PATIENCE, SANITIZE, binary, wait_until

pytestmark = pytest.mark.skipif(bool(SANITIZE), reason="a sanitizer's own memory does not fit into the limit")

LIMIT = 300 << 20
PNG = {"content-type": "image/png"}
PROGRAM = "headerroute-predict"


def engines():
    """The second program is there where the build has OpenCV."""
    return ["fast"] + ["opencv"] * pathlib.Path(binary("headerroute-predict-opencv")).exists()


@pytest.fixture
def limited(start, request):
    """A server with default limits in a group of 300 MiB; afterwards it must have survived and serve."""
    group = MemoryGroup("predict", LIMIT)
    engine = getattr(request, "param", "fast")
    server = start("headerroute-predict-opencv" if engine == "opencv" else PROGRAM, "--iterations", 1, "--deadline", 120,
                   "--engine", engine, command=group.command)
    yield server
    try:
        assert server.process.poll() is None, f"the server ended: {server.process.returncode} {server.err}"
        assert group.oom_kills() == 0
        array = pictures.disc()
        answer = wait_until(lambda: (lambda a: a if a.status == 200 else None)(
            server.post("/predict", pictures.encode(array), PNG)), "it serves as before", PATIENCE * 3)
        assert numpy.array_equal(pictures.from_answer(answer), pictures.reference(array, 1)[0])
        wait_until(lambda: server.metrics()["headerroute_work_memory_bytes"] == 0, "all work is over")
        print(f"peak {group.peak() >> 20} MiB of {LIMIT >> 20}, then {server.rss() >> 20} MiB resident", end=" ")
    finally:
        server.stop()
        group.remove()


def limits(server):
    return server.get("/metadata").json()["limits"]


def at_once(n, work):
    """Runs work(i) for i < n on a thread each; what they returned."""
    results = [None] * n

    def run(i):
        results[i] = work(i)
    threads = [threading.Thread(target=run, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def post(server, body, content_type, path="/predict", headers=b""):
    """The status, or None if the connection was closed. Writes all before it reads."""
    with wire.connect(server, PATIENCE * 3) as sock:
        try:
            sock.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n%s\r\n" % (
                path.encode(), content_type, len(body), headers))
            sock.sendall(body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all was written; the answer may have arrived
        return wire.read_answer(sock)[0]


def until_answered(server, n, wanted, data, content_type, path="/predict"):
    """Posts on n connections at once; when `wanted` have got their 200, the others leave. The statuses; None: left."""
    socks, enough, done = [wire.connect(server, PATIENCE * 3) for _ in range(n)], threading.Event(), []

    def client(i):
        try:
            socks[i].sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (
                path.encode(), content_type, len(data)) + data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        status = wire.read_answer(socks[i])[0]
        if status == 200:
            done.append(i)
            if len(done) >= wanted and not enough.is_set():
                enough.set()
                for sock in socks:
                    try:
                        sock.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        pass
        return status
    statuses = at_once(n, client)
    for sock in socks:
        sock.close()
    assert len(done) >= wanted and set(statuses) <= {200, 503, None}, statuses
    return statuses


def test_64_clients_upload_the_largest_body_at_once(limited):
    size = limits(limited)["max_body_bytes"]
    text = b'{"image":"' + base64.b64encode(random.Random(1).randbytes((size - 16) // 4 * 3))[:(size - 16) // 4 * 4] + b'"}'
    statuses = at_once(64, lambda i: post(limited, text, b"application/json"))
    assert set(statuses) <= {422, 503}, statuses
    assert 422 in statuses


def test_64_clients_upload_the_largest_body_slowly(limited):
    """All are under way together, a piece at a time, and none is finished before the others."""
    size = limits(limited)["max_body_bytes"]
    socks = [wire.connect(limited, PATIENCE) for _ in range(64)]
    alive = set(range(64))
    for sock in socks:
        sock.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n" % size)
    piece = b"x" * (1 << 20)
    for _ in range(size // len(piece)):
        for i in list(alive):
            try:
                socks[i].sendall(piece)
            except (BrokenPipeError, ConnectionResetError):
                alive.discard(i)
    statuses = [wire.read_answer(sock)[0] for sock in socks]
    assert set(statuses) <= {422, 503, None}, statuses
    assert 422 in statuses
    for sock in socks:
        sock.close()


def test_64_clients_upload_chunked_without_end(limited):
    def client(i):
        with wire.connect(limited, PATIENCE) as sock:
            try:
                sock.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
                for _ in range(40):
                    sock.sendall(b"100000\r\n" + b"x" * 0x100000 + b"\r\n")
            except (BrokenPipeError, ConnectionResetError):
                pass
            return wire.read_answer(sock)[0]
    assert set(at_once(64, client)) <= {413, 503, None}


@pytest.mark.parametrize("body", [
    b'{"image":[' + b"1," * ((16 << 19) - 8) + b"1]}", b'{"image":' + b"[" * ((16 << 20) - 9), b'{"a":{"a":' * 1600000,
    b'{"image":"' + b"\\/" * ((16 << 19) - 8) + b'"}', b'{"image":"' + b"\\u0041" * 2790000 + b'"}',
    b"{" + b'"k":"v",' * 2000000 + b'"image":""}', b" " * (16 << 20), b'{"' + b"k" * ((16 << 20) - 20) + b'":1}'],
    ids=["numbers", "depth", "objects", "slashes", "escapes", "members", "blanks", "long-name"])
def test_hostile_json_of_the_largest_size(limited, body):
    assert len(body) <= limits(limited)["max_body_bytes"]
    statuses = at_once(8, lambda i: post(limited, body, b"application/json"))
    assert set(statuses) <= {400, 413, 422, 503}, statuses
    assert set(statuses) != {503}


def largest(server, bytes_a_pixel=0):
    """The largest picture that is let in, by its pixels or its file; of squares, so that its file is small."""
    pixels = limits(server)["max_pixels"]
    if bytes_a_pixel:
        pixels = min(pixels, (limits(server)["max_body_bytes"] - 4096) // bytes_a_pixel)
    height = int((pixels * 3 / 4) ** 0.5)
    width = pixels // height
    small = pictures.disc((width + 15) // 16, (height + 15) // 16)
    return small.repeat(16, axis=0).repeat(16, axis=1)[:height, :width]


@pytest.mark.parametrize("limited", engines(), indirect=True)
@pytest.mark.parametrize("kind,options", [("PNG", {"compress_level": 1}), ("JPEG", {"quality": 90, "progressive": True, "subsampling": 0}),
                                          ("WEBP", {"lossless": True, "method": 0}), ("BMP", {})])
def test_largest_picture_of_each_kind(limited, kind, options):
    data = pictures.encode(largest(limited, 4 if kind == "BMP" else 0), kind, **options)
    assert len(data) <= limits(limited)["max_body_bytes"]
    until_answered(limited, 4, 1, data, b"image/png", "/predict?output=rgba")


@pytest.mark.parametrize("limited", engines(), indirect=True)
def test_full_queue_of_large_pictures(limited):
    data = pictures.encode(largest(limited), "JPEG", quality=80)
    n = limits(limited)["queue"] + limits(limited)["workers"] + 8
    assert 503 in until_answered(limited, n, 2, data, b"image/jpeg")


def test_the_photo_of_a_phone(limited):
    """12 megapixels, turned by its orientation, through JSON: the disc is cut out of the upright picture."""
    assert limits(limited)["max_pixels"] >= 4032 * 3024
    array = pictures.disc(4032, 3024)
    exif = Image.Exif()
    exif[0x0112] = 6
    data = pictures.encode(array, "JPEG", quality=90, exif=exif)
    answer = wire.send_raw(limited, (lambda body: b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                                     b"Content-Length: %d\r\n\r\n" % len(body) + body)(pictures.json_body(data)), PATIENCE * 3)
    assert answer[0] == 200, answer[2][:300]
    cut = pictures.decode(base64.b64decode(json.loads(answer[2])["img_none_bg_base64"]))
    assert cut.shape == (4032, 3024, 3)
    upright = numpy.rot90(array, -1)
    assert abs(cut[2016, 1512].astype(int) - upright[2016, 1512]).max() < 30 and not cut[:200].any()


def test_full_queue_of_the_largest_bodies_with_more_behind_them(limited):
    """Pictures near the largest body, each with pipelined rubbish behind it."""
    size = limits(limited)["max_body_bytes"]
    picture = pictures.encode(pictures.disc(200, 200), "BMP")
    body = picture + b"\0" * (size // 4 - len(picture))
    rubbish = b"POST / HTTP/1.1\r\n" + b"x" * (1 << 20)
    statuses = at_once(64, lambda i: post(limited, body + rubbish if i % 2 else body, b"image/bmp"))
    assert set(statuses) <= {200, 400, 503, None}, statuses


def test_readers_that_do_not_take_the_largest_answers(limited):
    side = 700
    data = pictures.encode(numpy.random.RandomState(2).randint(0, 256, (side, side, 3)).astype(numpy.uint8), "PNG")
    socks = []
    for _ in range(40):
        sock = wire.connect(limited, PATIENCE)
        sock.sendall(b"POST /predict?output=rgba HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n"
                     % len(data) + data)
        socks.append(sock)
    wait_until(lambda: (lambda m: m["headerroute_jobs_queued"] + m["headerroute_jobs_running"] == 0)(limited.metrics()),
               "all are worked on", PATIENCE * 3)
    assert limited.metrics()["headerroute_answer_memory_bytes"] <= limits(limited)["answer_memory_bytes"]
    for sock in socks:
        sock.close()


def test_all_connections_with_heads_that_never_end(limited):
    n = limits(limited)["max_connections"] - 20
    socks = [wire.connect(limited, PATIENCE) for _ in range(n)]
    for sock in socks:
        sock.sendall(b"GET / HTTP/1.1\r\nX-A: " + b"a" * 60000)
    assert limited.get("/health").status == 200
    for sock in socks:
        sock.close()


def test_picture_that_promises_much_more_than_it_holds(limited):
    from test_predict import png_claiming
    pixels = limits(limited)["max_pixels"]
    bomb = png_claiming(pixels, 1)
    statuses = at_once(16, lambda i: post(limited, bomb, b"image/png"))
    assert set(statuses) <= {413, 422, 503}, statuses
    assert set(at_once(4, lambda i: post(limited, png_claiming(2**31 - 1, 2**31 - 1), b"image/png"))) <= {413, 422}


def test_everything_at_the_same_time(limited):
    """Uploads held open, a full queue of the largest pictures, readers that stall, heads that never end."""
    bounds = limits(limited)
    held = []
    for _ in range(bounds["max_upload_bytes"] // 2 // bounds["max_body_bytes"]):
        sock = wire.connect(limited, PATIENCE)
        sock.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % bounds["max_body_bytes"])
        sock.sendall(b"x" * (bounds["max_body_bytes"] - 1))
        held.append(sock)
    for _ in range(60):
        sock = wire.connect(limited, PATIENCE)
        sock.sendall(b"GET / HTTP/1.1\r\nX-A: " + b"a" * 60000)
        held.append(sock)
    side = 600
    noise = pictures.encode(numpy.random.RandomState(3).randint(0, 256, (side, side, 3)).astype(numpy.uint8), "PNG")
    for _ in range(20):
        sock = wire.connect(limited, PATIENCE)
        sock.sendall(b"POST /predict?output=rgba HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n"
                     % len(noise) + noise)
        held.append(sock)
    data = pictures.encode(largest(limited), "JPEG", quality=80)
    until_answered(limited, 60, 1, data, b"image/jpeg")
    for sock in held:
        sock.close()
