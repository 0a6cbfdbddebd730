"""The module grabcut: arrays in and out, the same masks as cv2, errors, threads, lifetimes."""
import fcntl
import gc
import os
import pty
import signal
import subprocess
import struct
import sys
import termios
import threading

import numpy as np
import pytest
from bindings_support import ROOT, runs_beside

import grabcut

PHOTOS = os.path.join(ROOT, "photos")
RECT = (10, 12, 170, 230)


def read(name):
    with open(os.path.join(PHOTOS, name), "rb") as f:
        return f.read()


@pytest.fixture(scope="module")
def portrait():
    return grabcut.decode(read("portrait.jpg"))


@pytest.fixture(scope="module")
def mask(portrait):
    return grabcut.segment(portrait, RECT, 2, seed=1)


# ---- segment ----

def test_the_mask_has_the_size_of_the_image_and_two_values(portrait):
    x, y, w, h = RECT
    mask = grabcut.segment(portrait, rect=(x, y, w, h), iterations=5, seed=1)
    assert (mask.shape, mask.dtype, sorted(np.unique(mask))) == (portrait.shape[:2], np.uint8, [0, 1])


def cv2_mask(image, rect, iterations, seed, mask=None, models=None, mode=0):
    cv2 = pytest.importorskip("cv2")
    mask = np.zeros(image.shape[:2], np.uint8) if mask is None else mask.copy()
    models = models or (np.zeros((1, 65)), np.zeros((1, 65)))
    cv2.setRNGSeed(seed)
    cv2.grabCut(np.ascontiguousarray(image), mask, rect, *models, iterations, mode)
    return mask, models


@pytest.mark.parametrize("name, rect, iterations, seed", [
    ("portrait.jpg", RECT, 1, 1),
    ("portrait.jpg", RECT, 5, 1),
    ("portrait.jpg", (30, 5, 140, 400), 3, 7),
    ("chelsea.png", (15, 10, 270, 180), 2, 0),
    ("chelsea.png", (15, 10, 270, 180), 2, 2**31 - 1),
    ("coffee.jpg", (60, 20, 480, 360), 2, 3),
])
def test_mask_is_cv2s(name, rect, iterations, seed):
    image = grabcut.decode(read(name))
    ours = grabcut.segment(image, rect, iterations, seed, full=True)
    assert np.array_equal(ours, cv2_mask(image, rect, iterations, seed)[0])
    assert np.array_equal(grabcut.segment(image, rect, iterations, seed), ours & 1)


def test_start_with_a_mask_is_cv2s(portrait):
    start = np.full(portrait.shape[:2], grabcut.PR_BGD, np.uint8)
    start[60:200, 40:150] = grabcut.PR_FGD
    start[90:130, 80:110] = grabcut.FGD
    start[:20] = grabcut.BGD
    ours = grabcut.segment(portrait, iterations=2, seed=1, mask=start, full=True)
    assert np.array_equal(ours, cv2_mask(portrait, None, 2, 1, mask=start, mode=1)[0])


def test_a_run_is_continued_as_cv2_continues_it(portrait):
    models = grabcut.Models()
    first = grabcut.segment(portrait, RECT, 1, 1, models=models, full=True)
    cv2_first, cv2_models = cv2_mask(portrait, RECT, 1, 1)
    assert models.learnt
    assert np.array_equal(models.background, cv2_models[0][0]) and np.array_equal(models.foreground, cv2_models[1][0])
    second = grabcut.segment(portrait, iterations=2, seed=1, mask=first, models=models, mode=grabcut.Mode.EVAL, full=True)
    assert np.array_equal(second, cv2_mask(portrait, None, 2, 1, cv2_first, cv2_models, mode=2)[0])


def test_frozen_models_stay(portrait):
    models = grabcut.Models()
    first = grabcut.segment(portrait, RECT, 1, 1, models=models, full=True)
    before = models.copy()
    grabcut.segment(portrait, mask=first, models=models, mode=grabcut.Mode.EVAL_FREEZE_MODEL)
    assert np.array_equal(models.data, before.data)


