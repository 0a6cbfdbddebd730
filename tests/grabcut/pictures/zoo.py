"""Small pictures in every kind of file that libgrabcut reads, made from seeded noise and ramps.

zoo(width, height, seed) yields Sample objects. `pixels` is set where the file's pixels are known without
a decoder (or where cv2.imdecode is known to see less than libgrabcut); elsewhere cv2.imdecode is the reference.
"""
import io
import struct
import zlib
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image


@dataclass
class Sample:
    name: str  # with extension
    data: bytes
    pixels: np.ndarray | None = None  # upright BGR
    orientation: int = 1


def turn(bgr, orientation):
    """Stored pixels to upright pixels, by EXIF orientation."""
    if orientation >= 5:
        bgr = bgr.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        bgr = bgr[:, ::-1]
    if orientation in (3, 4, 7, 8):
        bgr = bgr[::-1]
    return np.ascontiguousarray(bgr)


def scene(width, height, seed):
    """A ramp with blocks of noise: smooth parts and hard edges."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    bgr = np.stack([x * 255 // max(1, width - 1), y * 255 // max(1, height - 1), (x * 7 + y * 5) % 256], 2)
    noise = rng.integers(0, 256, (height, width, 3))
    return np.where(((x // 5 + y // 4) % 3 == 0)[..., None], noise, bgr).astype(np.uint8)


def exif(orientation, big_endian=False, prefix=b""):
    e = ">" if big_endian else "<"
    head = (b"MM" if big_endian else b"II") + struct.pack(e + "HI", 42, 8)
    make = struct.pack(e + "HHI4s", 0x010F, 2, 4, b"abc\0")
    turn_entry = struct.pack(e + "HHIHH", 0x0112, 3, 1, orientation, 0)
    return prefix + head + struct.pack(e + "H", 2) + make + turn_entry + struct.pack(e + "I", 0)


# ---- JPEG ----------------------------------------------------------------------------------


def segment(marker, payload):
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def pil_bytes(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def with_segments(jpeg, *segments):
    """Right behind SOI, as EXIF is."""
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def without_jfif(jpeg):
    assert jpeg[2:4] == b"\xff\xe0"
    return jpeg[:2] + jpeg[4 + struct.unpack(">H", jpeg[4:6])[0]:]


def adobe(transform):
    return segment(0xEE, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, transform))


def jpegs(bgr, seed):
    rgb = Image.fromarray(bgr[..., ::-1])
    height, width = bgr.shape[:2]
    for name, options in {
        "444": {"subsampling": 0}, "422": {"subsampling": 1}, "420": {"subsampling": 2},
        "low": {"quality": 15}, "high": {"quality": 98}, "optimized": {"optimize": True},
        "progressive": {"progressive": True}, "progressive-444": {"progressive": True, "subsampling": 0},
    }.items():
        yield Sample(f"{name}.jpg", pil_bytes(rgb, "JPEG", **{"quality": 80, **options}))
    for n in (1, 3):
        ok, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_RST_INTERVAL, n])
        assert ok
        yield Sample(f"restart-{n}.jpg", data.tobytes())
    yield Sample("grey.jpg", pil_bytes(rgb.convert("L"), "JPEG", quality=85))
    yield Sample("grey-progressive.jpg", pil_bytes(rgb.convert("L"), "JPEG", progressive=True))
    base = pil_bytes(rgb, "JPEG", quality=85)
    yield Sample("rgb-adobe.jpg", with_segments(without_jfif(pil_bytes(rgb, "JPEG", subsampling=0)), adobe(0)))
    rng = np.random.default_rng(seed)
    four = Image.fromarray(rng.integers(0, 256, (height, width, 4), dtype=np.uint8), "CMYK")
    cmyk = pil_bytes(four, "JPEG", quality=90)
    yield Sample("cmyk.jpg", cmyk)
    at = cmyk.index(b"Adobe") + 11
    yield Sample("ycck.jpg", cmyk[:at] + b"\x02" + cmyk[at + 1:])
    for o in range(1, 9):
        app1 = segment(0xE1, exif(o, big_endian=o % 2 == 0, prefix=b"Exif\0\0"))
        yield Sample(f"exif-{o}.jpg", with_segments(base, app1), orientation=o)
    plain = cv2.imdecode(np.frombuffer(base, np.uint8), cv2.IMREAD_COLOR)
    xmp = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>")
    app1 = segment(0xE1, exif(6, prefix=b"Exif\0\0"))
    # cv2 4.6 looks at the first APP1 only.
    yield Sample("xmp-then-exif.jpg", with_segments(base, xmp, app1), turn(plain, 6), 6)
    yield Sample("exif-nonsense.jpg", with_segments(base, segment(0xE1, exif(9, prefix=b"Exif\0\0"))))
    yield Sample("exif-cut.jpg", with_segments(base, segment(0xE1, exif(3, prefix=b"Exif\0\0")[:20])))
    yield Sample("comment.jpg", with_segments(base, segment(0xFE, b"x" * 300)))
    yield Sample("trailing.jpg", base + b"\0garbage\xff\xd8" * 3)


# ---- PNG -----------------------------------------------------------------------------------

ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(kind, payload):
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def packed_rows(samples, depth):
    """samples: height x width x channels of integers below 2**depth, to bytes a row."""
    for row in samples.reshape(samples.shape[0], -1):
        if depth == 16:
            yield row.astype(">u2").tobytes()
        elif depth == 8:
            yield row.astype(np.uint8).tobytes()
        else:
            bits = ((row[:, None] >> np.arange(depth - 1, -1, -1)) & 1).astype(np.uint8)
            yield np.packbits(bits.ravel()).tobytes()


def filtered(rows, bytes_a_pixel, rng):
    """Each row with one of PNG's filters None, Sub, Up."""
    out, above = [], None
    for row in rows:
        now = np.frombuffer(row, np.uint8)
        kind = int(rng.integers(0, 3))
        if kind == 1:
            left = np.concatenate([np.zeros(bytes_a_pixel, np.uint8), now])[: len(now)]
            body = now - left
        elif kind == 2:
            body = now - (above if above is not None else np.zeros_like(now))
        else:
            body = now
        out.append(bytes([kind]) + body.tobytes())
        above = now
    return b"".join(out)


