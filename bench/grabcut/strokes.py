#!/usr/bin/python3
"""What a stroke of a brush costs: a run is continued with the models it has (mode=freeze of /predict, cv2.GC_EVAL_FREEZE_MODEL),
against a new run from the mask with the stroke. Prints CPU times and their ratio, of one thread.

    PYTHONPATH=build/release/python bench/grabcut/strokes.py [--side 512] [--strokes 20] [--reference] [IMAGE...]"""
import argparse
import pathlib
import statistics
import time

import numpy as np
from PIL import Image

import grabcut

PHOTOS = pathlib.Path(__file__).resolve().parents[2] / "photos"


def stroke(mask, rng, share):
    """A copy of the mask with a straight brush stroke over `share` of the pixels, of either label."""
    height, width = mask.shape
    radius = 0.02 * (height * width) ** 0.5
    length = share * height * width / (2 * radius)
    x, y, angle = rng.uniform(0.2, 0.8) * width, rng.uniform(0.2, 0.8) * height, rng.uniform(0, np.pi)
    rows, columns = np.mgrid[0:height, 0:width]
    along = (columns - x) * np.cos(angle) + (rows - y) * np.sin(angle)
    across = (rows - y) * np.cos(angle) - (columns - x) * np.sin(angle)
    drawn = mask.copy()
    drawn[(abs(along) < length / 2) & (abs(across) < radius)] = rng.choice([grabcut.BGD, grabcut.FGD])
    return drawn


def cpu(call):
    begin = time.process_time()
    result = call()
    return (time.process_time() - begin) * 1000, result


def cv2_mask(image, mask, models):
    import cv2
    mask, models = mask.copy(), [row.reshape(1, 65).copy() for row in models.data]
    cv2.grabCut(image, mask, None, *models, 1, cv2.GC_EVAL_FREEZE_MODEL)
    return mask


def measure(path, arguments):
    image = np.ascontiguousarray(np.asarray(Image.open(path).convert("RGB").resize((arguments.side,) * 2))[:, :, ::-1])
    models, rng = grabcut.Models(), np.random.default_rng(1)
    before = grabcut.segment(image, None, 5, 1, models=models, full=True)
    scratch, frozen = [], []
    for _ in range(arguments.strokes):
        drawn = stroke(before, rng, 0.01)
        scratch.append(cpu(lambda: grabcut.segment(image, iterations=5, seed=1, mask=drawn, full=True))[0])
        ms, mask = cpu(lambda: grabcut.segment(image, mask=drawn, models=models, mode=grabcut.Mode.EVAL_FREEZE_MODEL, full=True))
        frozen.append(ms)
        if arguments.reference and not np.array_equal(mask, cv2_mask(image, drawn, models)):
            raise SystemExit(f"{path}: the mask is not that of cv2")
    new, continued = statistics.median(scratch), statistics.median(frozen)
    print(f"{path.name:20} new run {new:7.1f} ms   continued {continued:6.1f} ms (most {max(frozen):.1f})   {new / continued:.1f} times")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", metavar="IMAGE", nargs="*", type=pathlib.Path, help="default: the sample photos")
    parser.add_argument("--side", type=int, default=512, help="images are scaled to SIDE x SIDE pixels (default: 512)")
    parser.add_argument("--strokes", type=int, default=20, help="strokes for each image (default: 20)")
    parser.add_argument("--reference", action="store_true", help="compare each mask with cv2's")
    arguments = parser.parse_args()
    for path in arguments.images or sorted(p for p in PHOTOS.iterdir() if p.suffix in (".jpg", ".png")):
        measure(path, arguments)


if __name__ == "__main__":
    main()
