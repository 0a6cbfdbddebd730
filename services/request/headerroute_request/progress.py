"""A progress bar on stderr: that of tqdm if it is installed, else a plain one."""
import sys


class PlainBar:
    """The part of tqdm that this program uses: redraws one line on a terminal, prints only the last one elsewhere."""

    WIDTH = 30

    def __init__(self, total):
        self.total, self.done, self.terminal = total, 0, sys.stderr.isatty()

    def update(self):
        self.done += 1
        if self.terminal or self.done == self.total:
            self._draw()

    def _draw(self):
        full = self.WIDTH * self.done // self.total
        line = f"{100 * self.done // self.total:3d}%|{'#' * full}{' ' * (self.WIDTH - full)}| {self.done}/{self.total}"
        print("\r" + line if self.terminal else line, end="", file=sys.stderr, flush=True)

    def write(self, text):
        print(("\r\033[K" if self.terminal else "") + text, file=sys.stderr)
        if self.terminal:
            self._draw()

    def close(self):
        print(file=sys.stderr)


class TqdmBar:
    def __init__(self, tqdm, total):
        self._bar = tqdm(total=total, unit="picture", file=sys.stderr, dynamic_ncols=True)

    def update(self):
        self._bar.update(1)

    def write(self, text):
        self._bar.write(text, file=sys.stderr)

    def close(self):
        self._bar.close()


class NoBar:
    def update(self):
        pass

    def write(self, text):
        print(text, file=sys.stderr)

    def close(self):
        pass


def make_bar(total, wanted=True):
    if not wanted:
        return NoBar()
    try:
        from tqdm import tqdm
    except ImportError:
        return PlainBar(total)
    return TqdmBar(tqdm, total)