def png_bytes(samples, colour_type, depth, interlaced=False, extra=(), after=(), seed=0, idat=1 << 20):
    height, width, channels = samples.shape
    rng = np.random.default_rng(seed)
    bpp = max(1, channels * depth // 8)
    if interlaced:
        passes = [samples[y0::dy, x0::dx] for x0, y0, dx, dy in ADAM7]
        raw = b"".join(filtered(packed_rows(p, depth), bpp, rng) for p in passes if p.size)
    else:
        raw = filtered(packed_rows(samples, depth), bpp, rng)
    ihdr = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, int(interlaced))
    body = zlib.compress(raw, 9)
    parts = [body[i: i + idat] for i in range(0, len(body), idat)]
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + b"".join(chunk(k, p) for k, p in extra)
            + b"".join(chunk(b"IDAT", p) for p in parts)
            + b"".join(chunk(k, p) for k, p in after) + chunk(b"IEND", b""))


def pngs(width, height, seed):
    rng = np.random.default_rng(seed)
    colours = {0: (1, "grey"), 2: (3, "rgb"), 3: (1, "palette"), 4: (2, "grey-alpha"), 6: (4, "rgba")}
    for colour_type, (channels, name) in colours.items():
        depths = {0: (1, 2, 4, 8, 16), 3: (1, 2, 4, 8)}.get(colour_type, (8, 16))
        for depth in depths:
            samples = rng.integers(0, 1 << depth, (height, width, channels))
            palette = rng.integers(0, 256, (min(256, 1 << depth), 3), dtype=np.uint8).tobytes()
            extra = [(b"PLTE", palette)] if colour_type == 3 else []
            for interlaced in (False, True):
                kind = f"{name}-{depth}{'-interlaced' if interlaced else ''}.png"
                yield Sample(kind, png_bytes(samples, colour_type, depth, interlaced, extra, seed=seed))
            if colour_type in (0, 2):
                key = struct.pack(">" + "H" * channels, *samples[0, 0].tolist())
                yield Sample(f"{name}-{depth}-trns.png",
                             png_bytes(samples, colour_type, depth, extra=[(b"tRNS", key)], seed=seed))
            if colour_type == 3:
                alpha = rng.integers(0, 256, min(256, 1 << depth), dtype=np.uint8).tobytes()
                yield Sample(f"{name}-{depth}-trns.png",
                             png_bytes(samples, 3, depth, extra=[*extra, (b"tRNS", alpha)], seed=seed))
    rgb = rng.integers(0, 256, (height, width, 3))
    meta = [(b"gAMA", struct.pack(">I", 100000)), (b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)),
            (b"sBIT", b"\5\6\5"), (b"pHYs", struct.pack(">IIB", 2835, 2835, 1)),
            (b"tEXt", b"Comment\0hello"), (b"zTXt", b"Comment\0\0" + zlib.compress(b"hello" * 100))]
    yield Sample("metadata.png", png_bytes(rgb, 2, 8, extra=meta, seed=seed))
    yield Sample("many-idat.png", png_bytes(rgb, 2, 8, idat=7, seed=seed))
    yield Sample("exif-before.png", png_bytes(rgb, 2, 8, extra=[(b"eXIf", exif(8))], seed=seed), orientation=8)
    yield Sample("exif-after.png", png_bytes(rgb, 2, 8, after=[(b"eXIf", exif(5, True))], seed=seed),
                 orientation=5)
    adaptive = pil_bytes(Image.fromarray(scene(width, height, seed)), "PNG", optimize=True)
    yield Sample("adaptive.png", adaptive)


