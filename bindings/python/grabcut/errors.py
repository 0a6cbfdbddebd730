"""The C library's error codes as exceptions."""
from __future__ import annotations

from . import lowlevel as c


class GrabcutError(ValueError):
    """Refused by the C library. ``code`` is its error code (``grabcut.lowlevel.GRABCUT_E...``)."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message, code)
        self.code = code

    def __str__(self) -> str:
        return str(self.args[0])


class Canceled(GrabcutError):
    """The progress callback asked to stop."""


def check(code: int, text: str = "") -> None:
    """Raises what `code` stands for."""
    if code == c.GRABCUT_OK:
        return
    message = text or c.grabcut_strerror(code)
    if code == c.GRABCUT_ENOMEM:
        raise MemoryError(message)
    raise (Canceled if code == c.GRABCUT_ECANCELED else GrabcutError)(message, code)
