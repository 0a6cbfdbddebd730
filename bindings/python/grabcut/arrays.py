"""numpy arrays to and from C, copied only where C could not read them in place."""
from __future__ import annotations

import operator
import sys
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from . import lowlevel as c

if TYPE_CHECKING:
    import numpy.typing as npt

Order = Literal["bgr", "rgb"]
Alpha = Literal["ignore", "respect"]


def whole(value: Any, what: str, least: int = -2**31, most: int = 2**31 - 1) -> int:
    """`value` as an int: raises TypeError or ValueError with the argument's name."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{what} must be an integer, not {type(value).__name__}") from None
    if not least <= number <= most:
        raise ValueError(f"{what} must be from {least} to {most}, not {number}")
    return number


def is_pil(value: Any) -> bool:
    """True for an image of Pillow, which need not be installed."""
    pil = sys.modules.get("PIL.Image")
    return pil is not None and isinstance(value, pil.Image)


def check_order(order: Any) -> None:
    if order not in (None, "bgr", "rgb"):
        raise ValueError(f"order must be 'bgr' or 'rgb', not {order!r}")


def as_bgr(value: Any, what: str, channels: tuple[int, ...], order: Order | None) -> npt.NDArray[np.uint8]:
    """`value` as as_picture() returns it, with the colours in C's order. A Pillow image is RGB; an array is BGR
    unless `order` says something else."""
    check_order(order)
    if is_pil(value):
        if order == "bgr":
            raise ValueError(f"{what} is a Pillow image, whose colours are RGB: leave order out, or pass an array")
        grey, alpha = value.mode == "L" and 1 in channels, value.mode in ("RGBA", "LA", "PA") and 4 in channels
        value = np.asarray(value if grey else value.convert("RGBA" if alpha else "RGB"))
        order = "rgb"
    picture = as_picture(value, what, channels)
    if order != "rgb" or picture.ndim == 2:
        return picture
    return np.ascontiguousarray(picture[:, :, [2, 1, 0, 3][:picture.shape[2]]])


def as_picture(value: Any, what: str, channels: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """`value` as an array that C can read: raises TypeError or ValueError if it is not such an image. Rows may
    be apart in memory (a slice of a larger image). If the pixels of a row are, the array is copied."""
    if isinstance(value, (str, bytes)) or hasattr(value, "__fspath__"):
        raise TypeError(f"{what} must be an array or a Pillow image, not {type(value).__name__}: imread() and decode() read files")
    array = np.asarray(value)
    if array.dtype != np.uint8:
        raise TypeError(f"{what} must be of dtype uint8, not {array.dtype}")
    found = 1 if array.ndim == 2 else array.shape[2] if array.ndim == 3 else 0
    if found not in channels or (array.ndim == 3 and channels == (1,)):
        shapes = " or ".join("height x width" if n == 1 else f"height x width x {n}" for n in channels)
        raise ValueError(f"{what} must be {shapes}, not {' x '.join(map(str, array.shape)) or 'a number'}")
    if 0 in array.shape:
        raise ValueError(f"{what} has no pixels")
    pixel = found if array.ndim == 3 else 1
    side_by_side = (array.strides[1] == pixel and array.strides[-1] == 1
                    and array.strides[0] >= array.shape[1] * pixel)
    return array if side_by_side else np.ascontiguousarray(array)


def without_alpha(value: Any, what: str) -> npt.NDArray[np.uint8]:
    """An image of 3 channels, in the order that it has; the fourth of 4 is left out."""
    picture = as_picture(value, what, (3, 4))
    return picture if picture.shape[2] == 3 else np.ascontiguousarray(picture[:, :, :3])


def check_alpha(alpha: Any) -> None:
    if alpha not in ("ignore", "respect"):
        raise ValueError(f"alpha must be 'ignore' or 'respect', not {alpha!r}")


def alpha_of(picture: Any, alpha: Alpha) -> npt.NDArray[np.uint8] | None:
    """The fourth channel of an image, None if it has none or it is to be ignored."""
    array = np.asarray(picture)
    if alpha == "ignore" or array.ndim != 3 or array.shape[2] != 4:
        return None
    plane: npt.NDArray[np.uint8] = array[:, :, 3]
    return plane


class _Owner:
    """Pixels that C allocated, in the form of numpy's array interface. The array keeps this object as its base,
    and with it the memory."""

    def __init__(self, image: c.grabcut_image) -> None:
        self._image = image
        shape = (image.height, image.width) + ((image.channels,) if image.channels > 1 else ())
        strides = (image.stride, image.channels) + ((1,) if image.channels > 1 else ())
        self.__array_interface__ = {
            "version": 3, "typestr": "|u1", "shape": shape, "strides": strides, "data": (image.address(), False),
        }


def from_c(image: c.grabcut_image) -> npt.NDArray[np.uint8]:
    return np.asarray(_Owner(image))