def test_default_rect_leaves_out_five_percent(portrait):
    height, width = portrait.shape[:2]
    assert grabcut.rect_inset(width, height) == (9, 12, width - 18, height - 24)
    assert np.array_equal(grabcut.segment(portrait, iterations=1),
                          grabcut.segment(portrait, grabcut.rect_inset(width, height), 1))


def test_mask_does_not_depend_on_threads(portrait, mask):
    assert np.array_equal(grabcut.segment(portrait, RECT, 2, 1, threads=3), mask)


def test_a_given_mask_is_not_written_to(portrait):
    start = np.full(portrait.shape[:2], grabcut.PR_BGD, np.uint8)
    start[60:200, 40:150] = grabcut.PR_FGD
    before = start.copy()
    start.flags.writeable = False
    grabcut.segment(portrait, mask=start, iterations=1)
    assert np.array_equal(start, before)


# ---- arrays that are not what C would like ----

def laid_out(image, how):
    height, width = image.shape[:2]
    if how == "read-only":
        out = image.copy()
        out.flags.writeable = False
    elif how == "rows apart":
        out = np.zeros((height, width + 13, 3), np.uint8)[:, 5:5 + width]
        out[:] = image
    elif how == "every other row":
        out = np.zeros((2 * height, width, 3), np.uint8)[::2]
        out[:] = image
    elif how == "pixels apart":
        out = np.zeros((height, 2 * width, 3), np.uint8)[:, ::2]
        out[:] = image
    elif how == "bottom up":
        out = image[::-1].copy()[::-1]
    elif how == "right to left":
        out = image[:, ::-1].copy()[:, ::-1]
    elif how == "RGB turned":
        out = image[:, :, ::-1].copy()[:, :, ::-1]
    elif how == "Fortran order":
        out = np.asfortranarray(image)
    elif how == "of BGRA":
        out = np.dstack([image, np.zeros((height, width, 1), np.uint8)])[:, :, :3]
    elif how == "memoryview":
        return memoryview(np.ascontiguousarray(image))
    assert np.array_equal(out, image)
    return out


@pytest.mark.parametrize("how", ["read-only", "rows apart", "every other row", "pixels apart", "bottom up",
                                 "right to left", "RGB turned", "Fortran order", "of BGRA", "memoryview"])
def test_memory_layout_does_not_matter(portrait, mask, how):
    image = laid_out(portrait, how)
    assert np.array_equal(grabcut.segment(image, RECT, 2, seed=1), mask)
    assert np.array_equal(grabcut.cutout(image, mask), portrait * mask[..., None])
    assert np.array_equal(grabcut.decode(grabcut.encode_png(image)), portrait)


def test_rows_apart_are_read_in_place(portrait):
    from grabcut.arrays import as_picture
    image = laid_out(portrait, "rows apart")
    assert as_picture(image, "image", (3,)) is image


@pytest.mark.parametrize("image, error, sentence", [
    (np.zeros((9, 9, 3)), TypeError, "image must be of dtype uint8, not float64"),
    (np.zeros((9, 9, 3), np.int8), TypeError, "int8"),
    (np.zeros((9, 9, 3), bool), TypeError, "bool"),
    (np.zeros((9, 9), np.uint8), ValueError, "image must be height x width x 3 or height x width x 4, not 9 x 9"),
    (np.zeros((9, 9, 2), np.uint8), ValueError, "not 9 x 9 x 2"),
    (np.zeros((2, 9, 9, 3), np.uint8), ValueError, "not 2 x 9 x 9 x 3"),
    (np.zeros((9, 0, 3), np.uint8), ValueError, "image has no pixels"),
    (np.uint8(3), ValueError, "not a number"),
    ([[[1, 2, 3]]], TypeError, "int64"),
    (None, TypeError, "object"),
    ("photo.jpg", TypeError, "must be an array or a Pillow image, not str: imread"),
])
def test_what_is_no_picture_is_refused(image, error, sentence):
    with pytest.raises(error, match=sentence):
        grabcut.segment(image, (1, 1, 3, 3))


