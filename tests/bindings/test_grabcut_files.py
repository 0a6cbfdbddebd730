"""The module grabcut on what files have besides colours: ICC profiles, alpha, frames, and an end that comes too early."""
import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFile

import grabcut
from grabcut import lowlevel as c

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
KINDS = {"png": {"format": "PNG"}, "jpeg": {"format": "JPEG"}, "webp": {"format": "WEBP"},
         "lossless webp": {"format": "WEBP", "lossless": True}}


def picture(height=47, width=61, channels=3, seed=1):
    """A soft gradient with some noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    array = np.stack([x * 3 % 256, y * 5 % 256, (x + y) * 2 % 256, (x * 7 + y) % 256][:channels], 2)
    return np.clip(array + rng.integers(-6, 7, array.shape), 0, 255).astype(np.uint8)


def save(array, **options):
    out = io.BytesIO()
    (array if isinstance(array, Image.Image) else Image.fromarray(array)).save(out, **options)
    return out.getvalue()


def longer(profile, length):
    return struct.pack(">I", length) + profile[4:] + bytes(length - len(profile))


# ---- ICC profiles ----

@pytest.mark.parametrize("length", [len(SRGB), 65533 + 100, 300000, 1 << 20])
@pytest.mark.parametrize("kind", KINDS)
def test_a_profile_is_read_as_pillow_reads_it(kind, length):
    profile = longer(SRGB, length)
    data = save(picture(), icc_profile=profile, **KINDS[kind])
    assert Image.open(io.BytesIO(data)).info["icc_profile"] == profile
    assert grabcut.icc_profile(data) == profile


@pytest.mark.parametrize("length", [len(SRGB), 300000])
@pytest.mark.parametrize("encode", [grabcut.encode_png, grabcut.encode_jpeg, grabcut.encode_webp])
def test_a_profile_is_embedded(encode, length):
    profile = longer(SRGB, length)
    data = encode(picture(), icc=profile)
    assert Image.open(io.BytesIO(data)).info["icc_profile"] == profile
    assert grabcut.icc_profile(data) == profile
    assert np.array_equal(grabcut.decode(data), grabcut.decode(encode(picture())))


def test_pixels_are_not_converted():
    for options in KINDS.values():
        assert np.array_equal(grabcut.decode(save(picture(), icc_profile=SRGB, **options)), grabcut.decode(save(picture(), **options)))


def segments(data):
    """The APP2 segments of a JPEG, and what is around them."""
    head, parts, at = data[:2], [], 2
    while data[at + 1] != 0xda:
        length = 2 + int.from_bytes(data[at + 2:at + 4], "big")
        (parts.append(data[at:at + length]) if data[at + 1] == 0xe2 else None)
        head += data[at:at + length] if data[at + 1] != 0xe2 else b""
        at += length
    return head, parts, data[at:]


def test_segments_of_a_jpeg_may_come_in_any_order():
    head, parts, rest = segments(save(picture(), format="JPEG", icc_profile=longer(SRGB, 200000)))
    assert len(parts) == 4
    assert grabcut.icc_profile(head + b"".join(reversed(parts)) + rest) == longer(SRGB, 200000)


@pytest.mark.parametrize("change", [
    lambda parts: parts[:-1], lambda parts: parts[1:], lambda parts: parts + parts[:1],
    lambda parts: parts[:2] + [parts[2][:17] + b"\x05" + parts[2][18:]] + parts[3:],
    lambda parts: [parts[0][:16] + b"\0" + parts[0][17:]] + parts[1:], lambda parts: []])
def test_segments_that_contradict_each_other_are_no_profile(change):
    head, parts, rest = segments(save(picture(), format="JPEG", icc_profile=longer(SRGB, 200000)))
    data = head + b"".join(change(parts)) + rest
    assert grabcut.icc_profile(data) is None
    assert grabcut.decode(data).shape == (47, 61, 3)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_with(iccp, before=b"IDAT"):
    data = save(picture(), format="PNG")
    at = data.index(before) - 4
    return data[:at] + iccp + data[at:]


@pytest.mark.parametrize("iccp,before,found", [
    (chunk(b"iCCP", b"name\0\0" + zlib.compress(SRGB)), b"IDAT", True),
    (chunk(b"iCCP", b"n" * 79 + b"\0\0" + zlib.compress(SRGB, 0)), b"IDAT", True),
    (chunk(b"iCCP", b"n" * 80 + b"\0\0" + zlib.compress(SRGB)), b"IDAT", False),
    (chunk(b"iCCP", b"\0\0" + zlib.compress(SRGB)), b"IDAT", False),
    (chunk(b"iCCP", b"name\0\1" + zlib.compress(SRGB)), b"IDAT", False),
    (chunk(b"iCCP", b"name\0"), b"IDAT", False), (chunk(b"iCCP", b""), b"IDAT", False),
    (chunk(b"iCCP", b"name\0\0" + zlib.compress(SRGB)[:-1]), b"IDAT", False),
    (chunk(b"iCCP", b"name\0\0" + zlib.compress(SRGB + b"x")), b"IDAT", False),
    (chunk(b"iCCP", b"name\0\0" + zlib.compress(SRGB[:-1])), b"IDAT", False),
    (chunk(b"iCCP", b"name\0\0" + zlib.compress(SRGB))[:-1] + b"?", b"IDAT", False),
    (chunk(b"iCCP", b"name\0\0" + zlib.compress(SRGB)), b"IEND", False)])
def test_the_chunk_of_a_png_must_be_whole_and_in_its_place(iccp, before, found):
    data = png_with(iccp, before)
    assert grabcut.icc_profile(data) == (SRGB if found else None)


def with_tag(offset, size):
    return SRGB[:136] + struct.pack(">II", offset, size) + SRGB[144:]


@pytest.mark.parametrize("profile", [
    SRGB[:4] + b"\0\0\0\0" + SRGB[8:],  # one that is fine
    longer(SRGB, (1 << 20) + 4), SRGB[:100], SRGB[:-4], SRGB + b"1234", SRGB[:36] + b"ASCP" + SRGB[40:],
    SRGB[:16] + b"GRAY" + SRGB[20:], SRGB[:16] + b"CMYK" + SRGB[20:], SRGB[:128] + b"\xff\xff\xff\xff" + SRGB[132:],
    with_tag(len(SRGB), 1), with_tag(0xffffffff, 0xffffffff), with_tag(4, 0xfffffffe)])
@pytest.mark.parametrize("kind", ["jpeg", "webp"])
def test_a_profile_of_no_use_is_left_out(kind, profile):
    fine = profile[8:] == SRGB[8:]
    data = save(picture(), icc_profile=profile, **KINDS[kind])
    assert grabcut.icc_profile(data) == (profile if fine else None)


def test_a_file_without_a_profile_and_what_is_no_image():
    assert grabcut.icc_profile(save(picture(), format="BMP")) is None
    assert all(grabcut.icc_profile(save(picture(), **options)) is None for options in KINDS.values())
    with pytest.raises(grabcut.GrabcutError):
        grabcut.icc_profile(b"GIF89a")
    with pytest.raises(TypeError):
        grabcut.icc_profile("photo.jpg")
    with pytest.raises(grabcut.GrabcutError, match="too long"):
        grabcut.encode_jpeg(picture(), icc=bytes(17 << 20))


# ---- alpha ----

def bmp_with_alpha(array):
    """BITMAPV4HEADER with the masks of BGRA."""
    height, width = array.shape[:2]
    header = struct.pack("<IiiHHIIiiII4I", 108, width, -height, 1, 32, 3, array.nbytes, 0, 0, 0, 0,
                         0xff0000, 0xff00, 0xff, 0xff000000) + bytes(52)
    return struct.pack("<2sIHHI", b"BM", 14 + 108 + array.nbytes, 0, 0, 14 + 108) + header + array.tobytes()


def palette_with_transparency():
    image = Image.fromarray(picture()).quantize(50)
    return save(image, format="PNG", transparency=bytes(range(0, 250, 5)))


def has_alpha():
    rgba = picture(channels=4)
    grey = Image.merge("LA", [Image.fromarray(rgba[:, :, 0]), Image.fromarray(rgba[:, :, 3])])
    deep = cv2.imencode(".png", rgba.astype(np.uint16) * 257)[1].tobytes()
    return {"png": save(rgba, format="PNG"), "grey png": save(grey, format="PNG"), "deep png": deep,
            "palette png": palette_with_transparency(),
            "png with one transparent colour": save(picture(), format="PNG", transparency=tuple(int(v) for v in picture()[3, 4])),
            "webp": save(rgba, format="WEBP"), "webp, alpha exact": save(rgba, format="WEBP", alpha_quality=100, method=0),
            "webp, alpha less exact": save(rgba, format="WEBP", alpha_quality=40),
            "lossless webp": save(rgba, format="WEBP", lossless=True, exact=True),
            "lossless webp without": save(picture(), format="WEBP", lossless=True), "bmp": bmp_with_alpha(rgba),
            "png without": save(picture(), format="PNG"), "grey png without": save(picture()[:, :, 0], format="PNG"),
            "jpeg": save(picture(), format="JPEG"), "webp without": save(picture(), format="WEBP"),
            "bmp without": save(picture(), format="BMP"), "cmyk": save(Image.fromarray(picture()).convert("CMYK"), format="JPEG")}


@pytest.mark.parametrize("name", has_alpha())
def test_alpha_is_that_of_pillow(name):
    data = has_alpha()[name]
    image = grabcut.decode(data, alpha=True)
    if name == "bmp":
        expected = picture(channels=4)[:, :, 3]
    elif name == "deep png":  # Pillow has no mode for it
        expected = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)[:, :, 3] >> 8
    else:
        expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))[:, :, 3]
    assert np.array_equal(image[:, :, 3], expected)
    assert np.array_equal(image[:, :, :3], grabcut.decode(data))
    rgb = grabcut.decode(data, alpha=True, order="rgb")
    assert np.array_equal(rgb[:, :, ::-1][:, :, 1:], image[:, :, :3]) and np.array_equal(rgb[:, :, 3], expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_alpha_turns_with_the_image(orientation):
    exif = Image.Exif()
    exif[0x112] = orientation
    rgba = picture(channels=4)
    stored = grabcut.decode(save(rgba, format="PNG"), alpha=True)
    turned = grabcut.decode(save(rgba, format="PNG", exif=exif), alpha=True)
    ways = {1: stored, 2: stored[:, ::-1], 3: stored[::-1, ::-1], 4: stored[::-1], 5: stored.swapaxes(0, 1),
            6: stored.swapaxes(0, 1)[:, ::-1], 7: stored.swapaxes(0, 1)[::-1, ::-1], 8: stored.swapaxes(0, 1)[::-1]}
    assert np.array_equal(turned, ways[orientation])


def scene():
    """A bright disc, of which the right third is transparent, and a soft edge before that."""
    y, x = np.mgrid[0:40, 0:60]
    colours = np.where(((x - 30) ** 2 + (y - 20) ** 2 < 200)[:, :, None], [60, 180, 220], [90, 40, 20])
    colours = colours + np.random.default_rng(3).integers(-8, 9, colours.shape)
    alpha = np.clip((44 - x) * 40, 0, 255)
    return np.dstack([np.clip(colours, 0, 255), alpha]).astype(np.uint8)


def test_transparent_pixels_are_background_and_alpha_is_multiplied():
    image, rect = scene(), (5, 4, 50, 32)
    start = np.zeros(image.shape[:2], np.uint8)
    start[4:36, 5:55] = 3
    start[image[:, :, 3] == 0] = 0
    expected = start.copy()
    cv2.setRNGSeed(4)
    cv2.grabCut(image[:, :, :3].copy(), expected, None, np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_MASK)
    mask = grabcut.segment(image, rect, 3, 4, alpha="respect")
    assert np.array_equal(mask, expected & 1) and not mask[image[:, :, 3] == 0].any()
    assert np.array_equal(mask, grabcut.segment(image, None, 3, 4, mask=start | (image[:, :, 3] == 0), alpha="respect"))
    assert grabcut.segment(image, rect, 3, 4)[image[:, :, 3] == 0].any()
    cut = grabcut.cutout(image, mask, "alpha", alpha="respect")
    assert np.array_equal(cut[:, :, 3], np.where(mask == 1, image[:, :, 3], 0)) and (cut[:, :, 3] % 255 != 0).any()
    assert not cut[cut[:, :, 3] == 0].any() and np.array_equal(cut[mask == 1][:, :3], image[mask == 1][:, :3])
    assert np.array_equal(grabcut.cutout(image, mask, "alpha")[:, :, 3], mask * 255)
    assert np.array_equal(grabcut.cutout(image, mask, "black", alpha="respect"), grabcut.cutout(image, mask, "black"))
    rgba = Image.fromarray(image[:, :, [2, 1, 0, 3]])
    assert np.array_equal(grabcut.segment(rgba, rect, 3, 4, alpha="respect"), mask)
    assert np.array_equal(grabcut.cutout(rgba, mask, "alpha", alpha="respect")[:, :, [2, 1, 0, 3]], cut)
    palette = Image.fromarray(image[:, :, [2, 1, 0]]).quantize(200)
    palette.info["transparency"] = bytes([0] * 100 + [255] * 156)
    opened = palette.convert("RGBA")
    assert np.array_equal(grabcut.segment(palette, rect, 3, 4, alpha="respect"), grabcut.segment(opened, rect, 3, 4, alpha="respect"))
    assert not grabcut.segment(palette, rect, 3, 4, alpha="respect")[np.asarray(opened)[:, :, 3] == 0].any()
    assert np.array_equal(grabcut.segment_batch([image], rect, 3, 4, alpha="respect")[0], mask)


def test_an_image_that_is_transparent_inside_the_rect_has_no_foreground():
    image = scene()
    image[:, :, 3] = 0
    with pytest.raises(grabcut.GrabcutError) as error:
        grabcut.segment(image, (5, 4, 50, 32), alpha="respect")
    assert error.value.code == c.GRABCUT_ENOFOREGROUND
    with pytest.raises(ValueError, match="alpha must be"):
        grabcut.segment(image, alpha="premultiplied")


# ---- truncated files ----

def whole_files():
    array = picture(80, 96)
    jpeg = [cv2.IMWRITE_JPEG_QUALITY, 90]
    return {"jpeg": cv2.imencode(".jpg", array, jpeg)[1].tobytes(), "grey jpeg": cv2.imencode(".jpg", array[:, :, 0], jpeg)[1].tobytes(),
            "restart": cv2.imencode(".jpg", array, [*jpeg, cv2.IMWRITE_JPEG_RST_INTERVAL, 2])[1].tobytes(),
            "progressive": cv2.imencode(".jpg", array, [*jpeg, cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes(),
            "cmyk": save(Image.fromarray(array).convert("CMYK"), format="JPEG"),
            "png": cv2.imencode(".png", array)[1].tobytes(), "bmp": cv2.imencode(".bmp", array)[1].tobytes(),
            "palette bmp": save(Image.fromarray(array).quantize(40), format="BMP")}


def lenient(monkeypatch, data):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))[:, :, ::-1]


@pytest.mark.parametrize("name", whole_files())
def test_a_truncated_file_is_refused_unless_it_is_allowed(name, monkeypatch):
    data = whole_files()[name]
    whole = grabcut.decode(data)
    assert np.array_equal(grabcut.decode(data, allow_truncated=True), whole)
    rows_before = len(whole) + 1
    for end in [len(data) - 2, *range(len(data) - 60, len(data) // 3, -len(data) // 12)]:
        with pytest.raises(grabcut.GrabcutError) as error:
            grabcut.decode(data[:end])
        assert error.value.code == c.GRABCUT_EDECODE
        image = grabcut.decode(data[:end], allow_truncated=True)
        assert image.shape == whole.shape
        rows = int((image == whole).all(axis=(1, 2)).sum())
        assert rows <= rows_before  # a longer file has as many rows
        rows_before = rows
        if name in ("png", "bmp", "palette bmp"):
            ours, theirs = (image if name == "png" else image[::-1]), lenient(monkeypatch, data[:end])
            theirs = theirs if name == "png" else theirs[::-1]
            assert np.array_equal(ours[:rows - 1], theirs[:rows - 1]) and not ours[rows + 1:].any()
        elif name == "jpeg":
            expected = cv2.imdecode(np.frombuffer(data[:end], np.uint8), cv2.IMREAD_COLOR)
            theirs = (expected == whole).all(axis=(1, 2))  # the rest of cv2's rows is the last one again
            assert theirs.sum() > 10 and not (theirs & (image != whole).any(axis=(1, 2))).any()
    assert rows_before < len(whole) - 20


@pytest.mark.parametrize("name", ["jpeg", "png", "bmp"])
def test_a_truncated_header_is_always_refused(name):
    with pytest.raises(grabcut.GrabcutError):
        grabcut.decode(whole_files()[name][:25], allow_truncated=True)


@pytest.mark.parametrize("left", [0, 20])
def test_a_truncated_bmp_may_have_no_pixel(left):
    data = bytearray(whole_files()["bmp"])[:54]
    data[10:14] = (54 + left).to_bytes(4, "little")  # where the pixels would begin
    with pytest.raises(grabcut.GrabcutError, match="truncated"):
        grabcut.decode(bytes(data))
    assert not grabcut.decode(bytes(data), allow_truncated=True).any()


def test_other_damage_is_always_refused():
    png = bytearray(whole_files()["png"])
    png[len(png) // 2] ^= 0x55
    jpeg = whole_files()["restart"]
    at = jpeg.index(b"\xff\xd3")
    for data in (bytes(png), jpeg[:at + 1] + b"\xd6" + jpeg[at + 2:]):
        with pytest.raises(grabcut.GrabcutError):
            grabcut.decode(data, allow_truncated=True)


@pytest.mark.parametrize("lossless", [False, True])
def test_a_truncated_webp_is_refused_as_by_cv2_and_pillow(lossless):
    data = save(picture(), format="WEBP", lossless=lossless)
    data = data[:len(data) * 2 // 3]
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) is None
    with pytest.raises(grabcut.GrabcutError, match="truncated"):
        grabcut.decode(data, allow_truncated=True)


def test_imread_and_batches_may_allow_it_too(tmp_path):
    path = tmp_path / "cut.png"
    path.write_bytes(whole_files()["png"][:-3000])
    assert grabcut.imread(path, allow_truncated=True, alpha=True).shape == (80, 96, 4)
    assert grabcut.segment_batch([path], iterations=1, allow_truncated=True)[0].shape == (80, 96)
    with pytest.raises(grabcut.GrabcutError):
        grabcut.segment_batch([path], iterations=1)


# ---- animations ----

def frames():
    return [Image.fromarray(picture(channels=4, seed=seed)) for seed in range(3)]


def test_the_first_frame_of_an_animated_webp_is_decoded():
    data = save(frames()[0], format="WEBP", save_all=True, append_images=frames()[1:], lossless=True, exact=True, duration=100)
    shown = Image.open(io.BytesIO(data))
    assert shown.n_frames == 3
    first = np.asarray(shown.convert("RGBA"))
    image = grabcut.decode(data, alpha=True, order="rgb")
    assert np.array_equal(image[:, :, 3], first[:, :, 3])
    assert np.array_equal(image[first[:, :, 3] == 255], first[first[:, :, 3] == 255])


@pytest.mark.parametrize("default_image", [False, True])
def test_the_still_image_of_an_animated_png_is_decoded(default_image):
    """It is the first frame, or shown where animations are not supported."""
    data = save(frames()[0], format="PNG", save_all=True, append_images=frames()[1:], default_image=default_image)
    assert b"acTL" in data
    assert np.array_equal(grabcut.decode(data, alpha=True, order="rgb"), np.asarray(frames()[0]))


def test_a_gif_is_refused():
    with pytest.raises(grabcut.GrabcutError, match="not a JPEG, PNG, WebP or BMP") as error:
        grabcut.decode(save(frames()[0].convert("P"), format="GIF", save_all=True, append_images=frames()[1:]))
    assert error.value.code == c.GRABCUT_EFORMAT
