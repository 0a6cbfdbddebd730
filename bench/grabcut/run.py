#!/usr/bin/python3
"""The fast engine beside cv2.grabCut, in one process: the two take turns on the same picture, rect (5 % inset),
seed and iterations. Prints for each case: medians of wall and CPU time, their ratios, bytes a pixel that the process
grew by at most, differing pixels.

    bench/grabcut/run.py --quick                          # a minute: photos, small pictures
    bench/grabcut/run.py --matrix --results r.json        # all pictures, about ten minutes; takes up what r.json lacks
    bench/grabcut/run.py --results r.json                 # the same with more rounds, the reference once a thread count
    bench/grabcut/run.py --results r.json --only 'portrait|shapes 64'     # a piece of it
    bench/grabcut/run.py --results r.json --report        # table and plot of what is there, nothing is run

Needs the Python modules of build/release and Debian's python3-opencv, python3-numpy and (for --report)
python3-matplotlib.
"""
import argparse
import ctypes
import json
import pathlib
import re
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "build/release/python"))

import cv2  # noqa: E402
import numpy as np  # noqa: E402

import grabcut  # noqa: E402
from report import write_report  # noqa: E402

SIZES = (64, 64), (128, 96), (256, 192), (1, 100000), (640, 480), (1024, 768), (2048, 1536), (4000, 3000)


