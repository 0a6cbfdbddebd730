"""``python -m headerroute``: the program `headerroute`, which the package brings along."""
from __future__ import annotations

import os
import pathlib
import sys
from typing import NoReturn

PROGRAM = pathlib.Path(__file__).resolve().parent / "bin" / "headerroute"


def main() -> NoReturn:
    """Replaces this process by the program, with the same arguments."""
    os.execv(PROGRAM, ["headerroute", *sys.argv[1:]])


if __name__ == "__main__":
    main()
