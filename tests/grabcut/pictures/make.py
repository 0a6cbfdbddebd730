#!/usr/bin/env python3
"""Writes good/ and expected.txt: `file width height orientation hash`, size and hash of the upright BGR pixels."""
import pathlib

import cv2
import numpy as np

from zoo import zoo

HERE = pathlib.Path(__file__).resolve().parent


def fnv1a(data):
    h = 0xCBF29CE484222325
    for byte in data:
        h = ((h ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return h


def main():
    (HERE / "good").mkdir(exist_ok=True)
    lines = []
    for sample in zoo(19, 13, seed=5):
        (HERE / "good" / sample.name).write_bytes(sample.data)
        pixels = sample.pixels
        if pixels is None:
            pixels = cv2.imdecode(np.frombuffer(sample.data, np.uint8), cv2.IMREAD_COLOR)
        height, width = pixels.shape[:2]
        lines.append(f"{sample.name} {width} {height} {sample.orientation} {fnv1a(pixels.tobytes()):016x}\n")
    (HERE / "expected.txt").write_text("".join(lines))


if __name__ == "__main__":
    main()
