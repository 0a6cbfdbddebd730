"""Exceptions: a configuration with errors, a request that cannot be routed."""
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Diagnostic:
    """One finding about the configuration."""

    severity: str  #: "error" or "warning"
    file: str | None  #: as it was given to load(), or the name of a text
    line: int  #: from 1; 0 where the finding has no place
    column: int  #: from 1; 0 where the finding has no place
    field: str  #: "spec.http[0].match[1].uri"; may be empty
    message: str  #: what is wrong and what would be right
    code: str = ""  #: the name of a warning of the linter, for example "never-matches"; else empty

    def __str__(self) -> str:
        place = [self.file or "", *(str(n) for n in (self.line, self.column) if n)]
        parts = [":".join(place), self.severity, self.field, self.message]
        return ": ".join(p for p in parts if p) + (f" [{self.code}]" if self.code else "")


class ConfigError(ValueError):
    """The configuration was refused. ``errors`` holds all errors, in the order of the files, and
    ``warnings`` what else was found; ``str()`` gives them a line each."""

    def __init__(self, errors: tuple[Diagnostic, ...], warnings: tuple[Diagnostic, ...] = ()) -> None:
        super().__init__(errors, warnings)
        self.errors = tuple(errors)
        self.warnings = tuple(warnings)

    def __str__(self) -> str:
        return "\n".join(str(e) for e in self.errors)


class RouteError(ValueError):
    """A request that no HTTP parser would pass, or a view that the table does not have.
    ``code`` is the C library's error code."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message, code)
        self.code = code

    def __str__(self) -> str:
        return str(self.args[0])