@pytest.mark.parametrize("arguments, error, sentence", [
    (dict(rect=(1, 2, 3)), ValueError, "rect must be"),
    (dict(rect="all"), ValueError, "rect must be"),
    (dict(rect=7), ValueError, "rect must be"),
    (dict(rect=RECT, seed=1.5), TypeError, "seed must be an integer, not float"),
    (dict(rect=RECT, max_bytes=-1), ValueError, "max_bytes must be from 0"),
    (dict(rect=RECT, order="RGB"), ValueError, "order must be 'bgr' or 'rgb', not 'RGB'"),
    (dict(rect=(1.5, 2, 3, 4)), TypeError, "integer"),
    (dict(rect=(2**31, 2, 3, 4)), ValueError, "rect's x must be from"),
    (dict(rect=RECT, iterations=0), ValueError, "iterations"),
    (dict(rect=RECT, iterations=-1), ValueError, "iterations"),
    (dict(rect=RECT, iterations=2**40), ValueError, "iterations must be from 1"),
    (dict(rect=RECT, threads=0), ValueError, "threads"),
    (dict(rect=RECT, mode=9), ValueError, "9"),
    (dict(rect=RECT, simd="mmx"), ValueError, "simd: expected one of"),
    (dict(rect=RECT, progress=3), TypeError, "callable"),
    (dict(rect=RECT, models=[1]), TypeError, "grabcut.Models"),
    (dict(rect=RECT, mask=np.zeros((256, 192), np.uint8)), ValueError, "takes no rect"),
    (dict(mask=np.zeros((255, 192), np.uint8)), ValueError, "mask is 255 x 192, the picture 256 x 192"),
    (dict(mask=np.zeros((256, 192), np.int32)), TypeError, "mask must be of dtype uint8"),
    (dict(mask=np.zeros((256, 192, 1), np.uint8)), ValueError, "mask must be height x width"),
    (dict(mask=np.full((256, 192), 4, np.uint8)), ValueError, "mask"),
    (dict(mode=grabcut.Mode.MASK), ValueError, "needs a mask"),
    (dict(rect=RECT, mode=grabcut.Mode.EVAL), ValueError, "needs a mask"),
])
def test_wrong_arguments_are_refused(portrait, arguments, error, sentence):
    with pytest.raises(error, match=sentence):
        grabcut.segment(portrait, **arguments)


@pytest.mark.parametrize("arguments, code", [
    (dict(rect=(500, 0, 9, 9)), grabcut.lowlevel.GRABCUT_ERECT),
    (dict(rect=(5, 5, 0, 9)), grabcut.lowlevel.GRABCUT_ERECT),
    (dict(mask=np.zeros((256, 192), np.uint8)), grabcut.lowlevel.GRABCUT_ENOFOREGROUND),
    (dict(mask=np.full((256, 192), 3, np.uint8)), grabcut.lowlevel.GRABCUT_ENOBACKGROUND),
    (dict(mask=np.full((256, 192), 3, np.uint8), mode=grabcut.Mode.EVAL), grabcut.lowlevel.GRABCUT_EINVAL),
])
def test_errors_of_c_come_with_code_and_sentence(portrait, arguments, code):
    with pytest.raises(grabcut.GrabcutError) as caught:
        grabcut.segment(portrait, **arguments)
    assert caught.value.code == code and len(str(caught.value)) > 10


def test_memory_limit(portrait):
    needed = grabcut.estimate(portrait.shape[1], portrait.shape[0], RECT)
    assert needed > 0
    with pytest.raises(MemoryError):
        grabcut.segment(portrait, RECT, 1, max_bytes=1000)
    assert grabcut.segment(portrait, RECT, 1, max_bytes=needed).any()


def test_memory_of_decoding_is_limited():
    sys.path.insert(0, os.path.join(ROOT, "tests/grabcut/pictures"))
    import bombs
    bomb = bombs.webp_of_groups()  # 295 KB of 1024x1024 pixels; libwebp would take 777 MiB
    with pytest.raises(MemoryError, match="the limit is 83886080"):
        grabcut.decode(bomb, max_pixels=1024 * 1024)
    small = bombs.webp_of_groups(64, 64)
    with pytest.raises(MemoryError):
        grabcut.decode(small, max_bytes=1 << 20)
    assert grabcut.decode(small, max_bytes=8 << 20).shape == (64, 64, 3)


