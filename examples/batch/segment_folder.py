"""Cuts the foreground out of every photo of a folder, several at a time.

    python3 segment_folder.py photos cutouts
"""
import concurrent.futures
import os
import pathlib
import sys

import grabcut

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}


def cut(source: pathlib.Path, target: pathlib.Path) -> None:
    image = grabcut.decode(source.read_bytes())
    height, width = image.shape[:2]
    mask = grabcut.segment(image, rect=grabcut.rect_inset(width, height, 5), iterations=5, seed=1)
    target.write_bytes(grabcut.encode_png(grabcut.cutout(image, mask, "alpha")))


def main(source: str, target: str) -> int:
    photos = sorted(p for p in pathlib.Path(source).iterdir() if p.suffix.lower() in SUFFIXES)
    pathlib.Path(target).mkdir(parents=True, exist_ok=True)
    failed = 0
    # Threads are enough: the interpreter's lock is released while C works.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = {pool.submit(cut, photo, pathlib.Path(target) / f"{photo.stem}.png"): photo for photo in photos}
        for job in concurrent.futures.as_completed(jobs):
            try:
                job.result()
            except (OSError, grabcut.GrabcutError) as e:
                failed += 1
                print(f"{jobs[job]}: {e}", file=sys.stderr)
    print(f"{len(photos) - failed} ok, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} FOLDER OUT-FOLDER")
    sys.exit(main(*sys.argv[1:]))
