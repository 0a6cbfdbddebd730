"""The two colour models of a run, kept so that the run can be continued."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import lowlevel as c

if TYPE_CHECKING:
    import numpy.typing as npt


class Models:
    """Background and foreground, 65 doubles each in OpenCV's layout (5 weights, 5 means of 3, 5
    covariances of 3x3). New ones are zero: not learnt. segment() reads and writes them; two runs must
    not use the same object at a time."""

    def __init__(self) -> None:
        self.data: npt.NDArray[np.float64] = np.zeros((2, c.GRABCUT_MODEL_DOUBLES))

    @property
    def background(self) -> npt.NDArray[np.float64]:
        """A view, not a copy: may be assigned to with ``[:]``."""
        row: npt.NDArray[np.float64] = self.data[0]
        return row

    @property
    def foreground(self) -> npt.NDArray[np.float64]:
        row: npt.NDArray[np.float64] = self.data[1]
        return row

    @property
    def learnt(self) -> bool:
        return bool(self.data.any())

    def copy(self) -> Models:
        other = Models()
        other.data[:] = self.data
        return other
