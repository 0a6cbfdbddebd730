"""numpy arrays to and from C, copied only where C could not read them in place."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import lowlevel as c

if TYPE_CHECKING:
    import numpy.typing as npt


def as_picture(value: Any, what: str, channels: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """`value` as an array that C can read: raises TypeError or ValueError if it is not such an image. Rows may
    be apart in memory (a slice of a larger image). If the pixels of a row are, the array is copied."""
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
