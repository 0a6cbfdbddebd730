#!/usr/bin/python3
"""libgrabcut's decoder beside cv2 and Pillow on every image file below the given folders, such as checkouts of public
test suites: a line for each folder with the number of files, then the files that differ, each with what was seen. A BMP
file is also compared with a PNG file of its name in the same checkout, as bmpsuite has them for what it expects.

    HR_BUILD_DIR=build/release tests/grabcut/suites.py ~/bmpsuite ~/libwebp-test-data ...

Pixels are compared upright and exactly.
"""
import ctypes
import io
import os
import pathlib
import sys
import warnings

os.environ["OPENCV_LOG_LEVEL"] = "OFF"
import cv2  # noqa: E402
import numpy as np  # noqa: E402
import PIL.Image  # noqa: E402
import PIL.ImageFile  # noqa: E402
import PIL.ImageOps  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from test_pixels import decode  # noqa: E402

warnings.simplefilter("ignore")


def by_us(data):
    """Pixels and None, or None and the reason."""
    try:
        return decode(data), None
    except AssertionError as error:
        return None, str(error).splitlines()[0]


def is_ours(data):
    """The signature of a format that libgrabcut reads."""
    return (data[:2] in (b"BM", b"\xff\xd8") or data[:8] == b"\x89PNG\r\n\x1a\n"
            or (data[:4] == b"RIFF" and data[8:12] == b"WEBP"))


def by_cv2(data):
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None


def by_pillow(data):
    """None for what it does not decode, whatever it raises."""
    try:
        with PIL.Image.open(io.BytesIO(data)) as image:
            image = PIL.ImageOps.exif_transpose(image)
            if image.mode.startswith("I"):  # 16 bits of grey: the upper eight, as the others take
                image = PIL.Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
            return np.asarray(image.convert("RGB"))[:, :, ::-1]
    except Exception:  # noqa: BLE001 - Pillow raises a dozen kinds
        return None


def compared(ours, theirs):
    """"" if both are the same, else what is different."""
    if ours is None or theirs is None:
        return "" if ours is theirs else "not decoded"
    if ours.shape != theirs.shape:
        return f"{theirs.shape[1]}x{theirs.shape[0]} instead of {ours.shape[1]}x{ours.shape[0]}"
    most = int(np.abs(ours.astype(int) - theirs).max())
    return f"up to {most} apart" if most else ""


def main(folders):
    if not folders:
        sys.exit(__doc__)
    print("| suite | files | as cv2 | as Pillow | as one of them, or as the suite expects | refused here alone | other |")
    print("|---|---|---|---|---|---|---|")
    notes = []
    for folder in map(pathlib.Path, folders):
        n = dict.fromkeys(("files", "cv2", "pillow", "one", "refused", "other"), 0)
        expectations = {p.stem: p for p in folder.rglob("*.png")}
        for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()):
            data = path.read_bytes()
            if not is_ours(data):
                continue
            found, error = by_us(data)
            cv, pillow = by_cv2(data), by_pillow(data)
            with_cv2, with_pillow = compared(found, cv), compared(found, pillow)
            n["files"] += 1
            n["cv2"] += not with_cv2
            n["pillow"] += not with_pillow
            expected = expectations.get(path.stem) if path.suffix == ".bmp" else None
            if not with_cv2 or not with_pillow or (expected and not compared(found, by_cv2(expected.read_bytes()))):
                n["one"] += 1
                continue
            n["refused" if found is None else "other"] += 1
            notes.append(f"{folder.name}/{path.relative_to(folder)}: "
                         + (f"refused: {error}" if found is None else f"cv2: {with_cv2}; Pillow: {with_pillow}"))
        print(f"| {folder.name} | " + " | ".join(str(v) for v in n.values()) + " |", flush=True)
    print("\n" + "\n".join(notes))


if __name__ == "__main__":
    main(sys.argv[1:])
