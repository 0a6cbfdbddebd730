"""segment(): checks the arguments and runs the engine."""
from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, Callable, Literal, Sequence, Union

import numpy as np

from . import lowlevel as c
from .arrays import Alpha, Order, alpha_of, as_bgr, as_picture, check_alpha, is_pil, whole, without_alpha
from .bar import make_bar
from .errors import check
from .models import Models
from .progress import Progress

if TYPE_CHECKING:
    import numpy.typing as npt

    Rect = Union[Sequence[int], npt.NDArray[np.integer[Any]], Literal["auto"]]

BGD: int = c.GRABCUT_BGD  #: sure background
FGD: int = c.GRABCUT_FGD  #: sure foreground
PR_BGD: int = c.GRABCUT_PR_BGD  #: probable background
PR_FGD: int = c.GRABCUT_PR_FGD  #: probable foreground


class Mode(enum.IntEnum):
    """How a run starts; the numbers are cv2's."""

    RECT = c.GRABCUT_INIT_WITH_RECT  #: outside of rect is background; cv2.GC_INIT_WITH_RECT
    MASK = c.GRABCUT_INIT_WITH_MASK  #: models are learned from a mask; cv2.GC_INIT_WITH_MASK
    EVAL = c.GRABCUT_EVAL  #: continues with mask and models; cv2.GC_EVAL
    EVAL_FREEZE_MODEL = c.GRABCUT_EVAL_FREEZE_MODEL  #: the same; models are not changed


_PHASES = {c.GRABCUT_PHASE_INIT: "init", c.GRABCUT_PHASE_MODELS: "models", c.GRABCUT_PHASE_CUT: "cut"}
_SIMD = {"auto": c.GRABCUT_SIMD_AUTO, "portable": c.GRABCUT_SIMD_PORTABLE, "avx2": c.GRABCUT_SIMD_AVX2}


def segment(image: Any, rect: Rect | None = None, iterations: int = 5, seed: int = 0, *, order: Order | None = None,
            mask: Any = None, models: Models | None = None, mode: Mode | int | None = None, threads: int = 1,
            progress: Callable[[Progress], object] | bool | None = None, full: bool = False, max_bytes: int = 0,
            simd: str = "auto", alpha: Alpha = "ignore") -> npt.NDArray[np.uint8]:
    """Returns the foreground of an image as HxW uint8 of 0 and 1.

    image: HxWx3 uint8 in BGR order, as cv2 and imread() have it, or in RGB order with ``order="rgb"``; HxWx4, whose
    alpha is ignored by default; or a Pillow image, which is RGB (its EXIF orientation is not applied).

    The mask is that of ``cv2.grabCut`` after ``cv2.setRNGSeed(seed)``, & 1. It depends only on the image, the start, the number of
    iterations and the seed.

    rect: (x, y, width, height) around the foreground, a sequence or array of four integers; "auto" (the default without
    mask) leaves out 5 % of each side, at least a pixel. mask: a start with the four values BGD, FGD, PR_BGD, PR_FGD;
    it is not written to. mode: by
    default RECT, or MASK if a mask is given. models: read by the EVAL modes, written by all others and
    EVAL, so that a run can be continued: take ``full=True`` masks, whose four values carry what `& 1`
    drops. threads: how many C may use; the mask does not depend on it. progress: True shows a bar on
    stderr if that is a terminal and the run takes longer than half a second; a function is called regularly with
    a Progress: if it returns true, the run stops (Canceled); if it raises, the run stops and the exception is
    raised. Ctrl-C stops it, too.
    max_bytes: refuse (MemoryError) before the work starts if more would be allocated; 0 means unlimited.
    simd: "auto", "portable" or "avx2".
    alpha: "respect" makes transparent pixels (HxWx4, alpha 0) background; cutout() multiplies alpha into its result.

    Raises GrabcutError (a ValueError: rect outside, no foreground or no background to begin with, ...),
    ValueError and TypeError for other arguments, MemoryError.
    """
    check_alpha(alpha)
    if alpha == "respect" and is_pil(image):
        image = image.convert("RGBA")  # also of a palette with transparency
    colours = as_bgr(image, "image", (3, 4), order)
    picture = without_alpha(colours, "image")
    height, width = picture.shape[:2]
    mode = Mode(mode) if mode is not None else Mode.RECT if mask is None else Mode.MASK
    work = _start(mask, mode, height, width)
    box = _rect(rect, mode, width, height)
    plane = alpha_of(colours, alpha)
    if plane is not None:
        mode = _without_transparent(work, mode, box, plane)
    if models is not None and not isinstance(models, Models):
        raise TypeError(f"models must be a grabcut.Models, not {type(models).__name__}")
    if simd not in _SIMD:
        raise ValueError(f"simd: expected one of {', '.join(_SIMD)}, got '{simd}'")
    bar = make_bar() if progress is True else None
    try:
        code, text = c.segment(work, picture, mode, whole(iterations, "iterations", 1), *box,
                               whole(seed, "seed", -2**63, 2**64 - 1) & (2**64 - 1), None if models is None else models.data,
                               whole(threads, "threads", 1), _SIMD[simd], whole(max_bytes, "max_bytes", 0, 2**63 - 1),
                               _adapter(bar or progress or None))
    finally:
        if bar is not None:
            bar.close()
    check(code, text)
    return work if full else np.bitwise_and(work, 1, out=work)


