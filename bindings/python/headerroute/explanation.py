"""Why a request goes where it goes: every rule that was tried, and the condition that failed."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import lowlevel
from .decision import Decision

_KINDS = {
    lowlevel.HR_TRACE_VIRTUAL_HOST: "virtual_host",
    lowlevel.HR_TRACE_RULE: "rule",
    lowlevel.HR_TRACE_CONDITION: "condition",
    lowlevel.HR_TRACE_OMITTED: "omitted",
}


@dataclass(frozen=True)
class Event:
    """One step. A condition comes before the rule it belongs to."""

    kind: str  #: "virtual_host", "rule", "condition" or "omitted"
    ok: bool
    virtual_service: str | None
    file: str | None
    line: int
    route_index: int
    match_index: int
    field: str | None  #: "headers[target]"
    expected: str | None  #: "exact: condition1"
    actual: str | None  #: the request's value; None: the request has none
    detail: str | None

    @classmethod
    def of(cls, fields: tuple[Any, ...]) -> Event:
        kind, ok, *rest = fields
        return cls(_KINDS[kind], bool(ok), *rest)

    def __str__(self) -> str:
        if self.kind == "condition":
            actual = "absent" if self.actual is None else repr(self.actual)
            return f"    {'ok' if self.ok else 'no'}  {self.field}: {self.expected} (request: {actual})"
        where = f"http[{self.route_index}]" if self.route_index >= 0 else ""
        where += f".match[{self.match_index}]" if self.match_index >= 0 else ""
        place = f"{self.file}:{self.line}" if self.file else ""
        words = [self.kind.replace("_", " "), self.virtual_service, where, place, self.detail]
        return f"{'ok' if self.ok else 'no'}  " + " ".join(w for w in words if w)


@dataclass(frozen=True)
class Explanation:
    """``str()`` gives the walk, a line a step, with the decision at the end."""

    decision: Decision
    events: tuple[Event, ...]

    def __str__(self) -> str:
        return "\n".join([*map(str, self.events), repr(self.decision)[1:-1]])
