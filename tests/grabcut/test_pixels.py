"""libgrabcut's decoder and encoders, live against cv2 on the same bytes."""
import ctypes
import os
import pathlib
import sys

import cv2
import numpy as np
import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "pictures"))
from zoo import zoo  # noqa: E402

LIBRARY = ctypes.CDLL(str(pathlib.Path(os.environ["HR_BUILD_DIR"]) / "lib" / "libgrabcut.so"))


class Image(ctypes.Structure):
    _fields_ = [("data", ctypes.POINTER(ctypes.c_uint8)), ("width", ctypes.c_int32), ("height", ctypes.c_int32),
                ("channels", ctypes.c_int32), ("stride", ctypes.c_size_t)]


class Probe(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint), ("format", ctypes.c_int), ("width", ctypes.c_int32), ("height", ctypes.c_int32),
                ("orientation", ctypes.c_int32)]


def decode(data):
    image, err = Image(), ctypes.create_string_buffer(256)
    rc = LIBRARY.grabcut_decode(ctypes.byref(image), data, ctypes.c_size_t(len(data)), None, err)
    assert rc == 0, err.value.decode()
    rows = np.ctypeslib.as_array(image.data, (image.height, image.stride))
    pixels = rows[:, : image.width * 3].reshape(image.height, image.width, 3).copy()
    LIBRARY.grabcut_image_free(ctypes.byref(image))
    return pixels


def probe(data):
    out, err = Probe(version=1), ctypes.create_string_buffer(256)
    assert LIBRARY.grabcut_probe_header(ctypes.byref(out), data, ctypes.c_size_t(len(data)), err) == 0, err.value
    return out


def encode(function, pixels, setting):
    pixels = np.ascontiguousarray(pixels)
    height, width, channels = pixels.shape
    image = Image(pixels.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8)), width, height, channels, width * channels)
    out, length = ctypes.POINTER(ctypes.c_uint8)(), ctypes.c_size_t()
    err = ctypes.create_string_buffer(256)
    rc = function(ctypes.byref(out), ctypes.byref(length), ctypes.byref(image), setting, err)
    assert rc == 0, err.value.decode()
    data = ctypes.string_at(out, length.value)
    LIBRARY.grabcut_free(out)
    return data


def judge(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


SIZES = [(1, 1), (1, 9), (9, 1), (7, 5), (8, 8), (16, 16), (17, 33), (40, 30), (131, 67)]


@pytest.mark.parametrize("width,height", SIZES, ids=lambda n: str(n))
def test_decodes_every_kind_of_file_to_the_pixels_of_cv2(width, height):
    seen = 0
    for sample in zoo(width, height, seed=width * 1000 + height):
        expected = judge(sample.data) if sample.pixels is None else sample.pixels
        assert expected is not None, f"cv2 does not read {sample.name}"
        pixels = decode(sample.data)
        assert pixels.shape == expected.shape, sample.name
        assert (pixels == expected).all(), f"{sample.name}: {(pixels != expected).any(2).sum()} pixels differ"
        found = probe(sample.data)
        stored = (found.width, found.height) if found.orientation < 5 else (found.height, found.width)
        assert stored == (pixels.shape[1], pixels.shape[0]), sample.name
        assert found.orientation == sample.orientation, sample.name
        seen += 1
    assert seen > 90


@pytest.mark.parametrize("path", sorted((HERE.parents[1] / "photos").glob("*.[jp][pn]g")), ids=lambda p: p.name)
def test_decodes_photos_to_the_pixels_of_cv2(path):
    data = path.read_bytes()
    assert (decode(data) == judge(data)).all()


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("level", [-1, 0, 1, 6, 9])
def test_png_files_hold_the_pixels(channels, level):
    pixels = np.random.default_rng(level + 2).integers(0, 256, (37, 53, channels), dtype=np.uint8)
    data = encode(LIBRARY.grabcut_encode_png, pixels, level)
    read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert (read.reshape(pixels.shape) == pixels).all()


@pytest.mark.parametrize("quality", [1, 50, 95, 100])
@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_files_are_those_of_cv2(channels, quality):
    photo = judge((HERE.parents[1] / "photos" / "portrait.jpg").read_bytes())
    pixels = photo if channels == 3 else photo[..., 1:2]
    data = encode(LIBRARY.grabcut_encode_jpeg, pixels, quality)
    ok, expected = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert ok
    # Entropy coding may differ in its header; the pixels that come out may not.
    assert (judge(data) == judge(expected.tobytes())).all()
