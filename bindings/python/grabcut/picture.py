"""Files to pictures and back."""
from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from . import lowlevel as c
from .arrays import (Alpha, Order, alpha_of, as_bgr, as_picture, check_alpha, check_order, from_c, is_pil, whole,
                     without_alpha)
from .errors import GrabcutError, check

if TYPE_CHECKING:
    import numpy.typing as npt

Bytes = Union[bytes, bytearray, memoryview]

_FORMATS = {c.GRABCUT_FORMAT_JPEG: "jpeg", c.GRABCUT_FORMAT_PNG: "png", c.GRABCUT_FORMAT_WEBP: "webp",
            c.GRABCUT_FORMAT_BMP: "bmp"}
_KINDS = {"black": c.GRABCUT_CUTOUT_BLACK, "alpha": c.GRABCUT_CUTOUT_ALPHA, "mask": c.GRABCUT_CUTOUT_MASK}


@dataclass(frozen=True)
class Probe:
    """What the header of a file says."""

    format: str  #: "jpeg", "png", "webp" or "bmp"
    width: int  #: as stored, before the orientation is applied
    height: int
    orientation: int  #: EXIF's: 1 (upright) to 8

    @property
    def mime(self) -> str:
        return f"image/{self.format}"


def _bytes(data: Any) -> Any:
    if isinstance(data, str) or hasattr(data, "__fspath__"):
        raise TypeError("data must be the bytes of a file, not its name: imread() takes one")
    try:
        memoryview(data)
    except TypeError:
        raise TypeError(f"data must be the bytes of a file, not {type(data).__name__}") from None
    return data


def probe(data: Bytes) -> Probe:
    """Reads the header of a JPEG, PNG, WebP or BMP file and no pixel. GrabcutError where it is none."""
    code, text, found = c.probe(_bytes(data))
    check(code, text)
    return Probe(_FORMATS[found[0]], *found[1:])


def decode(data: Bytes, *, max_pixels: int = 0, ignore_orientation: bool = False, max_bytes: int = 0, order: Order = "bgr",
           alpha: bool = False, allow_truncated: bool = False) -> npt.NDArray[np.uint8]:
    """A JPEG, PNG, WebP or BMP file as HxWx3 uint8, upright: the pixels of cv2.imdecode. order: "bgr" or "rgb".

    alpha: HxWx4 instead, opaque where the file has no alpha. allow_truncated: decode a JPEG, PNG or BMP that ends too
    early as far as it goes; what is missing is grey (JPEG) or black. icc_profile() reads the colour profile.
    max_pixels: refuse larger pictures before any pixel is decoded; 0 means unlimited. max_bytes: raise MemoryError
    before anything is allocated if decoding may take more, the result included; 0 is 64 MiB and 16 bytes a
    pixel. `data` must not be written to meanwhile. Raises GrabcutError, MemoryError.
    """
    check_order(order)
    code, text, image = c.decode(_bytes(data), whole(max_pixels, "max_pixels", 0, 2**63 - 1), int(ignore_orientation),
                                 whole(max_bytes, "max_bytes", 0, 2**63 - 1), int(alpha), int(allow_truncated))
    check(code, text)
    array = from_c(image)
    if order == "rgb":
        array[:, :, [0, 2]] = array[:, :, [2, 0]]
    return array


def icc_profile(data: Bytes) -> bytes | None:
    """The ICC profile of a PNG, JPEG or WebP file, for encode_png() and the others: decode() does not convert colours.
    None if the file has none, one of another colour space than RGB, one over 1 MiB, or a damaged one."""
    code, text, profile = c.icc_profile(_bytes(data))
    check(code, text)
    return profile


def imread(path: str | os.PathLike[str], *, max_pixels: int = 0, ignore_orientation: bool = False, max_bytes: int = 0,
           order: Order = "bgr", alpha: bool = False, allow_truncated: bool = False) -> npt.NDArray[np.uint8]:
    """decode() of the file at `path`. Unlike cv2.imread it raises what went wrong (OSError, GrabcutError)."""
    with open(path, "rb") as file:
        data = file.read()
    try:
        return decode(data, max_pixels=max_pixels, ignore_orientation=ignore_orientation, max_bytes=max_bytes, order=order,
                      alpha=alpha, allow_truncated=allow_truncated)
    except GrabcutError as e:
        raise type(e)(f"{os.fspath(path)}: {e}", e.code) from None


