"""The progress bars of progress=True, shown on a terminal once a run takes longer than half a second."""
from __future__ import annotations

import sys
import threading
import time
from typing import Any, Protocol

from .progress import Progress

MOMENT = 0.5  #: seconds without a bar


class Bar(Protocol):
    def __call__(self, progress: Progress) -> None: ...
    def close(self) -> None: ...


class _NoBar:
    def __call__(self, progress: Progress) -> None:
        pass

    def close(self) -> None:
        pass


def _words(progress: Progress) -> str:
    return f"{progress.phase} {progress.iteration + 1}/{progress.iterations}"


class _TqdmBar:
    def __init__(self, tqdm: Any) -> None:
        self._bar = tqdm(total=1.0, delay=MOMENT, leave=False, file=sys.stderr, dynamic_ncols=True,
                         bar_format="grabcut {desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}")

    def __call__(self, progress: Progress) -> None:
        self._bar.desc = _words(progress)
        self._bar.update(progress.done - self._bar.n)

    def close(self) -> None:
        self._bar.close()


class _PlainBar:
    """A bar for systems without tqdm: one line that is overwritten, and erased at the end."""

    def __init__(self) -> None:
        self._next, self._shown = time.monotonic() + MOMENT, False

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next, self._shown = now + 0.1, True
            print(f"\r\033[Kgrabcut {_words(progress)} {100 * progress.done:3.0f}%", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def make_bar() -> Bar:
    if sys.stderr is None or not sys.stderr.isatty():
        return _NoBar()
    try:
        from tqdm import tqdm
    except ImportError:
        return _PlainBar()
    return _TqdmBar(tqdm)


class _TqdmBatch:
    def __init__(self, tqdm: Any, total: int) -> None:
        self._bar = tqdm(total=total, delay=MOMENT, leave=False, file=sys.stderr, dynamic_ncols=True, desc="grabcut",
                         unit="image")

    def step(self) -> None:
        self._bar.update(1)

    def close(self) -> None:
        self._bar.close()


class _PlainBatch:
    def __init__(self, total: int) -> None:
        self._lock, self._done, self._total = threading.Lock(), 0, total
        self._next, self._shown = time.monotonic() + MOMENT, False

    def step(self) -> None:
        with self._lock:
            self._done += 1
            now = time.monotonic()
            if now >= self._next:
                self._next, self._shown = now + 0.1, True
                print(f"\r\033[Kgrabcut {self._done}/{self._total}", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def make_batch_bar(total: int) -> _TqdmBatch | _PlainBatch | None:
    """A bar that counts images; step() may be called by any thread. None if stderr is not a terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        return None
    try:
        from tqdm import tqdm
    except ImportError:
        return _PlainBatch(total)
    return _TqdmBatch(tqdm, total)