# ---- progress, cancelling ----

def test_progress_rises_to_the_end(portrait):
    steps = []
    grabcut.segment(portrait, RECT, 2, progress=steps.append)
    done = [s.done for s in steps]
    assert done == sorted(done) and 0 <= done[0] and done[-1] <= 1
    assert {s.phase for s in steps} <= {"init", "models", "cut"} and steps[0].phase == "init"
    assert {s.iterations for s in steps} == {2} and steps[-1].iteration == 1


def test_true_result_of_progress_cancels(portrait):
    with pytest.raises(grabcut.Canceled) as caught:
        grabcut.segment(portrait, RECT, 50, progress=lambda p: p.iteration >= 1)
    assert caught.value.code == grabcut.lowlevel.GRABCUT_ECANCELED


def test_exception_in_progress_comes_out(portrait):
    def progress(p):
        raise KeyError("mine")
    with pytest.raises(KeyError, match="mine"):
        grabcut.segment(portrait, RECT, 50, progress=progress)


def on_terminal(code):
    """What a program writes to a terminal that is its stderr."""
    primary, secondary = pty.openpty()
    fcntl.ioctl(secondary, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    run = subprocess.Popen([sys.executable, "-c", code], stderr=secondary, stdout=subprocess.PIPE,
                           env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    os.close(secondary)
    shown = b""
    while True:
        try:
            piece = os.read(primary, 4096)
        except OSError:  # Linux's word for the end of a terminal
            break
        if not piece:
            break
        shown += piece
    os.close(primary)
    out = run.communicate(timeout=60)[0]
    assert run.returncode == 0, shown
    return shown.decode(), out


LONG_RUN = """
import sys, numpy as np
import grabcut, grabcut.bar
if {plain}: sys.modules["tqdm"] = None
grabcut.bar.MOMENT = {moment}
image = np.random.default_rng(1).integers(0, 255, (200, 300, 3), np.uint8)
mask = grabcut.segment(image, iterations=5, progress=True)
print(mask.shape)
"""


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "tqdm"])
def test_progress_bar_on_a_terminal(plain):
    if not plain:
        pytest.importorskip("tqdm")
    shown, out = on_terminal(LONG_RUN.format(plain=plain, moment=0))
    assert ("grabcut init 1/5   0%" if plain else "0%|") in shown and out == b"(200, 300)\n"
    assert shown.rstrip("\n").endswith(("\r", "\033[K")), "the bar is wiped out at the end"


def test_no_progress_bar_for_a_moment_or_a_file(capfd, portrait):
    shown, out = on_terminal(LONG_RUN.format(plain=True, moment=600))
    assert shown == "" and out == b"(200, 300)\n"
    grabcut.segment(portrait, RECT, 1, progress=True)
    assert capfd.readouterr().err == ""


def test_canceled_run_leaves_models(portrait):
    models = grabcut.Models()
    with pytest.raises(grabcut.Canceled):
        grabcut.segment(portrait, RECT, 5, models=models, progress=lambda p: p.iteration >= 1)
    assert not models.learnt


def test_ctrl_c_stops_a_run(portrait):
    large = np.tile(portrait, (3, 3, 1))
    pid, main = os.getpid(), threading.get_ident()
    timer = threading.Timer(0.2, lambda: signal.pthread_kill(main, signal.SIGINT) if os.getpid() == pid else None)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        while True:  # however fast a run is, one of them is under way
            grabcut.segment(large, iterations=10000)
    timer.join()


# ---- files ----

@pytest.mark.parametrize("name, kind, width, height", [("astronaut.jpg", "jpeg", 512, 512), ("chelsea.png", "png", 300, 200)])
def test_probe_and_decode(name, kind, width, height):
    found = grabcut.probe(read(name))
    assert (found.format, found.mime, found.width, found.height, found.orientation) == (kind, f"image/{kind}", width, height, 1)
    assert grabcut.decode(read(name)).shape == (height, width, 3)


