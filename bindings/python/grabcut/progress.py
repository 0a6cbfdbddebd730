"""What a run reports while it works."""
from __future__ import annotations

from typing import NamedTuple


class Progress(NamedTuple):
    """The state of a run."""

    phase: str  #: "init", "models" or "cut"
    iteration: int  #: from 0
    iterations: int  #: in all
    done: float  #: estimate of the whole, 0 to 1, never falling