def _encode(image: Any, channels: tuple[int, ...], order: Order | None, format: int, level: int, quality: int,
            icc: Bytes | None) -> bytes:
    picture = as_bgr(image, "image", channels, order)
    code, text, data = c.encode(picture, format, level, quality, None if icc is None else _bytes(icc))
    check(code, text)
    return data


def encode_png(image: Any, level: int = -1, *, order: Order | None = None, icc: Bytes | None = None) -> bytes:
    """Grey (HxW), BGR (HxWx3) or BGRA (HxWx4) uint8, or a Pillow image, as a PNG file. level: zlib's 0 (none) to
    9 (small); -1 is the fastest for photos. order="rgb": the array is RGB or RGBA. icc: a profile to embed, as
    icc_profile() returns it."""
    return _encode(image, (1, 3, 4), order, c.GRABCUT_FORMAT_PNG, whole(level, "level"), 0, icc)


def encode_jpeg(image: Any, quality: int = 95, *, order: Order | None = None, icc: Bytes | None = None) -> bytes:
    """Grey (HxW) or BGR (HxWx3) uint8, or a Pillow image, as a baseline JPEG file, quality 1 to 100."""
    return _encode(image, (1, 3), order, c.GRABCUT_FORMAT_JPEG, 0, whole(quality, "quality"), icc)


def encode_webp(image: Any, quality: int = 90, *, order: Order | None = None, icc: Bytes | None = None) -> bytes:
    """Like encode_png(), as a WebP file: quality 1 to 100, or 0 for lossless. Alpha and grey images are exact at any
    quality."""
    return _encode(image, (1, 3, 4), order, c.GRABCUT_FORMAT_WEBP, 0, whole(quality, "quality"), icc)


_ENCODERS = {".png": encode_png, ".jpg": encode_jpeg, ".jpeg": encode_jpeg, ".webp": encode_webp}


def imwrite(path: str | os.PathLike[str], image: Any, *, order: Order | None = None, level: int | None = None,
            quality: int | None = None, icc: Bytes | None = None) -> None:
    """Writes an image to a file whose format follows from its name: .png (`level`), .jpg, .jpeg or .webp (`quality`).
    The file is replaced in one step. Raises ValueError for another name, OSError."""
    path = os.fspath(path)
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in _ENCODERS:
        raise ValueError(f"imwrite: the name of the file must end in {', '.join(_ENCODERS)}: {path}")
    wrong = ("quality", quality) if suffix == ".png" else ("level", level)
    if wrong[1] is not None:
        raise ValueError(f"imwrite: {suffix} takes no {wrong[0]}")
    setting = level if suffix == ".png" else quality
    data = _ENCODERS[suffix](image, *(() if setting is None else (setting,)), order=order, icc=icc)
    folder, name = os.path.split(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=folder or ".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def cutout(image: Any, mask: Any, kind: str = "black", *, alpha: Alpha = "ignore") -> npt.NDArray[np.uint8]:
    """The foreground of `image` (HxWx3, or HxWx4 whose alpha is ignored; or a Pillow image). `mask` is any of
    segment()'s: a pixel is foreground if its value is odd. kind: "black" (HxWx3, background black), "alpha" (HxWx4,
    background transparent and black) or "mask" (HxW, 255 and 0). The colours stay in their order: RGB for a Pillow
    image. alpha="respect": "alpha" multiplies the image's alpha into that of the cut-out."""
    if kind not in _KINDS:
        raise ValueError(f"no cut-out is called '{kind}': {', '.join(_KINDS)} are")
    check_alpha(alpha)
    array = np.asarray(image.convert("RGBA" if alpha == "respect" else "RGB")) if is_pil(image) else image
    code, text, picture = c.cutout(without_alpha(array, "image"), as_picture(mask, "mask", (1,)), _KINDS[kind])
    check(code, text)
    result = from_c(picture)
    plane = alpha_of(array, alpha)
    if plane is not None and kind == "alpha":
        result[:, :, 3] = np.where(result[:, :, 3] != 0, plane, 0)
        result[result[:, :, 3] == 0] = 0
    return result