@pytest.mark.parametrize("name", ["astronaut.jpg", "chelsea.png", "coffee.jpg", "portrait.jpg"])
def test_decode_gives_cv2s_pixels(name):
    cv2 = pytest.importorskip("cv2")
    assert np.array_equal(grabcut.decode(read(name)), cv2.imread(os.path.join(PHOTOS, name)))


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda b: np.frombuffer(b, np.uint8)],
                         ids=["bytes", "bytearray", "memoryview", "array"])
def test_decode_takes_whatever_holds_bytes(kind):
    data = read("portrait.jpg")
    assert np.array_equal(grabcut.decode(kind(data)), grabcut.decode(data))


@pytest.mark.parametrize("data, code", [
    (b"", grabcut.lowlevel.GRABCUT_EFORMAT),
    (b"GIF89a" + bytes(100), grabcut.lowlevel.GRABCUT_EFORMAT),
    (read("portrait.jpg")[:300], grabcut.lowlevel.GRABCUT_EDECODE),
    (read("chelsea.png")[:5000], grabcut.lowlevel.GRABCUT_EDECODE),
], ids=["empty", "GIF", "cut JPEG", "cut PNG"])
def test_bad_files_are_refused(data, code):
    with pytest.raises(grabcut.GrabcutError) as caught:
        grabcut.decode(data)
    assert caught.value.code == code


def test_pixel_limit():
    with pytest.raises(grabcut.GrabcutError) as caught:
        grabcut.decode(read("portrait.jpg"), max_pixels=192 * 256 - 1)
    assert caught.value.code == grabcut.lowlevel.GRABCUT_ETOOBIG
    assert grabcut.decode(read("portrait.jpg"), max_pixels=192 * 256).size


@pytest.mark.parametrize("data", ["text", None, 7, np.zeros((4, 4), np.uint8)[:, ::2]])
def test_decode_refuses_what_holds_no_bytes(data):
    with pytest.raises((TypeError, ValueError, BufferError)):
        grabcut.decode(data)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_png_round_trip(portrait, channels):
    Image = pytest.importorskip("PIL.Image")
    import io
    image = portrait[:, :, 0] if channels == 1 else np.dstack([portrait, portrait[:, :, :1]])[:, :, :channels]
    with Image.open(io.BytesIO(grabcut.encode_png(image, 1))) as back:
        pixels = np.asarray(back)
    assert np.array_equal(pixels if channels == 1 else pixels[:, :, [2, 1, 0, 3][:channels]], image)


def test_jpeg_quality_matters(portrait):
    assert len(grabcut.encode_jpeg(portrait, 30)) < len(grabcut.encode_jpeg(portrait, 95))
    with pytest.raises(grabcut.GrabcutError):
        grabcut.encode_jpeg(portrait, 101)


def test_cutouts(portrait, mask):
    black, alpha, white = (grabcut.cutout(portrait, mask, kind) for kind in ("black", "alpha", "mask"))
    assert np.array_equal(black, portrait * mask[..., None])
    assert np.array_equal(alpha, np.dstack([portrait * mask[..., None], mask * 255]))
    assert np.array_equal(white, mask * 255)
    with pytest.raises(ValueError, match="no cut-out is called 'blue': black, alpha, mask are"):
        grabcut.cutout(portrait, mask, "blue")
    with pytest.raises(ValueError):
        grabcut.cutout(portrait, mask[1:])


# ---- colours in another order, alpha, Pillow's images ----

def test_rgb_arrays_are_taken_as_what_they_are(portrait, mask):
    rgb = portrait[:, :, ::-1].copy()
    assert np.array_equal(grabcut.segment(rgb, RECT, 2, seed=1, order="rgb"), mask)
    assert np.array_equal(grabcut.decode(read("portrait.jpg"), order="rgb"), rgb)
    assert np.array_equal(grabcut.decode(grabcut.encode_png(rgb, order="rgb")), portrait)


