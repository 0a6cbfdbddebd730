"""segment_batch(): many images over threads, in order, with a bar."""
from __future__ import annotations

import os
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, Iterable, Sequence

import numpy as np

from .arrays import Alpha, Order, check_alpha, check_order, whole
from .bar import make_batch_bar
from .picture import imread
from .segmentation import segment

if TYPE_CHECKING:
    import numpy.typing as npt

    from .segmentation import Rect


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def segment_batch(images: Iterable[Any], rect: Rect | None = None, iterations: int = 5, seed: int = 0, *,
                  rects: Sequence[Rect | None] | None = None, order: Order | None = None, workers: int | None = None,
                  progress: bool = False, full: bool = False, max_bytes: int = 0,
                  alpha: Alpha = "ignore", allow_truncated: bool = False) -> list[npt.NDArray[np.uint8]]:
    """Returns the masks of many images, in their order: segment() with the same arguments, several images at a time.

    images: what segment() takes, or names of files (str or os.PathLike), which imread() reads, with allow_truncated. rect: of every image;
    rects: one for each instead. workers: images at the same time, by default the processors that this process may use.
    progress: True shows a bar on stderr if that is a terminal. The first error ends the work and is raised, with the
    index of its image in front of the message where it is a ValueError or OSError of one image.
    """
    check_order(order)
    check_alpha(alpha)
    all_images = list(images)
    if rects is not None and rect is not None:
        raise ValueError("rect is for all images, rects for each: give one of them")
    if rects is not None and len(rects) != len(all_images):
        raise ValueError(f"rects has {len(rects)} entries for {len(all_images)} images")
    most = _cpus() if workers is None else whole(workers, "workers", 1)
    bar = make_batch_bar(len(all_images)) if progress else None

    def work(index: int) -> npt.NDArray[np.uint8]:
        image, own = all_images[index], rect if rects is None else rects[index]
        from_file = isinstance(image, (str, os.PathLike))
        if from_file:
            image = imread(image, alpha=alpha == "respect", allow_truncated=allow_truncated)
        mask = segment(image, own, iterations, seed, order=None if from_file else order, full=full, max_bytes=max_bytes,
                       alpha=alpha)
        if bar is not None:
            bar.step()
        return mask

    try:
        with ThreadPoolExecutor(min(most, len(all_images)) or 1) as pool:
            futures = [pool.submit(work, index) for index in range(len(all_images))]
            return _results(futures)
    finally:
        if bar is not None:
            bar.close()


def _results(futures: list[Future[npt.NDArray[np.uint8]]]) -> list[npt.NDArray[np.uint8]]:
    """What the calls returned; after an exception, also KeyboardInterrupt, those that have not begun do not begin."""
    try:
        wait(futures, return_when=FIRST_EXCEPTION)
        for index, future in enumerate(futures):
            error = future.exception() if future.done() and not future.cancelled() else None
            if error is not None:
                raise _with_index(error, index)
        return [future.result() for future in futures]
    except BaseException:
        for future in futures:
            future.cancel()
        raise


def _with_index(error: BaseException, index: int) -> BaseException:
    if error.args and isinstance(error.args[0], str):
        error.args = (f"image {index}: {error.args[0]}", *error.args[1:])
    return error
