"""GrabCut: image in, foreground mask out. OpenCV's mask, pixel for pixel, wherever its cut is minimal and unique.

    import grabcut

    image = grabcut.imread("photo.jpg")                              # HxWx3 uint8, BGR
    mask = grabcut.segment(image, rect=(x, y, w, h), iterations=5)   # HxW uint8, 0 or 1
    grabcut.imwrite("cutout.png", grabcut.cutout(image, mask, "alpha"))

Arrays are BGR, as cv2's are, unless ``order="rgb"`` says something else. Pillow images may be passed unchanged.

Functions may be called from any number of threads; the interpreter's lock is released while C works.
The module ``grabcut.lowlevel`` is the C header as SWIG wraps it.
"""
from .batch import segment_batch
from .errors import Canceled, GrabcutError
from .lowlevel import grabcut_version as _grabcut_version
from .models import Models
from .picture import Probe, cutout, decode, encode_jpeg, encode_png, encode_webp, icc_profile, imread, imwrite, probe
from .progress import Progress
from .segmentation import (BGD, FGD, PR_BGD, PR_FGD, Mode, estimate, rect_inset, segment)

__version__: str = _grabcut_version()

__all__ = [
    "BGD", "Canceled", "FGD", "GrabcutError", "Mode", "Models", "PR_BGD", "PR_FGD", "Probe", "Progress", "cutout",
    "decode", "encode_jpeg", "encode_png", "encode_webp", "estimate", "icc_profile", "imread", "imwrite", "probe", "rect_inset", "segment",
    "segment_batch",
]