def test_alpha_is_ignored(portrait, mask):
    bgra = np.dstack([portrait, np.arange(portrait[:, :, 0].size, dtype=np.uint8).reshape(portrait.shape[:2])])
    assert np.array_equal(grabcut.segment(bgra, RECT, 2, seed=1), mask)
    assert np.array_equal(grabcut.segment(bgra[:, :, [2, 1, 0, 3]], RECT, 2, seed=1, order="rgb"), mask)
    assert np.array_equal(grabcut.cutout(bgra, mask), grabcut.cutout(portrait, mask))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "LA"])
def test_pillow_images_are_rgb(portrait, mode):
    Image = pytest.importorskip("PIL.Image")
    image = Image.fromarray(portrait[:, :, ::-1]).convert(mode)
    bgr = np.asarray(image.convert("RGB"))[:, :, ::-1]
    expected = grabcut.segment(bgr, RECT, 1)
    assert np.array_equal(grabcut.segment(image, RECT, 1), expected)
    assert np.array_equal(grabcut.segment(image, RECT, 1, order="rgb"), expected)
    assert np.array_equal(grabcut.cutout(image, expected), grabcut.cutout(bgr, expected)[:, :, ::-1])
    assert np.array_equal(grabcut.decode(grabcut.encode_png(image)), bgr)
    with pytest.raises(ValueError, match="Pillow image, whose colours are RGB"):
        grabcut.segment(image, RECT, 1, order="bgr")


def test_arrays_and_auto_are_rects(portrait, mask):
    assert np.array_equal(grabcut.segment(portrait, np.array(RECT), 2, seed=1), mask)
    assert np.array_equal(grabcut.segment(portrait, "auto", 1), grabcut.segment(portrait, iterations=1))


@pytest.mark.parametrize("height, width", [(h, w) for h in (1, 2, 3, 8, 19, 20) for w in (1, 2, 3, 8, 19, 20) if h * w > 1])
def test_the_automatic_rect_leaves_background_in_small_images(height, width):
    x, y, w, h = grabcut.rect_inset(width, height)
    assert w >= 1 and h >= 1 and w * h < width * height and x + w <= width and y + h <= height
    image = np.random.default_rng(width).integers(0, 255, (height, width, 3), np.uint8)
    assert grabcut.segment(image, iterations=1).shape == (height, width)


# ---- files by name ----

@pytest.mark.parametrize("name, setting", [("a.png", {}), ("a.PNG", {"level": 9}), ("b.webp", {"quality": 0}), ("c.jpg", {}),
                                           ("c.jpeg", {"quality": 100}), ("d.webp", {})])
def test_imwrite_and_imread(tmp_path, portrait, name, setting):
    path = tmp_path / name
    grabcut.imwrite(path, portrait, **setting)
    grabcut.imwrite(str(path), portrait, **setting)  # replaces it
    back = grabcut.imread(path)
    if name.lower().endswith(".png") or setting.get("quality") == 0:
        assert np.array_equal(back, portrait)
    assert np.abs(back.astype(int) - portrait).mean() < 4
    assert np.array_equal(grabcut.imread(path, order="rgb"), back[:, :, ::-1])
    assert os.listdir(tmp_path) == [name] and path.stat().st_mode & 0o777 == 0o666 & ~umask()


def umask():
    value = os.umask(0)
    os.umask(value)
    return value


def test_imread_and_imwrite_name_what_is_wrong(tmp_path, portrait):
    (tmp_path / "x.jpg").write_bytes(b"no image")
    with pytest.raises(grabcut.GrabcutError, match=r"x\.jpg: the file is not a JPEG"):
        grabcut.imread(tmp_path / "x.jpg")
    with pytest.raises(FileNotFoundError):
        grabcut.imread(tmp_path / "nothing.png")
    for arguments, says in ((("a.gif", portrait), "must end in .png"), (("a.png", portrait), "takes no quality"),
                            (("a.jpg", portrait), "takes no level")):
        with pytest.raises(ValueError, match=says):
            grabcut.imwrite(*arguments, **({"quality": 3} if arguments[0] == "a.png" else {"level": 3}))
    with pytest.raises(grabcut.GrabcutError):
        grabcut.imwrite(tmp_path / "a.jpg", np.zeros((4, 4, 3), np.uint8), quality=101)
    assert os.listdir(tmp_path) == ["x.jpg"]