def _start(mask: Any, mode: Mode, height: int, width: int) -> npt.NDArray[np.uint8]:
    """The mask that C reads and writes, always a new array."""
    if mode is Mode.RECT:
        if mask is not None:
            raise ValueError("a run that starts with rect takes no mask")
        return np.zeros((height, width), np.uint8)
    if mask is None:
        raise ValueError(f"mode {mode.name} needs a mask")
    start = as_picture(mask, "mask", (1,))
    if start.shape != (height, width):
        raise ValueError(f"mask is {start.shape[0]} x {start.shape[1]}, the picture {height} x {width}")
    return np.array(start, order="C")


def _without_transparent(work: npt.NDArray[np.uint8], mode: Mode, box: tuple[int, int, int, int],
                         plane: npt.NDArray[np.uint8]) -> Mode:
    """Makes transparent pixels background in the start mask, into which a rect is drawn first. Returns the mode to
    start with; a rect that is outside of the image is left to C to refuse."""
    if mode is Mode.RECT:
        height, width = work.shape
        x, y = max(box[0], 0), max(box[1], 0)
        right, bottom = min(x + box[2], width), min(y + box[3], height)
        if right <= x or bottom <= y:
            return mode
        work[y:bottom, x:right] = PR_FGD
        mode = Mode.MASK
    work[plane == 0] = BGD
    return mode


def _rect(rect: Rect | None, mode: Mode, width: int, height: int) -> tuple[int, int, int, int]:
    if isinstance(rect, str) and rect == "auto":
        rect = None
    elif rect is not None and mode is not Mode.RECT:
        raise ValueError("a run that starts with a mask takes no rect")
    if rect is None:
        return rect_inset(width, height) if mode is Mode.RECT else (0, 0, 0, 0)
    if isinstance(rect, (str, bytes)) or not hasattr(rect, "__len__") or len(rect) != 4:
        raise ValueError('rect must be (x, y, width, height) or "auto"')
    x, y, w, h = (whole(v, "rect's " + name) for name, v in zip(("x", "y", "width", "height"), rect))
    return x, y, w, h


def _adapter(progress: Any) -> Callable[..., object] | None:
    if progress is None:
        return None
    if not callable(progress):
        raise TypeError(f"progress must be callable, not {type(progress).__name__}")
    return lambda phase, iteration, iterations, done: progress(
        Progress(_PHASES.get(phase, "cut"), iteration, iterations, done))


def rect_inset(width: int, height: int, percent: int = 5) -> tuple[int, int, int, int]:
    """Returns the rect that leaves `percent` (0 to 49) of each side out, and at least a pixel if that is above 0."""
    r = c.grabcut_rect_inset(whole(width, "width"), whole(height, "height"), whole(percent, "percent"))
    return r.x, r.y, r.width, r.height


def estimate(width: int, height: int, rect: Rect | None = None, *, mode: Mode | int = Mode.RECT,
             threads: int = 1) -> int:
    """Returns the most bytes that segment() allocates for an image of this size, besides image and mask."""
    width, height, mode = whole(width, "width"), whole(height, "height"), Mode(mode)
    box = _rect(rect, mode, width, height)
    code, size = c.estimate(width, height, mode, *box, whole(threads, "threads", 1))
    check(code)
    return size