def shapes(width, height, seed=1):
    """Ellipses on a ground of another colour, with noise."""
    random = np.random.default_rng(seed)
    image = np.full((height, width, 3), random.integers(0, 90, 3), np.uint8)
    for _ in range(6):
        center = (int(random.integers(width // 4, 3 * width // 4)), int(random.integers(height // 4, 3 * height // 4)))
        axes = (int(random.integers(width // 12, width // 5)), int(random.integers(height // 12, height // 5)))
        cv2.ellipse(image, center, axes, int(random.integers(0, 180)), 0, 360, random.integers(110, 255, 3).tolist(), -1)
    return cv2.add(image, random.integers(0, 25, image.shape, np.uint8))


def noise(width, height, seed=2):
    """Nothing but noise, brighter in the middle: what a cut has the least hold on."""
    random = np.random.default_rng(seed)
    image = random.integers(0, 160, (height, width, 3), np.uint8)
    image[height // 4:3 * height // 4, width // 4:3 * width // 4] += 60
    return image


def pictures():
    """Name, pixels, and a function that makes or reads it, small ones first."""
    found = []
    for path in sorted((ROOT / "photos").iterdir()):
        if path.suffix in (".jpg", ".png"):
            height, width = cv2.imread(str(path)).shape[:2]
            found.append((f"{path.stem} {width}x{height}", width * height, lambda path=path: cv2.imread(str(path))))
    for make in shapes, noise:
        for width, height in SIZES:
            if min(width, height) < 12 and make is shapes:
                continue
            found.append((f"{make.__name__} {width}x{height}", width * height,
                          lambda make=make, width=width, height=height: make(width, height)))
    # A photo at the size of a phone's.
    found.append(("coffee 4032x3024", 4032 * 3024, lambda: cv2.resize(
        cv2.imread(str(ROOT / "photos/coffee.jpg")), (4032, 3024), interpolation=cv2.INTER_CUBIC)))
    return sorted(found, key=lambda picture: picture[1])


def peak_kib():
    return int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path("/proc/self/status").read_text())[1])


def measured(work):
    """Wall seconds, CPU seconds of all threads, KiB that the process grew by at most, and the result."""
    ctypes.CDLL(None).malloc_trim(0)
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # VmHWM starts anew
    before, wall, cpu = peak_kib(), time.perf_counter(), time.process_time()
    result = work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return wall, cpu, peak_kib() - before, result


def theirs(image, rect, iterations):
    mask = np.zeros(image.shape[:2], np.uint8)
    cv2.setRNGSeed(1)
    cv2.grabCut(image, mask, rect, np.zeros((1, 65)), np.zeros((1, 65)), iterations, cv2.GC_INIT_WITH_RECT)
    return mask & 1


def cases(name, image, iterations, threads, rounds, patience):
    """Both engines `rounds` times, or fewer once `patience` seconds are over; a result for each number of
    threads of ours. The reference, of which hardly anything runs in threads, takes its turn once a round, with
    the most of them."""
    height, width = image.shape[:2]
    dx, dy = width * 5 // 100, height * 5 // 100
    rect = (dx, dy, width - 2 * dx, height - 2 * dy)
    pixels = width * height
    cv2.setNumThreads(max(threads))
    reference, ours, differing = [], {n: [] for n in threads}, dict.fromkeys(threads, 0)
    until = time.perf_counter() + patience
    while not reference or (len(reference) < rounds and time.perf_counter() < until):
        *figures, mask = measured(lambda: theirs(image, rect, iterations))
        reference.append(figures)
        for n in threads:
            *figures, found = measured(lambda: grabcut.segment(image, rect=rect, iterations=iterations, seed=1, threads=n))
            ours[n].append(figures)
            differing[n] = max(differing[n], int(np.count_nonzero(mask != found)))
            del found
        del mask
    cv2_wall, cv2_cpu, cv2_grown = medians(reference)
    for n in threads:
        wall, cpu, grown = medians(ours[n])
        yield {"picture": name, "pixels": pixels, "iterations": iterations, "threads": n, "rounds": len(reference),
               "cv2_threads": max(threads), "cv2_ms": 1000 * cv2_wall, "ours_ms": 1000 * wall,
               "wall_ratio": cv2_wall / wall, "cv2_cpu_ms": 1000 * cv2_cpu, "ours_cpu_ms": 1000 * cpu,
               "cpu_ratio": cv2_cpu / cpu, "cv2_bytes": 1024 * cv2_grown / pixels,
               "ours_bytes": 1024 * grown / pixels, "differing": differing[n]}


def medians(runs):
    return [statistics.median(run[i] for run in runs) for i in range(3)]


def show(found):
    print(f"{found['picture']:<22}{found['iterations']:>4}{found['threads']:>3}{found['cv2_ms']:>11.1f}"
          f"{found['ours_ms']:>10.1f}{found['wall_ratio']:>7.1f}{found['cpu_ratio']:>7.1f}"
          f"{found['cv2_bytes']:>8.0f}{found['ours_bytes']:>6.0f}{found['differing']:>7}", flush=True)


def summary(results):
    """Medians over the pictures, a pair of iterations and threads."""
    for key in sorted({(r["iterations"], r["threads"]) for r in results}):
        ratios = [r["wall_ratio"] for r in results if (r["iterations"], r["threads"]) == key]
        cpu = [r["cpu_ratio"] for r in results if (r["iterations"], r["threads"]) == key]
        print(f"{key[0]} iterations, {key[1]} threads, {len(ratios)} pictures: median wall ratio "
              f"{statistics.median(ratios):.1f} (least {min(ratios):.1f}), CPU ratio {statistics.median(cpu):.1f}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="photos and pictures up to 640x480, 1 iteration, one round")
    parser.add_argument("--matrix", action="store_true",
                        help="all pictures, large ones once: --patience 2 --share-above 200000")
    parser.add_argument("--share-above", default=float("inf"), type=float,
                        help="pixels from which on the reference runs once for all numbers of threads, with the most")
    parser.add_argument("--iterations", default="1,5,10", help="comma-separated")
    parser.add_argument("--threads", default="1,2", help="of both engines, comma-separated")
    parser.add_argument("--rounds", default=3, type=int)
    parser.add_argument("--patience", default=20, type=float, help="seconds after which a case starts no further round")
    parser.add_argument("--only", default="", help="a regular expression: pictures whose name it is found in")
    parser.add_argument("--largest", default=13e6, type=float, help="pixels of the largest picture")
    parser.add_argument("--largest-many", default=1e6, type=float,
                        help="pixels of the largest picture that gets more than one iteration: the reference takes minutes")
    parser.add_argument("--results", type=pathlib.Path, help="JSON: cases that it has are not run again, new ones are added")
    parser.add_argument("--report", action="store_true", help="write table and plot of --results to docs/ and run nothing")
    options = parser.parse_args()
    if options.quick:
        options.iterations, options.rounds, options.largest = "1", 1, min(options.largest, 400000)
    if options.matrix:
        options.patience, options.share_above = 2, 200000
    if options.report and not options.results:
        parser.error("--report needs --results")
    return options


def main():
    options = arguments()
    results = []
    if options.results and options.results.exists():
        results = json.loads(options.results.read_text())
    if options.report:
        write_report(results, ROOT / "docs")
        return
    done = {(r["picture"], r["iterations"], r["threads"]) for r in results}
    print(f"{'picture':<22}{'it':>4}{'th':>3}{'cv2 ms':>11}{'ours ms':>10}{'wall':>7}{'cpu':>7}"
          f"{'cv2 B/p':>8}{'ours':>6}{'differ':>7}")
    for name, pixels, make in pictures():
        if pixels > options.largest or not re.search(options.only, name):
            continue
        image = make()
        for iterations in map(int, options.iterations.split(",")):
            if iterations > 1 and pixels > options.largest_many:
                continue
            lacking = [n for n in map(int, options.threads.split(",")) if (name, iterations, n) not in done]
            together = [lacking] if pixels > options.share_above and lacking else [[n] for n in lacking]
            for threads in together:
                for found in cases(name, image, iterations, threads, options.rounds, options.patience):
                    results.append(found)
                    show(found)
                if options.results:
                    options.results.write_text(json.dumps(results, indent=1))
    summary(results)
    if any(r["differing"] for r in results):
        sys.exit("masks differ: a tie of two minimum cuts on a generated image, or an error (the tests in tests/grabcut distinguish them)")


if __name__ == "__main__":
    main()
