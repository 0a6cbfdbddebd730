"""GrabCut: image in, foreground mask out. The same mask as OpenCV's, pixel for pixel, without OpenCV.

    import grabcut

    image = grabcut.decode(open("photo.jpg", "rb").read())           # HxWx3 uint8, BGR
    mask = grabcut.segment(image, rect=(x, y, w, h), iterations=5)   # HxW uint8, 0 or 1
    open("cutout.png", "wb").write(grabcut.encode_png(grabcut.cutout(image, mask)))

Functions may be called from any number of threads; the interpreter's lock is released while C works.
The module ``grabcut.lowlevel`` is the C header as SWIG wraps it.
"""
from .errors import Canceled, GrabcutError
from .lowlevel import grabcut_version as _grabcut_version
from .models import Models
from .picture import Probe, cutout, decode, encode_jpeg, encode_png, probe
from .progress import Progress
from .segmentation import (BGD, FGD, PR_BGD, PR_FGD, Mode, estimate, rect_inset, segment)

__version__: str = _grabcut_version()

__all__ = [
    "BGD", "Canceled", "FGD", "GrabcutError", "Mode", "Models", "PR_BGD", "PR_FGD", "Probe", "Progress", "cutout",
    "decode", "encode_jpeg", "encode_png", "estimate", "probe", "rect_inset", "segment",
]