def test_webp_is_exact_where_it_says_so(portrait, mask):
    assert np.array_equal(grabcut.decode(grabcut.encode_webp(portrait, 0)), portrait)
    Image = pytest.importorskip("PIL.Image")
    import io
    with Image.open(io.BytesIO(grabcut.encode_webp(grabcut.cutout(portrait, mask, "alpha")))) as back:
        assert np.array_equal(np.asarray(back)[:, :, 3], mask * 255)
    with Image.open(io.BytesIO(grabcut.encode_webp(mask * 255))) as back:
        assert np.array_equal(np.asarray(back)[:, :, 0], mask * 255)


# ---- batches ----

def test_a_batch_gives_what_single_calls_give(tmp_path, portrait):
    images = [portrait, np.ascontiguousarray(portrait[:, ::-1]), portrait[::2, ::2], os.path.join(PHOTOS, "portrait.jpg")]
    expected = [grabcut.segment(grabcut.imread(i) if isinstance(i, str) else i, iterations=1, seed=3) for i in images]
    for workers in (1, 3, None):
        masks = grabcut.segment_batch(images, iterations=1, seed=3, workers=workers)
        assert len(masks) == 4 and all(np.array_equal(a, b) for a, b in zip(masks, expected))
    rects = [RECT, "auto", None, (5, 5, 50, 50)]
    masks = grabcut.segment_batch(iter(images), rects=rects, iterations=1, seed=3)
    assert np.array_equal(masks[0], grabcut.segment(portrait, RECT, 1, 3)) and np.array_equal(masks[1], expected[1])
    assert grabcut.segment_batch([]) == []


def test_a_batch_ends_with_the_first_error(portrait):
    with pytest.raises(ValueError, match="image 1: image must be height x width"):
        grabcut.segment_batch([portrait, portrait[0], portrait], iterations=1)
    with pytest.raises(FileNotFoundError):
        grabcut.segment_batch(["nothing.png"])
    with pytest.raises(ValueError, match="rects has 1 entries for 2 images"):
        grabcut.segment_batch([portrait, portrait], rects=[RECT])
    with pytest.raises(ValueError, match="give one of them"):
        grabcut.segment_batch([portrait], RECT, rects=[RECT])


BATCH = """
import sys, numpy as np
if {plain}: sys.modules["tqdm"] = None
import grabcut, grabcut.bar
grabcut.bar.MOMENT = 0
image = np.random.default_rng(1).integers(0, 255, (60, 80, 3), np.uint8)
print(len(grabcut.segment_batch([image] * 5, iterations=1, progress=True)))
"""


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "tqdm"])
def test_batch_bar_on_a_terminal(plain):
    if not plain:
        pytest.importorskip("tqdm")
    shown, out = on_terminal(BATCH.format(plain=plain))
    assert ("grabcut 1/5" if plain else "/5") in shown and out == b"5\n"


# ---- errors are in this module's own words ----

@pytest.mark.parametrize("call", [
    lambda bad: grabcut.segment(bad), lambda bad: grabcut.segment(np.zeros((9, 9, 3), np.uint8), bad),
    lambda bad: grabcut.segment(np.zeros((9, 9, 3), np.uint8), iterations=bad),
    lambda bad: grabcut.segment(np.zeros((9, 9, 3), np.uint8), seed=bad),
    lambda bad: grabcut.segment(np.zeros((9, 9, 3), np.uint8), threads=bad),
    lambda bad: grabcut.segment(np.zeros((9, 9, 3), np.uint8), max_bytes=bad),
    lambda bad: grabcut.segment(np.zeros((9, 9, 3), np.uint8), models=bad),
    lambda bad: grabcut.segment(np.zeros((9, 9, 3), np.uint8), mask=bad), lambda bad: grabcut.decode(bad), lambda bad: grabcut.probe(bad),
    lambda bad: grabcut.decode(b"", max_pixels=bad), lambda bad: grabcut.decode(b"", max_bytes=bad),
    lambda bad: grabcut.encode_png(bad), lambda bad: grabcut.encode_png(np.zeros((9, 9), np.uint8), bad),
    lambda bad: grabcut.encode_jpeg(bad), lambda bad: grabcut.encode_jpeg(np.zeros((9, 9), np.uint8), bad),
    lambda bad: grabcut.encode_webp(bad), lambda bad: grabcut.encode_webp(np.zeros((9, 9), np.uint8), bad),
    lambda bad: grabcut.cutout(bad, np.zeros((9, 9), np.uint8)), lambda bad: grabcut.cutout(np.zeros((9, 9, 3), np.uint8), bad),
    lambda bad: grabcut.rect_inset(bad, 9), lambda bad: grabcut.rect_inset(9, 9, bad), lambda bad: grabcut.estimate(bad, 9),
    lambda bad: grabcut.estimate(9, 9, bad), lambda bad: grabcut.estimate(9, 9, threads=bad)])
