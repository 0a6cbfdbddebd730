#!/usr/bin/env python3
"""How long the answer's PNG takes to write, and how large it is, by level of compression.

For the cut-outs of the sample photos on black, at 1 iteration: libgrabcut's grabcut_encode_png, the best of some runs.
-1 is the library's own choice, which --png-level takes as its default.
"""
import argparse
import ctypes
import pathlib
import time

import cv2
import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Image(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("width", ctypes.c_int32), ("height", ctypes.c_int32),
                ("channels", ctypes.c_int32), ("stride", ctypes.c_size_t)]


def cutout(path):
    image = cv2.imread(str(path))
    height, width = image.shape[:2]
    dx, dy = width * 5 // 100, height * 5 // 100
    mask = numpy.zeros((height, width), numpy.uint8)
    models = numpy.zeros((1, 65)), numpy.zeros((1, 65))
    cv2.setRNGSeed(0)
    cv2.grabCut(image, mask, (dx, dy, width - 2 * dx, height - 2 * dy), *models, 1, cv2.GC_INIT_WITH_RECT)
    return numpy.ascontiguousarray(image * (mask & 1)[:, :, None])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=ROOT / "build/release", type=pathlib.Path)
    parser.add_argument("--photos", default=ROOT / "photos", type=pathlib.Path)
    parser.add_argument("--runs", default=7, type=int)
    options = parser.parse_args()
    library = ctypes.CDLL(str(options.build / "lib/libgrabcut.so"))
    pictures = {p.name: cutout(p) for p in sorted(options.photos.iterdir()) if p.suffix in (".jpg", ".png")}
    print(f"{'level':>5}  " + "".join(f"{name[:18]:>20}" for name in pictures) + "     sum: ms, KiB")
    for level in range(-1, 10):
        cells, all_ms, all_bytes = [], 0, 0
        for array in pictures.values():
            height, width, channels = array.shape
            image, best = Image(array.ctypes.data, width, height, channels, width * channels), 1e9
            for _ in range(options.runs):
                out, length = ctypes.c_void_p(), ctypes.c_size_t()
                begin = time.perf_counter()
                code = library.grabcut_encode_png(ctypes.byref(out), ctypes.byref(length), ctypes.byref(image), level, None)
                best = min(best, time.perf_counter() - begin)
                assert code == 0
                library.grabcut_free(out)
            cells.append(f"{best * 1000:9.2f} ms{length.value / 1024:5.0f} KiB"[:20].rjust(20))
            all_ms, all_bytes = all_ms + best * 1000, all_bytes + length.value
        print(f"{level:>5}  " + "".join(cells) + f"{all_ms:>12.1f},{all_bytes / 1024:>6.0f}", flush=True)


if __name__ == "__main__":
    main()
