"""The C header as SWIG wraps it: see libgrabcut's grabcut.h, and bindings/grabcut.i for what Python gets in
another form. A picture is anything with the buffer protocol: unsigned bytes, rows of pixels side by side."""
from typing import Any, Callable, Optional, Tuple

GRABCUT_BGD: int
GRABCUT_CUTOUT_ALPHA: int
GRABCUT_CUTOUT_BLACK: int
GRABCUT_CUTOUT_MASK: int
GRABCUT_DECODE_OPTIONS_VERSION: int
GRABCUT_ECANCELED: int
GRABCUT_EDECODE: int
GRABCUT_EENCODE: int
GRABCUT_EFORMAT: int
GRABCUT_EINTERNAL: int
GRABCUT_EINVAL: int
GRABCUT_ENCODE_OPTIONS_VERSION: int
GRABCUT_ENGINE_VERSION: int
GRABCUT_ENOBACKGROUND: int
GRABCUT_ENOFOREGROUND: int
GRABCUT_ENOMEM: int
GRABCUT_ERECT: int
GRABCUT_ETOOBIG: int
GRABCUT_EUNSUPPORTED: int
GRABCUT_EVAL: int
GRABCUT_EVAL_FREEZE_MODEL: int
GRABCUT_FGD: int
GRABCUT_FORMAT_BMP: int
GRABCUT_FORMAT_JPEG: int
GRABCUT_FORMAT_PNG: int
GRABCUT_FORMAT_UNKNOWN: int
GRABCUT_FORMAT_WEBP: int
GRABCUT_ICC_MOST: int
GRABCUT_INIT_WITH_MASK: int
GRABCUT_INIT_WITH_RECT: int
GRABCUT_MODEL_DOUBLES: int
GRABCUT_OK: int
GRABCUT_OPTIONS_VERSION: int
GRABCUT_PROBE_VERSION: int
GRABCUT_PHASE_CUT: int
GRABCUT_PHASE_INIT: int
GRABCUT_PHASE_MODELS: int
GRABCUT_PR_BGD: int
GRABCUT_PR_FGD: int
GRABCUT_SIMD_AUTO: int
GRABCUT_SIMD_AVX2: int
GRABCUT_SIMD_PORTABLE: int

class grabcut_image:
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def stride(self) -> int: ...
    def address(self) -> int: ...

class grabcut_rect:
    @property
    def x(self) -> int: ...
    @property
    def y(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...

def grabcut_strerror(error: int) -> str: ...
def grabcut_version() -> str: ...
def grabcut_format_mime(format: int) -> Optional[str]: ...
def grabcut_rect_inset(width: int, height: int, percent: int) -> grabcut_rect: ...
def segment(
    mask: Any, image: Any, mode: int, iterations: int, x: int, y: int, width: int, height: int, seed: int,
    models: Any, threads: int, simd: int, max_bytes: int,
    progress: Optional[Callable[[int, int, int, float], object]],
) -> Tuple[int, str]: ...
def estimate(
    image_width: int, image_height: int, mode: int, x: int, y: int, width: int, height: int, threads: int,
) -> Tuple[int, int]: ...
def decode(
    bytes: Any, max_pixels: int, ignore_orientation: int, max_bytes: int, alpha: int, allow_truncated: int,
) -> Tuple[int, str, grabcut_image]: ...
def icc_profile(bytes: Any) -> Tuple[int, str, Optional[bytes]]: ...
def probe(bytes: Any) -> Tuple[int, str, Tuple[int, int, int, int]]: ...
def encode(image: Any, format: int, level: int, quality: int, icc: Any) -> Tuple[int, str, bytes]: ...
def cutout(image: Any, mask: Any, kind: int) -> Tuple[int, str, grabcut_image]: ...