@pytest.mark.parametrize("bad", ["text", 1.5, -2**70, 2**70, object(), [[1, 2], [3]], {"a": 1}, b"\0"], ids=lambda v: type(v).__name__)
def test_no_error_speaks_of_wrappers(call, bad):
    with pytest.raises((TypeError, ValueError, MemoryError)) as caught:
        call(bad)
    words = str(caught.value)
    assert words and not any(w in words for w in ("in method", "argument ", "of type '", "SWIG", "swig", "lowlevel")), words


# ---- lifetimes and threads ----

def test_pixels_outlive_everything_but_the_array():
    arrays = [grabcut.decode(read("portrait.jpg")) for _ in range(20)]
    expected = arrays[0].copy()
    views = [a[5:9, 3:7] for a in arrays]
    del arrays
    gc.collect()
    [grabcut.decode(read("chelsea.png")) for _ in range(20)]  # would take freed memory over
    assert all(np.array_equal(v, expected[5:9, 3:7]) for v in views)


def test_decoded_pixels_may_be_written(portrait):
    image = grabcut.decode(read("portrait.jpg"))
    image[:] = 7
    assert image.flags.writeable and (image == 7).all()


def test_memory_cannot_be_resized_while_c_reads_it(portrait):
    memory = bytearray(portrait.tobytes())
    errors = []

    def progress(_):
        try:
            memory.extend(b"more")
        except BufferError as e:
            errors.append(str(e))  # an exception would hold the frames, and they the memory

    grabcut.segment(memoryview(memory).cast("B", portrait.shape), RECT, 1, progress=progress)
    gc.collect()
    memory.extend(b"more")  # free again after the call
    assert errors and len(memory) == portrait.size + 4


def test_interpreter_runs_while_c_works(portrait):
    large = np.tile(portrait, (3, 3, 1))
    assert runs_beside(lambda: grabcut.segment(large, iterations=1))
    png = grabcut.encode_png(np.tile(large, (2, 2, 1)), 1)
    assert runs_beside(lambda: grabcut.decode(png))
    assert runs_beside(lambda: grabcut.encode_png(large, 9))


def test_threads_get_their_own_masks(portrait):
    jobs = [(seed, n) for seed in (1, 2) for n in (1, 2)]
    expected = {job: grabcut.segment(portrait, RECT, job[1], seed=job[0]) for job in jobs}
    wrong = []

    def work(job):
        for _ in range(3):
            if not np.array_equal(grabcut.segment(portrait, RECT, job[1], seed=job[0]), expected[job]):
                wrong.append(job)

    threads = [threading.Thread(target=work, args=(job,)) for job in jobs]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []


def test_calls_do_not_leak(portrait):
    resource = pytest.importorskip("resource")
    data = read("portrait.jpg")

    def rounds(n):
        for _ in range(n):
            image = grabcut.decode(data)
            grabcut.encode_png(grabcut.cutout(image, np.ones(image.shape[:2], np.uint8), "alpha"), 1)
            with pytest.raises(grabcut.GrabcutError):
                grabcut.decode(data[:200])
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    before = rounds(30)
    assert rounds(300) - before < 20 * 1024  # KiB; one leaked picture a round would be 42 MiB
