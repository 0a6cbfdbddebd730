#!/usr/bin/env python3
"""The fast engine against cv2.grabCut in one process: wall ratio and differing pixels.

Same picture, rect (5 % inset), seed and iterations; the two take turns, figures are medians. Needs the
Python modules of build/release and Debian's python3-opencv.
"""
import argparse
import pathlib
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "build/release/python"))

import cv2  # noqa: E402
import numpy as np  # noqa: E402

import grabcut  # noqa: E402


def shapes(width, height, seed):
    """Ellipses on a ground of another colour, with noise: a generated picture of any size."""
    random = np.random.default_rng(seed)
    image = np.full((height, width, 3), random.integers(0, 90, 3), np.uint8)
    for _ in range(6):
        center = (int(random.integers(width // 4, 3 * width // 4)), int(random.integers(height // 4, 3 * height // 4)))
        axes = (int(random.integers(width // 12, width // 5)), int(random.integers(height // 12, height // 5)))
        cv2.ellipse(image, center, axes, int(random.integers(0, 180)), 0, 360, random.integers(110, 255, 3).tolist(), -1)
    return cv2.add(image, random.integers(0, 25, image.shape, np.uint8))


def timed(work):
    begin = time.perf_counter()
    mask = work()
    return time.perf_counter() - begin, mask


def reference(image, rect, iterations):
    mask = np.zeros(image.shape[:2], np.uint8)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(1)
    cv2.grabCut(image, mask, rect, *models, iterations, cv2.GC_INIT_WITH_RECT)
    return mask & 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iterations", default="1,10", help="comma-separated")
    parser.add_argument("--threads", default="1,2", help="of the fast engine, comma-separated")
    parser.add_argument("--rounds", default=3, type=int)
    parser.add_argument("--largest", default=1_000_000, type=int, help="pixels of the largest generated picture")
    options = parser.parse_args()
    pictures = {p.name: cv2.imread(str(p)) for p in sorted((ROOT / "photos").iterdir()) if p.suffix in (".jpg", ".png")}
    for width, height in ((64, 64), (256, 192), (640, 480), (1024, 768), (2048, 1536), (4000, 3000)):
        if width * height <= options.largest:
            pictures[f"shapes {width}x{height}"] = shapes(width, height, 1)
    print(f"{'picture':<22}{'iterations':>11}{'threads':>8}{'cv2 ms':>10}{'ours ms':>9}{'ratio':>7}{'differing':>11}")
    ratios = {}
    for name, image in pictures.items():
        height, width = image.shape[:2]
        dx, dy = width * 5 // 100, height * 5 // 100
        rect = (dx, dy, width - 2 * dx, height - 2 * dy)
        for iterations in map(int, options.iterations.split(",")):
            for threads in map(int, options.threads.split(",")):
                ours, theirs, differing = [], [], 0
                for _ in range(options.rounds):
                    t, expected = timed(lambda: reference(image, rect, iterations))
                    theirs.append(t)
                    t, mask = timed(lambda: grabcut.segment(image, rect=rect, iterations=iterations, seed=1, threads=threads))
                    ours.append(t)
                    differing = max(differing, int(np.count_nonzero(mask != expected)))
                a, b = statistics.median(theirs), statistics.median(ours)
                ratios.setdefault((iterations, threads), []).append(a / b)
                print(f"{name:<22}{iterations:>11}{threads:>8}{1000 * a:>10.1f}{1000 * b:>9.1f}{a / b:>7.1f}{differing:>11}", flush=True)
    for (iterations, threads), found in ratios.items():
        print(f"median ratio, {iterations} iterations, {threads} threads: {statistics.median(found):.1f} (least {min(found):.1f})")


if __name__ == "__main__":
    main()
