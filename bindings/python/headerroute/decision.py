"""A decision: the attributes are those of docs/decision.schema.json, name by name."""
from __future__ import annotations

import json
from typing import Any, NoReturn

from .decision_members import OBJECTS, Members


def _frozen(value: Any) -> Any:
    """JSON's lists as tuples, all the way down; maps stay maps."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _build(kind: type, value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_build(kind, item) for item in value)
    return None if value is None else kind(**{k: _frozen(v) for k, v in value.items()})


class Decision(Members):
    """What to do with one request. All values are copies: a decision outlives the next one and may be used
    by another thread. It keeps its table alive as ``table``. Decisions are equal if their JSON is equal."""

    table: Any  #: the Table that decided; Any, since table.py imports this module
    json: str  #: one line, as `headerroute route --json` prints it

    def __init__(self, text: str, table: object) -> None:
        self.__dict__.update(json=text, table=table)

    def __getattr__(self, name: str) -> Any:
        # Called by the first read of each attribute: many callers read one, or none.
        if name not in Members.__annotations__:
            raise AttributeError(f"a Decision has no attribute '{name}'")
        values = self.__dict__
        if "_fields" not in values:
            values["_fields"] = self.to_dict()
        value = values["_fields"][name]
        # Two threads may both get here; they store equal values.
        return values.setdefault(name, _build(OBJECTS[name], value) if name in OBJECTS else _frozen(value))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a Decision cannot be changed")

    __delattr__ = __setattr__  # type: ignore[assignment]

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *Members.__annotations__, *Decision.__annotations__})

    def to_dict(self) -> dict[str, Any]:
        """A fresh dict as docs/decision.schema.json has it."""
        fields: dict[str, Any] = json.loads(self.json)
        return fields

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Decision):
            return NotImplemented
        return self.json == other.json

    def __hash__(self) -> int:
        return hash(self.json)

    def __repr__(self) -> str:
        where = f" to {self.cluster}" if self.cluster else ""
        rule = f" by {self.source}" if self.source else ""
        return f"<headerroute.Decision: {self.action}{where}{rule}>"
