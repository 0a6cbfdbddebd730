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


def failure(data):
    image, err = Image(), ctypes.create_string_buffer(256)
    return LIBRARY.grabcut_decode(ctypes.byref(image), data, ctypes.c_size_t(len(data)), None, err), err.value.decode()


# ---- files that need leniency ----

@pytest.mark.parametrize("segment", [b"\xff\xfe\0\0", b"\xff\xfe\0\1", b"\xff\xe5\0\0", b"\xff\xe1\0\1", b"\xff\xfe\0\0\xff\xe0\0\1"])
@pytest.mark.parametrize("progressive", [0, 1])
def test_a_jpeg_segment_without_a_length_is_an_empty_one(segment, progressive):
    pixels = np.random.default_rng(1).integers(0, 255, (37, 41, 3), np.uint8)
    data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive])[1].tobytes()
    lenient = data[:2] + segment + data[2:]
    assert np.array_equal(decode(lenient), judge(lenient)) and np.array_equal(decode(lenient), decode(data))
    assert (probe(lenient).width, probe(lenient).height) == (41, 37)


@pytest.mark.parametrize("at, byte, says", [(1, 0xc3, "lossless"), (1, 0xc7, "hierarchical"), (1, 0xcb, "lossless"), (4, 12, "12 bits")])
def test_kinds_of_jpeg_that_are_not_supported(at, byte, says):
    data = bytearray(cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    data[data.index(b"\xff\xc0") + at] = byte
    code, text = failure(bytes(data))
    assert code == -11 and says in text  # GRABCUT_EUNSUPPORTED


def bmp(width, height, bits, packing, body, masks=b"", palette=b"", header=40):
    offset = 14 + 40 + len(masks) + len(palette)
    info = (header).to_bytes(4, "little") + width.to_bytes(4, "little") + height.to_bytes(4, "little")
    info += (1).to_bytes(2, "little") + bits.to_bytes(2, "little") + packing.to_bytes(4, "little")
    info += len(body).to_bytes(4, "little") + bytes(8) + (len(palette) // 4).to_bytes(4, "little") + bytes(4)
    return b"BM" + (offset + len(body)).to_bytes(4, "little") + bytes(4) + offset.to_bytes(4, "little") + info + masks + palette + body


@pytest.mark.parametrize("width", [1, 2, 3, 4, 31, 32, 33, 34, 35, 101, 257, 259])
@pytest.mark.parametrize("absolute", [False, True])
def test_rle8_rows_may_include_their_padding(width, absolute):
    """As ImageMagick writes them."""
    height = 5
    indices = np.random.default_rng(width).integers(0, 3, (height, width), np.uint8)
    palette = bytes([10, 20, 30, 0, 200, 100, 50, 0, 7, 8, 9, 0])
    body = b""
    for row in indices[::-1]:
        padded = bytes(row) + bytes([row[-1]]) * (-width % 4)
        if absolute and len(padded) >= 4:
            for i in range(0, len(padded), 252):
                part = padded[i:i + 252]
                body += bytes([0, len(part)]) + part + bytes(len(part) & 1)
        else:
            for value in padded:
                body += bytes([1, value])
        body += b"\0\0"
    colours = np.frombuffer(palette, np.uint8).reshape(3, 4)[:, :3]
    assert np.array_equal(decode(bmp(width, height, 8, 1, body + b"\0\1", palette=palette)), colours[indices])
    code, text = failure(bmp(width, height, 8, 1, bytes([255, 0] * 2 + [0, 1]), palette=palette)) if width < 250 else (-4, "leaves")
    assert code == -4 and "leaves" in text


MASKS = {"4444": (16, (0xf00, 0xf0, 0xf)), "1555": (16, (0x7c00, 0x3e0, 0x1f)), "565": (16, (0xf800, 0x7e0, 0x1f)),
         "bgr565": (16, (0x1f, 0x7e0, 0xf800)), "332": (16, (0xe0, 0x1c, 3)), "1010102": (32, (0x3ff00000, 0xffc00, 0x3ff)),
         "11-11-10": (32, (0x7ff, 0x3ff800, 0xffc00000)), "8888": (32, (0xff0000, 0xff00, 0xff)), "off-byte": (32, (0xff0, 0xff000, 0xff00000)),
         "rotated": (32, (0xff000000, 0xff0000, 0xff00)), "no-green": (32, (0xff0000, 0, 0xff)), "wide": (32, (0xffff, 0x70000, 0xfff80000))}


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("packing, header", [(3, 40), (6, 40), (3, 56)])
def test_all_colour_masks(name, packing, header):
    bits, masks = MASKS[name]
    pixels = np.random.default_rng(5).integers(0, 2**bits, (6, 8), np.uint64)
    expected = np.zeros((6, 8, 3), np.uint8)
    moved_up = name in ("1555", "565")  # cv2's way, which knows these
    for channel, mask in zip((2, 1, 0), masks):
        if mask:
            low = (mask & -mask).bit_length() - 1
            most, value = mask >> low, (pixels & np.uint64(mask)) >> np.uint64(low)
            expected[:, :, channel] = value << np.uint64(8 - most.bit_length()) if moved_up else (value * 255 + most // 2) // most
    body = pixels[::-1].astype(f"<u{bits // 8}").tobytes()
    data = bmp(8, 6, bits, packing, body, b"".join(m.to_bytes(4, "little") for m in (*masks, 0)), header=header)
    assert np.array_equal(decode(data), expected)
    if moved_up and packing == 3 and header == 40:
        assert np.array_equal(decode(data), judge(data))


@pytest.mark.parametrize("masks", [(0xf0f, 0xf0, 0), (0xff00ff, 0xff00, 0xff), (5, 2, 8)])
def test_colour_masks_with_holes_are_damaged(masks):
    code, text = failure(bmp(1, 1, 32, 3, bytes(4), b"".join(m.to_bytes(4, "little") for m in (*masks, 0))))
    assert code == -4 and "masks" in text


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