# ---- WebP ----------------------------------------------------------------------------------


def riff(*chunks):
    body = b"WEBP" + b"".join(k + struct.pack("<I", len(p)) + p + b"\0" * (len(p) & 1) for k, p in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_frame(webp):
    """The chunk of a simple WebP file."""
    return webp[12:16], webp[20: 20 + struct.unpack("<I", webp[16:20])[0]]


def le24(n):
    return struct.pack("<I", n)[:3]


def webps(bgr, seed):
    height, width = bgr.shape[:2]
    rgb = Image.fromarray(bgr[..., ::-1])
    rng = np.random.default_rng(seed)
    alpha = Image.fromarray(rng.integers(0, 256, (height, width), dtype=np.uint8))
    rgba = rgb.copy()
    rgba.putalpha(alpha)
    lossless = pil_bytes(rgb, "WEBP", lossless=True, quality=50, method=2)
    yield Sample("lossless.webp", lossless, bgr)
    yield Sample("lossy.webp", pil_bytes(rgb, "WEBP", quality=60))
    yield Sample("lossy-best.webp", pil_bytes(rgb, "WEBP", quality=95, method=6))
    yield Sample("alpha.webp", pil_bytes(rgba, "WEBP", quality=70))
    yield Sample("alpha-lossless.webp", pil_bytes(rgba, "WEBP", lossless=True, exact=True), bgr)
    canvas = le24(width - 1) + le24(height - 1)
    # cv2 4.6 knows no EXIF and no animation in WebP.
    for o, prefix in ((6, b""), (3, b"Exif\0\0")):
        data = riff((b"VP8X", b"\x08\0\0\0" + canvas), webp_frame(lossless), (b"EXIF", exif(o, prefix=prefix)))
        yield Sample(f"exif-{o}.webp", data, turn(bgr, o), o)
    data = io.BytesIO()
    rgb.save(data, "WEBP", lossless=True, save_all=True, append_images=[rgb.rotate(180)], duration=100)
    yield Sample("animated.webp", data.getvalue(), bgr)
    if width >= 8 and height >= 8:
        part = bgr[: height - 4, : width - 6]
        kind, payload = webp_frame(pil_bytes(Image.fromarray(part[..., ::-1]), "WEBP", lossless=True))
        head = le24(2) + le24(1) + le24(part.shape[1] - 1) + le24(part.shape[0] - 1) + le24(100) + b"\2"
        inner = kind + struct.pack("<I", len(payload)) + payload + b"\0" * (len(payload) & 1)
        data = riff((b"VP8X", b"\x02\0\0\0" + canvas), (b"ANIM", b"\xff\xff\xff\xff\0\0"), (b"ANMF", head + inner))
        pixels = np.zeros_like(bgr)
        pixels[2: height - 2, 4: width - 2] = part
        yield Sample("animated-part.webp", data, pixels)


# ---- BMP -----------------------------------------------------------------------------------


def bmp_rows(samples, bits):
    pitch = (samples.shape[1] * bits + 31) // 32 * 4
    for row in samples:
        if bits == 32:
            body = row.astype("<u4").tobytes()
        elif bits == 16:
            body = row.astype("<u2").tobytes()
        else:
            body = next(packed_rows(row[None, :, None], bits))
        yield body.ljust(pitch, b"\0")


def bmp_bytes(width, height, bits, pixels, packing=0, palette=b"", masks=b"", colours=0, top_down=False,
              core=False, v4=False):
    if core:
        dib = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        dib = struct.pack("<IiiHHIIiiII", 108 if v4 else 40, width, -height if top_down else height, 1, bits,
                          packing, len(pixels), 2835, 2835, colours, 0)
        dib += masks.ljust(68, b"\0") if v4 else masks
    offset = 14 + len(dib) + len(palette)
    return struct.pack("<2sIHHI", b"BM", offset + len(pixels), 0, 0, offset) + dib + palette + pixels


def rle(indices, bits, rng):
    """Rows (bottom first) as runs, absolute runs, early ends of line and moves to the right."""
    out = bytearray()
    for row in indices[::-1]:
        x, width = 0, len(row)
        while x < width:
            left = width - x
            kind = int(rng.integers(0, 8))
            if kind == 0 and left > 3:  # a move: what it skips has the palette's first colour
                n = int(rng.integers(1, min(left, 250)))
                out += bytes([0, 2, n, 0])
                row[x: x + n] = 0
            elif kind <= 2 and left >= 3:
                n = int(rng.integers(3, min(left, 255) + 1))
                part = row[x: x + n].astype(np.uint8)
                body = part.tobytes() if bits == 8 else next(packed_rows(part[None, :, None], 4))
                out += bytes([0, n]) + body + b"\0" * (len(body) & 1)
            else:
                n = int(rng.integers(1, min(left, 20) + 1))
                a = int(row[x])
                b = int(row[min(x + 1, width - 1)]) if bits == 4 else a
                row[x: x + n] = [a if i % 2 == 0 else b for i in range(n)]
                out += bytes([n, a if bits == 8 else a << 4 | b])
            x += n
            if x < width and int(rng.integers(0, 30)) == 0:
                row[x:] = 0
                break
        out += b"\0\0"
    return bytes(out) + b"\0\1"


def bmps(bgr, seed):
    height, width = bgr.shape[:2]
    rng = np.random.default_rng(seed)
    for bits in (1, 4, 8):
        for top_down in (False, True):
            indices = rng.integers(0, 1 << bits, (height, width))
            palette = rng.integers(0, 256, (1 << bits, 4), dtype=np.uint8)
            stored = indices if top_down else indices[::-1]
            data = bmp_bytes(width, height, bits, b"".join(bmp_rows(stored, bits)), palette=palette.tobytes(),
                             top_down=top_down)
            yield Sample(f"palette-{bits}{'-top' if top_down else ''}.bmp", data, palette[indices][..., :3])
        core = bmp_bytes(width, height, bits, b"".join(bmp_rows(indices[::-1], bits)),
                         palette=palette[:, :3].tobytes(), core=True)
        yield Sample(f"palette-{bits}-core.bmp", core, palette[indices][..., :3])
    few = rng.integers(0, 3, (height, width))
    yield Sample("palette-8-few.bmp", bmp_bytes(width, height, 8, b"".join(bmp_rows(few[::-1], 8)),
                                                palette=palette[:3].tobytes(), colours=3))
    rows = b"".join(r.tobytes().ljust((width * 3 + 3) // 4 * 4, b"\0") for r in bgr[::-1])
    yield Sample("bgr-24.bmp", bmp_bytes(width, height, 24, rows), bgr)
    yield Sample("bgr-24-core.bmp", bmp_bytes(width, height, 24, rows, core=True))
    wide = rng.integers(0, 1 << 32, (height, width), dtype=np.uint64)
    rows = b"".join(bmp_rows(wide, 32))
    masks = struct.pack("<III", 0xFF0000, 0xFF00, 0xFF)
    yield Sample("bgra-32.bmp", bmp_bytes(width, height, 32, rows))
    yield Sample("bgra-32-top.bmp", bmp_bytes(width, height, 32, rows, top_down=True))
    yield Sample("bgra-32-masks.bmp", bmp_bytes(width, height, 32, rows, packing=3, masks=masks))
    yield Sample("bgra-32-v4.bmp", bmp_bytes(width, height, 32, rows, packing=3, masks=masks, v4=True))
    swapped = np.stack([wide >> 8 & 255, wide >> 16 & 255, wide >> 24], 2).astype(np.uint8)[::-1]
    # cv2 4.6 takes every 32 bit file for BGRA.
    masks = struct.pack("<III", 0xFF000000, 0xFF0000, 0xFF00)
    yield Sample("abgr-32-masks.bmp", bmp_bytes(width, height, 32, rows, packing=3, masks=masks), swapped)
    rows = b"".join(bmp_rows(wide & 0xFFFF, 16))
    yield Sample("555-16.bmp", bmp_bytes(width, height, 16, rows))
    for name, masks in {"555": (0x7C00, 0x3E0, 0x1F), "565": (0xF800, 0x7E0, 0x1F)}.items():
        yield Sample(f"{name}-16-masks.bmp",
                     bmp_bytes(width, height, 16, rows, packing=3, masks=struct.pack("<III", *masks)))
    for bits in (4, 8):
        indices = rng.integers(0, 1 << bits, (height, width))
        palette = rng.integers(0, 256, (1 << bits, 4), dtype=np.uint8)
        pixels = rle(indices, bits, rng)
        data = bmp_bytes(width, height, bits, pixels, packing=3 - bits // 4, palette=palette.tobytes())
        yield Sample(f"rle-{bits}.bmp", data, palette[indices][..., :3])


def zoo(width, height, seed):
    bgr = scene(width, height, seed)
    yield from jpegs(bgr, seed)
    yield from pngs(width, height, seed)
    yield from webps(bgr, seed)
    yield from bmps(bgr, seed)
