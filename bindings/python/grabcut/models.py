"""The two colour models of a run, kept so that the run can be continued."""
from __future__ import annotations

import numpy as np

from . import lowlevel as c


class Models:
    """Background and foreground, 65 doubles each in OpenCV's layout (5 weights, 5 means of 3, 5
    covariances of 3x3). New ones are zero: not learnt. segment() reads and writes them; two runs must
    not use the same object at a time."""

    def __init__(self) -> None:
        self.data = np.zeros((2, c.GRABCUT_MODEL_DOUBLES))

    @property
    def background(self) -> np.ndarray:
        """A view, not a copy: may be assigned to with ``[:]``."""
        return self.data[0]

    @property
    def foreground(self) -> np.ndarray:
        return self.data[1]

    @property
    def learnt(self) -> bool:
        return bool(self.data.any())

    def copy(self) -> Models:
        other = Models()
        other.data[:] = self.data
        return other
