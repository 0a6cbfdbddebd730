"""Files to pictures and back."""
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from . import lowlevel as c
from .arrays import as_picture, from_c
from .errors import check

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


def probe(data: Bytes) -> Probe:
    """Reads the header of a JPEG, PNG, WebP or BMP file and no pixel. GrabcutError where it is none."""
    code, text, found = c.probe(data)
    check(code, text)
    return Probe(_FORMATS[found[0]], *found[1:])


def decode(data: Bytes, *, max_pixels: int = 0, ignore_orientation: bool = False,
           max_bytes: int = 0) -> npt.NDArray[np.uint8]:
    """A JPEG, PNG, WebP or BMP file as HxWx3 uint8, BGR, upright: the pixels of cv2.imdecode.

    max_pixels: refuse larger pictures before any pixel is decoded; 0 means unlimited. max_bytes: raise MemoryError
    before anything is allocated if decoding may take more, the result included; 0 is 64 MiB and 16 bytes a
    pixel. `data` must not be written to meanwhile. Raises GrabcutError, MemoryError.
    """
    code, text, image = c.decode(data, max_pixels, int(ignore_orientation), max_bytes)
    check(code, text)
    return from_c(image)


def encode_png(image: Any, level: int = -1) -> bytes:
    """Grey (HxW), BGR (HxWx3) or BGRA (HxWx4) uint8 as a PNG file. level: zlib's 0 (none) to 9 (small)."""
    code, text, data = c.encode_png(as_picture(image, "image", (1, 3, 4)), level)
    check(code, text)
    return data


def encode_jpeg(image: Any, quality: int = 95) -> bytes:
    """Grey (HxW) or BGR (HxWx3) uint8 as a baseline JPEG file, quality 1 to 100."""
    code, text, data = c.encode_jpeg(as_picture(image, "image", (1, 3)), quality)
    check(code, text)
    return data


def cutout(image: Any, mask: Any, kind: str = "black") -> npt.NDArray[np.uint8]:
    """The foreground of `image` (HxWx3). `mask` is any of segment()'s: a pixel is foreground if its value
    is odd. kind: "black" (HxWx3, background black), "alpha" (HxWx4, background transparent) or "mask"
    (HxW, 255 and 0)."""
    if kind not in _KINDS:
        raise ValueError(f"no cut-out is called '{kind}': {', '.join(_KINDS)} are")
    code, text, picture = c.cutout(as_picture(image, "image", (3,)), as_picture(mask, "mask", (1,)), _KINDS[kind])
    check(code, text)
    return from_c(picture)
